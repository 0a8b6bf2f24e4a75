//! What instances cost: the time to create one, their linear memory, the memory of a host that runs them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::cases::Side;
use crate::children::Served;
use crate::components::size;
use crate::load::{self, Plan, Server};
use crate::requests::{self, CHAT};
use crate::serve::Instances;
use crate::stats::Spread;

/// The figures of one component.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Footprint {
    pub(crate) name: String,
    /// Size of its file in bytes.
    pub(crate) size: u64,
    /// Seconds to create an instance, without a request.
    pub(crate) instantiation: Spread,
    /// Bytes of an instance's linear memory after chats of 1 KiB.
    pub(crate) linear: usize,
    /// KiB of a host in RAM that has served sixteen connections for a second.
    pub(crate) resident: u64,
    /// The same without mapped files.
    pub(crate) own: u64,
}

/// Measures components side by side: instances of each are created in turn.
pub(crate) fn measure(
    runtime: &Runtime,
    sides: &[(&str, Side)],
    quick: bool,
) -> Result<Vec<Footprint>, String> {
    let mut served = Vec::new();
    for (_, side) in sides {
        served.push(side.serve(u32::MAX)?);
    }
    let (turns, each) = if quick { (5, 100) } else { (20, 200) };
    let mut times = vec![Vec::new(); sides.len()];
    for _ in 0..turns {
        for (host, times) in served.iter_mut().zip(&mut times) {
            times.extend(host.instantiate(each)?);
        }
    }
    let mut footprints = Vec::new();
    for (((name, side), host), times) in sides.iter().zip(&mut served).zip(times) {
        let request = load::request(host.addr(), "POST", CHAT, &requests::usual("gpt-4o", false));
        let (addr, server) = (host.addr(), Server::Process(host.pid()));
        let mut plan = Plan {
            addr,
            server,
            request: &request,
            connections: 1,
            warm_up: Duration::ZERO,
            time: Duration::from_millis(100),
        };
        load::run(runtime, &plan).map_err(|error| format!("{name}: {error}"))?;
        let linear = idle(host)?.memories.into_iter().max().unwrap_or_default();
        plan.connections = 16;
        plan.time = Duration::from_secs(1);
        load::run(runtime, &plan).map_err(|error| format!("{name}: {error}"))?;
        let resident = host.resident()?;
        footprints.push(Footprint {
            name: (*name).to_owned(),
            size: size(&side.wasm)?,
            instantiation: Spread::of(&times),
            linear,
            resident: resident.all,
            own: resident.own,
        });
    }
    Ok(footprints)
}

/// The state of the instances once at least one is idle: an instance becomes idle a little after its response is sent.
pub(crate) fn idle(host: &mut Served) -> Result<Instances, String> {
    for _ in 0..1_000 {
        let instances = host.instances()?;
        if !instances.memories.is_empty() {
            return Ok(instances);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err("no instance of the host is idle".to_owned())
}
