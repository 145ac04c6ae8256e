"""What is given for several outputs finds its output, however it is written."""

from typing import Any

import pytest

from jkeras.training.loss_specs import parse_compile_args, resolve_loss_specs, targets
from jkeras.training.outline import outline, spread

FLAT = outline([0.0, 1.0], ["a", "b"])
NAMELESS = outline((0.0, 1.0))
KEYS = outline({"z": 0.0, "b": 1.0}, ["first", "second"])
NESTED = outline({"p": [0.0, 1.0], "q": 2.0}, ["x", "y", "z"])
ONE = outline(0.0)


def test_names_are_the_models_or_the_keys() -> None:
    assert FLAT.names == ("a", "b") and NAMELESS.names == (None, None)
    assert KEYS.names == ("b", "z") and NESTED.names == ("x", "y", "z")
    assert outline([0.0, 1.0], ["a"]).names == (None, None)
    assert outline(0.0, ["a"]).names == ("a",) and outline(0.0, ["a"]).prefixes == (None,)
    assert NESTED.paths == (("p", 0), ("p", 1), ("q",))


@pytest.mark.parametrize(
    ("given", "found", "placed"),
    [
        (["l", "m"], FLAT, {0: "l", 1: "m"}),
        (("l", None), FLAT, {0: "l", 1: None}),
        ({"b": "m", "a": "l"}, FLAT, {0: "l", 1: "m"}),
        ({"b": "m"}, FLAT, {1: "m"}),
        (["l", "m"], NAMELESS, {0: "l", 1: "m"}),
        ({"z": "l", "b": "m"}, KEYS, {1: "l", 0: "m"}),
        (["l", "m"], KEYS, {0: "l", 1: "m"}),
        ({"p": ["l", "m"], "q": "n"}, NESTED, {0: "l", 1: "m", 2: "n"}),
        ({"q": "n"}, NESTED, {2: "n"}),
        ({"x": "l", "z": "n"}, NESTED, {0: "l", 2: "n"}),
        (["l", "m", "n"], NESTED, {0: "l", 1: "m", 2: "n"}),
        (["l"], ONE, {0: "l"}),
        ({"any": "l"}, ONE, {0: "l"}),
    ],
)
def test_lists_dicts_and_structures_are_read(given: Any, found: Any, placed: Any) -> None:
    assert spread("loss", given, found) == placed


def test_the_order_of_a_dict_of_keys_is_kept() -> None:
    assert list(spread("loss", {"z": "l", "b": "m"}, KEYS)) == [1, 0]
    assert list(spread("loss", {"b": "m", "a": "l"}, FLAT)) == [0, 1]


def test_what_is_spread_already_stays() -> None:
    for found in (FLAT, NAMELESS, KEYS, NESTED):
        entries = tuple(f"l{i}" for i in range(found.count))
        assert spread("y", entries, found) == dict(enumerate(entries))


def test_a_list_may_be_one_entry() -> None:
    given = {"p": [["l"], ["m", "n"]], "q": []}
    assert spread("metrics", given, NESTED, entries=True) == {0: ["l"], 1: ["m", "n"], 2: []}


@pytest.mark.parametrize(
    ("given", "found", "message"),
    [
        (
            ["l"],
            FLAT,
            "`loss`: expected one entry for each of the 2 outputs (a, b), got a list of 1. "
            'For example {"a": "mse", "b": "mse"}.',
        ),
        (
            ["l"],
            NAMELESS,
            "`loss`: expected one entry for each of the 2 outputs, got a list of 1. "
            'For example ["mse", "mse"].',
        ),
        (
            {"aa": "l"},
            FLAT,
            "`loss`: no output is named 'aa'. Did you mean 'a'? Outputs: a, b.",
        ),
        (
            {"a": "l"},
            NAMELESS,
            "`loss`: expected a list of 2, one for each output, because the outputs have no names, "
            "got the name 'a'.",
        ),
        (
            {"p": ["l"]},
            NESTED,
            "`loss`: expected entries in the structure of the outputs, "
            "{'p': ['x', 'y'], 'q': 'z'}, got {'p': ['l']} (dict).",
        ),
        (
            ["l", "m"],
            ONE,
            "`loss`: expected one entry, because the model has one output, got a list of 2.",
        ),
    ],
)
def test_what_does_not_go_with_the_outputs_is_refused(given: Any, found: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        spread("loss", given, found)
    assert str(caught.value) == message


@pytest.mark.parametrize("loss", [["mse", None], {"a": "mse"}])
def test_one_array_of_targets_is_for_the_only_output_with_a_loss(loss: Any) -> None:
    specs = resolve_loss_specs(parse_compile_args(loss, None, None, None), FLAT)
    assert targets(1.0, specs, FLAT) == (1.0, None)
