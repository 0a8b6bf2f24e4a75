//! A component for tests of the host. The path of a request selects its behaviour.
//!
//! | path | behaviour |
//! |---|---|
//! | `/fixed`, `/health`, `/` | returns a fixed text without reading the body |
//! | `/read` | reads the body, then returns its length |
//! | `/settings` | returns its environment variables |
//! | `/served` | returns the number of requests that this instance has handled |
//! | `/grow` | allocates another MiB of memory and keeps it |
//! | `/trap`, `/trap-later` | traps, before or in the middle of a response |
//! | `/silent` | ends without a response |
//! | `/late` | responds, and prints a line later |
//! | `/events` | sends events until a write fails, then prints the error |
//! | `/to/AUTHORITY/PATH` | forwards by plain HTTP and splices the response back; `/tls/…` by HTTPS. `x-timeouts: C,F,B` are the timeouts to connect, to the first byte and between bytes, in milliseconds. If there is no response, it returns 502 with the name of the error |

#[cfg(target_family = "wasm")]
mod guest;
