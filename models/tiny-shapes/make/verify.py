"""Paints the same pictures with model.py and with the engine: verify.py FOLDER PROGRAM

FOLDER is what export.py wrote, PROGRAM the built infer. The weights are read back from the files,
so what is compared is the graph, the noise, the noise levels, the tokens and the latent map, not
the rounding of the weights. A model that is hardly trained will do for all but its words, which
change nothing yet.
"""
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import jax
import ml_dtypes
import numpy as np
from gguf.quants import dequantize
from PIL import Image

import draw
import export
import latents
import model
import train
import words

MOST = 0.5      # mean difference of two pictures, in steps of 255


def read_model(path):
    p = {}
    for tensor in gguf.GGUFReader(path).tensors:
        p[tensor.name] = dequantize(tensor.data, tensor.tensor_type)
    table = p.pop(export.TEXT + "embed_tokens.weight")
    p.pop(export.TEXT + "norm.weight")
    assert (table == words.table()).all(), "the file has another token table"
    return {name.removeprefix(export.DENOISER): value for name, value in p.items()}


def read_vae(path):
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    kinds = {"F32": np.float32, "F16": np.float16, "F8_E4M3": ml_dtypes.float8_e4m3fn}
    p = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        begin, end = (8 + size + n for n in entry["data_offsets"])
        value = np.frombuffer(data[begin:end], kinds[entry["dtype"]]).astype(np.float32)
        value = value.reshape(entry["shape"])
        p[name] = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
    return p


def noise(seed):
    """The engine's noise of a seed: Philox 4x32 of ten rounds, one number for each counter."""
    n = 16 * 8 * 8
    low = np.uint64(0xFFFFFFFF)
    c = [np.zeros(n, np.uint64) for _ in range(4)]
    c[2] = np.arange(n, dtype=np.uint64)
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        high = np.uint64(32)
        c = [(b >> high) ^ c[1] ^ np.uint64(key[0]), b & low,
             (a >> high) ^ c[3] ^ np.uint64(key[1]), a & low]
        key = [(k + w) & 0xFFFFFFFF for k, w in zip(key, (0x9E3779B9, 0xBB67AE85))]
    u, v = (x.astype(np.float64) / 2 ** 32 + 2.0 ** -33 for x in c[:2])
    return (np.sqrt(-2 * np.log(u)) * np.sin(2 * np.pi * v)).reshape(16, 8, 8).astype(np.float32)


class Ours:
    def __init__(self, folder):
        self.p, self.vae = read_model(folder / export.MODEL), read_vae(folder / export.VAE)
        self.velocity, self.decode = jax.jit(model.velocity), jax.jit(model.decode)

    def paint(self, kind, place, seed, steps=8, start=None, strength=1.0):
        """start: a latent picture, kept but for the last steps."""
        text = model.text_of([kind + words.FIRST], [place])
        levels = model.levels(steps)
        x = noise(seed)[None]
        if start is not None:
            levels = levels[steps - int(steps * strength) - 1:]
            x = start * (1 - levels[0]) + x * levels[0]
        for level, following in zip(levels, levels[1:]):
            x = x + self.velocity(self.p, x, np.array([level]), text) * (following - level)
        pixels = self.decode(self.vae, x.transpose(0, 2, 3, 1))[0]
        return np.round(np.clip(pixels, 0, 1) * 255)


class Engine:
    def __init__(self, folder, program):
        # The card beside the file names the decoder.
        self.command = [program, "image", "-m", f"diffusion:{(folder / export.MODEL).resolve()}",
                        "--threads", "1", "--force"]

    def paint(self, prompt, seed, steps=8, picture=None, strength=1.0):
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder, "out.png"))
            command = self.command + ["-o", file, "--seed", str(seed), "--steps", str(steps)]
            if picture is not None:
                start = str(Path(folder, "start.png"))
                Image.fromarray(picture).save(start)
                command += ["--init", start, "--strength", str(strength)]
            subprocess.run(command + ["--", prompt], check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
            return np.asarray(Image.open(file).convert("RGB"), np.float64)


def named(kind, spell=str):
    """The prompt that training knows best, each of its words spelled so."""
    colour, shape, ground = (spell(words.WORDS[i]) for i in kind + words.FIRST)
    return f"a {colour} {shape} on a {ground} background"


def without(kind, which):
    """The kind with one of its words left out."""
    kind = kind.copy()
    kind[which] = words.NULL - words.FIRST[which]
    return kind


def report(what, differences):
    print(f"{what}: mean difference {np.mean(differences):.3f}, of the worst picture "
          f"{max(differences):.3f} of 255, {len(differences)} pictures", flush=True)
    return max(differences) <= MOST


def main():
    folder = Path(sys.argv[1])
    ours, engine = Ours(folder), Engine(folder, sys.argv[2])

    def apart(a, b):
        return float(abs(a - b).mean())

    kinds = np.array(draw.KINDS)[5::13]
    fine = report("from words", [
        apart(ours.paint(k, train.PLACES, 900 + i), engine.paint(named(k), 900 + i))
        for i, k in enumerate(kinds)])
    latent_map = latents.fit()      # what the encoder in the file should be
    differences = []
    for i, k in enumerate(kinds):
        picture = np.round(draw.pictures(72, 9)[0][i] * 255).astype(np.uint8)
        start = latents.encode(latent_map, picture[None] / np.float32(255)).transpose(0, 3, 1, 2)
        differences.append(apart(ours.paint(k, train.PLACES, i, 8, start, 0.5),
                                 engine.paint(named(k), i, 8, picture, 0.5)))
    fine &= report("from a picture", differences)
    # Every spelling of every word. A token that is not the word's would be a word less.
    weighted = (3, 5, 9)    # a weighted word's space is a token of its own
    spellings = {"as it is": (str, train.PLACES), "capitalised": (str.capitalize, train.PLACES),
                 "weighted": ("({}:1.2)".format, weighted),
                 "weighted, capitalised": (lambda w: f"({w.capitalize()}:1.2)", weighted)}
    six = np.array([(i, i % 4, 2 - i % 3) for i in range(6)])
    for gray in ("gray", "grey"):
        for what, (spell, place) in spellings.items():
            fine &= report(f"spelled {what}, {gray}", [
                apart(ours.paint(k, place, i, 4),
                      engine.paint(named(k, lambda w: spell(w.replace("gray", gray))), i, 4))
                for i, k in enumerate(six) if gray == "gray" or k[2] == 2])
    less = [apart(ours.paint(k, train.PLACES, i, 4), ours.paint(without(k, j), train.PLACES, i, 4))
            for i, k in enumerate(six) for j in range(3)]
    print(f"for comparison, ours with a word less: mean difference {np.mean(less):.3f}, "
          f"of the most alike {min(less):.3f}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
