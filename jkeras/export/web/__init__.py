"""A web page that runs a model: a folder for any static server, or one page of our server."""

from jkeras.export.web.page import page

__all__ = ["page"]
