//! Forwarding as a caller sees it, against upstreams that do as they are told.

use super::fake::*;
use super::*;

mod faults;
mod fidelity;
mod routing;
