"""The whole way from texts to texts that may be trained on: made once, sifted, counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evenshelf.augmentation.base import Maker, Tell
from evenshelf.augmentation.cache import MadeCache
from evenshelf.augmentation.gates import Gate, sift
from evenshelf.augmentation.sources import Source, sources_of
from evenshelf.parameters import check_range


@dataclass(frozen=True, eq=False)
class Made:
    """What was made of texts.

    Attributes
    ----------
    texts
        ``[n]`` variants of each text that were kept.
    untreated
        How many texts nothing could be made of, by reason.
    refused
        How many variants were refused, by reason.
    seconds
        CPU time of making them, programs that were started included; of those that a cache had, what they took then.
    """

    texts: tuple[tuple[str, ...], ...]
    untreated: Mapping[str, int]
    refused: Mapping[str, int]
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many variants there are."""
        return sum(map(len, self.texts))


def make_texts(
    maker: Maker,
    texts: Sequence[str],
    *,
    copies: int = 1,
    seed: int = 0,
    labels: Sequence[str | None] | None = None,
    context: Sequence[str | None] | None = None,
    gates: Sequence[Gate] = (),
    cache: MadeCache | None = None,
    tell: Tell | None = None,
) -> Made:
    """Make variants of texts, each once, and keep those that every gate lets through.

    Parameters
    ----------
    maker
        It has learned what it has to learn.
    texts, copies, seed, labels, context, tell
        As :meth:`Maker.variants` has them.
    gates
        Asked in order; each sees what the ones before let through.
    cache
        Where to keep what was made, before it is sifted. After an interruption all chunks (of :attr:`Maker.chunk`
        texts) that were finished are found again. By default nothing is kept.

    Raises
    ------
    SettingError, InputError
        As :meth:`Maker.variants`; if the cache cannot be used; or what a gate raises.
    """
    sources = sources_of(texts, labels, context)
    check_range("copies", copies, 1, whole=True)
    check_range("seed", seed, 0, whole=True)
    maker.check_ready()
    reasons = [maker.refusal(maker.read_of(source)) for source in sources]
    todo = [source for source, reason in zip(sources, reasons, strict=True) if reason is None]
    if tell is not None:
        tell(len(sources) - len(todo))
    made, seconds = _made(maker, todo, copies, seed, cache=cache, tell=tell)
    variants = [list(made[source]) if reason is None else [] for source, reason in zip(sources, reasons, strict=True)]
    untreated = Counter(reason for reason in reasons if reason is not None)
    nothing = sum(not made[source] for source in todo)
    if nothing:
        untreated["no other text was found"] = nothing
    kept, refused = sift(sources, variants, gates)
    return Made(tuple(map(tuple, kept)), dict(sorted(untreated.items())), dict(sorted(refused.items())), seconds)


def _made(
    maker: Maker, sources: Sequence[Source], copies: int, seed: int, *, cache: MadeCache | None, tell: Tell | None
) -> tuple[dict[Source, list[str]], float]:
    distinct = list(dict.fromkeys(sources))
    if tell is not None:
        tell(len(sources) - len(distinct))
    if cache is None:
        began = cpu_seconds()
        found = maker.of_sources(distinct, copies=copies, seed=seed, tell=tell)
        return dict(zip(distinct, found, strict=True)), cpu_seconds() - began
    known = cache.get(maker, distinct, copies, seed)
    made = {source: texts for source, texts in zip(distinct, known, strict=True) if texts is not None}
    seconds = cache.seconds_per_text(maker) * sum(map(len, made.values()))
    if tell is not None:
        tell(len(made))
    missing = [source for source in distinct if source not in made]
    for start in range(0, len(missing), maker.chunk):
        part = missing[start : start + maker.chunk]
        began = cpu_seconds()
        found = maker.of_sources(part, copies=copies, seed=seed, tell=tell)
        spent = cpu_seconds() - began
        cache.put(maker, part, found, copies, seed, seconds=spent)
        seconds += spent
        made |= dict(zip(part, found, strict=True))
    return made, seconds


def cpu_seconds() -> float:
    """CPU time of this process and of the programs that it has waited for."""
    return sum(os.times()[:4])
