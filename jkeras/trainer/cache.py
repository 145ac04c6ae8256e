"""The compilation cache: the second run of a script finds its programs compiled.

JAX keeps compiled programs in a folder when it is told one. Unless the user has chosen a folder,
or set `JKERAS_COMPILATION_CACHE=0`, the first trainer chooses `xla` in the cache folder. Entries
are written whole by JAX, so several processes may share it.
"""

from __future__ import annotations

import os

import jax

from jkeras.core.folders import cache_folder

_SHORTEST = 0.05
"""Seconds of compilation worth keeping: below it, reading the entry costs as much."""


def _chosen_folder() -> str | None:
    return getattr(jax.config, "jax_compilation_cache_dir", None)


def enable() -> None:
    """Turns the cache on, unless the user has decided about it."""
    if os.environ.get("JKERAS_COMPILATION_CACHE") == "0" or _chosen_folder():
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_folder("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SHORTEST)
