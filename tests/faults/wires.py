"""What the wires look like from a server's side: answers in one piece, event streams, errors. No faults here."""
import base64
import json
import re
import struct


def sse(data, event=None):
    """One server-sent event."""
    name = "event: %s\n" % event if event else ""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return ("%sdata: %s\n\n" % (name, text)).encode()


class Asked:
    """A request's body, as far as a model that repeats its prompt needs it."""

    def __init__(self, body):
        self.stream = bool(body.get("stream"))
        self.model = str(body.get("model", ""))
        prompt, asked = "", body.get("messages") or body.get("input") or []
        for message in [{"role": "user", "content": asked}] if isinstance(asked, str) else asked:
            if isinstance(message, dict) and message.get("role") == "user":
                content = message.get("content")
                prompt = content if isinstance(content, str) else "".join(
                    part.get("text", "") for part in content or [] if isinstance(part, dict))
        self.words = re.findall(r"\s*\S+|\s+$", prompt)
        self.limit = body.get("max_completion_tokens") or body.get("max_tokens") or body.get("max_output_tokens")
        stop = body.get("stop") or body.get("stop_sequences") or []
        self.stop = [stop] if isinstance(stop, str) else stop
        self.n = body.get("n") or 1
        self.logprobs = bool(body.get("logprobs")) or "message.output_text.logprobs" in (body.get("include") or [])
        self.usage = bool((body.get("stream_options") or {}).get("include_usage"))
        form = body.get("response_format") or (body.get("text") or {}).get("format") or \
            (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
        # Of a picture it is a word: how its bytes are to come.
        self.json = isinstance(form, dict) and form.get("type", "text") != "text"
        choice = body.get("tool_choice") or {}
        kind = choice if isinstance(choice, str) else choice.get("type")
        self.tool = kind in ("required", "any", "tool", "function")
        self.edits = bool(body.get("image"))
        self.partial_images = int(body.get("partial_images") or 0)
        self.input = body.get("input")
        self.dimensions = body.get("dimensions") or 4
        self.base64 = body.get("encoding_format") == "base64"

    def answer(self):
        """(words, why it ended, the stop text): the prompt, cut where the request says."""
        words, why, stopped = list(self.words), "stop", None
        if self.json:
            words = ['{"words"', ":", " ", str(len(self.words)), "}"]
        if self.limit and len(words) > self.limit:
            words, why = words[:self.limit], "length"
        text = "".join(words)
        cuts = sorted((text.find(stop), stop) for stop in self.stop if stop in text)
        if cuts:
            end, stopped = cuts[0]
            why, kept = "stop_sequence", []
            for word in words:
                if end <= 0:
                    break
                kept.append(word[:end])
                end -= len(word)
            words = kept
        return words, why, stopped


TOOL_ARGUMENTS = ['{"ci', 'ty":', ' "Par', 'is"}']


class OpenAI:
    """Chat completions."""
    name = "openai"
    suffixes = ("/v1/chat/completions",)

    def refusal(self, body):
        """What is wrong with the request, in this server's eyes: (status, body)."""
        return None

    def chunk(self, choices, **more):
        return sse(dict({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000,
                         "model": "fault-1", "choices": choices}, **more))

    def delta(self, text, choice=0, **more):
        return self.chunk([dict({"index": choice, "delta": {"content": text}, "finish_reason": None}, **more)])

    def begin(self):
        """Up to the first content, which it holds."""
        return [self.chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]),
                self.delta("Hello")]

    def rest(self, finish="stop"):
        """More content, then all that proves the answer whole."""
        return [self.delta(", world"),
                self.chunk([{"index": 0, "delta": {}, "finish_reason": finish}]),
                self.chunk([], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
                sse("[DONE]")]

    def ping(self):
        return b": ping\n\n"

    def broken_event(self):
        return b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"wor\n\n'

    def raw_event(self, content):
        """A delta whose JSON string is these bytes."""
        return (b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"fault-1","choices":[{"index":0,'
                b'"delta":{"content":"' + content + b'"},"finish_reason":null}]}\n\n')

    def error_event(self):
        return sse(self.error("server_error", "server_overloaded", "The server is overloaded"))

    def error(self, kind, code, message):
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def whole(self, text="Hello, world", finish="stop"):
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "fault-1",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": None},
                             "logprobs": None, "finish_reason": finish}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}

    # The model that repeats its prompt.

    @staticmethod
    def likely(word):
        entry = {"token": word, "logprob": -0.25, "bytes": list(word.encode())}
        return dict(entry, top_logprobs=[entry])

    def tool_call(self):
        return {"id": "call_1", "type": "function", "function": {"name": "get_weather",
                                                                 "arguments": "".join(TOOL_ARGUMENTS)}}

    def echo(self, asked):
        words, why, _ = asked.answer()
        finish = "length" if why == "length" else "stop"
        usage = {"prompt_tokens": len(asked.words), "completion_tokens": len(words) * asked.n,
                 "total_tokens": len(asked.words) + len(words) * asked.n}
        if not asked.stream:
            message = {"role": "assistant", "content": "".join(words), "refusal": None}
            if asked.tool:
                message = {"role": "assistant", "content": None, "tool_calls": [self.tool_call()]}
                finish = "tool_calls"
            logprobs = {"content": [self.likely(word) for word in words]} if asked.logprobs else None
            answer = self.whole()
            answer["choices"] = [{"index": i, "message": message, "logprobs": logprobs, "finish_reason": finish}
                                 for i in range(asked.n)]
            return dict(answer, usage=usage)
        return self.echo_events(asked, words, finish, usage)

    def echo_events(self, asked, words, finish, usage):
        choices = range(asked.n)
        for i in choices:
            yield self.chunk([{"index": i, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
        if asked.tool:
            call, finish = self.tool_call(), "tool_calls"
            call["function"]["arguments"] = ""
            yield self.chunk([{"index": 0, "delta": {"tool_calls": [dict(call, index=0)]}, "finish_reason": None}])
            for piece in TOOL_ARGUMENTS:
                more = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
                yield self.chunk([{"index": 0, "delta": more, "finish_reason": None}])
        else:
            for word in words:
                for i in choices:
                    more = {"logprobs": {"content": [self.likely(word)]}} if asked.logprobs else {}
                    yield self.delta(word, i, **more)
        for i in choices:
            yield self.chunk([{"index": i, "delta": {}, "finish_reason": finish}])
        if asked.usage:
            yield self.chunk([], usage=usage)
        yield sse("[DONE]")


class Groq(OpenAI):
    """Chat completions, less what Groq refuses; usage on the last chunk, in x_groq too."""
    name = "groq"
    suffixes = ("/openai/v1/chat/completions",)

    def refusal(self, body):
        named = any(isinstance(each, dict) and "name" in each for each in body.get("messages") or [])
        wrong = [field for field in ("logprobs", "top_logprobs", "logit_bias") if field in body]
        wrong += ["messages.0.name"] if named else []
        if wrong:
            return 400, self.error("invalid_request_error", None, "property '%s' is unsupported" % wrong[0])
        if (body.get("n") or 1) != 1:
            return 400, self.error("invalid_request_error", None, "'n' : number must be at most 1")
        return None

    def figures(self, asked=3, answered=2):
        return {"queue_time": 0.021, "prompt_tokens": asked, "prompt_time": 0.003, "completion_tokens": answered,
                "completion_time": 0.04, "total_tokens": asked + answered, "total_time": 0.043}

    def begin(self):
        first = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        return [self.chunk([first], x_groq={"id": "req_groq"}), self.delta("Hello")]

    def rest(self, finish="stop"):
        return [self.delta(", world"), self.last(finish, self.figures()), sse("[DONE]")]

    def last(self, finish, usage):
        return self.chunk([{"index": 0, "delta": {}, "finish_reason": finish}], usage=usage,
                          x_groq={"id": "req_groq", "usage": usage})

    def whole(self, text="Hello, world", finish="stop"):
        return dict(super().whole(text, finish), usage=self.figures(), x_groq={"id": "req_groq"})

    def echo(self, asked):
        answer = super().echo(asked)
        if isinstance(answer, dict):
            answer["usage"] = self.figures(len(asked.words), answer["usage"]["completion_tokens"])
        return answer

    def echo_events(self, asked, words, finish, usage):
        asked.usage = False
        figures = self.figures(len(asked.words), len(words))
        for event in super().echo_events(asked, words, finish, usage):
            if b'"finish_reason":null' in event or not event.startswith(b"data: {"):
                yield event
            else:
                finish = json.loads(event[6:])["choices"][0]["finish_reason"]
                yield self.last(finish, figures)


class Responses:
    """OpenAI's Responses: items instead of choices, every event with its type and number."""
    name = "responses"
    suffixes = ("/responses",)
    # Nobody may send these here: a chat has them.
    foreign = ("messages", "max_tokens", "max_completion_tokens", "stop", "n", "response_format", "stream_options",
               "logprobs", "reasoning_effort", "seed")

    def refusal(self, body):
        wrong = [field for field in self.foreign if field in body]
        if wrong:
            return 400, self.error("invalid_request_error", "unknown_parameter", "Unknown parameter: '%s'." % wrong[0])
        return None

    def typed(self, kind, **more):
        """The numbers are put in by `numbered`."""
        return sse(dict({"type": kind}, **more), kind)

    def response(self, status, output=(), usage=None, **more):
        return dict({"id": "resp_1", "object": "response", "created_at": 1700000000, "model": "fault-1",
                     "status": status, "error": None, "incomplete_details": None, "instructions": None,
                     "output": list(output), "parallel_tool_calls": True, "previous_response_id": None,
                     "tool_choice": "auto", "tools": [], "text": {"format": {"type": "text"}}, "usage": usage,
                     "metadata": {}}, **more)

    def figures(self, asked=3, answered=2, thought=0):
        return {"input_tokens": asked, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": answered,
                "output_tokens_details": {"reasoning_tokens": thought}, "total_tokens": asked + answered}

    def message(self, text, status="completed"):
        content = [] if text is None else [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
        return {"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content}

    @staticmethod
    def reasoning(status="completed", summary=None):
        return {"id": "rs_1", "type": "reasoning", "encrypted_content": "b3BhcXVl" if summary is not None else None,
                "summary": [{"type": "summary_text", "text": summary}] if summary is not None else [],
                "status": status}

    @staticmethod
    def call(arguments, status="completed"):
        return {"id": "fc_1", "type": "function_call", "status": status, "call_id": "call_1", "name": "get_weather",
                "arguments": arguments}

    def delta(self, text, logprobs=()):
        return self.typed("response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta=text,
                          logprobs=list(logprobs), obfuscation="x9")

    def opening(self):
        begun = self.response("in_progress")
        return [self.typed("response.created", response=begun), self.typed("response.in_progress", response=begun)]

    def text_begin(self):
        return [self.typed("response.output_item.added", output_index=0, item=self.message(None, "in_progress")),
                self.typed("response.content_part.added", item_id="msg_1", output_index=0, content_index=0,
                           part={"type": "output_text", "text": "", "annotations": [], "logprobs": []})]

    def text_end(self, text, status="completed"):
        at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        item = self.message(text, status)
        return [self.typed("response.output_text.done", text=text, logprobs=[], **at),
                self.typed("response.content_part.done", part=item["content"][0], **at),
                self.typed("response.output_item.done", output_index=0, item=item)]

    def ended(self, finish, output, usage):
        """The last event, or the whole answer: what `finish` says of it."""
        if finish in ("completed", "stop"):
            return self.response("completed", output, usage)
        if finish == "failed":
            return self.response("failed", output, None,
                                 error={"code": "server_error", "message": "The model failed"})
        return self.response("incomplete", output, usage, incomplete_details={"reason": finish})

    def last(self, finish, output, usage):
        response = self.ended(finish, output, usage)
        return self.typed("response." + response["status"], response=response)

    def begin(self):
        return self.opening() + self.text_begin() + [self.delta("Hello")]

    def rest(self, finish="completed"):
        status = "completed" if finish in ("completed", "stop") else "incomplete"
        return [self.delta(", world")] + self.text_end("Hello, world", status) + [
            self.last(finish, [self.message("Hello, world", status)], self.figures())]

    def ping(self):
        return b": ping\n\n"

    def broken_event(self):
        return (b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"msg_1",'
                b'"output_index":0,"content_index":0,"delta":"wor\n\n')

    def raw_event(self, content):
        return (b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"msg_1",'
                b'"output_index":0,"content_index":0,"delta":"' + content + b'"}\n\n')

    def error_event(self):
        return self.typed("error", code="server_overloaded", message="The server is overloaded", param=None)

    def failed_event(self):
        return self.typed("response.failed", response=self.ended("failed", [], None))

    def error(self, kind, code, message):
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def whole(self, text="Hello, world", finish="completed"):
        return self.ended(finish, [self.message(text)], self.figures())

    @staticmethod
    def why(why):
        return "max_output_tokens" if why == "length" else "completed"

    def echo(self, asked):
        words, why, _ = asked.answer()
        figures = self.figures(len(asked.words), len(words))
        if asked.stream:
            return self.echo_events(asked, words, self.why(why), figures)
        arguments = "".join(TOOL_ARGUMENTS)
        if asked.tool:
            return self.ended("completed", [self.reasoning(summary="Which city?"), self.call(arguments)], figures)
        message = self.message("".join(words))
        if asked.logprobs:
            message["content"][0]["logprobs"] = [OpenAI.likely(word) for word in words]
        return self.ended(self.why(why), [message], figures)

    def echo_events(self, asked, words, finish, figures):
        events = self.tool_events(figures) if asked.tool else self.word_events(asked, words, finish, figures)
        for number, event in enumerate(events):
            yield event.replace(b',"', b',"sequence_number":%d,"' % number, 1)

    def word_events(self, asked, words, finish, figures):
        text = "".join(words)
        status = "completed" if finish == "completed" else "incomplete"
        for event in self.opening() + self.text_begin():
            yield event
        for word in words:
            yield self.delta(word, [OpenAI.likely(word)] if asked.logprobs else [])
        for event in self.text_end(text, status):
            yield event
        yield self.last(finish, [self.message(text, status)], figures)

    def tool_events(self, figures):
        """A thought, then the call."""
        thought, arguments = "Which city?", "".join(TOOL_ARGUMENTS)
        at = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
        for event in self.opening():
            yield event
        yield self.typed("response.output_item.added", output_index=0, item=self.reasoning("in_progress"))
        yield self.typed("response.reasoning_summary_part.added", part={"type": "summary_text", "text": ""}, **at)
        yield self.typed("response.reasoning_summary_text.delta", delta=thought, **at)
        yield self.typed("response.reasoning_summary_text.done", text=thought, **at)
        yield self.typed("response.reasoning_summary_part.done", part={"type": "summary_text", "text": thought}, **at)
        yield self.typed("response.output_item.done", output_index=0, item=self.reasoning(summary=thought))
        at = {"item_id": "fc_1", "output_index": 1}
        yield self.typed("response.output_item.added", output_index=1, item=self.call("", "in_progress"))
        for piece in TOOL_ARGUMENTS:
            yield self.typed("response.function_call_arguments.delta", delta=piece, **at)
        yield self.typed("response.function_call_arguments.done", arguments=arguments, name="get_weather", **at)
        yield self.typed("response.output_item.done", output_index=1, item=self.call(arguments))
        yield self.last("completed", [self.reasoning(summary=thought), self.call(arguments)], figures)


class Anthropic:
    """Messages."""
    name = "anthropic"
    suffixes = ("/messages",)

    def refusal(self, body):
        return None

    def typed(self, kind, **more):
        return sse(dict({"type": kind}, **more), kind)

    def start(self, input_tokens=3):
        return self.typed("message_start", message={
            "id": "msg_1", "type": "message", "role": "assistant", "model": "fault-1", "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": input_tokens, "output_tokens": 1}})

    def delta(self, text):
        return self.typed("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def begin(self):
        return [self.start(),
                self.typed("content_block_start", index=0, content_block={"type": "text", "text": ""}),
                self.typed("ping"), self.delta("Hello")]

    def stop(self, reason, stopped=None, output_tokens=2):
        return [self.typed("content_block_stop", index=0),
                self.typed("message_delta", delta={"stop_reason": reason, "stop_sequence": stopped},
                           usage={"output_tokens": output_tokens}),
                self.typed("message_stop")]

    def rest(self, finish="end_turn"):
        return [self.delta(", world")] + self.stop(finish)

    def ping(self):
        return self.typed("ping")

    def broken_event(self):
        return (b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
                b'"delta":{"type":"text_delta","text":"wor\n\n')

    def raw_event(self, content):
        return (b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
                b'"delta":{"type":"text_delta","text":"' + content + b'"}}\n\n')

    def error_event(self):
        return self.typed("error", error={"type": "overloaded_error", "message": "Overloaded"})

    def error(self, kind, code, message):
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    def whole(self, text="Hello, world", finish="end_turn"):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": "fault-1",
                "content": [{"type": "text", "text": text}], "stop_reason": finish, "stop_sequence": None,
                "usage": {"input_tokens": 3, "output_tokens": 2}}

    def echo(self, asked):
        words, why, stopped = asked.answer()
        reason = {"stop": "end_turn", "length": "max_tokens", "stop_sequence": "stop_sequence"}[why]
        if not asked.stream:
            answer = self.whole("".join(words), reason)
            answer["stop_sequence"] = stopped
            if asked.tool:
                answer["content"] = [{"type": "tool_use", "id": "toolu_1", "name": "get_weather",
                                      "input": json.loads("".join(TOOL_ARGUMENTS))}]
                answer["stop_reason"] = "tool_use"
            return dict(answer, usage={"input_tokens": len(asked.words), "output_tokens": len(words)})
        return self.echo_events(asked, words, reason, stopped)

    def echo_events(self, asked, words, reason, stopped):
        yield self.start(len(asked.words))
        if asked.tool:
            yield self.typed("content_block_start", index=0, content_block={
                "type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}})
            for piece in TOOL_ARGUMENTS:
                yield self.typed("content_block_delta", index=0,
                                 delta={"type": "input_json_delta", "partial_json": piece})
            reason = "tool_use"
        else:
            yield self.typed("content_block_start", index=0, content_block={"type": "text", "text": ""})
            yield self.typed("ping")
            for word in words:
                yield self.delta(word)
        for event in self.stop(reason, stopped, len(words)):
            yield event


# One pixel.
PICTURE = base64.b64encode(base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")).decode()


class Images:
    """Pictures: generated, or edited by a form of several parts."""
    name = "images"
    suffixes = ("/images/generations", "/images/edits")

    def refusal(self, body):
        if not body.get("prompt"):
            return 400, self.error("invalid_request_error", "missing_required_parameter",
                                   "Missing required parameter: 'prompt'.")
        return None

    def error(self, kind, code, message):
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def figures(self):
        return {"input_tokens": 3, "input_tokens_details": {"image_tokens": 0, "text_tokens": 3}, "output_tokens": 196,
                "total_tokens": 199}

    @staticmethod
    def event(kind, asked, **more):
        name = ("image_edit." if asked.edits else "image_generation.") + kind
        return sse(dict({"type": name, "created_at": 1700000000, "size": "1024x1024", "quality": "low",
                         "background": "opaque", "output_format": "png", "b64_json": PICTURE}, **more), name)

    def echo(self, asked):
        if not asked.stream:
            return {"created": 1700000000, "background": "opaque", "output_format": "png", "quality": "low",
                    "size": "1024x1024", "usage": self.figures(), "data": [{"b64_json": PICTURE}] * asked.n}
        return self.echo_events(asked)

    def echo_events(self, asked):
        for number in range(asked.partial_images):
            yield self.event("partial_image", asked, partial_image_index=number)
        for _ in range(asked.n):
            yield self.event("completed", asked, usage=self.figures())


class Embeddings:
    """One row an input, which tells its length and its place."""
    name = "embeddings"
    suffixes = ("/embeddings",)
    most = 2048  # inputs of a request

    def refusal(self, body):
        inputs = body.get("input")
        inputs = [inputs] if isinstance(inputs, str) else inputs
        if not inputs or len(inputs) > self.most or not all(inputs):
            return 400, self.error("invalid_request_error", None, "'$.input' is invalid.")
        return None

    def error(self, kind, code, message):
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def echo(self, asked):
        inputs = [asked.input] if isinstance(asked.input, str) else asked.input
        data = []
        for place, text in enumerate(inputs):
            row = ([float(len(text)), float(place), 0.5, -0.25] + [0.125] * asked.dimensions)[:asked.dimensions]
            if asked.base64:
                row = base64.b64encode(struct.pack("<%df" % len(row), *row)).decode()
            data.append({"object": "embedding", "index": place, "embedding": row})
        tokens = sum(len(text.split()) for text in inputs)
        return {"object": "list", "model": asked.model, "data": data,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


WIRES = [Groq(), OpenAI(), Responses(), Anthropic(), Images(), Embeddings()]


def wire_of(path):
    """By the end of a request's path."""
    return next((wire for wire in WIRES if path.endswith(wire.suffixes)), WIRES[1])
