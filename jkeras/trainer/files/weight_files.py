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
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import describe, named_arguments
from jkeras.core.layer import ACTIVITY_LOSS, CARRIED
from jkeras.core.trees import Tree, named_leaves, path_names
from jkeras.saving import weights as files
from jkeras.saving.matching import Report, match
from jkeras.training.state import TrainState

KERAS_ENDINGS = (".weights.h5", ".h5", ".keras")
ENDINGS = (*files.ENDINGS, *KERAS_ENDINGS)

_NO_WEIGHTS = {ACTIVITY_LOSS, CARRIED}
"""Entries of a state that belong to a batch, not to the model."""


class Filed:
    """What a model does with files; a base of what holds values."""

    if TYPE_CHECKING:
        _own: TrainState | None
        _values: TrainState | None
        _lent: bool

        @property
        def _who(self) -> str: ...

        def _need_values(self) -> TrainState: ...

    @named_arguments
    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: float | None = None,
    ) -> None:
        """Writes all weights to one file, whole or not at all.

        Args:
          filepath: ends with `.safetensors`, `.msgpack` or, for Keras to read, `.weights.h5`.
          overwrite: whether an existing file may be replaced.
          max_shard_size: has to be None: weights are written to one file.

        Raises:
          FileExistsError: it exists and `overwrite` is False.
          ValueError: another ending, or a model without weights yet.

        Source: `keras.Model.save_weights`.
        """
        path = self._checked_path(filepath)
        if max_shard_size is not None:
            raise ValueError(
                f"{self._who}: `max_shard_size`: expected None, because weights are written to one "
                f"file, got {max_shard_size!r}. For weights in parts use callbacks.OrbaxCheckpoint."
            )
        if path.name.endswith(KERAS_ENDINGS):
            from jkeras.trainer.files import keras_weights as keras_files

            keras_files.save_weights(self, path, overwrite)
        else:
            files.save(path, _weights(self._need_values()), overwrite=overwrite)

    @named_arguments
    def load_weights(
        self,
        filepath: str | os.PathLike[str] | Mapping[str, Any],
        skip_mismatch: bool = False,
        *,
        rename: Mapping[str, str] | None = None,
    ) -> Report:
        """Reads weights by their names, in the dtypes of the model.

        Args:
          filepath: a file that `save_weights` wrote, here or in Keras; a `.safetensors` or
            `.msgpack` file of another library; a folder that Orbax wrote; or nested dicts of
            arrays, such as the variables of a Flax module.
          skip_mismatch: loads what fits and warns of the rest. Otherwise anything that differs is
            an error.
          rename: beginnings of the file's names and what to read in their place, as in
            `rename={"backbone": "encoder"}`; `{"": "encoder"}` puts a word before all names. Not
            for Keras's files, whose weights have no names.

        Returns:
          What became of each weight: matched, missing, unexpected, mismatched.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is damaged, or its weights are not this model's; the message names
            the first one that differs. Nothing is loaded then.

        Source: `keras.Model.load_weights`.
        """
        if isinstance(filepath, Mapping):
            return self._load_named("load_weights", _named(filepath), skip_mismatch, rename)
        path = Path(filepath) if _is_folder(filepath) else self._checked_path(filepath)
        if path.name.endswith(KERAS_ENDINGS) and not path.is_dir():
            return self._load_keras(path, skip_mismatch, rename)
        if path.is_dir():
            from jkeras.saving import orbax_files

            found = _named(orbax_files.load_tree(path))
        else:
            found = files.read(path)
        return self._load_named(str(path), found, skip_mismatch, rename)

    def _load_keras(self, path: Path, skip_mismatch: bool, rename: Any) -> Report:
        from jkeras.trainer.files import keras_weights as keras_files

        if rename is not None:
            raise ValueError(
                f"{self._who}: `rename`: expected None for {path.name!r}: the weights in Keras's "
                "files have numbers, not names."
            )
        return keras_files.load_weights(self, path, skip_mismatch)

    def _load_named(
        self, source: str, found: Mapping[str, Any], skip_mismatch: bool, rename: Any
    ) -> Report:
        values = self._need_values()
        tree = _weights(values)
        wanted = {name: files.plain(leaf) for name, leaf in named_leaves(tree).items()}
        found = {name: array for name, array in found.items() if not _is_passing(name)}
        report, names = match(wanted, found, rename)
        _decide(f"{self._who}: {source}", report, skip_mismatch)
        new = files.filled(tree, {name: found[theirs] for name, theirs in names.items()})
        self._values, self._lent = _with_weights(values, new), True
        return report

    def _checked_path(self, filepath: Any) -> Path:
        return files.checked_ending(filepath, ENDINGS, who=f"{self._who}: `filepath`")


@named_arguments
def save_weights(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
) -> None:
    """Writes a model's weights: `model.save_weights(filepath, overwrite)`.

    Raises:
      TypeError: `model` is none.

    Source: `keras.saving.save_weights`.
    """
    _model("save_weights", model).save_weights(filepath, overwrite, max_shard_size)


@named_arguments
def load_weights(
    model: Any,
    filepath: str | os.PathLike[str] | Mapping[str, Any],
    skip_mismatch: bool = False,
    *,
    rename: Mapping[str, str] | None = None,
) -> Report:
    """Reads a model's weights: `model.load_weights(filepath, skip_mismatch)`.

    Raises:
      TypeError: `model` is none.

    Source: `keras.saving.load_weights`.
    """
    return _model("load_weights", model).load_weights(filepath, skip_mismatch, rename=rename)


def _model(who: str, model: Any) -> Filed:
    if not isinstance(model, Filed):
        raise TypeError(
            f"{who}: `model`: expected a model, got {describe(model)}. Write {who}(model, "
            "filepath)."
        )
    return model


def _is_folder(filepath: Any) -> bool:
    return isinstance(filepath, str | os.PathLike) and os.path.isdir(filepath)


def _decide(source: str, report: Report, skip_mismatch: bool) -> None:
    """Whether to load what was matched.

    Raises:
      ValueError: something differs and that was not allowed, or nothing fits.
    """
    if report.complete:
        return
    if not skip_mismatch:
        raise ValueError(
            f"{source}: {report.difference} skip_mismatch=True loads what fits; rename={{...}} "
            "matches other names."
        )
    if not report.matched:
        raise ValueError(f"{source}: expected something that fits. {report.difference}")
    warnings.warn(f"{source}: {report}", stacklevel=5)


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


def _lasting(state: Any) -> Any:
    if not isinstance(state, dict):
        return state
    return {name: _lasting(part) for name, part in state.items() if name not in _NO_WEIGHTS}


def _is_passing(name: str) -> bool:
    return not _NO_WEIGHTS.isdisjoint(name.split("/"))


def _with_weights(values: TrainState, new: Tree) -> TrainState:
    """The values with other weights; what belongs to a batch stays."""
    params, state = jax.tree.map(jnp.asarray, (new["params"], new["state"]))
    return values.replace(params=params, state=_over(values.state, state))


def _over(state: Any, lasting: Any) -> Any:
    """`state` with the parts that `lasting` has replaced, in the order of `state`."""
    if not isinstance(state, dict):
        return lasting
    return {
        name: part if name in _NO_WEIGHTS else _over(part, lasting[name])
        for name, part in state.items()
    }


__all__ = ["ENDINGS", "KERAS_ENDINGS", "Filed", "load_weights", "save_weights"]
