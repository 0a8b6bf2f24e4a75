//! Requests that once took seconds to hours, or gigabytes of memory. Each is one size larger than the original.

mod many;
mod newer;

use std::fmt::Write;

/// A request with its name, path and body.
pub(crate) struct Heavy {
    pub(crate) name: String,
    pub(crate) path: &'static str,
    pub(crate) body: String,
}

const CHAT: &str = "/v1/chat/completions";

/// Items joined by commas.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// Nested arrays of unique items, each with two items of the next level.
fn unique(levels: usize) -> String {
    let definitions = list(levels, |k| match k {
        0 => r#""l0":{"const":1}"#.to_owned(),
        k => format!(
            r##""l{k}":{{"type":"array","uniqueItems":true,"prefixItems":[{{"$ref":"#/$defs/l{0}"}},{{"$ref":"#/$defs/l{0}"}}],"items":false}}"##,
            k - 1
        ),
    });
    let last = levels - 1;
    format!(
        r##"{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/l{last}"}}}},"required":["a"],"$defs":{{{definitions}}}}}"##
    )
}

/// Definitions, each of which is the `allOf` of all.
fn cyclic(count: usize) -> String {
    let all = list(count, |i| format!(r##"{{"$ref":"#/$defs/d{i}"}}"##));
    let definitions = list(count, |i| format!(r#""d{i}":{{"allOf":[{all}]}}"#));
    format!(r##"{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/d0"}}}},"$defs":{{{definitions}}}}}"##)
}

/// A chain of references.
fn chain(length: usize) -> String {
    let links = list(length, |i| format!(r##""d{i}":{{"$ref":"#/$defs/d{}"}}"##, i + 1));
    format!(
        r##"{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/d0"}}}},"required":["a"],"$defs":{{{links},"d{length}":{{"type":"integer"}}}}}}"##
    )
}

/// An `allOf` of objects with one property each.
fn parts(count: usize) -> String {
    let parts =
        list(count, |i| format!(r#"{{"properties":{{"p{i}":{{"type":"null"}}}},"required":["p{i}"]}}"#));
    format!(r#"{{"type":"object","allOf":[{parts}]}}"#)
}

/// Nested arrays with many branches at the innermost level.
fn branches(count: usize, levels: usize) -> String {
    let branches = list(count, |_| r##"{"$ref":"#/$defs/s"}"##.to_owned());
    format!(
        r##"{{"type":"object","properties":{{"a":{}{{"anyOf":[{branches}]}}{}}},"required":["a"],"$defs":{{"s":{{"type":"string"}}}}}}"##,
        r#"{"type":"array","items":"#.repeat(levels),
        "}".repeat(levels)
    )
}

/// A property that is one of many objects.
fn alternatives(count: usize) -> String {
    let each = list(count, |i| {
        format!(r#"{{"type":"object","properties":{{"k{i}":{{"type":"string"}}}},"required":["k{i}"]}}"#)
    });
    format!(r#"{{"type":"object","properties":{{"a":{{"oneOf":[{each}]}}}},"required":["a"]}}"#)
}

/// Properties with descriptions of so many escaped line breaks.
fn described(count: usize, breaks: usize) -> String {
    let text = "\\n".repeat(breaks);
    let properties = list(count, |i| format!(r#""p{i}":{{"type":"string","description":"{text}"}}"#));
    format!(r#"{{"type":"object","properties":{{{properties}}}}}"#)
}

/// Names that are required, and not declared.
fn required(count: usize) -> String {
    let names = list(count, |i| format!(r#""r{i}""#));
    format!(r#"{{"type":"object","required":[{names}],"additionalProperties":{{"type":"integer"}}}}"#)
}

/// One name, required many times.
fn required_again(count: usize) -> String {
    format!(r#"{{"type":"object","required":[{}]}}"#, list(count, |_| r#""a""#.to_owned()))
}

/// Required names with many patterns, each a large program.
fn patterned(count: usize) -> String {
    let names = list(count, |i| format!(r#""{}{i}""#, "a".repeat(200)));
    let patterns = list(count, |i| format!(r#""^(a|aa|aaa){{0,300}}{i}$":{{"type":"null"}}"#));
    format!(r#"{{"type":"object","required":[{names}],"patternProperties":{{{patterns}}}}}"#)
}

/// A text that no pattern allows, of a length.
fn unmet(least: usize) -> String {
    format!(
        r#"{{"type":"object","properties":{{"a":{{"type":"string","pattern":"^$^$^$","minLength":{least}}}}},"required":["a"]}}"#
    )
}

/// One of many words, twice.
fn words_of(count: usize) -> String {
    let words = (0..count).map(|i| format!("k{i}")).collect::<Vec<_>>().join("|");
    format!(
        r#"{{"type":"object","properties":{{"a":{{"type":"string","allOf":[{{"pattern":"^({words})+$"}},{{"pattern":"^({words})+$|z"}}]}}}},"required":["a"]}}"#
    )
}

/// Calls of so many tools with the same schema, `n` times.
fn calls_of(schema: &str, count: usize, n: usize) -> String {
    let body = tools(schema, count);
    format!(r#"{{"n":{n},"tool_choice":"required",{}"#, &body[1..])
}

fn format(schema: &str, n: usize) -> String {
    format!(
        r#"{{"model":"gpt-4o","n":{n},"messages":[{{"role":"user","content":"x"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"s","schema":{schema}}}}}}}"#
    )
}

fn tools(schema: &str, count: usize) -> String {
    let tools = list(count, |i| {
        format!(r#"{{"type":"function","function":{{"name":"t{i}","parameters":{schema}}}}}"#)
    });
    let text: String = (0..count).fold(String::new(), |mut text, i| {
        let _ = write!(text, "t{i} ");
        text
    });
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}],"tools":[{tools}]}}"#)
}

/// A chat of one user message, with further members.
pub(crate) fn chat(text: &str, members: &str) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]{members}}}"#)
}

/// Plain words of `bytes` bytes.
pub(crate) fn words(bytes: usize) -> String {
    "the river runs under a bridge of stone and out to the sea, ".repeat(bytes / 58 + 1)[..bytes].to_owned()
}

/// `count` custom tools, and a text that names all of them.
pub(crate) fn custom_tools(count: usize, bytes: usize) -> String {
    let custom = list(count, |i| format!(r#"{{"type":"custom","custom":{{"name":"c{i}"}}}}"#));
    let names = list(count, |i| format!("c{i}"));
    chat(&format!("{names} {}", words(bytes)), &format!(r#","tools":[{custom}]"#))
}

/// `n` choices of an echo of `bytes` bytes.
pub(crate) fn choices(n: usize, bytes: usize) -> String {
    chat(&words(bytes), &format!(r#","n":{n}"#))
}

/// A schema of `count` properties.
pub(crate) fn properties(count: usize) -> String {
    let properties =
        list(count, |i| format!(r#""p{i}":{{"type":"string","description":"Number {i} of all."}}"#));
    let names = list(count, |i| format!(r#""p{i}""#));
    format(
        &format!(
            r#"{{"type":"object","properties":{{{properties}}},"required":[{names}],"additionalProperties":false}}"#
        ),
        1,
    )
}

/// A request for a response, with further members.
fn response(input: &str, members: &str) -> String {
    format!(r#"{{"model":"gpt-4o","input":{input}{members}}}"#)
}

/// A request for a message, with further members.
fn message(messages: &str, members: &str) -> String {
    format!(r#"{{"model":"gpt-4o","max_tokens":16384,"messages":[{messages}]{members}}}"#)
}

/// Heavy requests for responses and messages.
fn of_newer_apis() -> Vec<(&'static str, &'static str, String)> {
    const RESPONSES: &str = "/v1/responses";
    const MESSAGES: &str = "/v1/messages";
    const TOKENS: &str = r#","top_logprobs":20,"include":["message.output_text.logprobs"]"#;
    let functions = list(20_000, |i| {
        format!(
            r#"{{"type":"function","name":"tool_{i}","parameters":{{"type":"object","properties":{{}}}}}}"#
        )
    });
    let user = |text: &str| format!(r#"{{"role":"user","content":"{text}"}}"#);
    let format =
        format!(r#","text":{{"format":{{"type":"json_schema","name":"s","schema":{}}}}}"#, unique(9));
    let output = format!(r#","output_config":{{"format":{{"type":"json_schema","schema":{}}}}}"#, unique(9));
    let text = words(2 << 20);
    vec![
        (
            "a response with many tools",
            RESPONSES,
            response(&format!("{text:?}"), &format!(r#","tools":[{functions}]"#)),
        ),
        ("a streamed response", RESPONSES, response(&format!("{text:?}"), r#","stream":true"#)),
        ("a response with 20 alternatives a token", RESPONSES, response(&format!("{text:?}"), TOKENS)),
        (
            "a streamed response with 20 alternatives a token",
            RESPONSES,
            response(&format!("{text:?}"), &format!(r#"{TOKENS},"stream":true"#)),
        ),
        ("a response by unique items", RESPONSES, response(r#""x""#, &format)),
        ("a streamed message", MESSAGES, message(&user(&text), r#","stream":true"#)),
        ("a message by unique items", MESSAGES, message(&user("x"), &output)),
        (
            "a message with thinking",
            MESSAGES,
            message(&user(&text), r#","thinking":{"type":"enabled","budget_tokens":16000}"#),
        ),
    ]
}

/// All heavy requests.
pub(crate) fn all() -> Vec<Heavy> {
    let biases = list(301, |i| format!(r#""{}":{}"#, 1000 + i, i as i32 % 100 - 50));
    let sampling = format!(
        r#","n":16,"logit_bias":{{{biases}}},"presence_penalty":1.5,"frequency_penalty":1,"temperature":1.5"#
    );
    let many = list(40_000, |i| {
        format!(
            r#"{{"type":"function","function":{{"name":"tool_{i}","parameters":{{"type":"object","properties":{{}}}}}}}}"#
        )
    });
    let odd = list(2_000, |i| {
        format!(
            r#"{{"type":"function","function":{{"name":"tool {i}","parameters":{{"type":"object","properties":{{}}}}}}}}"#
        )
    });
    let prompts = list(2048, |_| r#""a""#.to_owned());
    [
        ("unique items in one another, as a format", CHAT, format(&unique(9), 1)),
        ("the same, 128 choices", CHAT, format(&unique(9), 128)),
        ("the same, 8 tools", CHAT, tools(&unique(9), 8)),
        ("cyclic allOf", CHAT, format(&cyclic(32), 1)),
        ("cyclic allOf, 8 tools", CHAT, tools(&cyclic(8), 8)),
        ("a chain of references", CHAT, format(&chain(200_000), 1)),
        ("allOf of many objects", CHAT, format(&parts(40_000), 1)),
        ("anyOf of many references below arrays", CHAT, format(&branches(400_000, 50), 1)),
        ("a pattern with many ways", CHAT, format(newer::PATTERN, 1)),
        ("128 choices of one of many types", CHAT, format(&alternatives(8_000), 128)),
        ("128 choices of a schema with long descriptions", CHAT, format(&described(1_000, 4_000), 128)),
        ("128 choices of many required names", CHAT, format(&required(100_000), 128)),
        ("a name required many times", CHAT, tools(&required_again(600_000), 1)),
        ("patterns of names", CHAT, format(&patterned(400), 1)),
        ("patterns that cannot be met", CHAT, calls_of(&unmet(4_000), 16, 8)),
        ("128 choices of a pattern with many ways", CHAT, format(&words_of(20_000), 128)),
        ("128 echoes of a text without a space", CHAT, chat(&"!?.".repeat(2 << 20), r#","n":128"#)),
        ("a streamed text without a space", CHAT, chat(&"!?.".repeat(2 << 20), r#","stream":true"#)),
        ("16 sampled echoes with 301 biases and penalties", CHAT, chat(&words(256 * 1024), &sampling)),
        ("128 long echoes", CHAT, choices(128, 4 << 20)),
        ("escaped newlines", CHAT, chat(&"\\n".repeat(19 << 19), "")),
        ("an echo with 20 alternatives a token", CHAT, chat(&words(2 << 20), r#","logprobs":true,"top_logprobs":20"#)),
        ("the same, 8 choices", CHAT, chat(&words(2 << 20), r#","n":8,"logprobs":true,"top_logprobs":20"#)),
        ("custom tools with a long text", CHAT, custom_tools(256, 12 << 20)),
        ("many tools and a long text", CHAT, chat(&words(2 << 20), &format!(r#","tools":[{many}]"#))),
        (
            "tools with unusual names and a long text",
            CHAT,
            chat(&words(2 << 20), &format!(r#","tools":[{odd}]"#)),
        ),
        (
            "many prompts, echoed with alternatives",
            "/v1/completions",
            format!(r#"{{"model":"gpt-3.5-turbo","prompt":[{prompts}],"n":8,"echo":true,"logprobs":5,"max_tokens":64}}"#),
        ),
        (
            "a long prompt, echoed to each choice",
            "/v1/completions",
            format!(r#"{{"model":"gpt-3.5-turbo","prompt":"{}","n":128,"echo":true}}"#, words(64 * 1024)),
        ),
    ]
    .into_iter()
    .chain(of_newer_apis())
    .chain(many::all())
    .map(|(name, path, body)| (name.to_owned(), path, body))
    .chain(newer::all())
    .map(|(name, path, body)| Heavy { name, path, body })
    .collect()
}
