"""Results as a table, in text and HTML: what `evaluate(return_dict=True)` gives, model by model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.html_tables import table_html
from jkeras.display.lines import format_number


@dataclass(frozen=True, repr=False)
class ResultsTable:
    """A table that a terminal prints and a notebook shows.

    Attributes:
      head: the titles of the columns.
      rows: the cells of each row, the first of which names it.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = []
        for name, *cells in lines:
            pairs = zip(cells, widths[1:], strict=True)
            right = "".join(f"  {cell:>{width}}" for cell, width in pairs)
            texts.append(f"{name:<{widths[0]}}{right}".rstrip())
        return "\n".join(texts)

    def _repr_html_(self) -> str:
        return table_html(self.head, self.rows, align="l" + "r" * (len(self.head) - 1))


def results_table(results: Mapping[str, Any]) -> ResultsTable:
    """A table with a row for each model or run, and a column for each value.

    Args:
      results: for each name its values, as `evaluate(..., return_dict=True)` returns them; or the
        values of one model. A list of values, as in `History.history`, stands for its last one.

    Raises:
      TypeError: the results are no such dict.
      ValueError: there are none.

    Example:
      >>> results_table({"small": {"loss": 0.5, "acc": 0.75}, "large": {"loss": 0.25}})
               loss     acc
      small  0.5000  0.7500
      large  0.2500       –
    """
    if not isinstance(results, Mapping):
        raise WrongTypeError(
            "results_table: expected a dict of results such as "
            f"{{'small': model.evaluate(x, y, return_dict=True)}}, got {describe(results)}."
        )
    if not results:
        raise ValueError("results_table: expected at least one result, got none.")
    nested = [name for name, values in results.items() if isinstance(values, Mapping)]
    if nested and len(nested) < len(results):
        raise ValueError(
            "results_table: expected either a dict of values for every name or one dict of values, "
            f"got both: {describe(results)}."
        )
    if not nested:
        rows = [(str(name), _number(name, value)) for name, value in results.items()]
        return ResultsTable(("", "value"), tuple(rows))
    columns = list(dict.fromkeys(column for values in results.values() for column in values))
    found = [
        (str(name), *(_number(column, values.get(column)) for column in columns))
        for name, values in results.items()
    ]
    return ResultsTable(("", *map(str, columns)), tuple(found))


def _number(name: str, value: object) -> str:
    """A value as a cell."""
    if isinstance(value, list | tuple):
        value = value[-1] if value else None
    if value is None:
        return "–"
    try:
        return format_number(float(np.asarray(value).item()))
    except (TypeError, ValueError):
        raise WrongTypeError(
            f"results_table: expected a number as {name!r}, got {describe(value)}."
        ) from None
