"""Modules whose functions are created from `vocabulary` on first access."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def lazy_names(
    module: str, families: tuple[str, ...]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a module with all functions of some families.

    Args:
      module: the name of the module, for messages.
      families: names of families, as in `vocabulary.build`.
    """

    def __getattr__(name: str) -> Any:
        if name[:2] == "__" and name != "__all__":
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        build = importlib.import_module("jkeras.ops.vocabulary.build")
        return (
            build.names(families)
            if name == "__all__"
            else build.public_function(families, name, module)
        )

    def __dir__() -> list[str]:
        return sorted({*vars(importlib.import_module(module)), *__getattr__("__all__")})

    return __getattr__, __dir__
