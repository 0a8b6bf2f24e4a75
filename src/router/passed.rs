//! Which paths may be passed through to an upstream. The upstream may read a path more leniently than the gateway, so
//! that no other spelling of a path the gateway serves, and none that leads out of the API, may pass.

use super::Route;
use super::path::{below_base, folded, is_below_deployments};
use crate::http::Method;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The path below an upstream's base URL that a request's path is passed through to, with its slash. `None` for
/// what must not reach an upstream unread: a path outside the API, one that a server may take for a path outside
/// of it, and another spelling of a path the gateway serves itself, whose rules it would evade.
pub fn passed_path(path: &str) -> Option<Cow<'_, str>> {
    let known = Route::at(path).is_some();
    // What is not known keeps its slashes.
    let path = if known { folded(path) } else { Cow::Borrowed(path) };
    let below = below_base(&path).filter(|below| !below.is_empty() && !is_below_deployments(below))?;
    let lenient = lenient(&path)?;
    let is_spelling = Route::at(&lenient).is_some() || below_base(&lenient).is_none_or(is_below_deployments);
    if is_spelling && !known {
        return None;
    }
    let start = path.len() - below.len() - 1;
    Some(match path {
        Cow::Borrowed(path) => Cow::Borrowed(path.get(start..)?),
        Cow::Owned(path) => Cow::Owned(path.get(start..)?.to_owned()),
    })
}

/// A path as the most lenient server may read it: decoded until nothing is left to decode, without parameters
/// (RFC 3986, section 3.3), without what some file systems ignore at the end of a name, without doubled slashes,
/// in lower case. `None` if it has a segment that leads elsewhere, or a character that ends a path somewhere.
fn lenient(path: &str) -> Option<String> {
    // More than this is no client's mistake.
    const MAX_ENCODINGS: usize = 3;
    let mut plain = path.as_bytes().to_vec();
    for _ in 0..MAX_ENCODINGS {
        plain = percent_decode(&plain).collect();
    }
    if percent_decode(&plain).ne(plain.iter().copied()) {
        return None;
    }
    let plain = String::from_utf8(plain).ok()?;
    if plain.contains(|c: char| c.is_control() || matches!(c, '\\' | '?' | '#')) {
        return None;
    }
    let mut out = String::with_capacity(plain.len());
    for segment in plain.split('/') {
        let name = segment.split(';').next().unwrap_or_default().trim();
        if matches!(name, "." | "..") {
            return None;
        }
        let name = name.trim_end_matches(['.', ' ']);
        if !name.is_empty() {
            out.push('/');
            out.push_str(name);
        }
    }
    Some(fold_case(&out))
}

/// A text in lower case, as a comparison without case that knows Unicode has it: two letters outside ASCII stand
/// for ones inside.
pub fn fold_case(text: &str) -> String {
    text.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

/// Whether a method may go to an upstream. `TRACE` has a server return the request as it arrived, with the
/// upstream's key in it (RFC 9110, section 9.3.8); `CONNECT` opens a tunnel.
pub fn is_passable(method: &Method) -> bool {
    !matches!(method.as_str(), "TRACE" | "CONNECT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unknown_paths_of_the_api_pass_through() {
        for (path, want) in [
            ("/v1/embeddings", Some("/embeddings")),
            ("/v1//embeddings/", Some("/embeddings")),
            ("/openai/v1/embeddings", Some("/embeddings")),
            ("/openai/files", Some("/files")),
            ("/v1/files/", Some("/files/")),
            ("/v1/files/file-1/content", Some("/files/file-1/content")),
            ("/v1/models/a%2Fb", Some("/models/a%2Fb")),
            ("/v1/x..y/...", Some("/x..y/...")),
            ("/v1/x;..y/z", Some("/x;..y/z")),
            ("/v1/audio/voices/My%20Voice", Some("/audio/voices/My%20Voice")),
            ("/v1/", None),
            ("/v1", None),
            ("/v2/x", None),
            ("/v1/../admin", None),
            ("/v1/%2e%2E/admin", None),
            ("/v1/.%2e/admin", None),
            ("/v1/%252e%252e/admin", None),
            ("/v1/%25252e./admin", None),
            ("/v1/%2525252e./admin", None),
            ("/v1/x/./y", None),
            ("/v1/..%2fadmin", None),
            ("/v1/..\\admin", None),
            ("/v1/..%5Cadmin", None),
            ("/v1/..;/admin", None),
            ("/v1/%2e.%3Bx=1/admin", None),
            ("/v1/..%2fadmin%ff", None),
            ("/v1/%c0%ae%c0%ae/admin", None),
        ] {
            assert_eq!(passed_path(path).as_deref(), want, "{path}");
        }
    }

    #[test]
    fn no_other_spelling_of_a_known_path_passes_through() {
        for path in [
            "/v1/Chat/Completions",
            "/v1/chat%2Fcompletions",
            "/v1/chat%252Fcompletions",
            "/v1/chat%2525252Fcompletions",
            "/v1/%63hat/completions",
            "/v1/chat/completions;x=1",
            "/v1/chat;a/completions",
            "/v1/chat/completions%3Bx",
            "/v1/chat/completions%3Fx",
            "/v1/chat/completions%23",
            "/v1/chat/completions%00",
            "/v1/chat/completions%0A",
            "/v1/chat/completions%20",
            "/v1/chat/completions.",
            "/v1/chat/completion\u{17f}",
            "/v1/chat/completion%C5%BF",
            "/v1/chat\\completions",
            "/v1/chat%5Ccompletions",
            "/v1/%2Fchat/completions",
            "/v1/;/chat/completions",
            "/v1/Models/gpt-4o",
            "/v1/EMBEDDINGS",
            "/v1/x/../chat/completions",
            "/v1/x%2F..%2Fchat/completions",
            "/v1/deployments/m/chat/completions",
            "/v1/Deployments/m/chat/completions",
            "/openai/deployments/m/images/generations",
        ] {
            assert!(passed_path(path).is_none(), "{path}");
        }
    }
}
