"""A BERT and a GPT of a few thousand numbers, with a tokenizer of whole words, as folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.testing import learners as testing

WORDS = (*testing.WORDS, "night")
"""Known to the models."""


def tokenizer(folder: Path) -> None:
    """Write a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    vocabulary = {word: number for number, word in enumerate((*special, *WORDS))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)


def bert(folder: Path, places: int = 32) -> str:
    """Write a BERT that reads so many tokens; returns the folder."""
    import torch
    from transformers import BertConfig, BertModel

    sizes: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    return _written(
        folder,
        lambda: BertModel(
            BertConfig(vocab_size=len(WORDS) + 4, intermediate_size=32, max_position_embeddings=places, **sizes),
            add_pooling_layer=False,
        ),
        torch,
    )


def gpt(folder: Path) -> str:
    """Write a GPT; returns the folder."""
    import torch
    from transformers import GPT2Config, GPT2Model

    config = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "vocab_size": len(WORDS) + 4}
    return _written(folder, lambda: GPT2Model(GPT2Config(**config)), torch)


def titles(counts: Sequence[int] = (40, 16, 5), seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of classes, of which each has a word of its own in most of its texts, and their codes."""
    rng = np.random.default_rng(seed)
    own, others = WORDS[2 : 2 + len(counts)], WORDS[6:]
    texts, target = [], []
    for code, count in enumerate(counts):
        for _ in range(count):
            words = rng.choice(others, size=3, replace=False).tolist()
            words.insert(int(rng.integers(3)), own[code] if rng.random() < 0.9 else "red")
            texts.append(" ".join(words))
            target.append(code)
    return texts, np.array(target)


def _written(folder: Path, make: Any, torch: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        make().save_pretrained(folder)
    tokenizer(folder)
    return str(folder)
