//! Both passes agree: what the fast one finds plainly good the rules find good, and what the rules find good
//! can be read as a request. Held over requests made of good and bad pieces, the same ones every time.

use super::*;

/// A small generator of numbers that look random (xorshift), so that a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn pick<'p>(&mut self, from: &[&'p str]) -> &'p str {
        from[self.roll(from.len())]
    }
}

/// Values that are wrong nearly everywhere, and some that are right at the edge.
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

/// Good values of chat parameters, as objects whose members can be taken out and bent.
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

/// Good values of text completion parameters.
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

/// Good values of what is embedded.
const EMBEDDED: &[(&str, &[&str])] = &[
    ("input", &["\"a\"", "[\"a\",\"b\"]", "[1,2]", "[[1],[2,3]]"]),
    ("encoding_format", &["\"float\"", "\"base64\""]),
    ("dimensions", &["1", "8"]),
    ("user", &["\"bob\""]),
];

/// Good values of what is moderated.
const MODERATED: &[(&str, &[&str])] = &[(
    "input",
    &[
        "\"a\"",
        "[\"a\",\"b\"]",
        r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]"#,
    ],
)];

/// Bends a piece of JSON: at some of its values, something odd stands instead, or is missing, or is doubled.
fn bend(json: &str, dice: &mut Dice) -> String {
    let tree = Value::parse(json.as_bytes()).expect("the pieces are JSON");
    let mut out = String::new();
    write(&tree, dice, &mut out);
    out
}

fn write(value: &Value<'_>, dice: &mut Dice, out: &mut String) {
    if dice.roll(6) == 0 {
        out.push_str(dice.pick(ODD));
        return;
    }
    match value {
        Value::Array(items) => {
            out.push('[');
            let more = dice.roll(8) == 0;
            for (i, item) in items.iter().chain(items.first().filter(|_| more)).enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write(item, dice, out);
            }
            out.push(']');
        }
        Value::Object(_) => {
            out.push('{');
            let mut members: Vec<_> = value.members().filter(|_| dice.roll(10) != 0).collect();
            if dice.roll(12) == 0 {
                members.extend(members.first().copied());
            }
            let mut first = true;
            for (name, value) in members {
                out.push_str(if first { "" } else { "," });
                first = false;
                out.push_str(&format!("\"{name}\":"));
                write(value, dice, out);
            }
            if dice.roll(10) == 0 {
                out.push_str(if first { "" } else { "," });
                out.push_str(&format!("\"strange\":{}", dice.pick(ODD)));
            }
            out.push('}');
        }
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::String(text) => out.push_str(&serde_json::to_string(text).expect("a string")),
    }
}

/// A body: the first piece, some others, and now and then one that is bent.
fn body(pieces: &[(&str, &[&str])], dice: &mut Dice) -> String {
    let mut out = String::from(r#"{"model":"m""#);
    let bent = dice.roll(3);
    for (i, (name, values)) in pieces.iter().enumerate() {
        if i > 0 && dice.roll(7) != 0 {
            continue;
        }
        let value = dice.pick(values);
        let value = if dice.roll(3) < bent { bend(value, dice) } else { value.to_owned() };
        out.push_str(&format!(",\"{name}\":{value}"));
    }
    match dice.roll(30) {
        0 => out.push_str(",\"strange\":1"),
        1 => out.push_str(",\"n\":1"),
        _ => {}
    }
    out + "}"
}

/// Enough to meet every piece bent in several ways; a hundred times as many were tried once.
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

fn resolver() -> impl Iterator<Item = ValidationPolicy> {
    MODELS.iter().flat_map(|model| {
        [Validation::Live, Validation::Schema].into_iter().flat_map(move |validation| {
            [UnknownParams::Reject, UnknownParams::Pass].map(|unknown| ValidationPolicy {
                validation,
                unknown,
                spec: model::find(model),
            })
        })
    })
}

/// How often the fast pass is sure, of how often.
fn compare<'a, R: Request<'a>>(body: &'a str) -> (usize, usize) {
    let (mut sure, mut all) = (0, 0);
    for policy in resolver() {
        let passes = passes::passes::<R>(body.as_bytes(), policy);
        assert_eq!(passes.disagreement(), None, "{passes:?} {policy:?}\n{body}");
        sure += usize::from(passes.plain && passes.late.is_ok());
        all += 1;
    }
    (sure, all)
}

#[test]
fn both_passes_agree() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut sure, mut all) = (0, 0);
    for _ in 0..ROUNDS {
        let (chat, text) = (body(CHAT, &mut dice), body(TEXT, &mut dice));
        let (embedded, moderated) = (body(EMBEDDED, &mut dice), body(MODERATED, &mut dice));
        for (yes, of) in [
            compare::<chat::Request<'_>>(&chat),
            compare::<crate::api::completions::Request<'_>>(&text),
            compare::<api::embeddings::Request<'_>>(&embedded),
            compare::<api::moderations::Request<'_>>(&moderated),
        ] {
            sure += yes;
            all += of;
        }
    }
    // Were nearly all requests good or bad, this would hold little.
    assert!((all / 20..all / 2).contains(&sure), "{sure} of {all}");
}
