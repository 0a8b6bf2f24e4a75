//! The component, served for one test.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use portcullis_host::{Captured, IdleInstance, Options, Output, Program, Server};
use serde_json::Value;

use super::{Call, background, component, patiently};

/// The gateway as callers see it: the component in the embedded host, on a free port.
///
/// Dropping it ends it; the component's output is shown when the test fails.
pub struct Gateway {
    server: Server,
    printed: Captured,
    key: Option<String>,
}

impl Gateway {
    /// Serves this workspace's component with these settings and no others.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Self::start_with(Options { settings, ..Self::options() }).await
    }

    /// The options of most tests: one worker, so that they can count its instances.
    pub fn options() -> Options {
        Options { workers: 1, ..Options::default() }
    }

    /// As [`Gateway::start`], with other [`Options`]; its output is captured.
    pub async fn start_with(options: Options) -> Self {
        let building = background().spawn_blocking(component);
        let program = match building.await {
            Ok(program) => program,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        };
        Self::serve(program, options).await
    }

    /// Serves some other component.
    pub async fn serve(program: &Program, options: Options) -> Self {
        let printed = Captured::default();
        let key = first_key(&options.settings);
        let options = Options { output: Output::Capture(printed.clone()), ..options };
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(program, addr, options).expect("a free port can be had");
        Self { server, printed, key }
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The URL of `path`, such as `/v1`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// A request with the first of the gateway's keys.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let call = Call::new(self.addr(), method, path);
        match &self.key {
            Some(key) => call.key(key),
            None => call,
        }
    }

    /// A `GET` with the first of the gateway's keys.
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// A `POST` of JSON with the first of the gateway's keys.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call("POST", path).json(body)
    }

    /// The lines that the component and the host have logged so far.
    pub fn logs(&self) -> Vec<String> {
        self.printed.lines()
    }

    /// What the host reported: traps, and requests that it ended or failed.
    pub fn faults(&self) -> Vec<String> {
        let is_fault = |line: &String| {
            !line.starts_with('{')
                || (line.contains(r#""target":"host""#) && line.contains(r#""level":"error""#))
        };
        self.logs().into_iter().filter(is_fault).collect()
    }

    /// Waits for a line that `wanted` accepts.
    pub async fn log(&self, wanted: impl FnMut(&str) -> bool) -> String {
        patiently("a line of the log", self.printed.wait_for(wanted)).await
    }

    /// The idle instances with their memory. An instance becomes idle a little after its response is sent;
    /// [`Gateway::log`] is a way to wait for that.
    pub fn idle_instances(&self) -> Vec<IdleInstance> {
        self.server.idle_instances()
    }

    /// Waits until the connection to the only upstream is idle, which it is a moment after a response.
    pub async fn connection_is_back(&self) {
        let back = async {
            while self.server.idle_connections() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        patiently("the connection to the upstream to be idle", back).await;
    }

    /// How many instances were created so far.
    pub fn instances_made(&self) -> u64 {
        self.server.instances_made()
    }

    /// Begins a graceful stop, as the first Ctrl-C does.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Waits until the last response and its log line are written after [`Gateway::stop`].
    pub async fn stopped(&mut self) {
        patiently("the gateway to stop", self.server.stopped()).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in self.logs() {
                eprintln!("gateway | {line}");
            }
        }
    }
}

fn first_key(settings: &[(String, String)]) -> Option<String> {
    let (_, keys) = settings.iter().find(|(name, _)| name == "PORTCULLIS_API_KEYS")?;
    // Of a hashed key only the hash is known here.
    keys.split(',')
        .map(str::trim)
        .find(|key| !key.is_empty() && !key.starts_with("sha256:"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_plain_key_is_used() {
        for (keys, want) in [("a,b", Some("a")), (" , sha256:00, b", Some("b")), ("", None)] {
            let settings = [("PORTCULLIS_API_KEYS".to_owned(), keys.to_owned())];
            assert_eq!(first_key(&settings).as_deref(), want, "{keys:?}");
        }
        assert_eq!(first_key(&[]), None);
    }
}
