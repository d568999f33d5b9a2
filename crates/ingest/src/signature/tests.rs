use super::*;

fn keys(secrets: &[&str]) -> Keys {
    let secrets: Vec<SecretString> = secrets.iter().map(|s| SecretString::from(*s)).collect();
    Keys::new(&secrets)
}

/// The test vectors of reference §1.2; their key is `sample-app-secret`.
const VECTORS: [(&str, &str); 3] = [
    (
        r#"{"object":"whatsapp_business_account","entry":[]}"#,
        "4345305ed97f01246987e15cca2024ef5b01055892ae2b906ec4d8c5b6c89aa1",
    ),
    (
        r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"group_settings_update","value":{"s":"Café"}}]}]}"#,
        "fa23eb4ec7cafa8aa6a1b88a677ba8923275875b8453caa6b119e3a89cecc265",
    ),
    (
        r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"group_settings_update","value":{"s":"Caf\u00e9"}}]}]}"#,
        "3ad360667c3baa5bc0c36fe898daebc2cb3d388e2e187f0d856f8d2e8fc8b299",
    ),
];

#[test]
fn the_reference_vectors_hold_and_no_bit_of_them_can_change() {
    let keys = keys(&["sample-app-secret"]);
    for (body, hex) in VECTORS {
        let header = format!("sha256={hex}");
        assert!(keys.verify(header.as_bytes(), body.as_bytes()).is_some());
        for bit in 0..body.len() * 8 {
            let changed = flip(body.as_bytes(), bit);
            assert!(keys.verify(header.as_bytes(), &changed).is_none());
        }
        for bit in 0..header.len() * 8 {
            let changed = flip(header.as_bytes(), bit);
            assert!(keys.verify(&changed, body.as_bytes()).is_none());
        }
    }
}

#[test]
fn any_of_several_secrets_will_do_and_no_other() {
    let (body, hex) = VECTORS[0];
    let header = format!("sha256={hex}");
    for secrets in [
        ["sample-app-secret", "other"],
        ["other", "sample-app-secret"],
    ] {
        assert!(
            keys(&secrets)
                .verify(header.as_bytes(), body.as_bytes())
                .is_some()
        );
    }
    assert!(
        keys(&["other", "another"])
            .verify(header.as_bytes(), body.as_bytes())
            .is_none()
    );
    assert!(
        keys(&[])
            .verify(header.as_bytes(), body.as_bytes())
            .is_none()
    );
}

#[test]
fn only_the_documented_form_of_the_header_is_taken() {
    let (body, hex) = VECTORS[0];
    let keys = keys(&["sample-app-secret"]);
    for header in [
        String::new(),
        hex.to_owned(),
        format!("sha1={hex}"),
        format!("sha256={}", hex.to_uppercase()),
        format!("sha256={hex}0"),
        format!("sha256={hex}00"),
        format!("sha256={}", &hex[1..]),
        format!("sha256= {hex}"),
        "sha256=".to_owned(),
    ] {
        assert!(
            keys.verify(header.as_bytes(), body.as_bytes()).is_none(),
            "{header}"
        );
    }
}

#[test]
fn secrets_are_compared_whole() {
    assert!(same("token", "token"));
    assert!(!same("token", "token2"));
    assert!(!same("token", ""));
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}
