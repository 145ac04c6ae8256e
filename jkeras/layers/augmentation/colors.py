"""Random changes of colors: a layer says which number it draws, and which change it is.

The changes are those of `jkeras.ops.color_changes`. Masks and boxes stay as they are.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, option
from jkeras.layers.augmentation import options
from jkeras.layers.augmentation.base import ImageLayer, Sizes, Transformation
from jkeras.layers.augmentation.geometry import uniform
from jkeras.layers.augmentation.warps import applies
from jkeras.layers.options import integer, rate
from jkeras.ops import color_changes

_EPSILON = 1e-7  # Keras's


def per_image(numbers: ArrayLike) -> Array:
    """Numbers for the images of a batch as `[batch, 1, 1, 1]`."""
    return jnp.reshape(jnp.asarray(numbers, jnp.float32), (-1, 1, 1, 1))


class RandomBrightness(ImageLayer):
    """Makes each image brighter or darker by a random amount while training.

    Args:
      factor: a share of the range of the pixels, from -1 (black) to 1 (white): f for -f to f, or
        (lower, upper).
      value_range: the range of the pixels, to which results are cut.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Example:
      >>> RandomBrightness((0.1, 0.1))(jnp.full((1, 1, 1), 100.0)).item()
      125.5

    Source: `keras.layers.RandomBrightness`.
    """

    factor: options.Factor = option(convert=options.factor(-1, 1, beyond=True))
    value_range: options.Factor = options.value_range()
    seed: int | None = options.seed()
    data_format: str | None = options.layout(kw_only=True)

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        low, high = self.value_range
        (numbers,) = uniform(key, sizes[0], self.factor)
        return {"rgb_delta": per_image(numbers * (high - low))}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        return color_changes.brightness(
            images, per_image(transformation["rgb_delta"]), self.value_range
        )


class RandomContrast(ImageLayer):
    """Multiplies the differences from the mean of each channel by a random factor in training.

    Args:
      factor: (lower, upper): the factor of an image is from 1 - lower to 1 + upper. A single number
        f means (0, f), as in Keras: contrast grows; (f, f) goes both ways.
      value_range: the range of the pixels, to which results are cut.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Source: `keras.layers.RandomContrast`.
    """

    factor: options.Factor = option(convert=options.factor(0, 1, beyond=True))
    value_range: options.Factor = options.value_range()
    seed: int | None = options.seed()
    data_format: str | None = options.layout(kw_only=True)

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        (numbers,) = uniform(key, sizes[0], (1 - self.factor[0], 1 + self.factor[1]))
        return {"contrast_factor": per_image(numbers)}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        factor = per_image(transformation["contrast_factor"])
        return color_changes.contrast(images, factor, self.value_range)


class RandomHue(ImageLayer):
    """Turns the hue of each image by a random angle, either way, while training.

    Args:
      factor: the angle as a share of half the circle: f for 0 to f, or (lower, upper), from 0 to 1.
      value_range: the range of the pixels.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Source: `keras.layers.RandomHue`.
    """

    factor: options.Factor = option(convert=options.factor(0, 1, beyond=True))
    value_range: options.Factor = options.value_range()
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        sign, numbers = uniform(key, sizes[0], (0, 1), self.factor)
        return {"factor": jnp.where(sign > 0.5, -0.5, 0.5) * numbers}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        return color_changes.hue(images, per_image(transformation["factor"]), self.value_range)


class RandomSaturation(ImageLayer):
    """Multiplies the saturation of each image by f / (1 - f), with a random f, while training.

    Args:
      factor: f: 0 makes images gray, 0.5 changes nothing; a single number means -f to f, as in
        Keras, or (lower, upper).
      value_range: the range of the pixels.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Source: `keras.layers.RandomSaturation`.
    """

    factor: options.Factor = option(convert=options.factor(-1, 1))
    value_range: options.Factor = options.value_range()
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        (numbers,) = uniform(key, sizes[0], self.factor)
        return {"factor": numbers / (1 - numbers + _EPSILON)}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        factor = per_image(transformation["factor"])
        return color_changes.saturation(images, factor, self.value_range)


class RandomColorDegeneration(ImageLayer):
    """Mixes each image with its gray form, in a random share, while training.

    Args:
      factor: the share of gray: a single number means -f to f, as in Keras, or (lower, upper).
      value_range: the range of the pixels, to which results are cut.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Source: `keras.layers.RandomColorDegeneration`.
    """

    factor: options.Factor = option(convert=options.factor(-1, 1, beyond=True))
    value_range: options.Factor = options.value_range()
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        (numbers,) = uniform(key, sizes[0], self.factor)
        return {"factor": per_image(numbers)}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        share = per_image(transformation["factor"])
        return color_changes.degenerate(images, share, self.value_range)


class RandomSharpness(ImageLayer):
    """Blurs or sharpens each image by a random amount while training.

    Args:
      factor: 0 is the smoothed image, 0.5 the image, 1 the opposite: f for 0 to f, or
        (lower, upper).
      value_range: the range of the pixels, to which results are cut.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Source: `keras.layers.RandomSharpness`.
    """

    factor: options.Factor = option(convert=options.factor(0, 1, beyond=True))
    value_range: options.Factor = options.value_range()
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        (numbers,) = uniform(key, sizes[0], self.factor)
        return {"factor": numbers}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        factor = 2 * per_image(transformation["factor"])
        return color_changes.sharpness(images, factor, self.value_range)


class RandomGrayscale(ImageLayer):
    """Makes some images gray while training, all channels alike.

    Args:
      factor: the probability of an image, from 0 to 1.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Source: `keras.layers.RandomGrayscale`.
    """

    factor: float = option(default=0.5, convert=rate)
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        (numbers,) = uniform(key, sizes[0], (0, 1))
        return {"should_apply": numbers < self.factor}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        gray = color_changes.grayscale(images)
        return color_changes.where(transformation["should_apply"], gray, images)


class RandomInvert(ImageLayer):
    """Inverts some images while training: the upper end of the range, less the pixel.

    Args:
      factor: the probability that an image is changed: f for 0 to f, or (lower, upper), from which
        each image draws its own.
      value_range: the range of the pixels.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Source: `keras.layers.RandomInvert`.
    """

    factor: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    value_range: options.Factor = options.value_range()
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        return {"apply_inversion": applies(key, sizes[0], self.factor)}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        inverted = self.value_range[1] - images
        return color_changes.where(transformation["apply_inversion"], inverted, images)


class RandomPosterization(ImageLayer):
    """Keeps a random number of bits of each pixel while training.

    Args:
      factor: bits, from 1 to 8: n for 1 to n - 1 (1 for n = 1), as in Keras, or (lower, upper) for
        lower to upper - 1, and for (n, n) always n.
      value_range: the range of the pixels.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Example:
      >>> image = jnp.array([100.0, 200.0, 255.0]).reshape(1, 3, 1)
      >>> RandomPosterization((2, 2))(image).ravel().tolist()
      [64.0, 192.0, 192.0]

    Source: `keras.layers.RandomPosterization`.
    """

    factor: options.Factor = option(convert=options.factor(1, 8))
    value_range: options.Factor = options.value_range()
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        lower, upper = (int(end) for end in self.factor)
        if lower == upper:
            bits = jnp.full(sizes[0], lower, jnp.int32)
        else:
            bits = jax.random.randint(key, (sizes[0],), lower, upper)
        return {"shift_factor": 8 - bits}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        shift = jnp.reshape(jnp.asarray(transformation["shift_factor"]), (-1, 1, 1, 1))
        return color_changes.posterize(images, shift, self.value_range)


class Solarization(ImageLayer):
    """Adds a random amount to each image, and inverts what is above a threshold, while training.

    Args:
      addition_factor: a share of the range that is added: f for 0 to f, or (lower, upper).
      threshold_factor: a share of the range: values from there on are inverted.
      value_range: the range of the pixels.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Example:
      >>> Solarization()(jnp.array([0.0, 64.0, 255.0]).reshape(1, 3, 1)).ravel().tolist()
      [255.0, 191.0, 0.0]

    Source: `keras.layers.Solarization`.
    """

    addition_factor: options.Factor = option(
        default=0.0, convert=options.span(0, 1, from_zero=True)
    )
    threshold_factor: options.Factor = option(
        default=0.0, convert=options.span(0, 1, from_zero=True)
    )
    value_range: options.Factor = options.value_range()
    seed: int | None = options.seed()
    data_format: str | None = options.layout(kw_only=True)

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        ranges = [(255 * a, 255 * b) for a, b in (self.addition_factor, self.threshold_factor)]
        additions, thresholds = uniform(key, sizes[0], *ranges)
        return {"additions": per_image(additions), "thresholds": per_image(thresholds)}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        addition, threshold = map(
            per_image, (transformation["additions"], transformation["thresholds"])
        )
        return color_changes.solarize(images, addition, threshold, self.value_range)


def _odd_sizes(value: object) -> tuple[int, int]:
    """A window's width and height, both odd, from one integer or two."""
    expected = "an odd integer, or two of them"
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"expected {expected}, got {value!r}.")
    whole = (int(n) if isinstance(n, float) and n.is_integer() else n for n in pair)
    sizes = [integer(n, 1, expected) for n in whole]
    if not all(n % 2 for n in sizes):
        raise ValueError(f"expected {expected}, got {value!r}.")
    return sizes[0], sizes[1]


class RandomGaussianBlur(ImageLayer):
    """Blurs some images by a Gaussian window of a random width while training.

    Args:
      factor: the probability that an image is changed: f for 0 to f, or (lower, upper).
      kernel_size: the window, an odd number of pixels, or two for width and height.
      sigma: the standard deviations: s for 0 to s, or (lower, upper), from 0 to 1; two numbers, for
        width and height, are drawn for a batch.
      value_range: the range of the pixels, to which results are cut.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Source: `keras.layers.RandomGaussianBlur`.
    """

    factor: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    kernel_size: tuple[int, int] = option(default=3, convert=_odd_sizes)
    sigma: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    value_range: options.Factor = options.value_range()
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        (widths,) = uniform(child(key, "sigma"), 2, self.sigma)
        return {
            "should_apply_blur": applies(key, sizes[0], self.factor),
            "blur_factor": widths + 1e-6,
        }

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        sigma = jnp.asarray(transformation["blur_factor"], jnp.float32)
        blurred = color_changes.blur(images, self.kernel_size, sigma, self.value_range)
        kept = color_changes.clip(images, self.value_range)
        return color_changes.where(transformation["should_apply_blur"], blurred, kept)
