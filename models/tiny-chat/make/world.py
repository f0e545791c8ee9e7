"""What the model knows: words, facts and stories. Plain data and one story teller."""

ANIMALS = "fox cat dog bear rabbit frog duck owl mouse horse lion turtle bird pig cow fish".split()
NAMES = "Mia Tom Lily Ben Anna Max Sue Leo Nina Sam Zoe Jack".split()
MALE = ("Tom", "Ben", "Max", "Leo", "Sam", "Jack")
ADJECTIVES = "little brave happy clever kind shy quiet funny young lazy".split()
PLACES = ["forest", "small village", "big garden", "house by the sea", "green valley", "tall tree",
          "quiet farm", "old castle"]
OBJECTS = ["red ball", "golden key", "shiny stone", "blue box", "silver bell", "warm hat",
           "old map", "sweet apple", "tiny boat", "yellow flower"]
WHERE = ["under a bush", "near the river", "behind a rock", "on the hill", "in the grass",
         "beside the road", "at the market"]
TIMES = ["One day", "One sunny morning", "One rainy afternoon", "One cold night", "One spring day"]
CAPITALS = {"France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid",
            "Japan": "Tokyo", "Norway": "Oslo", "Greece": "Athens", "Egypt": "Cairo",
            "Poland": "Warsaw", "Austria": "Vienna", "Portugal": "Lisbon", "Finland": "Helsinki",
            "Peru": "Lima", "Cuba": "Havana", "Kenya": "Nairobi", "China": "Beijing"}
SOUNDS = {"cat": "meow", "dog": "woof", "cow": "moo", "duck": "quack", "lion": "roar",
          "pig": "oink", "frog": "ribbit", "owl": "hoot", "mouse": "squeak", "horse": "neigh",
          "bird": "tweet"}
COLORS = {"sky": "blue", "grass": "green", "sun": "yellow", "snow": "white", "night": "black",
          "blood": "red", "orange": "orange", "sea": "blue", "chocolate": "brown", "rose": "red"}
_PAIRS = ["hot cold", "big small", "fast slow", "happy sad", "day night", "up down", "old young",
          "wet dry", "good bad", "open closed", "hard soft", "left right"]
OPPOSITES = dict(p.split() for p in _PAIRS)
OPPOSITES.update({p.split()[1]: p.split()[0] for p in _PAIRS})
NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
           "fifteen sixteen seventeen eighteen").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
EMOJI = {"cat": "\U0001F431", "dog": "\U0001F436", "fox": "\U0001F98A", "bear": "\U0001F43B",
         "frog": "\U0001F438", "lion": "\U0001F981", "pig": "\U0001F437", "star": "\u2B50",
         "heart": "\u2764", "sun": "\U0001F31E"}
HELLO = {"German": "Hallo", "French": "Bonjour", "Spanish": "Hola", "Italian": "Ciao",
         "Russian": "\u041F\u0440\u0438\u0432\u0435\u0442",
         "Japanese": "\u3053\u3093\u306B\u3061\u306F", "Greek": "\u0393\u03B5\u03B9\u03AC",
         "Polish": "Cze\u015B\u0107", "Chinese": "\u4F60\u597D"}

# Words that are copied and handed to tools; none of them means anything to the model.
WORDS = sorted(set(
    ANIMALS + [o.split()[1] for o in OBJECTS] + [c for c in COLORS.values()] + list(OPPOSITES)
    + ("table chair window door lamp paper pencil bottle bread milk cheese tea coffee soup salt "
       "sugar train bus car bike road bridge tower school shop park lake island desert cloud "
       "storm rain wind fire water earth moon light shadow music song drum piano guitar letter "
       "number game garden kitchen office summer winter spring morning evening doctor teacher "
       "farmer king queen robot engine rocket silver gold iron wood glass cotton leaf root seed "
       "tree wolf tiger zebra camel sheep goat bee ant spider snake crab shark whale").split()))


def capital(text):
    return text[0].upper() + text[1:]


def a_an(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def _find(s, n, he, his, o, where, when, f, fa):
    return [f"{when}, {n} found {a_an(o)} {where}.", f'"What a nice {o.split()[-1]}!" said {n}.',
            f"{capital(he)} took it home and showed it to {his} friend {f}.",
            s.choice(["They played with it all day long.", f"{f} smiled and they shared it."])]


def _lose(s, n, he, his, o, where, when, f, fa):
    return [f"{when}, {n} lost {his} {o}.", f"{capital(he)} looked for it everywhere.",
            f'Then {f} the {fa} came and said, "I can help you."', f"They found the {o} {where}.",
            f'"Thank you, {f}!" said {n}.']


def _meet(s, n, he, his, o, where, when, f, fa):
    food = s.choice(["bread", "cake", "fruit", "cookies"])
    return [f"{when}, {n} wanted to go to the river.", f"On the way {he} met {f} the {fa}.",
            f'"Can I come with you?" asked {f}.', f'"Yes, of course," said {n}.',
            f"They swam in the water and ate {food} in the sun."]


def _rescue(s, n, he, his, o, where, when, f, fa):
    return [f"{when}, {n} heard a small voice {where}.",
            f"It was {f} the {fa}, who could not get out of a hole.",
            f"{n} was brave and pulled {f} out with a long rope.", f'"You are my hero!" said {f}.']


def _learn(s, n, he, his, o, where, when, f, fa):
    return [f"{n} wanted to learn how to {s.choice(['fly', 'sing', 'dance', 'swim', 'paint'])}.",
            f"{capital(he)} tried every day, but it was very hard.",
            f'{f} the {fa} said, "Never give up."', f"At last {n} could do it."]


def story(s, animal=None, name=None):
    animal = animal or s.choice(ANIMALS)
    name = name or s.choice(NAMES)
    he, his = ("he", "his") if name in MALE else ("she", "her")
    friend = s.choice([x for x in NAMES if x != name])
    friend_animal = s.choice([x for x in ANIMALS if x != animal])
    lines = [f"Once upon a time, there was {a_an(s.choice(ADJECTIVES))} {animal} named {name}.",
             s.choice([f"{name} lived in {a_an(s.choice(PLACES))} with {his} family.",
                       f"{capital(he)} lived in {a_an(s.choice(PLACES))} and loved to play."])]
    plot = s.choice([_find, _lose, _meet, _rescue, _learn])
    lines += plot(s, name, he, his, s.choice(OBJECTS), s.choice(WHERE), s.choice(TIMES), friend,
                  friend_animal)
    lines.append(s.choice([f"From that day on, {name} and {friend} were best friends.",
                           f"{name} was very happy and went home to sleep.",
                           "And they all lived happily ever after."]))
    return " ".join(lines)
