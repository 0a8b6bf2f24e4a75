//! `GET /v1/portcullis/usage`: how much of its limits a key has used; for a key with `"admin": true`, every key.

use super::Call;
use crate::config::{Config, Limit, Measure, Per};
use crate::cost::Usd;
use crate::encode;
use crate::error::{ApiError, Kind};
use crate::http::Response;
use crate::json::{push_integer, push_string};
use crate::limits::{Counter, Reading, counters, usage};
use crate::store::Store;
use crate::transport::Transport;
use std::collections::HashSet;

/// Whose limits they are.
struct Holder<'a> {
    name: Option<&'a str>,
    identity: String,
    limits: &'a [Limit],
}

/// A limit as it is shown: for one key or none, and for one model or none.
struct Row<'a> {
    key: Option<&'a str>,
    model: Option<String>,
    counter: Counter,
}

/// Shows how much of the limits is used.
///
/// # Errors
///
/// 503 if the store does not reply.
pub fn show<T: Transport>(call: &Call<'_, T>) -> Result<Response<T::Body>, ApiError> {
    let holders: Vec<Holder<'_>> = match call.caller.is_admin() {
        false => {
            let (name, identity) = (call.caller.name(), call.caller.identity());
            vec![Holder { name, identity, limits: call.caller.limits() }]
        }
        true => {
            let keys = call.config.keys.iter();
            let keys = keys.map(|key| Holder {
                name: Some(&key.name),
                identity: key.identity(),
                limits: &key.limits,
            });
            let anonymous = Holder { name: None, identity: "anonymous".to_owned(), limits: &[] };
            keys.chain(call.config.allow_anonymous.then_some(anonymous)).collect()
        }
    };
    let models: Vec<&str> = call.config.served.listed().filter(|model| call.caller.may_use(model)).collect();
    let rows = rows(call.config, &holders, &models);
    let readings = match &call.config.store {
        None => Vec::new(),
        Some(settings) => {
            let store = Store::new(settings, call.transport, call.ctx.elapsed);
            let limits: Vec<Counter> = rows.iter().map(|row| row.counter.clone()).collect();
            usage(&store, &limits).map_err(|_| {
                let message = "The store that counts limits does not reply. Please try again later.";
                ApiError::new(Kind::StoreUnavailable, message)
            })?
        }
    };
    let mut out = String::from("{\"object\":\"portcullis.usage\",\"key\":");
    match call.caller.name() {
        Some(name) => push_string(name, &mut out),
        None => out.push_str("null"),
    }
    out.push_str(",\"data\":[");
    for (i, (row, reading)) in rows.iter().zip(readings).enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_row(row, reading, &mut out);
    }
    out.push_str("]}");
    Ok(encode::json_bytes(200, out.into_bytes()))
}

/// Every limit once, though several keys share some.
fn rows<'a>(config: &Config, holders: &[Holder<'a>], models: &[&str]) -> Vec<Row<'a>> {
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for holder in holders {
        let of_model = |model: &str| counters(config, holder.limits, &holder.identity, model);
        let by_model =
            models.iter().flat_map(|model| of_model(model).into_iter().map(move |one| (Some(*model), one)));
        let all = of_model("").into_iter().map(|one| (None, one)).chain(by_model);
        for (model, counter) in all {
            let per = counter.limit.per;
            if matches!(per, Per::Model | Per::KeyAndModel) == model.is_some()
                && seen.insert(counter.key.clone())
            {
                let key = holder.name.filter(|_| matches!(per, Per::Key | Per::KeyAndModel));
                rows.push(Row { key, model: model.map(str::to_owned), counter });
            }
        }
    }
    rows
}

fn push_row(row: &Row<'_>, reading: Reading, out: &mut String) {
    let limit = row.counter.limit;
    out.push_str("{\"per\":");
    push_string(limit.per.name(), out);
    for (name, value) in [("key", row.key), ("model", row.model.as_deref())] {
        if let Some(value) = value {
            out.push_str(&format!(",\"{name}\":"));
            push_string(value, out);
        }
    }
    out.push_str(&format!(",\"measure\":\"{}\"", limit.measure.name()));
    if !limit.measure.window().is_empty() {
        out.push_str(&format!(",\"window\":\"{}\"", limit.measure.window()));
    }
    let most = limit.max();
    let numbers = [("limit", most), ("used", reading.used), ("remaining", most.saturating_sub(reading.used))];
    for (name, number) in numbers {
        out.push_str(&format!(",\"{name}\":"));
        match limit.measure {
            Measure::Usd(..) => out.push_str(&Usd::from_nanos(number).to_string()),
            _ => push_integer(number, out),
        }
    }
    if !matches!(limit.measure, Measure::Concurrent { .. }) {
        out.push_str(",\"reset_ms\":");
        push_integer(u64::try_from(reading.reset.as_millis()).unwrap_or(u64::MAX), out);
    }
    out.push('}');
}
