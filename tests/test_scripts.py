"""Scripts written for Keras give Keras's numbers when their import lines are changed.

The scripts are `tests/scripts/*.py`; `python -m tests.golden.make_scripts` runs them under Keras
and writes what they give to `tests/golden/scripts.npz`. Weights start equal; after some fifty steps
numbers agree to a part in a thousand, since each step passes on the roundings of those before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from tests.scripts.run import SCRIPTS, changed, results

GOLDEN = np.load(Path(__file__).parent / "golden" / "scripts.npz")
RTOL, ATOL = 1e-3, 1e-5


def expected(script: str) -> dict[str, np.ndarray[Any, Any]]:
    """What a script gave under Keras."""
    names = [name for name in GOLDEN.files if name.startswith(f"{script}/")]
    return {name.partition("/")[2]: GOLDEN[name] for name in names}


@pytest.mark.filterwarnings("ignore:.*all weights are frozen")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_gives_what_it_gives_under_keras(script: str) -> None:
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        got, wanted = results(script, change=True), expected(script)
    assert sorted(got) == sorted(wanted)
    for name, value in wanted.items():
        assert got[name].shape == value.shape, name
        if value.dtype.kind == "f":
            np.testing.assert_allclose(got[name], value, rtol=RTOL, atol=ATOL, err_msg=name)
        else:
            assert got[name].tolist() == value.tolist(), name


def test_every_golden_belongs_to_a_script() -> None:
    assert {name.partition("/")[0] for name in GOLDEN.files} - {"keras"} == set(SCRIPTS)


def test_only_lines_that_import_are_changed() -> None:
    source = "import keras\nfrom keras import layers\nfrom keras.utils import x\nkeras = 'keras'\n"
    assert changed(source) == (
        "import jkeras as keras\nfrom jkeras import layers\nfrom jkeras.utils import x\n"
        "keras = 'keras'\n"
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_knows_nothing_of_jkeras(script: str) -> None:
    source = SCRIPTS[script].read_text(encoding="utf-8")
    assert "import keras\n" in source and "jkeras" not in source
