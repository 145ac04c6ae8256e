"""The functions of `keras.ops`, and the array functions that layers use.

`jkeras.ops.mean`, `jkeras.ops.conv`, `jkeras.ops.image.resize` have Keras's names, arguments and
numbers; they are created from `vocabulary.table` on first access, so the import is cheap. Called on
symbols of a graph they add layers to it. The other modules here (`ops.activations`,
`ops.convolution`, …) are the array functions of this package.

Example:
  >>> from jkeras import ops
  >>> ops.mean([1, 2, 6]).item(), ops.image.resize([[[0.0], [1.0]]], (1, 4)).ravel().tolist()
  (3.0, [0.0, 0.25, 0.75, 1.0])
  >>> ops.concat
  Traceback (most recent call last):
  AttributeError: jkeras.ops has no 'concat'. Did you mean 'concatenate'?
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from jkeras.ops.lazy_names import lazy_names


@functools.cache
def _files() -> frozenset[str]:
    """The modules of this package, which are not functions."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def __getattr__(name: str) -> Any:
    if name in _files():
        return importlib.import_module(f"{__name__}.{name}")
    return _function(name)


def __dir__() -> list[str]:
    return sorted({*_names(), *_files()})


_function, _names = lazy_names(__name__, ("numpy", "nn", "math", "linalg", "core", "einops"))
