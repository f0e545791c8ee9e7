"""Tools as the corpus offers them: definitions, questions that need them, results and answers.

A kind of tool is one line of the table below. Names of functions and of parameters vary from one
document to the next, so the model has to read the definition instead of remembering the tool; the
kind "direct" has made-up names only.
"""
import json

from world import DAYS, HELLO

NO_TOOL = "I have no tool for that."
WEATHER = ["sunny", "rainy", "cloudy", "windy", "snowy", "foggy"]
ROOMS = ["kitchen", "garden", "office", "bedroom", "hall", "bathroom"]
# Optional parameters that some definitions have and no question asks for.
OPTIONAL = {"unit": {"type": "string", "enum": ["c", "f"]}, "limit": {"type": "integer"},
            "format": {"type": "string"}}


def _weather(s):
    p = s.r.random()
    return s.choice(WEATHER) if p < 0.5 else f"{s.number(0, 40)} degrees" if p < 0.8 else s.word()


def _time(s):
    return "%d:%02d" % (s.number(0, 23), s.number(0, 59))


def _ok(s):
    return s.choice(["ok", "done", "true"])


def _city(s):
    return s.city()


def _int(s):
    return s.integer()


def _item(s):
    return s.word()


def _text(s):
    return s.words(1, 4)


def _short(s):
    return s.words(1, 2)


def _title(s):
    return " ".join(s.name() for _ in range(s.number(1, 3)))


def _file(s):
    return s.word() + s.choice([".txt", ".md", ".csv"])


def _language(s):
    return s.choice(list(HELLO)) if s.chance(0.7) else s.name()


def _room(s):
    return s.choice(ROOMS) if s.chance(0.6) else s.word()


def _date(s):
    return s.choice(DAYS) if s.chance(0.5) else "%d-%02d-%02d" % (
        s.number(1990, 2040), s.number(1, 12), s.number(1, 28))


# kind: function names, descriptions, parameters as (names, type, values), questions, the same
# question about two things (or none), the result's key and values, the answer ({v} is the result).
KINDS = {
    "weather": (["get_weather", "weather", "check_weather"],
                ["The weather in a city", "Get the weather", "Current weather of a place"],
                [(["city", "place", "location", "town"], "string", _city)],
                ["What is the weather in {0}?", "How is the weather in {0}?",
                 "Tell me the weather in {0}."],
                ["What is the weather in {0} and in {1}?", "How is the weather in {0} and {1}?"],
                "weather", _weather, "It is {v} in {0}."),
    "time": (["get_time", "time_in", "clock"],
             ["The time in a city", "Get the time", "Current time of a place"],
             [(["city", "place", "zone"], "string", _city)],
             ["What time is it in {0}?", "Tell me the time in {0}."],
             ["What time is it in {0} and in {1}?", "What time is it in {0} and {1}?"],
             "time", _time, "It is {v} in {0}."),
    "add": (["add", "add_numbers", "sum"], ["Adds two numbers", "Add numbers", "a plus b"],
            [(["a", "x", "first"], "integer", _int), (["b", "y", "second"], "integer", _int)],
            ["What is {0} plus {1}?", "What is {0} + {1}?", "Add {0} and {1}."], [],
            "sum", _int, "The answer is {v}."),
    "multiply": (["multiply", "times", "product"], ["Multiplies two numbers", "a times b"],
                 [(["a", "x", "first"], "integer", _int), (["b", "y", "second"], "integer", _int)],
                 ["What is {0} times {1}?", "Multiply {0} by {1}."], [],
                 "product", _int, "The answer is {v}."),
    "timer": (["set_timer", "start_timer", "timer"], ["Sets a timer", "Start a timer in minutes"],
              [(["minutes", "time", "duration"], "integer", _int)],
              ["Set a timer for {0} minutes.", "Wake me in {0} minutes."], [],
              "status", _ok, "The timer is set for {0} minutes."),
    "message": (["send_message", "send", "write_to"], ["Sends a message", "Write to a person"],
                [(["to", "person", "name"], "string", lambda s: s.name()),
                 (["text", "message", "body"], "string", _text)],
                ["Send {0} the message: {1}", "Tell {0}: {1}", "Write to {0}: {1}"], [],
                "status", _ok, "I sent the message to {0}."),
    "song": (["play_song", "play_music", "play"], ["Plays a song", "Play music"],
             [(["title", "song", "name"], "string", _title)],
             ["Play {0}.", "Play the song {0}."], ["Play {0} and {1}."],
             "status", _ok, "Now playing {0}."),
    "search": (["search", "web_search", "look_up"], ["Searches the web", "Find pages"],
               [(["query", "text", "q"], "string", _text)],
               ["Search for {0}.", "Look up {0}.", "Find {0}."], [],
               "result", _text, "I found this: {v}"),
    "translate": (["translate", "translate_text"], ["Translates text", "Translate a text"],
                  [(["text", "word"], "string", _short),
                   (["language", "to", "target"], "string", _language)],
                  ["Translate {0} to {1}.", "What is {0} in {1}?"], [],
                  "text", _short, "In {1} it is {v}."),
    "price": (["get_price", "price_of", "find_price"], ["The price of a product", "Get a price"],
              [(["item", "product", "name"], "string", _item)],
              ["How much is the {0}?", "What does the {0} cost?"],
              ["How much is the {0} and the {1}?"],
              "price", _int, "The {0} costs {v}."),
    "light": (["set_light", "switch_light", "light"], ["Switches a light", "Light on or off"],
              [(["room", "place"], "string", _room),
               (["state", "value"], ["on", "off"], lambda s: s.choice(["on", "off"]))],
              ["Turn {1} the light in the {0}.", "Switch the light in the {0} {1}."], [],
              "status", _ok, "The light in the {0} is {1}."),
    "table": (["book_table", "reserve"], ["Books a table", "Reserve a table"],
              [(["people", "guests"], "integer", lambda s: s.number(1, 20)),
               (["place", "restaurant"], "string", _title)],
              ["Book a table for {0} at {1}.", "Reserve a table for {0} at {1}."], [],
              "status", _ok, "A table for {0} at {1} is booked."),
    "dice": (["roll_dice", "roll"], ["Rolls a dice", "Roll a dice"],
             [(["sides", "max"], "integer", lambda s: s.number(2, 100))],
             ["Roll a dice with {0} sides.", "Roll a {0} sided dice."], [],
             "number", _int, "You rolled {v}."),
    "distance": (["get_distance", "distance"], ["The distance of two cities", "Distance in km"],
                 [(["from", "start"], "string", _city), (["to", "end"], "string", _city)],
                 ["How far is it from {0} to {1}?", "How far is {1} from {0}?"], [],
                 "km", _int, "It is {v} km from {0} to {1}."),
    "note": (["add_note", "save_note"], ["Saves a note", "Add a note"],
             [(["text", "note"], "string", _text)],
             ["Add the note: {0}", "Save the note: {0}"], [], "status", _ok, "I saved the note."),
    "file": (["read_file", "open_file"], ["Reads a file", "Read a text file"],
             [(["path", "file", "name"], "string", _file)],
             ["Read the file {0}.", "Open {0}."], ["Read {0} and {1}."],
             "text", _text, "The file {0} says: {v}"),
    "user": (["get_user", "find_user"], ["Finds a user", "The name of a user"],
             [(["id", "user", "number"], "integer", _int)],
             ["Who is user {0}?", "Find user {0}."], ["Who are the users {0} and {1}?"],
             "name", lambda s: s.name(), "User {0} is {v}."),
    "date": (["get_date", "today"], ["The date of today", "Get the date"], [],
             ["What is the date?", "What day is it today?"], [], "date", _date, "Today is {v}."),
}


class Tool:
    """One tool of one document."""

    def __init__(self, s, kind):
        self.kind = kind
        if kind == "direct":
            self._made_up(s)
        else:
            (names, descriptions, parameters, self._ask, self._ask_two, self._key, self._value,
             self._answer) = KINDS[kind]
            self.name = s.choice(names)
            self._parameters = []
            for names, type_, value in parameters:
                taken = [n for n, _, _ in self._parameters]
                self._parameters.append((s.choice([n for n in names if n not in taken]), type_,
                                         value))
            description = "" if s.chance(0.15) else s.choice(descriptions)
            self.definition = self._define(s, description)

    def _made_up(self, s):
        self.name = "_".join(s.word() for _ in range(s.number(1, 2)))
        names = sorted({s.word() for _ in range(s.number(0, 3))})
        self._parameters = [(n,) + s.choice([("string", _short), ("integer", _int)])
                            for n in names]
        described = ["%s {%d}" % (n, i) for i, n in enumerate(names)]
        self._ask = [s.choice(["Call ", "Use ", "Run "]) + self.name
                     + (" with " if names else "") + " and ".join(described) + "."]
        self._ask_two, self._key, self._value = [], "result", _short
        self._answer = "The result is {v}."
        self.definition = self._define(s, "" if s.chance(0.4) else s.words(1, 4))

    def _define(self, s, description):
        properties = {}
        for name, type_, _ in self._parameters:
            properties[name] = ({"type": "string", "enum": type_} if isinstance(type_, list)
                                else {"type": type_})
        required = list(properties)
        if self._parameters and s.chance(0.12):
            extra = s.choice(sorted(OPTIONAL))
            properties.setdefault(extra, OPTIONAL[extra])
        if properties and s.chance(0.10):
            some = s.choice(list(properties))
            properties[some] = dict(properties[some], description=s.words(1, 3))
        parameters = {"type": "object", "properties": properties}
        if required and s.chance(0.9):
            parameters["required"] = required
        if s.chance(0.2):  # as a program writes it that sorts the keys of every object
            parameters = json.loads(json.dumps(parameters, sort_keys=True))
        self._order = list(parameters["properties"])
        return {"type": "function", "function": {"name": self.name, "description": description,
                                                 "parameters": parameters}}

    def values(self, s):
        return [value(s) for _, _, value in self._parameters]

    def arguments(self, values):
        named = {name: v for (name, _, _), v in zip(self._parameters, values)}
        return {name: named[name] for name in self._order if name in named}

    def asks(self, s, values):
        return s.choice(self._ask).format(*values)

    def question(self, s):
        values = self.values(s)
        return self.asks(s, values), values

    def asks_two(self, s, first, second):
        return s.choice(self._ask_two).format(first[0], second[0])

    @property
    def takes_two(self):
        return bool(self._ask_two)

    def result(self, s, values):
        """What the tool gives back, in one of several shapes, and the sentence made of it."""
        if s.chance(0.06):
            problem = s.words(1, 3)
            return json.dumps({"error": problem}), f"That did not work: {problem}."
        v = self._value(s)
        p = s.r.random()
        if p < 0.35:
            content = str(v)
        elif p < 0.75:
            content = json.dumps({self._key: v})
        else:
            content = json.dumps(dict(self.arguments(values), **{self._key: v}))
        return content, self._answer.format(*values, v=v)


def offer(s, n, direct=0.25):
    """So many tools of different kinds; "direct" may come more than once."""
    have = []
    for kind in ["direct" if s.chance(direct) else k for k in s.sample(sorted(KINDS), n)]:
        tool = Tool(s, kind)
        if tool.name not in [t.name for t in have]:
            have.append(tool)
    return have


def missing(s, have):
    """A question for a tool that is not there."""
    kinds = [k for k in sorted(KINDS) if k not in [t.kind for t in have]]
    return Tool(s, s.choice(kinds)).question(s)[0], NO_TOOL


def jobs(s, have, n):
    """What a user wants done: tools with values, n of them or one."""
    first = s.choice(have)
    out = [(first, first.values(s))]
    if n == 2:
        second = first if first.takes_two and s.chance(0.6) else s.choice(have)
        if second.values(s) or second is not first:
            out.append((second, second.values(s)))
    return out


def question(s, work):
    if len(work) == 1:
        return work[0][0].asks(s, work[0][1])
    (a, x), (b, y) = work
    if a is b and a.takes_two and s.chance(0.85):
        return a.asks_two(s, x, y)
    first, second = a.asks(s, x), b.asks(s, y)
    if s.chance(0.4):
        return f"{first} {second}"
    return first.rstrip("?.") + " and " + second[0].lower() + second[1:]


def calls(work):
    return {"role": "assistant", "content": "",
            "tool_calls": [{"type": "function",
                            "function": {"name": t.name, "arguments": t.arguments(v)}}
                           for t, v in work]}


def results(s, work):
    pairs = [t.result(s, v) for t, v in work]
    return ([{"role": "tool", "content": content} for content, _ in pairs],
            " ".join(answer for _, answer in pairs))
