//! Messages of a chat, and the parts of their content.

use super::Text;
use super::tool::{FunctionCall, ToolCall};
use crate::json::{ParseError, Read, Reader};

strings! {
    /// The role of a message's author.
    pub enum Role {
        /// Instructions to models before o1.
        "system" System,
        /// The model.
        "assistant" Assistant,
        /// The end user.
        "user" User,
        /// The result of a legacy function call.
        "function" Function,
        /// The result of a tool call.
        "tool" Tool,
        /// Instructions to models from o1 on.
        "developer" Developer,
    }
}

tagged! {
    /// One message. What few messages have lies in a box, so that many short messages fit into the memory of a request.
    pub struct Message<'a> by
        /// The author's role.
        "role" role: Role
    {
        /// The text or parts.
        "content" content: Content<'a>, of _,
        /// Distinguishes authors of one role; the function's name where the role is `function`.
        "name" name: Box<Text<'a>>, of Role::System | Role::Developer | Role::User | Role::Assistant | Role::Function,
        /// The assistant's refusal.
        "refusal" refusal: Box<Text<'a>>, of Role::Assistant,
        /// A reference to an earlier audio answer.
        "audio" audio: Box<AudioReference<'a>>, of Role::Assistant,
        /// The tools the assistant called.
        "tool_calls" tool_calls: Vec<ToolCall<'a>>, of Role::Assistant,
        /// The function the assistant called, in the legacy form.
        "function_call" function_call: Box<FunctionCall<'a>>, of Role::Assistant,
        /// The call that a message of the role `tool` has the result of.
        "tool_call_id" tool_call_id: Text<'a>, of Role::Tool,
    }
}

object! {
    /// A reference to an earlier audio answer.
    pub struct AudioReference<'a> {
        /// Its id.
        "id" id: Text<'a>,
    }
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    /// Plain text.
    Text(Text<'a>),
    /// Typed parts.
    Parts(Vec<Part<'a>>),
}

string_or! { Content, |text| Some(Content::Text(text)), Content::Parts }

impl Content<'_> {
    /// The texts of the content, in order; parts of other types have none.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (text, parts): (_, &[Part<'_>]) = match self {
            Self::Text(text) => (Some(&**text), &[]),
            Self::Parts(parts) => (None, parts),
        };
        text.into_iter().chain(parts.iter().filter_map(Part::as_text))
    }
}

strings! {
    /// The `type` of a part.
    pub enum PartType {
        /// Text.
        "text" Text,
        /// An image.
        "image_url" ImageUrl,
        /// Audio input.
        "input_audio" InputAudio,
        /// The assistant's refusal.
        "refusal" Refusal,
        /// The assistant's audio.
        "audio" Audio,
        /// A file.
        "file" File,
    }
}

tagged! {
    /// One part of a message's content: its type, and the member named after it.
    pub struct Part<'a> by
        /// Which member holds the part.
        "type" kind: PartType
    {
        /// The text.
        "text" text: Text<'a>, of PartType::Text,
        /// The image.
        "image_url" image_url: Box<ImageUrl<'a>>, of PartType::ImageUrl,
        /// The audio input.
        "input_audio" input_audio: Box<InputAudio<'a>>, of PartType::InputAudio,
        /// The refusal.
        "refusal" refusal: Text<'a>, of PartType::Refusal,
        /// The assistant's audio.
        "audio" audio: Box<AudioReference<'a>>, of PartType::Audio,
        /// The file.
        "file" file: Box<File<'a>>, of PartType::File,
        /// The prompt's cached prefix may end here.
        "prompt_cache_breakpoint" prompt_cache_breakpoint: Box<CacheBreakpoint<'a>>,
            of PartType::Text | PartType::ImageUrl | PartType::InputAudio | PartType::File,
    }
}

impl Part<'_> {
    /// The text of a `text` part.
    pub fn as_text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// An image: an object, or its URL alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageUrl<'a> {
    /// A URL, or the image itself as a `data:` URL.
    pub url: Option<Text<'a>>,
    /// The resolution the model sees it in.
    pub detail: Option<Detail>,
    /// Whether a member is present more than once.
    pub doubles: bool,
}

impl<'a> Read<'a> for ImageUrl<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        if json.peek() == b'"' {
            return Text::read(json).map(|url| Self { url: Some(url), ..Self::default() });
        }
        let ImageObject { url, detail, doubles, .. } = Read::read(json)?;
        Ok(Self { url, detail, doubles })
    }
}

object! {
    /// An image in its documented form.
    struct ImageObject<'a> {
        /// See [`ImageUrl::url`].
        "url" url: Text<'a>,
        /// See [`ImageUrl::detail`].
        "detail" detail: Detail,
    }
}

strings! {
    /// The resolution the model sees an image in.
    pub enum Detail {
        /// The model's choice.
        "auto" Auto,
        /// Low.
        "low" Low,
        /// High.
        "high" High,
        /// The image's own.
        "original" Original,
    }
}

object! {
    /// Audio input.
    pub struct InputAudio<'a> {
        /// Base64.
        "data" data: Text<'a>,
        /// Its format.
        "format" format: InputAudioFormat,
    }
}

strings! {
    /// The format of audio input.
    pub enum InputAudioFormat {
        /// WAV.
        "wav" Wav,
        /// MP3.
        "mp3" Mp3,
    }
}

object! {
    /// A file, uploaded before or along with the message.
    pub struct File<'a> {
        /// Its name.
        "filename" filename: Text<'a>,
        /// Base64.
        "file_data" file_data: Text<'a>,
        /// The id of an uploaded file.
        "file_id" file_id: Text<'a>,
    }
}

object! {
    /// A place where a prompt's cached prefix may end.
    pub struct CacheBreakpoint<'a> {
        /// `explicit`.
        "mode" mode: BreakpointMode,
    }
}

strings! {
    /// How a cache breakpoint is set.
    pub enum BreakpointMode {
        /// By the caller.
        "explicit" Explicit,
    }
}
