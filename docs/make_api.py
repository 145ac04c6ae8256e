"""Writes the pages of the API: a page for each public module, every name once.

    python docs/make_api.py docs/api

`docs/conf.py` calls this before a build. What is public is what the modules' `__all__` say; a name
that several modules show has its entry in the first of them, and a link in the others.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jkeras

FIRST = ("jkeras.layers", "jkeras", "jkeras.optimizers", "jkeras.utils")
"""Whose names have their entries here, though others show them too; then the alphabet decides."""

BESIDE = ("jkeras.ops.image", "jkeras.serving")
"""Public modules that no `__all__` names."""


def doors() -> dict[str, ModuleType]:
    """The public modules by name, in the order in which they claim names."""
    found: dict[str, ModuleType] = {}

    def add(module: ModuleType) -> None:
        if module.__name__ in found:
            return
        found[module.__name__] = module
        for _, value in public(module):
            if inspect.ismodule(value) and value.__name__.startswith(f"{module.__name__}."):
                add(value)

    add(jkeras)
    for name in BESIDE:
        add(importlib.import_module(name))
    order = [*FIRST, *sorted(set(found) - set(FIRST))]
    return {name: found[name] for name in order}


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public names of a module with their values."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name, value in vars(module).items() if _is_own(module, name, value)]
    for name in sorted(names, key=str.lower):
        if not name.startswith("_"):
            yield name, getattr(module, name)


def _is_own(module: ModuleType, name: str, value: Any) -> bool:
    """Whether a module without `__all__` defines a name."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__module__ == module.__name__
    return name.isupper()


def entries() -> dict[str, dict[str, tuple[str, Any]]]:
    """For each public module its names: each with the full name of its entry, and its value."""
    modules = doors()
    homes: dict[int, str] = {}
    table: dict[str, dict[str, tuple[str, Any]]] = {}
    for module, home in modules.items():
        table[module] = {}
        names = sorted(public(home), key=lambda pair: pair[0] != getattr(pair[1], "__name__", ""))
        for name, value in names:  # an object's own name goes before its other names
            if not inspect.ismodule(value):
                own = f"{module}.{name}"
                shared = inspect.isclass(value) or inspect.isroutine(value)
                entry = homes.setdefault(id(value), own) if shared else own
                table[module][name] = entry, value
    return table


def members(kind: type, documented: Iterable[type]) -> list[str]:
    """The public methods and properties that a class has and no documented base of it."""
    bases = [base for base in documented if base is not kind and issubclass(kind, base)]
    found = []
    for owner in kind.__mro__:
        if not owner.__module__.startswith("jkeras"):
            continue
        for name, value in vars(owner).items():
            is_method = inspect.isroutine(value) or isinstance(value, property | classmethod)
            told = getattr(value, "__doc__", None)
            is_ours = not name.startswith("_") and is_method and told
            if is_ours and hasattr(kind, name) and not any(hasattr(b, name) for b in bases):
                found.append(name)
    return sorted(set(found))


def page(module: str, table: dict[str, dict[str, tuple[str, Any]]]) -> str:
    """The text of the page of a module, in reStructuredText."""
    documented = [v for names in table.values() for _, v in names.values() if inspect.isclass(v)]
    names = sorted(table[module].items(), key=lambda item: item[0].lower())
    own = {name: value for name, (entry, value) in names if entry == f"{module}.{name}"}
    lines = [module, "=" * len(module), "", f".. automodule:: {module}", ""]
    inner = [other for other in table if other.rpartition(".")[0] == module and module != "jkeras"]
    if inner:
        listed = ", ".join(f":doc:`{name} <{name}>`" for name in sorted(inner))
        lines += [f"Modules: {listed}.", ""]
    if own:
        lines += [".. autosummary::", "   :signatures: none", ""]
        lines += [*(f"   {name}" for name in own), ""]
    elsewhere = [f":py:obj:`{name} <{entry}>`" for name, (entry, _) in names if name not in own]
    if elsewhere:
        lines += [f"Also under these names: {', '.join(elsewhere)}.", ""]
    for name, value in own.items():
        lines += _entry(f"{module}.{name}", value, documented)
    return "\n".join(lines)


def _entry(name: str, value: Any, documented: list[type]) -> list[str]:
    if inspect.isclass(value):
        shown = members(value, documented)
        option = [f"   :members: {', '.join(shown)}"] if shown else []
        kind = "exception" if issubclass(value, BaseException) else "class"
        return [f".. auto{kind}:: {name}", *option, ""]
    if inspect.isroutine(value):
        return [f".. autofunction:: {name}", ""]
    return [f".. autodata:: {name}", "   :no-value:", ""]


def write(folder: Path) -> list[Path]:
    """Writes all pages; a page that stays the same is left alone.

    Args:
      folder: of the pages; pages of modules that are gone are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = entries()
    files = {folder / f"{module}.rst": page(module, table) for module in table}
    for old in set(folder.glob("*.rst")) - set(files):
        old.unlink()
    for file, text in files.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    return sorted(files)


if __name__ == "__main__":
    print(f"wrote {len(write(Path(sys.argv[1])))} pages")
