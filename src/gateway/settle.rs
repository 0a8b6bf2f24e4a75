//! What a request used, once its body has ended.

use crate::limits::{Amounts, Reservation};
use crate::log::Record;

/// What a request used of its limits, by what the engine or an upstream reported or, where that is missing, by what was
/// delivered. An estimate is noted in the record.
pub(super) fn used(record: &mut Record, reservation: &Reservation) -> Amounts {
    let attempt = reservation.per_failed_attempt();
    let by_engine = record.is_by_engine();
    let sent = u64::from(record.attempts.unwrap_or(0));
    if record.status >= 400 {
        // What was refused before anything was sent uses nothing; every attempt that was sent uses its prompt.
        let requests = u64::from(by_engine || sent > 0);
        return Amounts {
            requests,
            tokens: attempt.tokens.saturating_mul(sent),
            usd: attempt.usd.times(sent),
        };
    }
    let metered = record.usage.get();
    let delivered = record.usage.delivered();
    let reported = metered.usage.filter(|usage| usage.output > 0 || delivered == 0);
    let usage = match reported {
        Some(usage) if metered.is_complete => usage,
        reported => {
            let mut usage = reported.unwrap_or_default();
            if usage.input == 0 {
                usage.input = attempt.tokens;
            }
            // The engine reports its usage beforehand, upstreams as they go.
            usage.output = if by_engine { delivered } else { usage.output.max(delivered) };
            if attempt.tokens > 0 {
                record.usage.estimate(usage);
            }
            usage
        }
    };
    let failed = sent.saturating_sub(1);
    let cost = record.rates.map(|rates| rates.cost(&usage)).unwrap_or_default();
    Amounts {
        requests: 1,
        tokens: usage
            .input
            .saturating_add(usage.output)
            .saturating_add(attempt.tokens.saturating_mul(failed)),
        usd: cost.plus(attempt.usd.times(failed)),
    }
}
