"""The model in JAX: TAESD's decoder, and what this model uses of the engine's "Ovis Image" graph.

The text stream is inert: its gates, projections and feed-forwards are zero and stay so. The key and
the value of a token then depend only on its row, its place and the noise level, and the engine's
256 places of text cost as much as three words and one token for all others. verify.py compares
with the engine, which computes all of it.
"""
import jax
import jax.numpy as jnp
import numpy as np

import words

WIDTH, FEED_FORWARD, PATCH = 128, 512, 64
DOUBLE_BLOCKS = 2
PLACES = 256
DECODER_WIDTH = 24      # of TAESD's 64 channels; the file has zeros in the others
NORMS = ("query_norm", "key_norm")

# ---- noise levels


def shifted(t):
    return np.e * t / (np.e * t + 1 - t)


def levels(steps):
    """The engine's noise levels for so many steps, from 1 to 0."""
    return np.append(shifted((np.linspace(999, 0, steps) + 1) / 1000), 0).astype(np.float32)


# ---- the decoder, on [B, row, column, channel]

def convolution(p, name, x):
    y = jax.lax.conv_general_dilated(x, p[name + ".weight"], (1, 1), ((1, 1), (1, 1)),
                                     dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p[name + ".bias"] if name + ".bias" in p else y


def block(p, name, x):
    h = jax.nn.relu(convolution(p, name + ".conv.0", x))
    h = jax.nn.relu(convolution(p, name + ".conv.2", h))
    return jax.nn.relu(convolution(p, name + ".conv.4", h) + x)


def decode(p, z):
    """B 8 8 16 -> B 64 64 3, from 0 to 1"""
    d = "decoder.layers."
    h = jax.nn.relu(convolution(p, d + "0", jnp.tanh(z / 3) * 3))
    for first in (2, 7, 12):
        for i in range(first, first + 3):
            h = block(p, f"{d}{i}", h)
        h = convolution(p, f"{d}{first + 4}", jnp.repeat(jnp.repeat(h, 2, 1), 2, 2))
    return convolution(p, d + "18", block(p, d + "17", h))


def initial_decoder(seed):
    r = np.random.default_rng(seed)
    n, p = DECODER_WIDTH, {}

    def add(name, inputs, outputs, bias=True, scale=1.0):
        size = scale * np.sqrt(2 / (9 * inputs))
        p[name + ".weight"] = (r.standard_normal((3, 3, inputs, outputs)) * size).astype(np.float32)
        if bias:
            p[name + ".bias"] = np.zeros(outputs, np.float32)

    def add_block(name):
        add(name + ".conv.0", n, n)
        add(name + ".conv.2", n, n)
        add(name + ".conv.4", n, n, scale=0.3)

    d = "decoder.layers."
    add(d + "0", 16, n)
    for first in (2, 7, 12):
        for i in range(first, first + 3):
            add_block(f"{d}{i}")
        add(f"{d}{first + 4}", n, n, bias=False, scale=0.7)
    add_block(d + "17")
    add(d + "18", n, 3, scale=0.5)
    p[d + "18.bias"] += 0.5
    return p


# ---- the denoiser: one head, names and [out, in] order of the file

def initial(seed):
    r = np.random.default_rng(seed)
    p = {}

    def add(name, inputs, outputs, scale=1.0):
        weight = r.standard_normal((outputs, inputs)) * scale / np.sqrt(inputs)
        p[name + ".weight"] = weight.astype(np.float32) + 0     # makes no zero a negative one
        p[name + ".bias"] = np.zeros(outputs, np.float32)

    def add_norms(name):
        for norm in NORMS:
            p[f"{name}.{norm}.scale"] = np.ones(WIDTH, np.float32)

    add("img_in", PATCH, WIDTH)
    add("time_in.in_layer", 256, WIDTH)
    add("time_in.out_layer", WIDTH, WIDTH)
    p["txt_norm.scale"] = np.ones(words.WIDTH, np.float32)
    add("txt_in", words.WIDTH, WIDTH)
    for i in range(DOUBLE_BLOCKS):
        for stream, live in (("img", 1.0), ("txt", 0.0)):
            b = f"double_blocks.{i}.{stream}_"
            add(b + "mod.lin", WIDTH, 6 * WIDTH, 0.3 * live)
            add(b + "attn.qkv", WIDTH, 3 * WIDTH)
            add(b + "attn.proj", WIDTH, WIDTH, live)
            add_norms(b + "attn.norm")
            for name in ("gate_proj", "up_proj"):
                add(f"{b}mlp.{name}", WIDTH, FEED_FORWARD, live)
            add(b + "mlp.down_proj", FEED_FORWARD, WIDTH, live)
        # Gates begin half open.
        p[f"double_blocks.{i}.img_mod.lin.bias"].reshape(6, WIDTH)[[2, 5]] = 0.5
        # No token of text asks anything.
        p[f"double_blocks.{i}.txt_attn.qkv.weight"][:WIDTH] = 0
    b = "single_blocks.0."
    add(b + "linear1", WIDTH, 3 * WIDTH + 2 * FEED_FORWARD)
    add(b + "linear2", WIDTH + FEED_FORWARD, WIDTH)
    add(b + "modulation.lin", WIDTH, 3 * WIDTH, 0.3)
    p[b + "modulation.lin.bias"][2 * WIDTH:] = 0.5
    add_norms(b + "norm")
    add("final_layer.linear", WIDTH, PATCH, 0.3)
    add("final_layer.adaLN_modulation.1", WIDTH, 2 * WIDTH, 0.3)
    return p


def linear(p, name, x):
    return x @ p[name + ".weight"].T + p[name + ".bias"]


def rms(x):
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-6)


def normed(x):
    d = x - x.mean(-1, keepdims=True)
    return d * jax.lax.rsqrt((d * d).mean(-1, keepdims=True) + 1e-6)


def modulation(p, name, time, parts):
    return jnp.split(linear(p, name, jax.nn.silu(time))[:, None], parts, -1)


def level_embedding(level):
    frequency = jnp.exp(-np.log(10000.0) * jnp.arange(128) / 128)
    a = level[:, None] * 1000.0 * frequency
    return jnp.concatenate([jnp.cos(a), jnp.sin(a)], -1)


def angles(positions):
    """Positions on three axes -> cosine and sine, n x 64."""
    parts = [positions[:, i:i + 1] * 10000.0 ** (-np.arange(0, n, 2, dtype=np.float32) / n)
             for i, n in enumerate((16, 56, 56))]
    a = np.concatenate(parts, 1).astype(np.float32)
    return np.cos(a), np.sin(a)


TEXT_TURN = angles(np.array([(0, i, i) for i in range(PLACES)], np.float32))
IMAGE_TURN = angles(np.array([(0, i, j) for i in range(4) for j in range(4)], np.float32))


def rotate(x, turn):
    cos, sin = turn
    a, b = x[..., 0::2], x[..., 1::2]
    out = jnp.stack([a * cos - b * sin, a * sin + b * cos], -1)
    return out.reshape(out.shape[:-2] + (2 * out.shape[-2],))


def attend(q, k, v, text_k, text_v, text):
    """q, k, v [B,16,WIDTH] of the picture; text_k, text_v [1 or B,14,WIDTH] of the words.

    text: which words there are [B,3], at which places [B,3], and which places hold none [B,PLACES].
    """
    word, place, free = text
    b = len(q)
    q, k = rotate(q, IMAGE_TURN), rotate(k, IMAGE_TURN)
    text_k, text_v = (jnp.broadcast_to(x, (b,) + x.shape[1:]) for x in (text_k, text_v))
    word_k = jnp.take_along_axis(text_k, word[..., None], 1)
    word_k = rotate(word_k, [jnp.asarray(t)[place] for t in TEXT_TURN])
    word_v = jnp.take_along_axis(text_v, word[..., None], 1)
    null_k = rotate(text_k[:, words.NULL][:, None], TEXT_TURN)
    null_v = text_v[:, words.NULL][:, None]
    keys = jnp.concatenate([null_k, word_k, k], 1)
    seen = jnp.concatenate([free, word != words.NULL, jnp.ones((b, k.shape[1]), bool)], 1)
    scores = jnp.einsum("bid,bjd->bij", q, keys) * WIDTH ** -0.5
    weights = jax.nn.softmax(jnp.where(seen[:, None], scores, -1e9), -1)
    nulls, rest = weights[..., :PLACES], weights[..., PLACES:]
    return nulls.sum(-1, keepdims=True) * null_v + rest @ jnp.concatenate([word_v, v], 1)


def double_block(p, i, image, tokens, time, text):
    b, t = f"double_blocks.{i}.img", f"double_blocks.{i}.txt_attn"
    shift, scale, gate, shift2, scale2, gate2 = modulation(p, b + "_mod.lin", time, 6)
    q, k, v = jnp.split(linear(p, b + "_attn.qkv", normed(image) * (1 + scale) + shift), 3, -1)
    _, text_k, text_v = jnp.split(linear(p, t + ".qkv", tokens), 3, -1)
    a = attend(rms(q) * p[b + "_attn.norm.query_norm.scale"],
               rms(k) * p[b + "_attn.norm.key_norm.scale"], v,
               rms(text_k) * p[t + ".norm.key_norm.scale"], text_v, text)
    image = image + linear(p, b + "_attn.proj", a) * gate
    y = normed(image) * (1 + scale2) + shift2
    y = jax.nn.silu(linear(p, b + "_mlp.gate_proj", y)) * linear(p, b + "_mlp.up_proj", y)
    return image + linear(p, b + "_mlp.down_proj", y) * gate2


def single_block(p, image, tokens, time, text):
    b = "single_blocks.0."
    query_scale, key_scale = (p[f"{b}norm.{norm}.scale"] for norm in NORMS)
    shift, scale, gate = modulation(p, b + "modulation.lin", time, 3)
    q, k, v, up, gated = jnp.split(linear(p, b + "linear1", normed(image) * (1 + scale) + shift),
                                   np.cumsum([WIDTH, WIDTH, WIDTH, FEED_FORWARD]), -1)
    part = slice(WIDTH, 3 * WIDTH)
    text_kv = ((tokens * (1 + scale) + shift) @ p[b + "linear1.weight"][part].T
               + p[b + "linear1.bias"][part])
    text_k, text_v = jnp.split(text_kv, 2, -1)
    a = attend(rms(q) * query_scale, rms(k) * key_scale, v, rms(text_k) * key_scale, text_v, text)
    return image + linear(p, b + "linear2",
                          jnp.concatenate([a, up * jax.nn.silu(gated)], -1)) * gate


def velocity(p, x, level, text):
    """x [B,16,8,8] at noise levels [B] -> noise less picture, as the model sees it."""
    b = len(x)
    cells = x.reshape(b, 16, 4, 2, 4, 2).transpose(0, 2, 4, 1, 3, 5).reshape(b, 16, PATCH)
    image = linear(p, "img_in", cells)
    time = linear(p, "time_in.in_layer", level_embedding(level))
    time = linear(p, "time_in.out_layer", jax.nn.silu(time))
    rows = np.concatenate([words.ROWS, np.zeros((1, words.WIDTH), np.float32)])
    tokens = normed(linear(p, "txt_in", rms(rms(rows)) * p["txt_norm.scale"]))[None]
    for i in range(DOUBLE_BLOCKS):
        image = double_block(p, i, image, tokens, time, text)
    image = single_block(p, image, tokens, time, text)
    shift, scale = modulation(p, "final_layer.adaLN_modulation.1", time, 2)
    out = linear(p, "final_layer.linear", normed(image) * (1 + scale) + shift)
    return out.reshape(b, 4, 4, 16, 2, 2).transpose(0, 3, 1, 4, 2, 5).reshape(b, 16, 8, 8)


def text_of(word, place):
    """Words [B,3] (NULL: none) at places [B,3], in the form that attend() wants."""
    word, place = np.asarray(word, np.int32), np.asarray(place, np.int32)
    free = np.ones((len(word), PLACES), bool)
    for i in range(word.shape[1]):
        free[np.arange(len(word)), place[:, i]] &= word[:, i] == words.NULL
    return word, place, free
