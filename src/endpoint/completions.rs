//! `POST /v1/completions`.

use super::Call;
use super::generation::{self, Generated, Generation};
use super::resolve::{Resolved, ServedModels, Validated};
use crate::api::Int;
use crate::api::completions::{Prompt, Request};
use crate::check::{self, error_text};
use crate::config::Validation;
use crate::ctx::Ctx;
use crate::encode::completions::{Encoder, Head, Offsets, in_pieces, whole};
use crate::encode::{self, ErrorFormat, OPENAI_ERRORS};
use crate::engine::{self, Rejection};
use crate::error::{ApiError, Kind};
use crate::http::{Incoming, Response};
use crate::ids::IdForm;
use crate::log::Record;
use crate::model;
use crate::tokens::{EXACT, Encoding};
use crate::transport::Transport;
use crate::turn::{self, Field, Input, Sampling};
use std::borrow::Cow;

/// Completes one or several prompts, by the engine or an upstream.
///
/// # Errors
///
/// If the body cannot be read, the request is not valid, or no backend can answer it.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let models = ServedModels::of_generation(Text::ENDPOINT, call);
    let (request, valid) = Validated::split(&body, check::request(&body, &models)?);
    generation::answer(call, &valid, &Text { request }, record)
}

/// A valid request for completions.
struct Text<'a> {
    request: Request<'a>,
}

impl Generation for Text<'_> {
    const ENDPOINT: model::Endpoint = model::Endpoint::Completions;
    const ERRORS: ErrorFormat = OPENAI_ERRORS;

    fn streams(&self) -> bool {
        self.request.streams()
    }

    fn turns(&self, resolved: &Resolved<'_>) -> Result<Vec<turn::Request<'_>>, ApiError> {
        turns(&self.request, resolved.policy.validation)
    }

    fn rejection(&self, why: &Rejection) -> ApiError {
        error(why, &self.request)
    }

    fn encode<B>(&self, generated: Generated<'_>) -> Response<B> {
        let head = head(&self.request, generated.turns, generated.ctx);
        if !self.request.streams() {
            if head.offsets.is_some() {
                return encode::after(generated.answer.latency(), in_pieces(head, generated.answer));
            }
            let body = whole(&head, &generated.answer.whole());
            return encode::after(generated.answer.latency(), encode::json_bytes(200, body));
        }
        let options = self.request.stream_options.as_ref();
        let include_usage = options.is_some_and(|options| options.include_usage == Some(true));
        let encoder = Encoder::new(head, generated.answer.choices(), include_usage);
        generated.stream(encoder)
    }
}

/// Reads a request as turns, one for each prompt. Tokens are read in the model's encoding: one that its vocabulary
/// lacks is an error to the live API, and stands for no text where the published schema is the rule, which allows it.
///
/// # Errors
///
/// If a prompt has a token that the live API refuses.
fn turns<'r>(request: &'r Request<'_>, validation: Validation) -> Result<Vec<turn::Request<'r>>, ApiError> {
    let count = match &request.prompt {
        Some(Prompt::Texts(texts)) => texts.len(),
        Some(Prompt::TokenLists(lists)) => lists.len(),
        _ => 1,
    };
    if count as u64 > engine::MAX_CHOICES {
        let why = Rejection::TooManyChoices { limit: engine::MAX_CHOICES, choices: count as u64 };
        return Err(error(&why, request));
    }
    let mut prompts = prompts(request, validation)?.into_iter();
    let mut turns = Vec::with_capacity(count);
    turns.extend(prompts.next().map(|prompt| turn(request, prompt)));
    // Their lists are those of the first turn: a copy for each of thousands of prompts would take a hundred megabytes.
    turns.extend(prompts.map(|prompt| turn::Request {
        input: Input::Prompt(prompt),
        sampling: sampling(request),
        ..bare_turn(request)
    }));
    Ok(turns)
}

fn turn<'r>(request: &'r Request<'_>, prompt: turn::Prompt<'r>) -> turn::Request<'r> {
    turn::Request {
        input: Input::Prompt(prompt),
        sampling: Sampling {
            logit_bias: super::logit_bias(request.logit_bias.as_ref()),
            ..sampling(request)
        },
        stop: request.stop.iter().flat_map(|stop| stop.iter()).map(Cow::Borrowed).collect(),
        ..bare_turn(request)
    }
}

fn sampling<'r>(request: &'r Request<'_>) -> Sampling<'r> {
    Sampling {
        temperature: request.temperature.map(|number| number.value),
        top_p: request.top_p.map(|number| number.value),
        presence_penalty: request.presence_penalty.map(|number| number.value),
        frequency_penalty: request.frequency_penalty.map(|number| number.value),
        seed: request.seed.map(|seed| seed.value),
        ..Sampling::default()
    }
}

/// A turn without its prompt and its lists.
fn bare_turn<'r>(request: &'r Request<'_>) -> turn::Request<'r> {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    turn::Request {
        model: request.model.as_deref().unwrap_or_default(),
        choices: small(request.choices()),
        max_tokens: Some(request.token_limit()),
        logprobs: request.logprobs.map(|top| small(top.unsigned())),
        stream: request.streams(),
        end_user: request.user.as_deref().map(Cow::Borrowed),
        ..turn::Request::default()
    }
}

fn prompts<'r>(request: &'r Request<'_>, validation: Validation) -> Result<Vec<turn::Prompt<'r>>, ApiError> {
    let encoding = Encoding::for_model(request.model.as_deref().unwrap_or_default());
    let prompt = |text: Cow<'r, str>, tokens| turn::Prompt {
        text,
        tokens,
        suffix: request.suffix.as_deref(),
        echo: request.echo == Some(true),
        best_of: request.best_of.map_or(1, |best| u32::try_from(best.unsigned()).unwrap_or(u32::MAX)),
    };
    let text = |text: &'r str| prompt(text.into(), None);
    let tokens = |list: &[Int]| -> Result<turn::Prompt<'r>, ApiError> {
        let id = |token: &Int| {
            let id = u32::try_from(token.value).ok().filter(|&id| encoding.token_bytes(id).is_some());
            match (id, validation) {
                (Some(id), _) => Some(Ok(id)),
                (None, Validation::Schema | Validation::Types) => None,
                (None, Validation::Live) => {
                    let largest = if EXACT { encoding.largest_token() } else { u32::MAX };
                    Some(Err(error_text::invalid_token(token.value, largest)))
                }
            }
        };
        let ids = list.iter().filter_map(id).collect::<Result<Vec<_>, _>>()?;
        Ok(prompt(encoding.decode(&ids).into(), Some(ids)))
    };
    match &request.prompt {
        None => Ok(Vec::new()),
        Some(Prompt::Text(one)) => Ok(vec![text(one)]),
        Some(Prompt::Texts(texts)) => Ok(texts.iter().map(|one| text(one)).collect()),
        Some(Prompt::Tokens(list)) => Ok(vec![tokens(list)?]),
        Some(Prompt::TokenLists(lists)) => lists.iter().map(|list| tokens(list)).collect(),
    }
}

fn head(request: &Request<'_>, turns: &[turn::Request<'_>], ctx: &Ctx<'_>) -> Head {
    let characters = |turn: &turn::Request<'_>| match &turn.input {
        Input::Prompt(prompt) => prompt.text.chars().count(),
        Input::Messages(_) => 0,
    };
    Head {
        id: IdForm::COMPLETION.id(ctx.random),
        created: ctx.created(),
        model: request.model.as_deref().unwrap_or_default().to_owned(),
        offsets: request.logprobs.map(|_| Offsets {
            prompts: turns.iter().map(characters).collect(),
            echo: request.echo == Some(true),
        }),
    }
}

/// Why the engine cannot complete a prompt, as the live API words it.
fn error(why: &Rejection, request: &Request<'_>) -> ApiError {
    match why {
        Rejection::ContextLength { window, input, .. } => {
            error_text::text_context_length(*window, *input, request.token_limit())
        }
        Rejection::EchoTooLong { limit, echo } => {
            let limit = u32::try_from(*limit).unwrap_or(u32::MAX);
            error_text::text_context_length(limit, *echo, request.token_limit())
        }
        Rejection::TooManyChoices { limit, choices } => {
            let message =
                format!("This request has {choices} choices in all. At most {limit} are supported.");
            ApiError::new(Kind::Invalid, message).at("prompt")
        }
        Rejection::TooMuchWork(Field::Stop) => super::too_much_work("stop"),
        // Prompts have neither tools nor schemas, and no limit of their own.
        Rejection::InputTooLong { .. }
        | Rejection::NoOutputLeft
        | Rejection::Schema { .. }
        | Rejection::ToolSchema { .. }
        | Rejection::TooMuchWork(_) => super::too_much_work("prompt"),
    }
}
