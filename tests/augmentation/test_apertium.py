"""Back-translation by the real program: each text as if it were alone, and clear words where it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.augmentation import make_texts, parse_maker
from evenshelf.augmentation.apertium_run import check_direction, translate
from evenshelf.errors import InputError

from .catalogue import CHINESE, ENGLISH

NASTY = [
    "",
    "AC/DC [new] ^x$ <b> 50% @ {a} * star \\",
    "two\nlines\0and a null",
    "Hello world. Next (one)",
    "ends \\",
    "^",
]
TITLES = [*dict.fromkeys(title for title, _ in ENGLISH)]


@pytest.mark.usefixtures("apertium")
@settings(max_examples=5)
@given(texts=st.lists(st.one_of(st.sampled_from([*TITLES, *NASTY]), st.text(max_size=30)), min_size=1, max_size=5))
def test_a_text_is_translated_as_if_it_were_alone(texts: list[str]) -> None:
    together = translate(texts, "eng-spa")
    assert len(together) == len(texts)
    assert translate(texts[::-1], "eng-spa") == together[::-1]
    assert translate(texts[:1], "eng-spa") == together[:1]


@pytest.mark.usefixtures("apertium")
def test_titles_come_back_otherwise_and_brands_stay() -> None:
    assert translate(["the red shoes"], "eng-spa") == ["Los zapatos rojos"]
    maker = parse_maker("apertium")
    made = maker.variants(["Acme women red leather belt", *TITLES], copies=3, seed=0)
    assert all(len(own) <= 1 for own in made), "there is one language to go through"
    assert sum(map(len, made)) > len(TITLES) / 2
    assert "acme" in made[0][0].lower()
    assert maker.variants(TITLES, copies=1, seed=7) == made[1:]


@pytest.mark.usefixtures("apertium")
def test_what_it_cannot_read_is_said() -> None:
    maker = parse_maker("apertium")
    chinese = [title for title, _ in CHINESE]
    assert "without spaces" in (maker.lacking(chinese) or "")
    assert "spanish" in (maker.lacking(["los zapatos rojos de la mujer para el invierno y la lluvia"] * 5) or "")
    assert maker.lacking(TITLES) is None
    made = make_texts(maker, [chinese[0], "Acme women red leather belt", ""])
    assert [len(own) for own in made.texts] == [0, 1, 0]
    assert made.untreated == {"it is empty": 1, "it is in a script without spaces": 1}


@pytest.mark.usefixtures("apertium")
def test_a_missing_pair_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(InputError, match="apt-get install apertium-eng-xyz"):
        check_direction("eng-xyz")
    with pytest.raises(InputError, match="apt-get install apertium-eng-xyz"):
        parse_maker("apertium(through='xyz')").variants(["red shoes"], copies=1, seed=0)


def test_a_missing_program_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError, match="apt-get install apertium"):
        parse_maker("apertium").variants(["red shoes"], copies=1, seed=0)
