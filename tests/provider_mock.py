"""A provider on this machine, for tests: OpenAI's chat completions and Anthropic's messages, as far as a test needs them.

    with ProviderMock() as mock:
        mock.plan = [Refusal(429, "rate_limit_exceeded", {"retry-after-ms": "10"})]   # for the first requests, in order
        ... ask mock.url ...                                                          # then it answers
        mock.requests                                                                 # what came
"""
import http.server
import json
import threading

WORDS = ["The capital ", "of France ", "is Paris."]
TEXT = "".join(WORDS)
MODELS = {
    "openai": [{"id": "mock-1", "object": "model", "created": 1754524800, "owned_by": "tests"},
               {"id": "mock-2", "object": "model", "created": 1754611200, "owned_by": "tests"}],
    "anthropic": [{"type": "model", "id": "mock-1", "display_name": "Mock One", "created_at": "2025-08-07T00:00:00Z"}],
}


class Refusal:
    """An answer that is an error."""
    def __init__(self, status, code, headers=None, message="no, said the mock"):
        self.status, self.code, self.headers, self.message = status, code, headers or {}, message


class Page:
    """An answer of something that is no provider."""
    def __init__(self, status, text):
        self.status, self.text = status, text


class Stall:
    """An answer that begins with so many words and then says nothing more until the client goes."""
    def __init__(self, words):
        self.words = words


class Request:
    """`headers` by their names in lower case."""
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


def sse(events):
    return "".join(("event: %s\n" % name if name else "") + "data: %s\n\n" % data for name, data in events).encode()


def openai_chunk(delta, finish=None):
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mock-1",
                       "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def openai_events(words):
    usage = {"prompt_tokens": 17, "completion_tokens": 6, "total_tokens": 23,
             "prompt_tokens_details": {"cached_tokens": 16}, "completion_tokens_details": {"reasoning_tokens": 2}}
    yield [(None, openai_chunk({"role": "assistant", "content": ""}))]
    for word in words:
        yield [(None, openai_chunk({"content": word}))]
    yield [(None, openai_chunk({}, "stop")),
           (None, json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mock-1",
                              "choices": [], "usage": usage})), (None, "[DONE]")]


def anthropic_events(words):
    def event(name, **members):
        return name, json.dumps(dict(members, type=name))
    yield [event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "mock-1",
                                           "content": [], "stop_reason": None, "stop_sequence": None,
                                           "usage": {"input_tokens": 1, "cache_read_input_tokens": 12,
                                                     "cache_creation_input_tokens": 4, "output_tokens": 1}}),
           event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
           event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Easy."}),
           event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"}),
           event("content_block_stop", index=0),
           event("content_block_start", index=1, content_block={"type": "text", "text": ""})]
    for word in words:
        yield [event("content_block_delta", index=1, delta={"type": "text_delta", "text": word})]
    yield [event("content_block_stop", index=1),
           event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 6}),
           event("message_stop")]


def openai_whole():
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "mock-1",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
            "usage": {"prompt_tokens": 17, "completion_tokens": 6, "total_tokens": 23}}


def anthropic_whole():
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "mock-1", "stop_reason": "end_turn",
            "stop_sequence": None, "content": [{"type": "text", "text": TEXT}],
            "usage": {"input_tokens": 17, "output_tokens": 6}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve(None)

    def do_POST(self):
        self.serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def serve(self, body):
        mock = self.server.mock
        action = mock.take(Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        try:
            if isinstance(action, Refusal):
                self.refuse(action)
            elif isinstance(action, Page):
                self.whole(action.status, action.text.encode(), {"content-type": "text/html"})
            else:
                self.answer(mock, body, action)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def whole(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, status, value, headers=None):
        self.whole(status, json.dumps(value).encode(), dict({"content-type": "application/json"}, **(headers or {})))

    def anthropic(self):
        return self.path.split("?")[0].endswith("/messages") or "anthropic-version" in self.headers

    def refuse(self, action):
        error = {"type": action.code, "code": action.code, "message": action.message}
        self.json(action.status, {"type": "error", "error": error}, action.headers)

    def answer(self, mock, body, action):
        if body is None:
            name = "anthropic" if self.anthropic() else "openai"
            return self.json(200, {"object": "list", "data": MODELS[name], "has_more": False})
        if not body.get("stream"):
            return self.json(200, anthropic_whole() if self.anthropic() else openai_whole())
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("request-id" if self.anthropic() else "x-request-id", "req_mock")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        words = WORDS[:action.words] if action else WORDS
        events = list(anthropic_events(words) if self.anthropic() else openai_events(words))
        for piece in events[:-1] if action else events:
            self.chunk(sse(piece))
        if action:
            mock.over.wait()
            self.close_connection = True
            return
        self.chunk(b"")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that went


class ProviderMock:
    def __init__(self):
        self.requests, self.plan = [], []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.mock = self
        self.url = "http://127.0.0.1:%d/v1" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, request):
        with self.lock:
            self.requests.append(request)
            return self.plan.pop(0) if self.plan else None
