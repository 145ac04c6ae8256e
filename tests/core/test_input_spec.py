"""What a layer expects of an input."""

from typing import Any

import jax
import pytest

from jkeras.core.input_spec import InputSpec, check_inputs


def spec(*shape: int | None, dtype: str = "float32") -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


FITTING = [
    (InputSpec(), (3,)),
    (InputSpec(ndim=2), (8, 4)),
    (InputSpec(min_ndim=2, max_ndim=3), (8, 4, 2)),
    (InputSpec(shape=(None, 4)), (8, 4)),
    (InputSpec(axes={-1: 4, 1: None}), (8, 4)),
    (InputSpec(shape=(None, 4, 1), allow_last_axis_squeeze=True), (8, 4)),
    (InputSpec(shape=(None, 4), allow_last_axis_squeeze=True), (8, 4, 1)),
]

NOT_FITTING = [
    (InputSpec(ndim=2), (8,), "of 2 axes, got shape (8,)."),
    (InputSpec(max_ndim=1), (8, 4), "of at most 1 axis, got shape (8, 4)."),
    (InputSpec(min_ndim=3), (8, 4), "of at least 3 axes, got shape (8, 4)."),
    (InputSpec(dtype="int32"), (8,), "of dtype int32, got dtype float32."),
    (InputSpec(axes={1: 3}), (8, 4), "with size 3 on axis 1, got shape (8, 4)."),
    (InputSpec(axes={2: 3}), (8, 4), "with size 3 on axis 2, got shape (8, 4)."),
    (
        InputSpec(shape=(None, 3)),
        (8, 4),
        "of shape (None, 3) (None: any size), got shape (8, 4).",
    ),
    (
        InputSpec(shape=(None, 3, 1), allow_last_axis_squeeze=True),
        (8, 4, 3),
        "of shape (None, 3, 1) (None: any size), got shape (8, 4, 3).",
    ),
]


@pytest.mark.parametrize(("wanted", "shape"), FITTING)
def test_what_fits_passes(wanted: InputSpec, shape: tuple[int, ...]) -> None:
    wanted.check_input("Mine", spec(*shape))


@pytest.mark.parametrize(("wanted", "shape", "message"), NOT_FITTING)
def test_what_does_not_fit_is_told(wanted: InputSpec, shape: tuple, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        wanted.check_input("Mine", spec(*shape))
    assert str(caught.value) == f"Mine: expected an input {message}"


def test_a_shape_is_a_rank_and_descriptions_compare() -> None:
    assert InputSpec(shape=[None, 4]).ndim == 2
    assert InputSpec(axes={1: 4}) == InputSpec(axes={1: 4}) != InputSpec(axes={1: 5})
    assert dict(InputSpec(axes={"1": 4}).axes) == {1: 4}
    assert hash(InputSpec(axes={1: 4})) == hash(InputSpec(axes={1: 4}))


def test_optional_inputs_may_be_none() -> None:
    InputSpec(ndim=2, optional=True).check_input("Mine", None)
    with pytest.raises(ValueError) as caught:
        InputSpec(ndim=2).check_input("Mine", None)
    assert str(caught.value) == "Mine: expected an array as input, got None (NoneType)."


def test_several_inputs_by_order_and_by_name() -> None:
    named = [InputSpec(ndim=2, name="a"), InputSpec(ndim=1, name="b")]
    check_inputs(named, "Mine", ({"b": spec(3), "a": spec(3, 4)},))
    check_inputs([None, InputSpec(ndim=1)], "Mine", (spec(3, 4), spec(3)))
    check_inputs(None, "Mine", (spec(3),))
    wrong: list[tuple[Any, tuple, str]] = [
        (named, ({"a": spec(3, 4)},), "expected inputs ['a', 'b'], got a dict without 'b': ['a']."),
        (named, (spec(3, 4),), "expected 2 inputs, got 1."),
        (InputSpec(ndim=1), (spec(3), spec(3)), "expected 1 inputs, got 2."),
    ]
    for specs, inputs, message in wrong:
        with pytest.raises(ValueError) as caught:
            check_inputs(specs, "Mine", inputs)
        assert str(caught.value) == f"Mine: {message}"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"ndim": 2, "axes": {2: 4}},
            ValueError,
            "InputSpec: expected `axes` from 0 to 1, the axes of an input with 2 of them, got "
            "{2: 4}.",
        ),
        (
            {"axes": {"x": 4}},
            TypeError,
            "InputSpec: `axes`: expected a dict with integers as keys, got {'x': 4} (dict).",
        ),
        (
            {"axes": [1]},
            TypeError,
            "InputSpec: `axes`: expected a dict from axis to size, got [1] (list).",
        ),
        (
            {"shape": 3},
            TypeError,
            "InputSpec: `shape`: expected a tuple of sizes, got 3 (int). Write (3,).",
        ),
        (
            {"ndims": 3},
            TypeError,
            "InputSpec: unexpected argument `ndims`. Did you mean 'ndim'? Arguments: dtype, shape, "
            "ndim, max_ndim, min_ndim, axes, allow_last_axis_squeeze, name, optional.",
        ),
    ],
)
def test_wrong_arguments(arguments: dict, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        InputSpec(**arguments)
    assert str(caught.value) == message
