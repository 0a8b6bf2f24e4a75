//! `POST /v1/moderations`.

use super::Call;
use super::resolve::ServedModels;
use crate::api::moderations::{ByCategory, Input, Item, Moderation, Outcome, PartType};
use crate::budget::{Budget, Exhausted};
use crate::check;
use crate::config::engine::Category;
use crate::encode;
use crate::engine;
use crate::error::ApiError;
use crate::http::{Incoming, Response};
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
    let checked = check::moderations(&body, &ServedModels::of_engine(Endpoint::Moderations, call))?;
    call.begin(&checked.resolved, record);
    call.reserve(&checked.resolved.model, || 0, record)?;
    record.by_engine();
    let model = &checked.resolved.model;
    let budget = Budget::for_body(body.len());
    let outcome = |judged: &Judged<'_>| {
        let text = judged.text.as_deref().unwrap_or_default();
        let scores = engine::moderate(text, &call.config.engine, &budget);
        scores.map(|scores| outcome(judged, scores)).map_err(|Exhausted| super::too_much_work("input"))
    };
    let results =
        judged(checked.request.input.as_ref()).iter().map(outcome).collect::<Result<Vec<_>, _>>()?;
    let id = call.ctx.object_id("modr-");
    let mut response = encode::json(200, &Moderation { id: &id, model, results });
    super::note_dropped(&mut response, &checked.dropped);
    Ok(response)
}

/// The inputs, each with its text. Parts are one input together.
fn judged<'a>(input: Option<&'a Input<'_>>) -> Vec<Judged<'a>> {
    let text = |text: &'a str| Judged { text: Some(Cow::Borrowed(text)), images: false };
    let items = match input {
        None => return Vec::new(),
        Some(Input::Text(one)) => return vec![text(one)],
        Some(Input::Many(items)) => items,
    };
    let mut all = Vec::new();
    let (mut texts, mut images, mut parts) = (Vec::new(), false, false);
    for item in items {
        match item {
            Item::Text(one) => all.push(text(one)),
            Item::Part(part) => {
                parts = true;
                images |= part.kind == Some(PartType::ImageUrl);
                texts.extend(part.text.as_deref());
            }
        }
    }
    if parts {
        let together = (!texts.is_empty()).then(|| texts.join("\n").into());
        all.push(Judged { text: together, images });
    }
    all
}

fn outcome(judged: &Judged<'_>, scores: Vec<f64>) -> Outcome {
    let by = |score: &dyn Fn(Category, f64) -> bool| -> Vec<(&'static str, bool)> {
        let named = Category::ALL.iter().zip(&scores);
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
        let kinds = [judged.text.is_some().then_some("text"), seen(category).then_some("image")];
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
