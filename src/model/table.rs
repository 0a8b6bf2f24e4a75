//! The rows, and the families they derive from.

use super::token_rules::{
    CLASSIC as CLASSIC_TOKENS, CLAUDE_4, CLAUDE_5, CLAUDE_45, CLAUDE_47, CLAUDE_OPUS,
    ESCAPING as ESCAPING_TOKENS, GPT_4 as GPT_4_TOKENS, GPT_5 as GPT_5_TOKENS, GPT_51 as GPT_51_TOKENS,
    O_SERIES as O_SERIES_TOKENS, O3_MINI as O3_MINI_TOKENS, SEARCH as SEARCH_TOKENS,
};
use super::{DIMENSIONS, Encoding, Endpoint, Family, ImageTokens, ModelSpec, Price, Thinking};
use ImageTokens::{Patches, Tiles};

/// Where chat models are served: by their own API, and by the others through translation.
const CHAT: &[Endpoint] = &[Endpoint::Chat, Endpoint::Responses, Endpoint::Messages];
/// Chat models that Responses does not serve.
const CHAT_ONLY: &[Endpoint] = &[Endpoint::Chat, Endpoint::Messages];
const RESPONSES: &[Endpoint] = &[Endpoint::Responses, Endpoint::Messages];
const MESSAGES: &[Endpoint] = &[Endpoint::Messages, Endpoint::Chat, Endpoint::Responses];
const COMPLETIONS: &[Endpoint] = &[Endpoint::Completions];

/// Where the engine serves the seven models of the project's API document while no model is named.
const EVERYWHERE: &[Endpoint] =
    &[Endpoint::Chat, Endpoint::Completions, Endpoint::Responses, Endpoint::Messages];

const fn price(input: f64, cached_input: f64, output: f64, read: &'static str) -> Option<Price> {
    Some(Price { input, cached_input: Some(cached_input), output, audio: None, read })
}

/// The price of a model without a discount on cached input.
const fn flat_price(input: f64, output: f64, read: &'static str) -> Option<Price> {
    Some(Price { input, cached_input: None, output, audio: None, read })
}

/// The price of a model with audio: text first, then audio, of each input and output.
const fn audio_price(text: (f64, f64), audio: (f64, f64), read: &'static str) -> Option<Price> {
    Some(Price { input: text.0, cached_input: None, output: text.1, audio: Some(audio), read })
}

// The days on which prices were read.
const JULY: &str = "2026-07-01";
const AUGUST: &str = "2026-08-21";
const SEPTEMBER: &str = "2026-09-10";
const OCTOBER: &str = "2026-10-24";
const NOVEMBER: &str = "2026-11-18";
const READ_LAST: &str = "2026-11-28";

/// What most models have in common. What each must state itself is empty.
const BLANK: ModelSpec = ModelSpec {
    id: "",
    family: Family::Any,
    endpoints: &[],
    unnamed: &[],
    display_name: None,
    released: None,
    price: None,
    bills_cache_writes: false,
    long_prompt: None,
    window: 0,
    input: None,
    output: 0,
    encoding: Encoding::O200kBase,
    token_rules: &CLASSIC_TOKENS,
    image_tokens: ImageTokens::None,
    vision: false,
    image_urls: true,
    audio: false,
    json_object: true,
    json_schema: true,
    tools: true,
    tools_while_reasoning: true,
    top_logprobs: 20,
    choices: 128,
    streams: true,
    prediction: true,
    system_role: true,
    efforts: &[],
    max_effort: false,
    reads_all_reasoning: false,
    phases: false,
    reasons: false,
    thinking: Thinking::None,
    prefill: true,
    default_top_p: 1.0,
    temperature: true,
    parallel_tool_calls: true,
    stop: true,
    verbosity: false,
    in_memory_cache: true,
    reports_cache_writes: false,
    dimensions: DIMENSIONS,
    shortens: true,
    python_faults: false,
};

/// How a model of an unknown name is counted.
pub(super) static UNKNOWN: ModelSpec = ModelSpec { image_tokens: Tiles(85, 170), vision: true, ..BLANK };

const CLASSIC: ModelSpec = ModelSpec {
    family: Family::Classic,
    endpoints: CHAT,
    window: 128_000,
    output: 16_384,
    image_tokens: Tiles(85, 170),
    vision: true,
    ..BLANK
};

const GPT_4O: ModelSpec = ModelSpec { price: price(2.5, 1.25, 10.0, JULY), ..CLASSIC };

const GPT_4: ModelSpec = ModelSpec {
    window: 8_192,
    output: 8_192,
    encoding: Encoding::Cl100kBase,
    image_tokens: ImageTokens::None,
    vision: false,
    image_urls: false, // as recorded in 2025; gpt-3.5 and gpt-4o got as far as looking at the model
    json_object: false,
    json_schema: false,
    prediction: false,
    price: flat_price(30.0, 60.0, JULY),
    token_rules: &GPT_4_TOKENS,
    ..CLASSIC
};

const GPT_4_TURBO: ModelSpec = ModelSpec {
    window: 128_000,
    output: 4_096,
    image_tokens: Tiles(85, 170),
    vision: true,
    image_urls: true,
    json_object: true,
    price: flat_price(10.0, 30.0, JULY),
    token_rules: &CLASSIC_TOKENS,
    ..GPT_4
};

/// gpt-4-turbo's previews, which take text only.
const GPT_4_PREVIEW: ModelSpec = ModelSpec {
    vision: false,
    image_tokens: ImageTokens::None,
    price: flat_price(10.0, 30.0, AUGUST),
    ..GPT_4_TURBO
};

const GPT_35: ModelSpec = ModelSpec {
    window: 16_385,
    price: flat_price(0.5, 1.5, JULY),
    token_rules: &ESCAPING_TOKENS,
    ..GPT_4_PREVIEW
};

const TEXT: ModelSpec = ModelSpec { endpoints: COMPLETIONS, ..GPT_35 };

const GPT_41: ModelSpec = ModelSpec { window: 1_047_576, output: 32_768, ..CLASSIC };

const AUDIO: ModelSpec = ModelSpec {
    family: Family::Audio,
    endpoints: CHAT_ONLY,
    vision: false,
    image_tokens: ImageTokens::None,
    audio: true,
    json_object: false,
    json_schema: false,
    prediction: false,
    ..CLASSIC
};

const SEARCH: ModelSpec = ModelSpec {
    family: Family::Search,
    endpoints: CHAT_ONLY,
    token_rules: &SEARCH_TOKENS,
    vision: false,
    image_tokens: ImageTokens::None,
    tools: false,
    prediction: false,
    ..CLASSIC
};

/// gpt-5 as ChatGPT has it: it does not take an effort.
const GPT_5_CHAT: ModelSpec =
    ModelSpec { token_rules: &GPT_51_TOKENS, image_tokens: Tiles(70, 140), prediction: false, ..CLASSIC };

const O_SERIES: ModelSpec = ModelSpec {
    family: Family::Reasoning,
    window: 200_000,
    output: 100_000,
    token_rules: &O_SERIES_TOKENS,
    image_tokens: Tiles(75, 150),
    top_logprobs: 5,
    choices: 8,
    prediction: false,
    efforts: &["low", "medium", "high"],
    reasons: true,
    parallel_tool_calls: false,
    stop: false,
    ..CLASSIC
};

const O1_MINI: ModelSpec = ModelSpec {
    endpoints: CHAT_ONLY,
    window: 128_000,
    output: 65_536,
    token_rules: &O3_MINI_TOKENS,
    vision: false,
    image_tokens: ImageTokens::None,
    json_object: false,
    json_schema: false,
    tools: false,
    system_role: false,
    efforts: &[],
    ..O_SERIES
};

const GPT_5: ModelSpec = ModelSpec {
    window: 400_000,
    input: Some(272_000),
    output: 128_000,
    token_rules: &GPT_5_TOKENS,
    image_tokens: Tiles(70, 140),
    efforts: &["minimal", "low", "medium", "high"],
    parallel_tool_calls: true,
    verbosity: true,
    price: price(1.25, 0.125, 10.0, JULY),
    ..O_SERIES
};

// From here to gpt-5.4 they reason when the request sets an effort; from gpt-5.5 on, unless it sets `none`.
const GPT_51: ModelSpec = ModelSpec {
    efforts: &["none", "low", "medium", "high"],
    token_rules: &GPT_51_TOKENS,
    reasons: false,
    ..GPT_5
};

const GPT_52: ModelSpec = ModelSpec {
    efforts: &["none", "low", "medium", "high", "xhigh"],
    default_top_p: 0.98, // as recorded in 2026
    price: price(1.75, 0.175, 14.0, JULY),
    ..GPT_51
};

const GPT_54: ModelSpec = ModelSpec {
    window: 1_050_000,
    input: Some(922_000),
    tools_while_reasoning: false,
    phases: true,
    price: price(2.5, 0.25, 15.0, JULY),
    long_prompt: Some(272_000),
    ..GPT_52
};

const GPT_54_SMALL: ModelSpec =
    ModelSpec { window: 400_000, input: Some(272_000), long_prompt: None, ..GPT_54 };

const GPT_55: ModelSpec = ModelSpec { reasons: true, price: price(5.0, 0.5, 30.0, JULY), ..GPT_54 };

// Prompts stay in the cache for a day only.
const GPT_56: ModelSpec = ModelSpec {
    max_effort: true,
    reads_all_reasoning: true,
    in_memory_cache: false,
    reports_cache_writes: true,
    price: price(4.0, 0.4, 20.0, SEPTEMBER),
    bills_cache_writes: true,
    ..GPT_55
};

const GPT_6: ModelSpec = ModelSpec { price: price(2.0, 0.2, 10.0, NOVEMBER), ..GPT_56 };

/// Models of the gpt-6 family whose reasoning cannot be turned off. Then functions may be offered while they reason.
const GPT_6_ALWAYS: ModelSpec = ModelSpec {
    efforts: &["low", "medium", "high", "xhigh"],
    tools_while_reasoning: true,
    phases: false,
    ..GPT_6
};

/// Models that only Responses serves.
const PRO: ModelSpec = ModelSpec { endpoints: RESPONSES, ..GPT_5 };

const O_PRO: ModelSpec = ModelSpec { endpoints: RESPONSES, ..O_SERIES };

const RETIRED: ModelSpec = ModelSpec { endpoints: &[], price: None, ..GPT_35 };

const EMBEDDING: ModelSpec = ModelSpec {
    endpoints: &[Endpoint::Embeddings],
    unnamed: &[Endpoint::Embeddings],
    window: 8_192,
    ..GPT_35
};

const MODERATION: ModelSpec = ModelSpec {
    endpoints: &[Endpoint::Moderations],
    unnamed: &[Endpoint::Moderations],
    price: flat_price(0.0, 0.0, AUGUST),
    ..BLANK
};

/// Claude 3 and 3.5. OpenAI's endpoints accept everything of Claude models, which are validated by Anthropic's rules.
const CLAUDE_3: ModelSpec = ModelSpec {
    endpoints: MESSAGES,
    unnamed: &[Endpoint::Messages],
    bills_cache_writes: true,
    window: 200_000,
    output: 4_096,
    token_rules: &CLAUDE_4,
    image_tokens: ImageTokens::Pixels,
    vision: true,
    system_role: false,
    ..BLANK
};

const CLAUDE_SONNET_4: ModelSpec =
    ModelSpec { output: 64_000, thinking: Thinking::Budget, price: price(3.0, 0.3, 15.0, JULY), ..CLAUDE_3 };

const CLAUDE_SONNET_45: ModelSpec = ModelSpec { token_rules: &CLAUDE_45, ..CLAUDE_SONNET_4 };

const CLAUDE_46: ModelSpec = ModelSpec {
    window: 1_000_000,
    output: 128_000,
    efforts: &["low", "medium", "high", "max"],
    thinking: Thinking::BudgetOrAdaptive,
    prefill: false,
    ..CLAUDE_SONNET_45
};

const CLAUDE_OPUS_47: ModelSpec = ModelSpec {
    token_rules: &CLAUDE_47,
    efforts: &["low", "medium", "high", "xhigh", "max"],
    thinking: Thinking::Adaptive,
    price: price(5.0, 0.5, 25.0, JULY),
    ..CLAUDE_46
};

const CLAUDE_OPUS_48: ModelSpec =
    ModelSpec { token_rules: &CLAUDE_OPUS, system_role: true, ..CLAUDE_OPUS_47 };

const CLAUDE_SONNET_5: ModelSpec = ModelSpec {
    token_rules: &CLAUDE_5,
    temperature: false,
    price: price(2.0, 0.2, 10.0, OCTOBER),
    ..CLAUDE_OPUS_48
};

const CLAUDE_FABLE_5: ModelSpec =
    ModelSpec { thinking: Thinking::Always, price: price(10.0, 1.0, 50.0, OCTOBER), ..CLAUDE_SONNET_5 };

/// Every model.
#[rustfmt::skip] // a table
pub static MODELS: &[ModelSpec] = &[
    ModelSpec { id: "gpt-4", unnamed: EVERYWHERE, ..GPT_4 },
    ModelSpec { id: "gpt-4-32k", window: 32_768, output: 32_768, price: flat_price(60.0, 120.0, AUGUST), ..GPT_4 },
    ModelSpec { id: "gpt-4-turbo", unnamed: EVERYWHERE, ..GPT_4_TURBO },
    ModelSpec { id: "gpt-4-turbo-preview", unnamed: EVERYWHERE, ..GPT_4_PREVIEW },
    ModelSpec { id: "gpt-4-0125-preview", ..GPT_4_PREVIEW },
    ModelSpec { id: "gpt-4-1106-preview", ..GPT_4_PREVIEW },
    ModelSpec { id: "gpt-4-vision-preview", endpoints: CHAT_ONLY, json_object: false, tools: false, price: flat_price(10.0, 30.0, AUGUST), ..GPT_4_TURBO },
    ModelSpec { id: "gpt-4o", unnamed: EVERYWHERE, ..GPT_4O },
    ModelSpec { id: "gpt-4o-2024-05-13", output: 4_096, json_schema: false, price: flat_price(5.0, 15.0, JULY), ..GPT_4O },
    ModelSpec { id: "gpt-4o-mini", unnamed: EVERYWHERE, token_rules: &ESCAPING_TOKENS, image_tokens: Tiles(2_833, 5_667), price: price(0.15, 0.075, 0.6, JULY), ..GPT_4O },
    ModelSpec { id: "gpt-3.5-turbo", unnamed: EVERYWHERE, ..GPT_35 },
    ModelSpec { id: "gpt-3.5-turbo-16k", unnamed: EVERYWHERE, price: flat_price(3.0, 4.0, AUGUST), ..GPT_35 },
    ModelSpec { id: "chatgpt-4o-latest", json_schema: false, tools: false, prediction: false, price: flat_price(5.0, 15.0, JULY), ..CLASSIC },
    ModelSpec { id: "gpt-4.1", price: price(2.0, 0.5, 8.0, JULY), ..GPT_41 },
    ModelSpec { id: "gpt-4.1-mini", image_tokens: Patches(162), price: price(0.4, 0.1, 1.6, JULY), ..GPT_41 },
    ModelSpec { id: "gpt-4.1-nano", image_tokens: Patches(246), price: price(0.1, 0.025, 0.4, JULY), ..GPT_41 },
    ModelSpec { id: "gpt-4o-audio-preview", python_faults: true, price: audio_price((2.5, 10.0), (40.0, 80.0), READ_LAST), ..AUDIO },
    ModelSpec { id: "gpt-4o-mini-audio-preview", python_faults: true, price: audio_price((0.15, 0.6), (10.0, 20.0), AUGUST), ..AUDIO },
    ModelSpec { id: "gpt-audio", price: audio_price((2.5, 10.0), (32.0, 64.0), AUGUST), ..AUDIO },
    ModelSpec { id: "gpt-audio-mini", price: audio_price((0.6, 2.4), (10.0, 20.0), AUGUST), ..AUDIO },
    ModelSpec { id: "gpt-audio-1.5", price: audio_price((2.5, 10.0), (32.0, 64.0), AUGUST), ..AUDIO },
    ModelSpec { id: "gpt-4o-search-preview", price: flat_price(2.5, 10.0, READ_LAST), ..SEARCH },
    ModelSpec { id: "gpt-4o-mini-search-preview", price: flat_price(0.15, 0.6, READ_LAST), ..SEARCH },
    ModelSpec { id: "gpt-5-search-api", price: price(1.25, 0.125, 10.0, AUGUST), ..SEARCH },
    ModelSpec { id: "o1", streams: false, temperature: false, stop: true, price: price(15.0, 7.5, 60.0, JULY), ..O_SERIES },
    ModelSpec { id: "o1-mini", price: price(1.1, 0.55, 4.4, JULY), ..O1_MINI },
    ModelSpec { id: "o1-preview", output: 32_768, price: price(15.0, 7.5, 60.0, JULY), ..O1_MINI },
    ModelSpec { id: "o1-pro", price: flat_price(150.0, 600.0, JULY), ..O_PRO },
    ModelSpec { id: "o3", price: price(2.0, 0.5, 8.0, JULY), ..O_SERIES },
    ModelSpec { id: "o3-mini", token_rules: &O3_MINI_TOKENS, vision: false, image_tokens: ImageTokens::None, temperature: false, stop: true, price: price(1.1, 0.55, 4.4, JULY), ..O_SERIES },
    ModelSpec { id: "o3-pro", price: flat_price(20.0, 80.0, JULY), ..O_PRO },
    ModelSpec { id: "o3-deep-research", price: price(10.0, 2.5, 40.0, JULY), ..O_PRO },
    ModelSpec { id: "o4-mini", image_tokens: Patches(172), price: price(1.1, 0.275, 4.4, JULY), ..O_SERIES },
    ModelSpec { id: "o4-mini-deep-research", image_tokens: Patches(172), price: price(2.0, 0.5, 8.0, JULY), ..O_PRO },
    ModelSpec { id: "codex-mini-latest", image_tokens: Patches(172), price: price(1.5, 0.375, 6.0, AUGUST), ..O_PRO },
    ModelSpec { id: "computer-use-preview", image_tokens: Tiles(65, 129), price: flat_price(3.0, 12.0, AUGUST), ..O_PRO },
    ModelSpec { id: "gpt-5", ..GPT_5 },
    ModelSpec { id: "gpt-5-mini", image_tokens: Patches(162), price: price(0.25, 0.025, 2.0, JULY), ..GPT_5 },
    ModelSpec { id: "gpt-5-nano", image_tokens: Patches(246), price: price(0.05, 0.005, 0.4, JULY), ..GPT_5 },
    ModelSpec { id: "gpt-5-chat-latest", price: price(1.25, 0.125, 10.0, JULY), ..GPT_5_CHAT },
    ModelSpec { id: "gpt-5-codex", ..PRO },
    ModelSpec { id: "gpt-5-pro", input: Some(128_000), output: 272_000, price: flat_price(15.0, 120.0, JULY), ..PRO },
    ModelSpec { id: "gpt-5.1", ..GPT_51 },
    ModelSpec { id: "gpt-5.1-mini", price: None, ..GPT_51 },
    ModelSpec { id: "gpt-5.1-chat-latest", price: price(1.25, 0.125, 10.0, JULY), ..GPT_5_CHAT },
    ModelSpec { id: "gpt-5.1-codex", ..PRO },
    ModelSpec { id: "gpt-5.1-codex-max", ..PRO },
    ModelSpec { id: "gpt-5.1-codex-mini", price: price(0.25, 0.025, 2.0, JULY), ..PRO },
    ModelSpec { id: "gpt-5.2", ..GPT_52 },
    ModelSpec { id: "gpt-5.2-chat-latest", price: price(1.75, 0.175, 14.0, JULY), ..GPT_5_CHAT },
    ModelSpec { id: "gpt-5.2-codex", endpoints: RESPONSES, ..GPT_52 },
    ModelSpec { id: "gpt-5.2-pro", price: flat_price(21.0, 168.0, JULY), ..PRO },
    ModelSpec { id: "gpt-5.3-chat-latest", price: price(1.75, 0.175, 14.0, JULY), ..GPT_5_CHAT },
    ModelSpec { id: "gpt-5.3-codex", endpoints: RESPONSES, ..GPT_52 },
    ModelSpec { id: "gpt-5.4", ..GPT_54 },
    ModelSpec { id: "gpt-5.4-mini", price: price(0.75, 0.075, 4.5, JULY), ..GPT_54_SMALL },
    ModelSpec { id: "gpt-5.4-nano", price: price(0.2, 0.02, 1.25, JULY), ..GPT_54_SMALL },
    ModelSpec { id: "gpt-5.4-pro", endpoints: RESPONSES, price: flat_price(30.0, 180.0, JULY), ..GPT_54 },
    ModelSpec { id: "gpt-5.5", ..GPT_55 },
    ModelSpec { id: "gpt-5.5-pro", endpoints: RESPONSES, price: flat_price(30.0, 180.0, JULY), ..GPT_55 },
    ModelSpec { id: "gpt-5.6", ..GPT_56 },
    ModelSpec { id: "gpt-5.6-sol", ..GPT_56 },
    ModelSpec { id: "gpt-5.6-terra", price: price(2.0, 0.2, 12.0, SEPTEMBER), ..GPT_56 },
    ModelSpec { id: "gpt-5.6-luna", price: price(0.2, 0.02, 1.2, SEPTEMBER), ..GPT_56 },
    ModelSpec { id: "gpt-6-astra", price: price(10.0, 1.0, 50.0, SEPTEMBER), ..GPT_6_ALWAYS },
    ModelSpec { id: "gpt-6-sol", ..GPT_6 },
    ModelSpec { id: "gpt-6-luna", price: price(0.1, 0.01, 0.5, NOVEMBER), ..GPT_6 },
    ModelSpec { id: "gpt-6.1-sol", price: price(2.0, 0.1, 10.0, NOVEMBER), ..GPT_6_ALWAYS },
    ModelSpec { id: "gpt-6.1-terra", price: flat_price(1.0, 5.0, NOVEMBER), ..GPT_6 },
    ModelSpec { id: "gpt-6.2-astra", price: price(8.0, 0.4, 40.0, NOVEMBER), ..GPT_6_ALWAYS },
    ModelSpec { id: "gpt-6.2-sol", price: price(2.0, 0.1, 10.0, NOVEMBER), ..GPT_6_ALWAYS },
    ModelSpec { id: "gpt-3.5-turbo-instruct", unnamed: COMPLETIONS, window: 4_097, price: flat_price(1.5, 2.0, READ_LAST), ..TEXT },
    ModelSpec { id: "davinci-002", unnamed: COMPLETIONS, window: 16_384, output: 16_384, price: flat_price(2.0, 2.0, AUGUST), ..TEXT },
    ModelSpec { id: "babbage-002", unnamed: COMPLETIONS, window: 16_384, output: 16_384, price: flat_price(0.4, 0.4, AUGUST), ..TEXT },
    ModelSpec { id: "text-embedding-3-small", price: flat_price(0.02, 0.0, JULY), ..EMBEDDING },
    ModelSpec { id: "text-embedding-3-large", dimensions: 3_072, price: flat_price(0.13, 0.0, JULY), ..EMBEDDING },
    ModelSpec { id: "text-embedding-ada-002", shortens: false, price: flat_price(0.1, 0.0, JULY), ..EMBEDDING },
    ModelSpec { id: "omni-moderation-latest", ..MODERATION },
    ModelSpec { id: "omni-moderation-2024-09-26", ..MODERATION },
    ModelSpec { id: "claude-opus-5-5", display_name: Some("Claude Opus 5.5"), thinking: Thinking::Always, price: price(4.0, 0.2, 20.0, OCTOBER), ..CLAUDE_SONNET_5 },
    ModelSpec { id: "claude-opus-5", display_name: Some("Claude Opus 5"), released: Some("2026-07-24"), token_rules: &CLAUDE_OPUS, price: price(5.0, 0.5, 25.0, OCTOBER), ..CLAUDE_SONNET_5 },
    ModelSpec { id: "claude-fable-5-1", display_name: Some("Claude Fable 5.1"), price: price(10.0, 0.25, 50.0, OCTOBER), ..CLAUDE_FABLE_5 },
    ModelSpec { id: "claude-fable-5", display_name: Some("Claude Fable 5"), released: Some("2026-06-09"), ..CLAUDE_FABLE_5 },
    ModelSpec { id: "claude-mythos-5", display_name: Some("Claude Mythos 5"), ..CLAUDE_FABLE_5 },
    ModelSpec { id: "claude-sonnet-5-5", display_name: Some("Claude Sonnet 5.5"), price: price(2.0, 0.1, 10.0, OCTOBER), ..CLAUDE_SONNET_5 },
    ModelSpec { id: "claude-sonnet-5", display_name: Some("Claude Sonnet 5"), released: Some("2026-06-30"), ..CLAUDE_SONNET_5 },
    ModelSpec { id: "claude-haiku-5-5", display_name: Some("Claude Haiku 5.5"), released: Some("2026-10-07"), price: price(0.1, 0.01, 0.5, OCTOBER), ..CLAUDE_SONNET_5 },
    ModelSpec { id: "claude-opus-4-8", display_name: Some("Claude Opus 4.8"), released: Some("2026-05-28"), ..CLAUDE_OPUS_48 },
    ModelSpec { id: "claude-opus-4-7", display_name: Some("Claude Opus 4.7"), released: Some("2026-04-16"), ..CLAUDE_OPUS_47 },
    ModelSpec { id: "claude-sonnet-4-6", display_name: Some("Claude Sonnet 4.6"), released: Some("2026-02-17"), ..CLAUDE_46 },
    ModelSpec { id: "claude-opus-4-6", display_name: Some("Claude Opus 4.6"), released: Some("2026-02-05"), price: price(5.0, 0.5, 25.0, JULY), ..CLAUDE_46 },
    ModelSpec { id: "claude-opus-4-5", display_name: Some("Claude Opus 4.5"), released: Some("2025-11-24"), efforts: &["low", "medium", "high"], price: price(5.0, 0.5, 25.0, JULY), ..CLAUDE_SONNET_45 },
    ModelSpec { id: "claude-haiku-4-5", display_name: Some("Claude Haiku 4.5"), released: Some("2025-10-15"), price: price(1.0, 0.1, 5.0, JULY), ..CLAUDE_SONNET_45 },
    ModelSpec { id: "claude-sonnet-4-5", display_name: Some("Claude Sonnet 4.5"), released: Some("2025-09-29"), ..CLAUDE_SONNET_45 },
    ModelSpec { id: "claude-opus-4-1", display_name: Some("Claude Opus 4.1"), released: Some("2025-08-05"), output: 32_000, price: price(15.0, 1.5, 75.0, JULY), ..CLAUDE_SONNET_4 },
    ModelSpec { id: "claude-opus-4", display_name: Some("Claude Opus 4"), released: Some("2025-05-22"), output: 32_000, price: price(15.0, 1.5, 75.0, JULY), ..CLAUDE_SONNET_4 },
    ModelSpec { id: "claude-sonnet-4", display_name: Some("Claude Sonnet 4"), released: Some("2025-05-22"), ..CLAUDE_SONNET_4 },
    ModelSpec { id: "claude-3-7-sonnet-20250219", display_name: Some("Claude Sonnet 3.7"), released: Some("2025-02-19"), ..CLAUDE_SONNET_4 },
    ModelSpec { id: "claude-3-5-sonnet-20241022", display_name: Some("Claude Sonnet 3.5"), released: Some("2024-10-22"), output: 8_192, price: price(3.0, 0.3, 15.0, JULY), ..CLAUDE_3 },
    ModelSpec { id: "claude-3-5-haiku-20241022", display_name: Some("Claude Haiku 3.5"), released: Some("2024-10-22"), output: 8_192, price: price(0.8, 0.08, 4.0, OCTOBER), ..CLAUDE_3 },
    ModelSpec { id: "claude-3-opus-20240229", display_name: Some("Claude Opus 3"), released: Some("2024-02-29"), price: price(15.0, 1.5, 75.0, JULY), ..CLAUDE_3 },
    ModelSpec { id: "claude-3-haiku-20240307", display_name: Some("Claude Haiku 3"), released: Some("2024-03-13"), price: price(0.25, 0.03, 1.25, JULY), ..CLAUDE_3 },
    ModelSpec { id: "gpt-3.5-turbo-0301", ..RETIRED },
    ModelSpec { id: "gpt-3.5-turbo-0613", ..RETIRED },
    ModelSpec { id: "gpt-3.5-turbo-1106", ..RETIRED },
    ModelSpec { id: "gpt-3.5-turbo-16k-0613", ..RETIRED },
    ModelSpec { id: "gpt-4-0314", ..RETIRED },
    ModelSpec { id: "gpt-4-32k-0314", ..RETIRED },
    ModelSpec { id: "text-davinci-003", ..RETIRED },
    ModelSpec { id: "text-davinci-002", ..RETIRED },
    ModelSpec { id: "code-davinci-002", ..RETIRED },
    ModelSpec { id: "text-moderation-latest", ..RETIRED },
    ModelSpec { id: "text-moderation-stable", ..RETIRED },
    ModelSpec { id: "text-moderation-007", ..RETIRED },
];

/// Beginnings of names that are in no row, and the row by whose rules their tokens are counted. The first that fits
/// counts.
pub(super) static LIKENESSES: &[(&str, &str)] = &[
    ("gpt-3.5", "gpt-3.5-turbo"),
    ("gpt-35-turbo", "gpt-3.5-turbo"), // Azure's spelling
    ("gpt-4o-mini", "gpt-4o-mini"),
    ("gpt-4o", "gpt-4o"),
    ("gpt-4-", "gpt-4-turbo"),
    ("gpt-4", "gpt-4.1"),
    ("gpt-5-mini", "gpt-5-mini"),
    ("gpt-5-nano", "gpt-5-nano"),
    ("gpt-5-", "gpt-5"),
    ("gpt-5", "gpt-5.4"),
    ("gpt-oss", "gpt-4o"),
    ("gpt-", "gpt-6-sol"),
    ("o1", "o1"),
    ("o3-mini", "o3-mini"),
    ("o3", "o3"),
    ("o4", "o4-mini"),
    ("text-embedding-", "text-embedding-3-small"),
    ("claude-", "claude-sonnet-5"),
    ("anthropic", "claude-sonnet-5"),
];
