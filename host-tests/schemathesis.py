#!/usr/bin/env python3
"""Checks the component against OpenAI's published schema with schemathesis.

    python3 host-tests/schemathesis.py openapi.json --examples 2000

needs Python 3.11 or newer, a `wasmtime` on the PATH, the built component, and the network on the first run: it
installs schemathesis into target/schemathesis. The document is OpenAI's, reduced to the served endpoints.

In the mode `schema` every valid request must be accepted and every invalid one refused. In the mode `live`, which has
more reasons to refuse, every invalid one must be refused. All other checks of schemathesis run in both modes: no
response is a 5xx, and all of them, including errors, conform to the document.

The document is changed where the recorded behaviour of the live API differs. Responses to `"stream": true` are
`text/event-stream`, and the log probability of the first token of an echoed prompt is null. The live API accepts what
the document refuses: any string as the URL of an image, an image's URL instead of its object, `original` detail, empty
content arrays and `stop`, content parts of any type in any role, null for any optional member, decimals in
`logit_bias`, more than 5 `logprobs`, a function result without content.

Of a document of the Responses API only two checks are made: no response is a 5xx, and all of them, events included,
conform to the document. Every model is served.

    --examples N        test cases per operation (500)
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

# The flags of schemathesis in each mode.
MODES = {
    "schema": ["--mode", "all"],
    "live": ["--mode", "negative", "--exclude-checks", "positive_data_acceptance"],
}

# The flags for a document of the Responses API.
RESPONSES = ["--mode", "all", "--checks", "not_a_server_error,response_schema_conformance"]


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
    content = as_recorded(json.loads(options.document.read_text()))
    document.write_text(json.dumps(content))
    is_responses = "/responses" in content["paths"]
    failed = []
    for mode in options.mode or MODES:
        print(f"== {mode}", flush=True)
        with served(wasmtime, options.wasm, mode, "*" if is_responses else None) as url:
            command = [program, "run", document, "--url", url, "-H", f"Authorization: Bearer {KEY}"]
            command += ["-n", str(options.examples), "--phases", "coverage,fuzzing", "--continue-on-failure"]
            command += RESPONSES if is_responses else MODES[mode]
            command += ["--include-path", options.path] if options.path else []
            if subprocess.run(command, cwd=HOME).returncode:
                failed.append(mode)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def install():
    """Installs the pinned version unless it is installed; returns the program."""
    python, done = HOME / "bin/python", HOME / f"{PACKAGE}.done"
    if not done.is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        done.touch()
    return HOME / "bin/schemathesis"


def as_recorded(document):
    if "/responses" in document["paths"]:
        return responses_as_recorded(document)
    for path in ["/chat/completions", "/completions"]:
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        content.setdefault("text/event-stream", {})
    choices = document["components"]["schemas"]["CreateCompletionResponse"]["properties"]["choices"]
    logprobs = choices["items"]["properties"]["logprobs"]
    for member in ["token_logprobs", "top_logprobs"]:
        for schema in logprobs.get("anyOf", [logprobs]):
            if member in schema.get("properties", {}):
                items = schema["properties"][member]
                items["items"] = {"anyOf": [items["items"], {"type": "null"}]}
    relax(document["components"]["schemas"])
    return document


def responses_as_recorded(document):
    """The document of the Responses API: the schema of its events is that of their data, and errors lie in `error`."""
    reference = lambda name: {"$ref": f"#/components/schemas/{name}"}
    data = {"contentMediaType": "application/json", "contentSchema": reference("ResponseStreamEvent")}
    event = {"type": "object", "required": ["data"], "properties": {"data": data}}
    document["paths"]["/responses"]["post"]["responses"]["200"]["content"]["text/event-stream"]["schema"] = event
    for path, method in [("/responses/{response_id}", "delete"), ("/responses/{response_id}/cancel", "post")]:
        content = document["paths"][path][method]["responses"]["404"]["content"]
        content["application/json"]["schema"] = reference("ErrorResponse")
    return document


def relax(schemas):
    """Widens the schemas of requests to what the live API accepts."""
    image = schemas["ChatCompletionRequestMessageContentPartImage"]["properties"]
    image["image_url"]["properties"]["url"].pop("format", None)
    image["image_url"]["properties"]["detail"]["enum"].append("original")
    image["image_url"] = {"anyOf": [image["image_url"], {"type": "string"}]}
    parts = ["Text", "Image", "Audio", "File", "Refusal"]
    part = {"oneOf": [{"$ref": f"#/components/schemas/ChatCompletionRequestMessageContentPart{name}"} for name in parts]}
    part = {"anyOf": [part, {"type": "object", "required": ["type"], "properties": {"type": {"const": "audio"}}}]}
    for name in ["Developer", "System", "User", "Assistant", "Tool", "Function"]:
        message = schemas[f"ChatCompletionRequest{name}Message"]
        message["properties"]["content"] = {"anyOf": [{"type": "string"}, {"type": "array", "items": part}]}
        if name == "Developer":
            message["properties"]["content"]["anyOf"][1]["items"] = {"$ref": "#/components/schemas/ChatCompletionRequestMessageContentPartText"}
    schemas["ChatCompletionRequestFunctionMessage"]["required"] = ["role", "name"]
    for schema in walk(schemas["PredictionContent"], schemas["StopConfiguration"]):
        schema.pop("minItems", None)
    completion = schemas["CreateCompletionRequest"]["properties"]
    for schema in walk(completion["logprobs"]):
        schema.pop("maximum", None)
    for request in [schemas["CreateCompletionRequest"], schemas["CreateChatCompletionRequest"]]:
        for schema in walk(request):
            if "logit_bias" in schema.get("properties", {}):
                for bias in walk(schema["properties"]["logit_bias"]):
                    if "additionalProperties" in bias:
                        bias["additionalProperties"] = {"type": "number"}
    requests = [schema for name, schema in schemas.items() if "Response" not in name]
    for schema in walk(*requests):
        required = schema.get("required", [])
        for name, member in schema.get("properties", {}).items():
            if name not in required and "type" not in schema.get("discriminator", {}):
                schema["properties"][name] = {"anyOf": [member, {"type": "null"}]}


def walk(*schemas):
    """Every schema in these schemas, outermost last."""
    for schema in schemas:
        if isinstance(schema, dict):
            yield from walk(*schema.values())
            yield schema
        elif isinstance(schema, list):
            yield from walk(*schema)


@contextlib.contextmanager
def served(wasmtime, wasm, mode, models):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {"API_KEYS": KEY, "LOG": "off", "VALIDATION": mode} | ({"MODELS": models} if models else {})
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
