//! WASI's values and the core's.

use crate::http::{self, Headers, Method, Request, RequestHeaders};
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
    fn get(&self, name: &str) -> Option<String> {
        if !Self::USUAL.contains(&name) && !self.0.has(name) {
            return None;
        }
        let first = self.0.get(name).into_iter().next()?;
        String::from_utf8(first).ok()
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

/// A field the host will not have is left out: which ones those are differs, and none of ours is worth
/// a failed request.
pub(super) fn to_wasi_fields<'a>(fields: impl Iterator<Item = (Cow<'a, str>, Cow<'a, [u8]>)>) -> Fields {
    let list: Vec<_> = fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    Fields::from_list(&list).unwrap_or_else(|_| {
        let fields = Fields::new();
        for (name, value) in &list {
            let _ = fields.append(name, value);
        }
        fields
    })
}
