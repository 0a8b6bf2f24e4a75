//! The official OpenAI SDKs, and agent frameworks on top of them, against the running component. Each suite under `sdk/`
//! runs in a separate process, with the versions of its lock file, installed under `target/` on the first run.

use std::path::{Path, PathBuf};
use std::process::Command;

use host_tests::programs::{find, python};
use host_tests::suites::{Home, copy, run};
use host_tests::{Answer, Gateway, Upstream, component_file, host_file};
use serde_json::json;
use tokio::net::TcpSocket;

const KEY: &str = "sk-sdk-tests";

/// The engine rules for the tests of agents.
const RULES: &str = include_str!("../../examples/agent-rules.json");

#[tokio::test]
async fn the_python_sdk() {
    check_python("python").await;
}

/// In a separate environment, because it needs an older SDK than the other suites.
#[tokio::test]
async fn instructor() {
    check_python("instructor").await;
}

/// The SDKs read streams of another API than theirs: our own, and recorded ones in the folder that
/// `PORTCULLIS_RECORDINGS` names.
#[test]
fn the_python_sdks_read_translated_streams() {
    let Some((_home, python)) = installed("python") else { return };
    let recorded = std::env::var_os("PORTCULLIS_RECORDINGS").map(PathBuf::from);
    for folder in [Some(suite("recordings")), recorded].into_iter().flatten() {
        let mut replay = Command::new(&python);
        // Keeps `__pycache__` out of the sources.
        replay.arg("-B").arg(suite("replay.py")).arg(folder);
        replay.arg("--wasm").arg(component_file()).arg("--host").arg(host_file());
        run("replay", &mut replay).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// Runs the suite of this name under `sdk/` in its own virtual environment.
async fn check_python(name: &str) {
    let Some((_home, bin)) = installed(name) else { return };
    let mut tests = Command::new(&bin);
    tests.args(["-m", "unittest", "--verbose"]).current_dir(suite(name));
    // Keeps `__pycache__` out of the sources.
    tests.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = check(name, tests).await;
    let summary = output.iter().find(|line| line.starts_with("Ran ")).expect("unittest counts its tests");
    assert!(!summary.starts_with("Ran 0 "), "no test ran");
    assert!(!output.iter().any(|line| line.contains("skipped")), "no test may be skipped here");
}

/// The Python of the virtual environment with the packages of this suite; `None` where it cannot be installed.
fn installed(name: &str) -> Option<(Home, PathBuf)> {
    let python = python(name)?;
    let home = Home::open(env!("CARGO_TARGET_TMPDIR"), &format!("sdk-{name}"));
    let lock = suite(name).join("requirements.txt");
    let bin = home.dir.join(if cfg!(windows) { "venv/Scripts/python" } else { "venv/bin/python" });
    let is_installed = home.install("sdk", &[&lock, &python], || {
        run(name, Command::new(&python).args(["-m", "venv"]).arg(home.dir.join("venv")))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(name, Command::new(&bin).args(pip).arg(&lock))
    });
    is_installed.then_some((home, bin))
}

#[tokio::test]
async fn the_node_sdk() {
    let probe = ["-e", "process.exit(Number(parseInt(process.versions.node) < 20))"];
    let Some(node) = find("node", "Node 20 or newer", &["node"], &probe) else { return };
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let Some(npm) = find("node", "npm", &[npm], &["--version"]) else { return };
    let suite = suite("node");
    let home = Home::open(env!("CARGO_TARGET_TMPDIR"), "sdk-node");
    // Node looks for packages next to the tests, so the tests are copied out of the sources.
    let files = |name: &str| name.ends_with(".js") || name.ends_with(".json");
    copy(&suite, &home.dir, files);
    let installed = home.install("sdk", &[&suite.join("package-lock.json"), &node], || {
        let quiet = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        run("node", Command::new(&npm).args(quiet).current_dir(&home.dir))
    });
    if !installed {
        return;
    }
    let mut tests = Command::new(&node);
    tests.args(["--test", "--test-reporter=spec"]).current_dir(&home.dir);
    let output = check("node", tests).await;
    let passed = output.iter().find_map(|line| line.split_once("pass ")?.1.parse::<u32>().ok());
    assert!(passed.expect("Node counts its tests") > 0, "no test ran");
    assert!(!output.iter().any(|line| line.starts_with('﹣')), "no test may be skipped here");
}

/// Runs a suite against three gateways: a plain one, one whose upstreams fail, and one with rules. Then runs it again
/// with a second gateway in front of each, which must make no difference.
///
/// # Panics
///
/// When the suite fails.
async fn check(name: &str, mut tests: Command) -> Vec<String> {
    let gateway = Gateway::start(&[("PORTCULLIS_API_KEYS", KEY)]).await;
    let faulty = Faulty::start().await;
    let ruled = Gateway::start(&[("PORTCULLIS_API_KEYS", KEY), ("PORTCULLIS_CONFIG", RULES)]).await;
    let own = [&gateway, &faulty.gateway, &ruled];
    let fronts = [in_front_of(&gateway).await, in_front_of(&faulty.gateway).await, in_front_of(&ruled).await];
    let against = |tests: &mut Command, label: &str, [gateway, faulty, ruled]: [&Gateway; 3]| {
        tests
            .env("OPENAI_API_KEY", KEY)
            .env("OPENAI_BASE_URL", gateway.url("/v1"))
            .env("FAULTY_BASE_URL", faulty.url("/v1"))
            .env("RULES_BASE_URL", ruled.url("/v1"))
            .env("NO_PROXY", "127.0.0.1");
        run(label, tests).unwrap_or_else(|failure| panic!("{failure}"))
    };
    let output = against(&mut tests, name, own);
    // The suite skips the tests of broken connections: the gateway in front reports them as errors.
    against(tests.env("CHAINED", "1"), &format!("{name}, chained"), fronts.each_ref());
    let faults: Vec<_> = own.into_iter().chain(&fronts).flat_map(Gateway::faults).collect();
    assert!(faults.is_empty(), "the component trapped: {faults:#?}");
    output
}

/// A gateway whose only upstream is another gateway.
async fn in_front_of(gateway: &Gateway) -> Gateway {
    let url = gateway.url("/v1");
    let settings = [
        ("PORTCULLIS_API_KEYS", KEY),
        ("PORTCULLIS_UPSTREAM_URL", &*url),
        ("PORTCULLIS_UPSTREAM_KEY", KEY),
        // The gateway behind validates parameters; this one passes them.
        ("PORTCULLIS_UNKNOWN_PARAMS", "pass"),
    ];
    Gateway::start(&settings).await
}

/// A gateway whose models fail, each in the way that its name describes.
struct Faulty {
    gateway: Gateway,
    _upstreams: Vec<Upstream>,
    _down: TcpSocket,
}

impl Faulty {
    async fn start() -> Self {
        let limited = json!({"error": {"message": "Rate limit reached.", "type": "requests", "param": null,
                                       "code": "rate_limit_exceeded"}});
        let limits = [
            ("content-type", "application/json"),
            ("retry-after", "7"),
            ("x-ratelimit-remaining-requests", "0"),
        ];
        let failing =
            json!({"error": {"message": "Oh.", "type": "server_error", "param": null, "code": null}});
        let chunk = |delta: &str| {
            json!({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "dying", "choices":
                   [{"index": 0, "delta": {"content": delta}, "finish_reason": null}]})
            .to_string()
        };
        let answer = json!({"id": "1", "object": "chat.completion", "created": 1, "model": "flaky", "choices":
            [{"index": 0, "message": {"role": "assistant", "content": "At last."}, "finish_reason": "stop"}]});
        let upstreams = [
            ("limited", vec![Answer::new(429, &limits, limited.to_string())]),
            ("failing", vec![Answer::json(500, &failing)]),
            ("dying", vec![Answer::events([&*chunk("one"), &*chunk(" two")]).cut()]),
            ("flaky", vec![Answer::json(503, &failing), Answer::json(200, &answer)]),
        ];
        let (down, down_url) = Upstream::refusing();
        let (mut config, mut running) =
            (json!({"upstreams": {"down": {"url": down_url}}, "models": {}}), vec![]);
        config["models"]["down"] = json!({"targets": [{"upstream": "down"}]});
        for (name, answers) in upstreams {
            let upstream = Upstream::script(answers).await;
            config["upstreams"][name] = json!({"url": upstream.url("/v1")});
            config["models"][name] = json!({"targets": [{"upstream": name}]});
            running.push(upstream);
        }
        let config = config.to_string();
        let settings = [("PORTCULLIS_API_KEYS", KEY), ("PORTCULLIS_CONFIG", &*config)];
        let gateway = Gateway::start(&settings).await;
        Self { gateway, _upstreams: running, _down: down }
    }
}

/// The sources of a suite, or a file beside them.
fn suite(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk").join(name)
}
