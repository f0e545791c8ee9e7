#!/usr/bin/env python3
"""check_json_test.py PROGRAM [SEED [COUNT]]: random schemas and values, whose verdict must be python-jsonschema's."""
import json
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from with_jsonschema import SKIPPED, jsonschema_or_skip  # noqa: E402

NAMES = ["a", "b", "c", "a/b", "x~y", "\u00e9t\u00e9"]
PATTERNS = ["^a", "b$", "^[a-c]{2,3}$", "^(ab|ba)+$", "\\d", "^.{2}$", "^\u00e9", "a.*c", "^[^b]*$", "(?=.*a)(?=.*b)"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def chance(self, part):
        return self.random.random() < part

    def scalar(self):
        return self.one_of(None, True, False, 0, 1, 2, 3, -1, 1.0, 2.5, 0.5, 7, 100, "", "a", "ab", "abc", "b", "ba1",
                           "\u00e9t\u00e9", "\U0001f600x", "aa")

    def value(self, depth=0):
        kind = self.random.random()
        if depth > 3 or kind < 0.4:
            return self.scalar()
        if kind < 0.7:
            return {name: self.value(depth + 1) for name in self.random.sample(NAMES, self.random.randint(0, 4))}
        return [self.value(depth + 1) for _ in range(self.random.randint(0, 4))]

    def schemas(self, depth, most=3):
        return [self.schema(depth) for _ in range(self.random.randint(1, most))]

    def named(self, depth):
        return {name: self.schema(depth) for name in self.random.sample(NAMES, self.random.randint(0, 4))}

    def names(self):
        return self.random.sample(NAMES, self.random.randint(0, 2))

    def keyword(self, depth):
        """A keyword or a few that belong together."""
        types = ["null", "boolean", "object", "array", "number", "string", "integer"]
        low = self.random.randint(0, 3)
        made = [
            lambda: {"type": self.one_of(*types)},
            lambda: {"type": self.random.sample(types, self.random.randint(1, 3))},
            lambda: {"enum": [self.value(2) for _ in range(self.random.randint(1, 4))]},
            lambda: {"const": self.value(2)},
            lambda: {"minimum": self.one_of(0, 1, 2.5, -1), "maximum": self.one_of(2, 3, 2.5)},
            lambda: {"exclusiveMinimum": self.one_of(0, 1, 0.5), "exclusiveMaximum": self.one_of(2, 3, 100)},
            lambda: {"multipleOf": self.one_of(1, 2, 0.5, 2.5)},
            lambda: {"minLength": low, "maxLength": low + self.random.randint(0, 2)},
            lambda: {"pattern": self.one_of(*PATTERNS)},
            lambda: {"minItems": low, "maxItems": low + self.random.randint(0, 2)},
            lambda: {"uniqueItems": self.chance(0.8)},
            lambda: {"minProperties": low, "maxProperties": low + 1},
            lambda: {"required": self.names()},
            lambda: {"format": "date", "description": "a", "x-own": 3, "title": "t"},
        ]
        inner = [
            lambda: {"items": self.schema(depth)},
            lambda: {"prefixItems": self.schemas(depth)},
            lambda: {"prefixItems": self.schemas(depth), "items": self.schema(depth)},
            lambda: {"contains": self.schema(depth)},
            lambda: {"properties": self.named(depth)},
            lambda: {"properties": self.named(depth), "required": self.names()},
            lambda: {"properties": self.named(depth), "additionalProperties": self.schema(depth)},
            lambda: {"properties": self.named(depth), "additionalProperties": False},
            lambda: {"patternProperties": {self.one_of("^a", "b", "/"): self.schema(depth)},
                     "additionalProperties": self.schema(depth)},
            lambda: {"propertyNames": self.schema(depth)},
            lambda: {"dependentRequired": {self.one_of(*NAMES): self.names()}},
            lambda: {"dependentSchemas": {self.one_of(*NAMES): self.schema(depth)}},
            lambda: {"allOf": self.schemas(depth)},
            lambda: {"anyOf": self.schemas(depth)},
            lambda: {"oneOf": self.schemas(depth)},
            lambda: {"not": self.schema(depth)},
            lambda: {"if": self.schema(depth), "then": self.schema(depth)},
            lambda: {"if": self.schema(depth), "then": self.schema(depth), "else": self.schema(depth)},
        ]
        return self.one_of(*(made + inner if depth < 4 else made))()

    def schema(self, depth=0):
        if self.chance(0.06):
            return self.chance(0.7)
        if depth > 0 and self.chance(0.1):
            # Down the list only, but for a step into a member: no circle without a step.
            return {"$ref": "#/$defs/" + self.one_of("tree", "word", "a~1b")}
        made = {}
        for _ in range(self.random.randint(1, 2)):
            made.update(self.keyword(depth + 1))
        return made

    def document(self):
        schema = self.schema()
        if isinstance(schema, dict):
            schema["$defs"] = {
                "tree": {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"$ref": "#/$defs/word"}}},
                "word": {"type": ["string", "null"], "maxLength": 2},
                "a/b": {"$ref": "#/$defs/word", "minLength": 1},
            }
        return schema


def main():
    jsonschema = jsonschema_or_skip()
    program = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 4000
    maker = Maker(seed)
    pairs, verdicts = [], []
    for _ in range(count):
        schema = maker.document()
        validator = jsonschema.Draft202012Validator(schema)
        for _ in range(3):
            value = maker.value()
            pairs.append((schema, value))
            verdicts.append(validator.is_valid(value))
    lines = "".join(json.dumps(schema) + "\n" + json.dumps(value) + "\n" for schema, value in pairs)
    done = subprocess.run([program], input=lines, stdout=subprocess.PIPE, text=True, timeout=100)
    answers = done.stdout.splitlines()
    if done.returncode or len(answers) != len(pairs):
        sys.exit("exit code %d after %d answers of %d" % (done.returncode, len(answers), len(pairs)))
    wrong = [(pair, verdict, answer) for pair, verdict, answer in zip(pairs, verdicts, answers)
             if answer.split()[0] != ("fits" if verdict else "misfit")]
    for (schema, value), verdict, answer in wrong[:10]:
        print("%s\n%s\n  expected %s, got: %s" % (json.dumps(schema), json.dumps(value), verdict, answer))
    if wrong:
        sys.exit("%d of %d differ" % (len(wrong), len(pairs)))
    fits = sum(verdicts)
    if min(fits, len(pairs) - fits) < len(pairs) // 10:
        sys.exit("too one-sided to prove anything: %d of %d fit" % (fits, len(pairs)))
    print("%d pairs, %d fit" % (len(pairs), fits))


if __name__ == "__main__":
    main()
