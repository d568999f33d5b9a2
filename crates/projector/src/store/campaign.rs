//! A campaign of damages: whatever becomes of the files, every answer is that of the log, or the store is made anew from it.

#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

use std::{
    collections::BTreeMap,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use domain::position::Position;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::{
    damage::{self, Damage, Spares, Tally},
    meta::{Read, source},
    values::{Change, State},
    *,
};

/// Entities of the small log.
const ENTITIES: u64 = 60;

/// Flushes that a whole store has seen.
const ROUNDS: i64 = 6;

/// Offsets that each of them covers.
const OFFSETS: i64 = 40;

/// What a log holds: its number, and what its events make of the entities, as a function of the offset.
#[derive(Debug, Clone, Copy)]
struct Log {
    number: u64,
    entities: u64,
    /// Bytes of a record.
    size: usize,
}

const LOG: Log = Log {
    number: 1,
    entities: ENTITIES,
    size: 700,
};

const FOREIGN: Log = Log { number: 2, ..LOG };

/// States by record key.
type States = BTreeMap<Bytes, State>;

impl Log {
    /// The key of the entity that the event at an offset is about.
    fn key(self, offset: i64) -> Bytes {
        let entity = (offset.unsigned_abs().wrapping_mul(7_919) + self.number) % self.entities;
        Bytes::from(format!("g/{entity:08}"))
    }

    /// The state that the event at an offset makes.
    fn state(self, offset: i64) -> State {
        let mut random = StdRng::seed_from_u64(self.number << 32 | offset.unsigned_abs());
        let size = random.random_range(self.size / 2..self.size * 2);
        State {
            generation: 1,
            offset,
            at_ms: 0,
            hash: None,
            brief: Bytes::new(),
            record: {
                let mut record = vec![0; size];
                random.fill(&mut record[..]);
                record.into()
            },
        }
    }

    fn change(self, offset: i64) -> Change {
        Change {
            offset,
            record: Bytes::from(format!("change {offset} of log {}", self.number)),
        }
    }

    /// Everything up to an offset, folded.
    fn folded(self, to: i64) -> (States, Vec<Change>) {
        let states = (0..to).map(|offset| (self.key(offset), self.state(offset)));
        (
            states.collect(),
            (0..to).map(|offset| self.change(offset)).collect(),
        )
    }

    /// Folds the offsets of one round and commits them, as a leader does.
    fn commit(self, store: &Store, round: i64) {
        let offsets = round * OFFSETS..(round + 1) * OFFSETS;
        let changes: Vec<Change> = offsets.clone().map(|offset| self.change(offset)).collect();
        let mut entries = history::chunks(&at(offsets.start), 1, &changes);
        for offset in offsets.clone() {
            entries.push((
                keys::state(&self.key(offset)),
                Some(self.state(offset).encode()),
            ));
        }
        store.commit(entries, |meta| {
            let read = Read {
                next: offsets.end,
                last: Some((offsets.end - 1, format!("log {}", self.number))),
            };
            meta.read.insert(source("groups.v1", 0), read);
        });
    }

    /// Writes rounds to a store.
    fn write(self, store: &Store, rounds: std::ops::Range<i64>) -> Result<(), Error> {
        for round in rounds {
            self.commit(store, round);
            store.flush_telling(round, || {})?;
        }
        Ok(())
    }
}

fn at(offset: i64) -> Position {
    Position {
        generation: 1,
        partition: 0,
        offset,
        ..Position::default()
    }
}

fn directory(dir: &Path) -> Directory {
    // As little memory as sled takes, so that reads go to the files.
    Directory::new(dir.to_owned(), 64 << 10)
}

fn open(dir: &Path) -> Result<Store, Error> {
    directory(dir).open(Arc::new(|_| Ok(())))
}

/// The next offset, if the store was made from this log.
fn reached(store: &Store, log: Log) -> Option<i64> {
    let meta = store.meta();
    let Some(read) = meta.read.get(&source("groups.v1", 0)) else {
        return (meta.records == 0).then_some(0);
    };
    let (_, hash) = read.last.as_ref()?;
    (*hash == format!("log {}", log.number)).then_some(read.next)
}

/// Reads all there is.
fn content(store: &Store) -> Result<(States, Vec<Change>), Error> {
    let states: States = store.states(b"g/", None, 100_000)?.into_iter().collect();
    let (mut changes, mut from) = (Vec::new(), -1);
    while let After::Changes(some) = store.changes_after(&at(from))? {
        let Some(last) = some.last() else { break };
        from = last.offset;
        changes.extend(some);
    }
    // One by one they must be the same as in a row.
    for (key, state) in &states {
        assert_eq!(store.state(key)?.as_ref(), Some(state));
    }
    Ok((states, changes))
}

/// What an open store answers before it has caught up: nothing that the log does not say, and nothing older than its position.
fn check_before(store: &Store, log: Log, to: i64, what: &str) -> Result<(), Error> {
    let (states, changes) = content(store)?;
    let (expected, _) = log.folded(to);
    for (key, state) in &states {
        assert_eq!(*state, log.state(state.offset), "{what}");
        assert_eq!(*key, log.key(state.offset), "{what}");
    }
    for (key, expected) in &expected {
        let newer = states.get(key).map(|state| state.offset);
        assert!(
            newer >= Some(expected.offset),
            "{what}: {newer:?} and not {}",
            expected.offset
        );
    }
    assert!(changes.len() as i64 >= to, "{what}");
    for (offset, change) in changes.iter().enumerate() {
        assert_eq!(*change, log.change(offset as i64), "{what}");
    }
    Ok(())
}

/// Opens the store, catches up with the log and gives all answers; at damage it is set aside and made anew, as the projector does it.
/// Says whether it was.
fn heal(dir: &Path, log: Log, what: &str) -> bool {
    for attempt in 0..3 {
        match try_all(dir, log, what) {
            Ok(true) => return attempt > 0,
            Ok(false) => {}
            Err(error) => assert!(error.is_damage(), "{error} {what}"),
        }
        directory(dir).set_aside().unwrap();
    }
    panic!("not healed: {what}");
}

/// False if the store is another log's.
fn try_all(dir: &Path, log: Log, what: &str) -> Result<bool, Error> {
    let store = open(dir)?;
    let Some(next) = reached(&store, log) else {
        store.abandon();
        return Ok(false);
    };
    check_before(&store, log, next, what)?;
    log.write(&store, next / OFFSETS..ROUNDS)?;
    let expected = log.folded(ROUNDS * OFFSETS);
    assert_eq!(content(&store)?, expected, "{what}");
    drop(store);
    // And again, from the disk.
    let store = open(dir)?;
    assert_eq!(reached(&store, log), Some(ROUNDS * OFFSETS), "{what}");
    assert_eq!(content(&store)?, expected, "{what}, opened again");
    Ok(true)
}

/// Stores that campaigns begin with.
struct Origins {
    whole: TempDir,
    earlier: TempDir,
    foreign: TempDir,
    other_format: TempDir,
}

impl Origins {
    fn new() -> Self {
        let dir = || TempDir::new().unwrap();
        let origins = Self {
            whole: dir(),
            earlier: dir(),
            foreign: dir(),
            other_format: dir(),
        };
        let store = open(origins.whole.path()).unwrap();
        LOG.write(&store, 0..ROUNDS - 2).unwrap();
        damage::copy(origins.whole.path(), origins.earlier.path());
        LOG.write(&store, ROUNDS - 2..ROUNDS).unwrap();
        drop(store);
        let store = open(origins.foreign.path()).unwrap();
        FOREIGN.write(&store, 0..ROUNDS).unwrap();
        drop(store);
        damage::copy(origins.whole.path(), origins.other_format.path());
        write_as_other_format(origins.other_format.path());
        origins
    }

    fn spares(&self) -> Spares<'_> {
        Spares {
            earlier: self.earlier.path(),
            foreign: self.foreign.path(),
            other_format: self.other_format.path(),
        }
    }
}

/// Every value as the version after this one would write it: whole, and not for us.
fn write_as_other_format(dir: &Path) {
    let db = sled::open(dir.join("store-1")).unwrap();
    for entry in db.iter() {
        let (key, value) = entry.unwrap();
        let (payload, _) = values::open(&key, &value).unwrap();
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&key);
        hasher.update(&[values::FORMAT + 1]);
        hasher.update(payload);
        let mut other = vec![values::FORMAT + 1];
        other.extend(hasher.finalize().to_le_bytes());
        other.extend(payload);
        db.insert(key, other).unwrap();
    }
    db.flush().unwrap();
}

#[test]
fn damaged_stores_answer_as_the_log_says_or_are_made_anew() {
    let (origins, count, started) = (Origins::new(), damage::stores(100), Instant::now());
    let mut tally = Tally::default();
    for (seed, damage) in (0..count).zip(Damage::ALL.into_iter().cycle()) {
        let dir = TempDir::new().unwrap();
        damage::copy(origins.whole.path(), dir.path());
        let done = damage::apply(damage, seed, dir.path(), origins.spares());
        tally.healed(
            damage,
            heal(dir.path(), LOG, &format!("seed {seed}: {done}")),
        );
    }
    println!(
        "stores damaged while closed: {tally}; in {:.1?}",
        started.elapsed()
    );
    assert!(tally.rebuilt() > count / 4, "{tally}");
}

#[test]
fn a_store_that_nobody_damaged_is_never_made_anew() {
    let origins = Origins::new();
    for origin in [&origins.whole, &origins.earlier, &origins.foreign] {
        let log = if std::ptr::eq(origin, &origins.foreign) {
            FOREIGN
        } else {
            LOG
        };
        let mut dirs = vec![TempDir::new().unwrap()];
        damage::copy(origin.path(), dirs[0].path());
        for round in 0..5 {
            // Opened and left as by kill -9, again and again; what is left keeps sled's lock in this process, so a copy goes on.
            open(dirs[round].path()).unwrap().abandon();
            dirs.push(TempDir::new().unwrap());
            damage::copy(dirs[round].path(), dirs[round + 1].path());
            let copied = TempDir::new().unwrap();
            damage::copy(dirs[round].path(), copied.path());
            let what = format!("undamaged, opened {round} times and abandoned");
            assert!(!heal(copied.path(), log, &what), "{what}");
        }
    }
}

/// A log whose store is larger than the memory for it.
const LARGE: Log = Log {
    number: 3,
    entities: 240,
    size: 4_000,
};

#[test]
fn files_damaged_under_a_running_store_are_found_by_its_reads_and_it_is_made_anew() {
    let origin = TempDir::new().unwrap();
    LARGE
        .write(&open(origin.path()).unwrap(), 0..ROUNDS)
        .unwrap();
    let (count, started) = (damage::stores(100) / 5, Instant::now());
    let (expected, mut tally) = (LARGE.folded(ROUNDS * OFFSETS).0, Tally::default());
    for seed in 0..count {
        let dir = TempDir::new().unwrap();
        damage::copy(origin.path(), dir.path());
        let what = format!("under a running store, seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let store = open(dir.path()).unwrap();
        let damage = [Damage::BitFlipped, Damage::ZeroedBlock, Damage::Truncated];
        let damage = damage[seed as usize % damage.len()];
        let spares = Spares {
            earlier: origin.path(),
            foreign: origin.path(),
            other_format: origin.path(),
        };
        damage::apply(damage, seed, dir.path(), spares);
        let mut failed = false;
        for _ in 0..300 {
            let (key, state) = expected
                .iter()
                .nth(random.random_range(0..expected.len()))
                .unwrap();
            match store.state(key) {
                Ok(found) => assert_eq!(found.as_ref(), Some(state), "{what}"),
                Err(error) => {
                    assert!(error.is_damage(), "{error} {what}");
                    failed = true;
                }
            }
        }
        match content(&store) {
            Ok((states, _)) => assert_eq!(states, expected, "{what}"),
            Err(error) => failed |= error.is_damage(),
        }
        if failed {
            store.abandon();
            drop(store);
            directory(dir.path()).set_aside().unwrap();
        } else {
            drop(store);
        }
        let healed = heal(dir.path(), LARGE, &what);
        tally.healed(damage, failed || healed);
    }
    println!(
        "stores damaged while open: {tally}; in {:.1?}",
        started.elapsed()
    );
    assert!(tally.rebuilt() > 0, "{tally}");
}

const CHILD: &str = "ROLLCALL_TEST_STORE_CHILD";

/// What a child process does: `write DIR` goes on from where the store is, for ever;
/// `refused DIR` does the same until the machine refuses, and tells with which kind of error.
#[test]
fn child() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the parent's word to the child, and no setting"
    )]
    let Ok(word) = std::env::var(CHILD) else {
        // The ordinary run of the tests, in which there is nothing to do.
        return;
    };
    let (what, dir) = word.split_once(' ').unwrap();
    let error = write_until_refused(Path::new(dir)).unwrap_err();
    assert_eq!(what, "refused", "{error}");
    println!("refused: {error}; damage: {}", error.is_damage());
}

fn write_until_refused(dir: &Path) -> Result<(), Error> {
    let store = open(dir)?;
    let next = reached(&store, LOG).unwrap();
    for round in next / OFFSETS.. {
        LOG.commit(&store, round);
        store.flush_telling(round, || {})?;
        std::fs::write(dir.join("ready"), "")
            .map_err(|error| Error::Disk { kind: error.kind() })?;
    }
    Ok(())
}

fn test_binary(shell: &str, word: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "store::campaign::child", "--nocapture"])
        .env(CHILD, word);
    command
}

/// What a child that was refused said.
fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find_map(|line| line.split_once("refused: "));
    let said = said.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)));
    said.1.to_owned()
}

#[test]
fn a_store_whose_files_may_not_grow_says_so_and_is_used_again_once_they_may() {
    let (origins, count) = (Origins::new(), damage::stores(100) / 20);
    let mut tally = Tally::default();
    for seed in 0..count {
        let dir = TempDir::new().unwrap();
        damage::copy(origins.earlier.path(), dir.path());
        let blocks = 1_500 + seed * 8_000 / count.max(1);
        // The system call that writes fails, as on a full disk; blocks are of 512 bytes.
        let shell = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let word = format!("refused {}", dir.path().display());
        let said = refused(test_binary(&shell, &word));
        assert!(said.ends_with("damage: false"), "{said}");
        let what = format!("{blocks} blocks: {said}");
        let store = open(dir.path()).unwrap_or_else(|error| panic!("{error} {what}"));
        let next = reached(&store, LOG).unwrap();
        check_before(&store, LOG, next, &what).unwrap();
        tally.healed("disk full", false);
    }
    println!("stores on a disk that was full: {tally}");
}

#[test]
fn a_directory_that_may_only_be_read_is_refused_and_its_store_used_once_it_may_be_written() {
    let origins = Origins::new();
    let dir = TempDir::new().unwrap();
    damage::copy(origins.whole.path(), dir.path());
    let set = |mode_dir: u32, mode_file: u32| {
        let mode = std::fs::Permissions::from_mode;
        for file in damage::files(dir.path()) {
            std::fs::set_permissions(file, mode(mode_file)).unwrap();
        }
        for path in [dir.path().join("store-1"), dir.path().to_owned()] {
            std::fs::set_permissions(path, mode(mode_dir)).unwrap();
        }
    };
    set(0o555, 0o444);
    let mut command = test_binary(
        "exec \"$0\" \"$@\"",
        &format!("refused {}", dir.path().display()),
    );
    if std::fs::metadata(dir.path()).unwrap().uid() == 0 {
        // The superuser may write anywhere, so the child is somebody else.
        std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    }
    let said = refused(command);
    assert!(said.contains("permission denied"), "{said}");
    assert!(said.ends_with("damage: false"), "{said}");
    set(0o755, 0o644);
    assert!(!heal(dir.path(), LOG, "read-only for a while"));
}

#[test]
fn after_kill_9_at_any_moment_the_store_is_whole_and_never_made_anew() {
    let count = damage::stores(100) / 10;
    let mut rounds = 0;
    let dir = TempDir::new().unwrap();
    for seed in 0..count {
        let mut child = test_binary(
            "exec \"$0\" \"$@\"",
            &format!("write {}", dir.path().display()),
        )
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
        let ready = dir.path().join("ready");
        harness::await_until(Duration::from_secs(60), "the child writes", || {
            assert!(child.try_wait().unwrap().is_none(), "the child ended");
            ready.exists().then_some(())
        })
        .unwrap();
        let millis = StdRng::seed_from_u64(seed).random_range(0..60);
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        std::fs::remove_file(ready).unwrap();
        let what = format!("killed after {millis} ms");
        let store = open(dir.path()).unwrap_or_else(|error| panic!("{error} {what}"));
        let next = reached(&store, LOG).unwrap();
        assert!(next / OFFSETS > rounds, "{what}");
        rounds = next / OFFSETS;
        check_before(&store, LOG, next, &what).unwrap();
    }
    println!("killed {count} times, {rounds} flushes, never made anew");
}
