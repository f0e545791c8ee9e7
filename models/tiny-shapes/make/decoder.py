"""Trains the decoder on drawn pictures: decoder.py OUT [STEPS]"""
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

STEPS, BATCH = 1600, 16


def loss(p, z, pictures):
    d = model.decode(p, z) - pictures
    return jnp.sqrt(d * d + 1e-4).mean() + 2 * (d * d).mean()


@jax.jit
def step(p, state, t, rate, z, pictures):
    value, gradient = jax.value_and_grad(loss)(p, z, pictures)
    return *adam.update(p, state, gradient, t, rate), value


@jax.jit
def error(p, z, pictures):
    return jnp.sqrt(((model.decode(p, z) - pictures) ** 2).mean())


def rate(t, steps):
    falling = 0.5 + 0.5 * np.cos(np.pi * max(0, t / steps - 0.3) / 0.7)
    return 1.5e-3 * min(1, t / 50) * falling + 1e-5


def main():
    folder = Path(sys.argv[1])
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else STEPS
    latent_map = dict(np.load(folder / "latents.npz"))
    pictures = draw.pictures(7200, 5)[0]
    unseen = draw.pictures(144, 6)[0]
    z, unseen_z = latents.encode(latent_map, pictures), latents.encode(latent_map, unseen)
    r = np.random.default_rng(7)
    p = jax.tree.map(jnp.asarray, model.initial_decoder(3))
    state = adam.zeros(p)
    began = time.time()
    for t in range(1, steps + 1):
        i = r.integers(0, len(pictures), BATCH)
        # The denoiser leaves some noise: up to a fifth of it is learned to be looked through.
        noise = r.standard_normal((BATCH, 8, 8, 16)) * r.uniform(0, 0.2, (BATCH, 1, 1, 1))
        p, state, value = step(p, state, float(t), rate(t, steps), z[i] + noise.astype(np.float32),
                               pictures[i])
        if t % 100 == 0 or t == steps:
            print(f"step {t} loss {float(value):.4f} error on unseen pictures "
                  f"{float(error(p, unseen_z, unseen)):.4f} seconds {time.time() - began:.0f}",
                  flush=True)
    np.savez(folder / "decoder.npz", **p)


if __name__ == "__main__":
    main()
