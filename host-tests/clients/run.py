#!/usr/bin/env python3
"""Coding agents as clients of the gateway: each writes a file through its own tool and finishes.

    python3 host-tests/clients/run.py                            all agents through all gateways
    python3 host-tests/clients/run.py opencode pi                these
    python3 host-tests/clients/run.py --gateway engine           through this one; may be repeated

    engine      the built-in engine with the rules of rules.json; it serves every model
    chain       a gateway in front of that gateway, which forwards each API as it is
    translated  a gateway in front of that gateway, which has nothing but chat completions behind it
    llama       a gateway in front of llama.cpp with Gemma 3 270M: the agent must get an answer and finish. A model of
                that size writes no file. cline, codex and claude-code have no setting for the most tokens of an
                answer, or a prompt that is too long for it, and are left out

needs Python 3.11 or newer, Node 20 or newer and a built component (or Rust); `llama` what host-tests/sdk/real_llm.py
needs. What it installs comes from npm and PyPI with pinned versions, into target/clients and target/real-llm. An agent
runs with an empty environment, a home under target/ and a proxy that refuses all connections but to the loopback.

    --wasm FILE     serve this component and build none
    --host PROGRAM  serve by this program, a `portcullis-host` or a `wasmtime`
    --home DIR      install there instead of target/clients
    --report FILE   also write there, as JSON, how each agent did

It ends with 69 where something cannot be installed and all else passed, and with 1 where an agent fails.
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

# What it ends with when something cannot be installed.
UNAVAILABLE = 69

# How long an agent may take, in seconds. Some wait a minute for a network they do not have.
PATIENCE = {"engine": 240, "chain": 240, "translated": 240, "llama": 900}

# The agents that are not run through a gateway: those of chat completions need no translation.
LEFT_OUT = {
    "llama": ["cline", "codex", "claude-code"],
    "translated": [name for name, agent in agents.AGENTS.items() if agent.api == "chat completions"],
}

# What every agent of the engine's gateways must print at the end.
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
            parser.error(f"{name}: there are the agents {', '.join(agents.AGENTS)}")
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
        print(f"{done['agent']:11} {done.get('version', ''):8} {done['gateway']:10} {outcome}")
    if options.report:
        options.report.write_text(json.dumps(results, indent=1))
    if any("failure" in done for done in results):
        sys.exit(1)
    if any("unavailable" in done for done in results):
        sys.exit(UNAVAILABLE)


def host(given, home):
    """The program that serves the component: the given or a built one, one on the PATH, or one of PyPI."""
    suffix = ".exe" if os.name == "nt" else ""
    built = [base.TARGET / profile / f"portcullis-host{suffix}" for profile in ["debug", "release"]]
    for program in [given, *filter(Path.exists, built), shutil.which("wasmtime")]:
        if program:
            return Path(program)
    program = home / "wasmtime" / ("Scripts/wasmtime.exe" if os.name == "nt" else "bin/wasmtime")
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", home / "wasmtime"], check=True)
        base.pip(program.with_name(f"python{suffix}"), base.WASMTIME)
    return program


# The gateways. Each yields its URL, its key, its model if it has but one, and whether a file is expected.


def rules(work):
    """The rules, with the paths of this machine."""
    path = json.dumps(str(work))[1:-1]
    return (HERE / "rules.json").read_text().replace("$WORK", path)


@contextlib.contextmanager
def engine(program, wasm, work):
    # Those that are named are validated by their real limits. cline sends more `max_tokens` than gpt-4o has.
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
    """A gateway in front of the engine's: whether that has Responses, and how the Claude models are reached."""
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
    # An agent's system prompt and tools are longer than the other tests' context.
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
        # Its URL, the key of its callers, and the model of a real server behind it.
        self.url, self.key, self.model, self.logs = url, key, model, logs


# The agents.


def result(name, gateway, serving, home, work):
    """How an agent does its task through a gateway."""
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
    """Installs the agent's package at its pinned version, once; the folder of its program."""
    folder = home / f"{name}-{agent.version}"
    stamp = folder / "installed"
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # A folder with a manifest of its own keeps npm from looking for one above.
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
    """Gives an agent its task; what went wrong, or None."""
    own = home / "homes" / name
    for folder in [own, work]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    # Agents look for the project they are in; the repository around `target/` is not it.
    subprocess.run(["git", "init", "--quiet"], cwd=work, check=False)
    model = serving.model or agent.model
    # A model of that size does not end an answer by itself.
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
    # The line of a request is written when its connection ends.
    time.sleep(0.2)
    lines = [line for log in serving.logs for line in log]
    print(f"exit {code}; the gateway logged {len(lines) - before} lines", flush=True)
    if code != 0:
        return f"it ended with {code}"
    if any(serving.key in line for line in lines):
        return "a key is in the gateway's log"
    # wasmtime reports a connection that its client closes while no request runs.
    reported = (line for line in lines if '"level"' not in line and "IncompleteMessage" not in line)
    if traps := [line for line in reported if "error" in line.lower()]:
        return f"the gateway reports: {traps[:3]}"
    if serving.model:
        return None if output.strip() else "it printed no answer"
    file = work / "hello.txt"
    if not file.is_file():
        return "it wrote no file"
    if file.read_text().strip() != "hello":
        return f"the file has {file.read_text()!r}"
    return None if DONE in output else f"it did not print {DONE!r}"


def call(command, work, environment, patience):
    """Runs an agent; its exit status and what it printed. It may leave no process behind."""
    process = subprocess.Popen(
        command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=patience)
        code = process.returncode
    except subprocess.TimeoutExpired:
        code = f"no end after {patience} s"
        output = None
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    if output is None:
        output, _ = process.communicate()
    return code, output.decode(errors="replace")


if __name__ == "__main__":
    main()
