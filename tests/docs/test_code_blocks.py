"""Every block of Python on every page runs, in order, on few data and without a network."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pytest

import jkeras
from tests.docs.pages import ROOT, Block, blocks, name_of, pages
from tests.docs.preludes import PRELUDES

NOT_RUN = {
    "docs/beside_others.md": "fastai is not installed",
    "docs/deploy.md": "the page for browsers needs a package of npm: tests/export/test_web.py",
}
"""Pages with blocks that say `not-run`, and why."""

SEVERAL_DEVICES = "docs/recipes/distributed.md"
PAGES = {name_of(page): page for page in pages() if blocks(page) and page.name != "README.md"}
"""The README has doctests only, which pytest runs by itself."""


def few_digits() -> Any:
    """A few of the digits that ship with the package."""
    (x, y), (x_test, y_test) = SAMPLE()
    return (x[:640], y[:640]), (x_test[:100], y_test[:100])


SAMPLE: Callable[[], Any] = jkeras.datasets.mnist.load_sample


def run(block: Block, page: str, namespace: dict[str, Any]) -> None:
    """Runs a block in the names of the blocks before; a doctest is compared with what it says."""
    if ">>> " not in block.code:
        code = "\n" * block.line + block.code
        exec(compile(code, page, "exec"), namespace)  # the code of a page of ours
        return
    examples = doctest.DocTestParser().get_doctest(block.code, namespace, page, page, block.line)
    told: list[str] = []
    doctest.DocTestRunner().run(examples, out=told.append, clear_globs=False)
    namespace.update(examples.globs)
    assert not told, "".join(told)


# NumPy warns of the variables of Keras 3.15.1.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("page", sorted(set(PAGES) - {SEVERAL_DEVICES}))
def test_the_blocks_of_a_page_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jkeras.datasets.mnist, "load_sample", few_digits)
    module = types.ModuleType("a_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    namespace = vars(module)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        exec(PRELUDES.get(page, ""), namespace)
        for block in blocks(PAGES[page]):
            if block.words != "not-run":
                run(block, page, namespace)


def test_the_page_on_several_devices_runs_on_four(tmp_path: Path) -> None:
    file = tmp_path / "page.py"
    code = "\n".join(block.code for block in blocks(PAGES[SEVERAL_DEVICES]))
    file.write_text(code + "\nassert jax.device_count() == 4\n", encoding="utf-8")
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
    env = {**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", file]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "on 4 devices" in done.stdout


def test_a_block_that_does_not_run_has_a_reason() -> None:
    words = {page: {block.words for block in blocks(file)} for page, file in PAGES.items()}
    assert {page for page, found in words.items() if "not-run" in found} == set(NOT_RUN)
    assert {word for found in words.values() for word in found} == {"", "not-run"}
