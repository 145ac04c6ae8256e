"""A description and its current values: weights made, read, replaced, counted, shown, saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras.core import keys, trees
from jkeras.core.errors import describe, nearest
from jkeras.core.layer import Layer
from jkeras.core.naming import snake_case
from jkeras.core.one_call import jit_for_one_call
from jkeras.display import Row, size_of, summary_text
from jkeras.saving import weights as files
from jkeras.trainer.order import PARTS, Place, places
from jkeras.trainer.shapes import concrete, is_input, merged_shape, spec_of_input
from jkeras.trainer.xla import enable_cache
from jkeras.training.objective import Objective
from jkeras.training.state import TrainState
from jkeras.training.steps import init_fn, make_objective

_INSTEAD = {
    "save": "save_weights('model.msgpack'), and the same layers with load_weights to read it",
    "trainable_variables": "`params`, the nested dicts that the optimizer updates",
    "trainable_weights": "`params`, the nested dicts that the optimizer updates",
    "non_trainable_variables": "`state`, the nested dicts that training carries",
    "non_trainable_weights": "`state`, the nested dicts that training carries",
    "variables": "`weights`, or `train_state` with the optimizer's",
}

FEW_LAYERS = 16
"""Up to here the weights are made by one program. Its compilation grows with every weight; one by
one, weights of equal shape share theirs (49 layers: 5.9 s of work against 1.2)."""


class Holder:
    """Holds a model's description, `net`, and its values, `train_state`.

    Args:
      net: anything with the layer contract.
      seed: an integer in [0, 2**32); the next default seed when left out.
      name: shown in summaries and messages.
    """

    def __init__(self, net: Any, *, seed: int | None = None, name: str | None = None) -> None:
        if isinstance(net, type) and issubclass(net, Layer):
            raise TypeError(
                f"{type(self).__name__}: `net`: expected an object, got the class {net.__name__}. "
                f"Make one: {net.__name__}(...)."
            )
        if not (hasattr(net, "init") and hasattr(net, "apply")):
            raise TypeError(
                f"{type(self).__name__}: `net`: expected an object with `init` and `apply`, got "
                f"{describe(net)}. Layers in a list go in jkeras.Sequential([...])."
            )
        self._net = net
        self.name = name or snake_case(type(net).__name__)
        self.seed = keys.next_seed() if seed is None else keys.checked_seed(self._who, seed)
        self._values: TrainState | None = None
        self._lent = False
        self._specs: tuple[Any, ...] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "trainable":  # accepted without effect, it would train what shall stay
            raise AttributeError(
                f"{type(self).__name__}: `trainable` cannot be set: weights are not frozen that "
                "way here. Give the optimizer a label for each weight instead: "
                "optax.multi_transform({'train': optax.adam(1e-3), 'freeze': optax.set_to_zero()}, "
                "labels)."
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        layers = getattr(self._net, "layers", None)
        return f"<{self._who}: {self._net if layers is None else list(layers)}>"

    def __getattr__(self, name: str) -> Any:
        """Names that a model of Keras has and this one has not are answered with what to use."""
        instead = _INSTEAD.get(name)
        fix = f" Use {instead}." if instead else nearest(name, _public_names(type(self)))
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{fix}")

    @property
    def net(self) -> Any:
        """The description: pure functions `init` and `apply`."""
        return self._net

    # -- values

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
            init = init_fn(self._objective(), self._transformation())
            if len(getattr(self.net, "layers", ())) <= FEW_LAYERS:
                init = jit_for_one_call(init)
            known = tuple(concrete(spec, rows) for spec in specs)
            self._values = init(jax.random.key(self.seed), *known)
        self._specs = specs

    def _build_if_known(self) -> None:
        """Builds the model if its description tells the shape of its inputs."""

    def _objective(self) -> Objective:
        return make_objective(self.net)

    def _transformation(self) -> Any:
        """The optimizer whose state is made with the weights: one without any, before `compile`."""
        return optimizers.as_transformation("sgd")

    # -- weights as a flat list, in Keras's order

    @property
    def weights(self) -> list[jax.Array]:
        """Every weight, layer by layer, trained ones first, as Keras orders them."""
        return self._ordered(self.train_state)

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
        return places(self.net, *map(concrete, self._specs))

    def count_params(self) -> int:
        """The number of scalars in all weights.

        Raises:
          ValueError: the model is not built.
        """
        return sum(weight.size for weight in self.weights)

    # -- summary

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] = print,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Prints the table of layers, output shapes and parameter counts.

        Args:
          line_length: width in characters.
          positions: where the columns end, as fractions.
          print_fn: is called with the text.
          show_trainable: adds a column that says whether weights are trained.
          layer_range: names of the first and the last layer to show.
        """
        self._build_if_known()
        sizes: dict[str, Any] = {}
        if self._values is not None:
            parts: dict[str, list[Any]] = {part: [] for part in PARTS}
            for place, weight in zip(self._order(), self._ordered(self._values), strict=True):
                parts[place.part].append(weight)
            sizes = {
                "trainable": size_of(parts["params"]),
                "non_trainable": size_of(parts["state"]),
                "optimizer": self._optimizer_size(),
            }
        print_fn(
            summary_text(
                self.name,
                self._rows(),
                line_length=line_length,
                positions=positions,
                show_trainable=show_trainable,
                layer_range=layer_range,
                **sizes,
            )
        )

    def _optimizer_size(self) -> Any:
        return None

    def _rows(self) -> list[Row]:
        """One row per layer: with shapes and counts when the model is built."""
        layers = [x for x in getattr(self.net, "layers", (self.net,)) if not is_input(x)]
        kinds = [(getattr(x, "name", None) or self.name, type(x).__name__) for x in layers]
        if self._values is None:
            return [Row(name, kind, None, _count_unbuilt(kind)) for name, kind in kinds]
        shapes, parts = self._output_shapes(), self._sizes()
        if not hasattr(self.net, "layers"):
            parts = {kinds[0][0]: sum(parts.values())}
        return [
            Row(name, kind, shape, parts.get(name, 0), True if parts.get(name) else None)
            for (name, kind), shape in zip(kinds, shapes, strict=True)
        ]

    def _sizes(self) -> dict[str, int]:
        """The number of scalars in each layer's weights."""
        sizes: dict[str, int] = {}
        for place, weight in zip(self._order(), self.weights, strict=True):
            name = "/".join(place.names[:1])
            sizes[name] = sizes.get(name, 0) + int(weight.size)
        return sizes

    def _output_shapes(self) -> list[Any]:
        """Each layer's output shape; axes that follow an unknown axis of the inputs are None.

        Two sizes are tried for the unknown axes; what differs between the results depends on them.
        """
        assert self._specs is not None and self._values is not None
        tried = [self._traced_shapes(size) for size in (2, 3)]
        return [merged_shape(a, b) for a, b in zip(*tried, strict=True)]

    def _traced_shapes(self, size: int) -> list[Any]:
        specs = [concrete(spec, size) for spec in self._specs or ()]
        arguments = (self._need_values().params, self._need_values().state, *specs)
        if not hasattr(self.net, "layer_outputs"):
            return [jax.eval_shape(lambda *a: self.net.apply(*a)[0], *arguments)]
        outputs = jax.eval_shape(self.net.layer_outputs, *arguments)
        pairs = zip(self.net.layers, outputs, strict=True)
        return [out for layer, out in pairs if not is_input(layer)]

    # -- files

    def save_weights(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Writes all weights to one file (msgpack), whole or not at all.

        Args:
          filepath: ends with `.msgpack`.
          overwrite: whether an existing file may be replaced.

        Raises:
          FileExistsError: it exists and `overwrite` is False.
          ValueError: another ending.
        """
        values = self._need_values()
        files.save(filepath, {"params": values.params, "state": values.state}, overwrite=overwrite)

    def load_weights(self, filepath: str | Path) -> None:
        """Reads the weights that `save_weights` wrote for the same layers.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is damaged, or its weights are not this model's; the message names
            the first one that differs. The model is left as it was.
        """
        values = self._need_values()
        loaded = files.load(filepath, {"params": values.params, "state": values.state})
        self._values = values.replace(**jax.tree.map(jnp.asarray, loaded))
        self._lent = True

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


def _count_unbuilt(kind: str) -> int | None:
    """What Keras says of an unbuilt layer: 0 weights for these kinds, of others nothing yet."""
    simple = ("Activation", "ActivityRegularization", "ELU", "GaussianNoise", "Reshape", "Softmax")
    families = ("Dropout", "Pooling1D", "Pooling2D", "Pooling3D", "ReLU")
    known = kind in simple or (kind.endswith(families) and kind != "PReLU")
    return 0 if known else None


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    return {name: jnp.shape(leaf) for name, leaf in trees.named_leaves(tree).items()}


def _refilled(tree: Any, leaves: list[Any]) -> Any:
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)


def _public_names(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]
