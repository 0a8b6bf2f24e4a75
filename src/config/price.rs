//! Prices: `price` of the document, of a model and of a target.

use super::ConfigError;
use super::node::{Node, Setting};
use super::plan::{Plan, Target, most_specific};
use crate::cost::{Price, Rates};
use crate::json::{Value, double};
use crate::model;

/// The prices that the operator states.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices {
    /// The price of models that have none otherwise.
    pub(super) default: Option<Price>,
    /// The models of the document, by the names the operator gave them.
    pub(super) models: Vec<(String, Option<Price>)>,
}

impl Prices {
    /// The price of a model that the engine answers for.
    pub fn of_engine(&self, model: &str) -> Option<Rates> {
        self.stated(model).or_else(|| Rates::listed(model)).or_else(|| self.default(model))
    }

    /// The price of a model at a target of its plan: the target's own, the model's, that of the upstream's model by
    /// the table of models, or the default.
    pub fn at_target(&self, model: &str, plan: &Plan, target: &Target) -> Option<Rates> {
        let name = plan.name_at(target, model);
        let name = name.as_deref().unwrap_or(model);
        let own = target.price.map(|price| Rates::stated(price, model::find(name)));
        let listed = || Rates::listed(name).or_else(|| Rates::listed(model));
        own.or_else(|| self.stated(model)).or_else(listed).or_else(|| self.default(name))
    }

    fn stated(&self, model: &str) -> Option<Rates> {
        let price = (*most_specific(&self.models, model)?)?;
        Some(Rates::stated(price, model::find(model)))
    }

    fn default(&self, model: &str) -> Option<Rates> {
        Some(Rates::stated(self.default?, model::find(model)))
    }
}

/// The dearest price there may be, in dollars per million tokens.
const MAX_DOLLARS: f64 = 1e6;

/// An amount per million tokens.
struct Dollars(u64);

impl Setting for Dollars {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let wrong = || at.wrong("expected US dollars per million tokens, a number from 0 to 1000000");
        let Value::Number(spelled) = at.value else { return Err(wrong()) };
        let dollars = Some(double(spelled)).filter(|dollars| (0.0..=MAX_DOLLARS).contains(dollars));
        Ok(Self((dollars.ok_or_else(wrong)? * 1e6).round() as u64))
    }
}

impl Setting for Price {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields =
            at.fields(&["input", "cached_input", "cache_write", "output", "input_audio", "output_audio"])?;
        let maybe = |name| Ok::<_, ConfigError>(fields.maybe::<Dollars>(name)?.map(|dollars| dollars.0));
        Ok(Self {
            input: fields.needed::<Dollars>("input")?.0,
            cached_input: maybe("cached_input")?,
            cache_write: maybe("cache_write")?,
            output: fields.needed::<Dollars>("output")?.0,
            input_audio: maybe("input_audio")?,
            output_audio: maybe("output_audio")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Backend, Config};
    use crate::turn::Usage;

    fn config(json: &str) -> Result<Config, String> {
        let vars = [("PORTCULLIS_CONFIG".to_owned(), json.to_owned())];
        Config::from_vars(&vars).map_err(|error| error.to_string())
    }

    #[test]
    fn the_nearest_price_counts() {
        let config = config(
            r#"{"upstreams": {"a": {"url": "http://h/v1"}},
                "price": {"input": 7, "output": 7},
                "models": {
                  "gpt-4o": {"targets": [{"upstream": "a"}, {"upstream": "a", "price": {"input": 1, "output": 1}},
                                         {"upstream": "a", "model": "gpt-4o-mini"}]},
                  "gpt-*": {"targets": [{"upstream": "a", "model": "x-*"}], "price": {"input": 2.000001, "output": 2}},
                  "fast": {"targets": [{"upstream": "a", "model": "gpt-4o"}, {"upstream": "a", "model": "qwen"}]},
                  "mock": {"engine": {}, "price": {"input": 0, "output": 3}}}}"#,
        )
        .expect("valid");
        // What a million tokens of input cost, in millionths of a dollar.
        let million = Usage { input: 1_000_000, ..Usage::default() };
        let input =
            |rates: Option<crate::cost::Rates>| rates.map(|rates| rates.cost(&million).nanos() / 1000);
        let targets = |model: &str| {
            let Some(Backend::Upstream(plan)) = config.served.find(model) else { panic!("{model}") };
            plan.targets
                .iter()
                .map(|target| input(config.prices.at_target(model, plan, target)))
                .collect::<Vec<_>>()
        };
        assert_eq!(targets("gpt-4o"), [Some(2_500_000), Some(1_000_000), Some(150_000)]);
        assert_eq!(targets("gpt-5"), [Some(2_000_001)], "the model's own before the table's");
        assert_eq!(targets("fast"), [Some(2_500_000), Some(7_000_000)]);
        assert_eq!(input(config.prices.of_engine("mock")), Some(0));
        assert_eq!(input(config.prices.of_engine("gpt-4")), Some(2_000_001), "by the pattern `gpt-*`");
        assert_eq!(input(config.prices.of_engine("other")), Some(7_000_000));
        assert_eq!(input(Config::from_vars(&[]).expect("valid").prices.of_engine("other")), None);
    }

    #[test]
    fn a_price_that_makes_no_sense_is_refused() {
        for (price, path, hint) in [
            (r#"{"input": 1}"#, "price", "`output`"),
            (r#"{"input": -1, "output": 1}"#, "price.input", "0 to 1000000"),
            (r#"{"input": 1e7, "output": 1}"#, "price.input", "0 to 1000000"),
            (r#"{"input": 1, "output": "1"}"#, "price.output", "per million"),
            (r#"{"input": 1, "output": 1, "cached": 1}"#, "price.cached", "cached_input"),
        ] {
            for (json, at) in [
                (format!(r#"{{"price": {price}}}"#), ""),
                (format!(r#"{{"models": {{"m": {{"engine": {{}}, "price": {price}}}}}}}"#), "models.m."),
                (
                    format!(
                        r#"{{"upstreams": {{"a": {{"url": "http://h"}}}},
                            "models": {{"m": {{"targets": [{{"upstream": "a", "price": {price}}}]}}}}}}"#
                    ),
                    "models.m.targets[0].",
                ),
            ] {
                let error = config(&json).expect_err(&json);
                assert!(error.contains(&format!("`{at}{path}`")) && error.contains(hint), "{error}");
            }
        }
    }
}
