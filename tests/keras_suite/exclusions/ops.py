"""The tests that are not passed of the functions of `keras.ops`."""

from tests.keras_suite.exclusions.reasons import (
    INTERNAL,
    PRIVATE,
    SHAPES,
    SPARSE,
    SYMBOL_SHAPE,
    TENSORFLOW,
    TORCH,
)

ANY_RANK = "an array of any rank has a histogram"
DENORMAL = "denormal numbers count as zero on the CPU"
DEPRECATED = "Keras itself calls the argument deprecated, and its result wrong"
KNOWN = "the size is known here, where Keras leaves it open or makes it an error"
OUTPUT_SHAPE = "the `output_shape` of a Lambda that is not that of its outputs is an error here"
SEED = "a random function of symbols needs a `seed`"
SEGMENTS = "on JAX `num_segments` is needed: here symbols say so at once"
UNKNOWN = "an axis of unknown size is tried with sizes that do not fit the known ones"
WINDOW = "without a window `istft` is the inverse of `stft`; Keras scales by the stride"
WIDTH = "an index is int32 outside of 64-bit mode, as its array is"
VALUES = "a shape that depends on values is an error of symbols, which come from compiled programs"

NUMPY: dict[str, str] = {
    "HistogramTest.test_histogram_high_dimensional_input": ANY_RANK,
    "NumpyOneInputOpsCorrectnessTest.test_reshape_symbolic_tensor_shape": SHAPES,
    "NumpyOneInputOpsCorrectnessTest.test_slogdet": SYMBOL_SHAPE,
    "NumpyOneInputOpsCorrectnessTest.test_tri?_in_layer": OUTPUT_SHAPE,
    "NumpyOneInputOpsDynamicShapeTest.test_arg*_negative_zero": DENORMAL,
    "NumpyOneInputOps*ShapeTest.test_argpartition": SHAPES,
    "NumpyOneInputOps*ShapeTest.test_bitwise_invert": SHAPES,
    "NumpyOneInputOps*ShapeTest.test_concatenate": KNOWN,
    "NumpyOneInputOps*ShapeTest.test_concatenate_sparse": SPARSE,
    "NumpyOneInputOps*ShapeTest.test_meshgrid": SHAPES,
    "NumpyOneInputOps*ShapeTest.test_nancum*": SHAPES,
    "NumpyOneInputOps*ShapeTest.test_ndim": SYMBOL_SHAPE,
    "NumpyOneInputOps*ShapeTest.test_unique_symbolic_dynamic": VALUES,
    "NumpyOneInputOps*ShapeTest.test_unique_symbolic_static": VALUES,
    "NumpyOneInputOpsDynamicShapeTest.test_broadcast_to": UNKNOWN,
    "NumpyOneInputOpsDynamicShapeTest.test_corrcoef": KNOWN,
    "NumpyOneInputOpsDynamicShapeTest.test_diag": UNKNOWN,
    "NumpyOneInputOpsDynamicShapeTest.test_dot": UNKNOWN,
    "NumpyOneInputOpsDynamicShapeTest.test_nonzero": VALUES,
    "NumpyOneInputOpsDynamicShapeTest.test_repeat": UNKNOWN,
    "NumpyOneInputOpsDynamicShapeTest.test_reshape": UNKNOWN,
    "NumpyTwoInputOps*ShapeTest.test_bitwise_*": SHAPES,
    "NumpyTwoInputOps*ShapeTest.test_broadcast_shapes_*": INTERNAL,
    "NumpyTwoInputOps*ShapeTest.test_shape_*": INTERNAL,
    "NumpyTwoInputOps*ShapeTest.test_einsum": SHAPES,
    "NumpyTwoInputOps*ShapeTest.test_gcd": SHAPES,
    "NumpyTwoInputOpsDynamicShapeTest.test_inner": UNKNOWN,
    "NumpyTwoInputOps*ShapeTest.test_lcm": SHAPES,
    "NumpyTwoInputOps*ShapeTest.test_ldexp": SHAPES,
    "NumpyTwoInputOpsDynamicShapeTest.test_searchsorted": WIDTH,
    "NumpyTwoInputOps*ShapeTest.test_take": SHAPES,
    "NumpyTwoInputOps*ShapeTest.test_take_along_axis": SHAPES,
    "NumpyTwoInputOpsDynamicShapeTest.test_tensordot": UNKNOWN,
    "NumpyTwoInputOps*ShapeTest.test_where": VALUES,
    "NumpyTwoInputOpsStaticShapeTest.test_correlate_mode_full": SHAPES,
    "NumpyTwoInputOpsStaticShapeTest.test_matmul_sparse": SPARSE,
}

OTHERS: dict[str, str] = {
    "CoreOpsBehaviorTests.test_cond_check_output_spec": PRIVATE,
    "CoreOpsBehaviorTests.test_while_loop_output_spec": SHAPES,
    "CoreOpsCorrectnessTest.test_cast*": PRIVATE,
    "CoreOpsCorrectnessTest.test_saturate_cast": PRIVATE,
    "CoreOps*ShapeTest.test_scatter*": SHAPES,
    "CoreOps*ShapeTest.test_slice_update": SHAPES,
    "CoreOps*ShapeTest.test_switch": SHAPES,
    "CoreOps*ShapeTest.test_while_loop": SHAPES,
    "CoreOpsStaticShapeTest.test_convert_to_tensor": SPARSE,
    "CoreOpsStaticShapeTest.test_slice_negative_one_shape_tensor_indices": VALUES,
    "ExtractPatches3DTest.test_ssim_vs_tensorflow": TENSORFLOW,
    "ImageOpsBehaviorTests.test_crop_images_unknown_shape": KNOWN,
    "ImageOpsCorrectnessTest.test_crop_images[0-9]": TENSORFLOW,
    "ImageOpsCorrectnessTest.test_extract_patches_(*": TENSORFLOW,
    "ImageOpsCorrectnessTest.test_hsv_to_rgb": TENSORFLOW,
    "ImageOpsCorrectnessTest.test_map_coordinates_constant_padding": TENSORFLOW,
    "ImageOpsCorrectnessTest.test_pad_images[0-9]": TENSORFLOW,
    "ImageOpsCorrectnessTest.test_resize_*_false": TENSORFLOW,
    "ImageOpsCorrectnessTest.test_resize_*_true": TENSORFLOW,
    "ImageOpsCorrectnessTest.test_rgb_to_*": TENSORFLOW,
    "ImageOpsDynamicShapeTest.test_scale_and_translate": UNKNOWN,
    "ImageOpsStaticShapeTest.test_map_coordinates_float32": TENSORFLOW,
    "ImageOpsStaticShapeTest.test_map_coordinates_manual_cast": TENSORFLOW,
    "ImageOpsStaticShapeTest.test_map_coordinates_nearest": TENSORFLOW,
    "ImageOpsStaticShapeTest.test_map_coordinates_uint8": TENSORFLOW,
    "ImageOps*ShapeTest.test_elastic_transform": SEED,
    "ImageOpsStaticShapeTest.test_gaussian_blur": VALUES,
    "ExtractSequencesOpTest.test_extract_sequences_init_*": PRIVATE,
    "FFT2Test.test_fft2_undefined_dimensions": KNOWN,
    "FFTTest.test_fft_last_axis_not_fully_defined": KNOWN,
    "FunctionTest.test_dynamic_shape_inference": PRIVATE,
    "FunctionTest.test_function_with_intermediate_tensor_input*": PRIVATE,
    "MathOps*ShapeTest.test_in_top_k": SHAPES,
    "MathOpsCorrectnessTest.test_istft6": WINDOW,
    "MathOpsDynamicShapeTest.test_segment_reduce[01]": SEGMENTS,
    "QrOpTest.test_compute_output_spec_undefined_dimensions": KNOWN,
    "QrOpTest.test_qr_init_invalid_mode": PRIVATE,
    "TestMathErrors.test_segment_reduce_leading_not_match[01]": SEGMENTS,
}

EXCLUDED: dict[str, dict[str, str]] = {
    "ops": OTHERS,
    "ops_numpy": NUMPY,
    "ops_nn": {
        "NNOpsBehaviorTest.test_check_shape_first_dim_mismatch": PRIVATE,
        "NNOpsBehaviorTest.test_layer_normalization_rms_scaling_warning": DEPRECATED,
        "NNOpsDtypeTest.test_*_shrink_*": TORCH,
        "NNOpsDtypeTest.test_threshold_*": TORCH,
        "NNOps*ShapeTest.test_dot_product_attention": SHAPES,
        "NNOps*ShapeTest.test_layer_normalization": SHAPES,
        "NNOps*ShapeTest.test_psnr": SHAPES,
        "NNOpsStaticShapeTest.test_ctc_loss": SHAPES,
        "NNOpsStaticShapeTest.test_polar": SHAPES,
        "NNOpsStaticShapeTest.test_sparse_categorical_crossentropy": SHAPES,
        "NNOpsDynamicShapeTest.test_multi_hot": SPARSE,
        "NNOps*ShapeTest.test_one_hot": SPARSE,
    },
}

LEFT_OUT: dict[str, str] = {
    "ops/node_test.py": INTERNAL,
    "ops/operation_test.py": INTERNAL,
    "ops/operation_utils_test.py": INTERNAL,
    "ops/ops_test.py": INTERNAL,
    "ops/symbolic_arguments_test.py": INTERNAL,
}
