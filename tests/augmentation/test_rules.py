"""What every maker by rules promises, and what each one does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.augmentation import Corpus, make_texts, maker_kinds, parse_maker
from evenshelf.augmentation.slot_values import label_words, singular
from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.substitutes import substitutes_of
from evenshelf.augmentation.written import Written, same_key
from evenshelf.errors import InputError, SettingError
from evenshelf.testing import Check, maker_checks

from .catalogue import CHINESE, CONTEXT, CORPUS, ENGLISH, LABELS, RULES, TITLES, ready

TEXTS = st.one_of(st.sampled_from(TITLES), st.text(max_size=40), st.text("ab中文ß\u0301 (-)é1ﬁ", max_size=20))


@pytest.mark.parametrize(
    "check", [check for spec in RULES for check in maker_checks(parse_maker(spec))], ids=lambda check: check.__name__
)
def test_every_maker_keeps_its_promises(check: Check) -> None:
    check()


@pytest.mark.parametrize("spec", RULES)
def test_most_titles_in_both_languages_get_what_was_asked_for(spec: str) -> None:
    made = ready(spec).variants(TITLES, copies=2, seed=0, labels=LABELS, context=CONTEXT)
    full = [len(own) == 2 for own in made]
    assert sum(full[: len(ENGLISH)]) > 0.9 * len(ENGLISH)
    assert sum(full[len(ENGLISH) :]) > 0.9 * len(CHINESE)
    other = ready(spec).variants(TITLES, copies=2, seed=1, labels=LABELS, context=CONTEXT)
    assert other != made, "the seed changes nothing"


@pytest.mark.parametrize("spec", RULES)
def test_specs_come_back_and_learning_counts(spec: str) -> None:
    maker = parse_maker(spec)
    assert maker.spec == spec
    assert parse_maker(maker.spec) == maker
    learned, less = ready(spec), ready(spec, Corpus.of(TITLES[:20], LABELS[:20]))
    assert learned.spec == spec
    assert learned.fingerprint == ready(spec).fingerprint
    assert (learned.fingerprint == less.fingerprint) is not maker.learns
    if maker.learns:
        with pytest.raises(InputError, match="has not learned"):
            maker.variants(["a b"], copies=1, seed=0)


def test_every_parameter_changes_the_fingerprint() -> None:
    specs = ["eda", "eda(rate=0.2)", "eda(operations='swap')", "typos", "typos(rate=0.2)", "crop", "crop(rate=0.2)"]
    specs += ["slots", "slots(share=0.2)", "slots(swap=0.0)", "views", "views(fewest=2)", "views(most=5)"]
    assert len({ready(spec).fingerprint for spec in specs}) == len(specs)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("edda", "did you mean eda"),
        ("eda(rate=2)", "outside"),
        ("eda(rate='a')", "is text"),
        ("eda(operations='swap, melt')", "melt"),
        ("eda(operations='')", "there is no"),
        ("crop(rate=1)", "outside"),
        ("crop(0.2)", "given by name"),
        ("crop(known=1)", "no parameter"),
        ("views(fewest=5, most=2)", "outside"),
        ("apertium(through='')", "no names"),
        ("eda + crop", "is not a maker"),
        ("eda(", "cannot be read"),
    ],
)
def test_faults_of_a_spec_are_told(spec: str, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        parse_maker(spec)


def test_every_maker_says_what_it_is() -> None:
    for name, kind in maker_kinds().items():
        assert kind.name == name
        assert kind.title
        assert kind.paper
        assert kind.languages
        assert kind().spec == name


def test_wrong_input_is_refused() -> None:
    maker = parse_maker("crop")
    for texts, labels in (("one text", None), (["a", None], None), (["a b"], ["x", "y"]), (["a b"], [1])):
        with pytest.raises(InputError):
            maker.variants(texts, copies=1, seed=0, labels=labels)
    for copies, seed in ((0, 0), (1.5, 0), (1, -1)):
        with pytest.raises(SettingError):
            maker.variants(["a b"], copies=copies, seed=seed)
    with pytest.raises(InputError, match="no text of the corpus has a label"):
        parse_maker("slots").learned(Corpus.of(["a b"]))


@given(text=TEXTS)
def test_a_text_taken_apart_is_the_text_again(text: str) -> None:
    assert Written.of(text).text == text


@given(text=TEXTS, data=st.data())
def test_words_are_moved_and_left_out_as_they_are(text: str, data: st.DataObject) -> None:
    written = Written.of(text)
    size = len(written.words)
    if not size:
        return
    first, second = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    swapped = written.swapped(first, second)
    assert Counter(word.text for word in swapped.words) == Counter(word.text for word in written.words)
    gone = data.draw(st.sets(st.integers(0, size - 1)))
    kept = [word.text for place, word in enumerate(written.words) if place not in gone]
    assert [word.text for word in written.without(sorted(gone)).words] == kept


def test_what_stands_between_words_goes_with_them() -> None:
    written = Written.of("Shoe (red), size 42 - new")
    assert written.without([1]).text == "Shoe, size 42 - new"
    assert written.without([0, 1]).text == "size 42 - new"
    assert written.without([len(written.words) - 1]).text == "Shoe (red), size 42"


class TestEda:
    def test_words_of_one_place_are_found_and_labels_keep_them_apart(self) -> None:
        known = substitutes_of(CORPUS)
        assert set(known.of("nike", "Belts")) <= {"Puma", "Zeta", "Works"}
        assert "Puma" in known.of("nike", "Belts")
        assert "women" not in [word.lower() for word in known.of("42", None)], "numbers are left out"
        for key, others in known.others.items():
            own = set(known.of(key, "Belts"))
            assert own <= {known.spelled[other] for other in others}
            assert "shoes" not in map(str.lower, own), "no belt is called a shoe"

    @pytest.mark.parametrize("operation", ["replace", "insert", "swap", "delete"])
    def test_each_operation_does_what_it_says(self, operation: str) -> None:
        maker = ready(f"eda(operations='{operation}', rate=0.3)")
        for title, own in zip(TITLES, maker.variants(TITLES, copies=1, seed=0, labels=LABELS), strict=True):
            before = [same_key(word.text) for word in Written.of(title).words]
            for text in own:
                after = [same_key(word.text) for word in Written.of(text).words]
                if operation == "delete":
                    assert len(after) < len(before)
                    assert not Counter(after) - Counter(before)
                elif operation == "swap":
                    assert Counter("".join(after)) == Counter("".join(before))
                elif operation == "insert":
                    assert len("".join(after)) > len("".join(before))
                else:
                    assert after != before

    def test_a_file_of_synonyms_is_followed(self, tmp_path: Path) -> None:
        file = tmp_path / "synonyms.txt"
        file.write_text("belt, waist strap\n", encoding="utf-8")
        spec = f"eda(operations='replace', synonyms={str(file)!r}, rate=1.0)"
        maker = parse_maker(spec).learned(Corpus.of(["leather belt"] * 2, ["Belts"] * 2))
        assert maker.variants(["leather belt"], copies=1, seed=0, labels=["Belts"]) == [["leather waist strap"]]
        before = maker.fingerprint
        file.write_text("belt, sash\n", encoding="utf-8")
        assert parse_maker(spec).learned(CORPUS).fingerprint != before
        with pytest.raises(InputError, match="cannot be read"):
            parse_maker("eda(synonyms='/nowhere/at/all')").learned(CORPUS)


def test_typos_keep_digits_and_change_little() -> None:
    for title, own in zip(TITLES, ready("typos").variants(TITLES, copies=4, seed=0), strict=True):
        for text in own:
            assert [c for c in text if c.isdigit()] == [c for c in title if c.isdigit()]
            assert abs(len(text) - len(title)) <= 0.05 * len(title) + 1


def test_crops_are_the_title_without_a_span() -> None:
    for title, own in zip(TITLES, ready("crop").variants(TITLES, copies=3, seed=0), strict=True):
        words = [word.text for word in Written.of(title).words]
        for text in own:
            left = len(words) - len(Written.of(text).words)
            assert left >= 1
            assert any(
                same_key(text) == same_key(Written.of(title).without(range(start, start + left)).text)
                for start in range(len(words))
            )


def keys(text: str) -> list[str]:
    """Words of a text, folded and without the s of plurals."""
    return [singular(word.key) for word in Written.of(text).words]


class TestSlots:
    def test_values_come_from_the_same_class_and_label_words_stay(self) -> None:
        seen: dict[str, set[str]] = {label: set() for label in LABELS}
        for title, label in zip(TITLES, LABELS, strict=True):
            seen[label] |= set(keys(title))
        made = ready("slots").variants(TITLES, copies=4, seed=0, labels=LABELS)
        assert sum(map(len, made)) > 2 * len(TITLES)
        for title, label, own in zip(TITLES, LABELS, made, strict=True):
            named = label_words(label)
            held = [key for key in keys(title) if key in named]
            for text in own:
                assert [key for key in keys(text) if key in named] == held
                assert set(keys(text)) <= seen[label], (title, text)

    def test_columns_tell_slots_and_phrases_are_replaced_whole(self) -> None:
        texts = ["Acme soft mug", "Acme hard mug", "Best of Breed soft mug"]
        corpus = Corpus.of(
            texts, ["mugs"] * 3, {"brand": ["Acme", "Acme", "Best of Breed"], "feel": ["soft", "hard", None]}
        )
        maker = parse_maker("slots(share=1.0, swap=0.0)").learned(corpus)
        made = maker.variants(texts, copies=3, seed=0, labels=["mugs"] * 3)
        assert made[0] == ["Best of Breed hard mug"]
        assert made[2] == ["Acme hard mug"]

    def test_a_title_without_attributes_gets_nothing_and_is_counted(self) -> None:
        made = make_texts(ready("slots"), ["something", "Nike thing", ""], labels=["Belts", None, "Belts"])
        assert made.texts == ((), (), ())
        assert made.untreated == {"it has no label": 1, "it is empty": 1, "no attribute was found in it": 1}


def test_views_are_sentences_of_the_description() -> None:
    source = "<p>Light &amp; soft running shoe.</p><ul><li>Sole of natural rubber</li></ul> Wow! 透气舒适的运动鞋。"
    made = ready("views").variants(["Shoe", "Hat"], copies=9, seed=0, context=[source, None])
    assert sorted(made[0]) == ["Light & soft running shoe.", "Sole of natural rubber", "透气舒适的运动鞋。"]
    assert made[1] == []
    assert ready("views").refusal(Source("Hat")) == "it has no description"
    cut = ready("views(most=4)").variants(["Shoe"], copies=9, seed=0, context=["one two three four five six"])
    assert cut == [["one two three four"]]
