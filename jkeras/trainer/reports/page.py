"""`model.report`: a run as one HTML page that needs no other file, no network and no script.

Laws: every text is escaped; pictures are in the page; light and dark, on a screen and on paper, the
page can be read.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.callbacks import History
from jkeras.core.errors import UnknownNameError, WrongTypeError, describe, nearest
from jkeras.core.folders import atomic_write
from jkeras.core.trees import Tree
from jkeras.display.classes import (
    COLUMNS,
    ClassReport,
    confusions_of_counts,
    label_names,
    report_of_counts,
)
from jkeras.display.confusion import confusion_counts, confusion_matrix_plot
from jkeras.display.curves import curves_figure
from jkeras.display.figures import new_figure
from jkeras.display.html import details_html, figure_html, summary_html, table_html
from jkeras.display.result_figures import regression_plot, regression_scores
from jkeras.display.worst_examples import (
    InputKind,
    prediction_texts,
    rows_of,
    shown_input,
    table_of,
    top_of,
    value_text,
    worst_examples,
)
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.reports import run_facts
from jkeras.trainer.reports.examined import Examined, ExaminedOutput, examine
from jkeras.trainer.reports.output_kinds import Classes, Flags, Kind, Numbers, kind_of
from jkeras.trainer.reports.page_frame import Section, note_html, page_html
from jkeras.trainer.reports.run_facts import Facts, Reported
from jkeras.trainer.reports.summary_rows import rows, sizes

_MOST_DRAWN, _MOST_PAIRS, _MOST_COLUMNS = 60, 10, 12


@dataclasses.dataclass(frozen=True)
class PageOptions:
    """What a user chooses for a report.

    Attributes:
      n: worst examples to show; 0 for none.
      labels: names of the classes; for several outputs a dict from output to names.
      history: of the run; that of the last `fit` for None.
      title: of the page; the model's name for None.
      notes: sentences below the title.
      decode: from one example of the inputs to its text.
    """

    n: int = 9
    labels: Any = None
    history: Any = None
    title: str | None = None
    notes: str = ""
    decode: Any = None


def write_page(
    model: Reported,
    parts: TrainerParts,
    path: str | os.PathLike[str],
    data: tuple[Any, Any, Any, int | None],
    options: PageOptions,
) -> Path:
    """Examines the data and writes the page.

    Args:
      model, parts: the trainer.
      path: of the page.
      data: x, y, sample weights and batch size.
      options: the user's choices.

    Returns:
      The path.

    Raises:
      ImportError: matplotlib is not installed.
      TypeError, ValueError: an argument is wrong; nothing is written then.
    """
    place = checked_path("report", path, (".html", ".htm"))
    history = run_facts.history_of("report", model, options.history)
    if isinstance(options.n, bool) or not hasattr(options.n, "__index__") or options.n < 0:
        raise ValueError(f"report: `n`: expected an integer of at least 0, got {options.n!r}.")
    if options.decode is not None and not callable(options.decode):
        raise WrongTypeError(
            f"report: `decode`: expected a function from one example to its text, got "
            f"{describe(options.decode)}."
        )
    new_figure(1.0, 1.0)  # raises before any work where matplotlib is missing
    examined = examine(parts, "report", *data[:3], batch_size=data[3])
    kinds = [kind_of(output) for output in examined.outputs]
    names = _labels("report", options.labels, examined.outputs, kinds)
    title = options.title or f"{model.name}: report"
    sections: list[Section | None] = [_results(examined), _curves(history)]
    for output, kind, labels in zip(examined.outputs, kinds, names, strict=True):
        sections += _output(output, kind, labels, several=len(kinds) > 1)
    sections.append(_worst(examined, kinds, names, options, data[0]))
    known = names[0] if len(names) == 1 else None
    sections += [_architecture(model, parts), _run(model, parts, history, known), _machine()]
    page = page_html(title, options.notes, [section for section in sections if section is not None])
    atomic_write(place, lambda file: file.write(page.encode()))
    return place


def checked_path(who: str, path: object, endings: Sequence[str]) -> Path:
    """The path of a file to write; folders that are missing are made with it.

    Raises:
      TypeError: it is no path.
      ValueError: it has another ending, or is a folder, or lies in a file.
    """
    if not isinstance(path, str | os.PathLike):
        raise WrongTypeError(
            f"{who}: `path`: expected the path of a file, such as 'run{endings[0]}', got "
            f"{describe(path)}."
        )
    place = Path(path)
    if place.suffix.lower() not in endings:
        raise ValueError(
            f"{who}: `path`: expected a name that ends with {' or '.join(endings)}, got "
            f"{os.fspath(path)!r}. Write {str(place.with_suffix(endings[0]))!r}."
        )
    if place.is_dir():
        raise ValueError(f"{who}: `path`: expected a file, got the folder {os.fspath(path)!r}.")
    around = next((folder for folder in place.absolute().parents if folder.exists()), None)
    if around is not None and not around.is_dir():
        raise ValueError(f"{who}: `path`: expected a folder, got the file {str(around)!r}.")
    return place


def _labels(
    who: str, labels: object, outputs: Sequence[ExaminedOutput], kinds: Sequence[Kind]
) -> list[list[str] | None]:
    """The names of each output's classes, checked; None for an output without classes."""
    several = len(outputs) > 1
    if several and labels is not None:
        if not isinstance(labels, Mapping):
            raise WrongTypeError(
                f"{who}: `labels`: expected a dict from output to names, because the model has "
                f"{len(outputs)} outputs, got {describe(labels)}."
            )
        known = [_output_name(output, i) for i, output in enumerate(outputs)]
        for name in labels:
            if name not in known:
                raise UnknownNameError(
                    f"{who}: `labels`: no output is named {name!r}.{nearest(str(name), known)} "
                    f"Outputs: {', '.join(known)}."
                )
    found = []
    for index, (output, kind) in enumerate(zip(outputs, kinds, strict=True)):
        given: Any = labels
        if several and isinstance(labels, Mapping):
            given = labels.get(_output_name(output, index))
        counts = {Classes: lambda k: k.classes, Flags: lambda k: k.true.shape[1]}
        count_fn = counts.get(type(kind))
        if count_fn is None and given is not None:
            raise ValueError(
                f"{who}: `labels`: expected none, because the model predicts no classes, got "
                f"{describe(given)}."
            )
        found.append(None if count_fn is None else label_names(given, count_fn(kind), who))
    return found


def _output_name(output: ExaminedOutput, index: int) -> str:
    return f"output {index}" if output.name is None else output.name


# -- the sections


def _results(examined: Examined) -> Section:
    count = len(examined.outputs[0].outputs) if examined.outputs else 0
    facts = [*run_facts.result_facts(examined.results), ("examples", f"{count:,}")]
    return Section("Results", _facts_html(facts))


def _curves(history: History | None) -> Section:
    if history is None:
        return Section("Learning curves", note_html("No run of fit is known for this model."))
    curves = history.curves()
    last = [(name, run_facts.number_text(values[-1])) for name, (_, values) in curves.items()]
    body = figure_html(curves_figure(curves), "logs by epoch") if curves else ""
    return Section("Learning curves", body + details_html("last epoch", _facts_html(last)))


def _output(
    output: ExaminedOutput, kind: Kind, names: list[str] | None, *, several: bool
) -> list[Section]:
    """What is known of one output."""
    forms: list[tuple[str, str]] = []
    if isinstance(kind, Classes) and names is not None:
        forms.append(("classes", _classes_html(kind, names)))
    elif isinstance(kind, Flags) and names is not None:
        forms.append(("labels", _flags_html(kind, names)))
    elif isinstance(kind, Numbers):
        forms.append(("numbers", _numbers_html(kind)))
    where = f"{output.name or 'output'}: " if several else ""
    return [Section(f"{where}{word}" if where else word.capitalize(), body) for word, body in forms]


def _classes_html(kind: Classes, names: list[str]) -> str:
    counts = confusion_counts(kind.true, kind.predicted, kind.classes)
    parts = []
    if kind.classes <= _MOST_DRAWN:
        figure = confusion_matrix_plot(counts, names)
        parts.append(figure_html(figure, "confusion matrix"))
    else:
        parts.append(note_html(f"{kind.classes} classes are too many for a picture of confusions."))
    table = _report_html(report_of_counts(counts, names))
    parts.append(table if kind.classes <= _MOST_DRAWN else details_html("every class", table))
    pairs = confusions_of_counts(counts, names)[:_MOST_PAIRS]
    if pairs:
        head = ("true class", "predicted as", "examples")
        parts.append(table_html(head, pairs, align="llr", caption="Most confused"))
    return "".join(parts)


def _report_html(report: ClassReport) -> str:
    return table_html(COLUMNS, report.cells(), align="lrrrr", caption="Scores of each class")


def _flags_html(kind: Flags, names: list[str]) -> str:
    """Each label as two classes of its own; the scores are those of the label."""
    rows_ = []
    for index, name in enumerate(names):
        counts = confusion_counts(
            kind.true[:, index].astype(np.int64), kind.predicted[:, index].astype(np.int64), 2
        )
        report = report_of_counts(counts, ["no", name])
        _, *shares, support = report.classes[1]
        rows_.append([name, *(f"{share:.4f}" for share in shares), f"{support:,}"])
    exact = float(np.mean(np.all(kind.true == kind.predicted, axis=1)))
    head = ("label", *COLUMNS[1:])
    return table_html(head, rows_, align="lrrrr") + note_html(
        f"All labels of an example are right in {exact:.1%} of {len(kind.true):,} examples."
    )


def _numbers_html(kind: Numbers) -> str:
    figure = figure_html(regression_plot(kind.true, kind.predicted), "predicted and true numbers")
    count = kind.true.shape[1]
    columns = {"all": (kind.true.reshape(-1), kind.predicted.reshape(-1))}
    if 1 < count <= _MOST_COLUMNS:
        columns |= {str(i): (kind.true[:, i], kind.predicted[:, i]) for i in range(count)}
    scores = {name: regression_scores(*pair) for name, pair in columns.items()}
    head = ["column", *scores["all"]]
    cells = [[name, *(f"{v:.4g}" for v in row.values())] for name, row in scores.items()]
    return figure + table_html(head, cells, align="lrrrr")


def _worst(
    examined: Examined,
    kinds: Sequence[Kind],
    names: Sequence[list[str] | None],
    options: PageOptions,
    given: Tree,
) -> Section | None:
    """The examples with the largest losses."""
    title = "Worst examples"
    if not options.n:
        return None
    if examined.losses is None:
        return Section(title, note_html("No loss with a value for each example is known."))
    top = top_of(examined.losses, (), options.n)
    texts = [_texts(*three, top.indices) for three in
             zip(examined.outputs, kinds, names, strict=True)]  # fmt: skip
    several = len(texts) > 1
    x = given if _has_names(given) else examined.x
    inputs, kind = shown_input(rows_of(x, top.indices))
    return Section(
        title, _worst_html(inputs, kind, top.indices, top.losses, texts, several, options)
    )


def _has_names(x: object) -> bool:
    """Whether the user's inputs are a table, whose columns have names."""
    return hasattr(x, "columns") and hasattr(x, "__array__")


def _worst_html(
    inputs: Tree,
    kind: InputKind,
    indices: np.ndarray,
    losses: np.ndarray,
    texts: Sequence[Sequence[tuple[str, str]]],
    several: bool,
    options: PageOptions,
) -> str:
    pairs = [texts[0][i] if not several else ("", "") for i in range(len(indices))]
    head = ["example", "loss"]
    cells = [[str(index), f"{loss:.4g}"] for index, loss in zip(indices, losses, strict=True)]
    for number, each in enumerate(texts):
        mark = f" {number}" if several else ""
        head += [f"true{mark}", f"predicted{mark}"]
        cells = [[*row, *pair] for row, pair in zip(cells, each, strict=True)]
    figure = ""
    if options.decode is not None:
        head.append("input")
        leaves = inputs if hasattr(inputs, "shape") else None
        shown = [str(options.decode(row)) for row in (leaves if leaves is not None else ())]
        cells = [[*row, text] for row, text in zip(cells, shown, strict=False)]
    elif kind in ("image", "signal"):
        captions = [
            f"#{index}  {true} → {predicted}" if true or predicted else f"#{index}"
            for index, (true, predicted) in zip(indices, pairs, strict=True)
        ]
        figure = figure_html(worst_examples(inputs, kind, losses, captions), "worst examples")
    elif kind == "tokens":
        head.append("tokens")
        cells = [[*row, _tokens(x)] for row, x in zip(cells, inputs, strict=True)]
    else:
        names, values = table_of(inputs)
        head += names
        cells = [[*row, *more] for row, more in zip(cells, values, strict=True)]
    table = table_html(head, cells, align="rr")
    return figure + (details_html("as a table", table) if figure else _wide(table))


def _texts(
    output: ExaminedOutput, kind: Kind, names: list[str] | None, indices: np.ndarray
) -> list[tuple[str, str]]:
    """The true and predicted values of some examples in words."""
    y = output.y
    if isinstance(kind, Classes) and names is not None and y is not None and kind.each.ndim == 1:
        true = y[indices]
        if true.ndim > 1 and true.shape[-1] > 1:
            true = true.argmax(-1)
        true = np.maximum(np.rint(true.reshape(-1)), 0).astype(np.int64)
        best = [names[i] for i in kind.each[indices]]
        if kind.confidence is not None:
            shares = kind.confidence[indices]
            best = [f"{name} ({share:.0%})" for name, share in zip(best, shares, strict=True)]
        return list(zip([names[i] for i in true], best, strict=True))
    if isinstance(kind, Flags) and names is not None and len(kind.true) == len(output.outputs):
        pairs = zip(kind.true[indices], kind.predicted[indices], strict=True)
        return [(_flags_text(true, names), _flags_text(best, names)) for true, best in pairs]
    predicted = output.outputs[indices]
    if isinstance(kind, Classes) and y is not None:
        return prediction_texts(y[indices], predicted, names)
    true_texts = [""] * len(indices) if y is None else [value_text(row) for row in y[indices]]
    return list(zip(true_texts, map(value_text, predicted), strict=True))


def _flags_text(flags: np.ndarray, names: Sequence[str]) -> str:
    return ", ".join(name for name, flag in zip(names, flags, strict=True) if flag) or "none"


def _tokens(row: np.ndarray) -> str:
    """Ids of tokens as text; the zeros at the end, which fill a row up, are left out."""
    ids = np.trim_zeros(row, "b").tolist()
    return " ".join(map(str, ids[:200])) + (" …" if len(ids) > 200 else "")


def _architecture(model: Reported, parts: TrainerParts) -> Section:
    state = parts.state
    table = summary_html(state.name, rows(state, model.layers), **sizes(state, None))
    return Section("Architecture", _wide(table))


def _run(
    model: Reported, parts: TrainerParts, history: History | None, names: list[str] | None
) -> Section:
    facts = run_facts.training_facts(parts, history, model.seed)
    data = run_facts.data_facts(history)
    body = _facts_html(facts)
    if data:
        body += table_html((), data, caption="Training data")
    counts = run_facts.class_counts(history)
    if counts:
        words = dict(enumerate(names or ()))
        listed = ", ".join(f"{words.get(i, i)}: {count:,}" for i, count in counts.items())
        body += note_html(f"Examples of each class: {listed}.")
    return Section("Training", body)


def _machine() -> Section:
    note = note_html("The machine that wrote this page.")
    return Section("Machine and versions", _facts_html(run_facts.machine_facts()) + note)


# -- parts of sections


def _facts_html(facts: Facts) -> str:
    return table_html((), facts, align="ll")


def _wide(table: str) -> str:
    return f'<div class="wide">{table}</div>'
