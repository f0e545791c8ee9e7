"""Makes tokenizer.json: byte-level BPE of 1,024 tokens with GPT-2's splitting rule.

The merges are learned in two parts. First from words without the space before them, so that an
unknown word has the same pieces in a sentence and inside quotes: copying it is then copying tokens.
Then the commonest whole words are merged with their leading space. Text outside of ASCII and digits
are left out on purpose: a digit is always one token, and so is every byte of a letter like U+041F.
"""
import json
import re
import sys
from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import chat
import corpus

VOCABULARY = 1024
SPECIALS = [chat.END, chat.TURN_BEGIN, chat.TURN_END]
RARE = 15           # a piece seen less often makes no merge
SPACE = "\u0120"    # how a byte-level BPE writes the space


def split(text):
    """The pieces that GPT-2's rule makes of ASCII text, without digits, each with its space."""
    pattern = r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+"
    return re.findall(pattern, text)


def pieces(seeds):
    spaced, bare = Counter(), Counter()
    for seed in seeds:
        for size in ("short", "long"):
            for text in corpus.documents(seed, size, 3000):
                text = re.sub(r"<\|[a-z_]+\|>", "\n", re.sub(r"[^\x00-\x7f]+", "", text))
                for piece in split(text):
                    bare[piece.lstrip(" ") or piece] += 1
                    if piece[0] == " " and len(piece) > 1:
                        spaced[piece[1:]] += 1
    return bare, spaced


def train(bare, vocabulary):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIALS, min_frequency=2, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    # Square roots of the counts: rare words of the world matter more than frequent ones gain.
    lines = [w for w in sorted(bare) for _ in range(int(bare[w] ** 0.5)) if bare[w] >= RARE]
    t.train_from_iterator(lines, trainer)
    return json.loads(t.to_str())


def build():
    bare, spaced = pieces([7, 8])
    # As many merges of letters as leave room for the words that they make.
    for size in range(VOCABULARY - 1, 0, -3):
        data = train(bare, size)
        vocabulary = data["model"]["vocab"]
        words = [w for w, _ in sorted(spaced.items(), key=lambda item: (-item[1], item[0]))
                 if w in vocabulary]
        if len(vocabulary) + sum(spaced[w] >= RARE for w in words) <= VOCABULARY:
            break
    for word in words[:VOCABULARY - len(vocabulary)]:
        vocabulary[SPACE + word] = len(vocabulary)
        data["model"]["merges"].append([SPACE, word])
    return Tokenizer.from_str(json.dumps(data))


if __name__ == "__main__":
    tokenizer = build()
    assert tokenizer.get_vocab_size() == VOCABULARY, tokenizer.get_vocab_size()
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(sys.argv[1])
    for size in ("short", "long", "wide"):
        texts = corpus.documents(5, size, 1000)
        codes = tokenizer.encode_batch(texts)
        assert all(tokenizer.decode(c.ids, skip_special_tokens=False) == t
                   for c, t in zip(codes, texts))
        lengths = sorted(len(c.ids) for c in codes)
        print(size, "characters", sum(map(len, texts)) / 1000, "tokens", sum(lengths) / 1000,
              "median", lengths[500], "95 %", lengths[950], "longest", lengths[-1])
