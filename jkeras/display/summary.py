"""The table of `model.summary()`, in Keras 3's layout, as plain text.

Laws:
  - The text is Keras 3.15.1's for a file or a pipe (no colors), character for character.
  - Every line of the table has exactly `line_length` characters.

Two differences from Keras, if the table is wider than the terminal: a larger `line_length` is kept
(Keras cuts the right side off), and a terminal of fewer than 44 columns gets a table of 40
(Keras raises).
"""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from jkeras.core.errors import describe, nearest
from jkeras.core.trees import Tree
from jkeras.display.tables import column_widths, table_lines

_COLUMNS = {"Layer (type)": "left", "Output Shape": "left", "Param #": "right"}
_CONNECTED = {"Connected to": "left"}
_TRAINABLE = {"Trainable": "center"}
_POSITIONS, _POSITIONS_CONNECTED = (0.45, 0.80, 1.0), (0.3, 0.56, 0.74, 1.0)
_DEFAULT_LENGTH, _DEFAULT_LENGTH_CONNECTED, _TRAINABLE_LENGTH = 88, 108, 12
_LEAST_LENGTH, _MARGIN = 40, 4


@dataclass(frozen=True)
class Row:
    """One layer in a summary.

    Fields:
      name: the layer's name in the model.
      kind: the layer's class.
      output_shape: a tuple with None for the batch, a tuple, list or dict of such shapes, or None
        when it is unknown.
      parameters: number of weights, or None when the layer is not built.
      trainable: whether the weights are trained; None for a layer without weights.
      connected_to: the layers that the inputs come from; None in a sequential model.
      level: the number of nested models around the layer.
      is_input: whether the layer only declares an input.
    """

    name: str
    kind: str
    output_shape: Any
    parameters: int | None
    trainable: bool | None = None
    connected_to: str | None = None
    level: int = 0
    is_input: bool = False


@dataclass(frozen=True)
class Size:
    """The number of elements of some arrays, and their bytes."""

    count: int
    bytes: int


NOTHING = Size(0, 0)


def size_of(arrays: Iterable[Any]) -> Size:
    """The total size of some arrays.

    Args:
      arrays: anything with `size` and `nbytes`, such as the leaves of `params`.

    Example:
      >>> import numpy as np
      >>> size_of([np.zeros((784, 128), np.float32), np.zeros(128, np.float32)])
      Size(count=100480, bytes=401920)
    """
    listed = list(arrays)
    return Size(sum(int(a.size) for a in listed), sum(int(a.nbytes) for a in listed))


def summary_text(
    name: str,
    rows: Sequence[Row],
    *,
    trainable: Size = NOTHING,
    non_trainable: Size = NOTHING,
    optimizer: Size | None = None,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    on_host: Sequence[str] = (),
) -> str:
    """The summary of a model, without a line break at its end.

    Args:
      name: the model's name.
      rows: one for each layer, in order.
      trainable: size of the weights that are trained.
      non_trainable: size of the others.
      optimizer: size of the optimizer's variables; None leaves its line out.
      line_length: width of the table in characters; by default 88, or what the terminal can show.
      positions: the ends of the columns, without that of `show_trainable`, as fractions of
        `line_length`; the last one is 1.
      show_trainable: adds a column that says Y or N, or - for layers without weights.
      layer_range: names, or regular expressions, of the first and the last layer to show.
      on_host: the names of the layers whose inputs are strings, for a line at the end.

    Raises:
      ValueError: columns too narrow, wrong positions, or no layer of that name.

    Example:
      >>> dense = Row("dense", "Dense", (None, 10), 7850)
      >>> print(summary_text("tiny", [dense], trainable=Size(7850, 31400), line_length=48))
      Model: "tiny"
      ┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┳━━━━━━━━━┓
      ┃ Layer (type)       ┃ Output Shape  ┃ Param # ┃
      ┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━╇━━━━━━━━━┩
      │ dense (Dense)      │ (None, 10)    │   7,850 │
      └────────────────────┴───────────────┴─────────┘
       Total params: 7,850 (30.66 KB)
       Trainable params: 7,850 (30.66 KB)
       Non-trainable params: 0 (0.00 B)

    Source: layout and numbers of `keras.Model.summary`, Keras 3.15.1.
    """
    connected = any(row.connected_to is not None for row in rows)
    if line_length is None:
        line_length = _DEFAULT_LENGTH_CONNECTED if connected else _DEFAULT_LENGTH
        line_length += _TRAINABLE_LENGTH if show_trainable else 0
        line_length = min(line_length, shutil.get_terminal_size().columns - _MARGIN)
        line_length = max(line_length, _LEAST_LENGTH)
    widths = column_widths(_column_ends(positions, connected, show_trainable), line_length)
    columns, cells = summary_table(rows, show_trainable=show_trainable, layer_range=layer_range)
    table = table_lines(list(columns), cells, widths, tuple(columns.values()))
    lines = [f'Model: "{name}"', *table]
    return "\n".join(lines + total_lines(trainable, non_trainable, optimizer, on_host))


def summary_table(
    rows: Sequence[Row],
    *,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> tuple[dict[str, str], list[list[str]]]:
    """The columns of a summary, each with its alignment, and the cells of every shown row.

    Arguments as for `summary_text`.

    Example:
      >>> columns, cells = summary_table([Row("dense", "Dense", (None, 10), 7850)])
      >>> list(columns), cells
      (['Layer (type)', 'Output Shape', 'Param #'], [['dense (Dense)', '(None, 10)', '7,850']])
    """
    connected = any(row.connected_to is not None for row in rows)
    columns = _COLUMNS | (_CONNECTED if connected else {}) | (_TRAINABLE if show_trainable else {})
    return columns, [_row_cells(row, list(columns)) for row in rows_in_range(rows, layer_range)]


def shape_text(shape: Tree) -> str:
    """An output shape as Keras prints it; a structure of one shape prints as that shape.

    Example:
      >>> shape_text((None, 28, 28)), shape_text((None,)), shape_text(None)
      ('(None, 28, 28)', '(None)', '?')
      >>> shape_text([(None, 4), (None, 2)]), shape_text({"a": (None, 4)})
      ('[(None, 4), (None, 2)]', '(None, 4)')
    """
    if shape is None:
        return "?"
    leaves = jax.tree.leaves(shape, is_leaf=_is_shape)
    return _structure_text(leaves[0] if len(leaves) == 1 else shape)


def memory_text(size: float) -> str:
    """A number of bytes in the largest unit that keeps it at 1 or more, 1024 to the next.

    Example:
      >>> memory_text(12), memory_text(407080), memory_text(3 * 1024**3)
      ('12.00 B', '397.54 KB', '3.00 GB')
    """
    units = ["B", "KB", "MB", "GB", "TB", "PB"]
    power = 0
    while size >= 1024 and power < len(units) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.2f} {units[power]}"


def rows_in_range(rows: Sequence[Row], layer_range: Sequence[str] | None) -> list[Row]:
    """The rows from the first match of one pattern to the last match of another, both included.

    Two patterns in the wrong order are swapped; None shows every row.

    Example:
      >>> rows = [Row(name, "Dense", None, None) for name in ("a", "b", "c")]
      >>> [row.name for row in rows_in_range(rows, ("b", "c"))]
      ['b', 'c']
    """
    if layer_range is None:
        return list(rows)
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise ValueError(
            "summary: expected `layer_range` to be two layer names (first, last), "
            f"got {describe(layer_range)}."
        )
    first, last = (_matches(rows, pattern) for pattern in layer_range)
    begin, end = (last[0], first[-1]) if first[0] > last[-1] else (first[0], last[-1])
    inner = itertools.takewhile(lambda row: row.level > 0, rows[end + 1 :])
    return [*rows[begin : end + 1], *inner]


def total_lines(
    trainable: Size, non_trainable: Size, optimizer: Size | None, on_host: Sequence[str] = ()
) -> list[str]:
    """The lines below the table: the number of weights of each kind, and their memory; and which
    layers run on the host.
    """
    parts = [trainable, non_trainable, optimizer or NOTHING]
    total = Size(sum(part.count for part in parts), sum(part.bytes for part in parts))
    named = {"Total": total, "Trainable": trainable, "Non-trainable": non_trainable}
    if optimizer is not None:
        named["Optimizer"] = optimizer
    lines = [
        f" {label} params: {size.count:,} ({memory_text(size.bytes)})"
        for label, size in named.items()
    ]
    return lines + ([f" On the host, before the program: {', '.join(on_host)}"] if on_host else [])


def _matches(rows: Sequence[Row], pattern: str) -> list[int]:
    """The indices of the outer rows whose names match a pattern."""
    names = {index: row.name for index, row in enumerate(rows) if row.level == 0}
    matches = [index for index, name in names.items() if re.match(pattern, name)]
    if not matches:
        raise ValueError(
            f"summary: no layer matches {pattern!r} of `layer_range`."
            f"{nearest(pattern, names.values())} Layers: {', '.join(names.values()) or 'none'}."
        )
    return matches


def _column_ends(
    positions: Sequence[float] | None, connected: bool, show_trainable: bool
) -> list[float]:
    usual = _POSITIONS_CONNECTED if connected else _POSITIONS
    ends = list(usual if positions is None else positions)
    increasing = all(a < b for a, b in itertools.pairwise(ends))
    if len(ends) != len(usual) or not increasing or ends[-1] != 1:
        number = "four" if connected else "three"
        raise ValueError(
            f"summary: expected `positions` to be {number} increasing fractions that end with 1, "
            f"such as {list(usual)}, got {describe(positions)}."
        )
    return [end * 0.90 for end in ends] + [1.0] if show_trainable else ends


def _row_cells(row: Row, columns: Sequence[str]) -> list[str]:
    indent = f"{'   ' * row.level}└ " if row.level else ""
    cells = {
        "Layer (type)": f"{indent}{row.name} ({row.kind})",
        "Output Shape": shape_text(row.output_shape),
        "Param #": "0 (unbuilt)" if row.parameters is None else f"{row.parameters:,}",
        "Connected to": "-" if row.connected_to is None else row.connected_to,
        "Trainable": "-" if row.trainable is None else "NY"[row.trainable],
    }
    return [cells[column] for column in columns]


def _is_shape(value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(
        axis is None or isinstance(axis, int) for axis in value
    )


def _structure_text(structure: Tree) -> str:
    if isinstance(structure, Mapping):
        parts = (f"{name}: {_structure_text(part)}" for name, part in structure.items())
        return "{" + ", ".join(parts) + "}"
    if _is_shape(structure):
        return f"({', '.join(map(str, structure))})"
    inner = ", ".join(map(_structure_text, structure))
    return f"[{inner}]" if isinstance(structure, list) else f"({inner})"
