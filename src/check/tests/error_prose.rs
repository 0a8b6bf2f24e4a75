//! Sentences that were seen in public with no more of their request than what was wrong with it: each with a
//! request that has just that fault.

use super::*;

/// A chat of a user's, and an assistant's message with these members.
fn assistant(members: &str) -> String {
    format!(r#""messages":[{{"role":"user","content":"hi"}},{{"role":"assistant",{members}}}]"#)
}

/// The same with one call of a function, made of these members, answered.
fn call(members: &str) -> String {
    let answer = r#"{"role":"tool","tool_call_id":"c1","content":"1"}"#;
    let chat = assistant(&format!(r#""content":null,"tool_calls":[{{{members}}}]"#));
    format!("{},{answer}]", chat.strip_suffix(']').unwrap_or_default())
}

fn tool(members: &str) -> String {
    format!(r#""tools":[{{"type":"function","function":{{{members}}}}}]"#)
}

const LONG_ID: &str = "call_6789012345678901234567890123456789012";
const LONG_NAME: &str = "n2345678901234567890123456789012345678901234567890123456789012345";

#[test]
fn calls_of_an_assistant() {
    each(
        &LIVE,
        "m",
        &[
            (&call(r#""id":"c1","type":"function","function":{"name":"f","arguments":"{}"}"#), "good"),
            (
                &assistant(r#""content":null,"function_call":{"arguments":"{}"}"#),
                "Missing required parameter: 'messages[1].function_call.name'. @messages[1].function_call.name #missing_required_parameter",
            ),
            (
                &call(r#""id":"c1","type":"function","function":{"name":"f","arguments":{}}"#),
                "Invalid type for 'messages[1].tool_calls[0].function.arguments': expected a string, but got an object instead. @messages[1].tool_calls[0].function.arguments #invalid_type",
            ),
            (
                &call(r#""id":null,"type":"function","function":{"name":"f","arguments":""}"#),
                "Invalid type for 'messages[1].tool_calls[0].id': expected a string, but got null instead. @messages[1].tool_calls[0].id #invalid_type",
            ),
            (
                &call(&format!(
                    r#""id":"{LONG_ID}","index":0,"type":"function","function":{{"name":"a.b","arguments":""}}"#
                ))
                .replace(r#""tool_call_id":"c1""#, &format!(r#""tool_call_id":"{LONG_ID}""#)),
                "good",
            ),
            (
                &call(r#""id":"c1","type":"tool_call","function":{"name":"f","arguments":""}"#),
                "Invalid value: 'tool_call'. Supported values are: 'function', 'allowed_tools', and 'custom'. @messages[1].tool_calls[0].type #invalid_value",
            ),
            (
                &call(r#""id":"c1","type":"allowed_tools","function":{"name":"f","arguments":""}"#),
                "Unknown parameter: 'messages[1].tool_calls[0].id'. @messages[1].tool_calls[0].id #unknown_parameter",
            ),
        ],
    );
}

#[test]
fn lengths() {
    let labels = |value: usize| format!(r#""metadata":{{"k":"{}"}}"#, "v".repeat(value));
    let tools = format!(
        "\"tools\":[{}]",
        (0..129)
            .map(|i| format!(r#"{{"type":"function","function":{{"name":"f{i}"}}}}"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    let biases = (0..1025).map(|i| format!("\"{i}\":1")).collect::<Vec<_>>().join(",");
    each(
        &LIVE,
        "m",
        &[
            (&labels(512), "good"),
            (
                &labels(600),
                "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 600 instead. @metadata.k #string_above_max_length",
            ),
            // Limits that the live API had once, or that only older reports have.
            (&tool(&format!(r#""name":"{LONG_NAME}","description":"{}""#, "d".repeat(1103))), "good"),
            (&tools, "good"),
            (&format!("\"logit_bias\":{{{biases}}}"), "good"),
            (
                &tool(&format!(r#""name":"{}""#, "n".repeat(129))),
                "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 128, but got a string with length 129 instead. @tools[0].function.name #string_above_max_length",
            ),
        ],
    );
}

#[test]
fn files_are_sent_with_their_name_or_were_uploaded() {
    let file = |members: &str| {
        format!(r#""messages":[{{"role":"user","content":[{{"type":"file","file":{{{members}}}}}]}}]"#)
    };
    let missing = "Missing required parameter: 'messages[0].content[0].file.file_id'. @messages[0].content[0].file.file_id #missing_required_parameter";
    each(
        &LIVE,
        "m",
        &[
            (&file(r#""file_id":"file-1""#), "good"),
            (&file(r#""filename":"a.pdf","file_data":"data:application/pdf;base64,QUJD""#), "good"),
            (&file(r#""file_data":"data:application/pdf;base64,QUJD""#), missing),
            (&file(""), missing),
            (
                &file(r#""data":"QUJD""#),
                "Unknown parameter: 'messages[0].content[0].file.data'. @messages[0].content[0].file.data #unknown_parameter",
            ),
        ],
    );
    each(&SCHEMA, "m", &[(&file(r#""data":"QUJD""#), "good")]);
}

#[test]
fn patterns_are_those_python_takes() {
    let parameters = |pattern: &str| {
        tool(&format!(
            r#""name":"f","parameters":{{"type":"object","properties":{{"a":{{"type":"string","pattern":"{pattern}"}}}}}}"#
        ))
    };
    each(
        &LIVE,
        "m",
        &[
            (&parameters(r"^\\d{3}[^\\]]$"), "good"),
            (&parameters("(?=a)"), "good"),
            (
                &parameters(r"^[\\p{L}]$"),
                r"Invalid schema for function 'f': '^[\\p{L}]$' is not a 'regex'. @tools[0].function.parameters #invalid_function_parameters",
            ),
            (
                &parameters("("),
                "Invalid schema for function 'f': '(' is not a 'regex'. @tools[0].function.parameters #invalid_function_parameters",
            ),
        ],
    );
}

#[test]
fn a_strict_format_requires_every_key() {
    let place = r#"{"type":"object","properties":{"context":{"type":"object","properties":{"dayNumber":{"type":"integer"}},"required":[],"additionalProperties":false}},"required":["context"],"additionalProperties":false}"#;
    let format = format!(
        r#""response_format":{{"type":"json_schema","json_schema":{{"name":"response","strict":true,"schema":{{"type":"object","properties":{{"places":{{"type":"array","items":{place}}}}},"required":["places"],"additionalProperties":false}}}}}}"#
    );
    each(
        &LIVE,
        "m",
        &[(
            &format,
            "Invalid schema for response_format 'response': In context=('properties', 'places', 'items', 'properties', 'context'), 'required' is required to be supplied and to be an array including every key in properties. Missing 'dayNumber'. @response_format #-",
        )],
    );
}

#[test]
fn what_models_of_the_past_answer() {
    let moderated = |model: &str| {
        let body = format!(r#"{{"model":"{model}","input":"a"}}"#);
        request::<api::moderations::Request<'_>, _>(body.as_bytes(), &Named)
            .map(|_| ())
            .map_err(|error| (error.to_string(), error.status()))
    };
    assert_eq!(moderated("text-moderation-latest"), Ok(()), "a retired model that the operator names");
    for model in ["gpt-4o", "openai/omni-moderation-latest"] {
        let sentence = format!(
            "Invalid value for 'model' = {model}. Please check the OpenAI documentation and try again."
        );
        assert_eq!(moderated(model), Err((sentence, 400)));
    }
    each(
        &Named,
        "o1",
        &[
            (
                r#""stream":true"#,
                "Unsupported value: 'stream' does not support true with this model. @stream #unsupported_value",
            ),
            (r#""stream":false"#, "good"),
        ],
    );
    each(&Named, "o3", &[(r#""stream":true"#, "good")]);
}

#[test]
fn images_that_are_sent_along() {
    let image = |url: &str| {
        format!(
            r#""messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]"#
        )
    };
    let format = "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg', 'gif', 'webp']. @- #invalid_image_format";
    let mime = "Invalid MIME type. Only image types are supported. @- #invalid_image_format";
    let rows = [
        ("data:image/png;base64,iVBORw0KGgo=", "good"),
        ("data:image/jpeg;base64,/9j/4AAQ", "good"),
        ("https://example.com/i.png", "good"),
        ("data:application/pdf;base64,QUJD", mime),
        ("data:image/png;base64,", "Invalid base64 image_url. @- #-"),
        ("data:image/png;base64,iVBORw0KGg", "Invalid base64 image_url. @- #-"),
        ("data:image/png;base64,iVBOR@0KGgo=", "Invalid base64 image_url. @- #-"),
        ("data:image/bmp;base64,Qk02AAAA", format),
    ];
    for (url, want) in rows {
        each(&Named, "gpt-4o", &[(&image(url), want)]);
        each(&LIVE, "m", &[(&image(url), "good")]);
    }
}
