//! What a gateway that keeps no responses answers to a request for one.

use crate::api::responses::{Input, Request};
use crate::error::{ApiError, Kind};

/// Checks that a request needs nothing that was stored.
///
/// # Errors
///
/// The live API's error for something that it does not find.
pub(super) fn check(request: &Request<'_>) -> Result<(), ApiError> {
    if let Some(id) = &request.previous_response_id {
        let message = format!("Previous response with id '{}' not found.", &**id);
        return Err(ApiError::new(Kind::PreviousResponseNotFound, message).at("previous_response_id"));
    }
    if let Some(conversation) = request.conversation {
        let id = conversation.0.split('"').find(|part| part.starts_with("conv")).unwrap_or("");
        return Err(ApiError::new(Kind::NotFound, format!("Conversation with id '{id}' not found.")));
    }
    if request.background == Some(true) {
        let message =
            "Unsupported parameter: 'background' is not supported, since this gateway keeps no responses.";
        return Err(ApiError::new(Kind::UnsupportedParameter, message).at("background"));
    }
    let Some(Input::Items(items)) = &request.input else { return Ok(()) };
    let is_stored = |kind: Option<&str>, encrypted: bool| match kind {
        Some("item_reference") => true,
        // With `store` an item without its content would be found by its id; here it is ignored.
        Some("reasoning") => request.store == Some(false) && !encrypted,
        _ => false,
    };
    for item in items {
        let id = item.id.as_deref();
        if let Some(id) = id.filter(|_| is_stored(item.kind.as_deref(), item.encrypted_content.is_some())) {
            let message = format!(
                "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with \
                 `store` set to true, or remove this item from your input."
            );
            return Err(ApiError::new(Kind::NotFound, message).at("input"));
        }
    }
    Ok(())
}
