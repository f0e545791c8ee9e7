"""Writes the files that the engine reads, their archive and checksums: export.py OUT FOLDER"""
import hashlib
import io
import json
import lzma
import shutil
import struct
import sys
import tarfile
from pathlib import Path

import gguf
import ml_dtypes
import numpy as np
from gguf.quants import quantize

import latents
import words

MODEL, VAE, PACKED = "tiny-shapes.gguf", "tiny-shapes-tae.safetensors", "tiny-shapes.tar.xz"
CARD = "tiny-shapes.card.json"
DENOISER, TEXT = "model.diffusion_model.", "text_encoders.llm.model."


def write_model(path, p):
    """Matrices in Q8_0; the token table, which Q4_0 keeps exactly, and those of zeros in Q4_0."""
    tensors = {DENOISER + name: np.asarray(p[name], np.float32) for name in sorted(p)}
    tensors[TEXT + "embed_tokens.weight"] = words.table()
    tensors[TEXT + "norm.weight"] = np.ones(words.WIDTH, np.float32)
    w = gguf.GGUFWriter(path, "flux")
    for name, value in tensors.items():
        if value.ndim == 1:
            w.add_tensor(name, value)
            continue
        small = name.startswith(TEXT) or not value.any()
        kind = gguf.GGMLQuantizationType.Q4_0 if small else gguf.GGMLQuantizationType.Q8_0
        w.add_tensor(name, quantize(value, kind), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def widened(p):
    """The decoder's weights in the file's order, [out, in, 3, 3], with TAESD's 64 channels."""
    full = latents.TAESD_WIDTH
    out = {}
    for name in sorted(p):
        value = np.asarray(p[name])
        outputs = 3 if name.startswith("decoder.layers.18.") else full
        if value.ndim == 1:
            out[name] = np.pad(value, (0, outputs - len(value)))
            continue
        value = value.transpose(3, 2, 0, 1)
        inputs = 16 if name.startswith("decoder.layers.0.") else full
        out[name] = np.pad(value, ((0, outputs - value.shape[0]), (0, inputs - value.shape[1]),
                                   (0, 0), (0, 0)))
    return out


def kind_of(name, value):
    """What the latent map is made of, and the decoder's ends, keep more digits than the rest."""
    if value.ndim == 1:
        return "F32", np.float32
    exact = ("decoder.layers.0.", "decoder.layers.18.", "encoder.layers.10.", "encoder.layers.14.")
    return ("F16", np.float16) if name.startswith(exact) else ("F8_E4M3", ml_dtypes.float8_e4m3fn)


def write_vae(path, p):
    header, blobs, at = {}, [], 0
    for name, value in p.items():
        kind, dtype = kind_of(name, value)
        blob = np.clip(value, -448, 448).astype(dtype).tobytes()
        header[name] = {"dtype": kind, "shape": list(value.shape),
                        "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def pack(path, files):
    """The same files give the same archive: no owner, no time."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size, entry.mode = file.stat().st_size, 0o644
            t.addfile(entry, io.BytesIO(file.read_bytes()))
    numbers = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0,
               "pb": 0, "dict_size": 1 << 23}
    path.write_bytes(lzma.compress(tar.getvalue(), filters=[numbers]))


def main():
    out, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    encoder = latents.encoder(dict(np.load(out / "latents.npz")))
    vae = widened(dict(np.load(out / "decoder.npz"))) | encoder
    write_model(folder / MODEL, dict(np.load(out / "denoiser.npz")))
    write_vae(folder / VAE, {name: vae[name] for name in sorted(vae)})
    pack(folder / PACKED, [folder / MODEL, folder / VAE])
    shutil.copy(Path(__file__).parent.parent / CARD, folder)
    sums = ""
    for name in (PACKED, MODEL, VAE):
        data = (folder / name).read_bytes()
        sums += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
        print(name, len(data), "bytes")
    (folder / "SHA256SUMS").write_text(sums)


if __name__ == "__main__":
    main()
