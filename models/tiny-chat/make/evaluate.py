"""Measures a model file: evaluate.py MODEL.gguf TOKENIZER.json [PROMPTS] [PROGRAM]

Every category is asked so many generated questions (default 50) that training never saw: other
seeds, and made-up words that training leaves out. The greedy answer must be right to the last
character; of a story, it must begin with the animal or the name asked for; of a tool call, names
and arguments must be equal as JSON. The answers come from model.py with the weights of the file;
with PROGRAM, the built `infer`, each fourth question is also asked through the engine.
"""
import json
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

import chat
import corpus
import engine
import export
import model
import toolbox

ROWS, MOST = 64, 150         # cases at a time; tokens of an answer
WIDTHS = (96, 192, 384, 512)  # of prompts: few, for each is compiled


class Case:
    def __init__(self, messages, right, tools=(), thinking=False):
        self.messages, self.tools, self.thinking = messages, list(tools), thinking
        self.right = right if callable(right) else lambda text: text == right
        self.prompt = chat.render(messages, self.tools, True, thinking)


def alone(kind):
    def make(s):
        question, answer = kind(s)
        return Case([corpus.user(question)], answer)
    return make


def pirate(s):
    question, answer = s.choice(list(corpus.WORLD.values()))(s)
    return Case([{"role": "system", "content": s.choice(corpus.PIRATES)}, corpus.user(question)],
                "Arr! " + answer)


def under_system(s):
    question, answer = corpus.small_talk(s)
    return Case([{"role": "system", "content": s.choice(corpus.SYSTEMS)}, corpus.user(question)],
                answer)


def story_of_animal(s):
    question, answer = corpus.story_of_animal(s)
    animal = re.search(r"about (?:a|an) (\w+)\.", question).group(1)
    return Case([corpus.user(question)], lambda text: bool(
        re.match(r"Once upon a time, there was an? \w+ %s named \w+\. " % animal, text)))


def story_of_name(s):
    question, answer = corpus.story_of_name(s)
    name = re.search(r"about (.+)\.", question).group(1)
    return Case([corpus.user(question)], lambda text: bool(
        re.match(r"Once upon a time, there was an? \w+ \w+ named %s\. " % name, text)))


def recall(kind, between):
    def make(s):
        statement, reply, question, answer = corpus.MEMORY[kind](s)
        messages = [corpus.user(statement), corpus.assistant(reply)]
        for _ in range(s.number(*between)):
            q, a = corpus.small_talk(s)
            messages += [corpus.user(q), corpus.assistant(a)]
        return Case(messages + [corpus.user(question)], answer)
    return make


def parsed(text):
    found = re.findall(r"<tool_call>\n(.*?)\n</tool_call>", text, re.S)
    if "\n".join("<tool_call>\n%s\n</tool_call>" % f for f in found) != text:
        return None
    try:
        return [json.loads(f) for f in found]
    except ValueError:
        return None


def asks_for(jobs):
    wanted = [{"name": t.name, "arguments": t.arguments(v)} for t, v in jobs]
    return lambda text: parsed(text) == wanted


def call(offered, n=1, only=None):
    """A call among so many tools; `only` keeps to kinds of tools."""
    def make(s):
        while True:
            have = toolbox.offer(s, s.number(*offered))
            jobs = toolbox.jobs(s, have, n)
            if len(jobs) == n and (only is None or all(only(t) for t, _ in jobs)):
                question = toolbox.question(s, jobs)
                return Case([corpus.user(question)], asks_for(jobs), [t.definition for t in have])
    return make


def same_twice(s):
    """The same question about two things, as in: the weather in A and in B."""
    while True:
        have = toolbox.offer(s, s.number(1, 2))
        tool = have[0]
        if tool.takes_two:
            jobs = [(tool, tool.values(s)), (tool, tool.values(s))]
            return Case([corpus.user(tool.asks_two(s, jobs[0][1], jobs[1][1]))], asks_for(jobs),
                        [t.definition for t in have])


def from_result(n):
    def make(s):
        while True:
            have = toolbox.offer(s, s.number(1, 2))
            jobs = toolbox.jobs(s, have, n)
            if len(jobs) == n:
                break
        results, answer = toolbox.results(s, jobs)
        messages = [corpus.user(toolbox.question(s, jobs)), toolbox.calls(jobs)] + results
        return Case(messages, answer, [t.definition for t in have])
    return make


def no_call(s):
    have = toolbox.offer(s, s.number(1, 3))
    question, answer = s.choice(list(corpus.WORLD.values()) + [corpus.repeat])(s)
    return Case([corpus.user(question)], answer, [t.definition for t in have])


def missing(s):
    have = toolbox.offer(s, s.number(0, 2)) if s.chance(0.8) else []
    question, answer = toolbox.missing(s, have)
    return Case([corpus.user(question)], answer, [t.definition for t in have])


def later_call(s):
    """A call in a second turn, after a first one has been answered."""
    have = toolbox.offer(s, s.number(1, 2))
    first, second = toolbox.jobs(s, have, 1), toolbox.jobs(s, have, 1)
    results, answer = toolbox.results(s, first)
    messages = [corpus.user(toolbox.question(s, first)), toolbox.calls(first)] + results
    messages += [corpus.assistant(answer), corpus.user(toolbox.question(s, second))]
    return Case(messages, asks_for(second), [t.definition for t in have])


def thinking(s):
    a, b = s.number(0, 9), s.number(0, 9)
    first, second, total = (corpus.NUMBERS[i] for i in (a, b, a + b))
    return Case([corpus.user(f"What is {first} plus {second}?")],
                f"{a} + {b} = {a + b}\n</think>\n{corpus.capital(first)} plus {second} is {total}.",
                thinking=True)


CATEGORIES = {"world: " + k: alone(f) for k, f in corpus.WORLD.items()}
CATEGORIES.update({
    "world: under a system message": under_system,
    "world: pirate": pirate,
    "world: thinking": thinking,
    "story: of an animal": story_of_animal,
    "story: of a name": story_of_name,
    "copy: repeat": alone(corpus.repeat)})
CATEGORIES.update({"copy: told " + k: recall(k, (0, 0)) for k in corpus.MEMORY})
CATEGORIES.update({
    "copy: told name, 1 to 3 turns ago": recall("name", (1, 3)),
    "copy: told anything, 4 to 8 turns ago": lambda s: recall(
        s.choice(sorted(corpus.MEMORY)), (4, 8))(s),
    "tools: call, one offered": call((1, 1)),
    "tools: call, two to four offered": call((2, 4)),
    "tools: call with made-up names": call((1, 3), 1, lambda t: t.kind == "direct"),
    "tools: two calls": call((1, 3), 2),
    "tools: two calls of one tool": same_twice,
    "tools: call in a second turn": later_call,
    "tools: answer from a result": from_result(1),
    "tools: answer from two results": from_result(2),
    "tools: no call needed": no_call,
    "tools: none that helps": missing})


def answers(p, tokenizer, cases):
    """The greedy answers of many cases, a batch of similar ones at a time."""
    read = jax.jit(model.read, static_argnums=2)
    step = jax.jit(model.step, donate_argnums=1)
    end = tokenizer.token_to_id(chat.TURN_END)
    codes = [c.ids for c in tokenizer.encode_batch([case.prompt for _, case in cases])]
    order = sorted(range(len(codes)), key=lambda i: ("story" in cases[i][0], len(codes[i])))
    out = [None] * len(codes)
    for at in range(0, len(order), ROWS):
        some = (order[at:at + ROWS] + order[:ROWS])[:ROWS]
        rows = [list(codes[i]) for i in some]
        first = [len(r) for r in rows]
        width = min(w for w in WIDTHS if w >= max(first))
        padded = np.array([r + [0] * (width - len(r)) for r in rows], np.int32)
        logits, cache = read(p, padded, width + MOST)
        best = np.argmax(np.asarray(logits)[np.arange(ROWS), np.array(first) - 1], -1)
        going = [True] * ROWS
        while True:
            for i in range(ROWS):
                going[i] = going[i] and best[i] != end and len(rows[i]) < first[i] + MOST
                if going[i]:
                    rows[i].append(int(best[i]))
            if not any(going):
                break
            last = np.array([r[-1] for r in rows], np.int32)
            positions = np.array([len(r) - 1 for r in rows], np.int32)
            logits, cache = step(p, cache, last, positions)
            best = np.argmax(np.asarray(logits), -1)
        for i, r, n in zip(some, rows, first):
            out[i] = tokenizer.decode(r[n:], skip_special_tokens=False)
    return out


def through_engine(program, model_file, tokenizer, cases, texts):
    """Each fourth case: is the engine's answer right, is it the one of model.py, and was the
    prompt as long as the one that the template made here?"""
    right = same = as_long = asked = 0
    for (name, case), text in list(zip(cases, texts))[::4]:
        if case.thinking:
            continue
        reply = engine.ask(program, model_file, case.messages, case.tools)
        answer = reply.as_written()
        asked += 1
        right += case.right(answer)
        same += answer == text
        as_long += reply.prompt_tokens == len(tokenizer.encode(case.prompt).ids)
        if answer != text:
            print("differs:", name, "|", json.dumps(answer), "|", json.dumps(text))
    print(f"through the engine: {right} of {asked} right, {same} as above, "
          f"{as_long} prompts of the same length")


def main():
    p = {k: jnp.asarray(v) for k, v in export.read(sys.argv[1]).items()}
    tokenizer = Tokenizer.from_file(sys.argv[2])
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    cases = []
    for name, make in CATEGORIES.items():
        s = corpus.Source("evaluation " + name, unseen=True)
        while sum(1 for k, _ in cases if k == name) < n:
            case = make(s)
            if len(tokenizer.encode(case.prompt).ids) + 60 < export.CONTEXT:
                cases.append((name, case))
    texts = answers(p, tokenizer, cases)
    share, shown = {}, {}
    for (name, case), text in zip(cases, texts):
        ok = case.right(text)
        share.setdefault(name, []).append(ok)
        if not ok and shown.setdefault(name, 0) < 2:
            shown[name] += 1
            print("wrong:", name, "|", case.messages[-1]["content"], "|", json.dumps(text))
    for name, marks in share.items():
        print(f"{name:40} {sum(marks):4} of {len(marks)}  {100 * sum(marks) / len(marks):.1f} %")
    worst = min(share, key=lambda k: sum(share[k]) / len(share[k]))
    print("all", sum(map(sum, share.values())), "of", len(cases), "lowest:", worst)
    if len(sys.argv) > 4:
        through_engine(sys.argv[4], sys.argv[1], tokenizer, cases, texts)


if __name__ == "__main__":
    main()
