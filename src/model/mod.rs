//! The models, and what each can do: the one table of these facts.
//!
//! Limits are those of the model pages of OpenAI and Anthropic; what a model refuses follows recorded answers of the
//! live APIs. To add a model, add a row to `table.rs`.

mod table;
mod token_rules;

pub use table::MODELS;
pub use token_rules::{ClaudeTokens, ImageTokens, ResponsesTokens, TokenRules};

/// Which rules a request for a model is validated by. The live API words one error differently for each family, and
/// looks for errors in a different order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Unknown, or not one of OpenAI's: everything documented is accepted.
    Any,
    /// Models that do not reason: gpt-3.5, gpt-4, gpt-4o, gpt-4.1.
    Classic,
    /// Models that take or return audio, and require one of the two.
    Audio,
    /// Models that search the web.
    Search,
    /// Models that reason: o1 and later, gpt-5 and later.
    Reasoning,
}

/// An endpoint that generates from a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/moderations`
    Moderations,
}

/// A vocabulary, with the pattern that splits text before its merges. `tokens` implements it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Of gpt-4o and everything newer.
    O200kBase,
    /// Of gpt-4, gpt-3.5, the base models and the embeddings.
    Cl100kBase,
}

impl Encoding {
    /// The largest token id, special tokens included, that the API accepts in a prompt or as a key of `logit_bias`.
    pub const fn largest_token(self) -> u32 {
        match self {
            Self::O200kBase => 200_018,
            Self::Cl100kBase => 100_257,
        }
    }
}

/// How a Claude model reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// It does not.
    None,
    /// With `thinking: {"type": "enabled", "budget_tokens": n}`.
    Budget,
    /// With a budget, or with `thinking: {"type": "adaptive"}`.
    BudgetOrAdaptive,
    /// With `adaptive` alone.
    Adaptive,
    /// Always; it cannot be disabled.
    Always,
}

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Input that was not read from a cache.
    pub input: f64,
    /// Input read from a cache; `None` where there is no discount, or none is known.
    pub cached_input: Option<f64>,
    /// Output, reasoning included.
    pub output: f64,
    /// Input and output that is audio, where the model has audio.
    pub audio: Option<(f64, f64)>,
    /// The day the price list was read, as `YYYY-MM-DD`.
    pub read: &'static str,
}

/// What is known of a model.
#[derive(Debug)]
pub struct ModelSpec {
    /// Its id, which a date may follow: `gpt-4o` also stands for `gpt-4o-2024-08-06`.
    pub id: &'static str,
    /// Which rules it is validated by.
    pub family: Family,
    /// The endpoints that serve it, the one of its own API first; empty for a retired model.
    pub endpoints: &'static [Endpoint],
    /// The endpoints where the engine serves it as long as the operator names no model.
    pub unnamed: &'static [Endpoint],
    /// The name in Anthropic's list of models.
    pub display_name: Option<&'static str>,
    /// The day of its release, as `YYYY-MM-DD`, where known.
    pub released: Option<&'static str>,
    /// The price, where known.
    pub price: Option<Price>,
    /// Whether input that is written to a cache costs a quarter more than other input, and twice as much where the
    /// cache keeps it for an hour. Other models do not bill it apart.
    pub bills_cache_writes: bool,
    /// Where a prompt of more tokens costs twice as much, and its output one and a half times: the number of tokens.
    pub long_prompt: Option<u32>,

    /// The context window: the most tokens of prompt and completion together.
    pub window: u32,
    /// The most tokens of the prompt, where it has a limit of its own.
    pub input: Option<u32>,
    /// The most tokens of the completion.
    pub output: u32,
    /// How its text is split into tokens.
    pub encoding: Encoding,
    /// How the tokens of a request are counted.
    pub token_rules: &'static TokenRules,
    /// How the tokens of an image are counted.
    pub image_tokens: ImageTokens,

    /// Whether it takes images.
    pub vision: bool,
    /// Whether an image may be given by its URL, or must be sent as data.
    pub image_urls: bool,
    /// Whether it takes and returns audio.
    pub audio: bool,
    /// Whether it supports the response format `json_object`.
    pub json_object: bool,
    /// Whether it supports the response format `json_schema`.
    pub json_schema: bool,
    /// Whether it calls tools.
    pub tools: bool,
    /// Whether functions may be offered in Chat Completions while it reasons.
    pub tools_while_reasoning: bool,
    /// The most `top_logprobs`.
    pub top_logprobs: i64,
    /// The most choices, `n`.
    pub choices: i64,
    /// Whether it supports `stream`.
    pub streams: bool,
    /// Whether it supports a predicted output.
    pub prediction: bool,
    /// Whether it takes messages of the role `system`. For Claude: among the messages, not only before them.
    pub system_role: bool,
    /// The values of `reasoning_effort` in Chat Completions, or of `output_config.effort` in Messages.
    pub efforts: &'static [&'static str],
    /// Whether Responses also takes the effort `max`.
    pub max_effort: bool,
    /// Whether, in Responses, it reads its reasoning of all turns unless the request sets `reasoning.context`. Other models
    /// read that of the current turn.
    pub reads_all_reasoning: bool,
    /// Whether its messages in Responses have a `phase`.
    pub phases: bool,
    /// Whether it reasons when the request does not set an effort.
    pub reasons: bool,
    /// How a Claude model reasons.
    pub thinking: Thinking,
    /// Whether the last message may be the assistant's, to be continued. Claude only.
    pub prefill: bool,
    /// The `top_p` that a response has where the request sets none.
    pub default_top_p: f64,
    /// Whether it has the parameter `temperature`, if only for its default.
    pub temperature: bool,
    /// Whether it has the parameter `parallel_tool_calls`.
    pub parallel_tool_calls: bool,
    /// Whether it has the parameter `stop`.
    pub stop: bool,
    /// Whether it supports a `verbosity` other than `medium`.
    pub verbosity: bool,
    /// Whether it supports the `prompt_cache_retention` `in_memory`.
    pub in_memory_cache: bool,
    /// Whether the usage in Chat Completions counts the tokens that were written to the cache.
    pub reports_cache_writes: bool,
    /// How many dimensions its embeddings have.
    pub dimensions: u32,
    /// Whether a request may set fewer dimensions.
    pub shortens: bool,
    /// Whether errors in some parameters are worded as the Python library pydantic words them.
    pub python_faults: bool,
}

impl ModelSpec {
    /// Whether an endpoint serves it.
    pub fn serves(&self, endpoint: Endpoint) -> bool {
        self.endpoints.contains(&endpoint)
    }

    /// The endpoint of its own API; none for a retired model.
    pub fn home(&self) -> Option<Endpoint> {
        self.endpoints.first().copied()
    }

    /// Whether reasoning can be turned off by the effort `none`.
    pub fn can_rest(&self) -> bool {
        self.efforts.contains(&"none")
    }

    /// Whether it is one of Anthropic's.
    pub fn is_claude(&self) -> bool {
        self.token_rules.claude.is_some()
    }
}

/// The row of a model: by its id, as a dated snapshot of one, or as a fine-tuned model (`ft:gpt-4o-mini:org::id`), which
/// has the row of its base.
pub fn find(id: &str) -> Option<&'static ModelSpec> {
    let id = base(id);
    let exact = MODELS.iter().find(|spec| spec.id == id);
    exact.or_else(|| {
        MODELS.iter().find(|spec| {
            // Older Claude models have no id without a date.
            let same = || spec.is_claude() && without_snapshot(spec.id) == without_snapshot(id);
            id.strip_prefix(spec.id).is_some_and(is_snapshot) || same()
        })
    })
}

/// The row of a model or, of an unknown one, the row that most likely shares its encoding and its way of counting
/// tokens. Its limits and parameters are not those of an unknown model.
pub fn nearest(id: &str) -> &'static ModelSpec {
    find(id).unwrap_or_else(|| {
        let id = base(id);
        let likeness = table::LIKENESSES.iter().find(|(prefix, _)| id.starts_with(prefix));
        likeness.and_then(|(_, row)| MODELS.iter().find(|spec| spec.id == *row)).unwrap_or(&table::UNKNOWN)
    })
}

/// The price of a model. Fine-tuned models have prices of their own, which are not known.
pub fn price(id: &str) -> Option<Price> {
    if id.starts_with("ft:") { None } else { find(id)?.price }
}

/// The models an endpoint serves as long as the operator names none, in the order in which they are listed.
pub fn unnamed(endpoint: Endpoint) -> impl Iterator<Item = &'static ModelSpec> {
    MODELS.iter().filter(move |spec| spec.unnamed.contains(&endpoint))
}

/// The model a fine-tuned one is based on; any other id as it is.
fn base(id: &str) -> &str {
    id.strip_prefix("ft:").and_then(|tuned| tuned.split(':').next()).unwrap_or(id)
}

/// True for what follows the name in the id of a snapshot: `-2024-08-06`, `-0613`, `-20250929`, and `@20250929` as
/// Google writes it; and for the aliases `-latest` and `-0` of Claude models.
fn is_snapshot(suffix: &str) -> bool {
    let shaped = |shape: &str| {
        let alike = |(byte, want): (u8, u8)| if want == b'0' { byte.is_ascii_digit() } else { byte == want };
        suffix.len() == shape.len() && suffix.bytes().zip(shape.bytes()).all(alike)
    };
    matches!(suffix, "-latest" | "-0")
        || ["-0000-00-00", "-0000", "-00000000", "@00000000"].into_iter().any(shaped)
}

fn without_snapshot(id: &str) -> &str {
    let at = id.rfind(['-', '@']).filter(|at| id.get(*at..).is_some_and(is_snapshot));
    at.and_then(|at| id.get(..at)).unwrap_or(id)
}

/// How many dimensions the embeddings of an unknown model have.
pub const DIMENSIONS: u32 = 1536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_and_fine_tuned_models_have_the_row_of_their_model() {
        for (id, want) in [
            ("gpt-4", Some("gpt-4")),
            ("gpt-4-0613", Some("gpt-4")),
            ("gpt-4o-2024-11-20", Some("gpt-4o")),
            ("gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
            ("gpt-3.5-turbo-0125", Some("gpt-3.5-turbo")),
            ("gpt-3.5-turbo-1106", Some("gpt-3.5-turbo-1106")),
            ("ft:gpt-4o-mini-2024-07-18:org::id", Some("gpt-4o-mini")),
            ("ft:gpt-3.5-turbo:org:suffix:id", Some("gpt-3.5-turbo")),
            ("claude-sonnet-4-5-20250929", Some("claude-sonnet-4-5")),
            ("claude-sonnet-4-5@20250929", Some("claude-sonnet-4-5")),
            ("claude-sonnet-4-0", Some("claude-sonnet-4")),
            ("claude-opus-4-20250514", Some("claude-opus-4")),
            ("claude-opus-4-5", Some("claude-opus-4-5")),
            ("claude-3-5-haiku-latest", Some("claude-3-5-haiku-20241022")),
            ("claude-3-haiku-20240307", Some("claude-3-haiku-20240307")),
            ("claude-sonet-4-5", None),
            ("gpt-4.6", None),
            ("gpt-4-x", None),
            ("ft:", None),
            ("", None),
        ] {
            assert_eq!(find(id).map(|spec| spec.id), want, "{id}");
        }
    }

    #[test]
    fn unknown_models_are_counted_as_their_nearest() {
        use Encoding::{Cl100kBase, O200kBase};
        for (id, row, encoding) in [
            ("gpt-4o-mini-2024-07-18", "gpt-4o-mini", O200kBase),
            ("gpt-4-whatever", "gpt-4-turbo", Cl100kBase),
            ("gpt-4.6", "gpt-4.1", O200kBase),
            ("gpt-35-turbo", "gpt-3.5-turbo", Cl100kBase), // Azure's spelling
            ("ft:gpt-3.5-turbo-9999-preview:org::id", "gpt-3.5-turbo", Cl100kBase),
            ("text-embedding-4", "text-embedding-3-small", Cl100kBase),
            ("babbage-002", "babbage-002", Cl100kBase),
            ("ft:davinci-002:org::id", "davinci-002", Cl100kBase),
            ("gpt-5.9-preview", "gpt-5.4", O200kBase),
            ("gpt-7", "gpt-6-sol", O200kBase),
            ("o3-large", "o3", O200kBase),
            ("claude-opus-9", "claude-sonnet-5", O200kBase),
            ("anthropic.claude-v9", "claude-sonnet-5", O200kBase),
            ("my-model", "", O200kBase),
            ("", "", O200kBase),
        ] {
            let spec = nearest(id);
            assert_eq!((spec.id, spec.encoding), (row, encoding), "{id}");
        }
    }

    #[test]
    fn fine_tuned_models_have_no_price() {
        assert_eq!(price("gpt-4o-2024-08-06").map(|price| price.output), Some(10.0));
        assert_eq!(price("ft:gpt-4o-2024-08-06:org::id"), None);
        assert_eq!(price("my-model"), None);
    }

    #[test]
    fn the_engine_serves_these_while_no_model_is_named() {
        let ids = |endpoint| unnamed(endpoint).map(|spec| spec.id).collect::<Vec<_>>();
        let seven = [
            "gpt-4",
            "gpt-4-turbo",
            "gpt-4-turbo-preview",
            "gpt-4o",
            "gpt-4o-mini",
            "gpt-3.5-turbo",
            "gpt-3.5-turbo-16k",
        ];
        assert_eq!(ids(Endpoint::Chat), seven);
        assert_eq!(ids(Endpoint::Responses), seven);
        let three = ["gpt-3.5-turbo-instruct", "davinci-002", "babbage-002"];
        assert_eq!(ids(Endpoint::Completions), [&seven[..], &three].concat());
        assert_eq!(
            ids(Endpoint::Embeddings),
            ["text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002"]
        );
        assert_eq!(ids(Endpoint::Moderations), ["omni-moderation-latest", "omni-moderation-2024-09-26"]);
        let claude = MODELS.iter().filter(|spec| spec.is_claude()).map(|spec| spec.id);
        assert_eq!(ids(Endpoint::Messages), seven.into_iter().chain(claude).collect::<Vec<_>>());
    }

    /// Rows whose price is not in the lists that were read.
    const WITHOUT_PRICE: [&str; 1] = ["gpt-5.1-mini"];

    /// Every fact of every row: a new row that lacks one fails here.
    #[test]
    fn every_row_is_complete() {
        for (i, spec) in MODELS.iter().enumerate() {
            let id = spec.id;
            let ModelSpec {
                family,
                endpoints,
                unnamed,
                display_name,
                released,
                price,
                bills_cache_writes,
                long_prompt,
                window,
                input,
                output,
                image_tokens,
                vision,
                audio,
                top_logprobs,
                choices,
                efforts,
                max_effort,
                reasons,
                thinking,
                dimensions,
                ..
            } = *spec;
            assert!(!id.is_empty() && !MODELS[..i].iter().any(|other| other.id == id), "{id}: id");
            assert!(
                unnamed.iter().all(|at| spec.serves(*at) || *at == Endpoint::Completions),
                "{id}: unnamed"
            );
            assert_eq!(find(id).map(|found| found.id), Some(id), "{id}: not found by its own id");
            if spec.serves(Endpoint::Moderations) {
                assert!(price.is_some_and(|price| price.input == 0.0), "{id}: it is free");
                continue;
            }
            assert!(window > 0 && output > 0 && output <= window, "{id}: limits");
            assert!(input.is_none_or(|input| input + output == window), "{id}: limits");
            assert!(top_logprobs > 0 && choices > 0 && dimensions > 0, "{id}: limits");
            let priced = price.is_some() || endpoints.is_empty() || WITHOUT_PRICE.contains(&id);
            assert!(priced, "{id}: price");
            assert!(!WITHOUT_PRICE.contains(&id) || price.is_none(), "{id}: has a price");
            if let Some(Price { input, cached_input, output, audio: audio_price, read }) = price {
                assert!(input > 0.0 && cached_input.is_none_or(|cached| cached < input), "{id}: price");
                let dearer = |price: (f64, f64)| price.0 > input && price.1 > output;
                assert_eq!(audio, audio_price.is_some_and(dearer), "{id}: the price of audio");
                assert!(output > input || spec.home() != Some(Endpoint::Chat), "{id}: price");
                assert!(is_snapshot(&format!("-{read}")), "{id}: the day of the price");
            }
            assert!(released.is_none_or(|day| is_snapshot(&format!("-{day}"))), "{id}: released");
            assert_eq!(vision, image_tokens != ImageTokens::None, "{id}: image_tokens");
            assert_eq!(audio, family == Family::Audio, "{id}: audio");
            let claude = id.starts_with("claude-");
            assert_eq!(claude, spec.is_claude(), "{id}: token_rules");
            assert!(!claude || bills_cache_writes, "{id}: bills_cache_writes");
            assert_eq!(long_prompt.is_some(), !claude && window > 1_047_576, "{id}: long_prompt");
            assert_eq!(claude, display_name.is_some(), "{id}: display_name");
            assert_eq!(claude, spec.home() == Some(Endpoint::Messages), "{id}: endpoints");
            assert!(claude || thinking == Thinking::None, "{id}: thinking");
            assert!(claude || efforts.is_empty() || family == Family::Reasoning, "{id}: efforts");
            assert!(!max_effort || !efforts.is_empty() && !efforts.contains(&"max"), "{id}: max_effort");
            assert!(!reasons || family == Family::Reasoning, "{id}: reasons");
        }
    }

    #[test]
    fn likenesses_name_rows() {
        for (prefix, row) in table::LIKENESSES {
            assert!(MODELS.iter().any(|spec| spec.id == *row), "{prefix}: {row}");
        }
    }
}
