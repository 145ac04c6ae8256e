"""Every function of `jkeras.ops` against `keras.ops`: names, signatures, dtypes, values, gradients.

`tests/golden/array_ops_cases.py` has the cases. Many run in one program, because each program costs
a compilation.
"""

import itertools
import json
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import ops
from jkeras.ops.vocabulary import build
from jkeras.ops.vocabulary.table import ROWS
from tests.golden import array_ops_cases as cases

FOLDER = pathlib.Path(__file__).parents[2] / "golden"
VALUES = dict(np.load(FOLDER / "array_ops.npz"))
KERAS = json.loads((FOLDER / "array_ops.json").read_text())
AGAIN = "To regenerate: KERAS_BACKEND=jax python tests/golden/make_array_ops.py"

CHUNK = 40
"""How many cases share a program."""

LOOSE = {
    # A difference of large sums in another order.
    "stft(SIG, 6, 3, 8, window='hamming', center=False)": 1e-4,
    # Coordinates up to 8 are rounded to 5e-7, which is multiplied by the differences of neighbours,
    # up to 3: 1e-6 beside a value that is almost 0.
    "image.affine_transform(A[0], [1.1, 0.2, -0.3, 0.1, 0.9, 0.4, 0, 0])": 1e-3,
}
"""Relative tolerances beside 1e-5, each with its reason."""

KIND_DIFFERS = {
    # Keras takes Python's 2.5 for a float32 here, and nowhere else.
    "arctan2(cast(X, 'bfloat16'), 2.5)",
    "logaddexp(cast(X, 'bfloat16'), 2.5)",
    "logaddexp2(cast(X, 'bfloat16'), 2.5)",
}
"""Cases whose dtype is not Keras's, each with its reason."""


NEWER = {"column_stack": "(xs)", "gammainc": "(a, x)", "matrix_power": "(x, n)"}
"""Names that Keras has from 3.16 on; `test_newer_names.py` tests them."""


@pytest.fixture(autouse=True)
def lenient():
    """Keras's functions promote dtypes and ranks; elsewhere in the tests that is an error."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def arrays():
    """The arrays that cases speak of, on the device."""
    return {name: jnp.asarray(value) for name, value in cases.inputs().items()}


def described(result):
    """Shape and dtype of each array in a result; the result itself where it is no array."""
    return [
        f"{x.dtype}{list(x.shape)}" if hasattr(x, "shape") else repr(x)
        for x in jax.tree.leaves(result)
    ]


def chunks(texts):
    """The cases in groups, each of which becomes a program."""
    return [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]


def assert_is_keras(case, result):
    """Shapes, dtypes and numbers of one result."""
    assert described(result) == KERAS["kinds"][case], f"{case}. {AGAIN}"
    for number, leaf in enumerate(jax.tree.leaves(result)):
        if hasattr(leaf, "shape"):
            want, rtol = VALUES[f"value|{case}|{number}"], LOOSE.get(case, 1e-5)
            np.testing.assert_allclose(leaf, want, rtol, 1e-6, err_msg=f"{case}. {AGAIN}")


def weighed(result):
    """A sum in which every entry counts differently, as in the golden script."""
    return jnp.sum(result.ravel() * jnp.cos(jnp.arange(result.size, dtype=result.dtype)))


@pytest.mark.parametrize("texts", chunks(cases.VALUES), ids=lambda texts: texts[0])
def test_values_are_keras(texts):
    @jax.jit
    def program(given):
        return [eval(text, cases.namespace(ops, given)) for text in texts]

    for case, result in zip(texts, program(arrays()), strict=True):
        assert_is_keras(case, result)


@pytest.mark.parametrize("case", [case for case in cases.EAGER if "empty" not in case])
def test_values_outside_of_programs_are_keras(case):
    assert_is_keras(case, eval(case, cases.namespace(ops, arrays())))


@pytest.mark.parametrize("texts", chunks(cases.GRADIENTS), ids=lambda texts: texts[0])
def test_gradients_are_keras(texts):
    given = arrays()

    @jax.jit
    def program(x):
        def total(text):
            return lambda x: weighed(eval(text, cases.namespace(ops, {**given, "X": x})))

        return [jax.grad(total(text))(x) for text in texts]

    for case, slope in zip(texts, program(given["X"]), strict=True):
        want = VALUES[f"gradient|{case}"]
        np.testing.assert_allclose(slope, want, 1e-5, 1e-6, err_msg=f"{case}. {AGAIN}")


# JAX itself casts -inf to an integer there, while it looks for a maximum.
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize("name", sorted({case.partition("(")[0] for case in cases.DTYPES}))
def test_dtypes_are_keras(name):
    given = cases.namespace(ops, arrays())
    for case in cases.DTYPES:
        kind = KERAS["kinds"][case]
        if case.startswith(f"{name}(") and kind != ["raises"] and case not in KIND_DIFFERS:
            found = jax.eval_shape(lambda case=case: eval(case, given))
            assert described(found) == kind, f"{case}. {AGAIN}"


def test_names_and_signatures_are_keras():
    places = {"": ops, "image.": ops.image}
    found = {
        prefix + name: str(getattr(place, name).__signature__)
        for prefix, place in places.items()
        for name in place.__all__
    }
    assert {name: found.pop(name) for name in NEWER} == NEWER
    assert found == KERAS["signatures"]


def test_every_function_has_a_case():
    words = set(re.findall(r"[\w.]+(?=\()", " ".join([*cases.VALUES, *cases.EAGER])))
    names = {*ops.__all__, *(f"image.{name}" for name in ops.image.__all__)}
    # Keras's sparsemax is not the projection it is named after: see `activations.sparsemax`.
    assert names - words == {"sparsemax", *NEWER}


def test_no_name_stands_twice_in_the_table():
    names = [name for rows in ROWS for name in rows.names.split()]
    assert len(names) == len(set(names))
    written = [name for each in build.WRITTEN_OUT for name in build.family(each)]
    assert len(written) == len(set(written))


@pytest.mark.parametrize("name", ["numpy", "nn", "linalg"])
def test_the_doors_of_families_give_the_same_functions(name):
    door = getattr(ops, name)
    assert set(door.__all__) <= set(ops.__all__)
    assert set(door.__all__) <= set(dir(door))
    assert all(getattr(door, key) is getattr(ops, key) for key in itertools.islice(door.__all__, 9))
