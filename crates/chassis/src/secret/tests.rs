use super::*;

fn file(content: &[u8]) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, content).unwrap();
    (dir, path.to_str().unwrap().to_owned())
}

fn parse(content: &[u8]) -> Result<String, Error> {
    let (_dir, path) = file(content);
    let parsed: SecretFile = path.parse()?;
    Ok(parsed.secret().expose_secret().to_owned())
}

#[test]
fn a_secret_is_the_content_of_its_file_without_the_last_line_end() {
    assert_eq!(parse(b"s3cret").unwrap(), "s3cret");
    assert_eq!(parse(b"s3cret\n").unwrap(), "s3cret");
    assert_eq!(parse(b"s3cret\r\n").unwrap(), "s3cret");
    assert_eq!(parse(b" s3 cret ").unwrap(), " s3 cret ");
}

#[test]
fn an_empty_a_long_a_binary_and_a_missing_file_are_refused() {
    for empty in [&b""[..], b"\n", b" \n"] {
        assert!(matches!(parse(empty), Err(Error::Empty { .. })));
    }
    assert!(matches!(parse(b"a\nb\n"), Err(Error::Lines { .. })));
    assert!(matches!(parse(&[0xff, 0xfe]), Err(Error::NotText { .. })));
    let large = vec![b'x'; 70_000];
    assert!(matches!(parse(&large), Err(Error::TooLarge { .. })));
    let missing = "/nowhere/at/all".parse::<SecretFile>().unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("/nowhere/at/all cannot be read: ")
    );
}

#[test]
fn a_secret_is_never_printed() {
    let (_dir, path) = file(b"hunter2-hunter2\n");
    let secret: SecretFile = path.parse().unwrap();
    assert_eq!(format!("{secret:?}"), path);
    assert!(!format!("{:?}", secret.secret()).contains("hunter2"));
    let lines = parse(b"hunter2\nhunter2\n").unwrap_err();
    assert!(!format!("{lines} {lines:?}").contains("hunter2"));
}

#[test]
fn a_secret_that_was_replaced_is_read_anew() {
    let (_dir, path) = file(b"old\n");
    let secret: SecretFile = path.parse().unwrap();
    fs::write(&path, "new\n").unwrap();
    assert_eq!(secret.secret().expose_secret(), "old");
    assert_eq!(secret.reread().unwrap().expose_secret(), "new");
}

#[test]
fn a_secret_may_be_in_an_environment_variable() {
    let secret: SecretFile = "env:PATH".parse().unwrap();
    assert!(!secret.secret().expose_secret().is_empty());
    assert_eq!(format!("{secret:?}"), "env:PATH");
    let error = "env:ROLLCALL_NO_SUCH_THING"
        .parse::<SecretFile>()
        .unwrap_err();
    assert!(matches!(error, Error::Variable { .. }));
}
