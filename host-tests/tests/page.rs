//! The page of `GET /` in Chromium: the suite of `page/`, by playwright-core, in a process of its own.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use host_tests::programs::{find, python};
use host_tests::suites::{Home, copy, run};
use host_tests::{Answer, Gateway, Upstream};
use serde_json::json;

const KEY: &str = "sk-page-tests";

/// Models with their own limits; those of the tests' configuration come first in the list.
const MODELS: &str = "gpt-3.5-turbo-instruct,gpt-5.5,claude-opus-4-8,claude-sonnet-4-5";

/// Where Chromium or its relatives are, besides what `CHROMIUM` names. Without any the suite takes the one of npm's
/// package `@sparticuz/chromium`, which has all its libraries and runs on Linux for x86-64.
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

#[tokio::test]
async fn the_page_in_chromium() {
    let probe = ["-e", "process.exit(Number(parseInt(process.versions.node) < 20))"];
    let Some(node) = find("page", "Node 20 or newer", &["node"], &probe) else { return };
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let Some(npm) = find("page", "npm", &[npm], &["--version"]) else { return };
    let Some(python) = python("page") else { return };
    let browser = browser();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let home = Home::open(env!("CARGO_TARGET_TMPDIR"), "page");
    // Node looks for packages beside the tests, and they do not belong among the sources.
    copy(&suite, &home.dir, |name| name.ends_with(".js") || name.ends_with(".json"));
    let venv = home.dir.join("venv");
    let own_python = venv.join(if cfg!(windows) { "Scripts/python" } else { "bin/python" });
    let (packages, requirements) = (suite.join("package-lock.json"), suite.join("requirements.txt"));
    let chosen = browser.clone().unwrap_or_else(|| packages.clone());
    let installed = home.install("page", &[&packages, &requirements, &node, &python, &chosen], || {
        let mut install = Command::new(&npm);
        install.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&home.dir);
        if browser.is_some() {
            install.arg("--omit=optional");
        }
        run("page", &mut install)?;
        run("page", Command::new(&python).args(["-m", "venv"]).arg(&venv))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run("page", Command::new(&own_python).args(pip).arg(&requirements))
    });
    if !installed {
        return;
    }
    let (streamed, whole) = (thinking_streamed().await, thinking_whole().await);
    let config = json!({
        "upstreams": {"streamed": {"url": streamed.url("/v1")}, "whole": {"url": whole.url("/v1")}},
        "models": {
            "gpt-4o": {"engine": {}},
            "slow": {"engine": {"reply": {"words": 400}, "latency": {"ttft_ms": 50, "per_token_ms": 40}}},
            "thinker-streamed": {"targets": [{"upstream": "streamed"}]},
            "thinker-whole": {"targets": [{"upstream": "whole"}]},
        },
        "engine": {"rules": [
            {"when": {"user": {"contains": "break off"}, "stream": true}, "then": {"cut_after_chunks": 3}},
        ]},
    });
    let config = config.to_string();
    let settings =
        [("PORTCULLIS_API_KEYS", KEY), ("PORTCULLIS_MODELS", MODELS), ("PORTCULLIS_CONFIG", &*config)];
    let gateway = Gateway::start(&settings).await;
    let mut tests = Command::new(&node);
    tests.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]).current_dir(&home.dir);
    tests
        .env("PAGE_URL", gateway.url("/"))
        .env("PAGE_KEY", KEY)
        .env("PYTHON", &own_python)
        // Where the browser of npm is unpacked.
        .env("TMPDIR", &home.dir)
        .env("NO_PROXY", "127.0.0.1");
    if let Some(browser) = browser {
        tests.env("CHROMIUM", browser);
    }
    let output = run("page", &mut tests).unwrap_or_else(|failure| panic!("{failure}"));
    let passed = output.iter().find_map(|line| line.split_once("pass ")?.1.parse::<u32>().ok());
    assert!(passed.expect("Node counts its tests") > 40, "tests are missing");
    assert!(!output.iter().any(|line| line.starts_with('﹣')), "no test may be skipped here");
    let faults = gateway.faults();
    assert!(faults.is_empty(), "the component trapped: {faults:#?}");
}

/// A Chromium of this machine, if there is one.
fn browser() -> Option<PathBuf> {
    let works = |name: &PathBuf| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let found = env::var_os("CHROMIUM")
        .map(PathBuf::from)
        .or_else(|| BROWSERS.map(PathBuf::from).into_iter().find(works))?;
    // Playwright starts a file.
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(&found)).find(|file| file.is_file())
}

/// An upstream that thinks in its streams of chat completions, as DeepSeek's API has it.
async fn thinking_streamed() -> Upstream {
    let chunk = |delta: serde_json::Value, reason: Option<&str>| {
        json!({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices":
            [{"index": 0, "delta": delta, "finish_reason": reason}]})
        .to_string()
    };
    let chunks = [
        chunk(json!({"role": "assistant", "content": null, "reasoning_content": "Let me"}), None),
        chunk(json!({"reasoning_content": " see."}), None),
        chunk(json!({"content": "A thought."}), None),
        chunk(json!({}), Some("stop")),
        "[DONE]".to_owned(),
    ];
    Upstream::answering(Answer::events(chunks.iter().map(String::as_str))).await
}

/// The same in whole answers.
async fn thinking_whole() -> Upstream {
    let message = json!({"role": "assistant", "content": "A thought.", "reasoning_content": "Let me see."});
    let answer = json!({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices":
        [{"index": 0, "message": message, "finish_reason": "stop"}]});
    Upstream::answering(Answer::json(200, &answer)).await
}
