"""Models as configurations: Keras's form, JSON, what they were compiled with."""

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras import layers, losses, metrics, optimizers
from jkeras.models import Chain, clone_model, model_from_json
from jkeras.saving import deserialize_keras_object, serialize_keras_object

SMALL = [layers.Dense(2, activation="relu"), layers.Dense(1)]


def small(**options: Any) -> jkeras.Sequential:
    """A model without weights, which take a second to make."""
    return jkeras.Sequential(SMALL, seed=0, **options)


def built(name: str) -> jkeras.Sequential:
    return jkeras.Sequential([layers.InputLayer((3,)), *SMALL], name=name)


def message_of(error: type[Exception], function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_a_sequential_is_written_as_in_keras_and_comes_back() -> None:
    model = jkeras.Sequential([layers.Flatten(), layers.Dense(2)], name="net")
    config = model.get_config()
    assert {key: config[key] for key in ("name", "trainable", "dtype")} == {
        "name": "net",
        "trainable": True,
        "dtype": None,
    }
    assert [part["config"]["name"] for part in config["layers"]] == ["flatten", "dense"]
    assert serialize_keras_object(model)["module"] == "keras"
    read = jkeras.Sequential.from_config(json.loads(json.dumps(config)))
    assert read.net == model.net and read.name == "net" and not read.built


def test_the_shape_of_the_inputs_is_kept_where_no_layer_tells_it() -> None:
    model = jkeras.Sequential([layers.Dense(2)])
    model.build((None, 3))
    assert model.get_config()["build_input_shape"] == (None, 3)
    assert jkeras.Sequential.from_config(model.get_config()).count_params() == 8


def test_a_chain_among_the_layers_is_keras_s_sequential() -> None:
    inner = Chain([layers.Dense(2)], name="inner", trainable=False)
    model = jkeras.Sequential([inner, layers.Dense(1)])
    part = model.get_config()["layers"][0]
    assert (part["class_name"], part["config"]["name"]) == ("Sequential", "inner")
    assert part["config"]["trainable"] is False
    assert part["config"]["layers"][0]["config"]["trainable"] is False
    read = jkeras.Sequential.from_config(model.get_config()).net
    assert read.layers[1] == model.net.layers[1]
    assert read.layers[0].name == "inner" and not read.layers[0].layers[0].trainable


def test_json_carries_what_compile_was_told() -> None:
    model = small()
    model.compile(
        optimizers.SGD(0.1, momentum=0.9),
        losses.Huber(0.5),
        metrics=["mae", metrics.MeanSquaredError()],
        weighted_metrics=["accuracy"],
        steps_per_execution=3,
    )
    text = model.to_json()
    written = json.loads(text)["compile_config"]
    assert written["metrics"] == ["mae", "mean_squared_error"]
    assert written["weighted_metrics"] == ["accuracy"]
    assert written["loss"]["config"]["delta"] == 0.5
    assert (written["steps_per_execution"], written["run_eagerly"]) == (3, False)
    read = model_from_json(text)
    assert read.net == model.net and read.get_compile_config() == model.get_compile_config()
    assert read.optimizer == optimizers.SGD(0.1, momentum=0.9)


def test_the_rate_that_is_written_is_that_of_now() -> None:
    model = small()
    model.compile("sgd", "mse")
    assert model.get_compile_config()["optimizer"]["config"]["learning_rate"] == 0.01
    assert model.get_compile_config()["loss"] == "mse"
    model.learning_rate = 0.5
    assert model.get_compile_config()["optimizer"]["config"]["learning_rate"] == 0.5


def test_losses_of_several_outputs_are_written_by_name() -> None:
    model = small()
    model.compile("sgd", {"a": "mse", "b": None}, loss_weights={"a": 0.5, "b": 1.0})
    written = model.get_compile_config()
    assert (written["loss"], written["loss_weights"]) == (
        {"a": "mse", "b": None},
        {"a": 0.5, "b": 1.0},
    )
    other = small()
    other.compile_from_config(json.loads(json.dumps(written)))
    assert other.get_compile_config() == written


def test_a_model_that_is_not_compiled_says_so() -> None:
    assert small().get_compile_config() == {}
    assert not model_from_json(small().to_json()).compiled


def test_what_cannot_be_written_is_left_out_with_a_warning() -> None:
    model = small(name="net")
    model.compile(optax.sgd(0.1), "mse")
    expected = (
        "`optimizer`: expected one of jkeras.optimizers, got a transformation of optax's, which "
        "does not tell its arguments."
    )
    assert message_of(TypeError, model.get_compile_config) == expected
    with pytest.warns(UserWarning) as told:
        text = model.to_json()
    assert str(told[0].message).endswith(
        f"what it was compiled with is left out of the configuration: {expected}"
    )
    assert model_from_json(text).net == model.net


def test_a_trainer_is_written_with_its_description() -> None:
    trainer = jkeras.Trainer(Chain([layers.Dense(2)]), name="t")
    written = json.loads(trainer.to_json())
    assert written["module"] == "jkeras.models"
    read = deserialize_keras_object(written)
    assert type(read) is jkeras.Trainer and read.net == trainer.net and read.name == "t"


def test_clones_share_nothing() -> None:
    model = built("net")
    copy = clone_model(model)
    assert copy.net == model.net and copy.name == "net"
    assert "build_input_shape" not in model.get_config()
    first, second = model.params["dense"]["kernel"], copy.params["dense"]["kernel"]
    assert not np.array_equal(first, second)
    copy.set_weights([np.zeros_like(weight) for weight in copy.get_weights()])
    np.testing.assert_array_equal(model.params["dense"]["kernel"], first)


def test_clones_of_other_layers() -> None:
    def wider(layer: Any) -> Any:
        return layer.replace(units=5) if layer.name == "dense" else layer

    copy = clone_model(small(), clone_function=wider)
    assert [layer.units for layer in copy.layers] == [5, 1]
    shared = layers.Dense(3)
    twice = clone_model(jkeras.Sequential([shared, shared]))
    assert [layer.name for layer in twice.net.layers] == ["dense", "dense"]


def test_a_clone_of_a_trainer() -> None:
    trainer = jkeras.Trainer(Chain([layers.Dense(2)]))
    assert clone_model(trainer).net == trainer.net
    assert message_of(ValueError, clone_model, trainer, clone_function=abs).endswith(
        "`clone_function`: expected None, because the model is not made of a list of layers, got "
        "<built-in function abs> (builtin_function_or_method)."
    )


def test_wrong_use_of_clones_and_json() -> None:
    assert message_of(TypeError, clone_model, layers.Dense(2)) == (
        "clone_model: `model`: expected a model, got Dense(units=2) (Dense)."
    )
    assert message_of(ValueError, clone_model, small(), input_tensors=jnp.ones(2)) == (
        "clone_model: `input_tensors`: expected what Input() returned in the structure of the "
        "model's inputs, input, got an array of shape (2,) and dtype float32."
    )
    assert message_of(ValueError, clone_model, small(), call_function=abs) == (
        "Sequential 'sequential': `call_function`: expected None, because a Sequential has no "
        "calls of layers, got <built-in function abs> (builtin_function_or_method)."
    )
    assert message_of(TypeError, clone_model, small(), tensors=1) == (
        "clone_model: unexpected argument `tensors`."
    )
    assert message_of(TypeError, model_from_json, {"class_name": "Sequential"}) == (
        "model_from_json: expected the text that to_json() gave, got {'class_name': 'Sequential'} "
        "(dict)."
    )
    assert message_of(ValueError, model_from_json, "model.json") == (
        "model_from_json: expected JSON: Expecting value: line 1 column 1 (char 0)."
    )


def test_wrong_configurations_of_models() -> None:
    read = jkeras.Sequential.from_config
    assert message_of(TypeError, read, [1]) == (
        "Sequential.from_config: expected a dict of arguments, got [1] (list)."
    )
    assert message_of(ValueError, read, {"name": "a"}) == (
        "Sequential.from_config: the configuration lacks `layers`. It has: name."
    )
    assert message_of(ValueError, read, serialize_keras_object(small())) == (
        "Sequential.from_config: expected a dict of arguments, got a whole configuration with "
        "'class_name' and 'config'. Pass its 'config', or use "
        "jkeras.saving.deserialize_keras_object."
    )
    wrong = {"layers": [{"class_name": "Dense", "config": {"units": 0}}]}
    assert message_of(ValueError, read, wrong) == (
        "Dense: `units`: expected a positive integer, got 0."
    )


class Twice(layers.Layer):
    def apply(self, params, state, inputs, *, key=None, training=False):
        return inputs * 2, state


class OwnCompile(jkeras.Sequential):
    """A model whose `compile` takes other arguments."""

    def compile(self, rate: float) -> None:
        super().compile(optimizers.SGD(rate), "mse")


def test_a_compile_of_ones_own_is_left_to_the_user(tmp_path: Any) -> None:
    path, given = tmp_path / "m.keras", {"OwnCompile": OwnCompile}
    model = OwnCompile([jkeras.Input((3,)), layers.Dense(2)])
    model.compile(0.5)
    model.save(path)
    with pytest.warns(UserWarning, match="OwnCompile has a `compile` of its own. Call") as caught:
        loaded = jkeras.models.load_model(path, custom_objects=given)
    assert [warning.filename for warning in caught] == [__file__]
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    loaded.compile(0.25)
    assert loaded.optimizer.learning_rate == 0.25


def test_layers_of_ones_own_are_passed() -> None:
    model = jkeras.Sequential([Twice()])
    written = json.loads(model.to_json())
    written["config"]["layers"][0]["module"] = "elsewhere"
    read = model_from_json(json.dumps(written), {"Twice": Twice})
    assert read.net == model.net
    same = jkeras.Sequential.from_config(written["config"], custom_objects={"Twice": Twice})
    assert same.net == model.net
    assert message_of(ValueError, model_from_json, json.dumps(written)) == (
        "the configuration names the class 'Twice', which is not known here. If it is your own, "
        "pass it: custom_objects={'Twice': Twice}, or decorate it with "
        "@jkeras.saving.register_keras_serializable()."
    )


def test_weights_of_a_model_fit_the_one_that_was_read() -> None:
    model = built("net")
    read = jkeras.Sequential.from_config(model.get_config())
    read.set_weights(model.get_weights())
    jax.tree.map(np.testing.assert_array_equal, read.params, model.params)
