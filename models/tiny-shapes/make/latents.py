"""The latent pictures are not learned: the 16 leading principal components of patches of 8 x 8
pixels, partly whitened. Writes the map: latents.py OUT
"""
import sys
from pathlib import Path

import numpy as np

import draw

PATCH, CHANNELS = 8, 16
CELLS = draw.SIDE // PATCH
TAESD_WIDTH = 64


def patches(pictures):
    """n 64 64 3 -> n 8 8 192, each patch by row, column and channel."""
    n = len(pictures)
    cut = pictures.reshape(n, CELLS, PATCH, CELLS, PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
    return cut.reshape(n, CELLS, CELLS, PATCH * PATCH * 3)


def fit():
    x = patches(draw.pictures(2880, 1)[0]).reshape(-1, PATCH * PATCH * 3)
    mean = x.mean(0)
    variance, axes = np.linalg.eigh(np.cov((x - mean).T))
    variance, axes = variance[::-1], axes[:, ::-1]
    kept = variance[:CHANNELS]
    # Component k gets the standard deviation (variance k / variance 0) ^ 1/8.
    scale = kept ** -0.5 * (kept / kept[0]) ** 0.125
    return {"mean": mean.astype(np.float32), "axes": axes[:, :CHANNELS].T.astype(np.float32),
            "scale": scale.astype(np.float32)}


def encode(latents, pictures):
    """n 64 64 3 -> n 8 8 16"""
    return (patches(pictures) - latents["mean"]) @ latents["axes"].T * latents["scale"]


def encoder(latents):
    """The weights with which TAESD's encoder is that map exactly.

    Two convolutions of stride 2 bring 4 x 4 pixels to one place (pixels are never negative, so the
    ReLUs in between change nothing), the third makes each component and its negative, the last
    joins both. Everything else is zero.
    """
    e, width = "encoder.layers.", TAESD_WIDTH
    p = {}
    for i, inputs, outputs in ((0, 3, width), (2, width, width), (6, width, width),
                               (10, width, width), (14, width, CHANNELS)):
        p[f"{e}{i}.weight"] = np.zeros((outputs, inputs, 3, 3), np.float32)
        if i in (0, 14):
            p[f"{e}{i}.bias"] = np.zeros(outputs, np.float32)
    for i in (1, 3, 4, 5, 7, 8, 9, 11, 12, 13):
        for j in (0, 2, 4):
            p[f"{e}{i}.conv.{j}.weight"] = np.zeros((width, width, 3, 3), np.float32)
            p[f"{e}{i}.conv.{j}.bias"] = np.zeros(width, np.float32)
    for c in range(3):
        p[e + "0.weight"][c, c, 1, 1] = 1
    for dy in (0, 1):
        for dx in (0, 1):
            for c in range(3):
                p[e + "2.weight"][(dy * 2 + dx) * 3 + c, c, 1 + dy, 1 + dx] = 1
            for c in range(12):
                p[e + "6.weight"][(dy * 2 + dx) * 12 + c, c, 1 + dy, 1 + dx] = 1
    axes = latents["axes"].reshape(CHANNELS, PATCH, PATCH, 3)
    for y in range(PATCH):
        for x in range(PATCH):
            for c in range(3):
                at = ((y // 2 % 2) * 2 + x // 2 % 2) * 12 + ((y % 2) * 2 + x % 2) * 3 + c
                w = p[e + "10.weight"][:, at, 1 + y // 4, 1 + x // 4]
                w[:CHANNELS] = axes[:, y, x, c]
                w[CHANNELS:2 * CHANNELS] = -axes[:, y, x, c]
    for k in range(CHANNELS):
        p[e + "14.weight"][k, k, 1, 1] = latents["scale"][k]
        p[e + "14.weight"][k, CHANNELS + k, 1, 1] = -latents["scale"][k]
    p[e + "14.bias"][:] = -(latents["axes"] @ latents["mean"]) * latents["scale"]
    return p


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    latents = fit()
    np.savez(folder / "latents.npz", **latents)
    x = draw.pictures(288, 2)[0]
    back = encode(latents, x) / latents["scale"] @ latents["axes"] + latents["mean"]
    print("of the variance of unseen pictures, kept", 1 - (patches(x) - back).var() / x.var())
