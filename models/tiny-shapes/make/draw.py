"""The world that the model paints: one coloured shape on a coloured ground, 64 x 64.

The same seed gives the same pictures: every choice comes from one numpy generator.
"""
import numpy as np

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 50), "blue": (40, 60, 220),
           "yellow": (240, 220, 40), "orange": (250, 140, 20), "purple": (140, 40, 170)}
SHAPES = ["circle", "square", "triangle", "cross"]
GROUNDS = {"white": (250, 250, 250), "black": (10, 10, 10), "gray": (128, 128, 128)}
KINDS = [(c, s, g) for c in range(6) for s in range(4) for g in range(3)]

SIDE, FINER = 64, 4     # each pixel is the mean of 4 x 4 points
WIDE = (28, 36), (17, 23)       # where a shape's centre may be, and how large its radius
NARROW = (30, 34), (18, 22)
SHADES = 8              # how far a colour may be from the one that is meant

_points = (np.arange(SIDE * FINER, dtype=np.float32) + 0.5) / FINER
_Y, _X = np.meshgrid(_points, _points, indexing="ij")


def mask(shape, centre_x, centre_y, radius):
    """How much of each pixel the shape covers."""
    x, y = _X - centre_x, _Y - centre_y
    if shape == "circle":
        inside = x * x + y * y < radius * radius
    elif shape == "square":
        inside = (abs(x) < radius * 0.86) & (abs(y) < radius * 0.86)
    elif shape == "triangle":
        inside = (y < radius * 0.8) & (y > -radius + 1.9 * abs(x))
    else:
        inside = (((abs(x) < radius * 0.3) & (abs(y) < radius))
                  | ((abs(y) < radius * 0.3) & (abs(x) < radius)))
    return inside.astype(np.float32).reshape(SIDE, FINER, SIDE, FINER).mean((1, 3))


def picture(r, kind, places):
    """Rows of pixels of three channels from 0 to 1."""
    def shade(colour):
        return np.clip(np.array(colour, np.float32) + r.uniform(-SHADES, SHADES, 3), 0, 255) / 255

    centre, radius = places
    covered = mask(SHAPES[kind[1]], r.uniform(*centre), r.uniform(*centre), r.uniform(*radius))
    covered = covered[..., None]
    colour = shade(list(COLOURS.values())[kind[0]])
    ground = shade(list(GROUNDS.values())[kind[2]])
    return (covered * colour + (1 - covered) * ground).astype(np.float32)


def pictures(n, seed, places=WIDE):
    """So many pictures with their kinds: the numbers of colour, shape and ground."""
    r = np.random.default_rng(seed)
    kinds = [KINDS[i % len(KINDS)] for i in range(n)]
    out = np.empty((n, SIDE, SIDE, 3), np.float32)
    for i, kind in enumerate(kinds):
        out[i] = picture(r, kind, places)
    return out, np.array(kinds, np.int32)
