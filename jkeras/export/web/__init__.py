"""A web page that runs a model: a folder for any static server, or one page of our server."""

from jkeras.export.web.page import page
from jkeras.export.web.writing import write

__all__ = ["page", "write"]
