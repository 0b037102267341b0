"""Texts to tokens: what is the same to a reader is the same to the engine."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.index.synonyms import parse_synonyms
from evenshelf.index.text.analyzer import Analyzer
from evenshelf.index.text.folding import fold, fold_with_origins
from evenshelf.index.text.highlighting import highlights
from evenshelf.index.text.languages import LANGUAGES, language_of
from evenshelf.index.text.words import starts_of, tokens_of, words_of
from evenshelf.index.vocabulary import vocabulary_of

texts = st.text(max_size=40) | st.text(alphabet="aéß ＡＸ１-3.'\"gb鞋運动ガｶﾞ\u3099\u0301한글\u0e01", max_size=30)


@given(texts)
@example("ｶﾞ")
@example("İstanbul")
@example("\u1100\u1161\u11a8")
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(texts)
def test_where_each_folded_character_came_from_is_known_and_in_order(text):
    folded, origins = fold_with_origins(text)
    assert folded == fold(text)
    assert len(origins) == len(folded) + 1
    assert origins == sorted(origins)
    assert origins[-1] == len(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＮＩＫＥ　ＡＩＲ", "nike air"),
        ("Café Crème", "cafe creme"),
        ("運動鞋 華為", "运动鞋 华为"),
        ("ﾒｶﾞﾈ", "メガネ"),
        ("straße", "STRASSE"),
        ("kid’s", "kid's"),
        ("ultra\u00adlight", "ultralight"),
        (unicodedata.normalize("NFD", "한국 Ångström"), "한국 angstrom"),
    ],
)
def test_what_reads_the_same_folds_to_the_same(one, other):
    assert fold(one) == fold(other)


def test_marks_that_make_another_kana_are_kept():
    assert fold("ハ") != fold("バ") != fold("パ")


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("xps-13", "Dell XPS 13 laptop"),
        ("xps 13", "Dell XPS-13 laptop"),
        ("xps13", "Dell XPS 13 laptop"),
        ("wifi", "Wi-Fi router"),
        ("t shirt", "Men's T-Shirt"),
        ("tshirt", "Men's T-Shirt"),
        ("16gb", "memory 16 GB"),
        ("16 gigabytes", "memory 16GB"),
        ('13.3"', "display of 13.3 inches"),
        ("13,3 inch", "display 13.3-inch"),
        ("5.5寸", "手机 5.5英寸"),
        ("shoes", "A shoe"),
        ("mens", "Men's jacket"),
        ("loreal", "L'Oréal shampoo"),
        ("dv7", "HP Pavilion dv7-1211ea"),
        ("dv7-1211ea", "HP Pavilion DV7-1211EA"),
        ("運動", "透气运动鞋"),
        ("鞋", "透气运动鞋"),
        ("メガネ", "老眼鏡用ﾒｶﾞﾈ"),
        ("1000 sheets", "1,000 sheets"),
    ],
)
def test_a_word_is_found_however_it_is_written(asked, title):
    analyzer = Analyzer()
    held = set(analyzer.tokens(title))
    for word in analyzer.query(asked).words:
        assert any(set(way) <= held for way in word.ways), (word, held)


@pytest.mark.parametrize(
    ("asked", "title"), [("16gb", "memory 8 GB, 16 pieces"), ("3", "3.5 mm jack"), ("xps 13", "xps 15")]
)
def test_a_measure_and_a_number_are_not_found_in_parts(asked, title):
    analyzer = Analyzer()
    held = set(analyzer.tokens(title))
    assert not all(any(set(way) <= held for way in word.ways) for word in analyzer.query(asked).words)


@given(texts)
def test_a_title_has_every_word_of_itself(text):
    analyzer = Analyzer()
    held = set(analyzer.tokens(text))
    for word in analyzer.query(text).words:
        assert any(set(way) <= held for way in word.ways)


@given(texts)
def test_words_stand_where_they_say_and_do_not_overlap(text):
    folded = fold(text)
    end = 0
    for word in words_of(folded):
        assert end <= word.start < word.end <= len(folded)
        assert word.whole
        end = word.end
    assert starts_of(folded) == [word.start for word in words_of(folded)]


@given(texts, texts)
def test_highlights_are_parts_of_the_text_in_order(title, query):
    analyzer = Analyzer()
    end = -1
    for start, stop in highlights(title, set(analyzer.tokens(query)), analyzer):
        assert end < start < stop <= len(title)
        end = stop


def test_highlights_are_of_what_was_written():
    analyzer = Analyzer()
    title = "Ｄell XPS-13 for 跑步運動鞋"
    marked = [title[a:b] for a, b in highlights(title, set(analyzer.tokens("dell xps 运动")), analyzer)]
    assert marked == ["Ｄell", "XPS", "運動"]


def test_tokens_hold_no_white_space():
    assert all(token and not any(map(str.isspace, token)) for token in tokens_of(fold("a 16 GB \u3000 x 5 英寸")))


def test_the_language_is_that_of_the_stop_words():
    assert language_of(["zapatos de cuero para la mujer", "bolso con el cierre"]) == "spanish"
    assert language_of(["Schuhe für die Dame mit dem Absatz und der Sohle"]) == "german"
    assert language_of(["a shoe for the lady", "bag with a zip"]) == "english"
    assert language_of(["耐克运动鞋"]) == language_of([]) == "english"
    assert Analyzer("german").tokens("Schuhe") == Analyzer("german").tokens("schuh")


def test_a_language_without_stems_is_refused():
    with pytest.raises(SettingError, match="english"):
        Analyzer("englisch")
    assert len(LANGUAGES) == len(set(LANGUAGES))


def test_synonyms_go_both_ways_unless_an_arrow_says_one():
    analyzer = Analyzer()
    synonyms = parse_synonyms(
        ["# comment", "", "sofa, couches", "tv => television, tele vision", "手机，行動電話"], analyzer
    )

    def of(text):
        length, phrases = synonyms.at(analyzer.query(text).words, 0)
        return length, set(phrases)

    assert of("couch") == (1, {("sofa",)})
    assert of("sofas") == (1, {("couch",)})
    assert of("TV") == (1, {("televis",), ("tele", "vision")})
    assert of("television") == (1, set())
    assert of("手机")[1]
    assert of("lamp") == (1, set())


@pytest.mark.parametrize("line", ["sofa", "=> sofa", "sofa =>", ", ,"])
def test_a_line_of_synonyms_that_says_nothing_is_named(line):
    with pytest.raises(InputError, match="line 2"):
        parse_synonyms(["a, b", line], Analyzer())


def test_the_nearest_words_correct_a_word_and_frequent_ones_come_first():
    vocabulary = vocabulary_of(["laptop sleeve", "laptop bag", "laptops", "lantern", "notebook", "xps13"])
    assert vocabulary.corrections("labtop") == ("laptop",)
    assert vocabulary.corrections("latpop")[0] == "laptop"
    assert vocabulary.corrections("ntoebok") == ()
    assert vocabulary.corrections("notebbok") == ("notebook",)
    assert vocabulary.corrections("xps14") == ()
    assert vocabulary.corrections("cat") == ()


@given(
    st.lists(st.text(alphabet="ab鞋 -", max_size=8), max_size=6),
    st.lists(st.text(alphabet="ab鞋 -", max_size=8), max_size=6),
)
def test_a_vocabulary_that_changes_is_that_of_the_texts_that_are_left(kept, gone):
    changed = vocabulary_of([*kept, *gone]).changed((), gone)
    assert dict(changed.counts) == dict(vocabulary_of(kept).counts)
    assert dict(vocabulary_of(kept).changed(gone).counts) == dict(vocabulary_of([*kept, *gone]).counts)


def test_a_rare_word_may_be_a_slip_of_a_frequent_one():
    vocabulary = vocabulary_of(["iphone case"] * 60 + ["iphnoe case", "cases", "phone"])
    assert vocabulary.slip_of("iphnoe") == "iphone"
    assert vocabulary.slip_of("iphone") is None
    assert vocabulary.slip_of("cases") is None
    assert vocabulary.slip_of("absent") is None


@given(st.lists(st.lists(st.text(alphabet="lamps", min_size=3, max_size=9), max_size=5), max_size=6), st.data())
def test_a_vocabulary_that_changed_corrects_as_one_that_is_made_of_what_is_left(batches, data):
    texts: list[str] = ["lamp", "lamps", "palms"]
    vocabulary = vocabulary_of(texts)
    for batch in batches:
        gone = data.draw(st.lists(st.sampled_from(texts), max_size=len(texts), unique=True)) if texts else []
        vocabulary = vocabulary.changed(batch, gone)
        for text in gone:
            texts.remove(text)
        texts += batch
    anew = vocabulary_of(texts)
    assert dict(vocabulary.counts) == dict(anew.counts)
    for word in ("lamp", "lmaps", "palsm", "amplamps", "slampalm"):
        assert vocabulary[word] == anew[word]
        assert vocabulary.corrections(word) == anew.corrections(word)
        assert vocabulary.slip_of(word) == anew.slip_of(word)
