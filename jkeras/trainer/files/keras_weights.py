"""A model's weights in Keras's files: `.weights.h5`, and the weights in `.keras`.

    save_weights(model, "m.weights.h5")          # Keras 3 loads it into the same layers
    report = load_weights(model, "m.weights.h5") # written here or in Keras

Laws: a model is changed as a whole or not at all; everything is compared with what the model would
have before anything is made.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.folders import atomic_write
from jkeras.core.identity import Identity, identity_of
from jkeras.core.layer import Layer
from jkeras.core.trees import Tree
from jkeras.saving import keras_archive, keras_h5, keras_legacy, keras_shards
from jkeras.saving.keras_h5 import Group, Stored, in_order
from jkeras.saving.keras_legacy import LegacyGroups
from jkeras.saving.matching import Mismatch, Report
from jkeras.trainer.files import keras_optimizer
from jkeras.trainer.files.keras_layout import Section, sections
from jkeras.trainer.files.low_rank import with_merged, with_reset
from jkeras.trainer.state.model_state import ModelState, has_state, state_of
from jkeras.trainer.state.weight_order import Place, leaves_of, with_leaves

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec
    from jkeras.optimizers.resolve import Transformation

ENDING = ".weights.h5"
DEFAULT_SHARD = 5.0
"""Gigabytes of weights in a file beside a map, where nothing else is said; as in Keras."""


def save_weights(
    state: ModelState,
    optimizer: Transformation | None,
    path: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    skipped: Iterable[Any] | None = None,
) -> None:
    """Writes a model's weights, and the variables of the optimizer that it is compiled with, as
    Keras does, to a file whose name ends with `.weights.h5`, or to several and a map of them,
    `.weights.json`.

    Args:
      state, optimizer: of the model.
      path, overwrite, max_shard_size: as for `Trainer.save_weights`.
      skipped: layers and models whose weights are left out.

    Raises:
      FileExistsError: the file exists, and `overwrite` is False.
      ValueError: another ending, or the model is not built.
    """
    path = Path(path)
    is_map = path.name.endswith(keras_shards.ENDING)
    if max_shard_size is not None and not is_map:
        wanted = path.name.removesuffix(ENDING) + keras_shards.ENDING
        raise ValueError(
            f"weights file {path.name!r}: expected a name that ends with "
            f"{keras_shards.ENDING!r} with `max_shard_size`. Use {wanted!r}."
        )
    if not path.name.endswith((ENDING, keras_shards.ENDING)):
        whole = path.suffix == ".keras"
        fix = "model.save(...) writes a whole model." if whole else f"Use {path.stem + ENDING!r}."
        raise ValueError(
            f"weights file {path.name!r}: expected a name that ends with {ENDING!r}. {fix}"
        )
    check_free(path, overwrite)
    state.need_values()
    found = identities(skipped)
    groups = groups_of(state, optimizer, fresh=not state.optimizer_met_data, skipped=found)
    if is_map:
        keras_shards.write(path, groups, (max_shard_size or DEFAULT_SHARD) * 2**30)
    else:
        atomic_write(path, lambda file: keras_h5.write(file, groups))


def identities(objects: Iterable[Any] | None) -> set[Identity]:
    """The identities of layers and models.

    Raises:
      TypeError: something else is among them.
    """
    found = set()
    for given in objects or ():
        layer = state_of(given).net if has_state(given) else given
        if not isinstance(layer, Layer):
            raise WrongTypeError(
                f"`objects_to_skip`: expected layers and models, got {describe(given)}."
            )
        found.add(identity_of(layer))
    return found


def check_free(path: Path, overwrite: bool) -> None:
    """Raises a FileExistsError if the file exists, and `overwrite` is False."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Choose another name, or pass overwrite=True.")


def load_weights(
    state: ModelState,
    optimizer: Transformation | None,
    path: str | os.PathLike[str],
    skip_mismatch: bool = False,
    safe_mode: bool = True,
    skipped: Iterable[Any] | None = None,
) -> Report:
    """Reads weights that Keras or `save_weights` wrote for the same layers, and the variables of
    the optimizer that the model is compiled with.

    Args:
      state: the model's.
      optimizer: the description that it is compiled with; None for none.
      path: a `.weights.h5`, `.h5` or `.keras` file.
      skip_mismatch: load what fits, and leave the rest as it is.
      safe_mode: as for `stored_groups`.
      skipped: layers and models whose weights stay as they are.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is damaged, or its weights are not this model's; the message names the
        first that differs. The model is left as it was.
    """
    path = Path(path)
    is_archive = path.suffix == ".keras"
    who = f"{path}: {keras_archive.WEIGHTS}" if is_archive else str(path)
    if path.name.endswith(keras_shards.ENDING):
        stored = keras_shards.read(path)
    else:
        data = keras_archive.read_weights(path) if is_archive else keras_h5.read_bytes(path)
        stored = stored_groups(data, who, safe_mode)
    leaves = leaves_of(state.need_values())
    wanted = sections_of(state, stored)
    if found := identities(skipped):
        kept = sections_of(state, stored, found)
        left_out = {section.path for section in wanted} - {section.path for section in kept}
        wanted, stored = kept, {path: stored[path] for path in stored if path not in left_out}
    report, new = matched(wanted, leaves, stored)
    if not report.complete and not (skip_mismatch and report.matched):
        fix = "" if skip_mismatch else " skip_mismatch=True loads what fits."
        raise ValueError(f"{state.who}: {who}: {report.difference}{fix}")
    opt_state = restored_optimizer(state, optimizer, stored, who)
    if not report.complete:
        warnings.warn(f"{state.who}: {who}: {report}", stacklevel=5)
    put(state, new)
    put_optimizer(state, opt_state, stored)
    return report


# -- writing


def sections_of(
    state: ModelState, stored: Stored | None = None, skipped: Collection[Identity] = ()
) -> list[Section]:
    """The groups of a built model, as Keras writes them now or, for an older file, wrote them."""
    if not isinstance(stored, LegacyGroups):
        return sections(state.net, state.name, state.order(), skipped)
    by_layer: dict[str, list[Place]] = {}
    for place in sorted(state.order(), key=lambda place: place.part != "params"):
        by_layer.setdefault(place.names[0], []).append(place)
    names = [name for name in stored if name != keras_optimizer.ROOT]
    layers = dict.fromkeys(place.names[0] for place in state.order())
    pairs = itertools.zip_longest(names[: len(layers)], layers, fillvalue="")
    return [Section(path, layer, [[place] for place in by_layer[layer]]) for path, layer in pairs]


def groups_of(
    state: ModelState,
    optimizer: Transformation | None,
    *,
    fresh: bool,
    skipped: Collection[Identity] = (),
) -> list[Group]:
    """What a built model's file holds, without layers to skip; with `fresh` without the optimizer's
    slots.
    """
    leaves = leaves_of(with_merged(state.net, state.need_values()))
    found = [
        Group(path, name, tuple(leaves[same[0].part][same[0].leaf] for same in weights))
        for path, name, weights in sections_of(state, skipped=skipped)
    ]
    if optimizer is None:
        return found
    return found + keras_optimizer.groups(state, optimizer, fresh=fresh)


# -- reading


def stored_groups(data: bytes, who: str, safe_mode: bool) -> Stored:
    """The groups in a file of Keras.

    Args:
      data: the bytes of the file.
      who: the name of the file in errors.
      safe_mode: whether the file is read without h5py, which knows more of HDF5 and the older
        layout, but can be crashed by a malicious file.

    Raises:
      ValueError: the file is damaged or, with `safe_mode`, not as Keras 3 writes it.
    """
    return keras_h5.read(data, who) if safe_mode else keras_legacy.read(data, who)


def matched(
    wanted: Iterable[Section], leaves: Mapping[str, list[Any]], stored: Stored
) -> tuple[Report, dict[Place, np.ndarray]]:
    """Which array of a file goes where in a model.

    Args:
      wanted: the model's groups.
      leaves: its weights, or their specs, by the parts of a place.
      stored: the file's groups.

    Returns:
      The report, and the arrays that fit by their places.
    """
    good: list[str] = []
    missing: list[str] = []
    unlike: list[Mismatch] = []
    new: dict[Place, np.ndarray] = {}
    used = set()
    for path, _, weights in wanted:
        found = in_order(stored.get(_there(path, stored), {})) or []
        if len(found) != len(weights):
            missing += [_name(same[0]) for same in weights]
            continue
        used.add(_there(path, stored))
        for same, array in zip(weights, found, strict=True):
            old = leaves[same[0].part][same[0].leaf]
            if not _fits(old, array):
                unlike.append(Mismatch(_name(same[0]), _kind(old), _kind(array)))
                continue
            good.append(_name(same[0]))
            new |= dict.fromkeys(same, array)
    unused = tuple(
        f"{path}/vars/{name}".lstrip("/")
        for path, arrays in stored.items()
        if path not in used
        and path.partition("/")[0] != keras_optimizer.ROOT
        and path.rpartition("/")[2] != "seed_generator"  # in older files
        for name in arrays
    )
    return Report(tuple(good), tuple(missing), unused, tuple(unlike)), new


def _there(path: str, stored: Stored) -> str:
    """The path of a group in a file; files of Keras 2.13 have another word for lists of layers."""
    if path in stored:
        return path
    words = ["_layer_checkpoint_dependencies" if w == "layers" else w for w in path.split("/")]
    return "/".join(words)


def _name(place: Place) -> str:
    return "/".join((place.part, *place.names))


def _kind(array: ArraySpec) -> tuple[tuple[int, ...], str]:
    return tuple(array.shape), str(array.dtype)


def _fits(old: jax.Array, array: np.ndarray) -> bool:
    """Whether an array can be a weight: the shape is the same, and the kind of number."""
    if tuple(old.shape) != array.shape:
        return False
    kinds = jnp.floating, jnp.integer, jnp.bool_
    return any(jnp.issubdtype(old.dtype, k) and jnp.issubdtype(array.dtype, k) for k in kinds)


def put(state: ModelState, new: Mapping[Place, np.ndarray]) -> None:
    """Replaces weights of a built model."""
    values = with_reset(state.net, state.need_values(), [place.names for place in new])
    leaves = leaves_of(values)
    for place, array in new.items():
        old = leaves[place.part][place.leaf]
        leaves[place.part][place.leaf] = jnp.asarray(array.astype(old.dtype))
    state.replace(with_leaves(values, leaves))


def restored_optimizer(
    state: ModelState, optimizer: Transformation | None, stored: Stored, who: str
) -> Any:
    """The state of a compiled model's optimizer as a file has it, or None.

    Raises:
      ValueError: a variable has another shape.
    """
    if optimizer is None:
        return None
    try:
        return keras_optimizer.restored(state, optimizer, stored)
    except ValueError as error:
        raise ValueError(f"{who}: {error}") from None


def put_optimizer(state: ModelState, opt_state: Tree, stored: Stored) -> None:
    """Gives a model what `restored_optimizer` returned; the steps made so far with it."""
    if opt_state is None:
        return
    count = jnp.asarray(stored[keras_optimizer.ROOT]["0"]).astype(jnp.int32)
    state.values = state.need_values().replace(opt_state=opt_state, step=count)
    state.optimizer_met_data = True
