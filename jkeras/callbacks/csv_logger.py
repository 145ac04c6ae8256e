"""The logs of every epoch in a CSV file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.core.folders import atomic_write


class CSVLogger(Callback):
    """Writes one line an epoch, and flushes the file at the end of each epoch.

    The columns are `epoch`, from 0, and the names of the first epoch's logs, sorted. Names that
    begin with `val_` and first appear in a later epoch get columns then; other new names have
    none. A missing value is written as `NA`.

    Args:
      filename: the file; a missing folder is created.
      separator: one character between columns.
      append: whether to append to an existing file, without a second header.

    Raises:
      TypeError: `filename` is not a path.
      ValueError: `separator` is not one character.

    Source: `keras.callbacks.CSVLogger`; the bytes are the same, but that Keras also writes `val_`
    columns of `NA` where nothing is validated.
    """

    writes_files = True

    @named_arguments
    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if not isinstance(filename, str | os.PathLike):
            raise WrongTypeError(
                f"CSVLogger: `filename`: expected a path such as 'log.csv', got "
                f"{describe(filename)}."
            )
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(
                f"CSVLogger: `separator`: expected one character, got {describe(separator)}."
            )
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a" if self.append else "w").close()
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        rows: list[dict[str, Any]] = []
        if self.keys is None:
            header = next(iter(self._lines()), [])
            self.keys = header[1:] or sorted(logs)
            if not header:
                rows.append({name: name for name in ("epoch", *self.keys)})
        new = sorted(name for name in logs if name.startswith("val_") and name not in self.keys)
        if new:
            self._add_columns(new)
        row: dict[str, Any] = {"epoch": epoch}
        for name in self.keys:
            value: Any = logs.get(name, "NA")
            is_list = isinstance(value, Iterable) and not isinstance(value, str)
            row[name] = f'"[{", ".join(map(str, value))}]"' if is_list else value
        rows.append(row)
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, ["epoch", *self.keys], delimiter=self.sep).writerows(rows)

    def _add_columns(self, names: list[str]) -> None:
        """Rewrites the file with further columns that are `NA` in the earlier lines."""
        assert self.keys is not None
        self.keys += names
        text = io.StringIO(newline="")
        parts = [
            line + (["NA"] * len(names) if i else names) for i, line in enumerate(self._lines())
        ]
        csv.writer(text, delimiter=self.sep).writerows(parts)
        atomic_write(self.filename, lambda file: file.write(text.getvalue().encode()))

    def _lines(self) -> list[list[str]]:
        """The cells of the file."""
        with open(self.filename, newline="", encoding="utf-8") as file:
            return list(csv.reader(file, delimiter=self.sep))

    def get_state(self) -> dict[str, Any]:
        """The columns and the text of the file; a continued run restores these lines."""
        path = Path(self.filename)
        with path.open(newline="", encoding="utf-8") as file:
            return {"keys": self.keys, "text": file.read()}

    def set_state(self, state: dict[str, Any]) -> None:
        self.keys = state["keys"]
        atomic_write(self.filename, lambda file: file.write(state["text"].encode()))
