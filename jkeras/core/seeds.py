"""Seeds in Keras's way, and the random keys that they stand for.

A seed is an integer, a key of JAX, or a `SeedGenerator`, Keras's object that counts its draws.
Laws: the same integer gives the same key, which is the one Keras takes; a generator gives another
key at every draw, and its state is two numbers that can be read; inside a program nothing draws
from a state that the program cannot see: there a key must be passed, or a scope says where keys
come from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.errors import describe, type_error, value_error
from jkeras.core.keys import Key, checked_seed, child, next_seed


class _Scope:
    """A key, and how many keys were derived from it."""

    def __init__(self, key: Key | Callable[[], Key]) -> None:
        self.key = key
        self.draws = 0

    def next(self) -> Key:
        """Another key."""
        self.draws += 1
        if callable(self.key):
            self.key = self.key()
        return child(child(self.key, "draw"), self.draws)


_scope: ContextVar[_Scope | None] = ContextVar("scope", default=None)


@contextlib.contextmanager
def drawing_from(key: Key | Callable[[], Key]) -> Iterator[None]:
    """Within this, random functions without a seed, and generators, draw keys derived from `key`.

    This is how code written in Keras's way, whose seeds are hidden, becomes a pure function of a
    key: the first draw takes the first key, and so on. A function that gives the key is called when
    the first draw needs it.

    Example:
      >>> with drawing_from(jax.random.key(0)):
      ...     one = key_of("normal", None)
      >>> with drawing_from(jax.random.key(0)):
      ...     again, other = key_of("normal", None), key_of("normal", None)
      >>> bool(one == again), bool(one == other)
      (True, False)
    """
    before = _scope.set(_Scope(key))
    try:
        yield
    finally:
        _scope.reset(before)


@contextlib.contextmanager
def drawing_outside() -> Iterator[None]:
    """Within this, random functions draw as outside of every scope: from the default seeds."""
    before = _scope.set(None)
    try:
        yield
    finally:
        _scope.reset(before)


_counting: ContextVar[bool] = ContextVar("counting", default=False)


@contextlib.contextmanager
def counting_generators(active: bool = True) -> Iterator[None]:
    """Within this, a `SeedGenerator` outside of programs gives its own next key in any scope, as in
    Keras: in a call on arrays that is no function of a key.
    """
    before = _counting.set(active)
    try:
        yield
    finally:
        _counting.reset(before)


class SeedGenerator:
    """Gives another key at every draw: a seed, and how many draws there were.

    Outside of programs only; inside one, pass a key, or use `drawing_from`.

    Args:
      seed: an integer in [0, 2**32); the next default seed when left out.
      name: a label, without effect.

    Raises:
      TypeError: the seed is no integer.
      ValueError: it is out of range.

    Example:
      >>> generator = SeedGenerator(7)
      >>> generator.next().tolist(), generator.state.tolist()
      ([7, 0], [7, 1])

    Source: `keras.random.SeedGenerator`.
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = None if seed is None else checked_seed("SeedGenerator", seed)
        self.name = "seed_generator" if name is None else name
        first = next_seed() if self.seed is None else self.seed
        self.state = np.array([first, 0], np.uint32)

    def next(self, ordered: bool = True) -> jax.Array:
        """The two numbers of another key, a `seed` for random functions and a key for JAX's.

        Args:
          ordered: part of the signature of Keras; it changes nothing.

        Raises:
          ValueError: inside a program, where every run would draw the same.
        """
        del ordered
        return jax.random.key_data(self.next_key())

    def next_key(self) -> Key:
        """Another key, as `next`."""
        scope = _scope.get()
        if scope is not None and (not _counting.get() or is_tracing()):
            return scope.next()
        if is_tracing():
            raise value_error(
                "inside a compiled program every run would draw the same numbers. Pass a key "
                "that changes: seed=jax.random.fold_in(key, step).",
                who="SeedGenerator",
            )
        key = _key(self.state)
        self.state = self.state + np.array([0, 1], np.uint32)
        return key

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """The generator that `get_config` was of, at its start."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"SeedGenerator(seed={self.seed}, state={self.state.tolist()})"


def key_of(who: str, seed: object, argument: str = "seed") -> Key:
    """The key that a seed stands for.

    Args:
      who: the function, for messages.
      seed: an integer, a key, the two numbers of a key, a `SeedGenerator`, or None: the next key of
        the scope, or a key of the next default seed.
      argument: how the caller calls it, for messages.

    Raises:
      TypeError: it is none of these.
      ValueError: an integer out of range, or None inside a program.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next_key()
    if seed is None:
        return _default_key(who, argument)
    if isinstance(seed, jax.Array | np.ndarray):
        return _key_of_array(who, seed)
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        expected = "an integer, a key such as jax.random.key(0), or a SeedGenerator"
        raise type_error(who=who, argument="seed", expected=expected, got=describe(seed))
    return _key(np.array([checked_seed(who, seed), 0], np.uint32))


def _default_key(who: str, argument: str) -> Key:
    scope = _scope.get()
    if scope is not None:
        return scope.next()
    if is_tracing():
        raise value_error(
            who=who,
            expected=f"a `{argument}` inside a compiled program",
            got="None: every run would draw the same numbers",
            fix=f"Pass a key to the program: {who}(..., {argument}=key).",
        )
    return _key(np.array([next_seed(), 0], np.uint32))


def _key_of_array(who: str, seed: Any) -> Key:
    if jnp.issubdtype(seed.dtype, jax.dtypes.prng_key) and seed.ndim == 0:
        return seed
    if seed.dtype == np.uint32 and seed.shape == (2,):
        return _key(seed)
    if seed.ndim == 0 and jnp.issubdtype(seed.dtype, jnp.integer):
        return _key(jnp.stack([jnp.asarray(seed, jnp.uint32), jnp.uint32(0)]))
    expected = "one key, such as jax.random.key(0)"
    raise type_error(who=who, argument="seed", expected=expected, got=describe(seed))


def _key(numbers: object) -> Key:
    """The key of two numbers: Keras's first is the seed, and its second the count of draws."""
    return jax.random.wrap_key_data(jnp.asarray(numbers, jnp.uint32), impl="threefry2x32")


def is_tracing() -> bool:
    """Whether a program is being traced here: what is computed from nothing is then traced too."""
    return isinstance(lax.neg(np.float32(0)), jax.core.Tracer)
