"""A trainer's model as an `Inference`: what `export` and `serve` are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jkeras.core.errors import value_error
from jkeras.export import describing
from jkeras.export.inference import Inference
from jkeras.trainer.state.inference_rng import uses_rng
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.specs import InputSpecs


def inference_of(state: ModelState, input_signature: Sequence[Any] | None = None) -> Inference:
    """The model as a pure function of named arrays.

    Args:
      state: of the model, built or with known inputs.
      input_signature: for each input its shape, with None or a name for an axis of any size, or a
        spec, `Input` or array; the model's own inputs when left out. A shape alone has the dtype of
        the model's input.

    Raises:
      NotReadyError: the shapes of the inputs are not known.
      ValueError: a layer waits for `adapt`; the model draws random numbers outside of training, or
        carries something from call to call; the signature has another number of inputs.
    """
    if getattr(state.net, "takes_words", False):
        raise value_error(
            who=f"{state.who}: export",
            expected="a model of numbers",
            got="one of strings, whose ids the host makes",
            fix=(
                "Export what follows, jkeras.Model(layer.output, model.output), where `layer` "
                "makes the ids, and keep layer.get_vocabulary() beside the file."
            ),
        )
    values = state.need_values()
    state.check_ready("export")
    if uses_rng(state):
        raise value_error(
            who=f"{state.who}: export",
            expected="a model that draws no random numbers outside of training",
            got="one that does (Dropout called with `training=True`, or a sampling layer)",
        )
    specs = tuple(state.specs or ())
    if input_signature is not None:
        specs = _signed(state, specs, input_signature)
    return describing.inference_of(state.net, values.params, values.state, *specs, name=state.name)


def _signed(state: ModelState, specs: InputSpecs, signature: Sequence[Any]) -> Any:
    """The signature in the structure of the model's inputs, with their dtypes where it has none."""
    if isinstance(signature, dict):
        signature = _by_name(state, specs, signature)
    if not isinstance(signature, list | tuple):
        signature = [signature]
    signed = [describing.open_spec(spec) for spec in signature]
    given = jax.tree.leaves(signed, is_leaf=lambda leaf: leaf is None)
    own, structure = jax.tree.flatten(specs)
    if not own:
        return signed
    if len(given) != len(own):
        raise value_error(
            who=f"{state.who}: export",
            argument="input_signature",
            expected=f"{len(own)} input{'s' if len(own) > 1 else ''}",
            got=len(given),
            fix="Give a list with one shape for each input.",
        )
    typed = [
        spec and describing.OpenSpec(spec.shape, spec.dtype or known.dtype)
        for spec, known in zip(given, own, strict=True)
    ]
    return jax.tree.unflatten(structure, typed)


def _by_name(state: ModelState, specs: InputSpecs, signature: Mapping[str, Any]) -> list[Any]:
    """The parts of a signature in the order of the inputs, whose names it has."""
    one = specs[0] if len(specs) == 1 else None
    names = sorted(one) if isinstance(one, dict) else getattr(state.net, "input_names", [])
    if not specs or any(isinstance(part, dict) for part in signature.values()):
        return [signature]
    if set(names) != set(signature):
        raise value_error(
            who=f"{state.who}: export",
            argument="input_signature",
            expected=f"the names {', '.join(names)}"
            if names
            else "a list, since inputs lack names",
            got=", ".join(signature),
        )
    return [signature[name] for name in names]
