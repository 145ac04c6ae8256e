"""JAX's random bits computed by NumPy: keys and first weights without compiling anything.

Every program that draws random numbers contains Threefry, which takes XLA a quarter of a second to
compile; a model's first weights are as many programs as they have shapes. On the host it is some
sixty operations on small arrays. Law: the bits are those of `jax.random`, for its usual generator
(`threefry2x32`, partitionable); for other generators, and traced keys, JAX computes them itself.

Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3",
doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.arrays import on_device
from jkeras.core.jit_once import jit_once

CHUNK = 2**14
"""The numbers that one program makes; a weight is made of as many chunks as it needs."""

MOST = 2**22
"""Above this number of elements a program for the shape is faster, with its compilation."""

NumbersFn = Callable[..., jax.Array]
Number = float | np.floating | jax.Array

_SQRT_2 = np.float32(np.sqrt(2))
_USUAL = "threefry2x32"
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_MASK = 0xFFFFFFFF


def words_of(key: jax.Array | np.ndarray) -> np.ndarray | None:
    """The two words of a key; None if it is traced, or its bits are not those of this module."""
    if isinstance(key, jax.core.Tracer) or not jax.config.jax_threefry_partitionable:  # type: ignore[attr-defined]
        return None
    if not jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key):
        words = key
    elif str(jax.random.key_impl(key)) == _USUAL:
        words = jax.random.key_data(key)
    else:
        return None
    if isinstance(words, jax.core.Tracer) or words.shape != (2,) or words.dtype != np.uint32:
        return None
    return np.asarray(words)


def fold_in(key: jax.Array | np.ndarray, number: int) -> Any:
    """`jax.random.fold_in`; for the two words of a key, as `words_of` gives them, words again."""
    words = words_of(key)
    if words is None:
        return jax.random.fold_in(key, number)
    first_word, second_word = words.tolist()
    folded = np.array(_threefry_once(first_word, second_word, number), np.uint32)
    if isinstance(key, np.ndarray):
        return folded
    is_typed = jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)
    return _key(folded) if is_typed else on_device(folded)


def key_of_seed(seed: int) -> jax.Array:
    """`jax.random.key(seed)`."""
    if jax.config.jax_default_prng_impl != _USUAL:  # type: ignore[attr-defined]
        return jax.random.key(seed)
    return _key(np.array([0, seed], np.uint32))


def _key(words: np.ndarray) -> jax.Array:
    return jax.random.wrap_key_data(on_device(words), impl=_USUAL)


def bits(key: jax.Array | np.ndarray, shape: tuple[int, ...]) -> Any:
    """`jax.random.bits(key, shape, "uint32")`."""
    words = words_of(key)
    if words is None:
        return jax.random.bits(key, shape, "uint32")
    return _bits(words, 0, int(np.prod(shape))).reshape(shape)


def words_of_all(keys: jax.Array) -> np.ndarray | None:
    """The words of many keys, `[keys, 2]`; None as for `words_of`."""
    if not jax.config.jax_threefry_partitionable or str(jax.random.key_impl(keys)) != _USUAL:  # type: ignore[attr-defined]
        return None
    return np.asarray(jax.random.key_data(keys))


def fold_in_all(words: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """`fold_in` for the words of many keys, each with a number of its own."""
    counter = np.asarray(numbers).astype(np.uint32).reshape(-1, 1)
    return np.concatenate(_threefry(words, np.zeros_like(counter), counter), axis=1)


def bits_of_all(words: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`bits` for the words of many keys, `[keys, *shape]`."""
    return _bits(words, 0, int(np.prod(shape))).reshape(len(words), *shape)


def drawn(
    numbers_fn: NumbersFn, key: jax.Array | np.ndarray, shape: tuple[int, ...], *parameters: float
) -> np.ndarray | None:
    """Random numbers by one program for all shapes; None where the key's bits are JAX's own
    business, or the array is large.

    Args:
      numbers_fn: `uniform`, `normal` or `truncated_normal`.
      key: a random key.
      shape: of the result.
      *parameters: the further arguments of the function, which may differ from call to call.

    Returns:
      `shape`, float32.
    """
    words, size = words_of(key), int(np.prod(shape))
    if words is None or size > MOST:
        return None
    program, scalars = _program(numbers_fn), [np.float32(number) for number in parameters]
    result = np.empty(size, np.float32)
    chunk = np.zeros(CHUNK, np.uint32)
    for start in range(0, size, CHUNK):
        count = min(CHUNK, size - start)
        chunk[:count] = _bits(words, start, count)
        result[start : start + count] = np.asarray(program(chunk, *scalars))[:count]
    return result.reshape(shape)


def uniform(random_bits: jax.Array, low: Number, high: Number) -> jax.Array:
    """The numbers of `jax.random.uniform` in [low, high) for these bits."""
    # 23 bits as the fraction of a number in [1, 2).
    fraction = lax.bitcast_convert_type((random_bits >> 9) | np.uint32(0x3F800000), jnp.float32)
    return jnp.maximum(low, (fraction - np.float32(1)) * (high - low) + low)


def normal(random_bits: jax.Array, stddev: Number, mean: Number) -> jax.Array:
    """The numbers of `jax.random.normal` for these bits, times `stddev`, plus `mean`."""
    above = np.nextafter(np.float32(-1), np.float32(0))
    return _SQRT_2 * lax.erf_inv(uniform(random_bits, above, np.float32(1))) * stddev + mean


def truncated_normal(random_bits: jax.Array, stddev: Number, mean: Number) -> jax.Array:
    """As `normal`, of `jax.random.truncated_normal` between -2 and 2."""
    end = lax.erf(np.float32(2) / _SQRT_2)
    numbers = _SQRT_2 * lax.erf_inv(uniform(random_bits, -end, end))
    most = np.nextafter(np.float32(2), np.float32(0))
    return jnp.clip(numbers, -most, most) * stddev + mean


@functools.cache
def _program(numbers_fn: NumbersFn) -> Callable[..., jax.Array]:
    return jit_once(numbers_fn)


def _bits(words: np.ndarray, start: int, count: int) -> np.ndarray:
    """The random bits of the elements from `start` on, in the order of rows."""
    counter = np.arange(start, start + count, dtype=np.uint32)
    first, second = _threefry(words, np.zeros_like(counter), counter)
    return first ^ second


def _threefry_once(first_word: int, second_word: int, number: int) -> tuple[int, int]:
    """`_threefry` of the counters 0 and `number`, in Python's integers: a tenth of the time."""
    keys = (first_word, second_word, first_word ^ second_word ^ int(_PARITY))
    first, second = keys[0], (number + keys[1]) & _MASK
    for block in range(5):
        for distance in _ROTATIONS[block % 2]:
            first = (first + second) & _MASK
            second = ((second << distance) & _MASK | second >> (32 - distance)) ^ first
        first = (first + keys[(block + 1) % 3]) & _MASK
        second = (second + keys[(block + 2) % 3] + block + 1) & _MASK
    return first, second


def _threefry(
    words: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Threefry 2x32 of twenty rounds: the counters, enciphered with the key."""
    # Arrays of one number: unlike scalars they wrap around without a warning.
    front, back = words[..., :1], words[..., 1:]
    keys = (front, back, front ^ back ^ _PARITY)
    first, second = first + keys[0], second + keys[1]
    for block in range(5):
        for distance in _ROTATIONS[block % 2]:
            first += second
            second = (second << np.uint32(distance)) | (second >> np.uint32(32 - distance))
            second ^= first
        first += keys[(block + 1) % 3]
        second += keys[(block + 2) % 3] + np.uint32(block + 1)
    return first, second
