//! What people read of a plan.

use super::*;

#[test]
fn of_many_reads_twenty_are_named_and_the_rest_counted() {
    let given = Given {
        held: (0..30)
            .map(|n| format!("g{n:02}"))
            .map(|name| {
                (
                    id(&name),
                    group(&name, [(1_000, Source::Webhook, created("s"))]),
                )
            })
            .collect(),
        ..Given::default()
    };
    for (reads, named, more) in [
        (19, 19, ""),
        (20, 20, ""),
        (21, 20, "1 more"),
        (30, 20, "10 more"),
    ] {
        let text = given.plan(None, 9_000, reads).to_string();
        let lines = text.lines().filter(|line| line.starts_with("read "));
        let (counted, names): (Vec<&str>, Vec<&str>) =
            lines.partition(|line| line.ends_with(" more"));
        assert_eq!(names.len(), named, "of {reads}");
        let counted: String = counted.concat();
        assert_eq!(
            counted.trim_start_matches("read").trim_start(),
            more,
            "of {reads}"
        );
    }
}
