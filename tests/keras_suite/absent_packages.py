"""Packages that Keras's test files import at their top and that are not installed here.

While a test file is read, `import tensorflow`, `import torch` and `import grain` give a module of
which every name is a class without instances, so that the other tests of the file run. A test that
makes something of such a package fails with the package's name.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar

PACKAGES = ("tensorflow", "torch", "grain", "torchvision", "tf2onnx")
"""What is stood in for, where it is not installed."""


class AbsentClass(type):
    """The class of the names of an absent package: attributes are such names, calls fail."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return AbsentClass(name, (), {"__module__": f"{cls.__module__}.{cls.__name__}"})

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise ModuleNotFoundError(f"{cls.__module__}.{cls.__name__}: the package is not installed")


class _Module(types.ModuleType):
    """A module of an absent package."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return AbsentClass(name, (), {"__module__": self.__name__})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `import` of the absent packages, and of every module inside of them."""

    def __init__(self, packages: set[str]) -> None:
        self.packages = packages

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for an absent package, None for all other modules."""
        del path, target
        if fullname.split(".")[0] not in self.packages:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """An empty module."""
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing: all names are made when they are asked for."""


@contextlib.contextmanager
def importable() -> Iterator[None]:
    """Inside, the absent packages can be imported; behind it they are gone again."""
    absent = {name for name in PACKAGES if importlib.util.find_spec(name) is None}
    finder = _Finder(absent)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.split(".")[0] in absent]:
            del sys.modules[name]


def __getattr__(name: str) -> Any:
    """The names of those parts of Keras that jkeras does not have: looked up in this module."""
    if name.startswith(("_", "pytest")):  # pytest asks every module that it collects
        raise AttributeError(name)
    return AbsentClass(name, (), {"__module__": "keras"})
