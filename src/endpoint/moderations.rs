//! `POST /v1/moderations`.

use super::Call;
use crate::api::moderations::{ByCategory, Input, Item, Moderation, Outcome, PartType, Request};
use crate::config::engine::Category;
use crate::encode;
use crate::engine;
use crate::error::{ApiError, Kind};
use crate::http::{Incoming, Response};
use crate::log::Record;
use crate::upstream::Transport;
use std::borrow::Cow;

/// The models of the engine's that moderate, as long as nobody names any.
pub(super) const MODELS: [&str; 4] = [
    "omni-moderation-latest",
    "omni-moderation-2024-09-26",
    "text-moderation-latest",
    "text-moderation-stable",
];

/// One input: its text, and whether there are images with it.
struct Judged<'a> {
    text: Cow<'a, str>,
    images: bool,
}

/// Judges one or several inputs by the engine.
pub fn create<T: Transport>(
    call: &Call<'_, T>,
    body: &mut impl Incoming,
    record: &mut Record,
) -> Result<Response<T::Body>, ApiError> {
    let body = call.read_json(body, record)?;
    let request: Request<'_> = super::lenient(&body)?;
    let model = request.model.as_deref().unwrap_or(MODELS[0]);
    call.engine_has(model, &MODELS, record)?;
    record.target = Some("engine".to_owned());
    if let Some(name) = request.extra.first() {
        return Err(super::unknown(name));
    }
    let outcome = |judged: &Judged<'_>| outcome(judged, engine::moderate(&judged.text, &call.config.engine));
    let results = judged(request.input.as_ref())?.iter().map(outcome).collect();
    let id = call.ctx.object_id("modr-");
    Ok(encode::json(200, &Moderation { id: &id, model, results }))
}

/// The inputs, each with its text.
fn judged<'a>(input: Option<&'a Input<'_>>) -> Result<Vec<Judged<'a>>, ApiError> {
    let text = |text: &'a str| Judged { text: Cow::Borrowed(text), images: false };
    match input {
        None => Err(ApiError::new(Kind::MissingParameter, "Missing required parameter: 'input'.").at("input")),
        Some(Input::Text(one)) => Ok(vec![text(one)]),
        Some(Input::Many(items)) if items.is_empty() => Err(ApiError::new(
            Kind::EmptyArray,
            "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        )
        .at("input")),
        Some(Input::Many(items)) => {
            let mut all = Vec::new();
            let (mut together, mut images, mut parts) = (String::new(), false, false);
            for item in items {
                match item {
                    Item::Text(one) => all.push(text(one)),
                    Item::Part(part) => {
                        parts = true;
                        together.push_str(part.text.as_deref().unwrap_or_default());
                        together.push('\n');
                        images |= part.kind == Some(PartType::ImageUrl);
                    }
                }
            }
            if parts {
                all.push(Judged { text: together.into(), images });
            }
            Ok(all)
        }
    }
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
    let kinds = |category: Category| if seen(category) { vec!["text", "image"] } else { vec!["text"] };
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
