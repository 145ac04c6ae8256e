"""Classes that subclass one of the library's layers: `super().build` and `super().call`.

    class Scaled(layers.Dense):
        def __init__(self, units, scale, **kwargs):
            super().__init__(units, **kwargs)
            self.scale = scale

        def call(self, inputs):
            return self.scale * super().call(inputs)     # or uses self.kernel

The library's layer, with the arguments of the object, is the *base layer*. Its weights lie among
the object's other weights, under their usual names.

Laws:
  - A class that overrides `call` and calls `super().call` trains, saves and draws random numbers as
    the base layer would.
  - `super().call` gets `training` and `mask` from its explicit arguments only, as in Keras.
"""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core.calling import arrangement
from jkeras.core.description import fields
from jkeras.core.identity import Identity, same
from jkeras.core.input_spec import check_inputs
from jkeras.core.keys import Key
from jkeras.core.layer import Layer, Params, State
from jkeras.core.layer_object import WEIGHT_NAMES
from jkeras.core.object_api import object_api
from jkeras.core.trees import spec_of
from jkeras.core.variables import Frame, innermost
from jkeras.keras_classes.call_arrays import as_array
from jkeras.keras_classes.tracking import layers_of, origin_of, own_variables, record_of
from jkeras.keras_classes.weight_plan import LOSSES, CalledLayer, WeightPlan
from jkeras.models.calls import key_of_turn


def library_class(owner: object) -> type[Layer] | None:
    """The library's class above an object's class; None where that is `Layer` itself."""
    return next((base for base in type(owner).__mro__ if vars(base).get("call") is call), None)


def base_layer(view: Layer) -> Layer | None:
    """The base layer of an object, with the object's current arguments; None if it has none."""
    origin = origin_of(view)
    kind = library_class(origin)
    if kind is None:
        return None
    base = object.__new__(kind)
    vars(base).update({field.name: origin.argument(field.name) for field in fields(kind)})
    vars(base).update({name: getattr(view, name) for name in ("name", "dtype", "trainable")})
    same(base, Identity())
    return base


def base_weights(owner: object, tree: Params | State) -> dict[str, Any]:
    """The entries of an object's params or state that belong to the base layer."""
    others = {LOSSES, *own_variables(owner).values(), *(layer.name for layer in layers_of(owner))}
    return {name: part for name, part in tree.items() if name not in others}


class BaseFrame(Frame):
    """The part of a `CallFrame` that a base layer needs.

    Attributes:
      view: the object under its name in the model.
      inputs: the inputs of the object's `call`.
      params, state, key: as for `apply` of the object.
      plan: the plan to fill, when there are no values yet.
      base: the base layer in this run.
    """

    view: Layer
    inputs: tuple[Any, ...]
    params: Params
    state: State
    key: Key | None
    plan: WeightPlan | None
    base: LibraryBase


class LibraryBase:
    """The base layer in one run of an object, if it has one.

    Args:
      frame: the run.
    """

    def __init__(self, frame: BaseFrame) -> None:
        self._frame = frame
        self._turns = 0
        self._is_planned = False

    def plan_weights(self, values: tuple[Any, ...]) -> None:
        """Adds the base layer's weights for such inputs to the frame's plan, once."""
        frame = self._frame
        if frame.plan is None or self._is_planned:
            return
        self._is_planned = True
        layer = self._layer()
        specs = tuple(jax.tree.map(spec_of, value) for value in values)
        params, state = layer.init(frame.key, *specs)
        frame.params.update(params)
        frame.state.update(state)
        frame.plan.base = CalledLayer(layer, specs)

    def end(self) -> None:
        """Ends the run: plans the weights of a base layer that `call` did not use, as in Keras.

        There are none if the object's class defines `build`, or the base layer wraps a layer.
        """
        frame = self._frame
        kind = library_class(frame.owner)
        has_build = getattr(type(frame.owner), "build", None) is not build
        if kind is not None and not has_build and not _holds_layers(kind):
            self.plan_weights(frame.inputs)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs of the base layer."""
        frame = self._frame
        layer = self._layer()
        args, options = arrangement(layer, args, kwargs)
        values = tuple(jax.tree.map(as_array, value) for value in args)
        check_inputs(layer.input_spec, layer.who, values)
        self.plan_weights(values)
        mask = options.pop("mask", None)
        masks = mask if isinstance(mask, list | tuple) else (mask,)
        mask_kwargs = {} if mask is None else layer.mask_arguments(tuple(masks))
        key, self._turns = key_of_turn(frame.key, self._turns), self._turns + 1
        parts = base_weights(frame.owner, frame.params), base_weights(frame.owner, frame.state)
        outputs, new = layer.apply(*parts, *values, key=key, **mask_kwargs, **options)
        frame.state.update(new)
        return outputs

    def weight(self, name: str) -> Any:
        """The base layer's weight of this name, in the dtype to compute in; or None."""
        frame = self._frame
        kind = library_class(frame.owner)
        if kind is None or (_holds_layers(kind) and not self._is_planned):
            return None
        self.plan_weights(frame.inputs)
        for tree in (frame.params, frame.state):
            array: Any = base_weights(frame.owner, tree).get(name)
            if hasattr(array, "dtype"):
                return array if frame.view.dtype is None else array.astype(frame.view.dtype)
        return None

    def _layer(self) -> Layer:
        layer = base_layer(self._frame.view)
        assert layer is not None, "the object's class subclasses a layer of the library"
        return layer


def base_weight(owner: Layer, name: str, frame: BaseFrame | None) -> Any:
    """The weight of this name of an object's base layer: an array while the object runs, a view
    outside of any run; None if there is none.
    """
    if name not in WEIGHT_NAMES or library_class(owner) is None:
        return None
    if frame is not None:
        return frame.base.weight(name) if frame.owner is owner else None
    weights = object_api().weights(owner)
    if weights.location is None:
        return None
    for view, kept in zip(weights.views(), weights.views(kept=True), strict=True):
        if view.place.names[len(weights.location[1]) :] == (name,):
            return kept
    return None


def _holds_layers(kind: type[Layer]) -> bool:
    """Whether layers of this class wrap a layer."""
    return kind.sublayer_paths is not Layer.sublayer_paths


def call(self: Any, *inputs: Any, **options: Any) -> Any:
    """The outputs of the layer for these inputs.

    Args:
      *inputs: as when the layer is called; a bool at the end is `training`.
      **options: as when the layer is called; as in Keras, `training` is False by default.
    """
    if len(inputs) > 1 and isinstance(inputs[-1], bool):
        inputs, options = inputs[:-1], {**options, "training": inputs[-1]}
    options["training"] = bool(options.get("training"))
    frame = innermost(BaseFrame)
    if frame is None or frame.owner is not origin_of(self):
        return self(*inputs, **options)
    return frame.base.call(inputs, options)


def build(self: Any, *shapes: Any, **named: Any) -> None:
    """Makes the layer's weights.

    Args:
      *shapes: the shapes of the inputs; ignored inside of a `build`.
      **named: the same by name.
    """
    frame = innermost(BaseFrame)
    if frame is None:
        Layer.build(self, *shapes, **named)
    elif frame.owner is origin_of(self):
        record_of(frame.owner).calls_base_build = True


BASE_METHODS = {"call": call, "build": build}
"""The methods that a layer of the library gets when a class subclasses it, for `super()`."""
