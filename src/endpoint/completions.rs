//! `POST /v1/completions`.

use super::judges::Routes;
use super::{Call, relay};
use crate::api::completions::{Prompt, Request};
use crate::config::Backend;
use crate::encode::{self, text::Answer};
use crate::engine::{self, Sampling};
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::upstream::Transport;
use crate::{check, ctx::Ctx};
use std::borrow::Cow;

/// Completes one or several prompts, by the engine or an upstream.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let routes = Routes { config: call.config, caller: call.caller, text: true };
    let checked = check::completions(&body, &routes)?;
    let request = &checked.request;
    let model = request.model.as_deref().unwrap_or_default();
    record.model = Some(model.to_owned());
    record.stream = Some(request.streams());
    match routes.backend(model) {
        Some((Backend::Upstream(target), _)) => relay::relay(call, target, &body, &checked.dropped, record),
        _ => {
            let answer = answer(request, model, call.ctx);
            super::log_usage(&answer.usage, record);
            let mut response = match request.streams() {
                true => answer
                    .stream(request.stream_options.as_ref().is_some_and(|o| o.include_usage == Some(true))),
                false => answer.whole(),
            };
            super::tell_dropped(&mut response, &checked.dropped);
            Ok(response)
        }
    }
}

/// The engine's answer to each prompt: the prompt again, after itself where `echo` asks for it.
fn answer(request: &Request<'_>, model: &str, ctx: &Ctx<'_>) -> Answer {
    let stop: Vec<&str> = request.stop.as_ref().map(|stop| stop.iter().collect()).unwrap_or_default();
    let sampling = Sampling {
        n: u32::try_from(request.choices()).unwrap_or(u32::MAX),
        stop: &stop,
        max_tokens: Some(request.token_limit()),
    };
    let (mut choices, mut prompt_tokens, mut completion_tokens) = (Vec::new(), 0, 0);
    for prompt in texts(request.prompt.as_ref()) {
        prompt_tokens += engine::count(&prompt);
        for mut choice in engine::sample(&prompt, sampling) {
            completion_tokens += choice.pieces.len() as u64;
            if request.echo == Some(true) {
                choice.pieces.insert(0, prompt.clone().into_owned());
            }
            choices.push(choice);
        }
    }
    Answer {
        id: ctx.object_id("cmpl-"),
        created: ctx.created(),
        model: model.to_owned(),
        choices,
        usage: encode::usage(prompt_tokens, completion_tokens),
    }
}

/// The prompts as texts, in order.
fn texts<'a>(prompt: Option<&'a Prompt<'a>>) -> Vec<Cow<'a, str>> {
    let tokens = |tokens: &[crate::api::Int]| -> Cow<'a, str> {
        tokens.iter().map(|token| format!(" {}", token.value)).collect::<String>().into()
    };
    match prompt {
        None => Vec::new(),
        Some(Prompt::Text(text)) => vec![Cow::Borrowed(&**text)],
        Some(Prompt::Texts(texts)) => texts.iter().map(|text| Cow::Borrowed(&**text)).collect(),
        Some(Prompt::Tokens(list)) => vec![tokens(list)],
        Some(Prompt::TokenLists(lists)) => lists.iter().map(|list| tokens(list)).collect(),
    }
}
