"""What `explain` says, and that it counts right."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jkeras import Sequential, layers
from jkeras.trainer.compiling import costs
from jkeras.training import slices

ROWS = 40


def fitted(**options: Any) -> Sequential:
    model = Sequential([layers.Dense(5, use_bias=False), layers.Dense(1, use_bias=False)], seed=0)
    model.compile("sgd", "mse", **options)
    x = np.ones((ROWS, 3), np.float32)
    model.fit(x, x[:, :1], batch_size=8, epochs=3, verbose=0)
    return model


def explained(model: Sequential) -> list[str]:
    told: list[str] = []
    model.explain(told.append)
    (text,) = told
    return text.split("\n")


def test_before_anything_is_done() -> None:
    first, device, data = explained(Sequential([layers.Dense(1)]))
    assert first == "Sequential 'sequential': not built yet"
    assert re.fullmatch(r"device: .+, [\d,]+ GFLOP/s in a product of matrices", device)
    assert data == "data: none yet; call fit or evaluate"


def test_after_fit() -> None:
    first, _, data, train, work = explained(fitted())
    assert first == "Sequential 'sequential': 20 parameters, 80.00 B; 8.00 B carried beside them"
    assert data == (
        "data: resident (640.00 B of data fit beside the model); 1.00 KB on the device: "
        "x float32[40, 3], y float32[40, 1]"
    )
    assert re.fullmatch(
        r"train, batches of 8: traced once, \d+\.\d\d s to trace and compile", train
    )
    assert re.fullmatch(
        r"  [\d.e-]+ MFLOP a step; [\d.]+ ms a step; [\d,]+ steps a dispatch; "
        r"[\d.e-]+ GFLOP/s, \d+% of the device",
        work,
    )


def test_data_that_stay_on_the_host() -> None:
    assert explained(fitted(engine="streaming"))[2] == (
        "data: streaming (asked for); 640.00 B on the host: x float32[40, 3], y float32[40, 1]"
    )


def test_a_stream_says_no_more_than_that() -> None:
    model = fitted()
    model.evaluate(iter([(np.ones((4, 3), np.float32), np.ones((4, 1)))]), verbose=0)
    assert explained(model)[2] == "data: streaming (an iterable of batches)"


def test_explaining_is_not_counted_as_a_trace() -> None:
    model = fitted()
    for _ in range(2):
        assert explained(model)[3].startswith("train, batches of 8: traced once, ")


def test_slices_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "CACHE_BYTES", 8 * 4 * (6 + 6 + 1))
    monkeypatch.setattr(slices, "FEWEST", 8)
    model = Sequential([layers.Conv1D(2, 3), layers.Flatten(), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((ROWS, 5, 1), np.float32)
    model.fit(x, x[:, 0], batch_size=16, verbose=0)
    assert explained(model)[5] == "  each batch in slices of 8, which fit in the cache"


@pytest.mark.parametrize("length", [1, 6])
def test_loops_of_known_length_count_in_full(length: int) -> None:
    x = jnp.ones((20, 20))

    def products(x: jax.Array) -> jax.Array:
        return lax.scan(lambda c, _: (c @ x, None), x, None, length=length)[0]

    nested = jax.jit(lambda x: lax.scan(lambda c, _: (products(c), None), x, None, length=3)[0])
    assert costs.flops(products, x) == pytest.approx(length * 16_000, abs=50)
    assert costs.flops(nested, x) == pytest.approx(3 * length * 16_000, abs=150)


def test_the_peak_is_measured_once() -> None:
    assert costs.peak_flops() == costs.peak_flops() > 1e8
