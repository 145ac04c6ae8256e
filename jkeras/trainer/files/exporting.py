"""A trainer's model as an `Inference`: what `export` and `serve` are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import value_error
from jkeras.core.trees import Tree
from jkeras.export.inference import BATCH, Inference, TensorSpec
from jkeras.trainer.state.inference_rng import output_specs, uses_rng
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.specs import concrete, merged_shape, spec_of_input


def inference_of(state: ModelState, input_signature: Sequence[Any] | None = None) -> Inference:
    """The model as a pure function of named arrays.

    Args:
      state: of the model, built or with known inputs.
      input_signature: for each input its shape, with None or a name for an axis of any size, or a
        spec, `Input` or array; the model's own inputs when left out.

    Raises:
      NotReadyError: the shapes of the inputs are not known.
      ValueError: the model draws random numbers outside of training.
    """
    values = state.need_values()
    if uses_rng(state):
        raise value_error(
            who=f"{state.who}: export",
            expected="a model that draws no random numbers outside of training",
            got="one that does (Dropout called with `training=True`, or a sampling layer)",
        )
    specs = state.specs or ()
    if input_signature is not None:
        specs = tuple(spec_of_input(spec, f"{state.who}: export") for spec in input_signature)
    leaves, structure = jax.tree.flatten(specs)
    names = _names_of(state.net, specs, "input_names", "input")
    inputs = tuple(
        TensorSpec(name, _shape(name, spec.shape), jnp.dtype(spec.dtype).name)
        for name, spec in zip(names, leaves, strict=True)
    )
    return Inference(
        name=state.name,
        net=state.net,
        params=values.params,
        state=values.state,
        inputs=inputs,
        outputs=_outputs_of(state, specs, set(names)),
        structure=structure,
    )


def _shape(name: str, shape: Sequence[int | str | None]) -> tuple[int | str, ...]:
    open_names = [BATCH, *(f"{name}_axis_{axis}" for axis in range(1, len(shape)))]
    return tuple(open_names[axis] if n is None else n for axis, n in enumerate(shape))


def _names_of(net: Any, tree: Tree, attribute: str, default: str) -> list[str]:
    """A name for each leaf: those the model gives, the keys of a dict, or numbered ones."""
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0]]
    known = getattr(net, attribute, ())
    if len(known) == len(paths):
        return list(known)
    keys = [[str(part.key) for part in path if hasattr(part, "key")] for path in paths]
    if all(keys) and len({key[-1] for key in keys}) == len(keys):
        return [key[-1] for key in keys]
    return [default] if len(paths) == 1 else [f"{default}_{i}" for i in range(len(paths))]


def _outputs_of(state: ModelState, specs: Any, taken: set[str]) -> tuple[TensorSpec, ...]:
    """The outputs under names that no input has; axes that grow with the batch are open."""
    one, more = (
        output_specs(state, *map(lambda s: concrete(s, n, longer=n), specs)) for n in (1, 2)
    )
    shapes = jax.tree.leaves(merged_shape(one, more), is_leaf=lambda s: isinstance(s, tuple))
    names = _names_of(state.net, one, "output_names", "output")
    named = [f"{name}_output" if name in taken else name for name in names]
    return tuple(
        TensorSpec(name, _shape(name, shape), jnp.dtype(leaf.dtype).name)
        for name, shape, leaf in zip(named, shapes, jax.tree.leaves(one), strict=True)
    )
