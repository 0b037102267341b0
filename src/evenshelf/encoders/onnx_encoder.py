"""MiniLM by ONNX Runtime: the default encoder, without torch and without a download.

Texts are tokenised, sorted into batches of exactly equal length (so that no padding is computed), and the
batches are spread over the cores, one thread each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from evenshelf.encoders import onnx_graph
from evenshelf.encoders.base import Encoder, Progress, Vectors, fingerprint_of
from evenshelf.encoders.calibration import input_ranges
from evenshelf.encoders.checkpoint import Checkpoint
from evenshelf.encoders.cores import usable_cores
from evenshelf.encoders.folders import default_cache_dir, write_whole
from evenshelf.encoders.registry import EncoderKind, register
from evenshelf.encoders.torch_text import Token, TorchText
from evenshelf.encoders.weights import (
    checkpoint_folder,
    content_hash,
    max_length,
    minilm_folder,
    read_config,
    read_tokenizer,
    read_weights,
    word_numbers,
)
from evenshelf.errors import MissingExtraError

TOKENS = 512
"""Tokens in a batch: few enough that what a layer computes stays in the second-level cache of a core."""


class OnnxEncoder(Encoder):
    """A BERT checkpoint with mean pooling, as sentence-transformers computes it.

    Parameters
    ----------
    source
        The folder of a checkpoint: ``config.json``, ``model.safetensors``, ``tokenizer.json`` and, for the length at
        which texts are cut, ``sentence_bert_config.json``. Or one that was read already: all of it is in
        :meth:`state`, so that a bundle can hold it.
    name
        The spec string that opens it.
    int8
        Whether the dense layers are computed in 8-bit integers: about three times as fast where the processor
        has instructions for that, and vectors at a cosine of about 0.998 to the exact ones (English titles;
        Chinese ones about 0.994, hundreds of repeats of one word below 0.9).
    threads
        Batches computed at once; None for one a core. It does not change the vectors.
    graphs
        Folder in which its graph is kept, so that it is laid out once; by default in the cache folder.
    """

    def __init__(
        self,
        source: Path | Checkpoint,
        name: str,
        *,
        int8: bool = False,
        threads: int | None = None,
        graphs: Path | None = None,
    ) -> None:
        self._source = source
        if isinstance(source, Path):
            config = read_config(source)
            length = max_length(source, config)
            state = content_hash(source)
        else:
            config, length, state = source.config, source.length, source.digest
        self.name = name
        self.dimension = config.hidden_size
        kind = "int8" if int8 else "float32"
        self.fingerprint = fingerprint_of("onnx bert", str(onnx_graph.REVISION), kind, state, str(length))
        self.threads = threads or usable_cores()
        self.tokenizer = read_tokenizer(source, length) if isinstance(source, Path) else source.tokenizer
        path = (graphs or default_cache_dir() / "onnx") / f"{self.fingerprint}.onnx"
        if not path.is_file():
            weights = self._weights()
            ranges = input_ranges(weights, config, word_numbers(self.tokenizer), self._special()) if int8 else None
            model = onnx_graph.bert_graph(weights, config, ranges=ranges)
            write_whole(path, lambda temporary: _write(temporary, model))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # The graph is laid out by hand; the higher levels would fuse it back into slower operators.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        # Processors without VNNI else saturate sums of 8-bit products.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def state(self) -> dict[str, NDArray[Any]]:
        """Of one that was read from a checkpoint all of that; of others nothing, as their name is enough."""
        return {} if isinstance(self._source, Path) else self._source.state()

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]

        def run(rows: NDArray[np.int64]) -> int:
            ids = np.array([tokens[row] for row in rows], np.int64)
            vectors[rows] = self._session.run(["vectors"], {"ids": ids})[0]
            return len(rows)

        batches = equal_length_batches([len(ids) for ids in tokens], TOKENS)
        if self.threads == 1 or len(batches) == 1:
            for rows in batches:
                progress(run(rows))
            return vectors
        with ThreadPoolExecutor(self.threads) as pool:
            for done in pool.map(run, batches):
                progress(done)
        return vectors

    def torch_text(self) -> TorchText:
        """See :meth:`Encoder.torch_text`; of an encoder in 8-bit integers the exact model that it was made from."""
        for package in ("torch", "transformers"):
            if find_spec(package) is None:
                raise MissingExtraError(package, "train", f"asking {self.name} for gradients")
        import torch  # noqa: PLC0415 - an extra, and slow to import
        from transformers import BertConfig, BertModel  # noqa: PLC0415

        weights = {name: torch.from_numpy(array) for name, array in self._weights().items()}
        config = read_config(self._source) if isinstance(self._source, Path) else self._source.config
        sizes = {
            "vocab_size": weights["embeddings.word_embeddings.weight"].shape[0],
            "type_vocab_size": weights["embeddings.token_type_embeddings.weight"].shape[0],
            "intermediate_size": weights["encoder.layer.0.intermediate.dense.weight"].shape[0],
        }
        model = BertModel(BertConfig(**asdict(config), **sizes), add_pooling_layer=False).eval()
        model.load_state_dict({name: weights[name] for name in model.state_dict() if not name.endswith("_ids")}, False)

        def tokens(text: str) -> list[Token]:
            told = self.tokenizer.encode(text)
            parts = zip(told.ids, told.offsets, told.special_tokens_mask, strict=True)
            return [Token(number, low, high, bool(special)) for number, (low, high), special in parts]

        def vectors(ids: Any) -> Any:
            return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(1)

        return TorchText(tokens, model.get_input_embeddings(), vectors, int(model.config.pad_token_id or 0))

    def _weights(self) -> Mapping[str, NDArray[np.float32]]:
        return read_weights(self._source) if isinstance(self._source, Path) else self._source.weights

    def _special(self) -> tuple[int, int]:
        """Return the tokens before and after a text."""
        first, last = self.tokenizer.encode("").ids
        return first, last

    def encode_tokens(self, tokens: NDArray[np.integer]) -> Vectors:
        """Encode single tokens by number, each between the special tokens of an empty text.

        Returns
        -------
        numpy.ndarray
            ``[len(tokens), dimension]``, unit rows.
        """
        first, last = self._special()
        ids = np.stack([np.full(len(tokens), first), tokens, np.full(len(tokens), last)], axis=1).astype(np.int64)

        def run(start: int) -> Vectors:
            part: Vectors = self._session.run(["vectors"], {"ids": ids[start : start + TOKENS // 3]})[0]
            return part

        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(run, range(0, len(ids), TOKENS // 3))))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def equal_length_batches(lengths: Sequence[int], tokens: int) -> list[NDArray[np.int64]]:
    """Group rows so that all of a group have one length and about ``tokens`` tokens together, longest first.

    Parameters
    ----------
    lengths
        Number of tokens of each row.
    tokens
        The most tokens in a group; a row that is longer is a group by itself.

    Returns
    -------
    list of numpy.ndarray
        Row numbers; every row is in exactly one group.
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    ordered = np.asarray(lengths, np.int64)[order]
    groups = np.split(order, np.flatnonzero(np.diff(ordered)) + 1)
    batches: list[NDArray[np.int64]] = []
    for group in groups:
        size = max(1, tokens // max(1, lengths[group[0]]))
        batches.extend(group[start : start + size] for start in range(0, len(group), size))
    return batches


def _of_folder(argument: str, *, int8: bool) -> OnnxEncoder:
    kind = "bert-int8" if int8 else "bert"
    return OnnxEncoder(Checkpoint.of_folder(checkpoint_folder(argument)), f"{kind}:{argument}", int8=int8)


register(
    EncoderKind(
        "minilm",
        "MiniLM, a small pretrained language model for English; the sentence-transformers vectors, without torch.",
        lambda _argument, _texts: OnnxEncoder(minilm_folder(), "minilm"),
    )
)

register(
    EncoderKind(
        "minilm-int8",
        "MiniLM in 8-bit integers: faster on recent processors, very nearly the same vectors.",
        lambda _argument, _texts: OnnxEncoder(minilm_folder(), "minilm-int8", int8=True),
    )
)

register(
    EncoderKind(
        "bert",
        "A BERT with mean pooling in a folder, such as one tuned to the shop; without torch.",
        lambda argument, _texts: _of_folder(argument, int8=False),
        argument="FOLDER",
        restore=lambda argument, state: OnnxEncoder(Checkpoint.of_state(state), f"bert:{argument}"),
        held=True,
    )
)

register(
    EncoderKind(
        "bert-int8",
        "As bert, in 8-bit integers: faster on recent processors, very nearly the same vectors.",
        lambda argument, _texts: _of_folder(argument, int8=True),
        argument="FOLDER",
        restore=lambda argument, state: OnnxEncoder(Checkpoint.of_state(state), f"bert-int8:{argument}", int8=True),
        held=True,
    )
)
