"""The tests that are not passed of the functions of `keras.ops`."""

from tests.keras_suite.exclusions.reasons import (
    PRIVATE,
    SHAPES,
    SPARSE,
    TORCH,
)

DEPRECATED = "Keras itself calls the argument deprecated, and its result wrong"
BEAM = "a beam search for CTC is not here"
UNKNOWN = "an axis of unknown size is tried with sizes that do not fit the known ones"

EXCLUDED: dict[str, dict[str, str]] = {
    "ops_nn": {
        "NNOpsBehaviorTest.test_check_shape_first_dim_mismatch": PRIVATE,
        "NNOpsBehaviorTest.test_layer_normalization_rms_scaling_warning": DEPRECATED,
        "NNOpsCorrectnessTest.test_ctc_decode": BEAM,
        "NNOpsDtypeTest.test_ctc_decode_*": BEAM,
        "NNOps*ShapeTest.test_ctc_decode": BEAM,
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
        "NNOpsStaticShapeTest.test_conv_*input_channel_validation": UNKNOWN,
    },
}

LEFT_OUT: dict[str, str] = {}
