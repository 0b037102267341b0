"""Names of members of archives: decoded, checked, and fit to be printed and kept in a table."""

from __future__ import annotations

import re
import unicodedata
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zipfile

UNPRINTABLE = "its name holds characters that cannot be printed"
"""Why a member may be refused."""

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def zip_name(info: zipfile.ZipInfo) -> str:
    """Return the name of a member of a .zip as its maker meant it.

    Archives say only that a name is UTF-8 or not. What is not may still be UTF-8, be given again in an extra field
    (Info-ZIP's 0x7075), or be GBK, as Windows in China writes it; otherwise it is code page 437, as the format says.
    """
    name = info.orig_filename  # the library cuts the other one at a NUL
    if not info.flag_bits & _UTF8_FLAG and not name.isascii():
        raw = name.encode("cp437")
        name = _unicode_path(info.extra, raw) or _utf8(raw) or _chinese(raw) or name
    return name.replace("\\", "/")


def tar_name(name: str) -> str:
    """Return the name of a member of a .tar; what is no UTF-8 (a lone surrogate in `name`) may be GBK."""
    raw = name.encode(errors="surrogateescape")
    return _utf8(raw) or _chinese(raw) or name


def tidy(name: str) -> str:
    """Return the name without what stands for nothing: ``./a//b`` is ``a/b``."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    return ("/" if name.startswith("/") else "") + "/".join(parts)


def flaw_of(name: str) -> str | None:
    """Return why a name is not to be trusted, or None."""
    if not name:
        return "it has no name"
    if any(_is_unprintable(c) for c in name):
        return UNPRINTABLE
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "its name is an absolute path"
    if ".." in re.split(r"[/\\]", name):
        return "its name leads out of the archive"
    return None


def printable(name: str) -> str:
    r"""Return the name with control characters spelt out, as in ``a\x1bb``."""
    return "".join(c.encode("unicode_escape").decode("ascii") if _is_unprintable(c) else c for c in name)


def _is_unprintable(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE or character in _DIRECTION


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in the extra field, if it was made for this very name."""
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and body[:1] == b"\x01" and body[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
            return _utf8(body[5:])
    return None


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _chinese(raw: bytes) -> str | None:
    """The name in GBK, if most of what is not ASCII are common characters.

    Accented letters of other code pages rarely make such pairs of bytes.
    """
    try:
        name = raw.decode("gb18030")
    except UnicodeDecodeError:
        return None
    rare = common = 0
    for character in name:
        if not character.isascii():
            try:
                character.encode("gb2312")
                common += 1
            except UnicodeEncodeError:
                rare += 1
    return name if common > rare else None
