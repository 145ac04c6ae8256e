"""The page on deployment says what the formats say of themselves, and its lines run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import jkeras
from tests.export.networks import NETWORKS
from tests.modules import module_at

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "deploy.md").read_text(encoding="utf-8")
ENDINGS = {"StableHLO": "stablehlo", "ONNX": "onnx", "LiteRT": "tflite"}


def script() -> ModuleType:
    return module_at(DOCS / "make_deploy.py")


def test_the_text_is_up_to_date() -> None:
    made = script()
    assert made.page(made.known_table()) == PAGE, "Run: python docs/make_deploy.py --text"


def rows() -> dict[str, list[str]]:
    found = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in found}


def test_every_network_goes_into_every_format() -> None:
    assert list(rows()) == list(NETWORKS), "Run: python docs/make_deploy.py"
    assert {cell for cells in rows().values() for cell in cells} == {"yes", "sizes"}


def test_a_network_that_needs_sizes_has_a_note() -> None:
    for name, cells in rows().items():
        for form, cell in zip(ENDINGS, cells, strict=True):
            assert (f"- `{name}`, {form}: " in PAGE) == (cell != "yes")


def lines_of(form: str) -> str:
    """The first lines of code in the section of a format."""
    section = PAGE[PAGE.index(f"\n## {form}\n") :]
    return section.partition("```python\n")[2].partition("```")[0]


@pytest.mark.parametrize("form", ENDINGS)
def test_a_process_without_jkeras_runs_each_format(form: str, tmp_path: Path) -> None:
    model: Any = NETWORKS["batch_normalization"]()
    model.export(tmp_path / f"model.{ENDINGS[form]}", verbose=False, verify=False)
    x = np.random.default_rng(0).normal(size=(3, 8, 10, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys; sys.modules['jkeras'] = None\nimport numpy as np\nx = np.load('x.npy')\n"
        f"{lines_of(form)}\n"
        "y = outputs['output'] if isinstance(outputs, dict) else outputs[0]\nnp.save('y.npy', y)\n"
    )
    environment = {**os.environ, "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ENDINGS)
def test_one_face_for_every_format(form: str, tmp_path: Path) -> None:
    model: Any = NETWORKS["dicts_in_and_out"]()
    path = tmp_path / f"model.{ENDINGS[form]}"
    model.export(path, verbose=False, verify=False)
    exported = jkeras.load_exported(path)
    random = np.random.default_rng(0)
    x = {"image": random.normal(size=(5, 8, 8, 1)), "table": random.normal(size=(5, 5))}
    x = {name: array.astype("float32") for name, array in x.items()}
    expected = model.predict(x, verbose=0)
    assert [spec.name for spec in exported.inputs] == ["image", "table"]
    for outputs in (exported(x), exported(**x), exported.predict(x, batch_size=2)):
        for name, array in expected.items():
            np.testing.assert_allclose(outputs[name], array, rtol=1e-4, atol=1e-5)
