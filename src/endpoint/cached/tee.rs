//! [`PendingEntry`]: an answer is gathered on its way to the caller, and stored once its body has ended.

use super::EntryLocation;
use crate::encode::convert::{Gatherer, MAX_ANSWER, addressed, is_complete};
use crate::http::{Body, BodyItem, Response};
use crate::log::Record;
use crate::model::Endpoint;
use crate::store::Store;
use crate::transport::Transport;
use crate::turn::UsageMeter;
use std::cell::RefCell;
use std::rc::Rc;

/// The answer of one request that goes into the cache once its body has ended, if it is to be kept.
#[derive(Debug, Default)]
pub struct PendingEntry(RefCell<Option<Entry>>);

#[derive(Debug)]
struct Entry {
    location: EntryLocation,
    /// The whole answer; `None` until its body has ended, and where it cannot be kept.
    answer: Rc<RefCell<Option<Vec<u8>>>>,
}

impl PendingEntry {
    /// Stores the answer, if it is complete. The record gets a failure of the store.
    pub fn store<T: Transport>(self, store: &Store<'_, T>, record: &mut Record) {
        let Some(Entry { location, answer }) = self.0.into_inner() else { return };
        let EntryLocation { key, ttl, api } = location;
        let Some(answer) = answer.take().filter(|answer| is_complete(api, answer)) else { return };
        let answer = match api {
            // What belongs to this request alone is not kept.
            Endpoint::Responses => addressed(&answer, b"{}"),
            _ => Some(answer),
        };
        let Some(answer) = answer.and_then(|answer| String::from_utf8(answer).ok()) else { return };
        if let Err(error) = store.execute(&["SET", &key, &answer, "EX", &ttl.to_string()]) {
            record.store_failure = Some(error.to_string());
        }
    }
}

impl EntryLocation {
    /// Gathers the response's body on its way, so that [`PendingEntry::store`] has the answer. The meter has the usage
    /// once the body has ended.
    pub(in crate::endpoint) fn gather<B: 'static>(
        self,
        response: Response<B>,
        meter: &UsageMeter,
        pending: &PendingEntry,
    ) -> Response<B> {
        if response.status != 200 {
            return response;
        }
        let answer = Rc::new(RefCell::new(None));
        let body = match response.body {
            Body::Full(bytes) => {
                if bytes.len() <= MAX_ANSWER {
                    *answer.borrow_mut() = Some(bytes.clone());
                }
                Body::Full(bytes)
            }
            Body::Stream(items) => {
                let label = response.headers.get("content-type").unwrap_or_default();
                let gathering = match label.starts_with("text/event-stream") {
                    true => Gathering::Events(Gatherer::new(self.api)),
                    false => Gathering::Pieces(Vec::new()),
                };
                let tee = Tee { items, gathering, meter: meter.clone(), answer: Rc::clone(&answer) };
                Body::Stream(Box::new(tee))
            }
            relay @ Body::Relay(_) => return Response { body: relay, ..response },
        };
        *pending.0.borrow_mut() = Some(Entry { location: self, answer });
        Response { body, ..response }
    }
}

/// A body that is gathered on its way to the caller.
struct Tee {
    items: Box<dyn Iterator<Item = BodyItem>>,
    gathering: Gathering,
    meter: UsageMeter,
    answer: Rc<RefCell<Option<Vec<u8>>>>,
}

enum Gathering {
    /// Of a stream.
    Events(Gatherer),
    /// Of a whole answer that comes in pieces.
    Pieces(Vec<u8>),
    /// It cannot be kept, or is complete.
    Over,
}

impl Iterator for Tee {
    type Item = BodyItem;

    fn next(&mut self) -> Option<BodyItem> {
        let item = self.items.next();
        match &item {
            Some(BodyItem::Data(bytes)) => match &mut self.gathering {
                Gathering::Events(gatherer) => gatherer.push(bytes),
                Gathering::Pieces(pieces) if pieces.len() + bytes.len() <= MAX_ANSWER => pieces.extend(bytes),
                _ => self.gathering = Gathering::Over,
            },
            Some(BodyItem::Failed(_) | BodyItem::Abort(_)) => self.gathering = Gathering::Over,
            Some(BodyItem::Pause(_) | BodyItem::Silence) => {}
            None => {
                *self.answer.borrow_mut() = match std::mem::replace(&mut self.gathering, Gathering::Over) {
                    Gathering::Events(gatherer) => gatherer.finish(self.meter.get().usage),
                    Gathering::Pieces(pieces) => Some(pieces),
                    Gathering::Over => return None,
                };
            }
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_body_that_ends_well_is_an_answer() {
        let whole = br#"{"type":"message","stop_reason":"end_turn"}"#;
        let items = |last: Option<BodyItem>| {
            let data = whole.chunks(10).map(|piece| BodyItem::Data(piece.to_vec()));
            data.chain([BodyItem::Silence]).chain(last).collect::<Vec<_>>()
        };
        for (last, pulled, want) in [
            (None, usize::MAX, Some(whole.to_vec())),
            (None, 3, None),
            (Some(BodyItem::Failed("x".into())), usize::MAX, None),
            (Some(BodyItem::Abort("x".into())), usize::MAX, None),
            (Some(BodyItem::Data(vec![b' '; MAX_ANSWER])), usize::MAX, None),
        ] {
            let answer = Rc::new(RefCell::new(None));
            let tee = Tee {
                items: Box::new(items(last.clone()).into_iter()),
                gathering: Gathering::Pieces(Vec::new()),
                meter: UsageMeter::default(),
                answer: Rc::clone(&answer),
            };
            tee.take(pulled).for_each(drop);
            assert_eq!(answer.take(), want, "{:?}", last.map(|item| item.into_bytes().len()));
        }
    }
}
