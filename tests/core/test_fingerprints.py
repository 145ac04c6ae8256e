"""Hashes of words: published vectors, the bins that Keras documents, and the same in programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.fingerprints import (
    buckets,
    crossed,
    fingerprint64,
    keyed_hash,
)
from jkeras.core.fingerprints_in_programs import bins_of_crossing, bins_of_digits

# SipHash-2-4 of 00, 00 01, 00 01 02, … with the key 00 … 0f: the vectors of the paper's reference.
SIP = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
    63: 0x958A324CEB064572,
}
KEY = tuple(int.from_bytes(bytes(range(8 * i, 8 * i + 8)), "little") for i in range(2))


def test_siphash_gives_the_published_vectors() -> None:
    words = [bytes(range(n)) for n in SIP]
    assert keyed_hash(words, KEY).tolist() == list(SIP.values())


def plain_farmhash(s: bytes) -> int:
    """FarmHash's `Fingerprint64` in whole numbers of Python, from its description."""
    k0, k1, k2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
    mask, n = (1 << 64) - 1, len(s)

    def read(at: int, size: int = 8) -> int:
        return int.from_bytes(s[at : at + size], "little")

    def turned(x: int, by: int) -> int:
        return (x >> by | x << (64 - by)) & mask

    def mix(x: int) -> int:
        return x ^ x >> 47

    def both(u: int, v: int, factor: int) -> int:
        a = mix((u ^ v) * factor & mask)
        return mix((v ^ a) * factor & mask) * factor & mask

    factor = k2 + 2 * n & mask
    if n == 0:
        return k2
    if n < 4:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[-1] << 2)
        return mix((y * k2 ^ z * k0) & mask) * k2 & mask
    if n < 8:
        return both(n + (read(0, 4) << 3), read(n - 4, 4), factor)
    if n <= 16:
        a, b = read(0) + k2 & mask, read(n - 8)
        c, d = turned(b, 37) * factor + a & mask, (turned(a, 25) + b) * factor & mask
        return both(c, d, factor)
    assert n <= 32
    a, b = read(0) * k1 & mask, read(8)
    c, d = read(n - 8) * factor & mask, read(n - 16) * k2 & mask
    first = turned(a + b & mask, 43) + turned(c, 30) + d & mask
    return both(first, a + turned(b + k2 & mask, 18) + c & mask, factor)


def test_farmhash_of_short_words_is_that_of_plain_arithmetic() -> None:
    words = [b"word"[: n % 5] + bytes(range(65, 65 + n)) for n in range(0, 28)]
    assert fingerprint64(words).tolist() == [plain_farmhash(word) for word in words]


def test_words_of_every_length_have_hashes_that_differ_and_do_not_depend_on_the_others() -> None:
    words = [b"x" * n for n in range(200)]
    hashes = fingerprint64(words)
    assert len(set(hashes.tolist())) == 200
    alone = [fingerprint64([word])[0] for word in words[::17]]
    assert alone == hashes[::17].tolist()


def test_the_bins_that_keras_documents() -> None:
    letters = [b"A", b"B", b"C", b"D", b"E"]
    assert buckets(fingerprint64(letters), 3).tolist() == [1, 0, 1, 1, 2]
    assert buckets(keyed_hash(letters, (133, 137)), 3).tolist() == [1, 2, 1, 0, 2]
    assert buckets(keyed_hash(letters, (133, 133)), 3).tolist() == [0, 0, 2, 1, 0]
    first = fingerprint64([b"A", b"B", b"A", b"B", b"A"])
    second = np.array([101, 101, 101, 102, 102], np.uint64)
    assert buckets(crossed([first, second]), 5).tolist() == [1, 4, 1, 1, 3]


NUMBERS = [0, 1, -1, 9, 10, -10, 99, 100, 4096, -99999, 1234567, 87654321, -987654321, 2**31 - 1]
NUMBERS += [-(2**31), *range(10**6, 10**6 + 20)]


@pytest.mark.parametrize("key", [None, (133, 137)], ids=["farmhash", "siphash"])
def test_programs_hash_numbers_as_the_host_does(key: tuple[int, int] | None) -> None:
    texts = [str(number).encode() for number in NUMBERS]
    hashes = fingerprint64(texts) if key is None else keyed_hash(texts, key)
    numbers = jnp.asarray(NUMBERS, jnp.int32)
    found = jax.jit(lambda x: [bins_of_digits(x, n, key) for n in (3, 1000, 2**30 + 7)])(numbers)
    assert [x.tolist() for x in found] == [
        buckets(hashes, n).tolist() for n in (3, 1000, 2**30 + 7)
    ]


def test_programs_cross_numbers_as_the_host_does() -> None:
    columns = [np.asarray(NUMBERS, np.int64), np.asarray(NUMBERS[::-1], np.int64)]
    expected = buckets(crossed([column.view(np.uint64) for column in columns]), 1000)
    arrays = [jnp.asarray(column, jnp.int32) for column in columns]
    assert jax.jit(lambda a, b: bins_of_crossing([a, b], 1000))(*arrays).tolist() == (
        expected.tolist()
    )
