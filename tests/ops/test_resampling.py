"""The resampler gives the numbers of `jax.scipy.ndimage.map_coordinates`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.resampling import FILLS, INTERPOLATIONS, resample

RNG = np.random.default_rng(0)
IMAGES = jnp.asarray(RNG.normal(size=(2, 4, 5, 3)), jnp.float32)
ROWS, COLUMNS = (jnp.asarray(RNG.uniform(-9, 13, (2, 6, 7)), jnp.float32) for _ in range(2))


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_values_are_those_of_map_coordinates(interpolation: str, fill_mode: str) -> None:
    options = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 0.5}
    got = jax.jit(lambda *arrays: resample(*arrays, **options))(IMAGES, ROWS, COLUMNS)
    order = INTERPOLATIONS.index(interpolation)
    for b in range(2):
        for channel in range(3):
            expected = jax.scipy.ndimage.map_coordinates(
                IMAGES[b, ..., channel], [ROWS[b], COLUMNS[b]], order, fill_mode, 0.5
            )
            np.testing.assert_allclose(got[b, ..., channel], expected, rtol=1e-5, atol=1e-6)


def test_an_axis_of_one_entry_is_read_everywhere() -> None:
    image = jnp.full((1, 1, 1, 1), 3.0)
    places = jnp.asarray([[[-2.5, 0.0, 4.0]]])
    for fill_mode in FILLS[1:]:
        got = resample(image, places, places, fill_mode=fill_mode)
        np.testing.assert_allclose(got.ravel(), 3.0, rtol=1e-6)
