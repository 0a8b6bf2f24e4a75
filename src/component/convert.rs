//! WASI's values and the core's.

use crate::http::{self, Headers, MAX_OUTGOING_FIELDS, Method, Request, RequestHeaders, field_size};
use std::borrow::Cow;
use wasi::http::types::{self, Fields, IncomingRequest};

pub(super) fn from_wasi_request(request: &IncomingRequest) -> Request {
    let target = request.path_with_query().unwrap_or_default();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target, None),
    };
    Request {
        method: from_wasi_method(request.method()),
        path,
        query,
        headers: RequestHeaders::outside(Box::new(Held(request.headers()))),
    }
}

/// A request's fields, still with the host.
struct Held(Fields);

impl Held {
    /// What most requests have. Of a field that is not there, it is cheaper to learn just that.
    const USUAL: [&str; 2] = ["authorization", "content-type"];
}

impl http::Fields for Held {
    fn values(&self, name: &str) -> Vec<Vec<u8>> {
        if !Self::USUAL.contains(&name) && !self.0.has(name) {
            return Vec::new();
        }
        self.0.get(name)
    }

    fn all(&self) -> Headers {
        from_wasi_fields(&self.0)
    }
}

fn from_wasi_method(method: types::Method) -> Method {
    match method {
        types::Method::Get => Method::Get,
        types::Method::Head => Method::Head,
        types::Method::Post => Method::Post,
        types::Method::Options => Method::Options,
        types::Method::Put => Method::Other("PUT".to_owned()),
        types::Method::Delete => Method::Other("DELETE".to_owned()),
        types::Method::Connect => Method::Other("CONNECT".to_owned()),
        types::Method::Trace => Method::Other("TRACE".to_owned()),
        types::Method::Patch => Method::Other("PATCH".to_owned()),
        types::Method::Other(name) => Method::Other(name),
    }
}

pub(super) fn to_wasi_method(name: &str) -> types::Method {
    match name {
        "GET" => types::Method::Get,
        "HEAD" => types::Method::Head,
        "POST" => types::Method::Post,
        "OPTIONS" => types::Method::Options,
        "PUT" => types::Method::Put,
        "DELETE" => types::Method::Delete,
        "PATCH" => types::Method::Patch,
        name => types::Method::Other(name.to_owned()),
    }
}

pub(super) fn from_wasi_fields(fields: &Fields) -> Headers {
    fields.entries().into_iter().collect()
}

/// Makes header fields for the host. A field that the host refuses is left out: which ones those are differs
/// between hosts, and none is worth a failed request. So is a field past [`MAX_OUTGOING_FIELDS`], with which
/// Wasmtime would end the component.
pub(super) fn to_wasi_fields<'a>(fields: impl Iterator<Item = (Cow<'a, str>, Cow<'a, [u8]>)>) -> Fields {
    let mut room = MAX_OUTGOING_FIELDS;
    let fits = |(name, value): &(Cow<'a, str>, Cow<'a, [u8]>)| match room.checked_sub(field_size(name, value))
    {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    let list: Vec<_> =
        fields.filter(fits).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    Fields::from_list(&list).unwrap_or_else(|_| {
        let fields = Fields::new();
        for (name, value) in &list {
            let _ = fields.append(name, value);
        }
        fields
    })
}
