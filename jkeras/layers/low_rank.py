"""LoRA: layers whose large weight is frozen and gets a trained product of two thin ones.

    layer.enable_lora(4)           # of a layer or a model that is built
    Dense(64, lora_rank=4)         # from the start

With rank r the weight W acts as W + (lora_alpha / r) · A B, with A (..., r) and B (r, last axis).
B starts as zero, so the outputs are those of W at first.

Laws:
  - W is frozen, A and B are trained, in every model that has the layer; the optimizer follows.
  - Keras's files hold the sum, under the name of W; loading one sets B to zero.

Source: Hu et al. 2021, arXiv:2106.09685; `keras.layers.Dense.enable_lora`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp

from jkeras.core import keys
from jkeras.core.description import fields
from jkeras.core.errors import quoted
from jkeras.core.host_random import key_of_seed
from jkeras.core.identity import ChangedInPlace
from jkeras.core.keys import Key, child
from jkeras.core.layer import Params, option
from jkeras.core.object_api import object_api
from jkeras.core.serialization import if_set
from jkeras.core.tracebacks import api_boundary
from jkeras.layers.deterministic import Deterministic
from jkeras.layers.options import optional, positive, positive_int
from jkeras.ops import initializers

if TYPE_CHECKING:
    from jkeras.core.typing import Identifier

A_INITIALIZER, B_INITIALIZER = "he_uniform", "zeros"


def rank_option(*, kw_only: bool = False) -> Any:
    """The field `lora_rank`."""
    return option(default=None, convert=optional(positive_int), to_config=if_set, kw_only=kw_only)


def alpha_option(*, kw_only: bool = False) -> Any:
    """The field `lora_alpha`."""
    return option(default=None, convert=optional(positive), to_config=if_set, kw_only=kw_only)


class LowRank(Deterministic):
    """Base of the layers that `enable_lora` works on. Subclasses have the two fields."""

    if TYPE_CHECKING:
        # The fields stand in the subclasses, because Keras has them in another order in each.
        def __getattr__(self, name: str) -> Any: ...

    lora_target: ClassVar[str] = "kernel"
    """The name of the weight that is adapted."""

    def check(self) -> None:
        if self.lora_rank and getattr(self, f"{self.lora_target}_constraint") is not None:
            raise self.value_error(
                f"no `{self.lora_target}_constraint` in a layer with LoRA",
                getattr(self, f"{self.lora_target}_constraint"),
                "The constraint would act on a weight that is frozen.",
            )

    @property
    def lora_enabled(self) -> bool:
        """Whether the layer has a trained low-rank part."""
        return self.lora_rank is not None

    @property
    def lora_names(self) -> tuple[str, str]:
        """The names of the two thin weights."""
        return f"lora_{self.lora_target}_a", f"lora_{self.lora_target}_b"

    @property
    def lora_scale(self) -> float:
        """The factor of the product: `lora_alpha / lora_rank`."""
        if self.lora_rank is None:
            raise AttributeError(f"{self.who}: `lora_scale` is there after `enable_lora(rank)`.")
        return float((self.lora_alpha or self.lora_rank) / self.lora_rank)

    @property
    def frozen_weights(self) -> frozenset[str]:  # type: ignore[override]
        """The adapted weight, with LoRA."""
        return frozenset((self.lora_target,) if self.lora_enabled else ())

    @property
    def weights_not_in_files(self) -> tuple[str, ...]:
        """The names of weights that Keras's files do not hold."""
        return self.lora_names if self.lora_enabled else ()

    @api_boundary
    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Identifier = A_INITIALIZER,
        b_initializer: Identifier = B_INITIALIZER,
    ) -> None:
        """Freezes the layer's large weight and adds a trained product of two thin ones, in all
        models that have the layer.

        Args:
          rank: the size of the axis between the two.
          lora_alpha: the product is scaled by `lora_alpha / rank`; `rank` when left out.
          a_initializer, b_initializer: names, objects or functions for the two.

        Raises:
          TypeError: `rank` is no integer.
          ValueError: the layer is not built, has LoRA already, or constrains the weight; `rank` or
            `lora_alpha` is not above 0.

        Example:
          >>> from jkeras.layers import Dense
          >>> layer = Dense(3)
          >>> layer.build((None, 5))
          >>> layer.enable_lora(2)
          >>> [weight.name for weight in layer.trainable_weights]
          ['bias', 'lora_kernel_a', 'lora_kernel_b']
        """
        if self.lora_enabled:
            fix = "Make a new layer for another rank."
            raise self.value_error("a layer without LoRA", f"one of rank {self.lora_rank}", fix)
        changed: dict[str, Any] = {}
        wanted = {"rank": (positive_int, rank), "lora_alpha": (optional(positive), lora_alpha)}
        for name, (convert, value) in wanted.items():
            try:
                changed[f"lora_{name.removeprefix('lora_')}"] = convert(value)
            except (TypeError, ValueError) as error:
                raise quoted(error, who=f"{self.who}: enable_lora", argument=name) from None
        self.replace(**changed)  # checks the arguments together
        rules = initializers.get(a_initializer), initializers.get(b_initializer)
        key = child(key_of_seed(keys.next_seed()), self.lora_target)
        object_api().replace_weights(
            self, changed, lambda params: {**params, **self._thin(params, rank, key, rules)}
        )

    def _thin(self, params: Params, rank: int, key: Key, rules: tuple[Any, Any]) -> Params:
        """The two thin weights; float32, whatever the dtype of the layer."""
        shape = self._adapted_shape(params)
        shapes = (*shape[:-1], rank), (rank, shape[-1])
        names = zip(self.lora_names, shapes, rules, strict=True)
        return {
            name: rule(size, dtype=jnp.float32, key=child(key, name)) for name, size, rule in names
        }

    def _adapted_shape(self, params: Params) -> tuple[int, ...]:
        return tuple(params[self.lora_target].shape)

    def with_lora(self, params: Params, key: Key) -> Params:
        """New weights, with the thin ones if the layer has LoRA."""
        if self.lora_rank is None:
            return params
        rules = initializers.get(A_INITIALIZER), initializers.get(B_INITIALIZER)
        return {**params, **self._thin(params, self.lora_rank, key, rules)}

    def with_delta(self, params: Params) -> Params:
        """The weights with the product added to the adapted one."""
        if not self.lora_enabled:
            return params
        a, b = (params[name] for name in self.lora_names)
        weight = params[self.lora_target]
        merged = weight + (self.lora_scale * (a @ b)).astype(weight.dtype)
        return {**params, self.lora_target: merged}

    def weight_rules(self, suffix: str, params: Params) -> list[tuple[str, Any]]:
        """As of any layer; with LoRA the regularizer of the adapted weight is that of the thin
        ones, as in Keras.
        """
        rules = super().weight_rules(suffix, params)
        if not self.lora_enabled:
            return rules
        target = dict(rules).get(self.lora_target)
        thin = [(name, target) for name in self.lora_names] if target is not None else []
        return [(name, rule) for name, rule in rules if name != self.lora_target] + thin


def complete(kind: type[LowRank]) -> None:
    """Makes the fields of LoRA attributes that `enable_lora` may change."""
    fields(kind)
    for name in ("lora_rank", "lora_alpha"):
        if name in vars(kind):
            setattr(kind, name, ChangedInPlace(name))
