"""All values of a model by name: `get_state_tree`, `set_state_tree`."""

import numpy as np
import pytest

import jkeras
from jkeras import layers


def model() -> jkeras.Sequential:
    made = jkeras.Sequential([layers.Input((3,)), layers.Dense(1, name="head")])
    made.compile("adam", "mse", metrics=["mae"])
    return made


def test_the_paths_are_those_of_keras() -> None:
    tree = model().get_state_tree(value_format="numpy_array")
    slots = {f"head_{weight}_{slot}" for weight in ("kernel", "bias")
             for slot in ("momentum", "velocity")}  # fmt: skip
    assert set(tree["trainable_variables"]["head"]) == {"kernel", "bias"}
    assert set(tree["optimizer_variables"]["adam"]) == {"iteration", "learning_rate", *slots}
    assert set(tree["metrics_variables"]["loss"]) == {"total", "count"}
    assert isinstance(tree["trainable_variables"]["head"]["kernel"], np.ndarray)


def test_a_tree_goes_into_another_model() -> None:
    x, y = np.ones((4, 3)), np.ones((4, 1))
    first, second = model(), model()
    first.fit(x, y, verbose=0, epochs=2)
    second.set_state_tree(first.get_state_tree())
    assert second.optimizer.iterations == 2
    assert [v.path for v in second.metrics_variables][:2] == ["loss/count", "loss/total"]
    fits = [made.fit(x, y, verbose=0).history for made in (first, second)]
    assert fits[0] == fits[1]


def test_a_part_of_a_tree_and_lists_for_arrays() -> None:
    made = model()
    made.set_state_tree({
        "trainable_variables": {"head": {"bias": [0.5]}},
        "optimizer_variables": {"adam": {"learning_rate": 0.25}},
        "metrics_variables": {"loss": {"total": 3.0}},
    })  # fmt: skip
    assert made.optimizer.learning_rate == 0.25
    np.testing.assert_array_equal(made.layers[-1].bias, [0.5])
    assert made.get_state_tree()["metrics_variables"]["loss"]["total"] == 3.0
    with pytest.raises(ValueError, match=r"no weight 'head/kernle'\. Did you mean 'head/kernel'"):
        made.set_state_tree({"trainable_variables": {"head": {"kernle": 0}}})
    with pytest.raises(ValueError, match="no part 'weights'"):
        made.set_state_tree({"weights": {}})
    with pytest.raises(ValueError, match="expected shape"):
        made.set_state_tree({"metrics_variables": {"loss": {"total": [1.0]}}})


def test_a_sequential_of_known_inputs_is_built() -> None:
    assert model().built
    assert not jkeras.Sequential([layers.Dense(1)]).built
    assert not jkeras.Sequential([layers.Input((3,))]).built
