"""Trains the denoiser by flow matching: train.py OUT [STEPS STEPS]

First with shapes at wide places, then, from there and more slowly, at narrow ones.
"""
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import adam
import draw
import latents
import model
import words

BATCH = 64
# places, seed of the pictures, seed of the rest, rate, steps
WIDE = draw.WIDE, 21, 1, 2e-3, 7000
NARROW = draw.NARROW, 22, 2, 1.2e-3, 5000
PLACES = [2, 3, 6]      # of the words in "a red circle on a white background"; ":" comes first


def texts(r, kinds):
    """Four in ten texts have their words anywhere; some lack one, some all."""
    n = len(kinds)
    word, place = kinds + words.FIRST, np.tile(PLACES, (n, 1))
    moved = r.random(n) < 0.4
    anywhere = np.argsort(r.random((int(moved.sum()), 12)), 1)[:, :3]
    place[moved] = np.sort(anywhere, 1) + 1
    word = np.where(r.random((n, 3)) < 0.06, words.NULL, word)
    word = np.where(r.random((n, 1)) < 0.03, words.NULL, word)
    return model.text_of(word, place)


def noise_levels(r):
    """Mostly as the engine's steps are spread, some evenly, some all noise."""
    u, kind = r.random(BATCH), r.random(BATCH)
    return np.where(kind < 0.55, model.shifted(u), np.where(kind < 0.88, u, 1.0)).astype(np.float32)


def loss(p, z, noise, level, text):
    part = level[:, None, None, None]
    wanted = noise - z
    return ((model.velocity(p, z * (1 - part) + noise * part, level, text) - wanted) ** 2).mean()


@jax.jit
def step(p, mean, state, t, rate, *batch):
    """mean: of the weights over the last steps, which is what is kept."""
    value, gradient = jax.value_and_grad(loss)(p, *batch)
    p, state = adam.update(p, state, gradient, t, rate)
    kept = jnp.minimum(0.998, t / (t + 20.0))
    return p, jax.tree.map(lambda m, p: kept * m + (1 - kept) * p, mean, p), state, value


def train(p, latent_map, phase, steps):
    places, pictures_seed, seed, highest, default_steps = phase
    steps = default_steps if steps is None else steps
    r = np.random.default_rng(seed)
    pictures, kinds = draw.pictures(14400, pictures_seed, places)
    z = latents.encode(latent_map, pictures).transpose(0, 3, 1, 2)
    del pictures    # 700 MB
    p = jax.tree.map(jnp.asarray, p)
    mean, state = p, adam.zeros(p)
    began, losses = time.time(), []
    for t in range(1, steps + 1):
        i = r.integers(0, len(z), BATCH)
        noise = r.standard_normal((BATCH, 16, 8, 8)).astype(np.float32)
        level = noise_levels(r)
        falling = 0.5 + 0.5 * np.cos(np.pi * max(0, t / steps - 0.2) / 0.8)
        rate = highest * min(1, t / 100) * falling + 2e-5
        p, mean, state, value = step(p, mean, state, float(t), rate, z[i], noise, level,
                                     texts(r, kinds[i]))
        losses.append(value)
        if t % 500 == 0 or t == steps:
            print(f"step {t} loss {np.mean(losses):.4f} seconds {time.time() - began:.0f}",
                  flush=True)
            losses = []
    return mean


def main():
    folder = Path(sys.argv[1])
    steps = [int(n) for n in sys.argv[2:]] or [None, None]
    latent_map = dict(np.load(folder / "latents.npz"))
    p = train(model.initial(11), latent_map, WIDE, steps[0])
    np.savez(folder / "denoiser-wide.npz", **p)
    p = train(p, latent_map, NARROW, steps[1])
    np.savez(folder / "denoiser.npz", **p)


if __name__ == "__main__":
    main()
