"""Hashes of words that are the same on every machine, as Keras's hashing layers have them.

`fingerprint64` is FarmHash's `Fingerprint64`, `keyed_hash` SipHash-2-4, `crossed` the hash of a
tuple of fingerprints. All of them are arithmetic modulo 2**64 on arrays: words of one length are
hashed together.

Sources: Pike and Alakuijala 2014, FarmHash (`farmhashna`); Aumasson and Bernstein 2012, SipHash: a
fast short-input PRF.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

Words = Sequence[bytes]
U64 = np.ndarray

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_MASK = (1 << 64) - 1
_CROSS = np.uint64(0xC6A4A7935BD1E995)
CROSS_KEY = 0xDECAFCAFFE
"""What the hash of a crossing begins with."""


def fingerprint64(words: Words) -> U64:
    """FarmHash's 64 bits of each word.

    Example:
      >>> [hex(number) for number in fingerprint64([b"", b"hello"]).tolist()]
      ['0x9ae16a3b2f90404f', '0xb48be5a931380ce8']
    """
    return _by_length(words, _farm)


def keyed_hash(words: Words, key: tuple[int, int]) -> U64:
    """SipHash-2-4 of each word, with a key of two integers."""
    return _by_length(words, functools.partial(_sip, key=key))


def crossed(columns: Sequence[U64]) -> U64:
    """One hash for each row of columns of fingerprints."""
    total = np.full(columns[0].shape, CROSS_KEY, np.uint64)
    for column in columns:
        mixed = total ^ _CROSS ^ (_shift_mix(column * _CROSS) * _CROSS)
        total = _shift_mix(_shift_mix(mixed * _CROSS) * _CROSS)
    return total


def buckets(hashes: U64, count: int) -> np.ndarray:
    """The hashes as numbers from 0 to `count` - 1, int64."""
    return (hashes % np.uint64(count)).astype(np.int64)


def _by_length(words: Words, hash_fn: Callable[[np.ndarray], U64]) -> U64:
    """`hash_fn` of the bytes `[words, length]` of all words of one length, for every length."""
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    found = np.empty(len(words), np.uint64)
    for length in np.unique(lengths).tolist():
        at = np.flatnonzero(lengths == length)
        text = b"".join([words[i] for i in at.tolist()])
        found[at] = hash_fn(np.frombuffer(text, np.uint8).reshape(len(at), length))
    return found


# -- arithmetic modulo 2**64


def _read64(data: np.ndarray, start: int) -> U64:
    return np.ascontiguousarray(data[:, start : start + 8]).view("<u8")[:, 0]


def _read32(data: np.ndarray, start: int) -> U64:
    return np.ascontiguousarray(data[:, start : start + 4]).view("<u4")[:, 0].astype(np.uint64)


def _number(value: int) -> np.uint64:
    return np.uint64(value & _MASK)


def _right(x: U64, bits: int) -> U64:
    """Rotated to the right."""
    return (x >> np.uint64(bits)) | (x << np.uint64(64 - bits))


def _shift_mix(x: U64) -> U64:
    return x ^ (x >> np.uint64(47))


def _mixed(u: U64, v: U64, multiplier: np.uint64 | U64) -> U64:
    """128 bits as 64."""
    a = _shift_mix((u ^ v) * multiplier)
    return _shift_mix((v ^ a) * multiplier) * multiplier


# -- FarmHash


def _farm(data: np.ndarray) -> U64:
    size = data.shape[1]
    if size > 64:
        return _farm_long(data)
    if size > 32:
        return _farm_64(data)
    if size > 16:
        return _farm_32(data)
    return _farm_16(data)


def _farm_16(data: np.ndarray) -> U64:
    """Up to 16 bytes."""
    rows, size = data.shape
    multiplier = _number(_K2 + 2 * size)
    if size >= 8:
        a, b = _read64(data, 0) + _number(_K2), _read64(data, size - 8)
        c = _right(b, 37) * multiplier + a
        return _mixed(c, (_right(a, 25) + b) * multiplier, multiplier)
    if size >= 4:
        first = (_read32(data, 0) << np.uint64(3)) + _number(size)
        return _mixed(first, _read32(data, size - 4), multiplier)
    if size:
        a, b, c = (data[:, at].astype(np.uint64) for at in (0, size >> 1, size - 1))
        y, z = a + (b << np.uint64(8)), (c << np.uint64(2)) + _number(size)
        return _shift_mix(y * _number(_K2) ^ z * _number(_K0)) * _number(_K2)
    return np.full(rows, _number(_K2))


def _farm_32(data: np.ndarray) -> U64:
    """17 to 32 bytes."""
    size = data.shape[1]
    multiplier = _number(_K2 + 2 * size)
    a, b = _read64(data, 0) * _number(_K1), _read64(data, 8)
    c, d = _read64(data, size - 8) * multiplier, _read64(data, size - 16) * _number(_K2)
    second = a + _right(b + _number(_K2), 18) + c
    return _mixed(_right(a + b, 43) + _right(c, 30) + d, second, multiplier)


def _farm_64(data: np.ndarray) -> U64:
    """33 to 64 bytes."""
    size = data.shape[1]
    multiplier = _number(_K2 + 2 * size)
    a, b = _read64(data, 0) * _number(_K2), _read64(data, 8)
    c, d = _read64(data, size - 8) * multiplier, _read64(data, size - 16) * _number(_K2)
    y = _right(a + b, 43) + _right(c, 30) + d
    z = _mixed(y, a + _right(b + _number(_K2), 18) + c, multiplier)
    e, f = _read64(data, 16) * multiplier, _read64(data, 24)
    g = (y + _read64(data, size - 32)) * multiplier
    h = (z + _read64(data, size - 24)) * multiplier
    second = e + _right(f + a, 18) + g
    return _mixed(_right(e + f, 43) + _right(g, 30) + h, second, multiplier)


def _weak(data: np.ndarray, start: int, a: U64, b: U64) -> tuple[U64, U64]:
    """128 bits of 32 bytes and two seeds."""
    w, x, y, z = (_read64(data, start + 8 * i) for i in range(4))
    a = a + w
    b = _right(b + a + z, 21)
    total = a + x + y
    return total + z, b + _right(total, 44) + a


def _farm_long(data: np.ndarray) -> U64:
    """More than 64 bytes: a state of 56 bytes, mixed with 64 bytes at a time."""
    rows, size = data.shape
    seed = 81
    y0 = seed * _K1 + 113 & _MASK
    z0 = (y0 * _K2 + 113) & _MASK
    z0 = (z0 ^ z0 >> 47) * _K2 & _MASK
    x = np.full(rows, _number(seed * _K2)) + _read64(data, 0)
    y, z = np.full(rows, _number(y0)), np.full(rows, _number(z0))
    v = w = (np.zeros(rows, np.uint64), np.zeros(rows, np.uint64))
    last = size - 64
    k1, nine = _number(_K1), np.uint64(9)
    for at in range(0, (size - 1) // 64 * 64, 64):
        x = _right(x + y + v[0] + _read64(data, at + 8), 37) * k1
        y = _right(y + v[1] + _read64(data, at + 48), 42) * k1
        x, y = x ^ w[1], y + v[0] + _read64(data, at + 40)
        z = _right(z + w[0], 33) * k1
        v = _weak(data, at, v[1] * k1, x + w[0])
        w = _weak(data, at + 32, z + w[1], y + _read64(data, at + 16))
        x, z = z, x
    multiplier = k1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    w = (w[0] + _number((size - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x = _right(x + y + v[0] + _read64(data, last + 8), 37) * multiplier
    y = _right(y + v[1] + _read64(data, last + 48), 42) * multiplier
    x, y = x ^ w[1] * nine, y + v[0] * nine + _read64(data, last + 40)
    z = _right(z + w[0], 33) * multiplier
    v = _weak(data, last, v[1] * multiplier, x + w[0])
    w = _weak(data, last + 32, z + w[1], y + _read64(data, last + 16))
    x, z = z, x
    first = _mixed(v[0], w[0], multiplier) + _shift_mix(y) * _number(_K0) + z
    return _mixed(first, _mixed(v[1], w[1], multiplier) + x, multiplier)


# -- SipHash


def _sip(data: np.ndarray, key: tuple[int, int]) -> U64:
    rows, size = data.shape
    k0, k1 = (k & _MASK for k in key)
    starts = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [
        np.full(rows, _number(k ^ start)) for k, start in zip((k0, k1, k0, k1), starts, strict=True)
    ]
    filled = np.zeros((rows, size // 8 * 8 + 8), np.uint8)
    filled[:, :size] = data
    filled[:, -1] = size & 0xFF
    for at in range(0, filled.shape[1], 8):
        word = _read64(filled, at)
        state[3] = state[3] ^ word
        state = _sip_rounds(state, 2)
        state[0] = state[0] ^ word
    state[2] = state[2] ^ np.uint64(0xFF)
    a, b, c, d = _sip_rounds(state, 4)
    return a ^ b ^ c ^ d


def _sip_rounds(state: list[U64], count: int) -> list[U64]:
    a, b, c, d = state
    for _ in range(count):
        a, c = a + b, c + d
        b, d = _right(b, 51) ^ a, _right(d, 48) ^ c
        a = _right(a, 32)
        a, c = a + d, c + b
        d, b = _right(d, 43) ^ a, _right(b, 47) ^ c
        c = _right(c, 32)
    return [a, b, c, d]
