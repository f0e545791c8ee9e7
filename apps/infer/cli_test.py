#!/usr/bin/env python3
"""Drives the real program: cli_test.py INFER [CLASS...]. Python's standard library only.

Each test has its own directory, so that they run beside each other. Times are only upper limits that
a loaded machine does not reach; what must happen first is found out by reading, not by waiting.
"""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

INFER = ""
PATIENCE = 120  # seconds until something counts as hanging
PARIS = "What is the capital of France?"
STORY = "Tell me a long story."


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
                    if name not in ("INFER_PLUGIN_PATH", "MODELS_PATH") and not name.endswith(("_API_KEY", "LANG"))}
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
        """(stdout, stderr) as text; the exit code is checked."""
        pipe = {} if stdin is None else {"stdin": subprocess.PIPE}
        process = self.start(*args, **pipe)
        out, err = process.communicate(stdin, timeout=PATIENCE)
        out, err = out.decode(), err.decode()
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
        out, err = self.infer("run", "-m", "llama:tiny-chat", PARIS)
        self.assertEqual((out, err), ("The capital of France is Paris.", ""))

    def test_without_model_the_shipped_one_answers_and_stderr_says_so(self):
        out, err = self.infer("run", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("llama:tiny-chat", err)
        self.assertIn("-m", err)

    def test_whole_characters_stream(self):
        process = self.start("run", "-m", "llama:tiny-chat", "How do you say hello in Russian?")
        chunks = []
        while True:
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                break
            chunks.append(chunk.decode())  # raises if a character is split
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("\u041f\u0440\u0438\u0432\u0435\u0442", "".join(chunks))

    def test_every_line_of_russian_json_is_whole(self):
        out, _ = self.infer("run", "--json", "-m", "llama:tiny-chat", "How do you say hello in Russian?")
        self.assertIn("\u041f\u0440\u0438\u0432\u0435\u0442", self.text(self.lines(out)))

    def test_prompt_from_stdin(self):
        out, _ = self.infer("run", "-m", "llama:tiny-chat", "-", stdin=(PARIS + "\n").encode())
        self.assertEqual(out, "The capital of France is Paris.")

    def test_system_message(self):
        plain, _ = self.infer("run", "-m", "llama:tiny-chat", "Hello!")
        pirate, _ = self.infer("run", "-m", "llama:tiny-chat", "--system", "You are a pirate.", "Hello!")
        self.assertNotEqual(plain, pirate)
        self.assertIn("Arr", pirate)

    def test_max_tokens(self):
        out, _ = self.infer("run", "--json", "-m", "llama:tiny-chat", "--max-tokens", "3", STORY)
        finish = self.lines(out)[-1]
        self.assertEqual((finish["kind"], finish["reason"], finish["usage"]["output"]), ("finish", "length", 3))

    def test_stop(self):
        out, _ = self.infer("run", "-m", "llama:tiny-chat", "--stop", "never", "--stop", " Paris", PARIS)
        self.assertEqual(out, "The capital of France is")
        out, _ = self.infer("run", "--json", "-m", "llama:tiny-chat", "--stop", " Paris", PARIS)
        finish = self.lines(out)[-1]
        self.assertEqual((finish["reason"], finish["stop_sequence"]), ("stop_sequence", " Paris"))

    def test_sampling_with_a_seed_repeats(self):
        ask = ["run", "-m", "llama:tiny-chat", "--temperature", "1.5", "--top-p", "0.9", "--top-k", "40", "--min-p",
               "0.01", "--repeat-penalty", "1.1", "--presence-penalty", "-0.5", "--frequency-penalty", "0.5",
               "--seed", "7", "--max-tokens", "20", STORY]
        self.assertEqual(self.infer(*ask)[0], self.infer(*ask)[0])

    def test_loading_options(self):
        out, _ = self.infer("run", "-m", "llama:tiny-chat", "--context", "256", "--threads", "1", "--parallel", "1",
                            "--batch", "64", "--no-mmap", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")

    def test_plugin_config(self):
        out, _ = self.infer("run", "-m", "llama:tiny-chat", "--config", '{"context":256}', PARIS)
        self.assertEqual(out, "The capital of France is Paris.")

    def test_stats_go_to_stderr(self):
        out, err = self.infer("run", "-m", "llama:tiny-chat", "--stats", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")
        self.assertRegex(err, r"tokens: 17 in, 11 out, [0-9.]+ tokens/s")
        self.assertIn("first token after", err)
        self.assertIn("finish 1", err)

    def test_verbose_shows_the_engines_log(self):
        out, err = self.infer("run", "-m", "llama:tiny-chat", "--verbose", PARIS)
        self.assertEqual(out, "The capital of France is Paris.")
        self.assertIn("infer: engine: info: ", err)


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
        lines = self.lines(self.infer("run", "--json", "-m", "llama:tiny-chat", STORY)[0])
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
        self.check("invalid_request", 2, ["--config"], "run", "--config", "{}", "--threads", "1", "hi")

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
        out, err = self.infer("run", "--json", "-m", "llama:tiny-chat", "-", stdin=b"hello " * 5000, code=1)
        error = self.lines(out)[-1]
        self.assertEqual(error["code"], "context_overflow")
        self.assertGreater(error["details"]["need"], 5000)
        self.assertEqual(error["details"]["have"], 512)
        self.assertIn("512", err)


class Limits(Case):
    @needs("llama")
    def test_a_time_that_runs_out_is_named(self):
        # Hundreds of steps before the first word: much longer than the time.
        slow = ["run", "--json", "-m", "llama:tiny-chat", "--batch", "32", "word " * 200]
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
        process = self.start("run", "-m", "llama:tiny-chat", STORY)
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

    def test_the_last_line_is_ended(self):
        self.assertEqual(self.on_terminal("run", "-m", "echo:", "hi", which=["stdout"]), "hi\n")
        self.assertEqual(self.on_terminal("run", "-m", "echo:", "hi\n", which=["stdout"]), "hi\n")

    def test_a_model_cannot_take_the_terminal_over(self):
        shown = self.on_terminal("run", "-m", "echo:", "a\x1b]0;title\x07b", which=["stdout"])
        self.assertEqual(shown, "a\u241b]0;title\u2407b\n")
        out, _ = self.infer("run", "-m", "echo:", "a\x1bb")
        self.assertEqual(out, "a\x1bb", "a file gets the text as it is")

    def test_nothing_is_left_of_a_progress_bar(self):
        shown = self.on_terminal("run", "-m", "echo:", "hi", which=["stderr"])
        self.assertTrue(shown == "" or shown.endswith("\r\x1b[K"), repr(shown))


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

    @needs("llama")
    def test_models(self):
        out, _ = self.infer("models")
        self.assertRegex(out, r"(?m)^llama:tiny-chat +llama +\S+ +F16 +512 +1\.8 MB$")

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
        self.assertEqual(len(kinds), 15)
        self.assertEqual({example["kind"] for example in examples}, kinds)

    def test_every_option_is_told(self):
        for command in (["run"], ["plugin", "check"]):
            out, _ = self.infer(*command, "--help")
            for option in set(re.findall(r"(?m)^ +(?:-\w,)?(--[a-z-]+)", out)) - {"--help"}:
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
        report = json.loads(self.infer("plugin", "check", "--json", plugin_of("llama"))[0])
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
