"""Equations: what they mean, the products they stand for, and what is wrong with the others."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.einsum_equations import axis_sizes, contracted, product, written_out


@pytest.mark.parametrize(
    ("equation", "rank", "expected"),
    [
        ("ab,bc->ac", 2, "ab,bc->ac"),
        ("ab , bc -> ac", 2, "ab,bc->ac"),
        ("...x,xy->...y", 2, "ax,xy->ay"),
        ("...x,xy->...y", 4, "abcx,xy->abcy"),
        ("ab...,bc->ac...", 4, "abde,bc->acde"),
        ("ab...,bc->ac...", 2, "ab,bc->ac"),
    ],
)
def test_ellipses_are_written_out(equation: str, rank: int, expected: str) -> None:
    assert str(written_out(equation, rank)) == expected


@pytest.mark.parametrize(
    "equation", ["abc,cd->abd", "abcd,cde->abe", "abc,dbe->adec", "abc,cb->ab", "abc,c->ab"]
)
def test_products_are_einsum(equation: str) -> None:
    rng = np.random.default_rng(0)
    found = written_out(equation, equation.index(","))
    sizes = dict(zip("abcde", (2, 3, 4, 5, 6), strict=True))
    inputs, kernel = (
        rng.normal(size=[sizes[letter] for letter in letters]).astype("float32")
        for letters in (found.inputs, found.kernel)
    )
    expected = np.einsum(equation, inputs, kernel)
    got = product(found, jnp.asarray(inputs), jnp.asarray(kernel))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "as_matrices"),
    [("abc,cd->abd", True), ("abcd,cde->abe", True), ("abc,dbe->adec", False)],
)
def test_products_with_axes_in_their_places_are_matrix_products(
    equation: str, as_matrices: bool
) -> None:
    found = written_out(equation, equation.index(","))
    operands = (jnp.zeros([2] * len(letters)) for letters in (found.inputs, found.kernel))
    lines = str(jax.make_jaxpr(functools.partial(product, found))(*operands)).splitlines()
    outputs = next(line for line in lines if "dot_general[" in line)
    rank = outputs.split("[")[1].split("]")[0].count(",") + 1
    assert (rank == 2) == as_matrices


def test_contracted_sums_the_last_against_the_first_axes() -> None:
    rng = np.random.default_rng(0)
    x, kernel = (rng.normal(size=s).astype("float32") for s in ((2, 3, 4, 5), (4, 5, 6, 7)))
    got = contracted(jnp.asarray(x), jnp.asarray(kernel), 2)
    np.testing.assert_allclose(got, np.tensordot(x, kernel, 2), rtol=1e-5, atol=1e-5)


WRONG: list[tuple[tuple[Any, ...], str]] = [
    (
        ("ab,bc", 2, (4,)),
        "expected an equation of the form 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...', "
        "got 'ab,bc'.",
    ),
    (
        ("...ab,bc->ac", 2, (4,)),
        "expected an equation of the form 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...', "
        "got '...ab,bc->ac'.",
    ),
    (
        ("ab,bc->ad", 2, (4,)),
        "expected every axis of the outputs in the inputs or the kernel, got 'ab,bc->ad' with "
        "'d' in neither.",
    ),
    (
        ("ab,bcd->ac", 2, (4,)),
        "expected every axis of the kernel in the inputs or the outputs, got 'ab,bcd->ac' with "
        "'d' in neither.",
    ),
    (("abb,bc->ac", 3, (4,)), "expected every axis once in each operand, got 'abb,bc->ac'."),
    (("ab,bc->ac", 3, (4,)), "`equation` 'ab,bc->ac' does not go with inputs of 3 axes."),
    (
        ("...abc,bc->...a", 2, (4,)),
        "`equation` '...abc,bc->...a' does not go with inputs of 2 axes.",
    ),
    (
        ("ab,bc->ca", 2, (4,)),
        "`equation` 'ab,bc->ca': expected the inputs and the outputs to start with the same axis, "
        "the batch.",
    ),
    (
        ("ab,bc->ac", 2, (4, 5)),
        "expected `output_shape` with 1 sizes, those of the axes ['c'] of the outputs, got (4, 5).",
    ),
    (
        ("ab,bc->ac", 2, (None,)),
        "expected `output_shape` to say the size of the axis 'c', which the inputs do not have, "
        "got (None,).",
    ),
    (
        ("abc,cd->abd", 3, (9, 4)),
        "expected the size 3 that the inputs have on the axis 'b', got 9 in `output_shape` (9, 4).",
    ),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_wrong_equations(given: tuple[Any, ...], message: str) -> None:
    equation, rank, output_shape = given
    with pytest.raises(ValueError) as caught:
        axis_sizes(written_out(equation, rank), (2, 3, 4)[:rank], output_shape)
    assert str(caught.value) == message
