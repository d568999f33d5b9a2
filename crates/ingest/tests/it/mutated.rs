//! Bodies that are almost right.

use std::{fs, path::Path};

use crate::service::Service;

/// Mutations of each recorded body.
const EACH: u64 = 30;

/// xorshift64: the same mutations every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

fn mutate(body: &[u8], random: &mut Random) -> Vec<u8> {
    const SIGNS: &[u8] = b"{}[]\",:\\0-nt \xff";
    let mut body = body.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(body.len());
        match random.below(5) {
            0 => body[at] ^= 1 << random.below(8),
            1 => body[at] = SIGNS[random.below(SIGNS.len())],
            2 => body.insert(at, SIGNS[random.below(SIGNS.len())]),
            3 => {
                body.remove(at);
            }
            _ => {
                let end = (at + 1 + random.below(40)).min(body.len());
                let copy = body[at..end].to_vec();
                body.splice(at..at, copy);
            }
        }
    }
    body
}

#[tokio::test]
async fn a_body_with_random_faults_is_200_or_400_and_leaves_no_text_of_a_message() {
    let service = Service::start().await;
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut answers = [0, 0];
    let entries = fs::read_dir(dir).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let pretty = fs::read(path).unwrap();
        // Without the white space a fault hits something that matters.
        let body = pretty.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let body = body.collect::<Vec<_>>().concat();
        for _ in 0..EACH {
            let body = mutate(&body, &mut random);
            match service.post(&body).await.status {
                200 => answers[0] += 1,
                400 => answers[1] += 1,
                status => panic!("{status} for {}", String::from_utf8_lossy(&body)),
            }
        }
    }
    let seen = service.seen().await;
    let quarantined = seen.iter().filter(|seen| seen.topic == "quarantine.v1");
    assert!(
        quarantined.count() > 50 && answers.iter().all(|count| *count > 150),
        "{answers:?}"
    );
    for record in seen {
        let value = String::from_utf8_lossy(&record.value);
        let everything = format!("{} {:?} {value}", record.key, record.headers);
        for text in [
            "ello all",
            "hello al",
            "just between",
            "between us",
            "Rosa",
            "opt_out",
        ] {
            assert!(!everything.contains(text), "{text:?} is in {everything}");
        }
    }
}
