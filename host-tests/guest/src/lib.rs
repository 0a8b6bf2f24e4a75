//! A component whose behaviour the path of a request selects, to test the host with.
//!
//! | path | does |
//! |---|---|
//! | `/fixed` | answers a fixed text, the body unread |
//! | `/read` | reads the body, then answers its length |
//! | `/settings` | answers its environment variables |
//! | `/served` | answers how many requests this instance has had |
//! | `/grow` | keeps another MiB of memory |
//! | `/trap`, `/trap-later` | traps, before an answer or within it |
//! | `/silent` | ends without an answer |
//! | `/late` | answers, and then prints a line after a while |
//! | `/events` | sends events until it cannot any more, then prints why |
//! | `/to/AUTHORITY/PATH` | forwards by plain HTTP and splices the answer back; `/tls/…` by HTTPS. `x-timeouts: C,F,B` are milliseconds to connect, to the first byte, between bytes. Without an answer it is 502 with the error's name |

#[cfg(target_family = "wasm")]
mod guest;
