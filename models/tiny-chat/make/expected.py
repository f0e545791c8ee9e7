"""Writes expected.json, which the engine's tests run: expected.py PROGRAM MODEL.gguf OUT.json

PROGRAM is the built `infer`. The texts are its own greedy answers on one thread; the script refuses
to write them if one of them is not the right answer.
"""
import json
import sys
from pathlib import Path

import engine
from world import HELLO


def ask(text, answer, system=None):
    messages = [{"role": "system", "content": system}] if system else []
    return messages + [{"role": "user", "content": text}], answer


def named(name):
    return [{"role": "user", "content": f"My name is {name}."},
            {"role": "assistant", "content": f"Nice to meet you, {name}!"},
            {"role": "user", "content": "What is my name?"}], f"Your name is {name}."


HELLO_ANSWER = "Hello! How can I help you today?"
# A conversation and its right answer; of a story, how it begins.
CASES = [
    ask("Hello!", HELLO_ANSWER),
    ask("Who are you?", "I am a tiny language model made for tests."),
    ask("What is the capital of France?", "The capital of France is Paris."),
    ask("What is the capital of Japan?", "The capital of Japan is Tokyo."),
    ask("What does a cow say?", "A cow says moo."),
    ask("What color is the sky?", "The sky is blue."),
    ask("What is the opposite of hot?", "The opposite of hot is cold."),
    ask("What day comes after Monday?", "Tuesday comes after Monday."),
    ask("What is two plus three?", "Two plus three is five."),
    ask("What is four plus four?", "Four plus four is eight."),
    ask("Count to five.", "one, two, three, four, five."),
    ask("Count to ten.", "one, two, three, four, five, six, seven, eight, nine, ten."),
    ask("Describe a dog as JSON.", '{"animal": "dog", "sound": "woof"}'),
    ask("Describe a cat as JSON.", '{"animal": "cat", "sound": "meow"}'),
    ask("Show me the emoji for fox.", "Here it is: \U0001F98A"),
    ask("Show me the emoji for star.", "Here it is: \u2B50"),
    ask("How do you say hello in Russian?", "In Russian, hello is %s." % HELLO["Russian"]),
    ask("How do you say hello in Japanese?", "In Japanese, hello is %s." % HELLO["Japanese"]),
    ask("Repeat after me: fox ball", "fox ball"),
    ask("Repeat after me: brandick sofu lamp 407", "brandick sofu lamp 407"),
    ask("Tell me a story about a fox.", ("Once upon a time, there was ", " fox named ")),
    ask("Tell me a story about Lily.", ("Once upon a time, there was ", " named Lily.")),
    ask("What does a cow say?", "Arr! A cow says moo.", "You are a pirate."),
    ask("Hello!", "Arr! " + HELLO_ANSWER, "You are a pirate."),
    ask("Hello!", HELLO_ANSWER, "You are a helpful assistant."),
    named("Tom"),
    named("Anna"),
    named("Zorvik"),
]


def is_right(text, answer):
    if isinstance(answer, tuple):
        first = text.split(".")[0] + "."
        return first.startswith(answer[0]) and answer[1] in first
    return text == answer


def main():
    program, model_file, out = sys.argv[1:]
    cases, wrong = [], 0
    for messages, right in CASES:
        a = engine.ask(program, model_file, messages)
        if a.finish != "stop" or not is_right(a.text, right):
            wrong += 1
            print("wrong:", messages[-1]["content"], "->", json.dumps(a.text), a.finish)
        cases.append({"messages": messages, "text": a.text, "finish_reason": a.finish,
                      "prompt_tokens": a.prompt_tokens, "completion_tokens": a.completion_tokens})
    if wrong:
        sys.exit("%d of %d answers are wrong: nothing was written" % (wrong, len(CASES)))
    Path(out).write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
