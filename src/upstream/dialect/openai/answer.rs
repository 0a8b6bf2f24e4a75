//! A chat completion as an answer; what it has in common with chunks.

use crate::api::Text;
use crate::api::tool::Json;
use crate::json::{self, Fragment, Joint, reads};
use crate::turn::{self, Answer, Block, FinishReason, TokenLogprob, ToolKind};
use crate::upstream::usage;
use std::borrow::Cow;
use std::collections::BTreeMap;

reads! {
    /// A completion, or a chunk of one.
    pub(super) struct Completion<'a> {
        "id" id: Text<'a>,
        "model" model: Text<'a>,
        "choices" choices: Vec<Choice<'a>>,
        "usage" usage: Json<'a>,
        "x_groq" x_groq: Groq<'a>,
    }
}

reads! {
    pub(super) struct Groq<'a> {
        "usage" usage: Json<'a>,
    }
}

reads! {
    pub(super) struct Choice<'a> {
        "index" index: u64,
        "message" message: Message<'a>,
        "delta" delta: Message<'a>,
        "text" text: Json<'a>,
        "finish_reason" finish_reason: Text<'a>,
        "usage" usage: Json<'a>,
        "logprobs" logprobs: Logprobs<'a>,
    }
}

reads! {
    /// A message, or what is new of one.
    pub(super) struct Message<'a> {
        "content" content: Json<'a>,
        "refusal" refusal: Fragment<'a>,
        "reasoning_content" reasoning_content: Fragment<'a>,
        // OpenRouter's, Groq's and newer vLLM's name.
        "reasoning" reasoning: Fragment<'a>,
        // Copilot's.
        "reasoning_text" reasoning_text: Fragment<'a>,
        "reasoning_details" reasoning_details: Vec<ReasoningDetail<'a>>,
        "thinking_blocks" thinking_blocks: Vec<ThinkingBlock<'a>>,
        "tool_calls" tool_calls: Vec<ToolCall<'a>>,
        "function_call" function_call: Called<'a>,
    }
}

reads! {
    pub(super) struct ThinkingBlock<'a> {
        "type" kind: Text<'a>,
        "thinking" thinking: Fragment<'a>,
        "signature" signature: Text<'a>,
        "data" data: Text<'a>,
    }
}

reads! {
    /// OpenRouter's form of reasoning.
    pub(super) struct ReasoningDetail<'a> {
        "text" text: Fragment<'a>,
        "summary" summary: Fragment<'a>,
        "signature" signature: Text<'a>,
    }
}

reads! {
    pub(super) struct ToolCall<'a> {
        "index" index: u64,
        "id" id: Text<'a>,
        "function" function: Called<'a>,
        "custom" custom: Called<'a>,
    }
}

reads! {
    pub(super) struct Called<'a> {
        "name" name: Text<'a>,
        // Some servers send an object in place of its text.
        "arguments" arguments: Json<'a>,
        "input" input: Json<'a>,
    }
}

reads! {
    pub(super) struct Logprobs<'a> {
        "content" content: Vec<Token<'a>>,
        "refusal" refusal: Vec<Token<'a>>,
    }
}

reads! {
    pub(super) struct Token<'a> {
        "token" token: Text<'a>,
        "bytes" bytes: Vec<u64>,
        "logprob" logprob: Json<'a>,
        "top_logprobs" top_logprobs: Vec<Token<'a>>,
    }
}

impl<'a> Completion<'a> {
    /// The tokens it counts. Moonshot has them in a choice, Groq's streams in a member of its own.
    pub(super) fn usage(&self) -> Option<turn::Usage> {
        let of_choice = || self.choices.iter().flatten().find_map(|choice| choice.usage);
        let of_groq = || self.x_groq.as_ref()?.usage;
        usage::read(self.usage.or_else(of_choice).or_else(of_groq)?)
    }
}

impl<'a> Choice<'a> {
    /// What is new of its message. Some servers send the text of a completion, or a message in place of a delta.
    pub(super) fn news(&mut self) -> Option<Message<'a>> {
        let text = || Some(Message { content: Some(self.text?), ..Message::default() });
        self.delta.take().or_else(|| self.message.take()).or_else(text)
    }
}

/// The texts of a content.
#[derive(Default)]
pub(super) struct Texts<'a> {
    /// Of the reasoning, which Mistral has among the parts.
    pub(super) thinking: Vec<Fragment<'a>>,
    /// Of the answer.
    pub(super) text: Vec<Fragment<'a>>,
}

impl<'a> Texts<'a> {
    /// Reads a string, a part, or a list of either.
    fn add(&mut self, content: &'a str, is_thinking: bool) {
        reads! {
            struct Part<'a> {
                "text" text: Json<'a>,
                "thinking" thinking: Json<'a>,
            }
        }
        match content.as_bytes().first() {
            Some(b'"') => {
                let texts = if is_thinking { &mut self.thinking } else { &mut self.text };
                texts.extend(json::lossy_from_str::<Fragment<'_>>(content).ok());
            }
            Some(b'[') => {
                for item in json::lossy_from_str::<Vec<Json<'_>>>(content).unwrap_or_default() {
                    self.add(item.0, is_thinking);
                }
            }
            Some(b'{') => {
                let part: Part<'_> = json::lossy_from_str(content).unwrap_or_default();
                for (inner, is_thinking) in [(part.thinking, true), (part.text, is_thinking)] {
                    if let Some(Json(inner)) = inner {
                        self.add(inner, is_thinking);
                    }
                }
            }
            _ => {}
        }
    }
}

impl<'a> Message<'a> {
    /// The texts of the content, which some servers send as parts.
    pub(super) fn texts(&self) -> Texts<'a> {
        let mut texts = Texts::default();
        if let Some(Json(content)) = self.content {
            texts.add(content, false);
        }
        texts
    }

    /// The text of the reasoning, under the first of its names that has one.
    pub(super) fn reasoning(&mut self) -> Vec<Fragment<'a>> {
        let is_text = |text: &Fragment<'_>| *text != Fragment::default();
        let names = [self.reasoning_content.take(), self.reasoning.take(), self.reasoning_text.take()];
        if let Some(text) = names.into_iter().flatten().find(is_text) {
            return vec![text];
        }
        let details = self.reasoning_details.iter_mut().flatten();
        details.filter_map(|detail| detail.text.take().or_else(|| detail.summary.take())).collect()
    }

    /// The signature of the reasoning, where OpenRouter has one.
    pub(super) fn signature(&mut self) -> Option<Text<'a>> {
        let details = self.reasoning_details.iter_mut().flatten();
        details.filter_map(|detail| detail.signature.take()).find(|signature| !signature.is_empty())
    }
}

impl<'a> Called<'a> {
    /// The arguments of a function or the input of a custom tool, as a piece of text.
    pub(super) fn input(&self) -> Fragment<'a> {
        match self.arguments.or(self.input) {
            Some(Json(text)) if text.starts_with('"') => json::lossy_from_str(text).unwrap_or_default(),
            Some(Json(object)) if object.starts_with('{') => Fragment::from(object),
            _ => Fragment::default(),
        }
    }
}

/// Why a choice ended; `None` for no reason. A reason that is not known is taken for a stop. Servers in front of other
/// APIs often have those APIs' names.
pub(super) fn finish_reason(reason: &str) -> Option<FinishReason> {
    Some(match &*reason.trim().to_ascii_lowercase() {
        "" => return None,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" | "tool_call" => FinishReason::ToolCalls,
        "content_filter" | "safety" | "recitation" | "blocklist" | "prohibited_content" | "sensitive" => {
            FinishReason::ContentFilter
        }
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Stop,
    })
}

/// Whether a reason means that the server gave up: SGLang's, DeepSeek's and GLM's names, and OpenRouter's.
pub(super) fn is_broken_off(reason: &str) -> bool {
    ["abort", "insufficient_system_resource", "network_error", "error"].contains(&reason.trim())
}

/// Log probabilities of some tokens.
pub(super) fn logprobs(tokens: Option<Vec<Token<'_>>>) -> Option<Vec<TokenLogprob<'static>>> {
    fn bytes(token: &Token<'_>) -> Cow<'static, [u8]> {
        let bytes =
            token.bytes.as_ref().map(|bytes| bytes.iter().filter_map(|b| u8::try_from(*b).ok()).collect());
        Cow::Owned(bytes.unwrap_or_else(|| token.token.as_deref().unwrap_or_default().as_bytes().to_vec()))
    }
    let logprob =
        |token: &Token<'_>| token.logprob.and_then(|number| number.0.parse().ok()).unwrap_or(f32::MIN);
    let entry = |token: Token<'_>| TokenLogprob {
        bytes: bytes(&token),
        logprob: logprob(&token),
        top: token.top_logprobs.iter().flatten().map(|top| (bytes(top), logprob(top))).collect(),
    };
    tokens.map(|tokens| tokens.into_iter().map(entry).collect())
}

fn whole(fragment: Fragment<'_>) -> Cow<'static, str> {
    let mut joint = Joint::default();
    let text = joint.join(fragment).into_owned();
    Cow::Owned(text + joint.finish().unwrap_or_default())
}

fn owned(text: Text<'_>) -> Cow<'static, str> {
    Cow::Owned(text.into_inner().into_owned())
}

/// Reads a completion; `None` if it is none.
pub(in crate::upstream::dialect) fn answer(body: &[u8]) -> Option<Answer<'static>> {
    let completion: Completion<'_> = json::answer_from_slice(body).ok()?;
    let usage = completion.usage();
    let mut choices = BTreeMap::<u64, turn::Choice<'_>>::new();
    for choice in completion.choices? {
        // Copilot's API has text and calls in two choices without an index.
        let index = choice.index.unwrap_or(0);
        add(choice, choices.entry(index).or_default())?;
    }
    let choices: Vec<_> = choices.into_values().map(ended).collect();
    Some(Answer {
        id: completion.id.map(owned),
        model: completion.model.map(owned),
        choices: Some(choices).filter(|choices| !choices.is_empty())?,
        usage,
    })
}

/// Adds what a choice of a completion has; `None` where it is none.
fn add(mut choice: Choice<'_>, out: &mut turn::Choice<'static>) -> Option<()> {
    let reason = choice.finish_reason.take().unwrap_or_default();
    let mut message = choice.news().filter(|_| !is_broken_off(&reason))?;
    let logprobs_of = choice.logprobs.unwrap_or_default();
    let texts = message.texts();
    out.blocks.extend(thinking(&mut message, texts.thinking));
    let content: String = texts.text.into_iter().map(whole).collect();
    if !content.is_empty() {
        let logprobs = logprobs(logprobs_of.content);
        out.blocks.push(Block::Text { text: content.into(), logprobs });
    }
    if let Some(refusal) = message.refusal.take().map(whole).filter(|refusal| !refusal.is_empty()) {
        out.blocks.push(Block::Refusal { text: refusal, logprobs: logprobs(logprobs_of.refusal) });
    }
    let function =
        message.function_call.map(|function| ToolCall { function: Some(function), ..ToolCall::default() });
    for call in message.tool_calls.into_iter().flatten().chain(function) {
        let (called, kind) = match (call.function, call.custom) {
            (Some(called), _) => (called, ToolKind::Function),
            (None, Some(called)) => (called, ToolKind::Custom),
            (None, None) => continue,
        };
        let mut input = whole(called.input());
        if kind == ToolKind::Function {
            input = object_of(input);
        }
        let id = owned(call.id.unwrap_or_default());
        let calls = out.blocks.iter().filter(|block| matches!(block, Block::ToolCall { .. })).count();
        let index = u32::try_from(calls).unwrap_or(u32::MAX);
        out.blocks.push(Block::ToolCall { index, id, name: owned(called.name?), input, kind });
    }
    out.finish = finish_reason(&reason).or(out.finish);
    Some(())
}

/// The arguments of a function: an object where they are empty or, as some models write them, a string that has it.
fn object_of(input: Cow<'static, str>) -> Cow<'static, str> {
    let text = input.trim();
    if text.is_empty() {
        return "{}".into();
    }
    let inner = text.starts_with('"').then(|| json::lossy_from_str::<Text<'_>>(text).ok()).flatten();
    let is_object = |text: &Text<'_>| json::lossy_from_str::<Json<'_>>(text).is_ok_and(Json::is_object);
    inner.filter(is_object).map_or_else(|| input.clone(), owned)
}

/// A choice that has ended. Some servers end a turn that calls tools with `stop`.
fn ended(mut choice: turn::Choice<'static>) -> turn::Choice<'static> {
    let has_calls = choice.blocks.iter().any(|block| matches!(block, Block::ToolCall { .. }));
    if has_calls && choice.finish == Some(FinishReason::Stop) {
        choice.finish = Some(FinishReason::ToolCalls);
    }
    choice
}

/// The reasoning of a message: blocks where it has them, else its text. `parts` are those of its content.
fn thinking(message: &mut Message<'_>, parts: Vec<Fragment<'_>>) -> Vec<Block<'static>> {
    if let Some(blocks) = message.thinking_blocks.take().filter(|blocks| !blocks.is_empty()) {
        let block = |block: ThinkingBlock<'_>| match block.data {
            Some(data) => Block::RedactedThinking { data: owned(data) },
            None => Block::Thinking {
                text: whole(block.thinking.unwrap_or_default()),
                signature: block.signature.filter(|signature| !signature.is_empty()).map(owned),
            },
        };
        return blocks.into_iter().map(block).collect();
    }
    let mut texts = message.reasoning();
    if texts.is_empty() {
        texts = parts;
    }
    let text: String = texts.into_iter().map(whole).collect();
    let signature = message.signature().map(owned);
    let is_empty = text.is_empty() && signature.is_none();
    (!is_empty).then(|| Block::Thinking { text: text.into(), signature }).into_iter().collect()
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
