"""Parts of a tokenizer that somebody else wrote: which of them take a time in proportion to a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PARTS: Mapping[str, frozenset[str]] = {
    "model": frozenset({"WordPiece", "WordLevel", "Unigram", "BPE"}),
    "normalizer": frozenset(
        {"BertNormalizer", "Precompiled", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Strip", "StripAccents"}
    ),
    "pre_tokenizer": frozenset(
        {"BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Metaspace", "Punctuation", "Digits"}
    ),
    "post_processor": frozenset({"TemplateProcessing", "BertProcessing", "RobertaProcessing"}),
}
"""Kinds of the parts of a tokenizer whose time is in proportion to a text."""
_SEVERAL = ("normalizers", "pretokenizers", "processors")
_SPACES = {"Regex": " {2,}"}


def unknown_parts(tokenizer: Any) -> list[str]:
    """Parts of a tokenizer that are of no known kind: some take expressions on which a text can hang.

    Parameters
    ----------
    tokenizer
        As its JSON says.

    Returns
    -------
    What is wrong, a few words each; nothing where all is well.
    """
    faults = []
    for part, kinds in _PARTS.items():
        for one in _flat(tokenizer.get(part)):
            spaces = one["type"] == "Replace" and one["pattern"] == _SPACES and len(one["content"]) <= 1
            if one["type"] not in kinds and not spaces:
                faults.append(f"its {part} is {one['type']!r}")
    return faults


def _flat(part: Any) -> list[Any]:
    if part is None:
        return []
    inside = next((part[name] for name in _SEVERAL if name in part), None)
    return [part] if inside is None else [one for each in inside for one in _flat(each)]
