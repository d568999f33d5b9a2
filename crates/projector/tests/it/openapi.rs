//! The description and the routes are the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_every_described_route_is_there() {
    let world = World::new();
    let running = world.start().await;
    let document = running.json("/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.clone(), path.clone()));
        }
    }
    let served = projector::ROUTES
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(described, served.collect());
    for (method, path) in &described {
        let url = format!("{}{}", running.url, path.replace(['{', '}'], ""));
        let response = match method.as_str() {
            "post" => running
                .client
                .post(url)
                .header("content-type", "application/json")
                .body("{}"),
            _ => running.client.get(url),
        };
        let response = response.send().await.unwrap();
        // A route that there is not answers 404 without a position.
        assert!(
            response.headers().contains_key("rollcall-position"),
            "{method} {path}"
        );
    }
    let front = running.get("/").await.text().await.unwrap();
    assert!(
        front.contains("/openapi.json") && front.lines().count() == 1,
        "{front}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reference_in_the_description_leads_somewhere() {
    let world = World::new();
    let running = world.start().await;
    let document = running.json("/openapi.json").await;
    let mut wrong = Vec::new();
    check(&document, &document, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:?}");
    running.stop().await;
}

fn check(document: &Value, part: &Value, wrong: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let place = reference.strip_prefix('#').unwrap();
                if document.pointer(place).is_none() {
                    wrong.push(reference.to_owned());
                }
            }
            fields
                .values()
                .for_each(|part| check(document, part, wrong));
        }
        Value::Array(parts) => parts.iter().for_each(|part| check(document, part, wrong)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
