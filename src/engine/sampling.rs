//! [`Sampling`]: the parameters that decide how a text is generated.

use crate::tokens::Encoding;
use crate::turn;

/// The sampling parameters of a request.
#[derive(Debug, Clone)]
pub struct Sampling<'a> {
    /// The model's encoding.
    pub encoding: Encoding,
    /// 0 to 2.
    pub temperature: f64,
    /// 0 to 1.
    pub top_p: f64,
    /// -2 to 2.
    pub presence_penalty: f64,
    /// -2 to 2.
    pub frequency_penalty: f64,
    /// Token → bias, -100 to 100.
    pub logit_bias: Vec<(u32, f64)>,
    /// Varies the answer.
    pub seed: Option<i64>,
    /// The answer ends before the first of these.
    pub stop: Vec<&'a str>,
    /// The most tokens a choice may have, by the request and by the model's own limits.
    pub max_tokens: Option<u64>,
    /// The most tokens a choice may have that the operator did not configure, where the model has no limit.
    pub output_limit: u64,
    /// How many alternatives come with each token, if log probabilities are requested at all.
    pub logprobs: Option<usize>,
    /// How many answers there will be, which bounds the length of each.
    pub answers: u64,
}

impl<'a> Sampling<'a> {
    /// The parameters of a turn, without its output limit.
    pub fn of(turn: &'a turn::Request<'_>, encoding: Encoding) -> Self {
        let sampling = &turn.sampling;
        let bias = sampling.logit_bias.iter().filter_map(|(id, bias)| Some((id.parse().ok()?, *bias)));
        Self {
            encoding,
            temperature: sampling.temperature.unwrap_or(1.0),
            top_p: sampling.top_p.unwrap_or(1.0),
            presence_penalty: sampling.presence_penalty.unwrap_or(0.0),
            frequency_penalty: sampling.frequency_penalty.unwrap_or(0.0),
            logit_bias: bias.collect(),
            seed: sampling.seed,
            stop: turn.stop.iter().map(|stop| &**stop).collect(),
            logprobs: turn.logprobs.map(|top| top.min(20) as usize),
            answers: turn.choices.into(),
            ..Self::default()
        }
    }
}

impl Default for Sampling<'_> {
    /// One answer, all parameters at their defaults, in the newest encoding.
    fn default() -> Self {
        Self {
            encoding: Encoding::O200kBase,
            temperature: 1.0,
            top_p: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: None,
            stop: Vec::new(),
            max_tokens: None,
            output_limit: super::sampler::DEFAULT_OUTPUT_LIMIT,
            logprobs: None,
            answers: 1,
        }
    }
}
