//! Passing a request through: a path that the gateway does not know goes to one upstream, both bodies unread.

use super::attempt::invalid_head;
use super::peek::Form;
use super::{ErrorEvent, Forwarded, Reply, deliver, dialect, headers, no_answer};
use crate::config::Upstream;
use crate::ctx::Ctx;
use crate::http::{Body, Relay, Request, Response};
use crate::router;
use crate::transport::{Outgoing, SendError, SendErrorKind, Transport};
use std::borrow::Cow;

/// A request that goes to an upstream as it is.
pub struct PassRequest<'a> {
    /// The caller's request.
    pub request: &'a Request,
    /// Where it goes.
    pub upstream: &'a Upstream,
    /// The id both sides log.
    pub request_id: &'a str,
    /// How a stream that breaks off ends.
    pub error_event: ErrorEvent,
}

/// Passes a request through and its answer back. There is one attempt: the body cannot be sent again.
pub fn pass<T: Transport>(
    passed: &PassRequest<'_>,
    upload: &mut T::Upload,
    transport: &T,
    ctx: &Ctx<'_>,
) -> Forwarded<T::Body> {
    let PassRequest { request, upstream, request_id, error_event } = *passed;
    let below = router::passed_path(&request.path).unwrap_or(Cow::Borrowed(&request.path));
    let mut path = format!("{}{below}", upstream.base_path);
    if let Some(query) = router::upstream_query(&request.path, request.query.as_deref()) {
        path.push('?');
        path.push_str(&query);
    }
    let own = request.headers.all();
    let dialect = dialect::of(upstream);
    let mut fields = headers::to_upstream(own, upstream, dialect, request_id);
    // Many servers accept an upload only with its length.
    if let Some(length) = own.get("content-length").filter(|l| l.bytes().all(|b| b.is_ascii_digit())) {
        fields.push(("content-length".into(), length.as_bytes().into()));
    }
    let outgoing = Outgoing {
        method: request.method.as_str(),
        https: upstream.https,
        authority: &upstream.authority,
        path: &path,
        headers: fields,
        body: &[],
        timeouts: upstream.timeouts,
    };
    let mut upstream_id = None;
    let answered = transport.pass(&outgoing, upload).and_then(|answered| {
        match invalid_head(answered.status, &answered.headers) {
            Some(reason) => Err(SendError { kind: SendErrorKind::InvalidResponse, reason }),
            None => Ok(answered),
        }
    });
    let (answer, reason) = match answered {
        Ok(answered) => {
            upstream_id = headers::own_id(&answered.headers, request_id);
            let form = Form::labelled(answered.status, &answered.headers);
            let headers = headers::to_caller(&answered.headers, false);
            let if_broken =
                (form == Some(Form::Events)).then(|| deliver::broken_event(upstream, error_event));
            let body = Body::Relay(Relay { head: Vec::new(), from: answered.body, if_broken });
            (Ok(Reply::Response(Response { status: answered.status, headers, body })), None)
        }
        Err(error) => (Err(no_answer(error.kind, upstream, ctx)), Some(error.reason)),
    };
    Forwarded {
        answer,
        target: upstream.name.clone(),
        index: None,
        provider: dialect.provider(),
        attempts: 1,
        reason: reason.map(|reason| format!("{}: {reason}", upstream.name)),
        dropped: Vec::new(),
        upstream_id,
    }
}
