"""Tables with numbers, categories, words, dates and gaps, as two arrays that a network takes.

`learn` finds what each column holds, and `encode` turns tables of these columns into `[rows, n]`
numbers and `[rows, m]` category ids. Laws: numbers have mean 0 and standard deviation 1 over the
rows that were learned from, with gaps at the median, and one more number says where the gaps were;
category 0 is a gap; nothing is learned while encoding.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jkeras.core.columns import columns_of, is_table
from jkeras.core.errors import nearest, value_error
from jkeras.core.tracebacks import users_stacklevel

KINDS = ("number", "category", "date", "skip")
"""What a column may be told to be."""

FEW = 8
"""Up to so many categories are one-hot; more are embedded."""


@dataclasses.dataclass
class Column:
    """What was learned of one column.

    Attributes:
      name: of the column.
      kind: one of `KINDS`.
      categories: of a category, in order; their ids begin at 1.
      medians, means, scales: of a number, or of the parts of a date.
      has_gaps: whether there were gaps, so that a number says where.
    """

    name: Any
    kind: str
    categories: list[Any] = dataclasses.field(default_factory=list)
    medians: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(1))
    means: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(1))
    scales: np.ndarray = dataclasses.field(default_factory=lambda: np.ones(1))
    has_gaps: bool = False


FEW_ROWS = 20
"""Below it words may well differ in every row."""


def learn(table: Any, kinds: Mapping[Any, str] | None, who: str) -> list[Column]:
    """What each column of a table holds.

    Args:
      table: a pandas or polars frame, or an array `[rows, columns]` of numbers.
      kinds: what columns are, by name, where it is not to be seen: one of `KINDS`.
      who: how messages name the estimator.

    Raises:
      ValueError: `kinds` names another column or kind; a column holds something else.
    """
    pairs = list(pairs_of(table))
    names, kinds = [name for name, _ in pairs], dict(kinds or {})
    for name, kind in kinds.items():
        if name not in names:
            listed = ", ".join(map(str, names))
            raise value_error(
                who=who,
                argument="columns",
                expected=f"names of columns ({listed})",
                got=repr(name),
                fix=nearest(str(name), map(str, names)).strip(),
            )
        if kind not in KINDS:
            raise value_error(
                who=who,
                argument=f"columns[{name!r}]",
                expected=" or ".join(map(repr, KINDS)),
                got=repr(kind),
            )
    learned = [_learned(name, values, kinds.get(name), who) for name, values in pairs]
    for column, (name, values) in zip(learned, pairs, strict=True):
        if name not in kinds and (likely := _likely_mistake(column, len(values))):
            warnings.warn(f"{who}: column {name!r}: {likely}", stacklevel=users_stacklevel())
    if all(column.kind == "skip" for column in learned):
        raise value_error(who=who, expected="a column to learn from", got="none")
    return learned


def encode(
    columns: Sequence[Column], table: Any, who: str, *, unknown: str = "error"
) -> dict[str, np.ndarray]:
    """A table as arrays.

    Args:
      columns: what was learned.
      table: with the same columns.
      who: how messages name the estimator.
      unknown: "error", or "missing" to take categories that were not learned for gaps.

    Returns:
      `numbers`, `[rows, n]` float32, and `categories`, `[rows, m]` int32, where there are any.

    Raises:
      ValueError: a column holds something else than the one that was learned, or another category.
    """
    numbers, ids = [], []
    for column, (_, values) in zip(columns, pairs_of(table), strict=True):
        if column.kind in ("number", "date"):
            numbers.append(_scaled(column, _as_numbers(column, values, who)))
        elif column.kind == "category":
            ids.append(_ids(column, values, who, unknown))
    arrays = {"numbers": np.hstack(numbers)} if numbers else {}
    return arrays | ({"categories": np.stack(ids, 1)} if ids else {})


def pairs_of(table: Any) -> list[tuple[Any, np.ndarray]]:
    """The names and the values of the columns; an array's columns are numbered."""
    if is_table(table):
        return [(name, np.asarray(column)) for name, column in columns_of(table)]
    return [(f"x{i}", values) for i, values in enumerate(np.asarray(table).T)]


# -- one column


def gaps_of(values: np.ndarray) -> np.ndarray:
    """Where values are missing: None, NaN, NaT and pandas's NA."""
    if values.dtype.kind in "fcmM":
        return np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values)
    if values.dtype != object:
        return np.zeros(len(values), bool)
    return np.array([_is_gap(value) for value in values], bool)


def _is_gap(value: object) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _kind_of(name: Any, values: np.ndarray, gaps: np.ndarray, who: str) -> str:
    """What a column holds, by its dtype or its values."""
    dtype = values.dtype.kind
    if dtype in "iufm":
        return "number"
    if dtype == "M":
        return "date"
    if dtype in "bUS":
        return "category"
    there = values[~gaps]
    checks: dict[str, Callable[[Any], bool]] = {
        "category": lambda v: isinstance(v, str | bool | np.bool_),
        "number": lambda v: isinstance(v, int | float | np.number) and not isinstance(v, bool),
        "date": lambda v: isinstance(v, datetime.date | np.datetime64),
    }
    for kind, check in checks.items():
        if all(map(check, there)):
            return kind
    odd = next(v for v in there if not any(check(v) for check in checks.values()) or v is not None)
    kinds = sorted({type(v).__name__ for v in there})
    raise value_error(
        who=who,
        argument=f"column {name!r}",
        expected="numbers, words, flags or dates",
        got=f"{', '.join(kinds)} (such as {odd!r})",
        fix=f"Convert the column, or leave it out: columns={{{name!r}: 'skip'}}.",
    )


def _learned(name: Any, values: np.ndarray, kind: str | None, who: str) -> Column:
    gaps = gaps_of(values)
    column = Column(name, kind or _kind_of(name, values, gaps, who), has_gaps=bool(gaps.any()))
    if column.kind == "category":
        column.categories = sorted(set(values[~gaps].tolist()), key=lambda v: (str(type(v)), v))
    elif column.kind in ("number", "date"):
        numbers = _as_numbers(column, values, who)
        with np.errstate(all="ignore"):
            there = numbers[~gaps] if not gaps.all() else np.zeros((1, numbers.shape[1]))
            column.medians = np.median(there, 0)
            filled = np.where(np.isnan(numbers), column.medians, numbers)
            column.means, scales = filled.mean(0), filled.std(0)
        column.scales = np.where(scales > 0, scales, 1.0)
    return column


def _likely_mistake(column: Column, rows: int) -> str:
    """What is wrong with words that count as categories, in sentences; empty where nothing is.

    Example:
      >>> _likely_mistake(Column("day", "category", ["2024-01-31", "2024-02-01"]), 9)
      "its words are dates, and count as categories. Take them for dates: columns={'day': 'date'}."
    """
    words = [word for word in column.categories if isinstance(word, str)]
    if words and all(re.match(r"\d{4}-\d\d-\d\d", word) for word in words):
        fix = f"columns={{{column.name!r}: 'date'}}"
        return f"its words are dates, and count as categories. Take them for dates: {fix}."
    if rows < FEW_ROWS or len(words) < 0.9 * rows:
        return ""
    return (
        f"{len(words)} categories in {rows} rows teach nothing of other rows. Leave it out: "
        f"columns={{{column.name!r}: 'skip'}}."
    )


def _as_numbers(column: Column, values: np.ndarray, who: str) -> np.ndarray:
    """Numbers, or the parts of dates: `[rows, parts]` float64, NaN for gaps."""
    gaps = gaps_of(values)
    try:
        if column.kind == "date":
            return _date_parts(values, gaps)
        if values.dtype.kind == "m":
            return _with_gaps(values / np.timedelta64(1, "D"), gaps)
        return _with_gaps(values, gaps)
    except OverflowError:
        expected, who_column = "finite numbers", f"column {column.name!r}"
        raise value_error(who=who, argument=who_column, expected=expected, got="infinity") from None
    except (TypeError, ValueError):
        there = values[~gaps]
        odd = next((v for v in there if not isinstance(v, int | float | np.number)), there[0])
        raise value_error(
            who=who,
            argument=f"column {column.name!r}",
            expected=f"{column.kind}s",
            got=f"{odd!r} ({type(odd).__name__})",
        ) from None


def _with_gaps(values: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "USc":
        raise TypeError("words or complex numbers")
    numbers = np.full((len(values), 1), np.nan)
    numbers[~gaps, 0] = values[~gaps].astype(np.float64)
    if np.isinf(numbers).any():
        raise OverflowError("infinity")
    return numbers


def _date_parts(values: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Days since 1970, the month, the day of the month, and the day of the week."""
    there = values[~gaps]
    if there.dtype == object:
        there = np.array([_utc(value) for value in there], "datetime64[us]")
    days = there.astype("datetime64[us]").astype(np.float64) / 86_400e6
    months = there.astype("datetime64[M]")
    parts = [
        days,
        months.astype(int) % 12,
        (there.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(int),
        (np.floor(days) + 4) % 7,
    ]
    numbers = np.full((len(values), len(parts)), np.nan)
    numbers[~gaps] = np.stack(parts, 1) if len(there) else 0
    return numbers


def _utc(value: Any) -> Any:
    """A date or a time without a zone."""
    if getattr(value, "tzinfo", None) is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value


def _scaled(column: Column, numbers: np.ndarray) -> np.ndarray:
    gaps = np.isnan(numbers)
    filled = np.where(gaps, column.medians, numbers)
    scaled = (filled - column.means) / column.scales
    parts = [scaled, gaps[:, :1]] if column.has_gaps else [scaled]
    return np.hstack(parts).astype(np.float32)


def _ids(column: Column, values: np.ndarray, who: str, unknown: str) -> np.ndarray:
    known = {category: i for i, category in enumerate(column.categories, 1)}
    gaps, found = gaps_of(values), values.tolist()
    ids = np.zeros(len(values), np.int32)
    for i, (value, gap) in enumerate(zip(found, gaps, strict=True)):
        if gap:
            continue
        if value not in known and unknown == "error":
            some = ", ".join(map(repr, column.categories[:8]))
            more = ", …" if len(column.categories) > 8 else ""
            raise value_error(
                who=who,
                argument=f"column {column.name!r}",
                expected=f"one of the categories of `fit` ({some}{more})",
                got=repr(value),
                fix="With unknown='missing' others count as gaps.",
            )
        ids[i] = known.get(value, 0)
    return ids
