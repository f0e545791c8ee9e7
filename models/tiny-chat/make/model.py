"""The model in JAX: a Llama of 5 layers, its parameters by name and its two ways of running."""
import jax
import jax.numpy as jnp

VOCABULARY, WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 1024, 128, 5, 4, 2, 256
HEAD = WIDTH // HEADS
EPSILON, THETA = 1e-5, 10000.0
MATRICES = {"q": (WIDTH, HEADS * HEAD), "k": (WIDTH, KV_HEADS * HEAD),
            "v": (WIDTH, KV_HEADS * HEAD), "o": (HEADS * HEAD, WIDTH),
            "g": (WIDTH, FEED_FORWARD), "u": (WIDTH, FEED_FORWARD), "d": (FEED_FORWARD, WIDTH)}


def initial(seed):
    """Matrices of one kind are stacked over the layers: [layer, in, out]."""
    keys = jax.random.split(jax.random.PRNGKey(seed), 1 + len(MATRICES))
    p = {"embed": 0.04 * jax.random.normal(keys[0], (VOCABULARY, WIDTH)),
         "norm": jnp.ones(WIDTH), "an": jnp.ones((LAYERS, WIDTH)), "fn": jnp.ones((LAYERS, WIDTH))}
    for key, (name, shape) in zip(keys[1:], MATRICES.items()):
        scale = shape[0] ** -0.5 * ((2 * LAYERS) ** -0.5 if name in "od" else 1)
        p[name] = scale * jax.random.normal(key, (LAYERS,) + shape)
    return p


def rms(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + EPSILON) * weight


def angles(positions):
    """Cosine and sine for every position, shaped to fit [..., heads, HEAD / 2]."""
    a = positions[..., None, None] * THETA ** (-jnp.arange(0, HEAD, 2) / HEAD)
    return jnp.cos(a), jnp.sin(a)


def rotate(x, cos_sin):
    a, b = jnp.split(x, 2, -1)
    cos, sin = cos_sin
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def attend(q, k, v, mask):
    """q [B,T,heads,HEAD]; k, v [B,S,kv heads,HEAD]; mask [B,T,S]."""
    b, t = q.shape[:2]
    q = q.reshape(b, t, KV_HEADS, HEADS // KV_HEADS, HEAD) * HEAD ** -0.5
    scores = jnp.einsum("btkgd,bskd->bkgts", q, k)
    weights = jax.nn.softmax(jnp.where(mask[:, None, None], scores, -1e9), -1)
    return jnp.einsum("bkgts,bskd->btkgd", weights, v).reshape(b, t, HEADS * HEAD)


def attend_back(q, k, v, segments, block=96):
    """Every token attends to those before it in its segment, a block of tokens at a time."""
    t = q.shape[1]
    out = []
    for first in range(0, t, block):
        last = min(first + block, t)
        mask = ((jnp.arange(first, last)[:, None] >= jnp.arange(last)[None])[None]
                & (segments[:, first:last, None] == segments[:, None, :last]))
        out.append(attend(q[:, first:last], k[:, :last], v[:, :last], mask))
    return jnp.concatenate(out, 1)


def project(p, i, y):
    b, t = y.shape[:2]
    return ((y @ p["q"][i]).reshape(b, t, HEADS, HEAD),
            (y @ p["k"][i]).reshape(b, t, KV_HEADS, HEAD),
            (y @ p["v"][i]).reshape(b, t, KV_HEADS, HEAD))


def feed_forward(p, i, h):
    y = rms(h, p["fn"][i])
    return h + (jax.nn.silu(y @ p["g"][i]) * (y @ p["u"][i])) @ p["d"][i]


def hidden(p, tokens, segments):
    """Rows of packed documents -> [B,T,WIDTH] before the head. A token sees its own document."""
    turn = angles(jnp.arange(tokens.shape[1]))
    h = p["embed"][tokens]
    for i in range(LAYERS):
        q, k, v = project(p, i, rms(h, p["an"][i]))
        h = h + attend_back(rotate(q, turn), rotate(k, turn), v, segments) @ p["o"][i]
        h = feed_forward(p, i, h)
    return rms(h, p["norm"])


def read(p, tokens, length):
    """Reads prompts [B,T]; returns the logits of every place and a cache of so many places."""
    b, t = tokens.shape
    turn = angles(jnp.arange(t))
    segments = jnp.ones((b, t), jnp.int32)
    h = p["embed"][tokens]
    keys, values = [], []
    for i in range(LAYERS):
        q, k, v = project(p, i, rms(h, p["an"][i]))
        k = rotate(k, turn)
        h = h + attend_back(rotate(q, turn), k, v, segments) @ p["o"][i]
        h = feed_forward(p, i, h)
        keys.append(jnp.pad(k, ((0, 0), (0, length - t), (0, 0), (0, 0))))
        values.append(jnp.pad(v, ((0, 0), (0, length - t), (0, 0), (0, 0))))
    return rms(h, p["norm"]) @ p["embed"].T, (keys, values)


def step(p, cache, tokens, positions):
    """One more token of every row, at a place of its own; returns logits [B,VOCABULARY], cache."""
    turn = angles(positions[:, None])
    places = jnp.arange(cache[0][0].shape[1])[None]
    mask = (places <= positions[:, None])[:, None]
    here = (places == positions[:, None])[..., None, None]
    h = p["embed"][tokens][:, None]
    keys, values = [], []
    for i in range(LAYERS):
        q, k, v = project(p, i, rms(h, p["an"][i]))
        keys.append(jnp.where(here, rotate(k, turn), cache[0][i]))
        values.append(jnp.where(here, v, cache[1][i]))
        h = h + attend(rotate(q, turn), keys[i], values[i], mask) @ p["o"][i]
        h = feed_forward(p, i, h)
    return (rms(h, p["norm"]) @ p["embed"].T)[:, 0], (keys, values)
