"""Exported files as functions of NumPy arrays, whatever their format.

    model = jkeras.load_exported("digits.onnx")
    model.inputs                       # names, shapes, dtypes
    model(images), model(image=images), model({"image": images})
    model.predict(many_images, batch_size=256)

Each format has a function `load(path)` that opens a file in the format's own runtime and returns a
`Program`.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jkeras.core.errors import MissingFileError, nearest, type_error, value_error
from jkeras.core.trees import Tree
from jkeras.export.inference import TensorSpec

LOADERS = {
    ".onnx": "jkeras.export.onnx.runtime",
    ".tflite": "jkeras.export.litert",
}
"""The modules by ending; others hold StableHLO. Each has `load(path)`."""

BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True)
class Program:
    """What a runtime makes of a file.

    Attributes:
      inputs, outputs: the arrays it takes and gives, in order.
      platforms: what it runs on: "cpu", "cuda", "rocm", "tpu".
      run: the outputs for inputs, which have these dtypes, and shapes that fit.
      about: what else the file says, such as the versions that wrote it.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    platforms: tuple[str, ...]
    run: Callable[[list[np.ndarray]], Sequence[Any]]
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def load_exported(path: str | os.PathLike[str]) -> ExportedModel:
    """Opens a file that `model.export` wrote: StableHLO, or `.onnx` and `.tflite`, which other
    programs write, too.

    Args:
      path: of the file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is damaged, no exported model, or newer than the packages here.
      ImportError: the format's runtime is missing; the message names it.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "none"
        raise MissingFileError(f"load_exported: expected a file at {str(path)!r}, got {what}.")
    if path.suffix in (".keras", ".h5", ".hdf5"):
        raise value_error(
            who=f"load_exported: {str(path)!r}",
            expected="a file that `model.export` wrote",
            got="one that `model.save` wrote",
            fix="jkeras.models.load_model reads it.",
        )
    module = importlib.import_module(LOADERS.get(path.suffix, "jkeras.export.stablehlo"))
    return ExportedModel(path.name, module.load(path))


class ExportedModel:
    """A model from an exported file.

    Attributes:
      name: of the file.
      inputs, outputs: the name, shape and dtype of each array that it takes and gives, in order.
      platforms: what it runs on.
      about: what else the file says, such as the versions that wrote it.
    """

    def __init__(self, name: str, program: Program) -> None:
        self.name, self._program = name, program
        self.inputs, self.outputs = program.inputs, program.outputs
        self.platforms, self.about = program.platforms, program.about

    def __repr__(self) -> str:
        inputs, outputs = (
            ", ".join(f"{s.name}: {s.dtype}{_shown(s.shape)}" for s in specs)
            for specs in (self.inputs, self.outputs)
        )
        return f"<ExportedModel {self.name!r}: {inputs} -> {outputs}>"

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """The outputs for one batch.

        Args:
          *arrays: the inputs in order, or one dict of them.
          **named: or by their names.

        Returns:
          An array; for several outputs a dict of arrays by name.

        Raises:
          TypeError, ValueError: an input is missing, or has another shape or dtype.
        """
        return self._arranged(self._program.run(self._checked(arrays, named)))

    def predict(self, x: Tree, batch_size: int | None = None) -> Any:
        """The outputs for many examples, batch by batch.

        Args:
          x: an array, or a list or dict of them.
          batch_size: 32 when left out; where the file has a fixed one, that.

        Returns:
          An array; for several outputs a dict of arrays by name.
        """
        several = isinstance(x, list | tuple) and (
            len(self.inputs) > 1 or (len(x) == 1 and hasattr(x[0], "shape"))
        )
        arrays = self._checked(tuple(x) if several else (x,), {}, rows=True)
        counts = {len(array) for array in arrays}
        if len(counts) != 1 or counts == {0}:
            got = ", ".join(str(len(array)) for array in arrays)
            raise value_error(who=self._who, expected="inputs of one length above 0", got=got)
        (count,) = counts
        fixed = self.inputs[0].shape[0]
        size = fixed if isinstance(fixed, int) else batch_size or BATCH_SIZE
        if isinstance(fixed, int) and (count % fixed or batch_size not in (None, fixed)):
            raise value_error(
                who=self._who,
                expected=f"a multiple of {fixed} examples in batches of {fixed}, as in the file",
                got=f"{count} examples, batch_size={batch_size}",
                fix="Export with an open first axis: input_signature=[(None, ...)].",
            )
        starts = range(0, max(count, 1), size)
        parts = [self._program.run([a[i : i + size] for a in arrays]) for i in starts]
        return self._arranged([np.concatenate(each) for each in zip(*parts, strict=True)])

    @property
    def _who(self) -> str:
        return f"ExportedModel {self.name!r}"

    def _arranged(self, outputs: Sequence[Any]) -> Any:
        arrays = [np.asarray(output) for output in outputs]
        names = [spec.name for spec in self.outputs]
        return arrays[0] if len(arrays) == 1 else dict(zip(names, arrays, strict=True))

    def _checked(
        self, arrays: tuple[Any, ...], named: Mapping[str, Any], rows: bool = False
    ) -> list[np.ndarray]:
        """The inputs in order, in their dtypes; with `rows` of any number of examples."""
        if len(arrays) == 1 and isinstance(arrays[0], dict) and not named:
            return self._checked((), arrays[0], rows)
        names = [spec.name for spec in self.inputs]
        listed = f"{len(names)} input{'s' if len(names) > 1 else ''} ({', '.join(names)})"
        for name in named:
            if name not in names:
                fix = nearest(name, names).strip()
                raise value_error(who=self._who, expected=listed, got=repr(name), fix=fix)
        given = dict(zip(names, arrays, strict=False)) | dict(named)
        if len(arrays) + len(named) != len(names) or len(given) != len(names):
            got = ", ".join(given) if named else len(arrays)
            raise value_error(who=self._who, expected=listed, got=got or "none")
        sizes: dict[str, int] = {}
        return [self._fitting(spec, given[spec.name], sizes, rows) for spec in self.inputs]

    def _fitting(
        self, spec: TensorSpec, value: ArrayLike, sizes: dict[str, int], rows: bool
    ) -> np.ndarray:
        array, dtype = np.asarray(value), jnp.dtype(spec.dtype)
        if array.dtype != dtype and not _converts(array, dtype):
            raise type_error(
                who=self._who,
                argument=spec.name,
                expected=spec.dtype,
                got=array.dtype.name,
                fix=f"Convert it: {spec.name}.astype({spec.dtype!r}).",
            )
        fits = array.ndim == len(spec.shape)
        for axis, (n, size) in enumerate(zip(spec.shape, array.shape, strict=False)):
            if not (rows and axis == 0):
                fits = fits and self._is_size(n, size, sizes)
        if not fits:
            expected = f"an array of shape {_shown(spec.shape)}"
            others = {n: size for n, size in sizes.items() if n in spec.shape and array.ndim > 1}
            said = [f"{n} is {s}" for n, s in others.items()]
            said += [f"{n} is at least {s}" for n, s in self._least.items() if n in expected]
            fix = f"Here {', '.join(said)}." if said else ""
            raise value_error(
                who=self._who, argument=spec.name, expected=expected, got=array.shape, fix=fix
            )
        return array.astype(dtype, copy=False)

    @property
    def _least(self) -> Mapping[str, int]:
        """The least sizes of open axes, where 1 is too small."""
        least: Mapping[str, int] = self.about.get("least", {})
        return least

    def _is_size(self, axis: int | str, size: int, sizes: dict[str, int]) -> bool:
        """Whether an axis may have a size; notes that of an open one."""
        if isinstance(axis, int):
            return axis == size
        factor, _, name = axis.rpartition("*")
        if not (name.isidentifier() and (factor or "1").isdigit()):
            return True  # the runtime knows
        number, rest = divmod(size, int(factor or 1))
        fits = sizes.setdefault(name, number) == number and not rest
        return fits and number >= max(self._least.get(name, 1), 1)


def _shown(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _converts(array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether the numbers of an array keep their meaning: floats as floats, and integers as floats
    or as integers that hold them all.
    """
    if array.dtype == bool or jnp.issubdtype(dtype, jnp.floating):
        return bool(array.dtype.kind in "biuf" or jnp.issubdtype(array.dtype, jnp.floating))
    if not (array.dtype.kind in "iu" and jnp.issubdtype(dtype, jnp.integer)):
        return False
    bounds = jnp.iinfo(dtype)
    return not array.size or bool(bounds.min <= array.min() and array.max() <= bounds.max)
