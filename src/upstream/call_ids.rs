//! Ids for tool calls that come without one: results refer to their calls by id.

use super::dialect::Endpoint;
use crate::ids::IdForm;
use crate::turn::{Answer, Block, Event};

/// Makes the ids of one answer's calls.
pub(super) struct CallIds {
    form: IdForm,
    random: [u64; 2],
    next: u64,
}

impl CallIds {
    /// Ids as the endpoint's API has them.
    pub(super) fn new(endpoint: Endpoint<'_>, random: [u64; 2]) -> Self {
        let form = if endpoint == Endpoint::Messages { IdForm::TOOL_USE } else { IdForm::CALL };
        Self { form, random, next: 0 }
    }

    fn make(&mut self) -> String {
        self.next += 1;
        self.form.nth(self.random, self.next)
    }

    /// Gives a call that begins an id, if it has none.
    pub(super) fn complete(&mut self, event: &mut Event<'_>) {
        if let Event::ToolCall { id, .. } = event
            && id.is_empty()
        {
            *id = self.make().into();
        }
    }

    /// Gives the calls of an answer ids, if they have none.
    pub(super) fn complete_answer(&mut self, answer: &mut Answer<'_>) {
        for block in answer.choices.iter_mut().flat_map(|choice| &mut choice.blocks) {
            if let Block::ToolCall { id, .. } = block
                && id.is_empty()
            {
                *id = self.make().into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::ToolKind;

    #[test]
    fn calls_without_an_id_get_one_each() {
        let mut ids = CallIds::new(Endpoint::Messages, [5, 7]);
        let mut made = ["", "own", ""].map(|id| {
            let kind = ToolKind::Function;
            let mut event = Event::ToolCall { choice: 0, index: 0, id: id.into(), name: "f".into(), kind };
            ids.complete(&mut event);
            let Event::ToolCall { id, .. } = event else { return String::new() };
            id.into_owned()
        });
        assert_eq!(made[1], "own");
        assert_ne!(made[0], made[2]);
        made.swap(0, 1);
        for id in &made[1..] {
            assert!(id.starts_with("toolu_01") && id.len() == 30, "{id}");
        }
    }
}
