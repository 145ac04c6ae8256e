"""The tests of layers that prepare data, strings and sounds among them, that are not passed."""

from tests.keras_suite.exclusions.reasons import INTERNAL, KIND, PRIVATE, TENSORFLOW

WIDE = "64 bits have to be switched on in JAX; integers are int32 until then"
STRINGS = "an inverse lookup of words gives an array of NumPy's, which has no `numpy()`"

LATER = "a shape follows from the boundaries, which are not there before `adapt`"
AS_GIVEN = "given statistics are shown as they were given"

EXCLUDED: dict[str, dict[str, str]] = {
    "preparing_layers": {
        "CategoryEncodingTest.test_encode_one_hot_*": PRIVATE,
        "DiscretizationTest.test_compute_output_shape_edge_cases": "one number is a batch of one",
        "DiscretizationTest.test_compute_output_shape_num_bins_*": LATER,
        "DiscretizationTest.test_compute_output_spec_method": PRIVATE,
        "DiscretizationTest.test_discretization_basics": LATER,
        "NormalizationTest.test_adapt_tf_dataset_with_labels": TENSORFLOW,
        "NormalizationTest.test_broadcast_*": AS_GIVEN,
        "NormalizationTest.test_scalar_broadcast": AS_GIVEN,
        "NormalizationTest.test_normalization_adapt2": TENSORFLOW,
        "NormalizationTest.test_normalization_adapt_with_incompatible_shape": "data of another "
        "shape replace what was found; a model then says that they do not fit",
        "NormalizationTest.test_normalization_basics": "statistics have to be there before a call",
        "NormalizationTest.test_normalization_unknown_axis_shape": "an axis of unknown size gets "
        "its size from the data",
        "FeatureSpaceTest.test_advanced_usage": TENSORFLOW,
        "FeatureSpaceTest.test_basic_usage*": TENSORFLOW,
        "FeatureSpaceTest.test_manual_kpl": TENSORFLOW,
        "FeatureSpaceTest.test_output_mode_dict*": TENSORFLOW,
        "FeatureSpaceTest.test_saving": TENSORFLOW,
        "*.test_tf_data_*": TENSORFLOW,
        "HashedCrossingTest.test_correctness_false": TENSORFLOW,
        "HashedCrossingTest.test_static_shape_preserved": TENSORFLOW,
        "HashedCrossingTest.test_cross_output_dtype": WIDE,
        "HashingTest.test_int_output_dtype_int64": WIDE,
        "HashingTest.test_one_hot_output_dtype_float64": WIDE,
        "IndexLookupLayerTest.test_adapt_tf_idf": PRIVATE,
        "IndexLookupLayerTest.test_adapt_with_tf_data": TENSORFLOW,
        "IndexLookupLayerTest.test_ensure_known_vocab_size_without_vocabulary": KIND,
        "IndexLookupLayerTest.test_invert": STRINGS,
        "IndexLookupLayerTest.test_save_and_load_assets_string_vocab": TENSORFLOW,
        "IntegerLookupTest.test_adapt_with_steps": TENSORFLOW,
        "MelSpectrogramTest.test_mel_spectrogram_basics": "a signal without a batch axis is no "
        "batch of examples, which the test trains on",
        "TextVectorizationTest.test_adapt_with_steps": TENSORFLOW,
        "TextVectorizationTest.test_adapt_with_tf_dataset": TENSORFLOW,
        "TextVectorizationTest.test_custom_*": TENSORFLOW,
        "TextVectorizationTest.test_static_output_sequence_length_*": TENSORFLOW,
    },
}

LEFT_OUT: dict[str, str] = {"layers/preprocessing/data_layer_test.py": INTERNAL}
