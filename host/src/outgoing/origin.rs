//! The origin of an upstream.

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use wasmtime_wasi_http::Error;

/// Scheme, host and port of an upstream: requests of one origin share their connections.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) tls: bool,
    pub(super) authority: Authority,
}

impl Origin {
    /// The origin of a URI.
    ///
    /// # Errors
    ///
    /// When the URI has no authority.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?.clone();
        Ok(Self { tls: uri.scheme() == Some(&Scheme::HTTPS), authority })
    }

    /// The host, without the brackets around an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }
}

/// The request target in origin form (RFC 9112, section 3.2.1): path and query.
pub(super) fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_defaults_to_that_of_the_scheme() {
        for (uri, want) in [
            ("http://h/a?b", ("h", 80, "/a?b")),
            ("https://h", ("h", 443, "/")),
            ("https://[::1]:8443/", ("::1", 8443, "/")),
        ] {
            let uri: Uri = uri.parse().unwrap();
            let origin = Origin::of(&uri).unwrap();
            assert_eq!((origin.host(), origin.port(), origin_form(&uri).to_string().as_str()), want);
        }
        assert!(Origin::of(&"/path".parse().unwrap()).is_err());
    }
}
