//! Damages to the files of a store, by kind and seed; for the tests of the store and those of the whole projector.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// What is done to a store while nobody has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Damage {
    /// A file ends early.
    Truncated,
    /// Some bits of any files.
    BitFlipped,
    /// The whole store of another log.
    Foreign,
    /// A file without bytes.
    EmptyFile,
    /// The store's directory without files.
    EmptyDirectory,
    /// A later write reached the disk in part: new bytes up to somewhere, from there on what was there before.
    HalfWritten,
    /// Written by a version with another layout.
    OtherFormat,
    /// A file is gone.
    MissingFile,
    /// A file of an earlier time of the store, or of another store, or two files in each other's place.
    SwappedFile,
    /// Bytes after the end of a file.
    GarbageAppended,
    /// A block of a file is zeros.
    ZeroedBlock,
}

impl Damage {
    pub(crate) const ALL: [Self; 11] = [
        Self::Truncated,
        Self::BitFlipped,
        Self::Foreign,
        Self::EmptyFile,
        Self::EmptyDirectory,
        Self::HalfWritten,
        Self::OtherFormat,
        Self::MissingFile,
        Self::SwappedFile,
        Self::GarbageAppended,
        Self::ZeroedBlock,
    ];
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::BitFlipped => "bit-flipped",
            Self::Foreign => "foreign",
            Self::EmptyFile => "empty file",
            Self::EmptyDirectory => "empty directory",
            Self::HalfWritten => "half-written",
            Self::OtherFormat => "another format",
            Self::MissingFile => "missing file",
            Self::SwappedFile => "swapped file",
            Self::GarbageAppended => "garbage appended",
            Self::ZeroedBlock => "zeroed block",
        })
    }
}

/// Data directories to take foreign files from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spares<'a> {
    /// The same store at an earlier time.
    pub(crate) earlier: &'a Path,
    /// A store of another log.
    pub(crate) foreign: &'a Path,
    /// This store as another version would have written it.
    pub(crate) other_format: &'a Path,
}

/// Damages the store in a data directory; says what was done to which file.
pub(crate) fn apply(damage: Damage, seed: u64, dir: &Path, spares: Spares<'_>) -> String {
    let mut random = StdRng::seed_from_u64(seed);
    let all = files(dir);
    let path = larger_more_often(&all, &mut random);
    let mut bytes = fs::read(&path).unwrap();
    let place = random.random_range(0..bytes.len().max(1));
    match damage {
        Damage::Truncated => bytes.truncate(place),
        Damage::EmptyFile => bytes.clear(),
        Damage::GarbageAppended => {
            let count = random.random_range(1..100_000);
            bytes.extend((0..count).map(|_| random.random::<u8>()));
        }
        Damage::ZeroedBlock => {
            let end = bytes.len().min(place + 4_096);
            bytes[place..end].fill(0);
        }
        Damage::MissingFile => {
            fs::remove_file(&path).unwrap();
            return format!("{damage:?}: {}", path.display());
        }
        Damage::BitFlipped => {
            for _ in 0..random.random_range(1..64) {
                let path = larger_more_often(&all, &mut random);
                flip(&path, &mut random);
            }
            return format!("{damage:?}: any files");
        }
        Damage::HalfWritten => {
            let before = fs::read(same_file(&path, dir, spares.earlier)).unwrap_or_default();
            // The difference lies towards the end.
            let place = bytes.len() - random.random_range(0..=bytes.len().min(200_000));
            bytes.truncate(place);
            bytes.extend(before.get(place..).unwrap_or_default());
        }
        Damage::SwappedFile => return swap(&all, dir, spares, &mut random),
        Damage::Foreign => return exchange(damage, dir, spares.foreign),
        Damage::OtherFormat => return exchange(damage, dir, spares.other_format),
        Damage::EmptyDirectory => {
            for path in &all {
                fs::remove_file(path).unwrap();
            }
            return format!("{damage:?}");
        }
    }
    fs::write(&path, bytes).unwrap();
    format!("{damage:?} at {place}: {}", path.display())
}

/// Another store in the place of the one that is there.
fn exchange(damage: Damage, dir: &Path, other: &Path) -> String {
    fs::remove_dir_all(dir).unwrap();
    copy(other, dir);
    format!("{damage:?}")
}

fn swap(all: &[PathBuf], dir: &Path, spares: Spares<'_>, random: &mut StdRng) -> String {
    let path = all[random.random_range(0..all.len())].clone();
    let name = path.display();
    match random.random_range(0..3) {
        0 => {
            let other = all[random.random_range(0..all.len())].clone();
            let (one, two) = (fs::read(&path).unwrap(), fs::read(&other).unwrap());
            fs::write(&path, two).unwrap();
            fs::write(&other, one).unwrap();
            format!("{name} for {}", other.display())
        }
        1 => {
            let bytes = fs::read(same_file(&path, dir, spares.earlier)).unwrap_or_default();
            fs::write(&path, bytes).unwrap();
            format!("{name} of an earlier time")
        }
        _ => {
            let bytes = fs::read(same_file(&path, dir, spares.foreign)).unwrap_or_default();
            fs::write(&path, bytes).unwrap();
            format!("{name} of another store")
        }
    }
}

/// The file of the same name and place in another data directory; snapshots of sled have numbers, and any will do.
fn same_file(path: &Path, dir: &Path, other: &Path) -> PathBuf {
    let kind = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.split('.').next().unwrap_or_default().to_owned()
    };
    let exact = other.join(path.strip_prefix(dir).unwrap());
    files(other)
        .into_iter()
        .find(|file| kind(file) == kind(path))
        .unwrap_or(exact)
}

/// Flips one bit of a file, if it has any.
pub(crate) fn flip(path: &Path, random: &mut StdRng) {
    let mut bytes = fs::read(path).unwrap();
    if bytes.is_empty() {
        return;
    }
    let place = random.random_range(0..bytes.len());
    bytes[place] ^= 1 << random.random_range(0..8);
    fs::write(path, bytes).unwrap();
}

/// A file, half of the time any, half of the time by size.
fn larger_more_often(files: &[PathBuf], random: &mut StdRng) -> PathBuf {
    if random.random() {
        return files[random.random_range(0..files.len())].clone();
    }
    let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let total: u64 = files.iter().map(size).sum();
    let mut place = random.random_range(0..total.max(1));
    for path in files {
        if place < size(path) {
            return path.clone();
        }
        place -= size(path);
    }
    files[0].clone()
}

/// Copies a directory and what is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
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

/// The files of the stores in a data directory, in order; those set aside and the lock are not among them.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with("store.damaged") {
                found.extend(files(&entry.path()));
            }
        } else if name != "lock" {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// How many stores a campaign damages: `default`, or what `ROLLCALL_DAMAGED_STORES` says.
pub(crate) fn stores(default: u64) -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test runs, and no setting"
    )]
    let wanted = std::env::var("ROLLCALL_DAMAGED_STORES");
    wanted.map_or(default, |count| count.parse().unwrap())
}

/// What became of the damaged stores, by kind.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, (u64, u64)>);

impl Tally {
    /// Counts a store that healed, with or without having been made anew.
    pub(crate) fn healed(&mut self, kind: impl fmt::Display, is_rebuilt: bool) {
        let (all, rebuilt) = self.0.entry(kind.to_string()).or_default();
        *all += 1;
        *rebuilt += u64::from(is_rebuilt);
    }

    pub(crate) fn rebuilt(&self) -> u64 {
        self.0.values().map(|(_, rebuilt)| rebuilt).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.0.values().map(|(all, _)| all).sum();
        write!(f, "healed {all}, {} of them made anew: ", self.rebuilt())?;
        for (n, (kind, (all, rebuilt))) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{kind} {all} ({rebuilt})")?;
        }
        Ok(())
    }
}
