"""The HTML forms of models, runs and figures, for notebooks and pages: pure functions to text.

Laws:
  - All text is escaped. There is no script, and nothing is fetched from elsewhere.
  - Text and background have no colors of their own, so that light and dark pages show a form alike;
    a picture brings its paper.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jkeras.core.html_tables import arguments_html, table_html
from jkeras.display.curves import Curves, curves_figure
from jkeras.display.lines import format_number
from jkeras.display.png import png_of
from jkeras.display.summary import NOTHING, Row, Size, summary_table, total_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "arguments_html",
    "details_html",
    "figure_html",
    "figure_uri",
    "run_html",
    "summary_html",
    "table_html",
]

_LONGEST = 24
"""Rows of a summary that are shown at once; those of a longer one unfold."""


def summary_html(
    name: str,
    rows: Sequence[Row],
    *,
    trainable: Size = NOTHING,
    non_trainable: Size = NOTHING,
    optimizer: Size | None = None,
    on_host: Sequence[str] = (),
) -> str:
    """The summary of a model; a long table is folded, its totals are not.

    A model in which something is frozen has a column that says what is trained.

    Args:
      name: the model's name.
      rows: one for each layer, in order.
      trainable: size of the weights that are trained.
      non_trainable: size of the others.
      optimizer: size of the optimizer's variables; None leaves its line out.
      on_host: the names of the layers whose inputs are strings.

    Example:
      >>> dense = Row("dense", "Dense", (None, 10), 7850)
      >>> "<td" in summary_html("tiny", [dense], trainable=Size(7850, 31400))
      True
    """
    frozen = any(row.trainable is False for row in rows)
    columns, cells = summary_table(rows, show_trainable=frozen)
    align = "".join(side[0] for side in columns.values())
    table = table_html(list(columns), cells, align=align)
    if len(rows) > _LONGEST:
        table = details_html(f"{len(rows)} layers", table)
    lines = total_lines(trainable, non_trainable, optimizer, on_host)
    totals = "<br>".join(map(html.escape, lines))
    return f"<div><b>Model: {html.escape(name)}</b></div>{table}<div>{totals}</div>"


def run_html(curves: Curves, best: Mapping[str, int], *, title: str = "") -> str:
    """A run of training: the last and the best value of every log, and the curves as a picture.

    The picture is there with matplotlib, from the second point on.

    Args:
      curves: for each log its epochs and its values.
      best: for each log, where that is known, the index of its best value.
      title: a line above the table.

    Example:
      >>> run_html({"loss": ([1], [0.5])}, {"loss": 0}).count("<tr>")
      2
    """
    rows = []
    for name, (epochs, values) in curves.items():
        index = best.get(name)
        found = ["–", "–"] if index is None else [format_number(values[index]), epochs[index]]
        rows.append([name, format_number(values[-1]), *found])
    table = table_html(["log", "last", "best", "in epoch"], rows, align="lrrr", caption=title)
    if not any(len(values) > 1 for _, values in curves.values()):
        return table
    try:
        return table + figure_html(curves_figure(curves, best=best), "learning curves")
    except ImportError:  # no matplotlib
        return table


def details_html(summary: str, body: str, *, is_open: bool = False) -> str:
    """HTML that unfolds below a line of text.

    Args:
      summary: the line.
      body: HTML, as it is.
      is_open: whether it is unfolded at first.

    Example:
      >>> details_html("a < b", "<p>c</p>")
      '<details><summary>a &lt; b</summary><p>c</p></details>'
    """
    state = " open" if is_open else ""
    return f"<details{state}><summary>{html.escape(summary)}</summary>{body}</details>"


def figure_uri(figure: Figure) -> str:
    """A figure as the address of a PNG that holds it, for `src` of a page without other files."""
    return "data:image/png;base64," + base64.b64encode(png_of(figure)).decode("ascii")


def figure_html(figure: Figure, description: str) -> str:
    """A figure as an image in the page.

    Args:
      figure: of matplotlib.
      description: the words for those who do not see it.
    """
    words = html.escape(description)
    return f'<img src="{figure_uri(figure)}" alt="{words}" style="max-width:100%;height:auto">'
