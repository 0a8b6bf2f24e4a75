//! Requests with a great many of something. Each of these would take minutes, were each of the many compared
//! with all the others.

use super::*;

/// So many.
const MANY: usize = 100_000;

/// What is written of each, one after another.
fn list(each: impl Fn(usize) -> String) -> String {
    (0..MANY).map(each).collect::<Vec<_>>().join(",")
}

fn strict(schema: &str) -> String {
    body(
        "m",
        &format!(
            r#""response_format":{{"type":"json_schema","json_schema":{{"name":"x","strict":true,"schema":{{"type":"object",{schema}}}}}}}"#
        ),
    )
}

#[test]
fn many_calls_are_answered_in_an_order_of_their_own() {
    let call =
        |i| format!(r#"{{"id":"call_{i}","type":"function","function":{{"name":"f","arguments":""}}}}"#);
    let answer = |i| format!(r#"{{"role":"tool","tool_call_id":"call_{}","content":""}}"#, MANY - 1 - i);
    let (calls, answers) = (list(call), list(answer));
    let messages = |answers: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","tool_calls":[{calls}]}},{answers}]}}"#
        )
    };
    assert_eq!(outcome(&LIVE, &messages(&answers)), "good");
    let (_, but_one) = answers.split_once(',').unwrap();
    let (_, but_one) = but_one.split_once("},").unwrap();
    let want = format!("did not have response messages: call_{} @messages #-", MANY - 1);
    assert!(outcome(&LIVE, &messages(but_one)).ends_with(&want));
}

#[test]
fn many_properties_are_required_in_an_order_of_their_own() {
    let properties = list(|i| format!(r#""p{i}":{{"type":"string"}}"#));
    let required = list(|i| format!(r#""p{}""#, MANY - 1 - i));
    let schema = |required: &str| {
        strict(&format!(
            r#""properties":{{{properties}}},"required":[{required}],"additionalProperties":false"#
        ))
    };
    assert_eq!(outcome(&LIVE, &schema(&required)), "good");
    let (_, but_one) = required.split_once(',').unwrap();
    let missing = outcome(&LIVE, &schema(but_one));
    assert!(missing.contains(&format!("Missing 'p{}'.", MANY - 1)), "{missing}");
}

#[test]
fn many_references_lead_into_many_definitions() {
    let references = list(|i| format!(r##"{{"$ref":"#/$defs/d{i}"}}"##));
    let definitions = list(|i| format!(r#""d{i}":{{"type":"string"}}"#));
    let schema = strict(&format!(
        r#""properties":{{"a":{{"anyOf":[{references}]}}}},"required":["a"],"additionalProperties":false,"$defs":{{{definitions}}}"#
    ));
    assert_eq!(outcome(&LIVE, &schema), "good");
}

#[test]
fn many_groups_of_an_expression() {
    for group in ["(?P=a", "(?i", "(?P<a>b", "(?#"] {
        let pattern = group.repeat(MANY) + &")".repeat(MANY);
        let parameters = format!(r#"{{"type":"object","properties":{{"a":{{"pattern":"{pattern}"}}}}}}"#);
        let tools =
            format!(r#""tools":[{{"type":"function","function":{{"name":"f","parameters":{parameters}}}}}]"#);
        let outcome = outcome(&LIVE, &body("m", &tools));
        assert_eq!(outcome.contains("is not a 'regex'."), group != "(?P<a>b", "{outcome:.200}");
    }
}

#[test]
fn many_members_before_the_one_that_says_what_they_are() {
    let message = [r#""content":1,"#, r#""name":1,"#].map(|member| member.repeat(MANY)).concat();
    let body = format!(r#"{{"model":"m","messages":[{{{message}"role":"user"}}]}}"#);
    assert!(outcome(&LIVE, &body).starts_with("Invalid type for 'messages[0].content'"));
}
