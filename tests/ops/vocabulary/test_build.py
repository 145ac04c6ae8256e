"""How functions are made: lazily, once, with Keras's signature; what they say to wrong calls."""

import inspect
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import ops
from jkeras.core.symbols import Symbol
from jkeras.ops.vocabulary import build


def test_importing_the_package_makes_no_function():
    script = (
        "import sys, jkeras; print([m for m in sys.modules if m.startswith('jkeras.ops.voc')]);"
        "jkeras.ops.add; print('jkeras.ops.vocabulary.build' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "[]\nTrue\n")


def test_functions_are_made_once_and_pickle():
    assert ops.add is ops.add is ops.numpy.add
    assert pickle.loads(pickle.dumps(ops.add)) is ops.add
    assert pickle.loads(pickle.dumps(ops.image.resize)) is ops.image.resize


def test_modules_beside_stay_modules():
    assert inspect.ismodule(ops.activations)
    assert inspect.ismodule(ops.einsum_equations)
    assert callable(ops.einsum)
    assert {"activations", "add", "image"} <= set(dir(ops))


def test_names_and_docstrings():
    assert (ops.max.__name__, ops.max.__module__) == ("max", "jkeras.ops")
    assert ops.max.__doc__ == (
        "`jax.numpy.max` under Keras's name and arguments.\n\nSource: `keras.ops.max`."
    )
    assert ops.trunc.__doc__ == (
        "The whole number next to `x` towards zero; integers and booleans stay.\n\n"
        "Source: `keras.ops.trunc`."
    )
    assert str(inspect.signature(ops.max)) == "(x, axis=None, keepdims=False, initial=None)"


def test_arrays_may_be_lists_numbers_or_numpy():
    for given in ([1.0, 2.0], np.array([1.0, 2.0]), jnp.array([1.0, 2.0])):
        assert ops.add(given, 1).tolist() == [2.0, 3.0]
    assert ops.add(1, 2).dtype == jnp.int32
    assert ops.concatenate((np.zeros(1, np.float32), [1.0])).tolist() == [0.0, 1.0]


def test_functions_work_under_the_transformations():
    x = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(jax.jit(ops.sum)(x), 15.0)
    np.testing.assert_allclose(jax.vmap(ops.max)(x), [2.0, 5.0])
    np.testing.assert_allclose(jax.grad(lambda x: ops.sum(ops.square(x)))(x), 2 * x)


def test_a_symbol_makes_a_layer():
    x, y = Symbol((None, 4)), Symbol((None, 4))
    assert ops.add(x, y).shape == (None, 4)
    assert ops.concatenate([x, y], axis=-1).shape == (None, 8)
    assert ops.mean(x, axis=1, keepdims=True).shape == (None, 1)
    assert ops.image.resize(Symbol((None, 8, 8, 3)), size=(4, 2)).shape == (None, 4, 2, 3)
    values, indices = ops.top_k(x, k=2)
    assert (values.shape, str(indices.dtype)) == ((None, 2), "int32")
    assert ops.where(ops.greater(x, 0), x, 0.0).node.layer.function is ops.where
    assert (ops.shape(x), ops.dtype(x), ops.is_tensor(x)) == ((None, 4), "float32", False)


def test_pools_without_strides_lie_side_by_side():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    assert ops.max_pool(x, 2).ravel().tolist() == [5.0, 7.0, 13.0, 15.0]
    assert ops.average_pool(x, (2, 4)).ravel().tolist() == [3.5, 11.5]


def test_fold_undoes_unfold_where_windows_do_not_overlap():
    x = jax.random.normal(jax.random.key(0), (1, 2, 4, 6))
    columns = ops.unfold(x, 2, stride=2)
    np.testing.assert_allclose(ops.fold(columns, (4, 6), 2, stride=2), x)


def test_a_parsed_signature_knows_all_kinds():
    signature = build.parsed("x: Array, n=1, *rest: Array, word='a'")
    kinds = [parameter.kind.name for parameter in signature.parameters.values()]
    assert kinds == ["POSITIONAL_OR_KEYWORD"] * 2 + ["VAR_POSITIONAL", "KEYWORD_ONLY"]


IMAGE = jnp.zeros((4, 4, 3))
WRONG = [
    (
        lambda: ops.concat,
        "jkeras.ops has no 'concat'. Did you mean 'concatenate'?",
    ),
    (lambda: ops.linalg.normm, "jkeras.ops.linalg has no 'normm'. Did you mean 'norm'?"),
    (
        lambda: ops.mean([1], axes=0),
        "ops.mean: unexpected argument `axes`. Did you mean 'axis'? Arguments: x, axis, keepdims.",
    ),
    (
        lambda: ops.add(1),
        "ops.add: missing a required argument: 'x2'. Write add(x1, x2).",
    ),
    (
        lambda: ops.add("a", 1),
        "ops.add: `x1`: expected an array or numbers, got 'a' (str).",
    ),
    (
        lambda: ops.stack(3),
        "ops.stack: `x`: expected a list of arrays, got 3 (int).",
    ),
    (
        lambda: ops.cast([1], "flaot32"),
        "ops.cast: `dtype`: expected a dtype such as 'float32', got 'flaot32' (str). "
        "Did you mean 'float32'?",
    ),
    (
        lambda: ops.where([True], 1),
        "ops.where: expected `x1` and `x2` or neither, got no `x2`. Write "
        "where(condition, x1, x2).",
    ),
    (
        lambda: ops.pad([1], 1, mode="reflect", constant_values=2),
        "ops.pad: `constant_values` goes with mode 'constant', got mode 'reflect'. Leave "
        "`constant_values` out.",
    ),
    (
        lambda: ops.unstack([1, 2], num=3),
        "ops.unstack: expected `num` 2, the size of axis 0 of shape (2,), got 3. Leave it out.",
    ),
    (
        lambda: ops.scatter_update([1], [[0]], [2], reduction="mull"),
        "ops.scatter_update: expected `reduction` None, 'add', 'max', 'min' or 'mul', got 'mull'. "
        "Did you mean 'mul'?",
    ),
    (
        lambda: ops.convert_to_tensor([1], sparse=True),
        "ops.convert_to_tensor: expected `sparse` False, got True: arrays here are dense.",
    ),
    (
        lambda: ops.one_hot([1], 2, sparse=True),
        "ops.one_hot: expected `sparse` False, got True: arrays here are dense.",
    ),
    (
        lambda: ops.segment_sum([1], [0]),
        "ops.segment_sum: expected `num_segments`, the number of rows of the result, got None. "
        "Pass it: shapes are fixed before numbers are known.",
    ),
    (
        lambda: ops.segment_sum([1, 2], [0], 3),
        "ops.segment_sum: expected `segment_ids` with one id for each row of `data`, got shapes "
        "(1,) and (2,).",
    ),
    (
        lambda: ops.fft(jnp.ones(3)),
        "ops.fft: expected `x` a pair (real, imaginary) of arrays, got an array of shape (3,) and "
        "dtype float32. Write fft((x, ops.zeros_like(x)), ...).",
    ),
    (
        lambda: ops.cholesky([[1.0, 2.0], [2.0, 1.0]]),
        "ops.cholesky: expected `x` positive definite, got a matrix of shape (2, 2) that is not. "
        "Add a little to its diagonal: x + 1e-6 * ops.eye(n).",
    ),
    (
        lambda: ops.qr(jnp.eye(2), mode="full"),
        "ops.qr: expected `mode` 'reduced' or 'complete', got 'full'.",
    ),
    (
        lambda: ops.conv(jnp.ones((1, 4, 4, 3)), jnp.ones((2, 2, 2, 4))),
        "ops.conv: expected `kernel` [*window, channels // groups, filters] for 3 channels, got "
        "shape (2, 2, 2, 4).",
    ),
    (
        lambda: ops.conv(jnp.ones((1, 4, 4, 3)), jnp.ones((2, 2, 3, 4)), padding="smae"),
        "ops.conv: expected `padding` 'valid', 'same', got 'smae'. Did you mean 'same'?",
    ),
    (
        lambda: ops.max_pool(jnp.ones((1, 4, 4, 3)), (2, 2, 2)),
        "ops.max_pool: `pool_size`: expected a positive integer or 2 of them, got (2, 2, 2) "
        "(tuple).",
    ),
    (
        lambda: ops.depth_to_space(jnp.ones((1, 2, 2, 3)), 2),
        "ops.depth_to_space: expected channels divisible by 4, got shape (1, 2, 2, 3).",
    ),
    (
        lambda: ops.multi_hot([1]),
        "ops.multi_hot: expected `num_classes`, the number of classes, got None.",
    ),
    (
        lambda: ops.binary_crossentropy([1.0], [[0.5]]),
        "ops.binary_crossentropy: expected `target` and `output` of one shape, got (1,) and "
        "(1, 1).",
    ),
    (
        lambda: ops.ctc_decode(jnp.ones((1, 2, 3)), [2], strategy="beam"),
        "ops.ctc_decode: expected `strategy` 'greedy', 'beam_search', got 'beam'.",
    ),
    (
        lambda: ops.dot_product_attention(*[jnp.ones((1, 2, 3))] * 3),
        "ops.dot_product_attention: expected `query` [batch, time, heads, features], got shape "
        "(1, 2, 3).",
    ),
    (
        lambda: ops.rearrange(IMAGE, "h w c -> h w"),
        "ops.rearrange: expected the same axes, each once, on both sides, got 'h w c -> h w'.",
    ),
    (
        lambda: ops.rearrange(IMAGE, "(a b) w c -> a b w c"),
        "ops.rearrange: axis 'a b' of '(a b) w c -> a b w c' has size 4, got {}. Give all but one "
        "of the sizes in a group, with the right product.",
    ),
    (
        lambda: ops.image.pad_images(IMAGE, 1, 1, 1, 1, 6, 6),
        "ops.image.pad_images: expected exactly two of three numbers, got top_padding=1, "
        "bottom_padding=1, target_height=6.",
    ),
    (
        lambda: ops.image.crop_images(IMAGE, 1, 1, target_height=4, target_width=2),
        "ops.image.crop_images: expected numbers of at least 0 for a size of 4, got "
        "top_cropping=1, bottom_cropping=-1, target_height=4.",
    ),
    (
        lambda: ops.image.resize(IMAGE, (2, 2), interpolation="bilinaer"),
        "ops.image.resize: expected `interpolation` 'bicubic', 'bilinear', 'lanczos3', 'lanczos5', "
        "'nearest', got 'bilinaer'. Did you mean 'bilinear'?",
    ),
    (
        lambda: ops.image.rgb_to_hsv(IMAGE.astype(jnp.int32)),
        "ops.image.rgb_to_hsv: expected floating `images` in [0, 1], got an array of shape "
        "(4, 4, 3) and dtype int32. Divide by 255.",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[text[:48] for _, text in WRONG])
def test_messages(call, message):
    with pytest.raises((AttributeError, TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ops.add(x, Symbol((None, 5))),
        lambda x: ops.transpose(x, (0, 0)),
        lambda x: ops.matmul(x, Symbol((5, 2))),
        lambda x: ops.reshape(x, (-2, 4)),
        lambda x: ops.concatenate([x, Symbol((None, 4, 2))], axis=0),
        lambda x: ops.batch_normalization(x, Symbol((3,)), Symbol((4,)), -1),
        lambda x: ops.diagonal(x, axis1=0, axis2=-2),
        lambda x: ops.trace(x, axis1=1, axis2=1),
    ],
)
def test_shapes_that_do_not_fit_are_a_value_error(call):
    with pytest.raises(ValueError, match=r"shape|Cannot concatenate|permutation"):
        call(Symbol((None, 4)))


def test_entries_repeat_their_own_numbers_of_times():
    for counts in ([1, 2], (1, 2), np.array([1, 2]), jnp.array([1, 2])):
        assert ops.repeat([5, 7], counts).tolist() == [5, 7, 7]
    assert ops.repeat(Symbol((None, 2)), [1, 2], axis=1).shape == (None, 3)


def test_the_range_of_a_histogram_is_two_numbers_in_order():
    for given in ((1,), (5, 1)):
        with pytest.raises(ValueError, match=r"expected `range` None or \(least, most\), in this"):
            ops.histogram([1.0, 2.0], range=given)


def test_filters_keep_the_dtype_and_shape():
    image = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    for function in (ops.image.gaussian_blur, lambda x: ops.image.elastic_transform(x, seed=1)):
        assert (function(image).dtype, function(image).shape) == ("uint8", (6, 7, 3))
    again = ops.image.elastic_transform(image, seed=1)
    assert (again == ops.image.elastic_transform(image, seed=1)).all()
    assert (again != ops.image.elastic_transform(image, seed=2)).any()
    windows = ops.image.gaussian_blur(image, np.array([5, 3]), np.array([1.0, 2.0]))
    assert (windows == ops.image.gaussian_blur(image, (5, 3), (1.0, 2.0))).all()
    assert ops.image.sobel_edges(Symbol((None, 8, 9, 3))).shape == (None, 8, 9, 3, 2)
    assert ops.image.affine_transform(Symbol((None, 8, 9, 3)), np.ones(8)).shape == (None, 8, 9, 3)


def test_an_index_outside_of_an_axis_of_a_symbol_is_an_error():
    x = jkeras.KerasTensor((None, 5))
    assert ops.get_item(x, key=(slice(None), -1)).shape == (None,)
    with pytest.raises(ValueError, match=r"expected an index from -5 to 4 for axis 1, got 5"):
        ops.get_item(x, (slice(None), 5))


def test_an_axis_of_unknown_size_broadcasts_against_a_known_one():
    x = jkeras.Input((None, 3))
    known = np.ones((1, 4, 3), np.float32)
    for y in (ops.add(x, known), x * known, ops.where(x > 0, known, x), ops.maximum(known, x)):
        assert y.shape == (None, 4, 3)
    assert jkeras.Model(x, ops.add(x, known)).predict(np.zeros((2, 4, 3)), verbose=0).sum() == 24
    assert ops.add(Symbol((None, 3)), Symbol((2, None))).shape == (2, 3)
    with pytest.raises(ValueError, match=r"Incompatible shapes for broadcasting"):
        ops.add(x, np.ones(5, np.float32))
