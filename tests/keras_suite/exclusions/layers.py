"""The tests of layers that are not passed."""

from tests.keras_suite.exclusions.reasons import (
    FULL_WEIGHTS,
    INTERNAL,
    PRIVATE,
    QUANTIZED,
    SHAPES,
    SPARSE,
)

NO_CALL = "a class without `call` makes no weights: it is a description"
NOTHING = "a `call` that returns nothing is an error, and a build needs a shape"
FROZEN = "a layer is frozen: it takes no attribute that is no argument, and none after its making"
PATHS = "the path of a weight begins below the layer or model that shows it"
SELF_ATTENTION = "attention on one input is self-attention here"
TWO_SIZES = "inputs of two sizes are an error where a model is built, which has the weights"
SEEDS = "a seed generator in a layer is no variable of it"
PASSED_ON = "SpectralNormalization passes masks on where its layer does"
SHAPES_FIRST = "`call` is traced for its shapes first, where the values of masks are not known"
NO_DTYPE = "a configuration has no dtype where none was given"

EXCLUDED: dict[str, dict[str, str]] = {
    "layers": {
        "InputLayerTest.test_call_method": PRIVATE,
        "InputLayerTest.test_input_basic_dense": SPARSE,
        "InputLayerTest.test_invalid_arg_combinations": SPARSE,
        "InputLayerTest.testing_input_tensor": "an Input makes its symbol, and takes none",
        "WrapperTest.test_wrapper_basics": (
            "a subclass of a library layer takes the arguments of that layer"
        ),
        "*AttentionTest.*quantize*": QUANTIZED,
        "*AttentionTest.*lora*": QUANTIZED,
        "LayerTest.*quantize*": QUANTIZED,
        "DenseTest.test_dense_errors": TWO_SIZES,
        "DenseTest.test_dense_without_activation_set": FROZEN,
        "EinsumDenseTest.test_analyze_einsum_string_axes": PRIVATE,
        "EinsumDenseTest.test_einsum_dense_constraints": SHAPES,
        "LayerTest.test_add_weight_string_*": NO_CALL,
        "LayerTest.test_autocast": PRIVATE,
        "LayerTest.test_autocast_with_np_array": NOTHING,
        "LayerTest.test_build_signature_errors": "shapes in `build` have a batch axis of any size",
        "LayerTest.test_call_context_args_*": PRIVATE,
        "LayerTest.test_compute_output_spec": (
            "shapes and dtypes follow from `call`, which is traced"
        ),
        "LayerTest.test_context_arg*": PRIVATE,
        "LayerTest.test_custom_layer_add_weight_in_build_name": PATHS,
        "LayerTest.test_custom_layer_add_weight_in_init_name": NO_CALL,
        "LayerTest.test_dtype_policy_setter": FROZEN,
        "LayerTest.test_functional_model_with_remat": PRIVATE,
        "LayerTest.test_gptq_*": QUANTIZED,
        "LayerTest.test_init_after_state_tracking": NO_CALL,
        "LayerTest.test_layer_tracking": PRIVATE,
        "LayerTest.test_layer_variable_tracking_correct": PATHS,
        "LayerTest.test_layer_with_remat": PRIVATE,
        "LayerTest.test_masking": SHAPES_FIRST,
        "LayerTest.test_metric_tracking": "metrics belong to a model: a layer has no `metrics`",
        "LayerTest.test_mixed_precision": FULL_WEIGHTS,
        "LayerTest.test_not_implemented_error_call": FROZEN,
        "LayerTest.test_not_implemented_error_compute_output_shape": FROZEN,
        "LayerTest.test_not_implemented_error_float8_call": QUANTIZED,
        "LayerTest.test_not_implemented_error_int8_call": QUANTIZED,
        "LayerTest.test_not_implemented_error_quantize*": QUANTIZED,
        "LayerTest.test_positional_arg_error": "a flag by position is taken as it is",
        "LayerTest.test_quantized_layer_with_remat": QUANTIZED,
        "LayerTest.test_register_call_context_arguments*": PRIVATE,
        "LayerTest.test_remat_larger_than_mode": PRIVATE,
        "LayerTest.test_remat_wrapper_list_of_layers": PRIVATE,
        "LayerTest.test_rematerialized_call_none": PRIVATE,
        "LayerTest.test_remove_weight": NO_CALL,
        "LayerTest.test_rng_seed_tracking": SEEDS,
        "LayerTest.test_serialize_dtype": QUANTIZED,
        "LayerTest.test_stateless_call": PRIVATE,
        "LayerTest.test_trainable_init_arg": PRIVATE,
        "LayerTest.test_trainable_setting": NOTHING,
        "*DropoutTest.test_dropout_rescaling": "the numbers that a seed gives are other ones",
        "AttentionTest.test_attention_calculate_score*": PRIVATE,
        "*AttentionTest.test_attention_errors": SELF_ATTENTION,
        "*AttentionTest.test_causal_only_skipped_for_subclass": PRIVATE,
        "*AttentionTest.test_compute_attention_combines_*": PRIVATE,
        "MultiHeadAttentionTest.test_dtype_policy_map": QUANTIZED,
        "*AttentionTest.test_flash_attention_with_errors": PRIVATE,
        "MultiHeadAttentionTest.test_quantize_int8": QUANTIZED,
        "MultiHeadAttentionTest.test_sliding_window_serialization": PRIVATE,
        "MaskingTest.test_masking_correctness": SHAPES_FIRST,
        "SimpleRNNTest.test_fused_*_eligibility": PRIVATE,
        "TimeDistributedTest.test_masking": PRIVATE,
        "SpectralNormalizationTest.test_basic_spectralnorm": PASSED_ON,
        "SpectralNormalizationTest.test_spectralnorm_higher_dim": PASSED_ON,
        "SimpleRNNTest.test_keeps_use_cudnn": "cuDNN is not used: `use_cudnn=True` is an error",
        "ZeroPadding?DTest.test_zero_padding_?d_get_config*": NO_DTYPE,
    },
}

LEFT_OUT: dict[str, str] = {"layers/rnn/dropout_rnn_cell_test.py": INTERNAL}
