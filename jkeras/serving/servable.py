"""`Servable`: a model as the server runs it, on arrays with any number of examples.

Laws: examples of different requests run together only where they do not change one another, which
is tried when the server starts; batches have few sizes, filled up with copies of the last example,
so that the number of requests never makes a program compile.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.export import Inference, load_exported
from jkeras.trainer.files.exporting import inference_of
from jkeras.trainer.loop.parts import is_trainer, parts_of
from jkeras.trainer.model_files import load_model

MODEL_ENDINGS = (".keras",)
"""The endings of whole models; other files hold exported ones."""

Arrays = Sequence[np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class _Opened(Inference):
    """An exported file as an `Inference`."""

    run: Callable[..., Any] = tuple

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        found = self.run(*arrays)
        return tuple(found.values()) if isinstance(found, dict) else (found,)


def load_servable(model: Any, name: str | None = None) -> Servable:
    """A model to serve.

    Args:
      model: a trainer, built; the path of a `.keras` file, which runs no code from it; the path of
        an exported file; or a `Servable`.
      name: under which it is asked for; the file's or the model's own when left out.

    Raises:
      FileNotFoundError: there is no such file.
      TypeError: it is none of these.
      ValueError: the file is damaged, or the model draws random numbers or carries a state.
    """
    if isinstance(model, Servable):
        model.name = checked_name(name or model.name)
        return model
    if isinstance(model, str | os.PathLike):
        path = pathlib.Path(model)
        name = checked_name(name or path.name.partition(".")[0])
        if path.suffix in MODEL_ENDINGS or path.is_dir():
            model = load_model(path, compile=False)
        else:
            opened = load_exported(path)
            nothing: dict[str, Any] = {"net": None, "params": {}, "state": {}, "structure": None}
            return Servable(
                _Opened(name, inputs=opened.inputs, outputs=opened.outputs, run=opened, **nothing)
            )
    if not is_trainer(model):
        raise WrongTypeError(
            f"serve: expected a model, or the path of a file, got {describe(model)}."
        )
    inference = inference_of(parts_of(model).state)
    return Servable(dataclasses.replace(inference, name=checked_name(name or inference.name)))


def checked_name(name: str) -> str:
    """A name that can stand in an address.

    Raises:
      ValueError: it cannot.
    """
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise value_error(
            who="serve",
            expected="a name of letters, digits, '_', '-' and '.'",
            got=repr(name),
            fix="Give one: in the shell NAME=FILE.",
        )
    return name


class Servable:
    """A model that is served.

    Args:
      inference: the model.

    Attributes:
      name: under which it is asked for.
      ready: whether its programs are compiled.
      together: whether examples of several requests may run together.
    """

    def __init__(self, inference: Inference) -> None:
        self.inference, self.name = inference, inference.name
        self.inputs, self.outputs = inference.inputs, inference.outputs
        self.ready = False
        firsts = [spec.shape[:1] for spec in (*self.inputs, *self.outputs)]
        self.has_rows = firsts[0] != () and all(first == firsts[0] for first in firsts)
        size = firsts[0][0] if self.has_rows else None
        self.rows = size if isinstance(size, int) else None
        self.together = self.has_rows and self.rows is None
        self._shapes: set[Any] = set()
        self._lock = threading.Lock()

    @property
    def who(self) -> str:
        """How messages name the model."""
        return f"model {self.name!r}"

    def sizes(self, max_batch: int) -> list[int]:
        """The sizes of batches: powers of two, and the largest."""
        if self.rows is not None:
            return [self.rows]
        powers = (2**n for n in range(max_batch.bit_length()))
        return [*(n for n in powers if n < max_batch), max_batch]

    def warm_up(self, max_batch: int) -> None:
        """Compiles the programs for all sizes of batches, and finds out whether examples change one
        another.
        """
        axes = self.inference.open_axes
        if len(axes) > 1 or not self.has_rows:
            self.together = self.together and self._are_apart(dict.fromkeys(axes[1:], 16))
            self.ready = True
            return
        self.together = self.together and self._are_apart({})
        if self.together or self.rows is not None:
            for rows in self.sizes(max_batch):
                self._run(self.inference.example(dict.fromkeys(axes, rows)))
        self.ready = True

    def _are_apart(self, others: dict[str, int]) -> bool:
        """Whether an example has the same outputs beside other examples."""
        sizes = {self.inference.open_axes[0]: 4, **others}
        first, second = (self.inference.example(sizes, seed) for seed in (0, 1))
        mixed = [np.concatenate([a[:1], b[1:]]) for a, b in zip(first, second, strict=True)]
        try:
            pairs = zip(self._run(first), self._run(mixed), strict=True)
            return all(np.allclose(a[0], b[0], rtol=1e-4, atol=1e-5) for a, b in pairs)
        except (TypeError, ValueError):
            return False

    def check_shapes(self, arrays: Arrays, max_shapes: int) -> Any:
        """The shapes of an example, which say what may run together.

        Raises:
          ValueError: more shapes than the server compiles programs for.
        """
        start = 1 if self.together or self.rows is not None else 0
        shapes = tuple(array.shape[start:] for array in arrays)
        with self._lock:
            if shapes not in self._shapes and len(self._shapes) >= max_shapes:
                raise value_error(
                    who=self.who,
                    expected=f"an example of one of the {max_shapes} shapes that were there before",
                    got=", ".join(map(str, shapes)),
                    fix="Pad examples to a few lengths.",
                )
            self._shapes.add(shapes)
        return shapes

    def predict(self, arrays: Arrays, max_batch: int) -> list[np.ndarray]:
        """The outputs for any number of examples, batch by batch.

        Args:
          arrays: the inputs in order, in their dtypes, of one length.
          max_batch: the largest batch.
        """
        if not self.together and self.rows is None:
            return self._run(arrays)
        count, sizes = len(arrays[0]), self.sizes(max_batch)
        if not count:
            return [np.zeros((0,), spec.dtype) for spec in self.outputs]
        parts = []
        for start in range(0, count, sizes[-1]):
            rows = min(sizes[-1], count - start)
            size = next(n for n in sizes if n >= rows)
            filled = [_filled(array[start : start + rows], size) for array in arrays]
            parts.append([output[:rows] for output in self._run(filled)])
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _run(self, arrays: Arrays) -> list[np.ndarray]:
        return [np.asarray(output) for output in jax.device_get(self.inference(*arrays))]


def _filled(array: np.ndarray, size: int) -> np.ndarray:
    """An array with copies of its last row at the end."""
    missing = size - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array
