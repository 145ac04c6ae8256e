"""Names that the tests of models, trainers, callbacks and saving set themselves up with.

`JAXTrainer`, which Keras's tests mix with a layer to get a model, gives subclasses of
`jkeras.Model` here: what such a model does is all jkeras's own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import types
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

import jkeras
from jkeras.trainer.compile_mixin import CompileMixin
from jkeras.utils import to_categorical

__all__ = ["to_categorical"]

Functional = jkeras.Model
KerasTensor = jkeras.KerasTensor
SUPPORTS_SPARSE_TENSORS = SUPPORTS_RAGGED_TENSORS = True


# -- models made of a trainer and a layer


class _TrainerType(type):
    """Makes a `jkeras.Model` of a class whose bases are `JAXTrainer` and a layer."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        layers = [base for base in bases if not isinstance(base, _TrainerType)]
        if not layers:
            return super().__new__(mcs, name, bases, namespace)
        if "call" not in namespace:
            namespace = {**namespace, "call": _call}
        _let_models_call_init(layers[0])
        return types.new_class(name, (jkeras.Model,), {}, lambda body: body.update(namespace))


class JAXTrainer(metaclass=_TrainerType):
    """Keras's `JAXTrainer`: `JAXTrainer.__init__(model)` begins a model, if nothing else has."""

    def __init__(self: Any) -> None:
        _begin(self)


def _call(self: Any, x: Any) -> Any:
    return self.own_layer(x)


def _begin(model: Any, **kwargs: Any) -> None:
    if "_trainer_parts" not in vars(model):
        jkeras.Model.__init__(model, **kwargs)


def _let_models_call_init(layer: Any) -> None:
    """Lets `Dense.__init__(model, units=3)` give a model the layer that its `call` calls."""
    if getattr(layer.__init__, "calls_models", False):
        return
    init = layer.__init__

    def either_init(self: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(self, jkeras.Model):
            init(self, *args, **kwargs)
            return
        name = {key: kwargs.pop(key) for key in ("name",) if key in kwargs}
        _begin(self, **name, **{key: kwargs[key] for key in ("dtype",) if key in kwargs})
        if layer is not jkeras.layers.Layer:
            self.own_layer = layer(*args, **kwargs)

    either_init.calls_models = True  # type: ignore[attr-defined]  # a mark on a function
    layer.__init__ = either_init


def in_symbolic_scope() -> bool:
    """Whether Keras traces shapes: the tests then check less."""
    return False


# -- files and data


join, exists, copy, File = os.path.join, os.path.exists, shutil.copy, open


def is_remote_path(path: Any) -> bool:
    """Whether a path is that of a file elsewhere."""
    return "://" in str(path)


@contextlib.contextmanager
def device(name: str) -> Iterator[None]:
    """Places the arrays that are made inside on a device: "cpu:0"."""
    kind, _, number = name.partition(":")
    with jax.default_device(jax.devices(kind)[int(number or 0)]):
        yield


def get_test_data(
    train_samples: int,
    test_samples: int,
    input_shape: tuple[int, ...],
    num_classes: int,
    random_seed: int | None = None,
) -> Any:
    """Examples around one random centre for each class: ((x, y), (x, y)), training and test."""
    rng = np.random.default_rng(random_seed)
    centres = 2 * num_classes * rng.random((num_classes, *input_shape))

    def part(count: int) -> Any:
        y = rng.permutation(np.arange(count) % num_classes)
        noise = rng.normal(size=(count, *input_shape))
        return (centres[y] + noise).astype(np.float32), y

    return part(train_samples), part(test_samples)


# -- private methods of Keras's layers


def _flatten_layers(self: Any, include_self: bool = True, recursive: bool = True) -> list[Any]:
    """A model or layer and all layers in it, by jkeras's own lists of layers and its attributes."""
    found = [self] if include_self else []
    held = [part for part in vars(self).values() if isinstance(part, jkeras.layers.Layer)]
    listed = list(getattr(self, "layers", ()))
    for layer in [*listed, *(part for part in held if part not in listed)]:
        found += _flatten_layers(layer) if recursive else [layer]
    return found


def _variable_map(self: Any) -> dict[str, Any]:
    """The variables of a model and its optimizer by path."""
    listed = [*self.variables, *self.optimizer.variables]
    return {variable.path: variable for variable in listed}


# -- errors of `compile`, which Keras's tests expect of `fit`


def _errors_in_fit(compiler: Any, trainer: Any) -> None:
    """Has `fit` raise what `compile` raises here already: that no output has a name."""
    compile_fn, fit = compiler.compile, trainer.fit

    def late_compile(self: Any, *args: Any, **kwargs: Any) -> None:
        vars(self).pop("late_error", None)
        try:
            compile_fn(self, *args, **kwargs)
        except ValueError as error:
            if "no output is named" not in str(error):
                raise
            vars(self)["late_error"] = error

    def late_fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "late_error" in vars(self):
            raise vars(self)["late_error"]
        return fit(self, *args, **kwargs)

    compiler.compile, trainer.fit = late_compile, late_fit


def give_private_names() -> None:
    """Gives the classes what Keras's tests read of theirs; in a process that runs these alone."""
    _errors_in_fit(CompileMixin, jkeras.Trainer)
    model: Any = jkeras.Model
    model._flatten_layers = _flatten_layers
    model._loss_tracker = property(lambda self: self.metrics[0])
    model._compile_metrics = property(lambda self: self.metrics[1])
    model._operations = property(lambda self: self.operations)
    for face in (model, jkeras.Sequential):
        face._get_variable_map = _variable_map
    sequential: Any = jkeras.Sequential
    sequential._functional = property(
        lambda self: jkeras.Model.__new__(jkeras.Model) if self.built else None
    )
