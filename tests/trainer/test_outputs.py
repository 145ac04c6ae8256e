"""Several inputs and outputs: losses, metrics, weights and logs are Keras's, under Keras's names.

`tests/golden/outputs_cases.py` holds the runs, `make_outputs.py` wrote what Keras does with them.
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Trainer
from jkeras.layers import Layer
from tests.golden.outputs_cases import CASES, NAMES, WEIGHTS, YA, YB, X, functional, outputs
from tests.golden.training_calls import final_lines
from tests.trainer.conftest import GOLDEN, assert_like, assert_printed_like

RECORDS = json.loads((GOLDEN / "outputs.json").read_text())


class Heads(Layer):
    """Heads over one input, which have no names."""

    form: str = "list"

    def init(self, key: Any, inputs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        pairs = zip(NAMES, WEIGHTS, strict=True)
        return {name: {"kernel": jnp.array(k), "bias": jnp.array(b)} for name, (k, b) in pairs}, {}

    def apply(
        self, params: Any, state: Any, inputs: Any, *, key: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        own = [params[name] for name in NAMES]
        return outputs(self.form, *(inputs @ p["kernel"] + p["bias"][None] for p in own)), state


def make(form: str, named: bool = True, **options: Any) -> Trainer:
    """A graph, whose outputs have names, or a layer, whose outputs have none."""
    if named:
        return functional(jkeras, form, **options)
    trainer = Trainer(Heads(form), seed=0, name="model")
    trainer.build((None, 4))
    return trainer


def recorded(name: str) -> dict[str, Any]:
    """What a case returns, and the lines it prints."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        record = CASES[name](jkeras, make)
    return record | {"printed": final_lines(screen.getvalue())}


def test_every_run_has_its_golden() -> None:
    assert [*CASES] == list(RECORDS)[1:]


@pytest.mark.parametrize("name", CASES)
def test_a_run_is_that_of_keras(name: str) -> None:
    record, expected = recorded(name), dict(RECORDS[name])
    assert_printed_like(record.pop("printed"), expected.pop("printed"), name)
    assert_like(record, expected, name, rel=1e-5)


def test_losses_of_one_name_are_numbered() -> None:
    model = make("tuple", named=False)
    model.compile("sgd", "mse", metrics=["mae", "mae"])
    assert model.metrics_names == ["loss", "mae", "mse_loss", "mse_loss_1", "mae_1"]
    assert [metric.log_name for metric in model.metrics] == [
        *["loss", "mae", "mae", "mse_loss", "mse_loss_1"]
    ]


def test_metrics_stand_in_the_order_of_keras() -> None:
    model = make("list")
    model.compile("sgd", "mse", metrics={"ob": ["mae", "mse"]}, weighted_metrics=["mae", None])
    assert [metric.log_name for metric in model.metrics] == [
        *["loss", "mae", "mse", "mae", "oa_loss", "ob_loss"]
    ]
    assert model.metrics_names == ["loss", "oa_loss", "ob_loss", "oa_mae", "ob_mae", "ob_mse"]


def test_every_engine_and_padding_give_the_same() -> None:
    found = []
    for engine in ("resident", "streaming"):
        model = make("dict")
        model.compile("sgd", {"zed": "mse", "b": "mae"}, engine=engine)
        run = model.fit(X, {"zed": YA, "b": YB}, batch_size=8, verbose=0, shuffle=False)
        found.append(run.history)
    assert found[0] == found[1] and list(found[0]) == ["b_loss", "loss", "zed_loss"]


def test_targets_of_outputs_without_a_loss_may_be_left_out() -> None:
    found = []
    for y in ([YA], {"oa": YA}, [YA, None], [YA, YB]):
        model = make("list")
        model.compile("sgd", ["mse", None])
        found.append(model.train_on_batch(X, y))
    assert found == [found[0]] * 4


def test_predict_returns_arrays_that_may_be_written() -> None:
    for part in make("list").predict(X[:5], verbose=0):
        assert part.flags.writeable and isinstance(part, np.ndarray)
