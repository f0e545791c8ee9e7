"""Asks a model through the built program, greedily and on one thread."""
import json
import subprocess
import tempfile
from pathlib import Path

import chat


class Answer:
    def __init__(self, events):
        self.text, self.calls = "", []
        for e in events:
            if e["kind"] == "text":
                self.text += e["text"]
            elif e["kind"] == "part_begin" and e["type"] == "tool_call":
                self.calls.append({"name": e["name"], "arguments": ""})
            elif e["kind"] == "tool_args":
                self.calls[-1]["arguments"] += e["text"]
            elif e["kind"] == "finish":
                self.finish = e["reason"]
                self.prompt_tokens = e["usage"]["input"]
                self.completion_tokens = e["usage"]["output"]

    def as_written(self):
        """The answer as the model writes it: its text, or its calls."""
        if not self.calls:
            return self.text
        return "\n".join(chat.call_text(c["name"], json.loads(c["arguments"])) for c in self.calls)


def openai(messages):
    """The corpus' messages with ids for their calls, as the program's files want them."""
    out, calls, results = [], 0, 0
    for m in messages:
        m = dict(m)
        if m.get("tool_calls"):
            m["tool_calls"] = [
                {"id": f"c{calls + i}", "type": "function",
                 "function": {"name": c["function"]["name"],
                              "arguments": json.dumps(c["function"]["arguments"])}}
                for i, c in enumerate(m["tool_calls"])]
            calls += len(m["tool_calls"])
        elif m["role"] == "tool":
            m["tool_call_id"] = f"c{results}"
            results += 1
        out.append(m)
    return out


def ask(program, model_file, messages, tools=()):
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "messages.json")
        said.write_text(json.dumps(openai(messages)), encoding="utf-8")
        command = [program, "run", "-m", model_file, "--threads", "1", "--temperature", "0",
                   "--json", "--messages", str(said)]
        if tools:
            offered = Path(folder, "tools.json")
            offered.write_text(json.dumps(tools), encoding="utf-8")
            command += ["--tools", str(offered)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    return Answer(json.loads(line) for line in done.stdout.decode("utf-8").splitlines())
