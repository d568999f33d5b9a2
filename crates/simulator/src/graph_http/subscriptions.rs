//! Which webhooks the app is sent.

use serde_json::{Value, json};

use super::{Answer, Call};
use crate::{
    model::{APP_ID, World},
    webhook::FIELDS,
};

/// The object that WhatsApp's fields belong to.
const OBJECT: &str = "whatsapp_business_account";

const APP_NAME: &str = "Rollcall's simulator";

/// Is it asked about the app, with the app's own token?
pub(super) fn is_of_app(call: &Call) -> bool {
    matches!(call.path.as_slice(), [app] if app == "app")
        || matches!(call.path.as_slice(), [_, edge] if edge == "subscriptions")
}

/// `GET /app`.
pub(super) fn app() -> Answer {
    Answer::ok(json!({"id": APP_ID, "name": APP_NAME}))
}

/// `GET /{app-id}/subscriptions`, as Graph's reference shows it: each field with a version.
pub(super) fn list(world: &World) -> Answer {
    let without = &world.faults.webhooks.unsubscribed;
    let sent = FIELDS
        .iter()
        .filter(|field| !without.iter().any(|name| name == *field));
    let fields: Vec<Value> = sent
        .map(|field| json!({"name": field, "version": "v25.0"}))
        .collect();
    Answer::ok(json!({"data": [{"object": OBJECT, "active": true, "fields": fields}]}))
}

/// `GET /{waba-id}/subscribed_apps`.
pub(super) fn apps() -> Answer {
    Answer::ok(json!({"data": [{"whatsapp_business_api_data": {"id": APP_ID, "name": APP_NAME}}]}))
}
