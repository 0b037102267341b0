"""A BERT of a few thousand numbers that nobody has trained, for quick runs: all is computed, and nothing is learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

WIDTH, LAYERS, PLACES, VOCABULARY = 32, 2, 32, 600
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tiny_bert(folder: Path, texts: Sequence[str]) -> str:
    """Write one that reads the word pieces of some texts; returns the folder."""
    import torch  # noqa: PLC0415 - slow to import
    from tokenizers import BertWordPieceTokenizer  # noqa: PLC0415
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast  # noqa: PLC0415

    pieces = BertWordPieceTokenizer()
    pieces.train_from_iterator(texts, VOCABULARY, show_progress=False, special_tokens=list(SPECIAL))
    pad, unknown, first, last, mask = SPECIAL
    PreTrainedTokenizerFast(
        tokenizer_object=_with_ends(pieces),
        pad_token=pad,
        unk_token=unknown,
        cls_token=first,
        sep_token=last,
        mask_token=mask,
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=pieces.get_vocab_size(),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=PLACES,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return str(folder)


def _with_ends(pieces: object) -> object:
    """The tokenizer that puts its special tokens around a text."""
    from tokenizers import Tokenizer  # noqa: PLC0415
    from tokenizers.processors import TemplateProcessing  # noqa: PLC0415

    found = Tokenizer.from_str(pieces.to_str())  # type: ignore[attr-defined]
    ends = [(token, found.token_to_id(token)) for token in SPECIAL[2:4]]
    found.post_processor = TemplateProcessing(single=f"{SPECIAL[2]} $A {SPECIAL[3]}", special_tokens=ends)
    return found
