"""Free pages go back to the system, and programs that took long to compile give theirs back."""

from __future__ import annotations

import ctypes
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core import memory
from jkeras.trainer.compiling import programs

STATUS = Path("/proc/self/status")
MB = 1024


def resident_kb() -> int:
    """Memory of this process, in kilobytes."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.skipif(
    memory._malloc_trim() is None or not STATUS.exists(), reason="needs glibc and /proc"
)
def test_freed_pages_go_back_although_a_later_block_is_in_use():
    malloc, free = ctypes.CDLL(None).malloc, ctypes.CDLL(None).free
    malloc.restype, malloc.argtypes, free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    blocks = [malloc(60_000) for _ in range(2_000)]  # below the size that is mapped by itself
    for block in blocks:
        ctypes.memset(block, 1, 60_000)
    last = malloc(60_000)
    for block in blocks:
        free(block)
    before = resident_kb()
    memory.return_free_pages()
    after = resident_kb()
    free(last)
    assert after < before - 80 * MB


def test_where_the_c_library_cannot_nothing_happens(monkeypatch):
    monkeypatch.setattr(memory, "_malloc_trim", lambda: None)
    memory.return_free_pages()


@pytest.mark.parametrize("limit, expected", [(0.0, 1), (1e9, 0)])
def test_a_program_gives_back_once_and_only_if_it_took_long(monkeypatch, limit, expected):
    calls = []
    monkeypatch.setattr(programs, "LONG", limit)
    monkeypatch.setattr(memory, "return_free_pages", lambda: calls.append(None))
    double = programs.Program("double", lambda x: 2 * x)
    for _ in range(3):
        np.testing.assert_array_equal(double(jnp.arange(3)), [0, 2, 4])
    assert len(calls) == expected
