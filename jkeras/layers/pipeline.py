"""Pipeline: layers in a row as one layer, such as those that prepare images."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

import jax

from jkeras.core import naming
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.identity import identity_of
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, Layer, PaddedRows, Params, State, option
from jkeras.core.parts import Path
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.symbols import has_symbols
from jkeras.core.variables import innermost
from jkeras.layers.wrapper import one_layer

if TYPE_CHECKING:
    from jkeras.core.trees import Tree


def _named(value: object) -> tuple[Any, ...]:
    """The layers with their names in the row; one object at two places has one name."""
    if not isinstance(value, tuple | list):
        raise WrongTypeError(f"expected a list of layers, got {describe(value)}.")
    layers = [one_layer(layer) for layer in value]
    distinct = {identity_of(layer): layer for layer in layers}
    kinds = [naming.kind_of(layer) for layer in distinct.values()]
    names = naming.assign([layer.name for layer in distinct.values()], kinds)
    named = {
        identity: layer if layer.name == name else layer.renamed(name)
        for (identity, layer), name in zip(distinct.items(), names, strict=True)
    }
    return tuple(named[identity_of(layer)] for layer in layers)


class Pipeline(Layer):
    """Runs layers in order, each on the outputs of the one before: arrays, or dicts of them.

    It is a layer and no model. Called on arrays by itself it is in training unless told otherwise.

    Args:
      layers: a list of layers.

    Raises:
      TypeError: something else than a layer is in the list.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras import layers
      >>> prepared = Pipeline([layers.RandomFlip("horizontal"), layers.Rescaling(1 / 255)])
      >>> prepared(jnp.full((2, 8, 8, 3), 255.0)).max().item()
      1.0

    Source: `keras.layers.Pipeline`.
    """

    follows_policy: ClassVar[bool] = False
    takes_structures: ClassVar[bool] = True

    layers: tuple[Any, ...] = option(convert=_named)

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """As of every layer; called on arrays outside of a model, `training` is True by default."""
        if not has_symbols(inputs, kwargs) and innermost() is None:
            kwargs.setdefault("training", True)
        return super().__call__(*inputs, **kwargs)

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]  # it is the first layer's
        """Whether the first layer accepts integers."""
        return not self.layers or bool(self.layers[0].takes_integers)

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on the layers
        """`padded_rows` of the layers: the strictest of all."""
        is_ignored = all(layer.padded_rows == "ignored" for layer in self.layers)
        return "ignored" if is_ignored else "seen"

    @property
    def in_slices(self) -> InSlices:  # type: ignore[override]  # here it depends on the layers
        """Slices are never taken if one of the layers says so."""
        return "never" if any(layer.in_slices == "never" for layer in self.layers) else "same"

    def sublayer_paths(self) -> list[tuple[Path, Any]]:
        """The layers, each with the path to its values."""
        return [((layer.name,), layer) for layer in dict.fromkeys(self.layers)]

    @property
    def running(self) -> list[Any]:
        """The layers, with the dtype of the pipeline if set."""
        changes = {} if self.dtype is None else {"dtype": self.dtype}
        return [layer.replace(**changes) if changes else layer for layer in self.layers]

    def init(self, key: Key, inputs: Tree) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        for layer in self.running:
            if layer.name not in params and layer.name not in state:
                own = layer.init(child(key, layer.name), inputs)
                params |= {layer.name: own[0]} if own[0] else {}
                state |= {layer.name: own[1]} if own[1] else {}
            parts = params.get(layer.name, {}), state.get(layer.name, {})
            run = functools.partial(_outputs, layer)
            inputs = jax.eval_shape(run, *parts, inputs, jax.random.key(0))
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        inputs: Tree,
        *,
        key: Key | None = None,
        training: bool = False,
        mask: Array | None = None,
    ) -> tuple[Any, State]:
        new = state
        for layer in self.running:
            outputs, own = layer.apply(
                params.get(layer.name, {}),
                new.get(layer.name, {}),
                inputs,
                key=None if key is None else child(key, layer.name),
                training=training,
                **layer.mask_arguments((mask,)),
            )
            mask = layer.compute_mask(inputs, mask) if mask is not None else None
            inputs = outputs
            new = {**new, layer.name: own} if own else new
        return inputs, new

    def get_config(self) -> dict[str, Any]:
        """The layers and the name, which is all that Keras's takes."""
        return {"name": self.name, "layers": [serialize_keras_object(x) for x in self.layers]}


def _outputs(layer: Layer, params: Params, state: State, inputs: Tree, key: Key) -> Any:
    return layer.apply(params, state, inputs, key=key)[0]
