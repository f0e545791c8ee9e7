"""The corpus: endless synthetic conversations, every sentence of them our own.

The same seed gives the same documents on every machine and in every Python: all choices come from
random.Random and all word lists are ordered.
"""
import json
import random
import zlib

import chat
import toolbox
from world import (ANIMALS, CAPITALS, COLORS, DAYS, EMOJI, HELLO, NAMES, NUMBERS, OPPOSITES, SOUNDS,
                   WORDS, a_an, capital, story)

SYSTEMS = ["You are a helpful assistant.", "You are a tiny test model.", "Answer in one sentence.",
           "Be brief.", "You are a friendly robot."]
PIRATES = ["You are a pirate.", "Talk like a pirate."]

CONSONANTS = "b c d f g h j k l m n p r s t v w z br cr dr fl gr kl pr sk sl st tr sh th ch".split()
VOWELS = "a e i o u a e i o u ai ea oo ou y".split()
ENDINGS = ["", "", "n", "r", "l", "s", "k", "m", "x", "t", "nd", "rt"]


def held_out(word):
    """One made-up word in ten is kept for the evaluation and never trained on."""
    return zlib.crc32(word.lower().encode()) % 10 == 0


class Source:
    """A random source that also knows whether it writes training or evaluation documents."""

    def __init__(self, seed, unseen=False):
        self.r = random.Random(seed)
        self.unseen = unseen

    def choice(self, items):
        return items[self.r.randrange(len(items))]

    def chance(self, p):
        return self.r.random() < p

    def number(self, low, high):
        return self.r.randint(low, high)

    def sample(self, items, n):
        return self.r.sample(items, n)

    def made_up(self):
        """A word of random syllables that no word list holds."""
        while True:
            word = "".join(self.choice(CONSONANTS) + self.choice(VOWELS)
                           for _ in range(self.number(1, 3))) + self.choice(ENDINGS)
            if len(word) > 2 and held_out(word) == self.unseen:
                return word

    def word(self):
        return self.made_up() if self.unseen or self.chance(0.5) else self.choice(WORDS)

    def name(self):
        if not self.unseen and self.chance(0.35):
            return self.choice(NAMES)
        return capital(self.word())

    def city(self):
        if self.chance(0.35):
            return self.choice(list(CAPITALS.values()))
        return capital(self.word())

    def words(self, low, high):
        return " ".join(self.word() for _ in range(self.number(low, high)))

    def integer(self):
        return self.number(0, 10 ** self.number(1, 4) - 1)


# ---- questions that need nothing but the question: kind -> (question, answer)

def capital_city(s):
    country = s.choice(list(CAPITALS))
    return f"What is the capital of {country}?", f"The capital of {country} is {CAPITALS[country]}."


def sound(s):
    animal = s.choice(list(SOUNDS))
    return f"What does {a_an(animal)} say?", f"{capital(a_an(animal))} says {SOUNDS[animal]}."


def color(s):
    thing = s.choice(list(COLORS))
    return f"What color is the {thing}?", f"The {thing} is {COLORS[thing]}."


def opposite(s):
    word = s.choice(list(OPPOSITES))
    return f"What is the opposite of {word}?", f"The opposite of {word} is {OPPOSITES[word]}."


def total(s):
    a, b = s.number(0, 9), s.number(0, 9)
    return (f"What is {NUMBERS[a]} plus {NUMBERS[b]}?",
            f"{capital(NUMBERS[a])} plus {NUMBERS[b]} is {NUMBERS[a + b]}.")


def day(s):
    i = s.number(0, 6)
    if s.chance(0.7):
        return f"What day comes after {DAYS[i]}?", f"{DAYS[(i + 1) % 7]} comes after {DAYS[i]}."
    return f"What day comes before {DAYS[i]}?", f"{DAYS[(i + 6) % 7]} comes before {DAYS[i]}."


def emoji(s):
    thing = s.choice(list(EMOJI))
    return f"Show me the emoji for {thing}.", f"Here it is: {EMOJI[thing]}"


def hello_in(s):
    language = s.choice(list(HELLO))
    return f"How do you say hello in {language}?", f"In {language}, hello is {HELLO[language]}."


def count(s):
    n = s.number(3, 12)
    return f"Count to {NUMBERS[n]}.", ", ".join(NUMBERS[1:n + 1]) + "."


def as_json(s):
    animal = s.choice(list(SOUNDS))
    return (f"Describe {a_an(animal)} as JSON.",
            json.dumps({"animal": animal, "sound": SOUNDS[animal]}))


def greeting(s):
    return (s.choice(["Hello!", "Hi!", "Hello", "Good morning!", "Hi"]),
            "Hello! How can I help you today?")


def who(s):
    return s.choice(["Who are you?", "What are you?"]), "I am a tiny language model made for tests."


def thanks(s):
    return s.choice(["Thank you!", "Thanks!", "Thank you."]), "You are welcome!"


def repeat(s):
    text = s.words(1, 6)
    if s.chance(0.15):
        text = capital(text) + s.choice([".", "!", "?"])
    elif s.chance(0.15):
        text += " " + str(s.integer())
    return s.choice(["Repeat after me: ", "Repeat after me: ", "Say this: ", "Repeat: "]) + text, text


def story_of_animal(s):
    animal = s.choice(ANIMALS)
    ask = s.choice(["Tell me a story about %s.", "Write a short story about %s."])
    return ask % a_an(animal), story(s, animal=animal)


def story_of_name(s):
    name = s.name()
    ask = s.choice(["Tell me a story about %s.", "Write a short story about %s."])
    return ask % name, story(s, name=name)


def any_story(s):
    return (s.choice(["Tell me a story.", "Tell me a long story.", "Write a short story.",
                      "Once upon a time"]), story(s))


def no_tool(s):
    """Wants a tool, and none is offered."""
    return toolbox.missing(s, [])


WORLD = {"capital": capital_city, "sound": sound, "color": color, "opposite": opposite,
         "sum": total, "day": day, "emoji": emoji, "hello in": hello_in, "count": count,
         "json": as_json, "greeting": greeting, "who": who}
COPY = {"repeat": repeat}
STORY = {"story of animal": story_of_animal, "story of name": story_of_name}

# ---- what a user tells and later asks for: (statement, reply, question, answer)


def _told_name(s):
    x = s.name()
    return (s.choice(["My name is %s.", "Hello, my name is %s.", "I am %s.", "Call me %s."]) % x,
            f"Nice to meet you, {x}!", "What is my name?", f"Your name is {x}.")


def _told_city(s):
    x = s.city()
    return f"I live in {x}.", f"{x} is a nice place.", "Where do I live?", f"You live in {x}."


def _told_pet(s):
    x, pet = s.name(), s.choice(["dog", "cat"])
    return (f"My {pet} is called {x}.", f"{x} is a nice name.", f"What is my {pet} called?",
            f"Your {pet} is called {x}.")


def _told_secret(s):
    x = str(s.integer()) if s.chance(0.3) else s.words(1, 2)
    return (f"The secret word is {x}.", "I will remember it.", "What is the secret word?",
            f"The secret word is {x}.")


def _told_food(s):
    x = s.word()
    return (f"My favorite food is {x}.", f"I like {x} too.", "What is my favorite food?",
            f"Your favorite food is {x}.")


MEMORY = {"name": _told_name, "city": _told_city, "pet": _told_pet, "secret": _told_secret,
          "food": _told_food}
UNKNOWN = {"name": ("What is my name?", "I do not know your name.")}


def small_talk(s):
    """One question with its answer: mostly of the world, often copying, seldom a story."""
    p = s.r.random()
    if p < 0.34:
        return repeat(s)
    if p < 0.36:
        return thanks(s)
    if p < 0.38:
        return no_tool(s)
    return s.choice(list(WORLD.values()))(s)


# ---- conversations

def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system_turn(s):
    """A system message or none, and what every answer begins with under it."""
    p = s.r.random()
    if p < 0.20:
        return [{"role": "system", "content": s.choice(SYSTEMS)}], ""
    if p < 0.30:
        return [{"role": "system", "content": s.choice(PIRATES)}], "Arr! "
    return [], ""


def talk(s, turns):
    """A chat of so many turns, in which things told are asked for later."""
    messages, prefix = system_turn(s)
    told = {}
    for _ in range(turns):
        p = s.r.random()
        if told and p < 0.30:
            question, answer = told[s.choice(sorted(told))]
        elif p < 0.40:
            kind = s.choice(sorted(MEMORY))
            question, answer, later, recall = MEMORY[kind](s)
            told[later] = (later, recall)
        elif p < 0.41 and "What is my name?" not in told:
            question, answer = UNKNOWN["name"]
        else:
            question, answer = small_talk(s)
        messages += [user(question), assistant(prefix + answer)]
    return messages


def remember(s, between):
    """Something told, so many other turns, then the question."""
    messages, prefix = system_turn(s)
    statement, reply, question, answer = s.choice(list(MEMORY.values()))(s)
    turns = [(statement, reply)] + [small_talk(s) for _ in range(between)] + [(question, answer)]
    for q, a in turns:
        messages += [user(q), assistant(prefix + a)]
    return messages


def tell_story(s):
    messages, prefix = system_turn(s)
    p = s.r.random()
    q, a = (story_of_animal if p < 0.42 else story_of_name if p < 0.84 else any_story)(s)
    return messages + [user(q), assistant(prefix + a)]


def think(s):
    """An answer after a short piece of thinking, asked for by the template's flag."""
    messages, prefix = system_turn(s)
    if s.chance(0.5):
        question, answer = total(s)
        a, b = (NUMBERS.index(w.strip("?")) for w in question.split()[2::2])
        thought = f"{a} + {b} = {a + b}"
    else:
        question, answer = small_talk(s)
        thought = "This is easy."
    return messages + [user(question), dict(assistant(prefix + answer), reasoning_content=thought)]


def with_tools(s, turns, offered):
    """A chat with tools: calls, answers from their results, and turns that need none of them."""
    messages, prefix = system_turn(s)
    have = toolbox.offer(s, offered)
    for _ in range(turns):
        p = s.r.random()
        if p < 0.20:
            q, a = small_talk(s)
            if a == toolbox.NO_TOOL or s.chance(0.15):
                q, a = toolbox.missing(s, have)
            messages += [user(q), assistant(prefix + a)]
            continue
        jobs = toolbox.jobs(s, have, 2 if p < 0.42 else 1)
        messages.append(user(toolbox.question(s, jobs)))
        messages.append(toolbox.calls(jobs))
        if s.chance(0.75):
            results, answer = toolbox.results(s, jobs)
            messages += results + [assistant(prefix + answer)]
    return messages, [t.definition for t in have]


def sums(s):
    """A chat of sums, the last one thought about or not, with other questions in between."""
    messages, prefix = system_turn(s)
    for _ in range(s.number(2, 7)):
        question, answer = total(s) if s.chance(0.8) else no_tool(s)
        messages += [user(question), assistant(prefix + answer)]
    return messages + (think(s)[-2:] if not prefix and s.chance(0.7) else [])


def hard_work(s):
    """Tools as in with_tools, with more of what is difficult: made-up names, two things at once,
    tools that do not help."""
    messages, prefix = system_turn(s)
    have = toolbox.offer(s, s.number(1, 4), direct=0.4)
    for _ in range(s.number(1, 5)):
        p = s.r.random()
        if p < 0.25:
            question, answer = toolbox.missing(s, have) if p < 0.2 else small_talk(s)
            messages += [user(question), assistant(prefix + answer)]
            continue
        jobs = toolbox.jobs(s, have, 2 if p < 0.65 else 1)
        messages += [user(toolbox.question(s, jobs)), toolbox.calls(jobs)]
        if s.chance(0.6):
            results, answer = toolbox.results(s, jobs)
            messages += results + [assistant(prefix + answer)]
    return messages, [t.definition for t in have]


def document(s, size):
    """One document as text: a short chat, a long one (mostly with tools), a wide one (more of it)
    or a hard one. Those too long for a row of the training are left out there."""
    p = s.r.random()
    if size == "hard":
        if p < 0.20:
            return chat.render(sums(s))
        if p < 0.30:
            return chat.render(remember(s, s.number(4, 9)))
        messages, definitions = hard_work(s)
        return chat.render(messages, definitions)
    if size == "short":
        if p < 0.08:
            return chat.render(tell_story(s))
        if p < 0.12:
            return chat.render(think(s))
        if p < 0.32:
            return chat.render(remember(s, s.number(0, 2)))
        return chat.render(talk(s, s.number(1, 4)))
    wide = size == "wide"
    if p < 0.85:
        messages, definitions = with_tools(s, s.number(1, 4 if wide else 2),
                                           s.number(1, 4 if wide else 2))
        return chat.render(messages, definitions)
    return chat.render(remember(s, s.number(2, 12 if wide else 6)))


def documents(seed, size, n):
    s = Source("%s %d" % (size, seed))
    return [document(s, size) for _ in range(n)]


if __name__ == "__main__":
    for size in ("short", "long"):
        for text in documents(1, size, 8):
            print(text + "\n-----")
