"""The cache of compiled programs on disk, from run to run."""

from __future__ import annotations

import os

import jax

from jkeras.core.folders import cache_folder

_SHORTEST = 0.05
"""Seconds of compilation worth keeping: below it, reading the entry costs as much."""


def enable_cache() -> None:
    """Lets the second run of a script find its programs compiled.

    JAX keeps compiled programs in a folder if its configuration names one. Several processes may
    share the folder; an entry that a killed process left incomplete is reported and recompiled each
    time. The folder is `xla` in the cache folder, unless the user has given JAX another or has set
    `JKERAS_COMPILATION_CACHE=0`.
    """
    chosen = getattr(jax.config, "jax_compilation_cache_dir", None)
    if os.environ.get("JKERAS_COMPILATION_CACHE") == "0" or chosen:
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_folder("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SHORTEST)
