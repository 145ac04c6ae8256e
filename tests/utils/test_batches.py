"""Batches as tuples, and where a symbol comes from; the answers are Keras's."""

from __future__ import annotations

from typing import Any

import pytest

from jkeras import Input
from jkeras.layers import Dense
from jkeras.utils import (
    get_source_inputs,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)

PACKED: list[tuple[tuple[Any, ...], Any]] = [
    ((1,), 1),
    (([1, 2],), ([1, 2],)),
    ((1, 2), (1, 2)),
    ((1, 2, 3), (1, 2, 3)),
    ((1, None, 3), 1),
]
UNPACKED: list[tuple[Any, Any]] = [
    (5, (5, None, None)),
    ((1,), (1, None, None)),
    ([1, 2], (1, 2, None)),
    ((1, 2, 3), (1, 2, 3)),
]


@pytest.mark.parametrize(("given", "wanted"), PACKED)
def test_packing(given: Any, wanted: Any) -> None:
    assert pack_x_y_sample_weight(*given) == wanted


@pytest.mark.parametrize(("given", "wanted"), UNPACKED)
def test_unpacking(given: Any, wanted: Any) -> None:
    assert unpack_x_y_sample_weight(given) == wanted


def test_too_many_parts_are_told() -> None:
    with pytest.raises(ValueError) as error:
        unpack_x_y_sample_weight((1, 2, 3, 4))
    assert str(error.value) == (
        "unpack_x_y_sample_weight: `data`: expected x, (x, y) or (x, y, sample_weight), got "
        "(1, 2, 3, 4) (tuple)."
    )


def test_the_inputs_that_a_symbol_comes_from() -> None:
    a, b, unused = Input((2,)), Input((2,)), Input((2,))
    found = get_source_inputs(Dense(1)(a + b) * Dense(1)(a))
    assert {id(symbol) for symbol in found} == {id(a), id(b)} and id(unused) not in map(id, found)
    with pytest.raises(TypeError) as error:
        get_source_inputs(3)
    assert str(error.value) == "get_source_inputs: expected a symbol, got 3 (int)."
