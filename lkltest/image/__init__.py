"""Disk images: made from recipes, checked by the host."""

from lkltest.image.make import Image, Place, make
from lkltest.image.recipe import Recipe
from lkltest.image.recipefile import load, shipped
from lkltest.image.scratch import directory as scratch_directory
from lkltest.image.tools import MissingTool
from lkltest.image.tools import run as run_tool
from lkltest.image.tools import said as output_of
from lkltest.image.tree import write_tree
from lkltest.image.user_image import copy_user_image

__all__ = [
    "Image", "MissingTool", "Place", "Recipe", "copy_user_image", "load", "make", "output_of", "run_tool",
    "scratch_directory", "shipped", "write_tree",
]  # fmt: skip
