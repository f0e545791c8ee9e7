"""The chat template: turns messages and tools into the text that the model reads."""
import json
from pathlib import Path

import jinja2

SOURCE = (Path(__file__).parent / "template.jinja").read_text().rstrip("\n")
END, TURN_BEGIN, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"


def _tojson(value):
    # jinja2's own filter escapes <, > and &; the engine's does not.
    return json.dumps(value, ensure_ascii=False)


_environment = jinja2.Environment()
_environment.filters["tojson"] = _tojson
_template = _environment.from_string(SOURCE)


def render(messages, tools=(), answer_next=False, thinking=False):
    effort = {"reasoning_effort": "medium"} if thinking else {}
    return _template.render(messages=messages, tools=list(tools),
                            add_generation_prompt=answer_next, **effort)


def call_text(name, arguments):
    """What an assistant turn holds for one call, as the template writes it."""
    return '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>' % (name, _tojson(arguments))
