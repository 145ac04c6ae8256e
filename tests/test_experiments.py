"""Every experiment runs by itself, on tiny data, without a network, on the public door only."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"
SCRIPTS = sorted([*EXPERIMENTS.glob("*.py"), *EXPERIMENTS.glob("benchmarks/*.py")])
NOWHERE = "http://127.0.0.1:9"  # nothing listens on the discard port: every download is refused
PNG = b"\x89PNG\r\n\x1a\n"


def offline(home: Path) -> dict[str, str]:
    """An environment with an empty home folder, no prepared data and a network that refuses."""
    dropped = ("JKERAS_DATA_DIR", "TFDS_DATA_DIR", "NO_PROXY", "no_proxy")
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
    here = {"HOME": str(home), "JKERAS_HOME": str(home / "cache"), "PYTHONPATH": str(ROOT)}
    return env | proxies | here


def modules_of_ours(script: Path) -> set[str]:
    """The modules of the package that a script names in its imports."""
    nodes = list(ast.walk(ast.parse(script.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    sources = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name for name in plain | sources if name.split(".")[0] == "jkeras"}


def test_the_experiments_are_there() -> None:
    names = {script.stem for script in SCRIPTS}
    assert {"iris", "mnist_cnn", "mnist_mlp", "tensors"} <= names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_experiment_uses_the_public_door(script: Path) -> None:
    assert [name for name in modules_of_ours(script) if name.count(".") > 1 or "._" in name] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_experiment_runs_on_tiny_data(script: Path, tmp_path: Path) -> None:
    output, home = tmp_path / "output", tmp_path / "home"
    home.mkdir()
    command = [sys.executable, str(script), "--tiny", "--output", str(output)]
    done = subprocess.run(command, cwd=home, env=offline(home), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
    pictures = list(output.rglob("*.png"))
    assert all(picture.read_bytes().startswith(PNG) for picture in pictures)
    if script.stem == "mnist_mlp":  # learning curves, predictions, and the model itself
        assert len(pictures) >= 2
        assert [file for file in output.rglob("*") if file.is_file() and file not in pictures]
