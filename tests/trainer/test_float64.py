"""Double precision: whole in JAX's x64 mode, refused without it."""

import functools
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jkeras
from jkeras import layers as L
from tests.trainer import float64_cases

CASES = [
    name
    for name, case in vars(float64_cases).items()
    if inspect.isfunction(case) and name[0] != "_"
]

FIX = (
    "expected a dtype that JAX is set to compute in, got 'float64' in 32-bit mode. Switch 64 bits "
    "on before the first array: jax.config.update('jax_enable_x64', True), or set the environment "
    "variable JAX_ENABLE_X64=1."
)


@functools.cache
def errors() -> dict[str, str]:
    """What each case raises in x64 mode, which a process cannot leave; "" for nothing."""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", float64_cases.__name__],
        capture_output=True, text=True, cwd=root, timeout=600,
        env={**os.environ, "JAX_ENABLE_X64": "1", "PYTHONPATH": root},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CASES)
def test_float64(name: str) -> None:
    assert errors()[name] == ""


def test_float64_needs_the_x64_mode() -> None:
    class Written(L.Layer):
        def build(self, shape: object) -> None:
            self.w = self.add_weight(shape=(2,), dtype="float64")

        def call(self, inputs: object) -> object:
            return inputs

    model = jkeras.Sequential([jkeras.Input((2,)), L.Dense(1)], name="net")
    cases = {
        "Dense: `dtype`": lambda: L.Dense(1, dtype="float64"),
        "InputLayer: `dtype`": lambda: jkeras.Input((2,), dtype="float64"),
        "set_dtype_policy: `policy`": lambda: jkeras.config.set_dtype_policy("float64"),
        "DTypePolicy: `name`": lambda: jkeras.DTypePolicy("float64"),
        "Sequential 'net': `dtype_policy`": lambda: setattr(model, "dtype_policy", "float64"),
        "Written 'written': add_weight: `dtype`": lambda: Written(name="written").build((None, 2)),
    }
    for start, call in cases.items():
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == f"{start}: {FIX}"


def test_functions_warn_of_float32_in_place_of_float64() -> None:
    calls = [
        lambda: jkeras.ops.cast(0.1, "float64"),
        lambda: jkeras.initializers.Ones()((2,), "float64"),
        lambda: jkeras.random.normal((2,), dtype="float64"),
    ]
    for call in calls:
        with pytest.warns(UserWarning, match="float64 is not available in JAX's 32-bit mode"):
            assert call().dtype == "float32"
