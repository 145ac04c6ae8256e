"""Errors in the middle of a run: notes that say why, and a trainer that stays usable.

Whatever is raised inside `explained` leaves the progress bar closed. Where the device had no room,
the error says how much lies on it and what can be made smaller. A step donates its state, so one
that failed on the device may have taken the weights with it: then the model is unbuilt again,
rather than full of deleted arrays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import jax

from jkeras.core import trees
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays
from jkeras.display import memory_text
from jkeras.trainer.loop.parts import TrainerParts

NO_ROOM = "RESOURCE_EXHAUSTED"
"""What XLA's error says where the device had no room."""


@contextlib.contextmanager
def explained(
    parts: TrainerParts,
    who: str,
    size: int | None = None,
    close_fn: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """While it is entered, an error of the device without room becomes one that says what to do.

    Args:
      parts: of the trainer that works.
      who: its method, for messages.
      size: examples in a batch; None or 0 where unknown.
      close_fn: called after every exception, before it goes on.

    Raises:
      MemoryError: in the place of XLA's error.
    """
    try:
        yield
    except BaseException as error:
        close_fn()
        if not isinstance(error, jax.errors.JaxRuntimeError) or NO_ROOM not in str(error):
            raise
        advice = what_to_reduce(parts, who, size, error)
        raise MemoryError(f"{advice} {rescued(parts)}".strip()) from error


def what_to_reduce(parts: TrainerParts, who: str, size: int | None, error: BaseException) -> str:
    """What lies on the device, and what can be made smaller, in words; arguments as for
    `explained`, and XLA's error.
    """
    values, placed = parts.state.stored, parts.placed
    lies, fixes = [], []
    if size:
        fixes.append(f"`batch_size`, now {size}")
    if values is not None:
        carried = trees.size_bytes((values.state, values.opt_state))
        lies.append(f"{memory_text(trees.size_bytes(values.params))} of weights")
        lies.append(f"{memory_text(carried)} carried beside them")
    if placed is not None and isinstance(placed.data, Arrays) and placed.engine == "resident":
        lies.append(f"{memory_text(trees.size_bytes(placed.data.batch))} of data")
        fixes.append("the data there: compile(engine='streaming') keeps them on the host")
    if who in ("fit", "train_on_batch"):
        fixes.append(
            "activations: model.dtype_policy = 'mixed_bfloat16', or layers in RematScope()"
        )
    there = f" There lie {', '.join(lies)}." if lies else ""
    what = f" Reduce {'; '.join(fixes)}." if fixes else ""
    first = str(error).partition("\n")[0].rstrip(".")
    return f"{who}: the device has no room: {first}.{there}{what}"


def rescued(parts: TrainerParts) -> str:
    """What is left of the model, in words; one whose arrays are gone is unbuilt."""
    values = parts.state.stored
    if values is None:
        return ""
    if is_whole(values):
        return "The model is as it was after the last step that was completed."
    parts.state.stored, parts.state.lent = None, False
    return (
        "The failed step had taken over the memory of the weights, and they are lost: the model is "
        "unbuilt. Load the last checkpoint, or fit it anew."
    )


def is_whole(tree: Tree) -> bool:
    """Whether all arrays are there, neither donated nor what a failed program left."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]
    if any(leaf.is_deleted() for leaf in leaves):
        return False
    try:
        jax.block_until_ready(leaves)
    except jax.errors.JaxRuntimeError:
        return False
    return True
