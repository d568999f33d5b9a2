//! Which webhooks an app is sent: its subscriptions, and the apps that an account sends to.

use http::Method;

use super::{Answer, Client, Error, call::Call};
use crate::{
    json::{Kind, Value},
    webhook::{Refusal, read},
};

/// One object of which an app is sent webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Which, as `whatsapp_business_account`.
    pub object: String,
    /// Are they sent? Where Meta does not say, they are.
    pub is_active: bool,
    /// Fields that are sent, as `group_lifecycle_update`; names or objects with a name are read alike.
    pub fields: Vec<String>,
}

impl Client {
    /// What an app is subscribed to; the client's token must be the app's (`GET /{app-id}/subscriptions`).
    ///
    /// # Errors
    ///
    /// [`Error`]; [`super::Meaning::Auth`] where the token is not the app's.
    pub async fn subscriptions(&self, app_id: &str) -> Result<Answer<Vec<Subscription>>, Error> {
        let path = [app_id, "subscriptions"];
        self.call(get("subscriptions", &path), |root| list(root, subscription))
            .await
    }

    /// Ids of the apps that an account sends webhooks to (`GET /{waba-id}/subscribed_apps`).
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn subscribed_apps(&self, waba_id: &str) -> Result<Answer<Vec<String>>, Error> {
        let path = [waba_id, "subscribed_apps"];
        self.call(get("subscribed_apps", &path), |root| list(root, app))
            .await
    }

    /// The app that the client's token belongs to (`GET /app`), if the token is an app's or a system user's.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn app(&self) -> Result<Answer<Option<String>>, Error> {
        self.call(get("app", &["app"]), |root| ident(root, "id"))
            .await
    }
}

const fn get<'a>(name: &'static str, path: &'a [&'a str]) -> Call<'a> {
    Call {
        name,
        method: Method::GET,
        path,
        query: &[],
    }
}

fn list<'a, T>(
    root: Value<'a>,
    entry: impl Fn(Value<'a>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    read::object(root)?;
    let data = root.get("data").ok_or(Refusal::Missing { path: "data" })?;
    read::array(data, entry).map_err(|refusal| refusal.under("data"))
}

fn subscription(value: Value<'_>) -> Result<Subscription, Refusal> {
    read::object(value)?;
    let active = value.get("active").map(read::flag).transpose()?.flatten();
    let fields = match value.get("fields") {
        Some(fields) => read::array(fields, field).map_err(|refusal| refusal.under("fields"))?,
        None => Vec::new(),
    };
    Ok(Subscription {
        object: ident(value, "object")?.unwrap_or_default(),
        is_active: active.unwrap_or(true),
        fields: fields.into_iter().flatten().collect(),
    })
}

/// Graph's reference shows `{"name": "messages", "version": "v25.0"}`, older answers the bare name.
fn field(value: Value<'_>) -> Result<Option<String>, Refusal> {
    match value.kind() {
        Kind::Object => ident(value, "name"),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String | Kind::Array => {
            Ok(read::ident(value)?.map(|text| text.into_owned()))
        }
    }
}

/// WhatsApp's answers wrap the app, others of Graph's do not.
fn app(value: Value<'_>) -> Result<String, Refusal> {
    let app = value.get("whatsapp_business_api_data").unwrap_or(value);
    ident(app, "id")?.ok_or(Refusal::Missing { path: "id" })
}

fn ident(value: Value<'_>, key: &'static str) -> Result<Option<String>, Refusal> {
    read::object(value)?;
    let text = value.get(key).map(read::ident).transpose();
    let text = text.map_err(|refusal| refusal.under(key))?.flatten();
    Ok(text.map(|text| text.into_owned()))
}
