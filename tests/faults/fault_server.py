#!/usr/bin/env python3
"""A server of all wires that misbehaves as it is asked to.

  fault_server.py [CERT.pem KEY.pem]

prints "port N other N tls N" and serves until its input ends. A base URL chooses the fault:
http://127.0.0.1:PORT/FAULT[:ARGUMENT...]/v1, for example /status:429:retry-after=3600/v1. "other" is the same server
at another origin; "tls" is there where a certificate was given. Groq's base URLs end in /openai/v1.

GET /_stats tells what was counted since GET /_reset, a fact a line: connections (that of the question is one),
TLS handshakes, requests at the other origin, when clients closed connections that waited for it, and the requests
with their headers. Times are those of CLOCK_MONOTONIC, in seconds.
"""
import email
import gzip
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
import zlib
from urllib.parse import unquote

sys.dont_write_bytecode = True  # the source tree stays as it is
from wires import Asked, wire_of  # noqa: E402

FAULTS = {}
REASONS = {200: "OK", 303: "See Other", 307: "Temporary Redirect"}
PATIENCE = 60  # seconds until a waiting server gives up, should the client never do what it must


def fault(function):
    FAULTS[function.__name__.replace("_", "-")] = function
    return function


class Stats:
    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        with self.lock:
            self.connections = self.handshakes = self.other = self.proxied = 0
            self.requests, self.closed, self.facts = [], [], {}

    def add(self, name, value=1):
        with self.lock:
            setattr(self, name, getattr(self, name) + value)

    def note(self, **facts):
        with self.lock:
            self.facts.update(facts)

    def to_text(self):
        """One fact a line, a request's headers after it."""
        with self.lock:
            lines = ["connections %d" % self.connections, "handshakes %d" % self.handshakes, "other %d" % self.other,
                     "proxied %d" % self.proxied]
            lines += ["closed %.6f" % when for when in self.closed]
            lines += ["%s %s" % fact for fact in self.facts.items()]
            for when, method, target, headers in self.requests:
                lines.append("request %.6f %s %s" % (when, method, target))
                lines += ["header %s %s" % pair for pair in headers.items()]
            return "\n".join(lines) + "\n"


STATS = Stats()


class Gone(Exception):
    """The client has closed the connection."""


class Connection:
    """One client: reads requests, writes answers, both by hand, for a library of manners would not misbehave."""

    def __init__(self, sock, other):
        self.sock, self.other = sock, other
        self.buffer = b""
        self.stale = False
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read_some(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise Gone
        self.buffer += data

    def read_request(self):
        while b"\r\n\r\n" not in self.buffer:
            self.read_some()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        while len(self.buffer) < size:
            self.read_some()
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return method, target, headers, body

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone

    def wait_for_close(self):
        """Waits until the client closes, and notes when it did."""
        self.sock.settimeout(PATIENCE)
        try:
            while self.sock.recv(65536):
                pass
        except socket.timeout:
            return
        except OSError:
            pass
        with STATS.lock:
            STATS.closed.append(time.monotonic())

    def reset(self):
        """Closes so that the client gets a reset, not an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def form_of(kind, body):
    """A form's fields; of a file its name, of a field that comes several times a list."""
    form = email.message_from_bytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body)
    fields = {}
    for part in form.get_payload():
        name = part.get_param("name", header="content-disposition")
        value = part.get_filename() or part.get_payload(decode=True).decode()
        if name.endswith("[]"):
            fields.setdefault(name[:-2], []).append(value)
        else:
            fields[name] = int(value) if value.isdigit() else value
    fields["stream"] = fields.get("stream") == "true"
    return fields


class Call:
    """One request and the answer that is being written to it."""

    def __init__(self, connection, wire, method, target, headers, body, arguments):
        self.connection, self.wire, self.method, self.target = connection, wire, method, target
        self.headers, self.raw, self.arguments = headers, body, arguments
        kind = headers.get("content-type", "")
        try:
            self.body = form_of(kind, body) if kind.startswith("multipart/") else json.loads(body) if body else {}
        except ValueError:
            self.body = {}
        self.asked = Asked(self.body)
        self.chunked = False
        self.keep = True

    def head(self, status, headers=(), kind="application/json", size=None, chunked=False, close=False):
        lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Fault")), "content-type: " + kind,
                 "x-request-id: req-fault", "request-id: req-fault"]
        lines += ["%s: %s" % pair for pair in headers]
        if size is not None:
            lines.append("content-length: %d" % size)
        if chunked:
            lines.append("transfer-encoding: chunked")
        if close:
            lines.append("connection: close")
            self.keep = False
        self.chunked = chunked
        self.connection.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def answer(self, status, body, headers=(), kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.head(status, headers, kind, len(data))
        self.connection.send(data)

    def stream(self, close=False, headers=()):
        self.head(200, headers, "text/event-stream; charset=utf-8", chunked=not close, close=close)

    def send(self, data):
        """A piece of the body; of several, one after the other."""
        for piece in [data] if isinstance(data, bytes) else data:
            self.connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece)

    def end(self):
        if self.chunked:
            self.connection.send(b"0\r\n\r\n")

    def begin(self):
        self.stream()
        self.send(self.wire.begin())

    def whole_stream(self):
        self.begin()
        self.send(self.wire.rest())
        self.end()

    def well(self):
        """An answer without a fault, in the form that was asked for."""
        if self.asked.stream:
            self.whole_stream()
        else:
            self.answer(200, self.wire.whole())

    def hang_up(self):
        self.keep = False
        raise Gone


# The faults. What a function leaves unsaid - the rest of the answer, the end of the body - is the fault.

@fault
def well(call):
    call.well()


@fault
def slow(call, seconds):
    """The head comes late."""
    time.sleep(float(seconds))
    call.well()


@fault
def echo(call):
    """No fault: the model that repeats its prompt, for the conformance suite; what a wire refuses, it refuses."""
    refusal = call.wire.refusal(call.body)
    if refusal:
        return call.answer(*refusal)
    answer = call.wire.echo(call.asked)
    if isinstance(answer, dict):
        return call.answer(200, answer)
    call.stream()
    for event in answer:
        call.send(event)
        if len(call.asked.words) < 100:
            time.sleep(0.001)
    call.end()


# ---- Modal: what stands between the web and a function

class Modal:
    """Asks for credentials, is cold at first, and answers a long call with a 303 to where its result will be."""
    token = "wk-of-the-tests", "ws-of-the-tests"
    query = "?__modal_function_call_id=fc-"

    def __init__(self):
        self.lock = threading.Lock()
        self.calls = {}  # id -> (headers, body, hops left)

    def refused(self, call):
        if (call.headers.get("modal-key"), call.headers.get("modal-secret")) == self.token:
            return False
        call.answer(401, b"modal-http: missing credentials for proxy authorization", kind="text/plain")
        return True

    def take(self, call, hops):
        """A new call, or the one that is asked after: the rest of its hops; None where nobody made it."""
        path, _, name = call.target.partition(self.query)
        with self.lock:
            if call.method == "POST":
                name = str(len(self.calls) + 1)
                self.calls[name] = [call.headers, call.raw, hops]
            known = self.calls.get(name)
            if known is None:
                return None
            known[2] -= 1
            return path + self.query + name, known[2] + 1, known


MODAL = Modal()


@fault
def modal(call, hops="2", cold="0", sleeps="0"):
    """No fault: an app behind Modal's proxy. 503 until so many were sent since the reset, then the 303 chain."""
    if MODAL.refused(call):
        return None
    with STATS.lock:
        before = len(STATS.requests)
    if before <= int(cold):
        return call.answer(503, b"modal-http: no running container", kind="text/plain")
    if call.method == "GET" and MODAL.query not in call.target:
        return models(call)
    taken = MODAL.take(call, int(hops))
    if taken is None:
        return call.answer(404, b"modal-http: function call not found", kind="text/plain")
    location, left, (headers, body, _) = taken
    time.sleep(float(sleeps))
    if left > 0:
        return call.answer(303, b"", [("location", location)])
    inner = Call(call.connection, call.wire, call.method, call.target, headers, body, [])
    FAULTS["echo"](inner)
    call.keep = inner.keep
    return None


def models(call):
    """What the server has: one model, of the name that answers."""
    call.answer(200, {"object": "list", "data": [{"id": "echo-1", "object": "model", "created": 1700000000,
                                                  "owned_by": "the tests"}]})


# ---- cut

@fault
def eof_after_text(call):
    call.begin()
    call.end()


@fault
def eof_unframed(call):
    """The body ends with the connection, so that a cut looks like an end."""
    call.stream(close=True)
    call.send(call.wire.begin())
    call.hang_up()


@fault
def eof_before_text(call):
    call.stream()
    call.end()


@fault
def close_mid_chunk(call):
    call.begin()
    call.connection.send(b"400\r\ndata: {")
    call.hang_up()


@fault
def reset_mid_stream(call):
    call.begin()
    call.connection.reset()
    call.hang_up()


@fault
def close_at_once(call):
    call.hang_up()


@fault
def close_in_body(call):
    """A body in one piece that is shorter than its head says."""
    body = json.dumps(call.wire.whole()).encode()
    call.head(200, size=len(body))
    call.connection.send(body[:len(body) // 2])
    call.hang_up()


# ---- silence

@fault
def silent(call):
    call.begin()
    call.connection.wait_for_close()
    call.hang_up()


@fault
def no_head(call):
    call.connection.wait_for_close()
    call.hang_up()


@fault
def pings(call):
    """After some text nothing but keep-alives, for as long as somebody listens."""
    call.begin()
    while True:
        call.send(call.wire.ping())
        time.sleep(0.02)


@fault
def pings_first(call):
    call.stream()
    while True:
        call.send(call.wire.ping())
        time.sleep(0.02)


@fault
def lingers(call):
    """All of it, the proof too; then the body does not end."""
    call.begin()
    call.send(call.wire.rest())
    call.connection.wait_for_close()
    call.hang_up()


@fault
def late_end(call):
    """The proof, and a moment later the body's end."""
    call.begin()
    call.send(call.wire.rest())
    time.sleep(0.02)
    call.end()


# ---- statuses and shapes

@fault
def status(call, code, *headers):
    pairs = [tuple(header.split("=", 1)) for header in headers]
    call.answer(int(code), call.wire.error("some_error", "some_code", "It went wrong"), pairs)


@fault
def fails(call, times, code, *headers):
    """Fails so many times since the last reset, then answers."""
    with STATS.lock:
        before = len(STATS.requests)
    if before > int(times):
        call.well()
    else:
        status(call, code, *headers)


@fault
def quota(call):
    if call.wire.name != "anthropic":
        return call.answer(429, call.wire.error("insufficient_quota", "insufficient_quota", "You exceeded your quota"))
    call.answer(402, call.wire.error("billing_error", None, "Your credit balance is too low"))


HTML = b"<html><head><title>Proxy</title></head><body>" + b"Sign in to the guest network. " * 400 + b"</body></html>"


@fault
def html(call, code="200"):
    call.answer(int(code), HTML, kind="text/html; charset=utf-8")


@fault
def shape(call, which):
    """JSON, but not an answer: as a body, or as a stream's event."""
    text = {"array": b"[]", "string": b'"hello"', "null": b"null", "number": b"17", "object": b"{}", "empty": b"",
            "deep": b"[" * 100000}[which]
    if call.asked.stream:
        call.stream()
        call.send(b"data: " + text + b"\n\n")
        call.end()
    else:
        call.answer(200, text)


@fault
def json_for_stream(call):
    """A stream was asked for; the answer comes in one piece, and well."""
    call.answer(200, call.wire.whole())


@fault
def empty(call, code="200"):
    call.answer(int(code), b"")


@fault
def error_event(call, when="late", how="error"):
    """An error in the middle of a good answer; `failed`: the answer itself says that it failed."""
    call.stream()
    if when == "late":
        call.send(call.wire.begin())
    call.send(call.wire.failed_event() if how == "failed" else call.wire.error_event())
    call.end()


@fault
def broken_json(call):
    if not call.asked.stream:
        return call.answer(200, json.dumps(call.wire.whole()).encode()[:-20])
    call.begin()
    call.send(call.wire.broken_event())
    call.send(call.wire.rest())
    call.end()


@fault
def bad_utf8(call):
    call.begin()
    call.send(call.wire.raw_event(b" w\xff\xfe\xc3rld"))
    call.send(call.wire.rest())
    call.end()


@fault
def finish(call, reason):
    if not call.asked.stream:
        return call.answer(200, call.wire.whole(finish=reason))
    call.begin()
    call.send(call.wire.rest(reason))
    call.end()


def key_of(call):
    return " ".join(call.headers[name] for name in ("authorization", "x-api-key", "modal-key", "modal-secret")
                    if name in call.headers)


@fault
def echo_key(call, code="401"):
    """Tells the client its own key, in every place where an error may look."""
    key = key_of(call)
    message = "Incorrect API key provided: %s. Headers: %s" % (key, json.dumps(call.headers))
    body = call.wire.error("authentication_error", key, message)
    call.answer(int(code), body, [("x-echo", key), ("location", "http://127.0.0.1:9/?key=" + key.replace(" ", "+"))])


@fault
def echo_key_event(call):
    key = key_of(call)
    call.begin()
    text = json.dumps(call.wire.error("authentication_error", key, "your key is " + key)).encode()
    call.send(b"event: error\ndata: " + text + b"\n\n")
    call.end()


@fault
def redirect(call, where):
    path = call.target.replace("/redirect:" + where, "/well", 1)
    port = PORTS["other" if where == "other" else "port"]
    location = path if where == "path" else "http://127.0.0.1:%d%s" % (port, path)
    call.answer(307, b"", [("location", location)])


@fault
def redirect_loop(call):
    call.answer(307, b"", [("location", call.target)])


# ---- sizes

@fault
def big_header(call):
    sent = 0
    call.connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
    try:
        while sent < 20 << 20:
            call.connection.send(b"x-pad-%d: " % sent + b"x" * 8000 + b"\r\n")
            sent += 8016
        call.connection.send(b"\r\n")
    finally:
        STATS.note(sent=sent)
    call.hang_up()


@fault
def big_line(call, megabytes):
    call.begin()
    call.send(b"data: ")
    sent, block = 0, b"x" * (1 << 20)
    try:
        for _ in range(int(megabytes)):
            call.send(block)
            sent += len(block)
        call.send(b"\n\n")
    finally:
        STATS.note(sent=sent)
    call.send(call.wire.rest())
    call.end()


@fault
def big_delta(call, size):
    """One event with so many characters of text."""
    call.begin()
    call.send(call.wire.delta("x" * int(size)))
    call.send(call.wire.rest())
    call.end()


@fault
def endless(call, what):
    """Text, keep-alives or a body without end."""
    if what == "body":
        call.head(200, chunked=True)
        call.send(b'{"id": "')
        piece = b"x" * 65536
    else:
        call.begin()
        piece = call.wire.delta("x" * 4000) if what == "text" else b": ping\n\n" * 100000
    sent = 0
    try:
        while sent < 1 << 30:
            call.send(piece)
            sent += len(piece)
    finally:
        STATS.note(sent=sent)


# ---- encodings, pieces

@fault
def compressed(call):
    if not call.asked.stream:
        return call.answer(200, gzip.compress(json.dumps(call.wire.whole()).encode()), [("content-encoding", "gzip")])
    call.stream(headers=[("content-encoding", "gzip")])
    packer = zlib.compressobj(wbits=31)
    for event in call.wire.begin() + call.wire.rest():
        call.send(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH))
    call.send(packer.flush())
    call.end()


@fault
def bytewise(call):
    """Every byte for itself, in characters of two to four bytes too."""
    text = "\u041f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d \U0001f98a"
    call.stream()
    for event in call.wire.begin() + [call.wire.delta(text)] + call.wire.rest():
        for i in range(len(event)):
            call.send(event[i:i + 1])
    call.end()


# ---- connections

@fault
def stale(call):
    """Answers one request of a connection, and drops it at the next."""
    if call.connection.stale:
        call.hang_up()
    call.connection.stale = True
    call.well()


@fault
def close_idle(call):
    """Closes after an answer that promised to stay."""
    call.well()
    call.hang_up()


PORTS = {}


def control(connection, target):
    if target == "/_reset":
        STATS.reset()
    data = STATS.to_text().encode()
    connection.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data))


def serve_request(connection):
    method, target, headers, body = connection.read_request()
    if target.startswith("/_"):
        control(connection, target)
        return False
    if target.startswith("http://"):  # we are the proxy
        STATS.add("proxied")
        target = "/" + target.split("/", 3)[3]
    with STATS.lock:
        STATS.other += connection.other
        STATS.requests.append((time.monotonic(), method, target, headers))
    words = [unquote(word) for word in target.split("/")[1].split(":")]
    wire = wire_of(target.split("?", 1)[0])
    call = Call(connection, wire, method, target, headers, body, words[1:])
    if words[0] not in FAULTS:
        call.answer(404, wire.error("not_found_error", "unknown_fault", "no fault is called " + words[0]))
    else:
        FAULTS[words[0]](call, *call.arguments)
    return call.keep


def serve(sock, other, context):
    STATS.add("connections")
    try:
        if context:
            sock.settimeout(PATIENCE)
            sock = context.wrap_socket(sock, server_side=True)
            STATS.add("handshakes")
            sock.settimeout(None)
        connection = Connection(sock, other)
        while serve_request(connection):
            pass
    except (Gone, OSError):
        pass
    finally:
        sock.close()


def listen(other=False, context=None):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)

    def accept():
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, args=(sock, other, context), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def main():
    threading.stack_size(256 * 1024)
    PORTS["port"], PORTS["other"] = listen(), listen(other=True)
    if len(sys.argv) == 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        PORTS["tls"] = listen(context=context)
    print(" ".join("%s %d" % pair for pair in PORTS.items()), flush=True)
    while os.read(0, 4096):
        pass
    os._exit(0)  # threads may be waiting for clients


if __name__ == "__main__":
    main()
