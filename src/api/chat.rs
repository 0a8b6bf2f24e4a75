//! `POST /v1/chat/completions`: the request.

use super::message::{Content, Message};
use super::tool::{Function, FunctionChoice, Json, Tool, ToolChoice};
use super::value::Members;
use super::{Int, Loose, Number, Text};
use crate::json::{ParseError, Read, Reader};

object! {
    /// The body of `POST /v1/chat/completions`.
    pub struct Request<'a> {
        /// The id of the model. Required.
        "model" model: Text<'a>,
        /// The conversation so far. Required.
        "messages" messages: Vec<Message<'a>>,
        /// The sampling temperature, 0 to 2.
        "temperature" temperature: Number,
        /// The probability mass sampled from, 0 to 1.
        "top_p" top_p: Number,
        /// How many choices to generate, 1 to 128.
        "n" n: Int,
        /// The most tokens to generate; older than `max_completion_tokens`.
        "max_tokens" max_tokens: Int,
        /// The most tokens to generate, reasoning included.
        "max_completion_tokens" max_completion_tokens: Int,
        /// The stop sequences.
        "stop" stop: Stop<'a>,
        /// The penalty of tokens that occurred, -2 to 2.
        "presence_penalty" presence_penalty: Number,
        /// The penalty of tokens by how often they occurred, -2 to 2.
        "frequency_penalty" frequency_penalty: Number,
        /// The bias of tokens by their id, -100 to 100.
        "logit_bias" logit_bias: Members<'a, Number>,
        /// The format of the answer.
        "response_format" response_format: ResponseFormat<'a>,
        /// Whether to return log probabilities.
        "logprobs" logprobs: bool,
        /// How many alternatives to return for each token, 0 to 20.
        "top_logprobs" top_logprobs: Int,
        /// Whether to stream the answer as server-sent events.
        "stream" stream: bool,
        /// Options of the stream.
        "stream_options" stream_options: StreamOptions<'a>,
        /// The tools the model may call.
        "tools" tools: Vec<Tool<'a>>,
        /// Which tools it may or must call.
        "tool_choice" tool_choice: ToolChoice<'a>,
        /// Whether it may call several at once.
        "parallel_tool_calls" parallel_tool_calls: bool,
        /// The legacy form of `tools`.
        "functions" functions: Vec<Function<'a>>,
        /// The legacy form of `tool_choice`.
        "function_call" function_call: FunctionChoice<'a>,
        /// The seed of the sampling.
        "seed" seed: Int,
        /// The end user.
        "user" user: Text<'a>,
        /// The service tier.
        "service_tier" service_tier: ServiceTier,
        /// Whether to store the answer.
        "store" store: bool,
        /// The caller's labels, up to 16.
        "metadata" metadata: Members<'a, Text<'a>>,
        /// The kinds of output.
        "modalities" modalities: Vec<Modality>,
        /// The voice and format of audio output.
        "audio" audio: Audio<'a>,
        /// Text that the answer is expected to repeat.
        "prediction" prediction: Prediction<'a>,
        /// The reasoning effort.
        "reasoning_effort" reasoning_effort: Effort,
        /// The verbosity of the answer.
        "verbosity" verbosity: Verbosity,
        /// Options of the web search.
        "web_search_options" web_search_options: WebSearchOptions<'a>,
        /// An id of the end user, for tracing abuse.
        "safety_identifier" safety_identifier: Text<'a>,
        /// A key that prompts with a common prefix share.
        "prompt_cache_key" prompt_cache_key: Text<'a>,
        /// How long prompts stay in the cache.
        "prompt_cache_retention" prompt_cache_retention: CacheRetention,
        /// Options of the prompt cache.
        "prompt_cache_options" prompt_cache_options: PromptCacheOptions<'a>,
        /// Moderation of input and output.
        "moderation" moderation: Moderation<'a>,
    }
}

impl Request<'_> {
    /// How many choices are generated.
    pub fn choices(&self) -> u64 {
        self.n.map_or(1, Int::unsigned)
    }

    /// The output limit in tokens, by whichever of its two names.
    pub fn token_limit(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens).map(Int::unsigned)
    }

    /// Whether the answer is a stream of server-sent events.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

/// The stop sequences: one or several.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop<'a> {
    /// One string.
    One(Text<'a>),
    /// Several.
    Many(Vec<Text<'a>>),
}

string_or! { Stop, |text| Some(Stop::One(text)), Stop::Many }

impl Stop<'_> {
    /// The strings.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let list = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(list) => list,
        };
        list.iter().map(|text| &**text)
    }
}

object! {
    /// Options of the stream.
    pub struct StreamOptions<'a> {
        /// Whether the last chunk has the usage.
        "include_usage" include_usage: bool,
        /// Whether chunks are padded, which hides their length.
        "include_obfuscation" include_obfuscation: bool,
    }
}

tagged! {
    /// The format of the answer.
    pub struct ResponseFormat<'a> by
        /// The kind of format.
        "type" kind: ResponseFormatType
    {
        /// The schema, where the format has one.
        "json_schema" json_schema: JsonSchema<'a>, of ResponseFormatType::JsonSchema,
    }
}

strings! {
    /// The `type` of a response format.
    pub enum ResponseFormatType {
        /// A JSON object.
        "json_object" JsonObject,
        /// JSON that matches a schema.
        "json_schema" JsonSchema,
        /// Text.
        "text" Text,
    }
}

object! {
    /// A schema that the answer matches.
    pub struct JsonSchema<'a> {
        /// Its name.
        "name" name: Text<'a>,
        /// Its description, for the model.
        "description" description: Text<'a>,
        /// The schema itself.
        "schema" schema: Json<'a>,
        /// Whether the answer always matches it.
        "strict" strict: bool,
    }
}

strings! {
    /// A service tier.
    pub enum ServiceTier {
        /// The setting of the project.
        "auto" Auto,
        /// The standard.
        "default" Default,
        /// Faster.
        "fast" Fast,
        /// Slower and cheaper.
        "flex" Flex,
        /// Faster, by contract.
        "priority" Priority,
        /// Reserved capacity.
        "scale" Scale,
    }
}

strings! {
    /// A kind of output.
    pub enum Modality {
        /// Text.
        "text" Text,
        /// Audio.
        "audio" Audio,
    }
}

object! {
    /// The voice and format of audio output.
    pub struct Audio<'a> {
        /// The voice.
        "voice" voice: Voice<'a>,
        /// The encoding.
        "format" format: AudioFormat,
    }
}

/// A voice: a built-in one by name, or a custom one by id.
#[derive(Debug, Clone, PartialEq)]
pub enum Voice<'a> {
    /// By name.
    Named(Text<'a>),
    /// By id.
    Custom(VoiceId<'a>),
}

string_or! { Voice, |text| Some(Voice::Named(text)), Voice::Custom }

object! {
    /// A custom voice.
    pub struct VoiceId<'a> {
        /// Its id.
        "id" id: Text<'a>,
    }
}

strings! {
    /// The format of audio output.
    pub enum AudioFormat {
        /// MP3.
        "mp3" Mp3,
        /// Opus.
        "opus" Opus,
        /// AAC.
        "aac" Aac,
        /// FLAC.
        "flac" Flac,
        /// WAV.
        "wav" Wav,
        /// Samples of 16 bits.
        "pcm16" Pcm16,
    }
}

object! {
    /// Text that the answer is expected to repeat.
    pub struct Prediction<'a> {
        /// `content`.
        "type" kind: PredictionType,
        /// The text.
        "content" content: Content<'a>,
    }
}

strings! {
    /// The `type` of a prediction.
    pub enum PredictionType {
        /// Text of the answer.
        "content" Content,
    }
}

strings! {
    /// A reasoning effort.
    pub enum ReasoningEffort {
        /// None.
        "none" None,
        /// The least.
        "minimal" Minimal,
        /// Low.
        "low" Low,
        /// Medium.
        "medium" Medium,
        /// High.
        "high" High,
        /// Higher.
        "xhigh" Xhigh,
        /// The most.
        "max" Max,
    }
}

/// The reasoning effort, where it is a documented one.
///
/// Models that do not reason refuse the parameter whatever its value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// One of the documented efforts.
    Known(ReasoningEffort),
    /// Anything else.
    Unknown,
}

impl<'a> Read<'a> for Effort {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        Loose::read(json).map(|effort| effort.0.map_or(Self::Unknown, Self::Known))
    }
}

strings! {
    /// The verbosity of an answer.
    pub enum Verbosity {
        /// Low.
        "low" Low,
        /// Medium.
        "medium" Medium,
        /// High.
        "high" High,
    }
}

object! {
    /// Options of the web search.
    pub struct WebSearchOptions<'a> {
        /// The end user's location.
        "user_location" user_location: UserLocation<'a>,
        /// How much of the search results the model receives.
        "search_context_size" search_context_size: SearchContextSize,
    }
}

object! {
    /// The end user's location.
    pub struct UserLocation<'a> {
        /// `approximate`.
        "type" kind: LocationType,
        /// The approximate location.
        "approximate" approximate: Location<'a>,
    }
}

strings! {
    /// The `type` of a location.
    pub enum LocationType {
        /// An approximate one.
        "approximate" Approximate,
    }
}

object! {
    /// An approximate location.
    pub struct Location<'a> {
        /// Two letters of ISO 3166-1.
        "country" country: Text<'a>,
        /// The region, as free text.
        "region" region: Text<'a>,
        /// The city, as free text.
        "city" city: Text<'a>,
        /// The IANA name of the time zone.
        "timezone" timezone: Text<'a>,
    }
}

strings! {
    /// How much of the search results the model receives.
    pub enum SearchContextSize {
        /// Low.
        "low" Low,
        /// Medium.
        "medium" Medium,
        /// High.
        "high" High,
    }
}

strings! {
    /// How long prompts stay in the cache.
    pub enum CacheRetention {
        /// In memory.
        "in_memory" InMemory,
        /// A day.
        "24h" Day,
    }
}

object! {
    /// Options of the prompt cache.
    pub struct PromptCacheOptions<'a> {
        /// The time to live.
        "ttl" ttl: CacheTtl,
        /// How the breakpoints are set.
        "mode" mode: CacheMode,
    }
}

strings! {
    /// A cached prompt's time to live.
    pub enum CacheTtl {
        /// Half an hour.
        "30m" HalfHour,
    }
}

strings! {
    /// How the cache's breakpoints are set.
    pub enum CacheMode {
        /// By the API.
        "implicit" Implicit,
        /// By the caller.
        "explicit" Explicit,
    }
}

object! {
    /// Moderation of input and output.
    pub struct Moderation<'a> {
        /// The moderation model.
        "model" model: Text<'a>,
        /// The policy.
        "policy" policy: ModerationPolicy<'a>,
    }
}

object! {
    /// The policy of moderation.
    pub struct ModerationPolicy<'a> {
        /// For the input.
        "input" input: ModerationConfig<'a>,
        /// For the output.
        "output" output: ModerationConfig<'a>,
    }
}

object! {
    /// The policy for one side.
    pub struct ModerationConfig<'a> {
        /// The mode.
        "mode" mode: ModerationMode,
    }
}

strings! {
    /// A mode of moderation.
    pub enum ModerationMode {
        /// Scores are returned.
        "score" Score,
        /// Flagged content is blocked.
        "block" Block,
    }
}
