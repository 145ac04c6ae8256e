"""A dict as an argument of a description."""

import numpy as np
import pytest

from jkeras.core.fixed_values import FixedDict, fixed, thawed


def test_equal_content_is_equal_whatever_its_order_and_its_lists() -> None:
    one = FixedDict({"a": [1, 2], "b": {"c": np.ones(2)}})
    two = FixedDict({"b": {"c": np.ones(2)}, "a": (1, 2)})
    assert one == two and hash(one) == hash(two)
    assert one != FixedDict({"a": (1, 2), "b": {"c": np.zeros(2)}})
    assert (list(one), len(one), one["a"]) == (["a", "b"], 2, (1, 2))


def test_thawed_gives_dicts_and_arrays_back() -> None:
    back = thawed(fixed({"a": [np.arange(2)], "b": {"c": 1}}))
    assert type(back) is dict and type(back["b"]) is dict and back["b"] == {"c": 1}
    np.testing.assert_array_equal(back["a"][0], np.arange(2))


def test_what_cannot_be_hashed_is_refused() -> None:
    with pytest.raises(TypeError, match="unhashable type: 'set'"):
        FixedDict({"a": {1}})
