"""`Sequential`: layers in a row, with everything a Trainer does."""

from __future__ import annotations

import contextlib
import functools
import operator
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import jax

from jkeras.core.errors import WrongTypeError, describe, named_arguments, said_by
from jkeras.core.layer import Layer
from jkeras.core.symbols import Node
from jkeras.core.tracebacks import api_boundary
from jkeras.keras_classes.subclassed_model import check_no_call
from jkeras.models.adapters import adapted, all_adapted
from jkeras.models.chain import Chain, instead_of, output_specs, sequence_config
from jkeras.models.cloning import CloneOptions, given_inputs, replaced_layers
from jkeras.models.graph import Graph
from jkeras.trainer.files.configurations import read_parts
from jkeras.trainer.model import Model, steps_of
from jkeras.trainer.state import freezing, shape_inference
from jkeras.trainer.state.specs import as_layer, declared_inputs, is_input, spec_of_input
from jkeras.training.state import TrainState


class Sequential(Model):
    """A model whose layers run one after the other.

    Args:
      layers: the layers, in order. They can be added later, too. With an `Input` in front (or an
        `input_shape` on the first layer) the weights exist at once, else from the first data on.
      name: shown in the summary.
      seed: as for `Trainer`.

    Raises:
      TypeError: something else than a layer is in the list; the message gives its position.
      ValueError: a layer does not fit behind those before it; known at once with an `Input` in
        front.

    Example:
      >>> from jkeras.layers import Dense, Input
      >>> model = Sequential([Input((4,)), Dense(8, activation="relu"), Dense(1)], seed=0)
      >>> model.count_params(), [layer.name for layer in model.layers]
      (49, ['dense', 'dense_1'])

    Source: `keras.Sequential`.
    """

    @named_arguments
    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        *,
        name: str | None = None,
        seed: int | None = None,
    ) -> None:
        check_no_call(self)
        self._hold(Chain(()), steps_of(self), seed=seed, name=name)
        if layers is not None:
            listed = list(layers) if isinstance(layers, Iterable) else [layers]
            self._set(all_adapted(as_layer(layer) for layer in listed))

    @api_boundary
    def add(self, layer: object) -> None:
        """Appends a layer. Weights that exist stay; the new layer's are made when they are needed.

        Raises:
          TypeError: it is not a layer.
          ValueError: it does not fit behind the others, as far as shapes are known.
        """
        given, who = self._as_given(), self._trainer_parts.state.who
        layer = adapted(as_layer(layer), given)
        if not isinstance(layer, Layer):
            fix = instead_of(layer)
            raise WrongTypeError(f"{who}: add: expected a layer, got {describe(layer)}. {fix}")
        if given and is_input(given[0]) and is_input(layer):
            raise ValueError(
                f"{who}: add: expected one Input, at the front, got a second one: {layer!r}. Leave "
                "it out, or begin a new Sequential."
            )
        self._set([*given, layer])

    def pop(self) -> Layer:
        """Removes the last layer and returns it.

        Raises:
          ValueError: there is none.
        """
        given, state = self._as_given(), self._trainer_parts.state
        if not given:
            raise ValueError(f"{state.who}: pop: expected at least one layer, got none.")
        last: Layer = state.net.layers[-1]
        self._set(given[:-1])
        return last

    def get_config(self) -> dict[str, Any]:
        """The layers and the name, and the shape of the inputs where no layer tells it."""
        state = self._trainer_parts.state
        config = sequence_config(state.net, state.name)
        specs = state.specs or ()
        if len(specs) == 1 and hasattr(specs[0], "shape") and not is_input(state.net.layers[0]):
            config["build_input_shape"] = tuple(specs[0].shape)
        return config

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A model of these layers with fresh weights; arguments and errors as for
        `Model.from_config`.
        """
        parts = read_parts(cls, config, ("layers",), custom_objects)
        model = cls(parts["layers"], name=parts.get("name"))
        if not model.built and parts.get("build_input_shape"):
            model.build(tuple(parts["build_input_shape"]))
        if parts.get("trainable") is False:
            model.trainable = False
        return model

    def cloned(self, options: CloneOptions) -> Any:
        """A model of clones of these layers, with fresh weights; as `Model.cloned`."""
        state = self._trainer_parts.state
        options.check_plain(state.who, call_fn="because a Sequential has no calls of layers")
        layers = replaced_layers(state.net, options)
        if options.inputs is not None:
            layers = [layer for layer in layers if not is_input(layer)]
            layers[:0] = given_inputs("input", options.inputs)
        return Sequential(layers, name=state.name)

    def _as_given(self) -> list[Layer]:
        """The user's own layers; the description's, where it was replaced since."""
        net, layers = self._trainer_parts.given
        current = self._trainer_parts.state.net
        return layers if net is current else list(current.layers)

    def _set(self, layers: list[Layer]) -> None:
        """Takes these layers, and keeps the values of those that have some already.

        When a layer does not fit behind the others, the model stays as it was.
        """
        parts, state = self._trainer_parts, self._trainer_parts.state
        before = (state.net, parts.given, state.values, state.specs)
        try:
            net = Chain(tuple(layers))
        except (TypeError, ValueError) as error:
            raise said_by(error, state.who, known_as=["Chain"]) from None
        if state.values is None:
            self._infer_shapes(net, layers)
        freezing.carry_over(state.net, net)
        pairs = zip(self._as_given(), state.net.layers, strict=True)
        names = {id(given): str(layer.name) for given, layer in pairs}
        state.net, parts.given = net, (net, layers)
        if not layers:
            state.values = state.specs = None
        if state.values is None or state.specs is None:
            return
        try:
            old, state.values = state.values, None
            state.build(*state.specs)
            self._take_over(old, names)
        except BaseException:
            state.net, parts.given, state.values, state.specs = before
            raise

    def _infer_shapes(self, net: Chain, layers: list[Layer]) -> None:
        """Raises where a layer does not fit behind those before it, if the first one tells the
        shape of the inputs. Nothing is computed, and of layers that were added only these are
        looked at. A layer that reads values, as `run_eagerly` allows, is left for later.
        """
        parts, inputs = self._trainer_parts, declared_inputs(net)
        before, specs = parts.inferred
        parts.inferred = [], None
        if not inputs:
            return
        new = net.layers[len(before) :]
        try:
            if specs is not None and all(map(operator.is_, before, layers)) and new:
                with contextlib.suppress(TypeError, ValueError):  # the size of an axis was a guess
                    parts.inferred = layers, output_specs(new, specs)
                    return
            known = [spec_of_input(value, parts.state.who) for value in inputs]
            parts.inferred = layers, shape_inference.outputs_of_layers(net.layers, known)
        except (TypeError, ValueError) as error:
            if not isinstance(error.__cause__, jax.errors.JAXTypeError):
                raise

    def _take_over(self, old: TrainState, names: dict[int, str]) -> None:
        """Puts the values of layers that were there before, under the names they had, in place."""
        state = self._trainer_parts.state
        values = state.need_values()
        params, carried = dict(values.params), dict(values.state)
        for given, layer in zip(self._as_given(), state.net.layers, strict=True):
            for new, had in ((params, old.params), (carried, old.state)):
                if layer.name in new and names.get(id(given)) in had:
                    new[str(layer.name)] = had[names[id(given)]]
        state.values = values.replace(params=params, state=carried)

    @property
    def layers(self) -> list[Any]:
        """The layers, without inputs, under the names they have in this model."""
        found = [layer for layer in self._trainer_parts.state.net.layers if not is_input(layer)]
        model = weakref.ref(self)
        for layer in found:
            calls_fn = functools.partial(_calls, model, str(layer.name))
            object.__setattr__(layer, "_calls", calls_fn)
        return found

    def graph(self) -> Graph:
        """The layers in a row as a graph, made at the first call."""
        return self._trainer_parts.state.graph()


def _calls(model: Callable[[], Any], name: str) -> list[Node]:
    """The calls of a layer in a model, if that is still there."""
    owner = model()
    layers = owner.graph().layers if owner is not None else ()
    return next((vars(layer)["_calls"] for layer in layers if layer.name == name), [])
