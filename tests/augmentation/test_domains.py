"""Titles said as queries, reviews and advertisements, and these as titles."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenshelf.augmentation import make_texts, parse_maker
from evenshelf.augmentation.phrases import DOMAINS
from evenshelf.augmentation.written import Written, same_key
from evenshelf.errors import SettingError
from evenshelf.testing import check_maker

from .catalogue import CHINESE, ENGLISH, TITLES, ready


@pytest.mark.parametrize("to", DOMAINS)
def test_variants_differ_and_belong_to_their_text(to: str) -> None:
    maker = ready(f"domains(to={to!r})")
    made = maker.variants(TITLES, copies=2, seed=0)
    for title, own in zip(TITLES, made, strict=True):
        assert len({same_key(title), *map(same_key, own)}) == len(own) + 1
    assert sum(map(len, made)) > 1.5 * len(TITLES) if to != "title" else any(made)
    assert maker.variants(TITLES[::-1], copies=1, seed=0)[::-1] == [own[:1] for own in made]


@pytest.mark.parametrize("to", DOMAINS)
def test_every_domain_keeps_the_promises_of_a_maker(to: str) -> None:
    check_maker(parse_maker(f"domains(to={to!r})"))


def words(text: str) -> list[str]:
    return [word.key for word in Written.of(text).words]


def test_queries_are_a_few_words_of_the_title_in_order() -> None:
    for title, own in zip(TITLES, ready("domains").variants(TITLES, copies=3, seed=0), strict=True):
        held = [word.text.lower() for word in Written.of(title).words]
        for text in own:
            assert text == text.lower()
            rest = iter(held)
            assert all(word.text in rest for word in Written.of(text).words), (title, text)
            assert 1 <= len(text) < len(title)


def test_rare_words_are_asked_for_more_often() -> None:
    titles = [f"shop item thing number{chr(97 + i)}" for i in range(20)]
    maker = ready("domains")
    assert maker.known is not None
    from evenshelf.augmentation import Corpus

    maker = maker.learned(Corpus.of(titles))
    made = [text for own in maker.variants(titles, copies=3, seed=0) for text in own]
    assert sum("number" in text for text in made) > 1.3 * sum("thing" in text.split() for text in made)


@pytest.mark.parametrize("to", ["review", "advertisement"])
def test_phrases_are_in_the_language_of_the_title_and_lead_back_to_it(to: str) -> None:
    maker, back = ready(f"domains(to={to!r})"), ready("domains(to='title')")
    for title, _ in (ENGLISH[0], CHINESE[0]):
        (said,) = maker.variants([title], copies=1, seed=3)
        assert bool(Written.of(said[0]).runs) == bool(Written.of(title).runs)
        (again,) = back.variants(said, copies=1, seed=0)
        assert set(words(again[0])) <= set(words(title)) | {"运动", "鞋", "士"} | set(title)


def test_other_languages_are_refused_where_there_are_phrases() -> None:
    spanish = ["los zapatos rojos de la mujer para el invierno y la lluvia"] * 3
    assert "spanish" in (ready("domains(to='review')").lacking(spanish) or "")
    assert ready("domains").lacking(spanish) is None
    assert ready("domains(to='review')").lacking(TITLES) is None
    assert make_texts(ready("domains"), ["!!!"]).untreated == {"it has no word": 1}
    with pytest.raises(SettingError, match="did you mean query"):
        parse_maker("domains(to='qery')")


def test_a_model_goes_on_after_an_example(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from .models import save_gpt

    maker = ready(f"domains(to='review', model={save_gpt(tmp_path)!r})")
    made = maker.variants([ENGLISH[0][0], CHINESE[0][0]], copies=2, seed=0)
    assert all(made)
    assert not any("\n" in text for own in made for text in own)
