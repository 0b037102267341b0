"""Archives: whatever the packing, the same members come out, and no trap of an archive harms."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import itertools
import lzma
import tarfile
import tempfile
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.shop.sources.archives import Limits, files_of, members, sha256_of
from evenshelf.shop.sources.containers import Budget
from evenshelf.shop.sources.member_names import flaw_of, printable

CODECS = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


CODECS["zst"] = zstd


def zipped(files, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files, codec=None, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return CODECS[codec](out.getvalue()) if codec else out.getvalue()


PACKERS = {
    "a.zip": zipped,
    "stored.ZIP": lambda files: zipped(files, zipfile.ZIP_STORED),
    "lzma.zip": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "a.tar": tarred,
    "gnu.tar": lambda files: tarred(files, form=tarfile.GNU_FORMAT),
    "a.tar.gz": lambda files: tarred(files, "gz"),
    "a.tgz": lambda files: tarred(files, "gz"),
    "a.tar.xz": lambda files: tarred(files, "xz"),
    "a.txz": lambda files: tarred(files, "xz"),
    "a.tar.bz2": lambda files: tarred(files, "bz2"),
    "a.tbz2": lambda files: tarred(files, "bz2"),
    "a.TAR.ZST": lambda files: tarred(files, "zst"),
    "a.tzst": lambda files: tarred(files, "zst"),
}


def found(path, *args, **how):
    """Names and contents of what is to be read."""
    return {m.name: m.open().read() for m in members(path, *args, **how) if m.skipped is None}


def left_out(path, *args, **how):
    return {m.name: m.skipped for m in members(path, *args, **how) if m.skipped is not None}


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


PART = st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs"]), min_size=1, max_size=12).filter(
    lambda part: len(part.encode()) < 60
)
TREES = st.dictionaries(
    st.builds(
        lambda parts, end: "/".join(parts) + end,
        st.lists(PART, min_size=1, max_size=3),
        st.sampled_from([".csv", ".jsonl"]),
    ),
    st.binary(max_size=200) | st.integers(0, 300_000).map(lambda n: b"0123456789abcdef" * (n // 16)),
    max_size=6,
)


@settings(deadline=None, max_examples=15)
@given(TREES)
def test_any_tree_comes_out_of_any_packing_as_it_was(files):
    with folder() as base:
        tree = base / "tree"
        tree.mkdir()
        for name, data in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(data)
        assert found(tree) == files
        for packed, pack in PACKERS.items():
            (base / packed).write_bytes(pack(files))
            assert found(base / packed) == files, packed
            assert not left_out(base / packed)


@settings(deadline=None, max_examples=15)
@given(TREES, st.lists(st.sampled_from(sorted(PACKERS)), min_size=1, max_size=3))
def test_archives_in_archives_are_opened_under_their_names(files, layers):
    data, prefix = PACKERS[layers[0]](files), ""
    for inner, outer in itertools.pairwise(layers):
        data, prefix = PACKERS[outer]({inner: data}), f"{inner}/{prefix}"
    with folder() as base:
        (base / layers[-1]).write_bytes(data)
        assert found(base / layers[-1]) == {prefix + name: data for name, data in files.items()}


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_single_files_are_unpacked_wherever_they_are(tmp_path, codec):
    packed = CODECS[codec](b"title\nx\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / f"a.csv.{codec}").write_bytes(packed)
    assert found(tmp_path / "d" / f"a.csv.{codec}") == {"a.csv": b"title\nx\n"}
    assert found(tmp_path / "d") == {f"a.csv.{codec}/a.csv": b"title\nx\n"}
    (tmp_path / "a.zip").write_bytes(zipped({f"sub/a.csv.{codec}": packed}))
    assert found(tmp_path / "a.zip") == {f"sub/a.csv.{codec}/a.csv": b"title\nx\n"}


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_parts_that_were_put_behind_each_other_are_all_read(tmp_path, codec):
    (tmp_path / f"a.csv.{codec}").write_bytes(CODECS[codec](b"a\n1\n") + CODECS[codec](b"2\n"))
    assert found(tmp_path / f"a.csv.{codec}") == {"a.csv": b"a\n1\n2\n"}


def test_tars_that_were_put_behind_each_other_are_all_read(tmp_path):
    for name, codec in (("a.tar", None), ("a.tgz", "gz")):
        whole = tarred({"a.csv": b"1"}) + tarred({"b.csv": b"2"})
        (tmp_path / name).write_bytes(CODECS[codec](whole) if codec else whole)
        assert found(tmp_path / name) == {"a.csv": b"1", "b.csv": b"2"}


def test_nesting_ends_where_it_is_told(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"b.tar": tarred({"c.zip": zipped({"d.csv.gz": gzip.compress(b"x")})})}))
    assert left_out(tmp_path / "a.zip") == {
        "b.tar/c.zip/d.csv.gz": "archives in archives are opened up to a depth of 3"
    }
    assert found(tmp_path / "a.zip", limits=Limits(nesting=4)) == {"b.tar/c.zip/d.csv.gz/d.csv": b"x"}
    assert left_out(tmp_path / "a.zip", limits=Limits(nesting=1)) == {
        "b.tar": "archives in archives are opened up to a depth of 1"
    }


def test_hidden_excluded_and_other_files_are_told(tmp_path):
    files = {"a.csv": b"", "b.md": b"", ".c/d.csv": b"", "__MACOSX/._a.csv": b"", "e.zip": b"no archive"}
    (tmp_path / "a.zip").write_bytes(zipped(files))
    assert left_out(tmp_path / "a.zip", ["e.zip", "*/none.csv"]) == {
        "b.md": "ending .md is not one of .csv, .tsv, .txt, .jsonl, .ndjson, .json, .parquet",
        ".c/d.csv": "hidden",
        "__MACOSX/._a.csv": "hidden",
        "e.zip": "excluded",
    }
    (skipped,) = (m for m in members(tmp_path / "a.zip", ["e.zip"]) if m.name == "b.md")
    with pytest.raises(ValueError, match=r"b\.md was left out"):
        skipped.open()


def test_patterns(tmp_path):
    for name in ("logs/2024/a.csv", "logs/2024/b.csv.gz", "logs/c.csv", "logs/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(b"x") if name.endswith("gz") else b"x")
    logs = tmp_path / "logs"
    assert list(found(logs / "*.csv")) == ["c.csv"]
    assert list(found(logs / "**" / "*.csv")) == ["2024/a.csv", "c.csv"]
    assert list(found(logs / "**" / "*.csv*")) == ["2024/a.csv", "2024/b.csv.gz/b.csv", "c.csv"]
    assert found(logs / "**") == found(logs) == found(logs / "*")
    assert sha256_of(logs / "**") == sha256_of(logs) == sha256_of(files_of(logs)[1])
    assert sha256_of(logs / "*.csv") != sha256_of(logs / "c.csv")
    with pytest.raises(InputError, match=r"no file matches .*\*\.json\n.*logs holds 2024, c\.csv, c\.txt"):
        list(members(logs / "*.json"))
    with pytest.raises(InputError, match=r"no file matches .*\nThere is no folder .*nowhere"):
        list(members(tmp_path / "nowhere" / "*.json"))
    (logs / "[1].csv").write_bytes(b"y")  # a name, not a pattern
    assert found(logs / "[1].csv") == {"[1].csv": b"y"}


def test_a_member_can_be_read_until_the_next_is_asked_for(tmp_path):
    for name, pack in PACKERS.items():
        (tmp_path / name).write_bytes(pack({"a.csv": b"1\n2\n", "b.csv": b"3\n"}))
        walk = members(tmp_path / name)
        first = next(walk)
        stream = first.open()
        assert stream.readline() == b"1\n"
        with pytest.raises(ValueError, match="once"):
            first.open()
        second = next(walk)
        with pytest.raises(ValueError, match="closed"):
            stream.read()
        with pytest.raises(ValueError, match="once"):
            first.open()
        assert second.open().read() == b"3\n"


def test_sizes_are_told_where_they_are_known(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"a.csv": b"12345"}))
    (tmp_path / "a.csv").write_bytes(b"123")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"123"))
    assert {m.name: m.size for m in members(tmp_path)} == {"a.csv": 3, "a.zip/a.csv": 5, "b.csv.gz/b.csv": None}


class Zeros(io.RawIOBase):
    """A large file that takes no space."""

    def __init__(self, size):
        self.left = size

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(len(buffer), self.left)
        buffer[:count] = bytes(count)
        self.left -= count
        return count


@pytest.mark.parametrize("name", ["a.csv.gz", "a.zip", "a.tgz", "a.tar", "z.zip"])
def test_a_large_member_takes_little_memory(tmp_path, name):
    size = 40 << 20
    if name == "a.csv.gz":
        with gzip.open(tmp_path / name, "wb", 1) as out:
            for _ in range(40):
                out.write(bytes(1 << 20))
    elif name.endswith("zip"):
        with (
            zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("a.csv", "w") as out,
        ):
            for _ in range(40):
                out.write(bytes(1 << 20))
        if name == "z.zip":
            with zipfile.ZipFile(tmp_path / name, "w") as archive:
                archive.write(tmp_path / "a.zip", "a.zip")
    else:
        with tarfile.open(tmp_path / name, "w:gz" if name == "a.tgz" else "w") as archive:
            info = tarfile.TarInfo("a.csv")
            info.size = size
            archive.addfile(info, io.BufferedReader(Zeros(size)))
    tracemalloc.start()
    try:
        total = 0
        for member in members(tmp_path / name):
            stream = member.open()
            while chunk := stream.read(1 << 20):
                total += len(chunk)
        assert total == size
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


# What is refused


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.xz", "a.csv.bz2", "a.csv.zst", "a.zip", "a.tar.xz"])
def test_bombs_are_refused(tmp_path, name, nested):
    data = bytes(3_000_000)
    packed = CODECS[name.rpartition(".")[2]](data) if ".csv" in name else PACKERS[name]({"a.csv": data})
    packed, name = (zipped({name: packed}), "n.zip") if nested else (packed, name)
    (tmp_path / name).write_bytes(packed)
    tight = Limits(free_bytes=1_000_000, ratio=100)
    with pytest.raises(InputError, match=rf"{name}: [\d,]+ bytes grew to more than [\d,]+, over 100 times"):
        found(tmp_path / name, limits=tight)
    with pytest.raises(InputError, match=r"more than 2,000,000 bytes come out"):
        found(tmp_path / name, limits=Limits(unpacked_bytes=2_000_000, ratio=1e9))
    assert sum(map(len, found(tmp_path / name, limits=Limits(free_bytes=10_000_000)).values())) == len(data)


def test_what_is_packed_well_for_good_reasons_passes():
    budget = Budget(Limits())
    budget.next_file(Path("a.csv.gz"), 10 << 20)
    budget.take(200 * (10 << 20))
    budget.next_file(Path("b.csv.gz"), 100)
    budget.take(100 << 20)
    with pytest.raises(InputError, match=r"b\.csv\.gz: 100 bytes grew"):
        budget.take(1)


def test_the_bytes_of_all_archives_are_added_up(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(bytes(1000)))
    assert len(found(tmp_path, limits=Limits(unpacked_bytes=3000))) == 3
    with pytest.raises(InputError, match=r"c\.csv\.gz: more than 2,999 bytes"):
        found(tmp_path, limits=Limits(unpacked_bytes=2999))


def test_members_of_a_zip_that_share_their_bytes_are_refused(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(1000))
        archive.writestr("b.csv", bytes(1000))
        archive.infolist()[1].header_offset = archive.infolist()[0].header_offset
    (tmp_path / "a.zip").write_bytes(out.getvalue())
    with pytest.raises(InputError, match=r"a\.zip is damaged.*overlap"):
        found(tmp_path / "a.zip")


def test_sizes_in_headers_are_not_believed(tmp_path):
    data = bytearray(zipped({"a.csv": bytes(3_000_000)}))
    place = data.rindex(b"PK\x01\x02") + 24
    data[place : place + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.zip: a\.csv is damaged"):
        found(tmp_path / "a.zip")


def test_too_many_files_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({f"{k}.md": b"" for k in range(11)}))
    assert len(left_out(tmp_path / "a.zip", limits=Limits(members=11))) == 11
    with pytest.raises(InputError, match="more than 10 files"):
        left_out(tmp_path / "a.zip", limits=Limits(members=10))


@pytest.mark.parametrize(
    ("name", "shown", "reason"),
    [
        ("../a.csv", "../a.csv", "leads out"),
        ("b/../../a.csv", "b/../../a.csv", "leads out"),
        ("/etc/a.csv", "/etc/a.csv", "absolute"),
        ("C:/a.csv", "C:/a.csv", "absolute"),
        ("C:\\a.csv", "C:\\a.csv", "absolute"),
        ("a\x1b[2J.csv", "a\\x1b[2J.csv", "printed"),
        ("a\nb.csv", "a\\nb.csv", "printed"),
        ("a\u202evsc.csv", "a\\u202evsc.csv", "printed"),
    ],
)
def test_names_that_mean_harm_are_left_out(tmp_path, name, shown, reason):
    for file, pack in (("a.zip", zipped), ("a.tar", tarred), ("a.tgz", PACKERS["a.tgz"])):
        (tmp_path / file).write_bytes(pack({name: b"x", "good.csv": b"y"}))
        assert found(tmp_path / file) == {"good.csv": b"y"}
        ((told, why),) = left_out(tmp_path / file).items()
        assert told == (shown.replace("\\", "/") if file == "a.zip" and name.startswith("C:") else shown)
        assert reason in why
    (tmp_path / "outer.zip").write_bytes(zipped({"a.tar": tarred({name: b"x"})}))
    assert not found(tmp_path / "outer.zip")


def test_a_nul_in_a_name_is_told(tmp_path):
    data = zipped({"a.csv_evil.csv": b"x"}).replace(b"a.csv_", b"a.csv\0")
    (tmp_path / "a.zip").write_bytes(data)
    assert left_out(tmp_path / "a.zip") == {"a.csv\\x00evil.csv": "its name holds characters that cannot be printed"}


@given(st.text())
def test_what_is_shown_of_a_name_can_be_printed(name):
    assert printable(printable(name)) == printable(name)
    assert "\x1b" not in printable(name)
    printable(name).encode()
    if flaw_of(name) is None:
        assert printable(name) == name


def test_links_and_devices_in_archives_are_left_out(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("s.csv", tarfile.SYMTYPE), ("h.csv", tarfile.LNKTYPE), ("f.csv", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert left_out(tmp_path / "a.tar") == {
        "s.csv": "it is a link",
        "h.csv": "it is a link",
        "f.csv": "it is no plain file",
    }
    info = zipfile.ZipInfo("l.csv")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert left_out(tmp_path / "a.zip") == {"l.csv": "it is a link"}


def test_sparse_files_that_claim_to_be_huge_are_left_out(tmp_path):
    info = tarfile.TarInfo("a.csv")
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 50)}
    info.pax_headers |= {"GNU.sparse.map": "0,0", "GNU.sparse.numblocks": "1"}
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    assert left_out(tmp_path / "a.tar") == {"a.csv": "it is a sparse file"}


def test_headers_of_tars_that_fill_memory_are_refused(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 32
    (tmp_path / "a.tar").write_bytes(info.tobuf() + bytes(4096))
    with pytest.raises(InputError, match=r"a\.tar is damaged.*a header claims to have 4,294,967,296 bytes"):
        found(tmp_path / "a.tar")


@pytest.mark.parametrize("flag", [0x1, 0x41])
def test_encrypted_members_are_told(tmp_path, flag):
    data = bytearray(zipped({"a.csv": b"x", "b.csv": b"y"}))
    data[data.index(b"PK\x03\x04") + 6] |= flag
    data[data.index(b"PK\x01\x02") + 8] |= flag
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.zip: a\.csv is encrypted\nUnpack it with its password"):
        found(tmp_path / "a.zip")
    assert found(tmp_path / "a.zip", ["a.csv"]) == {"b.csv": b"y"}


def test_unknown_compressions_are_told(tmp_path):
    data = bytearray(zipped({"a.csv": b"x"}))
    data[data.index(b"PK\x03\x04") + 8] = 99
    data[data.index(b"PK\x01\x02") + 10] = 99
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.zip: a\.csv is damaged.*compression"):
        found(tmp_path / "a.zip")


BODY = b"".join(b"line %d of a file\n" % (k * 7919 % 1009) for k in range(4000))


@pytest.mark.parametrize("name", [f"a.csv.{codec}" for codec in CODECS] + sorted(PACKERS))
def test_a_cut_archive_is_told_wherever_it_is_cut(tmp_path, name):
    packed = CODECS[name.rpartition(".")[2]](BODY) if ".csv" in name else PACKERS[name]({"a.csv": BODY})
    end = len(packed) if not name.endswith(".tar") else 512 * (2 + len(BODY) // 512)  # the rest is padding
    for cut in {1, end // 2, end - 600, end - 12, end - 1, *range(512, end, 29 * 512)}:
        (tmp_path / name).write_bytes(packed[:cut])
        with pytest.raises(InputError, match=name):
            found(tmp_path / name)
    (tmp_path / "outer.zip").write_bytes(zipped({name: packed[: end // 2]}))
    with pytest.raises(InputError, match=rf"outer\.zip: {name}"):
        found(tmp_path / "outer.zip")


@pytest.mark.parametrize("name", [*(f"a.csv.{codec}" for codec in CODECS), "a.zip", "stored.ZIP", "gnu.tar", "a.tgz"])
@settings(deadline=None, max_examples=20)
@given(st.data())
def test_a_damaged_archive_is_told_or_gives_what_was_in_it(name, data):
    """Changes that no checksum covers, as of dates or names, may pass; anything but an InputError may not."""
    packed = bytearray(CODECS[name.rpartition(".")[2]](BODY) if ".csv" in name else PACKERS[name]({"a.csv": BODY}))
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with folder() as base, warnings.catch_warnings():
        warnings.simplefilter("error")
        (base / name).write_bytes(packed)
        with contextlib.suppress(InputError):
            got = found(base / name)
            assert name.endswith((".tar", ".zst")) or set(got.values()) <= {BODY}  # these have no checksum here


def test_checksums_at_the_end_count(tmp_path):
    packed = bytearray(zipped({"a.csv": b"abc"}, zipfile.ZIP_STORED))
    packed[packed.index(b"abc")] ^= 1
    (tmp_path / "a.zip").write_bytes(packed)
    with pytest.raises(InputError, match=r"a\.zip: a\.csv is damaged.*CRC"):
        found(tmp_path / "a.zip")
    packed = bytearray(PACKERS["a.tgz"]({"a.csv": b"abc"}))
    packed[-6] ^= 1
    (tmp_path / "a.tgz").write_bytes(packed)
    with pytest.raises(InputError, match=r"a\.tgz is damaged.*CRC"):
        found(tmp_path / "a.tgz")


# Names in other encodings


def renamed(raw):
    """A .zip whose member has these bytes as its name, and no mark that they are UTF-8."""
    return zipped({"?" * len(raw): b"x"}).replace(b"?" * len(raw), raw)


@pytest.mark.parametrize("name", ["商品/五月 订单.csv", "a/红色鞋.csv", "镕基商品.csv", "用户-2024.csv"])
def test_chinese_names_are_read_whatever_wrote_them(tmp_path, name):
    for encoding in ("gbk", "utf-8"):
        (tmp_path / "a.zip").write_bytes(renamed(name.encode(encoding)))
        assert found(tmp_path / "a.zip") == {name: b"x"}
        with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT, encoding=encoding) as archive:
            archive.addfile(tarfile.TarInfo(name))
        assert found(tmp_path / "a.tar") == {name: b""}


@pytest.mark.parametrize("name", ["café.csv", "Größe.csv", "élan.csv", "Straße/Übersicht.csv"])
def test_western_names_stay_what_they_are(tmp_path, name):
    (tmp_path / "a.zip").write_bytes(renamed(name.encode("cp437")))
    assert found(tmp_path / "a.zip") == {name: b"x"}


def test_the_extra_field_with_a_name_is_used_if_it_fits(tmp_path):
    raw = "ночь.csv".encode("cp866")
    for crc, expected in ((None, "ночь.csv"), (b"1234", raw.decode("cp437"))):
        info = zipfile.ZipInfo("?" * len(raw))
        body = b"\x01" + (crc or zipfile.crc32(raw).to_bytes(4, "little")) + "ночь.csv".encode()
        info.extra = b"up" + len(body).to_bytes(2, "little") + body
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(info, b"x")
        (tmp_path / "a.zip").write_bytes(out.getvalue().replace(b"?" * len(raw), raw))
        assert found(tmp_path / "a.zip") == {expected: b"x"}


def test_separators_of_windows_are_those_of_everybody(tmp_path):
    (tmp_path / "a.zip").write_bytes(renamed(b"sub\\a.csv"))
    assert found(tmp_path / "a.zip") == {"sub/a.csv": b"x"}
