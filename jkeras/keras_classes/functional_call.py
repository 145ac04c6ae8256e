"""Subclassed layers run as pure functions.

    class Linear(Layer):
        def __init__(self, units): ...
        def build(self, input_shape): self.w = self.add_weight(shape=(input_shape[-1], self.units))
        def call(self, inputs): return inputs @ self.w

`plan_weights` runs `build` and traces `call` once, which shows the weights, the layers that `call`
calls, and their inputs; `WeightPlan.init` makes the weights. `run` lets the attributes stand for
the arrays that are passed in (`CallFrame`), runs `call`, and collects the assigned variables and
the added losses.

Laws:

  - The same arguments give the same result; a run leaves nothing in the object but the attributes
    that `call` sets, and a traced array among them raises an error when it is used later.
  - Layers inside, in lists and dicts too, have their values under names in Keras's style, counted
    in this object; one object at two places is one set of weights.
  - The structure of the state is the same for every flag.
  - An object is built, and traced for its weights, by one thread at a time. A run of a built object
    takes no lock.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.host_random import key_of_seed
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, Params, State
from jkeras.core.seeds import drawing_from, drawing_outside, is_tracing
from jkeras.core.tracing import is_guessing_values, is_shapes_only, shapes_only
from jkeras.core.trees import Tree, is_traced, spec_of
from jkeras.core.value_reads import ones_of
from jkeras.core.variables import lenient, within
from jkeras.keras_classes import tracking
from jkeras.keras_classes.call_arrays import as_array, note_returned
from jkeras.keras_classes.call_frame import CallFrame
from jkeras.keras_classes.call_signature import CallSignature, build_arguments, signature
from jkeras.keras_classes.tracking import Path
from jkeras.keras_classes.weight_plan import METRIC_SUMS, WeightPlan
from jkeras.metrics.carried import carried, carrying
from jkeras.models.calls import (
    Masks,
    Values,
    as_tuple,
    naming_errors,
    unpacked,
    warn_of_lost_mask,
)

if TYPE_CHECKING:
    from jax.typing import DTypeLike


def plan_weights(view: Layer, key: Key, inputs: tuple[Any, ...]) -> WeightPlan:
    """The plan of a layer's weights for inputs, which are specs or arrays.

    Raises:
      TypeError, ValueError: those that `build` and `call` raise for such inputs.
    """
    plan = WeightPlan(view.who)
    leaves, tree = jax.tree.flatten(inputs)
    arrays = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "shape")]

    def trace(key: Key, *traced: Any) -> None:
        new = dict(zip(arrays, traced, strict=True))
        values = jax.tree.unflatten(tree, [new.get(i, leaf) for i, leaf in enumerate(leaves)])
        for training in (False, True) if _uses_training(tracking.origin_of(view)) else (False,):
            run(view, {}, {}, values, (None,) * len(values), key=key, training=training, plan=plan)

    with shapes_only():
        jax.eval_shape(trace, key, *(spec_of(leaves[i]) for i in arrays))
    return plan


def _uses_training(owner: object) -> bool:
    """Whether `call` of an object, or of a subclassed layer inside, has the argument `training`."""
    inside = (layer for _, layer in tracking.paths_of(owner).values())
    subclassed = (tracking.origin_of(x) for x in inside if tracking.is_subclassed(x))
    kinds = [type(x) for x in (owner, *subclassed)]
    return any(signature(kind).takes("training") for kind in kinds if hasattr(kind, "call"))


def run(
    view: Layer,
    params: Params,
    state: State,
    values: tuple[Any, ...],
    masks: Masks | list[Any] | Array | None,
    *,
    key: Key | None,
    training: bool,
    plan: WeightPlan | None = None,
    turn: int = 0,
    on_params: Callable[[Params], None] | None = None,
    layer_outputs: dict[Path, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[Any, State, Any]:
    """Runs a subclassed layer.

    Args:
      view: the layer.
      params, state, key, training: as for `apply`.
      values: the inputs, side by side.
      masks: their masks, or None.
      plan: filled with the variables and layers of the run, when there are no values yet.
      turn: how often the layer ran before in this pass; its losses then add up.
      on_params: called with the traced params that a plan made.
      layer_outputs: filled with the outputs of the layers inside, by their paths.
      options: further arguments of `call` by name.

    Returns:
      The outputs, the new state, and the masks of the outputs in their structure.
    """
    tracking.check_super_init(view)
    record = tracking.record_of(tracking.origin_of(view))
    builds = plan is not None or record.shapes is None
    frame = CallFrame(view, params, state, key=key, training=training, plan=plan)
    if layer_outputs is not None:
        frame.layer_outputs = layer_outputs

    def draw_key() -> Key:  # of random functions without a seed; constant outside of training
        parent = key_of_seed(0) if key is None else key
        return child(child(parent, "draws"), str(view.name))

    with record.lock if builds else contextlib.nullcontext():
        dtype = frame.dtype if getattr(frame.owner, "autocast", True) else None
        frame.inputs = tuple(jax.tree.map(lambda x: _cast(x, dtype), values))
        listed = masks if isinstance(masks, tuple | list) else (masks,) * len(values)
        for value, mask in zip(frame.inputs, listed, strict=False):
            frame.set_masks(value, mask)
        with within(frame), drawing_from(draw_key), lenient():
            _build(frame)
            frame.enter()
            with _metrics(frame):
                outputs = _call(frame, options or {})
            frame.base.end()
            out_masks = _compute_masks(frame, outputs, (options or {}).get("mask"))
            new = frame.new_state(state if turn else None)
        frame.leave()
    if on_params is not None:
        on_params(frame.params)
    return outputs, new, out_masks


def _cast(value: object, dtype: DTypeLike | None) -> Any:
    """An input as an array, in the dtype to compute in if it is floating."""
    array = as_array(value)
    if dtype is None or not hasattr(array, "dtype"):
        return array
    return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _build(frame: CallFrame) -> None:
    """Runs the object's `build` for the shapes of the inputs, unless it is built for them."""
    record = tracking.record_of(frame.owner)
    shapes = jax.tree.map(
        lambda leaf: (None, *leaf.shape[1:]) if getattr(leaf, "ndim", 0) else (), frame.inputs
    )
    if record.shapes is not None and (frame.plan is None or record.shapes == shapes):
        return
    record.begin(frame.owner)
    build: Any = getattr(type(frame.owner), "build", None)
    if hasattr(build, "makes_weights"):
        call = signature(type(frame.owner))
        args, kwargs = build_arguments(frame.view.who, build, shapes, call)
        with jax.ensure_compile_time_eval(), drawing_outside():
            build(frame.owner, *args, **kwargs)
    record.shapes = shapes


@contextlib.contextmanager
def _metrics(frame: CallFrame) -> Iterator[None]:
    """While `call` runs, the metrics in the attributes have the sums in the state. In a trace
    without such sums, of a prediction or for shapes, updates are dropped; other calls on arrays
    update the objects.
    """
    metrics = [m for m in tracking.metrics_in(frame.owner) if carrying(m) is None]
    given = frame.state.get(METRIC_SUMS)
    arrays = frame.inputs, frame.params, frame.state
    if not metrics or (given is None and not (is_tracing() or is_traced(arrays))):
        yield
        return
    variables = [leaf for metric in metrics for leaf in metric.stateless_reset_state()]
    with carried(metrics, variables if given is None else given) as sums:
        yield
    if given is not None:
        frame.state[METRIC_SUMS] = sums.variables()


def _call(frame: CallFrame, options: dict[str, Any]) -> Any:
    """The outputs of `call`."""
    call = signature(type(frame.owner))
    values = args = frame.inputs
    if len(values) > 1 and len(call.inputs) == 1 and not call.spreads:
        args = (list(values),)
    args, kwargs = call.arranged(args, options)
    if call.takes("training"):
        kwargs["training"] = frame.training
    if call.takes("mask") and "mask" not in kwargs and values:
        masks = frame.masks_of(args[0] if args else values[0])
        kwargs["mask"] = masks if jax.tree.leaves(masks) else None
    kwargs |= _masks_by_input(frame, call, kwargs)
    try:
        inspect.signature(frame.owner.call).bind(*args, **kwargs)
    except TypeError as error:
        raise WrongTypeError(f"{frame.view.who}: call: {error}.") from None
    with naming_errors(frame.view, values):
        returned = _run_call(frame, args, kwargs)
        outputs = jax.tree.map(as_array, returned)
        if frame.is_outermost:
            note_returned(returned)
    if not jax.tree.leaves(outputs):
        raise ValueError(
            f"{frame.view.who}: expected `call` to return its outputs, got {describe(outputs)}. "
            "End it with return."
        )
    return jax.tree.map(jnp.asarray, outputs)


def _masks_by_input(
    frame: CallFrame, call: CallSignature, kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The masks of inputs that `call` takes by name, `x_mask` for its input `x`, if left out."""
    taken = {*call.inputs[: len(frame.inputs)], *kwargs}
    masks = {
        f"{name}_mask": frame.masks_of(value)
        for name, value in zip(call.inputs, frame.inputs, strict=False)
        if call.takes(f"{name}_mask") and f"{name}_mask" not in taken
    }
    return {name: mask if jax.tree.leaves(mask) else None for name, mask in masks.items()}


def _run_call(frame: CallFrame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a user's `call`. Where shapes alone are needed, the masks of the inputs are
    not known: if `call` cannot do without, it gets one that leaves out nothing. Where values may be
    guessed, a `call` that looks at them runs on ones.
    """
    call: Any = frame.owner.call
    names = signature(type(frame.owner)).inputs
    if is_shapes_only() and is_guessing_values():
        try:
            return _with_some_mask(call, names, args, kwargs)
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
            with jax.ensure_compile_time_eval():
                frame.params, frame.state = ones_of(frame.params), ones_of(frame.state)
                frame.values = {v: ones_of(value) for v, value in frame.values.items()}
                frame.key = None if frame.key is None else key_of_seed(0)
                return _with_some_mask(call, names, *ones_of((args, kwargs)))
    return _with_some_mask(call, names, args, kwargs)


def _mask_of_all(value: Tree) -> Any:
    return jax.tree.map(lambda x: jnp.ones(jnp.shape(x)[:2], bool), value)


def _with_some_mask(
    call: Callable[..., Any], names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The outputs of `call`, with a mask where it needs one for its shapes; `names` are those of
    its inputs.
    """
    missing = [name for name in kwargs if name.endswith("mask") and kwargs[name] is None]
    if not is_shapes_only() or not missing:
        return call(*args, **kwargs)
    try:
        return call(*args, **kwargs)
    except Exception:  # what a user's code does with None
        named = {**dict(zip(names, args, strict=False)), **kwargs}
        first = args[0] if args else None
        some = {
            name: _mask_of_all(first if name == "mask" else named.get(name.removesuffix("_mask")))
            for name in missing
        }
        with contextlib.suppress(Exception):
            return call(*args, **{**kwargs, **some})
        raise


def _compute_masks(frame: CallFrame, outputs: Tree, explicit: Tree) -> Any:
    """The masks of the outputs: from the layers inside, else from `compute_mask`, which gets the
    explicit mask of the call where there is one.
    """
    out_masks = frame.masks_of(outputs)
    if jax.tree.leaves(out_masks):
        return out_masks
    values: Values = frame.inputs
    masks = frame.masks_of(values)
    if explicit is not None:
        is_parallel = len(values) > 1 and isinstance(explicit, tuple | list)
        masks = tuple(explicit) if is_parallel else (explicit, *masks[1:])
    compute_mask = getattr(type(frame.owner), "compute_mask", Layer.compute_mask)
    supports_masking = getattr(frame.owner, "supports_masking", False)
    if supports_masking or compute_mask is not Layer.compute_mask:
        return compute_mask(frame.owner, unpacked(values), unpacked(masks))
    if jax.tree.leaves(masks) and not signature(type(frame.owner)).takes_masks:
        warn_of_lost_mask(frame.view)
    return None if not isinstance(outputs, tuple) else (None,) * len(as_tuple(outputs))
