"""Encoders: texts to vectors of unit length, cached by content.

>>> encoder = open_encoder("tfidf", ["red shoe", "blue shoe", "红色 运动鞋"])
>>> encoder.encode(["red shoes"]).shape
(1, 3)
"""

from __future__ import annotations

from evenshelf.encoders.base import CompositeEncoder, Encoder
from evenshelf.encoders.cache import VectorCache
from evenshelf.encoders.choice import Choice, choose_encoder
from evenshelf.encoders.folders import default_cache_dir
from evenshelf.encoders.registry import (
    EncoderKind,
    check_restorable,
    encoder_kind,
    encoder_kinds,
    open_encoder,
    register,
    restore_encoder,
    wrapped_spec,
)

__all__ = [
    "Choice",
    "CompositeEncoder",
    "Encoder",
    "EncoderKind",
    "VectorCache",
    "check_restorable",
    "choose_encoder",
    "default_cache_dir",
    "encoder_kind",
    "encoder_kinds",
    "open_encoder",
    "register",
    "restore_encoder",
    "wrapped_spec",
]
