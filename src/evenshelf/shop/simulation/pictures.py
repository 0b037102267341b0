"""Pictures of simulated items: a shape and a hue for each category, a shade and a size for each item."""

from __future__ import annotations

import colorsys
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from evenshelf.shop.progress import Progress
    from evenshelf.shop.simulation.assortment import Assortment
    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]

SIZE = 64
"""Width and height in pixels."""

_GOLDEN = 0.61803398875
_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Each says of points x, y whether they are inside; the unit circle around 0 is as large as the others.
_SHAPES: tuple[Callable[[Floats, Floats], NDArray[np.bool_]], ...] = (
    lambda x, y: x**2 + y**2 < 1,
    lambda x, y: np.maximum(abs(x), abs(y)) < 0.85,
    lambda x, y: abs(x) + abs(y) < 1.15,
    lambda x, y: (y < 0.7) & (2 * abs(x) < y + 1),
    lambda x, y: (x**2 + y**2 < 1) & (x**2 + y**2 > 0.3),
    lambda x, y: (np.minimum(abs(x), abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 1),
    lambda x, y: (abs(x) < 1) & (abs(y) < 0.4),
    lambda x, y: (abs(y) < 1) & (abs(x) < 0.4),
)


def draw_pictures(folder: Path, settings: Settings, assortment: Assortment, progress: Progress | None = None) -> None:
    """Write ``ITEM.png`` for every item that has a picture, of its true category."""
    folder.mkdir()
    rng = settings.rng("pictures")
    items = np.flatnonzero(assortment.pictured)
    for done, item in enumerate(items):
        if progress is not None and done % 100 == 0:
            progress("drawing pictures", done, items.size)
        picture = _picture(int(assortment.category[item]), rng)
        (folder / f"{assortment.ids[int(item)]}.png").write_bytes(picture)


def _picture(category: int, rng: np.random.Generator) -> bytes:
    size, dx, dy, shade = rng.uniform([0.55, -0.15, -0.15, 0.6], [0.8, 0.15, 0.15, 1.0])
    axis = np.linspace(-1, 1, SIZE)
    inside = _SHAPES[category % len(_SHAPES)]((axis[None, :] - dx) / size, (axis[:, None] - dy) / size)
    colour = [round(255 * shade * part) for part in colorsys.hsv_to_rgb(category * _GOLDEN % 1.0, 0.75, 1.0)]
    return _png(inside.astype(np.uint8), bytes([250, 250, 250, *colour]))


def _png(pixels: NDArray[np.uint8], palette: bytes) -> bytes:
    """Return a PNG of palette indices. It is stored, not compressed, so that every zlib makes the same bytes."""
    height, width = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
