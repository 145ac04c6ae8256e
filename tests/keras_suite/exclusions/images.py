"""The tests of image augmentation that are not passed."""

from tests.keras_suite.exclusions.reasons import BATCHES, PRIVATE, TENSORFLOW, WORDS

PIXELS = "boxes are where the pixels are; a shear or a crop of Keras leaves them elsewhere"
ALONE = "what has no batch axis stays without"
KEPT = "a dict that a layer is called on stays as it is"

EXCLUDED: dict[str, dict[str, str]] = {
    "image_layers": {
        "*tf_data*": TENSORFLOW,
        "*.test_value_range_incorrect_*": WORDS,
        "RandomBrightnessTest.test_set_factor_*": PRIVATE,
        "RandomBrightnessTest.test_factor_range_*": WORDS,
        "RandomShearTest.test_random_shear_bounding_boxes_*": PIXELS,
        "ResizingTest.test_resize_bounding_boxes_with_crop_to_aspect_ratio": PIXELS,
        "RandomZoomTest.test_random_flip_bounding_boxes_*": ALONE,
        "MixUpTest.test_mix_up_basic_functionality*": ALONE,
        "RandomErasingTest.test_random_erasing_basic": ALONE,
        "RandomCropTest.test_random_crop": BATCHES,
        "RandomRotationTest.test_random_rotation_shapes_*": BATCHES,
        "RandomTranslationTest.test_random_translation_random_*": BATCHES,
        "RandomZoomTest.test_random_zoom_random_*": BATCHES,
        "RandomCropTest.test_dict_input": KEPT,
        "RandomFlipTest.test_random_flip_horizontal": PRIVATE,
        "RandomFlipTest.test_random_flip_vertical": PRIVATE,
        "RandAugmentTest.test_graph_issue": TENSORFLOW,
    },
}
