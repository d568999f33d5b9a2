use super::*;

const TRACED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_traceparent_is_of_version_00_and_nothing_else() {
    assert_eq!(
        TraceParent::parse(TRACED.as_bytes()).unwrap().as_bytes(),
        TRACED.as_bytes()
    );
    for wrong in [
        "",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7001",
    ] {
        assert_eq!(TraceParent::parse(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn a_span_of_another_process_is_below_what_was_read() {
    let read = TraceParent::parse(TRACED.as_bytes()).unwrap();
    let context = read.context().unwrap();
    assert!(context.span().span_context().is_remote());
    assert_eq!(TraceParent::of(context.span().span_context()), Some(read));
    let nobody = TRACED.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
    let nobody = TraceParent::parse(nobody.as_bytes()).unwrap();
    assert!(nobody.context().is_none(), "zeros are no trace");
}

#[test]
fn what_is_sampled_is_in_the_lowest_bit() {
    for (flags, is_sampled) in [("00", false), ("01", true), ("02", false), ("ff", true)] {
        let text = format!("{}{flags}", TRACED.strip_suffix("01").unwrap());
        let read = TraceParent::parse(text.as_bytes()).unwrap();
        assert_eq!(read.is_sampled(), is_sampled, "{flags}");
    }
}

#[test]
fn an_endpoint_is_an_address_of_http() {
    for good in ["http://localhost:4318", "https://collector.example/otlp"] {
        endpoint(good).unwrap();
    }
    for wrong in [
        "localhost:4318",
        "grpc://c:4317",
        "http://c/?a=b",
        "/v1",
        "",
    ] {
        endpoint(wrong).unwrap_err();
    }
    assert_eq!(share("0.25"), Ok(0.25));
    for wrong in ["1.1", "-0.1", "NaN", "all"] {
        share(wrong).unwrap_err();
    }
}
