"""Graphs become configurations in Keras's form, and graphs again."""

from __future__ import annotations

import json

import numpy as np
import pytest

import jkeras
from jkeras import Input, Model
from jkeras.core.operations import Operation, record
from jkeras.layers import Dense
from jkeras.models import Graph
from tests.golden.graph_cases import CASES, data


@pytest.mark.parametrize("case", CASES)
def test_reading_what_was_written_gives_an_equal_graph(case: str) -> None:
    model = CASES[case][0](jkeras)
    config = json.loads(json.dumps(model.get_config()))
    again = Model.from_config(config)
    assert again.get_config() == model.get_config() and again.name == model.name
    assert [x.name for x in again.net.layers] == [x.name for x in model.net.layers]


@pytest.mark.parametrize("case", ["operators", "nested"])
def test_a_model_that_was_read_computes_the_same(case: str) -> None:
    make, shapes = CASES[case]
    model = make(jkeras)
    again = jkeras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    x = data(*shapes)
    np.testing.assert_array_equal(again(x), model(x))


def test_a_clone_has_the_same_layers_and_weights_of_its_own() -> None:
    x = Input((4,))
    model = Model(x, Dense(2)(x), seed=0)
    clone = jkeras.models.clone_model(model)
    assert clone.net.layers == model.net.layers and clone.net.wiring == model.net.wiring
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])


def test_a_function_of_ones_own_cannot_be_written() -> None:
    def doubled(x: object) -> object:
        return x

    x = Input((4,))
    net = Graph(x, record(doubled, (x,), {}))
    assert isinstance(net.layers[1], Operation)
    with pytest.raises(ValueError) as caught:
        net.get_config()
    assert str(caught.value) == (
        "Doubled 'doubled': expected an operator or a function of jkeras.ops, which a "
        "configuration can name, got 'Doubled' (str). Put a function of your own in a layer."
    )


def test_calls_that_wait_for_each_other_are_refused() -> None:
    x = Input((4,))
    config = json.loads(json.dumps(Model(x, Dense(2, name="only")(x)).get_config()))
    tensor = config["layers"][1]["inbound_nodes"][0]["args"][0]
    tensor["config"]["keras_history"][0] = "only"
    with pytest.raises(ValueError) as caught:
        Model.from_config(config)
    assert str(caught.value) == ("the configuration's layers only wait for inputs that none makes.")
