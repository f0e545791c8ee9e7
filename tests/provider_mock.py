"""A provider on this machine, for tests: OpenAI's chat completions, Responses, pictures and embeddings, Groq's chat
completions and Anthropic's messages, as far as a test needs them. With Groq's address it speaks as Groq does.

    with ProviderMock() as mock:
        mock.plan = [Refusal(429, "rate_limit_exceeded", {"retry-after-ms": "10"})]   # for the first requests, in order
        ... ask mock.url, or mock.groq_url ...                                        # then it answers
        mock.requests                                                                 # what came
"""
import base64
import email.parser
import email.policy
import http.server
import json
import struct
import threading
import zlib

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


class Gone:
    """An answer of pictures that ends with its connection, after so many of them."""
    def __init__(self, pictures):
        self.pictures = pictures


class Addresses:
    """An answer of pictures that names where they are, instead of holding them."""


class Request:
    """`headers` by their names in lower case. A form is a dict, of (file name, type, bytes) where a file stands; what
    comes more than once is a list."""
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


def sse(events):
    return "".join(("event: %s\n" % name if name else "") + "data: %s\n\n" % data for name, data in events).encode()


def openai_chunk(delta, finish=None):
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mock-1",
                       "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def png(width, height, colour=(200, 30, 30)):
    """The bytes of a picture of one colour, not compressed: some 3 bytes a pixel."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b""))


# What else a server may give is told by its first bytes alone.
PICTURES = {"jpeg": b"\xff\xd8\xff\xd9", "webp": b"RIFF\x04\0\0\0WEBP"}


def picture(body, number):
    """In base64; of several each has a size of its own, 16, 32, 48 pixels, unless one was asked for."""
    kind = body.get("output_format", "png")
    width, height = (int(side) for side in body.get("size", "%dx%d" % (16 * number, 16 * number)).split("x"))
    return base64.b64encode(PICTURES.get(kind) or png(width, height)).decode()


def picture_answer(body, addresses=False):
    data = [{"url": "https://pictures.test/%d.png" % number} if addresses else
            {"b64_json": picture(body, number), "revised_prompt": "A " + body["prompt"]}
            for number in range(1, int(body.get("n", 1)) + 1)]
    return {"created": 1, "data": data, "output_format": body.get("output_format", "png"),
            "usage": {"input_tokens": 9, "output_tokens": 272, "total_tokens": 281}}


def picture_events(body, word):
    common = {"created_at": 1, "output_format": body.get("output_format", "png")}
    for index in range(int(body.get("partial_images", 0))):
        yield [("image_%s.partial_image" % word, json.dumps(dict(
            common, type="image_%s.partial_image" % word, partial_image_index=index, b64_json=picture(body, 1))))]
    for number in range(1, int(body.get("n", 1)) + 1):
        yield [("image_%s.completed" % word, json.dumps(dict(
            common, type="image_%s.completed" % word, b64_json=picture(body, number),
            usage={"input_tokens": 9, "output_tokens": 272, "total_tokens": 281})))]


def embedding_answer(body):
    """Of each text its length and its number in the request, and zeroes."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    rows = []
    for index, text in enumerate(texts):
        vector = [float(len(text)), float(index)] + [0.0] * (int(body.get("dimensions", 4)) - 2)
        packed = base64.b64encode(struct.pack("<%df" % len(vector), *vector)).decode()
        rows.append({"object": "embedding", "index": index,
                     "embedding": packed if body.get("encoding_format") == "base64" else vector})
    return {"object": "list", "model": "mock-1", "data": rows,
            "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}}


def response_of(status, output, usage=None):
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "mock-1",
            "error": None, "incomplete_details": None, "output": output, "usage": usage}


def responses_events(words):
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    text = {"type": "output_text", "text": "".join(words), "annotations": []}
    done = dict(message, status="completed", content=[text])
    usage = {"input_tokens": 17, "input_tokens_details": {"cached_tokens": 16}, "output_tokens": 6,
             "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 23}
    number = iter(range(100))

    def event(name, **members):
        return name, json.dumps(dict(members, type=name, sequence_number=next(number)))
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    yield [event("response.created", response=response_of("in_progress", [])),
           event("response.output_item.added", output_index=0, item=message),
           event("response.content_part.added", part=dict(text, text=""), **place)]
    for word in words:
        yield [event("response.output_text.delta", delta=word, **place)]
    yield [event("response.output_text.done", text=text["text"], **place),
           event("response.content_part.done", part=text, **place),
           event("response.output_item.done", output_index=0, item=done),
           event("response.completed", response=response_of("completed", [done], usage))]


def groq_events(words):
    usage = {"prompt_tokens": 17, "completion_tokens": 6, "total_tokens": 23, "queue_time": 0.25, "prompt_time": 0.01,
             "completion_time": 0.02, "total_time": 0.03}

    def chunk(delta, finish=None, **more):
        return None, json.dumps(dict({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                                      "model": "mock-1",
                                      "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}, **more))
    yield [chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_groq"}), chunk({"reasoning": "Easy."})]
    for word in words:
        yield [chunk({"content": word})]
    yield [chunk({}, "stop", x_groq={"id": "req_groq", "usage": usage}), (None, "[DONE]")]


# As Groq documents them: requests are counted by the day, tokens by the minute.
LIMITS = {"x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": "14399",
          "x-ratelimit-reset-requests": "6s", "x-ratelimit-limit-tokens": "18000",
          "x-ratelimit-remaining-tokens": "17966", "x-ratelimit-reset-tokens": "113.2ms"}


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
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = self.headers["Content-Type"].startswith("multipart/form-data")
        self.serve(self.form(body) if form else json.loads(body))

    def form(self, body):
        head = ("content-type: %s\r\n\r\n" % self.headers["Content-Type"]).encode()
        fields = {}
        for part in email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body).iter_parts():
            name, file = part.get_param("name", header="content-disposition"), part.get_filename()
            data = part.get_payload(decode=True)
            value = data.decode() if file is None else (file, part.get_content_type(), data)
            fields[name] = value if name not in fields else (
                fields[name] + [value] if isinstance(fields[name], list) else [fields[name], value])
        return fields

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

    def groq(self):
        return self.path.startswith("/openai/v1/")

    def refuse(self, action):
        error = {"type": action.code, "code": action.code, "message": action.message}
        self.json(action.status, {"type": "error", "error": error}, action.headers)

    def answer(self, mock, body, action):
        path = self.path.split("?")[0]
        if body is None:
            name = "anthropic" if self.anthropic() else "openai"
            return self.json(200, {"object": "list", "data": MODELS[name], "has_more": False})
        if path.endswith("/embeddings"):
            return self.json(200, embedding_answer(body), LIMITS)
        picture_word = {"/generations": "generation", "/edits": "edit"}.get(path[path.rfind("/"):])
        if not body.get("stream") or body["stream"] == "false":
            if picture_word:
                return self.json(200, picture_answer(body, isinstance(action, Addresses)), LIMITS)
            return self.json(200, anthropic_whole() if self.anthropic() else openai_whole())
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("request-id" if self.anthropic() else "x-request-id", "req_mock")
        for name, value in LIMITS.items() if self.groq() else ():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        words = WORDS[:action.words] if isinstance(action, Stall) else WORDS
        if picture_word:
            events = list(picture_events(body, picture_word))
        elif path.endswith("/responses"):
            events = list(responses_events(words))
        elif self.groq():
            events = list(groq_events(words))
        else:
            events = list(anthropic_events(words) if self.anthropic() else openai_events(words))
        if isinstance(action, Gone):
            events = events[:int(body.get("partial_images", 0)) + action.pictures]
        for piece in events[:-1] if isinstance(action, Stall) else events:
            self.chunk(sse(piece))
        if action:
            if isinstance(action, Stall):
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
        self.groq_url = "http://127.0.0.1:%d/openai/v1" % self.server.server_address[1]
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
