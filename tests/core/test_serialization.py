"""Configurations: equal to Keras's, key by key, read and written in both directions."""

import json
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import activations, initializers, layers, losses, metrics, optimizers
from jkeras.core.serialization import (
    deserialize_keras_object,
    resolved,
    serialize_keras_object,
)
from tests.modules import module_at

GOLDEN = Path(__file__).parents[1] / "golden"
HINT = "run: KERAS_BACKEND=jax python tests/golden/make_configs.py"

OBJECTS = module_at(GOLDEN / "config_cases.py").objects(jkeras, np)
CASES = {expression: made for _, expression, made in OBJECTS}
KERAS = json.loads((GOLDEN / "configs.json").read_text())["configs"]
every_case = pytest.mark.parametrize("case", CASES)

# Keras writes these and we do not, because …
LACKING = {
    "quantization_config": "nothing is quantized here",
    "activity_regularizer": "Embedding takes none, and Keras writes None",
    "sparse": "inputs are dense",
    "ragged": "inputs are dense",
    "optional": "inputs are given",
}
# We write these and Keras does not, because …
ADDED = {
    "axis": "Keras forgets it: what it reads back is another loss",
    "delta": "Keras forgets it: what it reads back is another loss",
    "gain": "Keras forgets it: what it reads back is another initializer",
    "seed": "Keras's SimpleRNN forgets it",
    "thresholds": "Keras's AUC writes them only when they are set",
    "from_sorted_ids": "Keras forgets it",
    "sparse": "Keras's CategoryEncoding forgets it",
}
# Both write these, with other values, because …
OTHERWISE = {
    "strides": "None is the size of the pool, which Keras writes",
    "value_dim": "None is `key_dim`, which Keras writes",
    "backward_layer": "None is the same layer turned round, which Keras writes",
    "zero_output_for_mask": "Bidirectional sets it in the layers that run, Keras in its argument",
    "num_thresholds": "with `thresholds` it plays no part; Keras writes their number and two",
    "label_weights": "a list, where Keras writes an array",
    "name": "None is chosen by the model or the class; Keras chooses at once, by a counter",
    "dtype": "None is the inputs' dtype, or Keras's default, which Keras writes",
}
TABLES = {"lacks": LACKING, "adds": ADDED, "differs": OTHERWISE}


def differences(ours: Any, theirs: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """(kind of difference, key) for everything in which two configurations differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        yield from (("lacks", name) for name in theirs.keys() - ours.keys())
        yield from (("adds", name) for name in ours.keys() - theirs.keys())
        for name in ours.keys() & theirs.keys():
            yield from differences(ours[name], theirs[name], name)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for mine, other in zip(ours, theirs, strict=True):
            yield from differences(mine, other, key)
    elif isinstance(ours, float) and isinstance(theirs, float):
        if not math.isclose(ours, theirs, rel_tol=1e-6):  # Keras keeps rates in float32
            yield "differs", key
    elif ours != theirs:
        yield "differs", key


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(serialize_keras_object(value)))


def unexplained(ours: Any, theirs: Any) -> list[tuple[str, str]]:
    return [(kind, key) for kind, key in differences(ours, theirs) if key not in TABLES[kind]]


def test_the_golden_file_has_every_case() -> None:
    assert set(CASES) | set(module_at(GOLDEN / "config_cases.py").MODELS) == set(KERAS), HINT


@every_case
def test_configurations_are_those_of_keras(case: str) -> None:
    assert unexplained(through_json(CASES[case]), KERAS[case]) == []


@every_case
def test_what_was_written_reads_as_an_equal_object(case: str) -> None:
    made = CASES[case]
    assert deserialize_keras_object(through_json(made)) == made
    assert type(made).from_config(made.get_config()) == made


@every_case
def test_configurations_of_keras_are_read(case: str) -> None:
    read = deserialize_keras_object(KERAS[case])
    assert type(read) is type(CASES[case])
    found = set(unexplained(through_json(read), KERAS[case]))
    forgotten = {("differs", key) for key in ("axis", "delta", "gain")}
    assert found <= forgotten


def test_every_exception_is_needed() -> None:
    found: dict[str, set[str]] = {kind: set() for kind in TABLES}
    for case, made in CASES.items():
        for kind, key in differences(through_json(made), KERAS[case]):
            found[kind].add(key)
    assert found == {kind: set(table) for kind, table in TABLES.items()}


def test_keras_reads_every_configuration() -> None:
    reason = "reads what is written here by Keras itself, which is not installed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras's
        keras = pytest.importorskip("keras", reason=reason)
        for case, made in CASES.items():
            theirs = keras.saving.deserialize_keras_object(through_json(made))
            again = json.loads(json.dumps(keras.saving.serialize_keras_object(theirs)))
            kinds = {("differs", key) for key in ("name", "dtype")}
            assert set(unexplained(again, KERAS[case])) <= kinds, case


def test_values_that_are_no_objects() -> None:
    assert serialize_keras_object({"a": [1, 2.5, "b", None, (True,)]}) == {
        "a": [1, 2.5, "b", None, (True,)]
    }
    assert serialize_keras_object(np.float32(0.5)) == 0.5
    written = serialize_keras_object(jnp.ones((1, 2), jnp.float16))
    assert written == {
        "class_name": "__numpy__",
        "config": {"value": [[1.0, 1.0]], "dtype": "float16"},
    }
    read = deserialize_keras_object(written)
    assert read.dtype == np.float16 and read.tolist() == [[1.0, 1.0]]
    assert deserialize_keras_object({"class_name": "__tuple__", "config": [1, [2]]}) == (1, [2])
    written = {"class_name": "__bytes__", "config": {"value": "h\u00e9"}}
    assert serialize_keras_object("h\u00e9".encode()) == written
    assert deserialize_keras_object(written) == "h\u00e9".encode()


def test_arrays_in_arguments_come_back() -> None:
    table = layers.Embedding(2, 2, weights=[[1.0, 2.0], [3.0, 4.0]])
    assert layers.deserialize(through_json(table)) == table
    assert "weights" not in layers.Embedding(2, 2).get_config()
    kernel = layers.Dense(2, kernel_initializer=np.eye(2))
    assert layers.deserialize(through_json(kernel)) == kernel


def test_float32_policies_say_nothing_unless_others_are_mixed_in() -> None:
    def config(*names: str) -> dict[str, Any]:
        policies = [{"class_name": "DTypePolicy", "config": {"name": name}} for name in names]
        dense = [
            {"class_name": "Dense", "config": {"units": 2, "dtype": policy}} for policy in policies
        ]
        return {"class_name": "Sequential", "config": {"name": "s", "layers": dense}}

    def dtypes(*names: str) -> list[Any]:
        model = deserialize_keras_object(config(*names))
        return [layer.dtype and layer.dtype.name for layer in model.net.layers]

    assert dtypes("float32", "float32") == [None, None]
    assert dtypes("mixed_bfloat16", "float32") == ["bfloat16", "float32"]
    assert dtypes("float16") == ["float16"]


@pytest.mark.parametrize("kind", [layers.Dense, layers.SpatialDropout1D])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", None])
def test_what_every_layer_takes_comes_back(kind: Any, dtype: str | None) -> None:
    layer = kind(1, dtype=dtype, trainable=False, name="a", input_shape=(3, None))
    assert layers.deserialize(through_json(layer)) == layer


def test_equal_named_layers_of_a_list_are_one() -> None:
    dense = layers.Dense(4)
    chain = jkeras.models.Chain([dense, layers.ReLU(), dense])
    read = deserialize_keras_object(through_json(chain))
    assert read == chain and [layer.name for layer in read.layers] == ["dense", "re_lu", "dense"]


def test_get_reads_configurations_and_words_in_every_room() -> None:
    for room, made in (
        (activations, activations.relu),
        (initializers, initializers.HeNormal(seed=1)),
        (jkeras.regularizers, jkeras.regularizers.L2(0.5)),
        (jkeras.constraints, jkeras.constraints.MaxNorm(3)),
        (losses, losses.Huber(2.0)),
        (metrics, metrics.AUC(5)),
        (optimizers, optimizers.SGD(0.5)),
    ):
        assert room.get(room.serialize(made)) == made
        assert room.deserialize(room.serialize(made)) == made
    assert losses.deserialize("mse") == losses.get("mse")
    schedule = optimizers.schedules.CosineDecay(0.1, 5)
    assert optimizers.schedules.deserialize(optimizers.schedules.serialize(schedule)) == schedule
    # A name of several rooms is the one of the room that is asked.
    hinge = {"class_name": "Hinge", "config": {}}
    assert losses.get(hinge) == losses.Hinge() and metrics.get(hinge) == metrics.Hinge()
    identity = {"class_name": "Identity", "config": {}}
    assert initializers.get(identity) == initializers.Identity()
    assert layers.deserialize(identity) == layers.Identity()


def test_activations_are_written_as_keras_writes_them() -> None:
    assert activations.serialize(activations.relu) == "relu"
    function = {"class_name": "function", "config": "relu", "module": "builtins"}
    assert activations.get(function) is activations.relu
    dense = layers.Dense(2, activation=layers.LeakyReLU(0.1))
    assert dense.get_config()["activation"]["class_name"] == "LeakyReLU"


def test_words_that_wait_for_shapes_stay_words() -> None:
    assert metrics.serialize(metrics.get("acc")) == "acc"
    assert resolved("acc", "metrics") == "acc"


def test_arguments_that_keras_has_and_that_say_nothing_are_left_out() -> None:
    config = {"equation": "ab,bc->ac", "output_shape": 2, "gptq_unpacked_column_size": None}
    assert layers.EinsumDense.from_config(config) == layers.EinsumDense("ab,bc->ac", 2)
    config = {"units": 2, "trainable": True, "build_config": {"a": 1}}
    assert layers.Dense.from_config(config) == layers.Dense(2)


def message_of(error: type[Exception], function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_wrong_configurations_are_answered() -> None:
    from_config, read = layers.Dense.from_config, deserialize_keras_object
    assert message_of(TypeError, from_config, 5) == (
        "Dense.from_config: expected a dict of arguments, got 5 (int)."
    )
    assert message_of(ValueError, from_config, {"name": "head", "use_bias": True}) == (
        "Dense.from_config: the configuration lacks `units`. It has: name, use_bias."
    )
    assert message_of(ValueError, from_config, {}) == (
        "Dense.from_config: the configuration lacks `units`. It has: nothing."
    )
    assert message_of(TypeError, from_config, {"units": 2, "activaton": "relu"}).startswith(
        "Dense: unexpected argument `activaton`. Did you mean 'activation'? Arguments: units, "
    )
    config = {"equation": "ab,bc->ac", "output_shape": 2, "gptq_unpacked_column_size": 4}
    assert message_of(ValueError, layers.EinsumDense.from_config, config) == (
        "EinsumDense.from_config: `gptq_unpacked_column_size`: expected None, because jkeras has "
        "no such argument, got 4 (int)."
    )
    assert message_of(ValueError, from_config, layers.serialize(layers.Dense(2))) == (
        "Dense.from_config: expected a dict of arguments, got a whole configuration with "
        "'class_name' and 'config'. Pass its 'config', or use "
        "jkeras.saving.deserialize_keras_object."
    )
    assert message_of(ValueError, read, {"class_name": "Dense"}) == (
        "the configuration of 'Dense' has no key 'config'. It has: 'class_name'."
    )
    assert message_of(TypeError, read, {"class_name": 3, "config": {}}) == (
        "expected the name of a class as 'class_name', got 3 (int)."
    )
    assert message_of(TypeError, read, {"class_name": ["Dense"], "config": {}}) == (
        "expected the name of a class as 'class_name', got ['Dense'] (list)."
    )
    for content, shown in (({}, "None (NoneType)"), ({"name": ["relu"]}, "['relu'] (list)")):
        assert message_of(TypeError, read, {"class_name": "function", "config": content}) == (
            f"expected the name of a function in 'config', got {shown}."
        )
    unknown = {"module": "keras.layers", "class_name": "Dens", "config": {}}
    assert message_of(ValueError, read, unknown) == (
        "the configuration names the class 'Dens', which is not known here. Did you mean 'Dense'? "
        "If it is your own, pass it: custom_objects={'Dens': Dens}, or decorate it with "
        "@jkeras.saving.register_keras_serializable()."
    )
    function = {"class_name": "function", "config": "rleu", "module": "builtins"}
    assert message_of(ValueError, activations.get, function) == (
        "the configuration names the function 'rleu', which is not known here. Did you mean "
        "'relu'? If it is your own, pass it: custom_objects={'rleu': rleu}, or decorate it with "
        "@jkeras.saving.register_keras_serializable()."
    )


def test_wrong_kinds_in_a_room_are_answered() -> None:
    zeros = initializers.serialize(initializers.Zeros())
    assert message_of(TypeError, layers.deserialize, zeros).startswith(
        "expected the configuration of a layer, a dict with 'class_name' and 'config', got {'"
    )
    assert message_of(TypeError, layers.deserialize, "Dense") == (
        "expected the configuration of a layer, a dict with 'class_name' and 'config', got "
        "'Dense' (str)."
    )
    area = metrics.serialize(metrics.AUC())
    assert message_of(TypeError, losses.get, area) == (
        "expected a loss, got the metric AUC() (AUC). Pass it to compile(metrics=[...])."
    )
    assert message_of(TypeError, optimizers.get, zeros).startswith(
        "expected an optimizer: a name, an object of jkeras.optimizers, or an optax optimizer; got "
    )
    assert message_of(TypeError, optimizers.schedules.deserialize, 0.1) == (
        "expected the configuration of a schedule, a dict with 'class_name' and 'config', got "
        "0.1 (float)."
    )


def test_code_is_let_in_by_the_caller_alone() -> None:
    read = deserialize_keras_object
    config = serialize_keras_object(layers.Lambda(lambda x: x))
    assert message_of(ValueError, read, config) == (
        "the configuration holds a Python lambda as code, which could do anything. If you trust "
        "who wrote it, read it with safe_mode=False; better, write the function with def, make the "
        "object anew with it, and pass it in custom_objects={'name': function} when reading."
    )
    assert read(config, safe_mode=False).function(3) == 3
    assert message_of(TypeError, read, {}, safe_mode="no") == (
        "deserialize: `safe_mode`: expected True or False, got 'no' (str)."
    )
    # Only classes made from ours are found in modules that are loaded already.
    popen = {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}}
    assert message_of(ValueError, read, popen).startswith(
        "the configuration names the class 'Popen', which is not known here."
    )
    system = {"module": "os", "class_name": "function", "config": "system"}
    assert message_of(ValueError, read, system).startswith(
        "the configuration names the function 'system', which is not known here."
    )


def test_what_has_no_configuration_is_answered() -> None:
    assert message_of(TypeError, serialize_keras_object, object).startswith(
        "expected something with a configuration, got <class 'object'> (type). A class of your own "
        "needs `get_config`"
    )
    assert message_of(TypeError, serialize_keras_object, {1: 2}) == (
        "expected dicts with strings as keys, got the key 1 (int)."
    )


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("__numpy__", {}, "expected the keys 'value', got {}"),
        ("__bytes__", "a", "expected the keys 'value', got 'a'"),
        ("__tensor__", None, "expected the keys 'value', got None"),
        ("__slice__", {"start": 1}, "expected the keys 'start', 'stop', 'step', got {'start': 1}"),
        ("__tuple__", None, "expected a list of items, got None"),
        ("DTypePolicy", {}, "expected the keys 'name', got {}"),
        ("__numpy__", {"value": ["a"], "dtype": "float32"}, "expected numbers of a dtype of NumPy"),
        ("__numpy__", {"value": [1], "dtype": "real"}, "expected numbers of a dtype of NumPy"),
    ],
)
def test_a_broken_plain_value_is_named(name: str, content: Any, told: str) -> None:
    with pytest.raises(ValueError, match="the configuration of") as caught:
        deserialize_keras_object({"class_name": name, "config": content})
    assert told in str(caught.value)
