"""`Sequential`: layers in a row, with everything a Trainer does."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from jkeras.core.errors import describe, named_arguments
from jkeras.core.layer import Layer
from jkeras.core.symbols import Node
from jkeras.keras_classes.subclassed_model import check_alone
from jkeras.models.adapters import adapted, all_adapted
from jkeras.models.anew import anew
from jkeras.models.chain import Chain, instead_of
from jkeras.models.configs import sequence_config
from jkeras.models.graph import Graph, graph_of
from jkeras.trainer.files.configurations import read_parts
from jkeras.trainer.model import Model
from jkeras.trainer.state import freezing
from jkeras.trainer.state.specs import as_layer, is_input, spec_of_input
from jkeras.trainer.trainer import Trainer
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
        check_alone(self)
        Trainer.__init__(self, Chain(()), seed=seed, name=name)
        self._graph: tuple[Chain, Graph] | None = None
        self._given: list[Layer] = []
        if layers is not None:
            listed = list(layers) if isinstance(layers, Iterable) else [layers]
            self._set(all_adapted(as_layer(layer) for layer in listed))

    def add(self, layer: Any) -> None:
        """Appends a layer. Weights that exist stay; the new layer's are made when they are needed.

        Raises:
          TypeError: it is not a layer.
        """
        layer = adapted(as_layer(layer), self._given)
        if not isinstance(layer, Layer):
            fix = instead_of(layer)
            raise TypeError(f"{self._who}: add: expected a layer, got {describe(layer)}. {fix}")
        self._set([*self._given, layer])

    def pop(self) -> Layer:
        """Removes the last layer and returns it.

        Raises:
          ValueError: there is none.
        """
        if not self._given:
            raise ValueError(f"{self._who}: pop: expected at least one layer, got none.")
        last = self.net.layers[-1]
        self._set(self._given[:-1])
        return last

    def get_config(self) -> dict[str, Any]:
        """The layers and the name, and the shape of the inputs where no layer tells it."""
        config = sequence_config(self.net, self.name)
        specs = self._specs or ()
        if len(specs) == 1 and hasattr(specs[0], "shape") and not is_input(self.net.layers[0]):
            config["build_input_shape"] = tuple(specs[0].shape)
        return config

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A model of these layers with fresh weights.

        Args:
          config: what `get_config` gave, here or in Keras.
          custom_objects: the user's own classes and functions by name.

        Raises:
          TypeError, ValueError: a layer in it is unknown, or its arguments are not right.

        Source: `keras.Sequential.from_config`.
        """
        parts = read_parts(cls, config, ("layers",), custom_objects)
        model = cls(parts["layers"], name=parts.get("name"))
        if not model.built and parts.get("build_input_shape"):
            model.build(tuple(parts["build_input_shape"]))
        return model

    def cloned(self, clone_function: Callable[[Any], Any] | None = None) -> Any:
        """A model of the same layers, each made anew, with fresh weights.

        Args:
          clone_function: from a layer to the one that takes its place; None for its equal.
        """
        layers = anew(list(self.net.layers))
        if clone_function is not None:
            layers = [layer if is_input(layer) else clone_function(layer) for layer in layers]
        return Sequential(layers, name=self.name)

    def _set(self, layers: list[Layer]) -> None:
        """Takes these layers, and keeps the values of those that have some already.

        When a layer does not fit behind the others, the model stays as it was.
        """
        before = (self._net, self._given, self._values, self._specs, self._made)
        net = self._chain(layers)
        freezing.carried_over(self._net, net)
        names = {id(given): str(layer.name) for given, layer in self._pairs()}
        self._net, self._given, self._made = net, layers, None
        if not layers:
            self._values = self._specs = None
        if self._values is None or self._specs is None:
            return
        try:
            old, self._values = self._values, None
            self.build(*self._specs)
            self._take_over(old, names)
        except BaseException:
            self._net, self._given, self._values, self._specs, self._made = before
            raise

    def _computes_in(self, net: Any) -> None:
        super()._computes_in(net)
        self._given = list(net.layers)

    def _pairs(self) -> list[tuple[Layer, Layer]]:
        """Each layer as it was given, and as it is named in the model."""
        return list(zip(self._given, self.net.layers, strict=True))

    def _chain(self, layers: list[Layer]) -> Chain:
        """The layers as a description; errors speak of this model."""
        try:
            return Chain(tuple(layers))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._who}: {str(error).removeprefix('Chain: ')}") from None

    def _take_over(self, old: TrainState, names: dict[int, str]) -> None:
        """Puts the values of layers that were there before, under the names they had, in place."""
        values = self._need_values()
        params, state = dict(values.params), dict(values.state)
        for given, layer in self._pairs():
            for new, had in ((params, old.params), (state, old.state)):
                if layer.name in new and names.get(id(given)) in had:
                    new[str(layer.name)] = had[names[id(given)]]
        self._values = values.replace(params=params, state=state)

    def _build_if_known(self) -> None:
        if self._specs is None and self._given:
            known = self._known_inputs()
            if known:
                self.build(*known)

    def _known_inputs(self) -> tuple[Any, ...]:
        """What tells the shape of the inputs: an input in front, a call on symbols, or nothing."""
        first = self._given[0] if self._given else None
        if self._specs is not None or first is None:
            return self._specs or ()
        return _declared(first) or self._called_on

    @property
    def layers(self) -> list[Any]:
        """The layers, without inputs, under the names they have in this model."""
        found = [layer for layer in self.net.layers if not is_input(layer)]
        model = weakref.ref(self)
        for layer in found:
            calls_fn = functools.partial(_calls, model, str(layer.name))
            object.__setattr__(layer, "_calls", calls_fn)
        return found

    def graph(self) -> Graph:
        """The layers in a row as a graph, made when it is first asked for."""
        if self._graph is None or self._graph[0] is not self.net:
            known = self._known_inputs()
            if not known:
                raise ValueError(
                    f"{self._who}: it has no `inputs` and `outputs` yet, because the shape of its "
                    "inputs is not known. Begin it with Input(shape), or call build((None, ...))."
                )
            self._graph = (
                self.net,
                graph_of(self.net, [spec_of_input(value, self._who) for value in known]),
            )
        return self._graph[1]


def _declared(layer: Any) -> tuple[Any, ...]:
    """The inputs that a layer says it has: an `Input`, an `input_shape`, or those of a model."""
    if is_input(layer):
        return (layer,)
    if layer.input_shape is not None:
        return ((None, *layer.input_shape),)
    if isinstance(layer, Graph):
        return tuple(layer.input_symbols)
    return _declared(layer.layers[0]) if isinstance(layer, Chain) and layer.layers else ()


def _calls(model: Callable[[], Any], name: str) -> list[Node]:
    """The calls of a layer in a model, if that is still there."""
    owner = model()
    layers = owner.graph().layers if owner is not None else ()
    return next((vars(layer)["_calls"] for layer in layers if layer.name == name), [])
