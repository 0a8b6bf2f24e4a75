//! The rules of `POST /v1/chat/completions`.

mod conversation;
mod cross_field;
mod fast_path;
mod messages;
pub(super) mod params;
mod reasoning;
mod tools;

use super::param::Param;
use super::request_rules::RequestRules;
use super::scope::Scope;
use super::{clamp, limits, logit_bias};
use crate::api::{Extra, Text, chat};
use crate::error::ApiError;
use crate::model::{Endpoint, ModelSpec};

impl<'a> RequestRules<'a> for chat::Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Chat;
    const REQUIRED: &'static str = "messages";

    fn model(&self) -> Option<&Text<'a>> {
        self.model.as_ref()
    }

    fn extra(&mut self) -> &mut Extra<'a> {
        &mut self.extra
    }

    fn has_required(&self) -> bool {
        self.messages.is_some()
    }

    fn is_plain(&self, scope: Scope) -> bool {
        fast_path::is_plain(self, scope)
    }

    fn is_typed(&self) -> bool {
        // The wire type takes anything for it.
        self.reasoning_effort != Some(chat::Effort::Unknown)
    }

    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError> {
        if scope.is_live() { cross_field::validate(self, scope) } else { Ok(()) }
    }

    fn clamp(&mut self, _: Option<&ModelSpec>) {
        clamp::integer(&mut self.n, limits::N_RANGE);
        clamp::integer(&mut self.max_tokens, (1, i64::MAX));
        clamp::integer(&mut self.max_completion_tokens, (1, i64::MAX));
        clamp::integer(&mut self.top_logprobs, (0, limits::MAX_TOP_LOGPROBS));
        clamp::number(&mut self.temperature, limits::TEMPERATURE_RANGE);
        clamp::number(&mut self.top_p, limits::TOP_P_RANGE);
        clamp::number(&mut self.presence_penalty, limits::PENALTY_RANGE);
        clamp::number(&mut self.frequency_penalty, limits::PENALTY_RANGE);
        logit_bias::clamp(self.logit_bias.as_mut());
    }

    fn params(scope: Scope) -> Vec<&'static Param> {
        params::in_order(scope.family())
    }
}
