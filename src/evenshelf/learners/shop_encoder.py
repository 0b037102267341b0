"""An encoder tuned to a shop and kept as a folder, which every place that takes the spec of an encoder opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.bracketed import values_in
from evenshelf.learners.ranking.tuned.fitting import fit_taken, folder_of
from evenshelf.learners.ranking.tuned.pairs import TakenTexts
from evenshelf.learners.ranking.tuned.settings import MINILM, Contrast
from evenshelf.learners.search.tuned.bi_encoder import fit_bi_encoder
from evenshelf.learners.search.tuned.pairs import TrainingPairs
from evenshelf.learners.towers.encoder import TunedEncoder
from evenshelf.learners.towers.saving import Quantised, check_place, save_bi_encoder
from evenshelf.remedies import parse
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.tasks.shop_steps import ALL

EVENTS, JUDGEMENTS = "events", "judgements"
JUDGED: Mapping[str, Any] = {"model": MINILM, "layers": 1, "epochs": 1, "rate": 2e-5, "keep": 0.5}
"""Usual settings where it is tuned to judgements, of which a shop has few: little is moved, once."""
MEASURED = 200
"""Titles, at most, on which is measured what 8 bits lose."""


@dataclass(frozen=True)
class ShopEncoder:
    """What was tuned and kept.

    Attributes
    ----------
    folder
        Where it is; ``bert-int8:FOLDER`` and ``bert:FOLDER`` open it.
    on
        ``events`` or ``judgements``.
    texts, pairs
        How many different titles, or queries and titles, were learned from, and in how many pairs of them.
    losses
        Mean of each epoch.
    seconds
        CPU time of the tuning.
    quantised
        What 8 bits lose of it.
    """

    folder: Path
    on: str
    texts: int
    pairs: int
    losses: tuple[float, ...]
    seconds: float
    quantised: Quantised


def tune_for_shop(
    shop: Shop,
    folder: Path,
    *,
    on: str = EVENTS,
    target: str = ALL,
    settings: str = "",
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> ShopEncoder:
    """Tune an encoder to a shop, and write it into a folder.

    All events or judgements are learned from. A study of recommendation whose titles it encodes would be asked what it
    was tuned to; there the learners ``text_tuned`` and ``blend_tuned`` tune one in each fold.

    Parameters
    ----------
    shop
        With titles, and events of users or judged queries.
    folder
        One that holds a tuned model already is replaced.
    on
        ``events``: titles that the same users took come near each other. ``judgements``: queries come near what answers
        them.
    target
        Kinds of events with commas between them, or ``all``.
    settings
        As they are typed: ``epochs=2, rate=1e-4``.
    seed
        Source of all randomness.
    progress
        Called with what is done, and how far it is.

    Raises
    ------
    SettingError
        If it cannot be tuned on that, or with these settings.
    InputError
        If the shop lacks what is learned from, or the folder holds something else.
    MissingExtraError
        If torch is not installed.
    """
    if on not in _WAYS:
        raise SettingError(f"An encoder cannot be tuned on {on!r}.", hint=f"On one of: {', '.join(_WAYS)}.")
    check_place(folder)
    progress("reading the shop", 0, None)
    tuned, texts, pairs, titles = _WAYS[on](
        shop, target, settings, seed, lambda done, total: progress("tuning", done, total)
    )
    progress("writing the encoder", 0, None)
    some = [titles[place] for place in np.unique(np.linspace(0, len(titles) - 1, MEASURED).astype(int))]
    lost = save_bi_encoder(tuned, folder, some)
    return ShopEncoder(folder, on, texts, pairs, tuned.losses, tuned.seconds, lost)


Found = tuple[TunedEncoder, int, int, list[str]]
"""What was tuned, how many texts and pairs it was tuned on, and titles of the shop."""


def _on_events(shop: Shop, target: str, settings: str, seed: int, tell: Callable[[int, int], None]) -> Found:
    wanted = Contrast(**values_in(f"{EVENTS}({settings})", EVENTS, Contrast.usual()))
    task = RecommendTask.from_shop(shop, target, seed=seed)
    taken = TakenTexts.of(task.histories, task.texts or ("",) * len(task.classes))
    tuned = fit_taken(taken, wanted, seed=seed, tell=tell)
    return tuned, len(taken.texts), taken.near.nnz // 2, list(taken.texts)


def _on_judgements(shop: Shop, target: str, settings: str, seed: int, tell: Callable[[int, int], None]) -> Found:
    if target != ALL:
        raise SettingError("Judgements have no kinds of events.", hint="Leave --target away, or tune on events.")
    values = {**JUDGED, **values_in(f"{JUDGEMENTS}({settings})", JUDGEMENTS, JUDGED)}
    if not shop.rows("judgements"):
        raise InputError(f"The shop {shop.path} has no judgements.", hint="Ingest some, or tune on events.")
    known: dict[str, dict[str, float]] = {}
    for query, item, grade in shop.read("judgements").select("query", "item_id", "grade").iter_rows():
        known.setdefault(query, {})[item] = float(grade)
    titles = {item: title for item, title in shop.items().select("item_id", "title").iter_rows() if title}
    pairs = TrainingPairs.of(known, titles)
    tuned = fit_bi_encoder(
        pairs,
        layers=values["layers"],
        epochs=values["epochs"],
        rate=values["rate"],
        keep=values["keep"],
        remedy=parse("none"),
        prior=pairs.prior,
        seed=seed,
        tell=tell,
        folder=folder_of(values["model"]),
    )
    return tuned, len(pairs.queries) + len(pairs.items), len(pairs.positives), list(pairs.items)


_WAYS: Mapping[str, Callable[[Shop, str, str, int, Callable[[int, int], None]], Found]] = {
    EVENTS: _on_events,
    JUDGEMENTS: _on_judgements,
}
