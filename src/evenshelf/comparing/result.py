"""What :func:`evenshelf.compare` returns."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from evenshelf.comparing.notebook import html
from evenshelf.errors import MissingExtraError
from evenshelf.study.advising import Advice, advise
from evenshelf.study.results import StudyResult
from evenshelf.study.terminal import verdict_text
from evenshelf.study.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


@dataclass(frozen=True, eq=False, repr=False)
class Findings:
    """Remedies compared: the verdict with all that it rests on. Shows itself in a prompt or a notebook.

    Attributes
    ----------
    verdict
        What to do, and why.
    study
        Every out-of-fold prediction, chosen setting and cost.
    """

    verdict: Verdict
    study: StudyResult

    @property
    def advice(self) -> Advice:
        """What follows besides: families of remedies that suit, what to try next, what to collect."""
        return advise(self.study, self.verdict)

    def table(self) -> pl.DataFrame:
        """One line per remedy, best first; see :class:`evenshelf.study.comparison.Comparison` for the columns."""
        return self.verdict.table()

    def to_pandas(self) -> pd.DataFrame:
        """The same table for pandas.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        if find_spec("pandas") is None:
            error = MissingExtraError("pandas", "", "to_pandas()")
            error.hint = "Install it with: pip install pandas"
            raise error
        return self.table().to_pandas()

    def report(self, path: str | Path) -> Path:
        """Write the report, one self-contained HTML file, and return where it is."""
        # drawing is imported only where something is drawn
        from evenshelf.report import write_study_report  # noqa: PLC0415

        return write_study_report(self.study, self.verdict, Path(path))

    def __str__(self) -> str:
        return verdict_text(self.study, self.verdict)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(self.study, self.verdict)
