"""The one list of encoders: what there is, what it is for, and how a spec string opens it.

Other packages add theirs as entry points of the group ``evenshelf.encoders``, each an :class:`EncoderKind`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from evenshelf.encoders.base import Encoder, check_texts
from evenshelf.errors import InputError, SettingError
from evenshelf.plugins import Registry


@dataclass(frozen=True)
class EncoderKind:
    """One kind of encoder.

    Parameters
    ----------
    name
        What a spec string starts with.
    summary
        One sentence for a person who has to choose.
    open
        ``open(argument, texts)`` makes the encoder; ``argument`` is what follows ``name:`` in the spec (or "").
    argument
        How the argument is called in help, such as ``NAME_OR_FOLDER``; None if the kind takes none. A bundle of a kind
        that takes one is only loaded with an encoder that a person names: its argument may be anybody's.
    fitted
        Whether it is fitted on the texts, so that it cannot be opened without any.
    restore
        ``restore(argument, state)`` makes an encoder again from its :meth:`~Encoder.state`, without the texts. None if
        its name is enough, or if it is fitted and that cannot be done: then what is trained on its vectors cannot be
        kept as a bundle.
    held
        Whether all of it is in its state, so that a bundle needs nothing beside that and is loaded without naming it.
    wraps
        Whether its argument is the spec of another encoder. That one then decides whether it can be restored, and
        whether a bundle with it is loaded without being named.
    """

    name: str
    summary: str
    open: Callable[[str, Sequence[str]], Encoder]
    argument: str | None = None
    fitted: bool = False
    restore: Callable[[str, Mapping[str, NDArray[Any]]], Encoder] | None = None
    held: bool = False
    wraps: bool = False

    @property
    def usage(self) -> str:
        """The spec as help shows it, such as ``st:NAME_OR_FOLDER``."""
        return self.name if self.argument is None else f"{self.name}:{self.argument}"


_registry: Registry[EncoderKind] = Registry(
    "encoder",
    "evenshelf.encoders",
    wanted="an EncoderKind",
    fits=lambda kind: isinstance(kind, EncoderKind),
    usage=lambda kind: kind.usage,
)
register = _registry.register
"""Add a kind of encoder."""

encoder_kinds = _registry.all
"""Every kind of encoder by name."""

encoder_kind = _registry.find
"""The kind of encoder of a name."""


def open_encoder(spec: str, texts: Sequence[str] = ()) -> Encoder:
    """Open the encoder that a spec string names.

    Parameters
    ----------
    spec
        A name out of :func:`encoder_kinds`, with an argument after a colon where the kind takes one:
        ``"minilm"``, ``"fused"``, ``"st:all-mpnet-base-v2"``, ``"hf:./my-bert?pool=cls"``, ``"auto"``.
    texts
        The corpus, without labels. Kinds that have to be fitted are fitted on it.

    Returns
    -------
    Encoder
        Ready to encode these and other texts.

    Raises
    ------
    SettingError
        If the spec names no encoder, lacks its argument or has one too many, or needs texts.
    InputError
        If a model cannot be found or read.
    MissingExtraError
        If the kind needs a package that is not installed.
    """
    check_texts(texts)
    name, colon, argument = spec.strip().partition(":")
    kind = encoder_kind(name)
    if kind.argument is None and colon:
        raise SettingError(f"the encoder {name!r} takes no argument, and {spec!r} gives one.", hint=f"Write {name!r}.")
    if kind.argument is not None and not argument.strip():
        raise SettingError(f"the encoder {name!r} needs an argument.", hint=f"Write it as {kind.usage}.")
    if kind.fitted and not any(text.strip() for text in texts):
        raise SettingError(
            f"the encoder {name!r} is fitted on the texts, and there are none.",
            hint="Give open_encoder the texts of the corpus.",
        )
    return kind.open(argument.strip(), texts)


def wrapped_spec(spec: str) -> str:
    """The spec of the encoder that others are wrapped around; the spec itself where none is, or that are not known.

    Examples
    --------
    >>> wrapped_spec("pair:st:all-mpnet-base-v2"), wrapped_spec("fused")
    ('st:all-mpnet-base-v2', 'fused')
    """
    name, _, argument = spec.strip().partition(":")
    kind = encoder_kinds().get(name)
    return wrapped_spec(argument) if kind is not None and kind.wraps else spec.strip()


def check_restorable(encoder: Encoder) -> None:
    """Raise a :class:`SettingError` unless :func:`restore_encoder` can make the encoder again from its state."""
    kind = encoder_kind(wrapped_spec(encoder.name).partition(":")[0])
    if kind.fitted and kind.restore is None:
        raise SettingError(
            f"the encoder {kind.name!r} is fitted on the texts and cannot be made again without them.",
            hint="Use another encoder, or give its EncoderKind a restore function.",
        )


def restore_encoder(spec: str, state: Mapping[str, NDArray[Any]]) -> Encoder:
    """Open an encoder as it was when its :meth:`~Encoder.state` was taken, without the texts it was fitted on.

    Parameters
    ----------
    spec
        The :attr:`~Encoder.name` of the encoder.
    state
        Arrays by name; not looked at where the name is enough.

    Raises
    ------
    SettingError
        If the spec names no encoder, or one that cannot be restored.
    InputError
        If arrays are missing, or what :func:`open_encoder` raises.
    """
    name, _, argument = spec.strip().partition(":")
    kind = encoder_kind(name)
    if kind.restore is None:
        if kind.fitted:
            raise SettingError(f"the encoder {name!r} cannot be restored.", hint="Use another encoder.")
        return open_encoder(spec)
    try:
        return kind.restore(argument.strip(), state)
    except KeyError as error:
        raise InputError(f"the state of the encoder {name!r} lacks {error}.", hint="Fit and save it again.") from error
