"""The tests of random numbers, utils, dtype policies and trees that are not passed."""

from tests.keras_suite.exclusions.reasons import (
    FULL_WEIGHTS,
    INTERNAL,
    PRIVATE,
    TENSORFLOW,
    TORCH,
    WORDS,
)

DEFAULT_SEEDS = "unseeded draws take the next default seed; there is no global generator to assign"
SCOPES = "there is no StatelessScope: a layer called with a key is a pure function"
LINES = "a file or a pipe gets the finished line of a progress bar only"
STRINGS = "texts are strings of Python in arrays of NumPy's, not tensors"
EPOCHS = "every pass has an order by (seed, epoch), that of the first part of a data set too"

EXCLUDED: dict[str, dict[str, str]] = {
    "tree": {},
    "dtype_policies": {
        "DTypePolicyTest.test_initialization_from_global_bfloat16": FULL_WEIGHTS,
        "DTypePolicyTest.test_initialization_from_global_float16": FULL_WEIGHTS,
        "DTypePolicyMapTest.test_add": PRIVATE,
        "DTypePolicyMapTest.test_basic_usage": PRIVATE,
        "DTypePolicyMapTest.test_default_policy": FULL_WEIGHTS,
        "DTypePolicyMapTest.test_repr": WORDS,
    },
    "random": {
        "RandomBehaviorTest.test_beta_tf_data_compatibility": TENSORFLOW,
        "RandomBehaviorTest.test_dropout_jax_jit_stateless": SCOPES,
        "RandomCorrectnessTest.test_global_seed_generator": DEFAULT_SEEDS,
        "SeedGeneratorTest.test_global_seed_generator": DEFAULT_SEEDS,
        "SeedGeneratorTest.test_jax_tracing_with_global_seed_generator": DEFAULT_SEEDS,
        "SeedGeneratorTest.test_seed_generator_unexpected_kwargs": "an argument that a function "
        "does not have is a TypeError, as in Python",
    },
    "utils": {
        "FilterSafePathsTest.*": INTERNAL,
        "IsLinkInDirTest.*": INTERNAL,
        "IsRemotePathTest.test_*_remote_path": INTERNAL,
        "PathToStringTest.*": INTERNAL,
        "ResolveHasherTest.*": INTERNAL,
        "ResolvePathTest.*": INTERNAL,
        "ResolveSubPathTest.*": INTERNAL,
        "TestRaiseIfNoGFile.*": INTERNAL,
        "GetFileTest.test_handle_complex_paths": INTERNAL,
        "GetFileTest.test_isdir": INTERNAL,
        "GetFileTest.test_listdir": INTERNAL,
        "GetFileTest.test_makedirs_and_rmtree": INTERNAL,
        "GetFileTest.test_remove_*": INTERNAL,
        "NamingUtilsTest.test_auto_name": INTERNAL,
        "NamingUtilsTest.test_get_object_name_*": INTERNAL,
        "NamingUtilsTest.test_uniquify_*": INTERNAL,
        "TestIoUtils.test_ask_to_proceed_*": INTERNAL,
        "TestIoUtils.test_print_msg_*": INTERNAL,
        "TestIoUtils.test_set_logging_verbosity_invalid": INTERNAL,
        "TestNumericalUtils.test_build_pos_neg_masks": INTERNAL,
        "ImageDatasetFromDirectoryTest.test_static_shape_in_graph": TENSORFLOW,
        "ImageDatasetFromDirectoryTest.test_image_dataset_from_directory_shuffle_grain": EPOCHS,
        "TextDatasetFromDirectoryTest.test_text_dataset_from_directory_binary_tf": STRINGS,
        "TextDatasetFromDirectoryTest.test_text_dataset_from_directory_multiclass_tf": STRINGS,
        "TextDatasetFromDirectoryTest.test_text_dataset_from_directory_not_batched_tf": STRINGS,
        "TextDatasetFromDirectoryTest.test_text_dataset_from_directory_standalone_tf": STRINGS,
        "TimeseriesDatasetTest.test_shuffle_tf": EPOCHS,
        "TestJaxLayer.test_jax_layer*": TENSORFLOW,  # they end with a file of TensorFlow's
        "TestJaxLayer.test_flax_layer*": TENSORFLOW,
        "ProgbarTest.test_stateful_stateless_output_*": LINES,
        "SummaryUtilsTest.test_print_model_summary1": "`compile` takes an optimizer; left out it "
        "is one that `evaluate` does not need",
        "SummaryUtilsTest.test_print_model_summary_dict_output": "the batch axis in a summary has "
        "any size, where Keras shows that of the first call",
        "SummaryUtilsTest.test_print_model_summary_with_mha": "the batch axis in a summary has any "
        "size, where Keras shows that of the first call",
    },
}

LEFT_OUT: dict[str, str] = {
    "utils/audio_dataset_utils_test.py": "TensorFlow writes the sounds that it reads",
    "utils/backend_utils_test.py": INTERNAL,
    "utils/code_stats_test.py": INTERNAL,
    "utils/dataset_utils_test.py": TORCH,
    "utils/dtype_utils_test.py": INTERNAL,
    "utils/python_utils_test.py": INTERNAL,
    "utils/torch_utils_test.py": TORCH,
    "utils/tracking_test.py": INTERNAL,
}
