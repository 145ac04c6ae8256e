"""A `keras` made of jkeras, so that Keras's own unit tests can be run against it.

The tests of a family are read from the installed Keras package, which itself is never imported: a
finder answers every `import keras...` with a module that looks its names up here. Laws:

  - What is judged comes from jkeras: `keras.src.losses.losses.Huber` is `jkeras.losses.Huber`.
  - What the tests only use as tools (`TestCase`, `run_layer_test`) comes from `tools` beside this
    file, or under Keras's internal names from `internals`; for the families of
    `PARTS_WITH_STANDINS`, whose tests were taken in before layers and optimizers had Keras's face,
    from `standins`, `stateful` and `case`.
  - A name that neither has is missing, and the test that wants it fails.

Installing the alias changes the whole process: `python -m tests.keras_suite` has one of its own.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.keras_suite import absent_packages

HERE = "tests.keras_suite"

PARTS: dict[str, tuple[str, ...]] = {
    part: (f"jkeras.{part}", f"{HERE}.tools", f"{HERE}.internals")
    for part in (
        "activations applications backend callbacks config constraints datasets dtype_policies "
        "export initializers layers losses metrics models ops optimizers preprocessing quantizers "
        "random regularizers saving trainers tree utils wrappers"
    ).split()
} | {
    "testing": (f"{HERE}.tools", f"{HERE}.model_tools"),
    "backend": (
        "jkeras.backend",
        *(f"{HERE}.{file}" for file in ("tools", "ops_tools", "convolution_tools", "internals")),
    ),
    "ops": ("jkeras.ops", f"{HERE}.ops_tools", f"{HERE}.tools"),
}
"""Where the names of `keras.<part>`, and of every module below it, are looked up, in order."""

for _part in ("backend", "saving", "trainers", "utils"):
    PARTS[_part] += (f"{HERE}.model_tools", f"{HERE}.data_tools")
PARTS["models"] = (f"{HERE}.model_tools", *PARTS["models"], f"{HERE}.data_tools")
PARTS["callbacks"] = (f"{HERE}.callback_tools", *PARTS["callbacks"])
PARTS["utils"] += (f"{HERE}.callback_tools", f"{HERE}.layer_tools")
PARTS["saving"] += (f"{HERE}.saving_tools",)
PARTS["quantizers"] = (f"{HERE}.layer_tools", f"{HERE}.quantizer_tools", *PARTS["quantizers"])
for _part in ("backend", "layers"):
    PARTS[_part] += (f"{HERE}.layer_tools",)
PARTS |= dict.fromkeys(("distribution", "legacy"), (f"{HERE}.absent_packages",))
PARTS["distribution"] = ("jkeras.distribution", *PARTS["distribution"])

PARTS_WITH_STANDINS: dict[str, tuple[str, ...]] = {
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
"""The same for the families whose tests hold descriptions by stand-ins for Keras's objects."""


class Alias(types.ModuleType):
    """A module of the made-up `keras`: its names are looked up in other modules."""

    def __init__(self, name: str, sources: Sequence[str], modules: Container[str] = ()) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # so that modules below it are looked for
        self._sources, self._modules = sources, modules

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._modules:
            return importlib.import_module(f"{self.__name__}.{name}")
        for source in self._sources:
            try:
                value = getattr(importlib.import_module(source), name)
            except (AttributeError, ModuleNotFoundError):
                continue
            if value is not Any:  # which modules import from `typing`
                return value
        try:
            return importlib.import_module(f"{self.__name__}.{name}")
        except ModuleNotFoundError:
            raise AttributeError(f"jkeras has no {self.__name__}.{name}") from None


class Root(Alias):
    """`keras` and `keras.src`: the parts, then what jkeras has under its own name."""

    def __init__(self, name: str, parts: Container[str]) -> None:
        super().__init__(name, ("jkeras", f"{HERE}.tools", f"{HERE}.model_tools"))
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._parts:
            return importlib.import_module(f"keras.src.{name}")
        return super().__getattr__(name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `import keras...`, and `import conftest`, which Keras's tests take marks from.

    Args:
      folder: `keras/src`: only modules that Keras has exist.
      parts: `PARTS` or `PARTS_WITH_STANDINS`.
    """

    def __init__(self, folder: Path, parts: Mapping[str, tuple[str, ...]]) -> None:
        self.folder, self.parts = folder, parts

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
            return Root(spec.name, self.parts)
        if parts == ["conftest"]:
            return Alias(spec.name, (f"{HERE}.standins",))
        if parts[-1].endswith("_test"):
            return types.ModuleType(spec.name)
        path = self.folder.joinpath(*parts)
        exists = path.is_dir() or path.with_suffix(".py").exists() or parts == ["config"]
        if parts[0] not in self.parts or not exists:
            raise ModuleNotFoundError(f"{spec.name} has no counterpart here", name=spec.name)
        sources = self.parts[parts[0]]
        if parts in (["ops"], ["dtype_policies"]):  # whose modules have the operation classes, too
            return Alias(spec.name, sources, {file.stem for file in path.glob("*.py")})
        if "bounding_boxes" in parts:  # whose functions are not among the layers
            sources = ("jkeras.utils.bounding_boxes", *sources)
        if parts == ["ops", "image"]:  # whose functions are not those of `ops`
            sources = ("jkeras.ops.image", *sources)
        return Alias(spec.name, sources)

    def exec_module(self, module: types.ModuleType) -> None:
        """Runs a test file that another one imports from; all other modules look their names up."""
        if module.__name__.endswith("_test"):
            _run_source(self.folder / _path_in_keras(module.__name__), module)


def install(folder: Path, parts: Mapping[str, tuple[str, ...]] = PARTS) -> None:
    """From now on `import keras` gives the made-up package in this process.

    Args:
      folder: of `keras_folder`.
      parts: `PARTS` or `PARTS_WITH_STANDINS`.
    """
    sys.meta_path.insert(0, Finder(folder, parts))
    for name in ("callback_tools", "model_tools"):
        importlib.import_module(f"{HERE}.{name}").give_private_names()


@functools.cache  # once the alias is installed, it is what an import of keras finds
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
    # A class of a module of Keras counts as Keras's own, which one that a test saves is not.
    is_saved = file.startswith(("callbacks/", "saving/", "utils/jax_layer"))
    package = "tests_of_keras." if is_saved else "keras.src."
    name = package + file.removesuffix(".py").replace("/", ".")
    module = types.ModuleType(name)
    sys.modules[name] = module  # where pickle looks for the classes that a test defines
    _run_source(folder / file, module)
    return module


def _path_in_keras(name: str) -> Path:
    """`layers/rnn/rnn_test.py` for `keras.src.layers.rnn.rnn_test`."""
    return Path(*name.split(".")[2:]).with_suffix(".py")


def _run_source(path: Path, module: types.ModuleType) -> None:
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    with absent_packages.importable():
        exec(code, module.__dict__)
