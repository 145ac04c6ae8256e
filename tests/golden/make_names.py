"""Every public name of Keras with its arguments, in names.json, for docs/names.md to compare with.

KERAS_BACKEND=jax python tests/golden/make_names.py
"""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

MODULES = (
    "layers", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks",
    "initializers", "regularizers", "constraints", "activations", "ops", "random", "utils",
    "models", "saving", "tree", "datasets",
)  # fmt: skip


def arguments(value: Any) -> list[list[str | None]] | None:
    """The arguments of a class or function, defaults as text; None where they are not known."""
    target = value.__init__ if inspect.isclass(value) else value
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    known = [p for p in parameters if p.name != "self" and p.kind.name[:3] != "VAR"]
    return [[p.name, None if p.default is p.empty else repr(p.default)] for p in known]


def names_of(module: Any) -> dict[str, Any]:
    """The classes and functions that a module shows; of the datasets the modules."""
    datasets = module.__name__.endswith("datasets")
    kind = inspect.ismodule if datasets else callable
    shown = {n: v for n, v in vars(module).items() if n[:1] != "_" and kind(v)}
    return {name: None if datasets else arguments(shown[name]) for name in sorted(shown)}


def main() -> None:
    """Writes names.json."""
    import keras

    modules = {name: names_of(importlib.import_module(f"keras.{name}")) for name in MODULES}
    told = {"keras": keras.__version__, "modules": modules}
    file = Path(__file__).with_name("names.json")
    file.write_text(json.dumps(told, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {sum(map(len, modules.values()))} names to {file.name}")


if __name__ == "__main__":
    main()
