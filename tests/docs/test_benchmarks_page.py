"""The page of benchmarks is written from kept results, and holds every figure of the README."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.modules import module_at

ROOT = Path(__file__).parents[2]
MACHINE = {"cpu": "Abacus", "cores": "2", "system": "Linux x86_64", "Python": "3.11.7"}


def kept(folder: Path, **parts: dict[str, Any]) -> None:
    for part, (_, _, name) in module_at(ROOT / "docs" / "make_benchmarks.py").PARTS.items():
        if part in parts:
            (folder / part).mkdir()
            (folder / part / name).write_text(json.dumps(parts[part]))


def compared(model: str) -> dict[str, Any]:
    shared = {"task": "train", "turn": 1, "device": "cpu", "examples": 1000, "model": model}
    rows = [{**shared, "peer": "jkeras", "epoch_s": 1.0}]
    rows += [{**shared, "peer": "keras-jax", "epoch_s": 4.0}]
    settings = {"rounds": 2, "epochs": 4, "cold": False}
    return {"machine": MACHINE, "settings": settings, "runs": rows, "failures": {}, "skipped": {}}


def test_the_page_shows_every_part(tmp_path: Path) -> None:
    make = module_at(ROOT / "docs" / "make_benchmarks.py")
    call = {"call": "predict", "network": "dense", "batch": 1, "jkeras": 1.0, "keras-jax": 2.0}
    kept(
        tmp_path,
        mlp=compared("mlp"),
        convolutions=compared("cnn"),
        sequences=compared("lstm"),
        calls={
            "machine": MACHINE,
            "settings": {"calls": 7, "optimizer": "adam"},
            "rows": [{**call, "ratio": 0.5, "target": 0.9}],
        },
        first_minute={
            "machine": MACHINE,
            "rounds": 3,
            "rows": {"streams": {"jkeras": {"generator": 3.0}, "keras-jax": {"generator": 4.0}}},
        },
    )
    make.main(["--only", "--results", str(tmp_path), "--output", str(tmp_path / "docs")])
    page = (tmp_path / "docs" / "benchmarks.md").read_text("utf-8")
    assert "| keras-jax | 0.25 | 0.25 | 0.25 |" in page
    assert "| predict | dense | 1 | 1 | 2 | 0.50 | 0.9 |" in page
    assert "| streams | generator | 3 | 4 | **0.75** | 0.35 |" in page
    assert "medians of 7 calls" in page and "--rounds 3" in page
    assert (tmp_path / "docs" / "benchmarks.png").read_bytes().startswith(b"\x89PNG")


def test_missing_results_are_named(tmp_path: Path) -> None:
    make = module_at(ROOT / "docs" / "make_benchmarks.py")
    kept(tmp_path, mlp=compared("mlp"))
    with pytest.raises(SystemExit) as error:
        make.main(["--only", "--results", str(tmp_path), "--output", str(tmp_path)])
    assert str(error.value) == (
        f"make_benchmarks: expected results of every part in {tmp_path}, got none of "
        "convolutions, sequences, calls, first_minute. Measure them: --only convolutions sequences "
        "calls first_minute"
    )


def test_every_figure_of_the_readme_stands_on_the_page() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    section = readme[readme.index("## Why not Keras?") : readme.index("## Installation")]
    figures = re.findall(r"([\d.,]+) (?:s|MB)\b", section)
    assert len(figures) >= 8
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", page)]
    for figure in figures:
        figure = figure.replace(",", "")
        digits = len(figure.partition(".")[2])
        assert any(f"{number:.{digits}f}" == figure for number in numbers), figure
