"""What the two wires look like from a server's side: answers in one piece, event streams, errors. No faults here."""
import json
import re


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
        prompt = ""
        for message in body.get("messages") or []:
            if message.get("role") == "user":
                content = message.get("content")
                prompt = content if isinstance(content, str) else "".join(
                    part.get("text", "") for part in content or [] if isinstance(part, dict))
        self.words = re.findall(r"\s*\S+|\s+$", prompt)
        self.limit = body.get("max_completion_tokens") or body.get("max_tokens")
        stop = body.get("stop") or body.get("stop_sequences") or []
        self.stop = [stop] if isinstance(stop, str) else stop
        self.n = body.get("n") or 1
        self.logprobs = bool(body.get("logprobs"))
        self.usage = bool((body.get("stream_options") or {}).get("include_usage"))
        form = (body.get("response_format") or body.get("output_format") or {}).get("type", "text")
        self.json = form != "text"
        choice = body.get("tool_choice") or {}
        kind = choice if isinstance(choice, str) else choice.get("type")
        self.tool = kind in ("required", "any", "tool", "function")

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
    suffix = "/chat/completions"

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


class Anthropic:
    """Messages."""
    name = "anthropic"
    suffix = "/messages"

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


WIRES = [OpenAI(), Anthropic()]
