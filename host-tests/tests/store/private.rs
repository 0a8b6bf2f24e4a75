//! What of keys, models, prompts and answers gets to the store: nothing, but for the cache's answers.

use host_tests::{Answer, Upstream};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::redis::Redis;
use crate::{CHAT, Site, chat, chunk, completion, logged, settled, usage_chunk};

/// Every command that a Redis executes from now on, those of scripts among them, as `MONITOR` prints it.
struct Commands(Receiver<String>);

impl Commands {
    fn of(redis: &Redis) -> Self {
        let mut stream = TcpStream::connect(redis.address()).expect("it listens");
        stream.write_all(b"MONITOR\r\n").expect("it reads");
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next().expect("a reply").expect("a line"), "+OK");
        let (sender, commands) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self(commands)
    }

    /// Those until now.
    fn all(&self, redis: &Redis) -> Vec<String> {
        redis.command(&["PING", "the end"]);
        let mut all = Vec::new();
        while let Ok(line) = self.0.recv_timeout(Duration::from_secs(20)) {
            if line.ends_with("\"PING\" \"the end\"") {
                return all;
            }
            all.push(line);
        }
        panic!("the end is missing: {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_gets_no_names_prompts_or_answers_but_those_of_the_cache() {
    // Each is one word, which no encoding changes.
    let words = ["zebrakey", "zebraname", "zebramodel", "zebraprompt", "zebraanswer"];
    let [key, name, model, prompt, answer] = words;
    let delta = |delta| chunk(&delta, None);
    let streamed = [
        delta(json!({"role": "assistant", "content": ""})),
        delta(json!({"content": answer})),
        chunk(&json!({}), Some("stop")),
        usage_chunk(),
        "[DONE]".to_owned(),
    ];
    let streamed = || Answer::events(streamed.iter().map(String::as_str));
    let whole = || Answer::json(200, &completion(answer));
    let upstream =
        Upstream::script([whole(), streamed(), streamed().cut(), Answer::json(500, &json!({})), whole()])
            .await;
    let kept = format!("{model}-kept");
    let Some(site) = Site::new(&json!({
        "upstreams": {"up": {"url": upstream.url("/v1")}},
        "models": {model: {"targets": [{"upstream": "up"}], "retries": 0},
                   &kept: {"targets": [{"upstream": "up"}], "cache": {"ttl_s": 60}}},
        "price": {"input": 1, "output": 1},
        "limits": [{"per": "key+model", "requests": 100, "window": "minute"}, {"per": "model", "tokens": 100_000, "window": "hour"},
                   {"per": "key", "usd": 5, "window": "month"}, {"per": "all", "concurrent": 9}],
        "keys": [{"name": name, "key": key, "admin": true}]
    })) else {
        return;
    };
    let commands = Commands::of(&site.redis);
    let gateway = site.gateway(1000).await;
    for (nth, status) in [200, 200, 200, 500].into_iter().enumerate() {
        let mut body = chat(model, prompt);
        body["stream"] = (nth > 0).into();
        let live = gateway.post(CHAT, &body).key(key).live().await;
        assert_eq!(live.status, status, "{nth}");
        let id = live.header("x-request-id").map(str::to_owned);
        live.rest().await;
        settled(&gateway, id.as_deref()).await;
    }
    assert_eq!(gateway.get("/v1/portcullis/usage").key(key).await.status, 200);
    let without_cache = commands.all(&site.redis);
    assert!(without_cache.len() > 20, "{without_cache:?}");
    for line in &without_cache {
        assert!(!line.contains("zebra"), "{line}");
    }
    // The cache keeps answers, and nothing else.
    for want in ["miss", "hit"] {
        let reply = gateway.post(CHAT, &chat(&kept, prompt)).key(key).await;
        assert_eq!(reply.header("x-portcullis-cache"), Some(want), "{reply:?}");
        logged(&gateway, &reply).await;
    }
    let with_cache = commands.all(&site.redis);
    let with_words: Vec<&String> = with_cache.iter().filter(|line| line.contains("zebra")).collect();
    let [line] = with_words.as_slice() else { panic!("{with_words:?}") };
    assert!(line.contains("\"SET\" \"{portcullis:default}:cache:") && line.contains(answer), "{line}");
    for word in [key, name, model, prompt] {
        assert!(!line.contains(word), "{line}");
    }
}
