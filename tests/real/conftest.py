"""Real shops that several modules look at; each is ingested once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evenshelf.shop import Shop, ingest, title_groups, title_key


@pytest.fixture(scope="session")
def fashion_shop(real_data, tmp_path_factory):
    """The shop, and the report of its ingest. Whoever adds to it works on a copy."""
    path = tmp_path_factory.mktemp("fashion") / "shop"
    report = ingest(path, [real_data / "fashion_styles" / "styles.csv.zip"])
    return Shop.open(path), report


@pytest.fixture(scope="session")
def chinese_reading():
    """How to read the Chinese titles: names of the columns, and the one file that is not of rows."""
    columns = ["code", "path", "title", "breadcrumb", "shop", "seller"]
    return {"columns": columns, "exclude": ["allcategories.csv"]}


@pytest.fixture(scope="session")
def chinese_shop(real_data, chinese_reading, tmp_path_factory):
    """The shop, and the report of its ingest. Whoever adds to it works on a copy."""
    path = tmp_path_factory.mktemp("chinese") / "shop"
    report = ingest(path, [real_data / "zh_product_titles" / "dataset.tar.xz"], **chinese_reading)
    return Shop.open(path), report


@pytest.fixture(scope="session")
def balanced():
    """Says of a shop that was made of one source whether every row of it is in its table or in the quarantine, once."""

    def says(shop, report):
        (source,) = report.sources
        refused = shop.quarantine().filter(table=report.table)
        assert source.rows_in == source.rows_kept + sum(source.quarantined.values())
        assert dict(refused["reason"].value_counts().iter_rows()) == source.quarantined
        places = ["source_id", "source_file", "source_line"]
        kept = shop.read(report.table).select(places)
        return pl.concat([kept, refused.select(places)]).n_unique() == source.rows_in

    return says


@pytest.fixture(scope="session")
def largest_group():
    """Says of a shop how many titles its largest group has, and how many different ones a group has at most."""

    def found(shop):
        titles = shop.items()["title"].to_list()
        groups = title_groups(titles)
        keys = pl.DataFrame({"group": groups, "key": [title_key(t) for t in titles]})
        return np.bincount(groups).max(), keys.group_by("group").agg(pl.col("key").n_unique())["key"].max()

    return found


@pytest.fixture(scope="session")
def by_name():
    """Gives artefacts by their names."""

    def named(artefacts):
        return {artefact.name: artefact for artefact in artefacts}

    return named
