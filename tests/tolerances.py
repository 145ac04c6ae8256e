"""How near to Keras our numbers must be: rtol 1e-5, and a table of what is looser, with reasons.

    np.testing.assert_allclose(got, expected, **near("sums", expected))

Integers, shapes and dtypes are compared exactly, elsewhere. An absolute tolerance counts where the
expected number is near zero.
"""

from typing import Any, NamedTuple

import numpy as np


class Tolerance(NamedTuple):
    """What two numbers may differ by.

    Attributes:
      rtol: share of the expected number.
      atol: in units of the numbers; of their largest, if that is above 1, with `of_largest`.
      of_largest: whether `atol` grows with the largest expected number.
      reason: why it is looser than rtol 1e-5 and nothing else.
    """

    rtol: float
    atol: float
    of_largest: bool
    reason: str


TABLE = {
    "sums": Tolerance(
        1e-5,
        1e-6,
        True,
        "outputs, weights and gradients of layers: a sum that nearly cancels keeps the rounding of "
        "its terms",
    ),
    "values": Tolerance(
        1e-5, 1e-6, False, "logarithms near 1 and differences of like numbers: one rounding of 1"
    ),
    "activations": Tolerance(
        1e-5,
        1e-5,
        False,
        "as tests compile it, tanh is 1 minus a rounding far from zero, and the tanh form of gelu "
        "multiplies what is left of its slope by x³",
    ),
    "results": Tolerance(1e-5, 1e-7, False, "a metric that is 0 in exact numbers: one rounding"),
    "gradients of losses": Tolerance(
        2e-5,
        1e-6,
        False,
        "the gradient of log(1 - p) near p = 1 divides two roundings of the same number",
    ),
    "twenty steps": Tolerance(
        1e-6,
        4e-6,
        False,
        "a variable that crosses zero keeps the rounding of its earlier, larger values",
    ),
    "schedules": Tolerance(
        1e-6, 1e-7, False, "at the foot of a cosine 1 + cos(π·f) is the rounding of 1"
    ),
}


def near(kind: str, expected: Any) -> dict[str, float]:
    """The `rtol` and `atol` of a kind of numbers.

    Args:
      kind: a key of `TABLE`.
      expected: an array of Keras's numbers, or a list of them that belong together.
    """
    rtol, atol, of_largest, _ = TABLE[kind]
    arrays = expected if isinstance(expected, list) else [expected]
    largest = max([1.0, *(float(np.abs(x).max(initial=0)) for x in arrays)])
    return {"rtol": rtol, "atol": atol * largest if of_largest else atol}
