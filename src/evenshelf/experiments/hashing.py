"""Where a unit falls: a salted hash that any language can compute.

KIND, SALT and UNIT, with a line feed between them, are written in UTF-8 and hashed with SHA-256. The first eight bytes
of the digest, read as a big-endian whole number without sign, modulo :data:`SLOTS` is the slot of the unit. KIND keeps
apart what is decided: ``layer`` or ``own`` who is in an experiment, ``variant`` what they get. Nothing of it may
change: units would move to other variants in the middle of an experiment. docs/experiments.md has vectors to test
against.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

SLOTS = 1_000_000
"""A share of units is a number of slots: the finest share is a millionth."""

Kind = Literal["layer", "own", "variant"]


def slot(kind: Kind, salt: str, unit: str) -> int:
    """Slot of a unit, from 0 to :data:`SLOTS` - 1; each is as likely as any other, up to 1e-13.

    Parameters
    ----------
    kind
        What is decided.
    salt
        Of the layer or the experiment; without line breaks.
    unit
        Id of a user or session.

    Examples
    --------
    >>> slot("variant", "tail-first", "user-1")
    661528
    """
    digest = sha256(f"{kind}\n{salt}\n{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SLOTS


def slots(share: float) -> int:
    """A share from 0 to 1 as a number of slots."""
    return round(share * SLOTS)
