//! `POST /v1/chat/completions`: what its requests differ in.

use super::param::Param;
use super::shape::Scope;
use super::{Request, cross_field, fast_path, params, types};
use crate::api::{Extra, Text, chat};
use crate::error::ApiError;
use crate::model::{Endpoint, ModelSpec};

impl<'a> Request<'a> for chat::Request<'a> {
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
        fast_path::chat(self, scope)
    }

    fn is_typed(&self) -> bool {
        // The wire type takes anything for it.
        self.reasoning_effort != Some(chat::Effort::Unknown)
    }

    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError> {
        if scope.is_live() { cross_field::validate(self, scope) } else { Ok(()) }
    }

    fn clamp(&mut self, _: Option<&ModelSpec>) {
        types::clamp_integer(&mut self.n, params::N_RANGE);
        types::clamp_integer(&mut self.max_tokens, (1, i64::MAX));
        types::clamp_integer(&mut self.max_completion_tokens, (1, i64::MAX));
        types::clamp_integer(&mut self.top_logprobs, (0, params::MAX_TOP_LOGPROBS));
        types::clamp_number(&mut self.temperature, params::TEMPERATURE_RANGE);
        types::clamp_number(&mut self.top_p, params::TOP_P_RANGE);
        types::clamp_number(&mut self.presence_penalty, params::PENALTY_RANGE);
        types::clamp_number(&mut self.frequency_penalty, params::PENALTY_RANGE);
        cross_field::clamp_logit_bias(self.logit_bias.as_mut());
    }

    fn params(scope: Scope) -> Vec<&'static Param> {
        params::chat(scope.family())
    }
}
