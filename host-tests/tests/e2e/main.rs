//! The gateway as callers and upstreams meet it: the real component in a real host.

mod smoke;
