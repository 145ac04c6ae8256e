"""A model called on arrays: `model(x)`."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import columns
from jkeras.core.arrays import native
from jkeras.core.dtype_policy import narrowed
from jkeras.core.errors import WrongTypeError, describe, quoted
from jkeras.core.layer import Layer
from jkeras.core.seeds import counting_generators
from jkeras.core.trees import Tree, is_traced
from jkeras.data.checks import as_arrays
from jkeras.keras_classes.call_arrays import masks_of, with_masks
from jkeras.keras_classes.layers_on_arrays import call_key, note_losses
from jkeras.keras_classes.step_context import call_in_step, is_in_step
from jkeras.keras_classes.subclassed_layer import is_inside_call
from jkeras.keras_classes.subclassed_model import call_inside
from jkeras.keras_classes.tracking import is_subclassed
from jkeras.models.host_part import host_of
from jkeras.trainer.compiling.call_program import moved, run
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.inference_rng import next_key, uses_rng


def call_model(
    model: Any,
    parts: TrainerParts,
    inputs: tuple[Any, ...],
    training: bool | None,
    options: dict[str, Any],
) -> Any:
    """The outputs of a model for arrays, as JAX arrays.

    Args:
      model: the model.
      parts: the parts of the model's trainer.
      inputs: the inputs, side by side.
      training: the flag.
      options: further arguments of the call.

    Raises:
      TypeError: there is no input, or an input is not an array of numbers.
    """
    state, flag = parts.state, bool(training)
    if is_inside_call():
        return call_inside(model, inputs, {**options, "training": training})
    if is_in_step():
        outputs = call_in_step(state.as_layer(), inputs, {**options, "training": flag})
        if outputs is not NotImplemented:
            return outputs
    parts.steps.check_predicts("call", state)
    if (inputs and inputs[0] is None) or not (inputs or options):
        got = "None. A function that shall give it may lack its `return`." if inputs else "none."
        fix = "" if inputs else " Write model(x)."
        raise WrongTypeError(f"{state.who}: expected an input, got {got}{fix}")

    try:
        if len(inputs) == 1:
            inputs = (columns.by_names(inputs[0], getattr(state.net, "input_names", ())),)
        host = host_of(state.net)
        if host is not None and inputs:
            encoded = host.encoded(inputs[0] if len(inputs) == 1 else inputs)
            inputs = encoded if isinstance(encoded, tuple) else (encoded,)
    except (TypeError, ValueError) as error:
        raise quoted(error, who=state.who) from None
    if hasattr(state.net, "check_structure"):
        state.net.check_structure(inputs[0] if len(inputs) == 1 else inputs)
    side_by_side = getattr(state.net, "arranged", list)(inputs)
    to_array = functools.partial(_as_array, state.who)
    arrays = [narrowed(state.net, jax.tree.map(to_array, value)) for value in side_by_side]
    shape = next((leaf.shape for leaf in jax.tree.leaves(arrays) if leaf.shape), (1,))
    rows = shape[0] or 1  # a stateful layer carries as many states
    state.build_if_known(rows)
    for i, spec in enumerate((state.specs or ())[: len(arrays)]):
        arrays[i] = _with_rank(arrays[i], getattr(spec, "shape", None))
    state.build(*arrays, rows=rows)
    current = state.need_values()
    values = current.params, current.state
    if not is_traced(current.state) and not is_subclassed(state.net):  # `call` may leave some out
        state.check_ready(state.who)
    key = None
    if training or uses_rng(state):
        is_layer = isinstance(state.net, Layer)
        key = call_key(state.net, state, current) if is_layer else next_key(state, current)
    masks = masks_of(arrays)
    eager = options or (parts.compilation is not None and parts.compilation.eager)
    call_fn = None if eager or is_traced((values, arrays)) else parts.plans.call_fn(state)
    if call_fn is None:
        kwargs = {**options, "key": key, "training": flag}
        with counting_generators():
            outputs, changed, out_masks = run(state.net, *values, arrays, masks, kwargs)
    else:
        flags = state.trainable_flags()
        outputs, changed, out_masks = call_fn(*values, key, arrays, masks, flag, flags)
    note_losses(state, changed)
    if jax.tree.leaves(changed) and not is_traced(changed):
        new = moved(current.state, changed)
        pairs = zip(jax.tree.leaves(new), jax.tree.leaves(current.state), strict=True)
        if any(after is not before for after, before in pairs):
            state.values = current.replace(state=new)
    return outputs if out_masks is None else with_masks(outputs, out_masks)


def _as_array(who: str, value: object) -> jax.Array:
    """One array of the inputs."""
    try:
        if columns.is_table(value) or hasattr(value, "to_numpy") or columns.is_lazy(value):
            value = as_arrays("x", value, finite=False, are_inputs=True)
        value = native(value)
    except (TypeError, ValueError) as error:
        raise quoted(error, who=who) from None
    try:
        return jnp.asarray(value)
    except (TypeError, ValueError) as error:
        fix = " Write x.toarray()." if hasattr(value, "toarray") else ""
        raise WrongTypeError(
            f"{who}: expected arrays of numbers, got {describe(value)}.{fix}"
        ) from error


def _with_rank(array: Tree, shape: tuple[int | None, ...] | None) -> Any:
    """An array with a last axis of size one added or taken, where the model wants that."""
    ndim = getattr(array, "ndim", 0)
    if not shape or not ndim or ndim == len(shape):
        return array
    if ndim == len(shape) - 1 and shape[-1] == 1:
        return array[..., None]
    return array[..., 0] if ndim == len(shape) + 1 and array.shape[-1] == 1 else array
