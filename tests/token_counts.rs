//! Token counts of requests, compared with the `usage` that the live API reported for equivalent requests.
#![cfg(feature = "vocab")]

use portcullis::engine::{CountedBy, input_tokens};
use portcullis::{api, endpoint, json};

/// The prompt tokens of a chat request with these members, by the counting rules of an API.
fn tokens(model: &str, members: &str, counted_by: CountedBy) -> u64 {
    let body = format!(r#"{{"model":"{model}",{members}}}"#);
    let request: api::chat::Request<'_> = json::from_str(&body).expect("a chat request");
    input_tokens(&endpoint::chat::turn(&request), counted_by)
}

fn chat(model: &str, members: &str) -> u64 {
    tokens(model, members, CountedBy::Chat)
}

fn responses(model: &str, members: &str) -> u64 {
    tokens(model, members, CountedBy::Responses { calls_with_id: 0 })
}

fn system(text: &str) -> String {
    format!(r#"{{"role":"system","content":"{text}"}}"#)
}

fn user(text: &str) -> String {
    format!(r#"{{"role":"user","content":"{text}"}}"#)
}

fn call(name: &str, arguments: &str) -> String {
    calls(&[(name, arguments)])
}

fn calls(calls: &[(&str, &str)]) -> String {
    let call = |(i, (name, arguments)): (usize, &(&str, &str))| {
        let arguments = arguments.replace('"', r#"\""#);
        format!(
            r#"{{"id":"call_{i}","type":"function","function":{{"name":"{name}","arguments":"{arguments}"}}}}"#
        )
    };
    let calls: Vec<String> = calls.iter().enumerate().map(call).collect();
    format!(r#"{{"role":"assistant","content":null,"tool_calls":[{}]}}"#, calls.join(","))
}

fn result(i: usize, text: &str) -> String {
    let text = text.replace('"', r#"\""#);
    format!(r#"{{"role":"tool","tool_call_id":"call_{i}","content":"{text}"}}"#)
}

fn messages(messages: &[String]) -> String {
    format!(r#""messages":[{}]"#, messages.join(","))
}

/// A function with properties of a name, a type and a description, which may be empty. All are required except those whose
/// name ends with `?`.
fn function(name: &str, description: &str, properties: &[(&str, &str, &str)]) -> String {
    let property = |(name, kind, description): &(&str, &str, &str)| {
        let name = name.trim_end_matches('?');
        match *description {
            "" => format!(r#""{name}":{{"type":"{kind}"}}"#),
            description => format!(r#""{name}":{{"type":"{kind}","description":"{description}"}}"#),
        }
    };
    let required = properties.iter().filter(|(name, ..)| !name.ends_with('?'));
    let required: Vec<String> = required.map(|(name, ..)| format!(r#""{name}""#)).collect();
    let properties: Vec<String> = properties.iter().map(property).collect();
    format!(
        r#""tools":[{{"type":"function","function":{{"name":"{name}","description":"{description}","parameters":
            {{"type":"object","properties":{{{}}},"required":[{}],"additionalProperties":false}}}}}}]"#,
        properties.join(","),
        required.join(",")
    )
}

fn schema(name: &str, description: Option<&str>, schema: &str) -> String {
    let description = description.map_or_else(String::new, |text| format!(r#""description":"{text}","#));
    format!(
        r#""response_format":{{"type":"json_schema","json_schema":{{"name":"{name}",{description}"schema":{schema}}}}}"#
    )
}

#[test]
fn tools_are_one_text_in_the_system_message() {
    let number = [("a", "number", ""), ("b", "number", "")];
    let described = [("x", "number", "The first number to add"), ("y", "number", "The second number to add")];
    let add = function("add", "Add x and y together", &described);
    let weather =
        function("weather", "Get weather information for a location", &[("location", "string", "the city")]);
    let country = function("get_user_country", "", &[]);
    let florence = [system("You are a helpful assistant"), user("What's the weather in Florence,Italy?")];
    for (model, conversation, tools, want) in [
        (
            "gpt-4o-mini",
            vec![user("Search for Python tutorials")],
            function(
                "search",
                "Search documents",
                &[("query", "string", ""), ("user_context?", "string", "")],
            ),
            48,
        ),
        (
            "gpt-4o-mini",
            vec![user("What's the weather?")],
            function("get_weather", "Get weather", &[("location", "string", "")]),
            44,
        ),
        (
            "gpt-4o",
            vec![user("What is the weather in Mexico City?")],
            function("get_weather", "", &[("city", "string", "")]),
            45,
        ),
        (
            "gpt-4o-mini",
            vec![user("Add 5 and 7")],
            function("add_numbers", "Add two numbers together.", &number),
            52,
        ),
        (
            "gpt-4o-mini",
            vec![user("Add 5 and 7"), call("add_numbers", r#"{"a":5,"b":7}"#), result(0, "12")],
            function("add_numbers", "Add two numbers together.", &number),
            79,
        ),
        (
            // White space in arguments does not count.
            "gpt-4o-mini",
            vec![user("Add 5 and 7"), call("add_numbers", r#"{ "a": 5, "b": 7 }"#), result(0, "12")],
            function("add_numbers", "Add two numbers together.", &number),
            79,
        ),
        ("gpt-4o", vec![user("What is the largest city in the user country?")], country.clone(), 42),
        (
            "gpt-4o",
            vec![
                user("What is the largest city in the user country?"),
                call("get_user_country", "{}"),
                result(0, "Mexico"),
            ],
            country,
            63,
        ),
        (
            "gpt-4o-mini",
            vec![system("Use the provided tool to answer arithmetic questions."), user("Calculate 2 + 3.")],
            add.clone(),
            75,
        ),
        (
            "gpt-5-nano",
            vec![system("Use the add tool to answer arithmetic questions."), user("What is 3 + 4?")],
            add,
            160,
        ),
        (
            "gpt-4.1-mini",
            vec![system("You are a helpful assistant."), user("What is the temperature in Tokyo?")],
            function("get_temperature", "", &[("city", "string", "")]),
            50,
        ),
        (
            "gpt-4.1-mini",
            vec![
                system("You are a helpful assistant."),
                user("What is the temperature in Tokyo?"),
                call("get_temperature", r#"{"city":"Tokyo"}"#),
                result(0, "20.0"),
            ],
            function("get_temperature", "", &[("city", "string", "")]),
            75,
        ),
        ("gpt-4o", florence.to_vec(), weather.clone(), 61),
        ("gpt-5", florence.to_vec(), weather.clone(), 145),
        (
            "o4-mini",
            [&florence[..], &[call("weather", r#"{"location":"Florence, Italy"}"#), result(0, "40 C")]]
                .concat(),
            weather,
            95,
        ),
    ] {
        assert_eq!(
            chat(model, &format!("{},{tools}", messages(&conversation))),
            want,
            "{model} {conversation:?}"
        );
    }
    let legacy = function(
        "get_weather",
        "Get the weather for a location",
        &[("location", "string", "The location to get weather for")],
    );
    let legacy = legacy
        .replace(r#"{"type":"function","function":"#, "")
        .replace("}}]", "}]")
        .replace("tools", "functions");
    assert_eq!(
        chat(
            "gpt-3.5-turbo",
            &format!("{},{legacy}", messages(&[user("What's the weather like in Boston?")]))
        ),
        62
    );
}

#[test]
fn calls_and_results_count_without_tools_too() {
    let one = [
        call("lookup_marker", r#"{"key":"harbor"}"#),
        result(0, "azimuth-47"),
        user("Reply with exactly the value returned by lookup_marker."),
    ];
    assert_eq!(chat("gpt-4o-mini", &messages(&one)), 44);
    assert_eq!(chat("gpt-4.1-mini", &messages(&one)), 44);
    let two = [
        calls(&[("alpha", r#"{"slot":1}"#), ("beta", r#"{"slot":2}"#)]),
        result(0, "red"),
        result(1, "blue"),
        user("Reply with exactly the alpha and beta tool results joined by one hyphen, in call order."),
    ];
    assert_eq!(chat("gpt-4o-mini", &messages(&two)), 84);
}

/// What the models of before gpt-4o escape, gpt-4o shows as it is.
#[test]
fn results_of_several_calls_are_escaped_for_early_models() {
    let weather = |place: &str| ("get_current_weather", format!(r#"{{"location": "{place}"}}"#));
    let asked = [weather("San Francisco"), weather("Japan")];
    let sunny = messages(&[
        user("What is the weather like in San Francisco and Japan?"),
        calls(&asked.each_ref().map(|(name, arguments)| (*name, &**arguments))),
        result(0, "The weather is nice 🌞"),
        result(1, "The weather is nice 🌞"),
    ]);
    assert_eq!((chat("gpt-3.5-turbo", &sunny), chat("gpt-4-turbo", &sunny)), (104, 92));
    assert!(chat("gpt-4o-mini", &sunny) > chat("gpt-4o", &sunny));
}

#[test]
fn a_text_beside_a_call_is_a_message_of_its_own() {
    let silent = call("f", "{}");
    let text = silent.replace("null", r#""Let me look.""#);
    let with = |call: String| messages(&[user("Go on."), call, result(0, "1")]);
    assert_eq!(chat("gpt-4o", &with(text.clone())), chat("gpt-4o", &with(silent.clone())) + 8);
    // In Responses even an empty one, which is an item.
    let empty = silent.replace("null", r#"[{"type":"text","text":""}]"#);
    assert_eq!(responses("gpt-4o", &with(empty.clone())), responses("gpt-4o", &with(silent.clone())) + 4);
    assert_eq!(chat("gpt-4o", &with(empty)), chat("gpt-4o", &with(silent)));
}

/// gpt-4 is a model of June 2023.
#[test]
fn gpt_4_reads_tools_without_titles() {
    let tools = r#""tools":[{"type":"function","function":{"name":"search","description":"Search the web.",
        "parameters":{"type":"object","properties":{"q":{"title":"TITLE","type":"string"}},"required":["q"]}}}]"#;
    let untitled = tools.replace(r#""title":"TITLE","#, "");
    let with = |tools: &str| format!("{},{tools}", messages(&[user("Who wrote Faust?")]));
    assert_eq!(chat("gpt-4", &with(tools)), chat("gpt-4", &with(&untitled)));
    assert!(chat("gpt-4-turbo", &with(tools)) > chat("gpt-4-turbo", &with(&untitled)));
}

#[test]
fn schemas_count_as_a_text_after_the_tools() {
    let joke = r#"{"type":"object","properties":{"joke":{"type":"string","description":"The joke"}}}"#;
    assert_eq!(
        chat(
            "gpt-4o-mini",
            &format!(
                "{},{}",
                messages(&[user("Tell me a joke about OpenTelemetry, pirate style")]),
                schema("joke", None, joke)
            )
        ),
        52
    );
    let rated = r#"{"properties":{"joke":{"title":"Joke","type":"string"},"rating":{"title":"Rating","type":"integer"}},
        "required":["joke","rating"],"title":"Joke","type":"object"}"#;
    let rated = schema("Joke", Some("A joke and your self evaluation of it from 1 to 10"), rated);
    let about = messages(&[user("Tell me a joke about opentelemetry")]);
    assert_eq!(chat("gpt-4.1-nano", &format!("{about},{rated}")), 83);
    let person = schema(
        "Person",
        Some("A person with name, age, and city"),
        r#"{"additionalProperties":false,"properties":{"age":{"description":"The person's age","type":"integer"},
            "city":{"description":"The city where the person lives","type":"string"},
            "name":{"description":"The person's name","type":"string"}},"required":["name","age","city"],"type":"object"}"#,
    );
    let alice = messages(&[user(
        "Generate information about a person named Alice who is 30 years old and lives in Paris.",
    )]);
    assert_eq!(chat("gpt-5", &format!("{alice},{person}")), 95);
    assert_eq!(chat("o4-mini", &format!("{alice},{person}")), 95);
    // With tools the name of the schema does not count a second time.
    let city = r#"{"properties":{"city":{"type":"string"},"country":{"type":"string"}},"required":["city","country"],"type":"object"}"#;
    let both = [
        user("What is the largest city in the user country?"),
        call("get_user_country", "{}"),
        result(0, "Mexico"),
    ];
    let tools = function("get_user_country", "", &[]);
    let both = format!("{},{tools},{}", messages(&both), schema("result", None, city));
    assert_eq!(chat("gpt-4o", &both), 92);
}

#[test]
fn responses_count_tools_separately_from_the_system_message() {
    let weather = function("get_weather", "Get weather", &[("location", "string", "")]);
    let question = messages(&[user("What's the weather?")]);
    let named = r#""tool_choice":{"type":"function","function":{"name":"get_weather"}}"#;
    assert_eq!(responses("gpt-4.1", &format!("{question},{weather},{named}")), 47);
    let life = function("get_meaning_of_life", "", &[]);
    assert_eq!(
        responses("gpt-4.1", &format!("{},{life}", messages(&[user("What is the meaning of life?")]))),
        36
    );
    // A call that is sent with its item id has three more tokens.
    let rainy = messages(&[
        user("What is the weather like in Paris today?"),
        call("get_weather", r#"{"location":"Paris, France"}"#),
        result(0, "Rainy"),
    ]);
    assert_eq!(tokens("gpt-4.1", &rainy, CountedBy::Responses { calls_with_id: 1 }), 43);
    assert_eq!(responses("gpt-4.1", &rainy), 40);
    let multiply =
        function("multiply", "Multiply two numbers.", &[("a", "integer", ""), ("b", "integer", "")]);
    let product = [
        user("What is 1231 * 2331? Use the multiply tool."),
        call("multiply", r#"{"a": 1231, "b": 2331}"#),
        result(0, "2869461"),
    ];
    assert_eq!(responses("gpt-5.5", &format!("{},{multiply}", messages(&product))), 94);
    // Several calls of a turn share their frame.
    let several = [
        system(
            "You are a helpful assistant. CRITICAL: Always use both add and multiply at the same time ALWAYS.",
        ),
        user("Add and multiply the number 2 and 3"),
        calls(&[("add", r#"{"a":2,"b":3}"#), ("multiply", r#"{"a":2,"b":3}"#)]),
        result(0, "5"),
        result(1, "6"),
    ];
    assert_eq!(responses("gpt-5", &messages(&several)), responses("gpt-5", &messages(&several[..2])) + 58);
    assert_eq!(responses("gpt-5.4", &messages(&several)), responses("gpt-5", &messages(&several)) + 16);
    let colors = r#"{"type":"object","properties":{"colors":{"type":"array","items":{"type":"string"}}},"required":["colors"],"additionalProperties":false}"#;
    assert_eq!(
        responses(
            "gpt-5-nano",
            &format!(
                "{},{}",
                messages(&[user("Return the three primary colors.")]),
                schema("primary_colors", None, colors)
            )
        ),
        40
    );
}

/// Anthropic's own counts; the tokenizer is not public.
#[test]
fn claude_models_are_estimated() {
    let question = messages(&[user("What is the capital of France?")]);
    for model in ["claude-haiku-4-5", "claude-sonnet-4-6", "claude-unknown-9"] {
        let estimate = chat(model, &question);
        assert!((13..=19).contains(&estimate), "{model}: {estimate}");
    }
    let weather = function("get_weather", "Get the weather", &[("city", "string", "The city")]);
    let with_tools = chat("claude-sonnet-4-6", &format!("{question},{weather}"));
    assert!((540..=620).contains(&with_tools), "{with_tools}");
}

#[test]
fn cost_is_linear_in_tools_and_results() {
    // Thousands of calls and results, and a tool whose schema has thousands of references to definitions.
    let called: Vec<String> = (0..4_000).flat_map(|_| [call("f", "{}"), result(0, "r")]).collect();
    assert!(chat("gpt-4o", &messages(&called)) > 4_000);
    let properties: Vec<String> =
        (0..4_000).map(|i| format!(r##""p{i}":{{"$ref":"#/$defs/d{i}"}}"##)).collect();
    let definitions: Vec<String> = (0..4_000).map(|i| format!(r#""d{i}":{{"type":"string"}}"#)).collect();
    let tools = format!(
        r#""tools":[{{"type":"function","function":{{"name":"f","parameters":{{"type":"object","properties":{{{}}},"$defs":{{{}}}}}}}}}]"#,
        properties.join(","),
        definitions.join(",")
    );
    assert!(chat("gpt-4o", &format!("{},{tools}", messages(&[user("x")]))) > 20_000);
}
