//! The corpora, as they are and with faults in them.

use std::{fs, path::Path};

use fuzz::TARGETS;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Variants of each input.
const EACH: usize = 200;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let entries = fs::read_dir(&dir).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    // The order of a directory is nobody's promise, and the faults depend on it.
    paths.sort();
    assert!(paths.len() > 20, "{} has too few inputs", dir.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A fault or two, or a piece of another input.
fn vary(input: &[u8], other: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len()).min(at + 64);
        match random.random_range(0..5) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            1 => bytes.insert(at, random.random()),
            2 => {
                bytes.drain(at..end);
            }
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let from = random.random_range(0..=other.len());
                let to = random.random_range(from..=other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn no_input_of_a_corpus_and_none_that_is_almost_one_breaks_its_target() {
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for input in &inputs {
            target(input);
            for _ in 0..EACH {
                let other = &inputs[random.random_range(0..inputs.len())];
                target(&vary(input, other, &mut random));
            }
        }
    }
}

#[test]
fn every_target_is_one_of_libfuzzers() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("path = \"src/{name}.rs\"")),
            "tests/fuzz/libfuzzer has no binary for {name}"
        );
    }
}
