"""`Model`: a graph of layers, with everything a Trainer does.

inputs = jkeras.Input((784,))
hidden = layers.Dense(64, activation="relu")(inputs)
model = jkeras.Model(inputs, layers.Dense(10)(hidden))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.errors import named_arguments
from jkeras.core.operations import Operation
from jkeras.core.symbols import Symbol
from jkeras.layers import InputLayer
from jkeras.models.anew import anew, rebuilt
from jkeras.models.graph import Graph
from jkeras.models.graph_config import config_of_graph, graph_parts
from jkeras.trainer.base import Trainer
from jkeras.trainer.configs import check_parts


class Model(Trainer):
    """A model made of the layers that lie between its inputs and its outputs.

    Args:
      inputs: what `Input` returned: one, or a list, tuple or dict of them. What another model's
        layer returned (`model.get_layer("x").output`) will do as well.
      outputs: what layers returned that were called on these, in the structure that `predict` shall
        return.
      name: shown in the summary.
      seed: as for `Trainer`.

    Raises:
      TypeError: something else is among them; or a subclass that defines `call`, which is not
        supported yet.
      ValueError: the outputs need an `Input` that is not among `inputs`.

    Example:
      >>> from jkeras.layers import Concatenate, Dense, Input
      >>> wide, deep = Input((2,), name="wide"), Input((3,), name="deep")
      >>> hidden = Dense(4, name="hidden")(deep)
      >>> outputs = Dense(1)(Concatenate()([wide, hidden]))
      >>> model = Model([wide, deep], outputs, seed=0)
      >>> model.count_params(), model.input_names
      (23, ['wide', 'deep'])
      >>> features = Model(model.inputs, model.get_layer("hidden").output)
      >>> features.output_shape
      (None, 4)

    Source: `keras.Model`.
    """

    in_keras = Graph.in_keras

    @named_arguments
    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        kind = type(self).__name__
        if hasattr(type(self), "call"):
            raise TypeError(
                f"{kind}: a model with its own `call` is not supported yet. Write it as a layer "
                "with `init` and `apply`, and train it by jkeras.Trainer(layer)."
            )
        if inputs is None or outputs is None:
            missing = "inputs" if inputs is None else "outputs"
            raise TypeError(
                f"{kind}: expected `inputs` and `outputs`, got no `{missing}`. For example: "
                "x = jkeras.Input((4,)); jkeras.Model(x, jkeras.layers.Dense(1)(x))."
            )
        try:
            net = Graph(inputs, outputs, name=name)
        except (TypeError, ValueError) as error:
            who = f"Graph {name!r}" if name else "Graph"
            told = f"{kind} {name!r}" if name else kind
            raise type(error)(f"{told}: {str(error).removeprefix(f'{who}: ')}") from None
        super().__init__(net, seed=seed, name=name)

    def get_config(self) -> dict[str, Any]:
        """The layers and their calls, as Keras's functional models write them."""
        return config_of_graph(self.graph(), self.name)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A model with fresh weights.

        Args:
          config: what `get_config` gave, here or in Keras.
          custom_objects: the user's own classes and functions by name.

        Raises:
          TypeError, ValueError: a layer in it is unknown, or its arguments are not right.

        Source: `keras.Model.from_config`.
        """
        check_parts(cls, config, ("layers", "input_layers", "output_layers"))
        with CustomObjectScope(custom_objects):
            return cls(*graph_parts(config), name=config.get("name"))

    def cloned(self, clone_function: Callable[[Any], Any] | None = None) -> Any:
        """A model of the same layers, each made anew, with fresh weights.

        Args:
          clone_function: from a layer to the one that takes its place; None for its equal.
        """
        layers = anew(list(self.net.layers))
        if clone_function is not None:
            kept = InputLayer | Operation
            layers = [x if isinstance(x, kept) else clone_function(x) for x in layers]
        return Model(*rebuilt(self.graph(), layers), name=self.name)

    def graph(self) -> Graph:
        """The model as a graph of its layers.

        Raises:
          ValueError: the shape of its inputs is not known yet.
        """
        assert isinstance(self.net, Graph)
        return self.net

    @property
    def layers(self) -> list[Any]:
        """The layers in Keras's order, under the names they have in this model, those of the inputs
        among them. What operators and `jkeras.ops` do is no layer; `net.layers` has it.
        """
        return [layer for layer in self.net.layers if not isinstance(layer, Operation)]

    @property
    def inputs(self) -> list[Symbol]:
        """The inputs as symbols, in order."""
        return self.graph().input_symbols

    @property
    def outputs(self) -> list[Symbol]:
        """The outputs as symbols, in order."""
        return self.graph().output_symbols

    @property
    def input(self) -> Any:
        """The inputs as symbols, in the structure they were given in."""
        return self.graph().inputs

    @property
    def output(self) -> Any:
        """The outputs as symbols, in the structure they were given in."""
        return self.graph().outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes."""
        return _shapes(self.inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of shapes."""
        return _shapes(self.outputs)

    @property
    def input_names(self) -> list[str]:
        """The names under which a dict of inputs may be given."""
        return self.graph().input_names

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs."""
        return self.graph().output_names


def _shapes(symbols: list[Symbol]) -> Any:
    return symbols[0].shape if len(symbols) == 1 else [symbol.shape for symbol in symbols]
