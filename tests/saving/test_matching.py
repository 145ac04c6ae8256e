"""Weights matched by name: what fits, what does not, and why."""

from typing import Any

import jax
import numpy as np
import pytest

from jkeras.saving.matching import Mismatch, Report, match


def spec(*shape: int, dtype: str = "float32") -> jax.ShapeDtypeStruct:
    """An array's shape and dtype."""
    return jax.ShapeDtypeStruct(shape, np.dtype(dtype))


MODEL = {
    "params/dense/bias": spec(3),
    "params/dense/kernel": spec(2, 3),
    "state/bn/mean": spec(3),
    "state/count": spec(dtype="int32"),
}


def renamed(**changes: Any) -> dict[str, Any]:
    """The model's weights with others in the place of some (`a__b` is a/b); None takes one away."""
    changed = {**MODEL, **{name.replace("__", "/"): array for name, array in changes.items()}}
    return {name: array for name, array in changed.items() if array is not None}


def test_equal_names_match() -> None:
    report, names = match(MODEL, MODEL)
    assert report == Report(matched=tuple(MODEL))
    assert names == {name: name for name in MODEL}
    assert report.complete and report.difference == ""
    assert str(report) == repr(report) == "4 of 4 weights loaded."


def test_every_kind_of_difference_is_reported() -> None:
    report, names = match(
        MODEL,
        renamed(
            params__dense__bias=spec(4),
            state__count=spec(),
            state__bn__mean=None,
            old=spec(1),
        ),
    )
    assert report == Report(
        matched=("params/dense/kernel",),
        missing=("state/bn/mean",),
        unexpected=("old",),
        mismatched=(
            Mismatch("params/dense/bias", ((3,), "float32"), ((4,), "float32")),
            Mismatch("state/count", ((), "int32"), ((), "float32")),
        ),
    )
    assert names == {"params/dense/kernel": "params/dense/kernel"}
    assert not report.complete
    assert str(report) == (
        "1 of 4 weights loaded.\n"
        "Not in the file (1): state/bn/mean\n"
        "Not in the model (1): old\n"
        "Different (2):\n"
        "  expected params/dense/bias of shape (3,) and dtype float32, got (4,) and float32\n"
        "  expected state/count of shape () and dtype int32, got () and float32"
    )
    assert report.difference == (
        "the model has a weight state/bn/mean, and the file does not. In all: 1 fit, 1 not in the "
        "file, 2 different, 1 not in the model."
    )


def test_a_long_report_is_cut() -> None:
    report = Report(missing=tuple(f"w{i}" for i in range(23)))
    assert str(report).endswith(", w18, w19, and 3 more")


def test_floating_dtypes_fit_one_another_and_no_integers() -> None:
    model = {"params/a": spec(2), "params/b": spec(2, dtype="uint8"), "params/c": spec(2)}
    found = {
        "params/a": spec(2, dtype="float16"),
        "params/b": spec(2, dtype="int8"),
        "params/c": spec(2, dtype="int32"),
    }
    report, _ = match(model, found)
    assert report.matched == ("params/a",)
    assert [one.name for one in report.mismatched] == ["params/b", "params/c"]


def test_the_first_word_may_be_missing_where_that_is_clear() -> None:
    short = {name.partition("/")[2]: array for name, array in MODEL.items()}
    report, names = match(MODEL, short)
    assert report.complete
    assert names["state/bn/mean"] == "bn/mean"
    double = {"params/a": spec(1), "state/a": spec(1)}
    assert match(double, {"a": spec(1)})[0].missing == ("params/a", "state/a")
    within = {"params/state/a": spec(1), "state/a": spec(1)}
    assert match(within, {"state/a": spec(1)})[1] == {"state/a": "state/a"}


def test_names_are_read_as_others() -> None:
    found = {"net/bb/w": spec(1), "net/head/w": spec(2), "bias": spec(3)}
    model = {"params/encoder/w": spec(1), "params/top/w": spec(2), "params/bias": spec(3)}
    report, names = match(model, found, {"net/bb": "encoder", "net": "", "net/head/": "top"})
    assert report.complete
    assert names["params/encoder/w"] == "net/bb/w"
    inner = {"params/cnn/w": spec(1)}
    assert match(inner, {"w": spec(1)}, {"": "cnn"})[0].complete
    assert match(inner, {"params/w": spec(1)}, {"params": "params/cnn"})[0].complete
    assert not match(inner, {"weight": spec(1)}, {"": "cnn"})[0].complete


@pytest.mark.parametrize(
    ("rename", "error", "message"),
    [
        (
            "encoder",
            TypeError,
            "`rename`: expected a dict from beginnings of the file's names to what to read in "
            "their place, got 'encoder' (str). Write rename={'backbone': 'encoder'}.",
        ),
        ({"a": 3}, TypeError, "`rename`: expected strings, got 'a' (str): 3 (int)."),
        (
            {"parms/dense": "x"},
            ValueError,
            "`rename`: expected beginnings of names in the file, and none begins with "
            "'parms/dense'. Did you mean 'params/dense'?",
        ),
        (
            {"params/dense/bias": "state/count"},
            ValueError,
            "`rename`: expected names that differ, but 'params/dense/bias' and 'state/count' are "
            "both read as 'state/count'.",
        ),
    ],
)
def test_a_wrong_rename_is_refused(rename: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        match(MODEL, MODEL, rename)
    assert str(caught.value) == message
