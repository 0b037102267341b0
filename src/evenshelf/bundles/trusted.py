"""The encoder of a bundle, which may come from anybody: nothing is loaded that the bundle alone asks for.

What kinds without an argument run is installed here: our own, with the weights of a package, and those of packages that
this person installed. What an argument names (a folder, a model on a hub) is somebody's weights, and may be somebody's
code: sentence-transformers before 6.0 runs modules that lie in a folder with a model. So it is loaded where a person
names it - unless all of it lies in the bundle as arrays and a tokenizer, which hold no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from evenshelf.bundles.manifest import EncoderEntry
from evenshelf.bundles.portable import in_folder
from evenshelf.encoders import Encoder, encoder_kind, restore_encoder, wrapped_spec
from evenshelf.errors import InputError, SettingError


def spec_to_load(entry: EncoderEntry, folder: Path, named: str | None) -> str:
    """The spec of the encoder that may be loaded for a bundle; nothing is loaded to find it.

    Parameters
    ----------
    entry
        What the bundle says of its encoder.
    folder
        Of the bundle, for messages.
    named
        Spec of an encoder that a person trusts, or ``None``.

    Raises
    ------
    InputError
        If the bundle wants a model that is not in it and that nobody named.
    SettingError
        If there is no such kind of encoder, or a person named another than the bundle has.
    """
    core = wrapped_spec(entry.spec)
    kind, around = encoder_kind(_kind(core)), entry.spec.removesuffix(core)
    if named is not None:
        other = wrapped_spec(named)
        if (_kind(other), named.strip().removesuffix(other)) != (kind.name, around):
            raise SettingError(
                f"The bundle {folder} was trained on vectors of {entry.spec!r}, not of {named!r}.",
                hint=f"Leave --encoder away, or name one of {around}{kind.usage}.",
            )
        return named
    if kind.argument is None or kind.held:
        return entry.spec
    wanted = repr(entry.spec)
    how = f"--encoder {entry.spec!r} (from Python: Bundle.load(folder, encoder={entry.spec!r}))"
    if in_folder(entry.spec):
        wanted += ", a model that was in a folder"
        how = (
            f"--encoder {around}{kind.name}:FOLDER (from Python: Bundle.load(folder, encoder=...)), with your folder "
            "of it"
        )
    raise InputError(
        f"The bundle {folder} needs the encoder {wanted}, which is not in it and was not loaded: a bundle may come "
        "from anybody, and a model may hold code.",
        hint=f"If you trust that model, name it yourself: {how}.",
    )


def restored(entry: EncoderEntry, folder: Path, state: Mapping[str, NDArray[Any]], named: str | None) -> Encoder:
    """The encoder of a bundle, the same as when it was trained.

    Parameters
    ----------
    state
        Its arrays by name.
    entry, folder, named
        See :func:`spec_to_load`.

    Raises
    ------
    InputError
        As :func:`spec_to_load`; or if it gives other vectors than it did, its arrays do not fit, or it cannot be found.
    SettingError
        As :func:`spec_to_load`.
    MissingExtraError
        If it needs a package that is not installed.
    """
    spec = spec_to_load(entry, folder, named)
    try:
        encoder = restore_encoder(spec, state)
    except InputError as error:
        raise InputError(f"The encoder of {folder}: {error.message}", hint=error.hint) from error
    if encoder.fingerprint != entry.fingerprint or encoder.dimension != entry.dimension:
        raise InputError(
            f"The encoder {spec!r} is not the one that the bundle was trained with: it has {encoder.dimension} "
            f"dimensions, and had {entry.dimension}; its fingerprint is {encoder.fingerprint}, and was "
            f"{entry.fingerprint}.",
            hint="Its weights or its version changed. Install those of before, or train the bundle again.",
        )
    return encoder


def _kind(spec: str) -> str:
    return spec.strip().partition(":")[0]
