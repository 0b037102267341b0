"""Judgements: how well some items answer the most frequent queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.simulation.assortment import CATEGORIES

if TYPE_CHECKING:
    from evenshelf.shop.simulation.model import Model

_QUERIES = 400
_NAMED, _RELATED, _ANY = 20, 8, 8


def judgements(model: Model, queries: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Return the table of judgements.

    For each of the most frequent queries up to 20 items of the categories that it names, 8 of related ones and 8 of the
    whole shop are judged. A shop cannot have everything judged; whatever was not judged is not known to be bad.

    Parameters
    ----------
    queries
        ``query`` and ``code``, most frequent first.
    ids
        Names of the items.
    """
    rng, category = model.settings.rng("judgements"), model.goods.category
    by_category = np.argsort(category, kind="stable")
    bounds = np.searchsorted(category[by_category], np.arange(CATEGORIES + 1))
    codes, items = [], []
    for code in queries["code"][:_QUERIES]:
        noun, _ = model.searching.parts(np.array(code))
        picked = [rng.integers(category.size, size=_ANY)]
        for allowed, count in ((model.searching.named[noun], _NAMED), (model.searching.related[noun], _RELATED)):
            weight = model.goods.sizes * allowed
            if weight.sum():
                c = rng.choice(CATEGORIES, size=count, p=weight / weight.sum())
                picked.append(by_category[bounds[c] + (rng.random(count) * model.goods.sizes[c]).astype(np.int64)])
        items.append(np.unique(np.concatenate(picked)))
        codes.append(np.full(items[-1].size, code))
    code = np.concatenate([np.empty(0, dtype=np.int64), *codes])
    item = np.concatenate([np.empty(0, dtype=np.int64), *items])
    return pl.DataFrame(
        {
            "query": model.searching.texts(code),
            "item_id": ids.gather(item),
            "grade": model.searching.grade(code, item).astype(np.float64),
        }
    )
