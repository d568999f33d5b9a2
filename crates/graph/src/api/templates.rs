//! Meta's library of templates, where the template for invite links comes from.

use super::{Answer, Client, Error, Page, Read, groups::page, reply::ident};
use crate::{
    json::Value,
    webhook::{Refusal, read},
};

/// What to look for in the library; what is absent is not asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LibraryQuery {
    /// As `utility`.
    pub category: Option<String>,
    /// As `group_invite_link`.
    pub topic: Option<String>,
    /// As `en`.
    pub language: Option<String>,
    /// Words in the name or text.
    pub search: Option<String>,
}

impl LibraryQuery {
    /// The templates that invite a person into a group (reference §4, 16).
    #[must_use]
    pub fn group_invite_link(language: &str) -> Self {
        Self {
            category: Some("utility".to_owned()),
            topic: Some("group_invite_link".to_owned()),
            language: Some(language.to_owned()),
            search: None,
        }
    }
}

/// A template of the library. It cannot be sent before the account has made its own of it and Meta
/// approved that, which takes up to 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LibraryTemplate {
    /// Meta's id.
    pub id: Option<String>,
    /// Name in the library.
    pub name: String,
    /// As `en`.
    pub language: Option<String>,
    /// As `UTILITY`.
    pub category: Option<String>,
    /// As `GROUP_INVITE_LINK`.
    pub topic: Option<String>,
    /// Text above the body.
    pub header: Option<String>,
    /// Text, with `{{1}}` for parameters.
    pub body: Option<String>,
    /// Examples of the body's parameters.
    pub body_params: Vec<String>,
}

impl Client {
    /// One page of the library; `after` is the [`Page::next`] of the page before.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn template_library(
        &self,
        query: &LibraryQuery,
        after: Option<&str>,
    ) -> Result<Answer<Page<LibraryTemplate>>, Error> {
        let read = Read::TemplateLibrary { query, after };
        self.read(read, |root| page(root, template)).await
    }
}

fn template(value: Value<'_>) -> Result<LibraryTemplate, Refusal> {
    read::object(value)?;
    let body_params = match value.get("body_params") {
        Some(list) => {
            read::array(list, read::text).map_err(|refusal| refusal.under("body_params"))?
        }
        None => Vec::new(),
    };
    Ok(LibraryTemplate {
        id: ident(value, "id")?,
        name: ident(value, "name")?.ok_or(Refusal::Missing { path: "name" })?,
        language: ident(value, "language")?,
        category: ident(value, "category")?,
        topic: ident(value, "topic")?,
        header: ident(value, "header")?,
        body: ident(value, "body")?,
        body_params: body_params
            .into_iter()
            .flatten()
            .map(std::borrow::Cow::into_owned)
            .collect(),
    })
}
