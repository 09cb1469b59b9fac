//! Another language reads what is kept: the layout is as it is documented.

use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::HeapBytes;
use mementos::{Codec, Memoizer};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// What the example in Python makes of an envelope, or its complaint.
fn parsed(envelope: &[u8]) -> Result<Value, String> {
    let script = "import json, sys, read_envelope as r; \
                  print(json.dumps(r.parse(sys.stdin.buffer.read())))";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .env("PYTHONPATH", EXAMPLES)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is no python3; install one: apt-get install python3");
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(envelope).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn the_golden_file_is_read_by_the_documented_layout() {
    let golden = include_bytes!("../../src/store/bytes/golden/version_1.bin");
    let expected = json!({
        "version": 1,
        "codec": "JSON",
        "schema": "0102030405060708",
        "key_check": "10fad14ba0f087aaf520ef080f91da92",
        "created_ns": 1_792_000_000_123_456_789_u64,
        "expires_ns": null,
        "build_seconds": 0.25,
        "etag": "v1",
        "groups": {},
        "value": [1, 2],
    });
    assert_eq!(parsed(golden).unwrap(), expected);
    let golden = include_bytes!("../../src/store/bytes/golden/version_1_groups.bin");
    let mut expected = expected;
    expected["groups"] = json!({
        "@tag:users": "18171615141312110200000000000000",
        "@all": "ffffffffffffffff2827262524232221",
    });
    assert_eq!(parsed(golden).unwrap(), expected);
}

#[test]
fn what_a_memoizer_keeps_is_read() {
    let heap = HeapBytes::new();
    let store = Encoded::new(heap.clone()).codec(Codec::Json);
    let memo = Memoizer::new(store.compress_over(100));
    memo.get("short", || "text".to_owned()).unwrap();
    memo.get("long", || "text".repeat(100)).unwrap();
    let [short, long] = ["short", "long"].map(|key| {
        let bytes = heap.get(key).unwrap().unwrap();
        parsed(&bytes).unwrap()["value"].take()
    });
    assert_eq!(short, "text");
    assert!(long.as_str().unwrap().ends_with("compressed by LZ4"));
}

#[test]
fn broken_bytes_are_an_error() {
    let mut broken = include_bytes!("../../src/store/bytes/golden/version_1.bin").to_vec();
    broken[70] ^= 1;
    let complaint = parsed(&broken).unwrap_err();
    assert!(
        complaint.contains("no envelope, or a broken one"),
        "{complaint}"
    );
    assert!(parsed(b"").is_err());
}
