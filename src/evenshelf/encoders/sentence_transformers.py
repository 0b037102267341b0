"""Any sentence-transformers model, by name or folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.encoders.base import Encoder, Progress, Vectors, fingerprint_of, unit_rows
from evenshelf.encoders.registry import EncoderKind, register
from evenshelf.encoders.torch_text import Token, TorchText, tokens_by
from evenshelf.errors import InputError, MissingExtraError

BATCH = 64
LONGEST = 512
"""Tokens kept of a text where the model names no limit."""


class SentenceTransformerEncoder(Encoder):
    """What ``SentenceTransformer(model).encode(texts)`` gives, scaled to unit rows.

    Parameters
    ----------
    model
        A name on the Hugging Face hub (read from the local cache where there is no network), or a folder.

    Raises
    ------
    MissingExtraError
        If sentence-transformers is not installed.
    InputError
        If the model is neither a folder nor can be fetched.
    """

    chunk = 1024

    def __init__(self, model: str) -> None:
        if find_spec("sentence_transformers") is None:
            raise MissingExtraError("sentence-transformers", "train", f"the encoder 'st:{model}'")
        check_folder(model)
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an extra, and slow to import

        try:
            self._model = SentenceTransformer(model, device="cpu")
        except (OSError, ValueError) as error:
            raise model_not_found(model, error) from error
        self.name = f"st:{model}"
        self.dimension = int(self._model.encode([""], show_progress_bar=False).shape[1])
        self.fingerprint = fingerprint_of(
            "st", "1", weights_digest(self._model), repr(self._model), str(self._model.max_seq_length)
        )

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        # Sorted once for all texts, so that the pieces in which progress is told are even in length as well.
        order = np.argsort([-len(text) for text in texts], kind="stable")
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            encoded = self._model.encode([texts[i] for i in rows], batch_size=BATCH, show_progress_bar=False)
            vectors[rows] = unit_rows(np.asarray(encoded, np.float32))
            progress(len(rows))
        return vectors

    def torch_text(self) -> TorchText | None:
        """See :meth:`Encoder.torch_text`; ``None`` of models without a transformer."""
        import torch  # noqa: PLC0415

        model = getattr(self._model[0], "auto_model", None)
        if model is None:
            return None
        prompt = (self._model.prompts or {}).get(self._model.default_prompt_name or "", "")
        found = tokens_by(self._model.tokenizer, int(self._model.max_seq_length or LONGEST), self.name)

        def tokens(text: str) -> list[Token]:
            moved = [
                replace(token, start=token.start - len(prompt), stop=token.stop - len(prompt))
                for token in found(prompt + text)
            ]
            # what the model is told before each text is not of the text
            return [token if token.start >= 0 else Token(token.number, 0, 0, special=True) for token in moved]

        def vectors(ids: Any) -> Any:
            features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            return self._model(features)["sentence_embedding"]

        padding = self._model.tokenizer.pad_token_id
        return TorchText(tokens, model.get_input_embeddings(), vectors, int(padding or 0))


def weights_digest(module: Any) -> str:
    """Digest of the parameters of a torch module, by name, shape and value."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(module.state_dict().items()):
        # As float32, since numpy lacks bfloat16; the vectors are computed in float32 as well.
        array = np.ascontiguousarray(tensor.detach().cpu().float().numpy())
        digest.update(f"{name} {array.shape}\0".encode())
        digest.update(array.data.cast("B") if array.size else b"")
    return digest.hexdigest()


def check_folder(model: str) -> None:
    """Refuse at once what can only be meant as a folder and is none, rather than ask the hub for it."""
    path = Path(model).expanduser()
    if not path.is_dir() and (path.is_absolute() or model.startswith((".", "~")) or len(path.parts) > 2):
        raise model_not_found(model, FileNotFoundError("no such folder"))


def model_not_found(model: str, error: Exception) -> InputError:
    """Say in one sentence that a model is neither in a folder nor to be fetched."""
    cause = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return InputError(
        f"the model {model!r} cannot be opened: it is not a folder with a model, and not to be had from the "
        f"Hugging Face hub or its local cache ({cause}).",
        hint="Give the path of a folder with the model, or check the name and the network.",
    )


register(
    EncoderKind(
        "st",
        "Any sentence-transformers model; needs evenshelf[train].",
        lambda argument, _texts: SentenceTransformerEncoder(argument),
        argument="NAME_OR_FOLDER",
    )
)
