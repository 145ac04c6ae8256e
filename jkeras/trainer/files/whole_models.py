"""Whole models in Keras's `.keras` files, written: layers, weights, how training stands.

model.save("m.keras")                               # Keras 3 loads it, too
model.save("m.h5")                                  # the older form, for Keras 2 and 3
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.folders import atomic_write
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.shared_objects import sharing
from jkeras.keras_classes.subclassed_model import Subclassed, input_arguments
from jkeras.layers.vocabulary import written_out
from jkeras.models.graph import Graph
from jkeras.saving import keras_archive, keras_h5, keras_legacy
from jkeras.saving.keras_hdf5 import UNSAFE
from jkeras.trainer.files import keras_weights, vocabularies
from jkeras.trainer.state.model_state import ModelState

if TYPE_CHECKING:
    from jkeras.optimizers.resolve import Transformation

ENDING = ".keras"
LEGACY_ENDINGS = (".h5", ".hdf5")
EXPORTED_ENDINGS = (".onnx", ".tflite", ".stablehlo")

_Config = dict[str, Any]


def save(
    model: object,
    state: ModelState,
    optimizer: Transformation | None,
    filepath: keras_h5.File,
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Writes a model, with its state and the optimizer that it is compiled with, to a file or a
    folder; arguments as for `Trainer.save`.
    """
    path = _folder(filepath) if zipped is False else checked_path(filepath, "save", legacy=True)
    with_optimizer = _options(kwargs)
    if isinstance(path, Path):
        keras_weights.check_free(path, overwrite)
    legacy = path if isinstance(path, Path) and path.suffix in LEGACY_ENDINGS else None
    is_of_layers = hasattr(type(model), "in_keras") and not isinstance(state.net, Subclassed)
    if legacy is not None and not is_of_layers:
        raise ValueError(
            f"save: expected a Sequential or a Model(inputs, outputs) for {legacy.name!r}, got "
            f"{describe(model)}. Use {legacy.stem + ENDING!r}."
        )
    state.build_if_known()
    if not state.built:
        warnings.warn(
            f"{state.who}: it has no weights yet, so the file has none. Build or fit it first.",
            stacklevel=3,
        )
    config = written(model, state, with_optimizer=with_optimizer, alone=legacy is not None)
    groups = keras_weights.groups_of(state, optimizer, fresh=False) if state.built else []
    if not with_optimizer:
        groups = [g for g in groups if g.path.partition("/")[0] != "optimizer"]
    if legacy is not None:
        _save_legacy(model, legacy, config, groups)
        return

    lookups = vocabularies.lookups(state.net)
    texts = vocabularies.assets(lookups)
    groups = vocabularies.with_weights(groups, lookups) if lookups else groups

    def weights(file: BinaryIO) -> None:
        keras_h5.write(file, groups)

    if not isinstance(path, Path):
        keras_archive.write(path, config, weights, texts)
    elif zipped is False:
        keras_archive.write_folder(path, config, weights, texts)
    else:
        atomic_write(path, lambda file: keras_archive.write(file, config, weights, texts))


def _save_legacy(model: Any, path: Path, config: _Config, groups: Sequence[keras_h5.Group]) -> None:
    """Writes the older form of whole models, weights by the names of layers; of the groups of the
    newer form it needs the optimizer's.
    """
    warnings.warn(
        f"save: {path.name!r} is Keras's older form of whole models, which Keras itself calls "
        f"legacy. {path.stem + ENDING!r} keeps more, and loads without safe_mode=False.",
        stacklevel=5,
    )

    layers = []
    for layer in model.layers:
        weights = [*layer.trainable_weights, *layer.non_trainable_weights]
        arrays = {weight.path: np.asarray(weight) for weight in weights}
        layers.append(keras_legacy.LegacyWeights(layer.name, arrays))
    rule = None
    for group in (each for each in groups if each.path == "optimizer"):
        arrays = {f"optimizer/{i}": np.asarray(value) for i, value in enumerate(group.arrays)}
        rule = keras_legacy.LegacyWeights("optimizer_weights", arrays)
    atomic_write(path, lambda file: keras_legacy.write(file, config, layers, rule))


def _folder(filepath: object) -> Path:
    """The folder for a model as several files.

    Raises:
      TypeError, ValueError: it is no path, or has the name of a file.
    """
    if not isinstance(filepath, str | os.PathLike):
        raise WrongTypeError(f"save: `filepath`: expected a folder, got {describe(filepath)}.")
    if Path(filepath).suffix in (ENDING, *LEGACY_ENDINGS):
        raise ValueError(
            f"save: `filepath`: expected the name of a folder with zipped=False, got "
            f"{Path(filepath).name!r}. Leave out the ending {Path(filepath).suffix!r}, or "
            "zipped=False."
        )
    return Path(filepath)


def _options(kwargs: dict[str, Any]) -> bool:
    """Whether the optimizer is written.

    Raises:
      TypeError, ValueError: an unknown option, or one that is not supported.
    """
    given = dict(kwargs)
    with_optimizer = given.pop("include_optimizer", True)
    if given.pop("save_format", "keras") not in (None, "keras"):
        raise ValueError(
            f"save: `save_format`: expected 'keras', got {kwargs['save_format']!r}. Leave it out; "
            "the name of the file ends with '.keras'."
        )
    for name in given:
        raise WrongTypeError(
            f"save: unexpected argument `{name}`."
            f"{nearest(name, ['overwrite', 'zipped', 'include_optimizer'])}"
        )
    return bool(with_optimizer)


def checked_path(filepath: object, verb: str, *, legacy: bool = False) -> Path | BinaryIO:
    """The path, if its name ends as it should; with `legacy` also with an ending of HDF5. An open
    file, and a folder to load, are taken as they are.

    Raises:
      TypeError, ValueError: it does not, or it is no path.
    """
    if hasattr(filepath, "seek") and hasattr(filepath, "write" if verb == "save" else "read"):
        return cast("BinaryIO", filepath)
    if not isinstance(filepath, str | os.PathLike):
        raise WrongTypeError(f"{verb}: `filepath`: expected a path, got {describe(filepath)}.")
    path = Path(filepath)
    if verb == "load" and path.is_dir():
        return path
    is_weights = verb == "save" and path.name.endswith(keras_weights.ENDING)
    if path.suffix == ENDING or (legacy and path.suffix in LEGACY_ENDINGS and not is_weights):
        return path
    fix = f"Use {path.with_suffix(ENDING).name!r}."
    if path.suffix in LEGACY_ENDINGS and verb == "load":
        fix = (
            f"The older form of whole models: save it in Keras as {path.stem + ENDING!r}. {UNSAFE}"
        )
        fix += " load_weights reads weights alone in '.weights.h5'."
    elif path.suffix == ".population" and verb == "load":
        fix = "jkeras.Population.load reads a population."
    elif path.suffix in EXPORTED_ENDINGS:
        verb_of_export = "model.export writes" if verb == "save" else "jkeras.load_exported reads"
        fix = f"{verb_of_export} such files."
    elif path.suffix in (*LEGACY_ENDINGS, ".msgpack", ".safetensors"):
        fix = f"Weights alone go by {verb}_weights."
    raise ValueError(
        f"{verb}: `filepath`: expected a name that ends with '.keras', got {path.name!r}. {fix}"
    )


def written(
    model: object, state: ModelState, *, with_optimizer: bool = True, alone: bool = False
) -> _Config:
    """The model as a configuration, with the shapes of its inputs where its layers do not tell.

    Args:
      model: the model.
      state: its state.
      with_optimizer: whether the optimizer is written.
      alone: whether no files lie beside it, so that vocabularies are written into it.
    """
    with sharing(), written_out(alone):
        config: _Config = serialize_keras_object(model)
    if hasattr(type(model), "in_keras"):  # a model that Keras reads
        config = _with_rows(config)
    if not with_optimizer:
        config["compile_config"] = {}
    if isinstance(state.net, Graph) or not state.specs:
        return config
    specs = state.specs
    names = input_arguments(model) if isinstance(state.net, Subclassed) else []
    shapes = [jax.tree.map(lambda s: list(s.shape), spec) for spec in specs]
    if len(specs) > 1 and len(names) == len(specs):
        pairs = zip(names, shapes, strict=True)
        build: _Config = {"shapes_dict": {f"{name}_shape": shape for name, shape in pairs}}
    else:
        build = {"input_shape": shapes[0] if len(shapes) == 1 else shapes}
    dtypes = [jnp.dtype(s.dtype).name for s in jax.tree.leaves(specs)]
    return {**config, "build_config": {**build, "input_dtypes": dtypes}}


def _with_rows(config: object) -> Any:
    """The configuration with Keras's `Sequential` for each chain, such as one in a wrapper."""
    if isinstance(config, list | tuple):
        return [_with_rows(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {name: _with_rows(value) for name, value in config.items()}
    if (config.get("module"), config.get("class_name")) != ("jkeras.models", "Chain"):
        return config
    kept = {name: config["config"].get(name) for name in ("name", "trainable", "layers")}
    return {**config, "module": "keras", "class_name": "Sequential", "config": kept}
