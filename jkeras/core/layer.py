"""The contract of a layer: two pure functions over plain trees.

    params, state = layer.init(key, *specs)
    outputs, state = layer.apply(params, state, *inputs, key=None, training=False)

`params` is what an optimizer updates, `state` what training carries and gradients do not touch.
Both are nested dicts of arrays under Keras's weight names. `apply` is pure and returns the same
structure for every flag; a layer without state returns the same state. A shape rule is
never written: output shapes come from `jax.eval_shape` of `apply`.

Dtypes flow: a layer computes in the floating dtype of its inputs (integers become float32) and
casts its weights to it, so bfloat16 inputs give bfloat16 arithmetic over float32 weights. `dtype=`
overrides that.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import jax
import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.description import Description, fields, option
from jkeras.core.dtype_policy import OF_INPUTS, compute_dtype, followed, weights_of
from jkeras.core.elementwise import leaves_examples_apart
from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.freezing import Trainable, set_trainable
from jkeras.core.identity import NOT_COPIED, Identity, identity_of, same
from jkeras.core.input_spec import shape_or_none
from jkeras.core.keys import Key
from jkeras.core.layer_introspection import LayerIntrospection
from jkeras.core.layer_object import LayerObject, init_of_objects
from jkeras.core.parts import Path, paths_by_name
from jkeras.core.pickling import packed
from jkeras.core.policies import with_plain_dtypes
from jkeras.core.serialization import if_set, policy
from jkeras.core.trees import Tree

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec

Array = jax.Array
Params = dict[str, Any]
State = dict[str, Any]
PaddedRows = Literal["ignored", "masked", "seen"]
InSlices = Literal["faster", "same", "never"]

ACTIVITY_LOSS = "activity_loss"
"""The state entry for a layer's activity regularization: a loss, no weight."""

CARRIED = "rnn_state"
"""The state entry for what a stateful layer carries from batch to batch: no weight either."""


def _name_or_none(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise WrongTypeError(f"expected a string, got {describe(value)}.")
    return value or None


def _true_or_false(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongTypeError(f"expected True or False, got {describe(value)}.")
    return value


@functools.cache
def _activations(kind: type) -> tuple[str, ...]:
    """The fields of a class of layers that hold activations: a call of a model asks every layer."""
    return tuple(field.name for field in fields(kind) if field.name.endswith("activation"))


class Layer(LayerObject, LayerIntrospection, Description):
    """A description with `init` and `apply`. Subclass it, annotate the arguments, write the two.

    Args:
      name: the layer's name in its model; chosen from the class name when left out.
      dtype: the dtype to compute in, or a policy such as "mixed_bfloat16", which says no more:
        weights are float32, or float64 where the layer computes in it. Left out, it is that of the
        last `set_dtype_policy`, else the inputs'.
      input_shape: shape of one example; as the first layer of a `Sequential` it builds the model.
      trainable: whether its weights are trained; a frozen BatchNormalization also normalizes by its
        moving statistics while the rest trains.

    Example:
      >>> class Scale(Layer):
      ...     factor: float = 2.0
      ...     def init(self, key, inputs):
      ...         return {"gain": jnp.full(inputs.shape[-1:], self.factor)}, {}
      ...     def apply(self, params, state, inputs, *, key=None, training=False):
      ...         return inputs * params["gain"], state
      >>> layer = Scale(3.0)
      >>> params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((2,), jnp.float32))
      >>> layer.apply(params, state, jnp.ones(2))[0].tolist()
      [3.0, 3.0]
    """

    name: str | None = dataclasses.field(
        default=None, kw_only=True, metadata={"convert": _name_or_none}
    )
    dtype: Any = option(default=None, convert=compute_dtype, to_config=policy, kw_only=True)
    input_shape: tuple[int | None, ...] | None = option(
        default=None, convert=shape_or_none, to_config=if_set, kw_only=True
    )

    trainable: bool = option(default=True, convert=_true_or_false, kw_only=True)

    settable: ClassVar[Mapping[str, Callable[[Any, Any], None]]] = {"trainable": set_trainable}

    aliases: ClassVar = {"input_dim": lambda size: ("input_shape", (size,))}

    follows_policy: ClassVar[bool] = True
    """Whether a layer without `dtype` takes that of the policy for every layer."""

    in_slices: ClassVar[InSlices] = "never"
    """How the layer takes a large batch in slices, on the CPU: its activations then stay in the
    cache and it is "faster"; it is the "same"; or slices are "never" taken, because they are slower
    or give other results. A layer that looks at one example at a time may say "same"."""

    frozen_weights: ClassVar[frozenset[str]] = frozenset()
    """Names of weights that are not trained while the layer is: a kernel beside its LoRA."""

    computed_weights: ClassVar[frozenset[str]] = frozenset()
    """Names of trained weights that no optimizer moves: `computed` says their next values."""

    takes_integers: ClassVar[bool] = False
    """Whether integer inputs (token ids, raw pixels) are expected."""

    takes_words: ClassVar[bool] = False
    """Whether inputs may be strings, which the layer's first half turns into ids on the host."""

    weights_need_shapes: ClassVar[bool] = True
    """Whether the weights depend on the shapes of inputs, so that `build()` needs these."""

    known_specs: ClassVar[Any] = ()
    """The specs of inputs that the layer knows by itself, as after `adapt`; empty for none."""

    input_spec: ClassVar[Any] = None
    """What the inputs must be like: an `InputSpec`, or a list of them; models check it."""

    supports_masking: ClassVar[bool] = False
    """Whether the outputs have a mask when the inputs have one: the same, or what `compute_mask`
    says. A mask ends, with a warning, at a layer that has neither."""

    makes_masks: ClassVar[bool] = False
    """Whether the outputs may have a mask though no input has. True for a class with its own
    `compute_mask`, unless it says otherwise."""

    takes_structures: ClassVar[bool] = False
    """Whether an input may be a dict or a list. In any other layer an AttributeError of a list or
    dict means that the inputs are wrong."""

    takes_turn: ClassVar[bool] = False
    """Whether `apply_with_mask` takes `turn=`, the number of the layer's earlier runs in a pass."""

    states_in_list: ClassVar[bool] = False
    """Of a recurrent cell: whether `init` and `apply` take the states as one list behind the
    inputs, as Keras's `call(inputs, states)` does; otherwise they take them side by side."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "compute_mask" in cls.__dict__ and "makes_masks" not in cls.__dict__:
            cls.makes_masks = True
        if "init" in cls.__dict__:
            cls.init = _in_weight_dtype(cls.__dict__["init"])  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = super().__new__(cls, *args, **kwargs)
        same(layer, Identity())
        return layer

    def __post_init__(self) -> None:
        if self.dtype is None and type(self).follows_policy:
            object.__setattr__(self, "dtype", followed())
        super().__post_init__()

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; the policy for new layers does not act on it."""
        if self.dtype is None and type(self).follows_policy and not self.is_mutable:
            changes = {"dtype": OF_INPUTS} | changes
        return super().replace(**changes)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """As `Description.from_config`; the policy for new layers does not act on the layer."""
        if cls.follows_policy and isinstance(config, Mapping) and "dtype" in config:
            plain = with_plain_dtypes(config)
            config = {**plain, "dtype": OF_INPUTS} if plain["dtype"] is None else config
        return super().from_config(config)

    def __getstate__(self) -> dict[str, Any]:
        """The fields, and an identity: a pickled or copied layer is another layer, the same one for
        all models in one pickle, and was called nowhere.
        """
        copied = {name: part for name, part in vars(self).items() if name not in NOT_COPIED}
        identity = identity_of(self)
        changed = {"trainable": self.trainable, "_identity": identity, **identity.changed}
        return packed({**copied, **changed})

    def __copy__(self) -> Self:
        new = type(self).__new__(type(self))
        new.__setstate__(self.__getstate__() | {"_identity": identity_of(new)})
        return new

    # Both take anything here, so that a type checker lets each layer name its own inputs.
    def init(self, *args: Any, **kwargs: Any) -> tuple[Params, State]:
        """`init(key, *inputs)`: fresh params and state. Nothing of either, unless overridden.

        Args:
          *args: a JAX random key, then one `jax.ShapeDtypeStruct` (or array) per input, batch axis
            included.
          **kwargs: none.
        """
        del args, kwargs
        return {}, {}

    def apply(self, *args: Any, **kwargs: Any) -> tuple[Any, State]:
        """`apply(params, state, *inputs, key=None, training=False)`: outputs and new state."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `apply(self, params, state, *inputs, "
            "key=None, training=False)` that returns (outputs, state), and the class defines none."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments by name, as Keras writes them: what `from_config` takes."""
        config = super().get_config()
        first = {name: config.pop(name) for name in ("name", "trainable", "dtype")}
        return {**first, **config}

    def compute_mask(self, inputs: Tree, mask: Any = None) -> Any:
        """The mask of the outputs, by that of the inputs: the same, unless overridden.

        Args:
          inputs: the input, or a tuple of several.
          mask: bool, the shape of the input without features (True: a real step), or None; a tuple
            of those for several inputs.

        Returns:
          A mask or None; for several outputs a tuple, and what it leaves out has none.
        """
        return mask

    def mask_arguments(self, masks: tuple[Any, ...]) -> dict[str, Any]:
        """The keyword arguments of `apply` for the masks of its inputs, some of which are None.

        A layer whose `apply` has an argument `mask` gets it there: a tuple for several inputs.
        """
        if not _takes_mask(type(self).apply):
            return {}
        return {"mask": masks[0] if len(masks) == 1 else masks}

    # -- layers inside

    @property
    def made_of_layers(self) -> bool:
        """Whether all weights are those of its `layers`, which run in a fixed order."""
        return hasattr(self, "layers")

    def named_sublayers(self) -> list[Any]:
        """The sublayers, under the names by which their values lie in this layer's."""
        return [part for part in getattr(self, "layers", ()) if getattr(part, "name", None)]

    def sublayer_paths(self) -> list[tuple[Path, Any]]:
        """The sublayers, each once, with the path to their values in this layer's; `()` where these
        are all of them. Those in `layers`, each under its name, unless overridden.
        """
        return paths_by_name(getattr(self, "layers", ()))

    def wrapped_layer(self) -> Any:
        """The layer in the field `layer` of a wrapper; None where there is none, or no layer."""
        inner = getattr(self, "layer", None)
        return inner if hasattr(inner, "init") and hasattr(inner, "apply") else None

    def renamed(self, name: str) -> Self:
        """A copy under another name, which is the same layer: it shares its weights.

        Example:
          >>> from jkeras.layers import Dense
          >>> dense = Dense(4)
          >>> named = dense.renamed("head")
          >>> named.name, identity_of(named) is identity_of(dense)
          ('head', True)
          >>> identity_of(dense.replace(name="head")) is identity_of(dense)
          False
        """
        named = copy.copy(self) if self.name == name else self.replace(name=name)
        same(named, identity_of(self))
        return named

    # -- rules for weights

    def penalty(self, params: Params) -> Array | float:
        """The regularization losses of all weights, `kernel_regularizer(kernel)` and so on; none of
        a frozen layer.
        """
        if not self.trainable:
            return 0.0
        terms = [rule(params[weight]) for weight, rule in self.weight_rules("regularizer", params)]
        return sum(terms, start=0.0)

    def penalty_terms(self, params: Params) -> list[Any]:
        """What `penalty` adds up: the regularization loss of every weight that has a regularizer,
        layer by layer; none of a frozen layer. Of a layer around a layer the whole is one term.
        """
        if not self.trainable:
            return []
        parts = {part.name: part for part in self.named_sublayers()}
        if parts:
            terms = [part.penalty_terms(params.get(name, {})) for name, part in parts.items()]
            return list(itertools.chain.from_iterable(terms))
        if not hasattr(self, "layer"):
            rules = self.weight_rules("regularizer", params)
            return [rule(params[weight]) for weight, rule in rules]
        whole = self.penalty(params)
        return [] if isinstance(whole, float | int) and whole == 0 else [whole]

    def constrain(self, params: Params) -> Params:
        """`params` with each weight's constraint applied, as after every update; a frozen layer's
        stay as they are.
        """
        if not self.trainable:
            return params
        changed = {
            weight: rule(params[weight]) for weight, rule in self.weight_rules("constraint", params)
        }
        return {**params, **changed} if changed else params

    @property
    def padded_rows(self) -> PaddedRows:
        """What filler examples at the end of a batch do to the others: nothing ("ignored"); nothing
        if the argument `rows=` of `apply` marks the real rows ("masked"); or they change the result
        ("seen"), as an activation of the user's may that looks across the batch.
        """
        kind: type = type(self)
        functions = (getattr(self, name) for name in _activations(kind))
        return "ignored" if all(map(leaves_examples_apart, functions)) else "seen"

    def weight_rules(self, suffix: str, params: Params) -> list[tuple[str, Any]]:
        """Weights with their rule; `recurrent_regularizer` is that of `recurrent_kernel`."""
        rules = []
        for field in fields(type(self)):
            prefix, _, kind = field.name.rpartition("_")
            rule = getattr(self, field.name) if kind == suffix else None
            if rule is not None and prefix != "activity":
                weight = prefix if prefix in params else f"{prefix}_kernel"
                if weight in params:
                    rules.append((weight, rule))
        return rules

    def computed(self, values: Params, grads: Params) -> Params:
        """The next values of `computed_weights`: their gradients, unless overridden.

        Args:
          values: of these weights.
          grads: of those of them that are trained; the others stay as they are.
        """
        return {name: grads[name] for name in values if name in grads}

    def cast(self, inputs: ArrayLike) -> Array:
        """`inputs` as an array in the dtype this layer computes in."""
        inputs = as_jax(inputs)
        if self.dtype is not None:
            return inputs.astype(self.dtype)
        return inputs if jnp.issubdtype(inputs.dtype, jnp.inexact) else inputs.astype(jnp.float32)

    def weights_like(self, params: Tree, inputs: Array) -> Tree:
        """`params` cast to the dtype of `inputs`."""
        return jax.tree.map(lambda weight: weight.astype(inputs.dtype), params)

    def value_error(
        self, expected: object, got: object, fix: str = "", argument: str = ""
    ) -> ValueError:
        """A `ValueError` that names the layer: `Dense 'd': expected …, got …. fix`."""
        return value_error(who=self.who, argument=argument, expected=expected, got=got, fix=fix)

    def need_key(self, key: Key | None) -> Key:
        """`key`, or an error that shows the call which passes one."""
        if key is None:
            fix = "Pass one: apply(params, state, inputs, key=jax.random.key(0), training=True)."
            raise self.value_error("a random `key` while training", "None", fix)
        return key


fields(Layer)  # completes the class, which puts the argument's default where this belongs:
setattr(Layer, "trainable", Trainable())  # noqa: B010  # mypy: an argument
setattr(Layer, "__init__", init_of_objects(Layer.__init__))  # noqa: B010  # mypy: a method


def _in_weight_dtype(init: Callable[..., Any]) -> Any:
    """The method `init` with the dtype of new weights that the layer asks for."""

    @functools.wraps(init)
    def initialized(self: Layer, key: Key, *inputs: Any, **kwargs: Any) -> Any:
        with weights_of(self, (*inputs, *kwargs.values())):
            return init(self, key, *inputs, **kwargs)

    return initialized


@functools.cache
def _takes_mask(apply: Callable[..., Any]) -> bool:
    return "mask" in inspect.signature(apply).parameters


def check_rank(
    layer: Layer, inputs: ArraySpec, rank: int, axes: str, *, or_more: bool = False, fix: str = ""
) -> None:
    """Raises unless `inputs` has `rank` axes (at least that many with `or_more`).

    Args:
      layer: named in the message.
      inputs: an array or `jax.ShapeDtypeStruct`, batch axis included.
      rank: the expected number of axes.
      axes: the expected axes in words: `"[batch, height, width, channels]"`.
      or_more: more axes are fine.
      fix: one sentence that says what to do.

    Raises:
      ValueError: the rank differs.
    """
    got = len(inputs.shape)
    if got == rank or (or_more and got > rank):
        return
    raise layer.value_error(f"`inputs` {axes}", f"shape {tuple(inputs.shape)}", fix)


def activity_losses(state: Tree) -> list[Array]:
    """Every activity-regularization loss that a model reported in its new state."""
    losses: list[Array] = []
    for name, part in state.items() if isinstance(state, dict) else ():
        losses += [part] if name == ACTIVITY_LOSS else activity_losses(part)
    return losses


__all__ = [
    "ACTIVITY_LOSS",
    "CARRIED",
    "Array",
    "InSlices",
    "Key",
    "Layer",
    "PaddedRows",
    "Params",
    "State",
    "activity_losses",
    "check_rank",
    "option",
]
