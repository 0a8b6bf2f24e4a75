//! The component of `spin.toml`, with Spin's variables simulated by the test. Spin itself is not run.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView, default_hooks};

/// The error of `fermyon:spin/variables@2.0.0`.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Missing {
    #[component(name = "invalid-name")]
    InvalidName(String),
    #[component(name = "undefined")]
    Undefined(String),
    #[component(name = "provider")]
    Provider(String),
    #[component(name = "other")]
    Other(String),
}

type Variables = Arc<Mutex<HashMap<&'static str, Result<&'static str, Missing>>>>;

struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: default_hooks() }
    }
}

/// One instance, which handles one request after another.
struct Spin {
    store: Store<State>,
    proxy: Proxy,
    variables: Variables,
}

impl Spin {
    async fn new() -> Self {
        let engine = Engine::default();
        let file =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../target/spin/wasm32-wasip2/release/portcullis.wasm");
        let component = Component::from_file(&engine, file).expect("spin.toml's command builds a component");
        let variables = Variables::default();
        let known = variables.clone();
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI links");
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).expect("wasi:http links");
        let mut interface = linker.instance("fermyon:spin/variables@2.0.0").expect("it is linked once");
        let get = move |_: wasmtime::StoreContextMut<'_, State>, (name,): (String,)| {
            let known = known.lock().expect("no test panics with it");
            let value = known.get(&*name).cloned().unwrap_or(Err(Missing::Undefined(name)));
            Ok((value.map(str::to_owned),))
        };
        interface.func_wrap("get", get).expect("it is linked once");
        let pre = linker.instantiate_pre(&component).expect("Spin has all its imports");
        let wasi = WasiCtx::builder().build();
        let mut store =
            Store::new(&engine, State { wasi, http: WasiHttpCtx::new(), table: ResourceTable::new() });
        let pre = ProxyPre::new(pre).expect("it serves HTTP");
        let proxy = pre.instantiate_async(&mut store).await.expect("it starts");
        Self { store, proxy, variables }
    }

    fn set(&self, name: &'static str, value: Result<&'static str, Missing>) {
        self.variables.lock().expect("no test panics with it").insert(name, value);
    }

    /// The status and body of `GET /v1/models` with a key.
    async fn models(&mut self, key: &str) -> (u16, String) {
        let body = Full::new(Bytes::new()).map_err(|never| -> wasmtime_wasi_http::Error { match never {} });
        let request =
            http::Request::get("http://spin/v1/models").header("authorization", format!("Bearer {key}"));
        let request = request.body(body).expect("a good request");
        let (head, answered) = tokio::sync::oneshot::channel();
        let mut http = self.store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request).expect("a good request");
        let out = http.new_response_outparam(head).expect("the resource table is not full");
        let handler = self.proxy.wasi_http_incoming_handler();
        let read = async {
            let response = answered.await.expect("an answer").expect("no error of the component's");
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a whole body").to_bytes();
            (status, String::from_utf8_lossy(&body).into_owned())
        };
        let (done, reply) = tokio::join!(handler.call_handle(&mut self.store, request, out), read);
        done.expect("no trap");
        reply
    }
}

/// Builds the component with the command in the manifest, as `spin build` does.
fn build() {
    let manifest = include_str!("../../spin.toml");
    let command = manifest.lines().find_map(|line| line.strip_prefix("command = \"")?.strip_suffix('"'));
    let mut words = command.expect("spin.toml has a command").split_whitespace();
    assert_eq!(words.next(), Some("cargo"));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    // `cargo test` sets variables that name this package, and some build scripts run again when they change.
    let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
        cargo.env_remove(name);
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let status = cargo.args(words).current_dir(root).stdin(Stdio::null()).status().expect("cargo runs");
    assert!(status.success(), "the command of spin.toml fails, see above");
}

#[tokio::test]
#[ignore = "builds the component a second time; CI runs it"]
async fn settings_come_from_spin_s_variables() {
    build();
    let mut spin = Spin::new().await;

    // A failing provider must not open the gateway, and the failure must not persist.
    spin.set("api_keys", Err(Missing::Provider("vault: permission denied for token s.123".to_owned())));
    let (status, body) = spin.models("sk-test").await;
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("PORTCULLIS_API_KEYS"), "{body}");
    assert!(
        !body.contains("vault") && !body.contains("s.123"),
        "the provider's error belongs in the log: {body}"
    );

    // The other variables are undefined, like those that are not in the manifest, or empty, as in spin.toml.
    spin.set("api_keys", Ok(""));
    spin.set("config", Ok(r#"{"keys": [{"name": "ci", "key": "$CI_KEY"}]}"#));
    spin.set("ci_key", Ok("sk-test"));
    spin.set("upstream_url", Ok(""));
    let (status, body) = spin.models("sk-test").await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("gpt-4o"), "{body}");
    assert_eq!(spin.models("sk-wrong").await.0, 401);

    let mut bare = Spin::new().await;
    let (status, body) = bare.models("sk-test").await;
    assert_eq!(status, 401, "{body}");
    assert!(body.contains("PORTCULLIS_API_KEYS"), "the error names the setting: {body}");
}
