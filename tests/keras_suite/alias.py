"""A `keras` made of jkeras, so that Keras's own unit tests can be run against it.

The tests of a family are read from the installed Keras package, which itself is never imported: a
finder answers every `import keras...` with a module that looks its names up here. Laws:

  - What is judged comes from jkeras: `keras.src.losses.losses.Huber` is `jkeras.losses.Huber`.
  - What the tests only use as tools (variables, conversion to NumPy, `assertAllClose`) comes from
    `standins`, `stateful` and `case` beside this file.
  - A name that neither has is missing, and the test that wants it fails.

Installing the alias changes the whole process: `python -m tests.keras_suite` has one of its own.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = "tests.keras_suite"

FAMILIES: dict[str, tuple[str, ...]] = {
    "activations": ("jkeras.activations",),
    "backend": (f"{HERE}.standins",),
    "callbacks": ("jkeras.callbacks",),
    "config": (f"{HERE}.standins",),
    "constraints": ("jkeras.constraints",),
    "dtype_policies": (f"{HERE}.standins",),
    "initializers": ("jkeras.initializers", f"{HERE}.renamed"),
    "layers": ("jkeras.layers",),
    "losses": (f"{HERE}.renamed", "jkeras.losses"),
    "metrics": ("jkeras.metrics", f"{HERE}.renamed"),
    "models": ("jkeras.models",),
    "ops": (f"{HERE}.standins", "jkeras.ops", "jax.numpy", "jax.nn"),
    "optimizers": (f"{HERE}.stateful", "jkeras.optimizers"),
    "random": (f"{HERE}.standins", "jkeras.random"),
    "regularizers": ("jkeras.regularizers", f"{HERE}.renamed"),
    "saving": ("jkeras.saving",),
    "testing": (f"{HERE}.case",),
    "utils": ("jkeras.utils",),
}
"""Where the names of `keras.<family>`, and of every module below it, are looked up, in order."""


class Alias(types.ModuleType):
    """A module of the made-up `keras`: its names are looked up in other modules."""

    def __init__(self, name: str, sources: Sequence[str]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # so that modules below it are looked for
        self._sources = sources

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        for source in self._sources:
            try:
                return getattr(importlib.import_module(source), name)
            except (AttributeError, ModuleNotFoundError):
                continue
        raise AttributeError(f"jkeras has no {self.__name__}.{name}")


class Root(Alias):
    """`keras` and `keras.src`: the families, then what jkeras has under its own name."""

    def __getattr__(self, name: str) -> Any:
        if name in FAMILIES:
            return importlib.import_module(f"keras.src.{name}")
        return super().__getattr__(name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `import keras...`, and `import conftest`, which Keras's tests take marks from.

    Args:
      folder: `keras/src`: only modules that Keras has exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for the names that are made up, None for all others."""
        del path, target
        if fullname.split(".")[0] not in ("keras", "conftest"):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """The module for a spec; `ModuleNotFoundError` for families that are not aliased."""
        parts = [part for part in spec.name.split(".") if part not in ("keras", "src")]
        if not parts:
            return Root(spec.name, ("jkeras",))
        if parts == ["conftest"]:
            return Alias(spec.name, (f"{HERE}.standins",))
        path = self.folder.joinpath(*parts)
        if parts[0] not in FAMILIES or not (path.is_dir() or path.with_suffix(".py").exists()):
            raise ModuleNotFoundError(f"{spec.name} has no counterpart here", name=spec.name)
        return Alias(spec.name, FAMILIES[parts[0]])

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run: the module looks everything up."""


def install(folder: Path) -> None:
    """From now on `import keras` gives the made-up package in this process.

    Args:
      folder: of `keras_folder`.
    """
    sys.meta_path.insert(0, Finder(folder))


def keras_folder() -> Path | None:
    """The folder `keras/src` of the installed Keras, found without importing it; None for none."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "src"


def module_of(folder: Path, file: str) -> types.ModuleType:
    """Keras's test file as a module, under the name it has in Keras.

    Args:
      folder: of `keras_folder`.
      file: the path in it: "losses/loss_test.py".
    """
    name = "keras.src." + file.removesuffix(".py").replace("/", ".")
    module = types.ModuleType(name)
    sys.modules[name] = module  # where pickle looks for the classes that a test defines
    source = (folder / file).read_text(encoding="utf-8")
    exec(compile(source, str(folder / file), "exec"), module.__dict__)
    return module
