//! Templates: Meta's library, and what the account made of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::World;
use crate::{
    graph_http::refusal::{self, Refusal},
    limits::TEMPLATES_MAX,
};

/// A template of the library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LibraryTemplate {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) language: &'static str,
    pub(crate) category: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) body: &'static str,
    pub(crate) params: &'static [&'static str],
}

/// A part of the library: what invites into groups, and enough else for a filter to leave out.
pub(crate) const LIBRARY: &[LibraryTemplate] = &[
    LibraryTemplate {
        id: "7147013345418927",
        name: "group_invite_link_1",
        language: "en",
        category: "UTILITY",
        topic: "GROUP_INVITE_LINK",
        body: "You are invited to our group {{1}}.",
        params: &["group"],
    },
    LibraryTemplate {
        id: "7147013345418928",
        name: "group_invite_link_2",
        language: "en",
        category: "UTILITY",
        topic: "GROUP_INVITE_LINK",
        body: "Join {{1}} to talk about order {{2}}.",
        params: &["group", "4711"],
    },
    LibraryTemplate {
        id: "7147013345418929",
        name: "group_invite_link_1",
        language: "de",
        category: "UTILITY",
        topic: "GROUP_INVITE_LINK",
        body: "Du bist in unsere Gruppe {{1}} eingeladen.",
        params: &["Gruppe"],
    },
    LibraryTemplate {
        id: "7147013345418930",
        name: "delivery_update_1",
        language: "en",
        category: "UTILITY",
        topic: "ORDER_MANAGEMENT",
        body: "{{1}}, your order is on its way.",
        params: &["Rosa"],
    },
];

impl LibraryTemplate {
    pub(crate) fn json(&self) -> Value {
        json!({"id": self.id, "name": self.name, "language": self.language, "category": self.category,
            "topic": self.topic, "usecase": self.topic, "body": self.body, "body_params": self.params,
            "body_param_types": vec!["TEXT"; self.params.len()]})
    }
}

/// A template of the account.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) category: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED` or `DISABLED`.
    status: String,
    /// When a pending one is approved (Unix milliseconds).
    approved_ms: Option<i64>,
    /// Parameters of its body, if they are to be counted.
    pub(crate) params: Option<usize>,
}

/// The account's templates, by name and language.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    by_name: BTreeMap<(String, String), Template>,
}

impl World {
    /// Makes a template of the library; it waits for approval. Its id and status.
    pub(crate) fn make_template(
        &mut self,
        name: &str,
        language: &str,
        library: Option<&str>,
        category: &str,
    ) -> Result<(String, String), Refusal> {
        let found = LIBRARY
            .iter()
            .find(|template| Some(template.name) == library && template.language == language);
        if library.is_some() && found.is_none() {
            return Err(Refusal::parameter(
                "library_template_name names no template of this language",
            ));
        }
        let wait_ms = (self.faults.api.approval_seconds * 1000.0) as i64;
        let approved_ms = Some(self.now_ms() + wait_ms);
        let params = found.map(|template| template.params.len());
        self.set_template(name, language, "PENDING", category, approved_ms, params)?;
        Ok((
            self.template_id(name, language),
            self.template_status(name, language),
        ))
    }

    /// Sets a template's state, as Meta's reviewers do.
    pub(crate) fn set_template(
        &mut self,
        name: &str,
        language: &str,
        status: &str,
        category: &str,
        approved_ms: Option<i64>,
        params: Option<usize>,
    ) -> Result<(), Refusal> {
        let all = &mut self.templates.by_name;
        let id = (1_000_000_000_000_000 + all.len()).to_string();
        let key = (name.to_owned(), language.to_owned());
        if all.len() >= TEMPLATES_MAX && !all.contains_key(&key) {
            return Err(Refusal::parameter("The account has too many templates"));
        }
        let id = all.get(&key).map_or(id, |former| former.id.clone());
        all.insert(
            key,
            Template {
                id,
                category: category.to_owned(),
                status: status.to_owned(),
                approved_ms,
                params,
            },
        );
        Ok(())
    }

    fn template_id(&self, name: &str, language: &str) -> String {
        let key = (name.to_owned(), language.to_owned());
        let template = self.templates.by_name.get(&key);
        template
            .map(|template| template.id.clone())
            .unwrap_or_default()
    }

    fn template_status(&mut self, name: &str, language: &str) -> String {
        let now_ms = self.now_ms();
        let key = (name.to_owned(), language.to_owned());
        let Some(template) = self.templates.by_name.get_mut(&key) else {
            return String::new();
        };
        if template.status == "PENDING" && template.approved_ms.is_some_and(|at| at <= now_ms) {
            "APPROVED".clone_into(&mut template.status);
        }
        template.status.clone()
    }

    /// The account's templates, as its list shows them.
    pub(crate) fn templates(&mut self) -> Vec<Value> {
        let keys: Vec<(String, String)> = self.templates.by_name.keys().cloned().collect();
        keys.iter()
            .filter_map(|(name, language)| {
                let status = self.template_status(name, language);
                let key = (name.clone(), language.clone());
                let template = self.templates.by_name.get(&key)?;
                Some(
                    json!({"id": template.id, "name": name, "language": language, "status": status,
                    "category": template.category}),
                )
            })
            .collect()
    }

    /// Whether a template may be sent with so many body parameters, and its category in lower case.
    pub(crate) fn sendable(
        &mut self,
        name: &str,
        language: &str,
        params: usize,
    ) -> Result<Option<String>, Refusal> {
        let status = self.template_status(name, language);
        let refused = |code, details: &str| Err(Refusal::new(code, details));
        match status.as_str() {
            // Nobody made it: taken as approved, so that a test need not make any.
            "" if !self.faults.api.known_templates_only => return Ok(None),
            "APPROVED" => {}
            "PAUSED" => return refused(refusal::TEMPLATE_PAUSED, "The template is paused"),
            "DISABLED" => return refused(refusal::TEMPLATE_DISABLED, "The template is disabled"),
            _ => {
                return refused(
                    refusal::TEMPLATE_UNKNOWN,
                    "The template does not exist in this language or is not approved",
                );
            }
        }
        let key = (name.to_owned(), language.to_owned());
        let Some(template) = self.templates.by_name.get(&key) else {
            return Ok(None);
        };
        if template.params.is_some_and(|count| count != params) {
            return refused(
                refusal::TEMPLATE_PARAMETERS,
                "The number of body parameters does not match the template's",
            );
        }
        Ok(Some(template.category.to_lowercase()))
    }
}
