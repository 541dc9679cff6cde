"""Disk images: made from recipes, judged by the host, cut short by power failures."""

from lkltest.image.make import Image, Place, adopt, make
from lkltest.image.recipe import Recipe, load, shipped
from lkltest.image.tools import MissingTool

__all__ = ["Image", "MissingTool", "Place", "Recipe", "adopt", "load", "make", "shipped"]
