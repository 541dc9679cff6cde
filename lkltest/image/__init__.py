"""Disk images: made from recipes, judged by the host, cut short by power failures."""

from lkltest.image.adopt import adopt
from lkltest.image.make import Image, Place, make
from lkltest.image.recipe import Recipe
from lkltest.image.recipefile import load, shipped
from lkltest.image.tools import MissingTool

__all__ = ["Image", "MissingTool", "Place", "Recipe", "adopt", "load", "make", "shipped"]
