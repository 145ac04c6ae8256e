"""Every experiment runs by itself, on tiny data, without a network, on the public door only."""

import ast
import contextlib
import functools
import io
import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

import jax
import pytest

from tests.quick import FEWER

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"
FOLDERS = ("", "benchmarks", "faults", "guides", "models")
SCRIPTS = sorted(script for folder in FOLDERS for script in (EXPERIMENTS / folder).glob("*.py"))
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


def run_by_itself(script: Path, words: list[str], home: Path) -> str:
    """Runs a script in a process of its own, as a person would; returns what it printed."""
    command = [sys.executable, str(script), *words]
    done = subprocess.run(command, cwd=home, env=offline(home), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_here(script: Path, words: list[str], home: Path, patch: pytest.MonkeyPatch) -> str:
    """Runs a script in this process, which has imported the package already: seconds are saved."""
    patch.chdir(home)
    patch.syspath_prepend(str(script.parent))
    patch.setattr(sys, "argv", [str(script), *words])
    printed = io.StringIO()
    with (
        mock.patch.dict(os.environ, offline(home), clear=True),  # and what the script sets goes
        contextlib.redirect_stdout(printed),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        runpy.run_path(str(script), run_name="__main__")
    return printed.getvalue()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_experiment_runs_on_tiny_data(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, home = tmp_path / "output", tmp_path / "home"
    home.mkdir()
    words = ["--tiny", "--output", str(output)]
    if os.environ.get("JKERAS_TESTS") == "quick":
        words += FEWER.get(script.stem, [])
    # Ray forks, which a process that runs JAX's threads must not.
    by_name = script.stem in ("mnist_mlp", "ray_search")
    alone = by_name or script.parent.name in ("benchmarks", "faults")
    run = run_by_itself if alone else functools.partial(run_here, patch=monkeypatch)
    printed = run(script, words, home)
    assert printed.strip()
    if script.stem == "ray_search":  # trials in processes of their own, with checkpoints
        assert "best rate 0.1: " in printed and "['latest.safetensors']" in printed
    pictures = list(output.rglob("*.png"))
    assert all(picture.read_bytes().startswith(PNG) for picture in pictures)
    if script.stem == "mnist_mlp":  # learning curves, predictions, and the model itself
        assert len(pictures) >= 2
        assert [file for file in output.rglob("*") if file.is_file() and file not in pictures]
