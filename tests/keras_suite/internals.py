"""Names inside Keras that its tests of random numbers, dtypes, trees and utils are set up by.

What computes is jkeras's own code under Keras's internal names. What is not here at all (another
framework, quantized policies) is an `absent` class: it can be imported, and its use fails.
"""

from __future__ import annotations

import collections
import types
from typing import Any

import jax

import jkeras
from jkeras import config, random
from jkeras.config import dtype_policy, set_dtype_policy
from jkeras.core.keys import next_seed as make_default_seed
from jkeras.core.naming import snake_case as to_snake_case
from jkeras.core.seeds import key_of
from jkeras.core.session import get_uid
from jkeras.utils import files
from jkeras.utils.files import extract_archive, hash_file

__all__ = [
    "config",
    "dtype_policy",
    "extract_archive",
    "get_uid",
    "hash_file",
    "make_default_seed",
    "random",
    "set_dtype_policy",
    "to_snake_case",
]


def absent(name: str) -> type:
    """A class in the place of one that is not here: an object of it cannot be made."""

    def refuse(self: object, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{name} is not here")

    return type(name, (), {"__init__": refuse})


DTypePolicyMap = absent("DTypePolicyMap")
AWQDTypePolicy = absent("AWQDTypePolicy")
GPTQConfig = absent("GPTQConfig")
GPTQDTypePolicy = absent("GPTQDTypePolicy")
Int4DTypePolicy = absent("Int4DTypePolicy")
QuantizedDTypePolicy = absent("QuantizedDTypePolicy")
QuantizedFloat8DTypePolicy = absent("QuantizedFloat8DTypePolicy")

optree = types.SimpleNamespace(available=True)
"""The library under Keras's trees; its tests then run on `optree_impl`, which is `jkeras.tree`."""
dmtree = tensorflow = torch = grain = types.SimpleNamespace(available=False)


class TrackedList(list[Any]):
    """A list of a class of its own that JAX knows; in attributes of layers lists are Python's."""


class TrackedSet(set[Any]):
    """The same of a set."""


class TrackedDict(dict[Any, Any]):
    """The same of a dict."""


class TrackedOrderedDict(collections.OrderedDict[Any, Any]):
    """The same of a dict that keeps its order."""


def _register(kind: Any, keys_of: Any) -> None:
    def flattened(x: Any) -> Any:
        if isinstance(x, dict):
            keys = tuple(keys_of(x))
            return [(jax.tree_util.DictKey(key), x[key]) for key in keys], keys
        return [(jax.tree_util.SequenceKey(n), part) for n, part in enumerate(x)], None

    def made(keys: Any, parts: Any) -> Any:
        return kind(parts if keys is None else zip(keys, parts, strict=True))

    jax.tree_util.register_pytree_with_keys(kind, flattened, made)


_register(TrackedList, None)
_register(TrackedSet, None)
_register(TrackedDict, sorted)
_register(TrackedOrderedDict, list)


def random_seed_dtype() -> str:
    """The dtype of the two numbers of a seed."""
    return "uint32"


def draw_seed(seed: Any) -> jax.Array:
    """The two numbers of the key that a seed stands for."""
    return jax.random.key_data(key_of("draw_seed", seed))


def validate_file(path: str, file_hash: str, algorithm: str = "auto") -> bool:
    """Whether a file has a hash, as `get_file` sees it."""
    return files.hash_file(path, files._algorithm(algorithm, file_hash)) == file_hash


def reset_uids() -> None:
    """The counters of names begin anew."""
    jkeras.backend.clear_session(free_memory=False)


def print_summary(model: Any, **options: Any) -> None:
    """The table of a model."""
    model.summary(**options)
