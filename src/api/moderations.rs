//! `POST /v1/moderations`: the request and the answer.

use super::Text;
use super::message::ImageUrl;
use crate::json::{Write, push_members, writes};

/// The model of a request that names none.
pub const DEFAULT_MODEL: &str = "omni-moderation-latest";

object! {
    /// The body of `POST /v1/moderations`.
    pub struct Request<'a> {
        /// The id of the model.
        "model" model: Text<'a>,
        /// The input. Required.
        "input" input: Input<'a>,
    }
}

/// The input: a text, several texts, or parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// One text.
    Text(Text<'a>),
    /// Several texts, each an input of its own, or parts, which are one input together.
    Many(Vec<Item<'a>>),
}

string_or! { Input, |text| Some(Input::Text(text)), Input::Many }

/// A text, or a part of the one input.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// A text.
    Text(Text<'a>),
    /// A part.
    Part(Box<Part<'a>>),
}

string_or! { Item, |text| Some(Item::Text(text)), |part| Item::Part(Box::new(part)) }

object! {
    /// A part: its type, and the member named after it.
    pub struct Part<'a> {
        /// Which of the two it is.
        "type" kind: PartType,
        /// The text.
        "text" text: Text<'a>,
        /// The image.
        "image_url" image_url: ImageUrl<'a>,
    }
}

strings! {
    /// The `type` of a part.
    pub enum PartType {
        /// Text.
        "text" Text,
        /// An image.
        "image_url" ImageUrl,
    }
}

writes! {
    /// The answer.
    #[derive(Debug)]
    pub struct Moderation<'a> {
        /// `modr-…`
        "id" = id: &'a str,
        /// The requested model.
        "model" = model: &'a str,
        /// One for each input.
        "results" = results: Vec<Outcome>,
    }
}

writes! {
    /// What was found in an input.
    #[derive(Debug)]
    pub struct Outcome {
        /// Whether any category applies.
        "flagged" = flagged: bool,
        /// Which.
        "categories" = categories: ByCategory<bool>,
        /// How sure that is, 0 to 1.
        "category_scores" = category_scores: ByCategory<f64>,
        /// What kinds of input each was looked for in.
        "category_applied_input_types" = category_applied_input_types: ByCategory<Vec<&'static str>>,
    }
}

/// A value for each category, by its name.
#[derive(Debug)]
pub struct ByCategory<T>(pub Vec<(&'static str, T)>);

impl<T: Write> Write for ByCategory<T> {
    fn write(&self, out: &mut String) {
        push_members(self.0.iter().map(|(name, value)| (*name, value)), out);
    }
}
