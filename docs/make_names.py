"""Writes names.md: every public name of Keras, whether it exists in jkeras, and its differences.

    python docs/make_names.py

Keras's names are those of tests/golden/names.json (written by tests/golden/make_names.py), the
others are read from the package. The tables below contain the reason for every missing name and
every different argument: a difference without a reason is an error.
"""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import json
from pathlib import Path
from typing import Any

from jkeras.core import absent

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "tests" / "golden" / "names.json"

# (module, pattern of names, reason for their absence). The first match counts.
NOT_HERE = [
    *absent.NOT_HERE,
]

FIELD = "a subclass declares it as a field"

# (module, pattern of names, pattern of arguments, reason for the absence or another default).
OTHERWISE = [
    ("layers", "*", "lora_*", "LoRA is for Dense, EinsumDense and Embedding"),
    ("layers", "*", "quantization_config", "int8 and int4 are for Dense, EinsumDense, Embedding"),
    ("layers", "*", "gptq_*", "GPTQ is not built"),
    ("layers", "JaxLayer", "native_*", "taken and ignored: platforms of TensorFlow's files"),
    ("layers", "Input*", "sparse", "sparse tensors are out of scope"),
    ("layers", "Input*", "ragged", "ragged tensors are out of scope"),
    ("layers", "Input*", "*tensor", "an input of TensorFlow's graphs"),
    ("layers", "Layer", "activity_regularizer", FIELD),
    ("layers", "Layer", "autocast", "dtypes flow from the inputs"),
    ("losses", "Loss", "*", FIELD),
    ("losses", "deserialize", "name", "the configuration contains it"),
    ("metrics", "Metric", "*", FIELD),
    ("models", "Sequential", "trainable", "`model.trainable` can be set"),
]


def ours(module: str) -> dict[str, Any]:
    """The public names of the package's module of the same name."""
    try:
        home = importlib.import_module(f"jkeras.{module}")
    except ModuleNotFoundError:
        return {}
    shown = getattr(home, "__all__", None) or [name for name in dir(home) if name[:1] != "_"]
    return {name: getattr(home, name) for name in shown}


def arguments(value: Any) -> list[inspect.Parameter] | None:
    """The arguments of a class or function; None where they are not known."""
    target = value.__init__ if inspect.isclass(value) else value
    try:
        return [p for p in inspect.signature(target).parameters.values() if p.name != "self"]
    except (TypeError, ValueError):
        return None


def differences(keras: list[list[str | None]] | None, value: Any) -> dict[str, str]:
    """The arguments that are missing here or have another default, with the difference."""
    mine = arguments(value)
    if keras is None or mine is None:
        return {}
    known = {p.name: p for p in mine}
    open_ended = any(p.kind is p.VAR_KEYWORD or p.kind is p.VAR_POSITIONAL for p in mine)
    found = {}
    for name, default in keras:
        if str(name) not in known:
            if not open_ended:
                found[str(name)] = f"no `{name}`"
            continue
        own = known[str(name)].default
        if default is not None and own is not inspect.Parameter.empty and repr(own) != default:
            found[str(name)] = f"`{name}={own!r}`, in Keras `{default}`"
    return found


def reason_of_absence(module: str, name: str) -> str:
    """The reason for the absence of a name."""
    for home, pattern, reason in NOT_HERE:
        if home == module and fnmatch.fnmatchcase(name, pattern):
            return reason
    raise SystemExit(f"{module}.{name} is not here: add the reason to NOT_HERE.")


def reason_of_difference(module: str, name: str, argument: str) -> str:
    """The reason for the difference of an argument."""
    for home, pattern, known, reason in OTHERWISE:
        fits = fnmatch.fnmatchcase(module, home) and fnmatch.fnmatchcase(name, pattern)
        if fits and fnmatch.fnmatchcase(argument, known):
            return reason
    raise SystemExit(f"{module}.{name}: `{argument}` differs: add the reason to OTHERWISE.")


def section(module: str, keras: dict[str, Any]) -> tuple[list[str], tuple[int, int]]:
    """The lines about one module, and the numbers of names here and in Keras."""
    mine = ours(module)
    here = [name for name in keras if name in mine]
    lines = ["", f"## `jkeras.{module}`", ""]
    found = {name: differences(keras[name], mine[name]) for name in here}
    same = [name for name in here if not found[name]]
    lines += [f"As in Keras: {', '.join(f'`{name}`' for name in same) or 'none'}.", ""]
    rows = [
        f"| `{name}` | {text} | {reason_of_difference(module, name, argument)} |"
        for name in here
        for argument, text in found[name].items()
    ]
    if rows:
        lines += ["| with other arguments | jkeras | reason |", "|---|---|---|", *rows, ""]
    absent: dict[str, list[str]] = {}
    for name in keras:
        if name not in mine:
            absent.setdefault(reason_of_absence(module, name), []).append(f"`{name}`")
    if absent:
        lines += ["| missing | reason |", "|---|---|"]
        lines += [f"| {', '.join(names)} | {reason} |" for reason, names in absent.items()]
        lines.append("")
    extra = [f"`{name}`" for name in sorted(mine) if name not in keras and name[:1] != "_"]
    if extra:
        lines.append(f"In jkeras only: {', '.join(extra)}.")
    return lines, (len(here), len(keras))


def page() -> str:
    """The text of names.md."""
    told = json.loads(GOLDEN.read_text(encoding="utf-8"))
    parts = {module: section(module, names) for module, names in told["modules"].items()}
    head = [
        f"# The names of Keras {told['keras']} in jkeras",
        "",
        "Written by `docs/make_names.py` from the package itself; a test keeps it up to date.",
        "A name that exists in jkeras has Keras's meaning; tests compare its values with Keras's.",
        "",
        "| module | jkeras | Keras |",
        "|---|---|---|",
    ]
    head += [f"| `{module}` | {here} | {of} |" for module, (_, (here, of)) in parts.items()]
    body = [line for lines, _ in parts.values() for line in lines]
    text = "\n".join([*head, *body])
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def main() -> None:
    """Writes names.md."""
    HERE.joinpath("names.md").write_text(page(), encoding="utf-8")
    print("wrote names.md")


if __name__ == "__main__":
    main()
