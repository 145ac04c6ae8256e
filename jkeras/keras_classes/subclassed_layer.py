"""The methods of a layer class that defines `call`, in Keras's way.

A class gets the methods of `SubclassedLayer` when it is defined, except those that it defines: the
contract `init` and `apply`, based on `build` and `call`, and the methods for use in these. A model
holds a view of such a layer under the name there, not a copy: its attributes are those of the
user's object.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras.core.contract import LayerContract
from jkeras.core.description import GIVEN, Description, inherit_init
from jkeras.core.dtype_policy import compute_dtype, weight_dtype
from jkeras.core.errors import WrongTypeError, describe, quoted
from jkeras.core.identity import NOT_COPIED, identity_of, same
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Layer, Params, State
from jkeras.core.object_api import object_api
from jkeras.core.pickling import packed
from jkeras.core.trees import is_traced, widest_float
from jkeras.core.typing import Identifier
from jkeras.core.variables import Variable, frames_of, innermost, name_first, weight_shape
from jkeras.keras_classes import tracking
from jkeras.keras_classes.call_frame import CallFrame
from jkeras.keras_classes.call_signature import side_by_side
from jkeras.keras_classes.functional_call import plan_weights, run
from jkeras.keras_classes.library_base import BASE_METHODS, base_layer, base_weight, base_weights
from jkeras.keras_classes.tracking import ORIGIN, RECORD, layers_of, origin_of, own_variables
from jkeras.keras_classes.weight_plan import WeightPlan
from jkeras.models.calls import Masks
from jkeras.ops import constraints, initializers, regularizers

_VIEW_FIELDS = {"name", "dtype", "trainable", "input_shape"}
_OF_A_VIEW = {*_VIEW_FIELDS, *NOT_COPIED, ORIGIN}


class SubclassedLayer:
    """The methods of every layer class that defines `call`."""

    is_subclassed = True
    padded_rows = "seen"
    in_slices = "never"
    takes_structures = True
    takes_turn = True
    states_in_list = True
    made_of_layers = False

    # -- the contract

    def init(self: Any, key: Key, *inputs: Any) -> tuple[Params, State]:
        """Initial params and state for `build` and `call` with such inputs."""
        return plan_weights(self, key, inputs).init(key)

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
        context: dict[str, Any] = {"key": key, "training": training, "options": options}
        return run(self, params, state, inputs, masks, **context)[:2]

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
        on_params: Callable[[Params], None] | None = None,
        **options: Any,
    ) -> tuple[Any, State, Any]:
        """As `apply`, and the masks of the outputs; `plan`, `turn`, `on_params`: see `run`."""
        return run(
            self, params, state, inputs, masks, key=key, training=training,
            plan=plan, turn=turn, on_params=on_params, options=options,
        )  # fmt: skip

    def side_by_side(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """The inputs of a call in the order of `call`, and the other options."""
        return side_by_side(self, args, kwargs)

    def penalty(self: Any, params: Params) -> Array | float:
        """The sum of the regularization losses of all weights."""
        total: Array | float = 0.0
        if not self.trainable:
            return total
        base, weights = base_layer(self), base_weights(origin_of(self), params)
        if base is not None and weights:
            total = base.penalty(weights)
        for variable, name in own_variables(origin_of(self)).items():
            if variable.regularizer is not None and name in params:
                total = total + variable.regularizer(params[name])
        for layer in layers_of(origin_of(self)):
            total = total + layer.penalty(params.get(layer.name, {}))
        return total

    def penalty_terms(self: Any, params: Params) -> list[Any]:
        """The regularization losses of the base layer, the variables, and the layers inside."""
        if not self.trainable:
            return []
        base, weights = base_layer(self), base_weights(origin_of(self), params)
        terms = [] if base is None or not weights else base.penalty_terms(weights)
        variables = own_variables(origin_of(self)).items()
        terms += [v.regularizer(params[n]) for v, n in variables if v.regularizer and n in params]
        for layer in layers_of(origin_of(self)):
            terms += layer.penalty_terms(params.get(layer.name, {}))
        return terms

    def constrain(self: Any, params: Params) -> Params:
        """`params` with each weight's constraint applied."""
        new = dict(params)
        base, weights = base_layer(self), base_weights(origin_of(self), params)
        if base is not None and weights:
            new |= base.constrain(weights)
        for variable, name in own_variables(origin_of(self)).items():
            if variable.constraint is not None and name in params and self.trainable:
                new[name] = variable.constraint(params[name])
        for layer in layers_of(origin_of(self)):
            if layer.name in params:
                new[layer.name] = layer.constrain(params[layer.name])
        return new

    @property
    def computed_weights(self: Any) -> frozenset[str]:
        """The weights with `overwrite_with_gradient`, and those of the base layer."""
        base, own = base_layer(self), own_variables(origin_of(self)).items()
        names = frozenset(name for variable, name in own if variable.overwrite_with_gradient)
        return names if base is None else names | base.computed_weights

    def computed(self: Any, values: Params, grads: Params) -> Params:
        """The next values of `computed_weights`: gradients; the base layer says its own."""
        of_base = base_weights(origin_of(self), values)
        new = {n: grads[n] for n in values if n in grads and n not in of_base}
        base = base_layer(self) if of_base else None
        if base is not None:
            new |= base.computed(of_base, {n: grads[n] for n in of_base if n in grads})
        return new

    @property
    def makes_masks(self: Any) -> bool:
        """Whether the class defines `compute_mask`, or a layer inside makes masks."""
        origin = origin_of(self)
        compute_mask = getattr(type(origin), "compute_mask", Layer.compute_mask)
        if compute_mask is not Layer.compute_mask:
            return True
        return any(layer.makes_masks for layer in layers_of(origin))

    @property
    def layers(self: Any) -> Any:
        """The layers inside under their names; in `build` and `call` the attribute `layers`."""
        origin, frame = origin_of(self), innermost(CallFrame)
        is_inside = frame is not None and frame.owner is origin
        if "layers" in vars(origin) and (is_inside or tracking.record_of(origin).shapes is None):
            return vars(origin)["layers"]
        return tuple(layers_of(origin))

    @layers.setter
    def layers(self: Any, value: object) -> None:
        vars(origin_of(self))["layers"] = value

    def named_sublayers(self: Any) -> list[Any]:
        """The layers in the attributes, under their names."""
        return layers_of(origin_of(self))

    sublayer_paths = Layer.sublayer_paths

    def wrapped_layer(self: Any) -> None:
        """None: an attribute named `layer` is an attribute like any other."""

    # -- for use in `build` and `call`

    @name_first
    def add_weight(
        self: Any,
        shape: int | Sequence[int | None] | None = None,
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
          shape: the shape; by default the weight is a scalar.
          initializer: by default "glorot_uniform", or "zeros" for integers.
          dtype: by default float32, or float64 where the layer computes in it.
          trainable: whether the optimizer updates the weight; other weights are assigned in `call`.
          autocast: whether the weight is cast to the dtype that the layer computes in.
          regularizer, constraint: names, objects or functions, as in `layers.Dense`.
          aggregation: ignored.
          overwrite_with_gradient: whether a training step makes the gradient of the weight its next
            value; no optimizer moves it, and its constraint is not applied.
          name: the name in `params` or `state`; by default that of the attribute. It may come
            first, as in Keras 2: `self.add_weight("kernel", shape=(3, 4))`.

        Raises:
          TypeError: `overwrite_with_gradient` is no bool, or an argument is of another wrong kind.
          ValueError: called in `call`, or a size is unknown.

        Source: `keras.layers.Layer.add_weight`.
        """
        del aggregation
        tracking.check_super_init(self)
        owner, shape, frame = origin_of(self), weight_shape(self.who, shape), innermost(CallFrame)
        if frame is not None and frame.owner is owner and frame.phase == "call":
            raise ValueError(
                f"{self.who}: add_weight was called in `call`, where a weight would be new every "
                "time. Call it in `build(self, input_shape)` or in `__init__`."
            )
        try:
            dtype = compute_dtype(dtype)
        except (TypeError, ValueError) as error:
            raise quoted(error, who=f"{self.who}: add_weight", argument="dtype") from None
        if dtype is None:
            dtype = self.dtype if self.dtype == widest_float() else weight_dtype()
        default = "glorot_uniform" if jnp.issubdtype(dtype, jnp.floating) else "zeros"
        init_fn = initializers.get(default if initializer is None else initializer)
        variable = Variable(
            init_fn, shape, dtype, trainable, autocast, name=name,
            regularizer=regularizers.get(regularizer), constraint=constraints.get(constraint),
        )  # fmt: skip
        variable.overwrite_with_gradient = overwrite_with_gradient
        tracking.record_of(owner).variables.append(variable)
        return variable

    add_variable = add_weight

    def add_loss(self: Any, loss: Array | Sequence[Array]) -> None:
        """Adds to the loss that is minimised; for use in `call`.

        Args:
          loss: an array, whose sum is added, or a list of arrays.

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
        """Inside `call`: the losses added so far; outside as for every layer."""
        frame = innermost(CallFrame)
        if frame is None:
            return object_api().weights(self).losses()
        return list(frame.losses) if frame.owner is origin_of(self) else []

    # -- the object

    def __setattr__(self: Any, name: str, value: object) -> None:
        target = self if name in _OF_A_VIEW else origin_of(self)
        if "trainable" not in vars(target) and (
            isinstance(value, Variable) or tracking.is_part(value)
        ):
            raise tracking.missing_super_init(type(self).__name__)
        frame = innermost(CallFrame)
        if frame is not None and is_traced(value):
            frame.leaks.append((target, name))
        if tracking.may_hold_layers(name, value):
            tracking.record_order(target)
        Description.__setattr__(target, name, value)

    def __getattr__(self: Any, name: str) -> Any:
        origin = vars(self).get(ORIGIN)
        if origin is not None and name not in _OF_A_VIEW:
            return getattr(origin, name)
        weight = base_weight(self, name, innermost(CallFrame))
        if weight is not None:
            return weight
        fix = ""
        if RECORD not in vars(self) or tracking.record_of(self).shapes is None:
            fix = " It is not built yet: `build` makes its weights when it is first called."
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{fix}")

    def renamed(self: Any, name: str) -> Any:
        """A view of this object under another name."""
        return SubclassedLayer.replace(self, name=name)

    def replace(self: Any, **changes: Any) -> Any:
        """A view of this object with another `name`, `dtype` or `trainable`; without changes, a new
        object made with the same arguments, which shares nothing with this one.
        """
        origin = origin_of(self)
        if not changes:
            args, kwargs = vars(origin)[GIVEN]
            new = type(self)(*args, **kwargs)
            if self.name is not None:
                vars(new)["name"] = self.name
            return new
        unknown = changes.keys() - _VIEW_FIELDS
        if unknown:
            raise WrongTypeError(
                f"{self.who}: replace: expected `name`, `dtype` or `trainable`, got "
                f"{describe(sorted(unknown))}. A class with its own `__init__` is changed by "
                "assigning its attributes."
            )
        view = object.__new__(type(self))
        vars(view).update({name: getattr(self, name) for name in _VIEW_FIELDS} | changes)
        vars(view).update({ORIGIN: origin, GIVEN: vars(origin)[GIVEN]})
        same(view, identity_of(self))
        return view

    def __getstate__(self: Any) -> dict[str, Any]:
        kept = {n: v for n, v in vars(self).items() if n not in (*NOT_COPIED, RECORD)}
        return packed(kept | {"_identity": identity_of(self)})

    def __setstate__(self: Any, state: dict[str, Any]) -> None:
        Description.__setstate__(self, state)
        own_variables(self)  # which tells them where their weights are


# -- classes


_METHODS = {
    name: member
    for name, member in vars(SubclassedLayer).items()
    if name not in ("__module__", "__doc__", "__dict__", "__weakref__")
}


def complete_class(cls: Any) -> None:
    """Adds the methods of a subclassed layer to a new class that defines `call` or `build`, or an
    `__init__` to make weights in.

    Methods that the user wrote, in this class or a base, stay.
    """
    bases = [base for base in cls.__mro__ if issubclass(base, Layer)]
    users = [b for b in bases if b is cls or b.__module__.partition(".")[0] != "jkeras"]
    library_class = next(base for base in bases if base not in users)
    has_method = "call" in vars(cls) or "build" in vars(cls)
    is_pure = any(not {"apply", "init"}.isdisjoint(vars(base)) for base in users)
    if not has_method and (library_class is not Layer or (is_pure and not hasattr(cls, "call"))):
        return
    cls.is_mutable = True
    inherit_init(cls)
    if "build" in vars(cls):
        cls.build = build_method(vars(cls)["build"], Layer.build)
    if library_class is not Layer and not hasattr(library_class, "call"):
        for name, method in BASE_METHODS.items():
            setattr(library_class, name, method)
    if not hasattr(cls, "call") and (library_class is not Layer or is_pure):
        return
    for name, method in _METHODS.items():
        definer = next((base for base in cls.__mro__ if name in vars(base)), None)
        if definer not in users:
            setattr(cls, name, method)


def build_method(user_build: Callable[..., Any], base: Callable[..., Any]) -> Callable[..., Any]:
    """A user's `build` as a method: it runs while the object is built, and at no other time.

    While another object runs, a call does nothing, since layers are built where they are called;
    elsewhere a call is one of the library's `build`, which builds the object for these shapes.

    Args:
      user_build: the function in the user's class.
      base: the `build` of the library's class.
    """

    @functools.wraps(user_build)
    def build(self: Any, *args: Any, **kwargs: Any) -> Any:
        frame = innermost()
        if frame is None:
            return base(self, *args, **kwargs)
        if frame.owner is origin_of(self) and frame.phase == "build":
            return user_build(self, *args, **kwargs)
        return None

    setattr(build, "makes_weights", True)  # noqa: B010  # mypy: no such attribute
    return build


def is_inside_call() -> bool:
    """Whether `call` of a layer or model is running in this thread."""
    return innermost(CallFrame) is not None


def weight_inside(layer: object, names: tuple[str, ...]) -> Any:
    """The array of a weight of a layer in the innermost `call` around it that runs, or None."""
    for frame in frames_of(CallFrame):
        value = frame.weight_inside(layer, names)
        if value is not None:
            return value
    return None


def call_inside(layer: LayerContract, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a layer called in a running `call`; NotImplemented outside of any `call`."""
    frame = innermost(CallFrame)
    return NotImplemented if frame is None else frame.call_layer(layer, args, kwargs)
