"""A description and its current values: weights made, read, replaced, counted, shown, saved."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras.core import keys, trees
from jkeras.core.errors import describe, nearest
from jkeras.core.identity import renamed
from jkeras.core.layer import Layer
from jkeras.core.naming import kind_of, snake_case
from jkeras.display import summary_text
from jkeras.keras_classes.weight_views import Weight, weights_of
from jkeras.models.adapters import trained_as
from jkeras.models.graph import Graph
from jkeras.trainer.files.configurations import Configured
from jkeras.trainer.files.saved import Saved
from jkeras.trainer.files.weight_files import Filed
from jkeras.trainer.reports import summary_rows as overview
from jkeras.trainer.state import adapted_layers as adapting
from jkeras.trainer.state import freezing, sharing
from jkeras.trainer.state import shape_inference as trials
from jkeras.trainer.state.specs import concrete, is_input, spec_of_input
from jkeras.trainer.state.weight_order import PARTS, Place, places
from jkeras.trainer.state.xla_cache import enable_cache
from jkeras.training.goals import NOTHING
from jkeras.training.objective import Objective, objective_of
from jkeras.training.state import TrainState
from jkeras.training.steps import init_fn

FEW_LAYERS = 16
"""Up to here the weights are made by one program. Its compilation grows with every weight; one by
one, weights of equal shape share theirs (49 layers: 5.9 s of work against 1.2)."""


class Holder(Filed, Saved, Configured):
    """Holds a model's description, `net`, and its values, `train_state`.

    Args:
      net: anything with the layer contract, or what `jkeras.models.as_layer` makes a layer of.
      seed: an integer in [0, 2**32); the next default seed when left out.
      name: shown in summaries and messages.
    """

    def __init__(self, net: Any, *, seed: int | None = None, name: str | None = None) -> None:
        if isinstance(net, type) and issubclass(net, Layer):
            raise TypeError(
                f"{type(self).__name__}: `net`: expected an object, got the class {net.__name__}. "
                f"Make one: {net.__name__}(...)."
            )
        try:
            net = trained_as(net)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{type(self).__name__}: `net`: {error}") from None
        if not (hasattr(net, "init") and hasattr(net, "apply")):
            raise TypeError(
                f"{type(self).__name__}: `net`: expected an object with `init` and `apply`, got "
                f"{describe(net)}. Layers in a list go in jkeras.Sequential([...])."
            )
        self._own: TrainState | None = None
        self._links = sharing.Links(None)
        self._net = net
        self._held: tuple[str, ...] = ()
        self._frozen: frozenset[str] = frozenset()
        self._frozen_at: tuple[Any, ...] = ()
        self._named = name is not None
        self.name = name or snake_case(kind_of(net))
        self.seed = keys.next_seed() if seed is None else keys.checked_seed(self._who, seed)
        self._lent = False
        self._known_order: tuple[Any, Any, Any, list[Place]] | None = None
        self._specs: tuple[Any, ...] | None = None
        self._called_on: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        layers = getattr(self._net, "layers", None)
        return f"<{self._who}: {self._net if layers is None else list(layers)}>"

    def __getattr__(self, name: str) -> Any:
        """Names that a model of Keras has and this one has not are answered with what to use."""
        own = getattr(type(self), name, None)
        if isinstance(own, property):
            return own.__get__(self)  # it is there, and says again why it gives nothing
        fix = nearest(name, _public_names(type(self)))
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{fix}")

    def __del__(self, _ending: Callable[[], bool] = sys.is_finalizing) -> None:
        if "_links" in self.__dict__ and not _ending():
            sharing.leave(self)

    @property
    def net(self) -> Any:
        """The description: pure functions `init` and `apply`."""
        return self._net

    def as_layer(self) -> Any:
        """The description under the model's name, as a layer that shares the model's weights. In a
        graph or a list of layers the model itself stands for it.

        Raises:
          TypeError: the description is no `Layer`.
        """
        if not isinstance(self.net, Layer):
            raise TypeError(
                f"{self._who}: expected a description that is a jkeras.Layer to make it a part of "
                f"another model, got {describe(self.net)}."
            )
        return renamed(self.net, self.name) if self._named else self.net

    def _on_symbols(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The model as a part of a graph: the symbols of its outputs."""
        outputs = self.as_layer()(*inputs, **options)
        self._called_on = tuple(jax.tree.leaves(outputs)[0].node.args)
        return outputs

    # -- values

    @property
    def _values(self) -> TrainState | None:
        """The values, with what other models have written into layers that are also theirs."""
        self._know_layers()
        sharing.pull(self)
        return self._own

    @_values.setter
    def _values(self, values: TrainState | None) -> None:
        self._know_layers()
        self._own = values
        if values is not None:
            sharing.push(self)

    def _know_layers(self) -> None:
        if self._links.net is not self._net:
            self._links = sharing.join(self)

    @property
    def built(self) -> bool:
        """Whether weights exist."""
        return self._values is not None

    @property
    def train_state(self) -> TrainState:
        """All values as one pytree. What is handed out stays valid: training goes on with a copy.

        Raises:
          ValueError: the model is not built.
        """
        self._lent = True
        return self._need_values()

    @train_state.setter
    def train_state(self, value: TrainState) -> None:
        self._values, self._lent = value, True

    @property
    def params(self) -> Any:
        """The trained weights, as nested dicts; assign a tree of the same structure to replace
        them.

        Raises:
          ValueError: the model is not built, or the tree or a shape in it differs.
        """
        return self.train_state.params

    @params.setter
    def params(self, value: Any) -> None:
        values = self._need_values()
        self._check_alike(value, values.params)
        self.train_state = values.replace(params=value)

    @property
    def state(self) -> Any:
        """What layers carry beside the weights (moving means), as nested dicts."""
        return self.train_state.state

    def _check_alike(self, params: Any, old: Any) -> None:
        """Raises, naming the first weight that differs, unless two trees have the same shapes."""
        found, wanted = _shapes(params), _shapes(old)
        for name in [*wanted, *found]:
            if found.get(name) != wanted.get(name):
                raise ValueError(
                    f"{self._who}: `params`: expected {name} of shape {wanted.get(name)}, got "
                    f"{found.get(name)}; None means that there is none."
                )
        given: Any = jax.tree.structure(params)
        if given != jax.tree.structure(old):
            raise ValueError(
                f"{self._who}: `params`: expected the structure {jax.tree.structure(old)}, got "
                f"{given}."
            )

    def _need_values(self) -> TrainState:
        self._build_if_known()
        if self._values is None:
            raise ValueError(
                f"{self._who}: it has no weights yet, because the shape of its inputs is not "
                "known. Begin it with Input(shape), call build((None, ...)), or fit it first."
            )
        adapting.refresh(self)
        return self._values

    def _carry(self) -> TrainState:
        """The values, free to be donated: a copy if anyone else may hold them."""
        values = self._need_values()
        if self._lent:
            values, self._lent = trees.copy(values), False
            self._values = values
        return values

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
        if not inputs:
            self._need_values()
            return
        specs = self._specs or tuple(spec_of_input(value, self._who) for value in inputs)
        if self._values is None:
            enable_cache()
            few = len(getattr(self.net, "layers", ())) <= FEW_LAYERS
            self._own = trials.made(self.net, self._init_fn(), self.seed, specs, rows, at_once=few)
            try:
                sharing.settle(self)
            except ValueError:
                self._own = None
                raise
            freezing.noted(self)
        self._specs = specs

    def _init_fn(self) -> Callable[..., TrainState]:
        """The pure function (key, *specs) -> all values."""
        return init_fn(self._objective(), self._transformation())

    def _build_if_known(self) -> None:
        """Builds the model if its description tells the shape of its inputs, as a graph does."""
        if self._own is None and isinstance(self.net, Graph):
            self.build(*self.net.input_symbols)

    def _objective(self) -> Objective:
        return objective_of(self.net, NOTHING, self._held)

    def _transformation(self) -> Any:
        """The optimizer whose state is made with the weights: one without any, before `compile`."""
        return optimizers.as_transformation("sgd")

    # -- weights as a flat list, in Keras's order

    @property
    def weights(self) -> list[Weight]:
        """Every weight as a view, layer by layer, trained ones first, as Keras orders them."""
        self._need_values()
        return weights_of(self)

    @property
    def variables(self) -> list[Weight]:
        """Every weight in that order, each as a view with `path`, `shape`, `numpy()`, `assign`."""
        return weights_of(self)

    @property
    def trainable_variables(self) -> list[Weight]:
        """The weights that training changes, in that order, as views."""
        return weights_of(self, trained=True)

    @property
    def non_trainable_variables(self) -> list[Weight]:
        """The others, in that order, as views: statistics, and what is frozen."""
        return weights_of(self, trained=False)

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    @property
    def trainable(self) -> bool:
        """Whether the model is trained. Setting it freezes or thaws all layers, from the next epoch
        on; `compile` need not be called again.
        """
        return freezing.is_trainable(self)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        freezing.set_trainable(self, value)

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
        freezing.freeze(self, patterns, False)

    def unfreeze(self, *patterns: str) -> None:
        """Trains layers or weights again, from the next epoch on; arguments as for `freeze`."""
        freezing.freeze(self, patterns, True)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of all weights as NumPy arrays, in Keras's order. An unbuilt model has none."""
        self._build_if_known()
        if self._values is None:
            return []
        return [np.array(weight) for weight in self._ordered(self._values)]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights by arrays in the order of `get_weights`.

        Raises:
          ValueError: another number of arrays, or a shape that differs.
        """
        values = self._need_values()
        order = self._order()
        if len(weights) != len(order):
            raise ValueError(
                f"{self._who}: `weights`: expected {len(order)} arrays, as get_weights() returns, "
                f"got {len(weights)}."
            )
        parts = {part: jax.tree.leaves(getattr(values, part)) for part in PARTS}
        for place, new in zip(order, weights, strict=True):
            old, new = parts[place.part][place.leaf], jnp.asarray(new)
            if old.shape != new.shape:
                raise ValueError(
                    f"{self._who}: `weights`: expected shape {old.shape} for "
                    f"{'/'.join(place.names)}, got {new.shape}."
                )
            parts[place.part][place.leaf] = new.astype(old.dtype)
        new = {part: _refilled(getattr(values, part), leaves) for part, leaves in parts.items()}
        self._values, self._lent = values.replace(**new), True

    def _ordered(self, values: TrainState) -> list[jax.Array]:
        parts = {part: jax.tree.leaves(getattr(values, part)) for part in PARTS}
        return [parts[place.part][place.leaf] for place in self._order()]

    def _order(self) -> list[Place]:
        """Where each weight lies, in Keras's order."""
        if self._specs is None:
            raise ValueError(
                f"{self._who}: the order of its weights is not known before the shape of its "
                "inputs. Call build((None, ...)) first."
            )
        values, found = self._own, self._known_order
        kind: Any = jax.tree.structure(None if values is None else (values.params, values.state))
        if found is None or found[0] is not self.net or found[1:3] != (self._specs, kind):
            order = places(self.net, *map(concrete, self._specs))
            self._known_order = found = (self.net, self._specs, kind, order)
        return found[3]

    def count_params(self) -> int:
        """The number of scalars in all weights.

        Raises:
          ValueError: the model is not built.
        """
        return sum(weight.size for weight in self._ordered(self._need_values()))

    # -- summary

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
        self._build_if_known()
        print_fn(
            summary_text(
                self.name,
                overview.rows(self, expand_nested),
                line_length=line_length,
                positions=positions,
                show_trainable=show_trainable,
                layer_range=layer_range,
                **overview.sizes(self),
            )
        )

    def _optimizer_size(self) -> Any:
        return None

    # -- layers

    @property
    def layers(self) -> list[Any]:
        """The layers, without inputs, under the names they have in this model."""
        return [layer for layer in getattr(self.net, "layers", ()) if not is_input(layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of this name, or at this index.

        Raises:
          ValueError: there is none, or not exactly one of the two arguments is given.
        """
        if (name is None) == (index is None):
            raise ValueError(f"{self._who}: get_layer: expected either `name` or `index`.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"{self._who}: get_layer: expected `index` below {len(layers)}, got {index}."
                )
            return layers[index]
        named = {layer.name: layer for layer in layers}
        if name not in named:
            raise ValueError(
                f"{self._who}: no layer named {name!r}.{nearest(str(name), named)} "
                f"Layers: {', '.join(named)}."
            )
        return named[name]

    @property
    def _who(self) -> str:
        return f"{type(self).__name__} {self.name!r}"


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    return {name: jnp.shape(leaf) for name, leaf in trees.named_leaves(tree).items()}


def _refilled(tree: Any, leaves: list[Any]) -> Any:
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)


def _public_names(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]
