use super::*;
use crate::encode::Encoder as _;

fn head() -> Head {
    Head { id: "cmpl-1".into(), created: 7, model: "m".into(), offsets: None }
}

fn text(choice: u32, text: &'static str) -> Event<'static> {
    Event::Text { choice, text: text.into(), logprobs: None }
}

fn finish(choice: u32) -> Event<'static> {
    Event::Finish { choice, reason: FinishReason::Length, stop_sequence: None }
}

/// The events of a stream whose steps are these.
fn stream(choices: usize, include_usage: bool, steps: &[&[Event<'static>]]) -> Vec<String> {
    let mut encoder = Encoder::new(head(), choices, include_usage);
    let mut out = Vec::new();
    for step in steps {
        step.iter().for_each(|event| encoder.event(event, &mut out));
        encoder.end_step(&mut out);
    }
    let text = String::from_utf8(out).expect("UTF-8");
    text.split_terminator("\n\n").map(str::to_owned).collect()
}

#[test]
fn the_last_text_of_a_choice_has_its_finish_reason() {
    let head =
        r#"data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"#;
    let (on, end) =
        (r#","logprobs":null,"finish_reason":null}]}"#, r#","logprobs":null,"finish_reason":"length"}]}"#);
    assert_eq!(
        stream(
            3,
            false,
            &[
                &[text(0, "one")],
                &[finish(1)],
                &[text(2, "zero")],
                &[text(0, " two"), finish(0)],
                &[text(2, " one"), finish(2)],
                &[Event::End],
            ]
        ),
        [
            format!(r#"{head}"one","index":0{on}"#),
            format!(r#"{head}"","index":1{end}"#),
            format!(r#"{head}"zero","index":2{on}"#),
            format!(r#"{head}" two","index":0{end}"#),
            format!(r#"{head}" one","index":2{end}"#),
            "data: [DONE]".to_owned(),
        ]
    );
}

#[test]
fn usage_comes_last_where_it_is_requested() {
    let usage = Event::Usage(Usage { input: 1, ..Usage::default() });
    let events = stream(1, true, &[&[text(0, "one"), finish(0)], &[usage], &[Event::End]]);
    assert!(events[0].ends_with(r#","usage":null}"#), "{events:?}");
    assert!(events[1].contains(r#""choices":[],"usage":{"prompt_tokens":1,"#), "{events:?}");
}

#[test]
fn offsets_count_characters_that_are_complete() {
    let token = |bytes: &'static [u8]| TokenLogprob { bytes: bytes.into(), logprob: -1.0, top: Vec::new() };
    let words = vec![token(b"\xc3\xa9"), token(b" \xf0\x9f"), token(b"\x98\x80"), token(b"!")];
    let block = Block::Text { text: "é 😀!".into(), logprobs: Some(words) };
    let after = Block::Text { text: "x".into(), logprobs: Some(vec![token(b"x")]) };
    let choice = Choice { blocks: vec![block, after], finish: None, stop_sequence: None };
    let answer = Answer { choices: vec![choice.clone(), choice], ..Answer::default() };
    for (echo, places, first) in
        [(true, ["0,1,2,3,4", "0,1,2,3,4"], "null"), (false, ["5,6,7,8,9", "2,3,4,5,6"], "-1.0")]
    {
        let head = Head { offsets: Some(Offsets { prompts: vec![5, 2], echo }), ..head() };
        let json = String::from_utf8(whole(&head, &answer)).expect("UTF-8");
        for places in places {
            assert!(json.contains(&format!(r#""text_offset":[{places}]"#)), "{json}");
        }
        assert!(json.contains(&format!(r#""token_logprobs":[{first},"#)), "{json}");
        assert!(json.contains(r#""tokens":["é","bytes: \\xf0\\x9f","bytes:\\x98\\x80","!","x"]"#), "{json}");
    }
}

#[test]
fn pieces_make_the_whole_answer() {
    use crate::http::{Body, Response};
    use crate::turn::{Input, Prompt, Request};
    let long = "Grüße, 😀 world! ".repeat(200);
    let prompts = [&*long, "a", ""];
    let config = crate::config::engine::Engine::default();
    let ctx = crate::ctx::Ctx {
        now: std::time::Duration::from_secs(7),
        random: [1, 2],
        elapsed: &|| std::time::Duration::ZERO,
    };
    for (echo, choices, logprobs) in [(true, 1, 0), (true, 2, 5), (false, 3, 1)] {
        let turn = |text: &'static str| Request {
            model: "davinci-002",
            input: Input::Prompt(Prompt { text: text.into(), echo, best_of: 1, ..Prompt::default() }),
            choices,
            max_tokens: Some(300),
            logprobs: Some(logprobs),
            ..Request::default()
        };
        let prompts = prompts.map(|text| &*Box::leak(text.to_owned().into_boxed_str()));
        let turns = prompts.map(turn);
        let budget = crate::budget::Budget::default();
        let setup = crate::engine::Setup {
            config: &config,
            spec: None,
            ctx: &ctx,
            retries: 0,
            budget: &budget,
            call_ids: crate::ids::IdForm::CALL,
            counted_by: crate::engine::CountedBy::Chat,
        };
        let Ok(crate::engine::Outcome::Answer(answer)) = crate::engine::answer(&turns, setup) else {
            panic!("no answer")
        };
        let prompts = prompts.map(|text| text.chars().count()).to_vec();
        let head = Head { offsets: Some(Offsets { prompts, echo }), ..head() };
        let at_once = String::from_utf8(whole(&head, &answer.whole())).expect("UTF-8");
        let response: Response<()> = in_pieces(head, std::rc::Rc::from(answer));
        let bytes = match response.body {
            Body::Full(bytes) => bytes,
            Body::Stream(items) => items.flat_map(|item| item.into_bytes()).collect(),
            Body::Relay(_) => Vec::new(),
        };
        assert_eq!(String::from_utf8(bytes).expect("UTF-8"), at_once);
    }
}
