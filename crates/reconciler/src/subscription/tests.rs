use super::*;

fn subscription(object: &str, is_active: bool, fields: &[&str]) -> Subscription {
    Subscription {
        object: object.to_owned(),
        is_active,
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
    }
}

const ALL: [&str; 5] = [
    "messages",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
];

#[test]
fn every_field_by_either_of_its_names_is_enough() {
    assert_eq!(missing(&[subscription(OBJECT, true, &ALL)]), [""; 0]);
    let other: Vec<&str> = ALL
        .into_iter()
        .map(|field| match field {
            "group_participants_update" => "group_participant_update",
            field => field,
        })
        .collect();
    assert_eq!(missing(&[subscription(OBJECT, true, &other)]), [""; 0]);
    let (some, rest) = ALL.split_at(2);
    let halves = [
        subscription(OBJECT, true, some),
        subscription(OBJECT, true, rest),
    ];
    assert_eq!(missing(&halves), [""; 0]);
}

#[test]
fn a_field_that_is_not_there_or_not_active_or_of_another_object_is_missing() {
    assert_eq!(
        missing(&[subscription(OBJECT, true, &["messages"])]),
        [
            "group_lifecycle_update",
            "group_participants_update",
            "group_settings_update",
            "group_status_update"
        ]
    );
    assert_eq!(missing(&[subscription(OBJECT, false, &ALL)]).len(), 5);
    assert_eq!(missing(&[subscription("page", true, &ALL)]).len(), 5);
    assert_eq!(missing(&[]).len(), 5);
}
