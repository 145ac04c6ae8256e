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

TEXT = "`TextVectorization` does it (docs/recipes/text.md)"

_REASONS = [
    ("layers", "TFSMLayer TorchModuleWrapper", "wraps another framework's code"),
    ("utils", "model_to_dot", "`plot_model` needs no Graphviz"),
    (
        "quantizers",
        "GPTQConfig AWQConfig",
        "GPTQ and AWQ are not built; `quantize('int4')` needs no data",
    ),
    ("export", "ExportArchive", "`model.export` writes a model, `jkeras.export` any network"),
    ("preprocessing", "text*", TEXT),
    ("preprocessing.image", "smart_resize", "`jkeras.ops.image.resize` has `crop_to_aspect_ratio`"),
    (
        "preprocessing.sequence",
        "TimeseriesGenerator",
        "`jkeras.utils.timeseries_dataset_from_array` takes its place, as in Keras",
    ),
    ("", "legacy", "what is older than Keras 3 is out of scope"),
    (
        "",
        "GradientTape",
        "`jax.value_and_grad` of a loss of `model.stateless_call` gives gradients",
    ),
    ("", "name_scope", "weights are named by the layers and models that have them"),
    ("", "Operation", "a `Layer` without weights does it: define `call`"),
    ("", "StatelessScope", "`model.net.apply` is a pure function of all values"),
    ("", "SymbolicScope", "an internal of Keras"),
]

NOT_HERE = [(home, name, why) for home, names, why in _REASONS for name in names.split()]
"""(module, pattern of names, why they are not here); the first pattern that fits counts."""


def reason(module: str, name: str) -> str | None:
    """Why a name of Keras is not in a module; None where nothing is known of it.

    Example:
      >>> reason("preprocessing", "text")
      '`TextVectorization` does it (docs/recipes/text.md)'
    """
    known = (why for home, p, why in NOT_HERE if home == module and fnmatch.fnmatchcase(name, p))
    return next(known, None)


def answering(module: str, *sources: str) -> Callable[[str], Any]:
    """A `__getattr__` for a module; its error says why a name is missing, or names the nearest.

    Args:
      module: its `__name__`.
      *sources: the modules from which the names in `__all__` come when they are asked for, in the
        order in which they are searched.
    """
    home = module.partition(".")[2]

    def __getattr__(name: str) -> Any:
        known = getattr(sys.modules[module], "__all__", ())
        for source in sources if name in known else ():
            found = getattr(importlib.import_module(source), name, None)
            if found is not None:
                return found
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
