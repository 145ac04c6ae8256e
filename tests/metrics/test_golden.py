"""Metrics beside Keras: the result after each of several updates, with and without weights; names.

Regenerate with `KERAS_BACKEND=jax python tests/golden/make_metrics.py`.
"""

import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses, metrics
from jkeras.losses.registry import FUNCTIONS
from tests.tolerances import near

STORED = np.load(Path(__file__).parents[1] / "golden" / "metrics.npz")
META = json.loads(str(STORED["meta"]))
CASES = META["cases"]
BASES = ("ByShape", "FunctionMetric", "LossMetric", "MeanMetric", "MeanMetricWrapper", "Metric")
OF_VALUES = ("Mean", "Sum")

cases = pytest.mark.parametrize(("case", "name", "arguments"), CASES, ids=[c[0] for c in CASES])


@functools.partial(jax.jit, static_argnums=0)  # one program in place of one for each operation
def results(metric, *arrays):
    sums, found = metric.init(), []
    for batch in zip(*arrays, strict=True):
        sums = metric.update(sums, *batch)
        found.append(metric.compute(sums))
    return jnp.stack(found)


def batches(case, name):
    keys = ("y_pred",) if name in OF_VALUES else ("y_true", "y_pred")
    return [STORED[f"{case}/{key}"] for key in keys]


def expected(case, arguments, key):
    """Keras's results; where they adjust R², with n examples in place of all their outputs."""
    found, regressors = STORED[f"{case}/{key}"], arguments.get("num_regressors", 0)
    if not regressors:
        return found
    batches, rows, outputs = STORED[f"{case}/y_true"].shape
    n = rows * np.arange(1, batches + 1)
    plain = 1 - (1 - found) * (n * outputs - regressors - 1) / (n * outputs - 1)
    return 1 - (1 - plain) * (n - 1) / (n - regressors - 1)


@cases
def test_results_are_those_of_keras(case, name, arguments):
    # Without weights Keras counts ignored elements as zeros; we leave them out, as its loss does.
    if name == "SparseCategoricalCrossentropy" and "ignore_class" in arguments:
        return check_ignored_elements_never_count(case, name, arguments)
    got = results(getattr(metrics, name)(**arguments), *batches(case, name))
    np.testing.assert_allclose(got, expected(case, arguments, "plain"), **near("results", 0.0))


def check_ignored_elements_never_count(case, name, arguments):
    y_true, y_pred = STORED[f"{case}/y_true"], STORED[f"{case}/y_pred"]
    got = results(getattr(metrics, name)(**arguments), y_true, y_pred)[0]
    np.testing.assert_allclose(got, getattr(losses, name)(**arguments)(y_true[0], y_pred[0]), 1e-6)


@cases
def test_weighted_results_are_those_of_keras(case, name, arguments):
    weight = STORED[f"{case}/weight"]
    got = results(getattr(metrics, name)(**arguments), *batches(case, name), weight)
    np.testing.assert_allclose(got, expected(case, arguments, "weighted"), **near("results", 0.0))


def test_every_metric_has_a_case():
    classes = {
        name
        for name in metrics.__all__
        if isinstance(getattr(metrics, name), type) and name not in BASES
    }
    assert {name for _, name, _ in CASES} == classes


@pytest.mark.parametrize(("plain", "weighted", "expected"), META["names"])
def test_names_in_logs_are_those_of_keras(plain, weighted, expected):
    y = jax.ShapeDtypeStruct((8, 3), "float32")
    found = [[metrics.resolve(word, y, y) for word in words] for words in (plain, weighted)]
    assert metrics.log_names(*found) == expected


@pytest.mark.parametrize(("targets", "outputs", "expected"), META["resolved"])
def test_words_resolve_by_shapes_as_in_keras(targets, outputs, expected):
    specs = (jax.ShapeDtypeStruct(tuple(s), "float32") for s in (targets, outputs))
    y_true, y_pred = specs
    metric, loss = metrics.resolve("acc", y_true, y_pred), losses.resolve("ce", y_true, y_pred)
    function = {made: fn.__name__ for fn, made in FUNCTIONS.items()}[type(loss)]
    assert [type(metric).__name__, metric.log_name, function, loss.log_name] == expected
