"""Disk images: made from recipes, judged by the host, cut short by power failures."""

from lkltest.image import scratch, tools
from lkltest.image.make import Image, Place, make
from lkltest.image.recipe import Recipe
from lkltest.image.recipefile import load, shipped
from lkltest.image.tools import MissingTool
from lkltest.image.user_image import copy_user_image

__all__ = ["Image", "MissingTool", "Place", "Recipe", "copy_user_image", "load", "make", "scratch", "shipped", "tools"]
