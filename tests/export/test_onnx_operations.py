"""ONNX, operation by operation: onnxruntime gives for each what JAX gives."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jkeras
from jkeras import layers
from jkeras.export.onnx import write
from jkeras.trainer.files.exporting import inference_of

X = layers.Input((6, 4), name="x")
Function = Callable[[jax.Array], Any]


def _best(x: jax.Array) -> jax.Array:
    return jnp.argmax(x[..., 0], 1)


@jax.custom_jvp
def _own_derivative(x: jax.Array) -> jax.Array:
    return jnp.sin(x)


_own_derivative.defjvp(lambda primals, tangents: (_own_derivative(*primals), tangents[0]))


@jax.custom_vjp
def _own_transpose(x: jax.Array) -> jax.Array:
    return jnp.cos(x)


_own_transpose.defvjp(lambda x: (jnp.cos(x), None), lambda _, change: (change,))


def _printed(x: jax.Array) -> jax.Array:
    jax.debug.callback(lambda y: None, x)
    return x * 2


def _counted(x: jax.Array) -> jax.Array:
    return lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * 1.5), (0, x))[1]


def _chosen(x: jax.Array) -> jax.Array:
    def negative(y: jax.Array) -> jax.Array:
        return -y

    return lax.cond(x.sum() > 0, negative, lambda y: y * 2, x)


def _switched(x: jax.Array) -> jax.Array:
    number = (x.sum() > 0).astype(jnp.int32) + (x.sum() > 1).astype(jnp.int32)
    return lax.switch(number, [jnp.sin, jnp.cos, jnp.tanh], x)


def _backwards(x: jax.Array) -> jax.Array:
    def step(total: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        return total + row, total * row

    last, steps = lax.scan(step, x[:, 0], jnp.moveaxis(x, 1, 0), reverse=True)
    return jnp.moveaxis(steps, 0, 1) + last[:, None]


def _powers(x: jax.Array) -> jax.Array:
    return lax.fori_loop(0, 4, lambda i, y: y * 0.5 + i, x)


def _rows_at(x: jax.Array) -> jax.Array:
    places = jnp.argmax(x[..., 0], -1)
    return jax.vmap(lambda row, place: lax.dynamic_slice(row, (place, 1), (2, 2)))(x, places)


def _put(x: jax.Array) -> jax.Array:
    return lax.dynamic_update_slice(x, x[:, :2] * 10, (0, jnp.argmax(x[0, :, 0]), 0))


def _wide(x: jax.Array) -> jax.Array:
    kernel = jnp.arange(24.0).reshape(2, 4, 3) / 9
    numbers = ("NWC", "WIO", "NWC")
    return lax.conv_general_dilated(x, kernel, (1,), [(-1, 2)], dimension_numbers=numbers)


def _holes(x: jax.Array) -> jax.Array:
    kernel = jnp.arange(3 * 2 * 6.0).reshape(3, 2, 6) / 10
    return lax.conv_general_dilated(
        x,
        kernel,
        (1,),
        [(1, 4)],
        lhs_dilation=(2,),
        rhs_dilation=(2,),
        dimension_numbers=("NWC", "WIO", "NWC"),
        feature_group_count=2,
    )


OPERATIONS: dict[str, Function] = {
    "abs_sign_floor": lambda x: jnp.abs(x) + jnp.sign(x) + jnp.floor(x) - jnp.ceil(x),
    "round": lambda x: jnp.round(3 * x) + lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO),
    "exponentials": lambda x: jnp.exp2(x) + jnp.expm1(x * 1e-3) + jnp.log1p(x * x) + jnp.expm1(x),
    "roots": lambda x: jnp.cbrt(x) + lax.rsqrt(1 + x * x) + jnp.sqrt(jnp.abs(x)),
    "powers": lambda x: x**3 + x**5 + (2 + x * x) ** -2 + jnp.abs(x) ** 0.7 + 1 / (3 + x * x),
    "circles": lambda x: jnp.sin(x) + jnp.cos(x) + jnp.arctan2(x, x[:, ::-1]) + jnp.arcsinh(x),
    "erf": lambda x: lax.erf(x) + lax.erfc(x) * 2,
    "remainder": lambda x: jnp.remainder(x, 0.7) + lax.rem(x, 0.3),
    "clipped": lambda x: jnp.clip(x, -0.5, 0.5) + lax.clamp(x - 1, 2 * x, x + 1),
    "logic": lambda x: ((x > 0) & (x < 1)) | ~(x != 0) ^ (x >= 0.5),
    "bits": lambda x: ((x > 0).astype(jnp.int32) * 5 & 6) | 8 ^ ~jnp.int32(1),
    "finite": lambda x: jnp.isfinite(jnp.log(x)),
    "where_of_bools": lambda x: jnp.where(x > 0, x > 1, x < -1),
    "any_all": lambda x: (jnp.any(x > 1, 1), jnp.all(x < 1, (1, 2)), jnp.max(x > 0, 1)),
    "sums": lambda x: (x.sum(1), x.prod(2), x.min((1, 2)), x.mean(), x.var(1), x.sum(0)),
    "logsumexp": lambda x: jax.nn.logsumexp(x, 1),
    "cumulative": lambda x: jnp.cumsum(x, 1) + lax.cumsum(x, 2, reverse=True),
    "cumulative_2": lambda x: jnp.cumprod(x, 1) + lax.cummax(x, 1) + lax.cummin(x, 2, reverse=True),
    "sorted": lambda x: (jnp.sort(x, 1), jnp.argsort(x, -1), jnp.sort(x > 0, 1)),
    "top": lambda x: lax.top_k(x, 2),
    "best": lambda x: (jnp.argmax(x, 1), jnp.argmin(x, 2), jnp.argmax(x > 0, 1)),
    "median": lambda x: jnp.median(x, 1),
    "moved": lambda x: jnp.moveaxis(x, 1, 2) @ x,
    "reshaped": lambda x: x.reshape(-1, 2) + x.reshape(2 * x.shape[0], -1)[:, :1].sum(),
    "reshaped_with_sizes": lambda x: x.reshape(x.shape[0] * 3, 8) * x.shape[0],
    "flipped": lambda x: jnp.flip(x, (1, 2)) + jnp.roll(x, 2, 1),
    "padded": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=3.0),
    "padded_modes": lambda x: jnp.pad(x, ((0, 0), (2, 1), (0, 0)), mode="reflect"),
    "padded_inside": lambda x: lax.pad(x, 2.0, ((0, 0, 0), (1, -1, 2), (-1, 0, 1))),
    "padded_bools": lambda x: jnp.pad(x > 0, ((0, 0), (1, 1), (0, 0)), constant_values=True),
    "split": lambda x: tuple(jnp.split(x, 3, 1)),
    "stacked": lambda x: jnp.stack([x, 2 * x], 1),
    "repeated": lambda x: jnp.repeat(x, 3, 1) + jnp.tile(x, (1, 3, 1)),
    "strided": lambda x: x[:, 1:5:2, ::-1] + x[:, -2:, :1],
    "taken": lambda x: jnp.take(x, jnp.array([0, 2, -1]), 1),
    "taken_by_values": lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1),
    "filled": lambda x: jnp.take(x, jnp.array([0, 9]), 1, mode="fill", fill_value=5.0),
    "picked": lambda x: x[jnp.arange(x.shape[0]), jnp.argmax(x[..., 0], 1)],
    "picked_pairs": lambda x: x[:, jnp.array([1, 2]), jnp.array([3, 0])],
    "rows_at": _rows_at,
    "set_at": lambda x: x.at[:, 1].set(7.0).at[:, jnp.array([0, 0, 3]), 2].add(1.0),
    "put": _put,
    "put_in_rows": lambda x: jax.vmap(lambda row, i: row.at[i].add(row[0]))(x, _best(x)),
    "put_windows_in_rows": lambda x: jax.vmap(
        lambda row, i: lax.dynamic_update_slice(row, row[:2, 1:3] * 9, (i, 1))
    )(x, _best(x)),
    "put_outside": lambda x: x.at[:, jnp.array([1, 9])].set(5.0).at[0, 3, 7].set(1.0),
    "custom_derivatives": lambda x: _own_derivative(x) + _own_transpose(x),
    "printed": _printed,
    "one_hot": lambda x: jax.nn.one_hot(jnp.argmax(x, 2), 4),
    "triangle": lambda x: jnp.tril(jnp.swapaxes(x, 1, 2) @ x),
    "counted": lambda x: x + jnp.arange(x.shape[0]).astype(jnp.float32)[:, None, None],
    "outer": lambda x: jnp.einsum("bij,bkl->bijkl", x, x),
    "two_axes": lambda x: jnp.tensordot(x, jnp.ones((6, 4, 3)), ((1, 2), (0, 1))),
    "weights_first": lambda x: jnp.einsum("hj,bij->bhi", jnp.arange(8.0).reshape(2, 4), x),
    "vectors": lambda x: jnp.einsum("bij,bij->b", x, x) + x[0, 0] @ x[0, 1],
    "integers": lambda x: (x * 10).astype(jnp.int32) @ jnp.ones((4, 2), jnp.int32) // 3,
    "cropped_convolution": _wide,
    "convolution_of_holes": _holes,
    "windows": lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 3, 2), (1, 2, 1), "SAME"),
    "windows_min": lambda x: lax.reduce_window(x, jnp.inf, lax.min, (1, 3, 1), (1, 1, 1), "SAME"),
    "windows_of_rows": lambda x: lax.reduce_window(
        x, -jnp.inf, lax.max, (2, 1, 2), (1, 1, 2), "SAME"
    ),
    "windows_of_integers": lambda x: lax.reduce_window(
        (9 * x).astype(jnp.int32), 0, lax.add, (1, 2, 2), (1, 2, 2), "VALID"
    ),
    "while": _counted,
    "cond": _chosen,
    "switch": _switched,
    "scan_backwards": _backwards,
    "fori": _powers,
    "checkpoint": lambda x: jax.checkpoint(jnp.sin)(x),
    "mapped": lambda x: jax.vmap(lambda row: jax.nn.softmax(row, 0), 1, 1)(x),
    "resized": lambda x: jax.image.resize(x, (x.shape[0], 9, 4), "linear"),
    "half": lambda x: x.astype(jnp.float16) * 2,
    "brain": lambda x: x.astype(jnp.bfloat16) @ jnp.ones((4, 3), jnp.bfloat16),
    "unsigned": lambda x: (jnp.abs(x) * 9).astype(jnp.uint8) // 2 + jnp.uint8(3),
    "interpolated": lambda x: jnp.interp(x, jnp.arange(4.0), jnp.arange(4.0) ** 2),
    "searched": lambda x: jnp.searchsorted(jnp.arange(-1.0, 2), x),
    "binned": lambda x: jnp.digitize(x, jnp.array([-1.0, 0.0, 1.0])),
    "softplus": lambda x: jax.nn.softplus(30 * x) + jax.nn.log_sigmoid(x),
    "log_softmax": lambda x: jax.nn.log_softmax(x, 1) + jax.nn.softmax(x, (1, 2)),
    "normed": lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_gives_in_onnxruntime_what_it_gives_here(
    name: str, tmp_path: pathlib.Path
) -> None:
    net = layers.Lambda(OPERATIONS[name], name="own")
    model = jkeras.Model(X, net(X))
    write(inference_of(model._trainer_parts.state), tmp_path / "m.onnx")
