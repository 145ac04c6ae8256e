"""Image augmentation: what is drawn for whom, what belongs to an image, layouts, dtypes, models."""

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.utils import bounding_boxes

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 8, 10, 3)).astype("float32")
KEY = jax.random.key(0)


def trained(layer: layers.Layer, inputs: Any, key: int = 0) -> Any:
    """`apply` while training."""
    return layer.apply({}, {}, inputs, key=jax.random.key(key), training=True)[0]


# -- when, and for whom


def test_called_by_itself_a_layer_is_in_training_unless_told_otherwise() -> None:
    layer = layers.RandomBrightness((0.5, 0.5), (0, 2))
    np.testing.assert_allclose(layer(IMAGES), IMAGES + 1, rtol=1e-6)
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)


def test_a_model_augments_in_fit_and_nowhere_else() -> None:
    brighter = layers.RandomBrightness((0.5, 0.5), (0, 4))
    model = jkeras.Sequential([jkeras.Input((8, 10, 3)), brighter, layers.Flatten()])
    model.compile("sgd", "mse")
    flat = IMAGES.reshape(6, -1)
    np.testing.assert_array_equal(model(IMAGES), flat)
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), flat)
    assert model.evaluate(IMAGES, flat, verbose=0) == 0
    losses = model.fit(IMAGES, flat, verbose=0).history["loss"]
    np.testing.assert_allclose(losses, [4.0], rtol=1e-5)
    np.testing.assert_allclose(model(IMAGES, training=True), flat + 2, rtol=1e-6)


def test_each_image_has_its_own_numbers_and_the_same_key_the_same() -> None:
    same = np.broadcast_to(IMAGES[:1], IMAGES.shape)
    outputs = trained(layers.RandomTranslation(0.4, 0.4), same)
    assert len(np.unique(np.asarray(outputs).reshape(6, -1), axis=0)) == 6
    np.testing.assert_array_equal(outputs, trained(layers.RandomTranslation(0.4, 0.4), same))


def test_seeds_fix_the_numbers_of_calls() -> None:
    first = layers.RandomFlip(seed=3)
    calls = [first(IMAGES), first(IMAGES)]
    again = layers.RandomFlip(seed=3)
    np.testing.assert_array_equal(calls[0], again(IMAGES))
    np.testing.assert_array_equal(calls[1], again(IMAGES))


# -- what images are


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomFlip(seed=1),
        layers.RandomRotation(0.2, seed=1),
        layers.RandomContrast((0.5, 0.5), (0, 1), seed=1),
        layers.RandomHue(0.5, (0, 1), seed=1),
        layers.RandomSharpness(0.5, (0, 1), seed=1),
        layers.RandomErasing(fill_value=0.5, seed=1),
        layers.RandomCrop(4, 5, seed=1),
        layers.AutoContrast((0, 1)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layouts_and_single_images_agree(layer: Any) -> None:
    last = np.asarray(trained(layer, IMAGES))
    first = layer.replace(data_format="channels_first")
    turned = trained(first, IMAGES.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(np.moveaxis(turned, 1, -1), last, rtol=1e-5, atol=1e-6)
    one, batch = trained(layer, IMAGES[0]), trained(layer, IMAGES[:1])
    np.testing.assert_array_equal(one, batch[0])


def test_bytes_become_floats_and_half_precision_stays() -> None:
    pixels = (IMAGES * 255).astype("uint8")
    layer = layers.RandomZoom(0.2)
    assert trained(layer, pixels).dtype == jnp.float32
    assert layer.apply({}, {}, pixels)[0].dtype == jnp.float32
    assert trained(layer, jnp.asarray(IMAGES, jnp.bfloat16)).dtype == jnp.bfloat16


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: layers.RandomFlip("sideways"),
        ValueError,
        "RandomFlip: `mode`: expected one of 'horizontal', 'vertical', 'horizontal_and_vertical', "
        "got 'sideways'.",
    ),
    (
        lambda: layers.RandomRotation("0.1"),
        TypeError,
        "RandomRotation: `factor`: expected a number from -1 to 1, or a pair of them, got '0.1' "
        "(str).",
    ),
    (
        lambda: layers.RandomRotation((0.1, 0.2, 0.3)),
        ValueError,
        "RandomRotation: `factor`: expected a number from -1 to 1, or a pair of them, got "
        "(0.1, 0.2, 0.3).",
    ),
    (
        lambda: layers.RandomZoom(-1.0),
        ValueError,
        "RandomZoom: `height_factor`: expected a number above -1 to 1, or a pair of them, got "
        "-1.0.",
    ),
    (
        lambda: layers.RandomBrightness(0.1, value_range=255),
        TypeError,
        "RandomBrightness: `value_range`: expected a pair of two numbers (low, high), got 255 "
        "(int).",
    ),
    (
        lambda: layers.RandomRotation(0.1, fill_mode="mirror"),
        ValueError,
        "RandomRotation: `fill_mode`: expected one of 'reflect', 'wrap', 'constant', 'nearest', "
        "got 'mirror'.",
    ),
    (
        lambda: layers.RandomGaussianBlur(kernel_size=4),
        ValueError,
        "RandomGaussianBlur: `kernel_size`: expected an odd integer, or two of them, got 4.",
    ),
    (
        lambda: layers.RandomColorJitter(brightness_factor=2.0),
        ValueError,
        "RandomColorJitter: `brightness_factor`: expected a number from -1 to 1, or a pair of "
        "them, got 2.0.",
    ),
    (
        lambda: layers.RandomFlip()(IMAGES[..., 0, 0]),
        ValueError,
        "RandomFlip: expected `inputs` [batch, height, width, channels], or one image without the "
        "batch axis, got shape (6, 8). To an image without channels add the axis: x[..., None].",
    ),
    (
        lambda: layers.RandomFlip()({"pictures": IMAGES}),
        ValueError,
        "RandomFlip: expected images, or a dict with images under 'images', got the keys "
        "['pictures'].",
    ),
    (
        lambda: layers.RandomFlip()(
            {"images": IMAGES, "bounding_boxes": {"boxes": [[0, 0, 1, 1]], "labels": [0]}}
        ),
        ValueError,
        "RandomFlip: expected `bounding_box_format` for an input with 'bounding_boxes', got None. "
        "Say what the numbers mean: RandomFlip(..., bounding_box_format='xyxy').",
    ),
    (
        lambda: layers.MixUp()({"images": IMAGES, "labels": np.arange(6)}),
        ValueError,
        "MixUp: expected 'labels' as one-hot vectors or probabilities [batch, classes], which can "
        "be mixed, got an array of shape (6,) and dtype int32. Convert them: "
        "jkeras.utils.to_categorical(labels).",
    ),
    (
        lambda: layers.MixUp()({"images": IMAGES, "labels": np.eye(5)}),
        ValueError,
        "MixUp: expected 'labels' for 6 images, got an array of shape (5, 5).",
    ),
    (
        lambda: layers.MixUp()((np.zeros((2, 4, 4, 3), "f"), np.eye(2, dtype="f"))),
        ValueError,
        "MixUp: expected images, or a dict with images under 'images', got a tuple of an array of "
        "shape (2, 4, 4, 3) and dtype float32, an array of shape (2, 2) and dtype float32. "
        'Name the parts: {"images": images, "labels": labels}.',
    ),
    (
        lambda: layers.RandomFlip(name="flip")(jkeras.Input((28, 28))),
        ValueError,
        "RandomFlip 'flip', called on Input (None, 28, 28): `inputs`: expected [batch, height, "
        "width, channels] in a model, got shape (None, 28, 28). To images without channels add the "
        "axis: x[..., None].",
    ),
    (
        lambda: jkeras.Sequential([layers.RandomRotation(0.1, data_format="channels_first")]).build(
            (None, 28, 28)
        ),
        ValueError,
        "RandomRotation 'random_rotation': `inputs`: expected [batch, channels, height, width] in "
        "a model, got shape (None, 28, 28). To images without channels add the axis: x[:, None].",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), WRONG)
def test_wrong_arguments_are_named(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


# -- what belongs to an image


def painted(box: list[int]) -> np.ndarray:
    """A black image of 40 x 60 with a white box (x1, y1, x2, y2)."""
    image = np.zeros((40, 60, 1), "float32")
    image[box[1] : box[3], box[0] : box[2]] = 1
    return image


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomFlip(bounding_box_format="xywh"),
        layers.RandomRotation((0.25, 0.25), bounding_box_format="xywh"),
        layers.RandomZoom((0.2, 0.4), (-0.3, 0.1), bounding_box_format="xywh"),
        layers.RandomTranslation(0.2, 0.2, bounding_box_format="xywh"),
        layers.RandomShear((0.2, 0.2), bounding_box_format="xywh"),
        layers.RandomPerspective((1.0, 1.0), 0.2, bounding_box_format="xywh"),
        layers.RandomCrop(30, 50, bounding_box_format="xywh"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_boxes_follow_the_pixels(layer: Any) -> None:
    box = [25, 14, 39, 24]
    data = {
        "images": np.stack([painted(box)] * 2),
        "segmentation_masks": np.stack([painted(box)] * 2).astype("int32"),
        "bounding_boxes": {
            "boxes": np.array([[[25, 14, 14, 10]]] * 2, "float32"),
            "labels": np.array([[3]] * 2),
        },
        "names": ["a", "b"],
    }
    layer = layer.replace(fill_mode="constant") if hasattr(layer, "fill_mode") else layer
    outputs = trained(layer, data, key=2)
    assert outputs["names"] == ["a", "b"]
    assert outputs["segmentation_masks"].dtype == jnp.int32
    assert outputs["bounding_boxes"]["labels"].tolist() == [[3], [3]]
    for i in range(2):
        rows, columns = np.nonzero(np.asarray(outputs["images"])[i, ..., 0] > 0.5)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        x, y, w, h = np.asarray(outputs["bounding_boxes"]["boxes"])[i, 0]
        np.testing.assert_allclose([x, y, x + w, y + h], seen, atol=1.6)
        masks = np.asarray(outputs["segmentation_masks"])[i, ..., 0]
        assert (masks != (np.asarray(outputs["images"])[i, ..., 0] > 0.5)).mean() < 0.02


def test_colors_leave_labels_masks_and_boxes_alone() -> None:
    boxes = {"boxes": np.ones((6, 2, 4), "float32"), "labels": np.ones((6, 2), "int32")}
    data = {"images": IMAGES, "labels": np.arange(6), "bounding_boxes": boxes}
    outputs = trained(layers.RandomBrightness(0.5, bounding_box_format="xyxy"), data)
    assert not np.array_equal(outputs["images"], IMAGES)
    assert outputs["labels"].tolist() == list(range(6))
    np.testing.assert_array_equal(outputs["bounding_boxes"]["boxes"], boxes["boxes"])


def test_a_box_that_is_gone_has_the_label_of_none() -> None:
    layer = layers.RandomTranslation((0.9, 0.9), (0, 0), bounding_box_format="rel_xyxy")
    boxes = {"boxes": np.array([[[0.0, 0.5, 0.5, 1.0]]]), "labels": np.array([[2]])}
    outputs = trained(layer, {"images": IMAGES[:1], "bounding_boxes": boxes})
    assert outputs["bounding_boxes"]["labels"].tolist() == [[-1]]


def test_a_shear_to_one_line_leaves_no_box() -> None:
    layer = layers.RandomShear((1, 1), (1, 1), bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[[1.0, 2, 5, 6]]]), "labels": np.array([[2]])}
    outputs = trained(layer, {"images": IMAGES[:1], "bounding_boxes": boxes})
    assert outputs["bounding_boxes"]["labels"].tolist() == [[-1]]
    assert np.isfinite(outputs["bounding_boxes"]["boxes"]).all()


def test_a_jitter_of_one_change_draws_as_the_change_itself() -> None:
    jitter = layers.RandomColorJitter((0, 1), contrast_factor=0.5)
    alone = layers.RandomContrast(0.5, (0, 1))
    np.testing.assert_allclose(trained(jitter, IMAGES), trained(alone, IMAGES), rtol=1e-6)


@pytest.mark.parametrize("layer", [layers.MixUp(0.5), layers.CutMix((1.0, 1.0))])
def test_labels_are_mixed_as_the_pixels_are(layer: Any) -> None:
    flat = np.broadcast_to(np.arange(6.0)[:, None, None, None], (6, 30, 30, 1)).astype("float32")
    outputs = trained(layer, {"images": flat, "labels": np.arange(6.0)[:, None]})
    means = np.asarray(outputs["images"]).mean((1, 2, 3))
    assert not np.allclose(means, np.arange(6), atol=0.1)
    np.testing.assert_allclose(outputs["labels"][:, 0], means, atol=0.4)


def test_mix_up_keeps_the_boxes_of_both() -> None:
    boxes = {"boxes": np.arange(48.0).reshape(6, 2, 4), "labels": np.arange(12).reshape(6, 2)}
    data = {"images": IMAGES, "bounding_boxes": boxes}
    found = trained(layers.MixUp(bounding_box_format="xyxy"), data)["bounding_boxes"]
    assert (found["boxes"].shape, found["labels"].shape) == ((6, 4, 4), (6, 4))
    np.testing.assert_array_equal(found["labels"][:, :2], boxes["labels"])


def test_the_number_of_boxes_is_cut_or_filled() -> None:
    boxes = {"boxes": np.ones((6, 2, 4)), "labels": np.ones((6, 2), "int32")}
    data = {"images": IMAGES, "bounding_boxes": boxes}
    for number in (1, 3):
        layer = layers.MaxNumBoundingBoxes(number, bounding_box_format="xyxy")
        found = layer.apply({}, {}, data)[0]["bounding_boxes"]
        assert found["boxes"].shape == (6, number, 4)
        assert found["labels"][0].tolist() == [1, 1, -1][:number] if number == 3 else [1]


# -- crops


def test_every_place_of_a_crop_is_as_likely_as_the_next() -> None:
    layer, image = layers.RandomCrop(2, 3), np.arange(20.0).reshape(4, 5, 1)
    keys = jax.random.split(KEY, 900)
    crops = jax.jit(jax.vmap(lambda key: trained_by(layer, image, key)))(keys)
    corners, counts = np.unique(np.asarray(crops)[:, 0, 0, 0], return_counts=True)
    assert corners.tolist() == [0, 1, 2, 5, 6, 7, 10, 11, 12]
    assert counts.min() > 60 and counts.max() < 145


def trained_by(layer: Any, inputs: Any, key: Any) -> Any:
    return layer.apply({}, {}, inputs, key=key, training=True)[0]


def test_outside_of_training_and_of_small_images_the_middle_is_cut() -> None:
    image = np.arange(24.0, dtype="float32").reshape(1, 4, 6, 1)
    middle = layers.RandomCrop(4, 2).apply({}, {}, image)[0]
    np.testing.assert_allclose(middle, image[:, :, 2:4])
    assert trained(layers.RandomCrop(8, 6), image).shape == (1, 8, 6, 1)


def test_a_crop_trains_inside_of_fit() -> None:
    model = jkeras.Sequential([layers.RandomCrop(6, 6), layers.Flatten(), layers.Dense(2)], seed=0)
    model.compile("sgd", "mse")
    history = model.fit(IMAGES, np.zeros((6, 2)), batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.predict(IMAGES, verbose=0).shape == (6, 2)


# -- several in a row


def test_rand_augment_runs_a_number_of_changes() -> None:
    np.testing.assert_array_equal(trained(layers.RandAugment(num_ops=0), IMAGES), IMAGES)
    boxes = {"boxes": np.full((6, 1, 4), 2.0), "labels": np.ones((6, 1), "int32")}
    data = {"images": IMAGES, "segmentation_masks": IMAGES[..., :1], "bounding_boxes": boxes}
    layer = layers.RandAugment((0, 1), num_ops=4, bounding_box_format="xywh")
    outputs = trained(layer, data)
    assert not np.array_equal(outputs["images"], IMAGES)
    assert outputs["bounding_boxes"]["boxes"].shape == (6, 1, 4)


def test_aug_mix_stays_in_the_range() -> None:
    outputs = np.asarray(trained(layers.AugMix((0, 1), num_chains=2, chain_depth=2), IMAGES))
    assert 0 <= outputs.min() and outputs.max() <= 1
    assert not np.array_equal(outputs, IMAGES)


def test_color_jitter_is_its_layers_in_a_row() -> None:
    np.testing.assert_array_equal(trained(layers.RandomColorJitter(), IMAGES), IMAGES)
    layer = layers.RandomColorJitter((0, 1), (0.1, 0.1), (0, 0.5))
    outputs = np.asarray(trained(layer, IMAGES))
    brighter = np.clip(IMAGES + 0.1, 0, 1)
    means = brighter.mean((1, 2), keepdims=True)
    moved = (outputs - means) * (brighter - means)
    assert moved.min() >= -1e-5  # contrast grows around the mean of the brighter image


def test_a_pipeline_runs_its_layers() -> None:
    pipeline = layers.Pipeline([layers.AutoContrast((0, 1)), layers.CenterCrop(4, 5)])
    expected = layers.CenterCrop(4, 5)(layers.AutoContrast((0, 1))(IMAGES))
    np.testing.assert_allclose(pipeline(IMAGES), expected, rtol=1e-6)
    model = jkeras.Sequential([jkeras.Input((8, 10, 3)), pipeline, layers.Flatten()])
    assert model.output_shape == (None, 60)
    dropping = layers.Pipeline([layers.Dropout(0.5), layers.Dense(2)])
    assert dropping(np.ones((2, 3), "float32")).shape == (2, 2)
    assert [w.shape for w in dropping.get_weights()] == [(3, 2), (2,)]


# -- models and files

ALL = {
    "AugMix": {"num_chains": 2},
    "AutoContrast": {},
    "ContrastLimitedAdaptiveHistogramEqualization": {"clip_limit": 2.0},
    "CutMix": {"factor": 0.5},
    "Equalization": {"bins": 64},
    "MaxNumBoundingBoxes": {"max_number": 5, "fill_value": -2},
    "MixUp": {"alpha": 0.3},
    "RandAugment": {"num_ops": 1},
    "RandomBrightness": {"factor": 0.3, "value_range": (0, 1)},
    "RandomColorDegeneration": {"factor": 0.4},
    "RandomColorJitter": {"brightness_factor": (0.1, 0.2), "hue_factor": 0.3},
    "RandomContrast": {"factor": 0.4},
    "RandomCrop": {"height": 4, "width": 5, "seed": 3},
    "RandomElasticTransform": {"scale": 0.5},
    "RandomErasing": {"fill_value": (1, 2, 3)},
    "RandomFlip": {"mode": "horizontal", "bounding_box_format": "xywh"},
    "RandomGaussianBlur": {"kernel_size": 5},
    "RandomGrayscale": {"factor": 0.4},
    "RandomHue": {"factor": 0.4},
    "RandomInvert": {"factor": 0.4},
    "RandomPerspective": {"scale": 0.4},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.1, "fill_mode": "wrap"},
    "RandomSaturation": {"factor": 0.4},
    "RandomSharpness": {"factor": 0.4},
    "RandomShear": {"x_factor": 0.4, "y_factor": (0.1, 0.2)},
    "RandomTranslation": {"height_factor": 0.4, "width_factor": (-0.1, 0.2)},
    "RandomZoom": {"height_factor": 0.4},
    "Solarization": {"threshold_factor": 0.4},
}


def test_configurations_are_read_by_keras_and_those_of_keras_here() -> None:
    keras = pytest.importorskip("keras", reason="Keras reads what is written here: not installed")
    for name, arguments in ALL.items():
        for layout in ("channels_last", "channels_first"):
            mine = getattr(layers, name)(**arguments, data_format=layout, name="own")
            theirs = getattr(keras.layers, name)(**arguments, data_format=layout, name="own")
            written = json.loads(json.dumps(layers.serialize(mine)))
            assert written["module"] == "keras.layers"
            read = keras.layers.deserialize(written).get_config()
            expected = json.loads(json.dumps(theirs.get_config()))
            assert json.loads(json.dumps(read)) == expected, name
            config = keras.layers.serialize(theirs)
            again = layers.deserialize(json.loads(json.dumps(config)))
            assert again.get_config() | {"dtype": None} == mine.get_config() | _missing(name, mine)


def _missing(name: str, layer: Any) -> dict[str, Any]:
    """What Keras leaves out of its configuration, and so is read as the default."""
    left_out = {"MaxNumBoundingBoxes": {"fill_value": -1}}
    return {"dtype": None} | left_out.get(name, {})


def test_a_pipeline_goes_to_keras_and_back() -> None:
    keras = pytest.importorskip("keras", reason="Keras reads what is written here: not installed")
    mine = layers.Pipeline([layers.RandomFlip("vertical"), layers.Rescaling(2.0)], name="p")
    read = keras.layers.deserialize(json.loads(json.dumps(layers.serialize(mine))))
    assert [type(layer).__name__ for layer in read.layers] == ["RandomFlip", "Rescaling"]
    again = layers.deserialize(keras.layers.serialize(read))
    assert [type(layer) for layer in again.layers] == [layers.RandomFlip, layers.Rescaling]


def test_a_graph_augments_and_is_saved(tmp_path: Any) -> None:
    x = jkeras.Input((8, 10, 3))
    y = layers.RandomRotation(0.1)(layers.RandomFlip()(x))
    model = jkeras.Model(x, layers.Dense(1)(layers.Flatten()(y)))
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.zeros((6, 1)), batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    again = jkeras.models.load_model(tmp_path / "model.keras")
    expected = model.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(again.predict(IMAGES, verbose=0), expected, rtol=1e-6)


def test_a_model_of_one_s_own_hands_the_flag_on() -> None:
    class Own(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.brighter = layers.RandomBrightness((0.5, 0.5), (0, 4))

        def call(self, x: Any, training: bool = False) -> Any:
            return self.brighter(x, training=training)

    model = Own()
    np.testing.assert_array_equal(model(IMAGES), IMAGES)
    np.testing.assert_allclose(model(IMAGES, training=True), IMAGES + 2, rtol=1e-6)


def test_a_layer_of_one_s_own_is_three_functions() -> None:
    from jkeras.layers.augmentation.base import ImageLayer

    class Dark(ImageLayer):
        share: float = 0.5

        def draw(self, key: Any, sizes: Any) -> Any:
            return {"dark": jax.random.bernoulli(key, self.share, (sizes[0], 1, 1, 1))}

        def change_images(self, images: Any, transformation: Any) -> Any:
            return jnp.where(transformation["dark"], 0.0, images)

    outputs = Dark(1.0)(IMAGES)
    assert float(outputs.max()) == 0
    np.testing.assert_array_equal(Dark(0.0)(IMAGES), IMAGES)


def test_the_functions_of_boxes_are_a_module_of_utils() -> None:
    assert jkeras.utils.bounding_boxes is bounding_boxes


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_equalization_of_a_batch_is_that_of_each_image_in_every_dtype(dtype: str) -> None:
    """Keras has one histogram for a batch, so batches differ from it, whatever the dtype."""
    images = np.random.default_rng(0).integers(0, 120, (3, 8, 8, 2)).astype("uint8")
    images[1] //= 2
    wide = layers.Equalization()(images)
    found = layers.Equalization(dtype=dtype)(images)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, wide)
    for image, equalized in zip(images, found, strict=True):
        np.testing.assert_array_equal(layers.Equalization(dtype=dtype)(image[None])[0], equalized)


def _boxes(boxes: Any, labels: Any) -> dict[str, Any]:
    return {"images": IMAGES[:2], "bounding_boxes": {"boxes": boxes, "labels": labels}}


@pytest.mark.parametrize(
    "data, words",
    [
        (_boxes(np.zeros((3, 1, 4)), np.zeros((3, 1))), "'bounding_boxes' for 2 images, got an"),
        (
            _boxes(np.zeros((2, 3, 4)), np.zeros((2, 1))),
            "labels of shape (2, 1) for boxes of shape",
        ),
        (
            _boxes([np.zeros((1, 4)), np.zeros((2, 4))], [np.zeros(1), np.zeros(2)]),
            "expected arrays, got rows of several lengths. Fill the boxes of each image",
        ),
        (
            {"images": IMAGES[:2], "segmentation_masks": np.zeros((3, 8, 8), int)},
            "'segmentation_masks' for 2 images, got an",
        ),
    ],
    ids=["count", "labels", "lengths", "masks"],
)
def test_boxes_and_masks_that_do_not_fit_are_named(data: Any, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        layers.RandomFlip(bounding_box_format="xyxy")(data)
    assert words in str(caught.value)
