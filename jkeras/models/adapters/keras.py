"""A model or layer made with Keras, on its JAX backend, as a layer.

`params` are its trainable variables, `state` all others (moving statistics, the states of the seed
generators, metrics of layers), both under Keras's paths. The Keras object keeps its own values,
which are the first ones here, until `write_back` puts others in; one without weights is built for
the inputs that come. Keras is imported by who hands such an object over, never by this package.

Random numbers come from Keras's seed generators, as in Keras's own `fit`: their states are part of
`state`, so that a run that is continued draws on. What the layers add to the loss (`add_loss`,
regularizers of weights and of outputs) is in the new state, as of every layer. Masks go in and out.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import operator
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import naming, trees
from jkeras.core.errors import value_error
from jkeras.core.keys import Key
from jkeras.core.layer import ACTIVITY_LOSS, Params, State, option
from jkeras.core.parts import at, layers_by_path
from jkeras.core.tracing import outside_of_traces
from jkeras.core.variables import lenient
from jkeras.models.adapters.foreign import (
    Foreign,
    ModuleCall,
    ModuleSource,
    parameters_of,
    zeros_of,
)


class _Source(ModuleSource):
    """A Keras object, and the names of its values, which stay though its variables are renamed:
    Keras numbers layers by the process.
    """

    __slots__ = ()

    def __init__(self, value: Any, parts: Any = None) -> None:
        super().__init__(value, parts, _Source)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Source, (self.value, self.parts)


def _on_jax(value: object) -> Any:
    if isinstance(value, _Source):
        return value
    backend = sys.modules["keras"].backend.backend()
    if backend != "jax":
        raise ValueError(
            f"expected Keras on its JAX backend, got {backend!r}. Set KERAS_BACKEND=jax in the "
            "environment before Keras is imported."
        )
    if isinstance(value, type):
        raise ValueError(f"expected a model or layer, got the class {value.__name__}.")
    return _Source(value)


class Keras(Foreign):
    """A model or layer of Keras as a layer.

    Args:
      module: the model or layer.

    Several inputs go to a model as a list, to a layer side by side where its `call` names several.

    Source: `keras.Layer.stateless_call`.
    """

    library: ClassVar[str] = "Keras"
    state_advice: ClassVar[str] = (
        "The model changed: as_layer takes it as it is, so set `trainable` and add layers before."
    )

    module: Any = option(convert=_on_jax)

    shown_as = Foreign.shown_as

    @property
    def kind(self) -> Any:
        return type(self.module.value)

    @property
    def brings_values(self) -> bool:
        return bool(self.module.value.built)

    @property
    def makes_masks(self) -> bool:  # type: ignore[override]  # they go through `apply_with_mask`
        return True

    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return parameters_of(self.module.value.call)

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        """The values that the Keras object has; it is built where it has none."""
        del key
        with self.noting_errors(inputs), outside_of_traces(), lenient():
            if not self.module.value.built:
                self.module.value(*self._arguments(zeros_of(inputs)))
        names = _Names(self.module)
        params, state = names.to_dicts(
            *([jnp.array(variable.value) for variable in part] for part in names.lists)
        )
        return params, {**state, ACTIVITY_LOSS: jnp.zeros((), trees.widest_float())}

    def apply_with_mask(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        masks: tuple[Any, ...] = (),
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State, Any]:
        """As `apply`, with the masks of the inputs and of the outputs."""
        both, new = self.apply(params, state, *inputs, key=key, training=training, mask=masks or ())
        outputs, masks = both
        return outputs, new, masks

    def run(self, params: Params, state: State, call: ModuleCall) -> tuple[Any, State]:
        names = _Names(self.module)
        trained, others = names.to_lists(params, state)
        training = call.training and self.trainable
        flags = {"training": training} if self._takes_training else {}
        for value, mask in zip(call.inputs, call.kwargs.get("mask", ()), strict=False):
            if mask is not None:
                jax.tree.map(_masking().set_keras_mask, value, mask)
        with self.noting_errors(call.inputs), lenient():
            outputs, others, losses = self.module.value.stateless_call(
                trained, others, *self._arguments(call.inputs), return_losses=True, **flags
            )
        new = names.to_dicts(trained, others)[1] if self.trainable else dict(state)
        added = sum(map(jnp.sum, losses), start=jnp.zeros((), trees.widest_float()))
        outputs = tuple(outputs) if isinstance(outputs, list) else outputs
        if "mask" in call.kwargs:
            outputs = outputs, jax.tree.map(_masking().get_keras_mask, outputs)
        return outputs, {**new, ACTIVITY_LOSS: jnp.asarray(added, trees.widest_float())}

    @property
    def _takes_training(self) -> bool:
        taken = self.parameters()
        return "training" in taken or any(p.kind is p.VAR_KEYWORD for p in taken.values())

    def _arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs as Keras's `call` takes them."""
        taken = self.parameters().values()
        side_by_side = [p for p in taken if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
        if len(inputs) == 1 or len(side_by_side) >= len(inputs):
            return inputs
        return (list(inputs),)

    def restored(self, params: Params, state: State) -> Any:
        """The Keras object, into which these values are written."""
        names = _Names(self.module)
        for variables, values in zip(names.lists, names.to_lists(params, state), strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(np.asarray(value))
        return self.module.value

    def get_config(self) -> NoReturn:
        """Keras writes its models itself.

        Raises:
          ValueError: always; the message shows what to do.
        """
        raise value_error(
            "Keras saves its models itself: jkeras.models.write_back(model).save('model.keras'), "
            "where `model` is the trained one.",
            who=self.who,
        )


class _Names:
    """The variables of a Keras object, and the paths of their values in nested dicts."""

    def __init__(self, source: ModuleSource) -> None:
        module = source.value
        self.lists = [list(module.trainable_variables), list(module.non_trainable_variables)]
        if source.parts is None:
            source.parts = [_paths(variables) for variables in self.lists]
        self._paths = source.parts

    def to_dicts(self, trained: Sequence[Any], others: Sequence[Any]) -> tuple[Params, State]:
        """Params and state of the values of both lists."""
        params, state = map(_nested, self._paths, (trained, others))
        return params, state

    def to_lists(self, params: Params, state: State) -> tuple[list[Any], list[Any]]:
        """The values of both lists.

        Raises:
          KeyError: the object has other variables than when the values were made.
        """
        trained, others = (
            [functools.reduce(operator.getitem, path, nested) for path in paths]
            for paths, nested in zip(self._paths, (params, state), strict=True)
        )
        return trained, others


def _paths(variables: Sequence[Any]) -> list[tuple[str, ...]]:
    """The words of each variable's path in Keras, the later ones of a path numbered."""
    taken: list[str] = []
    for variable in variables:
        path = re.sub(r"seed_generator_\d+", "seed_generator", variable.path)
        taken.append(naming.unique(path, taken))
    return [tuple(path.split("/")) for path in taken]


def _nested(paths: Sequence[tuple[str, ...]], values: Sequence[Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        part = nested
        for word in path[:-1]:
            part = part.setdefault(word, {})
        part[path[-1]] = value
    return nested


def _masking() -> Any:
    return importlib.import_module("keras.src.backend.common.masking")


def write_back(model: Any) -> Any:
    """Writes the values of a trained model into the Keras models that it was made of.

    Args:
      model: a trainer of a Keras model, or of a chain or graph with Keras models in it.

    Returns:
      The Keras model, with the trained weights and statistics, to save or to use in Keras; a list
      of them where there are several.

    Raises:
      ValueError: no layer of the model comes from Keras.

    Example:
      >>> import jkeras
      >>> from jkeras.models import write_back
      >>> write_back(jkeras.Sequential([jkeras.layers.Dense(1)]))  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ValueError: write_back: expected a model with a layer made by Keras...
    """
    found = {path: x for path, x in layers_by_path(model.net).items() if isinstance(x, Keras)}
    if not found:
        raise value_error(
            who="write_back", expected="a model with a layer made by Keras", got=repr(model)
        )
    written = [x.restored(at(model.params, p), at(model.state, p)) for p, x in found.items()]
    return written[0] if len(written) == 1 else written
