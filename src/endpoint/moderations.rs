//! `POST /v1/moderations`.

use super::Call;
use super::resolve::ServedModels;
use crate::api::moderations::{ByCategory, Input, Item, Outcome, PartType, Request};
use crate::budget::{Budget, Exhausted};
use crate::check;
use crate::config::engine::Category;
use crate::encode::moderations::in_pieces;
use crate::engine::{self, Verdict};
use crate::error::ApiError;
use crate::http::{Incoming, Response};
use crate::ids::IdForm;
use crate::log::Record;
use crate::model::Endpoint;
use crate::transport::Transport;
use std::borrow::Cow;

/// One input: its text, if it has one, and whether there are images with it.
struct Judged<'a> {
    text: Option<Cow<'a, str>>,
    images: bool,
}

/// Judges one or several inputs by the engine.
///
/// # Errors
///
/// What the live API refuses.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let checked =
        check::request::<Request<'_>, _>(&body, &ServedModels::of_engine(Endpoint::Moderations, call))?;
    call.begin(&checked.resolved, record);
    call.reserve(&checked.resolved.model, || 0, record)?;
    record.by_engine();
    let model = &checked.resolved.model;
    let budget = Budget::for_body(body.len());
    let verdict = |input: Judged<'_>| {
        let text = input.text.as_deref().unwrap_or_default();
        let verdict = engine::moderate(text, &call.config.engine, &budget);
        let verdict = verdict.map_err(|Exhausted| super::too_much_work("input"))?;
        Ok((verdict, Kinds { text: input.text.is_some(), images: input.images }))
    };
    let verdicts: Vec<(Verdict, Kinds)> =
        judged(checked.request.input.as_ref()).map(verdict).collect::<Result<_, ApiError>>()?;
    let outcomes = verdicts.into_iter().map(|(verdict, kinds)| outcome(kinds, &verdict.scores()));
    let mut response = in_pieces(&IdForm::MODERATION.id(call.ctx.random), model, outcomes);
    super::note_dropped(&mut response, &checked.dropped);
    Ok(response)
}

/// What kinds of input an input has.
#[derive(Clone, Copy)]
struct Kinds {
    text: bool,
    images: bool,
}

/// The inputs, each with its text. Parts are one input together.
fn judged<'a>(input: Option<&'a Input<'_>>) -> impl Iterator<Item = Judged<'a>> {
    let text = |text: &'a str| Judged { text: Some(Cow::Borrowed(text)), images: false };
    let (one, items): (_, &[Item<'_>]) = match input {
        None => (None, &[]),
        Some(Input::Text(one)) => (Some(text(one)), &[]),
        Some(Input::Many(items)) => (None, items),
    };
    let texts =
        items.iter().filter_map(move |item| if let Item::Text(one) = item { Some(text(one)) } else { None });
    one.into_iter().chain(texts).chain(together(items))
}

/// The parts among some items, as one input.
fn together<'a>(items: &'a [Item<'_>]) -> Option<Judged<'a>> {
    let parts =
        || items.iter().filter_map(|item| if let Item::Part(part) = item { Some(part) } else { None });
    parts().next()?;
    let mut texts = parts().filter_map(|part| part.text.as_deref());
    let text = texts.next().map(|first| {
        let mut all = first.to_owned();
        for text in texts {
            all.extend(["\n", text]);
        }
        all.into()
    });
    Some(Judged { text, images: parts().any(|part| part.kind == Some(PartType::ImageUrl)) })
}

fn outcome(judged: Kinds, scores: &[f64]) -> Outcome {
    let by = |score: &dyn Fn(Category, f64) -> bool| -> Vec<(&'static str, bool)> {
        let named = Category::ALL.iter().zip(scores);
        named.map(|(category, value)| (category.as_str(), score(*category, *value))).collect()
    };
    let categories = by(&|_, score| score >= 0.5);
    // The API looks at images for these alone.
    let seen = |category: Category| {
        use Category::{SelfHarm, SelfHarmInstructions, SelfHarmIntent, Sexual, Violence, ViolenceGraphic};
        judged.images
            && matches!(
                category,
                SelfHarm | SelfHarmInstructions | SelfHarmIntent | Sexual | Violence | ViolenceGraphic
            )
    };
    let kinds = |category: Category| {
        let kinds = [judged.text.then_some("text"), seen(category).then_some("image")];
        kinds.into_iter().flatten().collect()
    };
    Outcome {
        flagged: categories.iter().any(|(_, flagged)| *flagged),
        categories: ByCategory(categories),
        category_scores: ByCategory(
            Category::ALL.iter().map(|c| c.as_str()).zip(scores.iter().copied()).collect(),
        ),
        category_applied_input_types: ByCategory(
            Category::ALL.iter().map(|c| (c.as_str(), kinds(*c))).collect(),
        ),
    }
}
