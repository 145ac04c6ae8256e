"""Models and weights in files, as functions; and models read from `.keras` files.

    model = jkeras.models.load_model("m.keras")         # written here or in Keras

Laws: nothing in a file is run or imported; a model that a file describes gets no array before the
weights in the file are known to be those it needs, so a small file cannot ask for much memory; what
is wrong is a `ValueError` that names the file and the place in it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import code
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.core.host_random import key_of_seed
from jkeras.core.serialization import read as deserialized
from jkeras.core.serialization import with_plain_dtypes
from jkeras.core.shared_objects import sharing
from jkeras.core.trees import Tree, size_bytes
from jkeras.keras_classes.subclassed_model import is_shape
from jkeras.saving import keras_archive, keras_h5, keras_legacy, runs
from jkeras.saving.matching import Report
from jkeras.trainer.files import keras_weights, vocabularies
from jkeras.trainer.files.whole_models import LEGACY_ENDINGS, checked_path
from jkeras.trainer.loop import resume
from jkeras.trainer.loop.parts import TrainerParts, is_trainer, parts_of
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.specs import InputSpecs, concrete, spec_of_input
from jkeras.trainer.state.weight_order import PARTS
from jkeras.trainer.trainer import Trainer
from jkeras.training.state import TrainState, fresh

MOST_BESIDE = 1 << 26
"""Bytes that a model may carry beside its weights (states of a batch), before a file says so."""
MOST_UNROLLED = 4096
"""The longest axis in a file with an unrolled recurrent layer, which is traced step by step."""

_Config = dict[str, Any]


def save_model(
    model: Trainer,
    filepath: keras_h5.File,
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Writes a model to a file: `model.save(filepath, overwrite, zipped, **kwargs)`.

    Raises:
      TypeError: `model` is no model.

    Source: `keras.saving.save_model`.
    """
    if not is_trainer(model):
        raise WrongTypeError(f"save_model: `model`: expected a model, got {describe(model)}.")
    model.save(filepath, overwrite, zipped, **kwargs)


@named_arguments
def save_weights(
    model: Trainer,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    *,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Writes a model's weights: `model.save_weights(filepath, overwrite)`.

    Raises:
      TypeError: `model` is no model.

    Source: `keras.saving.save_weights`.
    """
    options = {"objects_to_skip": objects_to_skip}
    _model("save_weights", model).save_weights(filepath, overwrite, max_shard_size, **options)


@named_arguments
def load_weights(
    model: Trainer,
    filepath: str | os.PathLike[str] | Mapping[str, Any],
    skip_mismatch: bool = False,
    *,
    rename: Mapping[str, str] | None = None,
    safe_mode: bool = True,
    objects_to_skip: Iterable[Any] | None = None,
) -> Report:
    """Reads a model's weights: `model.load_weights(filepath, skip_mismatch)`.

    Raises:
      TypeError: `model` is no model.

    Source: `keras.saving.load_weights`.
    """
    return _model("load_weights", model).load_weights(
        filepath,
        skip_mismatch,
        rename=rename,
        safe_mode=safe_mode,
        objects_to_skip=objects_to_skip,
    )


def _model(who: str, model: object) -> Trainer:
    if not isinstance(model, Trainer):
        raise WrongTypeError(
            f"{who}: `model`: expected a model, got {describe(model)}. Write {who}(model, "
            "filepath)."
        )
    return model


@named_arguments
def load_model(
    filepath: keras_h5.File,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model in a file that `model.save` wrote, here or in Keras 3.

    Args:
      filepath: ends with `.keras`; with `safe_mode=False` also the older `.h5`. Or a file that is
        open for reading bytes, a folder of `save(zipped=False)`, or of an `OrbaxCheckpoint`.
      custom_objects: the user's own classes and functions by name.
      compile: whether to compile it as it was, and to give the optimizer the state that it had.
      safe_mode: whether a file with the code of a lambda is refused; False runs it, and with it
        whatever the writer of the file wanted, and reads HDF5 through h5py.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is damaged, names what is not known, holds code, or its weights are not those
        of the layers it describes.

    Source: `keras.saving.load_model`.
    """
    safe = code.checked_safe_mode("load_model", safe_mode)
    path = checked_path(filepath, "load", legacy=not safe)
    if not isinstance(compile, bool):
        raise WrongTypeError(f"load_model: `compile`: expected a bool, got {describe(compile)}.")
    if isinstance(path, Path) and path.is_dir() and not (path / keras_archive.CONFIG).exists():
        return _from_checkpoint(path, custom_objects, compile, safe)
    if isinstance(path, Path) and path.suffix in LEGACY_ENDINGS:
        data = keras_h5.read_bytes(path)
        where, source, texts = f"{path}: model_config", str(path), {}
        config = keras_legacy.read_config(data, source)
    else:
        archive = keras_archive.read(path)
        config, data, texts = archive.config, archive.weights, archive.assets
        where, source = f"{path}: {keras_archive.CONFIG}", f"{path}: {keras_archive.WEIGHTS}"
    _check_config(config, where, safe)
    stored = keras_weights.stored_groups(data, source, safe)
    with CustomObjectScope(custom_objects), code.allowed(not safe):
        if config.get("class_name") == "FeatureSpace":
            from jkeras.trainer.feature_space import FeatureSpace

            return FeatureSpace.of_file(config["config"], texts, stored)
        model = _described(config, where)
        parts = parts_of(model)
        vocabularies.take(vocabularies.lookups(parts.state.net), texts, stored)
        _fill(parts, stored, source, len(data))
        if compile and _compiled(model, config, where) and parts.state.built:
            optimizer = parts.optimizer
            found = keras_weights.restored_optimizer(parts.state, optimizer, stored, source)
            keras_weights.put_optimizer(parts.state, found, stored)
    return model


def _compiled(model: Trainer, config: _Config, where: str) -> bool:
    """Compiles a model as its configuration says; returns whether it says anything."""
    if not config.get("compile_config"):
        return False
    try:
        model.compile_from_config(config["compile_config"])
    except Exception as error:  # a configuration without sense fails anywhere, in any way
        raise ValueError(f"{where}: compile_config: {_reason(error)}") from error
    return True


def _from_checkpoint(
    path: Path, custom_objects: Mapping[str, Any] | None, compiles: bool, safe: bool
) -> Any:
    """The model in the latest checkpoint of a folder.

    Raises:
      ValueError: the checkpoint is damaged, or has no configuration of a model.
    """
    taken = runs.read(path)
    if not isinstance(taken.get("model"), str):
        raise ValueError(
            f"{path}: expected a checkpoint with the model's configuration, got one without, as of "
            "layers that have none. Make the model, and use load_weights or fit(resume_from=)."
        )
    where = f"{path}: model"
    config = keras_archive.json_object(taken["model"], where)
    _check_config(config, where, safe)
    with CustomObjectScope(custom_objects), code.allowed(not safe):
        model = _described(config, where)
        state = parts_of(model).state
        _check_size(
            _value_specs(state, where), sum(v.nbytes for v in taken["values"].values()), where
        )
        is_compiled = compiles and _compiled(model, config, where)
        state.build(*(state.specs or ()))
    if is_compiled:
        resume.take_values(parts_of(model), {**taken, "run": None})
    else:
        model.load_weights(path)
    return model


def _check_config(config: _Config, where: str, safe: bool) -> None:
    """Raises for what must not be read.

    Raises:
      ValueError: code, or sizes that would take forever to trace.
    """
    longest, unrolled = 0, None
    for part, name in _dicts(config, "the model"):
        if safe and part.get("class_name") == "__lambda__":
            raise ValueError(
                f"{where}: {name} holds a Python lambda as code, which could do anything. If you "
                "trust who wrote the file, load it with safe_mode=False; better, write the "
                "function with def, make the layer anew with it, and load with "
                "custom_objects={'name': function}."
            )
        unrolled = name if part.get("unroll") is True else unrolled
        shapes = [part.get(key) for key in ("batch_shape", "input_shape", "build_input_shape")]
        sizes = [n for shape in shapes if isinstance(shape, list) for n in shape]
        longest = max([longest, *(n for n in sizes if isinstance(n, int))])
    if unrolled and longest > MOST_UNROLLED:
        raise ValueError(
            f"{where}: {unrolled} is unrolled, and an input has an axis of {longest}: expected at "
            f"most {MOST_UNROLLED}, because each step is traced."
        )


def _dicts(config: object, name: str) -> Iterator[tuple[_Config, str]]:
    """Every dict in a configuration, with the name of the layer that it is in."""
    if isinstance(config, list):
        for item in config:
            yield from _dicts(item, name)
    elif isinstance(config, dict):
        own = config.get("config")
        if isinstance(own, dict) and isinstance(own.get("name"), str):
            name = f"{config.get('class_name', 'layer')} {own['name']!r}"
        yield config, name
        for item in config.values():
            yield from _dicts(item, name)


def _described(config: _Config, where: str) -> Any:
    """The model of a configuration, without weights, with the shapes of its inputs if it has them.

    Raises:
      ValueError: anything that is wrong with the configuration.
    """
    bare = _without_shapes({**config, "compile_config": None, "build_config": None})
    if "class_name" not in config:
        raise ValueError(
            f"{where}: expected the configuration of a model, with a key 'class_name', got the "
            f"keys {', '.join(map(repr, config)) or 'of nothing'}."
        )
    try:
        with sharing():
            model = deserialized(with_plain_dtypes(bare))
        if not is_trainer(model):
            raise WrongTypeError(f"expected a model, got {describe(model)}")
        state = parts_of(model).state
        state.specs = state.specs or _specs(state, config)
    except Exception as error:  # a configuration that makes no sense fails anywhere, in any way
        raise ValueError(f"{where}: {_reason(error)}") from error
    return model


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return f"it lacks {text}." if isinstance(error, KeyError) else text


def _without_shapes(config: object) -> Any:
    """The configuration without the shapes for which models would make weights at once."""
    if isinstance(config, list):
        return [_without_shapes(item) for item in config]
    if not isinstance(config, dict):
        return config
    is_row = config.get("class_name") == "Sequential" and isinstance(config.get("config"), dict)
    if is_row:
        kept = {n: v for n, v in config["config"].items() if n != "build_input_shape"}
        config = {**config, "config": kept}
    return {name: _without_shapes(value) for name, value in config.items()}


def _specs(state: ModelState, config: _Config) -> InputSpecs | None:
    """What a model's inputs are: as its layers say, else as the file does."""
    build = config.get("build_config") or {}
    given = state.known_inputs()
    if not given and "shapes_dict" in build:
        given = tuple(build["shapes_dict"].values())
    elif not given:
        content = config.get("config")
        chain_shape = content.get("build_input_shape") if isinstance(content, dict) else None
        shape = build.get("input_shape", chain_shape)
        is_one = isinstance(shape, dict) or is_shape(shape)
        given = () if shape is None else (shape,) if is_one else tuple(shape)
    specs = tuple(_shapes(value, state.who) for value in given)
    dtypes = build.get("input_dtypes")
    leaves = jax.tree.leaves(specs)
    if isinstance(dtypes, list) and len(dtypes) == len(leaves):
        for leaf, dtype in zip(leaves, dtypes, strict=True):
            leaf.dtype = jnp.dtype(dtype)
    return specs or None


def _shapes(value: Tree, who: str) -> Any:
    """The spec of one input, or the nested specs of an input that is nested."""
    if isinstance(value, dict):
        return {name: _shapes(item, who) for name, item in value.items()}
    if isinstance(value, list) and not is_shape(value):
        return [_shapes(item, who) for item in value]
    return spec_of_input(value, who)


def _fill(parts: TrainerParts, stored: keras_h5.Stored, where: str, size: int) -> None:
    """Gives a model its weights.

    Raises:
      ValueError: they are not those of its layers.
    """
    state = parts.state
    if state.specs is None:
        if any(path.partition("/")[0] != "optimizer" for path in stored):
            raise ValueError(
                f"{where}: it has weights, and the shape of the model's inputs is not in the file, "
                "so the model cannot be built. Make it anew, build it, and use load_weights."
            )
        return
    specs = _value_specs(state, where)
    try:
        wanted = keras_weights.sections_of(state, stored)
    except Exception as error:  # layers that do not fit together fail anywhere, in any way
        raise ValueError(f"{where}: the model cannot be built: {_reason(error)}") from error
    leaves = {part: jax.tree.leaves(tree) for part, tree in zip(PARTS, specs, strict=True)}
    report, new = keras_weights.matched(wanted, leaves, stored)
    if not report.complete:
        raise ValueError(f"{where}: {report.difference}")
    _check_size(specs, size, where)

    def value(array: np.ndarray | None, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        if array is None:  # what is no weight is in no file
            return jnp.zeros(leaf.shape, leaf.dtype)
        return jnp.asarray(array.astype(leaf.dtype))

    trees = []
    for part, tree in zip(PARTS, specs, strict=True):
        arrays = {place.leaf: array for place, array in new.items() if place.part == part}
        values = [value(arrays.get(i), leaf) for i, leaf in enumerate(leaves[part])]
        trees.append(jax.tree.unflatten(jax.tree.structure(tree), values))
    params, carried = trees
    first: TrainState = fresh(params, carried, {}, {}, key_of_seed(state.seed))
    state.take_first(state.maker.recompiled(state, first))


def _value_specs(state: ModelState, where: str) -> Any:
    """The specs of a model's params and state.

    Raises:
      ValueError: its layers do not fit together.
    """
    try:
        init_fn = functools.partial(state.net.init, key_of_seed(0))
        return jax.eval_shape(init_fn, *map(concrete, state.specs or ()))
    except Exception as error:  # layers that do not fit together fail anywhere, in any way
        raise ValueError(f"{where}: the model cannot be built: {_reason(error)}") from error


def _check_size(specs: Tree, size: int, where: str) -> None:
    """Raises a ValueError for a model that needs much more memory than its file has bytes."""
    needed = size_bytes(specs)
    if needed > 4 * size + MOST_BESIDE:
        raise ValueError(
            f"{where}: the model would need {needed} bytes, and the file has {size}: expected "
            "the states of its batches to be smaller."
        )
