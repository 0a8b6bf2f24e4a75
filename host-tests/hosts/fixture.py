"""An upstream for the suite. The last user message selects its behaviour."""

import json
import socket
import threading
import time
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

MODEL = "the-upstreams-model"
KEY = "sk-the-upstreams-key"
# The seconds that a stream waits for its gate, or goes on without a reader. Shorter than the timeout of the tests.
PATIENCE = 5

LIMITED = {
    "error": {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
}


@dataclass
class Seen:
    """A received request."""

    method: str
    path: str
    headers: Message
    body: bytes


class Server(ThreadingTCPServer):
    """A server without the reverse DNS lookup of `http.server`'s own."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class Upstream:
    """Listens on an address until it is closed, and records its requests."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.seen = []
        # The stream `gated` waits for this before its second event.
        self.gate = threading.Event()
        # Set before it writes that event.
        self.went_on = threading.Event()
        # Set when the reader of the stream `endless` or of a `quiet` response has disconnected.
        self.left = threading.Event()
        handler = type("Handler", (Handler,), {"upstream": self})
        self.server = Server((host, int(port)), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.read()
        self.upstream.seen.append(Seen(self.command, self.path, self.headers, body))
        if self.path == "/v1/echo":
            return self.answer(200, body, "application/octet-stream")
        if self.path == "/v1/quiet":
            return self.quiet("audio/mpeg")
        request = json.loads(body)
        behaviour = getattr(self, request["messages"][-1]["content"])
        return behaviour()

    def read(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = bytearray()
        while length := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def answer(self, status, body, kind="application/json", **headers):
        self.send_response(status)
        headers = {"content-type": kind, "content-length": str(len(body)), **headers}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin(self, kind="text/event-stream"):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def event(self, content, finish_reason=None):
        choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
        self.data(json.dumps(chunk))

    def data(self, text):
        piece = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def cut(self):
        """Closes the connection in the middle of the response."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def plain(self):
        message = {"role": "assistant", "content": "from the upstream"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]}
        self.answer(200, json.dumps(answer).encode())

    def gated(self):
        self.upstream.gate.clear()
        self.upstream.went_on.clear()
        self.begin()
        self.event("first")
        self.upstream.gate.wait(PATIENCE)
        self.upstream.went_on.set()
        self.event(" second", "stop")
        self.data("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def limited(self):
        limits = {"retry_after": "7", "x_ratelimit_remaining_requests": "0"}
        self.answer(429, json.dumps(LIMITED).encode(), **limits)

    def silent(self):
        self.cut()

    def broken(self):
        self.begin()
        self.event("first")
        # When a connection breaks, bytes that the other side has not read yet are lost.
        time.sleep(0.3)
        self.cut()

    def endless(self):
        self.upstream.left.clear()
        self.begin()
        end = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < end:
                self.event("on and on ")
                time.sleep(0.02)
        except OSError:
            self.upstream.left.set()
        self.close_connection = True

    def quiet(self, kind="text/event-stream"):
        """Begins a response, and then only waits for the reader to disconnect."""
        self.upstream.left.clear()
        self.begin(kind)
        self.event("first")
        self.connection.settimeout(PATIENCE)
        try:
            gone = self.connection.recv(1) == b""
        except TimeoutError:
            gone = False
        except OSError:
            gone = True
        if gone:
            self.upstream.left.set()
        self.close_connection = True
