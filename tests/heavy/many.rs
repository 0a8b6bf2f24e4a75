//! Requests with a great many short parts: what is read of each takes more memory than its JSON.

use super::{chat, list, message, response};

/// How many parts of each kind.
const MANY: usize = 200_000;

/// How many pairs of a call and its result: the body is near the most bytes that are read.
const PAIRS: usize = 100_000;

/// A call of a tool and its result, a message each, for each of `count`.
fn exchanges(count: usize, call: impl Fn(usize) -> String, result: impl Fn(usize) -> String) -> String {
    list(count, |i| format!("{},{}", call(i), result(i)))
}

pub(super) fn all() -> Vec<(&'static str, &'static str, String)> {
    let mut all = of_responses();
    all.extend(of_messages());
    all.extend(of_openai());
    all
}

fn of_responses() -> Vec<(&'static str, &'static str, String)> {
    const RESPONSES: &str = "/v1/responses";
    const COUNT: &str = "/v1/responses/input_tokens";
    const COMPACT: &str = "/v1/responses/compact";
    let items =
        |item: &dyn Fn(usize) -> String, count: usize| response(&format!("[{}]", list(count, item)), "");
    let pairs = exchanges(
        PAIRS,
        |i| format!(r#"{{"type":"function_call","call_id":"c{i}","name":"f","arguments":"{{}}"}}"#),
        |i| format!(r#"{{"type":"function_call_output","call_id":"c{i}","output":""}}"#),
    );
    let custom = exchanges(
        PAIRS,
        |i| format!(r#"{{"type":"custom_tool_call","call_id":"c{i}","name":"f","input":""}}"#),
        |i| format!(r#"{{"type":"custom_tool_call_output","call_id":"c{i}","output":""}}"#),
    );
    let text = |_| r#"{"role":"user","content":"a"}"#.to_owned();
    let parts = format!(
        r#"[{{"role":"user","content":[{}]}}]"#,
        list(MANY, |_| r#"{"type":"input_text","text":"a"}"#.to_owned())
    );
    let images = format!(
        r#"[{{"role":"user","content":[{}]}}]"#,
        list(MANY, |_| r#"{"type":"input_image","image_url":"https://a.b"}"#.to_owned())
    );
    let tools = list(MANY, |i| format!(r#"{{"type":"function","name":"f{i}"}}"#));
    let reasoning = |_| r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"a"}]}"#.to_owned();
    let pairs = format!("[{pairs}]");
    vec![
        ("call pairs in a response", RESPONSES, response(&pairs, "")),
        ("call pairs to count", COUNT, response(&pairs, "")),
        ("call pairs to compact", COMPACT, response(&pairs, "")),
        ("custom call pairs in a response", RESPONSES, response(&format!("[{custom}]"), "")),
        ("messages in a response", RESPONSES, items(&text, MANY)),
        ("parts in a response", RESPONSES, response(&parts, "")),
        ("parts to compact", COMPACT, response(&parts, "")),
        ("images in a response", RESPONSES, response(&images, "")),
        ("reasoning in a response", RESPONSES, items(&reasoning, MANY)),
        (
            "long tools in a streamed response",
            RESPONSES,
            response(
                "\"a\"",
                &format!(
                    r#","stream":true,"tools":[{}]"#,
                    list(1000, |i| format!(
                        r#"{{"type":"function","name":"f{i}","description":"{}"}}"#,
                        super::words(10_000)
                    ))
                ),
            ),
        ),
        ("tools in a response", RESPONSES, response("\"a\"", &format!(r#","tools":[{tools}]"#))),
        (
            "labels in a response",
            RESPONSES,
            response("\"a\"", &format!(r#","metadata":{{{}}}"#, list(MANY, |i| format!(r#""{i}":"""#)))),
        ),
        ("empty items in a response", RESPONSES, items(&|_| "{}".to_owned(), 20 * MANY)),
        ("unknown members in a response", RESPONSES, response("\"a\"", &",\"x\":1".repeat(10 * MANY))),
    ]
}

fn of_messages() -> Vec<(&'static str, &'static str, String)> {
    const MESSAGES: &str = "/v1/messages";
    const COUNT: &str = "/v1/messages/count_tokens";
    let user = |content: &str| format!(r#"{{"role":"user","content":[{content}]}}"#);
    let blocks = user(&list(MANY, |_| r#"{"type":"text","text":"a"}"#.to_owned()));
    let pairs = exchanges(
        PAIRS,
        |i| {
            format!(
                r#"{{"role":"assistant","content":[{{"type":"tool_use","id":"{i}","name":"f","input":{{}}}}]}}"#
            )
        },
        |i| format!(r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{i}"}}]}}"#),
    );
    let pairs = format!(r#"{{"role":"user","content":"a"}},{pairs}"#);
    let images =
        user(&list(MANY, |_| r#"{"type":"image","source":{"type":"url","url":"https://a.b"}}"#.to_owned()));
    let texts = list(MANY, |_| r#"{"role":"user","content":"a"}"#.to_owned());
    let hi = r#"{"role":"user","content":"a"}"#;
    let tools = list(MANY, |i| format!(r#"{{"name":"f{i}","input_schema":{{"type":"object"}}}}"#));
    let stops = list(MANY, |_| "\"x\"".to_owned());
    vec![
        ("blocks in a message", MESSAGES, message(&blocks, "")),
        ("blocks to count", COUNT, message(&blocks, "")),
        ("call pairs in messages", MESSAGES, message(&pairs, "")),
        ("call pairs of messages to count", COUNT, message(&pairs, "")),
        ("images in a message", MESSAGES, message(&images, "")),
        ("messages", MESSAGES, message(&texts, "")),
        ("tools in messages", MESSAGES, message(hi, &format!(r#","tools":[{tools}]"#))),
        ("stop sequences of messages", MESSAGES, message(hi, &format!(r#","stop_sequences":[{stops}]"#))),
        (
            "system blocks of messages",
            MESSAGES,
            message(
                hi,
                &format!(r#","system":[{}]"#, list(MANY, |_| r#"{"type":"text","text":"a"}"#.to_owned())),
            ),
        ),
        ("empty blocks of messages", MESSAGES, message(&user(&"{},".repeat(20 * MANY)[3..]), "")),
        ("empty messages", MESSAGES, message(&"{},".repeat(20 * MANY)[3..], "")),
    ]
}

fn of_openai() -> Vec<(&'static str, &'static str, String)> {
    const CHAT: &str = "/v1/chat/completions";
    const COMPLETIONS: &str = "/v1/completions";
    const EMBEDDINGS: &str = "/v1/embeddings";
    const MODERATIONS: &str = "/v1/moderations";
    let conversation = |messages: &str| format!(r#"{{"model":"gpt-4o","messages":[{messages}]}}"#);
    let parts = |part: &str, count: usize| {
        conversation(&format!(r#"{{"role":"user","content":[{}]}}"#, list(count, |_| part.to_owned())))
    };
    let pairs = exchanges(
        PAIRS,
        |i| {
            format!(
                r#"{{"role":"assistant","tool_calls":[{{"id":"{i}","type":"function","function":{{"name":"f","arguments":""}}}}]}}"#
            )
        },
        |i| format!(r#"{{"role":"tool","tool_call_id":"{i}","content":""}}"#),
    );
    let tools = list(MANY, |i| format!(r#"{{"type":"function","function":{{"name":"f{i}"}}}}"#));
    let numbers = |count: usize| "1,".repeat(count) + "1";
    let prompt = |prompt: &str| format!(r#"{{"model":"gpt-3.5-turbo","prompt":{prompt},"max_tokens":1}}"#);
    let input = |model: &str, input: &str| format!(r#"{{"model":"{model}","input":{input}}}"#);
    let texts = format!("[{}]", list(MANY, |_| "\"a\"".to_owned()));
    let bias = list(MANY, |i| format!(r#""{i}":1"#));
    vec![
        (
            "messages in a chat",
            CHAT,
            conversation(&list(MANY, |_| r#"{"role":"user","content":"a"}"#.to_owned())),
        ),
        ("parts in a chat", CHAT, parts(r#"{"type":"text","text":"a"}"#, MANY)),
        ("images in a chat", CHAT, parts(r#"{"type":"image_url","image_url":{"url":"data:"}}"#, MANY)),
        ("call pairs in a chat", CHAT, conversation(&pairs)),
        ("tools in a chat", CHAT, chat("a", &format!(r#","tools":[{tools}]"#))),
        ("biases in a chat", CHAT, chat("a", &format!(r#","logit_bias":{{{bias}}}"#))),
        ("stop sequences in a chat", CHAT, chat("a", &format!(r#","stop":{texts}"#))),
        ("empty messages in a chat", CHAT, conversation(&("{},".repeat(20 * MANY) + "{}"))),
        ("empty parts in a chat", CHAT, parts("{}", 20 * MANY)),
        (
            "empty tools in a chat",
            CHAT,
            chat("a", &format!(r#","tools":[{}]"#, "{},".repeat(20 * MANY) + "{}")),
        ),
        ("unknown members in a chat", CHAT, chat("a", &",\"x\":1".repeat(10 * MANY))),
        (
            "nested lists in a chat",
            CHAT,
            chat("a", &format!(r#","metadata":[{}1]"#, "[],".repeat(20 * MANY))),
        ),
        ("tokens to complete", COMPLETIONS, prompt(&format!("[{}]", numbers(4096)))),
        ("too many tokens to complete", COMPLETIONS, prompt(&format!("[{}]", numbers(20 * MANY)))),
        ("prompts to complete", COMPLETIONS, prompt(&texts)),
        ("token lists to complete", COMPLETIONS, prompt(&format!("[{}[1]]", "[1],".repeat(5 * MANY)))),
        (
            "as many texts as can be embedded",
            EMBEDDINGS,
            input("text-embedding-3-large", &format!("[{}]", list(2048, |_| "\"a\"".to_owned()))),
        ),
        ("texts to embed", EMBEDDINGS, input("text-embedding-3-small", &texts)),
        (
            "tokens to embed",
            EMBEDDINGS,
            input("text-embedding-3-small", &format!("[{}]", numbers(20 * MANY))),
        ),
        ("texts to moderate", MODERATIONS, input("omni-moderation-latest", &texts)),
        (
            "parts to moderate",
            MODERATIONS,
            input(
                "omni-moderation-latest",
                &format!("[{}]", list(MANY, |_| r#"{"type":"text","text":"a"}"#.to_owned())),
            ),
        ),
    ]
}
