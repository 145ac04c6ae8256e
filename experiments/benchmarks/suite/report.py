"""The results as Markdown: first what jkeras takes of each peer's time, then every figure."""

from __future__ import annotations

import statistics
from typing import Any

from . import machine
from .registry import ABSOLUTE, BASES, FIGURES, MODELS, PEERS, has
from .runs import Results

SHARES = {  # figure: what its table is called
    "epoch_s": "Epoch, validation included",
    "first_step_s": "First step: the model built, traced, compiled, one update",
    "total_s": "Whole script, from process start to exit",
    "peak_mb": "Peak memory of the process",
}
SPREAD = "spread"
Medians = dict[tuple[str, str], dict[str, float]]


def medians(results: Results) -> Medians:
    """The median of every figure, by model and peer."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for run in results.runs:
        figures = found.setdefault((run["model"], run["peer"]), {})
        for name in FIGURES:
            if name in run:
                figures.setdefault(name, []).append(run[name])
    return {pair: _summary(figures) for pair, figures in found.items()}


def _summary(figures: dict[str, list[float]]) -> dict[str, float]:
    """Medians, and how far epochs lie apart from turn to turn, as a share of their median."""
    summary = {name: statistics.median(values) for name, values in figures.items()}
    epochs = figures.get("epoch_s", [])
    if len(epochs) > 1:
        summary[SPREAD] = (max(epochs) - min(epochs)) / summary["epoch_s"]
    return summary


def base(found: Medians) -> str | None:
    """The peer to whom ratios are taken."""
    measured = {peer for _, peer in found}
    return next((peer for peer in BASES if peer in measured), None)


def ratio(found: Medians, model: str, peer: str, other: str | None, figure: str) -> float | None:
    """A figure of one peer over that of another, where both have it."""
    own = found.get((model, peer), {}).get(figure)
    its = found.get((model, other or ""), {}).get(figure)
    return own / its if own is not None and its else None


def page(results: Results) -> str:
    """The whole report."""
    found = medians(results)
    devices = sorted({run["device"] for run in results.runs if "device" in run})
    parts = ["# Benchmarks", machine.line(results.machine, devices), _how(results)]
    parts += [_notes(results)] if results.skipped or results.failures else []
    models = [model for model in MODELS if any(model == pair[0] for pair in _known(results))]
    if any(peer == "jkeras" for _, peer in found):
        parts.append("## What jkeras takes of each peer's figure")
        parts += [
            f"{title}:\n\n{share_table(results, found, models, figure)}"
            for figure, title in SHARES.items()
        ]
    parts += [section(results, found, model) for model in models]
    return "\n\n".join(parts) + "\n"


def share_table(results: Results, found: Medians, models: list[str], figure: str) -> str:
    """Rows are peers, columns models: jkeras's figure divided by the peer's."""
    if figure != "first_step_s":
        models = [model for model in models if MODELS[model].trains]
    lines = [_row(["jkeras over", *models]), _rule(len(models) + 1)]
    for peer in [name for name in PEERS if name != "jkeras"]:
        cells = [_share(results, found, model, peer, figure) for model in models]
        if any(cell not in ("–", "") for cell in cells):
            lines.append(_row([peer, *cells]))
    return "\n".join(lines)


def _share(results: Results, found: Medians, model: str, peer: str, figure: str) -> str:
    value = ratio(found, model, "jkeras", peer, figure)
    if value is not None:
        return f"{value:.2f}"
    return "failed" if f"{model} {peer}" in results.failures else "–"


def section(results: Results, found: Medians, model: str) -> str:
    """One model: every figure of every peer, in brackets the ratio to the base."""
    setup = MODELS[model]
    optimizer = {"sgd": "SGD", "adam": "Adam"}[setup.optimizer]
    digits = max(run["examples"] for run in results.runs if run["model"] == model)
    title = f"## {model}: {setup.words}; {optimizer}, batch {setup.batch_size}, {digits:,} digits"
    names = [
        name for name in FIGURES if any(name in found.get((model, peer), {}) for peer in PEERS)
    ]
    heads = [FIGURES[name] for name in names]
    if any(SPREAD in found.get((model, peer), {}) for peer in PEERS):
        heads.insert(1, SPREAD)
    lines = [title, "", _row(["peer", *heads]), _rule(len(heads) + 1)]
    for peer in PEERS:
        if f"{model} {peer}" in results.failures:
            lines.append(_row([peer, "failed", *[""] * (len(heads) - 1)]))
        elif (model, peer) in found:
            cells = _cells(found, model, peer, names, SPREAD in heads)
            lines.append(_row([peer, *cells]))
    return "\n".join(lines)


def _cells(found: Medians, model: str, peer: str, names: list[str], spread: bool) -> list[str]:
    """The figures of one peer as they stand in its row."""
    figures, other = found[model, peer], base(found)
    cells = [
        _cell(name, figures.get(name), ratio(found, model, peer, other, name)) for name in names
    ]
    if spread:
        cells.insert(1, f"{figures[SPREAD]:.0%}" if SPREAD in figures else "–")
    return cells


def _cell(name: str, value: float | None, share: float | None) -> str:
    if value is None:
        return "–"
    if name in ABSOLUTE:
        return f"{value:.4f}" if name == "accuracy" else f"{value:,.0f}"
    shown = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return shown if share is None else f"{shown} ({share:.2f})"


def _how(results: Results) -> str:
    """How it was measured, in a paragraph."""
    other = base(medians(results))
    settings = results.settings
    brackets = f" In brackets: the ratio to {other}." if other else ""
    earlier = "" if settings["cold"] else "; the whole script may find them, as a second run does"
    return (
        f"{_count(settings['rounds'], 'turn')} of {_count(settings['epochs'], 'epoch')} on MNIST; "
        "each model's title says on how many digits. Each peer runs in a process of its own, the "
        "peers take turns, and figures are medians over the turns. An epoch is the median of those "
        "after the first, validation included. The first step counts from building the model to "
        f"the result of one update, without programs compiled earlier{earlier}. Peak memory is the "
        "process's own; spread is the distance of the slowest from the fastest turn, as a share of "
        f"the median.{brackets}"
    )


def _notes(results: Results) -> str:
    """Who is missing, and why."""
    lines = [f"- {peer} was not run: {reason}." for peer, reason in results.skipped.items()]
    lines += [f"- {name} failed: {reason}" for name, reason in results.failures.items()]
    return "\n".join(lines)


def _known(results: Results) -> list[tuple[str, str]]:
    """Models and peers that have figures or failed."""
    ran = [(run["model"], run["peer"]) for run in results.runs]
    pairs = [(model, peer) for model in MODELS for peer in PEERS if has(peer, model)]
    return ran + [pair for pair in pairs if " ".join(pair) in results.failures]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _row(cells: list[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _rule(columns: int) -> str:
    return "|---" * columns + "|"
