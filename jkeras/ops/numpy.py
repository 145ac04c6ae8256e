"""The functions of `keras.ops.numpy`, created from `vocabulary` on first access."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name[:2] == "__" and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    build = importlib.import_module("jkeras.ops.vocabulary.build")
    if name == "__all__":
        return list(build.names(("numpy",)))
    return build.made(("numpy",), name, __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
