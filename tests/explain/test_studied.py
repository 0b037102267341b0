"""A bundle that comes from a study: doing nothing is what the study found it to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evenshelf.cli import main
from evenshelf.errors import SettingError
from evenshelf.explain import Explainer
from evenshelf.explain.refit import Refit, check_named
from evenshelf.shop import Shop
from evenshelf.study.train import Wanted, train
from evenshelf.study.winner import winner_of
from tests.bundles.shops import make_shop

TEXT = "ruword ru1word so2word blue"


def test_nothing_has_the_penalty_of_the_study(tmp_path):
    path = make_shop(tmp_path / "shop").path
    options = ["--remedies", "name_prior", "--folds", "3", "--budget", "4", "--encoder", "tfidf", "--workers", "1"]
    with pytest.raises(SystemExit) as end:
        main(["study", str(path), *options, "--no-report", "--json"])
    assert not end.value.code
    (study,) = (path / "studies").iterdir()
    alone = winner_of(study, "none")[0].penalty
    bundle, _ = train(Shop.open(path), Wanted(study=study, remedy="name_prior", penalty=7 * alone))
    first, second, *_ = Explainer.of(bundle, Shop.open(path)).explain([TEXT])[0].remedy.steps
    assert (first.part, second.part) == ("nothing", f"penalty {7 * alone:g} instead of {alone:g}")
    plain, _ = train(Shop.open(path), Wanted(remedy="none", penalty=alone, encoder="tfidf"), tmp_path / "none")
    expected = dict(zip(plain.classes, plain.probabilities([TEXT])[0], strict=True))
    for label, chance in first.probabilities.items():
        assert chance == pytest.approx(expected[label], abs=1e-3)


def test_what_a_bundle_names_is_not_made_if_it_needs_files_or_code(tmp_path):
    (tmp_path / "theirs.py").write_text("raise SystemExit", encoding="utf-8")
    for spec in (
        f"custom_loss(source='{tmp_path / 'theirs.py'}:make')",
        "balanced + weight_table(file='/etc/passwd')",
        "augment_texts(maker=\"chat(url='http://here')\")",
        "no_such_remedy",
    ):
        with pytest.raises(SettingError, match="words alone"):
            check_named(spec)
    check_named("balanced + logit_adjust(tau=0.5)")


def test_the_study_of_a_bundle_is_looked_for_nowhere_else(tmp_path):
    shop = make_shop(tmp_path / "shop")
    bundle, _ = train(shop, Wanted(remedy="none", encoder="tfidf"))
    for name in ("../../elsewhere", str(tmp_path), ".."):
        sent = replace(bundle, manifest=bundle.manifest.model_copy(update={"evidence": {"study": {"folder": name}}}))
        assert Refit.of(sent, shop).without is None
