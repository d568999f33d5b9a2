//! The partition of a key is the one that Kafka's own Java client computes.

use std::fs;

use eventlog::partition_of;

/// Written by the program below on Kafka's jars: a line is the key in hexadecimal and its partition of 1, 2, 3, 12, 50 and 1000.
const STORED: &str = include_str!("../data/murmur2.txt");

const PROGRAM: &str = r#"
import org.apache.kafka.common.utils.Utils;
import java.nio.charset.StandardCharsets;
import java.util.*;

public class Murmur {
    static void line(byte[] key) {
        StringBuilder line = new StringBuilder();
        for (byte b : key) line.append(String.format("%02x", b));
        for (int n : new int[] {1, 2, 3, 12, 50, 1000}) {
            line.append(' ').append(Utils.toPositive(Utils.murmur2(key)) % n);
        }
        System.out.println(line);
    }

    public static void main(String[] args) {
        line(new byte[0]);
        for (String text : new String[] {
            "g/Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
            "m/wamid.HBgLMTU1NTAxMDAwNDIVAgASGBQzQTdCNEQ5RjA=",
            "r/rq-0123456789abcdef", "n/300000000000001", "p/0", "é", "群"
        }) line(text.getBytes(StandardCharsets.UTF_8));
        Random random = new Random(4711);
        for (int length = 1; length <= 64; length++) {
            byte[] key = new byte[length];
            random.nextBytes(key);
            line(key);
        }
    }
}
"#;

#[test]
fn partitions_are_those_of_kafkas_java_client() {
    let mut keys = 0;
    for line in STORED.lines() {
        let mut words = line.split(' ');
        let hex = words.next().unwrap();
        let key: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        for partitions in [1, 2, 3, 12, 50, 1000] {
            let expected: u32 = words.next().unwrap().parse().unwrap();
            assert_eq!(
                partition_of(&key, partitions),
                expected,
                "{hex} of {partitions}"
            );
        }
        keys += 1;
    }
    assert_eq!(keys, 72);
    assert_eq!(partition_of(b"key", 0), 0);
}

#[test]
fn the_stored_values_are_what_kafkas_jars_say_today() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("Murmur.java");
    fs::write(&source, PROGRAM).unwrap();
    let output = harness::java().unwrap().arg(&source).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, STORED, "{error}");
}
