"""Writes the trained weights as GGUF: export.py TOKENIZER.json WEIGHTS.npz OUT.gguf"""
import json
import os
import sys
from pathlib import Path

import gguf
import numpy as np

import chat
import model

CONTEXT = 512
NAMES = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "g": "ffn_gate",
         "u": "ffn_up", "d": "ffn_down", "an": "attn_norm", "fn": "ffn_norm"}


def interleave(w, heads):
    """Training turns the halves of a head against each other, the engine its neighbours."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def halves(w, heads):
    return w.reshape(heads, w.shape[0] // heads // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


HEADS_OF = {"q": model.HEADS, "k": model.KV_HEADS}


def tensors(p):
    yield "token_embd.weight", p["embed"]
    for i in range(model.LAYERS):
        for name, long_name in NAMES.items():
            w = p[name][i]
            if w.ndim == 2:
                w = w.T
            if name in HEADS_OF:
                w = interleave(w, HEADS_OF[name])
            yield f"blk.{i}.{long_name}.weight", w
    yield "output_norm.weight", p["norm"]


def read(path):
    """The parameters of a file that this script wrote, for model.py."""
    found = {t.name: np.asarray(t.data, np.float32) for t in gguf.GGUFReader(path).tensors}
    p = {"embed": found["token_embd.weight"], "norm": found["output_norm.weight"]}
    for name, long_name in NAMES.items():
        layers = [found[f"blk.{i}.{long_name}.weight"] for i in range(model.LAYERS)]
        if name in HEADS_OF:
            layers = [halves(w, HEADS_OF[name]) for w in layers]
        p[name] = np.stack([w.T if w.ndim == 2 else w for w in layers])
    return p


def add_tokenizer(w, tokenizer):
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {t["content"] for t in tokenizer["added_tokens"]}
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types([gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL
                       for t in tokens])
    w.add_token_merges([" ".join(m) for m in tokenizer["model"]["merges"]])
    w.add_bos_token_id(vocabulary[chat.END])
    w.add_pad_token_id(vocabulary[chat.END])
    w.add_eos_token_id(vocabulary[chat.TURN_END])
    w.add_eot_token_id(vocabulary[chat.TURN_END])
    w.add_add_bos_token(False)
    w.add_chat_template(chat.SOURCE)


def write(path, tokenizer, p):
    w = gguf.GGUFWriter(path, "llama")
    w.add_name("tiny-chat")
    w.add_license("MIT")
    w.add_description("Tiny chat model trained on a synthetic corpus; for tests, not for real use")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    w.add_quantization_version(2)
    w.add_context_length(CONTEXT)
    w.add_embedding_length(model.WIDTH)
    w.add_block_count(model.LAYERS)
    w.add_feed_forward_length(model.FEED_FORWARD)
    w.add_head_count(model.HEADS)
    w.add_head_count_kv(model.KV_HEADS)
    w.add_layer_norm_rms_eps(model.EPSILON)
    w.add_rope_freq_base(model.THETA)
    w.add_rope_dimension_count(model.HEAD)
    w.add_vocab_size(model.VOCABULARY)
    add_tokenizer(w, tokenizer)
    for name, value in tensors(p):
        kind = np.float32 if value.ndim == 1 else np.float16
        w.add_tensor(name, np.ascontiguousarray(value.astype(kind)))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    write(sys.argv[3], json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")),
          dict(np.load(sys.argv[2])))
    print(sys.argv[3], os.path.getsize(sys.argv[3]), "bytes")
