"""Benchmarks other gateways, Portcullis and the null proxy with the same upstream, in alternating rounds.

    cargo bench-gateway --quick          # builds what is needed
    python3 host-tests/benches/peers.py [--quick] [--rounds N] [--only NAME]

Each gateway is installed under target/bench/peers, in a pinned version; if that fails, its row has the reason.
The figures go to target/bench/peers.json; `cargo bench-gateway --document` writes them into docs/performance.md.
Needs Python 3.11, Node 20 with npm, and for crabllm a Rust toolchain.

agentgateway and Bifrost are not among them: neither is in a package registry. The npm package @maximhq/bifrost (1.6.3)
downloads its program from the vendor's site, and the PyPI package agentgateway is another project.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PEERS = TARGET / "bench" / "peers"
BENCH = TARGET / "host" / "bench-gateway"
WASM = TARGET / "wasm32-wasip2" / "release"
KEY = "sk-bench"

VERSIONS = {"LiteLLM": "1.106.12", "SMG": "1.13.0", "Portkey": "1.15.2", "crabllm": "0.0.25"}


# How the upstream itself is called in the table.
DIRECT = "the upstream itself"


class Missing(Exception):
    """The reason why a gateway cannot run here."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def install(name, command, done, minutes=10):
    """Runs an installation command unless the file `done` exists."""
    if done.exists():
        return
    PEERS.mkdir(parents=True, exist_ok=True)
    print(f"installing {name}: {' '.join(map(str, command))}", flush=True)
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60 * minutes)
    except FileNotFoundError as error:
        raise Missing(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Missing(f"not installed within {minutes} minutes") from error
    if result.returncode or not done.exists():
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no reason given"]
        raise Missing(f"it cannot be installed: {lines[-1][:160]}")


def venv(name, requirement, program):
    home = PEERS / name
    python = home / "bin" / "python"
    install(name, [sys.executable, "-m", "venv", home], python)
    install(name, [python, "-m", "pip", "install", "-q", requirement], home / "bin" / program)
    return home / "bin"


def start(command, env=None):
    """Starts a process in its own process group, because some gateways start child processes."""
    log = open(PEERS / "peers.log", "ab")
    return subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
        env={**os.environ, **(env or {})},
    )


def litellm(upstream):
    home = venv("litellm", f"litellm[proxy]=={VERSIONS['LiteLLM']}", "litellm")
    config = PEERS / "litellm.yaml"
    config.write_text(
        "model_list:\n- model_name: plain\n  litellm_params:\n    model: openai/plain\n"
        f"    api_base: {upstream}/v1\n    api_key: {KEY}\n"
    )
    port = free_port()
    command = [home / "litellm", "--config", config, "--host", "127.0.0.1", "--port", port, "--num_workers", 2,
               "--run_gunicorn"]
    # No verbose log, as its documentation advises for production. It does not start without a key, nor with one that it
    # considers too short. Prices are read from its own files.
    env = {"LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
           "LITELLM_MASTER_KEY": KEY, "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
           "PATH": f"{home}:{os.environ['PATH']}"}
    return start(command, env), port, {}


def smg(upstream):
    home = venv("smg", f"smg=={VERSIONS['SMG']}", "smg")
    port = free_port()
    command = [home / "smg", "launch", "--host", "127.0.0.1", "--port", port, "--backend", "openai",
               "--worker-urls", upstream]
    return start(command), port, {}


def portkey(upstream):
    home = PEERS / "portkey"
    server = home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    package = f"@portkey-ai/gateway@{VERSIONS['Portkey']}"
    install("Portkey", ["npm", "install", "--no-audit", "--no-fund", "--prefix", home, package], server)
    port = free_port()
    env = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream}/v1"}
    return start(["node", server, f"--port={port}", "--headless"], env), port, headers


def crabllm(upstream):
    home = PEERS / "crabllm"
    program = home / "bin" / "crabllm"
    install("crabllm", ["nice", "cargo", "install", "--locked", "--root", home,
                        f"crabllm@{VERSIONS['crabllm']}"], program, minutes=5)
    port = free_port()
    config = PEERS / "crabllm.toml"
    config.write_text(
        f'listen = "127.0.0.1:{port}"\n\n[providers.local]\nkind = "openai"\napi_key = "{KEY}"\n'
        f'base_url = "{upstream}/v1"\nmodels = ["plain"]\n'
    )
    return start([program, "serve", "--config", config]), port, {}


def component(file, settings):
    """Starts the embedded host with a component, as in the other benchmarks."""
    host = subprocess.Popen([BENCH, "host"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    job = {"wasm": str(file), "reuse": 1000, "settings": list(settings.items())}
    host.stdin.write(json.dumps(job) + "\n")
    host.stdin.flush()
    line = host.stdout.readline()
    if not line:
        raise Missing(f"{file} cannot be served; `cargo bench-gateway --quick` builds it")
    return host, int(json.loads(line).rsplit(":", 1)[1]), {}


def portcullis(upstream):
    file = os.environ.get("PORTCULLIS_WASM", WASM / "portcullis.wasm")
    return component(file, {"PORTCULLIS_API_KEYS": KEY, "PORTCULLIS_UPSTREAM_URL": f"{upstream}/v1"})


def null_proxy(upstream):
    return component(WASM / "null_proxy.wasm", {"UPSTREAM": upstream.removeprefix("http://")})


GATEWAYS = {"Portcullis": portcullis, "null proxy": null_proxy, "SMG": smg, "LiteLLM": litellm, "Portkey": portkey,
            "crabllm": crabllm}


def body():
    text = "The harbour was quiet when the last of the boats came in. " * 20
    request = {"model": "plain", "messages": [{"role": "user", "content": ""}]}
    request["messages"][0]["content"] = text[: 1024 - len(json.dumps(request))]
    return json.dumps(request).encode()


def wait_for(process, port, headers, seconds=120):
    """Waits until a gateway answers the request with 200; otherwise raises the last failure."""
    failure = "it does not listen"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Missing(f"it ended with {process.returncode}; see {PEERS / 'peers.log'}")
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions", body(),
            {"content-type": "application/json", "authorization": f"Bearer {KEY}", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                json.load(answer)
                return
        except urllib.error.HTTPError as error:
            failure = f"it returns {error.code}: {error.read(150).decode(errors='replace')}"
        except OSError as error:
            failure = f"it does not respond: {error}"
        time.sleep(0.3)
    raise Missing(" ".join(failure.split()))


def load(process, port, headers, seconds, connections=16):
    """Runs one round; the load generator measures the CPU time of the gateway's whole process group."""
    job = {"addr": f"127.0.0.1:{port}", "group": process.pid, "connections": connections, "seconds": seconds,
           "headers": list(headers.items()), "path": "/v1/chat/completions", "body": body().decode()}
    result = subprocess.run([BENCH, "load"], input=json.dumps(job), capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip())
    return json.loads(result.stdout)


def round_of(running, seconds):
    """Throughput, latency and CPU time at sixteen connections, and latency at one, where nothing waits its turn."""
    alone = load(*running, seconds, connections=1)
    return {**load(*running, seconds), "alone_p50_ms": alone["p50_ms"], "alone_p99_ms": alone["p99_ms"]}


def median_of(all_, figure):
    return statistics.median(figure(one) for one in all_)


def end(process):
    try:
        os.killpg(process.pid, 15)
        process.wait(10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true", help="two rounds of half a second")
    parser.add_argument("--only", action="append", choices=list(GATEWAYS))
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 2, 0.5
    if not BENCH.exists():
        sys.exit("run `cargo bench-gateway --quick` first: it builds what this needs")
    PEERS.mkdir(parents=True, exist_ok=True)
    busy = os.getloadavg()[0]
    upstream = subprocess.Popen([BENCH, "upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                start_new_session=True)
    url = "http://" + json.loads(upstream.stdout.readline())
    # The upstream without a gateway before it: what a gateway adds is the difference to it.
    running, rows, rounds = {DIRECT: (upstream, int(url.rsplit(":", 1)[1]), {})}, {}, {DIRECT: []}
    try:
        for name, begin in GATEWAYS.items():
            if args.only and name not in [*args.only, "Portcullis"]:
                continue
            process = None
            try:
                process, port, headers = begin(url)
                running[name] = (process, port, headers)
                wait_for(process, port, headers)
                rounds[name] = []
            except Missing as why:
                rows[name] = {"missing": str(why)}
                if process:
                    end(process)
                    del running[name]
            print(f"{name}: {rows.get(name, {}).get('missing', 'runs')}", flush=True)
        for number in range(args.rounds + 1):
            for name in list(rounds) if number % 2 else list(rounds)[::-1]:
                try:
                    round_ = round_of(running[name], args.seconds)
                except RuntimeError as why:
                    rows[name] = {"missing": f"under load: {why}"}
                    del rounds[name]
                    continue
                # The first round is a warm-up, for gateways with a JIT compiler.
                if number:
                    rounds[name].append(round_)
        for name, all_ in rounds.items():
            rows[name] = {figure: median_of(all_, lambda one: one[figure]) for figure in all_[0]}
            rows[name]["ratio"] = median_of(zip(all_, rounds["Portcullis"]),
                                            lambda pair: pair[0]["per_second"] / pair[1]["per_second"])
            for figure in ("p50_ms", "p99_ms"):
                rows[name]["added_" + figure] = median_of(
                    zip(all_, rounds[DIRECT]),
                    lambda pair: pair[0]["alone_" + figure] - pair[1]["alone_" + figure])
    finally:
        for process, *_ in running.values():
            end(process)
    table = [{"name": name, "version": VERSIONS.get(name, ""), **rows[name]}
             for name in [DIRECT, *GATEWAYS] if name in rows]
    for row in table:
        print(json.dumps(row))
    report = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "load": busy, "rows": table}
    (TARGET / "bench" / "peers.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
