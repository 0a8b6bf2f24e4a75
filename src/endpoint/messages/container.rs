//! The container of an answer: where code would run.

use crate::api::Text;
use crate::api::messages::{Block, Request, Tool};
use crate::api::tool::Json;
use crate::ctx::Ctx;
use crate::encode::messages::Container;
use crate::ids::IdForm;
use crate::json::{self, ParseError, Read, Reader};
use std::time::Duration;

/// How long a container is kept.
const LIFE: Duration = Duration::from_secs(300);

/// The container of a request that names one or lets the model run code: every such answer that was recorded has it.
pub(super) fn of(request: &Request<'_>, ctx: &Ctx<'_>) -> Option<Container> {
    let runs_code =
        |tool: &Tool<'_>| tool.kind.as_deref().is_some_and(|kind| kind.starts_with("code_execution_"));
    let named = request.container.and_then(|Json(json)| json::from_str::<Name<'_>>(json).ok());
    if named.is_none() && !request.tools.iter().flatten().any(runs_code) {
        return None;
    }
    let new = || IdForm::CONTAINER.id(ctx.random);
    let mut expires_at = String::new();
    crate::time::push_rfc3339(ctx.now + LIFE, &mut expires_at);
    let id = named.and_then(|Name(name)| name).map_or_else(new, |name| name.to_string());
    Some(Container { id, expires_at })
}

/// The id of a container, which a request has as a string or as the member `id` of an object.
struct Name<'a>(Option<Text<'a>>);

impl<'a> Read<'a> for Name<'a> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        if json.peek() == b'"' {
            return Ok(Self(Some(Text(json.string()?))));
        }
        let block: Block<'a> = json::from_str(json.raw()?).map_err(|_| ParseError)?;
        Ok(Self(block.id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_run_code_have_a_container() {
        let ctx =
            Ctx { now: Duration::from_secs(1_796_000_000), random: [1, 2], elapsed: &|| Duration::ZERO };
        let id = |members: &str| {
            let request: Request<'_> = json::from_str(members).expect("a request");
            of(&request, &ctx).map(|container| container.id)
        };
        let new =
            id(r#"{"tools":[{"type":"code_execution_20260120","name":"code_execution"}]}"#).expect("an id");
        assert_eq!((new.len(), new.starts_with("container_01")), ("container_".len() + 24, true));
        for (members, want) in [
            (r#"{}"#, None),
            (r#"{"container":null}"#, None),
            (r#"{"tools":[{"name":"f","input_schema":{}}]}"#, None),
            (r#"{"container":"container_7"}"#, Some("container_7")),
            (r#"{"container":{"id":"container_7","skills":[]}}"#, Some("container_7")),
            (r#"{"container":{"skills":[]}}"#, Some(&*new)),
        ] {
            assert_eq!(id(members).as_deref(), want, "{members}");
        }
    }
}
