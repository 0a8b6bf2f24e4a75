#!/usr/bin/env python3
"""Tests the component over HTTP on any host: a selection of all features.

    python3 suite.py --base-url http://127.0.0.1:3000 --key sk-test --upstream 127.0.0.1:4999

needs Python 3.11 or newer and nothing else. `run.py` next to it also starts the host. To test another host, start it
with the settings that this command prints, one NAME=VALUE per line:

    python3 suite.py --settings --key sk-test --upstream 127.0.0.1:4999

The suite has its own upstream, which listens on the address of `--upstream` while the tests run. If the gateway has
other settings, or without `--upstream`, the tests that need them are skipped and reported as skipped.

    NAME            run only these tests
    --lacks NAME    this test is expected to fail because of a known limitation of the host; the suite fails if it
                    passes. May be repeated; these tests run last, in the given order
    --report FILE   also write the result of each test to this file, as JSON
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import socket
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import fixture

# The timeout of everything in seconds, long enough for a loaded machine and a slow host.
PATIENCE = 30

# The seconds between two tokens of the model `slow`, and its text.
TOKEN_INTERVAL = 0.1
SLOW_TEXT = "one two three four five six seven eight nine ten"

MIB = 1 << 20


def settings(key, upstream):
    """The settings that the gateway under test needs."""
    target = {"upstream": "fixture", "model": fixture.MODEL}
    fixed = {"url": f"http://{upstream}/v1", "key": fixture.KEY}
    config = {
        "upstreams": {"fixture": fixed, "unread": {**fixed, "splice": True}},
        "models": {
            "echo": {"engine": {"reply": "echo"}},
            # A configured text may be longer than the model's output limit.
            "repeat": {"engine": {"reply": {"text": "{{user}}"}}},
            "slow": {"engine": {"reply": {"text": SLOW_TEXT}, "latency": {"per_token_ms": round(TOKEN_INTERVAL * 1000)}}},
            "forward": {"targets": [target], "retries": 0},
            "spliced": {"targets": [{**target, "upstream": "unread"}]},
        },
        "passthrough": "fixture",
    }
    return {"PORTCULLIS_API_KEYS": key, "PORTCULLIS_CONFIG": json.dumps(config, separators=(",", ":"))}


class Gateway:
    """The gateway under test, and the models that it serves."""

    def __init__(self, base_url, key):
        parts = urlsplit(base_url)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
            raise SystemExit(f"--base-url {base_url}: not of the form http://HOST:PORT")
        self.host, self.port, self.key = parts.hostname, parts.port or 80, key
        try:
            reply = self.get("/v1/models")
        except OSError as error:
            raise SystemExit(f"--base-url {base_url}: {error}") from None
        if reply.status != 200:
            raise SystemExit(f"GET /v1/models with the key: {reply.status} {reply.text}; is --key a key of this gateway?")
        self.models = {model["id"] for model in reply.json()["data"]}

    def connect(self):
        return contextlib.closing(http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE))

    @contextlib.contextmanager
    def open(self, method, path, body=None, headers=None):
        """A request whose response has begun; the connection is closed at the end of the block."""
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
        with self.connect() as connection:
            body = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
            yield connection.getresponse()

    def send(self, method, path, body=None, headers=None):
        with self.open(method, path, body, headers) as response:
            return Reply(response)

    def get(self, path, **headers):
        return self.send("GET", path, headers=headers)

    def chat(self, model, content, **more):
        return self.send("POST", "/v1/chat/completions", chat(model, content, **more))

    def stream(self, model, content, **more):
        return self.open("POST", "/v1/chat/completions", chat(model, content, stream=True, **more))


class Reply:
    """A response that was read to its end."""

    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)

    def content(self):
        return self.json()["choices"][0]["message"]["content"]


def chat(model, content, **more):
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def events(response):
    """The data of each event, as soon as it has arrived."""
    while line := response.readline():
        if line.startswith(b"data: "):
            yield line[6:].strip().decode()


def deltas(data):
    return "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in data if event != "[DONE]")


def within(seconds, condition):
    """Waits until a condition holds; returns whether it does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


GATEWAY: Gateway
UPSTREAM: fixture.Upstream | None = None


class Case(unittest.TestCase):
    """A test after which the gateway must still respond."""

    def tearDown(self):
        self.assertEqual(GATEWAY.get("/health").status, 200, "the request after this test")

    def error(self, reply, status):
        """The error object of a reply that must be an error."""
        self.assertEqual(reply.status, status, reply.text[:500])
        self.assertEqual(reply.headers.get_content_type(), "application/json")
        error = reply.json()["error"]
        self.assertLessEqual({"message", "type", "param", "code"}, set(error))
        return error

    def need(self, model):
        if model not in GATEWAY.models or UPSTREAM is None:
            self.skipTest("the gateway lacks the suite's settings (--settings), or --upstream is missing")


class Auth(Case):
    def test_health_needs_no_key(self):
        reply = GATEWAY.get("/health", Authorization=None)
        self.assertEqual((reply.status, reply.json()["status"]), (200, "ok"))

    def test_no_key_is_401(self):
        reply = GATEWAY.get("/v1/models", Authorization=None)
        self.assertIsNone(self.error(reply, 401)["code"])
        self.assertEqual(reply.headers["WWW-Authenticate"], "Bearer")

    def test_a_wrong_key_is_401_and_not_echoed(self):
        wrong = "sk-this-is-a-wrong-key-0123"
        reply = GATEWAY.get("/v1/models", Authorization=f"Bearer {wrong}")
        self.assertEqual(self.error(reply, 401)["code"], "invalid_api_key")
        self.assertNotIn(wrong, reply.text)

    def test_a_body_without_a_key_is_refused(self):
        with GATEWAY.open("POST", "/v1/chat/completions", b"x" * 16384, {"Authorization": None}) as response:
            self.error(Reply(response), 401)


class Engine(Case):
    def test_models_are_listed(self):
        reply = GATEWAY.get("/v1/models")
        self.assertEqual((reply.status, reply.json()["object"]), (200, "list"))

    def test_a_chat_is_answered_and_counted(self):
        self.need("echo")
        reply = GATEWAY.chat("echo", "Grüße, 世界 🌍")
        self.assertEqual((reply.status, reply.content()), (200, "Grüße, 世界 🌍"))
        usage = reply.json()["usage"]
        self.assertEqual(usage["prompt_tokens"] + usage["completion_tokens"], usage["total_tokens"])
        self.assertGreater(usage["completion_tokens"], 0)
        for name in ["x-request-id", "openai-processing-ms", "openai-version"]:
            self.assertIn(name, reply.headers)

    def test_the_caller_s_request_id_is_kept(self):
        reply = GATEWAY.get("/v1/models", **{"X-Request-Id": "suite-1"})
        self.assertEqual(reply.headers["x-request-id"], "suite-1")

    def test_an_unknown_path_and_a_wrong_method(self):
        self.error(GATEWAY.get("/v2/nothing"), 404)
        reply = GATEWAY.send("DELETE", "/health")
        self.error(reply, 405)
        self.assertIn("GET", reply.headers["Allow"])

    def test_head_has_no_body(self):
        reply = GATEWAY.send("HEAD", "/v1/models")
        self.assertEqual((reply.status, reply.body), (200, b""))

    def test_a_chunked_body_is_read(self):
        self.need("echo")
        body = json.dumps(chat("echo", "in pieces")).encode()
        pieces = (body[at : at + 7] for at in range(0, len(body), 7))
        self.assertEqual(GATEWAY.send("POST", "/v1/chat/completions", pieces).content(), "in pieces")

    def test_a_body_of_4_mb(self):
        self.need("echo")
        text = "All work and no play. " * (4 * MIB // 22)
        reply = GATEWAY.chat("echo", text, max_tokens=3)
        self.assertEqual(reply.status, 200, reply.text[:500])
        self.assertTrue(reply.content() and text.startswith(reply.content()))

    def test_an_answer_of_1_mb(self):
        self.need("repeat")
        text = "0123456789abcdef" * (MIB // 16)
        self.assertEqual(GATEWAY.chat("repeat", text).content(), text)


class Streaming(Case):
    def test_a_stream_is_complete(self):
        self.need("echo")
        with GATEWAY.stream("echo", "Say this is a test") as response:
            self.assertEqual((response.status, response.headers.get_content_type()), (200, "text/event-stream"))
            data = list(events(response))
        self.assertEqual((deltas(data), data[-1]), ("Say this is a test", "[DONE]"))

    def test_events_arrive_one_by_one(self):
        self.need("slow")
        with GATEWAY.stream("slow", "?") as response:
            arrived = [(time.monotonic(), event) for event in events(response)]
        self.assertEqual(deltas(event for _, event in arrived), SLOW_TEXT)
        # If a host buffered the stream until its end, all events would arrive together.
        took = arrived[-1][0] - arrived[0][0]
        self.assertGreater(took, 3 * TOKEN_INTERVAL, "all events arrive together")

    def test_a_caller_may_hang_up(self):
        self.need("slow")
        for _ in range(5):
            with GATEWAY.stream("slow", "?") as response:
                next(events(response))
        self.assertEqual(GATEWAY.chat("echo", "still here").content(), "still here")

    def test_others_are_answered_while_a_stream_runs(self):
        self.need("forward")
        with GATEWAY.stream("forward", "gated") as response:
            arriving = events(response)
            next(arriving)
            self.assertEqual(GATEWAY.chat("echo", "meanwhile").content(), "meanwhile")
            self.assertFalse(UPSTREAM.went_on.is_set(), "the other request waited until the stream continued")
            UPSTREAM.gate.set()
            self.assertEqual(list(arriving)[-1], "[DONE]")


class Forwarding(Case):
    def test_a_chat_goes_to_the_upstream_and_back(self):
        self.need("forward")
        reply = GATEWAY.chat("forward", "plain", user="ü")
        self.assertEqual((reply.status, reply.content()), (200, "from the upstream"), reply.text[:500])
        seen = UPSTREAM.seen[-1]
        self.assertEqual((seen.method, seen.path), ("POST", "/v1/chat/completions"))
        self.assertEqual(seen.headers["authorization"], f"Bearer {fixture.KEY}")
        self.assertNotIn(GATEWAY.key, str(seen.headers))
        self.assertEqual(json.loads(seen.body), chat(fixture.MODEL, "plain", user="ü"))

    def test_the_first_event_arrives_before_the_second_is_written(self):
        self.need("forward")
        with GATEWAY.stream("forward", "gated") as response:
            arriving = events(response)
            self.assertEqual(deltas([next(arriving)]), "first")
            self.assertFalse(UPSTREAM.went_on.is_set(), "the host held back the first event")
            UPSTREAM.gate.set()
            rest = list(arriving)
        self.assertEqual((deltas(rest), rest[-1]), (" second", "[DONE]"))

    def test_an_upstream_s_error_is_kept(self):
        self.need("forward")
        reply = GATEWAY.chat("forward", "limited")
        self.assertEqual(self.error(reply, 429), fixture.LIMITED["error"])
        self.assertEqual((reply.headers["retry-after"], reply.headers["x-ratelimit-remaining-requests"]), ("7", "0"))

    def test_an_upstream_that_hangs_up_is_502(self):
        self.need("forward")
        self.error(GATEWAY.chat("forward", "silent"), 502)

    def test_a_stream_that_breaks_off_ends_with_an_error(self):
        self.need("forward")
        with GATEWAY.stream("forward", "broken") as response:
            data = list(events(response))
        self.assertEqual(deltas(data[:1]), "first")
        self.assertIn("error", json.loads(data[-1]))

    def test_a_caller_who_hangs_up_ends_the_upstream_s_work(self):
        self.need("forward")
        with GATEWAY.stream("forward", "endless") as response:
            next(events(response))
            self.assertFalse(UPSTREAM.left.is_set())
        self.assertTrue(UPSTREAM.left.wait(fixture.PATIENCE), "the upstream goes on writing after the disconnect")

    def hang_up_in_silence(self, opened):
        with opened as response:
            self.assertIn(b"first", response.readline())
            self.assertFalse(UPSTREAM.left.is_set())
        # The upstream sends nothing, so no write fails.
        self.assertTrue(UPSTREAM.left.wait(fixture.PATIENCE), "the upstream's connection stays open after the disconnect")

    def test_a_caller_who_hangs_up_in_silence_ends_a_stream_that_is_read(self):
        self.need("forward")
        self.hang_up_in_silence(GATEWAY.stream("forward", "quiet"))

    def test_a_caller_who_hangs_up_in_silence_ends_a_spliced_stream(self):
        self.need("spliced")
        self.hang_up_in_silence(GATEWAY.stream("spliced", "quiet"))

    def test_a_caller_who_hangs_up_in_silence_ends_what_passes_through(self):
        self.need("forward")
        self.hang_up_in_silence(GATEWAY.open("POST", "/v1/quiet", b"x"))

    def test_8_mb_pass_through_both_ways(self):
        self.need("forward")
        body = hashlib.shake_256(b"suite").digest(8 * MIB)
        reply = GATEWAY.send("POST", "/v1/echo", body, {"Content-Type": "application/octet-stream"})
        self.assertEqual((reply.status, len(reply.body)), (200, len(body)))
        self.assertEqual(hashlib.sha256(reply.body).digest(), hashlib.sha256(body).digest())


class Faults(Case):
    def test_bad_json_is_400(self):
        for body in [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"model": 1}']:
            self.error(GATEWAY.send("POST", "/v1/chat/completions", body), 400)

    def test_an_unknown_model_is_404(self):
        self.assertEqual(self.error(GATEWAY.chat("no-such-model", "hi"), 404)["code"], "model_not_found")

    def test_a_body_of_30_mb_is_413(self):
        self.error(heavy(30 * MIB, chunked=False), 413)

    def test_a_chunked_body_of_21_mb_is_413(self):
        self.error(heavy(21 * MIB, chunked=True), 413)


def heavy(length, chunked):
    """The response to a body of this length, read while the body is being sent."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {GATEWAY.host}\r\nAuthorization: Bearer {GATEWAY.key}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n\r\n"
    )
    piece = b" " * 65536
    framed = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    with socket.create_connection((GATEWAY.host, GATEWAY.port), timeout=PATIENCE) as connection:

        def send():
            # The gateway may respond and close the connection before it has read the whole body.
            with contextlib.suppress(OSError):
                connection.sendall(head.encode())
                for _ in range(length // len(piece)):
                    connection.sendall(framed)
                if chunked:
                    connection.sendall(b"0\r\n\r\n")

        sender = threading.Thread(target=send)
        sender.start()
        try:
            response = http.client.HTTPResponse(connection)
            response.begin()
            return Reply(response)
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            sender.join()


class Many(Case):
    def test_200_requests_on_one_connection(self):
        self.need("echo")
        headers = {"Authorization": f"Bearer {GATEWAY.key}", "Content-Type": "application/json"}
        with GATEWAY.connect() as connection:
            for number in range(200):
                # Every fifth request is invalid, which must not affect the next one.
                body = b"{" if number % 5 == 4 else json.dumps(chat("echo", f"number {number}")).encode()
                connection.request("POST", "/v1/chat/completions", body, headers)
                reply = Reply(connection.getresponse())
                if number % 5 == 4:
                    self.error(reply, 400)
                else:
                    self.assertEqual(reply.content(), f"number {number}")

    def test_200_requests_of_16_callers(self):
        self.need("echo")
        with ThreadPoolExecutor(16) as callers:
            contents = list(callers.map(lambda number: GATEWAY.chat("echo", f"number {number}").content(), range(200)))
        self.assertEqual(contents, [f"number {number}" for number in range(200)])

    def test_16_streams_at_once(self):
        self.need("slow")

        def whole(_):
            with GATEWAY.stream("slow", "?") as response:
                return deltas(events(response))

        with ThreadPoolExecutor(16) as callers:
            self.assertEqual(list(callers.map(whole, range(16))), [SLOW_TEXT] * 16)


MODULE = sys.modules[__name__]


def name_of(test):
    return test.id().rpartition(".")[2].removeprefix("test_")


class Results(unittest.TextTestResult):
    """Records the outcome and the duration of each test."""

    def __init__(self, *args, lacks=(), **more):
        super().__init__(*args, **more)
        self.lacks, self.report, self.wrong = set(lacks), {}, []

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def note(self, test, outcome, why=""):
        name = name_of(test)
        if name in self.lacks and outcome in ("passed", "failed"):
            outcome = {"failed": "lacking", "passed": "not lacking any more"}[outcome]
        if outcome in ("failed", "not lacking any more"):
            self.wrong.append(name)
        self.report[name] = {"outcome": outcome, "seconds": round(time.monotonic() - self.began, 2), "why": why}

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failed", str(err[1]))

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "failed", f"{err[0].__name__}: {err[1]}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="the gateway's address: http://HOST:PORT")
    parser.add_argument("--key", required=True, help="a key that the gateway accepts")
    parser.add_argument("--upstream", metavar="HOST:PORT", help="the address on which the suite's own upstream listens")
    parser.add_argument("names", nargs="*", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--settings", action="store_true", help="print the settings that the gateway needs")
    parser.add_argument("--lacks", action="append", default=[], metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--report", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.settings:
        if not options.upstream:
            parser.error("--settings needs --upstream HOST:PORT, the address on which the suite's upstream will listen")
        for name, value in settings(options.key, options.upstream).items():
            print(f"{name}={value}")
        return 0
    if not options.base_url:
        parser.error("--base-url is missing")

    global GATEWAY, UPSTREAM
    GATEWAY = Gateway(options.base_url, options.key)
    with fixture.Upstream(options.upstream) if options.upstream else contextlib.nullcontext() as UPSTREAM:
        tests = {name_of(test): test for group in unittest.defaultTestLoader.loadTestsFromModule(MODULE) for test in group}
        if unknown := {*options.lacks, *options.names} - set(tests):
            parser.error(f"{' '.join(unknown)}: no such test")
        chosen = [name for name in tests if (name in options.names or not options.names) and name not in options.lacks]
        lacking = [name for name in options.lacks if name in options.names or not options.names]
        runner = unittest.TextTestRunner(
            stream=sys.stderr, verbosity=2, resultclass=lambda *args, **more: Results(*args, lacks=options.lacks, **more)
        )
        results = runner.run(unittest.TestSuite(tests[name] for name in chosen + lacking))
    if options.report:
        with open(options.report, "w") as file:
            json.dump(results.report, file, indent=1)
    return 1 if results.wrong or not results.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
