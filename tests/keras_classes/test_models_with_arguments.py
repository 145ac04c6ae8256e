"""Configurations of graphs whose class has arguments of its own, as in Keras."""

import json
from typing import Any

import jkeras
from jkeras import layers


class Scaled(jkeras.Model):
    """A graph, and a number beside it."""

    def __init__(self, *args: Any, param: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.param = param

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "param": self.param}


class Sized(jkeras.Model):
    """A graph that is made from a number."""

    def __init__(self, units: int = 2, **kwargs: Any) -> None:
        x = jkeras.Input((3,))
        super().__init__(x, layers.Dense(units)(x), **kwargs)
        self.units = units

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units}


def test_arguments_beside_the_graph_come_back() -> None:
    x = jkeras.Input((3,))
    made = Scaled(inputs=x, outputs=layers.Dense(5)(x), param=3, name="scaled")
    for read in (
        Scaled.from_config(made.get_config()),
        jkeras.models.model_from_json(made.to_json(), {"Scaled": Scaled}),
    ):
        assert (read.param, read.name, read.output_shape) == (3, "scaled", (None, 5))


def test_arguments_in_place_of_the_graph_make_it() -> None:
    config = json.loads(json.dumps(Sized(4).get_config()))
    assert Sized.from_config(config).output_shape == (None, 4)
