"""What holds in JAX's x64 mode; `test_float64.py` runs this program once and reads what it prints.

Every function without an underscore is a case: it fails by an exception.
"""

import inspect
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jkeras as K
from jkeras import layers as L

_X = np.random.default_rng(0).normal(size=(64, 2))
_Y = _X @ np.array([[1.2345678901234567], [-0.9876543210987654]]) + 0.1


def _under_policy(make: Callable[[], Any]) -> Any:
    K.config.set_dtype_policy("float64")
    try:
        return make()
    finally:
        K.config.set_dtype_policy("float32")


class _Subclassed(K.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.dense = L.Dense(1, **options)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def _converges(model: Any, *, saves: bool = True) -> None:
    """All weights, sums and outputs are float64, and a regression ends far below 1e-7."""
    model.compile(K.optimizers.SGD(0.3), "mse", metrics=["mae"])
    logs = model.fit(_X, _Y, epochs=150, batch_size=64, verbose=0, validation_data=(_X, _Y)).history
    assert logs["loss"][-1] < 1e-24, logs["loss"][-1]
    assert logs["val_mae"][-1] < 1e-12, logs["val_mae"][-1]
    assert {a.dtype for a in model.get_weights()} == {np.dtype("float64")}
    assert {str(v.dtype) for v in model.optimizer.variables} == {"float64", "int32"}
    outputs = model.predict(_X, verbose=0)
    assert outputs.dtype == model(_X).dtype == np.float64
    assert max(abs(outputs - _Y).max(), abs(np.asarray(model(_X)) - _Y).max()) < 1e-12
    assert model.evaluate(_X, _Y, verbose=0)[0] < 1e-24
    assert model.train_on_batch(_X, _Y)[0] < 1e-24
    for name in ("m.keras", "m.weights.h5", "m.safetensors") if saves else ():
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/{name}"
            if name == "m.keras":
                model.save(path)
                again = K.models.load_model(path)
            else:
                model.save_weights(path)
                again = K.models.clone_model(model)
                again.build((None, 2))
                again.load_weights(path)
            pairs = zip(again.get_weights(), model.get_weights(), strict=True)
            assert all(a.dtype == b.dtype and (a == b).all() for a, b in pairs), name


def policy_for_all_layers() -> None:
    _converges(_under_policy(lambda: K.Sequential([K.Input((2,)), L.Dense(1)])))
    _converges(_under_policy(lambda: K.Sequential([L.Dense(1)])))


def dtype_of_a_layer() -> None:
    _converges(K.Sequential([K.Input((2,)), L.Dense(1, dtype="float64")]))


def dtype_of_an_input() -> None:
    inputs = K.Input((2,), dtype="float64")
    _converges(K.Model(inputs, L.Dense(1)(inputs)))
    _converges(K.Sequential([K.Input((2,), dtype="float64"), L.Dense(1)]))


def subclassed_models() -> None:
    _converges(_Subclassed(dtype="float64"), saves=False)
    _converges(_under_policy(_Subclassed), saves=False)


def policy_of_a_built_model() -> None:
    model = K.Sequential([K.Input((2,)), L.Dense(1)])
    model.compile("adam", "mse")
    model.fit(_X, _Y, verbose=0)
    assert model.get_weights()[0].dtype == np.float32
    model.dtype_policy = "float64"
    model.fit(_X, _Y, verbose=0)
    _converges(model, saves=False)


def weights_of_custom_layers() -> None:
    class Scale(L.Layer):
        def build(self, shape: Any) -> None:
            self.gain = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, inputs: Any) -> Any:
            return inputs * self.gain

    layer = Scale(dtype="float64")
    assert layer(_X).dtype == layer.weights[0].dtype == np.float64


def models_without_float64_stay_in_float32() -> None:
    model = K.Sequential([L.Dense(1)])
    model.compile("adam", "mse")
    model.fit(_X, _Y, sample_weight=np.ones(64), verbose=0)
    assert {a.dtype for a in model.get_weights()} == {np.dtype("float32")}
    assert model.predict(_X, verbose=0).dtype == model(_X).dtype == np.float32


def layers_keep_all_digits() -> None:
    x2, x3 = (np.random.default_rng(1).normal(size=shape) for shape in ((4, 6), (4, 6, 5)))
    layers = [
        (L.BatchNormalization, x2), (L.LayerNormalization, x2), (L.LSTM, x3), (L.GRU, x3),
        (L.Conv1D, x3), (L.SeparableConv1D, x3), (L.PReLU, x2), (L.UnitNormalization, x2),
        (L.EinsumDense, x2), (L.GroupNormalization, x2),
    ]  # fmt: skip
    arguments: dict[Any, tuple[Any, ...]] = {
        L.LSTM: (3,), L.GRU: (3,), L.Conv1D: (3, 2), L.SeparableConv1D: (3, 2),
        L.EinsumDense: ("ab,bc->ac", 3), L.GroupNormalization: (1,),
    }  # fmt: skip
    for kind, x in layers:
        layer = kind(*arguments.get(kind, ()), dtype="float64")
        outputs = np.asarray(layer(x))
        assert outputs.dtype == np.float64 and (outputs != outputs.astype(np.float32)).any(), kind
        assert all(weight.dtype == np.float64 for weight in layer.weights), kind
        by_inputs = kind(*arguments.get(kind, ()))
        assert by_inputs(x).dtype == np.float64
        assert all(weight.dtype == np.float64 for weight in by_inputs.weights), kind
    normalization = L.Normalization(dtype="float64")
    normalization.adapt(1e3 * x2)
    exact = (x2 - x2.mean(0)) / x2.std(0)
    np.testing.assert_allclose(np.asarray(normalization(1e3 * x2)), exact, rtol=1e-12, atol=1e-12)


def losses_and_metrics_have_all_digits() -> None:
    target, output = (np.random.default_rng(i).random((8, 4)) for i in (2, 3))
    exact = float(np.mean((target - output) ** 2))
    assert abs(float(K.losses.MeanSquaredError()(target, output)) / exact - 1) < 1e-15
    metric = K.metrics.RootMeanSquaredError()
    metric.update_state(target, output)
    assert abs(float(metric.result()) / exact**0.5 - 1) < 1e-15
    mean = K.metrics.Mean()
    for _ in range(10):
        mean.update_state(0.1)
    assert abs(float(mean.result()) - 0.1) < 1e-16


def optimizers_and_schedules_have_all_digits() -> None:
    rate = K.optimizers.schedules.ExponentialDecay(0.1, 7, 0.9)
    assert abs(float(rate(3)) - 0.1 * 0.9 ** (3 / 7)) < 1e-16
    optimizer = K.optimizers.SGD(rate)
    params = {"w": jnp.ones(())}
    state = optimizer.init(params)
    updates, _ = optimizer.update({"w": jnp.asarray(0.3)}, state, params)
    assert abs(float(updates["w"]) + 0.03) < 1e-17


def ops_and_initializers_take_the_dtype() -> None:
    assert K.ops.cast(0.1, "float64") == 0.1
    assert float(K.ops.convert_to_tensor(0.1, dtype="float64")) == 0.1
    assert K.initializers.GlorotUniform()((2, 3), dtype="float64").dtype == np.float64
    assert K.initializers.GlorotUniform()((2, 3)).dtype == np.float32
    assert K.random.normal((2,), dtype="float64").dtype == np.float64


def second_derivatives_of_a_model() -> None:
    """The residual of a differential equation, as physics-informed networks use it."""
    inputs = K.Input((1,), dtype="float64")
    model = K.Model(inputs, L.Dense(1)(L.Dense(8, activation="tanh")(inputs)))
    kernel, bias, last, _ = model.get_weights()
    points = np.linspace(-1, 1, 5)

    def value(x: Any) -> Any:
        return model(x[None, None])[0, 0]

    found = jax.vmap(jax.grad(jax.grad(value)))(jnp.asarray(points))
    inner = np.tanh(points[:, None] * kernel + bias)
    exact = (-2 * inner * (1 - inner**2) * kernel**2) @ last
    np.testing.assert_allclose(np.asarray(found), exact[:, 0], rtol=1e-12)


if __name__ == "__main__":
    errors = {}
    for name, case in list(globals().items()):
        if inspect.isfunction(case) and case.__module__ == "__main__" and name[0] != "_":
            try:
                case()
                errors[name] = ""
            except Exception:
                errors[name] = traceback.format_exc()
    json.dump(errors, sys.stdout)
