"""Structures as Keras walks them."""

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple

import jax
import pytest

from jkeras import tree

NESTED = {"b": [1, None], "a": (2, {"c": 3})}


def test_none_is_a_leaf():
    assert tree.flatten(NESTED) == [2, 3, 1, None]
    assert tree.map_structure(lambda x: x is None, [1, None]) == [False, True]
    assert tree.map_structure(lambda x: -x, [1, None], none_is_leaf=False) == [-1, None]


def test_paths_have_indices_and_keys():
    paths = [path for path, _ in tree.flatten_with_path(NESTED)]
    assert paths == [("a", 0), ("a", 1, "c"), ("b", 0), ("b", 1)]


Point = namedtuple("Point", ["x", "y"])


def test_deques_and_named_tuples_are_structures():
    nested = [deque([1, Point(2, None)], maxlen=2)]
    assert tree.flatten_with_path(nested) == [((0, 0), 1), ((0, 1, 0), 2), ((0, 1, 1), None)]
    packed = tree.pack_sequence_as(nested, [4, 5, 6])
    assert packed == [deque([4, Point(5, 6)])]
    assert packed[0].maxlen == 2
    with pytest.raises(ValueError, match="one form"):
        tree.map_structure(max, (1, 2), Point(1, 2))


def test_all_dicts_count_alike_and_the_first_gives_its_kind_and_order():
    def added(x, y):
        return x + y

    ordered = OrderedDict([("b", 2), ("a", 1)])
    for other in ({"a": 10, "b": 20}, defaultdict(int, b=20, a=10), OrderedDict(a=10, b=20)):
        assert list(tree.map_structure(added, ordered, other).items()) == [("b", 22), ("a", 11)]
        assert type(tree.map_structure(added, other, ordered)) is type(other)
        tree.assert_same_structure(ordered, other)
    assert tree.map_structure(str, defaultdict(list, a=1)).default_factory is list
    assert list(tree.map_structure(str, {"b": 1, "a": 2})) == ["b", "a"]
    assert tree.flatten({"b": 1, 0: 2}) == [2, 1]


def test_a_leaf_and_a_structure_do_not_go_together():
    for first, other in ((1, [2]), ([2], 1), ([1, 2], [1]), ({"a": 1}, {"b": 1}), (None, [])):
        with pytest.raises(ValueError, match="one form"):
            tree.map_structure(max, first, other)
    with pytest.raises(ValueError, match="one form"):
        tree.map_structure(max, [1, 2], [1, None], none_is_leaf=False)
    assert tree.map_structure_up_to([0], len, [{"a": 1}]) == [1]


def test_classes_that_jax_knows_are_structures():
    @jax.tree_util.register_dataclass
    @dataclasses.dataclass
    class Pair:
        one: int
        two: list

    assert tree.flatten_with_path(Pair(1, [2])) == [(("one",), 1), (("two", 0), 2)]
    assert tree.map_structure(max, Pair(1, [5]), Pair(3, [4])) == Pair(3, [5])
    with pytest.raises(ValueError, match="one form"):
        tree.assert_same_structure(Pair(1, [2]), [1, [2]])


def test_packing_undoes_flattening():
    assert tree.pack_sequence_as(NESTED, tree.flatten(NESTED)) == NESTED
    assert tree.pack_sequence_as(0, [5]) == 5


def test_traverse_goes_down_or_up():
    def doubled(x):
        return x * 2 if isinstance(x, int) else None

    def closed(x):
        return "closed" if isinstance(x, tuple) else None

    assert tree.traverse(doubled, NESTED) == {"a": (4, {"c": 6}), "b": [2, None]}
    assert tree.traverse(closed, NESTED) == {"a": "closed", "b": [1, None]}
    seen = []
    tree.traverse(seen.append, [1, (2,)], top_down=False)
    assert seen == [1, 2, (2,), [1, (2,)]]
    assert tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, 2]) == [None, 2]


def test_shapes_may_be_leaves():
    assert tree.map_shape_structure(tuple, [[1, None], (2,)]) == [(1, None), (2,)]
    assert tree.map_structure_up_to([0, (0,)], sum, [[1, 2], ([3],)]) == [3, (3,)]
    assert tree.lists_to_tuples({"a": [1, [2]]}) == {"a": (1, (2,))}


def test_same_structures_raise_nothing():
    assert tree.assert_same_structure([1, {"a": 2}], [3, {"a": None}]) is None
    assert tree.assert_same_paths([1, 2], (3, 4)) is None


WRONG = [
    (
        lambda: tree.assert_same_structure([1], (1,)),
        "assert_same_structure: expected structures of one form, got [1] (list) and (1,) (tuple).",
    ),
    (
        lambda: tree.assert_same_paths({"a": 1}, {"b": 1}),
        "expected leaves at the same paths, got a, b in one only.",
    ),
    (
        lambda: tree.pack_sequence_as([0, 0], [1]),
        "pack_sequence_as: expected 2 leaves for [0, 0] (list), got 1.",
    ),
    (
        lambda: tree.map_structure([1], len),
        "map_structure: expected `func` a function, got [1] (list).",
    ),
    (
        lambda: tree.map_structure(len),
        "map_structure: expected at least one structure, got none.",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[text[:40] for _, text in WRONG])
def test_messages(call, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == message
