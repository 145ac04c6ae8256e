"""`KerasFileEditor`: shows, compares and changes the weights in a file of Keras, without its model.

    editor = KerasFileEditor("model.weights.h5")
    editor.rename_object("layers/dense_3", "dense_2")
    editor.save("renamed.weights.h5")

The weights are a tree of dicts: objects by their names, and in them arrays by theirs, "0", "1", ….
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.errors import describe, nearest, type_error, value_error
from jkeras.core.folders import atomic_write
from jkeras.saving import keras_archive, keras_h5

Tree = dict[str, Any]
WHO = "KerasFileEditor"
ENDING = ".weights.h5"
OPTIMIZER = "optimizer"


class KerasFileEditor:
    """The weights in a `.keras` or `.weights.h5` file, to be shown, compared and changed.

    Objects are named by their path, "layers/dense_2", or by their name where it is the only one.
    Changes stay in memory until `save`.

    Args:
      filepath: the file.

    Attributes:
      weights_dict: the weights as nested dicts.
      config, metadata: those of a `.keras` file; None for weights alone.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: another ending, or a damaged file.

    Source: `keras.saving.KerasFileEditor`.
    """

    def __init__(self, filepath: str | os.PathLike[str]) -> None:
        self.filepath = os.fspath(filepath)
        self.config: dict[str, Any] | None = None
        self.metadata: dict[str, Any] | None = None
        if self.filepath.endswith(".keras"):
            archive = keras_archive.read(self.filepath)
            self.config, self.metadata, data = archive.config, archive.metadata, archive.weights
        elif self.filepath.endswith(ENDING):
            data = keras_h5.read_bytes(self.filepath)
        else:
            raise value_error(
                who=WHO,
                argument="filepath",
                expected=f"a name that ends with '.keras' or {ENDING!r}",
                got=repr(self.filepath),
            )
        self.weights_dict = _tree(keras_h5.read(data, self.filepath))
        print(f"Keras model file {self.filepath!r}")
        if self.metadata is not None:
            version, date = (self.metadata.get(name) for name in ("keras_version", "date_saved"))
            print(f"Saved with Keras {version} - date: {date}")

    def summary(self) -> None:
        """Prints the objects with the shapes and dtypes of their weights."""
        print("Weights structure")
        for line in _lines(self.weights_dict):
            print(f"  {line}")

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Compares the weights with those of a model, and prints what differs; optimizers are left
        out.

        Args:
          reference_model: a model that is built.

        Returns:
          A dict: "status", "success" or "error"; "error_count", the number of differences, where an
          object that only one side has counts once; "match_count", the number of equal weights.
        """
        if not hasattr(reference_model, "save_weights"):
            raise type_error(
                who=f"{WHO}: compare",
                argument="reference_model",
                expected="a model",
                got=describe(reference_model),
            )
        print("Running comparison")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"reference{ENDING}"
            reference_model.save_weights(path)
            reference = _tree(keras_h5.read(keras_h5.read_bytes(path), "the reference model"))
        sides = [
            {name: part for name, part in side.items() if name != OPTIMIZER}
            for side in (self.weights_dict, reference)
        ]
        found = list(_comparison(sides[0], sides[1]))
        told = [line for line in found if line is not None]
        for line in told:
            print(f"...{line}")
        matches, errors = len(found) - len(told), len(told)
        is_same = not told
        print(
            f"Comparison successful: {matches} weight{'s' * (matches != 1)} match"
            if is_same
            else f"Found {errors} difference{'s' * (errors != 1)} between the file and the model"
        )
        status = "success" if is_same else "error"
        return {"status": status, "error_count": errors, "match_count": matches}

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Gives an object, such as a layer, another name in the same place.

        Args:
          object_name: its name or path.
          new_name: the new name alone, without a path.

        Raises:
          ValueError: there is no such object, or another one of the new name.
        """
        above, name = self._place("rename_object", "object_name", object_name)
        told = functools.partial(value_error, who=f"{WHO}: rename_object", argument="new_name")
        if "/" in new_name:
            raise told(expected="a name without a path", got=repr(new_name))
        if new_name in above:
            raise told(expected="a name that is free", got=f"{new_name!r}, which is there")
        renamed = {new_name if key == name else key: part for key, part in above.items()}
        above.clear()
        above.update(renamed)

    def delete_object(self, object_name: str) -> None:
        """Takes an object, such as a layer, out of the weights.

        Args:
          object_name: its name or path.

        Raises:
          ValueError: there is no such object.
        """
        above, name = self._place("delete_object", "object_name", object_name)
        del above[name]

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Adds an object with weights.

        Args:
          object_path: its whole path, such as "layers/dense_2".
          weights: arrays by their names: {"0": kernel, "1": bias}.

        Raises:
          TypeError: `weights` is no dict.
          ValueError: the object above is not there, or this one is.
        """
        added = _checked("add_object", weights)
        above = self.weights_dict
        *parents, name = object_path.split("/")
        told = functools.partial(value_error, who=f"{WHO}: add_object", argument="object_path")
        for parent in parents:
            if not isinstance(above.get(parent), dict):
                raise told(
                    expected="the path of an object in one that is there",
                    got=repr(object_path),
                    fix=f"At {parent!r} there are: {', '.join(above)}.",
                )
            above = above[parent]
        if name in above:
            raise told(
                expected="the path of a new object",
                got=f"{object_path!r}, which is there",
                fix="add_weights adds to it.",
            )
        above[name] = added

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Takes a weight out of an object.

        Args:
          object_name: the name or path of the object.
          weight_name: such as "0".

        Raises:
          ValueError: there is no such object or weight.
        """
        weights = self._object("delete_weight", object_name)
        if weight_name not in weights or isinstance(weights[weight_name], dict):
            names = [name for name, part in weights.items() if not isinstance(part, dict)]
            raise value_error(
                who=f"{WHO}: delete_weight",
                argument="weight_name",
                expected=f"one of {', '.join(map(repr, names))}",
                got=repr(weight_name),
            )
        del weights[weight_name]

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Adds weights to an object, or replaces those of the same names.

        Args:
          object_name: the name or path of the object.
          weights: arrays by their names.

        Raises:
          TypeError: `weights` is no dict.
          ValueError: there is no such object.
        """
        added = _checked("add_weights", weights)
        self._object("add_weights", object_name).update(added)

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the weights to a `.weights.h5` file, which replaces one that is there.

        Raises:
          ValueError: another ending.
        """
        path = os.fspath(filepath)
        if not path.endswith(ENDING):
            raise value_error(
                who=f"{WHO}: save",
                argument="filepath",
                expected=f"a name that ends with {ENDING!r}",
                got=repr(path),
            )
        groups = [
            keras_h5.Group(place, None, named=arrays)
            for place, arrays in _objects(self.weights_dict)
            if arrays
        ]
        atomic_write(path, lambda file: keras_h5.write(file, groups))

    def resave_weights(self, filepath: str | os.PathLike[str]) -> None:
        """`save` under its older name."""
        self.save(filepath)

    def _object(self, method: str, object_name: str) -> Tree:
        above, name = self._place(method, "object_name", object_name)
        found: Tree = above[name]
        return found

    def _place(self, method: str, argument: str, object_name: str) -> tuple[Tree, str]:
        """The dict that has an object, and its name there."""
        parts: dict[str, Any] = {"who": f"{WHO}: {method}", "argument": argument}
        known = {place: node for place, node in _nodes(self.weights_dict) if place}
        if "/" in object_name:
            fitting = [place for place in known if place == object_name]
        else:
            fitting = [place for place in known if place.rpartition("/")[2] == object_name]
        if not fitting:
            names = [place.rpartition("/")[2] for place in known]
            fix = nearest(object_name, [*known, *names]).strip()
            expected = "the name or path of an object in the file"
            raise value_error(**parts, expected=expected, got=repr(object_name), fix=fix)
        if len(fitting) > 1:
            raise value_error(
                **parts,
                expected="the name of one object",
                got=repr(object_name),
                fix=f"Write one of its paths: {', '.join(fitting)}.",
            )
        above, _, name = fitting[0].rpartition("/")
        return (known[above] if above else self.weights_dict), name


def _tree(stored: keras_h5.Stored) -> Tree:
    """The groups of a file as nested dicts."""
    tree: Tree = {}
    for path, arrays in stored.items():
        node = tree
        for name in filter(None, path.split("/")):
            node = node.setdefault(name, {})
        node.update(arrays)
    return tree


def _nodes(tree: Tree, path: str = "") -> Iterator[tuple[str, Tree]]:
    """The dicts of a tree with their paths, the tree itself first, under ""."""
    yield path, tree
    for name, part in tree.items():
        if isinstance(part, dict):
            yield from _nodes(part, f"{path}/{name}".lstrip("/"))


def _objects(tree: Tree) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """The objects of a tree with their paths, and the arrays of each."""
    for path, node in _nodes(tree):
        yield path, {name: part for name, part in node.items() if not isinstance(part, dict)}


def _checked(method: str, weights: object) -> dict[str, np.ndarray]:
    if not isinstance(weights, Mapping):
        raise type_error(
            who=f"{WHO}: {method}",
            argument="weights",
            expected="a dict of arrays by their names",
            got=describe(weights),
            fix='For example: {"0": kernel, "1": bias}.',
        )
    return {str(name): np.asarray(value) for name, value in weights.items()}


def _lines(tree: Tree, indent: str = "") -> Iterator[str]:
    for name, part in tree.items():
        if isinstance(part, dict):
            yield f"{indent}{name}"
            yield from _lines(part, f"{indent}    ")
        else:
            yield f"{indent}{name}: shape={part.shape}, dtype={part.dtype}"


def _comparison(mine: Tree, other: Tree, path: str = "") -> Iterator[str | None]:
    """For each weight that is equal on both sides None, and a line for each difference."""
    for name in dict.fromkeys([*mine, *other]):
        place = f"{path}/{name}".lstrip("/")
        if name not in mine or name not in other:
            kind = "object" if isinstance(mine.get(name, other.get(name)), dict) else "weight"
            sides = ("model", "file") if name not in mine else ("file", "model")
            yield f"{kind} {place}: in the {sides[0]}, and not in the {sides[1]}"
        elif isinstance(mine[name], dict) and isinstance(other[name], dict):
            yield from _comparison(mine[name], other[name], place)
        elif np.shape(mine[name]) == np.shape(other[name]):
            yield None
        else:
            shapes = np.shape(mine[name]), np.shape(other[name])
            yield f"weight {place}: shape {shapes[0]} in the file, {shapes[1]} in the model"
