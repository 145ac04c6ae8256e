"""Matching of the weights in a file with the weights of a model, by name.

A model's weights have names such as `params/dense/kernel` and `state/batch_norm/moving_mean`. A
file may have the same names, or leave out the first word, as the trees of other libraries do
(`batch_stats/BatchNorm_0/mean` for the model's `state/batch_stats/BatchNorm_0/mean`).

Laws:
- Matching copies no array; each weight of the file is used at most once.
- A weight fits if it has the same shape, and the same dtype or another floating one.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.html_tables import table_html

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec

_SHOWN = 20
"""Names that a report lists of one kind."""


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """A weight whose shape or dtype in the file does not fit the model.

    Attributes:
      name: the name in the model.
      expected: the shape and the name of the dtype in the model.
      found: the shape and the name of the dtype in the file.
    """

    name: str
    expected: tuple[tuple[int, ...], str]
    found: tuple[tuple[int, ...], str]

    def __str__(self) -> str:
        shape, dtype = self.expected
        return (
            f"expected {self.name} of shape {shape} and dtype {dtype}, got "
            f"{self.found[0]} and {self.found[1]}"
        )


@dataclasses.dataclass(frozen=True, repr=False)
class Report:
    """The result of loading a weight file, weight by weight.

    Attributes:
      matched: the names of the weights that were loaded.
      missing: the model's weights that the file does not have.
      unexpected: the file's weights that the model does not have.
      mismatched: the weights that both have, with different shapes or dtypes.

    Example:
      >>> print(Report(("params/a",), ("params/b",), ()))
      1 of 2 weights loaded.
      Not in the file (1): params/b
    """

    matched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every weight of the model was matched, and every weight of the file used."""
        return not (self.missing or self.unexpected or self.mismatched)

    @property
    def difference(self) -> str:
        """The first difference and the number of differences; empty for a complete report."""
        if self.complete:
            return ""
        if self.missing:
            first = f"the model has a weight {self.missing[0]}, and the file does not."
        elif self.mismatched:
            first = f"{self.mismatched[0]}."
        else:
            first = f"the file has a weight {self.unexpected[0]}, and the model does not."
        counts = [f"{len(self.matched)} fit"]
        for what, names in (
            ("not in the file", self.missing),
            ("different", self.mismatched),
            ("not in the model", self.unexpected),
        ):
            if names:
                counts.append(f"{len(names)} {what}")
        return f"{first} In all: {', '.join(counts)}."

    def __str__(self) -> str:
        total = len(self.matched) + len(self.missing) + len(self.mismatched)
        lines = [f"{len(self.matched)} of {total} weights loaded."]
        lines += _listed("Not in the file", self.missing)
        lines += _listed("Not in the model", self.unexpected)
        lines += _listed("Different", [str(one) for one in self.mismatched], "\n  ")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        different = [str(one) for one in self.mismatched]
        kinds: dict[str, Sequence[str]] = {
            "loaded": self.matched,
            "not in the file": self.missing,
            "not in the model": self.unexpected,
            "different": different,
        }
        rows = [(kind, len(names), ", ".join(_shown(names))) for kind, names in kinds.items()]
        return table_html(["weights", "number", "names"], rows, align="lrl")


def _shown(names: Sequence[str]) -> list[str]:
    """The names that a report lists."""
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return [*names[:_SHOWN], *more]


def _listed(title: str, names: Sequence[str], separator: str = ", ") -> list[str]:
    if not names:
        return []
    start = " " if separator == ", " else separator
    return [f"{title} ({len(names)}):{start}{separator.join(_shown(names))}"]


def match(
    expected: Mapping[str, Any],
    stored: Mapping[str, Any],
    rename: Mapping[str, str] | None = None,
) -> tuple[Report, dict[str, str]]:
    """Finds the file's weight for each weight of a model.

    Args:
      expected: the model's weights (arrays or specs) by name.
      stored: the file's weights (arrays or specs) by name.
      rename: prefixes of the file's names (whole words) and their replacements:
        `{"backbone": "encoder", "head": "classifier/dense"}`; an empty prefix matches every name.
        The longest prefix that matches is used.

    Returns:
      The report, and for each weight that fits its name in the file by its name in the model.

    Raises:
      TypeError, ValueError: `rename` is invalid, or maps two names to the same name.

    Example:
      >>> kernel = jnp.zeros((2, 3))
      >>> report, names = match({"params/dense/kernel": kernel}, {"Dense_0/kernel": kernel},
      ...                       {"Dense_0": "dense"})
      >>> report.complete, names
      (True, {'params/dense/kernel': 'Dense_0/kernel'})
    """
    by_name = _renamed(stored, rename or {})
    pairs = _pairs(expected, by_name)
    matched, mismatched = [], []
    for name, file_name in pairs.items():
        arrays = expected[name], stored[file_name]
        if fits(*arrays):
            matched.append(name)
        else:
            specs = [(tuple(array.shape), str(array.dtype)) for array in arrays]
            mismatched.append(Mismatch(name, *specs))
    used = set(pairs.values())
    report = Report(
        matched=tuple(matched),
        missing=tuple(name for name in expected if name not in pairs),
        unexpected=tuple(name for name in stored if name not in used),
        mismatched=tuple(mismatched),
    )
    return report, {name: pairs[name] for name in report.matched}


def fits(expected: ArraySpec, stored: ArraySpec) -> bool:
    """Whether an array can replace another: equal shapes, and equal dtypes or both floating."""
    if tuple(expected.shape) != tuple(stored.shape):
        return False
    floating = (jnp.issubdtype(array.dtype, jnp.floating) for array in (expected, stored))
    return bool(expected.dtype == stored.dtype or all(floating))


def _pairs(expected: Mapping[str, Any], by_name: Mapping[str, str]) -> dict[str, str]:
    """The file's names by the model's; a name may lack its first word if that is unambiguous."""
    shorts = {name: name.partition("/")[2] for name in expected}
    times = collections.Counter(shorts.values())
    pairs = {}
    for name, short in shorts.items():
        if name in by_name:
            pairs[name] = by_name[name]
        elif short in by_name and times[short] == 1 and short not in expected:
            pairs[name] = by_name[short]
    return pairs


def _renamed(stored: Mapping[str, Any], rename: Mapping[str, str]) -> dict[str, str]:
    """The file's names by their names after `rename`."""
    _check_rename(stored, rename)
    by_name: dict[str, str] = {}
    for name in stored:
        new = name
        if prefixes := [old for old in rename if _begins(name, old)]:
            old = max(prefixes, key=len)
            words = (rename[old].strip("/"), name[len(old) :].strip("/"))
            new = "/".join(word for word in words if word)
        if new in by_name:
            raise ValueError(
                f"`rename`: expected names that differ, but {by_name[new]!r} and {name!r} are both "
                f"read as {new!r}."
            )
        by_name[new] = name
    return by_name


def _begins(name: str, old: str) -> bool:
    old = old.rstrip("/")
    return not old or name == old or name.startswith(f"{old}/")


def _check_rename(stored: Mapping[str, Any], rename: object) -> None:
    if not isinstance(rename, Mapping):
        raise WrongTypeError(
            "`rename`: expected a dict from beginnings of the file's names to what to read in "
            f"their place, got {describe(rename)}. Write rename={{'backbone': 'encoder'}}."
        )
    for old, new in rename.items():
        if not isinstance(old, str) or not isinstance(new, str):
            raise WrongTypeError(
                f"`rename`: expected strings, got {describe(old)}: {describe(new)}."
            )
        if not any(_begins(name, old) for name in stored):
            words = [name.split("/") for name in stored]
            beginnings = {"/".join(w[: i + 1]) for w in words for i in range(len(w))}
            raise ValueError(
                f"`rename`: expected beginnings of names in the file, and none begins with {old!r}."
                f"{nearest(old, sorted(beginnings))}"
            )
