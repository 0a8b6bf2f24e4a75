#!/usr/bin/env python3
"""Runs coding agents as clients of the gateway: each has to write a file with its own tool and finish.

    python3 host-tests/clients/run.py                            all agents with all gateways
    python3 host-tests/clients/run.py opencode pi                only these agents
    python3 host-tests/clients/run.py --gateway engine           only this gateway; may be repeated

    engine      the built-in engine with the rules of rules.json; it serves every model
    chain       a gateway in front of the `engine` gateway, which forwards each API unchanged
    translated  a gateway in front of the `engine` gateway, which uses only its chat completions and translates
    llama       a gateway in front of llama.cpp with Gemma 3 270M: the agent must get a response and finish. A model of
                that size writes no file. cline, codex and the two with Claude are left out: they have no setting for
                the maximum number of output tokens, or their prompt is too long for the model

needs Python 3.11 or newer, Node 20 or newer and a built component (or Rust); `llama` what host-tests/sdk/real_llm.py
needs. Packages are installed from npm and PyPI with pinned versions, into target/clients and target/real-llm. An agent
runs with an empty environment, a home directory under target/ and a proxy that refuses all connections except to the
loopback address.

    --wasm FILE     serve this component instead of building one
    --host PROGRAM  serve with this program, a `portcullis-host` or a `wasmtime`
    --home DIR      install there instead of into target/clients
    --report FILE   also write the result of each agent to this file, as JSON

The exit status is 1 if an agent fails, else 69 if something cannot be installed.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "sdk"))
import agents  # noqa: E402
import real_llm as base  # noqa: E402

KEY = "sk-made-up-for-the-agents"
FRONT_KEY = "sk-made-up-for-the-front"

# The exit status if something cannot be installed.
UNAVAILABLE = 69

# The seconds that an agent may take. Some wait a minute for the network, which they do not have.
PATIENCE = {"engine": 240, "chain": 240, "translated": 240, "llama": 900}

# The agents that are not run with a gateway: chat completions need no translation.
LEFT_OUT = {
    "llama": ["cline", "codex", "claude-code", "claude-agent-sdk"],
    "translated": [name for name, agent in agents.AGENTS.items() if agent.api == "chat completions"],
}

# Every agent must print this at the end, except with `llama`.
DONE = "The file is written."


class Unavailable(Exception):
    """Something cannot be installed."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agents", nargs="*", metavar="AGENT", help=", ".join(agents.AGENTS))
    parser.add_argument("--gateway", choices=GATEWAYS, action="append")
    for name in ["--wasm", "--host", "--report"]:
        parser.add_argument(name, type=Path)
    parser.add_argument("--home", type=Path, default=base.TARGET / "clients")
    options = parser.parse_args()
    for name in options.agents:
        if name not in agents.AGENTS:
            parser.error(f"{name}: no such agent; the agents are {', '.join(agents.AGENTS)}")
    home = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    wasm, results = base.component(options.wasm), []
    program = host(options.host, home)
    for gateway in options.gateway or GATEWAYS:
        wanted = [name for name in options.agents or agents.AGENTS if name not in LEFT_OUT.get(gateway, ())]
        work = home / "work"
        try:
            with GATEWAYS[gateway](program, wasm, work) as serving:
                for name in wanted:
                    results.append(result(name, gateway, serving, home, work))
        except Unavailable as error:
            results.append({"agent": "all", "gateway": gateway, "unavailable": str(error)})
            print(f"{gateway}: UNAVAILABLE: {error}", flush=True)
    print()
    for done in results:
        outcome = done.get("failure") or done.get("unavailable") or f"passed in {done['seconds']} s"
        print(f"{done['agent']:16} {done.get('version', ''):8} {done['gateway']:10} {outcome}")
    if options.report:
        options.report.write_text(json.dumps(results, indent=1))
    if any("failure" in done for done in results):
        sys.exit(1)
    if any("unavailable" in done for done in results):
        sys.exit(UNAVAILABLE)


def host(given, home):
    """The program that serves the component: the given one, a built one, one on the PATH, or one from PyPI."""
    suffix = ".exe" if os.name == "nt" else ""
    built = [base.TARGET / profile / f"portcullis-host{suffix}" for profile in ["host", "debug"]]
    for program in [given, *filter(Path.exists, built), shutil.which("wasmtime")]:
        if program:
            return Path(program)
    program = home / "wasmtime" / ("Scripts/wasmtime.exe" if os.name == "nt" else "bin/wasmtime")
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", home / "wasmtime"], check=True)
        base.pip(program.with_name(f"python{suffix}"), base.WASMTIME)
    return program


# The gateways. Each yields a `Serving`.


def rules(work):
    """The rules, with the path of the work directory."""
    path = json.dumps(str(work))[1:-1]
    return (HERE / "rules.json").read_text().replace("$WORK", path)


@contextlib.contextmanager
def engine(program, wasm, work):
    # Models that are named are validated with their real limits. cline sends a larger `max_tokens` than gpt-4o allows.
    models = "gpt-5.5,claude-sonnet-5-5,*"
    settings = {"PORTCULLIS_API_KEYS": KEY, "PORTCULLIS_MODELS": models, "PORTCULLIS_CONFIG": rules(work)}
    with base.server("engine", base.serving(program, wasm, settings)) as (url, log):
        yield Serving(url, KEY, None, [log])


def chain(program, wasm, work):
    return front(program, wasm, work, responses=True, claude={"api": "anthropic"})


def translated(program, wasm, work):
    return front(program, wasm, work, responses=False, claude={})


@contextlib.contextmanager
def front(program, wasm, work, responses, claude):
    """A gateway in front of the `engine` gateway, with its setting `responses` and the settings for the Claude models."""
    with engine(program, wasm, work) as behind:
        upstream = {"url": f"{behind.url}/v1", "key": KEY}
        config = {
            "upstreams": {"openai": {**upstream, "responses": responses}, "claude": {**upstream, **claude}},
            "models": {
                "claude-*": {"targets": [{"upstream": "claude"}]},
                "*": {"targets": [{"upstream": "openai"}]},
            },
        }
        settings = {"PORTCULLIS_API_KEYS": FRONT_KEY, "PORTCULLIS_CONFIG": json.dumps(config)}
        with base.server("front", base.serving(program, wasm, settings)) as (url, log):
            yield Serving(url, FRONT_KEY, None, [log, *behind.logs])


@contextlib.contextmanager
def llama(program, wasm, work):
    try:
        python = base.install(base.PACKAGES, base.HERE / "python" / "requirements.txt")
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"llama.cpp and its model: {error}") from error
    # The system prompt and tools of an agent are longer than the context of the other tests.
    command = [python, base.__file__, "--llama", "--context", "32768"]
    with base.server("llama.cpp", command) as (behind, _):
        settings = {
            "PORTCULLIS_API_KEYS": FRONT_KEY,
            "PORTCULLIS_UPSTREAM_URL": f"{behind}/v1",
            "PORTCULLIS_UPSTREAM_KEY": base.UPSTREAMS_KEY,
        }
        with base.server("front", base.serving(program, wasm, settings)) as (url, log):
            yield Serving(url, FRONT_KEY, base.MODEL, [log])


GATEWAYS = {"engine": engine, "chain": chain, "translated": translated, "llama": llama}


class Serving:
    """A running gateway."""

    def __init__(self, url, key, model, logs):
        # The URL, the callers' key, the model if a real server is the upstream, and the logs.
        self.url, self.key, self.model, self.logs = url, key, model, logs


# The agents.


def result(name, gateway, serving, home, work):
    """Runs an agent with a gateway and returns the result."""
    agent = agents.AGENTS[name]
    print(f"\n== {name} {agent.version} through {gateway}", flush=True)
    done = {"agent": name, "version": agent.version, "api": agent.api, "gateway": gateway}
    try:
        programs = install(name, agent, home)
    except Unavailable as error:
        return {**done, "unavailable": str(error)}
    began = time.monotonic()
    failure = attempt(name, agent, gateway, serving, home, work, programs)
    done["seconds"] = round(time.monotonic() - began, 1)
    return {**done, "failure": failure} if failure else done


def install(name, agent, home):
    """Installs the agent's package at its pinned version, once; returns the folder of its program."""
    folder = home / f"{name}-{agent.version}"
    stamp = folder / "installed"
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # A manifest keeps npm from searching the parent folders for one.
        (folder / "package.json").write_text('{"private": true}')
        npm = "npm.cmd" if os.name == "nt" else "npm"
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        wanted = f"{agent.package}@{agent.version}"
        print(f"installing {wanted} ...", flush=True)
        try:
            subprocess.run([npm, "install", *quiet, wanted], cwd=folder, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unavailable(f"{wanted}: {error}") from error
        stamp.touch()
    return folder / "node_modules" / ".bin"


def attempt(name, agent, gateway, serving, home, work, programs):
    """Runs an agent with its task; returns the failure, or None."""
    own = home / "homes" / name
    for folder in [own, work]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    # Agents look for the enclosing repository, which must not be the one that contains `target/`.
    subprocess.run(["git", "init", "--quiet"], cwd=work, check=False)
    model = serving.model or agent.model
    # A model of that size does not end its output by itself.
    most = 32 if serving.model else 16_384
    job = agents.Job(serving.url, serving.key, model, most, own, work, programs)
    command, environment = agent.command(job)
    nowhere = "http://127.0.0.1:9"
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(own), "TERM": "dumb", "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", **environment,
    }
    before = sum(map(len, serving.logs))
    code, output = call(command, work, environment, PATIENCE[gateway])
    print(output, flush=True)
    # The log line of a request is written when its connection ends.
    time.sleep(0.2)
    lines = [line for log in serving.logs for line in log]
    print(f"exit {code}; the gateway logged {len(lines) - before} lines", flush=True)
    if code != 0:
        return f"its exit status is {code}"
    if any(serving.key in line for line in lines):
        return "a key is in the gateway's log"
    # wasmtime reports a connection that its client closes while no request runs.
    reported = (line for line in lines if '"level"' not in line and "IncompleteMessage" not in line)
    if traps := [line for line in reported if "error" in line.lower()]:
        return f"the gateway reports: {traps[:3]}"
    if serving.model:
        return None if output.strip() else "it printed nothing"
    file = work / "hello.txt"
    if not file.is_file():
        return "it wrote no file"
    if file.read_text().strip() != "hello":
        return f"the file has {file.read_text()!r}"
    return None if DONE in output else f"it did not print {DONE!r}"


def call(command, work, environment, patience):
    """Runs an agent; returns its exit status and output, and kills the processes that it leaves behind."""
    process = subprocess.Popen(
        command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=patience)
        code = process.returncode
    except subprocess.TimeoutExpired:
        code = f"a timeout after {patience} s"
        output = None
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    if output is None:
        output, _ = process.communicate()
    return code, output.decode(errors="replace")


if __name__ == "__main__":
    main()
