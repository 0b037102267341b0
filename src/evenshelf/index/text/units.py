"""Measures in one spelling: ``16 GB`` and ``16gb``, ``13.3"`` and ``13.3 inches``, ``5.5英寸``."""

from __future__ import annotations

import re

# Spellings by the one that is kept. Those of :data:`_ATTACHED` count only where no space parts them from the number:
# "3 in 1", "size 5 m", "2 a" are no measures.
_SPELLINGS = {
    "gb": ("gb", "gib", "gigabyte", "gigabytes"),
    "tb": ("tb", "tib", "terabyte", "terabytes"),
    "mb": ("mb", "mib", "megabyte", "megabytes"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres", "毫米"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres", "厘米", "公分"),
    "inch": ("inch", "inches", '"', "''", "英寸", "インチ", "pulgadas", "zoll"),
    "ft": ("ft", "feet", "foot"),
    "kg": ("kg", "kgs", "kilogram", "kilograms", "千克", "公斤"),
    "mg": ("mg",),
    "oz": ("oz", "ounce", "ounces"),
    "lb": ("lb", "lbs", "pound", "pounds"),
    "ml": ("ml", "毫升"),
    "w": ("watt", "watts"),
    "v": ("volt", "volts"),
    "mah": ("mah", "毫安"),
    "ghz": ("ghz",),
    "mhz": ("mhz",),
    "hz": ("hz",),
    "mp": ("mp", "megapixel", "megapixels"),
    "dpi": ("dpi",),
    "rpm": ("rpm",),
}
_ATTACHED = {
    "m": ("m", "meter", "meters", "metre", "metres", "米"),
    "g": ("g", "gram", "grams", "克"),
    "l": ("l", "liter", "liters", "litre", "litres", "升"),
    "w": ("w", "瓦"),
    "v": ("v",),
    "inch": ("in", "寸"),
}

_kept = {spelling: unit for table in (_SPELLINGS, _ATTACHED) for unit, all_ in table.items() for spelling in all_}


def _one_of(table: dict[str, tuple[str, ...]]) -> str:
    spellings = sorted((s for all_ in table.values() for s in all_), key=lambda s: (-len(s), s))
    # A letter after a unit of letters makes it another word; after a sign or a Chinese unit anything may follow.
    return "|".join(re.escape(s) + (r"(?![a-z0-9])" if s.isascii() and s.isalpha() else "") for s in spellings)


UNIT_PATTERN = rf"(?:[ -]?(?:{_one_of(_SPELLINGS)})|(?:{_one_of(_ATTACHED)}))"
"""What follows a number to make it a measure; for folded text."""

_measure = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)*)[ -]?(?P<unit>{'|'.join(map(re.escape, sorted(_kept, key=len, reverse=True)))})"
)


def measure(text: str) -> str:
    """Return a measure in its one spelling.

    Examples
    --------
    >>> measure("16 gigabytes"), measure('13,3"')
    ('16gb', '13.3inch')
    """
    found = _measure.fullmatch(text)
    if found is None:
        return text.replace(" ", "")
    return found["number"].replace(",", ".") + _kept[found["unit"]]
