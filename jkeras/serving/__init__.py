"""A model behind HTTP: TensorFlow Serving's JSON form, on Starlette and uvicorn.

    python -m jkeras serve digits.keras           # or an exported file: digits.onnx
    curl localhost:8501/v1/models/digits:predict -d '{"instances": [[0.1, 0.2]]}'

`serve` runs a server until it is told to stop; `application` is the ASGI application for one of
your own. Laws: no code of a file or a request runs; whatever a client sends is answered, in a
bounded time and in bounded memory; what arrives together runs together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core.absent import answering as _answering
from jkeras.serving.options import Options
from jkeras.serving.servable import Servable, load_servable

__all__ = ["Options", "Servable", "application", "load_servable", "serve"]


def application(models: Mapping[str, Any], options: Options | None = None) -> Any:
    """An ASGI application that answers for some models.

    Args:
      models: by name: a trainer, a path of a file, or a `Servable`.
      options: the bounds of the server.

    Raises:
      ImportError: Starlette is missing.
      TypeError, ValueError: a model cannot be served; the message says why.
    """
    from jkeras.serving.library import needs

    needs("starlette")
    from jkeras.serving.http import application as made

    return made(
        {name: load_servable(model, name) for name, model in models.items()}, options or Options()
    )


def serve(
    models: Mapping[str, Any],
    host: str = "127.0.0.1",
    port: int = 8501,
    options: Options | None = None,
) -> None:
    """Serves models until the process gets SIGINT or SIGTERM; requests under way are answered.

    Args:
      models: by name: a trainer, a path of a file, or a `Servable`.
      host: the address to listen on; "0.0.0.0" for all of the machine's.
      port: the port; 0 for any free one.
      options: the bounds of the server.

    Raises:
      ImportError: Starlette or uvicorn is missing.
      OSError: the port is taken.
      TypeError, ValueError: a model cannot be served; the message says why.
    """
    from jkeras.serving.library import needs

    needs("starlette", "uvicorn")
    from jkeras.serving.server import run

    run(application(models, options), host, port, options or Options(), list(models))


__getattr__ = _answering(__name__)
