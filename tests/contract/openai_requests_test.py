#!/usr/bin/env python3
"""Requests of this library, held against OpenAI's OpenAPI document; and broken ones, which must be found out."""
import copy
import json
import os
import subprocess
import sys

SKIPPED = 77


def jsonschema_or_skip():
    try:
        import jsonschema
        return jsonschema
    except ImportError:
        # The package of the system is for the system's interpreter.
        system = "/usr/bin/python3"
        if os.path.realpath(sys.executable) != os.path.realpath(system) and "INFER_RETRIED" not in os.environ:
            if subprocess.run([system, "-c", "import jsonschema"], capture_output=True).returncode == 0:
                os.environ["INFER_RETRIED"] = "1"
                os.execv(system, [system] + sys.argv)
        print("skipped: the package jsonschema (Debian: python3-jsonschema) is not installed")
        sys.exit(SKIPPED)


def json_schema(node):
    """OpenAPI 3.0 as JSON Schema: what is nullable may be null."""
    if isinstance(node, list):
        return [json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: json_schema(value) for key, value in node.items() if key not in ("nullable", "discriminator", "example")}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made


def member_names(document, schema):
    """All that an object of this schema may have."""
    names = set()
    if "$ref" in schema:
        return member_names(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    names.update(schema.get("properties", {}))
    for key in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(key, []):
            names |= member_names(document, each)
    return names


class Contract:
    """The document does not forbid members that it does not know; this does, for the body and its messages."""

    def __init__(self, jsonschema, path):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        ref = {"$ref": "#/components/schemas/CreateChatCompletionRequest"}
        schemas = {"schemas": json_schema(document["components"]["schemas"])}
        self.validator = jsonschema.Draft7Validator(dict(ref, components=schemas))
        self.body_names = member_names(document, ref)
        self.message_names = member_names(document, {"$ref": "#/components/schemas/ChatCompletionRequestMessage"})

    def wrong(self, body):
        for error in self.validator.iter_errors(body):
            return "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:300])
        unknown = set(body) - self.body_names
        for message in body["messages"]:
            unknown |= set(message) - self.message_names
        return "unknown members: %s" % sorted(unknown) if unknown else None


def broken(good):
    """Bodies that are wrong, each in one place."""
    def change(what, value):
        body = copy.deepcopy(good)
        place = body
        for key in what[:-1]:
            place = place[key]
        if value is None:
            del place[what[-1]]
        else:
            place[what[-1]] = value
        return "/".join(map(str, what)) + " = " + json.dumps(value), body

    yield change(["model"], None)
    yield change(["messages"], None)
    yield change(["messages"], [])
    yield change(["messages", 0, "role"], "robot")
    yield change(["messages", 0, "content"], 7)
    yield change(["messages", 0, "reasoning_content"], "x")
    yield change(["messages", 2, "content", 1, "image_url"], "https://example.org")
    yield change(["messages", 2, "content", 1, "image_url", "detail"], "huge")
    yield change(["messages", 2, "content", 3, "input_audio", "format"], "ogg")
    yield change(["messages", 3, "tool_calls", 0, "function", "arguments"], {})
    yield change(["messages", 3, "tool_calls", 0, "id"], None)
    yield change(["messages", 3, "tool_calls", 0, "type"], "custom")
    yield change(["messages", 4, "tool_call_id"], None)
    yield change(["tools", 0, "type"], "tool")
    yield change(["tools", 0, "function", "name"], None)
    yield change(["tools", 0, "function", "strict"], "yes")
    yield change(["tool_choice"], "always")
    yield change(["response_format"], {"type": "xml"})
    yield change(["response_format"], {"type": "json_schema", "json_schema": {"schema": {}}})
    yield change(["stop"], ["a", "b", "c", "d", "e"])
    yield change(["n"], 0)
    yield change(["top_logprobs"], 21)
    yield change(["temperature"], 3)
    yield change(["logit_bias"], {"1": 0.5})
    yield change(["max_completion_tokens"], "7")
    yield change(["reasoning_effort"], "extreme")
    yield change(["service_tier"], "cheap")
    yield change(["metadata"], {"a": 1})
    yield change(["stream_options"], {"include_usage": "yes"})
    yield change(["top_k"], 4)
    yield change(["max_token"], 4)


def main():
    program, path = sys.argv[1:]
    if not os.path.exists(path):
        print("skipped: no OpenAPI document at %s" % path)
        return SKIPPED
    contract = Contract(jsonschema_or_skip(), path)
    lines = subprocess.run([program], check=True, capture_output=True, text=True, encoding="utf-8").stdout.splitlines()
    bodies = dict(line.split("\t", 1) for line in lines)
    failures = []
    for name, text in bodies.items():
        wrong = contract.wrong(json.loads(text))
        if wrong:
            failures.append("%s: %s" % (name, wrong))
    accepted = [what for what, body in broken(json.loads(bodies["parts"])) if not contract.wrong(body)]
    failures += ["accepted, though broken: " + what for what in accepted]
    for failure in failures:
        print(failure)
    print("%d requests, %d broken ones, %d failures" % (len(bodies), len(list(broken(json.loads(bodies["parts"])))), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
