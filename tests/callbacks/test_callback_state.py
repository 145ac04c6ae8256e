"""The state of a callback goes into a checkpoint and is restored equal."""

import collections
import dataclasses
import enum
import json
import random
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from jkeras import callbacks, layers
from jkeras.callbacks.callback_state import NotPlain, from_plain, to_plain
from jkeras.saving.nested import flatten, rebuild


class Mood(enum.Enum):
    CALM, EAGER = range(2)


class Pair(NamedTuple):
    one: Any
    two: Any


@dataclasses.dataclass
class Meter:
    total: float = 0.0
    seen: list[float] = dataclasses.field(default_factory=list)
    best: Any = None


@dataclasses.dataclass(frozen=True)
class Fixed:
    total: float = 0.0


def written(value: Any) -> Any:
    """Through the words and arrays of a file, and back."""
    words, arrays = flatten(value)
    return rebuild(json.loads(json.dumps(words)), arrays)


VALUES: dict[str, Any] = {
    "nested": ({"a": [1, 2.5, (None, "x")]}, None),
    "dict of integers": ({1: 0.5, (2, "b"): {3}}, {}),
    "counter": (collections.Counter("aab"), collections.Counter()),
    "defaults": (collections.defaultdict(list, a=[1]), collections.defaultdict(list)),
    "deque": (collections.deque([1, 2], maxlen=2), collections.deque(maxlen=2)),
    "frozenset": (frozenset([1]), frozenset()),
    "named tuple": (Pair(1, [2]), Pair(0, 0)),
    "enumeration": (Mood.EAGER, Mood.CALM),
    "path": (Path("best/1.keras"), None),
    "object": (Meter(1.5, [1.0], {2: "x"}), Meter()),
    "fixed object": (Fixed(2.0), Fixed()),
    "objects under names": ({"a": Meter(1.0)}, {"a": Meter()}),
}


@pytest.mark.parametrize("case", VALUES)
def test_values_come_back_as_they_were(case: str) -> None:
    value, like = VALUES[case]
    found = from_plain(written(to_plain(value)), like)
    assert found == value
    if like is not None:
        assert type(found) is type(value)
    assert getattr(found, "maxlen", None) == getattr(value, "maxlen", None)
    assert getattr(found, "default_factory", None) == getattr(value, "default_factory", None)


@pytest.mark.parametrize(
    ("make", "draw"),
    [
        (np.random.default_rng, lambda rng: rng.normal()),
        (np.random.RandomState, lambda rng: rng.normal()),
        (random.Random, lambda rng: rng.gauss(0, 1)),
    ],
)
def test_random_generators_go_on_where_they_were(make: Any, draw: Any) -> None:
    rng, other = make(3), make(4)
    draw(rng)
    taken = written(to_plain(rng))
    expected = draw(rng)
    assert draw(from_plain(taken, other)) == expected


@pytest.mark.parametrize(
    "value",
    [print, layers.Dense(1), [Meter()], {"a": open}, Meter(best=layers.Dense(1)), {1: Mood.CALM}],
    ids=["function", "layer", "objects in a list", "in a dict", "in an object", "by number"],
)
def test_what_cannot_be_filled_again_is_left_out(value: Any) -> None:
    with pytest.raises(NotPlain):
        to_plain(value)


def test_an_object_that_is_not_there_is_told() -> None:
    one, other = callbacks.Callback(), callbacks.Callback()
    one.meter, other.meter = Meter(3.0), None  # type: ignore[attr-defined]
    with pytest.warns(UserWarning) as caught:
        other.set_state(written(one.get_state()))
    assert [str(warning.message) for warning in caught] == [
        "Callback: the checkpoint has the content of an object for the attribute 'meter', and "
        "there is None (NoneType). Make the object in `__init__`; it is left out."
    ]


class Count:
    """No `Callback` of ours, with an argument that it counts down."""

    def __init__(self, left: int, name: str) -> None:
        self.left, self.name = left, name
        self.seen: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen.append(epoch)
        self.left -= 1


def test_arguments_are_remembered_when_they_change_and_strange_callbacks_too() -> None:
    listed = callbacks.CallbackList([Count(3, "a"), Count(5, "b")])
    listed.begin_run()
    listed.on_epoch_end(0)
    states = listed.get_states()
    assert states == [("Count", {"seen": [0], "left": 2}), ("Count", {"seen": [0], "left": 4})]
    again = callbacks.CallbackList([Count(3, "c"), Count(5, "d")])
    again.set_states({("Count", i): written(state) for i, (_, state) in enumerate(states)})
    found = [(count.left, count.name, count.seen) for count in again.callbacks]
    assert found == [(2, "c", [0]), (4, "d", [0])]
