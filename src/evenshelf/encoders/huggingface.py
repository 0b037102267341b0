"""Any Hugging Face transformer as an encoder: the BERT family, and decoders such as GPT."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.base import Encoder, Progress, Vectors, fingerprint_of, unit_rows
from evenshelf.encoders.registry import EncoderKind, register
from evenshelf.encoders.sentence_transformers import check_folder, model_not_found, weights_digest
from evenshelf.encoders.torch_text import TorchText, tokens_by
from evenshelf.errors import InputError, MissingExtraError, SettingError

POOLS = {
    "cls": "the vector of the first token",
    "mean": "the mean over the tokens",
    "last": "the vector of the last token",
}
BATCH = 64
LONGEST = 512
"""Tokens kept of a text where model and tokenizer name no smaller limit."""


class HuggingFaceEncoder(Encoder):
    """Last hidden states of a transformer, pooled to unit vectors, in float32 on the CPU.

    Parameters
    ----------
    model
        A name on the Hugging Face hub (read from the local cache where there is no network), or a folder.
    pool
        ``cls``, ``mean`` or ``last``. None chooses by architecture: ``last`` where a token sees only what
        stands before it (decoders such as GPT: only the last one has seen the whole text), else ``mean``.

    Attributes
    ----------
    pool
        The pooling in use.
    reason
        Why, in one sentence for a person.

    Raises
    ------
    MissingExtraError
        If torch or transformers is not installed.
    InputError
        If the model is neither a folder nor can be fetched, or has no tokenizer.
    SettingError
        If there is no such pooling.
    """

    chunk = 512

    def __init__(self, model: str, *, pool: str | None = None) -> None:
        if pool is not None and pool not in POOLS:
            known = ", ".join(f"{name} ({what})" for name, what in POOLS.items())
            raise SettingError(f"hf:{model}: there is no pooling {pool!r}.", hint=f"There are: {known}.")
        for package in ("torch", "transformers"):
            if find_spec(package) is None:
                raise MissingExtraError(package, "train", f"the encoder 'hf:{model}'")
        check_folder(model)
        import torch  # noqa: PLC0415 - an extra, and slow to import
        from transformers import AutoConfig, AutoModel, AutoTokenizer  # noqa: PLC0415

        try:
            config = AutoConfig.from_pretrained(model)
            self._tokenizer = AutoTokenizer.from_pretrained(model)
            self._model = AutoModel.from_pretrained(model, dtype=torch.float32).eval()
        except (OSError, ValueError) as error:
            raise model_not_found(model, error) from error
        if getattr(config, "is_encoder_decoder", False):
            self._model = self._model.get_encoder()
        causal = is_causal(config)
        self.pool = pool or ("last" if causal else "mean")
        self.reason = (
            f"{config.model_type} reads from left to right, so by default a text is {POOLS['last']}."
            if causal
            else f"{config.model_type} reads both ways, so by default a text is {POOLS['mean']}."
        )
        # Padding on the right leaves the positions of the real tokens as they are without padding; the mask
        # keeps them from seeing it. Its token does not matter then, so any will do where there is none.
        self._tokenizer.padding_side = "right"
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._tokenizer.convert_ids_to_tokens(0)
        self.max_length = min(
            LONGEST,
            int(self._tokenizer.model_max_length),
            _positions(config),
        )
        self.name = f"hf:{model}" + (f"?pool={pool}" if pool else "")
        self.dimension = int(config.hidden_size)
        self.fingerprint = fingerprint_of(
            "hf",
            "1",
            weights_digest(self._model),
            config.to_json_string(),
            repr(sorted(self._tokenizer.get_vocab().items())),
            self.pool,
            str(self.max_length),
        )

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        tokens = [
            # A text without any token (an empty one, for GPT) is the padding token alone.
            ids or [self._tokenizer.pad_token_id]
            for ids in self._tokenizer(list(texts), truncation=True, max_length=self.max_length)["input_ids"]
        ]
        order = np.argsort([-len(ids) for ids in tokens], kind="stable")
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = unit_rows(self._pooled([tokens[i] for i in rows]))
            progress(len(rows))
        return vectors

    def torch_text(self) -> TorchText:
        """See :meth:`Encoder.torch_text`."""
        import torch  # noqa: PLC0415

        return TorchText(
            tokens_by(self._tokenizer, self.max_length, self.name),
            self._model.get_input_embeddings(),
            lambda ids: self._states(ids, torch.full((len(ids),), ids.shape[1])),
            int(self._tokenizer.pad_token_id),
        )

    def _pooled(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415

        lengths = torch.tensor([len(ids) for ids in tokens])
        width = int(lengths.max())
        pad = self._tokenizer.pad_token_id
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in tokens])
        with torch.no_grad():
            result: NDArray[np.float32] = self._states(ids, lengths).numpy()
        return result

    def _states(self, ids: Any, lengths: Any) -> Any:
        """``[n, dimension]`` pooled states of rows of token numbers, padded on the right."""
        import torch  # noqa: PLC0415

        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.pool == "cls":
            return states[:, 0]
        if self.pool == "last":
            return states[torch.arange(len(states)), lengths - 1]
        return (states * mask[:, :, None]).sum(1) / lengths[:, None]


def is_causal(config: Any) -> bool:
    """Tell whether a token of this architecture sees only the tokens before it.

    The configuration says so itself (``is_decoder``), or the model is one that transformers offers for
    causal language modelling and not for filling in masks.
    """
    from transformers.models.auto import modeling_auto  # noqa: PLC0415

    if getattr(config, "is_encoder_decoder", False):
        return False
    if getattr(config, "is_decoder", False):
        return True
    kind = config.model_type
    writes = kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return writes and kind not in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES


def _positions(config: Any) -> int:
    limit = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or LONGEST
    # RoBERTa and its kin count positions from the padding token's number on.
    return int(limit) - (config.pad_token_id + 1 if "roberta" in config.model_type else 0)


def open_huggingface(argument: str) -> HuggingFaceEncoder:
    """Open ``NAME_OR_FOLDER`` or ``NAME_OR_FOLDER?pool=...``.

    Raises
    ------
    SettingError
        If a setting after the question mark is not known.
    InputError
        As :class:`HuggingFaceEncoder`.
    """
    model, _, query = argument.partition("?")
    settings = dict(parse_qsl(query, keep_blank_values=True))
    wrong = sorted(set(settings) - {"pool"})
    if wrong or (query and not settings):
        raise SettingError(
            f"hf:{argument}: unknown setting {', '.join(map(repr, wrong)) or repr(query)}.",
            hint=f"The only one is pool: ?pool={'|'.join(POOLS)}.",
        )
    if not model:
        raise InputError("hf: lacks the name or folder of a model.", hint="Write hf:NAME_OR_FOLDER.")
    return HuggingFaceEncoder(model, pool=settings.get("pool"))


register(
    EncoderKind(
        "hf",
        "Any Hugging Face encoder (BERT, ...) or decoder (GPT, ...), pooled; needs evenshelf[train].",
        lambda argument, _texts: open_huggingface(argument),
        argument="NAME_OR_FOLDER[?pool=cls|mean|last]",
    )
)
