use secrecy::SecretString;

use super::post::signature;

fn check(body: &str, hex: &str) {
    let secret = SecretString::from("sample-app-secret");
    assert_eq!(signature(&secret, body.as_bytes()), format!("sha256={hex}"));
}

#[test]
fn the_three_reference_vectors_hold() {
    check(
        r#"{"object":"whatsapp_business_account","entry":[]}"#,
        "4345305ed97f01246987e15cca2024ef5b01055892ae2b906ec4d8c5b6c89aa1",
    );
    check(
        r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"group_settings_update","value":{"s":"Café"}}]}]}"#,
        "fa23eb4ec7cafa8aa6a1b88a677ba8923275875b8453caa6b119e3a89cecc265",
    );
    check(
        r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"group_settings_update","value":{"s":"Caf\u00e9"}}]}]}"#,
        "3ad360667c3baa5bc0c36fe898daebc2cb3d388e2e187f0d856f8d2e8fc8b299",
    );
}
