"""What every maker of texts promises."""

from __future__ import annotations

import pickle
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.augmentation import Corpus, Maker, Source, parse_maker
from evenshelf.augmentation.written import same_key
from evenshelf.testing.check import EXAMPLES, Check, gather, run_all

TITLES = [
    f"{brand} {colour} {thing} {size}"
    for brand in ("Nike", "Puma", "Acme Works")
    for colour in ("red", "Navy Blue")
    for thing, size in (("Running Shoes", "size 42"), ("Running Shoes", "size 44"), ("leather belt", "90 cm"))
] + [
    f"{brand}{colour}{thing}42码"
    for brand in ("耐克", "李宁")
    for colour in ("红色", "黑色")
    for thing in ("运动鞋", "手提包")
]
"""Titles in English and Chinese."""
LABELS = [next(name for name in ("Shoes", "belt", "运动鞋", "手提包") if name in title) for title in TITLES]
"""Their classes."""
NASTY = [
    "",
    "   ",
    "!!!",
    "a",
    "42",
    "AC/DC [new] ^x$ {a}\\",
    "two\nlines",
    "\u0301e",
    "ﬁﬃ ß",
    "shoe " * 200,
    "运",
    "日本語テキスト",
]
_few = settings(EXAMPLES, max_examples=6)
_rows = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([*TITLES, *NASTY]), st.text(max_size=30)),
        st.one_of(st.none(), st.sampled_from(LABELS)),
        st.one_of(st.none(), st.sampled_from([*NASTY, "A light thing for every day. Made with care, it lasts long."])),
    ),
    max_size=5,
)
Row = tuple[str, str | None, str | None]


def maker_checks(maker: Maker) -> list[Check]:
    """All checks of a maker.

    Parameters
    ----------
    maker
        It need not have learned; a small corpus in English and Chinese is given to it.
    """
    ready = maker.learned(Corpus.of(TITLES, LABELS))
    return gather(
        maker.spec,
        variants_differ_from_their_text_and_from_each_other,
        company_and_number_of_copies_change_nothing,
        refused_texts_get_nothing,
        every_text_is_told,
        the_spec_and_the_fingerprint_come_back,
        of=ready,
    )


def check_maker(maker: Maker) -> None:
    """Run :func:`maker_checks`, and raise all that fail together."""
    run_all(maker_checks(maker))


def variants_differ_from_their_text_and_from_each_other(maker: Maker) -> None:
    """Case, width, accents and white space apart; none is empty, and there are no more than were asked for."""

    @_few
    @given(rows=_rows, copies=st.integers(1, 3))
    def run(rows: list[Row], copies: int) -> None:
        made = _made(maker, rows, copies)
        assert len(made) == len(rows), f"variants of {len(made)} texts, where {len(rows)} were given"
        for (text, _, _), own in zip(rows, made, strict=True):
            keys = [same_key(text), *map(same_key, own)]
            assert len(own) <= copies, f"{len(own)} variants of {text!r}, where {copies} were asked for"
            assert len(set(keys)) == len(keys), f"variants of {text!r} that read alike: {own!r}"
            assert all(map(str.strip, own)), f"an empty variant of {text!r}"

    run()


def company_and_number_of_copies_change_nothing(maker: Maker) -> None:
    """What a text gets depends on it, not on its place or the other texts; few variants are the first of many."""

    @_few
    @given(rows=_rows, random=st.randoms(use_true_random=False))
    def run(rows: list[Row], random: Random) -> None:
        alone = dict(zip(rows, _made(maker, rows, 3), strict=True))
        mixed = [*rows, *zip(TITLES, LABELS, [None] * len(TITLES), strict=True)]
        random.shuffle(mixed)
        for row, own in zip(mixed, _made(maker, mixed, 1), strict=True):
            if row in alone:
                assert own == alone[row][:1], f"{row[0]!r} got {own!r} in other company, and {alone[row]!r} before"

    run()


def refused_texts_get_nothing(maker: Maker) -> None:
    """And something is made of some title of the catalogue, so that the promises above are of something."""

    @_few
    @given(rows=_rows)
    def run(rows: list[Row]) -> None:
        for row, own in zip(rows, _made(maker, rows, 1), strict=True):
            reason = maker.refusal(maker.read_of(Source(*row)))
            assert not own or reason is None, f"{row[0]!r} is refused ({reason}), and got {own!r}"

    run()
    rows: list[Row] = [
        (title, label, "A light thing for every day.") for title, label in zip(TITLES, LABELS, strict=True)
    ]
    assert any(_made(maker, rows, 1)), "nothing is made of any title"


def every_text_is_told(maker: Maker) -> None:
    """The numbers told add up to the number of texts."""
    told: list[int] = []
    texts, labels = [*TITLES, *NASTY, TITLES[0]], [*LABELS, *[None] * len(NASTY), LABELS[0]]
    maker.variants(texts, copies=2, seed=0, labels=labels, context=texts, tell=told.append)
    assert sum(told) == len(texts), f"{sum(told)} texts were told, of {len(texts)}"


def the_spec_and_the_fingerprint_come_back(maker: Maker) -> None:
    """Parsed, taught the same and taken to another process it is the same maker."""
    again = parse_maker(maker.spec).learned(Corpus.of(TITLES, LABELS))
    assert again.spec == maker.spec, f"{maker.spec} comes back as {again.spec}"
    assert again.fingerprint == maker.fingerprint, "taught the same, it has another fingerprint"
    # Of our own making.
    other = pickle.loads(pickle.dumps(maker))  # noqa: S301
    assert other.fingerprint == maker.fingerprint, "in another process it has another fingerprint"


def _made(maker: Maker, rows: list[Row], copies: int) -> list[list[str]]:
    return maker.variants(
        [text for text, _, _ in rows],
        copies=copies,
        seed=0,
        labels=[label for _, label, _ in rows],
        context=[context for _, _, context in rows],
    )
