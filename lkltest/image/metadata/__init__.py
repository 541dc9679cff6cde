"""The metadata of file systems on images: its blocks and fields, mutations of them, and checksums put right."""

from lkltest.image.metadata.difference import Difference
from lkltest.image.metadata.difference import parse as parse_difference
from lkltest.image.metadata.formats import FORMATS, Metadata, read
from lkltest.image.metadata.model import Block, Field, Seal, unsealed
from lkltest.image.metadata.mutate import mutate, strew
from lkltest.image.metadata.overlay import Base, Overlay

__all__ = [
    "FORMATS", "Base", "Block", "Difference", "Field", "Metadata", "Overlay", "Seal", "mutate", "parse_difference",
    "read", "strew", "unsealed",
]  # fmt: skip
