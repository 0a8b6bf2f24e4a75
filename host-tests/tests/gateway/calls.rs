//! How often the component calls its host. The counts are the same in each run, and each call costs time.

use host_tests::host_calls;

/// The most calls that a request may make on an instance that has served another one.
const MOST: [(&str, u64); 11] = [
    ("null component", 16),
    ("null proxy", 45),
    ("`GET /health`", 20),
    ("wrong key", 24),
    ("`GET /v1/models`", 25),
    ("chat, engine", 30),
    ("stream of 9 events, engine", 31),
    ("chat, upstream", 55),
    ("stream of 20 events, upstream", 121),
    ("the same, spliced", 100),
    ("file in 20 pieces, upstream", 92),
];

#[tokio::test]
async fn no_path_calls_the_host_more_often_than_it_did() {
    let calls = host_calls().await;
    let totals: Vec<_> = calls.iter().map(|path| (path.path.as_str(), path.total())).collect();
    let paths: Vec<_> = totals.iter().map(|(path, _)| *path).collect();
    assert_eq!(paths, MOST.map(|(path, _)| path), "{totals:?}");
    for (path, (name, most)) in calls.iter().zip(MOST) {
        assert!(path.total() <= most, "{name}: {} calls, {most} before: {:#?}", path.total(), path.by_name);
    }
}
