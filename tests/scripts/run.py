"""Runs a script that was written for Keras, as it is or after its import lines are changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

HELPERS = {"conftest", "run", "start"}
SCRIPTS = {
    path.stem: path
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in HELPERS
}


def changed(source: str) -> str:
    """The source of a script with jkeras in place of Keras: two kinds of line, nothing else."""
    source = re.sub(r"^import keras$", "import jkeras as keras", source, flags=re.MULTILINE)
    return re.sub(r"^from keras\b", "from jkeras", source, flags=re.MULTILINE)


def results(name: str, *, change: bool) -> dict[str, np.ndarray[Any, Any]]:
    """Runs a script; what it leaves in `result`, as arrays.

    Args:
      name: a key of `SCRIPTS`.
      change: whether to change its import lines first.
    """
    source = SCRIPTS[name].read_text(encoding="utf-8")
    code = compile(changed(source) if change else source, str(SCRIPTS[name]), "exec")
    names: dict[str, Any] = {"__name__": f"script_{name}"}
    exec(code, names)
    return {key: np.asarray(value) for key, value in names["result"].items()}
