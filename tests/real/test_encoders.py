"""Encoders on real titles: faithful to their peer, and chosen rightly, judged by the labels of neighbours."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from evenshelf.encoders import VectorCache, choose_encoder, open_encoder
from evenshelf.encoders.weights import minilm_folder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

Labelled = tuple[list[str], np.ndarray]


@pytest.fixture(scope="module")
def english(real_data: Path) -> Labelled:
    """700 distinct titles of products and their types."""
    text = zipfile.ZipFile(real_data / "fashion_styles" / "styles.csv.zip").read("styles.csv").decode()
    label = {row[9]: row[4] for row in csv.reader(io.StringIO(text)) if len(row) == 10 and row[0] != "id"}
    return drawn(label, 700)


@pytest.fixture(scope="module")
def chinese(real_data: Path) -> Labelled:
    """700 distinct Chinese titles and their categories, out of 40 categories."""
    label: dict[str, str] = {}
    with tarfile.open(real_data / "zh_product_titles" / "dataset.tar.xz") as archive:
        taken = 0
        for member in archive:
            if not member.name.endswith(".csv") or taken == 40:
                continue
            file = archive.extractfile(member)
            assert file is not None
            rows = list(csv.reader(io.StringIO(file.read().decode(errors="replace"))))
            # Rows with title and breadcrumb swapped would leak the category.
            rows = [row for row in rows if len(row) >= 4 and ">" in row[3] and ">" not in row[2]]
            if len(rows) >= 60:
                taken += 1
                label |= {row[2].strip(): row[0] for row in rows}
    return drawn(label, 700)


def drawn(label: dict[str, str], count: int) -> Labelled:
    titles = sorted(label)
    chosen = [titles[i] for i in np.random.default_rng(0).permutation(len(titles))[:count]]
    return chosen, np.unique([label[title] for title in chosen], return_inverse=True)[1]


def neighbour_accuracy(vectors: np.ndarray, labels: np.ndarray, k: int = 5) -> float:
    """Leave-one-out share of titles whose k nearest neighbours vote for their label."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -9)
    nearest = np.argpartition(-similarity, k, axis=1)[:, :k]
    votes = np.zeros((len(labels), labels.max() + 1))
    for column in nearest.T:
        np.add.at(votes, (np.arange(len(labels)), labels[column]), similarity[np.arange(len(labels)), column])
    return float(np.mean(votes.argmax(axis=1) == labels))


def test_minilm_equals_sentence_transformers(english: Labelled, chinese: Labelled) -> None:
    peer = pytest.importorskip("sentence_transformers").SentenceTransformer(str(minilm_folder()), device="cpu")
    texts = [*english[0][:120], *chinese[0][:60], " ".join(english[0][:100])]
    assert np.abs(open_encoder("minilm").encode(texts) - peer.encode(texts)).max() < 1e-4


def test_english_titles(english: Labelled, tmp_path: Path) -> None:
    titles, labels = english
    vectors = VectorCache(tmp_path)  # fused has the vectors of minilm
    assert choose_encoder(titles).spec == "fused"
    accuracy = {
        spec: neighbour_accuracy(vectors.encode(open_encoder(spec, titles), titles), labels)
        for spec in ("minilm", "minilm-int8", "tfidf", "fused", "fast")
    }
    assert accuracy["fused"] >= max(accuracy["minilm"], accuracy["tfidf"])
    assert abs(accuracy["minilm-int8"] - accuracy["minilm"]) < 0.01
    assert accuracy["fast"] > accuracy["minilm"] - 0.05


def test_chinese_titles(chinese: Labelled) -> None:
    titles, labels = chinese
    assert choose_encoder(titles).spec == "tfidf"
    tfidf, minilm = (
        neighbour_accuracy(open_encoder(spec, titles).encode(titles), labels) for spec in ("tfidf", "minilm")
    )
    assert tfidf > minilm + 0.1
