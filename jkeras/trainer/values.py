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
from jkeras.core.layer import ACTIVITY_LOSS
from jkeras.core.naming import snake_case
from jkeras.display import Row, size_of, summary_text
from jkeras.saving import weights as files
from jkeras.training.objective import Objective
from jkeras.training.state import TrainState
from jkeras.training.steps import init_fn, make_objective

Path_ = tuple[str, ...]


class Holder:
    """Holds a model's description, `net`, and its values, `train_state`.

    Args:
      net: anything with the layer contract.
      seed: an integer in [0, 2**32); the next default seed when left out.
      name: shown in summaries and messages.
    """

    def __init__(self, net: Any, *, seed: int | None = None, name: str | None = None) -> None:
        if not (hasattr(net, "init") and hasattr(net, "apply")):
            raise TypeError(
                f"{type(self).__name__}: `net`: expected an object with `init` and `apply`, got "
                f"{describe(net)}. Layers in a list go in jkeras.Sequential([...])."
            )
        self._net = net
        self.name = name or snake_case(type(net).__name__)
        self.seed = keys.next_seed() if seed is None else seed
        self._values: TrainState | None = None
        self._lent = False
        self._specs: tuple[Any, ...] | None = None

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
        """
        return self.train_state.params

    @params.setter
    def params(self, value: Any) -> None:
        self.train_state = self._need_values().replace(params=value)

    @property
    def state(self) -> Any:
        """What layers carry beside the weights (moving means), as nested dicts."""
        return self.train_state.state

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
            shape such as (None, 784); batch axis included.
          rows: the size of a batch, for layers that carry something of that size.
        """
        if self._values is None:
            self._specs = tuple(_spec(value) for value in inputs)
            init = init_fn(self._objective(), self._transformation())
            known = tuple(_concrete(spec, rows) for spec in self._specs)
            self._values = jax.jit(init)(jax.random.key(self.seed), *known)

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
        values = self.train_state
        return [_at(getattr(values, part), path) for part, path in self._order()]

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of all weights as NumPy arrays, in Keras's order. An unbuilt model has none."""
        self._build_if_known()
        if self._values is None:
            return []
        return [np.array(_at(getattr(self._values, part), path)) for part, path in self._order()]

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
        parts = {"params": values.params, "state": values.state}
        for (part, path), new in zip(order, weights, strict=True):
            old, new = _at(parts[part], path), jnp.asarray(new)
            if old.shape != new.shape:
                raise ValueError(
                    f"{self._who}: `weights`: expected shape {old.shape} for {'/'.join(path)}, got "
                    f"{new.shape}."
                )
            parts[part] = _with(parts[part], path, new.astype(old.dtype))
        self._values, self._lent = values.replace(**parts), True

    def _order(self) -> list[tuple[str, Path_]]:
        """Where each weight lies: ("params" or "state", path), in Keras's order.

        A traced tree comes back with sorted keys, so the order is seen while `init` runs.
        """
        found: list[tuple[str, Path_]] = []

        def probe(key: Any, *specs: Any) -> None:
            params, state = self.net.init(key, *specs)
            paths = [("params", path) for path in _paths(params)]
            paths += [("state", path) for path in _paths(state) if path[-1] != ACTIVITY_LOSS]
            first = [path[0] for _, path in paths]
            names = [layer.name for layer in getattr(self.net, "layers", ())] or first
            found.extend(sorted(paths, key=lambda item: _rank(names, item[1][0])))

        assert self._specs is not None
        jax.eval_shape(probe, jax.random.key(0), *map(_concrete, self._specs))
        return found

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
            parts: dict[str, list[Any]] = {"params": [], "state": []}
            for part, path in self._order():
                parts[part].append(_at(getattr(self._values, part), path))
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
            return [Row(name, kind, None, None) for name, kind in kinds]
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
        for part, path in self._order():
            size = int(_at(getattr(self._values, part), path).size)
            sizes[path[0]] = sizes.get(path[0], 0) + size
        return sizes

    def _output_shapes(self) -> list[Any]:
        """Each layer's output shape; axes that follow an unknown axis of the inputs are None.

        Two sizes are tried for the unknown axes; what differs between the results depends on them.
        """
        assert self._specs is not None and self._values is not None
        tried = [self._traced_shapes(size) for size in (2, 3)]
        return [_merged_shape(a, b) for a, b in zip(*tried, strict=True)]

    def _traced_shapes(self, size: int) -> list[Any]:
        specs = [_concrete(spec, size) for spec in self._specs or ()]
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


def is_input(layer: Any) -> bool:
    """Whether a layer only declares an input."""
    return hasattr(layer, "batch_shape")


def _spec(value: Any) -> Any:
    """A spec from an array, a spec or a shape; axes of unknown size, and the batch, stay None."""
    if isinstance(value, tuple | list) and all(n is None or isinstance(n, int) for n in value):
        return _Shape(tuple(value), jnp.float32)
    if is_input(value):
        return _Shape(value.batch_shape, value.dtype or jnp.float32)
    return jax.tree.map(lambda a: _Shape((None, *a.shape[1:]), a.dtype), trees.specs(value))


class _Shape:
    """A shape with unknown axes (None) and a dtype. Not a pytree node: a leaf."""

    def __init__(self, shape: tuple[int | None, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, dtype


def _concrete(spec: Any, size: int = 1) -> Any:
    """The spec with `size` for every unknown axis."""
    return jax.tree.map(
        lambda s: jax.ShapeDtypeStruct(tuple(size if n is None else n for n in s.shape), s.dtype),
        spec,
    )


def _merged_shape(a: Any, b: Any) -> Any:
    if hasattr(a, "shape"):
        return tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True))
    return jax.tree.map(_merged_shape, a, b)


def _paths(tree: Any, prefix: Path_ = ()) -> list[Path_]:
    """The paths of all leaves of nested dicts, in insertion order."""
    if not isinstance(tree, dict):
        return [prefix]
    return [path for key, part in tree.items() for path in _paths(part, (*prefix, key))]


def _rank(names: Sequence[Any], name: str) -> int:
    return list(names).index(name) if name in names else len(names)


def _at(tree: Any, path: Path_) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _with(tree: Any, path: Path_, leaf: Any) -> Any:
    if not path:
        return leaf
    return {**tree, path[0]: _with(tree[path[0]], path[1:], leaf)}
