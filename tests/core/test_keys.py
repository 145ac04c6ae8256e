"""Keys by name, and the seeds that models get."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.core.keys import checked_seed, child, next_seed, set_default_seed
from jkeras.layers import Dense
from jkeras.models import Chain

KEY = jax.random.key(0)
SPEC = jax.ShapeDtypeStruct((1, 4), jnp.float32)


def kernel(net: Chain, name: str) -> np.ndarray:
    """The fresh kernel of a layer of `net`."""
    return np.asarray(net.init(KEY, SPEC)[0][name]["kernel"])


def test_a_key_depends_on_its_parent_and_name_alone() -> None:
    assert child(KEY, "a") == child(KEY, "a")
    assert child(KEY, "a") != child(KEY, "b")
    assert child(KEY, "a") != child(jax.random.key(1), "a")
    assert child(child(KEY, "a"), "b") != child(child(KEY, "b"), "a")


def test_numbers_and_traced_numbers_give_the_same_key() -> None:
    traced = jax.jit(child)(KEY, jnp.int32(7))
    assert traced == child(KEY, 7)
    assert child(KEY, 7) != child(KEY, 8)


def test_a_new_layer_does_not_reseed_its_neighbours() -> None:
    plain = Chain([Dense(4, name="a"), Dense(4, name="b")])
    longer = Chain([Dense(4, name="new"), *plain.layers, Dense(4, name="last")])
    for name in ("a", "b"):
        np.testing.assert_array_equal(kernel(longer, name), kernel(plain, name))
    assert not np.array_equal(kernel(plain, "a"), kernel(plain, "b"))


def test_the_default_seed_decides_about_all_that_follow() -> None:
    set_default_seed(5)
    first = [next_seed() for _ in range(3)]
    set_default_seed(5)
    assert [next_seed() for _ in range(3)] == first
    assert len(set(first)) == 3 and all(0 <= seed < 2**32 for seed in first)
    set_default_seed(6)
    assert next_seed() != first[0]


def test_models_after_one_seed_are_reproducible_and_differ_from_each_other() -> None:
    def seeds() -> list[int]:
        jkeras.utils.set_random_seed(3)
        return [jkeras.Sequential().seed for _ in range(2)]

    assert seeds() == seeds()
    assert len(set(seeds())) == 2


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(3), np.uint32(4)])
def test_integers_of_32_bits_are_seeds(seed: int) -> None:
    assert checked_seed("f", seed) == int(seed)
    assert type(checked_seed("f", seed)) is int


@pytest.mark.parametrize(
    ("seed", "kind", "message"),
    [
        ("a", TypeError, "Sequential 'net': `seed`: expected an integer, got 'a' (str)."),
        (1.0, TypeError, "Sequential 'net': `seed`: expected an integer, got 1.0 (float)."),
        (True, TypeError, "Sequential 'net': `seed`: expected an integer, got True (bool)."),
        (-1, ValueError, "Sequential 'net': `seed`: expected 0 to 2**32 - 1, got -1."),
        (2**32, ValueError, "Sequential 'net': `seed`: expected 0 to 2**32 - 1, got 4294967296."),
    ],
)
def test_a_model_refuses_other_seeds(seed: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        jkeras.Sequential(name="net", seed=seed)
    assert str(caught.value) == message
