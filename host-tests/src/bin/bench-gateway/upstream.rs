//! `bench-gateway upstream`: an LLM endpoint that costs next to nothing. The model's name selects the response.
//!
//! | model | response |
//! |---|---|
//! | `plain` | a chat completion |
//! | `events-N` | a stream of N events, sent at once |
//! | `paced-N-US` | a stream of N events, US microseconds apart, each with the time at which it was sent |

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio::time::Instant;

/// Serves until the standard input ends.
pub(crate) fn run() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    std::thread::spawn(|| {
        // The parent process holds the other end.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(address).await.map_err(|error| error.to_string())?;
        let addr = listener.local_addr().map_err(|error| error.to_string())?;
        println!("\"{addr}\"");
        let plain: Rc<[u8]> = whole().into();
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            tokio::task::spawn_local(serve(stream, plain.clone()));
        }
    })
}

/// Serves one connection until it is closed; an error means nothing else here.
async fn serve(mut stream: TcpStream, plain: Rc<[u8]>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
    loop {
        let Some((end, kind)) = request(&buffer[..filled]) else {
            if filled == buffer.len() {
                buffer.resize(2 * filled, 0);
            }
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                read => filled += read,
            }
            continue;
        };
        buffer.copy_within(end..filled, 0);
        filled -= end;
        match kind {
            Kind::Plain => stream.write_all(&plain).await?,
            Kind::Events(count) => at_once(&mut stream, count).await?,
            Kind::Paced(count, pace) => paced(&mut stream, count, pace).await?,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Events(usize),
    Paced(usize, Duration),
}

/// The length of the first request in `bytes` and the response it selects; `None` if it is incomplete.
fn request(bytes: &[u8]) -> Option<(usize, Kind)> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    if field("transfer-encoding:").is_some() {
        let end = head + memchr::memmem::find(&bytes[head..], b"0\r\n\r\n")? + 5;
        return Some((end, kind(&bytes[head..end])));
    }
    let length = field("content-length:").and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    let end = head + length;
    (bytes.len() >= end).then(|| (end, kind(&bytes[head..end])))
}

fn kind(body: &[u8]) -> Kind {
    let name = || {
        let at = memchr::memmem::find(body, b"\"model\"")? + 7;
        let mut quoted = body.get(at..(at + 80).min(body.len()))?.split(|byte| *byte == b'"').skip(1);
        std::str::from_utf8(quoted.next()?).ok()
    };
    let words: Vec<_> = name().unwrap_or_default().split('-').collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
    match (words[0], number(1), number(2)) {
        ("events", Some(count), _) => Kind::Events(count),
        ("paced", Some(count), Some(micros)) => Kind::Paced(count, Duration::from_micros(micros as u64)),
        _ => Kind::Plain,
    }
}

/// The JSON before and after the content of a stream chunk.
const CHUNK: [&str; 2] = [
    r#"data: {"id":"chatcmpl-BenchBenchBenchBenchBench","object":"chat.completion.chunk","created":1700000000,"model":"bench","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":""#,
    "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
];
/// The last events of a stream: without a finish reason the gateway takes it for broken off, and closes its connection.
const END: &str = concat!(
    r#"data: {"id":"chatcmpl-BenchBenchBenchBenchBench","object":"chat.completion.chunk","created":1700000000,"model":"bench","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
    "\n\ndata: [DONE]\n\n"
);
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n\
                      transfer-encoding: chunked\r\n\r\n";

fn chunk(content: &str) -> String {
    framed(&format!("{}{content}{}", CHUNK[0], CHUNK[1]))
}

fn framed(event: &str) -> String {
    format!("{:x}\r\n{event}\r\n", event.len())
}

async fn at_once(stream: &mut TcpStream, count: usize) -> std::io::Result<()> {
    const TOGETHER: usize = 250;
    let event = chunk(" word");
    let mut out = STREAM.to_owned() + &event.repeat(count.min(TOGETHER));
    let mut left = count - count.min(TOGETHER);
    while left > 0 {
        stream.write_all(out.as_bytes()).await?;
        out = event.repeat(left.min(TOGETHER));
        left -= left.min(TOGETHER);
    }
    out += &(framed(END) + "0\r\n\r\n");
    stream.write_all(out.as_bytes()).await
}

async fn paced(stream: &mut TcpStream, count: usize, pace: Duration) -> std::io::Result<()> {
    let start = Instant::now();
    stream.write_all((STREAM.to_owned() + &chunk(&stamp())).as_bytes()).await?;
    for number in 1..count as u32 {
        tokio::time::sleep_until(start + pace * number).await;
        stream.write_all(chunk(&stamp()).as_bytes()).await?;
    }
    stream.write_all((framed(END) + "0\r\n\r\n").as_bytes()).await
}

const MARK: &[u8] = b"@sent:";

/// The present time, for the content of an event.
fn stamp() -> String {
    format!("@sent:{}@", now().as_nanos())
}

/// A clock that two processes on one machine share.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// For each complete event in `bytes`, the seconds since it was sent.
pub(crate) fn delays(bytes: &[u8]) -> Vec<f64> {
    let now = now();
    let sent = |at: usize| -> Option<u64> {
        let digits = &bytes[at + MARK.len()..];
        std::str::from_utf8(&digits[..memchr::memchr(b'@', digits)?]).ok()?.parse().ok()
    };
    let sent = memchr::memmem::find_iter(bytes, MARK).filter_map(sent);
    sent.map(|sent| now.saturating_sub(Duration::from_nanos(sent)).as_secs_f64()).collect()
}

/// A chat completion of about 800 bytes, a common size.
fn whole() -> Vec<u8> {
    let body = include_str!("../../../null/src/answer.json");
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_selects_the_response() {
        for (model, want) in [
            ("plain", Kind::Plain),
            ("events-20", Kind::Events(20)),
            ("paced-3-500", Kind::Paced(3, Duration::from_micros(500))),
            ("events-", Kind::Plain),
        ] {
            assert_eq!(kind(format!(r#"{{"model": "{model}", "n": 1}}"#).as_bytes()), want, "{model}");
        }
        assert_eq!(kind(b"{}"), Kind::Plain);
    }

    #[test]
    fn requests_end_at_their_length() {
        let one = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        let chunked = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        for wire in [&one[..], chunked, b"GET / HTTP/1.1\r\n\r\n"] {
            let two = [wire, wire].concat();
            assert_eq!(request(&two), Some((wire.len(), Kind::Plain)));
            assert_eq!(request(&wire[..wire.len() - 1]), None);
        }
    }

    #[test]
    fn delays_are_read_from_complete_timestamps() {
        let text = format!("{}{}@sent:12", chunk(&stamp()), chunk(&stamp()));
        let delays = delays(text.as_bytes());
        assert_eq!(delays.len(), 2);
        assert!(delays.iter().all(|delay| (0.0..10.0).contains(delay)), "{delays:?}");
    }
}
