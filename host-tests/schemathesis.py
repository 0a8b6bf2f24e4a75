#!/usr/bin/env python3
"""Holds the component to OpenAI's published schema with schemathesis.

    python3 host-tests/schemathesis.py openapi.json --examples 2000

needs Python 3.11 or newer, a `wasmtime` on the PATH, the built component, and the network at its first run: it
installs schemathesis into target/schemathesis. The document is OpenAI's, cut to the endpoints that are served.

In the mode `schema` every valid request must be accepted and every invalid one refused; in the mode `live`,
which knows more reasons to refuse, every invalid one must be refused. All other checks of schemathesis are on
in both, so that no answer is a 5xx and all of them, errors included, are as the document says.

The document is changed in two places where it does not say what the live API does: answers with `"stream": true`
are `text/event-stream`, and of an echoed prompt the first token has no log probability, which is null.

    --examples N        test cases an operation (500)
    --wasm FILE         serve this component
    --path PATH         only this operation, such as /completions
    --mode MODE         only this mode, schema or live
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
HOME = TARGET / "schemathesis"
PACKAGE = "schemathesis==4.32.5"
WASM = TARGET / "wasm32-wasip2/release/portcullis.wasm"
KEY = "sk-test"

# What is generated, and what is not asked, in each mode.
MODES = {
    "schema": ["--mode", "all"],
    "live": ["--mode", "negative", "--exclude-checks", "positive_data_acceptance"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--wasm", type=Path, default=WASM)
    parser.add_argument("--path")
    parser.add_argument("--mode", choices=MODES, action="append")
    options = parser.parse_args()
    wasmtime = shutil.which("wasmtime") or sys.exit("there is no `wasmtime` on the PATH")
    if not options.wasm.is_file():
        sys.exit(f"{options.wasm} is not built: cargo build --release --target wasm32-wasip2 -p portcullis --lib")
    program = install()
    document = HOME / "openapi.json"
    document.write_text(json.dumps(as_it_is(json.loads(options.document.read_text()))))
    failed = []
    for mode in options.mode or MODES:
        print(f"== {mode}", flush=True)
        with served(wasmtime, options.wasm, mode) as url:
            command = [program, "run", document, "--url", url, "-H", f"Authorization: Bearer {KEY}"]
            command += ["-n", str(options.examples), "--phases", "coverage,fuzzing", "--continue-on-failure"]
            command += MODES[mode] + (["--include-path", options.path] if options.path else [])
            if subprocess.run(command, cwd=HOME).returncode:
                failed.append(mode)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def install():
    """The program, installed if this version of it is not yet."""
    python, done = HOME / "bin/python", HOME / f"{PACKAGE}.done"
    if not done.is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        done.touch()
    return HOME / "bin/schemathesis"


def as_it_is(document):
    for path in ["/chat/completions", "/completions"]:
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        content.setdefault("text/event-stream", {})
    choices = document["components"]["schemas"]["CreateCompletionResponse"]["properties"]["choices"]
    odds = choices["items"]["properties"]["logprobs"]
    for member in ["token_logprobs", "top_logprobs"]:
        for schema in odds.get("anyOf", [odds]):
            if member in schema.get("properties", {}):
                items = schema["properties"][member]
                items["items"] = {"anyOf": [items["items"], {"type": "null"}]}
    return document


@contextlib.contextmanager
def served(wasmtime, wasm, mode):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {"API_KEYS": KEY, "LOG": "off", "VALIDATION": mode}
    env = [arg for name, value in settings.items() for arg in ["--env", f"PORTCULLIS_{name}={value}"]]
    server = subprocess.Popen([wasmtime, "serve", "-Scli", "--addr", address, *env, wasm], stderr=subprocess.DEVNULL)
    try:
        wait_for(server, address)
        yield f"http://{address}/v1"
    finally:
        server.terminate()
        server.wait()


def wait_for(server, address):
    host, port = address.split(":")
    for _ in range(600):
        if server.poll() is not None:
            sys.exit(f"wasmtime ended with {server.returncode}")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.1)
    sys.exit("wasmtime does not listen")


if __name__ == "__main__":
    main()
