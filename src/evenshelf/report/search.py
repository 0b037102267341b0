"""What a report tells of a study of search alone: how it was done, and which queries and items gain and lose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evenshelf.report.fairness_charts import trait_changes
from evenshelf.study.search_fairness_wording import part_name, pooling_sentence, search_sentences
from evenshelf.study.search_wording import alarms, frequency_sentence, how_sentences, parts_sentence, tested_by

if TYPE_CHECKING:
    from evenshelf.study.search_fairness import SearchFairness


def search_facts(meta: Mapping[str, Any]) -> dict[str, Any]:
    """All that the template asks for of how it was done."""
    return {
        "how_sentences": how_sentences(meta),
        "parts_sentence": parts_sentence(meta),
        "tested_by": tested_by(meta),
        "test_alarms": alarms(meta),
        "frequency_known": not frequency_sentence(meta),
    }


def search_section(found: SearchFairness) -> dict[str, Any]:
    """All that the template asks for of who gains and who loses."""
    return {
        "answered": found,
        "answered_sentences": search_sentences(found),
        "answered_figure": trait_changes(found),
        "answered_pooling": pooling_sentence(found),
        "part_name": part_name,
    }
