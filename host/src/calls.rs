//! Counts the calls that a guest makes to its host, by name.
//!
//! The bindings of `wasmtime-wasi` open a span of the crate `tracing` for each call. Without a subscriber a span costs
//! the look at a flag, so that a program whose calls are not counted runs as if this module were not there. Dropping a
//! resource opens no span: the linker of a program whose calls are counted gets destructors that count.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};
use wasmtime::Result;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::io::{error, poll, streams};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types;

use crate::state::State;

/// The name of the bindings' spans.
const SPAN: &str = "wit-bindgen import";

/// The version of WASI that Wasmtime's bindings have.
const WASI: &str = "0.2.12";

thread_local! {
    /// The calls of the guest that is being polled on this thread.
    static POLLED: RefCell<Option<Calls>> = const { RefCell::new(None) };
}

/// The calls of one request's guest: how many there were of each function, by `interface.function`.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

impl Calls {
    /// Counts what `call` calls on a thread that [`count_on_this_thread`] was called on.
    pub(crate) async fn count<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|cx| {
            POLLED.set(Some(self.clone()));
            let poll = call.as_mut().poll(cx);
            POLLED.set(None);
            poll
        })
        .await
    }

    /// The counts as a line of JSON, with the request they are of.
    pub(crate) fn line(&self, request: &str) -> String {
        let by_name = self.0.lock().expect("no code panics holding this lock");
        let total: u64 = by_name.values().sum();
        serde_json::json!({"request": request, "host_calls": total, "by_name": &*by_name}).to_string()
    }
}

fn count_one(interface: &str, function: &str) {
    POLLED.with_borrow(|polled| {
        if let Some(Calls(by_name)) = polled {
            let mut by_name = by_name.lock().expect("no code panics holding this lock");
            *by_name.entry(format!("{interface}.{function}")).or_default() += 1;
        }
    });
}

/// Counts the calls of guests that run on this thread, for as long as what it returns lives.
pub(crate) fn count_on_this_thread() -> DefaultGuard {
    tracing::subscriber::set_default(Counter)
}

/// Takes the bindings' spans for calls, and nothing else.
struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.name() == SPAN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut name = Name::default();
        span.record(&mut name);
        count_one(&name.module, &name.function);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The fields of a span.
#[derive(Default)]
struct Name {
    module: String,
    function: String,
}

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "module" => value.clone_into(&mut self.module),
            "function" => value.clone_into(&mut self.function),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Replaces the destructors of `linker`, which has all of `wasi:http` and `wasi:io`, by ones that count.
///
/// # Errors
///
/// When the linker lacks one of the interfaces.
pub(crate) fn count_drops(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    let mut http = linker.instance(&format!("wasi:http/types@{WASI}"))?;
    macro_rules! http {
        ($($name:literal: $resource:ident, $host:ident;)*) => {$(
            let drop = |mut store: wasmtime::StoreContextMut<'_, State>, handle| {
                count_one("types", concat!("[drop]", $name));
                types::$host::drop(&mut store.data_mut().http(), Resource::new_own(handle))
            };
            http.resource($name, ResourceType::host::<types::$resource>(), drop)?;
        )*};
    }
    http! {
        "fields": Fields, HostFields;
        "incoming-request": IncomingRequest, HostIncomingRequest;
        "outgoing-request": OutgoingRequest, HostOutgoingRequest;
        "request-options": RequestOptions, HostRequestOptions;
        "response-outparam": ResponseOutparam, HostResponseOutparam;
        "incoming-response": IncomingResponse, HostIncomingResponse;
        "incoming-body": IncomingBody, HostIncomingBody;
        "future-trailers": FutureTrailers, HostFutureTrailers;
        "outgoing-response": OutgoingResponse, HostOutgoingResponse;
        "outgoing-body": OutgoingBody, HostOutgoingBody;
        "future-incoming-response": FutureIncomingResponse, HostFutureIncomingResponse;
    }
    let pollable = ResourceType::host::<poll::Pollable>();
    linker.instance(&format!("wasi:io/poll@{WASI}"))?.resource(
        "pollable",
        pollable,
        |mut store, handle| {
            count_one("poll", "[drop]pollable");
            poll::HostPollable::drop(store.data_mut().ctx().table, Resource::new_own(handle))
        },
    )?;
    let failure = ResourceType::host::<error::Error>();
    linker.instance(&format!("wasi:io/error@{WASI}"))?.resource("error", failure, |mut store, handle| {
        count_one("error", "[drop]error");
        error::HostError::drop(store.data_mut().ctx().table, Resource::new_own(handle))
    })?;
    let mut io = linker.instance(&format!("wasi:io/streams@{WASI}"))?;
    macro_rules! stream {
        ($name:literal: $resource:ident, $host:ident) => {
            io.resource_async($name, ResourceType::host::<streams::$resource>(), |mut store, handle| {
                count_one("streams", concat!("[drop]", $name));
                Box::new(async move {
                    streams::$host::drop(store.data_mut().ctx().table, Resource::new_own(handle)).await
                })
            })?;
        };
    }
    stream!("input-stream": InputStream, HostInputStream);
    stream!("output-stream": OutputStream, HostOutputStream);
    Ok(())
}
