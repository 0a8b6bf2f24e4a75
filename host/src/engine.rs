//! Wasmtime configured for a gateway, and components compiled and linked for it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::{Component, Linker};
use wasmtime::error::Context;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Result,
};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use crate::calls;
use crate::cpu::SLICE;
use crate::state::State;

/// How many requests can be inside a guest at the same time.
///
/// A streamed response holds an instance for as long as it runs, so this is also the number of open streams.
pub const MAX_RUNNING: usize = 1_000;

/// How many health checks can be inside a guest in addition.
pub(crate) const MAX_PROBES: usize = 8;

/// How many idle instances a server keeps at most. An idle instance keeps the memory it wrote to.
pub(crate) const MAX_IDLE: usize = 128;

/// The number of instance slots. Each reserves about 4 GiB of address space (not memory), which fits every 64-bit
/// machine.
const MAX_INSTANCES: u32 = (MAX_RUNNING + MAX_PROBES + MAX_IDLE) as u32;

/// Linear memory an instance may grow to. A body of the default 20 MiB limit, parsed, needs a fraction.
pub const MAX_MEMORY: usize = 1 << 30;

/// A component compiled and linked, ready to be instantiated for a request.
#[derive(Clone)]
pub struct Program {
    /// The pre-instantiated component: imports resolved, types checked.
    pub(crate) pre: Arc<ProxyPre<State>>,
    /// One permit for each instance slot of the engine.
    pub(crate) slots: Arc<Semaphore>,
    /// The calls of each request's guest are counted.
    pub(crate) counts_calls: bool,
}

impl Program {
    /// Compiles the component in `file`, or loads what an earlier run compiled.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no component, exports no `wasi:http/incoming-handler@0.2`, or
    /// imports something other than WASI 0.2.
    pub fn load(file: &Path) -> Result<Self> {
        let wasm = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::from_binary(&wasm, cache_dir().as_deref())
            .with_context(|| format!("cannot load the component {}", file.display()))
    }

    /// As [`Program::load`], for bytes already in memory; without a `cache` directory, always compiles.
    ///
    /// # Errors
    ///
    /// As [`Program::load`].
    pub fn from_binary(wasm: &[u8], cache: Option<&Path>) -> Result<Self> {
        let engine = engine()?;
        advance_epochs(&engine)?;
        let component = match cache {
            Some(dir) => cached(&engine, wasm, dir)?,
            None => Component::from_binary(&engine, wasm)?,
        };
        let pre = ProxyPre::new(linker(&engine)?.instantiate_pre(&component)?)?;
        let slots = Semaphore::new(MAX_INSTANCES as usize);
        Ok(Self { pre: Arc::new(pre), slots: Arc::new(slots), counts_calls: false })
    }

    /// The same program, of which a server prints, after each request, how often the guest called each function of the
    /// host.
    ///
    /// # Errors
    ///
    /// When the component cannot be linked again.
    pub fn counting_calls(&self) -> Result<Self> {
        let component = self.pre.instance_pre().component();
        let mut linker = linker(component.engine())?;
        calls::count_drops(&mut linker)?;
        let pre = ProxyPre::new(linker.instantiate_pre(component)?)?;
        Ok(Self { pre: Arc::new(pre), slots: self.slots.clone(), counts_calls: true })
    }

    /// The names of what the component imports, sorted.
    pub fn imports(&self) -> Vec<String> {
        let component = self.pre.instance_pre().component();
        sorted(component.component_type().imports(component.engine()).map(|(name, _)| name.to_owned()))
    }

    /// The names of what the component exports, sorted.
    pub fn exports(&self) -> Vec<String> {
        let component = self.pre.instance_pre().component();
        sorted(component.component_type().exports(component.engine()).map(|(name, _)| name.to_owned()))
    }
}

/// What the host has for a component.
fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    // All of `wasi:cli`, not only the proxy world: Rust's std imports its environment, exit and stdio.
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// Advances the engine's epoch after each [`SLICE`], as long as the engine is in use.
fn advance_epochs(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    let count = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(SLICE);
        }
    };
    std::thread::Builder::new().name("epochs".to_owned()).spawn(count)?;
    Ok(())
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn engine() -> Result<Engine> {
    let mut config = Config::new();
    // To interrupt a guest that computes, see `cpu`.
    config.epoch_interruption(true);
    config.cranelift_opt_level(OptLevel::Speed);
    // Only a WASI 0.3 component runs several tasks in one instance; without that support each store is smaller.
    config.concurrency_support(false);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    // The pool maps its whole address space at once. Where a container limits the address space that fails, and the
    // host works without a pool, with slower instantiation.
    Engine::new(&config).or_else(|_| {
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        Engine::new(&config)
    })
}

/// Slots for [`MAX_INSTANCES`] components, each of which wit-component splits into a few core modules.
fn pool() -> PoolingAllocationConfig {
    const CORE_INSTANCES: u32 = 8;
    const TABLES: u32 = 4;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES * CORE_INSTANCES)
        .total_memories(MAX_INSTANCES)
        .total_tables(MAX_INSTANCES * TABLES)
        .total_stacks(MAX_INSTANCES)
        .max_memory_size(MAX_MEMORY)
        // A fresh instance takes page faults for the pages that the previous one touched. Overwriting the dirty pages
        // is cheaper than returning them to the kernel and faulting them in again. The kernel reports which pages are
        // dirty, so the vocabularies, which are only read, stay mapped.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(1024 * 1024)
        .async_stack_keep_resident(32 * 1024)
        .table_keep_resident(16 * 1024);
    pool
}

/// The directory of compiled components: next to this executable, so under `target/`.
fn cache_dir() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let dir = own.parent()?;
    // Test executables live one level down; they share the cache of the binaries.
    let dir = if dir.ends_with("deps") { dir.parent()? } else { dir };
    Some(dir.join("compiled-components"))
}

/// Loads `wasm` from the cache in `dir`, compiling and storing it when it is not there.
///
/// The cache saves the seconds that Cranelift needs. If a file cannot be read or written, or if Wasmtime rejects it, the
/// component is compiled.
fn cached(engine: &Engine, wasm: &[u8], dir: &Path) -> Result<Component> {
    // Not a cryptographic hash: it distinguishes our own builds and is no defence against an attack.
    let mut hasher = DefaultHasher::new();
    wasm.hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let file = dir.join(format!("{:016x}-{}.cwasm", hasher.finish(), wasm.len()));
    if let Some(component) = load(engine, &file) {
        return Ok(component);
    }
    let component = Component::from_binary(engine, wasm)?;
    // A cache that cannot be written costs time at the next start, no more.
    let _ = store(&component, dir, &file);
    Ok(component)
}

#[allow(unsafe_code, reason = "the cache holds machine code, which Wasmtime cannot check")]
fn load(engine: &Engine, file: &Path) -> Option<Component> {
    // SAFETY: the bytes must come from `Component::serialize`. Only `store` writes to this directory,
    // by renaming a complete file into place. It is next to our own executable, so that an attacker who could
    // put other bytes there could as well replace the executable. A file of another Wasmtime version or of
    // other settings has another name, and Wasmtime refuses it besides.
    unsafe { Component::deserialize_file(engine, file) }.ok()
}

fn store(component: &Component, dir: &Path, file: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    // Several test processes may get here together: each writes its own file, the last rename wins.
    let partial = file.with_extension(format!("{}.partial", std::process::id()));
    let mut out = std::fs::File::create(&partial)?;
    out.write_all(&component.serialize()?)?;
    drop(out);
    std::fs::rename(&partial, file)?;
    prune(dir)
}

/// Deletes all but the newest few files: every change of a component adds another one.
fn prune(dir: &Path) -> Result<()> {
    const KEPT: usize = 8;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    for (_, file) in files.iter().rev().skip(KEPT) {
        std::fs::remove_file(file)?;
    }
    Ok(())
}
