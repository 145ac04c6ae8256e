"""Laws that hold for every metric: one table of metrics, crossed with the laws."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses, metrics

rng = np.random.default_rng(0)
REAL, OTHER = (jnp.asarray(rng.normal(size=(3, 6, 4)), jnp.float32) for _ in range(2))
P, Q = jax.nn.softmax(REAL), jax.nn.softmax(OTHER)
LABELS = jnp.asarray(rng.integers(0, 4, (3, 6)))
ONE_HOT = jnp.asarray(np.eye(4, dtype=np.int32)[np.asarray(LABELS)])
BITS = (OTHER > 0).astype(jnp.int32)
WEIGHT = jnp.asarray(rng.integers(1, 4, (3, 6)), jnp.float32)


def bias(y_true, y_pred):
    return jnp.mean(y_pred - y_true, axis=-1)


def bias_of_batch(y_true, y_pred):
    return jnp.mean(y_pred - y_true)


# a metric, and targets and predictions of three batches of six examples
TABLE = [
    (metrics.Accuracy(), LABELS, LABELS[:, ::-1].astype(jnp.float32)),
    (metrics.BinaryAccuracy(threshold=0.2), BITS, P),
    (metrics.CategoricalAccuracy(), ONE_HOT, P),
    (metrics.SparseCategoricalAccuracy(), LABELS, P),
    (metrics.TopKCategoricalAccuracy(2), ONE_HOT, P),
    (metrics.SparseTopKCategoricalAccuracy(2), LABELS, P),
    (metrics.Precision(), BITS, P),
    (metrics.Precision([0.1, 0.5], top_k=2), BITS, P),
    (metrics.Recall(class_id=1), BITS, P),
    (metrics.TruePositives(), BITS, P),
    (metrics.TrueNegatives([0.1, 0.4]), BITS, P),
    (metrics.FalsePositives(0.3), BITS, P),
    (metrics.FalseNegatives(), BITS, P),
    (metrics.AUC(), BITS, P),
    (metrics.AUC(5, "PR", "minoring"), BITS, P),
    (metrics.AUC(curve="PRGAIN", multi_label=True, label_weights=[1, 2, 3, 4]), BITS, P),
    (metrics.SensitivityAtSpecificity(0.5), BITS, P),
    (metrics.SpecificityAtSensitivity(0.5), BITS, P),
    (metrics.PrecisionAtRecall(0.5, class_id=1), BITS, P),
    (metrics.RecallAtPrecision(0.5), BITS, P),
    (metrics.F1Score(), ONE_HOT, P),
    (metrics.FBetaScore("micro", 2.0, 0.3), BITS, P),
    (metrics.IoU(4, [0, 2], ignore_class=1), LABELS, LABELS[:, ::-1]),
    (metrics.BinaryIoU(threshold=0.3), BITS, P),
    (metrics.MeanIoU(4, sparse_y_pred=False), LABELS, P),
    (metrics.OneHotIoU(4, [1]), ONE_HOT, P),
    (metrics.OneHotMeanIoU(4), ONE_HOT, P),
    (metrics.R2Score(), OTHER, REAL),
    (metrics.PearsonCorrelation(), OTHER, REAL),
    (metrics.ConcordanceCorrelation(), OTHER, REAL),
    (metrics.MeanMetricWrapper(losses.huber, delta=0.5), OTHER, REAL),
    (metrics.LossMetric(losses.Dice()), BITS, P),
    (metrics.MeanSquaredError(), OTHER, REAL),
    (metrics.RootMeanSquaredError(), OTHER, REAL),
    (metrics.MeanAbsoluteError(), OTHER, REAL),
    (metrics.MeanAbsolutePercentageError(), OTHER, REAL),
    (metrics.MeanSquaredLogarithmicError(), Q, P),
    (metrics.LogCoshError(), OTHER, REAL),
    (metrics.CosineSimilarity(), OTHER, REAL),
    (metrics.Hinge(), 2 * BITS - 1, REAL),
    (metrics.SquaredHinge(), 2 * BITS - 1, REAL),
    (metrics.CategoricalHinge(), ONE_HOT, REAL),
    (metrics.KLDivergence(), Q, P),
    (metrics.Poisson(), Q, P),
    (metrics.BinaryCrossentropy(), BITS, P),
    (metrics.CategoricalCrossentropy(), ONE_HOT, P),
    (metrics.SparseCategoricalCrossentropy(ignore_class=1), LABELS, P),
    (metrics.LossMetric(losses.SparseCategoricalCrossentropy(ignore_class=1)), LABELS, P),
    (metrics.FunctionMetric(bias), OTHER, REAL),
    (metrics.FunctionMetric(bias_of_batch), OTHER, REAL),
]
every_metric = pytest.mark.parametrize(
    ("metric", "y_true", "y_pred"),
    TABLE,
    ids=[f"{i}_{row[0].log_name}" for i, row in enumerate(TABLE)],
)


def of_batch(metric, y_true, y_pred, weight=None):
    return metric.update(metric.init(), y_true, y_pred, weight)


# One program for all laws that look at a batch of these shapes, not one for each operation.
sums_of = jax.jit(of_batch, static_argnums=0)
updated = jax.jit(lambda metric, sums, *batch: metric.update(sums, *batch), static_argnums=0)


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6), a, b)


def test_every_metric_is_in_the_table():
    words = ("Metric", "MeanMetric", "ByShape", "Mean", "Sum")  # the last two: test_reduction.py
    classes = {
        getattr(metrics, name)
        for name in metrics.__all__
        if isinstance(getattr(metrics, name), type) and name not in words
    }
    assert {type(metric) for metric, _, _ in TABLE} == classes


@every_metric
def test_merge_is_associative_and_equals_updates_in_a_row(metric, y_true, y_pred):
    a, b, c = (sums_of(metric, *batch) for batch in zip(y_true, y_pred, WEIGHT, strict=True))
    one_by_one = metric.init()
    for batch in zip(y_true, y_pred, WEIGHT, strict=True):
        one_by_one = updated(metric, one_by_one, *batch)
    same(metric.merge(metric.merge(a, b), c), metric.merge(a, metric.merge(b, c)))
    same(metric.merge(metric.merge(a, b), c), one_by_one)
    same(metric.merge(metric.init(), a), a)


@every_metric
def test_configurations_come_back_through_json(metric, y_true, y_pred):
    own = {fn.__name__: fn for fn in (bias, bias_of_batch)}
    for given in (metric, metric.replace(dtype="float16", name="mine")):
        assert metrics.deserialize(json.loads(json.dumps(metrics.serialize(given))), own) == given


@every_metric
def test_scan_agrees_with_a_loop_and_keeps_the_structure(metric, y_true, y_pred):
    def step(sums, batch):
        return metric.update(sums, *batch), None

    start = metric.init_for(y_true[0], y_pred[0])
    scanned, _ = jax.lax.scan(step, start, (y_true, y_pred, WEIGHT))
    looped = metric.init()
    for batch in zip(y_true, y_pred, WEIGHT, strict=True):
        looped = updated(metric, looped, *batch)
    same(scanned, looped)
    assert {leaf.dtype for leaf in jax.tree.leaves(scanned)} == {np.dtype("float32")}


@every_metric
def test_jit_agrees_with_eager_and_the_metric_is_static(metric, y_true, y_pred):
    same(sums_of(metric, y_true[0], y_pred[0]), of_batch(metric, y_true[0], y_pred[0]))


@every_metric
def test_vmap_agrees_with_a_loop(metric, y_true, y_pred):
    batched = jax.jit(jax.vmap(functools.partial(of_batch, metric)))(y_true, y_pred, WEIGHT)
    loop = [sums_of(metric, *batch) for batch in zip(y_true, y_pred, WEIGHT, strict=True)]
    same(batched, jax.tree.map(lambda *leaves: jnp.stack(leaves), *loop))


def pad(x):
    filler = jnp.nan if jnp.issubdtype(x.dtype, jnp.floating) else -99
    return jnp.concatenate([x, jnp.full((2, *x.shape[1:]), filler, x.dtype)])


@every_metric
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_weight_zero_change_nothing(metric, y_true, y_pred, weighted):
    weight = WEIGHT[0] if weighted else jnp.ones(6)
    padded = jnp.concatenate([weight, jnp.zeros(2)])
    plain = sums_of(metric, y_true[0], y_pred[0], weight)
    same(sums_of(metric, pad(y_true[0]), pad(y_pred[0]), padded), plain)


@every_metric
def test_weights_of_one_are_no_weights_and_weights_of_two_are_examples_twice(
    metric, y_true, y_pred
):
    t, p = y_true[0], y_pred[0]
    same(sums_of(metric, t, p, jnp.ones(6)), sums_of(metric, t, p))
    twice = sums_of(metric, jnp.concatenate([t, t]), jnp.concatenate([p, p]))
    same(sums_of(metric, t, p, jnp.full(6, 2.0)), twice)


@every_metric
def test_bfloat16_predictions_give_float32_sums(metric, y_true, y_pred):
    sums = sums_of(metric, y_true[0], y_pred[0].astype(jnp.bfloat16))
    assert {leaf.dtype for leaf in jax.tree.leaves(sums)} == {np.dtype("float32")}
    assert bool(jnp.all(jnp.isfinite(metric.compute(sums))))


@every_metric
def test_no_example_is_zero_and_dtype_is_that_of_the_result(metric, y_true, y_pred):
    assert not np.any(metric.compute(metric.init()))
    narrow = metric.replace(dtype="bfloat16")
    assert narrow.compute(of_batch(narrow, y_true[0], y_pred[0])).dtype == jnp.bfloat16
