//! What all commands of the API have in common: whose number, which key, shown or done.

use axum::response::{IntoResponse, Response};
use chassis::problem::{ErrorCode, Problem};
use domain::ids::{GroupId, PhoneNumberId};
use graph::api::{Body, Command, Invalid, Rendered};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Api;
use crate::{
    commands::{Asked, execute, shown},
    limits::{COMMAND_WAIT, KEY_BYTES_MAX},
    upstream::Read,
};

/// Options of every command, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// Show the call, and make none.
    #[serde(default)]
    dry_run: bool,
    /// The number of a group that Rollcall does not know, where there are several.
    pub(super) phone_number_id: Option<String>,
}

impl<R: Read> Api<R> {
    /// The number that runs a group: as it is known, or as it is named, or the only one.
    pub(super) fn number_of(
        &self,
        group_id: &str,
        named: Option<&str>,
    ) -> Result<PhoneNumberId, Problem> {
        self.check_ready()?;
        if let Some(named) = named {
            return self.number(named);
        }
        let known = GroupId::parse(group_id)
            .ok()
            .and_then(|id| self.parts().snapshots.held().group(&id));
        let number = known.and_then(|group| group.core.number.clone());
        if let Some(number) = number {
            return self.number(&number.value);
        }
        let mut numbers = self.parts().budgets.keys();
        match (numbers.next(), numbers.next()) {
            (Some(only), None) => Ok(only.clone()),
            _ => Err(Problem::new(ErrorCode::NotFound)
                .detail("the group is not known here: name its number with ?phone_number_id=")),
        }
    }

    /// Shows the command, or does it and answers how it went so far.
    pub(super) async fn command(
        &self,
        headers: &HeaderMap,
        options: &Options,
        number: PhoneNumberId,
        command: Command,
    ) -> Result<Response, Problem> {
        let rendered = command.render().map_err(invalid)?;
        if options.dry_run {
            return Ok(self.dry(&rendered));
        }
        self.check_ready()?;
        let asked = Asked::new(number, command, &rendered, key(headers)?);
        let (tell, told) = oneshot::channel();
        let (api, desk) = (self.clone(), self.parts().desk.clone());
        let id = asked.request_id(0).ok_or(ErrorCode::Internal)?;
        // Whoever asked may go away in the middle; what is begun goes on to its answer.
        let job = async move {
            let ended = execute(api.parts(), &api.parts().desk, &asked).await;
            let _ = tell.send(ended);
        };
        if !desk.take(job) {
            return Err(unavailable("too many commands are under way"));
        }
        let stopped = "the reconciler stops: ask again with the same Idempotency-Key";
        match self.parts().ctx.clock.timeout(COMMAND_WAIT, told).await {
            Ok(ended) => {
                let ended = ended.map_err(|_| unavailable(stopped))??;
                Ok(shown(&ended.id, &ended.request))
            }
            Err(_) => {
                let held = self.parts().snapshots.held().requests().get(&id);
                held.map(|request| shown(&id, &request))
                    .ok_or_else(|| unavailable("it is not recorded yet"))
            }
        }
    }

    /// The call as it would be made.
    fn dry(&self, rendered: &Rendered) -> Response {
        let client = self.parts().upstream.client();
        let url = client.and_then(|client| client.url_of(rendered).ok());
        let body = match &rendered.body {
            Body::None => Value::Null,
            Body::Json(body) => body.clone(),
            Body::Multipart { fields, picture } => {
                let mut body = json!({
                    "profile_picture_file": format!("{} bytes of JPEG", picture.bytes().len()),
                });
                for (name, value) in fields {
                    body[*name] = Value::from(value.as_str());
                }
                body
            }
        };
        let shown = json!({
            "dry_run": true,
            "method": rendered.method.as_str(),
            "url": url.map_or_else(|| rendered.path_and_query(), |url| url.to_string()),
            "body": body,
        });
        (StatusCode::OK, axum::Json(shown)).into_response()
    }
}

/// What is wrong before anything is sent, in Meta's terms.
pub(super) fn invalid(invalid: Invalid) -> Problem {
    Problem::new(ErrorCode::BadRequest)
        .detail(format!("{invalid}: nothing was called"))
        .with("code", invalid.code().number())
        .with("parameter", invalid.parameter())
        .with("class", "bad_input")
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key.to_str().ok();
    let key = key.filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
    key.map(|key| Some(key.to_owned())).ok_or_else(|| {
        Problem::new(ErrorCode::BadRequest).detail(format!(
            "Idempotency-Key is 1 to {KEY_BYTES_MAX} visible characters"
        ))
    })
}

pub(super) fn unavailable(why: &str) -> Problem {
    Problem::new(ErrorCode::Unavailable)
        .detail(why)
        .retry_after(2)
}
