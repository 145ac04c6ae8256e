"""Keras's attributes and methods for a trainer's layers and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.arrays import as_jax
from jkeras.core.errors import nearest
from jkeras.core.global_arrays import on_host
from jkeras.core.layer import activity_losses
from jkeras.core.processes import print_text
from jkeras.core.tracebacks import api_boundary
from jkeras.core.trees import Tree
from jkeras.core.variables import Variable, innermost
from jkeras.display import summary_text
from jkeras.display.html import summary_html
from jkeras.keras_classes import state_tree as state_trees
from jkeras.keras_classes.call_frame import CallFrame
from jkeras.keras_classes.optimizer_view import variables_of
from jkeras.keras_classes.step_context import StepFrame
from jkeras.keras_classes.weight_views import Weight, kept_views, weights_of
from jkeras.models.penalties import penalties
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.reports import summary_rows
from jkeras.trainer.state import freezing
from jkeras.trainer.state.specs import is_input
from jkeras.trainer.state.weight_order import leaves_of, with_leaves
from jkeras.training.state import TrainState


class WeightsMixin:
    """The description and the values of a trainer; its state, `_trainer_parts.state`, has them."""

    _trainer_parts: TrainerParts

    # -- the description

    @property
    def net(self) -> Any:
        """The description: pure functions `init` and `apply`."""
        return self._trainer_parts.state.net

    @property
    def name(self) -> str:
        """The model's name, shown in summaries and messages."""
        return self._trainer_parts.state.name

    @name.setter
    def name(self, value: str) -> None:
        self._trainer_parts.state.name = value

    @property
    def seed(self) -> int:
        """The seed of initial weights, dropout and shuffling."""
        return self._trainer_parts.state.seed

    @seed.setter
    def seed(self, value: int) -> None:
        self._trainer_parts.state.seed = value

    def as_layer(self) -> Any:
        """The description under the model's name, as a layer that shares the model's weights. In a
        graph or a list of layers the model itself stands for it.

        Raises:
          TypeError: the description is no `Layer`.
        """
        return self._trainer_parts.state.as_layer()

    @property
    def layers(self) -> list[Any]:
        """The layers, without inputs, under the names they have in this model."""
        net = self._trainer_parts.state.net
        return [layer for layer in getattr(net, "layers", ()) if not is_input(layer)]

    @api_boundary
    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of this name, or at this index.

        Raises:
          ValueError: there is none, or not exactly one of the two arguments is given.
        """
        who = self._trainer_parts.state.who
        if (name is None) == (index is None):
            raise ValueError(f"{who}: get_layer: expected either `name` or `index`.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"{who}: get_layer: expected `index` below {len(layers)}, got {index}."
                )
            return layers[index]
        named = {layer.name: layer for layer in layers}
        if name not in named:
            raise ValueError(
                f"{who}: no layer named {name!r}.{nearest(str(name), named)} "
                f"Layers: {', '.join(named)}."
            )
        return named[name]

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shape of the outputs for inputs of a shape; as a layer's."""
        return self._trainer_parts.state.as_layer().compute_output_shape(*shapes, **named)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbols with the shape and the dtype of the outputs; as a layer's."""
        return self._trainer_parts.state.as_layer().compute_output_spec(*args, **kwargs)

    @property
    def operations(self) -> list[Any]:
        """The layers of a graph, and what operators and `jkeras.ops` do between them."""
        return list(self._trainer_parts.state.graph().layers)

    # -- values

    @property
    def built(self) -> bool:
        """Whether the weights are there, or are made when they are asked for, because the shape of
        the inputs is known.
        """
        state = self._trainer_parts.state
        is_new = state.specs is None and getattr(state.net, "layers", ())[1:]
        return state.built or bool(is_new and state.known_inputs())

    @property
    def metrics_variables(self) -> list[Any]:
        """The sums of the metrics, as variables with paths such as "loss/total"."""
        return list(state_trees.metrics_variables(self._trainer_parts.state))

    @property
    def train_state(self) -> TrainState:
        """All values as one pytree. What is handed out stays valid: training goes on with a copy.

        Raises:
          ValueError: the model is not built.
        """
        return self._trainer_parts.state.lend()

    @train_state.setter
    def train_state(self, value: TrainState) -> None:
        self._trainer_parts.state.replace(value)

    @property
    def params(self) -> Any:
        """The trained weights, as nested dicts; assign a tree of the same structure to replace
        them.

        Raises:
          ValueError: the model is not built, or the tree or a shape in it differs.
        """
        return self._trainer_parts.state.lend().params

    @params.setter
    def params(self, value: Tree) -> None:
        state = self._trainer_parts.state
        values = state.need_values()
        difference = trees.first_difference(values.params, value, jnp.shape)
        if difference is not None:
            name, expected, got = difference
            raise ValueError(
                f"{state.who}: `params`: expected {name} of shape {expected}, got {got}; None "
                "means that there is none."
            )
        wanted: Any = jax.tree.structure(values.params)
        given = jax.tree.structure(value)
        if given != wanted:
            raise ValueError(
                f"{state.who}: `params`: expected the structure {wanted}, got {given}."
            )
        state.replace(values.replace(params=value))

    @property
    def state(self) -> Any:
        """What layers carry beside the weights (moving means), as nested dicts."""
        return self._trainer_parts.state.lend().state

    @api_boundary
    def build(self, *inputs: Any, rows: int = 1) -> None:
        """Makes the weights; does nothing when they exist.

        Args:
          *inputs: per input of the model an array, a `jax.ShapeDtypeStruct`, an `Input`, or a
            shape such as (None, 784); batch axis included. None at all for a model that begins
            with an `Input`.
          rows: the size of a batch, for layers that carry something of that size.

        Raises:
          TypeError, ValueError: an input is none of these, or a layer cannot take it; the model
            stays unbuilt.
        """
        self._trainer_parts.state.build(*inputs, rows=rows)

    @property
    def weights(self) -> list[Weight | Variable]:
        """Every weight as a view, layer by layer, trained ones first, as Keras orders them; none
        before the model is built.
        """
        return kept_views(weights_of(self._trainer_parts.state))

    @property
    def variables(self) -> list[Weight | Variable]:
        """Every weight in that order, each as a view with `path`, `shape`, `numpy()`, `assign`."""
        return kept_views(weights_of(self._trainer_parts.state))

    @property
    def trainable_variables(self) -> list[Weight | Variable]:
        """The weights that training changes, in that order, as views."""
        return kept_views(weights_of(self._trainer_parts.state, trained=True))

    @property
    def non_trainable_variables(self) -> list[Weight | Variable]:
        """The others, in that order, as views: statistics, and what is frozen."""
        return kept_views(weights_of(self._trainer_parts.state, trained=False))

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of all weights as NumPy arrays, in Keras's order. An unbuilt model has none."""
        state = self._trainer_parts.state
        state.build_if_known()
        values = state.values
        return (
            []
            if values is None
            else [np.array(on_host(weight)) for weight in state.ordered(values)]
        )

    @api_boundary
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights by arrays in the order of `get_weights`.

        Raises:
          ValueError: another number of arrays, or a shape that differs.
        """
        state = self._trainer_parts.state
        values, order = state.need_values(), state.order()
        if len(weights) != len(order):
            raise ValueError(
                f"{state.who}: `weights`: expected {len(order)} arrays, as get_weights() returns, "
                f"got {len(weights)}."
            )
        leaves = leaves_of(values)
        for place, new in zip(order, weights, strict=True):
            old, new = leaves[place.part][place.leaf], as_jax(new)
            if old.shape != new.shape:
                raise ValueError(
                    f"{state.who}: `weights`: expected shape {old.shape} for "
                    f"{'/'.join(place.names)}, got {new.shape}."
                )
            leaves[place.part][place.leaf] = new.astype(old.dtype)
        state.replace(with_leaves(values, leaves))

    @api_boundary
    def count_params(self) -> int:
        """The number of scalars in all weights.

        Raises:
          ValueError: the model is not built.
        """
        state = self._trainer_parts.state
        return sum(weight.size for weight in state.ordered(state.need_values()))

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return str(self._trainer_parts.policy.variable_dtype)

    # -- what is trained

    @property
    def trainable(self) -> bool:
        """Whether the model is trained. Setting it freezes or thaws all layers, from the next epoch
        on; `compile` need not be called again.
        """
        return freezing.is_trainable(self._trainer_parts.state)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        freezing.set_trainable(self._trainer_parts.state, value)

    def freeze(self, *patterns: str) -> None:
        """Freezes layers from the next epoch on, in every model that has them: values and the rest
        of the optimizer's state stay, nothing is compiled twice for the same set.

        Args:
          *patterns: names or paths of layers ("conv*", "encoder/dense"), or of weights where no
            layer has that name ("*/bias"); `*` stands for anything.

        Raises:
          TypeError: a pattern is no string, or there is none.
          ValueError: nothing matches it; the message names the nearest.
        """
        freezing.freeze(self._trainer_parts.state, patterns, False)

    def unfreeze(self, *patterns: str) -> None:
        """Trains layers or weights again, from the next epoch on; arguments as for `freeze`."""
        freezing.freeze(self._trainer_parts.state, patterns, True)

    # -- what is shown

    @api_boundary
    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] = print,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Prints the table of layers, output shapes and parameter counts, and for a graph that is
        no single row of layers what each is connected to.

        Args:
          line_length: width in characters.
          positions: where the columns end, as fractions.
          print_fn: is called with the text.
          expand_nested: adds the layers of models within the model.
          show_trainable: adds a column that says whether weights are trained.
          layer_range: names of the first and the last layer to show.
        """
        text = summary_text(
            line_length=line_length,
            positions=positions,
            show_trainable=show_trainable,
            layer_range=layer_range,
            **self._summary(expand_nested),
        )
        with self._trainer_parts.team.quiet():
            (print_text if print_fn is print else print_fn)(text)

    def _repr_html_(self) -> str:
        return summary_html(**self._summary())

    def _summary(self, expand_nested: bool = False) -> dict[str, Any]:
        """What a summary shows: the model's name, a row for each layer, and the sizes."""
        state = self._trainer_parts.state
        state.build_if_known()
        opt_state = state.need_values().opt_state if state.optimizer_met_data else None
        carried = None if opt_state is None else variables_of(opt_state)
        rows = summary_rows.rows(state, self.layers, expand_nested)
        return {"name": state.name, "rows": rows, **summary_rows.sizes(state, carried)}

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` and activity regularizers added when the model was called last on arrays,
        then the regularization losses of the weights as they are, each by itself. In a step of the
        model's own they are those of the call there; `fit` adds them by itself.
        """
        state, frame, inner = self._trainer_parts.state, innermost(StepFrame), innermost(CallFrame)
        if frame is not None and frame.owner is self and frame.params is not None:
            return [*activity_losses(frame.state), *penalties(state.net, frame.params)]
        if inner is not None and inner.owner is self:
            return list(inner.losses)
        state.build_if_known()
        values = state.values
        if values is None:
            return []
        return [*activity_losses(state.added or {}), *penalties(state.net, values.params)]

    # -- values by name

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """The values under Keras's names, as nested dicts.

        Args:
          value_format: "backend_tensor" for arrays of JAX, "numpy_array" for copies.

        Raises:
          ValueError: another format.
        """
        return state_trees.state_tree(self._trainer_parts, value_format)

    def set_state_tree(self, state_tree: Mapping[str, Any]) -> None:
        """Assigns the values of what `get_state_tree` gave, or of a part of it.

        Raises:
          ValueError: a name is unknown here, or a value has another shape.
        """
        state_trees.set_state_tree(self._trainer_parts, state_tree)
