//! Validation by JSON types alone, before an upstream and before the engine.

use super::*;

/// Serves any model, by an upstream or by the engine.
struct Types {
    by_engine: bool,
    unknown: UnknownParams,
}

impl ModelResolver for Types {
    type Resolved = ValidationPolicy;

    fn resolve(&self, _: &str) -> Option<ValidationPolicy> {
        Some(ValidationPolicy {
            validation: Validation::Types,
            unknown: self.unknown,
            spec: model::find("gpt-4o"),
            named_exactly: true,
            by_engine: self.by_engine,
        })
    }
}

const UPSTREAM: Types = Types { by_engine: false, unknown: UnknownParams::Pass };
const ENGINE: Types = Types { by_engine: true, unknown: UnknownParams::Pass };

#[test]
fn values_are_the_upstreams_business() {
    let content = |part: &str| format!(r#""messages":[{{"role":"user","content":[{part}]}}]"#);
    let rows = [
        content(r#"{"type":"video_url","video_url":{"url":"https://h.example/v.mp4"}}"#),
        content(r#"{"text":"no type"}"#),
        content(r#"7"#),
        r#""messages":[{"role":"ipython","content":"x"}]"#.to_owned(),
        r#""messages":[{"content":"x","role":"user","role":"system"}]"#.to_owned(),
        r#""messages":["x"]"#.to_owned(),
        r#""messages":[]"#.to_owned(),
        r#""stop":["a","b","c","d","e"]"#.to_owned(),
        r#""logprobs":true,"top_logprobs":40"#.to_owned(),
        r#""tools":[{"type":"builtin_function","function":{"name":"$web_search"}}]"#.to_owned(),
        r#""tool_choice":"any""#.to_owned(),
        r#""reasoning_effort":"default","service_tier":"on_demand","verbosity":"silent""#.to_owned(),
        r#""temperature":7,"top_p":-1,"n":0,"max_tokens":-1,"seed":1.5,"presence_penalty":1e400"#.to_owned(),
        r#""response_format":{"type":"regex","pattern":"a"},"stream_options":{"bogus":1}"#.to_owned(),
        r#""top_k":5,"guided_json":{}"#.to_owned(),
        r#""user":"\ud800 half of a pair""#.to_owned(),
        r#""temperature":null,"tools":null,"messages":null"#.to_owned(),
    ];
    for members in rows {
        assert_eq!(outcome(&UPSTREAM, &body("m", &members)), "good", "{members}");
    }
    assert_eq!(outcome(&UPSTREAM, r#"{"model":"m"}"#), "good", "a missing parameter");
}

#[test]
fn a_body_must_be_routable_and_of_documented_types() {
    let not_json = "We could not parse the JSON body of your request.";
    for body in ["", "[]", r#"{"model":"m""#, r#"{"model":7}"#, r#"{"model":["m"],"n":true}"#] {
        assert!(outcome(&UPSTREAM, body).starts_with(not_json), "{body}");
    }
    assert_eq!(outcome(&UPSTREAM, "{}"), "you must provide a model parameter @- #-");
    each(
        &UPSTREAM,
        "m",
        &[
            (
                r#""temperature":"hot""#,
                "Invalid type for 'temperature': expected a decimal, but got a string instead. @temperature #invalid_type",
            ),
            (
                r#""messages":"hi""#,
                "Invalid type for 'messages': expected an array of objects, but got a string instead. @messages #invalid_type",
            ),
            (
                r#""reasoning_effort":5"#,
                "Invalid type for 'reasoning_effort': expected one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', or 'max', but got an integer instead. @reasoning_effort #invalid_type",
            ),
            (
                r#""stream":"yes""#,
                "Invalid type for 'stream': expected a boolean, but got a string instead. @stream #invalid_type",
            ),
        ],
    );
    let rejecting = Types { by_engine: false, unknown: UnknownParams::Reject };
    assert_eq!(
        outcome(&rejecting, &body("m", r#""temperatur":1"#)),
        "Unknown parameter: 'temperatur'. Did you mean 'temperature'? @temperatur #unknown_parameter"
    );
    let dropping = Types { by_engine: false, unknown: UnknownParams::Drop };
    let json = body("m", r#""top_k":5,"tool_choice":"any""#);
    let dropped = request::<Chat<'_>, _>(json.as_bytes(), &dropping).expect("valid").dropped;
    assert_eq!(dropped, ["top_k"]);
}

#[test]
fn the_engine_leaves_out_or_clamps_what_it_cannot_use() {
    let json = body(
        "m",
        r#""n":1000,"temperature":7,"top_p":-1,"max_tokens":-5,"top_logprobs":40,"presence_penalty":1e400,"logit_bias":{"1":1e9},"seed":1.5,"tool_choice":"any","stop":["a","b","c","d","e"],"messages":[{"role":"user","content":[{"type":"video_url","video_url":{}},{"type":"text","text":"hi"}]},{"role":"ipython","content":"x"},"y"]"#,
    );
    let request = request::<Chat<'_>, _>(json.as_bytes(), &ENGINE).expect("valid").request;
    let number = |number: Option<api::Number>| number.map(|number| number.value);
    assert_eq!(request.choices(), 128);
    assert_eq!(request.token_limit(), Some(1));
    assert_eq!(request.top_logprobs.map(|int| int.value), Some(20));
    assert_eq!(number(request.temperature), Some(2.0));
    assert_eq!(number(request.top_p), Some(0.0));
    assert_eq!(number(request.presence_penalty), Some(2.0));
    assert_eq!(request.logit_bias.expect("an object").0[0].1.value, 100.0);
    assert_eq!((request.seed, request.tool_choice), (None, None));
    assert_eq!(request.stop.expect("an array").iter().count(), 5);
    let messages = request.messages.expect("an array");
    assert_eq!(messages.len(), 2, "the string is no message");
    assert_eq!(messages[0].content.as_ref().expect("parts").texts().collect::<Vec<_>>(), ["hi"]);
    for members in [r#"{"model":"m"}"#, r#"{"model":"m","messages":null}"#] {
        assert_eq!(
            outcome(&ENGINE, members),
            "Missing required parameter: 'messages'. @messages #missing_required_parameter"
        );
    }
}

#[test]
fn answers_in_the_history_are_taken_unchanged() {
    let ours = [
        r#"{"role":"assistant","content":"x","refusal":null,"annotations":[],"tool_calls":null,"function_call":null}"#,
        r#"{"role":"assistant","content":"x","refusal":null,"annotations":[]}"#,
        r#"{"role":"assistant","content":null,"refusal":"no","annotations":[],"tool_calls":null,"function_call":null}"#,
        r#"{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":null,"function_call":{"name":"f","arguments":"{}"}}"#,
    ];
    let upstreams = [
        r#"{"role":"assistant","content":"x","reasoning_content":"hm","tool_calls":[]}"#,
        r#"{"role":"assistant","content":"","reasoning":null,"audio":null,"name":null,"thinking_blocks":[{"type":"thinking","thinking":"a","signature":"b"}]}"#,
    ];
    let history = |answer: &str| {
        body(
            "m",
            &format!(
                r#""messages":[{{"role":"user","content":"hi"}},{answer},{{"role":"user","content":"and?"}}]"#
            ),
        )
    };
    for answer in ours {
        assert_eq!(outcome(&LIVE, &history(answer)), "good", "{answer}");
    }
    for answer in ours.iter().chain(&upstreams) {
        assert_eq!(outcome(&SCHEMA, &history(answer)), "good", "{answer}");
        assert_eq!(outcome(&UPSTREAM, &history(answer)), "good", "{answer}");
    }
}

#[test]
fn null_is_absent_at_every_depth() {
    let members = [
        r#""messages":[{"role":"user","content":"x","name":null}]"#,
        r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":null},"prompt_cache_breakpoint":null}]}]"#,
        r#""messages":[{"role":"assistant","content":"x","refusal":null,"name":null,"audio":null,"tool_calls":null,"function_call":null}]"#,
        r#""tools":[{"type":"function","function":{"name":"f","description":null,"parameters":null,"strict":null}}]"#,
        r#""tools":[{"type":"custom","custom":{"name":"f","description":null,"format":null}}]"#,
        r#""stream":true,"stream_options":{"include_usage":null,"include_obfuscation":null}"#,
        r#""response_format":{"type":"json_schema","json_schema":{"name":"x","description":null,"strict":null,"schema":{"type":"object","properties":{}}}}"#,
        r#""prompt_cache_options":{"ttl":null,"mode":null}"#,
        r#""moderation":{"model":"m","policy":{"input":null}}"#,
    ];
    for members in members {
        for resolver in
            [&LIVE as &dyn ModelResolver<Resolved = ValidationPolicy>, &SCHEMA, &UPSTREAM, &ENGINE]
        {
            assert_eq!(outcome(resolver, &body("m", members)), "good", "{members}");
        }
    }
}
