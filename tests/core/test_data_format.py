"""`set_image_data_format`: the layout of later layers and calls, and of nothing that exists."""

import inspect

import numpy as np
import pytest

from jkeras import Input, Model, config, layers, ops, utils

IMAGES = np.random.default_rng(0).random((2, 3, 8, 6)).astype("float32")


@pytest.fixture(autouse=True)
def channels_first():
    config.set_image_data_format("channels_first")
    yield
    config.set_image_data_format("channels_last")


def test_every_layer_with_a_layout_follows_it():
    found = 0
    for layer in (getattr(layers, name) for name in layers.__all__ if name[0].isupper()):
        parameters = inspect.signature(layer).parameters
        if inspect.isclass(layer) and "data_format" in parameters:
            needed = [name for name, each in parameters.items() if each.default is each.empty]
            values = {"rate": 0.5, "factor": 1, "height_factor": 1, "width_factor": 1}
            words = {name: values.get(name, 2) for name in needed if name != "kwargs"}
            assert layer(**words).get_config()["data_format"] == "channels_first", layer
            found += 1
    assert found > 40


def test_a_layer_that_exists_keeps_its_layout():
    first = layers.MaxPooling2D()
    config.set_image_data_format("channels_last")
    assert first(IMAGES).shape == (2, 3, 4, 3)
    assert layers.MaxPooling2D()(IMAGES).shape == (2, 1, 4, 6)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, **kw: ops.image.resize(x, (4, 4), **kw),
        lambda x, **kw: ops.image.rgb_to_grayscale(x, **kw),
        lambda x, **kw: ops.image.pad_images(x, 1, 1, 1, 1, **kw),
        lambda x, **kw: ops.max_pool(x, 2, **kw),
        lambda x, **kw: ops.conv(x, np.ones((3, 3, 3, 2), "float32"), **kw),
    ],
)
def test_functions_of_arrays_follow_it_and_graphs_keep_it(call):
    expected = call(IMAGES, data_format="channels_first")
    np.testing.assert_array_equal(call(IMAGES), expected)
    inputs = Input((3, 8, 6))
    model = Model(inputs, call(inputs))
    config.set_image_data_format("channels_last")
    np.testing.assert_allclose(model(IMAGES), expected, rtol=1e-6)


def test_images_of_files_and_factors_of_channels_follow_it():
    assert utils.img_to_array(utils.array_to_img(IMAGES[0])).shape == (3, 8, 6)
    scaled = layers.Rescaling([1, 2, 3], offset=[1, 0, 0])(IMAGES)
    factors = np.array([1, 2, 3]).reshape(3, 1, 1)
    expected = IMAGES * factors + np.array([1, 0, 0]).reshape(3, 1, 1)
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)
