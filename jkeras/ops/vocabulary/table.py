"""The table of the names of `keras.ops` that equal functions of JAX.

A row is a module of JAX, a signature, and the names with this signature. A signature is Keras's,
with annotations of the arguments that are converted: `Array` by `jnp.asarray`, `Arrays` is a
sequence of arrays, `Tree` a structure whose variables become arrays, `DType` the name of a dtype,
`DefaultDType` the same with `floatx()` for None.
Arguments without a default are passed by position, the others by name. Functions that need more
than that are in the other files of this folder.
"""

from __future__ import annotations

from typing import NamedTuple


class Rows(NamedTuple):
    """Functions of one family, in one module of JAX and with the same signature."""

    family: str
    place: str
    signature: str
    names: str


NUMPY = "jax.numpy"
LINALG = "jax.numpy.linalg"
ACTIVATIONS = "jkeras.ops.activations"
SUBGRADIENTS = "jkeras.ops.subgradients"

ROWS: tuple[Rows, ...] = (
    Rows(
        "numpy",
        NUMPY,
        "x: Array",
        """
        abs absolute angle arcsinh arctan arctanh bitwise_invert bitwise_not
        conj conjugate copy corrcoef cos cosh deg2rad exp exp2 expm1 fabs fliplr flipud i0 imag
        isfinite isinf isnan isneginf isposinf isreal log log10 log1p log2 logical_not ndim negative
        nonzero rad2deg ravel real reciprocal sign signbit sin sinc sinh size square tan tanh
        """,
    ),
    Rows(
        "numpy",
        NUMPY,
        "x1: Array, x2: Array",
        """
        add divide dot equal floor_divide fmax fmin fmod gcd greater greater_equal heaviside
        hypot inner kron lcm ldexp less less_equal logaddexp logaddexp2 logical_and logical_or
        logical_xor maximum minimum mod multiply nextafter not_equal outer subtract
        true_divide vdot
        """,
    ),
    Rows(
        "numpy",
        NUMPY,
        "x: Array, y: Array",
        """
        bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor left_shift
        right_shift
        """,
    ),
    Rows(
        "numpy",
        NUMPY,
        "x: Array, axis=None, keepdims=False",
        """
        all amax amin any argmax argmin mean median nanargmax nanargmin nanmax nanmean nanmedian
        nanmin nanprod nansum nanvar ptp sum var
        """,
    ),
    Rows("numpy", SUBGRADIENTS, "x: Array", "arccos arccosh arcsin cbrt sqrt"),
    Rows("numpy", SUBGRADIENTS, "x1: Array, x2: Array", "arctan2 power"),
    Rows("numpy", SUBGRADIENTS, "x: Array, axis=None, keepdims=False", "nanstd std"),
    Rows("numpy", NUMPY, "x: Array, axis=None, keepdims=False, initial=None", "max min"),
    Rows("numpy", NUMPY, "x: Array, axis=None, keepdims=False, dtype: DType = None", "prod"),
    Rows(
        "numpy",
        NUMPY,
        "x: Array, axis=None, dtype: DType = None",
        "cumprod cumsum nancumprod nancumsum",
    ),
    Rows(
        "numpy",
        NUMPY,
        "x: Array, q: Array, axis=None, method='linear', keepdims=False",
        "nanpercentile nanquantile percentile quantile",
    ),
    Rows("numpy", NUMPY, "x: Array, axis=None, weights: Array = None", "average"),
    Rows("numpy", NUMPY, "x: Array, axis=None", "count_nonzero flip squeeze"),
    Rows("numpy", NUMPY, "x: Array, axis", "expand_dims"),
    Rows("numpy", NUMPY, "x: Array, axis=-1", "sort"),
    Rows("numpy", NUMPY, "a: Array, n=1, axis=-1", "diff"),
    Rows("numpy", NUMPY, "x1: Array, x2: Array, axis=None", "append"),
    Rows("numpy", NUMPY, "x1: Array, x2: Array, axes=2", "tensordot"),
    Rows("numpy", NUMPY, "x1: Array, x2: Array, mode='valid'", "correlate"),
    Rows("numpy", NUMPY, "x1: Array, x2: Array, axisa=-1, axisb=-1, axisc=-1, axis=None", "cross"),
    Rows(
        "numpy",
        NUMPY,
        "x1: Array, x2: Array, rtol=1e-05, atol=1e-08, equal_nan=False",
        "allclose isclose",
    ),
    Rows("numpy", NUMPY, "x1: Array, x2: Array, assume_unique=False, invert=False", "isin"),
    Rows("numpy", NUMPY, "x: Array, k=0", "diag diagflat tril triu"),
    Rows("numpy", NUMPY, "x: Array, bins: Array", "digitize"),
    Rows("numpy", NUMPY, "sorted_sequence: Array, values: Array, side='left'", "searchsorted"),
    Rows("numpy", NUMPY, "x: Array, indices_or_sections, axis=0", "array_split split"),
    Rows("numpy", NUMPY, "x: Array, indices_or_sections", "dsplit hsplit vsplit"),
    Rows("numpy", NUMPY, "xs: Arrays", "column_stack dstack hstack vstack"),
    Rows("numpy", NUMPY, "xs: Arrays, axis=0", "concatenate"),
    Rows("numpy", NUMPY, "x: Arrays, axis=0", "stack"),
    Rows("numpy", NUMPY, "*x: Array, indexing='xy'", "meshgrid"),
    Rows("numpy", NUMPY, "condlist: Arrays, choicelist: Arrays, default=0", "select"),
    Rows("numpy", NUMPY, "x: Array, shape", "broadcast_to"),
    Rows("numpy", NUMPY, "x: Array, source, destination", "moveaxis"),
    Rows("numpy", NUMPY, "x: Array, axis1, axis2", "swapaxes"),
    Rows("numpy", NUMPY, "x: Array, axes=None", "transpose"),
    Rows("numpy", NUMPY, "x: Array, repeats", "tile"),
    Rows("numpy", NUMPY, "x: Array, shift, axis=None", "roll"),
    Rows("numpy", NUMPY, "array: Array, k=1, axes=(0, 1)", "rot90"),
    Rows("numpy", NUMPY, "x: Array, indices: Array, axis=None", "take take_along_axis"),
    Rows("numpy", NUMPY, "indices: Array, shape", "unravel_index"),
    Rows(
        "numpy",
        NUMPY,
        "x: Array, nan: Tree = 0.0, posinf: Tree = None, neginf: Tree = None",
        "nan_to_num",
    ),
    Rows("numpy", NUMPY, "y: Array, x: Array = None, dx=1.0, axis=-1", "trapezoid"),
    Rows("numpy", NUMPY, "x: Array, N=None, increasing=False", "vander"),
    Rows("numpy", NUMPY, "x", "bartlett blackman hamming hanning"),
    Rows("numpy", NUMPY, "x, beta", "kaiser"),
    Rows("numpy", NUMPY, "x, dtype: DType = None", "array"),
    Rows("numpy", NUMPY, "shape, dtype: DefaultDType = None", "empty ones zeros"),
    Rows("numpy", NUMPY, "x: Array, dtype: DType = None", "empty_like ones_like zeros_like"),
    Rows("numpy", NUMPY, "x: Array, fill_value: Array, dtype: DType = None", "full_like"),
    Rows("numpy", NUMPY, "start, stop=None, step=None, dtype: DType = None", "arange"),
    Rows("numpy", NUMPY, "N, M=None, k=0, dtype: DefaultDType = None", "eye tri"),
    Rows("numpy", NUMPY, "n, dtype: DefaultDType = None", "identity"),
    Rows(
        "numpy",
        NUMPY,
        "start: Array, stop: Array, num=50, endpoint=True, retstep=False, dtype: DType = None, "
        "axis=0",
        "linspace",
    ),
    Rows(
        "numpy",
        NUMPY,
        "start: Array, stop: Array, num=50, endpoint=True, base=10, dtype: DType = None, axis=0",
        "logspace",
    ),
    Rows(
        "numpy",
        NUMPY,
        "start: Array, stop: Array, num=50, endpoint=True, dtype: DType = None, axis=0",
        "geomspace",
    ),
    Rows(
        "nn",
        ACTIVATIONS,
        "x: Array",
        """
        hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid relu relu6 selu sigmoid silu
        softplus softsign sparse_plus sparse_sigmoid swish tanh_shrink
        """,
    ),
    Rows("nn", ACTIVATIONS, "x: Array, axis=-1", "glu log_softmax softmax sparsemax"),
    Rows("nn", ACTIVATIONS, "x: Array, alpha=1.0", "celu elu"),
    Rows("nn", ACTIVATIONS, "x: Array, threshold=0.5", "hard_shrink soft_shrink"),
    Rows("nn", ACTIVATIONS, "x: Array, negative_slope=0.2", "leaky_relu"),
    Rows("nn", ACTIVATIONS, "x: Array, approximate=True", "gelu"),
    Rows("nn", ACTIVATIONS, "x: Array, b=4", "squareplus"),
    Rows("nn", ACTIVATIONS, "x: Array, threshold, default_value", "threshold"),
    Rows("math", "jax.scipy.special", "x: Array", "erf erfc erfinv"),
    Rows("math", "jax.scipy.special", "x: Array, axis=None, keepdims=False", "logsumexp"),
    Rows("math", "jax.scipy.special", "a: Array, x: Array", "gammainc"),
    Rows("math", "jax.lax", "x: Array", "rsqrt"),
    Rows("linalg", LINALG, "x: Array, rcond=None", "pinv"),
    Rows("linalg", LINALG, "x: Array, full_matrices=True, compute_uv=True", "svd"),
    Rows("linalg", "jax", "fun, primals: Tree, tangents: Tree, has_aux=False", "jvp"),
    Rows("core", "jax.lax", "lower: Tree, upper: Tree, body_fun, init_val: Tree", "fori_loop"),
    Rows("core", "jax.lax", "f, xs: Tree", "map"),
    Rows("core", "jax.lax", "f, elems: Tree, reverse=False, axis=0", "associative_scan"),
    Rows(
        "core",
        "jax.lax",
        "f, init: Tree, xs: Tree = None, length=None, reverse=False, unroll=1",
        "scan",
    ),
    Rows("core", "jax.lax", "index: Tree, branches, *operands: Tree", "switch"),
    Rows("core", "jax.lax", "variable: Tree", "stop_gradient"),
)
