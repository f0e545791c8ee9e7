#!/usr/bin/env python3
"""Requests of this library, held against OpenAI's OpenAPI document; and broken ones, which must be found out.

What JSON Schema has no word for, and what is made of it here:
- `nullable`: the schema, or null;
- `oneOf` with a `discriminator`: the branches overlap without it (an easy message and an input message may be the same
  bytes), and the validator knows no discriminators. It is read as anyOf: every branch names its type, so that a broken
  item fits none of them;
- members that the document does not list are not forbidden by it. Here they are: of each object, at any depth, the
  members must be those of the branches that the object fits;
- `format: binary`, the files of a form: their names stand for them.
"""
import base64
import copy
import email
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from with_jsonschema import SKIPPED, jsonschema_or_skip  # noqa: E402


def json_schema(node):
    """OpenAPI 3.0 as JSON Schema."""
    if isinstance(node, list):
        return [json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: json_schema(value) for key, value in node.items()
            if key not in ("nullable", "discriminator", "example", "oneOf")}
    if "oneOf" in node:
        branches = json_schema(node["oneOf"])
        if "anyOf" in made:
            made["allOf"] = made.get("allOf", []) + [{"anyOf": branches}]
        else:
            made["anyOf"] = branches
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made


class Contract:
    """One schema of the document."""

    def __init__(self, jsonschema, document, name):
        self.schemas = {"schemas": json_schema(document["components"]["schemas"])}
        self.root = {"$ref": "#/components/schemas/" + name}
        self.validator = jsonschema.Draft7Validator(dict(self.root, components=self.schemas))

    def wrong(self, body):
        for error in self.validator.iter_errors(body):
            return "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:300])
        return self.unknown([self.root], body, "")

    def fits(self, schema, value):
        return next(self.validator.descend(value, schema), None) is None

    def flat(self, schemas, value):
        """The schemas that say something of this value: references followed, branches chosen."""
        for schema in schemas:
            if "$ref" in schema:
                name = schema["$ref"].rsplit("/", 1)[1]
                yield from self.flat([self.schemas["schemas"][name]], value)
                continue
            yield schema
            yield from self.flat(schema.get("allOf", []), value)
            yield from self.flat([each for each in schema.get("anyOf", []) if self.fits(each, value)], value)

    def unknown(self, schemas, value, at):
        """Where the value has a member of which no schema knows."""
        schemas = list(self.flat(schemas, value))
        if isinstance(value, list):
            items = [schema["items"] for schema in schemas if "items" in schema]
            found = (self.unknown(items, each, "%s/%d" % (at, i)) for i, each in enumerate(value)) if items else ()
            return next(filter(None, found), None)
        known = [schema["properties"] for schema in schemas if "properties" in schema]
        free = any(schema.get("additionalProperties") not in (None, False) for schema in schemas)
        if not isinstance(value, dict) or not known or free:
            return None
        for name, member in value.items():
            of = [properties[name] for properties in known if name in properties]
            if not of:
                return "%s: no member %s is known" % (at, name)
            found = self.unknown(of, member, at + "/" + name)
            if found:
                return found
        return None


def form_of(kind, body):
    """A form as the object that its schema describes: numbers and truths are words in it, files their names."""
    form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    fields = {}
    for part in form.get_payload():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename():
            value = part.get_filename()
            if not part["content-type"] or not part.get_payload(decode=True):
                value = None  # a file without a type, or without bytes
        else:
            value = part.get_payload(decode=True).decode()
            if name in ("n", "output_compression", "partial_images", "stream"):
                value = json.loads(value)
        if name.endswith("[]"):
            fields.setdefault(name[:-2], []).append(value)
        elif name in fields:
            raise ValueError("the field %s comes twice" % name)
        else:
            fields[name] = value
    return fields


SCHEMAS = {
    ("/v1/chat/completions", "application/json"): "CreateChatCompletionRequest",
    ("/v1/responses", "application/json"): "CreateResponse",
    ("/v1/images/generations", "application/json"): "CreateImageRequest",
    ("/v1/images/edits", "application/json"): "EditImageBodyJsonParam",
    ("/v1/images/edits", "multipart/form-data"): "CreateImageEditRequest",
    ("/v1/embeddings", "application/json"): "CreateEmbeddingRequest",
}


class Sent:
    """A request as the program printed it."""

    def __init__(self, line):
        self.name, url, kind, body = line.split("\t")
        body = base64.b64decode(body)
        self.schema = SCHEMAS[url.replace("https://api.openai.com", "", 1), kind.split(";")[0].strip()]
        self.body = form_of(kind, body) if kind.startswith("multipart/") else json.loads(body)


def put(body, where, value):
    """The body with one member changed; None takes it away."""
    body = copy.deepcopy(body)
    place = body
    for key in where[:-1]:
        place = place[key]
    if value is None:
        del place[where[-1]]
    else:
        place[where[-1]] = value
    return body


def item_of(body, kind):
    """The place of the first input item of a kind."""
    return next(i for i, item in enumerate(body["input"]) if item.get("type") == kind)


# What is wrong with a request: its name, the place, and what is put there.
BROKEN = [
    ("chat/parts", ["model"], None),
    ("chat/parts", ["messages"], None),
    ("chat/parts", ["messages"], []),
    ("chat/parts", ["messages", 0, "role"], "robot"),
    ("chat/parts", ["messages", 0, "content"], 7),
    ("chat/parts", ["messages", 0, "reasoning_content"], "x"),
    ("chat/parts", ["messages", 2, "content", 1, "image_url"], "https://example.org"),
    ("chat/parts", ["messages", 2, "content", 1, "image_url", "detail"], "huge"),
    ("chat/parts", ["messages", 2, "content", 1, "image_url", "size"], 4),
    ("chat/parts", ["messages", 2, "content", 3, "input_audio", "format"], "ogg"),
    ("chat/parts", ["messages", 3, "tool_calls", 0, "function", "arguments"], {}),
    ("chat/parts", ["messages", 3, "tool_calls", 0, "id"], None),
    ("chat/parts", ["messages", 3, "tool_calls", 0, "type"], "custom"),
    ("chat/parts", ["messages", 4, "tool_call_id"], None),
    ("chat/parts", ["tools", 0, "type"], "tool"),
    ("chat/parts", ["tools", 0, "function", "name"], None),
    ("chat/parts", ["tools", 0, "function", "strict"], "yes"),
    ("chat/parts", ["tools", 0, "function", "schema"], {}),
    ("chat/parts", ["tool_choice"], "always"),
    ("chat/parts", ["response_format"], {"type": "xml"}),
    ("chat/parts", ["response_format"], {"type": "json_schema", "json_schema": {"schema": {}}}),
    ("chat/parts", ["stop"], ["a", "b", "c", "d", "e"]),
    ("chat/parts", ["n"], 0),
    ("chat/parts", ["top_logprobs"], 21),
    ("chat/parts", ["temperature"], 3),
    ("chat/parts", ["logit_bias"], {"1": 0.5}),
    ("chat/parts", ["max_completion_tokens"], "7"),
    ("chat/parts", ["reasoning_effort"], "extreme"),
    ("chat/parts", ["service_tier"], "cheap"),
    ("chat/parts", ["metadata"], {"a": 1}),
    ("chat/parts", ["stream_options"], {"include_usage": "yes"}),
    ("chat/parts", ["top_k"], 4),
    ("chat/parts", ["max_token"], 4),
    ("responses/parts", ["messages"], []),
    ("responses/parts", ["max_tokens"], 100),
    ("responses/parts", ["max_output_tokens"], "100"),
    ("responses/parts", ["input"], 7),
    ("responses/parts", ["input", 0], {"role": "robot", "content": "x"}),
    ("responses/parts", ["input", 0], {"role": "user"}),
    ("responses/parts", ["input", 0], {"type": "telegram", "text": "x"}),
    ("responses/parts", ["input", 0, "name"], "ann"),
    ("responses/parts", ["input", "input_image"], {"type": "input_image", "image_url": {"url": "https://example.org"}}),
    ("responses/parts", ["input", "input_image"], {"type": "input_image", "image_url": "x", "detail": "huge"}),
    ("responses/parts", ["input", "input_image"], {"type": "image_url", "image_url": "x"}),
    ("responses/parts", ["input", "input_image"], {"type": "text", "text": "x"}),
    ("responses/parts", ["input", "function_call", "call_id"], None),
    ("responses/parts", ["input", "function_call", "arguments"], {}),
    ("responses/parts", ["input", "function_call", "parameters"], {}),
    ("responses/parts", ["input", "custom_tool_call", "input"], None),
    ("responses/parts", ["input", "function_call_output", "output"], None),
    ("responses/parts", ["input", "function_call_output", "output"], [{"type": "text", "text": "x"}]),
    ("responses/items", ["input", "reasoning", "summary"], None),
    ("responses/items", ["input", "reasoning", "text"], "x"),
    ("responses/items", ["input", "web_search_call", "status"], "begun"),
    ("responses/items", ["input", "code_interpreter_call", "container_id"], None),
    ("responses/items", ["input", "image_generation_call", "result"], 7),
    ("responses/items", ["input", "mcp_call", "server_label"], None),
    ("responses/parts", ["tools", 0, "function"], {"name": "x"}),
    ("responses/parts", ["tools", 0, "name"], None),
    ("responses/parts", ["tools", 0, "type"], "tool"),
    ("responses/parts", ["tool_choice"], "always"),
    ("responses/parts", ["tool_choice"], {"type": "function", "function": {"name": "x"}}),
    ("responses/parts", ["response_format"], {"type": "json_object"}),
    ("responses/parts", ["text"], {"format": {"type": "xml"}}),
    ("responses/parts", ["text"], {"format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}),
    ("responses/parts", ["text"], {"format": {"type": "json_schema", "schema": {}}}),
    ("responses/parts", ["include"], ["everything"]),
    ("responses/parts", ["reasoning"], {"effort": "extreme"}),
    ("responses/parts", ["reasoning"], {"summary": "short"}),
    ("responses/parts", ["reasoning_effort"], "low"),
    ("responses/parts", ["top_logprobs"], 21),
    ("responses/parts", ["temperature"], 3),
    ("responses/parts", ["stop"], ["a"]),
    ("responses/parts", ["n"], 2),
    ("responses/parts", ["seed"], 2),
    ("responses/parts", ["store"], "yes"),
    ("responses/parts", ["metadata"], {"a": 1}),
    ("responses/parts", ["prompt_cache_retention"], "1h"),
    ("responses/parts", ["stream_options"], {"include_usage": True}),
    ("picture/generated_all", ["prompt"], None),
    ("picture/generated_all", ["n"], 11),
    ("picture/generated_all", ["size"], 1024),
    ("picture/generated_all", ["quality"], "great"),
    ("picture/generated_all", ["background"], "pink"),
    ("picture/generated_all", ["output_format"], "gif"),
    ("picture/generated_all", ["partial_images"], 4),
    ("picture/generated_all", ["seed"], 7),
    ("picture/generated_all", ["images"], []),
    ("picture/references_all", ["images"], []),
    ("picture/references_all", ["images", 0], "https://example.org/a.png"),
    ("picture/references_all", ["images", 0], {"image_url": "https://example.org/a.png", "file_id": "file-1"}),
    ("picture/references_all", ["mask"], {"url": "x"}),
    ("picture/references_all", ["output_compression"], 101),
    ("picture/references_all", ["image"], "x"),
    ("picture/form_of_one_all", ["image"], None),
    ("picture/form_of_one_all", ["image"], 7),
    ("picture/form_of_one_all", ["prompt"], None),
    ("picture/form_of_one_all", ["moderation"], "low"),
    ("picture/form_of_one_all", ["n"], "2"),
    ("picture/form_of_one_all", ["stream"], "true"),
    ("picture/form_of_two", ["image"], ["x"] * 17),
    ("embeddings/all", ["input"], None),
    ("embeddings/all", ["input"], []),
    ("embeddings/all", ["input"], ["x"] * 2049),
    ("embeddings/all", ["input"], [["x"]]),
    ("embeddings/all", ["model"], None),
    ("embeddings/all", ["encoding_format"], "hex"),
    ("embeddings/all", ["dimensions"], 0),
    ("embeddings/all", ["input_type"], "query"),
]


def broken(sent):
    """(what, schema, body): each wrong in one place. A word in a place among items or parts is that of their type."""
    for name, where, value in BROKEN:
        body, where = sent[name].body, list(where)
        if len(where) > 1 and where[1] == "input_image":
            at = next((i, j) for i, item in enumerate(body["input"]) for j, part in enumerate(item.get("content") or [])
                      if isinstance(part, dict) and part.get("type") == "input_image")
            where = ["input", at[0], "content", at[1]]
        elif len(where) > 1 and where[0] == "input":
            where[1] = item_of(body, where[1]) if isinstance(where[1], str) else where[1]
        yield "%s: %s = %s" % (name, "/".join(map(str, where)), json.dumps(value)), sent[name].schema, \
            put(body, where, value)


def main():
    program, path = sys.argv[1:]
    if not os.path.exists(path):
        print("skipped: no OpenAPI document at %s" % path)
        return SKIPPED
    jsonschema = jsonschema_or_skip()
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    contracts = {name: Contract(jsonschema, document, name) for name in set(SCHEMAS.values())}
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    requests = [Sent(line) for line in done.stdout.splitlines()]
    sent = {each.name: each for each in requests}
    found = ((each.name, contracts[each.schema].wrong(each.body)) for each in requests)
    failures = ["not written: " + line for line in done.stderr.splitlines()]
    failures += ["the program ended with %d" % done.returncode] if done.returncode else []
    failures += ["%s: %s" % each for each in found if each[1]]
    failures += ["not one request for " + name for name in contracts if name not in {each.schema for each in requests}]
    wrong = list(broken(sent))
    failures += ["accepted, though broken: " + what
                 for what, schema, body in wrong if not contracts[schema].wrong(body)]
    for failure in failures:
        print(failure)
    print("%d requests, %d broken ones, %d failures" % (len(requests), len(wrong), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
