//! The same answers, byte for byte, whatever became of the store.

#![expect(clippy::print_stdout, reason = "the figures are asked for")]

use std::fs;

use tempfile::TempDir;

use crate::{
    answers::{all, assert_same},
    damage::{self, Damage, Spares, Tally},
    traffic::mixture,
    world::{World, metric, recovered},
};

const GROUPS: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_closed_is_used_again_and_nothing_is_read_again() {
    let world = World::new();
    let at = world.append(&mixture(1, 0, 3_000, GROUPS)).await;
    let running = world.start().await;
    let before = all(&running, &at, GROUPS).await;
    running.stop().await;

    let running = world.start().await;
    let after = all(&running, &at, GROUPS).await;
    assert_same(&before, &after, "after a restart");
    let (read_again, found) = recovered(&running.stop().await);
    assert_eq!(read_again, 0.0);
    assert!(found > 50.0, "{found} states in the store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_gone_is_made_anew_from_the_state_topics() {
    let world = World::new();
    let at = world.append(&mixture(2, 0, 3_000, GROUPS)).await;
    let running = world.start().await;
    let before = all(&running, &at, GROUPS).await;
    running.stop().await;

    fs::remove_dir_all(world.store_dir()).unwrap();
    let running = world.start().await;
    let after = all(&running, &at, GROUPS).await;
    assert_same(&before, &after, "after the store was deleted");
    let metrics = running.stop().await;
    let (read_again, found) = recovered(&metrics);
    assert_eq!(found, 0.0);
    assert!(read_again > 50.0, "{read_again} states read again");
    assert_eq!(metric(&metrics, "projector_digest_mismatches_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn damages_of_every_kind_change_no_answer() {
    let other = World::new();
    let at = other.append(&mixture(8, 0, 400, 12)).await;
    let running = other.start().await;
    all(&running, &at, 12).await;
    running.stop().await;

    let world = World::new();
    world.append(&mixture(3, 0, 200, 12)).await;
    let running = world.start().await;
    running.stop().await;
    let (earlier, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    damage::copy(&world.store_dir(), earlier.path());
    let at = world.append(&mixture(3, 200, 200, 12)).await;
    let running = world.start().await;
    let before = all(&running, &at, 12).await;
    running.stop().await;
    damage::copy(&world.store_dir(), whole.path());

    // The store's own campaign damages four times as many, and writes another format.
    let (count, mut tally) = (damage::stores(100) / 4, Tally::default());
    let kinds = Damage::ALL
        .into_iter()
        .filter(|kind| *kind != Damage::OtherFormat);
    for (seed, damage) in (0..count).zip(kinds.cycle()) {
        fs::remove_dir_all(world.store_dir()).unwrap();
        damage::copy(whole.path(), &world.store_dir());
        let spares = Spares {
            earlier: earlier.path(),
            foreign: &other.store_dir(),
            other_format: whole.path(),
        };
        let done = damage::apply(damage, seed, &world.store_dir(), spares);
        let running = world.start().await;
        let after = all(&running, &at, 12).await;
        assert_same(&before, &after, &format!("after seed {seed}: {done}"));
        let metrics = running.stop().await;
        let rebuilt = ["damaged", "foreign", "too_old"].map(|reason| {
            let name = format!("projector_store_rebuilds_total{{reason=\"{reason}\"}}");
            metric(&metrics, &name)
        });
        tally.healed(damage, rebuilt.iter().sum::<f64>() > 0.0);
    }
    println!("stores of projectors: {tally}");
    assert!(tally.rebuilt() > count / 5, "{tally}");
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_emptied_missing_and_foreign_files_change_no_answer() {
    let world = World::new();
    let at = world.append(&mixture(4, 0, 400, 12)).await;
    let running = world.start().await;
    let before = all(&running, &at, 12).await;
    running.stop().await;
    for how in 0..5 {
        for index in 0..damage::files(&world.store_dir()).len() {
            let Some(path) = damage::files(&world.store_dir()).into_iter().nth(index) else {
                continue;
            };
            let bytes = fs::read(&path).unwrap();
            match how {
                0 => fs::remove_file(&path).unwrap(),
                1 => fs::write(&path, []).unwrap(),
                2 => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
                3 => fs::write(&path, b"not a store").unwrap(),
                _ => fs::write(&path, vec![0; bytes.len()]).unwrap(),
            }
            let running = world.start().await;
            let after = all(&running, &at, 12).await;
            assert_same(
                &before,
                &after,
                &format!("after {how} to {}", path.display()),
            );
            running.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_log_is_set_aside() {
    let other = World::new();
    let at = other.append(&mixture(5, 0, 900, 12)).await;
    let running = other.start().await;
    all(&running, &at, 12).await;
    running.stop().await;

    let world = World::new();
    let at = world.append(&mixture(6, 0, 900, 12)).await;
    let running = world.start().await;
    let before = all(&running, &at, 12).await;
    running.stop().await;

    fs::remove_dir_all(world.store_dir()).unwrap();
    fs::rename(other.store_dir(), world.store_dir()).unwrap();
    let running = world.start().await;
    let after = all(&running, &at, 12).await;
    assert_same(&before, &after, "after the store was exchanged");
    let metrics = running.stop().await;
    assert_eq!(
        metric(
            &metrics,
            "projector_store_rebuilds_total{reason=\"foreign\"}"
        ),
        1.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_came_while_it_was_stopped_are_folded_as_if_it_had_run() {
    let (once, parts) = (World::new(), World::new());
    let events = mixture(7, 0, 2_000, GROUPS);
    let at = once.append(&events).await;
    let running = once.start().await;
    let expected = all(&running, &at, GROUPS).await;
    running.stop().await;
    let mut found = None;
    for part in events.chunks(500) {
        let at = parts.append(part).await;
        let running = parts.start().await;
        found = Some(all(&running, &at, GROUPS).await);
        running.stop().await;
    }
    assert_same(&expected, &found.unwrap(), "after four starts");
}
