//! Header fields: [`Headers`] as values, [`RequestHeaders`] as the host keeps them.

use std::borrow::Cow;
use std::cell::OnceCell;

/// Fields of one connection (RFC 9110, section 7.6.1), not of the message.
pub const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a field frames a message or is a connection's: hosts set those, and take none from others.
pub fn is_hosts_own(field: &str) -> bool {
    let framing = ["content-length", "host", "http2-settings"];
    HOP_BY_HOP.iter().chain(&framing).any(|own| field.eq_ignore_ascii_case(own))
}

/// The most bytes the header fields of a message may take, counted as [`Headers::size`] does: those of a request
/// and those of an upstream's answer.
///
/// Wasmtime ends a component that makes a message of more than [`MAX_OUTGOING_FIELDS`]. The difference is left
/// for the fields that the gateway and its operator add.
pub const MAX_FIELDS: usize = 96 * 1024;

/// The most bytes of header fields that every host takes from a component, counted as [`Headers::size`] does.
pub const MAX_OUTGOING_FIELDS: usize = 128 * 1024;

/// Bytes that a field counts for: its name, its value, and 72 for each field, as Wasmtime counts them
/// (`wasmtime-wasi-http`, `field_map.rs`).
pub fn field_size(name: &str, value: &[u8]) -> usize {
    name.len().saturating_add(value.len()).saturating_add(72)
}

/// A media type without its parameters: `text/html` of `text/html; charset=utf-8` (RFC 9110, section 8.3.1).
pub fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Header fields in the order they came; names compare without case (RFC 9110, section 5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Cow<'static, str>, Vec<u8>)>);

impl Headers {
    /// The first value of a field, if it is visible ASCII or UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The values of a field, in order, those that are visible ASCII or UTF-8.
    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        values.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Adds a field after those there are; one of the same name stays.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    /// The same fields but those of one name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Bytes of all fields: the sum of their [`field_size`].
    pub fn size(&self) -> usize {
        self.iter().map(|(name, value)| field_size(name, value)).fold(0, usize::saturating_add)
    }

    /// The length of the body, where it is stated. Not of one with a content coding: some hosts decode it, and leave
    /// the field as it was.
    pub fn content_length(&self) -> Option<u64> {
        let length = self.get("content-length").filter(|_| self.get("content-encoding").is_none())?;
        length.parse().ok()
    }

    /// Whether the body has a content coding (RFC 9110, section 8.4).
    pub fn is_encoded(&self) -> bool {
        self.get("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"))
    }

    /// Gives up the fields, in order.
    pub fn into_vec(self) -> Vec<(Cow<'static, str>, Vec<u8>)> {
        self.0
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The header fields of a request where the host keeps them.
pub trait Fields {
    /// The values of a field, in order.
    fn values(&self, name: &str) -> Vec<Vec<u8>>;

    /// Every field, in order.
    fn all(&self) -> Headers;
}

/// The header fields of a request, fetched from the host when they are first read.
///
/// To fetch all fields costs a host about half as much for each as to look up a single one, and SDKs send a dozen and
/// more: a request of which two or three are read fetches those alone.
#[derive(Default)]
pub struct RequestHeaders {
    outside: Option<Box<dyn Fields>>,
    all: OnceCell<Headers>,
}

impl RequestHeaders {
    /// Fields that the host keeps until they are read.
    pub fn outside(fields: Box<dyn Fields>) -> Self {
        Self { outside: Some(fields), all: OnceCell::new() }
    }

    /// The first value of a field, if it is visible ASCII or UTF-8.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match (self.all.get(), &self.outside) {
            (None, Some(outside)) => text(outside.values(name).into_iter().next()?).map(Cow::Owned),
            (all, _) => all?.get(name).map(Cow::Borrowed),
        }
    }

    /// The values of a field that was sent any number of times, those that are visible ASCII or UTF-8.
    pub fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match (self.all.get(), &self.outside) {
            (None, Some(outside)) => {
                outside.values(name).into_iter().filter_map(text).map(Cow::Owned).collect()
            }
            (all, _) => all.into_iter().flat_map(|all| all.values(name)).map(Cow::Borrowed).collect(),
        }
    }

    /// All fields, if they were fetched before. Does not call the host.
    pub fn fetched(&self) -> Option<&Headers> {
        self.all.get()
    }

    /// Every field, in order. Later reads do not call the host.
    pub fn all(&self) -> &Headers {
        self.all.get_or_init(|| self.outside.as_ref().map(|outside| outside.all()).unwrap_or_default())
    }
}

fn text(value: Vec<u8>) -> Option<String> {
    String::from_utf8(value).ok()
}

impl<N: Into<Cow<'static, str>>, V: Into<Vec<u8>>> FromIterator<(N, V)> for RequestHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self { outside: None, all: OnceCell::from(Headers::from_iter(fields)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_where_no_host_can_have_decoded_the_body() {
        let length =
            |fields: &[(&'static str, &str)]| Headers::from_iter(fields.iter().copied()).content_length();
        assert_eq!(length(&[("Content-Length", "12")]), Some(12));
        for fields in
            [&[][..], &[("content-length", "-1")], &[("content-length", "1"), ("Content-Encoding", "gzip")]]
        {
            assert_eq!(length(fields), None, "{fields:?}");
        }
    }

    #[test]
    fn names_compare_without_case_and_the_first_value_counts() {
        let headers: Headers = [("Content-Type", "a"), ("content-type", "b")].into_iter().collect();
        assert_eq!(headers.get("CONTENT-TYPE"), Some("a"));
        assert_eq!(headers.get("accept"), None);
    }

    #[test]
    fn each_field_counts_with_its_name_its_value_and_an_overhead() {
        let headers: Headers = [("abc", "de"), ("f", "")].into_iter().collect();
        assert_eq!(headers.size(), 3 + 2 + 72 + 1 + 72);
        assert_eq!(Headers::default().size(), 0);
    }

    #[test]
    fn fields_are_fetched_one_by_one_until_all_were_fetched() {
        struct Host(std::rc::Rc<std::cell::Cell<u32>>);
        impl Fields for Host {
            fn values(&self, name: &str) -> Vec<Vec<u8>> {
                self.0.set(self.0.get() + 1);
                if name == "a" { vec![b"1".to_vec(), vec![0xff], b"2".to_vec()] } else { Vec::new() }
            }
            fn all(&self) -> Headers {
                self.0.set(self.0.get() + 100);
                let all: [(&str, &[u8]); 4] = [("a", b"1"), ("b", b"2"), ("A", &[0xff]), ("a", b"2")];
                all.into_iter().collect()
            }
        }
        let calls = std::rc::Rc::default();
        let headers = RequestHeaders::outside(Box::new(Host(std::rc::Rc::clone(&calls))));
        assert_eq!((headers.get("a").as_deref(), headers.get("x"), calls.get()), (Some("1"), None, 2));
        assert_eq!((headers.values("a"), calls.get()), (vec!["1".into(), "2".into()], 3));
        assert_eq!((headers.all().iter().count(), calls.get()), (4, 103));
        assert_eq!((headers.values("a"), calls.get()), (vec!["1".into(), "2".into()], 103));
        assert_eq!(
            (headers.get("B").as_deref(), headers.all().get("a"), calls.get()),
            (Some("2"), Some("1"), 103)
        );
    }

    #[test]
    fn a_value_that_is_no_text_is_not_returned_as_text() {
        let headers: Headers = [("x", vec![0xff])].into_iter().collect();
        assert_eq!(headers.get("x"), None);
        assert_eq!(headers.iter().next(), Some(("x", &[0xff][..])));
    }
}
