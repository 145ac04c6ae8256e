"""Maps of the plane: the inverse leads back, and four points go where they shall."""

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.ops import plane_maps

X, Y = jnp.asarray([[[0.0, 2.0, 5.0]]]), jnp.asarray([[[1.0, 3.0, 0.0]]])


def test_the_inverse_leads_back() -> None:
    start = jnp.asarray([[0.0, 0], [7, 0], [0, 5], [7, 5]])
    end = start * jnp.asarray([[1.0, 1], [0.8, 1], [1, 1.3], [0.9, 1.1]])
    maps = jnp.stack(
        [
            plane_maps.rotation(jnp.asarray(30.0), 6, 8),
            plane_maps.zoom(jnp.asarray(1.5), jnp.asarray(0.5), 6, 8),
            plane_maps.shear(jnp.asarray(0.3), jnp.asarray(0.2)),
            plane_maps.homography(start, end),
        ]
    )
    x, y = plane_maps.moved(plane_maps.inverse(maps), *plane_maps.moved(maps, X, Y))
    np.testing.assert_allclose(x, jnp.broadcast_to(X, x.shape), atol=2e-4)
    np.testing.assert_allclose(y, jnp.broadcast_to(Y, y.shape), atol=2e-4)


def test_a_homography_reads_at_the_end_what_lies_at_the_start() -> None:
    start = jax.random.uniform(jax.random.key(0), (4, 2)) + jnp.asarray(
        [[0.0, 0], [7, 0], [0, 5], [7, 5]]
    )
    end = start + jax.random.uniform(jax.random.key(1), (4, 2))
    maps = plane_maps.homography(start, end)[None]
    x, y = plane_maps.moved(maps, end[None, None, :, 0], end[None, None, :, 1])
    np.testing.assert_allclose(jnp.stack([x.ravel(), y.ravel()], -1), start, atol=1e-3)
