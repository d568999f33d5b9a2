use std::{fs, path::Path};

use domain::position::Position;
use tempfile::TempDir;

use super::{
    meta::Reach,
    values::{Change, State},
    *,
};

const CACHE: u64 = 8 << 20;

fn open(dir: &Path) -> Result<Store, Error> {
    Directory::new(dir.to_owned(), CACHE).open(Arc::new(|_| Ok(())))
}

fn state(offset: i64, text: &str) -> State {
    State {
        generation: 1,
        offset,
        at_ms: 0,
        hash: None,
        brief: Bytes::new(),
        record: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn put(store: &Store, key: &str, state: &State) {
    store.commit(
        vec![(keys::state(key.as_bytes()), Some(state.encode()))],
        |_| {},
    );
}

fn at(offset: i64) -> Position {
    Position {
        generation: 1,
        partition: 0,
        offset,
        ..Position::default()
    }
}

fn change(offset: i64) -> Change {
    Change {
        offset,
        record: Bytes::copy_from_slice(format!("change {offset}").as_bytes()),
    }
}

#[test]
fn what_is_committed_is_read_at_once_and_after_a_flush_and_after_opening_again() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    put(&store, "g/one", &state(1, "first"));
    assert_eq!(store.state(b"g/one").unwrap(), Some(state(1, "first")));
    store.flush_telling(1, || {}).unwrap();
    put(&store, "g/one", &state(2, "second"));
    put(&store, "g/two", &state(3, "third"));
    assert_eq!(store.state(b"g/one").unwrap(), Some(state(2, "second")));
    assert_eq!(store.pending().entries, 2);
    store.flush_telling(2, || {}).unwrap();
    assert_eq!(store.pending().entries, 0);
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(store.state(b"g/one").unwrap(), Some(state(2, "second")));
    assert_eq!(store.meta().records, 2);
    assert_eq!(store.meta().at_ms, 2);
}

#[test]
fn a_scan_shows_the_newest_of_every_layer_in_order_and_nothing_deleted() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    for (offset, key) in ["g/a", "g/b", "g/c", "g/d", "m/a"].iter().enumerate() {
        put(&store, key, &state(offset as i64, "old"));
    }
    store.flush_telling(1, || {}).unwrap();
    put(&store, "g/b", &state(10, "new"));
    put(&store, "g/bb", &state(11, "new"));
    store.commit(vec![(keys::state(b"g/c"), None)], |_| {});
    let all: Vec<(Bytes, i64)> = store
        .states(b"g/", None, 10)
        .unwrap()
        .into_iter()
        .map(|(key, state)| (key, state.offset))
        .collect();
    let expected = [("g/a", 0), ("g/b", 10), ("g/bb", 11), ("g/d", 3)];
    let expected: Vec<(Bytes, i64)> = expected
        .iter()
        .map(|(key, offset)| (Bytes::from_static(key.as_bytes()), *offset))
        .collect();
    assert_eq!(all, expected);
    let page = store.states(b"g/", Some(b"g/a"), 2).unwrap();
    assert_eq!(page.len(), 2);
    assert_eq!(page[1].0, "g/bb");
    store.flush_telling(2, || {}).unwrap();
    assert_eq!(store.states(b"g/", None, 10).unwrap().len(), 4);
}

#[test]
fn what_was_not_flushed_is_lost_with_its_positions_and_the_rest_is_whole() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    store.commit(
        vec![(keys::state(b"g/a"), Some(state(1, "kept").encode()))],
        |meta| {
            meta.progress.insert("events/0".to_owned(), "1".to_owned());
        },
    );
    store.flush_telling(1, || {}).unwrap();
    store.commit(
        vec![(keys::state(b"g/a"), Some(state(2, "lost").encode()))],
        |meta| {
            meta.progress.insert("events/0".to_owned(), "2".to_owned());
        },
    );
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(store.state(b"g/a").unwrap(), Some(state(1, "kept")));
    assert_eq!(store.meta().progress["events/0"], "1");
}

#[test]
fn history_is_found_by_position_and_read_on_from_any() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    let changes: Vec<Change> = (0..400).map(|n| change(n * 2)).collect();
    let (first, second) = changes.split_at(150);
    store.commit(history::chunks(&at(0), 1, first), |_| {});
    store.flush_telling(1, || {}).unwrap();
    store.commit(history::chunks(&at(0), 2, second), |_| {});
    for change in &changes {
        assert_eq!(
            store.change(&at(change.offset)).unwrap(),
            Some(change.record.clone())
        );
        assert_eq!(store.change(&at(change.offset + 1)).unwrap(), None);
    }
    for start in [-1, 0, 1, 298, 299, 300, 797, 798, 900] {
        let (mut read, mut from) = (Vec::new(), start);
        while let After::Changes(some) = store.changes_after(&at(from)).unwrap() {
            let Some(last) = some.last() else { break };
            from = last.offset;
            read.extend(some);
        }
        let expected: Vec<Change> = changes
            .iter()
            .filter(|c| c.offset > start)
            .cloned()
            .collect();
        assert_eq!(read, expected, "from {start}");
    }
    assert_eq!(store.last_change(1, 0).unwrap(), Some(798));
    assert_eq!(store.last_change(1, 1).unwrap(), None);
}

#[test]
fn pruned_history_is_too_old_and_the_rest_goes_on() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    for n in 0..10 {
        store.commit(history::chunks(&at(0), n, &[change(n)]), |_| {});
        store.flush_telling(n, || {}).unwrap();
    }
    assert!(store.prune_history(5, 3).unwrap());
    assert!(!store.prune_history(5, 3).unwrap());
    assert_eq!(
        store.meta().history_after[&0],
        Reach {
            generation: 1,
            offset: 4
        }
    );
    assert_eq!(store.changes_after(&at(3)).unwrap(), After::TooOld);
    assert_eq!(
        store.changes_after(&at(4)).unwrap(),
        After::Changes(vec![change(5)])
    );
    assert_eq!(store.change(&at(2)).unwrap(), None);
    store.flush_telling(11, || {}).unwrap();
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(store.changes_after(&at(3)).unwrap(), After::TooOld);
}

/// A small store with groups, messages and history, closed.
fn written(dir: &Path) {
    let store = open(dir).unwrap();
    for round in 0..4 {
        for n in 0..200 {
            let text = format!("group {n} in round {round}").repeat(10);
            put(&store, &format!("g/{n}"), &state(round * 200 + n, &text));
        }
        let changes: Vec<Change> = (0..200).map(|n| change(round * 200 + n)).collect();
        store.commit(history::chunks(&at(0), 1, &changes), |meta| {
            meta.progress
                .insert("events/0".to_owned(), round.to_string());
        });
        store.flush_telling(round, || {}).unwrap();
    }
}

/// States, history, and the description.
type Content = (Vec<(Bytes, State)>, Vec<Change>, Meta);

/// Everything that can be read, or why it is refused.
fn content(dir: &Path) -> Result<Content, Error> {
    let store = open(dir)?;
    let states = store.states(b"g/", None, 1_000)?;
    let (mut changes, mut from) = (Vec::new(), -1);
    while let After::Changes(some) = store.changes_after(&at(from))? {
        let Some(last) = some.last() else { break };
        from = last.offset;
        changes.extend(some);
    }
    let meta = store.meta();
    // As a restart by kill would leave it: no second chance to write.
    store.abandon();
    Ok((states, changes, meta))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// One of the states that the store went through: everything of a round, nothing of a later one.
fn check_damaged(dir: &Path, whole: &Content, what: &str) -> bool {
    match content(dir) {
        Ok(found) if found.2 == whole.2 => {
            assert_eq!(found.0, whole.0, "states after {what}");
            assert_eq!(found.1, whole.1, "history after {what}");
            true
        }
        // An older state of the store, whole in itself: the log covers the rest.
        Ok(found) => {
            assert_eq!(found.2.records == 0, found.0.is_empty(), "after {what}");
            let round: i64 = found
                .2
                .progress
                .get("events/0")
                .map_or(-1, |p| p.parse().unwrap());
            let newest = found
                .0
                .iter()
                .map(|(_, state)| state.offset)
                .max()
                .unwrap_or(-1);
            assert!(
                newest >= round * 200,
                "positions ahead of states after {what}"
            );
            false
        }
        Err(error) => {
            assert!(
                error.is_damage() || matches!(error, Error::Disk { .. }),
                "{error} after {what}"
            );
            false
        }
    }
}

#[test]
fn flipped_bits_are_found_or_do_no_harm() {
    let origin = TempDir::new().unwrap();
    written(origin.path());
    let whole = content(origin.path()).unwrap();
    let mut unharmed = 0;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for seed in 0..100 {
        let dir = TempDir::new().unwrap();
        copy(origin.path(), dir.path());
        let all = files(dir.path());
        for _ in 0..=(next() % 8) {
            let path = &all[next() as usize % all.len()];
            let mut bytes = fs::read(path).unwrap();
            if !bytes.is_empty() {
                let place = next() as usize % bytes.len();
                bytes[place] ^= 1 << (next() % 8);
                fs::write(path, bytes).unwrap();
            }
        }
        unharmed += usize::from(check_damaged(
            dir.path(),
            &whole,
            &format!("flips of seed {seed}"),
        ));
    }
    assert!(unharmed < 100, "no flip was ever found");
}

#[test]
fn truncated_emptied_and_missing_files_are_found_or_do_no_harm() {
    let origin = TempDir::new().unwrap();
    written(origin.path());
    let whole = content(origin.path()).unwrap();
    for index in 0..files(origin.path()).len() {
        for how in 0..4 {
            let dir = TempDir::new().unwrap();
            copy(origin.path(), dir.path());
            let path = files(dir.path()).remove(index);
            let bytes = fs::read(&path).unwrap();
            match how {
                0 => fs::remove_file(&path).unwrap(),
                1 => fs::write(&path, []).unwrap(),
                2 => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
                _ => fs::write(&path, b"something else").unwrap(),
            }
            check_damaged(dir.path(), &whole, &format!("{how} to {}", path.display()));
        }
    }
}

#[test]
fn a_store_set_aside_makes_room_for_a_new_one_and_only_one_is_kept() {
    let dir = TempDir::new().unwrap();
    let directory = Directory::new(dir.path().to_owned(), CACHE);
    for round in 0..3 {
        let store = open(dir.path()).unwrap();
        assert_eq!(store.meta().records, 0, "round {round}");
        put(&store, "g/a", &state(1, "x"));
        store.flush_telling(1, || {}).unwrap();
        store.abandon();
        drop(store);
        assert!(directory.set_aside().unwrap().is_some());
    }
    let names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("store.damaged-"))
            .count(),
        1
    );
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("store-"))
            .count(),
        1
    );
}

#[test]
fn two_processes_do_not_share_a_directory() {
    let dir = TempDir::new().unwrap();
    let directory = Directory::new(dir.path().to_owned(), CACHE);
    let lock = directory.lock().unwrap();
    assert!(directory.lock().is_err());
    drop(lock);
    assert!(directory.lock().is_ok());
}
