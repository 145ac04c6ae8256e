"""Names of Keras that this library does not have, and the error message for each.

`docs/make_names.py` writes the same reasons into `docs/names.md`.
"""

from __future__ import annotations

import dis
import fnmatch
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

from jkeras.core.errors import nearest

TEXT = "text and string layers are out of scope; a dict makes ids of words (docs/recipes/text.md)"

_REASONS = [
    ("layers", "*Spectrogram", "audio is out of scope"),
    ("layers", "Pipeline", "`Sequential` runs preparing layers in a row"),
    ("layers", "Hash* *Lookup Text*", TEXT),
    ("layers", "TFSMLayer TorchModuleWrapper", "wraps another framework's code"),
    ("layers", "JaxLayer", "every layer here is a pair of pure JAX functions"),
    ("layers", "FlaxLayer", "a Flax module trains as it is"),
    (
        "layers",
        "Rand* *Contrast* *Mix* Equalization MaxNumBoundingBoxes Solarization",
        "image augmentation is out of scope; a layer of yours does it (docs/recipes/images.md)",
    ),
    ("utils", "audio_*", "audio is out of scope"),
    ("utils", "text_* FeatureSpace", TEXT),
    ("utils", "model_to_dot", "`plot_model` needs no Graphviz"),
    ("utils", "Config", "an internal of Keras"),
    ("dtype_policies", "DTypePolicyMap", "each layer has its `dtype`, a model its `dtype_policy`"),
    ("dtype_policies", "*Quantized* GPTQ*", "quantization is out of scope"),
    ("", "applications", "trained models of others are out of scope"),
    ("", "quantizers Quantizer", "quantization is out of scope"),
    ("export", "ExportArchive", "`model.export` writes a model, `jkeras.export` any network"),
    ("preprocessing", "text*", TEXT),
    ("preprocessing.image", "smart_resize", "`jkeras.ops.image.resize` has `crop_to_aspect_ratio`"),
    (
        "preprocessing.sequence",
        "TimeseriesGenerator",
        "`jkeras.utils.timeseries_dataset_from_array` takes its place, as in Keras",
    ),
    ("", "legacy", "what is older than Keras 3 is out of scope"),
    ("", "visualization", "`jkeras.display` draws figures"),
    (
        "",
        "GradientTape",
        "`jax.value_and_grad` of a loss of `model.stateless_call` gives gradients",
    ),
    ("", "StatelessScope", "`model.net.apply` is a pure function of all values"),
    ("", "SymbolicScope", "an internal of Keras"),
]

NOT_HERE = [(home, name, why) for home, names, why in _REASONS for name in names.split()]
"""(module, pattern of names, why they are not here); the first pattern that fits counts."""


def reason(module: str, name: str) -> str | None:
    """Why a name of Keras is not in a module; None where nothing is known of it.

    Example:
      >>> reason("layers", "StringLookup")
      'text and string layers are out of scope; a dict makes ids of words (docs/recipes/text.md)'
    """
    known = (why for home, p, why in NOT_HERE if home == module and fnmatch.fnmatchcase(name, p))
    return next(known, None)


def answering(module: str, source: str | None = None) -> Callable[[str], Any]:
    """A `__getattr__` for a module; its error says why a name is missing, or names the nearest.

    Args:
      module: its `__name__`.
      source: the module from which the names in `__all__` come when they are asked for, if any.
    """
    home = module.partition(".")[2]

    def __getattr__(name: str) -> Any:
        known = getattr(sys.modules[module], "__all__", ())
        if source is not None and name in known:
            return getattr(importlib.import_module(source), name)
        why = None if name[:1] == "_" else reason(home, name)
        fix = f": {why}." if why else f".{nearest(name, known)}"
        raise missing(f"module {module!r} has no attribute {name!r}{fix}")

    return __getattr__


def missing(message: str) -> AttributeError | ImportError:
    """The error for a name that a module of this package does not have.

    Python drops the message of an AttributeError in `from module import name`, so an ImportError
    says it there: where the instruction that runs outside of this package is that import. Where
    frames cannot be read it is an AttributeError.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "jkeras":
        frame = frame.f_back
    imports = frame is not None and frame.f_code.co_code[frame.f_lasti] == dis.opmap["IMPORT_FROM"]
    return ImportError(message) if imports else AttributeError(message)
