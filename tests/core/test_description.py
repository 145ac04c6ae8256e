"""Descriptions: frozen, comparable, printable, static under jit, and copied by every means."""

import copy
import pickle

import jax
import jax.numpy as jnp
import pytest

from jkeras.core.description import Description, fields, option
from jkeras.layers import Dense

CALLS: list[object] = []


def counted(value: object) -> object:
    """A converter that remembers what it was given."""
    CALLS.append(value)
    return value


def even(value: int) -> int:
    """A converter with an opinion."""
    if value % 2:
        raise ValueError(f"expected an even number, got {value}.")
    return value


class Box(Description):
    """Three arguments: one free, one converted, one by keyword."""

    sides: tuple[int, ...]
    weight: int = option(default=2, convert=even)


class Watched(Description):
    """One argument with a converter that counts."""

    value: object = option(convert=counted)


def test_lists_and_tuples_are_the_same_description() -> None:
    assert Box([3, [4]]) == Box((3, (4,)))
    assert hash(Box([3, [4]])) == hash(Box((3, (4,))))


def test_different_fields_or_classes_differ() -> None:
    assert Box((1,)) != Box((1,), 4)
    assert Dense(3) != Dense(3, use_bias=False)

    class Other(Description):
        sides: tuple[int, ...]

    assert Other((1,)) != Box((1,))


def test_the_text_shows_what_is_not_the_default() -> None:
    assert repr(Box((1,))) == "Box(sides=(1,))"
    assert repr(Box((1,), weight=4)) == "Box(sides=(1,), weight=4)"
    assert repr(Dense(3, activation="relu")) == "Dense(units=3, activation=relu)"
    assert repr(Dense(3, kernel_initializer="glorot_uniform")) == "Dense(units=3)"


def test_a_converter_runs_once_when_the_description_is_made() -> None:
    CALLS.clear()
    made = Watched("a")
    assert (CALLS, made.value) == (["a"], "a")
    assert (hash(made), repr(made)) == (hash(made), "Watched(value='a')")
    assert CALLS == ["a"]


def test_a_converter_error_names_class_and_argument() -> None:
    with pytest.raises(ValueError) as caught:
        Box((1,), weight=3)
    assert str(caught.value) == "Box: `weight`: expected an even number, got 3."


def test_replace_makes_a_changed_copy_and_checks_it() -> None:
    box = Box((1,))
    assert box.replace(weight=6) == Box((1,), 6)
    assert box == Box((1,))
    with pytest.raises(ValueError):
        box.replace(weight=7)


def test_what_is_no_argument_is_refused_with_the_way_to_make_it_one() -> None:
    box = Box((1,))
    with pytest.raises(AttributeError) as caught:
        box.colour = "red"
    assert str(caught.value) == (
        "Box is a frozen description: `colour` cannot be set. Make it an argument: leave "
        "`__init__` out, and write it in the class body as `colour: type`, or "
        "`colour: type = default`."
    )
    with pytest.raises(AttributeError) as caught:
        del box.sides
    assert str(caught.value) == "Box is a frozen description: `sides` cannot be deleted."
    assert box == Box((1,))


def test_a_class_with_its_own_init_may_change_and_equals_only_itself() -> None:
    class Mine(Description):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = units

    one, other = Mine(3), Mine(3)
    one.extra = [1]
    del other.units
    assert (one.units, one.extra, one == one, one == other) == (3, [1], True, False)
    assert len({one, other}) == 2
    assert one.get_config() == {"units": 3}
    assert Mine.from_config(one.get_config()).units == 3


@pytest.mark.parametrize(
    "through",
    [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made)), Description.replace],
    ids=["copy", "deepcopy", "pickle", "replace"],
)
def test_every_copy_equals_the_original_and_is_frozen(through) -> None:
    original = Dense(3, activation="relu", kernel_regularizer="l2", name="head")
    made = through(original)
    assert (made, hash(made), repr(made)) == (original, hash(original), repr(original))
    with pytest.raises(AttributeError):
        made.units = 4


def test_equal_descriptions_share_one_compilation() -> None:
    traces = []

    def scaled(box: Box, x: jax.Array) -> jax.Array:
        traces.append(box)
        return x * box.weight

    compiled = jax.jit(scaled, static_argnums=0)
    assert float(compiled(Box([1], 4), jnp.float32(2))) == 8
    assert float(compiled(Box((1,), 4), jnp.float32(2))) == 8
    assert len(traces) == 1
    assert float(compiled(Box((1,), 6), jnp.float32(2))) == 12
    assert len(traces) == 2


def test_a_subclass_keeps_the_arguments_of_its_base() -> None:
    class Labelled(Box):
        label: str = "none"

    assert [field.name for field in fields(Labelled)] == ["sides", "weight", "label"]
    assert repr(Labelled((1,), label="x")) == "Labelled(sides=(1,), label='x')"
    with pytest.raises(TypeError) as caught:
        Labelled((1,), lable="x")
    assert str(caught.value) == (
        "Labelled: unexpected argument `lable`. Did you mean 'label'? "
        "Arguments: sides, weight, label."
    )
