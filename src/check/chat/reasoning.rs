//! The rules of models that reason: they take most sampling parameters only while they do not reason.

use crate::api::Number;
use crate::api::chat::{Effort, ReasoningEffort, Request};
use crate::api::message::Role;
use crate::api::tool::ToolType;
use crate::check::error_text::{self, Side};
use crate::check::limits;
use crate::check::path::Path;
use crate::check::python_repr::push_python_str;
use crate::check::scope::Scope;
use crate::error::{ApiError, Kind};

pub(super) fn roles(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let refused = |role: Role| match role {
        Role::Function => true,
        Role::System => scope.live_spec.is_some_and(|spec| !spec.system_role),
        _ => false,
    };
    let mut roles = request.messages.iter().flatten().enumerate();
    roles.find_map(|(i, message)| {
        let role = message.role.filter(|role| refused(*role))?;
        let (root, mut value) = (Path::ROOT, String::new());
        let messages = root.key("messages");
        push_python_str(role.as_str(), &mut value);
        Some(error_text::unsupported_value(&messages.index(i).key("role"), &value, ""))
    })
}

/// Whether the model will reason over this request.
fn reasons(request: &Request<'_>, scope: Scope) -> bool {
    match request.reasoning_effort {
        None => scope.live_spec.is_some_and(|spec| spec.reasons),
        Some(effort) => effort != Effort::Known(ReasoningEffort::None),
    }
}

pub(super) fn temperature(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let temperature = request.temperature.filter(|temperature| temperature.value != 1.0)?;
    let (root, name) = (Path::ROOT, "temperature");
    Some(if !reasons(request, scope) {
        return beyond(name, temperature, limits::TEMPERATURE_RANGE.1);
    } else if scope.live_spec?.temperature {
        let rest = " Only the default (1) value is supported.";
        error_text::unsupported_value(&root.key(name), &spelled(temperature), rest)
    } else {
        error_text::unsupported_parameter(&root.key(name), "")
    })
}

pub(super) fn top_p(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let top_p = request.top_p.filter(|top_p| top_p.value != 1.0)?;
    if !reasons(request, scope) {
        return beyond("top_p", top_p, limits::TOP_P_RANGE.1);
    }
    Some(error_text::unsupported_parameter(&Path::ROOT.key("top_p"), ""))
}

/// Reports a number outside 0 to `most`.
fn beyond(name: &str, number: Number, most: f64) -> Option<ApiError> {
    let (side, bound) = match number.value {
        value if value < 0.0 => (Side::Below, 0.0),
        value if value > most => (Side::Above, most),
        _ => return None,
    };
    Some(error_text::out_of_range(&Path::ROOT.key(name), false, side, &bound, &spelled(number)))
}

fn spelled(number: Number) -> String {
    if number.integer { number.value.to_string() } else { format!("{:?}", number.value) }
}

pub(super) fn penalties(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let set = |penalty: Option<Number>| penalty.is_some_and(|penalty| penalty.value != 0.0);
    let name = match (set(request.presence_penalty), set(request.frequency_penalty)) {
        (true, _) => "presence_penalty",
        (_, true) => "frequency_penalty",
        _ => return None,
    };
    reasons(request, scope).then(|| error_text::unsupported_parameter(&Path::ROOT.key(name), ""))
}

pub(super) fn logprobs(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    if request.logprobs != Some(true) || !reasons(request, scope) {
        return None;
    }
    Some(if scope.live_spec?.can_rest() {
        error_text::unsupported_parameter(&Path::ROOT.key("logprobs"), "")
    } else {
        ApiError::new(Kind::NotAllowed, "You are not allowed to request logprobs from this model")
    })
}

pub(super) fn tools(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let mut tools = request.tools.iter().flatten();
    let effort_is_set = request.reasoning_effort.is_some() && reasons(request, scope);
    if scope.live_spec?.tools_while_reasoning
        || !effort_is_set
        || !tools.any(|tool| tool.kind == Some(ToolType::Function))
    {
        return None;
    }
    let message = format!(
        "Function tools with reasoning_effort are not supported for {} in /v1/chat/completions. To use function \
         tools, use /v1/responses or set reasoning_effort to 'none'.",
        request.model.as_deref().unwrap_or_default()
    );
    Some(ApiError::new(Kind::Invalid, message).at("reasoning_effort"))
}
