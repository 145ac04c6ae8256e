"""The older `.h5` files of Keras, and HDF5 beyond Keras's own, with `safe_mode=False`."""

import contextlib
import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core.variables import lenient
from jkeras.models import load_model
from jkeras.saving import keras_h5, keras_legacy

X = np.random.default_rng(0).standard_normal((8, 6, 6, 1)).astype(np.float32)
Y = np.arange(8) % 3
UNSAFE = "If you trust who wrote the file, h5py reads it with safe_mode=False."


def row(lib: Any) -> Any:
    """A model in a row with a state, compiled."""
    own = lib.layers
    model = lib.Sequential(
        [
            own.Input((6, 6, 1)),
            own.Conv2D(2, 3, activation="relu"),
            own.BatchNormalization(),
            own.Flatten(),
            own.Dropout(0.2),
            own.Dense(3, activation="softmax"),
        ],
        name="net",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def graph(lib: Any) -> Any:
    """A model with two inputs, a shared layer, and a nested model."""
    own = lib.layers
    left, right, shared = own.Input((4,), name="a"), own.Input((4,), name="b"), own.Dense(5)
    inner_input = own.Input((10,))
    hidden = own.BatchNormalization()(own.Dense(3)(inner_input))
    inner = lib.Model(inner_input, own.Dense(2)(hidden), name="inner")
    joined = own.Concatenate()([shared(left), shared(right)])
    return lib.Model([left, right], own.Add()([inner(joined), own.Dense(2)(joined)]))


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras", reason="Keras is the oracle of this test")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keras at work, with what it warns of."""
    with warnings.catch_warnings(), lenient():
        warnings.simplefilter("ignore")
        yield


def saved(model: Any, path: Path) -> Path:
    with quiet():
        model.save(path)
    return path


def test_a_model_of_keras_predicts_and_trains_on(keras: Any, tmp_path: Path) -> None:
    with quiet():
        theirs = row(keras)
        theirs.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    path = saved(theirs, tmp_path / "m.h5")
    model = load_model(path, safe_mode=False)
    with quiet():
        expected = theirs.predict(X, verbose=0)
        loss = theirs.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), loss, rtol=1e-5)
    assert int(model.optimizer.iterations) == 1
    slots = [np.asarray(v) for v in theirs.optimizer.variables[2:]]
    stored = keras_legacy.read(path.read_bytes(), "f")["optimizer"]
    assert all(map(np.array_equal, list(stored.values())[2:], slots))
    assert not load_model(path, compile=False, safe_mode=False).compiled


def test_a_graph_of_keras_predicts_the_same(keras: Any, tmp_path: Path) -> None:
    with quiet():
        theirs = graph(keras)
        theirs.set_weights([np.sin(np.arange(w.size) + 1.0).reshape(w.shape) ** 2 for w in
                            theirs.get_weights()])  # fmt: skip
    path = saved(theirs, tmp_path / "m.h5")
    x = [X[:, 0, :4, 0], X[:, 1, :4, 0]]
    with quiet():
        expected = theirs.predict(x, verbose=0)
    for source in (path, with_nodes_of_keras_2(path)):
        model = load_model(source, safe_mode=False)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def with_nodes_of_keras_2(path: Path) -> Path:
    """The file with calls of layers noted as `[[name, call, output, kwargs], …]`."""

    def nodes_of(layer: dict[str, Any]) -> list[Any]:
        calls = [node["args"][0] for node in layer["inbound_nodes"]]
        calls = [call if isinstance(call, list) else [call] for call in calls]
        return [[[*t["config"]["keras_history"], {}] for t in call] for call in calls]

    def rewrite(config: dict[str, Any]) -> None:
        for layer in config["layers"]:
            layer["inbound_nodes"] = nodes_of(layer)
            if layer["class_name"] == "Functional":
                rewrite(layer["config"])

    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        rewrite(config["config"])
        file.attrs["model_config"] = json.dumps(config)
    return path


def test_weights_alone_are_read_layer_by_layer(keras: Any, tmp_path: Path) -> None:
    """Also from a whole model's file, and with long attributes, which Keras divides."""
    legacy = pytest.importorskip("keras.src.legacy.saving.legacy_h5_format")
    path = tmp_path / "old.h5"
    with quiet():
        theirs = row(keras)
        with h5py.File(path, "w") as file:
            legacy.save_weights_to_hdf5_group(file, theirs)
            names = file.attrs.pop("layer_names")
        expected = theirs.get_weights()
        with h5py.File(path, "a") as file:
            file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:2], names[2:]
    for source in (path, saved(theirs, tmp_path / "whole.h5")):
        model = row(jkeras)
        report = model.load_weights(source, safe_mode=False)
        assert report.complete and len(report.matched) == 8
        assert all(map(np.array_equal, model.get_weights(), expected))


def keras_2(path: Path, model: Any, with_input: bool = True) -> Path:
    """A file with the words of Keras 2: names with `:0`, shapes of batches, plain dtypes."""
    kernel, bias = model.get_weights()
    first = {"batch_input_shape": [None, 3], "dtype": "float32", "name": "dense_input"}
    first |= {"sparse": False, "ragged": False}
    dense = {"name": "dense", "trainable": True, "dtype": "float32", "units": 2}
    dense |= {"batch_input_shape": [None, 3], "activation": "linear", "use_bias": True}
    dense |= {"kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}}
    rows = [("InputLayer", first), ("Dense", dense)][0 if with_input else 1 :]
    content = [{"class_name": name, "config": config} for name, config in rows]
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": content}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"dense"]
        group.create_group("dense").attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        group["dense/dense/kernel:0"], group["dense/dense/bias:0"] = kernel, bias
        group.create_group("top_level_model_weights").attrs["weight_names"] = []
    return path


def small(*more: Any) -> Any:
    return jkeras.Sequential([layers.Input((3,)), layers.Dense(2), *more], seed=3, name="net")


@pytest.mark.parametrize("with_input", [True, False])
def test_a_model_of_keras_2_is_read(tmp_path: Path, with_input: bool) -> None:
    expected = small()
    model = load_model(keras_2(tmp_path / "m.h5", expected, with_input), safe_mode=False)
    assert all(map(np.array_equal, model.get_weights(), expected.get_weights()))
    assert not model.compiled


def test_what_differs_is_reported_and_nothing_is_loaded(tmp_path: Path) -> None:
    path = keras_2(tmp_path / "m.h5", small())
    model = small(layers.Dense(4))
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        model.load_weights(path, safe_mode=False)
    assert str(error.value) == (
        f"Sequential 'net': {path}: the model has a weight params/dense_1/kernel, and the file "
        "does not. In all: 2 fit, 2 not in the file. skip_mismatch=True loads what fits."
    )
    assert all(map(np.array_equal, model.get_weights(), before))
    bare = jkeras.Sequential([layers.Input((3,)), layers.Flatten()], name="net")
    with pytest.raises(ValueError, match="the file has a weight dense/vars/0, and the model does"):
        bare.load_weights(path, safe_mode=False)


def test_compressed_and_chunked_arrays_are_read(tmp_path: Path) -> None:
    model, other, path = small(), small(), tmp_path / "m.weights.h5"
    other.set_weights([w + 1 for w in other.get_weights()])
    kernel, bias = model.get_weights()
    with h5py.File(path, "w", libver="latest") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", data=kernel, compression="gzip")
        group.create_dataset("1", data=bias, chunks=(1,))
    with pytest.raises(ValueError) as error:
        other.load_weights(path)
    assert str(error.value).endswith(f"Load the file in Keras and save it again. {UNSAFE}")
    assert other.load_weights(path, safe_mode=False).complete
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))


def test_a_file_of_ours_reads_the_same_through_h5py() -> None:
    half = np.asarray(jkeras.ops.ones((2, 3), "bfloat16"))
    arrays = (half, np.arange(3), np.array([True, False]), np.float64(2.5) * np.ones(()))
    file = io.BytesIO()
    keras_h5.write(file, [keras_h5.Group("layers/dense", "dense", arrays)])
    safe, unsafe = (m.read(file.getvalue(), "f") for m in (keras_h5, keras_legacy))
    assert safe.keys() == unsafe.keys()
    for one, other in zip(
        safe["layers/dense"].values(), unsafe["layers/dense"].values(), strict=True
    ):
        np.testing.assert_array_equal(one, other, strict=True)


def test_the_refusals_say_how_it_is_read(tmp_path: Path) -> None:
    path = keras_2(tmp_path / "m.h5", small())
    with pytest.raises(ValueError) as error:
        load_model(path)
    assert str(error.value) == (
        "load: `filepath`: expected a name that ends with '.keras', got 'm.h5'. The older form of "
        f"whole models: save it in Keras as 'm.keras'. {UNSAFE} load_weights reads weights alone "
        "in '.weights.h5'."
    )
    with pytest.raises(ValueError) as error:
        small().load_weights(path)
    assert str(error.value).endswith(
        "the older '.h5' form. Load it in Keras, and save it by "
        f"model.save_weights('name.weights.h5'). {UNSAFE}"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no HDF5", "expected a file of Keras, and it is damaged: "),
        ({}, "expected a whole model, got weights alone. Make the model, and read them with "),
        ({"model_config": "{"}, "model_config: expected JSON: "),
        ({"model_config": "{}", "training_config": "[]"}, "training_config: expected a JSON obj"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: Any, problem: str) -> None:
    path = tmp_path / "m.h5"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with h5py.File(path, "w") as file:
            file.attrs.update(content)
    with pytest.raises(ValueError) as error:
        load_model(path, safe_mode=False)
    assert str(error.value).startswith(f"{path}: {problem}")


def test_a_call_of_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    dense = {"class_name": "Dense", "config": {"units": 2}, "inbound_nodes": [[]]}
    config = {"class_name": "Functional", "config": {"layers": [dense]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError) as error:
        load_model(path, safe_mode=False)
    assert str(error.value) == (
        f"{path}: expected a file of Keras, and it is damaged: list index out of range"
    )


def test_an_array_beyond_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        shape, chunks = (10**8, 10**8), (1000, 1000)
        file.create_dataset("layers/dense/vars/0", shape, "f8", chunks=chunks)
    with pytest.raises(ValueError) as error:
        small().load_weights(path, safe_mode=False)
    assert str(error.value).startswith(
        f"{path}: expected a file of Keras, and it is damaged: Unable to allocate 71.1 PiB for an "
    )


def test_text_is_no_weight(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = "text"
    with pytest.raises(ValueError, match="expected numbers under '/layers/dense/vars/0', got obj"):
        small().load_weights(path, safe_mode=False)
    with pytest.raises(TypeError, match="load_weights: `safe_mode`: expected True or False, got 1"):
        small().load_weights(path, safe_mode=1)


def written(model: Any, path: Path) -> Path:
    """The model's file in the older form, and its warning, which points here."""
    with pytest.warns(UserWarning, match=f"save: '{path.name}' is Keras's older form") as caught:
        model.save(path)
    assert caught[0].filename == __file__
    return path


def test_keras_reads_what_is_written_here(keras: Any, tmp_path: Path) -> None:
    model = row(jkeras)
    model.fit(X, Y, batch_size=4, verbose=0)
    path = written(model, tmp_path / "m.h5")
    with quiet():
        theirs = keras.models.load_model(path)
        found, loss = theirs.predict(X, verbose=0), theirs.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(found, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(loss, model.evaluate(X, Y, verbose=0), rtol=1e-5)
    assert int(theirs.optimizer.iterations) == 2
    slots = [np.asarray(v) for v in theirs.optimizer.variables[2:]]
    stored = keras_legacy.read(path.read_bytes(), "f")["optimizer"]
    assert len(slots) == 0 or all(map(np.array_equal, list(stored.values())[2:], slots))
    both = graph(jkeras)
    x = [X[:, 0, :4, 0], X[:, 1, :4, 0]]
    with quiet():
        theirs = keras.models.load_model(written_quietly(both, tmp_path / "g.hdf5"))
        found = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(found, both.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    assert not theirs.compiled


def written_quietly(model: Any, path: Path) -> Path:
    with quiet():
        model.save(path)
    return path


def test_what_is_written_here_trains_on(tmp_path: Path) -> None:
    model = small(layers.Dense(1))
    model.compile("adam", "mse")
    x, y = X[:, 0, :3, 0], X[:, 1, :1, 0]
    model.fit(x, y, shuffle=False, verbose=0)
    path = written(model, tmp_path / "m.h5")
    again = load_model(path, safe_mode=False)
    histories = [m.fit(x, y, shuffle=False, epochs=2, verbose=0).history for m in (model, again)]
    np.testing.assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-6)
    with quiet():
        model.save(path, include_optimizer=False)
    assert not load_model(path, safe_mode=False).compiled


def test_what_cannot_be_written_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(b"kept")

    class Own(jkeras.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(ValueError) as error:
        Own(name="own").save(path)
    assert str(error.value).startswith(
        "save: expected a Sequential or a Model(inputs, outputs) for 'm.h5', got "
    )
    with pytest.raises(FileExistsError):
        small().save(path, overwrite=False)
    assert path.read_bytes() == b"kept"


def test_names_longer_than_an_attribute_are_divided() -> None:
    file, names = io.BytesIO(), [f"layer_{i:0200}" for i in range(500)]
    config = {"class_name": "Sequential", "config": {}}
    keras_legacy.write(
        file, config, [keras_legacy.LegacyWeights(n, {"w": np.ones(1)}) for n in names], None
    )
    assert list(keras_legacy.read(file.getvalue(), "f")) == names
