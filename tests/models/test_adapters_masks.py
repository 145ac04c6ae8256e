"""Masks into modules of other libraries, and such modules inside of wrappers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jkeras import Input, Sequential, layers
from jkeras.models import Chain, as_layer

REAL = np.array([2, 1, 3])
X = np.arange(1.0, 19.0, dtype="float32").reshape(3, 3, 2)
X = np.where(np.arange(3)[None, :, None] < REAL[:, None, None], X, 0).astype("float32")
MEANS = X.sum(1) / REAL[:, None]


def mean(x: Any, mask: Any) -> Any:
    """Of the real steps, on the last axis but one."""
    real = jnp.ones(x.shape[:-1]) if mask is None else mask.astype(x.dtype)
    return (x * real[..., None]).sum(-2) / real.sum(-1)[..., None]


class Linen(nn.Module):
    def __call__(self, x: Any, mask: Any = None) -> Any:
        return mean(x, mask)


class Nnx(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.scale = nnx.Param(jnp.ones(()))

    def __call__(self, x: Any, *, mask: Any = None) -> Any:
        return self.scale[...] * mean(x, mask)


class Equinox(eqx.Module):
    scale: jax.Array

    def __init__(self, key: Any) -> None:
        self.scale = jnp.ones(())

    def __call__(self, x: Any, mask: Any = None) -> Any:
        return self.scale * mean(x, mask)


class Kept(nn.Module):
    """Says that the mask of its inputs is that of its outputs."""

    supports_masking = True

    def __call__(self, x: Any, mask: Any = None) -> Any:
        return x


MODULES: dict[str, Callable[[], list[Any]]] = {
    "linen": lambda: [Linen()],
    "nnx": lambda: [Nnx],
    "equinox": lambda: [Equinox],
    "haiku": lambda: [hk.transform(lambda x, mask=None: mean(x, mask))],
    "pair": lambda: [(lambda key, x: {}, lambda params, x, mask=None: mean(x, mask))],
    "kept by its class": lambda: [Kept(), layers.GlobalAveragePooling1D()],
    "kept by an option": lambda: [
        as_layer(nn.Dense(2, kernel_init=lambda *_: jnp.eye(2)), supports_masking=True),
        layers.GlobalAveragePooling1D(),
    ],
}


def outputs_of(net: Any) -> Any:
    """Of fresh values, as a program would give them."""
    params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct(X.shape, X.dtype))
    return net.apply(params, state, jnp.asarray(X))[0]


@pytest.mark.parametrize("library", MODULES)
def test_a_module_hears_of_the_mask_and_may_hand_it_on(library: str) -> None:
    outputs = outputs_of(Chain([layers.Masking(), *MODULES[library]()]))
    np.testing.assert_allclose(outputs, MEANS, rtol=1e-6)


@pytest.mark.parametrize("library", ["linen", "equinox"])
def test_without_a_mask_all_steps_are_real(library: str) -> None:
    np.testing.assert_allclose(outputs_of(Chain(MODULES[library]())), X.mean(1), rtol=1e-6)


def test_a_librarys_own_module_is_told_nothing_and_the_mask_ends_with_a_warning() -> None:
    net = Chain([layers.Masking(), nn.BatchNorm(use_running_average=True)])  # its `mask` is another
    with pytest.warns(
        UserWarning, match="its inputs carry a mask, and it does not support masking"
    ):
        outputs_of(net)


def test_a_module_of_equinox_gets_the_flag_of_its_example_in_rows() -> None:
    class Real(eqx.Module):
        def __call__(self, x: Any, rows: Any) -> Any:
            return jnp.where(rows, x.sum(), 0)

    layer = as_layer(Real(), padded_rows="masked")
    params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((3, 2), "float32"))
    rows = jnp.array([True, False, True])
    outputs, _ = layer.apply(params, state, jnp.ones((3, 2)), rows=rows)
    assert outputs.tolist() == [2.0, 0.0, 2.0]


def test_a_module_at_every_time_step() -> None:
    module = nn.Dense(3)
    dense = as_layer(module)
    model = Sequential([Input((3, 2)), layers.TimeDistributed(dense)], seed=0)
    values = {"params": model.params["time_distributed"]}
    np.testing.assert_allclose(model(X), module.apply(values, X), rtol=1e-6)
    tied = Chain([layers.TimeDistributed(dense), Chain([layers.Dense(2), dense], name="rest")])
    shapes = jax.eval_shape(tied.init, jax.random.key(0), jax.ShapeDtypeStruct(X.shape, X.dtype))
    assert sorted(shapes[0]) == ["rest", "time_distributed"] and list(shapes[0]["rest"]) == [
        "dense"
    ]


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "a module in a wrapper": (
        lambda: layers.TimeDistributed(Linen()),
        TypeError,
        "TimeDistributed: `layer`: expected a layer, got Linen() (Linen). A module of another "
        "library becomes one by jkeras.models.as_layer(module).",
    ),
    "a module as a recurrent layer": (
        lambda: layers.Bidirectional(as_layer(Linen())),
        TypeError,
        "Bidirectional: `layer`: expected a recurrent layer, such as LSTM(32) or RNN(cell), got "
        "<flax.linen: Linen> (Linen).",
    ),
    "a word for a flag": (
        lambda: as_layer(Linen(), supports_masking="yes"),
        TypeError,
        "Linen: `supports_masking`: expected True, False or None, got 'yes'.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_to_do(case: str) -> None:
    wrong, kind, message = WRONG[case]
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message
