//! Lists of models, as OpenAI and Anthropic answer `GET /v1/models`.

use crate::json::writes;

writes! {
    /// OpenAI's list.
    #[derive(Debug)]
    pub struct ModelList<'a> {
        /// `list`
        "object" = object: &'static str,
        /// The models, in the order they are served.
        "data" = data: Vec<Model<'a>>,
        /// Empty, for Codex, which takes a list without it for a fault and one with it for no news.
        "models" ? models: Option<[(); 0]>,
    }
}

writes! {
    /// A model in OpenAI's list.
    #[derive(Debug)]
    pub struct Model<'a> {
        /// Its name in requests.
        "id" = id: &'a str,
        /// `model`
        "object" = object: &'static str,
        /// When it was made; Unix seconds.
        "created" = created: u64,
        /// Its owner.
        "owned_by" = owned_by: &'a str,
    }
}

writes! {
    /// One page of Anthropic's list: <https://docs.anthropic.com/en/api/models-list>.
    #[derive(Debug)]
    pub struct AnthropicModelList<'a> {
        /// The models of the page.
        "data" = data: Vec<AnthropicModel<'a>>,
        /// Whether the list goes on behind the page.
        "has_more" = has_more: bool,
        /// The id of the page's first model.
        "first_id" = first_id: Option<&'a str>,
        /// The id of the page's last model.
        "last_id" = last_id: Option<&'a str>,
    }
}

writes! {
    /// A model in Anthropic's list.
    #[derive(Debug)]
    pub struct AnthropicModel<'a> {
        /// `model`
        "type" = kind: &'static str,
        /// Its name in requests.
        "id" = id: &'a str,
        /// Its name for people.
        "display_name" = display_name: &'a str,
        /// The time of its release (RFC 3339).
        "created_at" = created_at: String,
        /// The most tokens of a prompt, where known.
        "max_input_tokens" = max_input_tokens: Option<u32>,
        /// The most tokens of an answer, where known.
        "max_tokens" = max_tokens: Option<u32>,
    }
}
