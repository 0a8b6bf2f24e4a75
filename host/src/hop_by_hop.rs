//! Hop-by-hop header fields.

use http::header::{CONNECTION, HeaderMap, HeaderName};

/// Removes the fields that `Connection` names, which must not be forwarded (RFC 9110, section 7.6.1). The component
/// cannot do so: Wasmtime hides `Connection` from it, and with it the names.
pub(crate) fn remove(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_that_connection_names_are_removed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "X-One, , close"), ("connection", "x-two,b@d")] {
            headers.append(name, value.parse().unwrap());
        }
        for name in ["x-one", "x-two", "x-three"] {
            headers.insert(name, "1".parse().unwrap());
        }
        remove(&mut headers);
        assert!(headers.contains_key("connection") && headers.contains_key("x-three"));
        assert!(!headers.contains_key("x-one") && !headers.contains_key("x-two"), "{headers:?}");
    }
}
