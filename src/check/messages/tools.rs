//! The tools of a request, and the schemas that it is strict about.

use super::invalid;
use crate::api::messages::Request;
use crate::check::strict_schemas::Parameters;
use crate::error::ApiError;
use crate::json::Value;
use std::collections::HashSet;

/// The most strict tools in a request.
const MAX_STRICT_TOOLS: usize = 20;

/// The rules on tools: each has a name and a schema of an object, and strict schemas have limits together.
pub(super) fn check(request: &Request<'_>) -> Result<(), ApiError> {
    let tools = request.tools.as_deref().unwrap_or_default();
    let mut names = HashSet::new();
    if !tools.iter().filter_map(|tool| tool.name.as_deref()).all(|name| names.insert(name)) {
        return Err(invalid("tools: Tool names must be unique."));
    }
    let mut parameters = Parameters::default();
    for (i, tool) in tools.iter().enumerate().filter(|(_, tool)| tool.is_custom()) {
        if tool.name.is_none() {
            return Err(invalid(format!("tools.{i}.custom.name: Field required")));
        }
        let Some(schema) = tool.input_schema else {
            return Err(invalid(format!("tools.{i}.custom.input_schema: Field required")));
        };
        let Some(tree) = Value::parse(schema.0.as_bytes()).filter(Value::is_object) else {
            return Err(invalid(format!(
                "tools.{i}.custom.input_schema: Input does not match the expected shape."
            )));
        };
        match tree.get("type").map(Value::as_str) {
            None => return Err(invalid(format!("tools.{i}.custom.input_schema.type: Field required"))),
            Some(Some("object")) => {}
            Some(_) => {
                return Err(invalid(format!("tools.{i}.custom.input_schema.type: Input should be 'object'")));
            }
        }
        if tool.strict == Some(true) {
            let counted = parameters.count(&tree);
            counted.map_err(|why| invalid(format!("tools.{i}.custom: Invalid schema: {why}")))?;
        }
    }
    let strict = tools.iter().filter(|tool| tool.strict == Some(true)).count();
    if strict > MAX_STRICT_TOOLS {
        return Err(invalid(format!(
            "Too many strict tools ({strict}). The maximum number of strict tools supported is {MAX_STRICT_TOOLS}. Try \
             reducing the number of tools marked as strict."
        )));
    }
    let output = request.output_config.as_ref().and_then(|output| output.format.as_ref());
    for (name, format) in
        [("output_config.format", output), ("output_format", request.output_format.as_ref())]
    {
        let schema = format.and_then(|format| format.schema);
        if let Some(tree) = schema.and_then(|schema| Value::parse(schema.0.as_bytes())) {
            let counted = parameters.count(&tree);
            counted.map_err(|why| invalid(format!("{name}.schema: {why}")))?;
        }
    }
    parameters.within_limits().map_err(invalid)
}
