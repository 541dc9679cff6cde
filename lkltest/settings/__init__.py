"""The settings of a run: from options, the environment, pytest's settings, a project's file, or defaults."""

from lkltest.settings.model import Settings, count, ini_name, memory, options_of, path, seconds, switch, words

__all__ = ["Settings", "count", "ini_name", "memory", "options_of", "path", "seconds", "switch", "words"]
