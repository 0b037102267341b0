"""What the order of a file could tell: times that tie, and which way item ids go from the last step to what is wanted.

:mod:`evenshelf.study.order_free` says what that is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import binomtest

from evenshelf.shop.profiling.chance import counted
from evenshelf.study.comparison import jsonable
from evenshelf.study.order_free import ASCENDING, DESCENDING, NO_HISTORY, SAME
from evenshelf.tasks.exams import Exam
from evenshelf.tasks.histories import Histories

DAY = 86_400


def directions(exams: Sequence[Exam]) -> NDArray[np.str_]:
    """``[n]`` of each wanted item, exam by exam, whether its id is above or below that of the last step.

    Ids are compared as numbers if all are whole numbers, else by their characters.
    """
    found = []
    for exam in exams:
        rank = counted(pl.Series(list(exam.known.items), dtype=pl.String)).to_numpy()
        last = exam.asked.last(1)[exam.user]
        step = np.sign(rank[exam.item] - rank[last])
        names = np.array([DESCENDING, SAME, ASCENDING])[step + 1]
        found.append(np.where(last < 0, NO_HISTORY, names))
    return np.concatenate(found)


def order_facts(histories: Histories, order: NDArray[np.str_], user: NDArray[np.integer]) -> dict[str, Any]:
    """JSON-able facts on ties and ids, for a study's record.

    Parameters
    ----------
    histories
        All of them.
    order, user
        ``[n]`` what :func:`directions` says of each wanted item, and who wanted it.

    Returns
    -------
    dict
        ``steps``, ``tied`` (steps of the moment of a step beside them; ``None`` without times), ``days`` (whether all
        times are whole days), ``ascending`` and ``descending`` (users most of whose wanted items are so), ``p`` (of as
        many of both, two-sided binomial test over users; ``None`` without any).
    """
    up, down = (np.bincount(user[order == name], minlength=int(user.max()) + 1) for name in (ASCENDING, DESCENDING))
    ascending, descending = int((up > down).sum()), int((down > up).sum())
    p = binomtest(ascending, ascending + descending).pvalue if ascending + descending else float("nan")
    tied = days = None
    if histories.time is not None:
        beside = (histories.time[1:] == histories.time[:-1]) & (histories.user[1:] == histories.user[:-1])
        tied = int((np.append(beside, False) | np.insert(beside, 0, False)).sum())
        days = bool((histories.time % DAY == 0).all())
    facts = {"steps": len(histories.item), "tied": tied, "days": days}
    return jsonable({**facts, ASCENDING: ascending, DESCENDING: descending, "p": float(p)})
