"""Arrays of every kind as training wants them, and the errors for the rest."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from jkeras.data import checks


class Frame:
    """Like a table of pandas: knows its array, and is none."""

    def __init__(self, values: object) -> None:
        self.values = values

    def to_numpy(self) -> np.ndarray:
        return np.asarray(self.values)


class Tensor:
    """Like a tensor of torch: needs `detach` and `cpu` before `numpy`."""

    shape, dtype = (2,), "torch.float64"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def detach(self) -> "Tensor":
        self.calls.append("detach")
        return self

    def cpu(self) -> "Tensor":
        self.calls.append("cpu")
        return self

    def numpy(self) -> np.ndarray:
        assert self.calls == ["detach", "cpu"]
        return np.array([1.0, 2.0])


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16", "float32"])
def test_dtypes_stay(dtype: str) -> None:
    array = np.ones((2, 3), dtype)
    assert checks.as_array("x", array) is array


def test_float64_becomes_float32() -> None:
    assert checks.as_array("x", np.ones(2)).dtype == np.float32


def test_jax_arrays_stay_on_the_device() -> None:
    array = jnp.ones(2, jnp.bfloat16)
    assert checks.as_array("x", array) is array


def test_tables_and_tensors_of_other_libraries_are_converted() -> None:
    table = checks.as_arrays("x", Frame([[1.5, 2], [3, 4]]))
    assert (table.dtype, table.tolist()) == (np.float32, [[1.5, 2], [3, 4]])
    assert checks.as_arrays("x", Tensor()).tolist() == [1, 2]


def test_trees_keep_their_form_and_lists_become_tuples() -> None:
    a, b = np.ones(2, np.float32), np.zeros(2, np.float32)
    found = checks.as_arrays("x", {"left": [a, b], "right": a})
    assert list(found) == ["left", "right"] and found["right"] is a
    left, right = found["left"]
    assert type(found["left"]) is tuple and left is a and right is b


@pytest.mark.parametrize(
    ("tree", "kind", "message"),
    [
        (
            {"a": np.array(["x"])},
            TypeError,
            "`x['a']`: expected numbers, got an array of shape (1,) and dtype <U1, with 'x'. "
            "Encode the classes: np.unique(x['a'], return_inverse=True)[1].",
        ),
        (
            (np.ones(2), np.float32(1)),
            ValueError,
            "`x[1]`: expected an array with a batch axis, got an array of shape () and dtype "
            "float32. For a single example add the axis: x[1][None].",
        ),
        (
            Frame([[1, "a"]]),
            TypeError,
            "`x`: expected numbers, got an array of shape (1, 2) and dtype <U21. "
            "Encode or convert them first: x.astype('float32').",
        ),
        (
            [],
            TypeError,
            "`x`: expected an array, or a list of arrays for several inputs, got [] (list). "
            "Make it an array: np.asarray(x).",
        ),
    ],
    ids=["dict", "tuple", "table", "nothing"],
)
def test_the_place_in_a_tree_is_named(tree: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        checks.as_arrays("x", tree)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("bad", "word", "row"), [(np.nan, "NaN", 2), (np.inf, "infinity", 2), (1e300, "infinity", 2)]
)
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 2)])
def test_the_first_row_that_is_not_finite_is_named(bad, word, row, shape) -> None:
    array = np.zeros(shape)
    array[row:] = bad
    fills = word == "NaN"
    fix = "fill them: np.nan_to_num(x)" if fills else "clip them: np.clip(x, -1e6, 1e6)"
    with pytest.raises(ValueError) as caught:
        checks.as_array("x", array)
    assert str(caught.value) == (
        f"`x`: expected finite numbers, got {word} in 2 of 4 examples, the first at index 2. "
        f"Drop or {fix}."
    )
    if not np.isfinite(bad):
        assert checks.as_array("x", array, finite=False).shape == shape


def test_finite_numbers_pass_however_large_their_sum() -> None:
    large = np.full((4, 4), 3e38, np.float32)
    assert checks.as_array("x", large) is large
    assert checks.as_array("x", np.full(3000, 60000, np.float16)).dtype == np.float16
    checks.check_finite("x", np.zeros((0, 3), np.float32))
    checks.check_finite("x", np.array([1, 2]))


def test_targets_and_weights_may_be_plain_numbers() -> None:
    assert checks.as_targets([0, 1]).tolist() == [0, 1]
    assert checks.as_targets([np.int32(0), np.int32(1)]).dtype == np.int32
    assert checks.as_targets(None) is None and checks.as_weights(None) is None
    weights = checks.as_weights([1, 2.5])
    assert (weights.dtype, weights.tolist()) == (np.float32, [1, 2.5])
    assert checks.as_weights(np.array([1, 2])).dtype == np.float32


@pytest.mark.parametrize(
    ("weight", "kind", "message"),
    [
        (
            {"a": 1},
            TypeError,
            "`sample_weight['a']`: expected an array, got 1 (int).",
        ),
        (
            np.array([1, np.nan]),
            ValueError,
            "`sample_weight`: expected finite numbers, got NaN in 1 of 2 examples, the first at "
            "index 1. Drop or fill them: np.nan_to_num(sample_weight).",
        ),
    ],
    ids=["dict", "nan"],
)
def test_weights_are_finite_arrays(weight: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        checks.as_weights(weight)
    assert str(caught.value) == message


def test_all_parts_have_one_length() -> None:
    x = {"a": np.ones((3, 1)), "b": np.ones((3, 2))}
    assert checks.common_length({"x": x, "y": np.ones(3), "sample_weight": None}) == 3
    with pytest.raises(ValueError) as caught:
        checks.common_length({"x": (np.ones(3), np.ones(4)), "y": np.ones(3)})
    assert str(caught.value) == (
        "expected the same number of examples everywhere, got: `x` has 3 and 4, `y` has 3."
    )


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.array([0, 2**31]), "0 to 2147483648"),
        (np.array([-(2**31) - 1]), "-2147483649 to -2147483649"),
        (np.array([2**32], np.uint64), "4294967296 to 4294967296"),
    ],
)
def test_integers_that_32_bits_would_change_are_refused(values, found):
    with pytest.raises(ValueError) as raised:
        checks.as_array("ids", values)
    assert str(raised.value) == (
        f"`ids`: expected integers that fit in 32 bits, got values from {found}. "
        "Renumber them: np.unique(ids, return_inverse=True)[1]."
    )
    assert checks.as_array("ids", np.array([2**31 - 1])).max() == 2**31 - 1


def test_a_sparse_matrix_is_told_how_it_gets_dense() -> None:
    with pytest.raises(TypeError, match=r"a sparse one, csr_matrix\. Write x\.toarray\(\)\."):
        checks.as_array("x", scipy.sparse.csr_matrix(np.eye(2)))


def test_single_examples_are_told_how_they_get_a_batch() -> None:
    with pytest.raises(TypeError) as caught:
        checks.as_arrays("x", {"features": np.ones(2), "label": 0})
    assert str(caught.value) == (
        "`x['label']`: expected an array, got 0 (int). Single examples go in batches: arrays with "
        "a first axis of examples."
    )
