"""Arrays of a bundle are finite numbers of the kind and shape that the manifest wants, or the file is named."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.bundles import Bundle
from evenshelf.bundles.arrays import fits
from evenshelf.bundles.manifest import read_manifest, write_manifest
from evenshelf.errors import InputError
from evenshelf.remedies.calibrated import StepMap


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained[1], tmp_path / "copy"))


def with_value(value):
    def change(array):
        array.flat[0] = value
        return array

    return change


WRONG = {
    "an archive": None,
    "objects": lambda array: array.astype(object),
    "text": lambda array: array.astype("U8"),
    "complex": lambda array: array.astype(complex),
    "dates": lambda array: array.astype(np.int64).view("M8[s]"),
    "records": lambda array: np.zeros(array.shape, [("a", "f4")]),
    "a number": lambda array: array.flat[0],
    "longer": lambda array: np.concatenate([array, array]),
    "deeper": lambda array: array[..., None],
}
FLOATS = ("head.weights", "head.bias", "head.affine.offset", "conformal.threshold")
CODES = ("conformal.titles", "conformal.source")


def put(folder: Path, name: str, array) -> None:
    """With the right checksum, as somebody would who means harm."""
    file = folder / f"{name}.npy"
    if array is None:
        np.savez(folder / "archive.npz", a=np.zeros(3))
        (folder / "archive.npz").rename(file)
    else:
        np.save(file, array, allow_pickle=True)
    write_manifest(read_manifest(folder), folder)


@pytest.mark.parametrize("name", [*FLOATS, *CODES])
@pytest.mark.parametrize("how", WRONG)
def test_another_kind_or_shape_is_refused_and_the_file_is_named(copy, name, how):
    put(copy, name, WRONG[how] and WRONG[how](np.load(copy / f"{name}.npy")))
    with pytest.raises(InputError, match=re.escape(f"{name}.npy")) as caught:
        Bundle.load(copy)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        *((name, with_value(value), f"{name}.npy holds 1 values") for name in FLOATS for value in (np.nan, np.inf)),
        *((name, lambda a: a.astype(np.int64), f"{name}.npy holds int64") for name in FLOATS),
        *((name, lambda a: a.astype(np.float32), f"{name}.npy holds float32") for name in CODES),
        ("encoder.idf", with_value(np.nan), "encoder.idf.npy holds 1 values"),
        ("encoder.idf", lambda a: a[:-1], "encoder of .*idf float32"),
        ("encoder.hashes", lambda a: a[::-1], "encoder of .*do not fit together"),
        ("encoder.hashes", lambda a: a.astype(np.float64), "encoder of .*hashes float64"),
        ("encoder.directions", lambda a: a[0], "encoder of .*directions float16"),
        ("encoder.directions", lambda a: a[:, 1:], "is not the one that the bundle was trained with"),
        ("conformal.threshold", with_value(1.5), "'threshold' .* outside of 0 to 1"),
        ("conformal.source", with_value(9), "'source' .* outside of 0 to 2"),
        ("conformal.crowding", lambda _: np.array([5000]), "'crowding' .* outside"),
        ("conformal.crowding", lambda a: a.astype(np.float64), "crowding.npy holds float64"),
    ],
)
def test_values_that_cannot_be_are_refused(copy, name, change, said):
    put(copy, name, change(np.load(copy / f"{name}.npy")))
    with pytest.raises(InputError, match=said):
        Bundle.load(copy)


def test_a_header_that_promises_more_than_the_file_holds_allots_nothing(copy, trained):
    file = copy / "head.bias.npy"
    shape = f"({len(trained[0].classes)},), }}".encode()
    content = file.read_bytes()
    assert shape in content
    file.write_bytes(content.replace(shape + b" " * 11, b"(%d,), }" % 10**11 + b" " * len(shape)))
    write_manifest(read_manifest(copy), copy)
    with pytest.raises(InputError, match=r"head\.bias\.npy is no array"):
        Bundle.load(copy)


@pytest.mark.parametrize("head", ["{'descr': (), 'fortran_order': False, 'shape': (3,), }", "(" * 50])
def test_a_head_that_is_none_is_told_and_raises_nothing_else(copy, head):
    """Each of them makes numpy raise another error."""
    file = copy / "head.bias.npy"
    line = f"{head} \n".encode()
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + bytes(64))
    write_manifest(read_manifest(copy), copy)
    with pytest.raises(InputError, match=r"head\.bias\.npy is no array"):
        Bundle.load(copy)


@pytest.mark.parametrize("change", [lambda a: -a, lambda a: np.roll(a, 1) + np.arange(len(a)), lambda a: a * 1000])
def test_steps_have_to_be_as_many_as_are_counted(trained, tmp_path, change):
    steps = StepMap(tuple((np.array([0.0, 0.5]), np.array([0.1, 0.9])) for _ in trained[0].classes))
    bundle = replace(trained[0], head=replace(trained[0].head, calibration=steps))
    bundle.save(tmp_path / "steps")
    assert len(Bundle.load(tmp_path / "steps").predict(["red shoe"])) == 1
    put(tmp_path / "steps", "head.steps.count", change(np.load(tmp_path / "steps" / "head.steps.count.npy")))
    with pytest.raises(InputError, match="do not fit together"):
        Bundle.load(tmp_path / "steps")


def test_what_could_not_be_read_again_is_not_written(trained, tmp_path):
    head = trained[0].head
    for wrong in (replace(head, bias=head.bias - np.inf), replace(head, bias=head.bias[1:])):
        with pytest.raises(InputError, match=r"'head\.bias'"):
            replace(trained[0], head=wrong).save(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.integers(0, 5), max_size=4), st.data())
def test_a_shape_fits_itself_with_any_lengths_left_open_and_no_other(shape, data):
    left_open = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    wanted = tuple(None if free else size for free, size in zip(left_open, shape, strict=True))
    assert fits(tuple(shape), wanted)
    assert not fits((*shape, 1), wanted)
    for place, size in enumerate(wanted):
        if size is not None:
            assert not fits((*shape[:place], size + 1, *shape[place + 1 :]), wanted)
