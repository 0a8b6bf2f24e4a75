use super::*;
use crate::turn::{Content, Input, Message, Part, Request, Role, ToolKind, ToolResult};

fn message(role: Role, part: Part<'_>) -> Message<'_> {
    Message { role, name: None, content: Content::Parts(vec![part]) }
}

fn user(text: &str) -> Message<'_> {
    message(Role::User, Part::Text(text.into()))
}

/// A call of a tool, and its result.
fn called<'m>(name: &'m str, result: &'m str) -> [Message<'m>; 2] {
    let kind = ToolKind::Function;
    let call = Part::ToolCall { id: name.into(), name: name.into(), input: "{}".into(), kind };
    let content = vec![Part::Text(result.into())];
    let result = ToolResult { id: name.into(), name: None, content, is_error: false };
    [message(Role::Assistant, call), message(Role::Tool, Part::ToolResult(result))]
}

/// The tools that a conversation leads to, of these.
fn requested_of(tools: &[&str], messages: Vec<Message<'_>>) -> Vec<String> {
    let tools = tools.iter().map(|name| Tool { name, ..Tool::default() }).collect();
    let turn = Request { tools, input: Input::Messages(messages), ..Request::default() };
    let context = RuleContext::new(&turn, 0);
    let requested = requested(&context, &Budget::default()).expect("within the budget");
    requested.into_iter().map(|tool| tool.name.to_owned()).collect()
}

#[test]
fn a_message_leads_to_calls_of_a_few_small_tools() {
    for (tools, text, want) in [
        // Any question or task.
        (&["get_weather"][..], "Is it warm in Paris?", &["get_weather"][..]),
        (&["lookup", "search"], "Who wrote Faust?", &["lookup"]),
        (&["0"], "What is the weather in Tokyo?", &["0"]),
        // The tool that shares a word with it.
        (&["get_news", "get_weather"], "How is the weather?", &["get_weather"]),
        (&["add", "subtractNumbers"], "subtracting 2 from 5", &["subtractNumbers"]),
        // Those whose names it has, or all words of them.
        (&["add", "multiply"], "Add and multiply 2 and 3", &["add", "multiply"]),
        (
            &["get_time", "get_weather"],
            "The weather in Rome and the time there",
            &["get_weather", "get_time"],
        ),
        (
            &["create_file", "delete_file"],
            "Delete the file `.env` and create x",
            &["delete_file", "create_file"],
        ),
        (
            &["get_current_weather", "get_user_id"],
            "the weather for user's id 7",
            &["get_current_weather", "get_user_id"],
        ),
        (&["get_user_id", "get_user_name"], "the name of a user", &["get_user_name"]),
        // One after another.
        (&["get_time", "get_weather"], "First the weather, then the time", &["get_weather"]),
        (&["add", "subtract"], "Use add, and then subtract", &["add"]),
        // What excludes calls.
        (&["get_weather"], "Do not call any tools. How is the weather?", &[]),
        (&["helper"], "Just say 'hello' (don't use tools)", &[]),
        (&["rates"], "Describe the rates tool without calling it.", &[]),
        (&["a_b", "c"], "Call a_b. Don\u{2019}t call any other tools.", &["a_b"]),
        (&["rates"], "Do not use commas. What are the rates?", &["rates"]),
        // What needs none.
        (&["roll"], "reply with the word 'boop'", &[]),
        (&["roll"], "Please just say hi", &[]),
        (&["say_hi"], "say hi", &["say_hi"]),
        (&["roll"], "Hello, world!", &[]),
        (&["roll"], "Hi, who was Goethe, the poet?", &["roll"]),
        (&["roll"], "Thank you.", &[]),
        (&["roll"], "", &[]),
        (&[], "What is the weather?", &[]),
    ] {
        assert_eq!(requested_of(tools, vec![user(text)]), want, "{text}");
    }
}

#[test]
fn tools_of_an_agent_are_called_by_name_only() {
    let instructions = "You are a coding agent. ".repeat(50);
    let many: Vec<String> = (0..200).map(|i| format!("unrelated_tool_{i}")).collect();
    let mut many: Vec<&str> = many.iter().map(|name| &**name).collect();
    many.extend(["read_file", "write_file"]);
    for (text, want) in [
        ("Fix the bug.", &[][..]),
        ("Use read_file, then write_file.", &["read_file", "write_file"]),
        ("Write the word", &["write_file"]),
    ] {
        assert_eq!(requested_of(&many, vec![user(text)]), want, "{text}");
        let instructed = vec![message(Role::System, Part::Text((&*instructions).into())), user(text)];
        assert_eq!(requested_of(&["read_file", "write_file"], instructed), want, "{text}");
    }
    let [call, result] = called("read_file", "text");
    assert!(requested_of(&many, vec![user("Use read_file, then write_file."), call, result]).is_empty());
}

#[test]
fn after_results_only_what_the_user_requested_is_called() {
    let tools = ["get_user_id", "get_permissions"];
    let text = "First get the user's id, then the permissions.";
    let mut conversation = vec![user(text)];
    for want in tools {
        assert_eq!(requested_of(&tools, conversation.clone()), [want]);
        conversation.extend(called(want, "7"));
    }
    assert!(requested_of(&tools, conversation.clone()).is_empty());
    // A new message begins anew, unless it belongs to the results.
    let ended = [message(Role::Assistant, Part::Text("Done.".into())), user("the user's id again")];
    assert_eq!(requested_of(&tools, [conversation.clone(), ended.to_vec()].concat()), ["get_user_id"]);
    for (text, want) in [("Analyze the user.", &[][..]), ("Use get_permissions", &["get_permissions"])] {
        assert_eq!(requested_of(&tools, [conversation.clone(), vec![user(text)]].concat()), want);
    }
    // The answer has begun.
    let begun = vec![user("Is it warm?"), message(Role::Assistant, Part::Text("It".into()))];
    assert!(requested_of(&["get_weather"], begun).is_empty());
}

#[test]
fn a_tool_that_asks_for_another_try_gets_one() {
    let failed = called("weather", "No such city. Fix the errors and try again.");
    let first = [vec![user("Is it warm?")], failed.to_vec()].concat();
    assert_eq!(requested_of(&["weather"], first.clone()), ["weather"]);
    assert!(requested_of(&["weather"], [first, failed.to_vec()].concat()).is_empty());
    let done = [vec![user("Is it warm?")], called("weather", "18 degrees").to_vec()].concat();
    assert!(requested_of(&["weather"], done).is_empty());
    let missing = called("read", "File a.mp4 not found. Files: a");
    let mut conversation = [vec![user("What is it?")], missing.to_vec(), vec![user("Go on.")]].concat();
    assert_eq!(requested_of(&["read"], conversation.clone()), ["read"]);
    conversation.extend(missing);
    conversation.push(user("Go on."));
    assert!(requested_of(&["read"], conversation).is_empty());
}

#[test]
fn a_tool_is_called_as_often_as_the_task_requires() {
    for (text, calls) in [
        ("Roll the dice 3 times", 3),
        ("Call roll twice: first with 1, then with 2", 2),
        ("Roll it three times, please", 3),
        ("Roll it 50 times", 8),
        ("What is 7 times 6?", 1),
        ("What is 2 times 6 times 3?", 1),
        ("How many times did I roll?", 1),
    ] {
        for continued in [false, true] {
            let mut conversation = vec![user(text)];
            let mut made = 0;
            while requested_of(&["roll"], conversation.clone()) == ["roll"] {
                made += 1;
                conversation.extend(called("roll", "4"));
                if continued {
                    conversation.push(user("Analyze the result, or go on."));
                }
            }
            assert_eq!(made, calls, "{text} {continued}");
        }
    }
}

#[test]
fn instructions_and_results_lead_to_other_tools() {
    let system = |text: &'static str| message(Role::System, Part::Text(text.into()));
    let tools = ["forecast", "equipment"];
    let mut conversation =
        vec![system("First use the forecast tool, then equipment."), user("What should I pack?")];
    for want in tools {
        assert_eq!(requested_of(&tools, conversation.clone()), [want]);
        conversation.extend(called(want, "rainy"));
    }
    assert!(requested_of(&tools, conversation).is_empty());
    let unordered = vec![system("You have forecast and equipment."), user("What should I pack?")];
    let unordered = [unordered, called("forecast", "rainy").to_vec()].concat();
    assert!(requested_of(&tools, unordered).is_empty());

    let tools = ["get_news", "stock_lookup", "search_tools"];
    let found = called("search_tools", r#"{"tools":[{"name":"stock_lookup"}]}"#);
    let mut conversation = [vec![user("Search for the price of X")], found.to_vec()].concat();
    assert_eq!(requested_of(&tools, conversation.clone()), ["stock_lookup"]);
    conversation.extend(called("stock_lookup", "7 (stock_lookup)"));
    assert!(requested_of(&tools, conversation).is_empty());

    let tools = ["research", "transfer_to_summarizer"];
    let asked = vec![user("Research it, then summarize")];
    assert_eq!(requested_of(&tools, asked.clone()), ["research"]);
    let researched = [asked, called("research", "text").to_vec()].concat();
    assert_eq!(requested_of(&tools, researched), ["transfer_to_summarizer"]);

    let leader = "You lead a team. ".repeat(100) + "Use delegate for every task.";
    let lead = |text| vec![message(Role::System, Part::Text((&*leader).into())), user(text)];
    assert_eq!(requested_of(&["delegate"], lead("Is it warm?")), ["delegate"]);
    assert!(requested_of(&["delegate"], lead("hi")).is_empty());
    assert!(requested_of(&["delegate", "read"], lead("Is it warm?")).is_empty());
}

fn names<'r>(offered: &[&'r str], text: &str, budget: &Budget) -> Result<Vec<&'r str>, Exhausted> {
    let tools: Vec<_> = offered.iter().map(|name| Tool { name, ..Tool::default() }).collect();
    let found = mentioned(&tools.iter().collect::<Vec<_>>(), text, budget)?;
    Ok(found.into_iter().map(|tool| tool.name).collect())
}

#[test]
fn tools_are_called_in_the_order_in_which_a_text_names_them() {
    for (offered, text, want) in [
        (&["a", "b", "c"][..], "B, then a; not ab or c-1", &["b", "a"][..]),
        (&["get", "get_x", "Get-X"], "get_x get-x", &["get_x", "Get-X"]),
        (&["same", "same", ""], "same same", &["same", "same"]),
        (&["my tool", "é", "tool"], "é my tool, mytool", &["é", "my tool", "tool"]),
        (&["my tool"], "xmy tool my tools", &[]),
        (&["a"], "", &[]),
    ] {
        assert_eq!(names(offered, text, &Budget::default()).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn names_that_are_no_words_are_looked_for_within_the_budget() {
    let text = "word ".repeat(1000);
    let budget = Budget::new(1000, 0);
    let words: Vec<String> = (0..20_000).map(|i| format!("tool{i}")).collect();
    let words: Vec<&str> = words.iter().map(|name| &**name).collect();
    assert_eq!((names(&words, &text, &budget), budget.steps_spent()), (Ok(Vec::new()), 0));
    let odd = ["a b", "c d", "e f"];
    assert_eq!((names(&odd, &text, &budget), budget.steps_spent()), (Ok(Vec::new()), 939));
    assert_eq!(names(&odd, &text, &budget), Err(Exhausted));
}
