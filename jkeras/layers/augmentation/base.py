"""The base of layers that change images, together with what belongs to them.

    images = layer(images, training=True)
    data = layer({"images": images, "labels": labels, "bounding_boxes": boxes}, training=True)

A layer is three pure functions: `draw` makes random numbers of a key, one set for each image of a
batch; `change_images` and `change_boxes` apply them. Laws: outside of training images and all that
belongs to them are what they were; the same key draws the same; all images of a batch are computed
together; images, masks and boxes of one call are changed by the same numbers.

Images are one or a batch, in either layout, floating or integer; inside, they are a floating batch
`[batch, height, width, channels]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jkeras.core.arrays import as_jax
from jkeras.core.errors import describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, Layer, Params, State, option
from jkeras.core.seeds import key_of
from jkeras.core.serialization import if_set
from jkeras.core.symbols import has_symbols
from jkeras.core.trees import Tree, is_traced
from jkeras.core.variables import innermost
from jkeras.layers.options import one_of, optional
from jkeras.ops import box_formats

Transformation = dict[str, Any]
Drawn = Transformation | None
Boxes = Mapping[str, Any]
"""The boxes of images under "boxes", and their labels under "labels"."""

Data = ArrayLike | Mapping[str, Any]
"""Images, or a dict with them."""

Sizes = tuple[int, int, int, int]
"""Of a batch: examples, height, width, channels."""


_is_alone: ContextVar[bool] = ContextVar("is_alone", default=False)
"""Whether a layer is called on arrays by itself, which may be one image."""

PARTS = ("images", "labels", "bounding_boxes", "segmentation_masks")
"""The entries of an input that a layer may change."""


class ImageLayer(Layer):
    """Base of layers that change images: the parts of an input, the layouts, the flag of training.

    Inputs are images, or a dict with "images" and any of "labels", "bounding_boxes" (a dict of
    "boxes" `[batch, n, 4]` and "labels" `[batch, n]`) and "segmentation_masks"; other entries stay.
    Called on arrays by itself, outside of a model, a layer is in training unless told otherwise.
    """

    in_slices: ClassVar[InSlices] = "same"
    takes_structures: ClassVar[bool] = True
    takes_integers: ClassVar[bool] = True

    is_random: ClassVar[bool] = True
    """Whether the layer draws numbers, and needs a key for it."""

    is_always_active: ClassVar[bool] = False
    """Whether the layer acts outside of training, too."""

    moves_pixels: ClassVar[bool] = False
    """Whether masks and boxes move with the images."""

    bounding_box_format: str | None = option(
        default=None,
        convert=optional(one_of(*box_formats.FORMATS)),
        to_config=if_set,
        kw_only=True,
    )

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """As of every layer; called on arrays outside of a model, `training` is True by default."""
        if has_symbols(inputs, kwargs) or innermost() is not None:
            return super().__call__(*inputs, **kwargs)
        kwargs.setdefault("training", True)
        before = _is_alone.set(True)
        try:
            return super().__call__(*inputs, **kwargs)
        finally:
            _is_alone.reset(before)

    def init(self, *args: Any, **kwargs: Any) -> tuple[Params, State]:
        """Nothing; in a model it checks that images are a batch.

        Args:
          *args: a key, then the spec of images, or a dict with it.
          **kwargs: none.

        Raises:
          ValueError: images `[batch, height, width]`, which apply would take for one image.
        """
        for data in args[1:2]:
            images = data.get("images") if isinstance(data, Mapping) else data
            shape = tuple(getattr(images, "shape", ()))
            if len(shape) == 3 and not _is_alone.get():
                grey = "x[:, None]" if self._channels_first else "x[..., None]"
                raise self.value_error(
                    f"{self._batch_axes} in a model",
                    f"shape {shape}",
                    f"To images without channels add the axis: {grey}.",
                    argument="inputs",
                )
        return super().init(*args, **kwargs)

    def apply(
        self,
        params: Params,
        state: State,
        inputs: Data,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        data = self._dict_of(inputs)
        self.sizes(data["images"])
        active, key = training or self.is_always_active, self._own_key(key) if training else None
        parts = self._parts_of(data)
        if active and not is_traced((parts, key)):
            changed = _changed_at_once(_without_seed(self), parts, key, active)
        else:
            changed = _changed(self, parts, key, active)
        return ({**data, **changed} if isinstance(inputs, Mapping) else changed["images"]), state

    def _dict_of(self, inputs: object) -> Mapping[str, Any]:
        """The inputs as a dict with "images"."""
        if isinstance(inputs, tuple | list) and len({jnp.shape(part) for part in inputs}) > 1:
            raise self.value_error(
                "images, or a dict with images under 'images'",
                f"a {type(inputs).__name__} of {', '.join(map(describe, inputs))}",
                'Name the parts: {"images": images, "labels": labels}.',
            )
        data = inputs if isinstance(inputs, Mapping) else {"images": inputs}
        if "images" not in data:
            raise self.value_error(
                "images, or a dict with images under 'images'", f"the keys {sorted(data)}"
            )
        return data

    def _parts_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The entries that the layer may change, as arrays.

        Raises:
          ValueError: rows of several lengths, or boxes or masks of another number of images.
        """
        parts = {name: _arrays(data[name]) for name in PARTS if name in data}
        shape, masks = jnp.shape(parts["images"]), parts.get("segmentation_masks")
        boxes = parts.get("bounding_boxes") if self.bounding_box_format else None
        boxes = boxes.get("boxes") if isinstance(boxes, Mapping) else None
        for name, array in (("bounding_boxes", boxes), ("segmentation_masks", masks)):
            if array is not None and len(shape) == 4 and array.shape[:1] != shape[:1]:
                raise self.value_error(f"{name!r} for {shape[0]} images", describe(array))
        return parts

    def _own_key(self, key: Key | None) -> Key | None:
        """The key of the draws of a call in training; None where nothing is drawn."""
        if not self.is_random:
            return None
        key, seed = self.need_key(key), getattr(self, "seed", None)
        return key if seed is None else child(key, seed)

    # -- what a layer defines

    def draw(self, key: Key, sizes: Sizes) -> Drawn:
        """The random numbers for a batch of images; None for nothing to do.

        Args:
          key: the random key; None outside of training, for a layer that is active there, too.
          sizes: (batch, height, width, channels).
        """
        del key, sizes
        return {}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        """A floating batch `[batch, height, width, channels]`, changed by the numbers drawn."""
        raise NotImplementedError(f"{self.who}: expected the class to define `change_images`.")

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        """A batch of masks, changed like the images; as they are, unless pixels move."""
        del transformation
        return masks

    def change_labels(self, labels: Array, transformation: Transformation) -> Array:
        """Labels `[batch, ...]`, changed like the images; as they are, unless images mix."""
        del transformation
        return labels

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        """Boxes `[batch, n, 4]` as "xyxy" in pixels, moved like the images."""
        del transformation, height, width
        return boxes

    # -- the parts of an input, in Keras's words

    def get_random_transformation(
        self, data: Data, training: bool = True, seed: object = None
    ) -> Drawn:
        """The random numbers of a call, for the methods `transform_…`.

        Args:
          data: images, or a dict with them.
          training: None is returned outside of it.
          seed: an integer, a key, a `SeedGenerator`, or None for a new seed.
        """
        if not (training or self.is_always_active):
            return None
        images = data["images"] if isinstance(data, Mapping) else data
        own = getattr(self, "seed", None)
        draws = self.is_random and training
        key = key_of(self.who, own if seed is None else seed) if draws else None
        return self.drawn_for(key, images)

    def transform_images(
        self, images: ArrayLike, transformation: Drawn, training: bool = True
    ) -> Array:
        """Images in the dtype of the layer, changed in training."""
        x = self.cast(images)
        if transformation is None or not (training or self.is_always_active):
            self.sizes(x)
            return x
        wide = x if x.dtype.itemsize >= 4 else x.astype(jnp.float32)
        changed = self.as_batch(wide, lambda batch: self.change_images(batch, transformation))
        return changed.astype(x.dtype)

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Drawn, training: bool = True
    ) -> Array:
        """Masks in their own dtype, moved like the images in training."""
        masks = as_jax(segmentation_masks)
        active = training or self.is_always_active
        if not self.moves_pixels or not active or transformation is None:
            return masks
        wide = masks.astype(jnp.float32)
        changed = self.as_batch(wide, lambda batch: self.change_masks(batch, transformation))
        return changed.astype(masks.dtype)

    def transform_labels(
        self, labels: ArrayLike, transformation: Drawn, training: bool = True
    ) -> Array:
        """Labels, mixed like the images in training."""
        labels = as_jax(labels)
        if not training or transformation is None:
            return labels
        return self.change_labels(labels, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Boxes, transformation: Drawn, training: bool = True
    ) -> dict[str, Any]:
        """Boxes with their labels, moved like the images in training.

        Boxes that leave the image are cut; the label of one that is gone becomes -1.
        """
        boxes, labels = checked_boxes(self, bounding_boxes)
        active = training or self.is_always_active
        if not active or transformation is None or not self.moves_pixels:
            return {**bounding_boxes, "boxes": boxes, "labels": labels}
        height, width = self._size_of(transformation)
        form = str(self.bounding_box_format)
        corners = box_formats.convert(boxes, form, "xyxy", height, width)
        batched = corners if corners.ndim == 3 else corners[None]
        moved = self.change_boxes(batched, transformation, height, width)
        moved = box_formats.clipped(moved, *self.target_size(height, width))
        moved = moved if corners.ndim == 3 or len(moved) > 1 else moved[0]
        labels = self.labels_of_moved(moved, labels)
        sizes = self.target_size(height, width)
        back = box_formats.convert(moved, "xyxy", form, *sizes)
        return {**bounding_boxes, "boxes": back, "labels": labels}

    def labels_of_moved(self, boxes: Array, labels: Array) -> Array:
        """The labels of boxes that were moved: -1 where nothing is left of a box."""
        return box_formats.visible_labels(boxes, labels)

    def target_size(self, height: int, width: int) -> tuple[Any, Any]:
        """Height and width of the outputs for those of inputs."""
        return height, width

    # -- layouts

    @property
    def _channels_first(self) -> bool:
        return getattr(self, "data_format", None) == "channels_first"

    @property
    def _batch_axes(self) -> str:
        """The axes of a batch, for messages."""
        if self._channels_first:
            return "[batch, channels, height, width]"
        return "[batch, height, width, channels]"

    def sizes(self, images: ArrayLike) -> Sizes:
        """(batch, height, width, channels) of images; raises unless they are one or a batch."""
        shape = tuple(jnp.shape(images))
        first = self._channels_first
        if len(shape) not in (3, 4):
            grey = "x[None]" if first else "x[..., None]"
            raise self.value_error(
                f"`inputs` {self._batch_axes}, or one image without the batch axis",
                f"shape {shape}",
                f"To an image without channels add the axis: {grey}.",
            )
        batch, *rest = shape if len(shape) == 4 else (1, *shape)
        height, width, channels = (rest[1], rest[2], rest[0]) if first else rest
        return batch, height, width, channels

    def as_batch(self, images: Array, change: Callable[[Array], Array]) -> Array:
        """What a function of a batch `[batch, height, width, channels]` makes of images."""
        self.sizes(images)
        batch = images if images.ndim == 4 else images[None]
        first = self._channels_first
        changed = change(jnp.moveaxis(batch, 1, -1) if first else batch)
        changed = jnp.moveaxis(changed, -1, 1) if first else changed
        return changed if images.ndim == 4 else changed[0]

    def _size_of(self, transformation: Transformation) -> tuple[Any, Any]:
        """Height and width of the images that numbers were drawn for."""
        given = transformation["input_shape"]
        shape = [int(n) if isinstance(n, np.generic) else n for n in given]
        first = self._channels_first
        return (shape[-2], shape[-1]) if first else (shape[-3], shape[-2])

    def drawn_for(self, key: Key | None, images: ArrayLike) -> Drawn:
        """The random numbers for these images, with their shape."""
        sizes = self.sizes(images)
        drawn = self.draw(key, sizes)  # type: ignore[arg-type]  # None where nothing is drawn
        return drawn if drawn is None else {"input_shape": tuple(jnp.shape(images)), **drawn}


def _arrays(part: object) -> Any:
    """An entry of an input as arrays."""
    if isinstance(part, Mapping):
        return {name: _arrays(value) for name, value in part.items()}
    if isinstance(part, jax.Array):
        return part
    try:
        array = np.asarray(part)
    except ValueError:
        raise ValueError(
            "expected arrays, got rows of several lengths. Fill the boxes of each image up to one "
            "number with zeros, and their labels with -1."
        ) from None
    return as_jax(array)


def checked_boxes(layer: ImageLayer, bounding_boxes: Boxes) -> tuple[Array, Array]:
    """The boxes, floating, and their labels.

    Raises:
      ValueError: the layer has no `bounding_box_format`, it is no dict of boxes and labels, or
        there are not as many of both.
    """
    if layer.bounding_box_format is None:
        raise layer.value_error(
            "`bounding_box_format` for an input with 'bounding_boxes'",
            "None",
            f"Say what the numbers mean: {type(layer).__name__}(..., bounding_box_format='xyxy').",
        )
    if not isinstance(bounding_boxes, Mapping) or not {"boxes", "labels"} <= set(bounding_boxes):
        got = sorted(bounding_boxes) if isinstance(bounding_boxes, Mapping) else bounding_boxes
        raise layer.value_error("'bounding_boxes' a dict of 'boxes' and 'labels'", describe(got))
    boxes = box_formats.checked(layer.who, bounding_boxes["boxes"])
    labels = jnp.asarray(bounding_boxes["labels"])
    if labels.shape[: boxes.ndim - 1] != boxes.shape[:-1]:
        raise layer.value_error(
            "a label for each of the 'boxes' in 'bounding_boxes'",
            f"labels of shape {labels.shape} for boxes of shape {boxes.shape}",
        )
    return boxes, labels


def _changed(
    layer: ImageLayer, data: dict[str, Any], key: Key | None, active: bool
) -> dict[str, Any]:
    """The parts of an input after one call of a layer."""
    drawn = layer.drawn_for(key, data["images"]) if active else None
    changes: dict[str, Callable[..., Any]] = {
        "images": layer.transform_images,
        "labels": layer.transform_labels,
        "bounding_boxes": layer.transform_bounding_boxes,
        "segmentation_masks": layer.transform_segmentation_masks,
    }
    is_single = jnp.ndim(data["images"]) == 3

    def part(name: str, value: Tree) -> Tree:
        change = changes[name]
        if is_single and name in ("labels", "bounding_boxes"):
            batch = jax.tree.map(lambda x: as_jax(x)[None], value)
            return jax.tree.map(lambda x: x[0], change(batch, drawn, active))
        return change(value, drawn, active)

    return {name: part(name, value) for name, value in data.items()}


@functools.lru_cache(maxsize=256)
def _without_seed(layer: ImageLayer) -> ImageLayer:
    """The layer without name and seed, which the program of a call does not depend on."""
    changes = {name: None for name in ("name", "seed") if getattr(layer, name, None) is not None}
    return layer.replace(**changes) if changes and not layer.is_mutable else layer


@functools.partial(jax.jit, static_argnums=(0, 3))
def _changed_at_once(
    layer: ImageLayer, data: dict[str, Any], key: Key | None, active: bool
) -> dict[str, Any]:
    """`_changed` as one program, for a call outside of one."""
    return _changed(layer, data, key, active)
