"""From a question to a study: encoder, sample, folder, the baseline of words; what is kept beside it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.encoders.bag import SMALL, tokens, word_matrix
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.heads import HEADS
from evenshelf.remedies import parse
from evenshelf.shop import Shop, ingest
from evenshelf.study.plan import Setting, settings
from evenshelf.study.prepare import Plan, check_encoder, pick_encoder, prepare, shop_folder, shop_task
from evenshelf.tasks.label import LabelTask
from tests.catalogues import catalogue

PLAN = Plan(remedies="none", folds=3, budget=2, workers=1)


pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    titles, labels = catalogue()
    table = pl.DataFrame({"id": range(121), "title": titles, "category": labels, "brand": [t[:3] for t in titles]})
    table.write_csv(folder / "items.csv")
    ingest(folder / "shop", [folder / "items.csv"])
    return Shop.open(folder / "shop")


def test_a_study_is_ready_with_all_its_parts(shop, tmp_path):
    task = shop_task(shop)
    told = []
    study = prepare(
        task,
        pick_encoder(task.texts, "tfidf"),
        tmp_path,
        PLAN,
        about={"target": "category"},
        cache=VectorCache(tmp_path / "cache"),
        progress=lambda done, total: told.append((done, total)),
    )
    encoder = open_encoder("tfidf", task.texts)
    assert np.allclose(study.vectors, encoder.encode(list(task.texts)), atol=1e-5)
    assert np.allclose(study.names, encoder.encode(list(task.class_texts)), atol=1e-5)
    assert study.words.shape[0] == 121
    assert study.about["target"] == "category"
    facts = study.about["encoder"]
    assert (facts["spec"], facts["dimension"], facts["fingerprint"]) == (
        "tfidf",
        encoder.dimension,
        encoder.fingerprint,
    )
    assert facts["texts_per_second"] > 0
    assert told[0] == (0, 126)
    assert told[-1] == (126, 126)
    assert told == sorted(told)


def test_a_second_time_nothing_is_encoded(shop, tmp_path):
    class Counting:
        def __init__(self, inner):
            self.inner, self.texts = inner, 0

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def encode(self, texts, **options):
            self.texts += len(texts)
            return self.inner.encode(texts, **options)

    task = shop_task(shop)
    choice = pick_encoder(task.texts, "tfidf")
    counting = Counting(open_encoder("tfidf", task.texts))
    for expected in (121 + 5, 121 + 5):
        prepare(task, choice, tmp_path, PLAN, encoder=counting, cache=VectorCache(tmp_path / "cache"))
        assert counting.texts == expected


def test_the_encoder_is_chosen_by_the_texts_unless_told():
    assert pick_encoder(["Nike shoes"]).spec == "fused"
    assert pick_encoder(["运动鞋"]).spec == "tfidf"
    assert "Latin" in pick_encoder(["Nike shoes"]).reason
    assert pick_encoder(["运动鞋"], " minilm ").spec == "minilm"
    with pytest.raises(SettingError, match="did you mean tfidf"):
        check_encoder("tfdif")
    check_encoder("st:any/model")


def test_a_sample_keeps_texts_labels_and_groups_together(shop):
    whole, part = shop_task(shop), shop_task(shop, sample=60, seed=1)
    label_of = {text: whole.classes[code] for text, code in zip(whole.texts, whole.target, strict=True)}
    group_of = dict(zip(whole.texts, whole.group.tolist(), strict=True))
    assert len(part.texts) == 60
    assert [label_of[text] for text in part.texts] == [part.classes[code] for code in part.target]
    assert [group_of[text] for text in part.texts] == part.group.tolist()
    assert sum(part.dropped.values()) == 61
    assert shop_task(shop, sample=60, seed=1).texts == part.texts != shop_task(shop, sample=60, seed=2).texts
    assert shop_task(shop, sample=500).texts == whole.texts
    assert not shop_task(shop, sample=500).dropped
    with pytest.raises(SettingError, match="A sample of -1"):
        shop_task(shop, sample=-1)


def test_an_unknown_column_offers_close_names(shop):
    with pytest.raises(InputError, match="did you mean brand") as caught:
        shop_task(shop, "barnd")
    assert "title" not in caught.value.hint
    assert "category" in caught.value.hint


def test_the_same_question_has_the_same_folder_and_another_one_its_own(shop):
    task, choice = shop_task(shop), pick_encoder([], "tfidf")
    first = shop_folder(shop, task, "category", choice, PLAN)
    assert first.parent == shop.path / "studies"
    assert shop_folder(shop, shop_task(shop), "category", choice, Plan("none", 3, 2, 0, workers=2)) == first
    others = [
        shop_folder(shop, task, "brand", choice, PLAN),
        shop_folder(shop, task, "category", pick_encoder([], "minilm"), PLAN),
        shop_folder(shop, shop_task(shop, sample=60), "category", choice, PLAN),
        *(
            shop_folder(shop, task, "category", choice, Plan(*p))
            for p in [("focal", 3, 2), ("none", 4, 2), ("none", 3)]
        ),
        shop_folder(shop, task, "category", choice, Plan("none", 3, 2, 1)),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_a_plan_tells_every_fault_at_once():
    with pytest.raises(SettingError) as caught:
        Plan(remedies="smoot", folds=1, seed=-1, workers=0).check()
    for part in ("olds is 1", "seed is -1", "workers is 0", "did you mean smote"):
        assert part in caught.value.message
    with pytest.raises(SettingError, match="too small for 'near_miss'"):
        Plan(remedies="near_miss", budget=2).check()


def test_a_budget_of_one_is_each_remedy_as_it_is_written():
    Plan(remedies="near_miss, balanced(power=0.5)", budget=1).check()
    for remedy in (parse("near_miss"), parse("balanced(power=0.5)")):
        assert settings(remedy, 1, HEADS) == [Setting(remedy, HEADS.penalties(1)[0])]


def test_a_task_without_texts_is_refused(tmp_path):
    with pytest.raises(InputError, match="no texts to encode"):
        prepare(LabelTask.of(["a", "b"]), pick_encoder([], "tfidf"), tmp_path, PLAN)


def test_words_and_pairs_in_any_script():
    assert tokens("ＮＩＫＥ Air-Max 运动鞋x2") == ["nike", "air", "max", "运", "动", "鞋", "x2"]
    matrix = word_matrix(["red shoe", "red hat", "运动鞋", "鞋动运", "!!!"])
    length = np.sqrt(matrix.power(2).sum(axis=1))
    assert matrix.dtype == np.float32
    assert np.allclose(length, [1, 1, 1, 1, 0], atol=1e-6)
    alike = (matrix @ matrix.T).toarray()
    assert 0 < alike[0, 1] < 1
    assert 0 < alike[2, 3] < 1 - 1e-3, "the same characters in another order have other pairs"
    assert alike[0, 2] == 0


def test_words_of_a_single_text_are_dropped_from_a_large_corpus():
    texts = [f"shoe unique{i}" for i in range(SMALL)]
    assert word_matrix(texts).shape == (SMALL, 1)
    assert word_matrix(texts[:-1]).shape[1] > SMALL


def test_texts_without_words_are_an_input_error():
    with pytest.raises(InputError, match="No word of the 2 texts"):
        word_matrix(["!!", "  "])
