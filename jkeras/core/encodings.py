"""The line of code that makes numbers of a column without numbers, in the words of its library."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np

CLASS_IDS = "np.unique({}, return_inverse=True)[1]"


def encoding_of(name: str, first: object, *, table: str = "", column: object = None) -> str:
    """What to do with a column, in sentences.

    Args:
      name: the column, as its user writes it.
      first: its first value that is there.
      table: its table, as its user writes it; empty for a column alone.
      column: the column itself, which tells the library.

    Example:
      >>> encoding_of("x['c']", "red", table="x")
      "Encode the classes: x = pd.get_dummies(x, columns=['c'])."
    """
    library = type(column).__module__.partition(".")[0]
    if isinstance(first, str | bytes) and not is_decimal(first):
        if not table and name.partition("[")[0] == "x" and str(first).strip().count(" "):
            return (
                "Make ids of the words, a list for each text, and pad the lists: "
                "jkeras.utils.pad_sequences(ids)."
            )
        return _classes(name, table, library)
    kind = type(first).__name__
    if kind == "Interval":  # of pandas.cut
        return f"Number the intervals: {name}.cat.codes."
    if kind == "Period":
        return f"Number the periods: {name}.astype('int64')."
    at_hand = f"{name}.to_pandas()" if library == "pyarrow" else name
    if isinstance(first, np.datetime64 | datetime.date):
        if library == "polars":
            return f"Count seconds: ({name} - {name}.min()).dt.total_seconds()."
        return f"Count seconds: ({at_hand} - {at_hand}.min()) / np.timedelta64(1, 's')."
    if isinstance(first, np.timedelta64 | datetime.timedelta):
        if library == "polars":
            return f"Count seconds: {name}.dt.total_seconds()."
        return f"Count seconds: {at_hand} / np.timedelta64(1, 's')."
    if isinstance(first, datetime.time):
        if library == "polars":
            return f"Count seconds: {name}.cast(pl.Int64) / 1e9."
        return f"Count seconds: pd.to_timedelta({at_hand}.astype(str)).dt.total_seconds()."
    if isinstance(first, Sequence | np.ndarray) and not isinstance(first, str | bytes):
        return f"The lists have several lengths: jkeras.utils.pad_sequences({name})."
    casts = {"polars": "cast(pl.Float32)", "pyarrow": "cast('float32')"}
    call = casts.get(library, "astype('float32')")
    return f"Encode or convert them first: {name}.{call}."


def without_gaps(targets: object) -> str:
    """What to do with examples whose target is missing, in a sentence.

    Args:
      targets: the targets, as pandas, polars or Arrow has them.
    """
    if hasattr(targets, "notna"):
        return "Leave these examples out: keep = y.notna(); x, y = x[keep], y[keep]."
    there = "is_not_null" if hasattr(targets, "is_not_null") else "is_valid"
    return f"Leave these examples out: keep = y.{there}(); x, y = x.filter(keep), y.filter(keep)."


def is_decimal(word: str | bytes) -> bool:
    """Whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _classes(name: str, table: str, library: str) -> str:
    if not table:
        fix = f"Encode the classes: {CLASS_IDS.format(name)}."
        if name.partition("[")[0] != "y":
            return fix
        return f"{fix} The premade jkeras.estimators.DNNClassifier takes labels as they are."
    key = name[len(table) + 1 : -1]
    if library == "polars":
        return f"Encode the classes: {table} = {table}.to_dummies([{key}])."
    whole = f"{table}.to_pandas()" if library == "pyarrow" else table
    return f"Encode the classes: {table} = pd.get_dummies({whole}, columns=[{key}])."
