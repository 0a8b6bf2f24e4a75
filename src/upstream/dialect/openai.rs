//! OpenAI's own API: nothing changes but the name of the model.

use super::{fields, with_query};
use crate::config::Upstream;
use crate::upstream::attempts::Prepared;
use crate::upstream::{ForwardRequest, rewrite};
use std::borrow::Cow;

pub(in crate::upstream) fn request<'a>(
    ask: &'a ForwardRequest<'a>,
    upstream: &'a Upstream,
    name: Option<&str>,
) -> Prepared<'a> {
    Prepared {
        method: ask.method,
        path: with_query(format!("{}{}", upstream.base_path, ask.endpoint.path()), ask),
        headers: fields(ask, upstream),
        body: renamed(ask.body, name),
        dropped: Vec::new(),
    }
}

/// The body with the target's name of the model, all other bytes as they were.
pub(super) fn renamed<'a>(body: &'a [u8], name: Option<&str>) -> Vec<Cow<'a, [u8]>> {
    name.and_then(|name| rewrite::with_model(body, name)).unwrap_or_else(|| vec![Cow::Borrowed(body)])
}
