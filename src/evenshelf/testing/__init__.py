"""Checks that all that is registered passes, from remedies to makers of texts, and generators of nasty data.

A package that adds a remedy joins the suite in three lines::

    @pytest.mark.parametrize("check", remedy_checks(MyRemedy))
    def test_my_remedy(check):
        check()

Which checks are made follows from what is declared: a remedy without the stage *resample* has no rows to check. Every
check is small, has a name, and says in its error what was promised and what came instead.
"""

from __future__ import annotations

from evenshelf.errors import MissingExtraError

try:
    import hypothesis  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError("hypothesis", "dev", "evenshelf.testing") from error

from evenshelf.testing.check import Check
from evenshelf.testing.click_models import check_click_model, click_model_checks
from evenshelf.testing.encoders import check_encoder, encoder_checks, encoder_kind_checks
from evenshelf.testing.learners import check_learner, learner_checks
from evenshelf.testing.losses import check_loss, loss_checks
from evenshelf.testing.makers import check_maker, maker_checks
from evenshelf.testing.ranking_learners import check_ranking_learner, ranking_learner_checks
from evenshelf.testing.remedies import check_remedy, remedy_checks
from evenshelf.testing.search_learners import check_search_learner, search_learner_checks
from evenshelf.testing.tasks import check_task, task_checks, task_kind_checks

__all__ = [
    "Check",
    "check_click_model",
    "check_encoder",
    "check_learner",
    "check_loss",
    "check_maker",
    "check_ranking_learner",
    "check_remedy",
    "check_search_learner",
    "check_task",
    "click_model_checks",
    "encoder_checks",
    "encoder_kind_checks",
    "learner_checks",
    "loss_checks",
    "maker_checks",
    "ranking_learner_checks",
    "remedy_checks",
    "search_learner_checks",
    "task_checks",
    "task_kind_checks",
]
