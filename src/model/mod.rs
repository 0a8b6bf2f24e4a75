//! The models OpenAI documents, and what each can do: the one place that is written down.
//!
//! Limits are those of OpenAI's model pages; what a model refuses, and in which words, is as the live API
//! was seen to do it.

/// Which rules a model is judged by. The live API words one fault differently from family to family, and
/// looks for faults in a different order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Not known: everything documented is accepted.
    Any,
    /// Models that do not reason: gpt-3.5, gpt-4, gpt-4o, gpt-4.1.
    Classic,
    /// Models that hear or speak, and must be made to.
    Audio,
    /// Models that search the web.
    Search,
    /// Models that reason: o1 and later, gpt-5 and later.
    Reasoning,
}

/// Where a model is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Text,
    /// `/v1/responses` alone.
    Responses,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/moderations`.
    Moderations,
    /// Nowhere any longer.
    Retired,
}

/// How a model's text is cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `o200k_base`.
    O200k,
    /// `cl100k_base`.
    Cl100k,
}

impl Encoding {
    /// The largest token id there is.
    pub const fn largest_token(self) -> u32 {
        match self {
            Self::O200k => 200_018,
            Self::Cl100k => 100_257,
        }
    }
}

/// What is known of a model.
#[derive(Debug)]
pub struct ModelSpec {
    /// Its id, which a date may follow: `gpt-4o` also stands for `gpt-4o-2024-08-06`.
    pub id: &'static str,
    /// Which rules it is judged by.
    pub family: Family,
    /// Where it is served.
    pub endpoint: Endpoint,
    /// How many tokens prompt and completion may have together.
    pub window: u32,
    /// How many tokens the prompt may have, where that is said apart from the window.
    pub input: Option<u32>,
    /// How many tokens the completion may have.
    pub output: u32,
    /// How its text is cut into tokens.
    pub encoding: Encoding,
    /// Whether it sees images.
    pub vision: bool,
    /// Whether an image may be named by where it is, or has to be sent.
    pub image_urls: bool,
    /// Whether it answers in JSON objects when asked to.
    pub json_object: bool,
    /// Whether it keeps to a schema when asked to.
    pub json_schema: bool,
    /// Whether it calls tools.
    pub tools: bool,
    /// Whether functions may be offered while it reasons.
    pub tools_while_reasoning: bool,
    /// How many alternatives can be had with them.
    pub top_logprobs: i64,
    /// How many choices can be had.
    pub choices: i64,
    /// Whether it answers in pieces when asked to.
    pub streams: bool,
    /// Whether it takes a predicted output.
    pub prediction: bool,
    /// Whether it takes messages of the role `system`.
    pub system_role: bool,
    /// How hard it can be told to reason; empty if it does not.
    pub efforts: &'static [&'static str],
    /// Whether it reasons where nobody says how hard.
    pub reasons: bool,
    /// Whether it has the parameter `temperature`, if only for its default.
    pub temperature: bool,
    /// Whether it has the parameter `parallel_tool_calls`.
    pub parallel_tool_calls: bool,
    /// Whether it has the parameter `stop`.
    pub stop: bool,
    /// Whether it can be told to be terse, or wordy.
    pub verbosity: bool,
    /// How many dimensions its vectors have.
    pub dimensions: u32,
    /// Whether it can be asked for fewer.
    pub shortens: bool,
    /// Whether the faults of some parameters are told as lists of a Python library's.
    pub python_faults: bool,
}

impl ModelSpec {
    /// Whether it reasons unless it is told not to, and can be told.
    pub fn can_rest(&self) -> bool {
        self.efforts.contains(&"none")
    }
}

/// The card of a model, if it is known.
pub fn find(id: &str) -> Option<&'static ModelSpec> {
    let exact = MODELS.iter().find(|spec| spec.id == id);
    exact.or_else(|| MODELS.iter().find(|spec| id.strip_prefix(spec.id).is_some_and(is_date)))
}

/// True for what follows the name in a dated id: `-2024-08-06` or `-0613`.
fn is_date(suffix: &str) -> bool {
    let shape: String = suffix.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "-0000-00-00" || shape == "-0000"
}

/// How many dimensions the vectors of a model have that is not known.
pub const DIMENSIONS: u32 = 1536;

const CLASSIC: ModelSpec = ModelSpec {
    id: "",
    family: Family::Classic,
    endpoint: Endpoint::Chat,
    window: 128_000,
    input: None,
    output: 16_384,
    encoding: Encoding::O200k,
    vision: true,
    image_urls: true,
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
    reasons: false,
    temperature: true,
    parallel_tool_calls: true,
    stop: true,
    verbosity: false,
    python_faults: false,
    dimensions: DIMENSIONS,
    shortens: true,
};

const GPT_4: ModelSpec = ModelSpec {
    window: 8_192,
    output: 8_192,
    encoding: Encoding::Cl100k,
    vision: false,
    image_urls: false, // as recorded in 2025; gpt-3.5 and gpt-4o got as far as looking at the model
    json_object: false,
    json_schema: false,
    prediction: false,
    ..CLASSIC
};

const GPT_4_TURBO: ModelSpec =
    ModelSpec { window: 128_000, output: 4_096, vision: true, image_urls: true, json_object: true, ..GPT_4 };

const GPT_35: ModelSpec = ModelSpec { window: 16_385, vision: false, ..GPT_4_TURBO };

const TEXT: ModelSpec = ModelSpec { endpoint: Endpoint::Text, ..GPT_35 };

const GPT_41: ModelSpec = ModelSpec { window: 1_047_576, output: 32_768, ..CLASSIC };

const SPEAKING: ModelSpec = ModelSpec {
    family: Family::Audio,
    vision: false,
    json_object: false,
    json_schema: false,
    prediction: false,
    ..CLASSIC
};

const SEARCHING: ModelSpec =
    ModelSpec { family: Family::Search, vision: false, tools: false, prediction: false, ..CLASSIC };

const O_SERIES: ModelSpec = ModelSpec {
    family: Family::Reasoning,
    window: 200_000,
    output: 100_000,
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
    window: 128_000,
    output: 65_536,
    vision: false,
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
    efforts: &["minimal", "low", "medium", "high"],
    parallel_tool_calls: true,
    verbosity: true,
    ..O_SERIES
};

// From here to gpt-5.4 they reason when told to; from gpt-5.5 on, unless told not to.
const GPT_51: ModelSpec = ModelSpec { efforts: &["none", "low", "medium", "high"], reasons: false, ..GPT_5 };

const GPT_52: ModelSpec = ModelSpec { efforts: &["none", "low", "medium", "high", "xhigh"], ..GPT_51 };

const GPT_54: ModelSpec =
    ModelSpec { window: 1_050_000, input: Some(922_000), tools_while_reasoning: false, ..GPT_52 };

const GPT_54_SMALL: ModelSpec = ModelSpec { window: 400_000, input: Some(272_000), ..GPT_54 };

const GPT_55: ModelSpec = ModelSpec { reasons: true, ..GPT_54 };

const RESPONSES: ModelSpec = ModelSpec { endpoint: Endpoint::Responses, ..GPT_5 };

const RETIRED: ModelSpec = ModelSpec { endpoint: Endpoint::Retired, ..GPT_35 };

const EMBEDDING: ModelSpec = ModelSpec { endpoint: Endpoint::Embeddings, window: 8_192, ..GPT_35 };

#[rustfmt::skip] // a table
static MODELS: &[ModelSpec] = &[
    ModelSpec { id: "gpt-4", ..GPT_4 },
    ModelSpec { id: "gpt-4-32k", window: 32_768, output: 32_768, ..GPT_4 },
    ModelSpec { id: "gpt-4-turbo", ..GPT_4_TURBO },
    ModelSpec { id: "gpt-4-turbo-preview", vision: false, ..GPT_4_TURBO },
    ModelSpec { id: "gpt-4-0125-preview", vision: false, ..GPT_4_TURBO },
    ModelSpec { id: "gpt-4-1106-preview", vision: false, ..GPT_4_TURBO },
    ModelSpec { id: "gpt-4-vision-preview", json_object: false, tools: false, ..GPT_4_TURBO },
    ModelSpec { id: "gpt-3.5-turbo", ..GPT_35 },
    ModelSpec { id: "gpt-3.5-turbo-16k", ..GPT_35 },
    ModelSpec { id: "gpt-4o", ..CLASSIC },
    ModelSpec { id: "gpt-4o-2024-05-13", output: 4_096, json_schema: false, ..CLASSIC },
    ModelSpec { id: "gpt-4o-mini", ..CLASSIC },
    ModelSpec { id: "chatgpt-4o-latest", json_schema: false, tools: false, prediction: false, ..CLASSIC },
    ModelSpec { id: "gpt-4.1", ..GPT_41 },
    ModelSpec { id: "gpt-4.1-mini", ..GPT_41 },
    ModelSpec { id: "gpt-4.1-nano", ..GPT_41 },
    ModelSpec { id: "gpt-4o-audio-preview", python_faults: true, ..SPEAKING },
    ModelSpec { id: "gpt-4o-mini-audio-preview", python_faults: true, ..SPEAKING },
    ModelSpec { id: "gpt-audio", ..SPEAKING },
    ModelSpec { id: "gpt-audio-mini", ..SPEAKING },
    ModelSpec { id: "gpt-audio-1.5", ..SPEAKING },
    ModelSpec { id: "gpt-4o-search-preview", ..SEARCHING },
    ModelSpec { id: "gpt-4o-mini-search-preview", ..SEARCHING },
    ModelSpec { id: "gpt-5-search-api", ..SEARCHING },
    ModelSpec { id: "o1", streams: false, temperature: false, stop: true, ..O_SERIES },
    ModelSpec { id: "o1-mini", ..O1_MINI },
    ModelSpec { id: "o1-preview", output: 32_768, ..O1_MINI },
    ModelSpec { id: "o1-pro", ..RESPONSES },
    ModelSpec { id: "o3", ..O_SERIES },
    ModelSpec { id: "o3-mini", vision: false, temperature: false, stop: true, ..O_SERIES },
    ModelSpec { id: "o3-pro", ..RESPONSES },
    ModelSpec { id: "o3-deep-research", ..RESPONSES },
    ModelSpec { id: "o4-mini", ..O_SERIES },
    ModelSpec { id: "o4-mini-deep-research", ..RESPONSES },
    ModelSpec { id: "codex-mini-latest", ..RESPONSES },
    ModelSpec { id: "computer-use-preview", ..RESPONSES },
    ModelSpec { id: "gpt-5", ..GPT_5 },
    ModelSpec { id: "gpt-5-mini", ..GPT_5 },
    ModelSpec { id: "gpt-5-nano", ..GPT_5 },
    ModelSpec { id: "gpt-5-chat-latest", prediction: false, ..CLASSIC },
    ModelSpec { id: "gpt-5-codex", ..RESPONSES },
    ModelSpec { id: "gpt-5-pro", ..RESPONSES },
    ModelSpec { id: "gpt-5.1", ..GPT_51 },
    ModelSpec { id: "gpt-5.1-mini", ..GPT_51 },
    ModelSpec { id: "gpt-5.1-chat-latest", prediction: false, ..CLASSIC },
    ModelSpec { id: "gpt-5.1-codex", ..RESPONSES },
    ModelSpec { id: "gpt-5.2", ..GPT_52 },
    ModelSpec { id: "gpt-5.2-chat-latest", prediction: false, ..CLASSIC },
    ModelSpec { id: "gpt-5.2-pro", ..RESPONSES },
    ModelSpec { id: "gpt-5.3-chat-latest", prediction: false, ..CLASSIC },
    ModelSpec { id: "gpt-5.4", ..GPT_54 },
    ModelSpec { id: "gpt-5.4-mini", ..GPT_54_SMALL },
    ModelSpec { id: "gpt-5.4-nano", ..GPT_54_SMALL },
    ModelSpec { id: "gpt-5.5", ..GPT_55 },
    ModelSpec { id: "gpt-5.6-sol", ..GPT_55 },
    ModelSpec { id: "gpt-5.6-terra", ..GPT_55 },
    ModelSpec { id: "gpt-5.6-luna", ..GPT_55 },
    ModelSpec { id: "gpt-3.5-turbo-instruct", window: 4_097, ..TEXT },
    ModelSpec { id: "davinci-002", window: 16_384, output: 16_384, ..TEXT },
    ModelSpec { id: "babbage-002", window: 16_384, output: 16_384, ..TEXT },
    ModelSpec { id: "text-embedding-3-small", ..EMBEDDING },
    ModelSpec { id: "text-embedding-3-large", dimensions: 3072, ..EMBEDDING },
    ModelSpec { id: "text-embedding-ada-002", shortens: false, ..EMBEDDING },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_ids_are_those_of_their_model() {
        for (id, want) in [
            ("gpt-4", Some("gpt-4")),
            ("gpt-4-0613", Some("gpt-4")),
            ("gpt-4o-2024-11-20", Some("gpt-4o")),
            ("gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
            ("gpt-3.5-turbo-0125", Some("gpt-3.5-turbo")),
            ("gpt-3.5-turbo-1106", Some("gpt-3.5-turbo-1106")),
            ("gpt-4.5", None),
            ("gpt-4-x", None),
            ("", None),
        ] {
            assert_eq!(find(id).map(|spec| spec.id), want, "{id}");
        }
    }

    #[test]
    fn ids_are_told_once_and_limits_fit() {
        for (i, spec) in MODELS.iter().enumerate() {
            assert!(!MODELS[..i].iter().any(|other| other.id == spec.id), "{} twice", spec.id);
            assert!(spec.output <= spec.window, "{}", spec.id);
            assert!(spec.input.is_none_or(|input| input + spec.output == spec.window), "{}", spec.id);
        }
    }
}
