"""A model's weights in files: the ending of the name says in which form.

Laws:
- Loading is all or nothing: a model is as it was after any error.
- What is loaded is matched by name, and a report says what became of each weight.
- A model does not lose its compilation or its optimizer's state by it, and what is frozen or
  shared with another model stays so.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.code import checked_safe_mode
from jkeras.core.errors import describe
from jkeras.core.layer import ACTIVITY_LOSS, CARRIED
from jkeras.core.trees import Tree, named_leaves, path_names
from jkeras.saving import weights as files
from jkeras.saving.matching import Report, match
from jkeras.trainer.files import keras_weights
from jkeras.trainer.state.model_state import ModelState
from jkeras.training.state import TrainState

if TYPE_CHECKING:
    from jkeras.optimizers.resolve import Transformation

KERAS_ENDINGS = (".weights.h5", ".weights.json", ".h5", ".keras")
ENDINGS = (*files.ENDINGS, *KERAS_ENDINGS)

_NO_WEIGHTS = {ACTIVITY_LOSS, CARRIED}
"""Entries of a state that belong to a batch, not to the model."""


def save(
    state: ModelState,
    optimizer: Transformation | None,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Writes the weights of a model to a file, whole or not at all; `optimizer` is the description
    that it is compiled with, the other arguments are as for `Trainer.save_weights`.
    """
    path = _checked_path(state, filepath)
    if path.name.endswith(KERAS_ENDINGS):
        keras_weights.save_weights(
            state, optimizer, path, overwrite, max_shard_size, objects_to_skip
        )
    else:
        for name, value in (
            ("max_shard_size", max_shard_size),
            ("objects_to_skip", objects_to_skip),
        ):
            _check_absent(state, name, value, path)
        files.save(path, _weights(state.need_values()), overwrite=overwrite)


def load(
    state: ModelState,
    optimizer: Transformation | None,
    filepath: str | os.PathLike[str] | Mapping[str, Any],
    skip_mismatch: bool = False,
    rename: Mapping[str, str] | None = None,
    safe_mode: bool = True,
    objects_to_skip: Iterable[Any] | None = None,
) -> Report:
    """Reads weights by their names, in the dtypes of the model.

    Args:
      state: the model's.
      optimizer: the description that it is compiled with; None for none.
      filepath, skip_mismatch, rename, safe_mode, objects_to_skip: as for `Trainer.load_weights`.
    """
    safe_mode = checked_safe_mode(f"{state.who}: load_weights", safe_mode)
    if isinstance(filepath, Mapping):
        return _load_named(state, "load_weights", _named(filepath), skip_mismatch, rename)
    is_folder = isinstance(filepath, str | os.PathLike) and os.path.isdir(filepath)
    path = Path(filepath) if is_folder else _checked_path(state, filepath)
    if not path.name.endswith((".weights.h5", ".weights.json")):
        _check_absent(state, "objects_to_skip", objects_to_skip, path)
    if path.name.endswith(KERAS_ENDINGS) and not path.is_dir():
        if rename is not None:
            raise ValueError(
                f"{state.who}: `rename`: expected None for {path.name!r}: the weights in Keras's "
                "files have numbers, not names."
            )
        return keras_weights.load_weights(
            state, optimizer, path, skip_mismatch, safe_mode, objects_to_skip
        )
    if path.is_dir():
        from jkeras.saving import orbax_files

        found = _named(orbax_files.load_tree(path))
    else:
        found = files.read(path)
    return _load_named(state, str(path), found, skip_mismatch, rename)


def _load_named(
    state: ModelState,
    source: str,
    found: Mapping[str, Any],
    skip_mismatch: bool,
    rename: Mapping[str, str] | None,
) -> Report:
    values = state.need_values()
    tree = _weights(values)
    wanted = {name: files.plain(leaf) for name, leaf in named_leaves(tree).items()}
    found = {n: array for n, array in found.items() if _NO_WEIGHTS.isdisjoint(n.split("/"))}
    report, names = match(wanted, found, rename)
    source = f"{state.who}: {source}"
    if not report.complete and not skip_mismatch:
        raise ValueError(
            f"{source}: {report.difference} skip_mismatch=True loads what fits; rename={{...}} "
            "matches other names."
        )
    if not report.complete and not report.matched:
        raise ValueError(f"{source}: expected something that fits. {report.difference}")
    if not report.complete:
        warnings.warn(f"{source}: {report}", stacklevel=5)
    new = files.filled(tree, {name: found[theirs] for name, theirs in names.items()})
    params, carried = jax.tree.map(jnp.asarray, (new["params"], new["state"]))
    state.replace(values.replace(params=params, state=_over(values.state, carried)))
    return report


def _check_absent(state: ModelState, name: str, value: object, path: Path) -> None:
    if value is not None:
        raise ValueError(
            f"{state.who}: `{name}`: expected None for {path.name!r}, got {describe(value)}. It "
            "goes with Keras's files of weights, '.weights.h5' and '.weights.json'."
        )


def _checked_path(state: ModelState, filepath: str | os.PathLike[str]) -> Path:
    return files.checked_ending(filepath, ENDINGS, who=f"{state.who}: `filepath`")


def _named(tree: Tree) -> dict[str, Any]:
    """The arrays of a tree by name. A variable of Flax is named as its array is."""
    named = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        held = bool(path) and path[-1] == jax.tree_util.GetAttrKey("value")
        named["/".join(path_names(path[:-1] if held else path))] = files.plain(leaf)
    return named


def _weights(values: TrainState) -> Tree:
    """Params and state by name, without what belongs to a batch."""
    return {"params": values.params, "state": _lasting(values.state)}


def _lasting(state: Tree) -> Any:
    if not isinstance(state, dict):
        return state
    return {name: _lasting(part) for name, part in state.items() if name not in _NO_WEIGHTS}


def _over(state: Tree, lasting: Tree) -> Any:
    """`state` with the parts that `lasting` has replaced, in the order of `state`."""
    if not isinstance(state, dict):
        return lasting
    return {
        name: part if name in _NO_WEIGHTS else _over(part, lasting[name])
        for name, part in state.items()
    }
