//! Tools: those a request offers, its choice between them, and the calls of an assistant.

use super::{Loose, Text};
use crate::json::{ParseError, Read, Reader, Write};

/// JSON of any form, such as a schema: the text as it is in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a>(pub &'a str);

impl Json<'_> {
    /// True if the value is an object.
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }
}

impl<'a> Read<'a> for Json<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        json.raw().map(Self)
    }
}

impl Write for Json<'_> {
    fn write(&self, out: &mut String) {
        out.push_str(self.0);
    }
}

object! {
    /// A function that the model may call.
    pub struct Function<'a> {
        /// Its name.
        "name" name: Text<'a>,
        /// Its description, for the model.
        "description" description: Text<'a>,
        /// The JSON schema of its arguments.
        "parameters" parameters: Json<'a>,
        /// Whether the arguments always match the schema.
        "strict" strict: bool,
    }
}

object! {
    /// A tool that takes free text.
    pub struct CustomTool<'a> {
        /// Its name.
        "name" name: Text<'a>,
        /// Its description, for the model.
        "description" description: Text<'a>,
        /// The format of its input.
        "format" format: CustomFormat<'a>,
    }
}

tagged! {
    /// The format of a custom tool's input.
    pub struct CustomFormat<'a> by
        /// Any text, or text of a grammar.
        "type" kind: CustomFormatType
    {
        /// The grammar.
        "grammar" grammar: Grammar<'a>, of CustomFormatType::Grammar,
    }
}

strings! {
    /// The `type` of a custom tool's format.
    pub enum CustomFormatType {
        /// Any text.
        "text" Text,
        /// Text of a grammar.
        "grammar" Grammar,
    }
}

object! {
    /// The grammar of a custom tool's input.
    pub struct Grammar<'a> {
        /// The grammar itself.
        "definition" definition: Text<'a>,
        /// The language of the grammar.
        "syntax" syntax: GrammarSyntax,
    }
}

strings! {
    /// The language of a grammar.
    pub enum GrammarSyntax {
        /// Lark.
        "lark" Lark,
        /// A regular expression.
        "regex" Regex,
    }
}

strings! {
    /// The `type` of a tool, and of a call of one.
    pub enum ToolType {
        /// A function with a JSON schema.
        "function" Function,
        /// A tool that takes free text.
        "custom" Custom,
    }
}

tagged! {
    /// A tool the model may call: its type, and the member named after it.
    pub struct Tool<'a> by
        /// The kind of tool.
        "type" kind: ToolType
    {
        /// The function, if it is one.
        "function" function: Function<'a>, of ToolType::Function,
        /// The custom tool, if it is one.
        "custom" custom: Box<CustomTool<'a>>, of ToolType::Custom,
    }
}

impl Tool<'_> {
    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        let name = match self.kind {
            Some(ToolType::Custom) => self.custom.as_ref().and_then(|c| c.name.as_deref()),
            _ => self.function.as_ref().and_then(|f| f.name.as_deref()),
        };
        name.unwrap_or_default()
    }
}

tagged! {
    /// A call the assistant made earlier: its type, and the member named after it.
    pub struct ToolCall<'a> by
        /// The kind of tool.
        "type" kind: ToolType
    {
        /// The id that the message with the result refers to.
        "id" id: Text<'a>, of _,
        /// The function called, if it is one.
        "function" function: FunctionCall<'a>, of ToolType::Function,
        /// The custom tool called, if it is one.
        "custom" custom: Box<CustomCall<'a>>, of ToolType::Custom,
    }
}

object! {
    /// A function call the assistant made earlier.
    pub struct FunctionCall<'a> {
        /// The function.
        "name" name: Text<'a>,
        /// Its arguments, as JSON in a string.
        "arguments" arguments: Text<'a>,
    }
}

object! {
    /// A call of a custom tool the assistant made earlier.
    pub struct CustomCall<'a> {
        /// The tool.
        "name" name: Text<'a>,
        /// Its input.
        "input" input: Text<'a>,
    }
}

object! {
    /// A reference to a tool by its name.
    pub struct Named<'a> {
        /// The name.
        "name" name: Text<'a>,
    }
}

/// Which tools the model may or must call.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// `none`, `auto` or `required`.
    Mode(ToolMode),
    /// One tool, or a choice of them.
    Tool(Box<ChosenTool<'a>>),
}

strings! {
    /// Whether the model may or must call a tool.
    pub enum ToolMode {
        /// It must not.
        "none" None,
        /// It may.
        "auto" Auto,
        /// It must.
        "required" Required,
    }
}

strings! {
    /// The `type` of a tool choice that is an object.
    pub enum ToolChoiceType {
        /// One function.
        "function" Function,
        /// One custom tool.
        "custom" Custom,
        /// Some of the tools.
        "allowed_tools" AllowedTools,
    }
}

tagged! {
    /// A tool choice that is an object: its type, and the member named after it.
    pub struct ChosenTool<'a> by
        /// The kind of choice.
        "type" kind: ToolChoiceType
    {
        /// The function to call.
        "function" function: Named<'a>, of ToolChoiceType::Function,
        /// The custom tool to call.
        "custom" custom: Named<'a>, of ToolChoiceType::Custom,
        /// The tools allowed.
        "allowed_tools" allowed_tools: AllowedTools<'a>, of ToolChoiceType::AllowedTools,
    }
}

object! {
    /// Some of the request's tools.
    pub struct AllowedTools<'a> {
        /// `auto` or `required`.
        "mode" mode: ToolMode,
        /// The tools. In the published schema they may be any objects.
        "tools" tools: Vec<Loose<AllowedTool<'a>>>,
    }
}

tagged! {
    /// One of the tools allowed: its type, and the member named after it.
    pub struct AllowedTool<'a> by
        /// The kind of tool.
        "type" kind: ToolType
    {
        /// The function.
        "function" function: Named<'a>, of ToolType::Function,
        /// The custom tool.
        "custom" custom: Named<'a>, of ToolType::Custom,
    }
}

string_or! { ToolChoice,
    |text: Text<'_>| ToolMode::parse(&text).map(ToolChoice::Mode),
    |tool| ToolChoice::Tool(Box::new(tool))
}

/// The legacy form of [`ToolChoice`].
#[derive(Debug, Clone, PartialEq)]
pub enum FunctionChoice<'a> {
    /// `none` or `auto`.
    Mode(ToolMode),
    /// One function.
    Function(Named<'a>),
}

string_or! { FunctionChoice,
    |text: Text<'_>| ToolMode::parse(&text).filter(|m| *m != ToolMode::Required).map(FunctionChoice::Mode),
    FunctionChoice::Function
}
