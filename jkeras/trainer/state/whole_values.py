"""The values of a model that are cut over processes, whole on the host for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jax

from jkeras.core.global_arrays import is_cut, local
from jkeras.trainer.state.model_state import ModelState


@contextlib.contextmanager
def whole_values(state: ModelState) -> Iterator[None]:
    """While it is entered, every process has all values of the model, those that are cut over
    processes as arrays of NumPy: what is read then needs no other process. All of them enter it.
    """
    values = state.values
    if not any(is_cut(leaf) for leaf in jax.tree.leaves(values)):
        yield
        return
    with state.lock:
        stored = state.stored
        state.stored = jax.tree.map(lambda leaf: local(leaf) if is_cut(leaf) else leaf, values)
        try:
            yield
        finally:
            state.stored = stored
