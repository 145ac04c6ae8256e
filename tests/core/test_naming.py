"""Names as Keras spells them, unique within a model."""

import pytest

from jkeras.core.naming import assign, snake_case, unique
from jkeras.layers import Dense, Dropout, Flatten
from jkeras.models import Chain


def test_snake_case_is_that_of_keras() -> None:
    naming = pytest.importorskip("keras.src.utils.naming", reason="Keras is the oracle")
    names = ["Dense", "Conv2D", "ReLU", "PReLU", "ELU", "SimpleRNN", "LSTM", "GRUCell", "MyLayer"]
    names += ["MaxPooling2D", "Conv2DTranspose", "GlobalAveragePooling2D", "HTTPServer2", "lower"]
    assert [snake_case(name) for name in names] == [naming.to_snake_case(name) for name in names]


def test_unique_counts_up_past_what_is_taken() -> None:
    assert unique("dense", []) == "dense"
    assert unique("dense", ["dense", "dense_2"]) == "dense_1"


def test_given_names_come_first_wherever_they_stand() -> None:
    assert assign([None, "dense", None], ["Dense"] * 3) == ["dense_1", "dense", "dense_2"]
    assert assign(["dense_1", None, None], ["Dense"] * 3) == ["dense_1", "dense", "dense_2"]


def test_each_kind_has_its_own_counter() -> None:
    kinds = ["Flatten", "Dense", "Dropout", "Dense"]
    assert assign([None] * 4, kinds) == ["flatten", "dense", "dropout", "dense_1"]


def test_a_net_built_twice_has_the_same_names() -> None:
    def names() -> list[str | None]:
        return [layer.name for layer in Chain([Flatten(), Dense(3), Dropout(0.5), Dense(2)]).layers]

    assert names() == names() == ["flatten", "dense", "dropout", "dense_1"]


def test_a_name_is_a_string_or_left_out() -> None:
    assert Dense(3, name="") == Dense(3)
    with pytest.raises(TypeError) as caught:
        Dense(3, name=5)
    assert str(caught.value) == "Dense: `name`: expected a string, got 5 (int)."
