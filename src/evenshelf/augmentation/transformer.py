"""Models of transformers that write texts: opened once, batched, each text drawn by random numbers of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.encoders.base import fingerprint_of
from evenshelf.encoders.sentence_transformers import check_folder, model_not_found, weights_digest
from evenshelf.errors import InputError, MissingExtraError

BATCH = 32
CAUSAL, TRANSLATING, MASKED = "AutoModelForCausalLM", "AutoModelForSeq2SeqLM", "AutoModelForMaskedLM"


@dataclass(frozen=True, eq=False)
class Opened:
    """A model with its tokenizer.

    Attributes
    ----------
    model, tokenizer
        Of transformers.
    digest
        Hex digest of weights, configuration and vocabulary.
    limit
        Tokens that it can look at.
    """

    model: Any
    tokenizer: Any
    digest: str
    limit: int


@dataclass(frozen=True)
class Drawing:
    """How the next token is drawn.

    Attributes
    ----------
    temperature
        >= 0; 0 takes the likeliest.
    top_k
        Among so many likeliest tokens.
    top_p
        And among the fewest that hold so much of the probability.
    """

    temperature: float
    top_k: int = 50
    top_p: float = 0.95


@lru_cache(maxsize=3)
def opened(model: str, kind: str, who: str) -> Opened:
    """Open a model by name or folder, or a file of llama.cpp (``.gguf``).

    Raises
    ------
    MissingExtraError
        If torch, transformers or what the tokenizer needs is not installed.
    InputError
        If no model is named, or it cannot be opened.
    """
    if not model:
        raise InputError(
            f"The maker {who} needs a model, and none is named.",
            hint="Name one of the Hugging Face hub or a folder with its files, in quotes.",
        )
    for package in ("torch", "transformers", *(("gguf",) if model.endswith(".gguf") else ())):
        if find_spec(package) is None:
            raise MissingExtraError(package, "train", f"the maker {who}")
    import torch  # noqa: PLC0415 - an extra, and slow to import
    import transformers  # noqa: PLC0415

    place, more = model, dict[str, str]()
    if model.endswith(".gguf"):
        file = Path(model).expanduser()
        place, more = str(file.parent), {"gguf_file": file.name}
    else:
        check_folder(model)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, **more)
        net = getattr(transformers, kind).from_pretrained(place, dtype=torch.float32, **more).eval()
    except ImportError as error:
        if find_spec("sentencepiece") is None:
            raise MissingExtraError("sentencepiece", "train", f"the tokenizer of {model}") from error
        raise
    except (OSError, ValueError) as error:
        raise model_not_found(model, error) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    vocabulary = repr(sorted(tokenizer.get_vocab().items()))
    positions = getattr(net.config, "max_position_embeddings", None) or getattr(net.config, "n_positions", None)
    return Opened(
        net,
        tokenizer,
        fingerprint_of(kind, weights_digest(net), net.config.to_json_string(), vocabulary),
        min(int(positions or 512), int(tokenizer.model_max_length), 1024),
    )


def write(
    model: Opened,
    texts: Sequence[str],
    rngs: Sequence[random.Random],
    drawing: Drawing,
    *,
    longest: int,
    one_line: bool = False,
    first: int | None = None,
) -> list[str]:
    """Have a model go on after texts, or translate them.

    A text's random numbers are its own, so that what is drawn for it does not depend on the others, but for rounding:
    the last bits of a probability may depend on the batch.

    Parameters
    ----------
    model
        A causal model, which goes on, or one that translates.
    texts
        What it is given; cut from the left where it is too long to go on, from the right where it is translated.
    rngs
        One for each text.
    drawing
        How tokens are drawn.
    longest
        Tokens that are written, at most.
    one_line
        Whether to stop at the end of a line.
    first
        Token that is written first, such as that of the language.
    """
    import torch  # noqa: PLC0415 - an extra, and slow to import
    from transformers import GenerationConfig, StoppingCriteriaList  # noqa: PLC0415

    translates = bool(getattr(model.model.config, "is_encoder_decoder", False))
    tokenizer = model.tokenizer
    tokenizer.padding_side = "right" if translates else "left"
    tokenizer.truncation_side = "right" if translates else "left"
    room = model.limit if translates else max(1, model.limit - longest)
    given = model.model.generation_config
    config = GenerationConfig(
        max_new_tokens=min(longest, max(1, model.limit - 1)),
        do_sample=False,
        num_beams=1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=given.eos_token_id if given.eos_token_id is not None else tokenizer.eos_token_id,
        bos_token_id=given.bos_token_id,
        decoder_start_token_id=given.decoder_start_token_id,
        forced_bos_token_id=first if first is not None else given.forced_bos_token_id,
        bad_words_ids=given.bad_words_ids,
    )
    written: list[str] = [""] * len(texts)
    order = sorted(range(len(texts)), key=lambda row: (len(texts[row]), texts[row]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        asked = [texts[row] for row in rows]
        inputs = tokenizer(asked, return_tensors="pt", padding=True, truncation=True, max_length=room)
        inputs.pop("token_type_ids", None)
        stops = StoppingCriteriaList([_ends_line(tokenizer, inputs["input_ids"].shape[1])] if one_line else [])
        with torch.no_grad():
            ids = model.model.generate(
                **inputs,
                generation_config=config,
                logits_processor=[_drawn(drawing, [rngs[row] for row in rows])],
                stopping_criteria=stops,
            )
        if not translates:
            ids = ids[:, inputs["input_ids"].shape[1] :]
        for row, text in zip(rows, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True):
            written[row] = text.strip("\n").partition("\n")[0].strip() if one_line else text.strip()
    return written


def draw(logits: Any, rngs: Sequence[random.Random], drawing: Drawing) -> Any:
    """``[B]`` token drawn from each row of ``[B, V]`` logits by the random numbers of that row."""
    import torch  # noqa: PLC0415 - an extra, and slow to import

    if drawing.temperature == 0:
        return logits.argmax(dim=-1)
    top, at = logits.float().topk(min(drawing.top_k, logits.shape[-1]), dim=-1)
    chance = torch.softmax(top / drawing.temperature, dim=-1)
    # The likeliest is kept, whatever its probability; -inf stands for what must not be written.
    chance = torch.where(chance.cumsum(dim=-1) - chance < drawing.top_p, chance, 0.0)
    reached = chance.double().cumsum(dim=-1)
    wanted = torch.tensor(np.array([rng.random() for rng in rngs])) * reached[:, -1]
    place = (reached <= wanted[:, None]).sum(dim=-1).clamp(max=top.shape[-1] - 1)
    return at[torch.arange(len(at)), place]


def _drawn(drawing: Drawing, rngs: Sequence[random.Random]) -> Any:
    """What leaves one token to be chosen: the one that was drawn."""
    import torch  # noqa: PLC0415 - an extra, and slow to import
    from transformers import LogitsProcessor  # noqa: PLC0415

    class Drawn(LogitsProcessor):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            left = torch.full_like(scores, -torch.inf)
            left[torch.arange(len(scores)), draw(scores, rngs, drawing)] = 0.0
            return left

    return Drawn()


def _ends_line(tokenizer: Any, given: int) -> Any:
    """What ends a row once it holds a line: a line break after something else."""
    from torch import tensor  # noqa: PLC0415 - an extra, and slow to import
    from transformers import StoppingCriteria  # noqa: PLC0415

    class EndsLine(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            texts = tokenizer.batch_decode(input_ids[:, given:], skip_special_tokens=True)
            return tensor(["\n" in text.lstrip("\n") for text in texts])

    return EndsLine()
