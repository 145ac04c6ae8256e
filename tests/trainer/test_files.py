"""Weights of models in files: by ending, all or nothing, with an account of what was loaded."""

from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import pytest
from flax import nnx, serialization

import jkeras
from jkeras.layers import BatchNormalization, Dense, Input, SimpleRNN
from jkeras.saving import orbax_files
from jkeras.saving.matching import Mismatch, Report

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)


def model(seed: int, units: int = 2, name: str = "net", head: str = "head") -> jkeras.Sequential:
    """A model with params and state, built."""
    layers = [Input((3,)), Dense(4, name="body"), BatchNormalization(), Dense(units, name=head)]
    return jkeras.Sequential(layers, seed=seed, name=name)


@pytest.fixture(scope="module")
def source() -> jkeras.Sequential:
    """A model whose weights are only read."""
    return model(0)


def equal(a: Any, b: Any) -> bool:
    """Whether two models have the same weights."""
    pairs = zip(a.get_weights(), b.get_weights(), strict=True)
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("ending", [".safetensors", ".msgpack", ".weights.h5"])
def test_weights_go_through_a_file_of_each_ending(tmp_path: Path, ending: str, source: Any) -> None:
    first, second = source, model(1)
    path = tmp_path / "new" / f"model{ending}"
    first.save_weights(str(path))
    assert not equal(first, second)
    report = second.load_weights(str(path))
    assert report.complete and len(report.matched) == 8
    assert equal(first, second)
    with pytest.raises(FileExistsError):
        first.save_weights(path, overwrite=False)


def test_a_model_with_another_head_takes_what_fits(tmp_path: Path, source: Any) -> None:
    old, new = source, model(1, units=5)
    path = tmp_path / "w.safetensors"
    old.save_weights(path)
    before = new.get_weights()
    with pytest.raises(ValueError) as caught:
        new.load_weights(path)
    assert str(caught.value) == (
        f"Sequential 'net': {path}: expected params/head/bias of shape (5,) and dtype float32, got "
        "(2,) and float32. In all: 6 fit, 2 different. skip_mismatch=True loads what fits; "
        "rename={...} matches other names."
    )
    assert all(map(np.array_equal, new.get_weights(), before))
    with pytest.warns(UserWarning) as told:
        report = new.load_weights(path, skip_mismatch=True)
    assert str(told[0].message) == f"Sequential 'net': {path}: {report}"
    assert told[0].filename == __file__
    assert [one.name for one in report.mismatched] == ["params/head/bias", "params/head/kernel"]
    assert report.mismatched[0] == Mismatch(
        "params/head/bias", ((5,), "float32"), ((2,), "float32")
    )
    assert not report.complete
    assert all(map(np.array_equal, new.get_weights()[:6], old.get_weights()[:6]))
    assert all(map(np.array_equal, new.get_weights()[6:], before[6:]))


def test_nothing_that_fits_is_an_error_in_any_case(tmp_path: Path, source: Any) -> None:
    path = tmp_path / "w.msgpack"
    jkeras.saving.save(path, {"a": np.ones(1)})
    with pytest.raises(ValueError) as caught:
        source.load_weights(path, skip_mismatch=True)
    assert str(caught.value) == (
        f"Sequential 'net': {path}: expected something that fits. the model has a weight "
        "params/batch_normalization/beta, and the file does not. In all: 0 fit, 8 not in the file, "
        "1 not in the model."
    )


def test_other_names_are_matched_by_rename(tmp_path: Path, source: Any) -> None:
    old, new = source, model(1, head="classifier")
    path = tmp_path / "w.safetensors"
    old.save_weights(path)
    new.load_weights(path, rename={"params/head": "classifier"})
    assert equal(old, new)
    with pytest.raises(ValueError, match=r"none begins with 'params/haed'. Did you mean 'params/h"):
        new.load_weights(path, rename={"params/haed": "classifier"})
    with pytest.raises(ValueError) as caught:
        new.load_weights("w.weights.h5", rename={"head": "classifier"})
    assert str(caught.value) == (
        "Sequential 'net': `rename`: expected None for 'w.weights.h5': the weights in Keras's "
        "files have numbers, not names."
    )


def test_weights_in_other_dtypes_are_cast(source: Any) -> None:
    net = model(1)
    tree = jax.tree.map(lambda a: np.asarray(a, np.float64), source.params)
    assert net.load_weights({"params": tree, "state": source.state}).complete
    assert equal(net, source)
    assert {weight.dtype for weight in net.get_weights()} == {np.dtype(np.float32)}


def test_weights_are_saved_and_loaded_by_functions_too(tmp_path: Path, source: Any) -> None:
    net = model(1)
    jkeras.saving.save_weights(source, tmp_path / "w.safetensors")
    assert jkeras.saving.load_weights(net, tmp_path / "w.safetensors").complete
    assert equal(net, source)
    with pytest.raises(FileExistsError):
        jkeras.saving.save_weights(source, tmp_path / "w.safetensors", overwrite=False)
    with pytest.raises(TypeError) as caught:
        jkeras.saving.save_weights("w.safetensors", source)
    assert str(caught.value) == (
        "save_weights: `model`: expected a model, got 'w.safetensors' (str). Write "
        "save_weights(model, filepath)."
    )


def test_training_sharing_and_freezing_go_on(tmp_path: Path, source: Any) -> None:
    body = Dense(4, name="body")
    body.trainable = False
    one = jkeras.Sequential([Input((3,)), body, BatchNormalization(), Dense(2, name="head")])
    two = jkeras.Sequential([Input((3,)), body])
    one.compile("adam", "mse")
    one.fit(X, X[:, :2], verbose=0)
    before = one.train_state
    source.save_weights(tmp_path / "w.safetensors")
    one.load_weights(tmp_path / "w.safetensors")
    loaded = one.train_state
    assert equal(one, source)
    assert loaded.opt_state is before.opt_state and int(loaded.step) == 1
    one.fit(X, X[:, :2], verbose=0)
    one.load_weights({"params": source.params, "state": source.state})
    one.fit(X, X[:, :2], verbose=0)
    assert np.array_equal(two.get_weights()[0], source.get_weights()[0])
    assert not np.array_equal(one.get_weights()[6], source.get_weights()[6])
    assert np.array_equal(loaded.params["head"]["kernel"], source.get_weights()[6])


def test_what_belongs_to_a_batch_is_no_weight(tmp_path: Path) -> None:
    def recurrent(batch: int) -> jkeras.Sequential:
        rnn = SimpleRNN(2, stateful=True, recurrent_initializer="ones", name="rnn")
        return jkeras.Sequential([Input((2, 3), batch_size=batch), rnn], seed=batch)

    one, two = recurrent(2), recurrent(4)
    one.save_weights(tmp_path / "w.safetensors")
    assert two.load_weights(tmp_path / "w.safetensors").complete
    assert equal(one, two)
    assert two.state["rnn"]["rnn_state"][0].shape == (4, 2)
    jkeras.saving.save(tmp_path / "old.msgpack", {"params": one.params, "state": one.state})
    assert two.load_weights(tmp_path / "old.msgpack").complete


class Linen(nn.Module):
    """Batch norm between two dense layers."""

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(2)(x))
        return nn.Dense(1)(x)


def test_variables_of_linen_are_loaded(tmp_path: Path) -> None:
    module = Linen()
    specs = jax.eval_shape(module.init, jax.random.key(0), X)
    variables = jax.tree.map(lambda spec: np.full(spec.shape, 0.5, spec.dtype), dict(specs))
    net = jkeras.Trainer(module, seed=0)
    net.build((None, 3))
    path = tmp_path / "flax.msgpack"
    path.write_bytes(serialization.to_bytes(variables))
    assert net.load_weights(path).complete
    assert all((weight == 0.5).all() for weight in net.get_weights())
    path.write_bytes(serialization.to_bytes(variables["params"]))
    with pytest.raises(ValueError, match="the model has a weight state/batch_stats/BatchNorm_0/me"):
        net.load_weights(path)
    inner = jkeras.Sequential([Input((3,)), jkeras.models.as_layer(module)], seed=1)
    name = inner.layers[0].name
    rename = {"params": f"params/{name}", "batch_stats": f"state/{name}/batch_stats"}
    assert inner.load_weights(variables, rename=rename).complete
    assert equal(inner, net)


def test_variables_of_nnx_are_loaded(tmp_path: Path) -> None:
    def made(seed: int) -> Any:
        rngs = nnx.Rngs(seed)
        return nnx.Sequential(nnx.Linear(3, 2, rngs=rngs), nnx.BatchNorm(2, rngs=rngs))

    net, source = jkeras.Trainer(made(0), seed=0), made(1)
    net.build((None, 3))
    path = tmp_path / "nnx.msgpack"
    path.write_bytes(serialization.to_bytes(nnx.to_pure_dict(nnx.state(source))))
    assert net.load_weights(path).complete
    kernel = net.params["layers"]["0"]["kernel"]
    assert net.load_weights(nnx.state(source)).complete
    assert np.array_equal(kernel, source.layers[0].kernel[...])


def test_a_folder_is_read_as_a_tree_of_orbax(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Any
) -> None:
    net = model(1)
    monkeypatch.setattr(
        orbax_files, "load_tree", lambda path: {"params": source.params, "state": source.state}
    )
    assert net.load_weights(tmp_path) == Report(matched=net.load_weights(str(tmp_path)).matched)
    assert equal(source, net)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda source: source.save_weights("model.safetensor"),
            ValueError,
            "Sequential 'net': `filepath` 'model.safetensor': expected a name that ends with "
            "'.safetensors', '.msgpack', '.weights.h5', '.weights.json', '.h5' or '.keras'. Use "
            "'model.safetensors'.",
        ),
        (
            lambda source: source.save_weights("w.safetensors", max_shard_size=0.5),
            ValueError,
            "Sequential 'net': `max_shard_size`: expected None for 'w.safetensors', got 0.5 "
            "(float). It goes with Keras's files of weights, '.weights.h5' and '.weights.json'.",
        ),
        (
            lambda source: source.load_weights("model"),
            ValueError,
            "Sequential 'net': `filepath` 'model': expected a name that ends with "
            "'.safetensors', '.msgpack', '.weights.h5', '.weights.json', '.h5' or '.keras'. Use "
            "'model.safetensors'.",
        ),
        (
            lambda source: source.load_weights([np.ones(1)]),
            TypeError,
            "Sequential 'net': `filepath`: expected a path, got [array([1.])] (list).",
        ),
        (
            lambda source: source.load_weights("w.safetensors", by_name=True),
            TypeError,
            "load_weights: unexpected argument `by_name`. Did you mean 'skip_mismatch'? "
            "Arguments: filepath, skip_mismatch, rename, safe_mode, objects_to_skip.",
        ),
        (
            lambda _: jkeras.Sequential([Dense(2)], name="net").save_weights("w.safetensors"),
            ValueError,
            "Sequential 'net': it has no weights yet, because the shape of its inputs is not "
            "known. Begin it with Input(shape), call build((None, ...)), or fit it first.",
        ),
    ],
)
def test_wrong_use_is_answered(
    call: Any, error: type[Exception], message: str, source: Any
) -> None:
    with pytest.raises(error) as caught:
        call(source)
    assert str(caught.value) == message
