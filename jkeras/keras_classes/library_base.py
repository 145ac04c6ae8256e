"""Classes written over one of the library's layers: what `super()` finds there.

    class Scaled(layers.Dense):
        def __init__(self, units, scale, **kwargs):
            super().__init__(units, **kwargs)
            self.scale = scale

        def call(self, inputs):
            return self.scale * super().call(inputs)     # or uses self.kernel

The library's layer, with the arguments of the object, is the layer *above*. Its `init` and `apply`
make and use weights that lie among the object's own, under the names they always have.

Laws:
  - A class that overrides `call` and calls `super().call` trains, saves and draws as the layer
    above would.
  - `super().call` hears of no flag and no mask but those that it is given, as in Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.calling import arrangement
from jkeras.core.description import fields
from jkeras.core.identity import Identity, same
from jkeras.core.input_spec import check_inputs
from jkeras.core.layer import Layer
from jkeras.core.layer_object import WEIGHT_NAMES
from jkeras.core.object_api import object_api
from jkeras.core.trees import spec_of
from jkeras.core.variables import innermost
from jkeras.keras_classes.tracking import layers_of, origin_of, own_variables, record_of
from jkeras.keras_classes.weight_plan import LOSSES, Called
from jkeras.models.calls import key_of_turn


def kind_above(owner: Any) -> Any:
    """The class of the library that an object's class is written over; None where that is Layer."""
    return next((base for base in type(owner).__mro__ if vars(base).get("call") is call), None)


def above(view: Any) -> Any:
    """The layer above, with the arguments that the object has now."""
    origin = origin_of(view)
    kind = kind_above(origin)
    made = object.__new__(kind)
    vars(made).update({field.name: getattr(origin, field.name) for field in fields(kind)})
    own = {name: getattr(view, name) for name in ("name", "dtype", "trainable")}
    vars(made).update(own)
    same(made, Identity())
    return made


def of_above(owner: Any, tree: Any) -> dict[str, Any]:
    """The part of an object's params or state that is the layer's above: what is nobody else's."""
    others = {LOSSES, *own_variables(owner).values(), *(layer.name for layer in layers_of(owner))}
    return {name: part for name, part in tree.items() if name not in others}


class Above:
    """What a run of an object knows of the layer above.

    Attributes:
      inputs: those of the object's own call.
      runs_above: how often the layer above ran so far.
    """

    inputs: tuple[Any, ...] = ()
    runs_above = 0

    if TYPE_CHECKING:
        owner: Any
        view: Any
        plan: Any
        key: Any
        params: Any
        state: Any

    def need_above(self, values: tuple[Any, ...]) -> None:
        """While the weights are planned: makes those of the layer above, once, for such inputs."""
        if self.plan is None or "planned_above" in vars(self):
            return
        vars(self)["planned_above"] = True
        layer = above(self.view)
        specs = tuple(jax.tree.map(spec_of, value) for value in values)
        params, state = layer.init(self.key, *specs)
        self.params.update(params)
        self.state.update(state)
        self.plan.above = Called(layer, specs)

    def end_above(self) -> None:
        """At the end: a layer above whose weights nobody used has them none the less, as in Keras,
        unless the object has a `build` of its own, or it is a layer around a layer.
        """
        kind = kind_above(self.owner)
        builds = getattr(type(self.owner), "build", None) is not build
        if kind is not None and not builds and not _holds_layers(kind):
            self.need_above(self.inputs)

    def call_above(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs of the layer above."""
        layer = above(self.view)
        args, options = arrangement(layer, args, kwargs)
        values = tuple(jax.tree.map(_as_array, value) for value in args)
        check_inputs(layer.input_spec, layer.who, values)
        self.need_above(values)
        mask = options.pop("mask", None)
        told = {} if mask is None else layer.mask_arguments((mask,) if _is_one(mask) else mask)
        key, self.runs_above = key_of_turn(self.key, self.runs_above), self.runs_above + 1
        parts = of_above(self.owner, self.params), of_above(self.owner, self.state)
        outputs, new = layer.apply(*parts, *values, key=key, **told, **options)
        self.state.update(new)
        return outputs

    def weight_above(self, name: str) -> Any:
        """A weight of the layer above under its name, in the dtype to compute in; or None."""
        kind = kind_above(self.owner)
        if kind is None or (_holds_layers(kind) and "planned_above" not in vars(self)):
            return None
        self.need_above(self.inputs)
        for tree in (self.params, self.state):
            found: Any = of_above(self.owner, tree).get(name)
            if hasattr(found, "dtype"):
                return found if self.view.dtype is None else found.astype(self.view.dtype)
        return None


def weight(owner: Any, name: str, frame: Any) -> Any:
    """A weight of the layer above under its name: while the object runs an array, outside of any
    run a view; None where it has none.
    """
    if name not in WEIGHT_NAMES or kind_above(owner) is None:
        return None
    if frame is not None:
        return frame.weight_above(name) if frame.owner is owner else None
    known = object_api().weights(owner)
    for view in known.views() if known.found else ():
        if view.place.names[len(known.found[1]) :] == (name,):
            return view
    return None


def _as_array(value: Any) -> Any:
    return value if not hasattr(value, "__jax_array__") else jnp.asarray(value)


def _holds_layers(kind: type[Layer]) -> bool:
    """Whether layers of this class are layers around a layer."""
    return kind.sublayer_paths is not Layer.sublayer_paths


def _is_one(mask: Any) -> bool:
    return not isinstance(mask, list | tuple)


def call(self: Any, *inputs: Any, **options: Any) -> Any:
    """What the layer itself gives for these inputs.

    Args:
      *inputs: as when the layer is called; a flag at the end is `training`.
      **options: as when the layer is called. As in Keras, `training` is False unless it is said.
    """
    if len(inputs) > 1 and isinstance(inputs[-1], bool):
        inputs, options = inputs[:-1], {**options, "training": inputs[-1]}
    options["training"] = bool(options.get("training"))
    frame = innermost(Above)
    if frame is None or frame.owner is not origin_of(self):
        return self(*inputs, **options)
    return frame.call_above(inputs, options)


def build(self: Any, *shapes: Any, **named: Any) -> None:
    """Makes the layer's own weights.

    Args:
      *shapes: of the inputs; inside of a `build` they are known.
      **named: the same by name.
    """
    frame = innermost(Above)
    if frame is None:
        Layer.build(self, *shapes, *named.values())
    elif frame.owner is origin_of(self):
        record_of(frame.owner).builds_above = True


INHERITED = {"call": call, "build": build}
"""What `super()` finds in a layer that a class is written over."""

__all__ = ["INHERITED", "Above", "above", "kind_above", "of_above"]
