"""Compiled programs are kept from run to run."""

from __future__ import annotations

import os

import jax

from jkeras.core.folders import cache_folder

_SHORTEST = 0.05
"""Seconds of compilation worth keeping: below it, reading the entry costs as much."""


def enable_cache() -> None:
    """Lets the second run of a script find its programs compiled.

    JAX keeps compiled programs in a folder when it is told one. Several processes may share it; an
    entry of which a killed process wrote a part is told and compiled anew each time. Here it is
    `xla` in the cache folder, unless the user has told JAX another or has set
    `JKERAS_COMPILATION_CACHE=0`.
    """
    chosen = getattr(jax.config, "jax_compilation_cache_dir", None)
    if os.environ.get("JKERAS_COMPILATION_CACHE") == "0" or chosen:
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_folder("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SHORTEST)
