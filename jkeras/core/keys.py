"""Random keys derived by name, and the default seed of a model.

`child(key, "dense_1")` depends on the parent key and the name alone, so adding a layer re-seeds
nothing beside it. No function here or elsewhere keeps a hidden generator: the one piece of
process-wide state is the seed that `set_random_seed` sets, from which every later `Trainer`
without a `seed` takes the next.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import zlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

from jkeras.core import host_random
from jkeras.core.errors import describe, type_error, value_error

Key = jax.Array

_lock = threading.Lock()
_seeds: np.random.SeedSequence | None = None
_seeds_here: ContextVar[np.random.SeedSequence | None] = ContextVar("seeds", default=None)


def child(key: Key, name: str | int | jax.Array) -> Key:
    """The key of the part called `name` (a word, or an index that may be traced).

    Example:
      >>> key = jax.random.key(0)
      >>> kernel, again, bias = (child(key, name) for name in ("kernel", "kernel", "bias"))
      >>> bool(kernel == again), bool(kernel == bias)
      (True, False)
    """
    if isinstance(name, jax.Array):
        return jax.random.fold_in(key, name)
    number = zlib.crc32(name.encode()) if isinstance(name, str) else name
    return host_random.fold_in(key, int(number))


def checked_seed(who: str, seed: Any) -> int:
    """`seed` as an int, if it is one that a model can have.

    Raises:
      TypeError: it is not an integer.
      ValueError: it lies outside [0, 2**32).
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise type_error(who=who, argument="seed", expected="an integer", got=describe(seed))
    if not 0 <= seed < 2**32:
        raise value_error(who=who, argument="seed", expected="0 to 2**32 - 1", got=seed)
    return int(seed)


def set_default_seed(seed: int) -> None:
    """Sets the seed from which later models without a `seed` derive theirs, each another.

    Args:
      seed: integer in [0, 2**32).
    """
    global _seeds
    with _lock:
        _seeds = np.random.SeedSequence(seed)


@contextlib.contextmanager
def default_seed(seed: int) -> Iterator[None]:
    """As `set_default_seed`, for the models made while it is entered.

    Example:
      >>> with default_seed(3):
      ...     first = next_seed()
      >>> with default_seed(3):
      ...     first == next_seed()
      True
    """
    token = _seeds_here.set(np.random.SeedSequence(seed))
    try:
        yield
    finally:
        _seeds_here.reset(token)


def has_default_seed() -> bool:
    """Whether `set_default_seed` was called."""
    return _seeds is not None


def next_seed() -> int:
    """A seed in [0, 2**32) for a model without one.

    After `set_default_seed` it is the next of that seed's sequence, before it one from the system.
    """
    with _lock:
        seeds = _seeds_here.get() or _seeds
        if seeds is None:
            return secrets.randbits(32)
        return int(seeds.spawn(1)[0].generate_state(1)[0])
