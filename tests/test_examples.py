"""Examples in the manner of Keras's own give its numbers, and its files are read and trained on.

`python -m tests.examples.beside_keras` runs all of `tests/examples/` under both libraries, writes
`docs/examples_beside_keras.md`, and keeps what Keras gave in `tests/golden/examples/`. Here all
but the slow ones run under jkeras alone.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

from jkeras import config
from tests.examples.run import EXAMPLES, GOLDENS, MISREAD, SLOW, Arrays, Example, thinned

RTOL, ATOL = 1e-3, 1e-5
KEPT = sorted(path.stem for path in GOLDENS.glob("*.npz"))
"""The examples that take no more than some seconds of processor time here."""


def near(got: Arrays, wanted: dict[str, np.ndarray]) -> None:
    """Raises unless all numbers are those of Keras."""
    assert sorted(got) == sorted(wanted)
    for name, value in wanted.items():
        own = thinned(got[name])
        if value.dtype.kind == "f":
            np.testing.assert_allclose(own, value, rtol=RTOL, atol=ATOL, err_msg=name)
        else:
            assert own.tolist() == value.tolist(), name


@pytest.mark.parametrize("name", KEPT)
def test_an_example_gives_what_it_gives_under_keras(name: str, tmp_path: Path) -> None:
    with np.load(GOLDENS / f"{name}.npz") as golden:
        parts: dict[str, dict[str, np.ndarray]] = {"result": {}, "read": {}, "files": {}}
        for key in golden.files:
            part, _, rest = key.partition("/")
            parts[part][rest] = golden[key]
    for file, content in parts["files"].items():
        (tmp_path / file).write_bytes(content.tobytes())
    x64 = jax.config.jax_enable_x64
    try:
        with warnings.catch_warnings(), jax.numpy_dtype_promotion("standard"):
            warnings.simplefilter("ignore")
            with jax.numpy_rank_promotion("allow"):
                example = Example(name, change=True)
                near(example.result(), parts["result"])
                near(example.read(tmp_path), parts["read"])
    finally:
        jax.config.update("jax_enable_x64", x64)
        config.set_floatx("float32")


def test_an_example_knows_nothing_of_jkeras() -> None:
    for path in EXAMPLES.values():
        source = path.read_text(encoding="utf-8")
        assert "import keras\n" in source and "jkeras" not in source, path


def test_every_golden_belongs_to_an_example() -> None:
    assert set(KEPT) == set(EXAMPLES) - SLOW - MISREAD and len(KEPT) >= 25
