"""Names of Keras that this library does not have, and the error message for each.

`docs/make_names.py` writes the same reasons into `docs/names.md`.
"""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from jkeras.core.errors import nearest

_AUGMENTATION = "image augmentation is out of scope"
_TEXT = "text and string layers are out of scope"
_AUDIO = "audio is out of scope"
_FOREIGN = "wraps another framework's code"
_INTERNAL = "an internal of Keras"
_DATASETS = "`jkeras.datasets.load` reads whatever tensorflow-datasets has prepared"

NOT_HERE = [
    ("layers", "*Spectrogram", _AUDIO),
    ("layers", "Pipeline", "`Sequential` runs preparing layers in a row"),
    ("layers", "Hash*", _TEXT),
    ("layers", "*Lookup", _TEXT),
    ("layers", "Text*", _TEXT),
    ("layers", "TFSMLayer", _FOREIGN),
    ("layers", "TorchModuleWrapper", _FOREIGN),
    ("layers", "JaxLayer", "every layer here is a pair of pure JAX functions"),
    ("layers", "FlaxLayer", "a Flax module trains as it is"),
    ("layers", "Rand*", _AUGMENTATION),
    ("layers", "*Contrast*", _AUGMENTATION),
    ("layers", "*Mix*", _AUGMENTATION),
    ("layers", "Equalization", _AUGMENTATION),
    ("layers", "MaxNumBoundingBoxes", _AUGMENTATION),
    ("layers", "Solarization", _AUGMENTATION),
    ("utils", "audio_*", _AUDIO),
    ("utils", "text_*", _TEXT),
    ("utils", "FeatureSpace", _TEXT),
    ("utils", "*interactive_logging*", "`verbose=` says what is printed"),
    ("utils", "get_file", "`jkeras.datasets` downloads, checks and keeps data sets"),
    ("utils", "model_to_dot", "`plot_model` needs no Graphviz"),
    ("utils", "Config", _INTERNAL),
    ("datasets", "*", _DATASETS),
    ("dtype_policies", "DTypePolicyMap", "each layer has its `dtype`, a model its `dtype_policy`"),
    ("dtype_policies", "*Quantized*", "quantization is out of scope"),
    ("dtype_policies", "GPTQ*", "quantization is out of scope"),
    ("", "applications", "trained models of others are out of scope"),
    ("", "distribution", "`jkeras.training` has pure steps, which `jax.jit` and meshes shard"),
    ("", "quantizers", "quantization is out of scope"),
    ("", "export", "`model.net.apply` is a pure function, which `jax.export` takes"),
    ("", "preprocessing", "`jkeras.utils` and `jkeras.layers` have what is here of it"),
    ("", "legacy", "what is older than Keras 3 is out of scope"),
    ("", "visualization", "`jkeras.display` draws figures"),
    ("", "wrappers", "`model.fit` and `model.predict` are easily put into an estimator"),
    (
        "",
        "GradientTape",
        "`jax.value_and_grad` of a loss of `model.stateless_call` gives gradients",
    ),
    ("", "Quantizer", "quantization is out of scope"),
    ("", "StatelessScope", "`model.net.apply` is a pure function of all values"),
    ("", "SymbolicScope", _INTERNAL),
]
"""(module, pattern of names, why they are not here); the first that fits counts."""


def reason(module: str, name: str) -> str | None:
    """Why a name of Keras is not in a module; None where nothing is known of it.

    Example:
      >>> reason("layers", "StringLookup")
      'text and string layers are out of scope'
    """
    known = (why for home, p, why in NOT_HERE if home == module and fnmatch.fnmatchcase(name, p))
    return next(known, None)


def answering(module: str) -> Callable[[str], NoReturn]:
    """A `__getattr__` for a module, which says why a name is not there, or what is like it.

    Args:
      module: its `__name__`.
    """
    home = module.partition(".")[2]

    def __getattr__(name: str) -> Any:
        why = None if name[:1] == "_" else reason(home, name)
        known = getattr(sys.modules[module], "__all__", ())
        fix = f": {why}." if why else f".{nearest(name, known)}"
        raise AttributeError(f"module {module!r} has no attribute {name!r}{fix}")

    return __getattr__
