//! The steps of `cargo serve`.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::{Command, ExitCode};

use crate::announce;
use crate::flags::{Env, Flags, HELP};
use crate::host::{Host, Job, Profile};

/// Builds, finds a host, starts it.
pub(crate) fn run(args: impl Iterator<Item = String>) -> ExitCode {
    let flags = match Flags::parse(args) {
        Ok(Some(flags)) => flags,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("cargo serve: {message}; see `cargo serve --help`");
            return ExitCode::from(2);
        }
    };
    match serve(&flags) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("cargo serve: {message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: &Flags) -> Result<ExitCode, String> {
    // Everything that can be checked without a build is checked first, because a build can take minutes.
    // A variable that is not text is none of our settings.
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let mut settings = settings(flags, std::env::vars_os().filter_map(text))?;
    let key = usable_key(&mut settings);
    if let Some(file) = flags.wasm.as_ref().filter(|file| !file.is_file()) {
        return Err(format!("--wasm {}: there is no such file", file.display()));
    }
    let addr = free(flags.addr)?;
    let profile = if flags.release { Profile::Release } else { Profile::Dev };
    let host = Host::find(flags.host, profile)?;
    let wasm = host.build(flags.wasm.as_deref())?;
    let env: Vec<_> = settings.iter().map(|(name, _)| name.clone()).collect();
    let job = Job { wasm: &wasm, addr, reuse: flags.reuse, env: &env };
    let mut command = host.command(&job)?;
    let reach = reachable(addr);
    let text = announcement(reach, key.as_deref(), &settings);
    command.envs(settings);
    // Checked again, because the build may have taken minutes.
    free(addr)?;
    announce::start(reach, &text).map_err(|error| format!("cannot start a process: {error}"))?;
    start(command)
}

/// Replaces this process by the host.
#[cfg(unix)]
fn start(mut command: Command) -> Result<ExitCode, String> {
    use std::os::unix::process::CommandExt;
    // Returns only on failure.
    let error = command.exec();
    Err(format!("cannot run {}: {error}", command.get_program().display()))
}

/// Runs the host and waits for it.
#[cfg(not(unix))]
fn start(mut command: Command) -> Result<ExitCode, String> {
    let status = command.status();
    let status =
        status.map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    if status.success() { Ok(ExitCode::SUCCESS) } else { Err(format!("the host ended: {status}")) }
}

type Settings = Vec<(String, String)>;

/// The environment variables of the component: those that flags set, and the user's own for the others.
fn settings(flags: &Flags, environment: impl Iterator<Item = (String, String)>) -> Result<Settings, String> {
    let environment: Vec<_> = environment.collect();
    let mut settings = Settings::new();
    if !flags.keys.is_empty() {
        settings.push(("PORTCULLIS_API_KEYS".into(), flags.keys.join(",")));
    }
    if let Some(url) = &flags.upstream {
        settings.push(("PORTCULLIS_UPSTREAM_URL".into(), url.clone()));
    }
    if let Some(file) = &flags.config {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| format!("--config {}: {error}", file.display()))?;
        settings.push(("PORTCULLIS_CONFIG".into(), text));
    }
    for env in &flags.env {
        let (name, value) = match env {
            Env::Set(name, value) => (name, value),
            Env::Inherit(name) => {
                environment.iter().find(|(known, _)| known == name).map(|(n, v)| (n, v)).ok_or_else(|| {
                    format!(
                        "--env {name}: your environment has no {name}; to set it here: --env {name}=VALUE"
                    )
                })?
            }
        };
        put(&mut settings, name, value);
    }
    for (name, value) in environment.iter().filter(|(name, _)| name.starts_with("PORTCULLIS_")) {
        put(&mut settings, name, value);
    }
    Ok(settings)
}

/// Adds a setting unless it is already set.
fn put(settings: &mut Settings, name: &str, value: &str) {
    if get(settings, name).is_none() {
        settings.push((name.to_owned(), value.to_owned()));
    }
}

fn get<'a>(settings: &'a Settings, name: &str) -> Option<&'a str> {
    settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A key that the caller can use: a configured one, else a new one. `None` when none is needed.
fn usable_key(settings: &mut Settings) -> Option<String> {
    if get(settings, "PORTCULLIS_ALLOW_ANONYMOUS") == Some("true") {
        return None;
    }
    let given = get(settings, "PORTCULLIS_API_KEYS").unwrap_or_default().split(',').map(str::trim);
    let given: Vec<_> = given.filter(|key| !key.is_empty()).map(str::to_owned).collect();
    if !given.is_empty() {
        let plain = given.iter().find(|key| !key.starts_with("sha256:"));
        return Some(plain.cloned().unwrap_or_else(|| "YOUR_KEY".to_owned()));
    }
    // Two SipHash values with random keys, which std takes from the system against hash flooding.
    let random = || RandomState::new().build_hasher().finish();
    let key = format!("sk-local-{:016x}{:016x}", random(), random());
    settings.retain(|(name, _)| name != "PORTCULLIS_API_KEYS");
    settings.push(("PORTCULLIS_API_KEYS".into(), key.clone()));
    Some(key)
}

/// The address, with a free port if it is 0.
fn free(addr: SocketAddr) -> Result<SocketAddr, String> {
    // Both hosts report this error too, but only after building and compiling the component, and meanwhile
    // `announce` would take another server on the port for ours.
    let listener = TcpListener::bind(addr).map_err(|error| {
        format!(
            "cannot listen on {addr}: {error}; choose another address with --addr ({}:0 takes a free port)",
            addr.ip()
        )
    })?;
    listener.local_addr().map_err(|error| format!("cannot listen on {addr}: {error}"))
}

/// An address that reaches a server which listens on `addr`, also if that stands for all addresses of the machine.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => addr.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => addr.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    addr
}

/// The text for the user: the URL, the key, and a command to try.
fn announcement(addr: SocketAddr, key: Option<&str>, settings: &Settings) -> String {
    let url = format!("http://{addr}/v1");
    let auth = key.map(|key| format!(" -H 'Authorization: Bearer {key}'")).unwrap_or_default();
    let shown = key.map_or_else(|| "none needed".to_owned(), str::to_owned);
    // Only the models of the built-in engine are known here; the gateway itself lists the others.
    let engine = ["PORTCULLIS_UPSTREAM_URL", "PORTCULLIS_CONFIG", "PORTCULLIS_MODELS"]
        .iter()
        .all(|name| get(settings, name).is_none());
    let call = if engine {
        let question = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}"#;
        format!(
            "curl {url}/chat/completions{auth} \\\n    -H 'Content-Type: application/json' -d '{question}'"
        )
    } else {
        format!("curl {url}/models{auth}")
    };
    // A client that requests another model gets a 404.
    let models = match engine {
        true => "Models: gpt-4o and the other defaults; --env 'PORTCULLIS_MODELS=*' serves every name\n",
        false => "",
    };
    format!(
        "\nPortcullis is listening on {url}\nKey: {shown}\n{models}\nTry:\n  {call}\n\nCtrl-C stops it.\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn flags_take_precedence_over_the_environment() {
        let flags = Flags {
            keys: vec!["a".into(), "b".into()],
            env: vec![
                Env::Set("PORTCULLIS_LOG".into(), "off".into()),
                Env::Inherit("OPENAI_KEY".into()),
                Env::Set("PORTCULLIS_API_KEYS".into(), "late".into()),
            ],
            ..Flags::default()
        };
        let environment = [
            pair("PORTCULLIS_API_KEYS", "c"),
            pair("PORTCULLIS_MODELS", "m"),
            pair("OPENAI_KEY", "k"),
            pair("HOME", "/"),
        ];
        let want = [
            pair("PORTCULLIS_API_KEYS", "a,b"),
            pair("PORTCULLIS_LOG", "off"),
            pair("OPENAI_KEY", "k"),
            pair("PORTCULLIS_MODELS", "m"),
        ];
        assert_eq!(settings(&flags, environment.into_iter()).unwrap(), want);
    }

    #[test]
    fn a_missing_variable_or_file_is_named() {
        let flags = Flags { env: vec![Env::Inherit("NOT_SET".into())], ..Flags::default() };
        assert!(settings(&flags, std::iter::empty()).unwrap_err().contains("--env NOT_SET=VALUE"));
        let flags = Flags { config: Some("/no/such/file".into()), ..Flags::default() };
        assert!(settings(&flags, std::iter::empty()).unwrap_err().starts_with("--config /no/such/file: "));
    }

    #[test]
    fn a_key_is_generated_if_none_is_configured() {
        let mut settings = Settings::new();
        let key = usable_key(&mut settings).unwrap();
        assert_eq!(get(&settings, "PORTCULLIS_API_KEYS"), Some(key.as_str()));
        assert_ne!(usable_key(&mut Settings::new()), Some(key));
        for (name, value, want) in [
            ("PORTCULLIS_API_KEYS", "sha256:00, sk-1,sk-2", Some("sk-1")),
            ("PORTCULLIS_API_KEYS", "sha256:00", Some("YOUR_KEY")),
            ("PORTCULLIS_ALLOW_ANONYMOUS", "true", None),
        ] {
            let mut settings = vec![pair(name, value)];
            assert_eq!(usable_key(&mut settings).as_deref(), want, "{value}");
            assert_eq!(settings, [pair(name, value)]);
        }
    }

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = taken.local_addr().unwrap();
        assert!(free(addr).unwrap_err().contains(&addr.to_string()));
        assert_ne!(free("127.0.0.1:0".parse().unwrap()).unwrap().port(), 0);
    }

    #[test]
    fn the_printed_command_reaches_the_gateway() {
        let addr = reachable("0.0.0.0:3000".parse().unwrap());
        let text = announcement(addr, Some("sk-1"), &Settings::new());
        assert!(
            text.contains("curl http://127.0.0.1:3000/v1/chat/completions -H 'Authorization: Bearer sk-1'")
        );
        let text = announcement(addr, None, &vec![pair("PORTCULLIS_UPSTREAM_URL", "http://h")]);
        assert!(text.contains("curl http://127.0.0.1:3000/v1/models\n"), "{text}");
    }
}
