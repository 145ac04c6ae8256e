"""`Config`: named values that can be read as attributes, frozen, and written as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from jkeras.core.errors import nearest


class Config(MutableMapping[str, Any]):
    """A dict whose values are attributes, too.

    Args:
      **kwargs: the first values.

    Example:
      >>> config = Config(rate=0.1)
      >>> config.epochs = 3
      >>> config["epochs"], config.to_json()
      (3, '{"rate": 0.1, "epochs": 3}')
      >>> config.freeze()
      >>> config.rate = 1.0
      Traceback (most recent call last):
      ValueError: Config: it is frozen. Call unfreeze() before a change.

    Source: `keras.utils.Config`.
    """

    _values: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        vars(self).update(_values=dict(kwargs), _frozen=False)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuses changes from now on."""
        vars(self)["_frozen"] = True

    def unfreeze(self) -> None:
        """Allows changes again."""
        vars(self)["_frozen"] = False

    def as_dict(self) -> dict[str, Any]:
        """A copy as a dict."""
        return dict(self._values)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._values)

    def _check(self) -> None:
        if self._frozen:
            raise ValueError("Config: it is frozen. Call unfreeze() before a change.")

    def __getattr__(self, name: str) -> Any:
        values = vars(self).get("_values", {})
        if name not in values:
            raise AttributeError(f"Config: no value {name!r}.{nearest(name, values)}")
        return values[name]

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._check()
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        self._check()
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"
