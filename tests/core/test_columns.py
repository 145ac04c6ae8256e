"""Tables and columns of pandas and Arrow, and plain lists, as arrays of numbers."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jkeras.core import columns
from jkeras.data import checks

FRAME = pd.DataFrame({"a": [0.5, 1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0, 4.0]})
WORDS = list("xyzx")
NULLABLE = pd.DataFrame(
    {
        "a": pd.array([1, 2, 3, 4], dtype="Int64"),
        "b": pd.array([True, False, True, False], dtype="boolean"),
        "c": pd.array([0.5, 1.5, 2.5, 3.5], dtype="Float64"),
    }
)
WITH_GAP = NULLABLE.assign(b=pd.array([True, False, None, False], dtype="boolean"))
NUMBERS = [[1.0, 1.0, 0.5], [2.0, 0.0, 1.5], [3.0, 1.0, 2.5], [4.0, 0.0, 3.5]]


class Column(Sequence[Any]):
    """Like a column of a Hugging Face data set: indexed and counted, and no array."""

    def __init__(self, items: Any) -> None:
        self.items = list(items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]


def dummies(**options: bool) -> pd.DataFrame:
    return pd.get_dummies(FRAME.assign(c=WORDS), **options)


ARRAYS: dict[str, tuple[Any, str, Any]] = {
    "floats": (FRAME, "float64", FRAME.to_numpy()),
    "flags_beside_floats": (dummies(), "float64", np.c_[FRAME.to_numpy(), np.eye(3)[[0, 1, 2, 0]]]),
    "sparse_flags": (
        dummies(sparse=True),
        "float64",
        np.c_[FRAME.to_numpy(), np.eye(3)[[0, 1, 2, 0]]],
    ),
    "flags": (pd.get_dummies(WORDS), "bool", np.eye(3, dtype=bool)[[0, 1, 2, 0]]),
    "flags_beside_ids": (
        pd.DataFrame({"i": [1, 2], "t": [True, False]}),
        "int64",
        [[1, 1], [2, 0]],
    ),
    "half_beside_flags": (
        FRAME[["a"]].astype("float16").assign(t=True),
        "float16",
        [[0.5, 1], [1, 1], [2, 1], [3, 1]],
    ),
    "one_row": (dummies().iloc[[1]], "float64", [[1, 2, 0, 1, 0]]),
    "a_row_as_a_series": (dummies().iloc[1], "float64", [1, 2, 0, 1, 0]),
    "a_name_twice": (pd.concat([FRAME.a, FRAME.a > 1], axis=1)[1:3], "float64", [[1, 0], [2, 1]]),
    "nullable": (NULLABLE, "float64", NUMBERS),
    "nullable_ids": (NULLABLE.a, "int64", [1, 2, 3, 4]),
    "nullable_flags": (NULLABLE.b, "bool", [True, False, True, False]),
    "arrow_columns": (NULLABLE.convert_dtypes(dtype_backend="pyarrow"), "float64", NUMBERS),
    "arrow_table": (pa.table({"a": [1, 2], "b": [0.5, 1.5]}), "float64", [[1, 0.5], [2, 1.5]]),
    "polars": (
        pl.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]}),
        "float64",
        [[1, 0.5, 1], [2, 1.5, 0]],
    ),
    "polars_ids": (pl.Series([3, 1]), "int64", [3, 1]),
    "polars_flags": (pl.Series([True, False]), "bool", [True, False]),
    "polars_rows": (pl.Series([[1.0, 2.0], [3.0, 4.0]]), "float64", [[1, 2], [3, 4]]),
    "arrow_flags": (pa.array([True, False]), "bool", [True, False]),
    "arrow_chunks": (pa.chunked_array([[1.5], [2.5]]), "float64", [1.5, 2.5]),
    "categories_of_numbers": (pd.Series([3, 1], dtype="category"), "int64", [3, 1]),
    "objects": (dummies().astype(object).iloc[[1]], "float64", [[1, 2, 0, 1, 0]]),
    "rows_of_lists": (pd.Series([[1.0, 2.0], [3.0, 4.0]]), "float64", [[1, 2], [3, 4]]),
    "rows_of_arrays": (pd.Series([np.ones(2), np.zeros(2)]), "float64", [[1, 1], [0, 0]]),
    "lists": ([[1, 2], [3, 4]], "int64", [[1, 2], [3, 4]]),
    "tuples": ([(1, 2.5), (3, 4)], "float64", [[1, 2.5], [3, 4]]),
    "scalars": ([np.float32(1), np.float32(2)], "float32", [1, 2]),
    "indexed_lists": (Column([[1, 2], [3, 4]]), "int64", [[1, 2], [3, 4]]),
    "indexed_arrays": (Column([np.ones(2), np.zeros(2)]), "float64", [[1, 1], [0, 0]]),
    "indexed_numbers": (Column([1, 0]), "int64", [1, 0]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_values_stay_and_the_dtype_holds_all_columns(name: str) -> None:
    value, dtype, expected = ARRAYS[name]
    assert columns.is_table(value) or columns.is_column(value)
    array = columns.as_numpy("x", value)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    "value", [np.ones(2), [np.ones(2), np.ones(2)], [FRAME, FRAME], [], [[]], "ab", {"a": 1}, None]
)
def test_arrays_and_structures_of_them_are_no_columns(value: object) -> None:
    assert not columns.is_table(value) and not columns.is_column(value)


def test_a_frame_of_one_dtype_is_not_copied() -> None:
    frame = pd.DataFrame(np.ones((3, 2), "float32"))
    assert np.shares_memory(columns.as_numpy("x", frame), frame.to_numpy())


ENCODE = "Encode the classes: x = pd.get_dummies(x, columns=['c'])."
SECONDS = "Count seconds: (x['c'] - x['c'].min()) / np.timedelta64(1, 's')."
IDS = "Encode the classes: np.unique(x, return_inverse=True)[1]."
PAD = "The lists have several lengths: jkeras.utils.pad_sequences(x)."


def with_c(values: Any) -> pd.DataFrame:
    return FRAME.assign(c=values)


@pytest.mark.parametrize(
    ("value", "name", "got", "fix"),
    [
        (with_c(WORDS), "x['c']", "shape (4,) and dtype object, with 'x'", ENCODE),
        (
            with_c(pd.Categorical(WORDS)),
            "x['c']",
            "shape (4,) and dtype object, with 'x'",
            ENCODE,
        ),
        (
            with_c(["x", None, "y", "z"]),
            "x['c']",
            "shape (3,) and dtype object, with 'x'",
            ENCODE,
        ),
        (
            with_c([decimal.Decimal("1.5")] * 4),
            "x['c']",
            "shape (4,) and dtype object",
            "Encode or convert them first: x['c'].astype('float32').",
        ),
        (
            with_c(pd.date_range("2020", periods=4, unit="s")),
            "x['c']",
            "shape (4,) and dtype datetime64[s]",
            SECONDS,
        ),
        (
            with_c(pd.date_range("2020", periods=4, tz="UTC")),
            "x['c']",
            "shape (4,) and dtype object",
            SECONDS,
        ),
        (
            with_c(pd.to_timedelta(range(4), unit="s").astype("timedelta64[s]")),
            "x['c']",
            "shape (4,) and dtype timedelta64[s]",
            "Count seconds: x['c'] / np.timedelta64(1, 's').",
        ),
        (pd.Series(["yes", "no"]), "x", "shape (2,) and dtype object, with 'yes'", IDS),
        (pa.array(["yes", "no"]), "x", "shape (2,) and dtype object, with 'yes'", IDS),
        (["yes", "no"], "x", "shape (2,) and dtype <U3, with 'yes'", IDS),
        ([[1.0], [1.0, 2.0]], "x", "shape (2,) and dtype object", PAD),
        (pd.Series([[1.0], [1.0, 2.0]]), "x", "shape (2,) and dtype object", PAD),
    ],
    ids=[
        *("words", "categories", "words_with_gap", "decimals", "dates", "zoned_dates", "durations"),
        *("labels", "arrow_labels", "list_of_labels", "ragged", "ragged_series"),
    ],
)
def test_what_is_no_number_is_named_with_its_encoder(
    value: Any, name: str, got: str, fix: str
) -> None:
    with pytest.raises(TypeError) as caught:
        checks.as_arrays("x", value)
    assert str(caught.value) == f"`{name}`: expected numbers, got an array of {got}. {fix}"


ADVICE: dict[str, Callable[[], Any]] = {
    "dummies": lambda: pd.get_dummies(with_c(WORDS), columns=["c"]),
    "ids": lambda: np.unique(["yes", "no"], return_inverse=True)[1],
    "decimals": lambda: pd.Series([decimal.Decimal("1.5")]).astype("float32"),
    "dates": lambda: (lambda c: (c - c.min()) / np.timedelta64(1, "s"))(
        pd.Series(pd.date_range("2020", periods=4, tz="UTC"))
    ),
    "gap": lambda: WITH_GAP.assign(b=WITH_GAP["b"].fillna(False)),
}


@pytest.mark.parametrize("name", ADVICE)
def test_the_advice_helps(name: str) -> None:
    assert checks.as_arrays("x", ADVICE[name]()).dtype.kind in "bif"


@pytest.mark.parametrize(
    ("value", "place", "missing", "fix"),
    [
        (WITH_GAP, "x['b']", "1 missing of 4, the first at index 2", "x['b'].fillna(False)"),
        (WITH_GAP.b, "x", "1 missing of 4, the first at index 2", "x.fillna(False)"),
        (
            WITH_GAP.convert_dtypes(dtype_backend="pyarrow"),
            "x['b']",
            "1 missing of 4, the first at index 2",
            "x['b'].fillna(False)",
        ),
        (
            pa.table({"a": [1, None]}),
            "x['a']",
            "1 missing of 2, the first at index 1",
            "x['a'].fill_null(0)",
        ),
    ],
    ids=["frame", "series", "arrow_columns", "arrow_table"],
)
@pytest.mark.parametrize("finite", [True, False])
def test_gaps_are_named(value: Any, place: str, missing: str, fix: str, finite: bool) -> None:
    with pytest.raises(ValueError) as caught:
        checks.as_arrays("x", value, finite=finite)
    assert str(caught.value) == (
        f"`{place}`: expected numbers without gaps, got {missing}. Fill them: {fix}."
    )


def test_a_list_with_none_has_a_gap() -> None:
    with pytest.raises(ValueError) as caught:
        checks.as_targets([1.0, None])
    assert str(caught.value) == (
        "`y`: expected numbers without gaps, got 1 missing of 2, the first at index 1. Fill them, "
        "or leave these examples out."
    )


def test_the_column_with_nan_is_named_unless_nan_may_be_there() -> None:
    frame = FRAME.assign(c=[True] * 4, b=[1.0, np.nan, 2.0, 3.0])
    with pytest.raises(ValueError) as caught:
        checks.as_arrays("x", frame)
    assert str(caught.value) == (
        "`x['b']`: expected finite numbers, got NaN in 1 of 4 examples, the first at index 1. "
        "Drop or fill them: np.nan_to_num(x['b'])."
    )
    assert np.isnan(checks.as_arrays("x", frame, finite=False)).sum() == 1


def test_a_series_as_input_has_one_feature() -> None:
    assert checks.as_arrays("x", FRAME.a, are_inputs=True).shape == (4, 1)
    assert checks.as_arrays("x", dict(FRAME), are_inputs=True)["b"].shape == (4, 1)
    assert checks.as_targets(FRAME.a).shape == checks.as_weights(NULLABLE.a).shape == (4,)


POLARS = pl.DataFrame({"a": [1.0, 2.0], "c": ["x", "y"]})
DAYS = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]


@pytest.mark.parametrize(
    ("value", "advice", "use"),
    [
        (POLARS, "x = x.to_dummies(['c'])", lambda: POLARS.to_dummies(["c"])),
        (
            POLARS.with_columns(c=pl.col("c").cast(pl.Categorical)),
            "x = x.to_dummies(['c'])",
            lambda: POLARS.to_dummies(["c"]),
        ),
        (
            POLARS.with_columns(c=pl.Series(DAYS)),
            "(x['c'] - x['c'].min()).dt.total_seconds()",
            lambda: (pl.Series(DAYS) - pl.Series(DAYS).min()).dt.total_seconds(),
        ),
        (
            POLARS.with_columns(c=pl.Series(DAYS) - pl.Series(DAYS).min()),
            "x['c'].dt.total_seconds()",
            lambda: (pl.Series(DAYS) - pl.Series(DAYS).min()).dt.total_seconds(),
        ),
        (
            pa.table({"c": ["x", "y"]}),
            "x = pd.get_dummies(x.to_pandas(), columns=['c'])",
            lambda: pd.get_dummies(pa.table({"c": ["x", "y"]}).to_pandas(), columns=["c"]),
        ),
        (
            with_c(pd.cut(FRAME.a, 2)),
            "x['c'].cat.codes",
            lambda: pd.cut(FRAME.a, 2).cat.codes,
        ),
        (
            with_c(pd.period_range("2024", periods=4)),
            "x['c'].astype('int64')",
            lambda: pd.Series(pd.period_range("2024", periods=4)).astype("int64"),
        ),
    ],
    ids=["words", "categories", "days", "spans", "arrow_words", "intervals", "periods"],
)
def test_the_advice_is_in_the_words_of_the_library(
    value: Any, advice: str, use: Callable[[], Any]
) -> None:
    with pytest.raises(TypeError) as caught:
        checks.as_arrays("x", value)
    assert str(caught.value).startswith("`x['c']`: expected numbers, got an array of ")
    assert str(caught.value).endswith(f": {advice}.")
    assert checks.as_arrays("x", use()).dtype.kind in "bif"


def test_the_plan_of_a_table_is_no_table() -> None:
    lazy = POLARS.lazy()
    assert columns.is_lazy(lazy) and not columns.is_table(lazy)
    with pytest.raises(TypeError) as caught:
        checks.as_targets(lazy)
    assert str(caught.value) == "`y`: expected an array, got a LazyFrame. Write y.collect()."


GAPS: dict[str, tuple[Any, Any, str]] = {
    "pandas": (
        FRAME,
        pd.Series([0, 1, None, 0], dtype="Int64"),
        "y.notna(); x, y = x[keep], y[keep]",
    ),
    "polars": (
        pl.DataFrame(FRAME.to_dict("list")),
        pl.Series([0, 1, None, 0]),
        "y.is_not_null(); x, y = x.filter(keep), y.filter(keep)",
    ),
    "arrow": (
        pa.Table.from_pandas(FRAME),
        pa.chunked_array([[0, 1, None, 0]]),
        "y.is_valid(); x, y = x.filter(keep), y.filter(keep)",
    ),
}


@pytest.mark.parametrize("library", GAPS)
def test_examples_without_a_target_are_left_out(library: str) -> None:
    x, y, advice = GAPS[library]
    with pytest.raises(ValueError) as caught:
        checks.as_targets(y)
    assert str(caught.value) == (
        "`y`: expected numbers without gaps, got 1 missing of 4, the first at index 2. Leave these "
        f"examples out: keep = {advice}."
    )
    names = {"x": x, "y": y}
    exec(f"keep = {advice}", names)
    assert checks.as_arrays("x", names["x"]).tolist() == [[0.5, 1], [1, 2], [3, 4]]
    assert checks.as_targets(names["y"]).tolist() == [0, 1, 0]


TIMES = [datetime.time(1, 30), datetime.time(0, 0, 2)]


def test_times_of_day_are_counted_in_seconds() -> None:
    for x, told in (
        (pd.DataFrame({"c": TIMES}), "pd.to_timedelta(x['c'].astype(str)).dt.total_seconds()"),
        (pl.DataFrame({"c": TIMES}), "x['c'].cast(pl.Int64) / 1e9"),
    ):
        with pytest.raises(TypeError) as caught:
            checks.as_arrays("x", x)
        assert str(caught.value).endswith(f" Count seconds: {told}.")
        assert checks.as_arrays("x", eval(told)).tolist() == [5400, 2]


def test_a_table_has_columns() -> None:
    for table in (FRAME[[]], pl.DataFrame()):
        with pytest.raises(ValueError) as caught:
            checks.as_arrays("x", table)
        assert str(caught.value) == "`x`: expected a table with columns, got one without any."
