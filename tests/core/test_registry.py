"""What the functions `get` and `deserialize` of all modules share."""

import inspect
import pickle
from typing import Any

import pytest

import jkeras
from jkeras.core.registry import function_for, reader

MODULES: dict[str, Any] = {
    "activations": jkeras.activations,
    "constraints": jkeras.constraints,
    "initializers": jkeras.initializers,
    "layers": jkeras.layers,
    "losses": jkeras.losses,
    "metrics": jkeras.metrics,
    "optimizers": jkeras.optimizers,
    "optimizers.schedules": jkeras.optimizers.schedules,
    "regularizers": jkeras.regularizers,
}


@pytest.mark.parametrize("name", MODULES)
def test_deserialize_has_one_signature_and_belongs_to_its_module(name: str) -> None:
    function = MODULES[name].deserialize
    assert list(inspect.signature(function).parameters) == ["config", "custom_objects"]
    assert pickle.loads(pickle.dumps(function)) is function
    assert f"Source: `keras.{name}.deserialize`." in function.__doc__


def test_a_class_outside_the_base_and_a_misspelt_name_are_errors() -> None:
    table = {"relu": abs}
    assert function_for("relu", "activations", table, expected="a name") is abs
    with pytest.raises(ValueError, match="unknown activation 'rleu'"):
        function_for("rleu", "activations", table, expected="a name")
    with pytest.raises(TypeError, match="expected a name, got <class 'int'>"):
        function_for(int, "activations", table, expected="a name")


def test_a_reader_refuses_objects_of_another_kind() -> None:
    assert reader("schedule", "optimizers.schedules", callable)(abs) is abs
    with pytest.raises(TypeError, match="expected the configuration of a schedule"):
        reader("schedule", "optimizers.schedules", callable)(3)
