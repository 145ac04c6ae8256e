"""Sequential and functional configurations: those of Keras, read and written."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.core.identity import identity_of
from jkeras.core.trees import count
from jkeras.layers import Dense, Input
from jkeras.models import clone_model, model_from_json
from tests.modules import module_at

GOLDEN = Path(__file__).parents[1] / "golden"

MAKE = module_at(GOLDEN / "config_cases.py").MODELS
KERAS = json.loads((GOLDEN / "configs.json").read_text())["configs"]
every_model = pytest.mark.parametrize("name", MAKE)


def calls(config: dict[str, Any]) -> Iterator[Any]:
    """What a functional configuration says of a layer, but for its arguments."""
    for entry in config["layers"]:
        text = json.dumps(entry["inbound_nodes"], sort_keys=True)
        nodes = [(node["args"], without_noise(node["kwargs"])) for node in json.loads(text)]
        yield entry["name"], entry["class_name"], entry["module"], nodes


def without_noise(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Without the masks that are None, and `training` that Keras's LSTM adds to them."""
    noise = ("mask", "training") if "mask" in kwargs else ()
    return {name: value for name, value in kwargs.items() if name not in noise}


def without_shapes(part: Any) -> Any:
    """Without the shapes and dtypes of values, at which Keras does not look when it reads."""
    if isinstance(part, dict) and part.get("class_name") == "__keras_tensor__":
        return part["config"]["keras_history"]
    if isinstance(part, dict):
        return {name: without_shapes(item) for name, item in part.items()}
    return [without_shapes(item) for item in part] if isinstance(part, list | tuple) else part


@pytest.mark.parametrize("name", ["two_ends", "sequences"])
def test_graphs_are_written_as_in_keras(name: str) -> None:
    ours, theirs = json.loads(MAKE[name](jkeras).to_json()), KERAS[name]
    for key in ("module", "class_name", "registered_name"):
        assert ours[key] == theirs[key]
    for key in ("name", "trainable", "input_layers", "output_layers"):
        assert ours["config"][key] == theirs["config"][key]
    written, expected = (without_shapes(list(calls(c["config"]))) for c in (ours, theirs))
    assert written == expected


@every_model
def test_models_of_keras_are_read(name: str) -> None:
    model, read = MAKE[name](jkeras), model_from_json(json.dumps(KERAS[name]))
    assert [layer.name for layer in read.net.layers] == [layer.name for layer in model.net.layers]
    assert [type(layer) for layer in read.net.layers] == [type(x) for x in model.net.layers]
    if name == "sequential":
        told, expected = read.get_compile_config(), model.get_compile_config()
        assert told["optimizer"]["config"].pop("name") == "sgd"  # Keras names its optimizers
        del expected["optimizer"]["config"]["name"]
        assert told == expected
    else:
        assert read.net.wiring.calls == model.net.wiring.calls


@every_model
def test_what_was_written_is_read_as_an_equal_model(name: str) -> None:
    model = MAKE[name](jkeras)
    read = model_from_json(model.to_json())
    assert read.net == model.net
    assert clone_model(model).net == model.net


def test_keras_reads_a_graph_and_computes_the_same() -> None:
    reason = "reads what is written here by Keras itself, which is not installed"
    with warnings.catch_warnings(), jax.numpy_dtype_promotion("standard"):
        warnings.simplefilter("ignore")  # of Keras's, whose arithmetic is not strict either
        with jax.numpy_rank_promotion("allow"):
            keras = pytest.importorskip("keras", reason=reason)
            model = MAKE["two_ends"](jkeras)
            theirs = keras.models.model_from_json(model.to_json())
            theirs.set_weights(model.get_weights())
            rng = np.random.default_rng(0)
            x = [rng.normal(size=(2, 4)).astype("float32") for _ in range(2)]
            expected = theirs(x)
            found, _ = model.net.apply(model.params, model.state, *x)
    assert set(found) == set(expected)
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)


def test_functions_of_ops_come_back_with_their_arguments() -> None:
    x = Input((3, 4))
    y = ops.mean(ops.tanh(x), axis=1, keepdims=True)
    model = jkeras.Model(x, [1.0 - abs(y), y[..., 0], ops.concatenate([y, y], axis=-1)])
    read = model_from_json(model.to_json())
    assert [layer.name for layer in read.net.layers] == [layer.name for layer in model.net.layers]
    assert read.output_shape == [(None, 1, 4), (None, 1), (None, 1, 8)]


def test_operations_of_keras_are_read_with_the_arguments_it_keeps_in_them() -> None:
    config = jkeras.Model(x := Input((3,), name="x"), ops.sum(x, axis=1)).get_config()
    entry = config["layers"][1]
    kept = {**entry, "module": "keras.src.ops.numpy", "class_name": "Sum"}
    kept["config"] = {"name": "sum", "axis": 1, "keepdims": True}
    kept["inbound_nodes"] = [{"args": entry["inbound_nodes"][0]["args"], "kwargs": {}}]
    read = jkeras.Model.from_config({**config, "layers": [config["layers"][0], kept]})
    assert read.output_shape == (None, 1)


def size(model: Any) -> int:
    """The number of weights, without making them."""
    specs = [jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype) for x in model.inputs]
    return count(jax.eval_shape(model.net.init, jax.random.key(0), *specs)[0])


def test_a_clone_of_a_graph_takes_other_layers_and_shares_none() -> None:
    x = Input((3,))
    inner = jkeras.Model(y := Input((4,)), Dense(4)(y), name="inner")
    model = jkeras.Model(x, Dense(2, name="out")(inner(Dense(4, name="wide")(x))))

    def without_bias(layer: Any) -> Any:
        return layer.replace(use_bias=False) if isinstance(layer, Dense) else layer

    assert size(model) == 16 + 20 + 10
    assert size(clone_model(model, clone_function=without_bias)) == 12 + 20 + 8
    twin = clone_model(model)
    known = {identity_of(layer) for layer in every_layer_in(model.net)}
    assert len(known) == 6 and known.isdisjoint(map(identity_of, every_layer_in(twin.net)))


def every_layer_in(net: Any) -> Iterator[Any]:
    for layer in net.layers:
        yield layer
        yield from every_layer_in(layer) if hasattr(layer, "layers") else ()


def test_a_layer_that_is_shared_stays_shared_in_a_clone() -> None:
    shared = Dense(3)
    x = Input((3,))
    model = jkeras.Model(x, layers.Add()([shared(x), shared(shared(x))]))
    assert size(clone_model(model)) == size(model) == 12


def message_of(error: type[Exception], function: Any, *args: Any) -> str:
    with pytest.raises(error) as caught:
        function(*args)
    return str(caught.value)


def test_wrong_configurations_of_graphs() -> None:
    x = Input((3,), name="x")
    config = jkeras.Model(x, abs(Dense(2, name="out")(x)), name="net").get_config()
    read = jkeras.Model.from_config
    assert message_of(ValueError, read, {"layers": [], "name": "a"}) == (
        "Model.from_config: the configuration lacks `input_layers`, `output_layers`. It has: "
        "layers, name."
    )
    assert message_of(TypeError, read, "net") == (
        "Model.from_config: expected a dict of arguments, got 'net' (str)."
    )
    without = {**config, "layers": config["layers"][1:]}
    assert message_of(ValueError, read, without) == (
        "the configuration's layers absolute, out wait for inputs that none makes."
    )


def test_a_clone_calls_layers_in_other_ways_as_in_keras() -> None:
    x = Input((3,))
    model = jkeras.Model(x, Dense(2, name="b")(Dense(4, name="a")(x)))
    model.compile("adam", "mse")

    def with_dropout(layer: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        return layers.Dropout(0.5)(outputs) if isinstance(layer, Dense) else outputs

    shares = clone_model(model, clone_function=lambda layer: layer, call_function=with_dropout)
    kinds = [type(layer).__name__ for layer in shares.layers]
    assert kinds == ["InputLayer", "Dense", "Dropout", "Dense", "Dropout"]
    assert shares.compiled and clone_model(model, call_function=with_dropout).compiled
    inputs = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(
        shares(inputs), model(inputs)
    )  # the same layers, the same weights


def test_a_clone_takes_other_inputs_and_clones_models_inside() -> None:
    def inner(units: int) -> Any:
        y = Input((units,))
        return jkeras.Model(y, Dense(units)(y), name="inner")

    x = Input((3,))
    chain = jkeras.Sequential([Dense(3), jkeras.Sequential([Dense(3)])])
    model = jkeras.Model({"x": x}, chain(inner(3)(x)))
    kept = clone_model(model, clone_function=lambda layer: layer)
    wide = clone_model(
        model, clone_function=lambda layer: layer.replace(use_bias=False), recursive=True
    )
    assert (size(kept), size(wide)) == (3 * 12, 3 * 9)
    z = Input((3,), name="z")
    assert clone_model(model, input_tensors={"x": z}).inputs[0] is z
    assert clone_model(chain, input_tensors=z).input_shape == (None, 3)
    with pytest.raises(ValueError, match="in the structure of the model's inputs"):
        clone_model(model, input_tensors=[z, z])


class Doubled(layers.Conv2D):
    def call(self, inputs: Any) -> Any:
        return 2 * super().call(inputs)


def test_a_subclass_with_tuples_among_its_arguments_is_cloned() -> None:
    model = jkeras.Sequential([jkeras.Input((4, 4, 1)), Doubled(2, (3, 3))])
    clone = clone_model(model)
    assert clone.output_shape == (None, 2, 2, 2) and clone.layers[-1] is not model.layers[-1]
