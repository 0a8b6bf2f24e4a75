//! How models count the tokens of a request, one set of rules for each generation of models.
//!
//! Neither vendor documents most of it. The figures were fitted to recorded requests and the usage in their answers;
//! `docs/engine.md` states how exact they are and what they leave unexplained. `engine::prompt_tokens` applies them.

/// The rules of one generation.
#[derive(Debug, PartialEq)]
pub struct TokenRules {
    /// Whether messages have a frame at all; models that search the web count the bare texts.
    pub frames: bool,
    /// The beginning of the answer.
    pub answer: u64,
    /// A message besides its text.
    pub message: u64,
    /// More for a text of the assistant's in the history.
    pub assistant_text: u64,
    /// Whether tools and schemas make the system message begin with a heading, `# Instructions`, in a message of their
    /// own.
    pub heading: bool,
    /// Offered tools besides their text, in Chat Completions.
    pub tools: i64,
    /// More where the first tool has neither a description nor properties.
    pub bare_tool: i64,
    /// A `tool_choice` that names a tool, besides `functions.` and its name. Then the call costs its arguments alone.
    pub named_choice: Option<u64>,
    /// A schema without tools: its name and so many more at the beginning of the answer.
    pub schema_name: Option<u64>,
    /// The same for each text of the assistant's in the history.
    pub schema_name_in_history: Option<u64>,
    /// A call and its result in the history, besides their texts.
    pub call_and_result: u64,
    /// A call in an answer, besides its texts.
    pub call: u64,
    /// Whether characters beyond ASCII are escaped in the results of several calls.
    pub escapes_results: bool,
    /// Whether tools are rendered as the models of June 2023 read them: without titles and comments of an array's items,
    /// and with each property on a line of its own. Calls in the history then have no namespace.
    pub early_tools: bool,
    /// What differs in Responses.
    pub responses: ResponsesTokens,
    /// The estimate for Claude models, which replaces all of the above.
    pub claude: Option<ClaudeTokens>,
}

/// What differs in Responses.
#[derive(Debug, PartialEq)]
pub struct ResponsesTokens {
    /// Offered tools besides their text.
    pub tools: i64,
    /// A schema besides its text.
    pub schema: u64,
    /// The calls of one message and their outputs, besides what each of them counts.
    pub calls: u64,
    /// More where there are several.
    pub several_calls: u64,
    /// A call and its output besides their texts.
    pub call_and_output: u64,
    /// The same for a call that is alone in its turn and is sent with its item's `id`.
    pub call_with_id: u64,
    /// Whether arguments are counted without the white space they were sent with.
    pub compact_arguments: bool,
    /// Whether `tool_choice: "required"` with one tool counts as if it named the tool.
    pub required_names_the_only: bool,
}

/// How a Claude model's tokens are estimated from counts in `o200k_base`: Anthropic's tokenizer is not public.
#[derive(Debug, PartialEq)]
pub struct ClaudeTokens {
    /// Thousandths of a token for each token of a text.
    pub text: u64,
    /// The beginning of the conversation.
    pub request: u64,
    /// A message besides its texts.
    pub message: u64,
    /// A call in the history, and a result, besides their texts.
    pub call: u64,
    /// Offered tools besides the tools themselves: Anthropic's own instructions for their use.
    pub tools: u64,
    /// The same where the request forces a call.
    pub forced_tools: u64,
    /// One tool besides its JSON.
    pub tool: u64,
    /// Thousandths of a token for each token of a tool's JSON.
    pub tool_json: u64,
    /// A schema of the answer besides its JSON.
    pub schema: u64,
    /// Thousandths of a token for each token of that schema's JSON.
    pub schema_json: u64,
    /// A request that turns reasoning on.
    pub thinking: u64,
    /// Thousandths of a token for each token of the name and arguments of a call in an answer.
    pub answered_call: u64,
}

/// How many tokens an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageTokens {
    /// The model takes no images.
    None,
    /// A base, and a price for each tile of 512 × 512 pixels.
    Tiles(u64, u64),
    /// One for each patch of 32 × 32 pixels, at most 1,536, times so many hundredths.
    Patches(u64),
    /// One for each 750 pixels, once the longer side is at most 1,568 (Anthropic).
    Pixels,
}

const CLASSIC_RESPONSES: ResponsesTokens = ResponsesTokens {
    tools: -3,
    schema: 1,
    calls: 0,
    several_calls: 0,
    call_and_output: 9,
    call_with_id: 12,
    compact_arguments: false,
    required_names_the_only: true,
};

/// gpt-4-turbo, gpt-4o and gpt-4.1.
pub(super) const CLASSIC: TokenRules = TokenRules {
    frames: true,
    answer: 3,
    message: 4,
    assistant_text: 0,
    heading: false,
    // The text below lacks one of its frame's tokens; which one cannot be determined.
    tools: -1,
    bare_tool: 0,
    named_choice: Some(6),
    schema_name: Some(2),
    schema_name_in_history: Some(2),
    call_and_result: 12,
    call: 6,
    escapes_results: false,
    early_tools: false,
    responses: CLASSIC_RESPONSES,
    claude: None,
};

/// gpt-3.5-turbo and gpt-4o-mini. Their last recordings with such results are of November 2025; gpt-4o no longer escapes
/// them in March 2026.
pub(super) const ESCAPING: TokenRules = TokenRules { escapes_results: true, ..CLASSIC };

/// gpt-4 of June 2023, which the name `gpt-4` still stands for.
pub(super) const GPT_4: TokenRules = TokenRules { early_tools: true, call_and_result: 10, ..ESCAPING };

/// The models that search the web.
pub(super) const SEARCH: TokenRules = TokenRules { frames: false, answer: 0, ..CLASSIC };

/// o1, o3-mini.
pub(super) const O3_MINI: TokenRules = TokenRules {
    answer: 2,
    assistant_text: 2,
    heading: true,
    tools: 0,
    schema_name: None,
    schema_name_in_history: None,
    call_and_result: 12,
    responses: ResponsesTokens {
        tools: 0,
        schema: 0,
        calls: 0,
        several_calls: 0,
        call_and_output: 15,
        call_with_id: 15,
        compact_arguments: true,
        required_names_the_only: false,
    },
    ..CLASSIC
};

/// o3, o4.
pub(super) const O_SERIES: TokenRules = TokenRules { call_and_result: 18, ..O3_MINI };

/// gpt-5: it always reasons.
pub(super) const GPT_5: TokenRules = TokenRules {
    // 82 for what describes the channels of an answer, whatever the number of tools.
    tools: 81,
    bare_tool: -1,
    named_choice: None,
    schema_name_in_history: Some(2),
    call: 15,
    responses: ResponsesTokens {
        tools: 3,
        schema: 0,
        calls: 6,
        several_calls: 0,
        call_and_output: 12,
        call_with_id: 12,
        compact_arguments: true,
        required_names_the_only: false,
    },
    ..O_SERIES
};

/// gpt-5.1 and later.
pub(super) const GPT_51: TokenRules =
    TokenRules { call: 9, responses: ResponsesTokens { several_calls: 16, ..GPT_5.responses }, ..GPT_5 };

const CLAUDE: TokenRules = TokenRules { claude: Some(CLAUDE_4_TOKENS), ..CLASSIC };

const CLAUDE_4_TOKENS: ClaudeTokens = ClaudeTokens {
    text: 1_073,
    request: 4,
    message: 3,
    call: 30,
    tools: 311,
    forced_tools: 325,
    tool: 24,
    tool_json: 1_019,
    schema: 95,
    schema_json: 1_950,
    thinking: 29,
    answered_call: 1_850,
};

/// Sonnet 4 and Opus 4.1, and those before.
pub(super) const CLAUDE_4: TokenRules = CLAUDE;

/// Sonnet, Haiku and Opus 4.5 and 4.6.
pub(super) const CLAUDE_45: TokenRules =
    TokenRules { claude: Some(ClaudeTokens { tools: 490, forced_tools: 590, ..CLAUDE_4_TOKENS }), ..CLAUDE };

/// The newer tokenizer: about 30 % more tokens for the same text.
const CLAUDE_5_TOKENS: ClaudeTokens = ClaudeTokens {
    text: 1_448,
    request: 6,
    message: 2,
    call: 18,
    tools: 340,
    forced_tools: 477,
    tool: 1,
    tool_json: 2_041,
    schema: 95,
    schema_json: 1_950,
    thinking: 0,
    answered_call: 1_850,
};

/// Opus 4.7.
pub(super) const CLAUDE_47: TokenRules =
    TokenRules { claude: Some(ClaudeTokens { tools: 649, forced_tools: 786, ..CLAUDE_5_TOKENS }), ..CLAUDE };

/// Opus 4.8 and Opus 5.
pub(super) const CLAUDE_OPUS: TokenRules =
    TokenRules { claude: Some(ClaudeTokens { tools: 282, forced_tools: 419, ..CLAUDE_5_TOKENS }), ..CLAUDE };

/// Sonnet 5, Fable 5, and later.
pub(super) const CLAUDE_5: TokenRules = TokenRules { claude: Some(CLAUDE_5_TOKENS), ..CLAUDE };
