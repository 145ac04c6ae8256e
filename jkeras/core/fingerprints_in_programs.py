"""The hashes of `core.fingerprints`, of whole numbers inside of compiled programs.

A number is hashed as its decimal digits, or taken as its own fingerprint in a crossing. Programs
have no integers of 64 bits, so a word of 64 is two of 32; laws: every function equals that of
`core.fingerprints` for all int32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.fingerprints import CROSS_KEY

_K0, _K2 = 0xC3A5C85C97CB3127, 0x9AE16A3B2F90404F
_CROSS = 0xC6A4A7935BD1E995
_MASK = (1 << 64) - 1
_WIDTH, _MINUS, _ZERO = 16, 45, 48
Array = jax.Array


class Word(NamedTuple):
    """64 bits as two arrays of uint32."""

    high: Array
    low: Array


def bins_of_digits(numbers: Array, bins: int, key: tuple[int, int] | None) -> Array:
    """The bins of integers by the hash of their decimal digits, int32.

    Args:
      numbers: int32 of any shape.
      bins: how many bins there are.
      key: that of SipHash; None for FarmHash.
    """
    text, length = _digits(numbers.astype(jnp.int32))
    return _remainder(_farm(text, length) if key is None else _sip(text, length, key), bins)


def bins_of_crossing(columns: Sequence[Array], bins: int) -> Array:
    """The bins of rows of integers by their hash together, int32."""
    shape = columns[0].shape
    total = _constant(CROSS_KEY, shape)
    factor = _constant(_CROSS, shape)
    for column in columns:
        mixed = _times(_mixed_in(_times(_own(column), factor)), factor)
        total = _times(_xor(_xor(total, factor), mixed), factor)
        total = _mixed_in(_times(_mixed_in(total), factor))
    return _remainder(total, bins)


def _own(numbers: Array) -> Word:
    """Integers as 64 bits."""
    if numbers.dtype.itemsize == 8:
        return Word((numbers >> 32).astype(jnp.uint32), numbers.astype(jnp.uint32))
    if numbers.dtype.kind == "u" or numbers.dtype == bool:
        return Word(jnp.zeros(numbers.shape, jnp.uint32), numbers.astype(jnp.uint32))
    numbers = numbers.astype(jnp.int32)
    return Word((numbers >> 31).astype(jnp.uint32), numbers.astype(jnp.uint32))


# -- arithmetic modulo 2**64


def _constant(value: int, shape: tuple[int, ...]) -> Word:
    value &= _MASK
    halves = (value >> 32, value & 0xFFFFFFFF)
    return Word(*(jnp.full(shape, jnp.uint32(half)) for half in halves))


def _xor(a: Word, b: Word) -> Word:
    return Word(a.high ^ b.high, a.low ^ b.low)


def _plus(a: Word, b: Word) -> Word:
    low = a.low + b.low
    return Word(a.high + b.high + (low < a.low).astype(jnp.uint32), low)


def _times(a: Word, b: Word) -> Word:
    half, bits = jnp.uint32(0xFFFF), jnp.uint32(16)
    a0, a1, b0, b1 = a.low & half, a.low >> bits, b.low & half, b.low >> bits
    low, first, second = a0 * b0, a0 * b1, a1 * b0
    middle = (low >> bits) + (first & half) + (second & half)
    high = a1 * b1 + (first >> bits) + (second >> bits) + (middle >> bits)
    return Word(high + a.low * b.high + a.high * b.low, (low & half) | (middle << bits))


def _right(x: Word, count: int) -> Word:
    """Rotated to the right."""
    high, low = (x.low, x.high) if count >= 32 else x
    count %= 32
    if not count:
        return Word(high, low)
    right, left = jnp.uint32(count), jnp.uint32(32 - count)
    return Word((high >> right) | (low << left), (low >> right) | (high << left))


def _mixed_in(x: Word) -> Word:
    """X ^ (x >> 47)."""
    return Word(x.high, x.low ^ (x.high >> jnp.uint32(15)))


def _remainder(x: Word, divisor: int) -> Array:
    """X modulo a number below 2**31, by one division step for each bit."""
    n = jnp.uint32(divisor)

    def step(i: Array, rest: Array) -> Array:
        at = jnp.where(i < 32, 31 - i, 63 - i).astype(jnp.uint32)
        bit = (jnp.where(i < 32, x.high, x.low) >> at) & jnp.uint32(1)
        rest = (rest << jnp.uint32(1)) | bit
        return jnp.where(rest >= n, rest - n, rest)

    return lax.fori_loop(0, 64, step, jnp.zeros(x.low.shape, jnp.uint32)).astype(jnp.int32)


# -- decimal digits


def _digits(numbers: Array) -> tuple[Array, Array]:
    """The digits of int32 as bytes `[..., 16]`, uint32, zeros behind; and how many there are."""
    is_negative = numbers < 0
    bits = numbers.astype(jnp.uint32)
    size = jnp.where(is_negative, jnp.uint32(0) - bits, bits)
    powers = [jnp.uint32(10**k) for k in range(10)]
    digits = jnp.stack([size // power % jnp.uint32(10) for power in powers], -1)
    count = sum((size >= power).astype(jnp.int32) for power in powers[1:]) + jnp.int32(1)
    sign = is_negative.astype(jnp.int32)
    text = []
    for place in range(_WIDTH):
        at = jnp.clip(count - 1 - (place - sign), 0, 9)
        digit = jnp.take_along_axis(digits, at[..., None], -1)[..., 0] + jnp.uint32(_ZERO)
        digit = jnp.where(place < sign, jnp.uint32(_MINUS), digit)
        text.append(jnp.where(place < count + sign, digit, jnp.uint32(0)))
    return jnp.stack(text, -1), count + sign


def _byte(text: Array, at: Array) -> Array:
    return jnp.take_along_axis(text, jnp.clip(at, 0, _WIDTH - 1)[..., None], -1)[..., 0]


def _read32(text: Array, start: Array) -> Array:
    parts = [_byte(text, start + i) << jnp.uint32(8 * i) for i in range(4)]
    return parts[0] | parts[1] | parts[2] | parts[3]


def _read64(text: Array, start: Array) -> Word:
    return Word(_read32(text, start + 4), _read32(text, start))


def _chosen(condition: Array, a: Word, b: Word) -> Word:
    return Word(jnp.where(condition, a.high, b.high), jnp.where(condition, a.low, b.low))


# -- FarmHash


def _farm(text: Array, length: Array) -> Word:
    """FarmHash of up to 16 bytes."""
    shape, zero = length.shape, jnp.zeros(length.shape, jnp.int32)
    size = Word(jnp.zeros(shape, jnp.uint32), length.astype(jnp.uint32))
    k2 = _constant(_K2, shape)
    factor = _plus(k2, _plus(size, size))
    # 8 to 16 bytes
    a, b = _plus(_read64(text, zero), k2), _read64(text, length - 8)
    c = _plus(_times(_right(b, 37), factor), a)
    d = _times(_plus(_right(a, 25), b), factor)
    long = _both(c, d, factor)
    # 4 to 7 bytes
    first, last = _read32(text, zero), _read32(text, length - 4)
    first64 = Word(first >> jnp.uint32(29), first << jnp.uint32(3))
    middle = _both(_plus(first64, size), Word(jnp.zeros(shape, jnp.uint32), last), factor)
    # 1 to 3 bytes
    x, y, z = _byte(text, zero), _byte(text, length // 2), _byte(text, length - 1)
    none = jnp.zeros(shape, jnp.uint32)
    y64 = _times(Word(none, x + (y << jnp.uint32(8))), k2)
    z64 = _times(Word(none, size.low + (z << jnp.uint32(2))), _constant(_K0, shape))
    short = _times(_mixed_in(_xor(y64, z64)), k2)
    return _chosen(length >= 8, long, _chosen(length >= 4, middle, short))


def _both(u: Word, v: Word, factor: Word) -> Word:
    """128 bits as 64."""
    a = _mixed_in(_times(_xor(u, v), factor))
    return _times(_mixed_in(_times(_xor(v, a), factor)), factor)


# -- SipHash


def _sip(text: Array, length: Array, key: tuple[int, int]) -> Word:
    """SipHash-2-4 of up to 15 bytes."""
    shape, zero = length.shape, jnp.zeros(length.shape, jnp.int32)
    k0, k1 = key
    starts = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [_constant(k ^ start, shape) for k, start in zip((k0, k1, k0, k1), starts, strict=True)]
    ending = Word(length.astype(jnp.uint32) << jnp.uint32(24), jnp.zeros(shape, jnp.uint32))
    words = _read64(text, zero), _read64(text, zero + 8)
    two = _sip_word(_sip_word(state, words[0]), _xor(words[1], ending))
    one = _sip_word(state, _xor(words[0], ending))
    state = [_chosen(length >= 8, a, b) for a, b in zip(two, one, strict=True)]
    state[2] = _xor(state[2], _constant(0xFF, shape))
    a, b, c, d = _sip_rounds(state, 4)
    return _xor(_xor(a, b), _xor(c, d))


def _sip_word(state: list[Word], word: Word) -> list[Word]:
    state = _sip_rounds([*state[:3], _xor(state[3], word)], 2)
    return [_xor(state[0], word), *state[1:]]


def _sip_rounds(state: list[Word], count: int) -> list[Word]:
    a, b, c, d = state
    for _ in range(count):
        a, c = _plus(a, b), _plus(c, d)
        b, d = _xor(_right(b, 51), a), _xor(_right(d, 48), c)
        a = _right(a, 32)
        a, c = _plus(a, d), _plus(c, b)
        d, b = _xor(_right(d, 43), a), _xor(_right(b, 47), c)
        c = _right(c, 32)
    return [a, b, c, d]
