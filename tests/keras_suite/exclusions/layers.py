"""The tests of layers that are not passed."""

from tests.keras_suite.exclusions.reasons import PRIVATE

EXCLUDED: dict[str, dict[str, str]] = {}

LEFT_OUT: dict[str, str] = {}

LORA = "adaptation of low rank (LoRA) is not here"

SORTED: dict[str, str] = {
    "*lora*": LORA,
    "DropoutTest.test_dropout_rescaling": "the numbers that a seed gives are other ones",
    "AttentionTest.test_attention_calculate_score*": PRIVATE,
    "AttentionTest.test_attention_errors": "attention on one input is self-attention here",
    "AdditiveAttentionTest.test_attention_errors": "attention on one input is self-attention here",
    "MaskingTest.test_masking_correctness": (
        "`call` is traced for its shapes and weights first, and the test reads the mask's values"
    ),
    "SimpleRNNTest.test_fused_*_eligibility": PRIVATE,
}
"""Reasons found so far. They move to `EXCLUDED`, which is judged, when all of the family's tests
are sorted."""
