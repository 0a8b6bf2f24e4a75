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
        /// How far the sampling strays, 0 to 2.
        "temperature" temperature: Number,
        /// The share of probability sampled from, 0 to 1.
        "top_p" top_p: Number,
        /// How many choices to make, 1 to 128.
        "n" n: Int,
        /// The most tokens to generate; older than `max_completion_tokens`.
        "max_tokens" max_tokens: Int,
        /// The most tokens to generate, reasoning included.
        "max_completion_tokens" max_completion_tokens: Int,
        /// Where to stop.
        "stop" stop: Stop<'a>,
        /// How much to shun tokens that occurred, -2 to 2.
        "presence_penalty" presence_penalty: Number,
        /// How much to shun tokens by how often they occurred, -2 to 2.
        "frequency_penalty" frequency_penalty: Number,
        /// Token id → bias, -100 to 100.
        "logit_bias" logit_bias: Members<'a, Number>,
        /// What form the answer has.
        "response_format" response_format: ResponseFormat<'a>,
        /// Whether to tell log probabilities.
        "logprobs" logprobs: bool,
        /// How many alternatives to tell at each token, 0 to 20.
        "top_logprobs" top_logprobs: Int,
        /// Whether to answer as server-sent events.
        "stream" stream: bool,
        /// How to stream.
        "stream_options" stream_options: StreamOptions<'a>,
        /// The tools the model may call.
        "tools" tools: Vec<Tool<'a>>,
        /// Which tool it may or must call.
        "tool_choice" tool_choice: ToolChoice<'a>,
        /// Whether it may call several at once.
        "parallel_tool_calls" parallel_tool_calls: bool,
        /// The legacy form of `tools`.
        "functions" functions: Vec<Function<'a>>,
        /// The legacy form of `tool_choice`.
        "function_call" function_call: FunctionChoice<'a>,
        /// Asks for a repeatable answer.
        "seed" seed: Int,
        /// The end user.
        "user" user: Text<'a>,
        /// The service tier.
        "service_tier" service_tier: ServiceTier,
        /// Whether to store the answer.
        "store" store: bool,
        /// Labels of the caller's, up to 16.
        "metadata" metadata: Members<'a, Text<'a>>,
        /// What kinds of output to make.
        "modalities" modalities: Vec<Modality>,
        /// What the audio output sounds like.
        "audio" audio: Audio<'a>,
        /// Text the answer is expected to repeat.
        "prediction" prediction: Prediction<'a>,
        /// How hard to reason.
        "reasoning_effort" reasoning_effort: Effort,
        /// How long-winded to be.
        "verbosity" verbosity: Verbosity,
        /// How to search the web.
        "web_search_options" web_search_options: WebSearchOptions<'a>,
        /// The end user, as abuse is traced to.
        "safety_identifier" safety_identifier: Text<'a>,
        /// What prompts share a cache.
        "prompt_cache_key" prompt_cache_key: Text<'a>,
        /// How long prompts stay in the cache.
        "prompt_cache_retention" prompt_cache_retention: CacheRetention,
        /// How the prompt is cached.
        "prompt_cache_options" prompt_cache_options: PromptCacheOptions<'a>,
        /// How input and output are moderated.
        "moderation" moderation: Moderation<'a>,
    }
}

impl Request<'_> {
    /// How many choices the caller wants.
    pub fn choices(&self) -> u64 {
        self.n.map_or(1, Int::unsigned)
    }

    /// The most tokens to generate, by whichever of its two names.
    pub fn token_limit(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens).map(Int::unsigned)
    }

    /// Whether the answer goes out as server-sent events.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

/// Where the model stops: a string, or some of them.
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
    /// How to stream.
    pub struct StreamOptions<'a> {
        /// Whether to send a last chunk with the usage.
        "include_usage" include_usage: bool,
        /// Whether to pad chunks so that their sizes tell nothing.
        "include_obfuscation" include_obfuscation: bool,
    }
}

tagged! {
    /// What form the answer has.
    pub struct ResponseFormat<'a> by
        /// Which form.
        "type" kind: ResponseFormatType
    {
        /// The schema, if the form is one.
        "json_schema" json_schema: JsonSchema<'a>, of ResponseFormatType::JsonSchema,
    }
}

strings! {
    /// The `type` of a response format.
    pub enum ResponseFormatType {
        /// A JSON object.
        "json_object" JsonObject,
        /// JSON of a schema.
        "json_schema" JsonSchema,
        /// Text.
        "text" Text,
    }
}

object! {
    /// A schema the answer keeps to.
    pub struct JsonSchema<'a> {
        /// Its name.
        "name" name: Text<'a>,
        /// What it is for.
        "description" description: Text<'a>,
        /// The schema itself.
        "schema" schema: Json<'a>,
        /// Whether the answer always keeps to it.
        "strict" strict: bool,
    }
}

strings! {
    /// How fast and dear the answer is.
    pub enum ServiceTier {
        /// As the project is set.
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
        /// Sound.
        "audio" Audio,
    }
}

object! {
    /// What the audio output sounds like.
    pub struct Audio<'a> {
        /// The voice.
        "voice" voice: Voice<'a>,
        /// The encoding.
        "format" format: AudioFormat,
    }
}

/// A voice: one of the API's by name, or a custom one by id.
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
    /// How audio output is encoded.
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
    /// Text the answer is expected to repeat.
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
    /// How hard the model reasons.
    pub enum ReasoningEffort {
        /// Not at all.
        "none" None,
        /// Hardly.
        "minimal" Minimal,
        /// A little.
        "low" Low,
        /// Somewhat.
        "medium" Medium,
        /// Much.
        "high" High,
        /// More.
        "xhigh" Xhigh,
        /// As much as it can.
        "max" Max,
    }
}

/// How hard the model is to reason, if it is said in a way anybody knows.
///
/// Models that do not reason refuse the parameter without a look at its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Said in one of the known ways.
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
    /// How long-winded the model is.
    pub enum Verbosity {
        /// Terse.
        "low" Low,
        /// In between.
        "medium" Medium,
        /// Wordy.
        "high" High,
    }
}

object! {
    /// How to search the web.
    pub struct WebSearchOptions<'a> {
        /// Where the end user is.
        "user_location" user_location: UserLocation<'a>,
        /// How much of what is found goes to the model.
        "search_context_size" search_context_size: SearchContextSize,
    }
}

object! {
    /// Where the end user is.
    pub struct UserLocation<'a> {
        /// `approximate`.
        "type" kind: LocationType,
        /// Roughly where.
        "approximate" approximate: Location<'a>,
    }
}

strings! {
    /// How exactly a place is known.
    pub enum LocationType {
        /// Roughly.
        "approximate" Approximate,
    }
}

object! {
    /// Roughly where somebody is.
    pub struct Location<'a> {
        /// Two letters of ISO 3166-1.
        "country" country: Text<'a>,
        /// In words.
        "region" region: Text<'a>,
        /// In words.
        "city" city: Text<'a>,
        /// A name of the IANA's.
        "timezone" timezone: Text<'a>,
    }
}

strings! {
    /// How much of what is found goes to the model.
    pub enum SearchContextSize {
        /// Little.
        "low" Low,
        /// Some.
        "medium" Medium,
        /// Much.
        "high" High,
    }
}

strings! {
    /// How long prompts stay in the cache.
    pub enum CacheRetention {
        /// As long as memory lasts.
        "in_memory" InMemory,
        /// A day.
        "24h" Day,
    }
}

object! {
    /// How the prompt is cached.
    pub struct PromptCacheOptions<'a> {
        /// For how long.
        "ttl" ttl: CacheTtl,
        /// Who sets the breakpoints.
        "mode" mode: CacheMode,
    }
}

strings! {
    /// For how long a prompt is cached.
    pub enum CacheTtl {
        /// Half an hour.
        "30m" HalfHour,
    }
}

strings! {
    /// Who sets the cache's breakpoints.
    pub enum CacheMode {
        /// The API.
        "implicit" Implicit,
        /// The caller.
        "explicit" Explicit,
    }
}

object! {
    /// How input and output are moderated.
    pub struct Moderation<'a> {
        /// The moderation model.
        "model" model: Text<'a>,
        /// What it may do.
        "policy" policy: ModerationPolicy<'a>,
    }
}

object! {
    /// What moderation may do.
    pub struct ModerationPolicy<'a> {
        /// To the input.
        "input" input: ModerationConfig<'a>,
        /// To the output.
        "output" output: ModerationConfig<'a>,
    }
}

object! {
    /// What moderation may do to one side.
    pub struct ModerationConfig<'a> {
        /// How far it goes.
        "mode" mode: ModerationMode,
    }
}

strings! {
    /// How far moderation goes.
    pub enum ModerationMode {
        /// It tells scores.
        "score" Score,
        /// It blocks.
        "block" Block,
    }
}
