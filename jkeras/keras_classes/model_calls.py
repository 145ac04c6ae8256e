"""A model called on arrays: `model(x)`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import describe
from jkeras.keras_classes.array_masks import masks_of, with_masks
from jkeras.keras_classes.layers_on_arrays import note_losses
from jkeras.keras_classes.step_context import call_in_step, is_in_step
from jkeras.keras_classes.subclassed_model import call_inside, is_inside_call
from jkeras.trainer.compiling.call_program import is_traced, run
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.inference_rng import next_key, uses_rng
from jkeras.trainer.state.model_state import ModelState


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
      parts: the model's.
      inputs: the inputs, side by side.
      training: the flag.
      options: further arguments of the call.

    Raises:
      TypeError: there is no input, or one is no array.
    """
    state = parts.state
    if is_inside_call():
        return call_inside(model, inputs, {**options, "training": training})
    if is_in_step():
        outputs = call_in_step(state.as_layer(), inputs, {**options, "training": bool(training)})
        if outputs is not NotImplemented:
            return outputs
    parts.steps.check_predicts("call", state)
    _check_given(state, inputs, options)
    arranged = getattr(state.net, "arranged", list)
    arrays = [jax.tree.map(lambda leaf: _as_array(state, leaf), x) for x in arranged(inputs)]
    state.build(*arrays)
    values = state.need_values()
    key = next_key(state, values) if training or uses_rng(state) else None
    kwargs = {**options, "key": key, "training": bool(training)}
    masks = masks_of(arrays)
    eager = parts.compilation is not None and parts.compilation.eager
    values_of = values.params, values.state
    given = values_of, arrays
    call_fn = None if options or eager or is_traced(given) else parts.plans.call_fn(state)
    if call_fn is None:
        kwargs = {**options, "key": key, "training": bool(training)}
        outputs, carried, made = run(state.net, *values_of, arrays, masks, kwargs)
    else:
        outputs, carried, made = call_fn(
            *values_of, key, arrays, masks, bool(training), state.trainable_flags()
        )
    note_losses(state, carried)
    return outputs if made is None else with_masks(outputs, made)


def _check_given(state: ModelState, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
    given = inputs[0] if inputs else options or None
    if given is None:
        what = "None. A function that shall give it may lack its `return`" if inputs else "none"
        fix = "" if inputs else " Write model(x)."
        raise TypeError(f"{state.who}: expected an input, got {what}.{fix}")


def _as_array(state: ModelState, value: Any) -> jax.Array:
    try:
        return jnp.asarray(value)
    except TypeError as error:
        raise TypeError(
            f"{state.who}: expected arrays of numbers, got {describe(value)}."
        ) from error


__all__ = ["call_model"]
