"""What needs several devices runs in a process of its own that has eight of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted(path.name for path in HERE.glob("check_*.py"))
GUIDE = ROOT / "experiments" / "guides" / "distributed.py"
DEVICES = os.environ | {"JAX_NUM_CPU_DEVICES": "8", "PYTEST_ADDOPTS": ""}


def run(*words: str, **environment: str) -> str:
    """What a program of Python says that succeeds."""
    done = subprocess.run(
        [sys.executable, *words],
        env=DEVICES | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", FILES)
def test_on_eight_devices(name: str) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-o", "python_files=check_*.py"]
    run("-m", "pytest", *options, str(HERE / name))


def test_a_program_of_keras_runs_with_the_import_changed(tmp_path: Path) -> None:
    """Meshes, layouts by rules over weights and outputs, both strategies."""
    text = GUIDE.read_text(encoding="utf-8")
    assert text.count("import jkeras as keras") == 1
    theirs = tmp_path / "theirs.py"
    theirs.write_text(text.replace("import jkeras as keras", "import keras"), encoding="utf-8")
    environment = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    printed = [run(str(script), "--tiny", **environment) for script in (GUIDE, theirs)]
    for text in printed:
        assert text.count("accuracy ") == 2
        assert "the kernel of d1: P(None, 'model')" in text
        assert "cut by rows: P('data'" in text
    assert "FullyShardedDataParallel over 8 devices" in printed[0]
