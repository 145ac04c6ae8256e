"""`.weights.h5`: matched as a whole or not at all; `test_model_files.py` compares with Keras."""

import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.saving import keras_h5
from jkeras.saving.keras_h5 import Group
from jkeras.trainer.files import keras_weights as keras_files
from jkeras.trainer.loop.parts import parts_of


def dense(units: int, **options: Any) -> Any:
    """A layer whose weights are made fast."""
    return layers.Dense(units, kernel_initializer="ones", **options)


def small(*more: Any, units: int = 2) -> jkeras.Sequential:
    return jkeras.Sequential([layers.Input((3,)), dense(units), *more], seed=0, name="net")


def scrambled(model: jkeras.Sequential) -> jkeras.Sequential:
    """The model with numbers that no initializer makes."""
    places = (np.arange(weight.size).reshape(weight.shape) for weight in model.get_weights())
    model.set_weights([np.sin(numbers + 1.0) for numbers in places])
    return model


def message_of(error: type[Exception], function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.weights.h5"


def test_weights_come_back(path: Path) -> None:
    model, other = scrambled(small()), small()
    model.save_weights(path)
    report = other.load_weights(path)
    assert report.complete
    assert set(report.matched) == {"params/dense/kernel", "params/dense/bias"}
    for own, read in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(own, read)


def test_the_weights_of_a_whole_file_are_read(tmp_path: Path) -> None:
    model, other = scrambled(small()), small()
    model.save(tmp_path / "m.keras")
    other.load_weights(tmp_path / "m.keras")
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_names_of_layers_do_not_count_but_their_kinds_do(path: Path) -> None:
    model = jkeras.Sequential([layers.Input((3,)), dense(2, name="head")], seed=0)
    model.save_weights(path)
    assert small().load_weights(path).complete


def test_the_optimizer_of_an_untrained_model_has_no_slots_in_it(path: Path) -> None:
    model = small()
    model.compile("adam", "mse")
    model.save_weights(path)
    stored = keras_h5.read(path.read_bytes(), "f")
    assert sorted(stored["optimizer"]) == ["0", "1"]
    assert model.load_weights(path).complete


def test_a_trained_optimizer_comes_back_where_it_fits(path: Path) -> None:
    model = small()
    model.compile("adam", "mse")
    x, y = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    model.fit(x, y, verbose=0)
    model.save_weights(path)
    other = small()
    assert other.load_weights(path).complete and not other.compiled
    other.compile("adam", "mse")
    other.load_weights(path)
    assert int(other.optimizer.iterations) == 1
    old, new = model.train_state.opt_state, other.train_state.opt_state
    jax.tree.map(np.testing.assert_array_equal, old, new)
    other.compile("sgd", "mse")
    with pytest.warns(UserWarning) as caught:
        other.load_weights(path)
    assert [str(w.message) for w in caught] == [
        "Sequential 'net': the optimizer in the file has 6 variables, and the model's sgd has 2: "
        "it starts anew. Compile the model with the optimizer that it was trained with before its "
        "weights are loaded."
    ]


def test_what_does_not_fit_leaves_the_model_as_it_was(path: Path) -> None:
    small(units=5).save_weights(path)
    model = small(dense(2))
    before = model.get_weights()
    message = message_of(ValueError, model.load_weights, path)
    assert message.startswith(
        f"Sequential 'net': {path}: the model has a weight params/dense_1/kernel, and the file "
        "does not."
    )
    assert message.endswith(" skip_mismatch=True loads what fits.")
    for own, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(own, old)


def test_what_fits_is_loaded_when_the_rest_may_be_skipped(path: Path) -> None:
    big = scrambled(small(layers.BatchNormalization(), dense(7), dense(1)))
    big.save_weights(path)
    model = small(layers.BatchNormalization(center=False), dense(5))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = model.load_weights(path, skip_mismatch=True)
    assert set(report.matched) == {"params/dense/kernel", "params/dense/bias"}
    assert set(report.missing) == {
        "params/batch_normalization/gamma",
        "state/batch_normalization/moving_mean",
        "state/batch_normalization/moving_variance",
    }
    assert {one.name for one in report.mismatched} == {
        "params/dense_1/kernel",
        "params/dense_1/bias",
    }
    assert {"layers/dense_2/vars/0", "layers/batch_normalization/vars/3"} < set(report.unexpected)
    assert [str(w.message) for w in caught] == [f"Sequential 'net': {path}: {report}"]
    np.testing.assert_array_equal(model.get_weights()[0], big.get_weights()[0])


def test_generators_in_older_files_and_their_word_for_layers_are_known(path: Path) -> None:
    model = small(layers.Dropout(0.5))
    kernel, bias = (weight + 1 for weight in model.get_weights())
    groups = [
        Group("_layer_checkpoint_dependencies/dense", None, (kernel, bias)),
        Group("_layer_checkpoint_dependencies/dropout/seed_generator", None, (np.uint32([1, 2]),)),
    ]
    with open(path, "x+b") as file:
        keras_h5.write(file, groups)
    assert model.load_weights(path).complete
    np.testing.assert_array_equal(model.get_weights()[0], kernel)


def test_numbers_of_another_kind_do_not_fit(path: Path) -> None:
    with open(path, "x+b") as file:
        keras_h5.write(file, [Group("layers/dense", None, (np.ones((3, 2), int), np.ones(2)))])
    assert "expected params/dense/kernel of shape (3, 2) and dtype float32, got (3, 2) and" in (
        message_of(ValueError, small().load_weights, path)
    )


def test_a_layer_at_two_places_is_written_once(path: Path) -> None:
    layer, x = dense(3), layers.Input((3,))
    inner = jkeras.Model(i := layers.Input((3,)), layer(i), name="inner")
    model = jkeras.Model(x, layer(inner(x)), seed=0)
    weights = [group for group in keras_files.sections_of(built(model)) if group.weights]
    assert len(weights) == 1


def built(model: Any) -> Any:
    model.build()
    return parts_of(model).state


def test_wrong_names_and_existing_files_say_so(path: Path) -> None:
    assert message_of(ValueError, keras_files.save_weights, built(small()), None, "m.h5") == (
        "weights file 'm.h5': expected a name that ends with '.weights.h5'. Use 'm.weights.h5'."
    )
    assert message_of(ValueError, keras_files.save_weights, built(small()), None, "m.keras") == (
        "weights file 'm.keras': expected a name that ends with '.weights.h5'. model.save(...) "
        "writes a whole model."
    )
    path.write_bytes(b"kept")
    assert message_of(
        FileExistsError, keras_files.save_weights, built(small()), None, path, False
    ) == (f"{path} exists. Choose another name, or pass overwrite=True.")
    assert message_of(ValueError, small().load_weights, path) == (
        f"{path}: expected an HDF5 file, and it does not begin like one."
    )
