"""Whole models in `.keras` files: those of Keras read here, those written here read by Keras.

The numbers are those of `tests/golden/make_keras_files.py`, which has the version of Keras.
"""

import io
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import jax
import numpy as np
import optax
import pytest

import jkeras
from jkeras import layers
from jkeras.core.custom_objects import get_custom_objects
from jkeras.core.variables import lenient
from jkeras.layers.augmentation.base import ImageLayer
from jkeras.models import load_model, save_model
from jkeras.saving import keras_archive, keras_h5
from jkeras.trainer.files import keras_weights as keras_files
from jkeras.trainer.loop.parts import parts_of
from tests.golden import keras_files_cases as cases

GOLDEN = Path(__file__).parents[1] / "golden" / "keras_files.npz"
HINT = "to write Keras's files again: KERAS_BACKEND=jax python tests/golden/make_keras_files.py"
Golden = Mapping[str, np.ndarray]
NAMES = sorted([*cases.ROWS, *cases.MODELS])


@pytest.fixture(scope="module")
def golden() -> Iterator[Golden]:
    with np.load(GOLDEN) as file:  # each array is unpacked when it is asked for
        yield file


@pytest.fixture(scope="module", autouse=True)
def own_classes() -> Iterator[None]:
    """Makes the classes of the cases known, here and nowhere else."""
    before = dict(get_custom_objects())
    for name in ("own layer", "own model"):
        cases.MODELS[name](jkeras)
    yield
    get_custom_objects().clear()
    get_custom_objects().update(before)


def unpacked(golden: Golden, key: str, folder: Path) -> Path:
    path = folder / "golden.keras"
    path.write_bytes(golden[key].tobytes())
    return path


def numbered(golden: Golden, name: str, kind: str) -> list[np.ndarray]:
    keys = (f"{name}/{kind}{i}" for i in range(9))
    return [golden[key] for key in keys if key in golden]


def entries(data: bytes) -> dict[str, Any]:
    """Every group and dataset of a file: shape, dtype, names of attributes."""
    found = {}

    def note(path: str, entry: Any) -> None:
        kind = getattr(entry, "shape", None), str(getattr(entry, "dtype", ""))
        found[path] = (*kind, sorted(entry.attrs))

    with h5py.File(io.BytesIO(data)) as file:
        file.visititems(note)
    return found


def written(model: Any, fresh: bool = True) -> bytes:
    file = io.BytesIO()
    keras_h5.write(
        file, keras_files.groups_of(parts_of(model).state, parts_of(model).optimizer, fresh=fresh)
    )
    return file.getvalue()


# -- between Keras and here


def test_the_golden_file_has_every_case(golden: Golden) -> None:
    assert sorted(key.removesuffix("/file") for key in golden if key.endswith("/file")) == NAMES
    trained = [key.removesuffix("/trained") for key in golden if key.endswith("/trained")]
    assert sorted(trained) == sorted(cases.OPTIMIZERS), HINT
    assert str(golden["keras"]) == keras_archive.KERAS


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_keras_predicts_the_same(name: str, golden: Golden, tmp_path: Path) -> None:
    model = load_model(unpacked(golden, f"{name}/file", tmp_path))
    values = model.train_state
    inputs = numbered(golden, name, "x")
    # One program rounds to half precision less often than one for each operation, as in Keras.
    apply = model.net.apply if name == "half precision" else jax.jit(model.net.apply)
    outputs, _ = apply(values.params, values.state, *inputs)
    expected = numbered(golden, name, "y")
    for own, theirs in zip(jax.tree.leaves(outputs), expected, strict=True):
        own = np.asarray(own, "float32")
        np.testing.assert_allclose(own, theirs, rtol=1e-5, atol=1e-6, err_msg=f"{name}; {HINT}")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_written_here_has_keras_s_entries(name: str, golden: Golden, tmp_path: Path) -> None:
    path = unpacked(golden, f"{name}/file", tmp_path)
    theirs = keras_archive.read_weights(path)
    own = written(load_model(path))
    assert entries(own) == entries(theirs)
    found, expected = keras_h5.read(own, "own"), keras_h5.read(theirs, "theirs")
    for group, arrays in expected.items():
        for number, array in arrays.items():
            np.testing.assert_array_equal(found[group][number], array, err_msg=group)


def test_every_layer_with_weights_is_in_a_file(golden: Golden, tmp_path: Path) -> None:
    text = "".join(
        zipfile.ZipFile(unpacked(golden, f"{name}/file", tmp_path)).read("config.json").decode()
        for name in NAMES
    )
    kinds = {getattr(layers, name) for name in layers.__all__}
    named = {kind.__name__ for kind in kinds if makes_something(kind)}
    without = {"CategoryEncoding", "Discretization", "Wrapper", "Pipeline", "STFTSpectrogram"}
    without |= {"JaxLayer", "FlaxLayer"}  # their weights are what a module of the user's makes
    assert {name for name in named if f'"{name}"' not in text} == without


def makes_something(kind: Any) -> bool:
    """Whether a name of the door is a layer with an `init` of its own, for weights or checks.

    That of augmentation checks images.
    """
    is_layer = isinstance(kind, type) and issubclass(kind, layers.Layer)
    return is_layer and kind.init not in (layers.Layer.init, ImageLayer.init)


def losses_from_here_on(model: Any) -> list[float]:
    x, y = cases.data()
    fit = model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    return list(fit.history["loss"])


@pytest.mark.parametrize("name", cases.OPTIMIZERS)
def test_training_goes_on_as_in_keras(name: str, golden: Golden, tmp_path: Path) -> None:
    model = load_model(unpacked(golden, f"{name}/trained", tmp_path))
    assert int(model.optimizer.iterations) in (6, 3)
    losses = losses_from_here_on(model)
    np.testing.assert_allclose(losses, golden[f"{name}/losses"], rtol=1e-5, err_msg=HINT)


@pytest.mark.parametrize("name", cases.OPTIMIZERS)
def test_the_optimizer_is_written_as_keras_does(name: str, golden: Golden, tmp_path: Path) -> None:
    path = unpacked(golden, f"{name}/trained", tmp_path)
    theirs = keras_archive.read_weights(path)
    own = written(load_model(path), fresh=False)
    assert entries(own) == entries(theirs)
    expected = keras_h5.read(theirs, "theirs")
    for group, arrays in keras_h5.read(own, "own").items():
        for number, array in arrays.items():
            computed_anew = name == "Adafactor" and array.ndim == 2
            scale_s_own = name == "LossScaleOptimizer" and (group, number) == ("optimizer", "0")
            if not (computed_anew or scale_s_own):
                np.testing.assert_array_equal(array, expected[group][number])


def test_slots_go_to_their_names_and_weights(golden: Golden, tmp_path: Path) -> None:
    path = unpacked(golden, "Adadelta/trained", tmp_path)
    stored = keras_h5.read(keras_archive.read_weights(path), "f")["optimizer"]
    slots = load_model(path).train_state.opt_state.slots
    for number, (slot, weight) in {
        "2": ("accumulated_grad", "kernel"),
        "3": ("accumulated_delta_var", "kernel"),
        "4": ("accumulated_grad", "bias"),
    }.items():
        np.testing.assert_array_equal(slots[slot]["dense"][weight], stored[number])


def test_functions_are_written_as_keras_s_operations() -> None:
    x = layers.Input((3, 4))
    y = jkeras.ops.logsumexp(jkeras.ops.softmax(jkeras.ops.reshape(x, (-1, 2)), axis=1))
    config = jkeras.Model(x, jkeras.ops.maximum(y, 0.5)).get_config()
    found = [(part["module"], part["class_name"], part["config"]) for part in config["layers"]]
    assert found[1:] == [
        ("keras.src.ops.numpy", "Reshape", {"name": "reshape", "newshape": (-1, 2)}),
        ("keras.src.ops.nn", "Softmax", {"name": "softmax", "axis": 1}),
        ("keras.src.ops.math", "Logsumexp", {"name": "logsumexp"}),
        ("keras.src.ops.numpy", "Maximum", {"name": "maximum"}),
    ]
    assert config["layers"][4]["inbound_nodes"][0]["args"][1] == 0.5


def test_keras_reads_every_file_written_here(golden: Golden, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle of this test")
    with lenient():
        for name in ("own layer", "own model"):
            cases.MODELS[name](keras)
    path = tmp_path / "own.keras"
    for name in NAMES:
        load_model(unpacked(golden, f"{name}/file", tmp_path)).save(path)
        with warnings.catch_warnings(), lenient():
            warnings.simplefilter("ignore")
            model = keras.saving.load_model(path)
            x = numbered(golden, name, "x")
            x = x[0] if len(x) == 1 else keras.tree.pack_sequence_as(model._inputs_struct, x)
            outputs = keras.tree.flatten(model(x))
        for own, theirs in zip(outputs, numbered(golden, name, "y"), strict=True):
            own = np.asarray(own, "float32")
            np.testing.assert_allclose(own, theirs, rtol=1e-5, atol=1e-6, err_msg=name)


def test_keras_goes_on_with_every_optimizer(golden: Golden, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle of this test")
    path = tmp_path / "own.keras"
    for name in cases.OPTIMIZERS:
        load_model(unpacked(golden, f"{name}/trained", tmp_path)).save(path)
        with lenient():
            losses = losses_from_here_on(keras.saving.load_model(path))
        np.testing.assert_allclose(losses, golden[f"{name}/losses"], rtol=1e-5, err_msg=name)


# -- here


def small(**options: Any) -> jkeras.Sequential:
    dense = layers.Dense(2, kernel_initializer="ones")  # random numbers take longer to compile
    return jkeras.Sequential([layers.Input((3,)), dense], seed=0, **options)


def message_of(error: type[Exception], function: Callable[..., Any], *args: Any, **kw: Any) -> str:
    with pytest.raises(error) as caught:
        function(*args, **kw)
    return str(caught.value)


def test_a_model_comes_back_with_how_its_training_stands(tmp_path: Path) -> None:
    x, y = cases.data()
    model = small(name="net")
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    read = load_model(str(tmp_path / "m.keras"))
    assert (read.name, read.get_compile_config()) == ("net", model.get_compile_config())
    for own, other in zip(model.get_weights(), read.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
    old, new = model.train_state, read.train_state
    for own, other in zip(
        jax.tree.leaves(old.opt_state), jax.tree.leaves(new.opt_state), strict=True
    ):
        np.testing.assert_array_equal(own, other)
    assert int(new.step) == int(old.step) == 2
    bare = load_model(tmp_path / "m.keras", compile=False)
    assert not bare.compiled and bare.built


def test_without_the_optimizer_it_comes_back_not_compiled(tmp_path: Path) -> None:
    model = small()
    model.compile("adam", "mse")
    save_model(model, tmp_path / "m.keras", include_optimizer=False)
    assert not load_model(tmp_path / "m.keras").compiled
    assert "optimizer" not in keras_h5.read(keras_archive.read_weights(tmp_path / "m.keras"), "f")


def test_a_row_without_an_input_keeps_the_shape_and_dtype_it_was_built_for(tmp_path: Path) -> None:
    model = jkeras.Sequential([layers.Embedding(5, 2, "ones")], seed=0)
    model.build(jax.ShapeDtypeStruct((1, 4), np.int32))
    model.save(tmp_path / "m.keras")
    read = load_model(tmp_path / "m.keras")
    assert parts_of(read).state.specs[0].dtype == np.int32
    np.testing.assert_array_equal(read.get_weights()[0], model.get_weights()[0])


def test_a_model_without_weights_is_saved_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning) as caught:
        jkeras.Sequential([layers.Dense(2)], name="net").save(tmp_path / "m.keras")
    assert [str(w.message) for w in caught] == [
        "Sequential 'net': it has no weights yet, so the file has none. Build or fit it first."
    ]
    assert not load_model(tmp_path / "m.keras").built


def test_what_compile_was_told_is_left_out_where_it_has_no_words(tmp_path: Path) -> None:
    model = small(name="net")
    model.compile(optax.sgd(0.1), "mse")
    with pytest.warns(UserWarning, match="left out of the configuration"):
        model.save(tmp_path / "m.keras")
    assert not load_model(tmp_path / "m.keras").compiled


def test_an_existing_file_stays_when_it_shall(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(b"kept")
    assert message_of(FileExistsError, small().save, path, overwrite=False) == (
        f"{path} exists. Choose another name, or pass overwrite=True."
    )
    thing = object()  # what the function closes over cannot be written
    net = jkeras.Sequential([layers.Input((1,)), layers.Lambda(lambda x: thing and x)], name="net")
    with pytest.raises(TypeError, match="object"):
        net.save(path)
    assert path.read_bytes() == b"kept" and [p.name for p in tmp_path.iterdir()] == ["m.keras"]


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("m.weights.h5", "Weights alone go by save_weights."),
        ("m", "Use 'm.keras'."),
        ("m.safetensors", "Weights alone go by save_weights."),
    ],
)
def test_another_ending_says_what_to_use(name: str, fix: str) -> None:
    expected = f"`filepath`: expected a name that ends with '.keras', got {name!r}. {fix}"
    assert message_of(ValueError, small().save, name) == f"save: {expected}"
    expected = expected.replace("save_weights", "load_weights")
    if name == "m.weights.h5":  # test_keras_legacy_files.py has the whole message
        assert "h5py reads it with safe_mode=False" in message_of(ValueError, load_model, name)
        return
    assert message_of(ValueError, load_model, name) == f"load: {expected}"


def test_wrong_arguments_say_so() -> None:
    assert message_of(TypeError, small().save, "m.keras", include_optimiser=False) == (
        "save: unexpected argument `include_optimiser`. Did you mean 'include_optimizer'?"
    )
    assert message_of(ValueError, small().save, "m.keras", zipped=False) == (
        "save: `filepath`: expected the name of a folder with zipped=False, got 'm.keras'. Leave "
        "out the ending '.keras', or zipped=False."
    )
    assert message_of(ValueError, small().save, "m.keras", save_format="tf") == (
        "save: `save_format`: expected 'keras', got 'tf'. Leave it out; the name of the file ends "
        "with '.keras'."
    )
    assert message_of(TypeError, load_model, 3) == (
        "load: `filepath`: expected a path, got 3 (int)."
    )
    assert message_of(TypeError, load_model, "m.keras", compile="no") == (
        "load_model: `compile`: expected a bool, got 'no' (str)."
    )
    assert message_of(TypeError, save_model, layers.Dense(1), "m.keras") == (
        "save_model: `model`: expected a model, got Dense(units=1) (Dense)."
    )


def test_functions_and_losses_in_compile_are_written_as_they_were_passed() -> None:
    def apart(y_true: Any, y_pred: Any) -> Any:
        return jkeras.ops.mean(jkeras.ops.abs(y_true - y_pred), axis=-1)

    model = jkeras.Sequential([layers.Input((2,)), layers.Dense(1)])
    words: list[Any] = [apart, "mae", jkeras.losses.Huber(), jkeras.losses.log_cosh]
    model.compile("sgd", apart, metrics=words, weighted_metrics=[apart])
    config = model.get_compile_config()
    assert config["loss"]["class_name"] == "function" and config["loss"]["config"] == "apart"
    assert config["weighted_metrics"] == [config["loss"]]
    assert config["metrics"][:2] == [config["loss"], "mae"]
    # A class of ours that Keras lacks has our module, and Keras could not read it.
    assert [part["module"] for part in config["metrics"][2:]] == ["keras.losses"] * 2
