"""Tuned models of pairs as folders that are served without torch, in 8-bit integers by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.base import unit_rows
from evenshelf.encoders.calibration import input_ranges
from evenshelf.encoders.onnx_encoder import TOKENS, equal_length_batches
from evenshelf.encoders.onnx_graph import InputRange, bert_graph
from evenshelf.encoders.weights import BertConfig, max_length, read_config, read_tokenizer, read_weights, word_numbers
from evenshelf.errors import InputError
from evenshelf.learners.search.tuned.cross_encoder import HEAD, PRODUCT, SHARPNESS, TunedCrossEncoder, check_pairs
from evenshelf.learners.towers.frozen import session_of
from evenshelf.learners.towers.saving import CONFIG, TOKENIZER, WEIGHTS, Quantised, fill, written

Floats = NDArray[np.float32]

PAIR = "pair."
"""Before the names of the layers in which query and item see each other."""
_AT_ONCE = 256


def save_cross_encoder(
    tuned: TunedCrossEncoder, folder: Path, queries: Sequence[str], items: Sequence[str]
) -> Quantised:
    """Write a folder that :class:`ServedCrossEncoder` opens, whole or not at all.

    Parameters
    ----------
    tuned, folder
        As for :func:`evenshelf.learners.towers.saving.save_bi_encoder`.
    queries, items
        Pairs to measure on what 8 bits lose; at least two.

    Raises
    ------
    InputError
        If something else lies there, it cannot be written, or there are fewer than two pairs.
    """
    if len(queries) < 2:
        raise InputError("What 8 bits lose of scores cannot be seen on fewer than two pairs.", hint="Give some more.")
    own = {name if name in (HEAD, PRODUCT) else f"{PAIR}{name}": values for name, values in tuned.weights.items()}
    written(folder, lambda place: fill(place, tuned.folder, own))
    exact, served = tuned.scores(queries, items), ServedCrossEncoder(folder).scores(queries, items)
    alike = float(np.corrcoef(exact, served)[0, 1]) if exact.std() > 0 and served.std() > 0 else 1.0
    return Quantised(len(queries), alike, alike)


class ServedCrossEncoder:
    """A tuned cross-encoder by ONNX Runtime, in 8 bits unless told otherwise.

    Pairs have the same bits alone and among others.

    Parameters
    ----------
    folder
        What :func:`save_cross_encoder` wrote.
    int8
        Whether dense layers are computed in 8-bit integers.

    Raises
    ------
    InputError
        If the folder holds no cross-encoder.
    """

    def __init__(self, folder: Path, *, int8: bool = True) -> None:
        missing = [name for name in (CONFIG, WEIGHTS, TOKENIZER) if not (folder / name).is_file()]
        weights = {} if missing else read_weights(folder)
        if HEAD not in weights:
            raise InputError(f"{folder} holds no cross-encoder.", hint="Give a folder that save_cross_encoder wrote.")
        config = read_config(folder)
        self._tokenizer = read_tokenizer(folder, max_length(folder, config))
        self._head, self._product = weights.pop(HEAD), weights.pop(PRODUCT)
        tuned = {name.removeprefix(PAIR): weights.pop(name) for name in list(weights) if name.startswith(PAIR)}
        last = config.num_hidden_layers
        first = last - len({name.split(".")[2] for name in tuned})

        ranges = self._ranges(weights, config) if int8 else None
        self._lower = session_of(bert_graph(weights, config, ranges=ranges, depth=first))
        self._alone = session_of(bert_graph(weights, config, ranges=ranges, first=first))
        weights.update(tuned)
        ranges = self._ranges(weights, config) if int8 else None
        self._together = session_of(bert_graph(weights, config, ranges=ranges, first=first, depth=last))

    def _ranges(self, weights: Mapping[str, Floats], config: BertConfig) -> list[InputRange]:
        first, last = self._tokenizer.encode("").ids
        return input_ranges(weights, config, word_numbers(self._tokenizer), (first, last))

    def scores(self, queries: Sequence[str], items: Sequence[str]) -> Floats:
        """``[n]`` logits of pairs; those of one query can be compared."""
        check_pairs(queries, items)
        parts = [
            self._scores(queries[start : start + _AT_ONCE], items[start : start + _AT_ONCE])
            for start in range(0, len(queries), _AT_ONCE)
        ]
        return np.concatenate([np.empty(0, np.float32), *parts])

    def _scores(self, queries: Sequence[str], items: Sequence[str]) -> Floats:
        texts = list(dict.fromkeys([*queries, *items]))
        place = {text: row for row, text in enumerate(texts)}
        states = self._states(texts)
        vectors = np.empty((len(texts), states[0].shape[1]), np.float32)
        for rows in equal_length_batches([len(one) for one in states], TOKENS):
            vectors[rows] = self._alone.run(["vectors"], {"states": np.stack([states[row] for row in rows])})[0]
        asked, told = ([place[text] for text in side] for side in (queries, items))
        found: Floats = SHARPNESS * np.sum(vectors[asked] * vectors[told], axis=1)
        joined = [np.concatenate([states[q], states[i][1:]]) for q, i in zip(asked, told, strict=True)]
        for rows in equal_length_batches([len(one) for one in joined], TOKENS):
            read = self._together.run(["outputs"], {"states": np.stack([joined[row] for row in rows])})[0]
            sizes = np.array([len(states[asked[row]]) for row in rows])
            first = (np.arange(read.shape[1]) < sizes[:, None]).astype(np.float32)[:, :, None]
            one, other = (unit_rows((read * side).sum(axis=1)) for side in (first, 1 - first))
            head = SHARPNESS * one * other * self._product + read[:, 0] * self._head
            found[rows] += head.sum(axis=1)
        return found

    def _states(self, texts: Sequence[str]) -> list[Floats]:
        tokens = [one.ids for one in self._tokenizer.encode_batch_fast(list(texts))]
        found: dict[int, Floats] = {}
        for rows in equal_length_batches([len(ids) for ids in tokens], TOKENS):
            given = {"ids": np.array([tokens[row] for row in rows], np.int64)}
            found |= dict(zip(rows.tolist(), self._lower.run(["outputs"], given)[0], strict=True))
        return [found[row] for row in range(len(texts))]
