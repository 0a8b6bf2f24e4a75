//! The host's state for one instance of the component.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::caller::Caller;
use crate::cpu::CpuMeter;
use crate::memory::{Memory, TotalMemory};
use crate::outgoing::{Client, Hooks};
use crate::output::Output;

/// The data of an instance's store.
pub(crate) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Hooks,
    pub(crate) memory: Memory,
    pub(crate) cpu: Arc<CpuMeter>,
}

impl State {
    /// A guest gets its environment variables, standard output and error, clocks, randomness and outgoing HTTP, but no
    /// files and no sockets.
    pub(crate) fn new(
        settings: &[(String, String)],
        output: &Output,
        client: Arc<Client>,
        cpu: Arc<CpuMeter>,
        memory: Arc<TotalMemory>,
    ) -> Self {
        let wasi = WasiCtx::builder().envs(settings).stdout(output.stdout()).stderr(output.stderr()).build();
        Self {
            wasi,
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            hooks: Hooks::new(client),
            memory: Memory::new(memory),
            cpu,
        }
    }

    /// Sets the caller of the next request: upstream requests of the guest are aborted when that caller disconnects.
    pub(crate) fn set_caller(&mut self, caller: Caller) {
        self.hooks.caller = Some(caller);
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}
