"""The tests of the published networks that are not passed."""

from tests.keras_suite.exclusions.reasons import DOWNLOADS, INTERNAL

EXCLUDED: dict[str, dict[str, str]] = {
    "applications": {
        "ApplicationsTest.test_application_base_*": DOWNLOADS,
        "TestImageNetUtils.test_obtain_input_shape_*": INTERNAL,
        "TestImageNetUtils.test_preprocess_input": "the array of pixels that is given stays as it "
        "is; Keras writes over it",
    },
}
