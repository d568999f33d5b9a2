use axum::http::StatusCode;

use super::*;

fn tokens(text: &str) -> Result<Tokens, Error> {
    let path = PathBuf::from("tokens");
    let entries = parse(&path, text)?;
    Ok(Tokens {
        path,
        entries: Arc::new(RwLock::new(entries)),
    })
}

fn headers(authorization: &str) -> HeaderMap {
    let value = HeaderValue::from_str(authorization).unwrap();
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

#[test]
fn a_token_has_the_role_of_its_line() {
    let tokens = tokens("# ours\n\nread r-token\n  operate   o-token  \n").unwrap();
    assert_eq!(tokens.role("r-token"), Some(Role::Read));
    assert_eq!(tokens.role("o-token"), Some(Role::Operate));
    for unknown in ["", "r-toke", "r-token ", "R-TOKEN", "# ours"] {
        assert_eq!(tokens.role(unknown), None, "{unknown:?}");
    }
}

#[test]
fn every_bad_line_is_reported_and_no_token_is_shown() {
    let error =
        tokens("reed hunter2\nread\nread a b\nread hunter2\noperate hunter2\nread ünter2\n")
            .unwrap_err();
    assert_eq!(
        error.to_string(),
        "tokens: line 1: the role is neither read nor operate; \
         line 2: needs a role and a token, and nothing else; \
         line 3: needs a role and a token, and nothing else; \
         line 5: the same token stands above; \
         line 6: the token has characters that no header can carry"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(matches!(tokens("# none\n"), Err(Error::None { .. })));
    let good = tokens("read hunter2").unwrap();
    assert_eq!(format!("{good:?}"), "tokens (1 tokens)");
}

#[test]
fn a_request_needs_a_token_of_the_role_or_a_greater_one() {
    let access = Access::Tokens(tokens("read r\noperate o").unwrap());
    let status = |authorization: &str, role| {
        access
            .check(&headers(authorization), role)
            .map_err(|problem| problem.status_code())
    };
    assert_eq!(status("Bearer r", Role::Read), Ok(()));
    assert_eq!(status("bearer o", Role::Read), Ok(()));
    assert_eq!(status("Bearer o", Role::Operate), Ok(()));
    assert_eq!(
        status("Bearer r", Role::Operate),
        Err(StatusCode::FORBIDDEN)
    );
    for wrong in ["Bearer x", "Bearer", "Basic r", "r", "Bearer "] {
        assert_eq!(
            status(wrong, Role::Read),
            Err(StatusCode::UNAUTHORIZED),
            "{wrong}"
        );
    }
    let none = access.check(&HeaderMap::new(), Role::Read).unwrap_err();
    assert_eq!(none.status_code(), StatusCode::UNAUTHORIZED);
    assert!(Access::Open.check(&HeaderMap::new(), Role::Operate).is_ok());
}

#[test]
fn beyond_loopback_tokens_are_needed_or_openness_said_out_loud() {
    let check = |listen: &str, accept_tokens_file: Option<Tokens>, insecure_open| {
        let args = AccessArgs {
            accept_tokens_file,
            insecure_open,
            tls: TlsArgs::default(),
        };
        let mut problems = ConfigProblems::new();
        args.check("--listen", listen.parse().unwrap(), &mut problems);
        problems.0
    };
    let none: [String; 0] = [];
    for loopback in [
        "127.0.0.1:0",
        "127.8.8.8:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert_eq!(check(loopback, None, false), none);
    }
    for beyond in ["0.0.0.0:8081", "[::]:8081", "10.0.0.1:1"] {
        assert_eq!(check(beyond, None, true), none);
        assert_eq!(check(beyond, Some(tokens("read r").unwrap()), false), none);
        let problems = check(beyond, None, false);
        assert!(problems[0].starts_with(&format!("--listen {beyond} is beyond loopback")));
    }
}
