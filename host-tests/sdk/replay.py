#!/usr/bin/env python3
"""Replays streams through the gateway to the SDKs of another API than the one that sent them.

    python3 host-tests/sdk/replay.py [DIR]

DIR has recorded-chat.jsonl and recorded-messages.jsonl, plain or with .gz; the default is recordings/, next to this
file. A line is an exchange: `id`, `path`, `request` and, of a stream, `stream`, an array of `{"event", "data"}`.

An upstream on the loopback address sends the stream that the name of the model names. The SDK of the upstream's API
reads it from there, and the SDKs of the other APIs through the gateway, each with its own accumulator: `messages` with
the OpenAI SDK as chat completions and responses, `chat` with the Anthropic SDK as messages, and as responses. All must
end with the same texts, reasoning, signatures, calls, reason and usage. Streams that did not end well, or have more than
one choice, are left out.

needs Python 3.11 or newer with the packages of python/requirements.txt, and a built component (or Rust).

    --wasm FILE       serve this component instead of building one
    --host PROGRAM    serve with this program, a `portcullis-host` or a `wasmtime`
    --only ID         only this stream; may be repeated
    --show N          at most this many failures of each pair of APIs (10)
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import gzip
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anthropic
import openai
import openai.lib.streaming.chat

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import real_llm as base  # noqa: E402

KEY = "sk-the-callers-key"

PATHS = {"/v1/chat/completions": "chat", "/v1/messages": "messages"}

# Which API's streams are read as which.
PAIRS = [("messages", "chat"), ("messages", "responses"), ("chat", "messages"), ("chat", "responses")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "recordings", metavar="DIR")
    for name in ["--wasm", "--host"]:
        parser.add_argument(name, type=Path)
    parser.add_argument("--only", action="append", metavar="ID")
    parser.add_argument("--show", type=int, default=10)
    options = parser.parse_args()
    os.environ["NO_PROXY"] = "127.0.0.1"
    wasm, program = base.component(options.wasm), base.host(options.host)
    recorded = {api: streams(options.folder, api, options.only) for api in PATHS.values()}
    with Upstream(recorded) as upstream:
        config = {
            "upstreams": {
                "chat": {"url": f"{upstream.url}/v1"},
                "messages": {"url": f"{upstream.url}/v1", "api": "anthropic"},
            },
            "models": {f"{api}/*": {"targets": [{"upstream": api, "model": "*"}]} for api in recorded},
        }
        settings = {"PORTCULLIS_API_KEYS": KEY, "PORTCULLIS_CONFIG": json.dumps(config), "PORTCULLIS_LOG": "error"}
        with base.server("gateway", base.serving(program, wasm, settings)) as (gateway, _):
            failed = replay(recorded, Clients(upstream.url, is_upstream=True), Clients(gateway), options.show)
    sys.exit(f"\n{failed} streams were not read as they were sent" if failed else 0)


def replay(recorded, direct, gateway, show):
    """Reads all streams; returns how many were not read as they were sent."""
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wanted = {}
        for api, all_streams in recorded.items():
            wanted[api] = list(pool.map(lambda stream: direct.read(api, stream.id, stream), all_streams))
        for sent, read in PAIRS:
            good = [pair for pair in zip(recorded[sent], wanted[sent]) if not isinstance(pair[1], Exception)]
            for stream, fault in zip(recorded[sent], wanted[sent]):
                if isinstance(fault, Exception):
                    print(f"{stream.id}: the SDK of its own API does not read it: {fault!r}"[:300])
            got = pool.map(lambda pair: gateway.read(read, f"{sent}/{pair[0].id}", pair[0]), good)
            faults = []
            for (stream, want), own in zip(good, got):
                if difference := differ(want, own):
                    faults.append(f"{stream.id}: {difference}")
            base.require(good, f"there are no streams of {sent}")
            print(f"{sent:>8} as {read:<9} {len(good) - len(faults)} of {len(good)} streams", flush=True)
            for fault in faults[:show]:
                print(f"    {fault}")
            failed += len(faults)
    return failed


def differ(want, got):
    """Where what was read is not what was sent; empty where it is the same."""
    if isinstance(got, Exception):
        return repr(got)
    all_differences = []
    for field in dataclasses.fields(Answer):
        sent, read = getattr(want, field.name), getattr(got, field.name)
        if field.name == "calls":
            # Calls are in the order in which they began, or in which they were complete. One without an id gets one.
            ids = [own_id for _, own_id, _ in sent]
            read = [(name, "" if "" in ids[at : at + 1] else own_id, value) for at, (name, own_id, value) in enumerate(read)]
            sent, read = sorted(sent, key=repr), sorted(read, key=repr)
        if field.name == "usage" and not sent:
            continue
        if sent != read:
            all_differences.append(f"{field.name}: sent {sent!r}, read {read!r}")
    return "; ".join(all_differences)


# The streams.


@dataclasses.dataclass
class Stream:
    id: str
    tools: list
    body: bytes


def streams(folder, api, only):
    """The streams of an API that ended well, with one choice."""
    plain = folder / f"recorded-{api}.jsonl"
    file = plain.open(encoding="utf-8") if plain.exists() else gzip.open(f"{plain}.gz", "rt", encoding="utf-8")
    with file:
        exchanges = [json.loads(line) for line in file]
    out = []
    for exchange in exchanges:
        if exchange.get("stream") and PATHS.get(exchange["path"]) == api and (not only or exchange["id"] in only):
            events = [event["data"] for event in exchange["stream"]]
            if ended_well(api, [event for event in events if isinstance(event, dict)]):
                body = "".join(map(frame, exchange["stream"])).encode()
                out.append(Stream(exchange["id"], tools(exchange.get("request") or {}), body))
    return out


def ended_well(api, events):
    if api == "messages":
        types = [event.get("type") for event in events]
        return types.count("message_start") == 1 and types[-1] == "message_stop"
    choices = [choice for event in events for choice in event.get("choices", [{"index": None}])]
    return all(choice["index"] == 0 for choice in choices) and any(choice.get("finish_reason") for choice in choices)


def frame(event):
    data = event["data"] if isinstance(event["data"], str) else json.dumps(event["data"], ensure_ascii=False)
    # Some recorders drop the name, which the type in the data repeats.
    name = event.get("event") or (isinstance(event["data"], dict) and event["data"].get("type"))
    return (f"event: {name}\n" if name else "") + f"data: {data}\n\n"


def tools(request):
    """Name and schema of the request's client tools; custom tools of chat completions have no schema."""
    found = {}
    for tool in [*request.get("tools", []), *request.get("functions", [])]:
        called = tool.get("function") or tool.get("custom") or tool
        schema = called.get("input_schema") or called.get("parameters")
        if called.get("name") and (tool.get("custom") or tool.get("type", "function") in ("function", "custom")):
            found[called["name"]] = schema if isinstance(schema, dict) else {"type": "object", "properties": {}}
    return list(found.items())


class Upstream:
    """A server that sends the stream that the name of the model names."""

    def __init__(self, recorded):
        bodies = {(api, stream.id): stream.body for api, all_streams in recorded.items() for stream in all_streams}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                body = bodies.get((PATHS.get(self.path.split("?")[0]), request["model"]))
                self.send_response(200 if body else 404)
                self.send_header("content-type", "text/event-stream" if body else "text/plain")
                self.send_header("content-length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# The SDKs.


@dataclasses.dataclass
class Answer:
    """What a client has when a stream has ended, in the terms of chat completions."""

    text: str = ""
    reasoning: str = ""
    signatures: list = dataclasses.field(default_factory=list)
    # Name, id and input of each call.
    calls: list = dataclasses.field(default_factory=list)
    reason: str = ""
    # Tokens of the input, those of them read from a cache, and tokens of the output.
    usage: tuple = ()


def parsed(text):
    """The input of a call as JSON; text that is none, as of a call that was cut, as it is."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


class Clients:
    """The SDKs as clients of the gateway, or of the upstream."""

    def __init__(self, url, is_upstream=False):
        self.is_upstream = is_upstream
        options = {"api_key": KEY, "max_retries": 0, "timeout": 60}
        self.openai = openai.OpenAI(base_url=f"{url}/v1", **options)
        self.anthropic = anthropic.Anthropic(base_url=url, **options)

    def read(self, api, model, stream):
        """What the SDK of an API has when the stream has ended, or the error that it raised."""
        try:
            return getattr(self, api)(model, stream.tools)
        except Exception as error:  # Whatever the SDK raises is a result.
            return error

    def chat(self, model, declared):
        functions = [
            {"type": "function", "function": {"name": name, "parameters": schema}} for name, schema in declared
        ]
        request = {"model": model, "messages": [{"role": "user", "content": "Hi."}]}
        if functions:
            request["tools"] = functions
        summed, state = Chunks(), openai.lib.streaming.chat.ChatCompletionStreamState(input_tools=functions)
        cut = openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError
        with self.openai.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}) as stream:
            for chunk in stream:
                summed.add(chunk)
                if self.is_upstream:
                    # Recorders that write what the SDK has read put nulls into pieces, which its accumulator refuses.
                    continue
                # What `chat.completions.stream()` iterates over; it raises where a text was cut, after it was added.
                with contextlib.suppress(*cut):
                    list(state.handle_chunk(chunk))
        answer = summed.answer()
        if not self.is_upstream:
            accumulated = of_completion(state.current_completion_snapshot)
            if difference := differ(answer, accumulated):
                raise AssertionError(f"the chunks are not what the SDK accumulates: {difference}")
        return answer

    def messages(self, model, declared):
        request = {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": "Hi."}]}
        if declared:
            request["tools"] = [{"name": name, "input_schema": {"type": "object", **schema}} for name, schema in declared]
        inputs, texts = {}, []
        with self.anthropic.messages.stream(**request) as stream:
            for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                    inputs[event.index] = inputs.get(event.index, "") + event.delta.partial_json
                elif event.type == "text":
                    texts.append(event.text)
            message = stream.get_final_message()
        answer = of_message(message, inputs)
        if "".join(texts) != answer.text:
            raise AssertionError(f"the texts of the events are {''.join(texts)!r}, those of the message {answer.text!r}")
        return answer

    def responses(self, model, declared):
        request = {"model": model, "input": "Hi.", "reasoning": {"summary": "auto"}, "store": False}
        if declared:
            request["tools"] = [
                {"type": "function", "name": name, "parameters": schema, "strict": False} for name, schema in declared
            ]
        with self.openai.responses.stream(**request, include=["reasoning.encrypted_content"]) as stream:
            texts, cut = [], None
            for event in stream:
                if event.type in ("response.output_text.delta", "response.refusal.delta"):
                    texts.append(event.delta)
                elif event.type == "response.incomplete":
                    cut = event.response
            # The SDK has a final response only of a stream that was completed.
            response = cut or stream.get_final_response()
        answer = of_response(response)
        if "".join(texts) != answer.text:
            raise AssertionError(f"the texts of the events are {''.join(texts)!r}, those of the response {answer.text!r}")
        return answer


class Chunks:
    """The sum of the chunks of a chat completion."""

    def __init__(self):
        self.all, self.calls = Answer(), []

    def add(self, chunk):
        if chunk.usage:
            self.all.usage = usage_of_chat(chunk.usage)
        for choice in chunk.choices:
            delta = choice.delta.to_dict()
            self.all.text += (delta.get("content") or "") + (delta.get("refusal") or "")
            self.all.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
            self.all.signatures += signatures(delta.get("thinking_blocks"))
            legacy = [{"index": 0, "function": delta["function_call"]}] if delta.get("function_call") else []
            for call in [*(delta.get("tool_calls") or []), *legacy]:
                self.add_call(call)
            self.all.reason = choice.finish_reason or self.all.reason

    def add_call(self, call):
        index, own_id, called = call["index"], call.get("id") or "", call.get("custom") or call["function"]
        more = called.get("arguments") or called.get("input") or ""
        for own in reversed(self.calls):
            if own[0] == index and (not own_id or own[1] == own_id):
                own[3] += more
                return
        self.calls.append([index, own_id, called.get("name"), more])

    def answer(self):
        self.all.calls = [(name, own_id, parsed(text)) for _, own_id, name, text in self.calls]
        self.all.reason = reason_of_chat(self.all.reason, self.all.calls)
        return self.all


def of_completion(completion):
    [choice] = completion.choices
    message = choice.message.to_dict()
    calls = []
    for call in message.get("tool_calls") or []:
        called = call.get("custom") or call["function"]
        calls.append((called["name"], call.get("id") or "", parsed(called.get("arguments") or called.get("input"))))
    if legacy := message.get("function_call"):
        calls.append((legacy["name"], "", parsed(legacy["arguments"])))
    return Answer(
        text=(message.get("content") or "") + (message.get("refusal") or ""),
        reasoning=message.get("reasoning_content") or message.get("reasoning") or "",
        signatures=signatures(message.get("thinking_blocks")),
        calls=calls,
        reason=reason_of_chat(choice.finish_reason, calls),
        usage=usage_of_chat(completion.usage) if completion.usage else (),
    )


def signatures(blocks):
    return [block.get("signature") or block["data"] for block in blocks or [] if block.get("signature") or block.get("data")]


def reason_of_chat(reason, calls):
    """Some servers end a turn that calls tools with `stop`."""
    return "tool_calls" if reason == "function_call" or reason == "stop" and calls else reason


def usage_of_chat(usage):
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else 0
    return usage.prompt_tokens, cached or 0, usage.completion_tokens


def of_message(message, inputs):
    answer = Answer()
    for index, block in enumerate(message.content):
        match block.type:
            case "text":
                answer.text += block.text
            case "thinking":
                answer.reasoning += block.thinking
                answer.signatures += [block.signature] if block.signature else []
            case "redacted_thinking":
                answer.signatures.append(block.data)
            case "tool_use":
                answer.calls.append((block.name, block.id, parsed(inputs.get(index) or json.dumps(block.input))))
            # What the provider's own tools do has no place in a chat completion.
    reasons = {
        "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length",
        "model_context_window_exceeded": "length", "tool_use": "tool_calls", "refusal": "content_filter",
    }
    answer.reason = reasons[message.stop_reason]
    usage = message.usage
    cached = usage.cache_read_input_tokens or 0
    read = usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0)
    answer.usage = read, cached, usage.output_tokens
    return answer


def of_response(response):
    answer = Answer()
    for item in response.output:
        match item.type:
            case "message":
                answer.text += "".join(part.refusal if part.type == "refusal" else part.text for part in item.content)
            case "reasoning":
                answer.reasoning += "".join(part.text for part in item.summary)
                if item.encrypted_content:
                    answer.signatures.append(item.encrypted_content.removeprefix("redacted_thinking:"))
            case "function_call":
                answer.calls.append((item.name, item.call_id, parsed(item.arguments)))
            case "custom_tool_call":
                answer.calls.append((item.name, item.call_id, parsed(item.input)))
            case other:
                raise AssertionError(f"an item of the type {other}")
    reasons = {"max_output_tokens": "length", "content_filter": "content_filter"}
    answer.reason = (
        reasons[response.incomplete_details.reason] if response.status == "incomplete"
        else "tool_calls" if answer.calls else "stop"
    )
    usage = response.usage
    answer.usage = usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens
    return answer


if __name__ == "__main__":
    main()
