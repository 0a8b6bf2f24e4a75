//! The passes agree: what the fast one finds plainly valid the rules accept, and what the rules accept can be read as
//! a request. The modes are nested: what `live` accepts, `schema` accepts; what `schema` accepts, `types` accepts.
//! Checked over requests made of valid and broken pieces, the same ones every time.

use super::*;
use crate::api;
use crate::json::Value;
use crate::model::{self, Endpoint};
use crate::random::Rng;

fn roll(rng: &mut Rng, sides: usize) -> usize {
    rng.below(sides as u64) as usize
}

fn pick<'p>(rng: &mut Rng, from: &[&'p str]) -> &'p str {
    from[roll(rng, from.len())]
}

/// Values that are wrong nearly everywhere, and some at the edge of a range.
const ODD: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.0",
    "-0",
    "0.5",
    "2.5",
    "3",
    "5",
    "9",
    "21",
    "129",
    "1e2",
    "1e400",
    "9007199254740993",
    "9223372036854775808",
    "-9223372036854775809",
    "100000000000000000000",
    "\"\"",
    "\"x\"",
    "\"a b\"",
    "\"auto\"",
    "\"text\"",
    "\"none\"",
    "[]",
    "{}",
    "[1]",
    "[null]",
    "[\"a\"]",
    "[[1,2],[3]]",
    "[1,\"a\"]",
    "[\"a\",\"b\",\"c\",\"d\",\"e\"]",
    "{\"a\":1}",
    "{\"type\":\"text\"}",
    "{\"type\":\"x\"}",
    "{\"name\":\"f\"}",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"json\\n\"",
    "\"(\"",
    "\"data:image/png;base64,iVBORw0KGgo=\"",
    "\"https://x/|y.png\"",
    "\"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaa\"",
];

/// Valid values of chat parameters, as objects whose members can be removed and broken.
const CHAT: &[(&str, &[&str])] = &[
    (
        "messages",
        &[
            r#"[{"role":"user","content":"hi"}]"#,
            r#"[{"role":"system","content":"be json"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}],"name":"bob"}]"#,
            r#"[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"1"}]"#,
            r#"[{"role":"developer","content":[{"type":"text","text":"a","prompt_cache_breakpoint":{"mode":"explicit"}}],"name":"dev"},{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}]"#,
            r#"[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}},{"type":"file","file":{"file_id":"f"}},{"type":"file","file":{"filename":"f","file_data":"AA"}}]},{"role":"assistant","refusal":"no","audio":{"id":"a"},"function_call":{"name":"f","arguments":""}},{"role":"function","name":"f","content":null}]"#,
        ],
    ),
    ("temperature", &["0", "1", "1.5", "2"]),
    ("top_p", &["0", "0.5", "1"]),
    ("n", &["1", "2", "8"]),
    ("max_tokens", &["1", "100"]),
    ("max_completion_tokens", &["1", "100"]),
    ("stop", &["\"a\"", "[\"a\",\"b\"]", "[]"]),
    ("presence_penalty", &["-2", "0", "2"]),
    ("frequency_penalty", &["-2", "0", "2"]),
    ("logit_bias", &["{}", r#"{"1":-100,"2":1}"#]),
    (
        "response_format",
        &[
            r#"{"type":"text"}"#,
            r#"{"type":"json_object"}"#,
            r#"{"type":"json_schema","json_schema":{"name":"x","strict":true,"description":"d","schema":{"type":"object","properties":{"a":{"type":"string","pattern":"^\\d[\"]$"}},"required":["a"],"additionalProperties":false}}}"#,
        ],
    ),
    ("logprobs", &["true", "false"]),
    ("top_logprobs", &["0", "5", "20"]),
    ("stream", &["true", "false"]),
    ("stream_options", &["{}", r#"{"include_usage":true,"include_obfuscation":false}"#]),
    (
        "tools",
        &[
            r#"[{"type":"function","function":{"name":"f","description":"d","strict":false,"parameters":{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}}}}}}]"#,
            r#"[{"type":"custom","custom":{"name":"c","description":"d","format":{"type":"grammar","grammar":{"definition":"d","syntax":"lark"}}}},{"type":"function","function":{"name":"f"}}]"#,
        ],
    ),
    (
        "tool_choice",
        &[
            "\"auto\"",
            "\"none\"",
            r#"{"type":"function","function":{"name":"f"}}"#,
            r#"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
        ],
    ),
    ("parallel_tool_calls", &["true", "false"]),
    ("functions", &[r#"[{"name":"f","parameters":{}}]"#]),
    ("function_call", &["\"auto\"", r#"{"name":"f"}"#]),
    ("seed", &["-1", "7"]),
    ("user", &["\"bob\""]),
    ("service_tier", &["\"auto\"", "\"default\"", "\"flex\""]),
    ("store", &["true", "false"]),
    ("metadata", &["{}", r#"{"k":"v"}"#]),
    ("modalities", &["[\"text\"]", "[\"text\",\"audio\"]"]),
    ("audio", &[r#"{"voice":"alloy","format":"wav"}"#, r#"{"voice":{"id":"v"},"format":"mp3"}"#]),
    (
        "prediction",
        &[
            r#"{"type":"content","content":"a"}"#,
            r#"{"type":"content","content":[{"type":"text","text":"a"}]}"#,
        ],
    ),
    ("reasoning_effort", &["\"none\"", "\"low\"", "\"high\""]),
    ("verbosity", &["\"low\"", "\"medium\""]),
    (
        "web_search_options",
        &[
            r#"{"search_context_size":"low","user_location":{"type":"approximate","approximate":{"city":"x"}}}"#,
        ],
    ),
    ("safety_identifier", &["\"id\""]),
    ("prompt_cache_key", &["\"key\""]),
    ("prompt_cache_retention", &["\"24h\"", "\"in_memory\""]),
    ("prompt_cache_options", &[r#"{"ttl":"30m","mode":"implicit"}"#]),
    ("moderation", &[r#"{"model":"m","policy":{"input":{"mode":"score"},"output":null}}"#]),
];

/// Valid values of text completion parameters.
const TEXT: &[(&str, &[&str])] = &[
    ("prompt", &["\"a\"", "[\"a\",\"b\"]", "[1,2]", "[[1],[2,3]]"]),
    ("suffix", &["\"a\""]),
    ("max_tokens", &["0", "16"]),
    ("temperature", &["0", "2"]),
    ("top_p", &["0", "1"]),
    ("n", &["1", "3"]),
    ("best_of", &["1", "3", "20"]),
    ("stream", &["true", "false"]),
    ("stream_options", &["{}", r#"{"include_usage":true}"#]),
    ("logprobs", &["0", "5"]),
    ("echo", &["true", "false"]),
    ("stop", &["\"a\"", "[\"a\"]"]),
    ("presence_penalty", &["-2", "2"]),
    ("frequency_penalty", &["-2", "2"]),
    ("logit_bias", &["{}", r#"{"1":-100}"#]),
    ("seed", &["1"]),
    ("user", &["\"bob\""]),
];

/// Valid values of embeddings parameters.
const EMBEDDED: &[(&str, &[&str])] = &[
    ("input", &["\"a\"", "[\"a\",\"b\"]", "[1,2]", "[[1],[2,3]]"]),
    ("encoding_format", &["\"float\"", "\"base64\""]),
    ("dimensions", &["1", "8"]),
    ("user", &["\"bob\""]),
];

/// Valid values of moderations parameters.
const MODERATED: &[(&str, &[&str])] = &[(
    "input",
    &[
        "\"a\"",
        "[\"a\",\"b\"]",
        r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]"#,
    ],
)];

/// Valid values of Responses' parameters.
const RESPONSES: &[(&str, &[&str])] = &[
    (
        "input",
        &[
            "\"hi\"",
            r#"[{"role":"user","content":"hi"}]"#,
            r#"[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"https://x/y.png","detail":"low"},{"type":"input_file","file_id":"f"}]},{"type":"message","role":"assistant","id":"msg_1","status":"completed","content":[{"type":"output_text","text":"b","annotations":[]},{"type":"refusal","refusal":"no"}]}]"#,
            r#"[{"role":"user","content":"hi"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}","status":"completed"},{"type":"function_call_output","call_id":"call_1","output":"1"},{"type":"custom_tool_call","call_id":"call_2","name":"c","input":"x"},{"type":"custom_tool_call_output","call_id":"call_2","output":[{"type":"input_text","text":"y"}]}]"#,
            r#"[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"}],"encrypted_content":"gAAA"},{"type":"item_reference","id":"msg_1"},{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}]"#,
        ],
    ),
    ("instructions", &["\"be brief\"", r#"[{"role":"system","content":"a"}]"#]),
    ("stream", &["true", "false"]),
    ("stream_options", &["{}", r#"{"include_obfuscation":false}"#]),
    (
        "tools",
        &[
            r#"[{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}]"#,
            r#"[{"type":"function","name":"f","parameters":null},{"type":"custom","name":"c","format":{"type":"grammar","syntax":"lark","definition":"d"}},{"type":"web_search"},{"type":"mcp","server_label":"l","server_url":"https://x"}]"#,
        ],
    ),
    (
        "tool_choice",
        &[
            "\"auto\"",
            "\"required\"",
            r#"{"type":"function","name":"f"}"#,
            r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}"#,
            r#"{"type":"web_search"}"#,
        ],
    ),
    ("parallel_tool_calls", &["true", "false"]),
    ("max_tool_calls", &["1", "9"]),
    ("include", &["[]", r#"["reasoning.encrypted_content","message.output_text.logprobs"]"#]),
    ("store", &["true", "false"]),
    ("background", &["false"]),
    (
        "text",
        &[
            r#"{"verbosity":"low"}"#,
            r#"{"format":{"type":"text"}}"#,
            r#"{"format":{"type":"json_schema","name":"x","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string","pattern":"^\\d[\"]$"}},"required":["a"],"additionalProperties":false}}}"#,
        ],
    ),
    ("reasoning", &["{}", r#"{"effort":"low","summary":"auto"}"#]),
    ("max_output_tokens", &["16", "100"]),
    ("temperature", &["0", "1.5", "2"]),
    ("top_p", &["0", "1"]),
    ("top_logprobs", &["0", "20"]),
    ("service_tier", &["\"auto\""]),
    ("previous_response_id", &["\"resp_1\""]),
    ("conversation", &["\"conv_1\"", r#"{"id":"conv_1"}"#]),
    ("truncation", &["\"auto\"", "\"disabled\""]),
    ("metadata", &["{}", r#"{"k":"v"}"#]),
    ("user", &["\"bob\""]),
    ("safety_identifier", &["\"id\""]),
    ("prompt_cache_key", &["\"key\""]),
    ("prompt", &[r#"{"id":"pmpt_1","variables":{"a":"b"}}"#]),
    ("client_metadata", &[r#"{"a":"b"}"#]),
];

/// Breaks a piece of JSON: some of its values are replaced, removed or doubled.
fn mutate(json: &str, rng: &mut Rng) -> String {
    let tree = Value::parse(json.as_bytes()).expect("the pieces are JSON");
    let mut out = String::new();
    write(&tree, rng, &mut out);
    out
}

fn write(value: &Value<'_>, rng: &mut Rng, out: &mut String) {
    if roll(rng, 6) == 0 {
        out.push_str(pick(rng, ODD));
        return;
    }
    match value {
        Value::Array(items) => {
            out.push('[');
            let more = roll(rng, 8) == 0;
            for (i, item) in items.iter().chain(items.first().filter(|_| more)).enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write(item, rng, out);
            }
            out.push(']');
        }
        Value::Object(_) => {
            out.push('{');
            let mut members: Vec<_> = value.members().filter(|_| roll(rng, 10) != 0).collect();
            if roll(rng, 12) == 0 {
                members.extend(members.first().copied());
            }
            let mut first = true;
            for (name, value) in members {
                out.push_str(if first { "" } else { "," });
                first = false;
                out.push_str(&format!("\"{name}\":"));
                write(value, rng, out);
            }
            if roll(rng, 10) == 0 {
                out.push_str(if first { "" } else { "," });
                out.push_str(&format!("\"strange\":{}", pick(rng, ODD)));
            }
            out.push('}');
        }
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::String(text) => out.push_str(&serde_json::to_string(text).expect("a string")),
    }
}

/// A body: the first piece, some others, and sometimes one that is broken.
fn body(pieces: &[(&str, &[&str])], rng: &mut Rng) -> String {
    let mut out = String::from(r#"{"model":"m""#);
    let mutations = roll(rng, 3);
    for (i, (name, values)) in pieces.iter().enumerate() {
        if i > 0 && roll(rng, 7) != 0 {
            continue;
        }
        let value = pick(rng, values);
        let value = if roll(rng, 3) < mutations { mutate(value, rng) } else { value.to_owned() };
        out.push_str(&format!(",\"{name}\":{value}"));
    }
    match roll(rng, 30) {
        0 => out.push_str(",\"strange\":1"),
        1 => out.push_str(",\"n\":1"),
        _ => {}
    }
    out + "}"
}

/// Enough to break every piece in several ways; a hundred times as many were tried once.
const ROUNDS: usize = 2_000;

const MODELS: &[&str] = &[
    "",
    "gpt-4",
    "gpt-4o",
    "gpt-4o-audio-preview",
    "gpt-4o-search-preview",
    "o1",
    "o1-mini",
    "gpt-5.1",
    "gpt-5.6-terra",
];

/// The policies for one model and one treatment of unknown parameters, from the strictest to the most lenient.
fn policies(model: &str, unknown: UnknownParams) -> [ValidationPolicy; 3] {
    [Validation::Live, Validation::Schema, Validation::Types].map(|validation| ValidationPolicy {
        validation,
        unknown,
        spec: model::find(model),
        named_exactly: true,
        by_engine: false,
    })
}

/// How often the fast pass is sure, and how often the body is accepted, of how many times.
#[derive(Default)]
struct Tally {
    plain: usize,
    accepted: usize,
    all: usize,
}

/// Whether some object has two members of one name.
fn has_doubles(value: &Value<'_>) -> bool {
    let names: Vec<&str> = value.members().map(|(name, _)| name).collect();
    let items = value.as_array().into_iter().flatten();
    names.iter().enumerate().any(|(i, name)| names[..i].contains(name))
        || value.members().map(|(_, member)| member).chain(items).any(has_doubles)
}

fn compare<'a, R: RequestRules<'a>>(body: &'a str, tally: &mut Tally) {
    let typed = json::read_request::<R>(body.as_bytes()).is_ok();
    // Types of items and tools that the rules do not list have members of any type.
    let unruled = R::ENDPOINT == Endpoint::Responses
        || Value::parse(body.as_bytes()).is_some_and(|value| has_doubles(&value));
    for model in MODELS {
        for unknown in [UnknownParams::Reject, UnknownParams::Pass] {
            let mut accepted_before = false;
            for policy in policies(model, unknown) {
                let passes = passes::of::<R>(body.as_bytes(), policy);
                assert_eq!(passes.disagreement(), None, "{passes:?} {policy:?}\n{body}");
                let accepted = passes.accept();
                assert!(
                    !accepted || policy.validation == Validation::Types || typed || unruled,
                    "the rules overlook a type: {passes:?} {policy:?}\n{body}"
                );
                assert!(
                    accepted || !accepted_before,
                    "a stricter mode accepts it: {passes:?} {policy:?}\n{body}"
                );
                accepted_before = accepted;
                tally.plain += usize::from(passes.plain && passes.cross_field.is_ok());
                tally.accepted += usize::from(accepted);
                tally.all += 1;
            }
        }
    }
}

#[test]
fn the_passes_agree_and_the_modes_are_nested() {
    let mut rng = Rng::new(0x9e37_79b9_7f4a_7c15);
    let mut tally = Tally::default();
    for _ in 0..ROUNDS {
        compare::<api::chat::Request<'_>>(&body(CHAT, &mut rng), &mut tally);
        compare::<api::completions::Request<'_>>(&body(TEXT, &mut rng), &mut tally);
        compare::<api::embeddings::Request<'_>>(&body(EMBEDDED, &mut rng), &mut tally);
        compare::<api::moderations::Request<'_>>(&body(MODERATED, &mut rng), &mut tally);
        compare::<api::responses::Request<'_>>(&body(RESPONSES, &mut rng), &mut tally);
    }
    // Were nearly all requests valid or broken, this would prove little.
    let Tally { plain, accepted, all } = tally;
    assert!((all / 20..all * 2 / 3).contains(&plain), "{plain} plain of {all}");
    assert!((all / 4..all * 4 / 5).contains(&accepted), "{accepted} accepted of {all}");
}

/// The rules decide which parameters there are, so that none that is new is missing here.
#[test]
fn the_passes_agree_about_each_value_of_each_parameter_of_a_chat() {
    let start = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]"#;
    for odd in ODD.iter().chain(&["1000", "-1000", "[\"a\",null]", "{\"a\":\"b\"}"]) {
        for name in chat::params::all().map(|param| param.name).filter(|name| *name != "messages") {
            let body = format!("{start},\"{name}\":{odd}}}");
            compare::<api::chat::Request<'_>>(&body, &mut Tally::default());
        }
    }
}
