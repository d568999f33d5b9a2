//! What makes a read complete.

use super::*;
use crate::plan::complete;

#[test]
fn a_read_is_complete_that_names_everybody_whom_it_counts_and_the_subject() {
    let read = |subject: Option<&str>, persons: &[Person]| GroupRead {
        subject: subject.map(Into::into),
        participants: persons.to_vec(),
        ..GroupRead::default()
    };
    let rosa = || person(Some("155"), None, None);
    let ben = || person(None, Some("US.2"), None);
    let nobody = || person(None, None, Some("rosa"));
    let both = [rosa(), ben()];
    let core = Group::default().core;
    for (read, counted, unreadable, is_complete) in [
        (read(Some("s"), &both), Some(2), 0, true),
        (read(Some("s"), &[]), Some(0), 0, true),
        (read(Some("s"), &both), Some(3), 0, false),
        (read(Some("s"), &both), Some(1), 0, false),
        (read(Some("s"), &both), None, 0, false),
        (read(Some("s"), &both), Some(2), 1, false),
        (read(None, &both), Some(2), 0, false),
        (read(Some("s"), &[rosa(), rosa()]), Some(2), 0, false),
        (read(Some("s"), &[rosa(), nobody()]), Some(2), 0, false),
        // The business counts itself never.
        (
            read(Some("s"), &[rosa(), person(Some("999"), None, None)]),
            Some(1),
            0,
            true,
        ),
    ] {
        let completed = complete(&core, read.clone(), counted, unreadable, Some("999"));
        assert_eq!(
            completed.is_complete, is_complete,
            "{read:?}, {counted:?}, {unreadable}"
        );
        // What is not set is left out: known of a complete read alone.
        assert_eq!(completed.description.is_some(), is_complete);
    }
}
