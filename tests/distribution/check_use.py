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


MESH: Callable[[], Any] = lambda: spread.DeviceMesh((2, 4), ["batch", "model"])  # noqa: E731


def with_layout(pattern: str, axes: tuple[Any, ...]) -> Any:
    layouts = spread.LayoutMap(MESH())
    layouts[pattern] = axes
    return spread.ModelParallel(layout_map=layouts)


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a batch that does not divide": (
        lambda: compiled("data").fit(*data(), batch_size=30, verbose=0),
        r"fit: `batch_size`: expected a multiple of the 8 devices along 'batch', got 30\. "
        r"Write batch_size=24 or 32\.",
    ),
    "a batch smaller than the devices": (
        lambda: compiled("data").fit(*data(), batch_size=4, verbose=0),
        r"expected a multiple of the 8 devices along 'batch', got 4\. Write batch_size=8\.",
    ),
    "a rule that matches nothing": (
        lambda: compiled(with_layout("dens/kernel", (None, "model"))).fit(*data(), verbose=0),
        r"'dens/kernel', which matches none\. The nearest paths are \['dense/kernel'",
    ),
    "a weight that does not divide": (
        lambda: compiled(with_layout("dense_1/kernel", (None, "model"))).fit(*data(), verbose=0),
        r"dense_1/kernel: `axes`: expected dimension 1 to be a multiple of the 4 devices along "
        r"'model', got 1 of shape \(16, 1\)",
    ),
    "more axes than dimensions": (
        lambda: compiled(with_layout("dense/bias", (None, "model"))).fit(*data(), verbose=0),
        r"dense/bias: `axes`: expected at most 1 axes for shape \(16,\)",
    ),
    "an unknown axis": (
        lambda: with_layout("dense/kernel", (None, "modle")),
        r"TensorLayout: `axes`: expected axes of the mesh, .*got 'modle'\. Did you mean 'model'\?",
    ),
    "an axis twice": (
        lambda: with_layout("dense/kernel", ("model", "model")),
        r"expected each axis of the mesh once",
    ),
    "two rules for one weight": (
        lambda: overlapping(),
        r"expected one expression that matches 'dense/kernel', got 2",
    ),
    "a mesh larger than the devices": (
        lambda: spread.DeviceMesh((4, 4), ["batch", "model"]),
        r"DeviceMesh: `shape`: expected a shape of 8 devices, got \(4, 4\), which are 16\. .*"
        r"jax_num_cpu_devices",
    ),
    "a mesh smaller than the devices": (
        lambda: spread.DeviceMesh((4,), ["batch"]),
        r"which are 4\. Pass some of them: devices=list_devices\(\)\[:4\]",
    ),
    "names for other axes": (
        lambda: spread.DeviceMesh((2, 4), ["batch"]),
        r"expected a name for each axis of shape \(2, 4\)",
    ),
    "a name twice": (
        lambda: spread.DeviceMesh((2, 4), ["batch", "batch"]),
        r"expected names that differ",
    ),
    "a device that is not there": (
        lambda: spread.DataParallel(devices=["cpu:0", "cpu:8"]),
        r"expected devices of cpu:0, .*got 'cpu:8'",
    ),
    "a kind of device that is not there": (
        lambda: spread.list_devices("gpu"),
        r"list_devices: `device_type`: expected a kind of device that is there: 'cpu', got 'gpu'",
    ),
    "a mesh and devices": (
        lambda: spread.DataParallel(MESH(), devices=["cpu:0"]),
        r"expected a mesh or devices, got both",
    ),
    "a map without a mesh": (
        lambda: spread.ModelParallel(layout_map=spread.LayoutMap()),
        r"ModelParallel: `device_mesh`: expected the mesh of `layout_map`",
    ),
    "no map": (
        lambda: spread.ModelParallel(layout_map={}),  # type: ignore[arg-type]
        r"`layout_map`: expected a LayoutMap, got",
    ),
    "an axis of the batch that is none": (
        lambda: spread.ModelParallel(layout_map=spread.LayoutMap(MESH()), batch_dim_name="data"),
        r"expected an axis of the mesh, \['batch', 'model'\], got 'data'",
    ),
    "another word": (
        lambda: compiled("fdsp"),
        r"compile: `distribution`: expected .*got 'fdsp'\. Did you mean 'fsdp'\?",
    ),
    "no distribution": (
        lambda: spread.set_distribution("data"),  # type: ignore[arg-type]
        r"set_distribution: expected a distribution such as DataParallel\(\), or None",
    ),
    "an array that does not divide": (
        lambda: spread.distribute_tensor(jnp.zeros(6), spread.TensorLayout(("model",), MESH())),
        r"distribute_tensor: `axes`: expected dimension 0 to be a multiple of the 4 devices",
    ),
    "a layout without a mesh": (
        lambda: spread.TensorLayout((None,)).backend_layout,
        r"TensorLayout: `device_mesh`: expected a mesh, got none",
    ),
    "an expression that is none": (
        lambda: with_layout("dense[/kernel", (None,)),
        r"LayoutMap: expected a regular expression, got 'dense\[/kernel'",
    ),
}


def overlapping() -> Any:
    layouts = spread.LayoutMap(MESH())
    layouts["dense/.*"], layouts[".*kernel"] = (None,), (None, "model")
    return compiled(spread.ModelParallel(layout_map=layouts)).fit(*data(), verbose=0)


@pytest.mark.parametrize("case", WRONG)
def test_wrong_uses_are_named(case: str) -> None:
    use, message = WRONG[case]
    with pytest.raises((TypeError, ValueError), match=message):
        use()


def test_a_refused_layout_leaves_the_model_as_it_was() -> None:
    x, y = data()
    model = compiled()
    model.fit(x, y, verbose=0)
    before = model.predict(x, verbose=0)
    with spread.DataParallel().scope(), pytest.raises(ValueError, match="batch_size"):
        model.fit(x, y, batch_size=30, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_explain_tells_mesh_layouts_and_what_is_sent() -> None:
    model = compiled("fsdp", units=1024)
    model.fit(*data(), verbose=0)
    lines: list[str] = []
    model.explain(lines.append)
    text = "\n".join(lines)
    assert "FullyShardedDataParallel over 8 devices (batch 8): " in text
    assert "  dense/kernel [8, 1024]: (None, 'batch')" in text
    assert "all-gather" in text


def test_gradients_are_summed_once() -> None:
    """All gradients and no more: the sums of the loss and of metrics are a few numbers."""
    model = compiled("data", units=256)
    model.fit(*data(96), verbose=0)
    from jkeras.trainer.loop.parts import parts_of

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
