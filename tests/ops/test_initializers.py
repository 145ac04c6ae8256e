"""Names, user functions and arrays as initializers, and the laws that all initializers keep."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.ops import initializers
from jkeras.ops.initializers import (
    STFT,
    Constant,
    FromArray,
    FromFunction,
    GlorotUniform,
    HeNormal,
    Identity,
    Initializer,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    VarianceScaling,
    Zeros,
)

SHAPES = {"STFT": (8, 2, 5)}
CLASSES = sorted({cls for cls in initializers.TABLE.values()}, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_shape_dtype_and_the_same_numbers_under_jit(cls, dtype):
    shape, key, initializer = SHAPES.get(cls.__name__, (6, 4)), jax.random.key(3), cls()
    eager = initializer(shape, dtype, key=key)
    jitted = jax.jit(lambda key: initializer(shape, dtype, key=key))(key)
    assert (eager.shape, eager.dtype) == (shape, jnp.dtype(dtype))
    np.testing.assert_allclose(np.float32(eager), np.float32(jitted), rtol=1e-5, atol=1e-6)
    assert eager.tolist() == initializer(list(shape), dtype, key=key).tolist()


@pytest.mark.parametrize("cls", CLASSES)
def test_descriptions_compare_hash_and_print(cls):
    initializer = cls()
    assert initializer == cls() and hash(initializer) == hash(cls())
    assert repr(initializer) == f"{cls.__name__}()"
    assert initializer(SHAPES.get(cls.__name__, (2, 2)), key=jax.random.key(0)).dtype == "float32"


@pytest.mark.parametrize("name", sorted(initializers.TABLE))
def test_every_name_gives_its_class(name):
    assert initializers.get(name) == initializers.TABLE[name]()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *[("normal", RandomNormal()), ("uniform", RandomUniform()), ("zero", Zeros())],
        *[("one", Ones()), ("glorot_uniform", GlorotUniform()), ("HeNormal", HeNormal())],
        *[(HeNormal, HeNormal()), (Constant(2.0), Constant(2.0)), (None, None)],
    ],
    ids=repr,
)
def test_get(given, meant):
    assert initializers.get(given) == meant


def shifted(shape, dtype=None):
    return jnp.ones(shape, dtype) + 1


def test_functions_in_both_forms():
    keras_form, jax_form = (
        initializers.get(shifted),
        initializers.get(jax.nn.initializers.normal(0.5)),
    )
    assert keras_form == FromFunction(shifted, "keras")
    assert keras_form((2,)).tolist() == [2.0, 2.0]
    key = jax.random.key(0)
    assert jax_form.form == "jax"
    want = jax.nn.initializers.normal(0.5)(key, (3,), jnp.float32)
    assert jax_form((3,), key=key).tolist() == want.tolist()


class Old(Initializer):
    """An initializer in Keras's form, without `key`."""

    value: float = 3.0

    def __call__(self, shape, dtype=None):
        return jnp.full(shape, self.value, dtype)


@pytest.mark.parametrize("given", [Old(), Old], ids=["object", "class"])
def test_an_initializer_without_key_takes_one_through_get(given):
    assert initializers.get(given)((2,), key=jax.random.key(0)).tolist() == [3.0, 3.0]


def test_an_array_is_the_weight_itself():
    table = np.arange(6.0).reshape(2, 3)
    initializer = initializers.get(table)
    assert initializer == initializers.get(table.copy()) == FromArray(table)
    assert hash(initializer) == hash(FromArray(table))
    assert initializer != FromArray(table + 1)
    assert initializer((2, 3), "float32").tolist() == table.tolist()
    assert repr(initializer) == "FromArray(value=array(shape=(2, 3), dtype=float64))"


def test_an_array_given_does_not_follow_later_changes():
    table = np.ones(3)
    initializer = Constant(table)
    table[:] = 5
    assert initializer((3,)).tolist() == [1.0, 1.0, 1.0]


def test_without_a_key_the_next_default_seed_draws():
    jkeras.utils.set_random_seed(3)
    first, second = GlorotUniform()((2, 3)), GlorotUniform()((2, 3))
    jkeras.utils.set_random_seed(3)
    assert first.tolist() == GlorotUniform()((2, 3)).tolist() != second.tolist()


class Empty(Initializer):
    """A subclass that forgot its method."""


def wrong_shape(shape, dtype=None):
    return jnp.zeros((1,), dtype)


MESSAGES = [
    (
        lambda: jax.jit(lambda: GlorotUniform()((2, 3)))(),
        ValueError,
        "GlorotUniform: expected a `key` inside a compiled program, got None: every run would draw "
        "the same numbers. Pass a key to the program: GlorotUniform(..., key=key).",
    ),
    (
        lambda: initializers.get(jax.nn.initializers.zeros)((2,)),
        ValueError,
        "initializer `zeros`: expected a random `key`, got None. "
        "Pass one: initializer(shape, key=jax.random.key(0)).",
    ),
    (
        lambda: initializers.get(wrong_shape)((2,)),
        ValueError,
        "initializer `wrong_shape`: expected it to return an array of shape (2,), got (1,).",
    ),
    (
        lambda: HeNormal(seed=0.5),
        TypeError,
        "HeNormal: `seed`: expected an integer or None, got 0.5 (float).",
    ),
    (
        lambda: HeNormal(seed=-1),
        ValueError,
        "HeNormal: `seed`: expected an integer from 0 to 2**32 - 1, got -1.",
    ),
    (
        lambda: HeNormal(sead=1),
        TypeError,
        "HeNormal: unexpected argument `sead`. Did you mean 'seed'? "
        "Arguments: seed, input_axes, output_axes.",
    ),
    (
        lambda: VarianceScaling(scale=0.0),
        ValueError,
        "VarianceScaling: `scale`: expected a number > 0, got 0.0.",
    ),
    (
        lambda: VarianceScaling(scale="2"),
        TypeError,
        "VarianceScaling: `scale`: expected a number > 0, got '2' (str).",
    ),
    (
        lambda: VarianceScaling(mode="fan"),
        ValueError,
        "VarianceScaling: `mode`: expected 'fan_in', 'fan_out' or 'fan_avg', got 'fan'.",
    ),
    (
        lambda: VarianceScaling(distribution="gauss"),
        ValueError,
        "VarianceScaling: `distribution`: expected 'truncated_normal', 'untruncated_normal' or "
        "'uniform', got 'gauss'.",
    ),
    (
        lambda: HeNormal(seed=0)((2, 3), "int32"),
        ValueError,
        "HeNormal: expected a floating `dtype`, got int32.",
    ),
    (
        lambda: Zeros()(3),
        TypeError,
        "Zeros: expected `shape` to be a tuple of integers such as (3, 4), got 3 (int).",
    ),
    (
        lambda: HeNormal(seed=0)((None, 3)),
        TypeError,
        "HeNormal: expected `shape` to be a tuple of integers such as (3, 4), "
        "got (None, 3) (tuple).",
    ),
    (lambda: Ones()((2, -1)), ValueError, "Ones: expected sizes ≥ 0 in `shape`, got (2, -1)."),
    (
        lambda: Orthogonal(seed=0)((3,)),
        ValueError,
        "Orthogonal: expected a `shape` of at least two axes, got (3,). "
        "For vectors use RandomNormal.",
    ),
    (
        lambda: Identity()((3, 3, 3)),
        ValueError,
        "Identity: expected `shape` (rows, columns), got (3, 3, 3). "
        "For other ranks use Orthogonal.",
    ),
    (
        lambda: Constant([1.0, 2.0])((3,)),
        ValueError,
        "Constant: expected `value` to broadcast to the weight's shape (3,), got shape (2,).",
    ),
    (
        lambda: Constant("a"),
        TypeError,
        "Constant: `value`: expected a number or an array of numbers, "
        "got an array of shape () and dtype <U1.",
    ),
    (
        lambda: FromArray(np.ones(2))((3,)),
        ValueError,
        "FromArray: expected an array of the weight's shape (3,), got (2,). "
        "To repeat it along leading axes use Constant(array).",
    ),
    (
        lambda: STFT(side="left"),
        ValueError,
        "STFT: `side`: expected 'real' or 'imag', got 'left'.",
    ),
    (
        lambda: STFT(scaling="power"),
        ValueError,
        "STFT: `scaling`: expected 'density', 'spectrum' or None, got 'power'.",
    ),
    (
        lambda: STFT()((8, 5)),
        ValueError,
        "STFT: expected `shape` (frame_length, channels, frequencies) with at least "
        "2 frequencies, got (8, 5).",
    ),
    (
        lambda: STFT(window=[1.0, 2.0])((3, 1, 4)),
        ValueError,
        "STFT: expected `window` to have frame_length = 3 numbers, got shape (2,).",
    ),
    (
        lambda: initializers.get(3),
        TypeError,
        "expected an initializer: a name such as 'glorot_uniform', an object such as HeNormal(), "
        "a function (shape, dtype) or (key, shape, dtype), an array or None, got 3 (int).",
    ),
    (
        lambda: initializers.get("gloort_uniform"),
        ValueError,
        "unknown initializer 'gloort_uniform'. Did you mean 'glorot_uniform'? "
        f"Known: {', '.join(sorted(initializers.TABLE))}.",
    ),
    (
        lambda: Empty()((2,)),
        NotImplementedError,
        "Empty: expected a method `__call__(self, shape, dtype=None, *, key=None)` "
        "that returns an array, and the class defines none.",
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "message"), MESSAGES)
def test_messages(wrong, kind, message):
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message
