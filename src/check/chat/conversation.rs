//! The rules over all messages of a chat together.

use crate::api::chat::Request;
use crate::api::message::{Content, Message, Part, PartType, Role};
use crate::api::tool::ToolCall;
use crate::check::name_set::NameSet;
use crate::check::scope::Scope;
use crate::error::{ApiError, Kind};
use crate::model::Family;

fn messages<'r, 'a>(request: &'r Request<'a>) -> &'r [Message<'a>] {
    request.messages.as_deref().unwrap_or_default()
}

/// The parts of all messages of one type: the message, its index, and the part's.
fn parts_of<'r, 'a>(
    request: &'r Request<'a>,
    kind: PartType,
) -> impl Iterator<Item = (&'r Message<'a>, usize, usize)> {
    messages(request).iter().enumerate().flat_map(move |(i, message)| {
        let parts: &[Part<'_>] = match &message.content {
            Some(Content::Parts(parts)) => parts,
            _ => &[],
        };
        let parts = parts.iter().enumerate().filter(move |(_, part)| part.kind == Some(kind));
        parts.map(move |(j, _)| (message, i, j))
    })
}

/// Images are in users' messages, and for models with vision.
pub(super) fn images(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let (message, i, j) = parts_of(request, PartType::ImageUrl).find(|(message, ..)| {
        message.role != Some(Role::User) || scope.live_spec.is_some_and(|spec| !spec.vision)
    })?;
    if scope.live_spec.is_some_and(|spec| !spec.vision) {
        let sentence = "Invalid content type. image_url is only supported by certain models.";
        return Some(ApiError::new(Kind::Invalid, sentence).at(format!("messages.[{i}].content.[{j}].type")));
    }
    let role = message.role.map_or("", Role::as_str);
    let sentence = format!(
        "Invalid 'messages[{i}]'. Image URLs are only allowed for messages with role 'user', but this message with \
         role '{role}' contains an image URL."
    );
    Some(ApiError::new(Kind::InvalidValue, sentence).at(format!("messages[{i}]")))
}

/// Images in the request are images, by their first bytes. Where the model was not named exactly, tests may send any
/// placeholder.
pub(super) fn image_data(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    scope.live_spec?;
    parts_of(request, PartType::ImageUrl).find_map(|(message, _, j)| {
        let Some(Content::Parts(parts)) = &message.content else { return None };
        let (kind, data) = parts.get(j)?.image_url.as_ref()?.url.as_deref()?.strip_prefix("data:")?.split_once(',')?;
        let format = |sentence| Some(ApiError::new(Kind::InvalidImageFormat, sentence));
        if !kind.starts_with("image/") {
            return format("Invalid MIME type. Only image types are supported.");
        }
        if !kind.ends_with(";base64") || !is_base64(data) {
            return Some(ApiError::new(Kind::Invalid, "Invalid base64 image_url."));
        }
        // The first bytes of PNG, JPEG, GIF and WebP.
        let known = ["iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR"].iter().any(|head| data.starts_with(head));
        (!known).then_some(())?;
        format(
            "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', \
             'jpeg', 'gif', 'webp'].",
        )
    })
}

/// True for base64 (RFC 4648, section 4) of anything.
fn is_base64(text: &str) -> bool {
    let letters = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    !letters.is_empty() && text.len().is_multiple_of(4) && letters.bytes().all(known)
}

/// Audio is for models that take it.
pub(super) fn audio_input(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    if matches!(scope.family(), Family::Any | Family::Audio) {
        return None;
    }
    let (_, i, _) = parts_of(request, PartType::InputAudio).next()?;
    let sentence =
        format!("Invalid 'messages[{i}]'. Content blocks are expected to be either text or image_url type.");
    Some(ApiError::new(Kind::InvalidValue, sentence).at(format!("messages[{i}]")))
}

/// Which calls of a message have a result so far, by their ids.
struct Answers<'r, 'a> {
    /// The index of the message that called.
    caller: usize,
    calls: &'r [ToolCall<'a>],
    ids: NameSet<'r>,
    given: Vec<bool>,
    /// How many have no result yet.
    open: usize,
}

impl<'r, 'a> Answers<'r, 'a> {
    fn to(caller: usize, calls: &'r [ToolCall<'a>]) -> Self {
        let ids = NameSet::of(calls.iter().filter_map(|call| call.id.as_deref()));
        Self { caller, calls, given: vec![false; ids.len()], open: ids.len(), ids }
    }

    /// Takes a result; none if no call has that id.
    fn take(&mut self, id: &str) -> Option<()> {
        let given = self.given.get_mut(self.ids.find(id)?)?;
        self.open -= usize::from(!*given);
        *given = true;
        Some(())
    }

    /// The error message about the calls without a result.
    fn missing(&self) -> String {
        let given = |id: &&str| self.ids.find(id).and_then(|i| self.given.get(i)) == Some(&true);
        let ids = self.calls.iter().filter_map(|call| call.id.as_deref()).filter(|id| !given(id));
        format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            ids.collect::<Vec<_>>().join(", ")
        )
    }
}

/// Every call has its result right behind it, and every result its call.
pub(super) fn tool_calls(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let at = |i: usize, member: &str, sentence: String| {
        Some(ApiError::new(Kind::Invalid, sentence).at(format!("messages.[{i}].{member}")))
    };
    // Of the last message that called tools.
    let mut answers: Option<Answers<'_, '_>> = None;
    for (i, message) in messages(request).iter().enumerate() {
        if message.role == Some(Role::Tool) {
            let Some(id) = message.tool_call_id.as_deref() else {
                let sentence =
                    "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.";
                return at(i, "tool_call_id", sentence.to_owned());
            };
            let Some(answers) = &mut answers else {
                let sentence = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message \
                                with 'tool_calls'.";
                return at(i, "role", sentence.to_owned());
            };
            if answers.take(id).is_none() {
                let sentence = format!(
                    "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message."
                );
                return at(i, "tool_call_id", sentence);
            }
            continue;
        }
        if let Some(answers) = answers.filter(|answers| answers.open > 0) {
            // The API names the message behind the calls, whatever follows the results that are there.
            return at(answers.caller + 1, "role", answers.missing());
        }
        let calls = message.tool_calls.as_deref().filter(|_| message.role == Some(Role::Assistant));
        answers = calls.map(|calls| Answers::to(i, calls));
    }
    let answers = answers.filter(|answers| answers.open > 0)?;
    Some(ApiError::new(Kind::Invalid, answers.missing()).at("messages"))
}

/// Every message has content, save for an assistant that called tools or refused: the last check of all.
pub(super) fn contents(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let empty = messages(request).iter().position(|message| {
        let instead = match message.role {
            Some(Role::Assistant) => {
                message.tool_calls.is_some()
                    || message.function_call.is_some()
                    || message.refusal.is_some()
                    || message.audio.is_some()
            }
            Some(Role::Function) => true,
            _ => false,
        };
        message.content.is_none() && !instead
    })?;
    let sentence = "Invalid value for 'content': expected a string, got null.";
    Some(ApiError::new(Kind::Invalid, sentence).at(format!("messages.[{empty}].content")))
}
