use super::super::TokenizedText;
use super::super::answer::Thinking;
use super::*;
use crate::config::engine::Latency;
use crate::engine::latency::TokenTiming;
use crate::tokens::Encoding;
use crate::turn::{self, FinishReason, ToolKind};
use std::rc::Rc;
use std::time::Duration;

fn tokenized(text: &str) -> TokenizedText {
    TokenizedText::new(text, Encoding::O200kBase, usize::MAX).0
}

fn with_text(text: &str) -> Choice {
    Choice { content: Some(tokenized(text)), ..Choice::default() }
}

fn answer(choices: Vec<Choice>) -> Answer {
    Answer {
        choices,
        usage: Usage { input: 3, output: 2, ..Usage::default() },
        timing: TokenTiming::default(),
        cut_after_chunks: None,
        encoding: Encoding::O200kBase,
        logprobs: false,
        completes_prompts: false,
    }
}

/// Every step, as short text; ` +` where the next event belongs to the same.
fn steps(answer: Answer) -> Vec<String> {
    let mut events = Rc::new(answer).into_events();
    let mut all = Vec::new();
    while let Some(Step { wait, event, more }) = events.next() {
        let text = match event {
            Event::Text { choice, text, .. } => format!("{choice} text {text}"),
            Event::Thinking { choice, text } => format!("{choice} thinking {text}"),
            Event::ThinkingSignature { choice, signature } => format!("{choice} signature {signature}"),
            Event::ToolCall { choice, index, name, .. } => format!("{choice} call {index} {name}"),
            Event::ToolInput { choice, index, input } => format!("{choice} input {index} {input}"),
            Event::Refusal { choice, text, .. } => format!("{choice} refusal {text}"),
            Event::Finish { choice, reason, .. } => format!("{choice} {reason:?}"),
            Event::Usage(usage) => format!("usage {}+{}", usage.input, usage.output),
            other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
        };
        let wait = wait.map(|wait| format!("{}ms ", wait.as_millis())).unwrap_or_default();
        all.push(format!("{wait}{text}{}", if more { " +" } else { "" }));
    }
    all
}

#[test]
fn choices_take_turns() {
    assert_eq!(
        steps(answer(vec![with_text("one two"), with_text("")])),
        [
            "Start",
            "usage 3+0",
            "0 text ",
            "1 text ",
            "0 text one",
            "1 Stop",
            "0 text  two",
            "0 Stop",
            "usage 3+2",
            "End"
        ]
    );
}

#[test]
fn completions_end_with_their_last_text() {
    let echo = Some(std::rc::Rc::new(tokenized("zero")));
    let choices = vec![with_text("one two"), Choice { echo, ..with_text(" one") }, with_text("")];
    let answer = Answer { completes_prompts: true, ..answer(choices) };
    assert_eq!(
        steps(answer)[2..9],
        ["0 text one", "1 text zero", "2 Stop", "0 text  two +", "0 Stop", "1 text  one +", "1 Stop"]
    );
}

#[test]
fn reasoning_refusals_and_calls_are_events_of_their_own() {
    let thinking = Some(Thinking { text: tokenized("Hm."), signature: "sig".into() });
    let call = |name: &str, input| Call {
        id: format!("call_{name}"),
        name: name.to_owned(),
        input: tokenized(input),
        kind: ToolKind::Function,
    };
    let choice = Choice {
        thinking,
        content: Some(tokenized("Yes")),
        calls: vec![call("f", "{}"), call("g", "")],
        finish: FinishReason::ToolCalls,
        ..Choice::default()
    };
    let all = steps(answer(vec![choice]));
    assert_eq!(
        all[2..all.len() - 2],
        [
            "0 thinking ",
            "0 thinking Hm",
            "0 thinking .",
            "0 signature sig",
            "0 text Yes",
            "0 call 0 f",
            "0 input 0 {}",
            "0 call 1 g",
            "0 ToolCalls"
        ]
    );
    let refusal = Choice { refusal: Some(tokenized("No")), ..Choice::default() };
    assert_eq!(steps(answer(vec![refusal]))[2..5], ["0 refusal ", "0 refusal No", "0 Stop"]);
}

#[test]
fn the_first_choice_sets_the_pace() {
    let latency = Latency { ttft_ms: 100, per_token_ms: 10, ..Latency::default() };
    let timing = TokenTiming::new(latency, || 0);
    let two = || vec![with_text("one two"), with_text("one two three")];
    assert_eq!(
        steps(Answer { timing, ..answer(two()) })[2..8],
        ["100ms 0 text ", "1 text ", "0 text one", "1 text one", "10ms 0 text  two", "1 text  two"]
    );
    assert_eq!(
        steps(Answer { timing, completes_prompts: true, ..answer(two()) })[2..6],
        ["100ms 0 text one", "1 text one", "10ms 0 text  two +", "0 Stop"]
    );
    assert_eq!(Answer { timing, ..answer(two()) }.latency(), Some(Duration::from_millis(120)));
}

#[test]
fn the_whole_answer_is_its_events_gathered() {
    let refusal = Choice { refusal: Some(tokenized("No, thanks")), ..Choice::default() };
    let answer = answer(vec![with_text("one two"), refusal]);
    let mut gathered = turn::Answer::default();
    let mut events = Rc::new(answer.clone()).into_events();
    while let Some(step) = events.next() {
        gathered.take(step.event.into_owned()).expect("no error");
    }
    assert_eq!(gathered, answer.whole());
}

#[test]
fn no_choices_are_no_events_of_choices() {
    assert_eq!(steps(answer(Vec::new())), ["Start", "usage 3+0", "usage 3+2", "End"]);
}
