//! What can be said of the API without running it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ROUTES;

#[test]
fn the_openapi_document_has_every_route_and_no_other() {
    let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        for method in methods.filter(|method| *method != "parameters") {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(described, routes);
}
