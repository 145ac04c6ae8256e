"""A layer whose kernel is divided by its largest singular value.

Law: while training the wrapped layer computes with `kernel / σ`, where σ is the kernel's spectral
norm, approximated by power iteration. Each training step continues from the vector in the state of
the step before.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State, option
from jkeras.core.parts import Path
from jkeras.core.serialization import if_set
from jkeras.layers.options import positive_int
from jkeras.layers.wrapper import Wrapper
from jkeras.ops.initializers import TruncatedNormal

if TYPE_CHECKING:
    from jkeras.core.trees import Tree
    from jkeras.core.typing import Masks


class SpectralNormalization(Wrapper):
    """Wraps a layer and divides its kernel by its spectral norm while training.

    The kernel is seen as a matrix W of its last axis and all others. Each power iteration is
    `v = u Wᵀ / |u Wᵀ|, u = v W / |v W|`, and σ = v W uᵀ; gradients take u and v as constants. A
    kernel of zeros stays as it is.

    Shapes: the layer's. Weights: `layer`, those of the wrapped layer; state: `vector_u` (1,
    outputs), and `layer` if it has a state.

    Evaluation uses the kernel without division, like Keras on JAX, where a pure function cannot
    assign the divided kernel to the weight. (On TensorFlow it does.) `normalize_evaluation=True`
    evaluates with the divided kernel, as in training.

    Args:
      layer: a layer with a weight `kernel` or `embeddings`.
      power_iterations: number of iterations per step.
      normalize_evaluation: keyword-only, not in Keras: divide in evaluation too.

    Raises:
      TypeError: `layer` is not a layer.
      ValueError: `layer` has neither of these weights.

    Example:
      >>> import jax
      >>> from jkeras.layers import Dense
      >>> layer = SpectralNormalization(Dense(2, kernel_initializer="ones"), power_iterations=3)
      >>> params, state = layer.init(jax.random.key(0), jnp.ones((1, 8)))
      >>> outputs, state = layer.apply(params, state, jnp.ones((1, 8)), training=True)
      >>> outputs.round(3).tolist()  # the spectral norm of ones is the root of 8 · 2
      [[2.0, 2.0]]

    Source: Miyato et al. 2018, arXiv:1802.05957; `keras.layers.SpectralNormalization`.
    """

    power_iterations: int = option(default=1, convert=positive_int)
    normalize_evaluation: bool = dataclasses.field(
        default=False, kw_only=True, metadata={"to_config": if_set}
    )

    def sublayer_paths(self) -> list[tuple[Path, Any]]:
        """The wrapped layer, whose weights are under `layer`, beside the vector."""
        return [(("layer",), self.layer)]

    @property
    def supports_masking(self) -> bool:  # type: ignore[override]  # it is the wrapped layer's
        """Whether the wrapped layer supports masking."""
        return self.layer.supports_masking

    @property
    def makes_masks(self) -> bool:  # type: ignore[override]  # it is the wrapped layer's
        """Whether the wrapped layer makes masks."""
        return self.layer.makes_masks

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> Any:
        """The wrapped layer's."""
        return self.layer.compute_mask(inputs, mask)

    def mask_arguments(self, masks: tuple[Any, ...]) -> dict[str, Any]:
        """The wrapped layer's."""
        return self.layer.mask_arguments(masks)

    @property
    def activity_regularizer(self) -> Any:
        """The regularizer of the wrapped layer, whose outputs are those of this layer."""
        return getattr(self.layer, "activity_regularizer", None)

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        params, inner = self.inner.init(child(key, "layer"), *inputs)
        kernel = params[self._weight(params)]
        rule = TruncatedNormal(stddev=0.02)
        vector = rule((1, kernel.shape[-1]), kernel.dtype, key=child(key, "vector_u"))
        return {"layer": params}, {"vector_u": vector, **({"layer": inner} if inner else {})}

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, State]:
        """`Layer.apply`; other arguments (`rows`, `mask`) are passed to the wrapped layer."""
        weights, name = params["layer"], self._weight(params["layer"])
        vector = state["vector_u"]
        if training or self.normalize_evaluation:
            kernel, vector = normalized(weights[name], vector, self.power_iterations)
            weights = {**weights, name: kernel}
        own_key = None if key is None else child(key, "layer")
        outputs, inner = self.inner.apply(
            weights, state.get("layer", {}), *inputs, key=own_key, training=training, **kwargs
        )
        if not training:
            return outputs, state
        return outputs, {"vector_u": vector, **({"layer": inner} if inner else {})}

    def penalty(self, params: Params) -> Array | float:
        return self.layer.penalty(params.get("layer", {}))

    def constrain(self, params: Params) -> Params:
        return {name: self.layer.constrain(part) for name, part in params.items()}

    def _weight(self, params: Params) -> str:
        for name in ("kernel", "embeddings"):
            if name in params:
                return name
        found = ", ".join(params) or "no weights"
        raise self.value_error(
            "a `layer` with a weight `kernel` or `embeddings`",
            f"{type(self.layer).__name__} with {found}",
        )


def normalized(kernel: Array, vector: Array, iterations: int) -> tuple[Array, Array]:
    """The kernel divided by its spectral norm, and the vector after some power iterations.

    Args:
      kernel: `[..., outputs]` floating.
      vector: `[1, outputs]`, where the iteration starts.
      iterations: at least 1.

    Returns:
      Two arrays, of the shapes of `kernel` and `vector`.
    """
    matrix = jnp.reshape(kernel, (-1, kernel.shape[-1]))
    u = vector.astype(matrix.dtype)
    for _ in range(iterations):
        v = _unit(u @ matrix.T)
        u = _unit(v @ matrix)
    u, v = lax.stop_gradient((u, v))
    norm = jnp.reshape(v @ matrix @ u.T, ())
    zero = jnp.all(matrix == 0)
    # Where the kernel is zero its norm is not divided by, in the gradient neither.
    kernel = kernel / jnp.where(zero, jnp.ones_like(norm), norm)
    return kernel, jnp.where(zero, vector, u.astype(vector.dtype))


def _unit(vector: Array) -> Array:
    """The vector divided by its length; by 1e-7 where the length is less."""
    return vector * lax.rsqrt(jnp.maximum(jnp.sum(lax.square(vector)), 1e-14))
