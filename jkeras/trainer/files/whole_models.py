"""Whole models in Keras's `.keras` files: what the layers are, their weights, how training stands.

    model.save("m.keras")                               # Keras 3 loads it, too
    model = jkeras.models.load_model("m.keras")         # written here or in Keras

Laws: nothing in a file is run or imported; a model that a file describes gets no array before the
weights in the file are known to be those it needs, so a small file cannot ask for much memory; what
is wrong is a `ValueError` that names the file and the place in it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import code
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.errors import describe, named_arguments, nearest
from jkeras.core.folders import atomic_write
from jkeras.core.serialization import read as deserialized
from jkeras.core.serialization import serialize_keras_object, with_plain_dtypes
from jkeras.core.trees import size_bytes
from jkeras.keras_classes.subclassed_model import Subclassed, input_arguments, is_shape
from jkeras.models.graph import Graph
from jkeras.saving import keras_archive, keras_h5
from jkeras.trainer.files import keras_weights as keras_files
from jkeras.trainer.model import Model
from jkeras.trainer.state import freezing, sharing
from jkeras.trainer.state.specs import concrete, spec_of_input
from jkeras.trainer.state.weight_order import PARTS
from jkeras.training.state import TrainState, fresh

ENDING = ".keras"
MOST_BESIDE = 1 << 26
"""Bytes that a model may carry beside its weights (states of a batch), before a file says so."""
MOST_UNROLLED = 4096
"""The longest axis in a file with an unrolled recurrent layer, which is traced step by step."""

_Config = dict[str, Any]


# -- writing


def save_model(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Writes a model to a file; see `model.save`.

    Args:
      model: the model.
      filepath, overwrite, zipped, **kwargs: as for `model.save`.

    Source: `keras.saving.save_model`.
    """
    if not hasattr(model, "_need_values"):
        raise TypeError(f"save_model: `model`: expected a model, got {describe(model)}.")
    path = _checked(filepath, "save")
    with_optimizer = _options(zipped, kwargs)
    keras_files.check_free(path, overwrite)
    model._build_if_known()
    if not model.built:
        warnings.warn(
            f"{model._who}: it has no weights yet, so the file has none. Build or fit it first.",
            stacklevel=3,
        )
    config = _written(model, with_optimizer)
    groups = keras_files.groups_of(model, fresh=False) if model.built else []
    if not with_optimizer:
        groups = [g for g in groups if g.path.partition("/")[0] != "optimizer"]

    def weights(file: Any) -> None:
        keras_h5.write(file, groups)

    atomic_write(path, lambda file: keras_archive.write(file, config, weights))


def _options(zipped: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the optimizer is written.

    Raises:
      TypeError, ValueError: an unknown option, or one that is not supported.
    """
    if zipped not in (None, True):
        raise ValueError(f"save: `zipped`: expected True, got {zipped!r}: a model is one file.")
    given = dict(kwargs)
    with_optimizer = given.pop("include_optimizer", True)
    if given.pop("save_format", "keras") not in (None, "keras"):
        raise ValueError(
            f"save: `save_format`: expected 'keras', got {kwargs['save_format']!r}. Leave it out; "
            "the name of the file ends with '.keras'."
        )
    for name in given:
        raise TypeError(
            f"save: unexpected argument `{name}`."
            f"{nearest(name, ['overwrite', 'zipped', 'include_optimizer'])}"
        )
    return bool(with_optimizer)


def _checked(filepath: Any, verb: str) -> Path:
    """The path, if its name ends as it should.

    Raises:
      TypeError, ValueError: it does not, or it is no path.
    """
    if not isinstance(filepath, str | os.PathLike):
        raise TypeError(f"{verb}: `filepath`: expected a path, got {describe(filepath)}.")
    path = Path(filepath)
    if path.suffix == ENDING:
        return path
    fix = f"Use {path.with_suffix(ENDING).name!r}."
    if path.name.endswith((".h5", ".hdf5")):
        fix = f"The older form of whole models is not supported. Use {path.stem + ENDING!r}, or "
        fix += f"{verb}_weights for weights alone in '.weights.h5'."
    elif path.suffix in (".msgpack", ".safetensors"):
        fix = f"Weights alone go by {verb}_weights."
    raise ValueError(
        f"{verb}: `filepath`: expected a name that ends with '.keras', got {path.name!r}. {fix}"
    )


def _written(model: Any, with_optimizer: bool) -> _Config:
    """The model as a configuration, with the shapes of its inputs where its layers do not tell."""
    config: _Config = serialize_keras_object(model)
    if isinstance(model, Model):
        config = _with_rows(config)
    if not with_optimizer:
        config["compile_config"] = {}
    if isinstance(model.net, Graph) or not model._specs:
        return config
    specs = model._specs
    names = input_arguments(model) if isinstance(model.net, Subclassed) else []
    shapes = [jax.tree.map(lambda s: list(s.shape), spec) for spec in specs]
    if len(specs) > 1 and len(names) == len(specs):
        pairs = zip(names, shapes, strict=True)
        build: _Config = {"shapes_dict": {f"{name}_shape": shape for name, shape in pairs}}
    else:
        build = {"input_shape": shapes[0] if len(shapes) == 1 else shapes}
    dtypes = [jnp.dtype(s.dtype).name for s in jax.tree.leaves(specs)]
    return {**config, "build_config": {**build, "input_dtypes": dtypes}}


def _with_rows(config: Any) -> Any:
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


# -- reading


@named_arguments
def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model in a file that `model.save` wrote, here or in Keras 3.

    Args:
      filepath: ends with `.keras`.
      custom_objects: the user's own classes and functions by name.
      compile: whether to compile it as it was, and to give the optimizer the state that it had.
      safe_mode: whether a file with the code of a lambda is refused; False runs it, and with it
        whatever the writer of the file wanted.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is damaged, names what is not known, holds code, or its weights are not those
        of the layers it describes.

    Source: `keras.saving.load_model`.
    """
    path = _checked(filepath, "load")
    if not isinstance(compile, bool):
        raise TypeError(f"load_model: `compile`: expected a bool, got {describe(compile)}.")
    safe = code.checked_safe_mode("load_model", safe_mode)
    archive = keras_archive.read(path)
    config = archive.config
    where = f"{path}: {keras_archive.CONFIG}"
    _check_config(config, where, safe)
    stored = keras_h5.read(archive.weights, f"{path}: {keras_archive.WEIGHTS}")
    with CustomObjectScope(custom_objects), code.allowed(not safe):
        model = _described(config, where)
        _fill(model, stored, f"{path}: {keras_archive.WEIGHTS}", len(archive.weights))
        if compile and config.get("compile_config"):
            _compile(model, config["compile_config"], where)
            opt_state = None
            if model.built:
                source = f"{path}: {keras_archive.WEIGHTS}"
                opt_state = keras_files.restored_optimizer(model, stored, source)
            keras_files.put_optimizer(model, opt_state, stored)
    return model


def _check_config(config: Any, where: str, safe: bool) -> None:
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


def _dicts(config: Any, name: str) -> Iterator[tuple[_Config, str]]:
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
        model = deserialized(with_plain_dtypes(bare))
        if not hasattr(model, "_need_values"):
            raise TypeError(f"expected a model, got {describe(model)}")
        model._specs = model._specs or _specs(model, config)
    except Exception as error:  # a configuration that makes no sense fails anywhere, in any way
        raise ValueError(f"{where}: {_told(error)}") from error
    return model


def _told(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return f"it lacks {text}." if isinstance(error, KeyError) else text


def _without_shapes(config: Any) -> Any:
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


def _specs(model: Any, config: _Config) -> tuple[Any, ...] | None:
    """What a model's inputs are: as its layers say, else as the file does."""
    if isinstance(model.net, Graph):
        given: Any = model.net.input_symbols
    else:
        given = getattr(model, "_known_inputs", tuple)() or _given_shapes(config)
    specs = tuple(_shapes(value, model._who) for value in given)
    dtypes = (config.get("build_config") or {}).get("input_dtypes")
    leaves = jax.tree.leaves(specs)
    if isinstance(dtypes, list) and len(dtypes) == len(leaves):
        for leaf, dtype in zip(leaves, dtypes, strict=True):
            leaf.dtype = jnp.dtype(dtype)
    return specs or None


def _given_shapes(config: _Config) -> list[Any]:
    """The shapes of the inputs in a file, one for each."""
    build = config.get("build_config") or {}
    if "shapes_dict" in build:
        return list(build["shapes_dict"].values())
    content = config.get("config")
    own = content.get("build_input_shape") if isinstance(content, dict) else None
    shape = build.get("input_shape", own)
    if shape is None:
        return []
    return [shape] if isinstance(shape, dict) or is_shape(shape) else list(shape)


def _shapes(value: Any, who: str) -> Any:
    """The spec of one input, or the nested specs of an input that is nested."""
    if isinstance(value, dict):
        return {name: _shapes(item, who) for name, item in value.items()}
    if isinstance(value, list) and not is_shape(value):
        return [_shapes(item, who) for item in value]
    return spec_of_input(value, who)


def _fill(model: Any, stored: keras_h5.Stored, where: str, size: int) -> None:
    """Gives a model its weights.

    Raises:
      ValueError: they are not those of its layers.
    """
    if model._specs is None:
        if any(path.partition("/")[0] != "optimizer" for path in stored):
            raise ValueError(
                f"{where}: it has weights, and the shape of the model's inputs is not in the file, "
                "so the model cannot be built. Make it anew, build it, and use load_weights."
            )
        return
    try:
        specs = jax.eval_shape(_first(model), *map(concrete, model._specs))
        wanted = keras_files.sections_of(model)
    except Exception as error:  # layers that do not fit together fail anywhere, in any way
        raise ValueError(f"{where}: the model cannot be built: {_told(error)}") from error
    leaves = {part: jax.tree.leaves(tree) for part, tree in zip(PARTS, specs, strict=True)}
    report, new = keras_files.matched(wanted, leaves, stored)
    if not report.complete:
        raise ValueError(f"{where}: {report.difference}")
    _check_beside(specs, size, where)
    trees = []
    for part, tree in zip(PARTS, specs, strict=True):
        found = {place.leaf: array for place, array in new.items() if place.part == part}
        values = [_value(found.get(i), leaf) for i, leaf in enumerate(leaves[part])]
        trees.append(jax.tree.unflatten(jax.tree.structure(tree), values))
    _take(model, *trees)


def _value(found: Any, leaf: Any) -> jax.Array:
    """A weight as the model has it; zeros for what is no weight and in no file."""
    if found is None:
        return jnp.zeros(leaf.shape, leaf.dtype)
    return jnp.asarray(found.astype(leaf.dtype))


def _first(model: Any) -> Any:
    """The pure function from specs to the first params and state."""
    return lambda *inputs: model.net.init(jax.random.key(0), *inputs)


def _check_beside(specs: Any, size: int, where: str) -> None:
    """Raises where a model would carry much that is in no file.

    Raises:
      ValueError: so it is.
    """
    needed = size_bytes(specs)
    if needed > 4 * size + MOST_BESIDE:
        raise ValueError(
            f"{where}: the model would need {needed} bytes, and the file has {size}: expected "
            "the states of its batches to be smaller."
        )


def _take(model: Any, params: Any, state: Any) -> None:
    """Makes these the values of a model that has none."""
    objective, rule = model._objective(), model._transformation()
    opt_state = rule.init(objective.trained(params))
    key = jax.random.key(model.seed)
    values: TrainState = fresh(params, state, opt_state, objective.zeros(), key)
    model._own = values
    sharing.settle(model)
    freezing.noted(model)


def _compile(model: Any, config: Any, where: str) -> None:
    try:
        model.compile_from_config(config)
    except Exception as error:  # a configuration that makes no sense fails anywhere, in any way
        raise ValueError(f"{where}: compile_config: {_told(error)}") from error
