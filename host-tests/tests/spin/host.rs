//! A host with the interfaces of Spin that the component imports. Spin itself is not run.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView, default_hooks};

use crate::outbound;

/// The error of `fermyon:spin/variables@2.0.0`.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum Missing {
    #[component(name = "invalid-name")]
    InvalidName(String),
    #[component(name = "undefined")]
    Undefined(String),
    #[component(name = "provider")]
    Provider(String),
    #[component(name = "other")]
    Other(String),
}

type Variables = Arc<Mutex<HashMap<&'static str, Result<String, Missing>>>>;

/// What the host keeps for an instance.
pub(crate) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(crate) table: ResourceTable,
    /// `allowed_outbound_hosts`, for Redis.
    pub(crate) allowed: Vec<String>,
    /// How many connections to Redis were opened.
    pub(crate) opened: usize,
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

/// The host, with the variables of one application.
pub(crate) struct Spin {
    pre: ProxyPre<State>,
    variables: Variables,
    allowed: Vec<String>,
}

/// An instance, which handles one request after another.
pub(crate) struct Instance {
    store: Store<State>,
    proxy: Proxy,
    log: MemoryOutputPipe,
}

/// A response, and what the component logged since its instance started.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) log: String,
    /// How many connections to Redis the instance has opened.
    pub(crate) opened: usize,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Spin {
    /// A host with variables, whose component may connect to a Redis at these addresses.
    pub(crate) fn new(allowed: &[&str]) -> Self {
        let (engine, component) = component();
        let variables = Variables::default();
        let known = variables.clone();
        let mut linker = Linker::<State>::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI links");
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).expect("wasi:http links");
        let mut interface = linker.instance("fermyon:spin/variables@2.0.0").expect("it is linked once");
        let get = move |_: StoreContextMut<'_, State>, (name,): (String,)| {
            let known = known.lock().expect("no test panics with it");
            let value = known.get(&*name).cloned().unwrap_or(Err(Missing::Undefined(name)));
            Ok((value,))
        };
        interface.func_wrap("get", get).expect("it is linked once");
        outbound::link(&mut linker);
        let pre = linker.instantiate_pre(component).expect("Spin has all its imports");
        let pre = ProxyPre::new(pre).expect("it serves HTTP");
        Self { pre, variables, allowed: allowed.iter().map(|host| (*host).to_owned()).collect() }
    }

    pub(crate) fn set(&self, name: &'static str, value: Result<&str, Missing>) {
        let value = value.map(str::to_owned);
        self.variables.lock().expect("no test panics with it").insert(name, value);
    }

    /// The value of a variable that is set.
    pub(crate) fn get(&self, name: &str) -> String {
        let variables = self.variables.lock().expect("no test panics with it");
        variables[name].clone().expect("it is set")
    }

    pub(crate) async fn instance(&self) -> Instance {
        let log = MemoryOutputPipe::new(1 << 20);
        let wasi = WasiCtx::builder().stderr(log.clone()).build();
        let state = State {
            wasi,
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            allowed: self.allowed.clone(),
            opened: 0,
        };
        let mut store = Store::new(&component().0, state);
        let proxy = self.pre.instantiate_async(&mut store).await.expect("it starts");
        Instance { store, proxy, log }
    }

    /// Sends a request to a new instance, as Spin does.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.instance().await.send("POST", path, key, Some(body)).await
    }
}

impl Instance {
    /// Sends a request and reads the response, until the component is done with both.
    pub(crate) async fn send(&mut self, method: &str, path: &str, key: &str, body: Option<&Value>) -> Reply {
        let body = body.map(Value::to_string).unwrap_or_default();
        let body =
            Full::new(Bytes::from(body)).map_err(|never| -> wasmtime_wasi_http::Error { match never {} });
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://spin{path}"))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        let request = request.body(body).expect("a good request");
        let (head, answered) = tokio::sync::oneshot::channel();
        let mut http = self.store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request).expect("a good request");
        let out = http.new_response_outparam(head).expect("the resource table is not full");
        let handler = self.proxy.wasi_http_incoming_handler();
        let read = async {
            let response = answered.await.expect("an answer").expect("no error of the component's");
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a whole body").to_bytes();
            (head, String::from_utf8_lossy(&body).into_owned())
        };
        let (done, (head, body)) = tokio::join!(handler.call_handle(&mut self.store, request, out), read);
        done.expect("no trap");
        let log = String::from_utf8_lossy(&self.log.contents()).into_owned();
        let opened = self.store.data().opened;
        Reply { status: head.status.as_u16(), headers: head.headers, body, log, opened }
    }
}

/// The component of `spin.toml`, built once.
fn component() -> &'static (Engine, Component) {
    static COMPONENT: OnceLock<(Engine, Component)> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        build();
        let engine = Engine::default();
        let file =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../target/spin/wasm32-wasip2/release/portcullis.wasm");
        let component = Component::from_file(&engine, file).expect("spin.toml's command builds a component");
        (engine, component)
    })
}

/// Builds the component with the command in the manifest, as `spin build` does.
fn build() {
    let manifest = include_str!("../../../spin.toml");
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
