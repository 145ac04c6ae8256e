"""The ASGI application: the paths of TensorFlow Serving, health, and a page to try a model.

Every answer to a fault is JSON, `{"error": "…"}`, under a status of its own: 400 what the model
does not take, 404 and 405 another path or method, 408 a body that comes too slowly, 413 one that is
too large, 500 a fault of the model, 503 a full queue, 504 a model that takes too long.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from jkeras.core.errors import nearest
from jkeras.export import TensorSpec
from jkeras.export.web import page
from jkeras.serving.batching import Batcher, OverloadedError
from jkeras.serving.json_form import SIGNATURE, RequestError, read_request, written_answer
from jkeras.serving.options import Options
from jkeras.serving.servable import Servable

VERSION = "1"
BIG = 64 * 1024
"""Bytes of a body above which it is read in a thread, so that other requests go on."""

_TYPES = {
    "float32": "DT_FLOAT", "float64": "DT_DOUBLE", "float16": "DT_HALF", "bfloat16": "DT_BFLOAT16",
    "bool": "DT_BOOL", "str": "DT_STRING",
}  # fmt: skip

_log = logging.getLogger("jkeras.serving")


def application(models: Mapping[str, Servable], options: Options) -> Starlette:
    """The application for some models, each with a queue."""
    return _Server(models, options).application()


class _Server:
    """The models with their queues, and what is answered under each path."""

    def __init__(self, models: Mapping[str, Servable], options: Options) -> None:
        self._models, self._options = models, options
        self._batchers = {name: Batcher(model, options) for name, model in models.items()}
        self._pages: dict[str, str] = {}
        self.bytes = 0  # of the bodies under way

    def application(self) -> Starlette:
        one, version = "/v1/models/{name}", "/versions/{version:int}"
        routes = [
            Route("/", self._home),
            Route("/healthz", self._ready),
            Route("/healthz/ready", self._ready),
            Route("/healthz/live", self._live),
            Route("/models/{name}", self._page),
            Route("/v1/models", self._list),
        ]
        for path in (one + version, one):
            routes += [
                Route(path + ":predict", self._predict, methods=["POST"]),
                Route(path + "/metadata", self._metadata),
                Route(path, self._status),
            ]
        handlers: Any = {HTTPException: _refused, Exception: _failed}
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        for batcher in self._batchers.values():
            batcher.start()
        yield
        for batcher in self._batchers.values():
            await batcher.stop()

    def _model(self, request: Request) -> Servable:
        name, version = request.path_params["name"], request.path_params.get("version", 1)
        if name.endswith(":predict"):  # the path of predictions, by another method
            raise HTTPException(405, headers={"Allow": "POST"})
        if name not in self._models:
            hint = nearest(name, list(self._models))
            raise HTTPException(404, f"there is no model {name!r}.{hint}")
        if version != int(VERSION):
            raise HTTPException(404, f"model {name!r} has the version {VERSION} alone.")
        return self._models[name]

    # -- predictions

    async def _predict(self, request: Request) -> Response:
        model, taken = self._model(request), _Bytes(self)
        try:
            return await self._answered(model, await self._body(request, taken))
        finally:
            self.bytes -= taken.count

    async def _answered(self, model: Servable, body: bytes) -> Response:
        try:
            form, arrays = await _maybe_in_thread(len(body), read_request, body, model)
            outputs = await self._batchers[model.name].predict(arrays)
        except RequestError as error:
            raise HTTPException(400, str(error)) from None
        except OverloadedError as error:
            raise HTTPException(503, str(error), {"Retry-After": "1"}) from None
        except TimeoutError:
            limit = self._options.predict_timeout
            raise HTTPException(504, f"{model.who}: no answer in {limit:g} seconds.") from None
        except (TypeError, ValueError) as error:
            raise HTTPException(400, f"{model.who}: {error}") from None
        try:
            size = 10 * sum(output.size for output in outputs)
            content = await _maybe_in_thread(size, written_answer, form, outputs, model.outputs)
        except ValueError as error:
            raise HTTPException(500, str(error)) from None
        return Response(content, media_type="application/json")

    async def _body(self, request: Request, taken: _Bytes) -> bytes:
        """The body of a request, bounded in size and time."""
        limit, seconds = self._options.max_body, self._options.body_timeout
        too_large = HTTPException(
            413, f"the body: expected at most {limit} bytes, got more.", {"Connection": "close"}
        )
        claimed = request.headers.get("content-length", "")
        if claimed.isdecimal() and int(claimed) > limit:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                async for chunk in request.stream():
                    body += chunk
                    taken.add(len(chunk), self._options.max_bodies)
                    if len(body) > limit:
                        raise too_large
        except TimeoutError:
            text = f"the body: expected within {seconds:g} seconds."
            raise HTTPException(408, text, {"Connection": "close"}) from None
        except ClientDisconnect:
            raise HTTPException(400, "the body: the client went away.") from None
        return bytes(body)

    # -- what is there

    async def _list(self, request: Request) -> Response:
        del request
        return JSONResponse({"models": list(self._models)})

    async def _status(self, request: Request) -> Response:
        model = self._model(request)
        state = "AVAILABLE" if model.ready else "LOADING"
        status = {"error_code": "OK", "error_message": ""}
        entry = {"version": VERSION, "state": state, "status": status}
        return JSONResponse({"model_version_status": [entry]})

    async def _metadata(self, request: Request) -> Response:
        model = self._model(request)
        signature = {
            "inputs": {spec.name: _tensor(spec) for spec in model.inputs},
            "outputs": {spec.name: _tensor(spec) for spec in model.outputs},
            "method_name": "tensorflow/serving/predict",
        }
        spec = {"name": model.name, "signature_name": "", "version": VERSION}
        signatures = {"signature_def": {SIGNATURE: signature}}
        return JSONResponse({"model_spec": spec, "metadata": {"signature_def": signatures}})

    async def _live(self, request: Request) -> Response:
        del request
        return JSONResponse({"status": "live"})

    async def _ready(self, request: Request) -> Response:
        del request
        waiting = [name for name, model in self._models.items() if not model.ready]
        if waiting:
            content = {"status": "loading", "models": waiting}
            return JSONResponse(content, 503, {"Retry-After": "1"})
        return JSONResponse({"status": "ready"})

    # -- pages

    async def _home(self, request: Request) -> Response:
        if len(self._models) == 1:
            return HTMLResponse(await self._page_of(next(iter(self._models.values()))))
        del request
        names = (html.escape(name, quote=True) for name in self._models)
        links = "".join(f'<li><a href="/models/{name}">{name}</a></li>' for name in names)
        return HTMLResponse(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Models</title>'
            f"<h1>Models</h1><ul>{links}</ul></html>"
        )

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(await self._page_of(self._model(request)))

    async def _page_of(self, model: Servable) -> str:
        if model.name not in self._pages:
            made = await asyncio.to_thread(_made_page, model)
            self._pages[model.name] = made
        return self._pages[model.name]


class _Bytes:
    """What a request holds of the memory that bodies may take."""

    def __init__(self, server: _Server) -> None:
        self._server, self.count = server, 0

    def add(self, count: int, limit: int) -> None:
        """Notes more bytes.

        Raises:
          HTTPException: there are too many of all requests.
        """
        self.count += count
        self._server.bytes += count
        if self._server.bytes > limit:
            headers = {"Retry-After": "1", "Connection": "close"}
            raise HTTPException(503, "too many large requests. Try again later.", headers)


def _made_page(model: Servable) -> str:
    """The page of a model; for one that no page can feed a text that says so."""
    endpoint = f"/v1/models/{model.name}:predict"
    try:
        return page(model.inference, backend="server", endpoint=endpoint)
    except (TypeError, ValueError) as error:
        name, why = html.escape(model.name), html.escape(str(error))
        return f'<!doctype html><html lang="en"><title>{name}</title><h1>{name}</h1><p>{why}</html>'


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    sizes = [{"size": str(n if isinstance(n, int) else -1), "name": ""} for n in spec.shape]
    kind = _TYPES.get(spec.dtype, f"DT_{spec.dtype.upper()}")
    shape = {"dim": sizes, "unknown_rank": False}
    return {"dtype": kind, "tensor_shape": shape, "name": spec.name}


async def _maybe_in_thread(size: int, function: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.to_thread(function, *args) if size > BIG else function(*args)


async def _refused(request: Request, error: HTTPException) -> Response:
    text = error.detail
    if error.status_code == 405:
        text = f"{request.method} is not what {request.url.path!r} takes."
    elif error.status_code == 404 and text == "Not Found":
        text = f"there is nothing at {request.url.path!r}. The models: /v1/models."
    return JSONResponse({"error": text}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return JSONResponse({"error": f"the model failed: {type(error).__name__}."}, 500)


def error_body(text: str) -> bytes:
    """An error as JSON, for what is refused before it is a request."""
    return json.dumps({"error": text}).encode()
