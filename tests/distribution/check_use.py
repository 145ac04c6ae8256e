"""Fit, evaluate and predict over eight devices: streams, odd lengths, files, wrong uses."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import distribution as spread
from jkeras import layers
from jkeras.trainer.loop.parts import parts_of
from jkeras.trainer.preflight import placement
from jkeras.training import make_init, make_train_step

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(autouse=True)
def one_device_again() -> Any:
    yield
    spread.set_distribution(None)


def network(units: int = 16) -> jkeras.Sequential:
    return jkeras.Sequential(
        [jkeras.Input((8,)), layers.Dense(units, activation="relu"), layers.Dense(1)], seed=3
    )


def compiled(distribution: Any = None, **kwargs: Any) -> jkeras.Sequential:
    model = network(**kwargs)
    model.compile(jkeras.optimizers.Adam(0.01), "mse", distribution=distribution)
    return model


def data(count: int = 100) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(count, 8)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def batches(size: int = 24) -> list[tuple[np.ndarray, np.ndarray]]:
    x, y = data()
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


@pytest.mark.parametrize("count", [1, 5, 31, 33, 100])
def test_odd_lengths_are_filled_up(count: int) -> None:
    x, y = data(count)
    one, eight = compiled(), compiled("data")
    for model in (one, eight):
        model.fit(x, y, epochs=3, verbose=0)
    np.testing.assert_allclose(
        eight.predict(x, verbose=0), one.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        eight.evaluate(x, y, verbose=0), one.evaluate(x, y, verbose=0), rtol=1e-5
    )


@pytest.mark.parametrize("word", ["data", "fsdp", "auto"])
def test_batches_of_an_iterable(word: str) -> None:
    one, eight = compiled(), compiled(word)
    expected = one.fit(batches(), epochs=3, verbose=0).history["loss"]
    found = eight.fit(batches(), epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_streamed_arrays() -> None:
    x, y = data()
    one, eight = compiled(), network()
    eight.compile(jkeras.optimizers.Adam(0.01), "mse", distribution="data", engine="streaming")
    expected = one.fit(x, y, epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(
        eight.fit(x, y, epochs=3, verbose=0).history["loss"], expected, rtol=1e-5
    )


def test_one_batch_at_a_time() -> None:
    x, y = data(32)
    one, eight = compiled(), compiled("fsdp")
    for _ in range(3):
        expected, found = one.train_on_batch(x, y), eight.train_on_batch(x, y)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(eight.test_on_batch(x, y), one.test_on_batch(x, y), rtol=1e-5)
    np.testing.assert_allclose(
        eight.predict_on_batch(x), one.predict_on_batch(x), rtol=1e-5, atol=1e-6
    )


def test_the_setting_of_the_process_counts_and_ends() -> None:
    x, y = data()
    model = compiled()
    with spread.DataParallel().scope():
        model.fit(x, y, verbose=0)
        assert len(model.weights[0].value.sharding.device_set) == 8
    assert spread.distribution() is None
    again = compiled()
    again.fit(x, y, verbose=0)
    assert len(again.weights[0].value.sharding.device_set) == 1


def test_sharded_weights_and_slots_take_an_eighth_of_each_device() -> None:
    model = network(units=1024)
    model.compile("adam", "mse", distribution="fsdp")
    model.fit(*data(), verbose=0)
    kernel = model.weights[0].value
    assert kernel.addressable_shards[0].data.size == kernel.size // 8
    slots = [v.value for v in model.optimizer.variables if v.shape == kernel.shape]
    assert slots and all(s.addressable_shards[0].data.size == s.size // 8 for s in slots)


def test_nothing_compiles_anew_in_later_epochs() -> None:
    x, y = data(1000)
    model = compiled("fsdp", units=1024)
    model.fit(x, y, epochs=2, verbose=0, validation_split=0.1)
    found: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: Any) -> None:
        del duration_secs, kwargs
        found.extend([event] if event == COMPILED else [])

    jax.monitoring.register_event_duration_secs_listener(listen)
    model.fit(x, y, epochs=3, verbose=0, validation_split=0.1)
    assert found == []


def test_a_run_goes_on_with_fewer_devices(tmp_path: Path) -> None:
    x, y = data()
    whole = compiled()
    expected = whole.fit(x, y, epochs=4, verbose=0).history["loss"]
    first = compiled("fsdp")
    backup = jkeras.callbacks.BackupAndRestore(tmp_path / "run", delete_checkpoint=False)
    first.fit(x, y, epochs=2, verbose=0, callbacks=[backup])
    four = spread.DataParallel(devices=spread.list_devices()[:4])
    second = compiled(four)
    rest = second.fit(x, y, epochs=4, verbose=0, callbacks=[backup]).history["loss"]
    np.testing.assert_allclose(rest, expected[-len(rest) :], rtol=1e-5)
    assert len(second.weights[0].value.sharding.device_set) == 4


def test_files_of_spread_weights(tmp_path: Path) -> None:
    x, y = data()
    model = compiled("fsdp", units=1024)
    model.fit(x, y, verbose=0)
    for name in ("model.keras", "model.weights.h5"):
        (model.save if name == "model.keras" else model.save_weights)(tmp_path / name)
    back = jkeras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        back.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5
    )


def test_pure_functions_take_distributions() -> None:
    net = jkeras.models.Chain([layers.Dense(16), layers.Dense(1)])
    x, y = data(32)
    options: dict[str, Any] = {"loss": "mse", "optimizer": "adam"}
    init, step = make_init(net, **options), make_train_step(net, **options)
    one = init(jax.random.key(0), x)
    fsdp = spread.FullyShardedDataParallel(min_size=8)
    eight = spread.laid_out(one, fsdp)
    over = jax.jit(spread.train_step_over(fsdp, step))
    for _ in range(5):
        one, expected = step(one, (x, y))
        eight, found = over(eight, (x, y))
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)
    kernels = [v for v in jax.tree.leaves(eight.params) if v.ndim == 2]
    assert all(not kernel.sharding.is_fully_replicated for kernel in kernels)


def test_a_step_of_ones_own() -> None:
    x, y = data(96)

    def init(key: jax.Array, x: Any) -> Any:
        return jkeras.training.make_train_state(key, {"w": jnp.zeros((x.shape[-1], 1))})

    def train_step(train_state: Any, batch: Any) -> Any:
        def loss(params: Any) -> Any:
            return jnp.mean((batch.x @ params["w"] - batch.y) ** 2)

        value, grads = jax.value_and_grad(loss)(train_state.params)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, train_state.params, grads)
        return train_state.replace(params=params), {"loss": value}

    def losses() -> list[float]:
        trainer = jkeras.Trainer(train_step=train_step, init=init, seed=0)
        history: list[float] = trainer.fit(x, y, epochs=3, verbose=0).history["loss"]
        return history

    expected = losses()
    with spread.DataParallel().scope():
        np.testing.assert_allclose(losses(), expected, rtol=1e-5)


def mesh() -> spread.DeviceMesh:
    return spread.DeviceMesh((2, 4), ["batch", "model"])


def with_layout(pattern: str, axes: Any) -> spread.ModelParallel:
    layouts = spread.LayoutMap(mesh())
    layouts[pattern] = axes
    return spread.ModelParallel(layout_map=layouts)


def test_a_refused_layout_leaves_the_model_as_it_was() -> None:
    x, y = data()
    model = compiled()
    model.fit(x, y, verbose=0)
    before = model.predict(x, verbose=0)
    with spread.DataParallel().scope(), pytest.raises(ValueError, match="batch_size"):
        model.fit(x, y, batch_size=30, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_gradients_are_summed_once() -> None:
    """All gradients and no more: the sums of the loss and of metrics are a few numbers."""
    model = compiled("data", units=256)
    model.fit(*data(96), verbose=0)
    (plan,) = parts_of(model).plans.all()
    (program,) = plan.programs.made.values()
    found = program.collectives()
    weights = sum(weight.value.nbytes for weight in model.weights)
    assert weights <= found["all-reduce"].size_bytes <= weights + 256
    assert set(found) == {"all-reduce"}


@pytest.mark.parametrize("word", ["data", "fsdp"])
def test_one_batch_of_any_length(word: str) -> None:
    one, eight = compiled(), compiled(word)
    for count in (13, 8, 1):
        x, y = data(count)
        np.testing.assert_allclose(eight.train_on_batch(x, y), one.train_on_batch(x, y), rtol=1e-5)
        np.testing.assert_allclose(eight.test_on_batch(x, y), one.test_on_batch(x, y), rtol=1e-5)
        np.testing.assert_allclose(
            eight.predict_on_batch(x), one.predict_on_batch(x), rtol=1e-5, atol=1e-6
        )
        expected = one.fit(x, y, batch_size=count, verbose=0).history["loss"]
        found = eight.fit(x, y, batch_size=count, verbose=0).history["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_copies_of_a_model_over_devices(copied: Callable[[Any], Any]) -> None:
    x, y = data()
    model = compiled(spread.FullyShardedDataParallel(min_size=8))
    model.fit(x, y, verbose=0)
    again = copied(model)
    expected = model.fit(x, y, verbose=0).history["loss"]
    np.testing.assert_allclose(again.fit(x, y, verbose=0).history["loss"], expected, rtol=1e-5)
    assert not again.weights[0].value.sharding.is_fully_replicated
    layouts = with_layout("dense/kernel", (None, "model"))
    assert copied(layouts) == layouts


def test_a_mesh_of_devices_that_are_gone_says_so_when_it_is_used() -> None:
    text = pickle.dumps(spread.DeviceMesh((8,), ["batch"])).replace(b"cpu:7", b"cpu:9")
    mesh = pickle.loads(text)
    with pytest.raises(ValueError, match=r"expected devices of cpu:0, .*got 'cpu:9'"):
        mesh.backend_mesh  # noqa: B018


def test_a_model_comes_back_to_one_device() -> None:
    x, y = data()
    one, model = compiled(), compiled("fsdp", units=16)
    for each in (one, model):
        each.fit(x, y, verbose=0)
        each.compile(jkeras.optimizers.Adam(0.01), "mse")
    expected = one.fit(x, y, verbose=0).history["loss"]
    found = model.fit(x, y, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(model.weights[0].value.sharding.device_set) == 1
    with spread.DataParallel().scope():
        model.predict(x, verbose=0)
        assert len(model.weights[0].value.sharding.device_set) == 8
    model.predict(x, verbose=0)
    assert len(model.weights[0].value.sharding.device_set) == 1


class Cut(spread.Distribution):
    """Written for Keras."""

    def get_variable_layout(self, variable: Any) -> Any:
        cut = self.batch_dim_name if variable.path.endswith("dense/kernel") else None
        return spread.TensorLayout([None] * (len(variable.shape) - 1) + [cut], self.device_mesh)


def test_a_distribution_written_for_keras() -> None:
    x, y = data()
    cut = Cut(spread.DeviceMesh((8,), ["batch"]))
    assert cut.num_processes == 1 and cut.auto_shard_dataset
    one, eight = compiled(), compiled(cut)
    expected = one.fit(x, y, verbose=0).history["loss"]
    np.testing.assert_allclose(eight.fit(x, y, verbose=0).history["loss"], expected, rtol=1e-5)
    assert not eight.weights[0].value.sharding.is_fully_replicated


@pytest.mark.parametrize("word", ["data", "fsdp"])
def test_masks_weights_of_classes_and_metrics(word: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(1, 20, (70, 6)) * (np.arange(6) < rng.integers(1, 7, (70, 1)))
    y = (x.sum(axis=1) > 30).astype("float32")

    def numbers(distribution: Any) -> list[Any]:
        parts = [jkeras.Input((6,), dtype="int32"), layers.Embedding(20, 16, mask_zero=True)]
        parts += [layers.LSTM(8), layers.Dense(1, activation="sigmoid")]
        model = jkeras.Sequential(parts, seed=3)
        model.compile(
            "adam",
            "binary_crossentropy",
            metrics=["accuracy", jkeras.metrics.AUC(name="auc")],
            weighted_metrics=["mse"],
            distribution=distribution,
        )
        weights = {0: 1.0, 1: 3.0}
        history = model.fit(x, y, epochs=3, class_weight=weights, verbose=0).history
        evaluated = model.evaluate(x, y, sample_weight=y + 0.5, verbose=0)
        return [*history.values(), evaluated, model.predict(x, verbose=0)]

    chosen = spread.FullyShardedDataParallel(min_size=8) if word == "fsdp" else word
    for one, eight in zip(numbers(None), numbers(chosen), strict=True):
        np.testing.assert_allclose(eight, one, rtol=1e-5, atol=1e-6)


def test_a_trainer_made_for_devices() -> None:
    x, y = data()

    def chain() -> jkeras.models.Chain:
        return jkeras.models.Chain([layers.Dense(16), layers.Dense(1)])

    one = jkeras.Trainer(chain(), seed=0)
    eight = jkeras.Trainer(chain(), seed=0, distribution="data")
    histories = []
    for trainer in (one, eight):
        trainer.compile("adam", "mse")
        histories.append(trainer.fit(x, y, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-5)
    devices = eight.weights[0].value.sharding.device_set
    assert len(devices) == 8
    eight.compile("adam", "mse", distribution=spread.DataParallel(devices=["cpu:0", "cpu:1"]))
    eight.fit(x, y, verbose=0)
    assert len(eight.weights[0].value.sharding.device_set) == 2


def test_the_devices_change_between_fits() -> None:
    x, y = data()
    one, model = compiled(), compiled()
    by_rules = with_layout("dense/kernel", (None, "model"))
    fsdp = spread.FullyShardedDataParallel(min_size=8)
    for distribution in (spread.DataParallel(), fsdp, by_rules, None):
        expected = one.fit(x, y, verbose=0).history["loss"]
        spread.set_distribution(distribution)
        found = model.fit(x, y, verbose=0).history["loss"]
        spread.set_distribution(None)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("word", ["data", "fsdp"])
def test_run_eagerly(word: str) -> None:
    x, y = data(24)
    losses = []
    for distribution in (None, word):
        model = network()
        model.compile("sgd", "mse", run_eagerly=True, distribution=distribution)
        losses.append(model.fit(x, y, batch_size=16, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_layouts_of_outputs() -> None:
    seen: list[Any] = []

    class Look(layers.Layer):
        def call(self, x: Any) -> Any:
            jax.debug.inspect_array_sharding(x, callback=seen.append)
            return x

    def model_over(distribution: Any) -> jkeras.Sequential:
        parts = [jkeras.Input((8,)), layers.Dense(16, name="first"), Look(), layers.Dense(1)]
        model = jkeras.Sequential(parts, seed=3)
        model.compile("sgd", "mse", distribution=distribution)
        return model

    x, y = data()
    expected = model_over(None).fit(x, y, verbose=0).history["loss"]
    seen.clear()
    model = model_over(with_layout("first/output", ("batch", "model")))
    np.testing.assert_allclose(model.fit(x, y, verbose=0).history["loss"], expected, rtol=1e-5)
    assert seen and all(sharding.shard_shape((32, 16)) == (16, 4) for sharding in seen)
    assert np.isfinite(model.train_on_batch(x[:3], y[:3]))  # a batch that does not divide


def test_a_rule_for_weights_is_none_for_outputs() -> None:
    layouts = spread.LayoutMap(mesh())
    layouts[".*dense.*"], layouts["(dense|other)/output"] = (None, "model"), ("batch",)
    by_rules = spread.ModelParallel(layout_map=layouts)
    assert by_rules.get_tensor_layout("dense/output") == layouts["(dense|other)/output"]
    assert by_rules.get_tensor_layout("dense_1/output") is None
    assert by_rules.get_tensor_layout("dense_1/kernel") == layouts[".*dense.*"]


def test_arrays_are_on_every_device_whole_or_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    model = compiled("data")
    expected = model.fit(x, y, verbose=0).history["loss"]
    placed = parts_of(model).placed
    assert placed is not None and placed.engine == "resident"
    assert placed.data.batch.x.sharding.is_fully_replicated
    monkeypatch.setattr(placement, "ALWAYS_FITS", 0)
    again = compiled("data")
    np.testing.assert_allclose(again.fit(x, y, verbose=0).history["loss"], expected, rtol=1e-6)
    placed = parts_of(again).placed
    assert placed is not None and placed.engine == "streaming"


def test_pictures_of_weights(capsys: pytest.CaptureFixture[str]) -> None:
    model = jkeras.Sequential([jkeras.Input((64,)), layers.Dense(64)])
    model.compile("sgd", "mse", distribution="fsdp")
    model.predict(np.zeros((8, 64), "float32"), verbose=0)
    jax.debug.visualize_array_sharding(model.weights[0].value, use_color=False)
    picture = capsys.readouterr().out
    assert all(f"CPU {number}" in picture for number in range(8))


def test_one_process_reads_all() -> None:
    strategy = spread.DataParallel()
    whole = batches()
    assert strategy.data_shard_id == 0
    assert strategy.distribute_dataset(whole) is whole
