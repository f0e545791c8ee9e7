"""Trains the model: train.py TOKENIZER.json OUT_FOLDER [STOP_AT_STEP]

A fixed number of steps from fixed seeds: on one machine, a second run gives the same weights. Two
processes of one thread each read half of every batch; both add the two gradients in the same order
and make the same update. A checkpoint (weights, optimiser, place in the corpus) is written every
hundred steps; a run that was broken off goes on from it and ends with the same weights.
"""
import functools
import hashlib
import multiprocessing
import os
import sys
import time
from multiprocessing import shared_memory
from pathlib import Path

WORKERS = 2
# One thread a process; and memory that is freed stays with the process, or half of the time goes
# into clearing pages.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ.update({"MALLOC_TRIM_THRESHOLD_": "8000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000",
                   "MALLOC_TOP_PAD_": "200000000"})

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

import chat
import corpus
import model

STEPS, LONG_FROM, WIDE_FROM, DECAY_FROM, HARD_FROM = 2900, 300, 900, 1000, 1800
SEED = 1
SAVE_EVERY = 100
# Size of document, tokens in a row, rows at a time: few, so that they fit the processor's cache.
SHORT, LONG, WIDE, HARD = ("short", 192, 2), ("long", 256, 2), ("wide", 512, 1), ("hard", 384, 1)
REFILL = {"short": 48, "long": 32, "wide": 16, "hard": 16}  # documents made at a time
MUON_RATE, ADAM_RATE, WARM_UP = 0.02, 4e-3, 50
ANSWER_WEIGHT = 40   # an answer of more tokens counts as this many
LOSS_SHARE = 0.6     # room for tokens with a loss, of all tokens


def weights_of(ids, begin, end, role, think):
    """1 for the tokens of an assistant's turn, its end included; less each in a long turn. Whether
    to think is not the model's choice: the tag comes from the template."""
    w = np.zeros(len(ids), np.float32)
    i = 0
    while i < len(ids):
        if ids[i] == begin and i + 2 < len(ids) and ids[i + 1] == role:
            first = i + 3
            if ids[first:first + len(think)] == think:
                first += len(think)
            last = ids.index(end, first)
            w[first:last + 1] = min(1.0, ANSWER_WEIGHT / (last + 1 - first))
            i = last
        i += 1
    return w


class Batches:
    """Rows of packed documents of one size, in the order of the seeds."""

    def __init__(self, tokenizer, kind, worker):
        self.size, self.length, self.rows = kind
        self.tokenizer, self.seed, self.waiting = tokenizer, worker, []
        self.marks = [tokenizer.token_to_id(t) for t in (chat.TURN_BEGIN, chat.TURN_END)]
        self.role = tokenizer.encode("assistant").ids[0]
        self.think = tokenizer.encode("<think>\n").ids

    def refill(self):
        texts = corpus.documents(self.seed, self.size, REFILL[self.size])
        self.seed += WORKERS
        codes = [c.ids for c in self.tokenizer.encode_batch(texts)]
        self.waiting += [c for c in codes if len(c) <= self.length]

    def row(self):
        """Takes waiting documents, first fit, until none of the next forty fits."""
        tokens, weights, segments = [], [], []
        looked = 0
        while looked < 40:
            if looked >= len(self.waiting):
                self.refill()
            ids = self.waiting[looked]
            if len(tokens) + len(ids) > self.length:
                looked += 1
                continue
            del self.waiting[looked]
            segments += [segments[-1] + 1 if segments else 1] * len(ids)
            tokens += ids
            weights.append(weights_of(ids, *self.marks, self.role, self.think))
        pad = self.length - len(tokens)
        weights = np.concatenate(weights + [np.zeros(pad, np.float32)])
        return (np.array(tokens + [0] * pad, np.int32), np.array(segments + [0] * pad, np.int32),
                weights)

    def part(self):
        """Tokens, segments, and the places with a loss: index, target, weight (0: unused)."""
        rows = [self.row() for _ in range(self.rows)]
        tokens, segments, weights = (np.stack(x) for x in zip(*rows))
        room = int(tokens.size * LOSS_SHARE)
        place = np.flatnonzero(weights.reshape(-1))[:room]
        index = np.zeros(room, np.int32)
        target = np.zeros(room, np.int32)
        weight = np.zeros(room, np.float32)
        index[:len(place)] = place - 1
        target[:len(place)] = tokens.reshape(-1)[place]
        weight[:len(place)] = weights.reshape(-1)[place]
        return tokens, segments, index, target, weight


def loss_sum(p, batch):
    tokens, segments, index, target, weight = batch
    h = model.hidden(p, tokens, segments).reshape(-1, model.WIDTH)[index]
    logits = h @ p["embed"].T
    right = jnp.take_along_axis(logits, target[:, None], -1)[:, 0]
    return ((jax.nn.logsumexp(logits, -1) - right) * weight).sum()


@functools.partial(jax.jit, donate_argnums=1)
def add_gradient(p, total, part):
    loss, g = jax.value_and_grad(loss_sum)(p, part)
    return total[0] + loss, {k: total[1][k] + g[k] for k in g}


def orthogonal(m):
    """Newton-Schulz: nearly the orthogonal matrix closest to each of a stack."""
    wide = m.shape[-2] > m.shape[-1]
    x = jnp.swapaxes(m, -1, -2) if wide else m
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(5):
        a = x @ jnp.swapaxes(x, -1, -2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return jnp.swapaxes(x, -1, -2) if wide else x


def rate(t):
    """Rises, stays, falls in a line to almost nothing; with the hard documents once more."""
    if t <= HARD_FROM:
        fall = (HARD_FROM - t) / (HARD_FROM - DECAY_FROM)
        return min(1.0, t / WARM_UP) * min(1.0, max(0.01, fall))
    return 0.5 * min(1.0, (t - HARD_FROM) / WARM_UP) * max(
        0.01, (STEPS - t) / (STEPS - HARD_FROM))


@jax.jit
def update(p, state, g, t, r):
    """Muon (momentum made orthogonal) for the layers' matrices, Adam for the rest."""
    new_p, new_state = {}, {}
    for name in p:
        if name in model.MATRICES:
            m = 0.95 * state[name] + g[name]
            step = orthogonal(g[name] + 0.95 * m)
            shape = p[name].shape
            scale = max(1.0, shape[2] / shape[1]) ** 0.5
            new_p[name] = p[name] * (1 - r * MUON_RATE * 0.1) - r * MUON_RATE * scale * step
            new_state[name] = m
        else:
            m = 0.9 * state[name] + 0.1 * g[name]
            v = 0.98 * state[name + ".v"] + 0.02 * g[name] ** 2
            step = m / (1 - 0.9 ** t) / (jnp.sqrt(v / (1 - 0.98 ** t)) + 1e-9)
            new_p[name] = p[name] - r * ADAM_RATE * step
            new_state[name], new_state[name + ".v"] = m, v
    return new_p, new_state


def parts_of(t):
    """What each process reads in a step: first short documents only, for copying is learned from
    them; later long and wide ones too, then more of those, in the end hard ones."""
    if t <= LONG_FROM:
        return [SHORT] * 6
    if t > HARD_FROM:
        return [SHORT, WIDE if t % 3 == 0 else LONG] + [HARD] * 4
    wide = t > WIDE_FROM and t % 3 == 0
    if t <= DECAY_FROM:
        return [SHORT] * 3 + [WIDE if wide else LONG] * 2
    return [SHORT] * 2 + ([LONG] + [WIDE] * 2 if wide else [LONG] * 3)


class Exchange:
    """Adds the loss, the weight and the gradients of all processes, in the order of processes."""

    def __init__(self, worker, name, barrier, p):
        self.shapes = {k: v.shape for k, v in sorted(p.items())}
        size = 2 + sum(int(np.prod(s)) for s in self.shapes.values())
        self.memory = shared_memory.SharedMemory(name)
        self.all = np.ndarray((WORKERS, size), np.float32, self.memory.buf)
        self.worker, self.barrier = worker, barrier

    def add(self, loss, weight, g):
        self.all[self.worker] = np.concatenate(
            [np.array([loss, weight], np.float32)] + [np.ravel(g[k]) for k in self.shapes])
        self.barrier.wait()
        total = self.all[0] + self.all[1]
        self.barrier.wait()
        at, out = 2, {}
        for k, shape in self.shapes.items():
            n = int(np.prod(shape))
            out[k] = total[at:at + n].reshape(shape) / total[1]
            at += n
        return total[0] / total[1], out


def load(path, sources):
    data = dict(np.load(path))
    for name, source in sources.items():
        if "seed." + name not in data:
            continue
        source.seed = int(data.pop("seed." + name))
        flat, lengths = data.pop("flat." + name), data.pop("lengths." + name)
        parts = np.split(flat, np.cumsum(lengths)[:-1]) if len(lengths) else []
        source.waiting = [part.tolist() for part in parts]
    t, tokens = int(data.pop("step")), int(data.pop("tokens"))
    p = {k[2:]: v for k, v in data.items() if k.startswith("p.")}
    return p, {k[2:]: v for k, v in data.items() if k.startswith("s.")}, t, tokens


def save(folder, worker, p, state, t, tokens, sources):
    data = {"p." + k: v for k, v in p.items()}
    data.update({"s." + k: v for k, v in state.items()})
    for name, source in sources.items():
        data["seed." + name] = source.seed
        data["flat." + name] = np.array([i for ids in source.waiting for i in ids], np.int32)
        data["lengths." + name] = np.array([len(ids) for ids in source.waiting], np.int32)
    np.savez(folder / f"new-{worker}.npz", step=t, tokens=tokens, **data)
    os.replace(folder / f"new-{worker}.npz", folder / f"state-{worker}-{t}.npz")
    if worker == 0:
        np.savez(folder / "weights.npz", **p)


def last_step(folder):
    """The last step of which all processes wrote their state."""
    steps = [{int(f.stem.split("-")[2]) for f in folder.glob(f"state-{w}-*.npz")}
             for w in range(WORKERS)]
    return max(set.intersection(*steps), default=0)


def digest(p):
    h = hashlib.sha256()
    for name, value in sorted(p.items()):
        h.update(name.encode() + np.asarray(value).tobytes())
    return h.hexdigest()


def work(worker, tokenizer_file, folder, stop, memory, barrier):
    os.setsid()
    tokenizer = Tokenizer.from_file(tokenizer_file)
    sources = {kind[0]: Batches(tokenizer, kind, worker) for kind in (SHORT, LONG, WIDE, HARD)}
    p, t, tokens = model.initial(SEED), 0, 0
    state = {k: np.zeros_like(v) for k, v in p.items()}
    state.update({k + ".v": np.zeros_like(v) for k, v in p.items() if k not in model.MATRICES})
    exchange = Exchange(worker, memory, barrier, p)
    if last_step(folder):
        p, state, t, tokens = load(folder / f"state-{worker}-{last_step(folder)}.npz", sources)
    began, counted, losses, preparing = time.time(), 0, [], 0.0
    while t < stop:
        t += 1
        before = time.time()
        parts = [sources[kind[0]].part() for kind in parts_of(t)]
        preparing += time.time() - before
        total = (jnp.float32(0), {k: jnp.zeros_like(v) for k, v in p.items()})
        for part in parts:
            total = add_gradient(p, total, part)
        mean, g = exchange.add(total[0], sum(float(b[4].sum()) for b in parts), total[1])
        p, state = update(p, state, g, np.float32(t), np.float32(rate(t)))
        counted += WORKERS * sum(int((b[1] > 0).sum()) for b in parts)
        losses.append(mean)
        if worker == 0 and (t % 25 == 0 or t == stop):
            seconds = time.time() - began
            print(f"step {t} loss {np.mean(losses):.4f} seconds {seconds:.0f} tokens "
                  f"{tokens + counted} a second {counted / seconds:.0f} preparing "
                  f"{preparing / seconds:.2f}", flush=True)
            losses = []
        if t % SAVE_EVERY == 0 or t == stop:
            save(folder, worker, p, state, t, tokens + counted, sources)
    if worker == 0:
        print("weights", digest(p), flush=True)


def main():
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    stop = int(sys.argv[3]) if len(sys.argv) > 3 else STEPS
    count = 2 + sum(v.size for v in model.initial(SEED).values())
    memory = shared_memory.SharedMemory(create=True, size=4 * WORKERS * count)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(WORKERS)
    workers = [context.Process(target=work, args=(w, sys.argv[1], folder, stop, memory.name,
                                                  barrier)) for w in range(WORKERS)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    memory.unlink()
    sys.exit(max(w.exitcode != 0 for w in workers))


if __name__ == "__main__":
    main()
