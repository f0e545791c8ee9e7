#!/usr/bin/env python3
"""Drives the real program: cli_test.py INFER [CLASS...]. Python's standard library only.

Each test has its own directory, so that they run beside each other. Times are only upper limits that
a loaded machine does not reach; what must happen first is found out by reading, not by waiting.
"""
import base64
import fcntl
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests"))
import provider_mock  # noqa: E402  beside the tests of other rooms

INFER = ""
PATIENCE = 120  # seconds until something counts as hanging
PARIS = "What is the capital of France?"
STORY = "Tell me a long story."
# One engine thread: tests run beside each other.
TINY = ["-m", "llama:tiny-chat", "--threads", "1"]


# A template with a place for tools, for a model whose own may have none.
TOOLS_TEMPLATE = """
{%- if tools %}{{- '<|im_start|>system\\n<tools>' }}
  {%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}
  {{- '\\n</tools>\\n<tool_call>\\n{"name": ..., "arguments": ...}\\n</tool_call><|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}
  {%- if message.role == 'assistant' and message.tool_calls %}{{- '<|im_start|>assistant\\n' }}
    {%- for call in message.tool_calls %}{{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
      {{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\\n' }}
  {%- elif message.role == 'tool' %}
    {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
  {%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""


def plugin_of(scheme):
    """The plugin's file beside the program, or None."""
    done = subprocess.run([INFER, "plugin", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE)
    for plugin in json.loads(done.stdout)["plugins"]:
        if plugin["scheme"] == scheme and "problem" not in plugin:
            return plugin["path"]
    return None


def needs(scheme):
    """Decorates a test (or a class) that needs a plugin which this build may not have."""
    def decorate(thing):
        if isinstance(thing, type):
            for name in [name for name in vars(thing) if name.startswith("test")]:
                setattr(thing, name, decorate(getattr(thing, name)))
            return thing

        def test(self):
            if plugin_of(scheme) is None:
                self.skipTest("the plugin %s is not built here" % scheme)
            return thing(self)
        test.__name__, test.__doc__ = thing.__name__, thing.__doc__
        return test
    return decorate


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="infer-cli-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.env = {name: value for name, value in os.environ.items()
                    if name not in ("INFER_PLUGIN_PATH", "MODELS_PATH", "DIFFUSION_MODELS_PATH")
                    and not name.endswith(("_API_KEY", "LANG"))
                    and not name.startswith(("OPENAI_", "ANTHROPIC_", "GROQ_", "MODAL_"))
                    and not name.lower().endswith("_proxy")}
        self.env["LC_ALL"] = "C.UTF-8"

    def start(self, *args, **options):
        """The program, running; SIGINT as a shell would leave it, whatever the test was started by."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen([INFER] + list(args), cwd=self.dir, env=self.env,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def infer(self, *args, stdin=None, code=0):
        """(stdout, stderr) as text; the exit code is checked, unless it is None."""
        pipe = {} if stdin is None else {"stdin": subprocess.PIPE}
        process = self.start(*args, **pipe)
        out, err = process.communicate(stdin, timeout=PATIENCE)
        out, err = out.decode(), err.decode()
        if code is None:  # any
            return out, err
        self.assertEqual(process.returncode, code, "exit code of infer %s\nstdout: %s\nstderr: %s"
                         % (" ".join(args), out[-2000:], err[-2000:]))
        return out, err

    def lines(self, out):
        """The JSON lines, held to the contract."""
        self.assertTrue(out.endswith("\n"), "the last line is whole")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertIn(lines[-1]["kind"], ("finish", "error"), "the last line")
        return lines

    def text(self, lines, choice=0):
        return "".join(line["text"] for line in lines if line["kind"] == "text" and line["choice"] == choice)

    def one_error(self, err, code):
        """stderr is one line and says the code."""
        self.assertRegex(err, r"\Ainfer: %s: [^\n]+\n\Z" % code)
        return err

    def on_terminal(self, *args, which):
        """What a terminal shows that is the program's stdout and/or stderr."""
        try:
            ours, theirs = pty.openpty()
        except OSError as error:  # a bare container may have no /dev/pts
            self.skipTest("no terminal can be made here: %s" % error)
        process = self.start(*args, **{name: theirs for name in which})
        os.close(theirs)
        shown = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            shown += chunk
        os.close(ours)
        process.wait(PATIENCE)
        return shown.decode().replace("\r\n", "\n")

    def check_grammar(self, lines):
        """start (warning | usage | progress | part)* finish, as event.h has it."""
        self.assertEqual(lines[0]["kind"], "start")
        open_parts, next_part, finished, usage = {}, {}, set(), {}
        for line in lines[1:]:
            kind, choice = line["kind"], line.get("choice")
            self.assertNotEqual(kind, "start", "one start")
            self.assertNotIn(choice, finished, "nothing of a choice after its finish")
            if kind == "part_begin":
                self.assertNotIn(choice, open_parts)
                self.assertEqual(line["part"], next_part.get(choice, 0))
                next_part[choice] = line["part"] + 1
                open_parts[choice] = line["part"]
            elif kind in ("text", "reasoning", "tool_args", "refusal", "opaque", "part_end"):
                self.assertEqual(open_parts.get(choice), line["part"])
                if kind == "part_end":
                    del open_parts[choice]
            elif kind in ("usage", "finish"):
                for name, value in usage.items():
                    if isinstance(value, (int, float)):
                        self.assertGreaterEqual(line["usage"][name], value, "usage never shrinks")
                usage = line["usage"]
                if kind == "finish":
                    self.assertNotIn(choice, open_parts)
                    finished.add(choice)


@needs("llama")
class Answers(Case):
    def test_paris(self):
        out, err = self.infer("run", *TINY, PARIS)
        self.assertEqual((out, err), ("The capital of France is Paris.", ""))

    def test_without_model_the_shipped_one_answers_and_stderr_says_so(self):
        out, err = self.infer("run", "--threads", "1", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("llama:tiny-chat", err)
        self.assertIn("-m", err)

    def test_whole_characters_stream(self):
        process = self.start("run", *TINY, "How do you say hello in Russian?")
        chunks = []
        while True:
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                break
            chunks.append(chunk.decode())  # raises if a character is split
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("\u041f\u0440\u0438\u0432\u0435\u0442", "".join(chunks))

    def test_every_line_of_russian_json_is_whole(self):
        out, _ = self.infer("run", "--json", *TINY, "How do you say hello in Russian?")
        self.assertIn("\u041f\u0440\u0438\u0432\u0435\u0442", self.text(self.lines(out)))

    def test_prompt_from_stdin(self):
        out, _ = self.infer("run", *TINY, "-", stdin=(PARIS + "\n").encode())
        self.assertEqual(out, "The capital of France is Paris.")

    def test_system_message(self):
        plain, _ = self.infer("run", *TINY, "Hello!")
        pirate, _ = self.infer("run", *TINY, "--system", "You are a pirate.", "Hello!")
        self.assertNotEqual(plain, pirate)
        self.assertIn("Arr", pirate)

    def test_max_tokens(self):
        out, _ = self.infer("run", "--json", *TINY, "--max-tokens", "3", STORY)
        finish = self.lines(out)[-1]
        self.assertEqual((finish["kind"], finish["reason"], finish["usage"]["output"]), ("finish", "length", 3))

    def test_stop(self):
        out, _ = self.infer("run", *TINY, "--stop", "never", "--stop", " Paris", PARIS)
        self.assertEqual(out, "The capital of France is")
        out, _ = self.infer("run", "--json", *TINY, "--stop", " Paris", PARIS)
        finish = self.lines(out)[-1]
        self.assertEqual((finish["reason"], finish["stop_sequence"]), ("stop_sequence", " Paris"))

    def test_sampling_with_a_seed_repeats(self):
        ask = ["run", *TINY, "--temperature", "1.5", "--top-p", "0.9", "--top-k", "40", "--min-p",
               "0.01", "--repeat-penalty", "1.1", "--presence-penalty", "-0.5", "--frequency-penalty", "0.5",
               "--seed", "7", "--max-tokens", "20", STORY]
        self.assertEqual(self.infer(*ask)[0], self.infer(*ask)[0])

    def test_loading_options(self):
        out, _ = self.infer("run", *TINY, "--context", "256", "--parallel", "1", "--batch", "64", "--micro-batch", "32",
                            "--batch-threads", "1", "--devices", "none", "--flash-attention", "off",
                            "--cache-type-k", "f16", "--cache-type-v", "f32", "--no-mmap", "--no-prefix-cache", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")

    def test_plugin_config(self):
        out, _ = self.infer("run", "-m", "llama:tiny-chat", "--config", '{"context":256,"threads":1}', PARIS)
        self.assertEqual(out, "The capital of France is Paris.")

    def test_stats_go_to_stderr(self):
        out, err = self.infer("run", *TINY, "--stats", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")
        self.assertRegex(err, r"tokens: [0-9]+ in, (0 cached, )?[0-9]+ out, [0-9.]+ tokens/s")
        self.assertIn("first token after", err)
        self.assertIn("finish 1", err)

    def test_verbose_shows_the_engines_log(self):
        out, err = self.infer("run", *TINY, "--verbose", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")
        self.assertIn("infer: engine: info: ", err)


@needs("echo")
class Forms(Case):
    """Files and options that shape a request."""
    def file(self, name, text):
        with open(os.path.join(self.dir, name), "w") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        return name

    def check(self, code, exit_code, says, *args):
        out, err = self.infer("run", "-m", "echo:", *args, code=exit_code)
        self.assertEqual(out, "")
        self.one_error(err, code)
        for word in says:
            self.assertIn(word, err)

    def test_files_that_are_wrong_are_named_with_the_place(self):
        bad = self.file("bad.json", '{"a":\n  oops}')
        for option in ("--schema", "--tools", "--messages"):
            self.check("invalid_request", 2, [option, "bad.json", "line 2, column 3"], option, bad, "hi")
            self.check("not_found", 3, [option, "none.json"], option, "none.json", "hi")
        self.check("not_found", 3, ["--grammar", "none.gbnf"], "--grammar", "none.gbnf", "hi")
        self.check("invalid_request", 2, ["empty"], "--grammar", self.file("empty", ""), "hi")
        self.check("invalid_request", 2, ["[0].name"], "--tools", self.file("t", [{}]), "hi")
        self.check("invalid_request", 2, ["[0].role", "robot"], "--messages",
                   self.file("m", [{"role": "robot", "content": "x"}]), "hi")

    def test_options_that_do_not_fit(self):
        schema = self.file("schema", {"type": "object"})
        self.check("invalid_request", 2, ["--grammar", "--schema"], "--schema", schema, "--grammar", schema, "hi")
        self.check("invalid_request", 2, ["--tool-choice", "--tools"], "--tool-choice", "required", "hi")
        self.check("invalid_request", 2, ["nobody"], "--tools", self.file("t", [{"name": "a"}]), "--tool-choice", "nobody",
                   "hi")
        self.check("invalid_request", 2, ["--logit-bias", "17"], "--logit-bias", "17", "hi")
        self.check("invalid_request", 2, ["--effort", "minimal"], "--effort", "some", "hi")
        self.check("invalid_request", 2, ["--numa", "distribute"], "--numa", "often", "hi")
        self.check("invalid_request", 2, ["--cache-type-k", "q8_0"], "--cache-type-k", "tiny", "hi")
        self.check("not_found", 3, ["--chat-template"], "--chat-template", "none.jinja", "hi")

    def test_what_a_backend_cannot_promise_it_refuses(self):
        tools = self.file("tools", [{"type": "function", "function": {"name": "f"}}])
        self.check("unsupported", 1, ["tools"], "--tools", tools, "hi")
        self.check("unsupported", 1, ["output"], "--schema", self.file("s", {"type": "object"}), "hi")
        self.check("unsupported", 1, ["output"], "--grammar", self.file("g", 'root ::= "a"'), "hi")
        self.check("unsupported", 1, ["logprobs"], "--logprobs", "2", "hi")
        self.check("unsupported", 1, ["stop_token_ids"], "--stop-token", "7", "hi")

    def test_every_sampling_option_reaches_the_backend(self):
        for option in ("--temperature", "--dynatemp-range", "--dynatemp-exponent", "--top-p", "--top-k", "--min-p",
                       "--typical-p", "--top-n-sigma", "--xtc-probability", "--xtc-threshold", "--mirostat",
                       "--mirostat-tau", "--mirostat-eta", "--repeat-penalty", "--repeat-last-n", "--presence-penalty",
                       "--frequency-penalty", "--dry-multiplier", "--dry-base", "--dry-allowed-length",
                       "--dry-last-n"):
            out, err = self.infer("run", "-m", "echo:", option, "1", "hi")
            self.assertEqual(out, "hi")
            self.assertRegex(err, r"\Ainfer: warning: [^\n]*(sampling|temperature|top_p)[^\n]*\n\Z", option)
        self.assertIn("logit_bias", self.infer("run", "-m", "echo:", "--logit-bias", "3=-1", "hi")[1])
        self.assertIn("reasoning", self.infer("run", "-m", "echo:", "--effort", "low", "hi")[1])

    def test_a_conversation_from_a_file(self):
        ours = self.file("ours", [{"role": "user", "parts": [{"type": "text", "text": "one two"}]}])
        openai = self.file("openai", {"messages": [{"role": "system", "content": "s"},
                                                   {"role": "user", "content": "three four"}]})
        self.assertEqual(self.infer("run", "-m", "echo:", "--messages", ours)[0], "one two")
        self.assertEqual(self.infer("run", "-m", "echo:", "--messages", openai)[0], "three four")
        self.assertEqual(self.infer("run", "-m", "echo:", "--messages", ours, "five")[0], "five")
        self.check("invalid_request", 2, ["messages"], "--messages", self.file("none", []))

    @needs("llama")
    def test_an_answer_fits_its_schema_or_grammar(self):
        grammar = self.file("grammar", 'root ::= "yes" | "no"')
        self.assertIn(self.infer("run", *TINY, "--grammar", grammar, "Is it?")[0], ("yes", "no"))
        schema = self.file("schema", {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}},
                                      "required": ["colour"], "additionalProperties": False})
        out, _ = self.infer("run", *TINY, "--schema", schema, "Which?")
        self.assertIn(json.loads(out), ({"colour": "red"}, {"colour": "blue"}))
        out, err = self.infer("run", *TINY, "--grammar", self.file("bad", "root ::= ("), "hi", code=2)
        self.assertIn("grammar", self.one_error(err, "invalid_request"))

    @needs("llama")
    def test_calls_are_printed_not_run(self):
        tools = self.file("tools", [{"type": "function", "function": {
            "name": "weather", "description": "The weather in a city now",
            "parameters": {"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}}, "required": ["city"]}}}])
        ask = ["run", *TINY, "--chat-template", self.file("template", TOOLS_TEMPLATE), "--tools", tools]
        out, err = self.infer(*ask, "--tool-choice", "weather", "Weather in Oslo?")
        self.assertRegex(out, r"(?m)^weather\(\{.*\}\)\n\Z")
        lines = self.lines(self.infer(*ask, "--json", "--tool-choice", "required", "Weather in Oslo?")[0])
        self.check_grammar(lines)
        self.assertEqual(lines[-1]["reason"], "tool_calls")
        begin = [line for line in lines if line["kind"] == "part_begin" and line["type"] == "tool_call"]
        self.assertEqual(begin[0]["name"], "weather")
        arguments = json.loads("".join(line["text"] for line in lines
                                       if line["kind"] == "tool_args" and line["part"] == begin[0]["part"]))
        self.assertIn(arguments["city"], ("Oslo", "Rome"))
        # The call and its result go back to the model.
        said = self.file("said", [
            {"role": "user", "content": "Weather in Oslo?"},
            {"role": "assistant", "tool_calls": [{"id": begin[0]["id"], "type": "function", "function": {
                "name": "weather", "arguments": json.dumps(arguments)}}]},
            {"role": "tool", "tool_call_id": begin[0]["id"], "content": "rain"}])
        with_result = self.lines(self.infer(*ask, "--json", "--messages", said, "--max-tokens", "4")[0])
        self.assertGreater(with_result[-1]["usage"]["input"], lines[-1]["usage"]["input"])

    @needs("llama")
    def test_log_probabilities(self):
        lines = self.lines(self.infer("run", "--json", *TINY, "--logprobs", "2", "--max-tokens", "3", PARIS)[0])
        tokens = [token for line in lines if line["kind"] == "text" for token in line["logprobs"]]
        self.assertEqual("".join(token["text"] for token in tokens), self.text(lines))
        for token in tokens:
            self.assertLessEqual(token["logprob"], 0)
            self.assertEqual(len(token["top"]), 2)
        out, err = self.infer("run", *TINY, "--logprobs", "0", "--max-tokens", "3", PARIS)
        self.assertEqual(out, self.text(lines))
        self.assertEqual(len(re.findall(r'(?m)^infer: token: [0-9.]+ % "', err)), 3)

    @needs("llama")
    def test_several_answers(self):
        out, _ = self.infer("run", "--json", *TINY, "-n", "3", "--max-tokens", "3", PARIS)
        lines = self.lines(out)
        self.check_grammar(lines)
        self.assertEqual({self.text(lines, choice) for choice in range(3)}, {"The capital of"})
        out, _ = self.infer("run", *TINY, "-n", "3", "--max-tokens", "3", PARIS)
        self.assertEqual(out, "\n".join(["The capital of"] * 3))

    def test_a_path_to_a_gguf_file_is_a_model(self):
        if plugin_of("llama") is None:
            self.skipTest("the plugin llama is not built here")
        out, err = self.infer("run", "-m", "none.gguf", "hi", code=3)
        self.assertIn("none.gguf", self.one_error(err, "not_found"))


@needs("echo")
class Chat(Case):
    def talk(self, said, *args, code=0, model="echo:"):
        return self.infer("chat", model, *args, stdin=said.encode(), code=code)

    def test_a_turn_a_line(self):
        out, err = self.talk("hello there\n\nhow are you?\n")
        self.assertEqual((out, err), ("hello there\nhow are you?\n", ""))
        self.assertEqual(self.talk("a last line without an end")[0], "a last line without an end\n")
        self.assertEqual(self.talk(""), ("", ""))

    def test_messages_of_several_lines(self):
        out, _ = self.talk('one \\\ntwo\n"""\na\n\n/b\n"""\n"""half a block\n')
        self.assertEqual(out, "one \ntwo\na\n\n/b\nhalf a block\n")

    def test_commands(self):
        out, err = self.talk("/system Be brief.\none\ntwo\n/undo\n/history\n/usage\n/reset\n/history\n/help\n/model\n/quit\n"
                             "never read\n")
        self.assertEqual(out, "one\ntwo\n")
        self.assertIn("system: Be brief.\nuser: one\nassistant: one\n", err)
        self.assertNotIn("user: two", err)
        self.assertIn("all 2: 2 in, 2 out", err)
        self.assertEqual(err.count("system: Be brief."), 2, "the system message stays")
        self.assertIn("/regenerate", err)
        self.assertIn("\necho:\n", err)

    def test_a_slash_may_begin_a_message(self):
        self.assertEqual(self.talk("//etc is a directory\n")[0], "/etc is a directory\n")

    def test_the_answer_again(self):
        out, err = self.talk("one\n/regenerate\n/history\n")
        self.assertEqual(out, "one\none\n")
        self.assertEqual(err, "user: one\nassistant: one\n")

    def test_system_messages(self):
        _, err = self.talk("/system\n/system new\n/system\n/system -\n/system\n", "--system", "old")
        self.assertEqual(err, "old\nnew\nThere is no system message.\n")

    def test_save_and_load(self):
        path = os.path.join(self.dir, "chat.json")
        self.talk("one \u20ac\n/save %s\n" % path)
        out, err = self.talk("/load %s\n/history\n" % path)
        self.assertIn("user: one \u20ac\nassistant: one \u20ac\n", err)
        _, err = self.talk("/history\n", "--messages", path)
        self.assertIn("user: one \u20ac\n", err)
        out, _ = self.infer("run", "-m", "echo:", "--messages", path, "two")
        self.assertEqual(out, "two")

    def test_what_fails_is_told_and_the_chat_goes_on(self):
        out, err = self.talk("/frobnicate\none\n/load none.json\n/save\n/save /no/such/place\n/undo\n/undo\n/regenerate\n"
                             "/model nobody:x\ntwo\n", code=3)
        self.assertEqual(out, "one\ntwo\n")
        lines = err.splitlines()
        self.assertEqual(len(lines), 7, err)
        for line, says in zip(lines, ("invalid_request: .*/frobnicate", "not_found: .*none.json", "invalid_request: .*/save",
                                      "io: /no/such/place", "invalid_request: ", "invalid_request: ", "not_found: ")):
            self.assertRegex(line, "^infer: " + says)

    def test_a_question_without_an_answer_is_taken_back(self):
        _, err = self.talk("one\n/history\n", "--timeout", "0.05", model="echo:1000000000", code=6)
        self.assertIn("infer: timeout: ", err)
        self.assertIn("assistant: one one", err, "what had come stays")
        _, err = self.talk("one\n/history\n", "--stop", "x", code=1)
        self.assertEqual(err.count("\n"), 1, "only the error: " + err)
        self.one_error(err, "unsupported")

    def test_wrong_beginnings(self):
        self.one_error(self.infer("chat", "nobody:x", code=3)[1], "not_found")
        self.one_error(self.infer("chat", "echo:", "--messages", "none.json", code=3)[1], "not_found")
        self.one_error(self.infer("chat", "echo:", "-m", "echo:", code=2)[1], "invalid_request")

    def test_a_reader_that_goes_is_no_error(self):
        process = self.start("chat", "echo:1000000000", stdin=subprocess.PIPE)
        process.stdin.write(b"word\n")
        process.stdin.flush()
        os.read(process.stdout.fileno(), 1)
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (0, b""))

    @needs("llama")
    def test_a_conversation_that_no_longer_fits(self):
        long = "word " * 2000
        out, err = self.talk("Hello!\n%s\nHello!\n" % long, "--threads", "1", model="llama:tiny-chat", code=1)
        self.assertEqual(len(out.splitlines()), 2, "the chat goes on")
        self.assertIn("infer: context_overflow: ", err)
        self.assertIn("/reset", err)
        self.assertIn("--truncate", err)

    @needs("llama")
    def test_a_real_model_knows_what_was_said(self):
        out, err = self.talk("What is the capital of France?\n/usage\n", "--threads", "1", model="llama:tiny-chat")
        self.assertEqual(out, "The capital of France is Paris.\n")
        self.assertRegex(err, r"last: [0-9]+ in, (0 cached, )?[0-9]+ out")

    # On a terminal.

    def terminal(self, *args):
        try:
            ours, theirs = pty.openpty()
        except OSError as error:
            self.skipTest("no terminal can be made here: %s" % error)
        self.addCleanup(os.close, ours)
        self.env["TERM"] = "xterm"
        process = subprocess.Popen([INFER] + list(args), cwd=self.dir, env=self.env, stdin=theirs, stdout=theirs,
                                   stderr=theirs, preexec_fn=self.own_terminal)
        os.close(theirs)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
        self.addCleanup(end)
        self.shown = ""
        return process, ours

    @staticmethod
    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def until(self, ours, what):
        """Reads until the terminal shows it, after all that was waited for before."""
        while what not in self.shown:
            ready, _, _ = select.select([ours], [], [], PATIENCE)
            self.assertTrue(ready, "%r was waited for in vain after %r" % (what, self.shown[-300:]))
            try:
                chunk = os.read(ours, 4096)
            except OSError:
                chunk = b""
            self.assertTrue(chunk, "the program ended after %r" % self.shown[-300:])
            self.shown += chunk.decode(errors="replace")
        self.shown = self.shown[self.shown.index(what) + len(what):]

    def test_ctrl_d_leaves(self):
        process, ours = self.terminal("chat", "echo:")
        self.until(ours, "> ")
        os.write(ours, "h\u00e9llo\n".encode())
        self.until(ours, "h\u00e9llo\r\nh\u00e9llo\r\n")
        self.until(ours, "> ")
        # A key that comes between the prompt and the line editor's taking the terminal may be dropped: pressed again.
        for _ in range(PATIENCE):
            os.write(ours, b"\x04")
            try:
                self.assertEqual(process.wait(1), 0)
                return
            except subprocess.TimeoutExpired:
                pass
        self.fail("Ctrl-D does not leave")

    def test_the_terminal_is_given_back(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            process, ours = self.terminal("chat", "echo:")
            self.until(ours, "> ")
            process.send_signal(number)
            self.assertEqual(process.wait(PATIENCE), -number)
            modes = termios.tcgetattr(ours)[3]
            self.assertEqual(modes & (termios.ECHO | termios.ICANON), termios.ECHO | termios.ICANON)

    def test_ctrl_c_stops_the_answer_but_not_the_chat(self):
        process, ours = self.terminal("chat", "echo:1000000000")
        self.until(ours, "> ")
        os.write(ours, b"word\n")
        self.until(ours, "word word word")
        os.write(ours, b"\x03")
        self.until(ours, "what had come stays")
        self.until(ours, "> ")
        os.write(ours, b"/undo\n/history\n/usage\n")
        self.until(ours, "all 1: ")
        self.until(ours, "> ")
        os.write(ours, b"\x03")
        self.assertEqual(process.wait(PATIENCE), 130)

    def test_twice_leaves(self):
        process, ours = self.terminal("chat", "echo:1000000000")
        self.until(ours, "> ")
        os.write(ours, b"word\n")
        self.until(ours, "word word word")
        # Two signals at once may be one. The terminal is read, so that a write of the program never waits.
        last = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < last:
            try:
                os.write(ours, b"\x03")
                while select.select([ours], [], [], 0.05)[0]:
                    os.read(ours, 65536)
            except OSError:  # the program has ended
                pass
        self.assertEqual(process.wait(PATIENCE), 130)


class Vectors(Case):
    @needs("echo")
    def test_what_is_wrong(self):
        for args, code, exit_code, says in (
                (["embed"], "invalid_request", 2, "model"),
                (["embed", "echo:"], "invalid_request", 2, "texts"),
                (["embed", "nobody:x", "hi"], "not_found", 3, "nobody"),
                (["embed", "echo:", "hi"], "unsupported", 1, "echo"),
                (["embed", "echo:", "--normalize", "--no-normalize", "hi"], "invalid_request", 2, "--normalize"),
                (["rerank", "echo:"], "invalid_request", 2, "query"),
                (["rerank", "echo:", "query"], "invalid_request", 2, "documents"),
                (["rerank", "echo:", "query", "document"], "unsupported", 1, "echo")):
            out, err = self.infer(*args, code=exit_code)
            self.assertEqual(out, "", args)
            self.assertIn(says, self.one_error(err, code))
        out, _ = self.infer("embed", "--json", "echo:", "hi", code=1)
        self.assertEqual(self.lines(out)[-1]["code"], "unsupported")


    @needs("llama")
    def test_a_vector_a_line(self):
        embed = ["embed", "llama:tiny-chat", "--threads", "1", "--normalize"]
        out, _ = self.infer(*embed, "a cat", "-", stdin=b"a dog\n\na very long story\r\n")
        rows = [[float(number) for number in line.split()] for line in out.splitlines()]
        self.assertEqual(len(rows), 3, "empty lines are no texts")
        for row in rows:
            self.assertEqual(len(row), len(rows[0]))
            self.assertAlmostEqual(sum(number * number for number in row), 1, places=4)
        self.assertNotEqual(rows[0], rows[1])
        lines = self.lines(self.infer(*embed, "--json", "a cat", "a very long story")[0])
        self.assertEqual([line["kind"] for line in lines], ["embedding", "embedding", "finish"])
        self.assertEqual([line["index"] for line in lines[:2]], [0, 1])
        self.assertEqual(lines[0]["dimensions"], len(rows[0]))
        for a, b in zip(lines[1]["values"], rows[2]):
            self.assertAlmostEqual(a, b, places=4)
        self.assertGreater(lines[2]["usage"]["input"], 0)


class Bench(Case):
    @needs("echo")
    def test_what_is_wrong(self):
        for args, says in ((["--width", "0"], "--width"), (["--prompt", "0"], "--prompt"), (["--tokens", "1"], "--tokens"),
                           (["--repeat", "0"], "--repeat"), (["--width", "1,x"], "--width")):
            out, err = self.infer("bench", "echo:", *args, code=2)
            self.assertEqual(out, "")
            self.assertIn(says, self.one_error(err, "invalid_request"))

    @needs("llama")
    def test_figures(self):
        small = ["bench", "llama:tiny-chat", "--prompt", "32,64", "--width", "1,2", "--tokens", "8", "--repeat", "2",
                 "--threads", "1"]
        found = json.loads(self.infer(*small, "--json")[0])
        self.assertEqual([(row["what"], row.get("prompt"), row.get("width")) for row in found["rows"]],
                         [("prefill", 32, None), ("prefill", 64, None), ("decode", None, 1), ("decode", None, 2)])
        for row in found["rows"]:
            self.assertEqual(len(row["runs"]), 2)
            self.assertGreater(row["tokens_per_s"], 0)
            self.assertLessEqual(min(row["runs"]), row["tokens_per_s"])
            self.assertLessEqual(row["tokens_per_s"], max(row["runs"]))
        out, err = self.infer(*small)
        self.assertRegex(out, r"(?m)^decode +2 at once +[0-9.]+ +[0-9.]+ +[0-9.]+ +2$")
        self.assertIn("warming up", err)

    @needs("llama")
    def test_prompts_that_nobody_asked_for_fit(self):
        found = json.loads(self.infer("bench", "llama:tiny-chat", "--context", "256", "--width", "1", "--tokens", "2",
                                      "--repeat", "1", "--threads", "1", "--json")[0])
        self.assertEqual([row["prompt"] for row in found["rows"] if "prompt" in row], [128])

    @needs("llama")
    def test_an_interrupt_leaves_what_was_measured(self):
        process = self.start("bench", "llama:tiny-chat", "--prompt", "32", "--width", "1", "--tokens", "64", "--repeat", "1000",
                             "--threads", "1")
        while b"2 of" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertIn("prefill", out.decode())
        self.assertIn("infer: cancelled: ", err.decode())


@needs("echo")
class Json(Case):
    def test_grammar_and_text(self):
        out, err = self.infer("run", "--json", "-m", "echo:20", 'say "hi" \\ \u20ac')
        lines = self.lines(out)
        self.check_grammar(lines)
        self.assertEqual(self.text(lines), " ".join(['say "hi" \\ \u20ac'] * 5))
        self.assertEqual(sum(line["kind"] == "text" for line in lines), 20)
        self.assertEqual(lines[-1]["reason"], "stop")
        self.assertEqual(lines[-1]["usage"]["output"], 20)
        self.assertEqual(err, "")

    @needs("llama")
    def test_grammar_of_a_real_model(self):
        lines = self.lines(self.infer("run", "--json", *TINY, STORY)[0])
        self.check_grammar(lines)
        self.assertEqual(lines[0]["model"], "tiny-chat")
        self.assertGreater(lines[-1]["usage"]["first_ms"], 0)

    def test_warning(self):
        out, err = self.infer("run", "--json", "-m", "echo:", "--temperature", "0.5", "hi")
        warning = [line for line in self.lines(out) if line["kind"] == "warning"][0]
        self.assertEqual((warning["code"], warning["details"]), ("unsupported_setting", {"setting": "temperature"}))
        self.assertEqual(err, "")
        out, err = self.infer("run", "-m", "echo:", "--temperature", "0.5", "hi")
        self.assertEqual(out, "hi")
        self.assertRegex(err, r"\Ainfer: warning: [^\n]+\n\Z")

    def check_error(self, code, exit_code, *args, **options):
        out, err = self.infer("run", "--json", *args, code=exit_code, **options)
        error = self.lines(out)[-1]
        self.assertEqual(error["kind"], "error")
        self.assertEqual(error["code"], code)
        for key in ("message", "http_status", "retry_after_s", "request_id", "partial", "details"):
            self.assertIn(key, error)
        self.one_error(err, code)
        return error

    def test_errors_are_last_lines(self):
        self.check_error("not_found", 3, "-m", "nobody:x", "hi")
        self.check_error("not_found", 3, "-m", "llama:/no/such/file.gguf", "hi")
        self.check_error("invalid_request", 2, "-m", "noscheme", "hi")
        self.check_error("invalid_request", 2, "-m", "echo:", "--max-tokens", "many", "hi")
        self.check_error("invalid_request", 2, "--frobnicate", "hi")
        self.check_error("invalid_request", 2, "-m", "echo:")
        self.check_error("unsupported", 1, "-m", "echo:", "--stop", "x", "hi")
        error = self.check_error("invalid_request", 2, "-m", "echo:", "--max-tokens", "0", "hi")
        self.assertEqual(error["details"]["field"], "max_tokens")
        error = self.check_error("invalid_request", 2, "-m", "echo:", "-", stdin=b"hi\xff")
        self.assertEqual(error["details"]["offset"], 2)

    def test_documents_of_other_commands(self):
        self.assertIn("version", json.loads(self.infer("version", "--json")[0]))
        schemes = [p["scheme"] for p in json.loads(self.infer("plugin", "list", "--json")[0])["plugins"]]
        self.assertIn("echo", schemes)
        self.assertIn("models", json.loads(self.infer("models", "--json")[0]))


@needs("echo")
class Errors(Case):
    def check(self, code, exit_code, says, *args, **options):
        out, err = self.infer(*args, code=exit_code, **options)
        self.assertEqual(out, "")
        self.one_error(err, code)
        for word in says:
            self.assertIn(word, err)

    def test_usage(self):
        self.check("invalid_request", 2, ["--tempurature", "infer run --help"], "run", "--tempurature", "1", "hi")
        self.check("invalid_request", 2, ["frobnicate", "infer --help"], "frobnicate")
        self.check("invalid_request", 2, ["'is'", "quotes"], "run", "What", "is", "up?")
        self.check("invalid_request", 2, ["--max-tokens", "infer run --help"], "run", "--max-tokens", "x", "hi")
        self.check("invalid_request", 2, ["--timeout"], "run", "--timeout", "0", "hi")
        self.check("invalid_request", 2, ["--timeout"], "run", "--timeout", "-1", "hi")
        self.check("invalid_request", 2, ["--seed"], "run", "--seed", "-1", "hi")
        self.check("invalid_request", 2, ["plugin --help"], "plugin")
        self.check("invalid_request", 2, ["unknown command 'nope'"], "plugin", "nope")
        self.check("invalid_request", 2, ["unknown option --nope"], "embed", "--nope")
        self.check("invalid_request", 2, ["--config", "JSON"], "run", "--config", "file.json", "hi")
        self.check("invalid_request", 2, ["texts"], "embed", "echo:", "-", stdin=b"")
        self.check("invalid_request", 2, ["--config"], "run", "--config", "{}", "--threads", "1", "hi")
        self.check("invalid_request", 2, ["--config"], "run", "--config", "{}", "--no-mmap", "hi")

    def test_values_are_of_their_kind(self):
        # An unset variable of the shell must not take a promise away.
        for option in ("--max-tokens", "--temperature", "--seed", "-n", "--schema", "--grammar", "--tools", "--messages",
                       "--effort", "--chat-template", "--context", "--tensor-split", "-m"):
            self.check("invalid_request", 2, ["''", "infer run --help"], "run", "-m", "echo:", option, "", "hi")
        for option in ("--max-tokens", "--seed", "--top-k", "-n", "--stop-token", "--context"):
            for value in ("1.5", "0x10", "99999999999999999999999", "nan"):
                self.check("invalid_request", 2, [value], "run", "-m", "echo:", option, value, "hi")
        self.check("invalid_request", 2, ["99999999999"], "run", "-m", "echo:", "--top-k", "99999999999", "hi")
        for value in ("nan", "inf", "1e999", "1,5", "x"):
            self.check("invalid_request", 2, [value, "number"], "run", "-m", "echo:", "--temperature", value, "hi")
        self.assertEqual(self.infer("run", "-m", "echo:", "--system", "", "hi")[0], "hi")

    def test_no_command_shows_the_help(self):
        out, err = self.infer(code=2)
        self.assertEqual(out, "")
        self.assertIn("Exit codes", err)

    def test_prompts(self):
        self.check("invalid_request", 2, ["infer run -"], "run", stdin=b"piped")
        self.check("invalid_request", 2, ["empty"], "run", "-m", "echo:", "")
        self.check("invalid_request", 2, ["empty"], "run", "-m", "echo:", "-", stdin=b"")
        self.check("invalid_request", 2, ["UTF-8", "byte 6"], "run", "-m", "echo:", "-", stdin=b"hello \xc3(")
        self.check("invalid_request", 2, ["UTF-8"], "run", "-m", "echo:", b"hello \xff".decode(errors="surrogateescape"))
        self.check("too_large", 1, ["64 MiB"], "run", "-m", "echo:", "-", stdin=b"a" * ((64 << 20) + 1))

    def test_a_prompt_may_begin_with_a_dash(self):
        self.assertEqual(self.infer("run", "-m", "echo:", "--", "-5 and 3")[0], "-5 and 3")

    def test_models(self):
        self.check("invalid_request", 2, ["scheme", "llama:"], "run", "-m", "tiny-chat", "hi")
        self.check("not_found", 3, ["infer-nobody.so"], "run", "-m", "nobody:x", "hi")
        self.check("not_found", 3, ["echo"], "run", "-m", "echo:x", "hi")

    def test_a_plugin_names_the_setting_it_refuses(self):
        self.check("unsupported", 1, ["stop"], "run", "-m", "echo:", "--stop", "x", "hi")
        self.check("unsupported", 1, ["n"], "run", "-m", "echo:", "-n", "2", "hi")
        self.check("invalid_request", 2, ["colour"], "run", "-m", "echo:", "--config", '{"colour":1}', "hi")

    @needs("llama")
    def test_local_models(self):
        self.check("not_found", 3, ["/no/such/file.gguf"], "run", "-m", "llama:/no/such/file.gguf", "hi")
        self.check("not_found", 3, ["nothing", "MODELS_PATH"], "run", "-m", "llama:nothing", "hi")
        broken = os.path.join(self.dir, "broken.gguf")
        with open(broken, "wb") as file:
            file.write(b"GGUF but not really")
        self.check("model_invalid", 8, ["llama"], "run", "-m", "llama:" + broken, "hi")
        self.check("invalid_request", 2, ["threads"], "run", "-m", "llama:tiny-chat", "--threads", "0", "hi")

    @needs("llama")
    def test_a_prompt_that_is_too_long_names_both_sizes(self):
        out, err = self.infer("run", "--json", *TINY, "-", stdin=b"hello " * 5000, code=1)
        error = self.lines(out)[-1]
        self.assertEqual(error["code"], "context_overflow")
        self.assertGreater(error["details"]["need"], 5000)
        self.assertEqual(error["details"]["have"], 512)
        self.assertIn("512", err)


class Limits(Case):
    @needs("llama")
    def test_a_time_that_runs_out_is_named(self):
        # Hundreds of steps before the first word: much longer than the time.
        slow = ["run", "--json", *TINY, "--batch", "32", "word " * 200]
        for option, name in (("--timeout", "total"), ("--timeout-first", "first")):
            out, err = self.infer(*slow, option, "0.005", code=6)
            error = self.lines(out)[-1]
            self.assertEqual((error["code"], error["details"]["timeout"]), ("timeout", name))
            self.one_error(err, "timeout")

    @needs("echo")
    def test_an_answer_that_never_pauses_ends_in_time_too(self):
        out, err = self.infer("run", "-m", "echo:1000000000", "--timeout", "0.1", "hi", code=6)
        self.one_error(err, "timeout")
        self.assertTrue(out.startswith("hi hi"))

    @needs("echo")
    def test_long_times_do_not_matter(self):
        out, _ = self.infer("run", "-m", "echo:", "--timeout", "1e6", "--timeout-connect", "99.5", "--timeout-first",
                            "100", "--timeout-idle", "100", "all is well")
        self.assertEqual(out, "all is well")

    @needs("echo")
    def test_max_tokens(self):
        out, _ = self.infer("run", "--json", "-m", "echo:100", "--max-tokens", "3", "one two three four")
        lines = self.lines(out)
        self.assertEqual((self.text(lines), lines[-1]["reason"]), ("one two three", "length"))


@needs("echo")
class Interrupts(Case):
    ENDLESS = "echo:1000000000"

    def test_one_keeps_what_came(self):
        process = self.start("run", "-m", self.ENDLESS, "word")
        first = os.read(process.stdout.fileno(), 4)
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.one_error(err.decode(), "cancelled")
        out = (first + rest).decode()
        self.assertEqual(out, " ".join(["word"] * len(out.split())))

    def test_one_with_json_ends_in_an_error_with_all_that_came(self):
        process = self.start("run", "--json", "-m", self.ENDLESS, "word")
        first = b""
        while b'"kind":"text"' not in first:
            first += os.read(process.stdout.fileno(), 1000)
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        lines = self.lines((first + rest).decode())
        self.check_grammar(lines[:-1])
        self.assertEqual((lines[-1]["kind"], lines[-1]["code"]), ("error", "cancelled"))
        self.assertEqual(lines[-1]["partial"]["text"], self.text(lines))
        self.one_error(err.decode(), "cancelled")

    def test_two_end_at_once(self):
        # Nobody reads: the program waits in its write, where the first one cannot reach it.
        process = self.start("run", "-m", self.ENDLESS, "word")
        os.read(process.stdout.fileno(), 1)
        for _ in range(PATIENCE * 20):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(0.05)
                break
            except subprocess.TimeoutExpired:
                pass
        self.assertEqual(process.returncode, 130)

    def test_one_while_stdin_is_waited_for(self):
        read, write = os.pipe()
        self.addCleanup(os.close, write)
        process = self.start("run", "-m", "echo:", "--json", "-", stdin=read)
        os.close(read)
        # It takes the signal from its first moment on; before that the signal ends it.
        for _ in range(PATIENCE * 20):
            with open("/proc/%d/status" % process.pid) as file:
                caught = [line.split()[1] for line in file if line.startswith("SigCgt:")]
            if int(caught[0], 16) >> (signal.SIGINT - 1) & 1:
                break
            select.select([], [], [], 0.05)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.lines(out.decode())[-1]["code"], "cancelled")

    @needs("llama")
    def test_one_reaches_a_real_engine(self):
        # The answer may be whole before the signal comes; what must not happen is a crash or a hang.
        process = self.start("run", *TINY, STORY)
        os.read(process.stdout.fileno(), 1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertIn(process.returncode, (0, 130, -signal.SIGINT))


@needs("echo")
class Pipes(Case):
    def test_a_reader_that_goes_is_no_error(self):
        for form in ([], ["--json"]):
            process = self.start("run", *form, "-m", "echo:1000000000", "word")
            self.assertEqual(len(os.read(process.stdout.fileno(), 1)), 1)
            process.stdout.close()
            process.stdout = None
            _, err = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, err), (0, b""))

    def test_a_full_disc_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        for args in (["run", "-m", "echo:", "hi"], ["run", "--json", "-m", "echo:", "hi"], ["models"], ["version"],
                     ["run", "--help"]):
            with open("/dev/full", "wb") as full:
                process = self.start(*args, stdout=full)
                _, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 9, args)
            self.assertIn("No space left", self.one_error(err.decode(), "io"))

    def test_a_limit_of_the_size_of_files_is_an_error(self):
        started = subprocess.run(["sh", "-c", 'ulimit -f 0; exec "$0" version', INFER], stdout=subprocess.PIPE,
                                 cwd=self.dir, env=self.env, timeout=PATIENCE)
        if started.returncode == -signal.SIGXFSZ:
            self.skipTest("ThreadSanitizer's runtime writes files of its own and ends")
        done = subprocess.run(["sh", "-c", 'ulimit -f 0; exec "$0" run -m echo: hi >out', INFER], stderr=subprocess.PIPE,
                              cwd=self.dir, env=self.env, timeout=PATIENCE)
        self.assertEqual(done.returncode, 9, done.stderr)
        self.one_error(done.stderr.decode(), "io")

    def test_a_closed_stdout_is_an_error(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" run -m echo: hi >&-', INFER], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.env, timeout=PATIENCE)
        self.assertEqual(done.returncode, 9)

    def test_a_long_prompt_goes_through_whole(self):
        text = "\u00e4\u20ac\U0001f600 word " * 20000
        out, _ = self.infer("run", "-m", "echo:", "-", stdin=text.encode())
        self.assertEqual(out, text)


@needs("echo")
class Terminal(Case):
    def test_the_last_line_is_ended(self):
        self.assertEqual(self.on_terminal("run", "-m", "echo:", "hi", which=["stdout"]), "hi\n")
        self.assertEqual(self.on_terminal("run", "-m", "echo:", "hi\n", which=["stdout"]), "hi\n")

    def test_a_model_cannot_take_the_terminal_over(self):
        shown = self.on_terminal("run", "-m", "echo:", "a\x1b]0;title\x07b", which=["stdout"])
        self.assertEqual(shown, "a\u241b]0;title\u2407b\n")
        out, _ = self.infer("run", "-m", "echo:", "a\x1bb")
        self.assertEqual(out, "a\x1bb", "a file gets the text as it is")

    def test_nothing_is_left_of_the_bar_of_a_picture(self):
        with provider_mock.ProviderMock() as mock:
            shown = self.on_terminal("image", "-m", "openai:mock-1", "--base-url", mock.url, "-o", "a.png", "-n", "2", "hi",
                                     which=["stderr"])
            if "not_found: " in shown:
                self.skipTest("the providers are not built here")
        self.assertIn("picture 1 of 2", shown)
        self.assertIn("picture 2 of 2", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"), repr(shown))

    def test_nothing_is_left_of_a_progress_bar(self):
        shown = self.on_terminal("run", "-m", "echo:", "hi", which=["stderr"])
        self.assertTrue(shown == "" or shown.endswith("\r\x1b[K"), repr(shown))


CANARY = "sk-canary-0123456789abcdef"


class CloudCase(Case):
    """Models of providers, played by a server on this machine."""
    def setUp(self):
        super().setUp()
        out, _ = self.infer("doctor", "--json", code=None)
        if json.loads(out)["providers"]["openai"].get("problem", "").startswith("not_found"):
            self.skipTest("the providers are not built here")
        self.mock = provider_mock.ProviderMock()
        self.addCleanup(self.mock.__exit__)
        self.env["OPENAI_BASE_URL"] = self.env["ANTHROPIC_BASE_URL"] = self.mock.url
        self.env["GROQ_BASE_URL"] = self.mock.groq_url
        self.env["OPENAI_API_KEY"] = self.env["ANTHROPIC_API_KEY"] = self.env["GROQ_API_KEY"] = CANARY

    def infer(self, *args, **options):
        """As ever, and the key is nowhere in what is printed."""
        out, err = super().infer(*args, **options)
        self.assertNotIn(CANARY[3:], out + err)
        return out, err

    def refused(self, status, code, times=1, **headers):
        """The next requests are refused; a retry waits for a moment only."""
        headers = dict({"retry-after-ms": "10"}, **{name.replace("_", "-"): value for name, value in headers.items()})
        self.mock.plan += [provider_mock.Refusal(status, code, headers)] * times

    def file(self, name, data):
        with open(os.path.join(self.dir, name), "wb") as file:
            file.write(data if isinstance(data, bytes) else json.dumps(data).encode())
        return name

    def bytes_of(self, name):
        with open(os.path.join(self.dir, name), "rb") as file:
            return file.read()


class Cloud(CloudCase):
    def test_an_answer_streams(self):
        for model in ("openai:mock-1", "anthropic:mock-1"):
            out, err = self.infer("run", "-m", model, "--system", "Be brief.", PARIS)
            self.assertEqual((out, err), (provider_mock.TEXT, ""))
        ours, theirs = self.mock.requests
        self.assertEqual((ours.path, theirs.path), ("/v1/chat/completions", "/v1/messages"))
        self.assertEqual(ours.headers["authorization"], "Bearer " + CANARY)
        self.assertEqual(theirs.headers["x-api-key"], CANARY)
        self.assertEqual([message["role"] for message in ours.body["messages"]][-1], "user")
        self.assertTrue(ours.body["stream"] and theirs.body["stream"])
        self.assertEqual(ours.body["model"], "mock-1")

    def test_json_lines_hold_all(self):
        for model in ("openai:mock-1", "anthropic:mock-1"):
            lines = self.lines(self.infer("run", "--json", "-m", model, PARIS)[0])
            self.check_grammar(lines)
            self.assertEqual(self.text(lines), provider_mock.TEXT)
            self.assertEqual(lines[0]["model"], "mock-1")
            self.assertTrue(lines[0]["response_id"])
            self.assertEqual(lines[0]["request_id"], "req_mock")
            self.assertNotIn("attempts", lines[0])
            finish = lines[-1]
            self.assertEqual((finish["kind"], finish["reason"]), ("finish", "stop"))
            self.assertEqual((finish["usage"]["input"], finish["usage"]["output"]), (17, 6))
            self.assertEqual(finish["usage"]["cache_read"] + finish["usage"].get("cache_write", 0), 16)
            self.assertTrue(json.loads(finish["usage"]["raw"]))
            self.assertTrue(finish["raw"])
        thought = [line for line in lines if line["kind"] == "part_end" and "signature" in line]
        self.assertEqual([line["signature"] for line in thought], ["c2ln"])

    def test_stats_tell_cached_and_reasoning_tokens(self):
        _, err = self.infer("run", "--stats", "-m", "openai:mock-1", PARIS)
        self.assertRegex(err, r"tokens: 17 in, 16 cached, 6 out, 2 reasoning")
        _, err = self.infer("run", "--stats", "-m", "anthropic:mock-1", PARIS)
        self.assertRegex(err, r"tokens: 17 in, 12 cached, 4 to cache, 6 out")

    def test_a_warning_is_told_once(self):
        self.refused(503, "server_overloaded")
        out, err = self.infer("run", "-m", "anthropic:mock-1", "--seed", "7", PARIS)
        self.assertEqual(out, provider_mock.TEXT)
        self.assertRegex(err, r"\Ainfer: warning: [^\n]*seed[^\n]*\n\Z")

    def test_chat(self):
        for model in ("openai:mock-1", "anthropic:mock-1"):
            del self.mock.requests[:]
            out, err = self.infer("chat", "-m", model, stdin=b"one\ntwo\n")
            self.assertEqual((out, err), (provider_mock.TEXT + "\n" + provider_mock.TEXT + "\n", ""))
            said = self.mock.requests[1].body["messages"]
            self.assertEqual([message["role"] for message in said], ["user", "assistant", "user"])
        # The thinking goes back to who thought it, with its signature.
        self.assertEqual(said[1]["content"][0], {"type": "thinking", "thinking": "Easy.", "signature": "c2ln"})

    def test_chat_goes_on_with_another_provider_and_its_own_key(self):
        self.env["MY_KEY"] = "sk-canary-of-one-server"
        del self.env["ANTHROPIC_API_KEY"]
        out, err = self.infer("chat", "openai:mock-1", "--base-url", self.mock.url, "--api-key-env", "MY_KEY",
                              stdin=b"one\n/model anthropic:mock-1\ntwo\n")
        self.assertEqual(len(out.splitlines()), 2)
        self.assertEqual(self.mock.requests[0].headers["authorization"], "Bearer sk-canary-of-one-server")
        self.assertNotIn("canary", str(self.mock.requests[1].headers))
        self.assertNotIn("thinking", json.dumps(self.mock.requests[1].body))

    def test_models(self):
        out, err = self.infer("models", "openai")
        self.assertEqual(err, "")
        self.assertRegex(out, r"(?m)^MODEL +NAME +OWNER +CREATED$")
        self.assertRegex(out, r"(?m)^openai:mock-1 +tests +2025-08-07$")
        models = json.loads(self.infer("models", "anthropic", "--base-url", self.mock.url, "--json")[0])["models"]
        self.assertEqual((models[0]["id"], models[0]["name"]), ("anthropic:mock-1", "Mock One"))
        self.assertEqual(models[0]["entry"]["created_at"], "2025-08-07T00:00:00Z")
        self.assertEqual(self.mock.requests[0].path.split("?")[0], "/v1/models")
        self.assertNotIn("x-api-key", self.mock.requests[1].headers,
                         "the environment's key is for the environment's address")

        self.assertRegex(self.infer("models", "groq")[0], r"(?m)^groq:mock-1 +tests +2025-08-07$")
        self.assertEqual(self.mock.requests[-1].path, "/openai/v1/models")
        self.assertIn("modal:mock-2", self.infer("models", "modal", "--base-url", self.mock.url)[0])

    def test_groq(self):
        lines = self.lines(self.infer("run", "--json", "-m", "groq:mock-1", PARIS)[0])
        self.check_grammar(lines)
        self.assertEqual(self.text(lines), provider_mock.TEXT)
        self.assertEqual("".join(line["text"] for line in lines if line["kind"] == "reasoning"), "Easy.")
        requests, tokens = lines[0]["rate_limits"]
        self.assertEqual(requests, {"what": "requests", "limit": 14400, "remaining": 14399, "reset_s": 6,
                                    "window_s": 86400})
        self.assertEqual((tokens["what"], tokens["remaining"], tokens["window_s"]), ("tokens", 17966, 60))
        self.assertTrue(lines[0]["issuer"].startswith("groq@http://127.0.0.1:"))
        self.assertEqual(lines[-1]["usage"]["queue_ms"], 250)
        self.assertEqual(self.mock.requests[0].headers["authorization"], "Bearer " + CANARY)
        out, err = self.infer("run", "--stats", "-m", "groq:mock-1", PARIS)
        self.assertRegex(err, r"(?m)^infer: left: 14399 of 14400 requests, all again in 6\.0 s; 17966 of 18000 tokens")
        for status, code, exit_code in ((413, "too_large", 1), (498, "overloaded", 5)):
            self.refused(status, "some_word")
            self.one_error(self.infer("run", "--no-retry", "-m", "groq:mock-1", "hi", code=exit_code)[1], code)

    def test_responses(self):
        out, _ = self.infer("run", "-m", "openai:mock-1", "--text-api", "responses", PARIS)
        self.assertEqual(out, provider_mock.TEXT)
        lines = self.lines(self.infer("run", "--json", "-m", "openai:mock-1", "--text-api", "responses", "--no-store",
                                      "--previous-response", "resp_0", "--cache-key", "k", "--service-tier", "flex", PARIS)[0])
        self.check_grammar(lines)
        self.assertEqual(self.text(lines), provider_mock.TEXT)
        self.assertEqual(lines[0]["response_id"], "resp_1")
        self.assertEqual((lines[-1]["usage"]["cache_read"], lines[-1]["usage"]["reasoning"]), (16, 2))
        sent = self.mock.requests[-1]
        self.assertEqual(sent.path, "/v1/responses")
        self.assertEqual((sent.body["previous_response_id"], sent.body["store"]), ("resp_0", False))
        self.infer("run", "-m", "groq:mock-1", "--service-tier", "flex", PARIS)
        self.assertEqual(self.mock.requests[-1].body["service_tier"], "flex")
        _, err = self.infer("run", "-m", "openai:mock-1", "--text-api", "both", "hi", code=2)
        self.assertIn("auto, chat, responses", self.one_error(err, "invalid_request"))
        _, err = self.infer("run", "-m", "openai:mock-1", "--store", "--no-store", "hi", code=2)
        self.one_error(err, "invalid_request")

    def test_an_answer_is_held_against_its_schema(self):
        schema = self.file("schema", {"type": "object", "properties": {"city": {"type": "string"}},
                                      "required": ["city"], "additionalProperties": False})
        out, err = self.infer("run", "-m", "openai:mock-1", "--schema", schema, PARIS, code=1)
        self.assertEqual(out, provider_mock.TEXT, "what came is shown")
        self.one_error(err, "invalid_output")
        sent = self.mock.requests[0].body["response_format"]
        self.assertEqual((sent["type"], sent["json_schema"]["strict"]), ("json_schema", True))
        line = self.lines(self.infer("run", "--json", "-m", "openai:mock-1", "--schema", schema, PARIS, code=1)[0])[-1]
        self.assertEqual((line["code"], line["partial"]["text"]), ("invalid_output", provider_mock.TEXT))
        self.assertIn("rule", line["details"])
        out, err = self.infer("run", "-m", "openai:mock-1", "--schema", schema, "--no-check", "--no-strict", PARIS)
        self.assertEqual((out, err), (provider_mock.TEXT, ""))
        self.assertIsNot(self.mock.requests[-1].body["response_format"]["json_schema"].get("strict"), True)
        self.infer("run", "-m", "openai:mock-1", "--json-object", PARIS, code=1)
        self.assertEqual(self.mock.requests[-1].body["response_format"], {"type": "json_object"})
        self.one_error(self.infer("run", "-m", "openai:mock-1", "--no-check", "hi", code=2)[1], "invalid_request")

    def test_an_app_is_waited_for(self):
        self.mock.plan += [provider_mock.Refusal(503, "starting")]
        out, err = self.infer("warmup", "modal:mock-1", "--base-url", self.mock.url)
        self.assertRegex(out, r"\Amodal:mock-1 answers, after [0-9.]+ s\n\Z")
        self.assertEqual([request.method for request in self.mock.requests], ["GET", "GET"])
        warm = json.loads(self.infer("warmup", "modal:mock-1", "--base-url", self.mock.url, "--json")[0])
        self.assertEqual((warm["id"], warm["ok"]), ("modal:mock-1", True))
        self.mock.plan += [provider_mock.Refusal(503, "starting")] * 100
        self.one_error(self.infer("warmup", "modal:mock-1", "--base-url", self.mock.url, "--cold-start", "0.2", code=6)[1],
                       "timeout")
        del self.mock.plan[:]
        self.mock.plan += [provider_mock.Refusal(401, "no_token")]
        self.one_error(self.infer("warmup", "modal:mock-1", "--base-url", self.mock.url, code=4)[1], "unauthorized")
        # An address where nobody is to be reached is not one that is starting: no wait for that.
        self.one_error(self.infer("warmup", "modal:mock-1", "--base-url", "http://127.0.0.1:1/v1", code=7)[1], "network")
        self.one_error(self.infer("warmup", "openai:mock-1", code=1)[1], "unsupported")
        self.one_error(self.infer("warmup", "modal:a/b", code=2)[1], "invalid_request")

    def test_models_of_nobody(self):
        self.one_error(self.infer("models", "nobody", code=1)[1], "unsupported")
        self.assertIn("infer models openai", self.one_error(
            self.infer("models", "--base-url", self.mock.url, code=2)[1], "invalid_request"))
        self.refused(401, "invalid_api_key")
        out, err = self.infer("models", "openai", "--json", code=4)
        self.one_error(err, "unauthorized")
        self.assertEqual(json.loads(out)["code"], "unauthorized")

    def test_errors_have_their_exit_codes(self):
        for status, word, code, exit_code in ((401, "invalid_api_key", "unauthorized", 4),
                                              (403, "permission_error", "forbidden", 4),
                                              (404, "model_not_found", "not_found", 3),
                                              (400, "context_length_exceeded", "context_overflow", 1),
                                              (429, "insufficient_quota", "quota_exceeded", 5),
                                              (429, "rate_limit_exceeded", "rate_limited", 5),
                                              (529, "overloaded_error", "overloaded", 5),
                                              (500, "server_error", "server_error", 7)):
            for model in ("openai:mock-1", "anthropic:mock-1"):
                with self.subTest(word, model=model):
                    self.refused(status, word)
                    out, err = self.infer("run", "--no-retry", "-m", model, "hi", code=exit_code)
                    self.assertEqual(out, "")
                    self.assertIn("no, said the mock", self.one_error(err, code))
                    self.assertIn("http %d" % status, err)
                    self.assertEqual(self.mock.plan, [])
        self.mock.plan += [provider_mock.Page(200, "<html>a proxy's page</html>")]
        self.one_error(self.infer("run", "--no-retry", "-m", "openai:mock-1", "hi", code=7)[1], "protocol")

    def test_json_errors_tell_all(self):
        self.refused(429, "rate_limit_exceeded", 3, x_request_id="req_9")
        line = self.lines(self.infer("run", "--json", "-m", "openai:mock-1", "hi", code=5)[0])[-1]
        self.assertEqual((line["code"], line["provider"], line["provider_code"], line["http_status"]),
                         ("rate_limited", "openai", "rate_limit_exceeded", 429))
        self.assertEqual((line["request_id"], line["retry"], line["retry_after_s"]), ("req_9", "yes", 0.01))
        self.assertEqual(line["details"]["attempts"], 3)
        self.assertIn("no, said the mock", line["body"])

    def test_a_refusal_is_asked_again(self):
        self.refused(429, "rate_limit_exceeded", 2)
        self.assertEqual(self.infer("run", "-m", "openai:mock-1", "hi"), (provider_mock.TEXT, ""))
        self.assertEqual(len(self.mock.requests), 3)
        self.refused(529, "overloaded_error", 2)
        lines = self.lines(self.infer("run", "--json", "-m", "anthropic:mock-1", "hi")[0])
        self.assertEqual(lines[0]["attempts"], 3)

    def test_requests_are_counted(self):
        self.refused(429, "rate_limit_exceeded", 3)
        self.infer("run", "-m", "openai:mock-1", "hi", code=5)
        self.assertEqual(len(self.mock.requests), 3)
        self.refused(429, "rate_limit_exceeded")
        self.infer("run", "-m", "openai:mock-1", "--no-retry", "hi", code=5)
        self.assertEqual(len(self.mock.requests), 4)
        self.refused(401, "invalid_api_key")
        self.infer("run", "-m", "openai:mock-1", "hi", code=4)
        self.assertEqual(len(self.mock.requests), 5, "what asking again does not help")

    def test_a_wait_is_told_where_somebody_looks(self):
        self.refused(429, "rate_limit_exceeded", 2)
        out, err = self.infer("run", "--verbose", "-m", "openai:mock-1", "hi")
        self.assertEqual(out, provider_mock.TEXT)
        self.assertRegex(err, r"(?m)\Ainfer: rate_limited: openai: no, said the mock.*; trying again in 0\.0 s \(2 of 3\)\n"
                              r"infer: rate_limited: .*; trying again in 0\.0 s \(3 of 3\)\n\Z")

    def test_no_key(self):
        for name in ("OPENAI", "ANTHROPIC", "GROQ"):
            del self.env[name + "_API_KEY"], self.env[name + "_BASE_URL"]
            for args in (["run", "-m", name.lower() + ":mock-1", "hi"], ["models", name.lower()]):
                _, err = self.infer(*args, code=4)
                self.assertIn("%s: no key; set %s_API_KEY" % (name.lower(), name), self.one_error(err, "unauthorized"))
        self.assertEqual(self.mock.requests, [])

    def test_keys_are_not_taken_on_the_command_line(self):
        for args in (["--api-key", CANARY], ["--api-key=" + CANARY], ["--key=" + CANARY], ["--modal-key", CANARY],
                     ["--modal-secret", CANARY]):
            _, err = self.infer("run", "-m", "openai:mock-1", *args, "hi", code=2)
            self.assertIn("OPENAI_API_KEY", self.one_error(err, "invalid_request"))
        _, err = self.infer("run", "-m", "openai:mock-1", "--api-key-env", CANARY, "hi", code=4)
        self.assertIn("--api-key-env", self.one_error(err, "unauthorized"))
        self.assertEqual(self.mock.requests, [])

    def test_a_key_from_another_variable(self):
        del self.env["OPENAI_API_KEY"]
        self.env["MY_KEY"] = CANARY
        self.infer("run", "-m", "openai:mock-1", "--api-key-env", "MY_KEY", "hi")
        self.assertEqual(self.mock.requests[0].headers["authorization"], "Bearer " + CANARY)

    def test_a_server_that_repeats_the_key(self):
        for text in ("Incorrect key: " + CANARY, "Bearer " + CANARY):
            self.mock.plan += [provider_mock.Refusal(401, "invalid_api_key", {"x-echo": CANARY}, text)]
            self.infer("run", "--json", "--verbose", "--stats", "-m", "openai:mock-1", "hi", code=4)
            self.mock.plan += [provider_mock.Page(502, "<html>%s</html>" % text)]
            self.infer("run", "--json", "--verbose", "--no-retry", "-m", "openai:mock-1", "hi", code=7)

    def test_addresses_that_are_none(self):
        for url in ("localhost:8000", "ftp://host/v1", "http://", "http://host:99999/v1", "https://me:secret@host/v1",
                    "http://a b/"):
            _, err = self.infer("run", "-m", "openai:mock-1", "--base-url", url, "hi", code=2)
            self.assertIn("base_url", self.one_error(err, "invalid_request"))
            self.assertNotIn("secret", err)
        _, err = self.infer("run", "-m", "openai:mock-1", "--base-url", "http://example.com/v1", "--api-key-env",
                            "OPENAI_API_KEY", "hi", code=4)
        self.assertIn("plain http", self.one_error(err, "forbidden"))
        _, err = self.infer("run", "-m", "openai:mock-1", "--base-url", "http://127.0.0.1:1/v1", "--no-retry", "hi", code=7)
        self.one_error(err, "network")
        _, err = self.infer("run", "-m", "openai:", "hi", code=2)
        self.one_error(err, "invalid_request")

    def test_a_certificate_file_that_is_not_there(self):
        _, err = self.infer("run", "-m", "openai:mock-1", "--base-url", self.mock.url.replace("http:", "https:"),
                            "--ca-file", "/no/such.pem", "hi", code=None)
        self.assertIn("/no/such.pem", err)

    def test_a_proxy_is_used(self):
        with provider_mock.ProviderMock() as proxy:
            address = proxy.url[:-len("/v1")]
            out, _ = self.infer("run", "-m", "openai:mock-1", "--base-url", "http://llm.test/v1", "--proxy", address, "hi")
            self.assertEqual(out, provider_mock.TEXT)
            self.assertEqual(proxy.requests[0].path, "http://llm.test/v1/chat/completions")
            self.env["http_proxy"] = address
            self.infer("run", "-m", "openai:mock-1", "--base-url", "http://llm.test/v1", "hi")
            self.assertEqual(len(proxy.requests), 2)
            self.infer("run", "-m", "openai:mock-1", "--proxy", "none", "hi")
            self.assertEqual(len(proxy.requests), 2)

    def test_each_kind_of_model_has_its_options(self):
        for args in (["--threads", "1"], ["--no-mmap"], ["--flash-attention", "on"], ["--config", "{}"]):
            _, err = self.infer("run", "-m", "openai:mock-1", *args, "hi", code=2)
            self.assertIn(args[0] + " is for models that are loaded here", self.one_error(err, "invalid_request"))
        for args in (["--base-url", self.mock.url], ["--no-retry"], ["--api-key-env", "OPENAI_API_KEY"],
                     ["--ca-file", "x"], ["--proxy", "none"], ["--text-api", "chat"], ["--cold-start", "5"]):
            _, err = self.infer("run", "-m", "echo:", *args, "hi", code=2)
            self.assertIn(args[0] + " is for models of a provider", self.one_error(err, "invalid_request"))
        self.assertEqual(self.mock.requests, [])

    def test_what_is_not_for_providers(self):
        _, err = self.infer("bench", "openai:mock-1", code=1)
        self.assertIn("loaded here", self.one_error(err, "unsupported"))
        for command in (["embed", "anthropic:mock-1", "hi"], ["embed", "groq:mock-1", "hi"],
                        ["rerank", "openai:mock-1", "query", "document"], ["rerank", "anthropic:mock-1", "query", "document"],
                        ["image", "-m", "anthropic:mock-1", "-o", "x.png", "hi"],
                        ["image", "-m", "groq:mock-1", "-o", "x.png", "hi"]):
            self.one_error(self.infer(*command, code=1)[1], "unsupported")
        with open(os.path.join(self.dir, "g"), "w") as file:
            file.write('root ::= "a"')
        self.one_error(self.infer("run", "-m", "openai:mock-1", "--grammar", "g", "hi", code=1)[1], "unsupported")
        self.assertEqual(self.mock.requests, [])

    def test_times(self):
        for option, which in (("--timeout-idle", "idle"), ("--timeout", "total")):
            self.mock.plan += [provider_mock.Stall(1)]
            out, err = self.infer("run", "--json", "-m", "openai:mock-1", option, "0.3", "hi", code=6)
            line = self.lines(out)[-1]
            self.assertEqual((line["code"], line["details"]["timeout"]), ("timeout", which))
            self.assertEqual(line["partial"]["text"], provider_mock.WORDS[0])
        self.mock.plan += [provider_mock.Stall(0)]
        out, _ = self.infer("run", "--json", "--no-retry", "-m", "anthropic:mock-1", "--timeout-idle", "0.3", "hi", code=6)

    def test_an_interrupt_keeps_what_came(self):
        for model in ("openai:mock-1", "anthropic:mock-1"):
            self.mock.plan += [provider_mock.Stall(2)]
            process = self.start("run", "-m", model, "hi")
            came = "".join(provider_mock.WORDS[:2]).encode()
            got = b""
            while len(got) < len(came):
                piece = os.read(process.stdout.fileno(), 4096)
                self.assertTrue(piece, "the answer ended by itself")
                got += piece
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, got + out), (130, came))
            self.one_error(err.decode(), "cancelled")

    def test_an_interrupt_ends_a_wait(self):
        self.refused(429, "rate_limit_exceeded", 1, **{"retry-after-ms": "50000"})
        process = self.start("run", "--verbose", "-m", "openai:mock-1", "hi")
        self.assertIn(b"trying again in 50.0 s (2 of 3)", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (130, b""))
        self.one_error(err.decode(), "cancelled")
        self.assertEqual(len(self.mock.requests), 1)

    def test_an_interrupt_ends_connecting(self):
        with socket.socket() as full:  # its queue is full: a connection is neither made nor refused
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            waiting = []
            self.addCleanup(lambda: [one.close() for one in waiting])
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(full.getsockname())
                waiting.append(one)
            for args in (["run", "-m", "openai:mock-1", "hi"], ["models", "openai"]):
                process = self.start(*args, "--base-url", "http://127.0.0.1:%d/v1" % full.getsockname()[1],
                                     "--timeout-connect", "100")
                self.wait_for_a_socket(process.pid)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=30)
                self.assertEqual((process.returncode, out), (130, b""), err)
                self.one_error(err.decode(), "cancelled")

    def wait_for_a_socket(self, pid):
        """Until the program has begun to connect."""
        for _ in range(PATIENCE * 20):
            with open("/proc/%d/net/tcp" % pid) as file:
                inodes = {line.split()[9] for line in file.readlines()[1:] if line.split()[3] == "02"}  # SYN_SENT
            for name in os.listdir("/proc/%d/fd" % pid):
                try:
                    target = os.readlink("/proc/%d/fd/%s" % (pid, name))
                except OSError:
                    continue
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    return
            time.sleep(0.05)
        self.fail("the program does not connect")

    def test_doctor_tells_of_keys_and_addresses(self):
        self.env["ANTHROPIC_BASE_URL"] = "https://me:hunter2@proxy.test/v1"
        del self.env["ANTHROPIC_API_KEY"]
        out, _ = self.infer("doctor", code=None)
        self.assertRegex(out, r"(?m)^  openai: +set +%s +OPENAI_BASE_URL *$" % re.escape(self.mock.url))
        self.assertRegex(out, r"(?m)^  anthropic: +not set +https://\.\.\.@proxy\.test/v1 +ANTHROPIC_BASE_URL +invalid_request: ")
        self.assertNotIn("hunter2", out)
        found = json.loads(self.infer("doctor", "--json", code=None)[0])
        self.assertEqual(found["providers"]["openai"],
                         {"key": True, "address": self.mock.url, "from": "OPENAI_BASE_URL"})
        del self.env["OPENAI_BASE_URL"], self.env["GROQ_BASE_URL"]
        self.env.update(MODAL_PROXY_TOKEN_ID="ak-1", MODAL_PROXY_TOKEN_SECRET="as-1")
        out, _ = self.infer("doctor", code=None)
        self.assertIn("https://api.openai.com", out)
        self.assertRegex(out, r"(?m)^  groq: +set +https://api\.groq\.com")
        self.assertRegex(out, r"(?m)^  modal: +set +https://workspace--app-function\.modal\.run")
        self.assertRegex(out, r"(?m)^  MODAL_PROXY_TOKEN_ID +set$")
        self.assertNotIn("ak-1", out)
        self.assertEqual(self.mock.requests, [], "nobody is asked")


class Describe(CloudCase):
    """Pictures and documents, to words."""
    def setUp(self):
        super().setUp()
        self.red = self.file("red.png", provider_mock.png(8, 8))

    def parts(self, request=-1):
        """Of the last message that was sent: (texts, addresses of pictures)."""
        content = self.mock.requests[request].body["messages"][-1]["content"]
        return ([part["text"] for part in content if part["type"] == "text"],
                [part["image_url"]["url"] for part in content if part["type"] == "image_url"])

    def data_url(self, name="red.png"):
        return "data:image/png;base64," + base64.b64encode(self.bytes_of(name)).decode()

    def test_a_file(self):
        for model in ("openai:mock-1", "groq:mock-1", "anthropic:mock-1"):
            self.assertEqual(self.infer("describe", "-m", model, self.red), (provider_mock.TEXT, ""))
        self.assertEqual(self.parts(0), (["Describe this picture."], [self.data_url()]))
        self.assertEqual(self.parts(1)[1], [self.data_url()])
        source = [part["source"] for part in self.mock.requests[2].body["messages"][0]["content"] if part["type"] == "image"]
        self.assertEqual(source, [{"type": "base64", "media_type": "image/png", "data": self.data_url().split(",")[1]}])

    def test_words_after_the_pictures_are_the_prompt(self):
        self.file("blue.png", provider_mock.png(8, 8, (0, 0, 255)))
        for args, prompt, pictures in (
                (["red.png", "What is it?"], "What is it?", 1), (["red.png", "Colour?"], "Colour?", 1),
                (["red.png", "blue.png", "Colours"], "Colours", 2), (["red.png", "--prompt", "red.png"], "red.png", 1),
                (["red.png", "blue.png"], "Describe this picture.", 2),
                (["https://example.test/a.jpg", "--system", "Be brief."], "Describe this picture.", 1)):
            self.infer("describe", "-m", "openai:mock-1", *args)
            texts, addresses = self.parts()
            self.assertEqual((texts, len(addresses)), ([prompt], pictures), args)
        self.assertEqual(self.parts()[1], ["https://example.test/a.jpg"], "passed on")
        _, err = self.infer("describe", "-m", "openai:mock-1", "red.png", "bleu.png", code=3)
        self.assertIn("bleu.png", self.one_error(err, "not_found"))

    def test_bytes_from_stdin_and_data_addresses(self):
        self.infer("describe", "-m", "openai:mock-1", "-", stdin=self.bytes_of("red.png"))
        self.assertEqual(self.parts()[1], [self.data_url()])
        self.infer("describe", "-m", "openai:mock-1", self.data_url())
        self.assertEqual(self.parts()[1], [self.data_url()])
        self.infer("run", "-m", "openai:mock-1", "--image", "-", "--image", "red.png", "hi", stdin=self.bytes_of("red.png"))
        self.assertEqual(self.parts(), (["hi"], [self.data_url()] * 2))

    def test_detail_and_json(self):
        lines = self.lines(self.infer("describe", "--json", "-m", "openai:mock-1", "--detail", "low", self.red)[0])
        self.check_grammar(lines)
        self.assertEqual(self.text(lines), provider_mock.TEXT)
        content = self.mock.requests[0].body["messages"][-1]["content"]
        self.assertEqual([part["image_url"]["detail"] for part in content if part["type"] == "image_url"], ["low"])

    def test_a_document(self):
        pdf = self.file("paper.pdf", b"%PDF-1.4\n%%EOF\n")
        self.infer("describe", "-m", "openai:mock-1", pdf, "What does it say?")
        files = [part["file"] for part in self.mock.requests[0].body["messages"][-1]["content"] if part["type"] == "file"]
        self.assertEqual(files[0]["filename"], "paper.pdf")
        self.assertTrue(files[0]["file_data"].startswith("data:application/pdf;base64,"))
        self.infer("describe", "-m", "anthropic:mock-1", pdf)
        self.assertIn("document", [part["type"] for part in self.mock.requests[1].body["messages"][-1]["content"]])
        self.one_error(self.infer("describe", "-m", "groq:mock-1", pdf, code=1)[1], "unsupported")

    def test_a_conversation_that_saw_a_picture_goes_on(self):
        messages = self.file("m.json", [{"role": "user", "content": [
            {"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": self.data_url()}}]}])
        self.infer("run", "-m", "openai:mock-1", "--messages", messages)
        self.assertEqual(self.parts(), (["Look."], [self.data_url()]))

    def test_what_is_wrong(self):
        self.file("words.txt", b"only words"), self.file("empty.png", b"")
        os.mkdir(os.path.join(self.dir, "directory"))
        for args, code, exit_code, says in (
                (["none.png"], "not_found", 3, "none.png"), (["words.txt"], "unsupported", 1, "words.txt"),
                (["empty.png"], "invalid_request", 2, "empty.png"), (["directory"], "io", 9, "directory"),
                ([""], "invalid_request", 2, "''"), (["ftp://example.test/a.png"], "invalid_request", 2, "https://"),
                (["https://"], "invalid_request", 2, "server"), (["data:image/png"], "invalid_request", 2, "comma"),
                (["-", "-"], "invalid_request", 2, "once"), (["-", "--prompt", "-"], "invalid_request", 2, "once"),
                (["-"], "invalid_request", 2, "no bytes"), (["red.png", "--frob"], "invalid_request", 2, "--frob"),
                ([], "invalid_request", 2, "IMAGE")):
            out, err = self.infer("describe", "-m", "openai:mock-1", *args, code=exit_code)
            self.assertEqual(out, "", args)
            self.assertIn(says, self.one_error(err, code))
        self.assertIn("-m", self.one_error(self.infer("describe", self.red, code=2)[1], "invalid_request"))
        self.assertEqual(self.lines(self.infer("describe", "--json", self.red, code=2)[0])[-1]["code"], "invalid_request")
        done = subprocess.run(["sh", "-c", 'exec "$0" describe -m openai:mock-1 - <&-', INFER], stderr=subprocess.PIPE,
                              cwd=self.dir, env=self.env, timeout=PATIENCE)
        self.assertEqual(done.returncode, 9)
        self.one_error(done.stderr.decode(), "io")
        self.assertEqual(self.mock.requests, [])
        self.one_error(self.infer("run", "-m", "openai:mock-1", "--image", self.red, code=2)[1], "invalid_request")

    @needs("echo")
    def test_a_model_without_eyes_says_so(self):
        self.one_error(self.infer("describe", "-m", "echo:", self.red, code=1)[1], "unsupported")

    def test_what_providers_refuse(self):
        self.refused(429, "rate_limit_exceeded")
        self.assertEqual(self.infer("describe", "-m", "openai:mock-1", self.red)[0], provider_mock.TEXT)
        self.assertEqual(len(self.mock.requests), 2)
        self.refused(401, "invalid_api_key")
        self.one_error(self.infer("describe", "-m", "openai:mock-1", self.red, code=4)[1], "unauthorized")

    def test_an_interrupt_keeps_what_came(self):
        self.mock.plan += [provider_mock.Stall(1)]
        process = self.start("describe", "-m", "openai:mock-1", self.red)
        self.assertTrue(os.read(process.stdout.fileno(), 4096))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.one_error(err.decode(), "cancelled")


class Pictures(CloudCase):
    """Words, to pictures."""
    def size_of(self, name):
        data = self.bytes_of(name)
        self.assertTrue(data.startswith(b"\x89PNG"), name)
        return struct.unpack(">II", data[16:24])

    def paint(self, *args, model="openai:mock-1", prompt="a red circle", **options):
        return self.infer("image", "-m", model, *args, prompt, **options)

    def files(self):
        return sorted(os.listdir(self.dir))

    def test_one(self):
        self.assertEqual(self.paint("-o", "red.png", "--size", "32x16"), ("red.png\n", ""))
        self.assertEqual(self.size_of("red.png"), (32, 16))
        sent = self.mock.requests[0]
        self.assertEqual((sent.path, sent.body["prompt"], sent.body["size"]),
                         ("/v1/images/generations", "a red circle", "32x16"))
        self.assertEqual(self.files(), ["red.png"])

    def test_several(self):
        self.assertEqual(self.paint("-o", "red.png", "-n", "3")[0], "red-1.png\nred-2.png\nred-3.png\n")
        self.assertEqual([self.size_of("red-%d.png" % i) for i in (1, 2, 3)], [(16, 16), (32, 32), (48, 48)])
        self.assertEqual(self.files(), ["red-1.png", "red-2.png", "red-3.png"])

    def test_the_name_says_the_format_unless_an_option_does(self):
        for args, name, kind in ((["-o", "a.jpg"], "a.jpg", "jpeg"), (["-o", "a.WEBP"], "a.WEBP", "webp"),
                                 (["-o", "a", "--format", "webp"], "a", "webp"), (["-o", "b"], "b", None),
                                 (["-o", "a.png"], "a.png", None), (["-o", "c.png", "--format", "png"], "c.png", "png")):
            self.assertEqual(self.paint(*args), (name + "\n", ""))
            self.assertEqual(self.mock.requests[-1].body.get("output_format"), kind)
            if kind:
                self.assertTrue(self.bytes_of(name).startswith((provider_mock.PICTURES.get(kind) or b"\x89PNG")[:4]))
        _, err = self.paint("-o", "a.gif", code=2)
        self.assertIn("--format", self.one_error(err, "invalid_request"))

    def test_settings_reach_the_provider(self):
        _, err = self.paint("-o", "a.jpg", "--quality", "low", "--background", "opaque", "--compression", "50")
        body = self.mock.requests[0].body
        self.assertEqual((body["quality"], body["background"], body["output_compression"]), ("low", "opaque", 50))
        self.assertEqual(err, "")
        for option in ("--seed", "--steps", "--guidance", "--negative"):
            _, err = self.paint("-o", "a.jpg", "--force", option, "1")
            self.assertRegex(err, r"\Ainfer: warning: [^\n]+\n\Z", option)

    def test_stdout(self):
        process = self.start("image", "-m", "openai:mock-1", "-o", "-", "--size", "4x4", "hi")
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out, err), (0, provider_mock.png(4, 4), b""))
        with open("/dev/full", "wb") as full:
            process = self.start("image", "-m", "openai:mock-1", "-o", "-", "hi", stdout=full)
            _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 9)
        self.one_error(err.decode(), "io")

    def test_a_prompt_from_stdin(self):
        self.paint("-o", "a.png", prompt="-", stdin=b"a blue circle\n")
        self.assertEqual(self.mock.requests[0].body["prompt"], "a blue circle")

    def test_json(self):
        lines = self.lines(self.paint("--json", "-o", "red.png", "-n", "2")[0])
        media = [line for line in lines if line["kind"] == "media"]
        self.assertEqual([(line["path"], line["width"], line["height"]) for line in media],
                         [("red-1.png", 16, 16), ("red-2.png", 32, 32)])
        self.assertEqual(media[0]["bytes"], len(self.bytes_of("red-1.png")))
        self.assertEqual(json.loads(media[0]["extra"])["revised_prompt"], "A a red circle")
        self.assertNotIn("base64", media[0])
        self.assertEqual((lines[-1]["kind"], lines[-1]["usage"]["output"]), ("finish", 272))
        lines = self.lines(self.paint("--json", "--size", "2x2")[0])
        self.assertEqual([base64.b64decode(line["base64"]) for line in lines if line["kind"] == "media"],
                         [provider_mock.png(2, 2)], "without a file the picture is in its line")

    def test_previews(self):
        lines = self.lines(self.paint("--json", "-o", "red.png", "--previews", "2", "--save-previews")[0])
        self.assertEqual(self.files(), ["red.png", "red.preview-1.png", "red.preview-2.png"])
        self.assertEqual([(line["path"], line["preview"]) for line in lines if line["kind"] == "media"],
                         [("red.preview-1.png", True), ("red.preview-2.png", True), ("red.png", False)])
        self.assertEqual(self.mock.requests[0].body["partial_images"], 2)
        self.assertEqual(self.paint("-o", "blue.png", "--previews", "1"), ("blue.png\n", ""))
        self.assertIn("--previews", self.one_error(self.paint("-o", "a.png", "--save-previews", code=2)[1], "invalid_request"))

    def test_edits(self):
        red = self.file("red.png", provider_mock.png(8, 8))
        self.paint("-o", "new.png", "--edit", red)
        sent = self.mock.requests[0]
        self.assertEqual(sent.path, "/v1/images/edits")
        self.assertEqual(sent.body["image"], ("red.png", "image/png", self.bytes_of(red)))
        self.assertEqual(sent.body["prompt"], "a red circle")
        self.paint("-o", "two.png", "--edit", red, "--edit", "-", "--mask", red, stdin=provider_mock.png(4, 4))
        pictures, mask = self.mock.requests[1].body["image[]"], self.mock.requests[1].body["mask"]
        self.assertEqual([picture[2] for picture in pictures], [self.bytes_of(red), provider_mock.png(4, 4)])
        self.assertEqual(mask[2], self.bytes_of(red))

    def test_a_picture_that_is_elsewhere_is_named(self):
        self.mock.plan += [provider_mock.Addresses()] * 3
        self.assertEqual(self.paint("-o", "a.png", "-n", "2")[0],
                         "https://pictures.test/1.png\nhttps://pictures.test/2.png\n")
        media = [line for line in self.lines(self.paint("--json", "-o", "a.png")[0]) if line["kind"] == "media"]
        self.assertEqual(media[0]["url"], "https://pictures.test/1.png")
        _, err = self.paint("-o", "-", code=1)
        self.assertIn("https://pictures.test/1.png", self.one_error(err, "unsupported"))
        self.assertEqual(self.files(), [])

    def test_nothing_is_overwritten_unless_it_may_be(self):
        self.file("red.png", b"mine"), self.file("blue-2.png", b"mine"), self.file("a.preview-1.png", b"mine")
        for args in (["-o", "red.png"], ["-o", "blue.png", "-n", "2"],
                     ["-o", "a.png", "--previews", "1", "--save-previews"]):
            self.assertIn("--force", self.one_error(self.paint(*args, code=2)[1], "invalid_request"))
        self.assertEqual((self.mock.requests, self.bytes_of("red.png")), ([], b"mine"), "nothing was paid for")
        self.paint("-o", "red.png", "--force")
        self.assertEqual(self.size_of("red.png"), (16, 16))
        self.assertEqual(self.paint("-o", "/dev/null")[0], "/dev/null\n")

    def test_what_is_wrong(self):
        os.mkdir(os.path.join(self.dir, "directory"))
        self.file("words.txt", b"words")
        for args, code, exit_code, says in (
                ([], "invalid_request", 2, "-o"), (["-o", "directory"], "invalid_request", 2, "directory"),
                (["-o", "none/a.png"], "not_found", 3, "none"), (["-o", "words.txt/a.png"], "not_found", 3, "words.txt"),
                (["-o", "a.png", "--size", "big"], "invalid_request", 2, "--size"),
                (["-o", "a.png", "--size", "0x4"], "invalid_request", 2, "--size"),
                (["-o", "a.png", "--size", "4x"], "invalid_request", 2, "--size"),
                (["-o", "a.png", "--size", "4x4x4"], "invalid_request", 2, "--size"),
                (["-o", "a.png", "-n", "0"], "invalid_request", 2, "n"),
                (["-o", "a.png", "-n", "many"], "invalid_request", 2, "many"),
                (["-o", "a.png", "--compression", "101"], "invalid_request", 2, "compression"),
                (["-o", "a.png", "--mask", "words.txt"], "invalid_request", 2, "--init"),
                (["-o", "a.png", "--quality", "101"], "invalid_request", 2, "--quality"),
                (["-o", "a.png", "--format", "gif"], "invalid_request", 2, "png, jpeg, webp"),
                (["-o", "a.jpg", "--metadata"], "invalid_request", 2, "--metadata"),
                (["-o", "a.png", "--strength", "0.5"], "invalid_request", 2, "--init"),
                (["-o", "a.png", "--control-strength", "1"], "invalid_request", 2, "--control"),
                (["-o", "a.png", "--lora", "none.gguf"], "not_found", 3, "none.gguf"),
                (["-o", "a.png", "--embedding", "cat"], "invalid_request", 2, "--embedding"),
                (["-o", "a.png", "--preview", "--vae", "none"], "invalid_request", 2, "--vae"),
                (["-o", "a.png", "--edit", "words.txt"], "unsupported", 1, "words.txt"),
                (["-o", "a.png", "--edit", "none.png"], "not_found", 3, "none.png"),
                (["-o", "a.png", "--edit", "-", "--edit", "-"], "invalid_request", 2, "once"),
                (["-o", "-", "-n", "2"], "invalid_request", 2, "one picture"),
                (["-o", "-", "--json"], "invalid_request", 2, "stdout"),
                (["-o", "a.png", "--frob"], "invalid_request", 2, "--frob")):
            _, err = self.paint(*args, code=exit_code)
            self.assertIn(says, self.one_error(err, code))
        self.assertIn("prompt", self.one_error(self.infer("image", "-m", "openai:mock-1", "-o", "a.png", code=2)[1],
                                               "invalid_request"))
        self.assertEqual(self.mock.requests, [])
        self.refused(401, "invalid_api_key")
        self.one_error(self.paint("-o", "a.png", code=4)[1], "unauthorized")
        self.refused(400, "moderation_blocked")
        self.one_error(self.paint("-o", "a.png", code=1)[1], "content_filtered")
        self.assertEqual(self.files(), ["directory", "words.txt"])

    def test_a_full_disc(self):
        _, err = self.paint("-o", "/dev/full", code=9)
        self.assertIn("/dev/full", self.one_error(err, "io"))
        out, _ = self.paint("--json", "-o", "/dev/full", code=9)
        self.assertEqual(self.lines(out)[-1]["code"], "io")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
        run = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": self.dir, "env": self.env,
               "preexec_fn": limit, "timeout": PATIENCE}
        if subprocess.run([INFER, "version"], **run).returncode != 0:
            self.skipTest("a sanitizer's runtime writes files of its own")
        # The first has room, the others have not: it stays, and each of them is told.
        done = subprocess.run([INFER, "image", "-m", "openai:mock-1", "-o", "red.png", "-n", "3", "hi"], **run)
        self.assertEqual((done.returncode, done.stdout), (9, b"red-1.png\n"), done.stderr)
        err = done.stderr.decode()
        self.assertRegex(err, r"red-3\.png cannot be written: File too large\n")
        self.assertRegex(err, r"red-2\.png cannot be written: File too large; 1 of 3 pictures were written\n\Z")
        self.assertEqual(self.files(), ["red-1.png"], "no half of a picture is left")

    def test_what_came_before_a_failure_stays(self):
        self.mock.plan += [provider_mock.Gone(1)] * 2
        out, err = self.paint("-o", "red.png", "-n", "2", "--previews", "1", code=7)
        self.assertEqual((out, self.files()), ("red-1.png\n", ["red-1.png"]))
        self.assertRegex(err, r"\Ainfer: 1 of 2 pictures were written[^\n]*\ninfer: (truncated|network): [^\n]+\n\Z")
        self.assertEqual(len(self.mock.requests), 1, "a picture is never asked for twice")

    def test_an_interrupt_leaves_no_half_of_a_file(self):
        self.mock.plan += [provider_mock.Stall(1)]
        process = self.start("image", "-m", "openai:mock-1", "-o", "red.png", "--previews", "1", "--save-previews", "hi")
        self.assertEqual(process.stdout.readline(), b"red.preview-1.png\n")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.one_error(err.decode(), "cancelled")
        self.assertEqual(self.files(), ["red.preview-1.png"])


def shade_of(pixels):
    """How many of these RGB pixels are red, how many white, and how many there are."""
    triples = list(zip(pixels[0::3], pixels[1::3], pixels[2::3]))
    red = sum(r > 150 and g < 110 and b < 110 for r, g, b in triples)
    white = sum(r > 200 and g > 200 and b > 200 for r, g, b in triples)
    return red, white, len(triples)


@needs("diffusion")
class Painting(Case):
    """The shipped model that paints."""
    PROMPT = "a red circle on a white background"

    def setUp(self):
        super().setUp()
        _, err = self.infer("image", "-m", "diffusion:none", "-o", "a.png", self.PROMPT, code=None)
        if "INFER_IMAGE" in err:
            self.skipTest("built without picture files")

    def paint(self, *args, prompt=PROMPT, steps=2, **options):
        return self.infer("image", "--threads", "1", "--steps", str(steps), "--seed", "7", *args, prompt, **options)

    def files(self):
        return sorted(os.listdir(self.dir))

    def bytes_of(self, name):
        with open(os.path.join(self.dir, name), "rb") as file:
            return file.read()

    def test_it_paints_what_was_asked_for(self):
        out, err = self.paint("--json")
        self.assertIn("no model named: using diffusion:tiny-shapes", err)
        lines = self.lines(out)
        pictures = [line for line in lines if line["kind"] == "media"]
        self.assertEqual(len(pictures), 1)
        picture = pictures[0]
        self.assertEqual((picture["width"], picture["height"], picture["channels"]), (64, 64, 3))
        self.assertEqual(json.loads(picture["extra"])["seed"], 7)
        red, white, count = shade_of(base64.b64decode(picture["base64"]))
        self.assertGreater(red, count // 20)
        self.assertGreater(white, count // 3)
        steps = [line for line in lines if line["kind"] == "progress" and line["what"] == "painting"]
        self.assertEqual((steps[-1]["step"], steps[-1]["steps"]), (2, 2))
        self.assertGreater(steps[-1]["step_ns"], 0)

    def test_files(self):
        out, _ = self.paint("-o", "red.png", "-n", "2", "--preview", "--metadata")
        names = out.splitlines()
        self.assertEqual([name for name in names if "preview" not in name], ["red-1.png", "red-2.png"])
        self.assertIn("red-1.preview-1.png", names)
        self.assertEqual(self.files(), sorted(names))
        for number, seed in ((1, 7), (2, 8)):
            data = self.bytes_of("red-%d.png" % number)
            self.assertEqual(struct.unpack(">II", data[16:24]), (64, 64))
            self.assertIn(b"tEXtparameters\0" + self.PROMPT.encode(), data)
            self.assertIn(b"Seed: %d" % seed, data)
            self.assertIn(b"Size: 64x64", data)
            self.assertIn(b"Model: tiny-shapes", data)
        # Another run gives the same picture; without being asked for it no file tells of its making.
        self.paint("-o", "plain.png"), self.paint("-o", "again.png")
        self.assertEqual(self.bytes_of("plain.png"), self.bytes_of("again.png"))
        self.assertNotIn(b"tEXt", self.bytes_of("plain.png"))

    def test_formats_and_stdout(self):
        self.paint("-o", "a.jpg", "--quality", "30"), self.paint("-o", "b", "--format", "webp")
        self.assertEqual(self.bytes_of("a.jpg")[:3], b"\xff\xd8\xff")
        self.assertEqual((self.bytes_of("b")[:4], self.bytes_of("b")[8:12]), (b"RIFF", b"WEBP"))
        process = self.start("image", "--threads", "1", "--steps", "2", "-o", "-", self.PROMPT)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out[:8]), (0, b"\x89PNG\r\n\x1a\n"))

    def test_what_cannot_be_is_told_before_the_model_loads(self):
        with open(os.path.join(self.dir, "half.png"), "wb") as file:
            file.write(provider_mock.png(4, 4)[:40])
        model = ["-m", os.path.join(self.dir, "none.gguf")]
        for args, code, exit_code, says in (
                (["--sampler", "best"], "invalid_request", 2, "euler"), (["--scheduler", "best"], "invalid_request", 2, "karras"),
                (["--init", "half.png"], "invalid_request", 2, "half.png"), (["--quality", "50"], "invalid_request", 2, "quality"),
                (["--control", "none.png"], "not_found", 3, "none.png"), ([], "not_found", 3, "none.gguf")):
            _, err = self.paint("-o", "a.png", *model, *args, code=exit_code)
            self.assertIn(says, self.one_error(err, code))
        self.assertEqual(self.files(), ["half.png"])

    def test_what_the_model_refuses(self):
        for size, steps, says in (("63x64", 2, "multiple"), ("64x64", 1001, "steps")):
            _, err = self.paint("-o", "a.png", "-m", "diffusion:tiny-shapes", "--size", size, steps=steps, code=2)
            self.assertIn(says, self.one_error(err, "invalid_request"))
        self.assertEqual(self.files(), [])

    def test_samplers_have_names(self):
        names = json.loads(self.infer("image", "--list-samplers", "--json")[0])
        self.assertIn("euler", names["sample_methods"])
        self.assertIn("karras", names["schedulers"])
        out, _ = self.infer("image", "--list-samplers")
        for name in names["sample_methods"] + names["schedulers"]:
            self.assertIn("  %s\n" % name, out)

    def test_an_interrupt_leaves_no_file(self):
        process = self.start("image", "--json", "--threads", "1", "--steps", "1000", "-o", "red.png", self.PROMPT)
        for line in process.stdout:
            if json.loads(line)["kind"] == "progress":
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(json.loads(out.splitlines()[-1])["code"], "cancelled")
        self.assertEqual(self.files(), [])

    def test_the_bar_tells_how_long_a_step_takes(self):
        shown = self.on_terminal("image", "--threads", "1", "--steps", "40", "-o", "red.png", self.PROMPT, which=["stderr"])
        self.assertRegex(shown, r"Painting .* \d+ %, \d+/40, \d+\.\d\d s a step, \d+\.\d+ s left")
        self.assertTrue(shown.endswith("\r\x1b[K"), repr(shown[-200:]))

    def test_models_are_listed(self):
        models = {model["id"]: model for model in json.loads(self.infer("models", "--json")[0])["models"]}
        self.assertEqual(models["diffusion:tiny-shapes"]["task"], "image")
        self.assertRegex(self.infer("models")[0], r"(?m)^diffusion:tiny-shapes +image +")
        doctor = json.loads(self.infer("doctor", "--json", code=None)[0])
        self.assertTrue(doctor["shipped_image_model"]["ok"], doctor["shipped_image_model"])
        self.assertEqual(doctor["picture_formats"], ["png", "jpeg", "webp"])


class CloudVectors(CloudCase):
    """Vectors of providers."""
    def test_a_vector_a_line(self):
        for args in (["-m", "openai:mock-1"], ["openai:mock-1"]):
            out, err = self.infer("embed", *args, "a cat", "-", stdin=b"dogs\n\n")
            self.assertEqual((out, err), ("5 0 0 0\n4 1 0 0\n", ""))
        self.assertEqual(self.mock.requests[0].body["input"], ["a cat", "dogs"])
        out, _ = self.infer("embed", "--json", "--dimensions", "2", "-m", "openai:mock-1", "a cat")
        line, finish = self.lines(out)
        self.assertEqual((line["dimensions"], line["values"]), (2, [5, 0]))
        self.assertEqual(finish["usage"]["input"], 1)
        self.assertEqual(self.mock.requests[-1].body["dimensions"], 2)

    def test_many_texts_are_few_requests(self):
        count = 3000
        out, _ = self.infer("embed", "-m", "openai:mock-1", "-", stdin="".join("%d\n" % i for i in range(count)).encode())
        self.assertEqual([line.split()[0] for line in out.splitlines()], [str(len(str(i))) for i in range(count)])
        # Several run at once. As many as the library sends to a server of this kind, and the rest of it.
        sizes = sorted((len(request.body["input"]) for request in self.mock.requests), reverse=True)
        self.assertEqual(sum(sizes), count)
        self.assertEqual(sizes[:-1], [sizes[0]] * (len(sizes) - 1), "the program cuts nothing smaller")
        self.assertGreater(sizes[0], 64)

    def test_what_is_wrong(self):
        self.refused(429, "rate_limit_exceeded")
        self.assertEqual(self.infer("embed", "-m", "openai:mock-1", "hi")[0], "2 0 0 0\n")
        self.refused(401, "invalid_api_key")
        self.one_error(self.infer("embed", "-m", "openai:mock-1", "hi", code=4)[1], "unauthorized")
        self.assertEqual(len(self.mock.requests), 3)
        for args in (["-m", "openai:mock-1"], ["-m", ""], []):
            self.one_error(self.infer("embed", *args, code=2)[1], "invalid_request")
        _, err = self.infer("embed", "-m", "openai:mock-1", "--threads", "1", "hi", code=2)
        self.assertIn("--threads", self.one_error(err, "invalid_request"))


class Tools(Case):
    def test_version_and_help(self):
        for args in (["version"], ["--version"]):
            self.assertRegex(self.infer(*args)[0], r"\Ainfer \d+\.\d+\.\d+\n\Z")
        for args in (["--help"], ["help"], ["run", "--help"], ["help", "run"]):
            out, err = self.infer(*args)
            self.assertIn("130", out)
            self.assertEqual(err, "")
        self.infer("help", "frobnicate", code=2)

    @needs("llama")
    def test_doctor(self):
        self.env["OPENAI_API_KEY"] = "sk-secret-value"
        out, _ = self.infer("doctor")
        self.assertIn("OPENAI_API_KEY  set\n", out)
        self.assertIn("ANTHROPIC_API_KEY  not set\n", out)
        self.assertIn("llama:tiny-chat", out)
        self.assertNotIn("secret", out)
        found = json.loads(self.infer("doctor", "--json")[0])
        self.assertTrue(found["shipped_model"]["ok"])
        self.assertEqual(found["shipped_image_model"]["ok"], plugin_of("diffusion") is not None)
        self.assertTrue(found["keys"]["OPENAI_API_KEY"])
        self.assertGreaterEqual(found["cpu"]["usable"], 1)
        self.assertNotIn("secret", json.dumps(found))

    @needs("llama")
    def test_doctor_says_what_to_do(self):
        # A program without its lib/ and share/ beside it, but with the library, finds no plugin.
        copy = os.path.join(self.dir, "bin", "infer")
        os.mkdir(os.path.dirname(copy))
        shutil.copy(INFER, copy)
        os.mkdir(os.path.join(self.dir, "lib"))
        for name in os.listdir(os.path.join(os.path.dirname(INFER), "..", "lib")):
            path = os.path.join(os.path.dirname(INFER), "..", "lib", name)
            if name.startswith("libinfer.so") and not os.path.islink(path):
                shutil.copy(path, os.path.join(self.dir, "lib"))
        linked = subprocess.run(["ldd", copy], stdout=subprocess.PIPE, text=True).stdout
        for line in linked.splitlines():
            name = line.split()[0]
            if name.startswith("libinfer.so"):
                files = os.listdir(os.path.join(self.dir, "lib"))
                if name not in files:
                    os.symlink(files[0], os.path.join(self.dir, "lib", name))
        done = subprocess.run([copy, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, text=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("not_found", done.stdout)
        self.assertIn("what to do", done.stdout)
        self.assertIn("not tried", done.stdout, "no plugin that paints is no fault")
        if "INFER_IMAGE" in done.stdout:
            return
        done = subprocess.run([copy, "image", "-o", "a.png", "a red circle"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              cwd=self.dir, env=self.env, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("INFER_DIFFUSION", done.stderr)

    @needs("llama")
    def test_models(self):
        out, _ = self.infer("models")
        self.assertRegex(out, r"(?m)^llama:tiny-chat +text +llama +\S+ +F16 +512 +1\.8 MB$")

    def test_models_that_cannot_be_loaded_say_why(self):
        with open(os.path.join(self.dir, "half.gguf"), "wb") as file:
            file.write(b"GGUF")
        self.env["MODELS_PATH"] = self.dir
        models = {m["id"]: m for m in json.loads(self.infer("models", "--json")[0])["models"]}
        self.assertTrue(models["llama:half"]["problem"])
        self.assertIn("llama:half", self.infer("models")[0])

    def test_plugins_that_cannot_be_loaded_say_why(self):
        with open(os.path.join(self.dir, "infer-bad.so"), "wb") as file:
            file.write(b"not a shared object")
        self.env["INFER_PLUGIN_PATH"] = self.dir
        plugins = {p["scheme"]: p for p in json.loads(self.infer("plugin", "list", "--json")[0])["plugins"]}
        self.assertTrue(plugins["bad"]["problem"])
        self.assertIn("bad:", self.infer("plugin", "list")[0])


class Guide(Case):
    """docs/guides/cli.md says what the program does."""
    def setUp(self):
        super().setUp()
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "guides", "cli.md")
        if not os.path.exists(path):
            self.skipTest("the guide is not in this checkout")
        with open(path) as file:
            self.guide = file.read()

    def test_every_kind_has_an_example(self):
        examples = [json.loads(line) for block in re.findall(r"```json\n(.*?)```", self.guide, re.S)
                    for line in block.splitlines()]
        table = self.guide.split("| Kind |")[1].split("\n\n")[0]
        kinds = {kind for row in re.findall(r"(?m)^\| (`.*?) \|", table) for kind in re.findall(r"`(\w+)`", row)}
        self.assertEqual(len(kinds), 17)
        self.assertEqual({example["kind"] for example in examples}, kinds)

    def test_every_option_is_told(self):
        for command in (["run"], ["describe"], ["image"], ["chat"], ["embed"], ["rerank"], ["bench"], ["models"],
                        ["warmup"], ["plugin", "check"]):
            out, _ = self.infer(*command, "--help")
            for option in set(re.findall(r"(?m)^ +(?:-\w,)?(--[a-z0-9-]+)", out)) - {"--help"}:
                self.assertRegex(self.guide, r"`%s[ `]" % option)


CRASHING = """
#include <infer/plugin.h>
#include <signal.h>
#include <unistd.h>
static int init(const infer_host* h, infer_error* e) { (void)h; (void)e; %s return 0; }
static const infer_plugin table = {.size = sizeof(infer_plugin), .abi = INFER_ABI, .name = {"bad", 3},
  .version = {"1", 1}, .licence = {"MIT", 3}, .init = init,
  .load = (void*)1, .unload = (void*)1, .describe = (void*)1, .open = (void*)1, .next = (void*)1,
  .cancel = (void*)1, .close = (void*)1};
const infer_plugin* infer_plugin_v1(uint32_t abi) { return abi == INFER_ABI ? &table : 0; }
"""


@needs("echo")
class Check(Case):
    def setUp(self):
        super().setUp()
        out, _ = self.infer("plugin", "check", "--help")
        process = self.start("plugin", "check", "/no/such/file.so")
        _, err = process.communicate(timeout=PATIENCE)
        if b"without the conformance suite" in err:
            self.skipTest("built without the conformance suite")

    def bad_plugin(self, body):
        """A plugin whose init does something bad."""
        compiler = shutil.which("cc") or self.skipTest("there is no C compiler")
        source = os.path.join(self.dir, "bad.c")
        with open(source, "w") as file:
            file.write(CRASHING % body)
        include = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include")
        path = os.path.join(self.dir, "infer-bad.so")
        subprocess.run([compiler, "-w", "-shared", "-fPIC", "-I", include, "-o", path, source], check=True)
        return path

    def test_echo_passes(self):
        out, _ = self.infer("plugin", "check", plugin_of("echo"))
        self.assertIn("0 broken", out)
        report = json.loads(self.infer("plugin", "check", "--json", "--model", "40", plugin_of("echo"))[0])
        self.assertTrue(report["ok"])
        self.assertEqual(report["findings"], [])
        self.assertIn("finish.missing", report["passed"])

    @needs("llama")
    def test_llama_passes(self):
        report = json.loads(self.infer("plugin", "check", "--json", "--config", '{"threads":1}',
                                       plugin_of("llama"))[0])
        self.assertTrue(report["ok"], report)

    def test_every_broken_plugin_is_named_by_its_rule(self):
        built = os.path.join(os.path.dirname(INFER), "..", "tests", "broken-plugins")
        sources = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "broken-plugins")
        if not os.path.isdir(built):
            self.skipTest("the broken plugins are not built here")
        for name in sorted(os.listdir(sources)):
            plugin = os.path.join(built, "infer-%s.so" % name[:-2])
            with open(os.path.join(sources, name)) as file:
                comment = " ".join(file.read().split("*/")[0].split())
            rule = re.search(r"Breaks ([a-z_]+\.[a-z0-9_]+)", comment)
            if not name.endswith(".c") or not rule or not os.path.exists(plugin):
                continue
            with self.subTest(name):
                report = json.loads(self.infer("plugin", "check", "--json", "--wake-limit", "1", plugin, code=1)[0])
                self.assertFalse(report["ok"])
                self.assertIn(rule.group(1), [finding["rule"] for finding in report["findings"]])

    def test_a_missing_file(self):
        out, err = self.infer("plugin", "check", "no-such.so", code=3)
        self.one_error(err, "not_found")
        self.infer("plugin", "check", code=2)

    def test_what_is_no_plugin(self):
        path = os.path.join(self.dir, "infer-none.so")
        with open(path, "w") as file:
            file.write("none")
        out, _ = self.infer("plugin", "check", path, code=1)
        self.assertIn("entry.missing", out)

    def test_a_crash_names_the_signal_and_the_place(self):
        path = self.bad_plugin("signal(SIGSEGV, SIG_DFL); raise(SIGSEGV);")
        out, _ = self.infer("plugin", "check", path, code=1)
        self.assertIn("SIGSEGV", out)
        self.assertIn("while this was looked at", out)
        report = json.loads(self.infer("plugin", "check", "--json", path, code=1)[0])
        self.assertEqual((report["ok"], report["signal"], report["hung"]), (False, signal.SIGSEGV, False))
        self.assertTrue(report["during"])

    def test_an_exit_is_seen(self):
        out, _ = self.infer("plugin", "check", self.bad_plugin("_exit(42);"), code=1)
        self.assertIn("exit code 42", out)

    def test_a_hang_is_seen(self):
        path = self.bad_plugin("for (;;) pause();")
        out, _ = self.infer("plugin", "check", "--timeout", "2", path, code=1)
        self.assertIn("hung", out)


if __name__ == "__main__":
    INFER = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2)
