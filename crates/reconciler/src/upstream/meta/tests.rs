use super::*;

fn sent(t0: Option<i64>) -> Sent {
    Sent {
        t0,
        ..Sent::default()
    }
}

fn refusal(t0: Option<i64>, code: i64) -> Answer<()> {
    let refused = api::Refused {
        code,
        subcode: None,
        status: 400,
        fbtrace_id: None,
        is_transient: None,
        message: api::Hidden::default(),
        details: api::Hidden::default(),
        sent: sent(t0),
    };
    let error = api::Error::Refused(Box::new(refused));
    Meta::answer::<(), ()>(Err(error), |()| ())
}

#[test]
fn an_answer_without_a_date_asserts_nothing() {
    let undated = api::Answer {
        value: (),
        sent: sent(None),
    };
    let read = Meta::answer(Ok(undated), |()| ());
    assert_eq!((read.t0, read.result), (0, Err(Refused::Failed)));
    for code in [131_041, 131_207] {
        assert_eq!(refusal(None, code).result, Err(Refused::Failed));
    }
}

#[test]
fn a_refusal_is_judged_by_its_code_be_it_dated_or_not() {
    let expected = [
        (131_041, Refused::GroupUnknown),
        (131_207, Refused::GroupSuspended),
        (131_059, Refused::CursorExpired),
        (131_208, Refused::Throttled),
        (80_007, Refused::Throttled),
        (190, Refused::Token),
        (131_031, Refused::Token),
        (100, Refused::Input),
        (131_000, Refused::Failed),
        (424_242, Refused::Failed),
    ];
    for (code, refused) in expected {
        assert_eq!(refusal(Some(7), code).result, Err(refused), "{code}");
    }
    assert_eq!(refusal(None, 190).result, Err(Refused::Token));
    assert_eq!(refusal(None, 131_208).result, Err(Refused::Throttled));
}

#[test]
fn an_item_that_names_nobody_is_counted_as_unreadable() {
    let named = api::JoinRequest {
        join_request_id: Some("a".to_owned()),
        ..api::JoinRequest::default()
    };
    assert!(join_request(named).is_some());
    assert!(join_request(api::JoinRequest::default()).is_none());
}
