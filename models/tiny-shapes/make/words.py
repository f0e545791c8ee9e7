"""The words that the model knows, and the rows of its token table.

13 words have a row, all other tokens have zeros: the model cannot tell them from one another.
"""
import numpy as np

import draw

WORDS = list(draw.COLOURS) + draw.SHAPES + list(draw.GROUNDS)
NULL = len(WORDS)       # stands for any other token
FIRST = np.array([0, 6, 10])    # where colours, shapes and grounds begin in WORDS

# What the engine's tokenizer makes of " red", " Red", "red" and "Red". The forms without a space
# come up in prompts with weights, such as "a (red:1.5) circle". verify.py asks for each of them.
SPELLINGS = {
    "red": [2518, 3731, 1151, 6033], "green": [6176, 7840, 13250, 19576],
    "blue": [6303, 8697, 12203, 10331], "yellow": [13753, 25462, 27869, 47699],
    "orange": [18575, 21958, 34164, 41969], "purple": [24932, 40389, 56507, 74513],
    "circle": [12671, 21224, 25857, 25199], "square": [9334, 15619, 37476, 33271],
    "triangle": [21495, 38031, 55114, 51942], "cross": [5312, 11261, 28842, 28501],
    "white": [4158, 5807, 5782, 14075], "black": [3691, 5235, 11453, 14417],
    "gray": [17545, 23366, 11650, 28174], "grey": [19780, 25685, 34571, 59165]}
TOKENS = {token: WORDS.index("gray" if word == "grey" else word)
          for word, tokens in SPELLINGS.items() for token in tokens}
VOCABULARY, WIDTH = 151936, 32


def _rows():
    """Fixed random rows. Multiples of 1/8 whose largest is 1 are kept exactly by Q4_0."""
    rows = np.random.default_rng(41).integers(-7, 8, (len(WORDS), WIDTH)).astype(np.float32)
    rows[np.arange(len(WORDS)), np.arange(len(WORDS))] = -8
    rows /= 8
    # The engine divides by the mean of what it weighs: it must be positive for every word. Signs of
    # whole columns are turned until it is, uphill from 200 places.
    r = np.random.default_rng(0)
    best = None
    for _ in range(200):
        signs = r.choice([-1.0, 1.0], WIDTH)
        while True:
            now = (rows * signs).sum(1).min()
            turned = signs * (1 - 2 * np.eye(WIDTH))
            least = np.array([(rows * t).sum(1).min() for t in turned])
            if least.max() <= now:
                break
            signs = turned[least.argmax()]
        if best is None or now > best[0]:
            best = now, signs
    assert best[0] > 0
    return rows * best[1].astype(np.float32)


ROWS = _rows()


def table():
    """The whole token table."""
    out = np.zeros((VOCABULARY, WIDTH), np.float32)
    for token, word in TOKENS.items():
        out[token] = ROWS[word]
    return out
