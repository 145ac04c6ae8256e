"""Keras's files as h5py reads them: what `keras_hdf5` refuses, and the older `.h5` layout.

    model_weights/dense                 attribute `weight_names`: the order of its arrays
    model_weights/dense/net/dense/bias  an array
    optimizer_weights                   the same; attributes of the file: the configurations

h5py rests on a C library that a damaged or malicious file can crash or block, and it follows links
to other files. It is used only where the caller says `safe_mode=False`.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import jax.numpy as jnp
import numpy as np

from jkeras.saving.keras_archive import KERAS, json_object
from jkeras.saving.keras_h5 import Stored, grouped, write_array

if TYPE_CHECKING:
    import h5py

MOST_OF_ATTRIBUTE = 64_000
"""Bytes of an attribute in HDF5, about."""

_COMPILE = ("loss", "loss_weights", "metrics", "weighted_metrics")


class LegacyGroups(dict[str, dict[str, np.ndarray]]):
    """The groups of an older file, in the order of the model's layers, and of the optimizer."""


def read(data: bytes, who: str) -> Stored:
    """The groups in a file of any version of Keras; `LegacyGroups` for the older layout.

    Args:
      data: the bytes of the file.
      who: the name of the file in errors.

    Raises:
      ValueError: the file is damaged, or not a weights file of Keras.
    """
    with _opened(data, who) as file:
        root = file.get("model_weights", file)
        if layers := _texts(root, "layer_names"):
            names = [*layers, "top_level_model_weights"]
            groups = {name: root[name] for name in names if name in root}
            if "optimizer_weights" in file:
                groups["optimizer"] = file["optimizer_weights"]
            legacy = LegacyGroups()
            for name, group in groups.items():
                if paths := _texts(group, "weight_names"):
                    legacy[name] = {str(i): _array(group[path]) for i, path in enumerate(paths)}
            return legacy
        items: dict[str, Any] = {}
        file.visititems(lambda path, item: items.update({path: item}))
        return grouped({path: _array(i) for path, i in items.items() if hasattr(i, "dtype")}, who)


def read_config(data: bytes, who: str) -> dict[str, Any]:
    """The configuration of a whole model in the older layout, with its `compile_config`.

    Args:
      data, who: as for `read`.

    Raises:
      ValueError: the file is damaged, or has no configuration of a model.
    """
    with _opened(data, who) as file:
        if "model_config" not in file.attrs:
            raise ValueError(
                f"{who}: expected a whole model, got weights alone. Make the model, and read them "
                "with model.load_weights(path, safe_mode=False)."
            )
        config = _keras_3_config(json_object(file.attrs["model_config"], f"{who}: model_config"))
        if "training_config" not in file.attrs:
            return config
        training = json_object(file.attrs["training_config"], f"{who}: training_config")
    compiled = {name: training.get(name) for name in _COMPILE}
    return {**config, "compile_config": {"optimizer": training["optimizer_config"], **compiled}}


def _keras_3_config(config: Any) -> Any:
    """The configuration of Keras 2 with the class and argument names of Keras 3."""
    if isinstance(config, list):
        return [_keras_3_config(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {name: _keras_3_config(value) for name, value in config.items()}
    inner = config.get("config")
    if isinstance(inner, dict) and "batch_input_shape" in inner and "layers" not in inner:
        shape = {"batch_shape": inner.pop("batch_input_shape"), "dtype": inner.get("dtype")}
        if config["class_name"] != "InputLayer":  # the first layer of a Sequential without one
            return {**config, "input": {"class_name": "InputLayer", "config": shape}}
        inner |= shape
    if "inbound_nodes" in config:
        nodes = config["inbound_nodes"]
        config["inbound_nodes"] = [_call(n) if isinstance(n, list) else n for n in nodes]
    if config.get("class_name") == "Sequential" and isinstance(inner, dict):
        first, *others = inner.get("layers") or [{}]
        if "input" in first:
            inner["layers"] = [first["input"], first, *others]
    return config


def _call(node: list[Any]) -> dict[str, Any]:
    """A call of a layer in a graph, of which Keras 2 noted `[[name, call, output, kwargs], …]`."""
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": entry[:3]}} for entry in node
    ]
    return {"args": tensors if len(node) == 1 else [tensors], "kwargs": dict(*node[0][3:4])}


_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
)
"""What h5py raises for a file that is damaged, and a configuration that makes no sense."""


@contextlib.contextmanager
def _opened(data: bytes, who: str) -> Iterator[Any]:
    """The file in h5py, whose errors become a `ValueError` with the name of the file."""
    import h5py

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            yield file
    except ValueError as error:
        raise error if who in str(error) else ValueError(f"{who}: {error}") from error
    except _UNREADABLE as error:
        raise ValueError(f"{who}: expected a file of Keras, and it is damaged: {error}") from error


def _texts(group: h5py.Group, name: str) -> list[str]:
    """The strings of an attribute; a long one is divided into `name0`, `name1`, …."""
    parts = itertools.takewhile(group.attrs.__contains__, (f"{name}{i}" for i in itertools.count()))
    names = [name] if name in group.attrs else parts
    texts = [text for part in names for text in group.attrs[part]]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in texts]


def _array(dataset: h5py.Dataset) -> np.ndarray:
    array = np.asarray(dataset)
    if array.dtype == np.dtype("V2"):  # bfloat16 as h5py writes it
        return array.view(jnp.bfloat16)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"expected numbers under {dataset.name!r}, got {array.dtype}.")
    return array


class LegacyWeights(NamedTuple):
    """The weights of a layer, or those of an optimizer, in the older layout.

    Attributes:
      name: the group's: of the layer.
      arrays: by path, which is unique in the group.
    """

    name: str
    arrays: dict[str, np.ndarray]


def write(
    file: BinaryIO,
    config: Mapping[str, Any],
    layers: Sequence[LegacyWeights],
    optimizer: LegacyWeights | None,
) -> None:
    """Writes a whole model in the older layout, which Keras 2 and 3 read.

    Args:
      file: a seekable file, open for writing and reading.
      config: of the model, with its `compile_config` if it is compiled.
      layers: in the model's order, also those without weights.
      optimizer: None where its state is left out.
    """
    import h5py

    compiled = dict(config.get("compile_config") or {})
    with h5py.File(file, "w", libver="earliest") as h5:
        model = {name: config[name] for name in ("class_name", "config")}
        _set_texts(h5, {"keras_version": KERAS, "backend": "jax"})
        h5.attrs["model_config"] = json.dumps(model)
        if optimizer is not None and compiled.get("optimizer"):
            rule = compiled.pop("optimizer")
            rule = {name: rule[name] for name in ("class_name", "config")}
            h5.attrs["training_config"] = json.dumps({**compiled, "optimizer_config": rule})
        group = h5.create_group("model_weights")
        _set_texts(group, {"keras_version": KERAS, "backend": "jax"})
        _set_names(group, "layer_names", [layer.name for layer in layers])
        for layer in (*layers, LegacyWeights("top_level_model_weights", {})):
            _write_arrays(group.create_group(layer.name), layer.arrays)
        if optimizer is not None and optimizer.arrays:
            _write_arrays(h5.create_group(optimizer.name), optimizer.arrays)


def _set_texts(group: h5py.Group, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        group.attrs[name] = text.encode()


def _set_names(group: h5py.Group, name: str, names: Sequence[str]) -> None:
    """An attribute of strings, divided where it is longer than an attribute may be."""
    encoded = [text.encode() for text in names]
    parts = -(-sum(map(len, encoded)) * 2 // MOST_OF_ATTRIBUTE) or 1
    if parts == 1:
        group.attrs[name] = encoded
        return
    size = -(-len(encoded) // parts)
    for number in range(parts):
        group.attrs[f"{name}{number}"] = encoded[number * size : (number + 1) * size]


def _write_arrays(group: h5py.Group, arrays: Mapping[str, np.ndarray]) -> None:
    _set_names(group, "weight_names", list(arrays))
    for path, array in arrays.items():
        write_array(group, path, array)
