"""What a layer class that defines `call`, in Keras's way, gets from the library.

When such a class is made it gets the methods of `SubclassedLayer`, except those that it has: the
contract `init` and `apply`, over `build` and `call`, and what `build` and `call` use. A model that
names such a layer holds a view of it, not a copy: attributes are those of the user's object.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras.core.description import GIVEN, Description, inherit_init
from jkeras.core.errors import describe
from jkeras.core.identity import NOT_COPIED, identity_of, same
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Layer, Params, State
from jkeras.core.object_api import NamedLayer, object_api
from jkeras.core.typing import Identifier
from jkeras.core.variables import Variable, innermost, weight_shape
from jkeras.keras_classes.call_frame import CallFrame
from jkeras.keras_classes.call_signature import side_by_side
from jkeras.keras_classes.functional_call import plan_weights, run
from jkeras.keras_classes.library_base import (
    BASE_METHODS,
    base_layer,
    base_weight,
    base_weights,
)
from jkeras.keras_classes.tracking import (
    ORIGIN,
    RECORD,
    forgotten,
    holds_tracer,
    layers_of,
    may_hold_layers,
    needs_super_init,
    note_layers,
    origin_of,
    own_variables,
    record_of,
)
from jkeras.keras_classes.weight_plan import WeightPlan
from jkeras.models.calls import Masks
from jkeras.ops import constraints, initializers, regularizers

Shape = int | Sequence[int | None] | None

_OF_A_VIEW = {"name", "dtype", "trainable", "input_shape", *NOT_COPIED, ORIGIN}


def add_weight(
    owner: object,
    who: str,
    shape: Shape = None,
    initializer: Identifier = None,
    dtype: DTypeLike | None = None,
    trainable: bool = True,
    autocast: bool = True,
    regularizer: Identifier = None,
    constraint: Identifier = None,
    name: str | None = None,
) -> Variable:
    """A new variable of an object, which messages call `who`; see `SubclassedLayer.add_weight`."""
    shape = weight_shape(who, shape)
    frame = innermost(CallFrame)
    if frame is not None and frame.owner is owner and frame.phase == "call":
        raise ValueError(
            f"{who}: add_weight was called in `call`, where a weight would be new every time. "
            "Call it in `build(self, input_shape)` or in `__init__`."
        )
    kind = jnp.dtype(dtype or "float32")
    default = "glorot_uniform" if jnp.issubdtype(kind, jnp.floating) else "zeros"
    variable = Variable(
        initializers.get(default if initializer is None else initializer),
        shape,
        kind,
        trainable,
        autocast,
        name=name,
        regularizer=regularizers.get(regularizer),
        constraint=constraints.get(constraint),
    )
    record_of(owner).variables.append(variable)
    variable.look_by(functools.partial(_outside, weakref.ref(owner), weakref.ref(variable)))
    return variable


def _outside(owner: Callable[[], Any], variable: Callable[[], Variable | None]) -> Any:
    return object_api().variable_value(owner(), variable())


class SubclassedLayer:
    """The methods of every layer with a `call` of its own."""

    is_subclassed = True
    padded_rows = "seen"
    in_slices = "never"
    takes_structures = True
    takes_turn = True
    states_in_list = True
    made_of_layers = False

    # -- the contract

    def init(self: Any, key: Key, *inputs: Any) -> tuple[Params, State]:
        """Fresh params and state: what `build` and `call` need for such inputs."""
        return plan_weights(self, key, inputs).made(key)

    def apply(
        self: Any,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        mask: Masks | list[Any] | Array | None = None,
        **options: Any,
    ) -> tuple[Any, State]:
        """The outputs of `call`, and the new state."""
        masks = mask if isinstance(mask, tuple | list) else (mask,)
        outputs, new, _ = run(
            self, params, state, inputs, masks, key=key, training=training, options=options
        )
        return outputs, new

    def apply_with_mask(
        self: Any,
        params: Params,
        state: State,
        *inputs: Any,
        masks: Masks | None = None,
        key: Key | None = None,
        training: bool = False,
        plan: WeightPlan | None = None,
        turn: int = 0,
        fill: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> tuple[Any, State, Any]:
        """As `apply`, and the masks of the outputs."""
        return run(
            self,
            params,
            state,
            inputs,
            masks,
            key=key,
            training=training,
            plan=plan,
            turn=turn,
            fill=fill,
            options=options,
        )

    def side_by_side(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """A call's inputs in the order of `call`, and the other options."""
        return side_by_side(self, args, kwargs)

    def penalty(self: Any, params: Params) -> Array | float:
        """The regularization losses of all weights."""
        total: Array | float = 0.0
        if not self.trainable:
            return total
        base, own = base_layer(self), base_weights(origin_of(self), params)
        if base is not None and own:
            total = base.penalty(own)
        for variable, name in own_variables(origin_of(self)).items():
            if variable.regularizer is not None and name in params:
                total = total + variable.regularizer(params[name])
        for layer in layers_of(origin_of(self)):
            total = total + layer.penalty(params.get(layer.name, {}))
        return total

    def penalty_terms(self: Any, params: Params) -> list[Any]:
        """The regularization losses of its own variables, then those of the layers inside."""
        if not self.trainable:
            return []
        rules = own_variables(origin_of(self)).items()
        terms = [v.regularizer(params[n]) for v, n in rules if v.regularizer and n in params]
        for layer in layers_of(origin_of(self)):
            terms += layer.penalty_terms(params.get(layer.name, {}))
        return terms

    def constrain(self: Any, params: Params) -> Params:
        """`params` with each weight's constraint applied."""
        new = dict(params)
        base, own = base_layer(self), base_weights(origin_of(self), params)
        if base is not None and own:
            new |= base.constrain(own)
        for variable, name in own_variables(origin_of(self)).items():
            if variable.constraint is not None and name in params and self.trainable:
                new[name] = variable.constraint(params[name])
        for layer in layers_of(origin_of(self)):
            if layer.name in params:
                new[layer.name] = layer.constrain(params[layer.name])
        return new

    @property
    def makes_masks(self: Any) -> bool:
        """Whether a layer inside makes masks, or `compute_mask` is its own."""
        own = getattr(type(origin_of(self)), "compute_mask", Layer.compute_mask)
        return own is not Layer.compute_mask or any(
            layer.makes_masks for layer in layers_of(origin_of(self))
        )

    @property
    def layers(self: Any) -> Any:
        """The layers in it, under their names; inside its own methods what was set as `layers`."""
        origin = origin_of(self)
        frame = innermost(CallFrame)
        own = vars(origin)
        is_inside = frame is not None and frame.owner is origin
        if "layers" in own and (is_inside or record_of(origin).shapes is None):
            return own["layers"]
        return tuple(layers_of(origin))

    @layers.setter
    def layers(self: Any, value: object) -> None:
        vars(origin_of(self))["layers"] = value

    def named_sublayers(self: Any) -> list[Any]:
        """The layers that its attributes hold, under their names."""
        return layers_of(origin_of(self))

    sublayer_paths = Layer.sublayer_paths

    def wrapped_layer(self: Any) -> None:
        """None: its attributes may have any name, `layer` too."""

    # -- what `build` and `call` use

    def add_weight(
        self: Any,
        shape: Shape = None,
        initializer: Identifier = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Identifier = None,
        constraint: Identifier = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """A weight, for an attribute: `self.w = self.add_weight(shape=(3, 4), name="w")`.

        Args:
          shape: its sizes; a number when left out.
          initializer: glorot_uniform, or zeros for integers, when left out.
          dtype: float32 when left out.
          trainable: whether the optimizer updates it; other weights are assigned in `call`.
          autocast: whether it is cast to the dtype that the layer computes in.
          regularizer: as for every weight.
          constraint: as for every weight.
          aggregation: of no meaning here.
          overwrite_with_gradient: of no meaning here.
          name: its name in `params` or `state`; the attribute's when left out.

        Raises:
          ValueError: called in `call`, or a size is unknown.

        Source: `keras.layers.Layer.add_weight`.
        """
        del aggregation, overwrite_with_gradient
        needs_super_init(self)
        args = (shape, initializer, dtype, trainable, autocast, regularizer, constraint, name)
        return add_weight(origin_of(self), self.who, *args)

    add_variable = add_weight

    def add_loss(self: Any, loss: Array | Sequence[Array]) -> None:
        """Adds to the loss that is minimised; for use in `call`.

        Args:
          loss: an array, of which the sum counts, or a list of arrays.

        Raises:
          ValueError: called outside of `call`.
        """
        frame = innermost(CallFrame)
        if frame is None or frame.owner is not origin_of(self):
            raise ValueError(
                f"{self.who}: add_loss was called outside of `call`. What depends on weights alone "
                "is a regularizer: self.add_weight(regularizer=...)."
            )
        frame.losses += list(loss) if isinstance(loss, list | tuple) else [loss]

    @property
    def losses(self: Any) -> list[Any]:
        """Inside `call`: what was added so far; outside as for every layer."""
        frame = innermost(CallFrame)
        if frame is None:
            return object_api().weights(self).losses()
        return list(frame.losses) if frame.owner is origin_of(self) else []

    # -- the object

    def __setattr__(self: Any, name: str, value: object) -> None:
        view_only = ORIGIN in vars(self) and name not in _OF_A_VIEW
        target = origin_of(self) if view_only else self
        if "trainable" not in vars(target) and (
            isinstance(value, Layer | Variable) or hasattr(value, "as_layer")
        ):
            raise forgotten(type(self).__name__)
        frame = innermost(CallFrame)
        if frame is not None and holds_tracer(value):
            frame.leaks.append((target, name))
        if may_hold_layers(name, value):
            note_layers(target)
        Description.__setattr__(target, name, value)

    def __getattr__(self: Any, name: str) -> Any:
        origin = vars(self).get(ORIGIN)
        if origin is not None and name not in _OF_A_VIEW:
            return getattr(origin, name)
        weight = base_weight(self, name, innermost(CallFrame))
        if weight is not None:
            return weight
        fix = ""
        if RECORD not in vars(self) or record_of(self).shapes is None:
            fix = " It is not built yet: `build` makes its weights when it is first called."
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{fix}")

    def seen_as(self: Any, **changes: Any) -> Any:
        """A view of this object under another name, dtype or `trainable`."""
        view = object.__new__(type(self))
        own = {"name", "dtype", "input_shape", "trainable"}
        fields = {name: getattr(self, name) for name in own} | changes
        unknown = set(changes) - own
        if unknown:
            raise TypeError(
                f"{self.who}: replace: expected `name`, `dtype` or `trainable`, got "
                f"{describe(sorted(unknown))}. A class with its own `__init__` is changed by "
                "assigning its attributes."
            )
        vars(view).update(fields)
        origin = origin_of(self)
        vars(view).update({ORIGIN: origin, GIVEN: vars(origin)[GIVEN]})
        same(view, identity_of(self))
        return view

    def renamed(self: Any, name: str) -> Any:
        """A view of this object under another name."""
        return self.seen_as(name=name)

    def replace(self: Any, **changes: Any) -> Any:
        """A view of this object under another name; without changes, a new object made with the
        same arguments, which shares nothing with this one.
        """
        if changes:
            return self.seen_as(**changes)
        args, kwargs = vars(origin_of(self))[GIVEN]
        made = type(self)(*args, **kwargs)
        if self.name is not None:
            vars(made)["name"] = self.name
        return made

    def __getstate__(self: Any) -> dict[str, Any]:
        return {n: v for n, v in vars(self).items() if n not in (*NOT_COPIED, RECORD)}


# -- classes


_METHODS = {
    name: member
    for name, member in vars(SubclassedLayer).items()
    if name not in ("__module__", "__doc__", "__dict__", "__weakref__")
}


def complete_class(cls: Any) -> None:
    """Gives a class that defines `call` or `build` the methods, except those that a user wrote.

    Args:
      cls: the class, which is made.
    """
    cls.is_mutable = True
    inherit_init(cls)
    if "build" in vars(cls):
        cls.build = method_of_build(vars(cls)["build"], Layer.build)
    users = _classes_of_users(cls)
    above = next(base for base in cls.__mro__ if issubclass(base, Layer) and base not in users)
    if above is not Layer and not hasattr(above, "call"):
        for name, method in BASE_METHODS.items():
            setattr(above, name, method)
    if not hasattr(cls, "call"):
        return
    for name, method in _METHODS.items():
        own = next((base for base in cls.__mro__ if name in vars(base)), None)
        if own is None or own not in users:
            setattr(cls, name, method)


def _classes_of_users(cls: type) -> list[type]:
    """The class and those of its bases below `Layer` that are not this library's."""
    package = Layer.__module__.partition(".")[0]
    below = [base for base in cls.__mro__ if issubclass(base, Layer) and base is not Layer]
    return [b for b in below if b is cls or b.__module__.partition(".")[0] != package]


def method_of_build(own: Callable[..., Any], base: Callable[..., Any]) -> Callable[..., Any]:
    """A user's `build` as a method.

    Where the object is being built it makes the weights; inside of another's functions it does
    nothing, since layers are built where they are called; elsewhere it is the base's `build`, which
    builds the object for these shapes.

    Args:
      own: the user's.
      base: that of the class that the library has.
    """

    @functools.wraps(own)
    def build(self: Any, *args: Any, **kwargs: Any) -> Any:
        frame = innermost()
        if frame is None:
            return base(self, *args, **kwargs)
        if frame.owner is origin_of(self) and frame.phase == "build":
            return own(self, *args, **kwargs)
        return None

    setattr(build, "makes_weights", True)  # noqa: B010  # mypy: no such attribute
    return build


def call_inside(layer: NamedLayer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a layer that another one's `call` calls; NotImplemented outside of all."""
    frame = innermost(CallFrame)
    return NotImplemented if frame is None else frame.call_layer(layer, args, kwargs)
