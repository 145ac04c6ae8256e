"""Several changes in a row: RandomColorJitter, RandAugment, AugMix.

A policy is a table of layers of this package and a rule which of them run. The choice of a layer is
a number in the program (`lax.switch`), and a row of choices is a loop in it, so each layer is
compiled once and only the chosen ones run.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.errors import said_by
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, option
from jkeras.layers.augmentation import options
from jkeras.layers.augmentation.base import ImageLayer, Sizes, Transformation
from jkeras.layers.augmentation.colors import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomHue,
    RandomPosterization,
    RandomSaturation,
    RandomSharpness,
    Solarization,
)
from jkeras.layers.augmentation.equalization import AutoContrast, Equalization
from jkeras.layers.augmentation.geometry import (
    RandomRotation,
    RandomShear,
    RandomTranslation,
)
from jkeras.layers.options import count, positive, positive_int
from jkeras.ops import color_changes

_LAST = "channels_last"
"""The layout inside of a policy, whose batch was brought into it."""


def table_of_layers(
    factor: options.Pair, value_range: tuple[Any, Any], interpolation: str
) -> dict[str, ImageLayer]:
    """The layers that RandAugment and AugMix choose from, of one strength."""
    reading: dict[str, Any] = {"interpolation": interpolation, "data_format": _LAST}
    colors: dict[str, Any] = {"value_range": value_range, "data_format": _LAST}
    return {
        "random_shear": RandomShear(factor, factor, **reading),
        "random_translation": RandomTranslation(factor, factor, **reading),
        "random_rotation": RandomRotation(factor, **reading),
        "random_posterization": RandomPosterization(max(1, int(8 * factor[1])), **colors),
        "solarization": Solarization(factor, factor, **colors),
        "auto_contrast": AutoContrast(**colors),
        "equalization": Equalization(**colors),
        "random_brightness": RandomBrightness(factor, **colors),
        "random_color_degeneration": RandomColorDegeneration(factor, **colors),
        "random_contrast": RandomContrast(factor, **colors),
        "random_sharpness": RandomSharpness(factor, **colors),
    }


def _run(layer: ImageLayer, data: dict[str, Any], key: Key) -> dict[str, Any]:
    """The images, masks and boxes ("xyxy" in pixels) of a batch after a layer."""
    images = data["images"]
    batch, height, width, channels = images.shape
    drawn = layer.draw(key, (batch, height, width, channels))
    if drawn is None:
        return data
    changed = dict(data)
    changed["images"] = layer.change_images(images, drawn)
    if layer.moves_pixels and "masks" in data:
        changed["masks"] = layer.change_masks(data["masks"], drawn)
    if layer.moves_pixels and "boxes" in data:
        changed["boxes"] = layer.change_boxes(data["boxes"], drawn, height, width)
    return changed


class Policy(ImageLayer):
    """Base of the layers that run others: their images, masks and boxes go through `steps`.

    What a policy draws is a key alone, from which its layers draw when images, masks or boxes are
    changed: the same numbers every time.
    """

    moves_pixels: ClassVar[bool] = True

    def draw(self, key: Key, sizes: Sizes) -> Transformation | None:
        return {"key": key, "sizes": sizes}

    def steps(self, data: dict[str, Any], key: Key) -> dict[str, Any]:
        """The images, masks and boxes of a batch after the layers that the key chooses."""
        raise NotImplementedError(f"{self.who}: expected the class to define `steps`.")

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        return self.steps({"images": images}, transformation["key"])["images"]

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        blank = jnp.zeros(transformation["sizes"], jnp.float32)
        return self.steps({"images": blank, "masks": masks}, transformation["key"])["masks"]

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        blank = jnp.zeros(transformation["sizes"], jnp.float32)
        return self.steps({"images": blank, "boxes": boxes}, transformation["key"])["boxes"]


_JITTERS: dict[str, Any] = {
    "brightness_factor": RandomBrightness,
    "contrast_factor": RandomContrast,
    "saturation_factor": RandomSaturation,
    "hue_factor": RandomHue,
}
"""The layers of `RandomColorJitter` by their factors, in the order in which they run."""


class RandomColorJitter(Policy):
    """Changes brightness, contrast, saturation and hue of each image, in this order, in training.

    Args:
      value_range: the range of the pixels, to which results are cut.
      brightness_factor: that of `RandomBrightness`; None for no change.
      contrast_factor: that of `RandomContrast`.
      saturation_factor: that of `RandomSaturation`.
      hue_factor: that of `RandomHue`.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Source: `keras.layers.RandomColorJitter`.
    """

    moves_pixels: ClassVar[bool] = False

    value_range: options.Factor = options.value_range()
    brightness_factor: Any = None
    contrast_factor: Any = None
    saturation_factor: Any = None
    hue_factor: Any = None
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def check(self) -> None:
        for name, kind in _JITTERS.items():
            try:
                self._layers_of(name)
            except (TypeError, ValueError) as error:
                raise said_by(error, self.who, known_as=(kind.__name__,), argument=name) from None

    def _layers_of(self, name: str) -> list[ImageLayer]:
        """The layer of a factor; none without it."""
        given = getattr(self, name)
        colors: dict[str, Any] = {"value_range": self.value_range, "data_format": _LAST}
        return [] if given is None else [_JITTERS[name](given, **colors)]

    @property
    def changes(self) -> list[ImageLayer]:
        """The layers that run."""
        return [layer for name in _JITTERS for layer in self._layers_of(name)]

    def steps(self, data: dict[str, Any], key: Key) -> dict[str, Any]:
        for number, layer in enumerate(self.changes):  # the first draws as it does by itself
            data = _run(layer, data, child(key, number) if number else key)
        return data


class RandAugment(Policy):
    """Runs random changes of one strength on each batch while training: geometry and colors.

    Args:
      value_range: the range of the pixels.
      num_ops: how many changes run, drawn from eleven for a batch; each image draws its numbers.
      factor: the strength of the changes, from 0 to 1.
      interpolation: "bilinear" or "nearest".
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Source: Cubuk et al. 2020, arXiv:1909.13719; `keras.layers.RandAugment`.
    """

    value_range: options.Factor = options.value_range()
    num_ops: int = option(default=2, convert=count)
    factor: options.Factor = option(default=0.5, convert=options.factor(0, 1))
    interpolation: str = options.interpolation()
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def steps(self, data: dict[str, Any], key: Key) -> dict[str, Any]:
        if self.num_ops == 0:
            return data
        layers = table_of_layers(self.factor, self.value_range, self.interpolation)
        runs = [_branch(name, layer) for name, layer in layers.items()]
        chosen = jax.random.randint(child(key, "choice"), (self.num_ops,), 0, len(runs))

        def step(data: dict[str, Any], choice: Array) -> tuple[dict[str, Any], None]:
            return lax.switch(choice, runs, data, key), None

        return lax.scan(step, data, chosen)[0]


def _branch(name: str, layer: ImageLayer) -> Any:
    """A function (data, key) -> data that runs a layer."""
    return lambda data, key: _run(layer, data, child(key, name))


class AugMix(Policy):
    """Mixes each image with changed forms of itself while training.

    `num_chains` chains of up to `chain_depth` random changes run on the batch. Their results are
    averaged with Dirichlet weights, and the average is mixed with the image in a Beta share.

    Args:
      value_range: the range of the pixels, to which results are cut.
      num_chains: the number of chains.
      chain_depth: the changes of a chain; each is one of the table, or none.
      factor: the strength of the changes, from 0 to 1.
      alpha: of the Dirichlet and Beta distributions.
      all_ops: whether brightness, gray, contrast and sharpness are in the table, too.
      interpolation: "bilinear" or "nearest".
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Source: Hendrycks et al. 2020, arXiv:1912.02781; `keras.layers.AugMix`.
    """

    value_range: options.Factor = options.value_range()
    num_chains: int = option(default=3, convert=positive_int)
    chain_depth: int = option(default=3, convert=count)
    factor: options.Factor = option(default=0.3, convert=options.factor(0, 1))
    alpha: float = option(default=1.0, convert=positive)
    all_ops: bool = True
    interpolation: str = options.interpolation()
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def steps(self, data: dict[str, Any], key: Key) -> dict[str, Any]:
        layers = list(table_of_layers(self.factor, self.value_range, self.interpolation).items())
        layers = layers if self.all_ops else layers[:7]
        runs = [lambda data, key: data, *(_branch(name, layer) for name, layer in layers)]
        shape = self.num_chains, self.chain_depth
        chosen = jax.random.randint(child(key, "choice"), shape, 0, len(runs))
        weights = jax.random.dirichlet(child(key, "chains"), jnp.full(self.num_chains, self.alpha))
        share = jax.random.beta(child(key, "share"), self.alpha, self.alpha)
        mixed: list[str] = [name for name in ("images", "masks") if name in data]

        def change(state: Any, choice: Array) -> tuple[Any, None]:
            current, number = state
            return (lax.switch(choice, runs, current, child(key, number)), number + 1), None

        def chain(state: Any, row: Any) -> tuple[Any, None]:
            sums, number = state
            choices, weight = row
            (current, number), _ = lax.scan(change, (data, number), choices)
            sums = {name: sums[name] + weight * current[name] for name in mixed}
            return (sums, number), None

        zeros = {name: jnp.zeros_like(data[name]) for name in mixed}
        (sums, _), _ = lax.scan(chain, (zeros, jnp.int32(0)), (chosen, weights))
        blended = {name: share * data[name] + (1 - share) * sums[name] for name in mixed}
        return {**data, **blended}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        mixed = super().change_images(images, transformation)
        return color_changes.clip(mixed, self.value_range)

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        """The boxes as they are: the image itself is the largest part of the mixture."""
        del transformation, height, width
        return boxes
