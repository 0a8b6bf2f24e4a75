#!/usr/bin/env python3
"""Tests Portcullis in front of real servers with the OpenAI SDKs for Python and Node.

    python3 host-tests/sdk/servers/run.py                     all servers
    python3 host-tests/sdk/servers/run.py llama-anthropic     only this server
    python3 host-tests/sdk/servers/run.py latency             the latency that the gateway adds to llama.cpp

    llama-openai      llama.cpp with Gemma 3 270M, with its OpenAI API
    llama-anthropic   the same with its Anthropic API, to which the gateway translates
    litellm           LiteLLM's proxy, whose upstream is another Portcullis with its built-in engine

needs what real_llm.py needs, and Node 20 for the Node suite (skipped without it). Packages are installed from PyPI
and npm, with pinned versions, into target/real-llm.

    --wasm FILE       serve this component instead of building one
    --host PROGRAM    serve with this program, a `portcullis-host` or a `wasmtime`
    --rounds N        rounds of the latency measurement (200)
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import real_llm as base  # noqa: E402

ENGINES_KEY = "sk-the-engines-key"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*SERVERS, "latency", []])
    for name in ["--wasm", "--host"]:
        parser.add_argument(name, type=Path)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        python = base.install(base.PACKAGES, base.HERE / "python" / "requirements.txt")
        sys.exit(subprocess.call([python, __file__, "--inside", *sys.argv[1:]]))
    os.environ["NO_PROXY"] = "127.0.0.1"
    wasm, program = base.component(options.wasm), base.host(options.host)
    serving = lambda settings: base.serving(program, wasm, settings)
    failed = []
    for name in options.what or SERVERS:
        print(f"\n== {name}", flush=True)
        if name == "latency":
            latency(serving, options.rounds)
        elif not through(name, serving):
            failed.append(name)
    if failed:
        sys.exit(f"\nFAILED: {', '.join(failed)}")
    print("\nAll checks passed.")


# The servers.


@contextlib.contextmanager
def llama(api, lacks):
    command = [sys.executable, base.__file__, "--llama"]
    with base.server("llama.cpp", command) as (url, _):
        yield {"url": f"{url}/v1", "api": api}, base.MODEL, lacks


@contextlib.contextmanager
def litellm(serving):
    """LiteLLM's proxy with one model, the `gpt-4o` of another Portcullis."""
    program = install_litellm()
    config = base.HOME / "litellm.json"  # JSON is valid YAML.
    with base.server("engine", serving({"PORTCULLIS_API_KEYS": ENGINES_KEY})) as (engine, _):
        params = {"model": "openai/gpt-4o", "api_base": f"{engine}/v1", "api_key": ENGINES_KEY}
        model = {"model_name": "echo", "litellm_params": params}
        settings = {"model_list": [model], "general_settings": {"master_key": base.UPSTREAMS_KEY}}
        config.write_text(json.dumps(settings))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [program, "--config", config, "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        # Otherwise it fetches prices from the network.
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with (base.HOME / "litellm.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            try:
                url = f"http://127.0.0.1:{port}"
                wait_for(f"{url}/health/liveliness", process, log.name)
                yield {"url": f"{url}/v1", "api": "openai"}, "echo", ["completions", "limit"]
            finally:
                process.terminate()
                process.wait(timeout=60)


SERVERS = {
    # A model of this size does not complete a tool call, forced or not.
    "llama-openai": lambda _: llama("openai", ["tool_choice"]),
    # The Messages API has no completions.
    "llama-anthropic": lambda _: llama("anthropic", ["tool_choice", "completions"]),
    "litellm": litellm,
}


def install_litellm():
    """Installs LiteLLM into its own virtual environment, because its requirements conflict with the others."""
    lock, venv = HERE / "litellm.txt", base.HOME / "litellm"
    stamp, program = venv / "installed", venv / "bin" / "litellm"
    if not (stamp.exists() and stamp.read_text() == lock.read_text()):
        shutil.rmtree(venv, ignore_errors=True)
        print(f"installing LiteLLM into {venv} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        base.pip(venv / "bin" / "python", "--requirement", lock)
        stamp.write_text(lock.read_text())
    return program


def wait_for(url, process, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + base.PATIENCE
    while True:
        with contextlib.suppress(OSError):
            return opener.open(url, timeout=5).close()
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{url} does not respond; see {log}")
        time.sleep(0.5)


# The suites.


def settings_for(upstream, model):
    config = {
        "upstreams": {"server": {**upstream, "key": "$UPSTREAM_KEY"}},
        "models": {model: {"targets": [{"upstream": "server"}]}},
    }
    return {
        "PORTCULLIS_API_KEYS": base.CALLERS_KEY,
        "PORTCULLIS_CONFIG": json.dumps(config),
        "UPSTREAM_KEY": base.UPSTREAMS_KEY,
    }


def through(name, serving):
    """Runs both suites through the gateway to a server; returns whether both passed."""
    with SERVERS[name](serving) as (upstream, model, lacks):
        with base.server("gateway", serving(settings_for(upstream, model))) as (gateway, log):
            environment = {
                **os.environ,
                "OPENAI_BASE_URL": f"{gateway}/v1",
                "OPENAI_API_KEY": base.CALLERS_KEY,
                "THROUGH_MODEL": model,
                "THROUGH_LACKS": ",".join(lacks),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            python = [sys.executable, "-m", "unittest", "--verbose", "test_through"]
            codes = [subprocess.call(python, cwd=HERE, env=environment)]
            if node := node_suite():
                command = ["node", "--test", "--test-reporter=spec", "through.test.js"]
                codes.append(subprocess.call(command, cwd=node, env=environment))
    text = "".join(log)
    for key in [base.CALLERS_KEY, base.UPSTREAMS_KEY, ENGINES_KEY]:
        base.require(key not in text, "a key is in the gateway's log")
    notes = [line for line in log if '"level"' not in line and "error" in line.lower()]
    print(f"{name}: the gateway logged {text.count('request_id')} requests, and no key", *notes, sep="\n", flush=True)
    return not any(codes)


def node_suite():
    """A folder with the Node suite and its packages; None without Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        print("SKIPPED: Node is not installed")
        return None
    home, sources = base.HOME / "node", base.HERE / "node"
    home.mkdir(parents=True, exist_ok=True)
    lock, stamp = sources / "package-lock.json", home / "installed"
    if not (stamp.exists() and stamp.read_text() == lock.read_text()):
        for file in [lock, sources / "package.json"]:
            shutil.copy(file, home)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(["npm", "ci", *quiet], cwd=home, check=True)
        stamp.write_text(lock.read_text())
    shutil.copy(HERE / "through.test.js", home)
    return home


# The latency of the gateway.


def latency(serving, rounds):
    """Sends requests to llama.cpp directly and through the gateway, alternately, over keep-alive connections."""
    with llama("openai", []) as (upstream, model, _):
        settings = {**settings_for(upstream, model), "PORTCULLIS_LOG": "error"}
        with base.server("gateway", serving(settings)) as (gateway, _):
            sides = {
                "direct": connection(upstream["url"], base.UPSTREAMS_KEY),
                "through": connection(f"{gateway}/v1", base.CALLERS_KEY),
            }
            for stream in [False, True]:
                times = {side: [] for side in sides}
                for number in range(rounds + 10):
                    # The second request finds the prompt in the model's cache, so the order alternates.
                    for side in sorted(sides, reverse=bool(number % 2)):
                        spent = measure(*sides[side], model, stream)
                        if number >= 10:
                            times[side].append(spent * 1000)
                show("first streamed byte" if stream else "whole response, max_tokens 1", times)


class Kept(http.client.HTTPConnection):
    """A keep-alive connection that is reopened, outside the measured time, if the server has closed it or soon will:
    llama.cpp does so after each stream, and after five idle seconds."""

    used = float("-inf")

    def freshen(self, stream):
        if stream or self.sock is None or time.monotonic() - self.used > 3:
            self.close()
            self.connect()


def connection(url, key):
    host, path = url.removeprefix("http://").split("/", 1)
    return Kept(host, timeout=base.PATIENCE), f"/{path}", key


def measure(connection, path, key, model, stream):
    """The time to the end of a short response, or to the first byte of its body."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hi."}], "max_tokens": 1, "temperature": 0}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.freshen(stream)
    began = time.perf_counter()
    connection.request("POST", f"{path}/chat/completions", json.dumps({**body, "stream": stream}), headers)
    answer = connection.getresponse()
    first = answer.read(1) if stream else b""
    spent = time.perf_counter() - began
    rest = first + answer.read()
    whole = time.perf_counter() - began
    connection.used = time.monotonic()
    base.require(answer.status == 200, rest)
    return spent if stream else whole


def show(title, times):
    def at(values, part):
        return sorted(values)[min(len(values) - 1, int(len(values) * part))]

    added = [through - direct for direct, through in zip(times["direct"], times["through"])]
    print(f"\n{title}, {len(added)} rounds      p50 ms    p99 ms")
    for side, values in [*times.items(), ("difference, pair by pair", added)]:
        print(f"{side:>36}  {at(values, 0.5):8.2f}  {at(values, 0.99):8.2f}", flush=True)
    p50, p99 = (at(times["through"], part) - at(times["direct"], part) for part in [0.5, 0.99])
    print(f"{'difference of the percentiles':>36}  {p50:8.2f}  {p99:8.2f}", flush=True)


if __name__ == "__main__":
    main()
