"""Shape inference before training, with errors that show None in the place of the batch size.

A model is built, and its outputs are inferred, for a batch of a size that no user chose: that of
the last fit, or 1. An error of a layer shows None instead of that size, as for symbols.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from jkeras.core.errors import PLAIN_ERRORS, tell
from jkeras.core.host_random import key_of_seed
from jkeras.core.jit_once import jit_once
from jkeras.core.keys import Key
from jkeras.core.layer import CARRIED
from jkeras.core.tracing import of_any_size, shapes_only, spec
from jkeras.core.trees import Tree, path_names, specs_of_rows
from jkeras.models.calls import naming_errors
from jkeras.models.chain import output_specs
from jkeras.trainer.state.specs import OpenSpec, concrete, sized


@contextlib.contextmanager
def of_unknown_size(again_fn: Callable[[tuple[Any, Any]], Any]) -> Iterator[None]:
    """While it is entered, an error about shapes says None where a batch has any size.

    Args:
      again_fn: tries the same with other sizes of unknown axes; called after an error.

    Raises:
      TypeError, ValueError: those that are raised inside.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) in PLAIN_ERRORS:
            tell(error, of_any_size(error, again_fn))
        raise


def made(
    init_fn: Callable[..., Any],
    seed: int,
    specs: Sequence[Any],
    rows: int,
    *,
    at_once: bool,
) -> Any:
    """What `init_fn(key, *specs)` makes for a batch of so many rows.

    Args:
      init_fn: a pure function.
      seed: of the key.
      specs: shapes in which an unknown axis is None.
      rows: what stands in its place.
      at_once: whether one program makes everything.
    """
    key = key_of_seed(seed)
    known = [concrete(each, rows) for each in specs]

    def run_again(sizes: tuple[Any, Any]) -> None:
        jax.eval_shape(init_fn, key, *_with_sizes(specs, sizes))

    with of_unknown_size(run_again):
        return (jit_once(init_fn) if at_once else init_fn)(key, *known)


def naming_layers(net: object, init_fn: Callable[..., Any]) -> Callable[..., Any]:
    """`init_fn(key, *specs)`, whose errors name the layers of `net`."""

    def run(key: Key, *specs: Any) -> Any:
        with naming_errors(net, specs):
            return init_fn(key, *specs)

    return run


def of_carried_rows(specs: tuple[Any, ...], state: Tree) -> tuple[Any, ...]:
    """The specs of a built model's inputs: what a stateful layer carries fixes the batch."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    rows = {leaf.shape[0] for path, leaf in leaves if CARRIED in path_names(path)}
    if len(rows) != 1:
        return specs
    (size,) = rows

    def fixed(spec: OpenSpec) -> OpenSpec:
        batch = size if spec.shape[:1] == (None,) else spec.shape[0]
        return OpenSpec((batch, *spec.shape[1:]), spec.dtype, spec.size)

    return jax.tree.map(fixed, specs)


def outputs_of_layers(layers: Sequence[Any], specs: Sequence[Any]) -> tuple[Any, ...]:
    """The specs of the outputs of layers in a row, where a size of unknown axes fits into them.

    Args:
      layers: the layers, named.
      specs: shapes in which an unknown axis is None.
    """
    first_error = None
    for tried in sized(tuple(specs), layers):
        try:
            with of_unknown_size(lambda sizes: output_specs(layers, _with_sizes(specs, sizes))):
                return output_specs(layers, tuple(concrete(each) for each in tried))
        except (TypeError, ValueError) as error:
            first_error = first_error or error
    assert first_error is not None, "some size was tried"
    raise first_error


def _with_sizes(specs: Sequence[Any], sizes: tuple[Any, Any]) -> tuple[Any, ...]:
    return tuple(jax.tree.map(lambda leaf: spec(leaf, sizes), each) for each in specs)


def outputs(net: object, outputs_fn: Callable[..., Any], inputs: Tree) -> Any:
    """`outputs_fn(inputs)`, from specs of a net's inputs to those of its outputs."""

    def run(given: Tree) -> Any:
        with naming_errors(net, tuple(jax.tree.leaves(given))), shapes_only():
            return outputs_fn(given)

    with of_unknown_size(lambda sizes: run(specs_of_rows(inputs, sizes[0]))):
        return run(inputs)
