"""Every remedy of the catalogue, plug-ins included, and the proven compositions pass the check suite."""

from __future__ import annotations

import pytest

from evenshelf.remedies import catalogue, parse
from evenshelf.remedies.sets import PROVEN
from evenshelf.testing import Check, remedy_checks

SUBJECTS = [
    *catalogue().values(),
    *map(parse, PROVEN),
    parse("smote(k=2) + balanced(power=0.5) + focal + logit_adjust + tau_norm"),
]


@pytest.mark.parametrize("check", [check for subject in SUBJECTS for check in remedy_checks(subject)])
def test_remedy(check: Check) -> None:
    check()
