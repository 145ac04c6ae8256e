"""The examples that a model gets most wrong: pictures, curves or bars, with what was predicted.

    plot_top_losses(model, x_test, y_test, n=9, labels=["cat", "dog"])

`model.top_losses` computes; the rest here takes arrays and modifies nothing.

Law: the largest loss comes first, and NaN counts as the largest.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import jax
import numpy as np

from jkeras.core import columns
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree
from jkeras.display.classes import Labels, label_names
from jkeras.display.figures import new_figure, saved
from jkeras.display.labels import unit_brightness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

InputKind = Literal["image", "signal", "tokens", "row"]
"""How an example is shown: a picture, curves over time, a text of tokens, a row of a table."""
_BLUE = "#0072B2"
_LEAST_TOKENS, _MOST_SHOWN = 8, 12


class TopLosses(NamedTuple):
    """The examples with the largest losses, the largest first.

    Attributes:
      indices: `[n]` int64, the places of the examples in the data.
      losses: `[n]` their losses, neither weighted nor reduced.
      predictions: `[n, ...]` the model's outputs for them, in the structure that `predict` returns.
    """

    indices: np.ndarray
    losses: np.ndarray
    predictions: Any


class Examinable(Protocol):
    """What `plot_top_losses` needs of a model."""

    def top_losses(self, x: Tree, y: Tree = None, n: int = 9) -> TopLosses:
        """The examples with the largest losses."""
        ...


def top_of(losses: np.ndarray, predictions: Tree, n: int) -> TopLosses:
    """The `n` largest losses; all of them where there are fewer.

    Args:
      losses: `[examples]`.
      predictions: `[examples, ...]` each.
      n: at least 1.

    Example:
      >>> top = top_of(np.array([0.1, 2.0, np.nan]), np.array([7, 8, 9]), 2)
      >>> top.indices.tolist(), top.predictions.tolist()
      ([2, 1], [9, 8])
    """
    order = np.argsort(-np.where(np.isnan(losses), np.inf, losses), kind="stable")[:n]
    return TopLosses(order, losses[order], jax.tree.map(lambda a: a[order], predictions))


def plot_top_losses(
    model: Examinable,
    x: Tree,
    y: Tree = None,
    n: int = 9,
    labels: Labels | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The examples with the largest losses, with their true and predicted values.

    Images are shown as pictures, time series as curves; of rows and tokens the losses are shown as
    bars.

    Args:
      model: a compiled model.
      x, y: data, as for `evaluate`.
      n: number of examples.
      labels: names of the classes, as a list or as a dict from id to name.
      path: the path of a PNG to write; no file when left out.

    Returns:
      The figure.

    Raises:
      ImportError: matplotlib is not installed.
      TypeError, ValueError: the data do not go with the model, or the names not with the classes.

    Source: fastai's `Interpretation.plot_top_losses`.
    """
    new_figure(1.0, 1.0)  # raises before any work where matplotlib is missing
    if not hasattr(model, "top_losses"):
        raise WrongTypeError(
            f"plot_top_losses: `model`: expected a compiled model, got {describe(model)}. "
            "The model comes first: plot_top_losses(model, x, y)."
        )
    _check_arrays(x)
    top = model.top_losses(x, y, n)
    captions = [f"#{index}" for index in top.indices]
    if hasattr(top.predictions, "shape") and not isinstance(y, dict | tuple) and y is not None:
        true = np.asarray(y)[top.indices]
        texts = prediction_texts(true, top.predictions, labels)
        captions = [f"{c}  {t} → {p}" for c, (t, p) in zip(captions, texts, strict=True)]
    inputs, kind = shown_input(rows_of(x, top.indices))
    figure = worst_examples(inputs, kind, top.losses, captions)
    if "→" in captions[0]:
        figure.suptitle("#example  true → predicted", fontsize=9)
    return saved(figure, path)


def worst_examples(
    inputs: np.ndarray, kind: InputKind, losses: np.ndarray, captions: Sequence[str]
) -> Figure:
    """A panel for each picture or curve; for other examples a bar for each loss.

    Args:
      inputs: `[n, ...]` examples, as `shown_input` returns them.
      kind: how they are shown.
      losses: `[n]`.
      captions: a line for each example.
    """
    count = len(captions)
    if kind not in ("image", "signal"):
        figure = new_figure(7.0, 0.8 + 0.35 * count)
        axes = figure.add_subplot()
        axes.barh(range(count), np.nan_to_num(losses), color=_BLUE)
        axes.set_yticks(range(count), [_cut(text, 48) for text in captions])
        axes.invert_yaxis()
        axes.set_xlabel("loss")
        return figure
    columns_ = min(count, 3 if kind == "signal" else 5)
    rows = math.ceil(count / columns_)
    width, height = (3.6, 2.4) if kind == "signal" else (1.9, 2.3)
    figure = new_figure(width * columns_, height * rows)
    shown = unit_brightness(inputs) if kind == "image" else inputs
    for index in range(count):
        axes = figure.add_subplot(rows, columns_, index + 1)
        axes.set_title(f"{_wrapped(captions[index])}\nloss {losses[index]:.4g}", fontsize=8)
        _draw(axes, shown[index], kind)
    return figure


def _draw(axes: Axes, example: np.ndarray, kind: InputKind) -> None:
    if kind == "signal":
        axes.plot(example)
        axes.tick_params(labelsize=7)
        return
    axes.imshow(example.squeeze(-1) if example.shape[-1] == 1 else example, cmap="gray", vmin=0,
                vmax=1)  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])


def prediction_texts(
    y_true: ArrayLike, y_pred: ArrayLike, labels: Labels | None = None
) -> list[tuple[str, str]]:
    """The true and the predicted value of each example, as texts.

    Args:
      y_true: targets: classes, one-hot rows, numbers, or sequences of classes.
      y_pred: the outputs for them.
      labels: names of the classes.

    Example:
      >>> prediction_texts([1, 0], [[0.2, 0.8], [0.1, 0.9]], ["cat", "dog"])
      [('dog', 'dog (80%)'), ('cat', 'dog (90%)')]
      >>> prediction_texts([0.5], [[0.75]])
      [('0.5', '0.75')]
    """
    true, predicted = _flat(np.asarray(y_true)), _flat(np.asarray(y_pred))
    if labels is not None and predicted.ndim == true.ndim == 1:
        names = label_names(labels, 2, "plot_top_losses")
        chosen = predicted > (0.5 if np.all((predicted >= 0) & (predicted <= 1)) else 0)
        pairs = zip((true > 0.5).tolist(), chosen.tolist(), strict=True)
        return [(names[int(t)], names[int(p)]) for t, p in pairs]
    one_hot = predicted.ndim > 1 and true.shape == predicted.shape and is_one_hot(true)
    if not one_hot and (predicted.ndim != true.ndim + 1 or not _are_whole(true)):
        return [(value_text(t), value_text(p)) for t, p in zip(true, predicted, strict=True)]
    ids = (true.argmax(-1) if one_hot else true).astype(np.int64)
    names = label_names(labels, predicted.shape[-1], "plot_top_losses")
    texts = [_names_text(row, names) for row in ids]
    best = [_names_text(row, names) for row in predicted.argmax(-1)]
    if predicted.ndim == 2 and are_shares(predicted):
        best = [f"{b} ({p:.0%})" for b, p in zip(best, predicted.max(-1), strict=True)]
    return list(zip(texts, best, strict=True))


def rows_of(x: Tree, indices: np.ndarray) -> Tree:
    """Some examples of inputs in any form that `fit` takes, as NumPy arrays; columns of a table
    stay apart, under their names.

    Example:
      >>> rows_of({"a": np.array([1, 2, 3])}, np.array([2, 0]))
      {'a': array([3, 1])}
    """
    if columns.is_table(x):
        x = {str(name): np.asarray(column) for name, column in columns.columns_of(x)}
    if isinstance(x, dict):  # a map over a tree would sort them
        return {name: rows_of(part, indices) for name, part in x.items()}
    return jax.tree.map(
        lambda leaf: np.asarray(leaf)[indices], x, is_leaf=lambda leaf: columns.is_column(leaf)
    )


def _check_arrays(x: Tree) -> None:
    """Raises for an iterable of batches, whose examples cannot be asked for by their places."""
    leaves = jax.tree.leaves(x, is_leaf=columns.is_column)
    if not leaves or not all(
        hasattr(leaf, "__array__") or columns.is_column(leaf) for leaf in leaves
    ):
        raise WrongTypeError(
            f"plot_top_losses: `x`: expected an array, a table, or a list or dict of arrays, got "
            f"{describe(x)}. Join batches: np.concatenate."
        )


def shown_input(x: Tree) -> tuple[Any, InputKind]:
    """What of some examples is shown, and how: the first image, else all inputs if they are rows,
    else the first input.

    Args:
      x: an array, or a tuple, list or dict of them, each `[n, ...]`.

    Example:
      >>> shown_input(np.zeros((2, 28, 28)))[1], shown_input(np.zeros((2, 4)))[1]
      ('image', 'row')
    """
    leaves = jax.tree.leaves(x)
    kinds = [input_kind(leaf) for leaf in leaves]
    for leaf, kind in zip(leaves, kinds, strict=True):
        if kind == "image":
            return (leaf if leaf.ndim == 4 else leaf[..., None]), kind
    if all(kind == "row" for kind in kinds):
        return x, "row"
    return leaves[0], kinds[0]


def input_kind(x: np.ndarray) -> InputKind:
    """How an input `[n, ...]` is shown, by its shape and dtype."""
    if x.ndim == 4 and x.shape[-1] in (1, 3, 4):
        return "image"
    if x.ndim == 3:
        is_picture = x.dtype == np.uint8 or (x.shape[1] == x.shape[2] and x.shape[1] >= 8)
        return "image" if is_picture else "signal"
    is_text = x.ndim == 2 and x.dtype.kind in "iu" and x.shape[1] >= _LEAST_TOKENS
    return "tokens" if is_text else "row"


def table_of(x: Tree) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of a table of examples; columns beyond a dozen are counted.

    Args:
      x: an array `[n, ...]`, or a tuple, list or dict of them.

    Example:
      >>> table_of({"age": np.array([3, 4]), "pay": np.array([[1.5], [2.0]])})
      (['age', 'pay'], [['3', '1.5'], ['4', '2']])
    """
    named: list[tuple[str, np.ndarray]] = []
    for name, leaf in _named(x, ""):
        wide = leaf.reshape(len(leaf), -1)
        single = wide.shape[1] == 1
        named += [(name if single else f"{name}[{i}]", wide[:, i]) for i in range(wide.shape[1])]
    head = [name for name, _ in named[:_MOST_SHOWN]]
    cells = [[value_text(v) for v in column] for _, column in named[:_MOST_SHOWN]]
    rows = [list(row) for row in zip(*cells, strict=True)]
    if len(named) > _MOST_SHOWN:
        head.append(f"… of {len(named)}")
        rows = [[*row, "…"] for row in rows]
    return head, rows


def _named(x: Tree, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each array with the words that lead to it, in the order in which they were given."""
    if isinstance(x, dict | list | tuple):
        for key, part in x.items() if isinstance(x, dict) else enumerate(x):
            yield from _named(part, f"{name} {key}".strip())
    elif x is not None:
        yield name or "x", np.asarray(x)


def value_text(value: object) -> str:
    """A number, or the first numbers of an array, as text.

    Example:
      >>> value_text(0.25), value_text(np.arange(9.0))
      ('0.25', '0 1 2 3 4 5 6 7 …')
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return _cut(str(array if array.ndim else array[()]), 60)
    numbers = array.reshape(-1)
    whole = array.dtype.kind in "biu"
    shown = [str(n) if whole else f"{float(n):.4g}" for n in numbers[:8].tolist()]
    return " ".join(shown) + (" …" if numbers.size > 8 else "")


def is_one_hot(y: np.ndarray) -> bool:
    """Whether each row along the last axis, of two classes or more, is 1 once and 0 elsewhere."""
    if y.ndim < 2 or y.shape[-1] < 2:
        return False
    return bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=-1) == 1))


def are_shares(y_pred: np.ndarray) -> bool:
    """Whether the rows along the last axis are probabilities that sum to 1."""
    if y_pred.dtype.kind != "f" or not y_pred.size or not y_pred.min() >= 0:
        return False
    return bool(np.allclose(y_pred.sum(axis=-1), 1, atol=1e-2))


def _flat(array: np.ndarray) -> np.ndarray:
    return array[..., 0] if array.ndim > 1 and array.shape[-1] == 1 else array


def _are_whole(array: np.ndarray) -> bool:
    return bool(np.all(array == np.floor(array)) and np.all(array >= 0))


def _names_text(ids: np.ndarray, names: Sequence[str]) -> str:
    words = [names[i] if i < len(names) else str(i) for i in np.atleast_1d(ids).reshape(-1)]
    return " ".join(words[:_MOST_SHOWN]) + (" …" if len(words) > _MOST_SHOWN else "")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _wrapped(caption: str) -> str:
    """A caption in two lines at most: the arrow begins the second one of a long caption."""
    before, arrow, after = _cut(caption, 60).partition(" → ")
    return f"{before}\n{arrow.strip()} {after}" if arrow and len(caption) > 24 else caption
