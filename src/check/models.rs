//! The models OpenAI documents, and what each can do: the one place that is written down.

/// What is known of a model.
#[derive(Debug)]
pub struct Card {
    /// Its id, which dated ids extend: `gpt-4o` also stands for `gpt-4o-2024-08-06`.
    pub id: &'static str,
}

/// The card of a model, if it is known.
pub fn find(id: &str) -> Option<&'static Card> {
    CARDS.iter().find(|card| card.id == id)
}

static CARDS: &[Card] = &[Card { id: "gpt-4o" }];
