"""The settings as pytest has them: options, variables and ini settings, a fixture."""

from __future__ import annotations

from dataclasses import Field
from typing import Any

import pytest

from lkltest.plugin.session import settings_of
from lkltest.settings import Settings, ini_name, model, options_of

SUITE = """
from lkltest import Program

@Program("one.c")
def one(kernel, lkltest_settings):
    return [f"memory={lkltest_settings.mem}"]
"""


def test_a_programs_function_may_take_the_settings(pytester: pytest.Pytester) -> None:
    """The run takes them anyway: taking them twice is no error of collecting."""
    (pytester.path / "one.c").write_text("LKLTEST_POINTS = {\n\tLKLTEST(point),\n};\n")
    pytester.makepyfile(SUITE)
    result = pytester.runpytest("--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    assert any("::one::point" in line for line in result.outlines)


SAMPLES = {  # a text for each way in which one is read, which is no default
    model.path: "/some/where", model.count: "7", model.seconds: "7", model.memory: "33M", model.words: "one two",
    model.switch: "1", model.bound: "77", model.fpstate: "none", str: "word",
}  # fmt: skip


def sample(item: Field[Any]) -> str:
    """A value of a setting, as text."""
    return SAMPLES[item.metadata["parse"]]


def given(item: Field[Any]) -> str:
    """The setting as a word of the command line."""
    return item.metadata["option"] if item.type == "bool" else f"{item.metadata['option']}={sample(item)}"


@pytest.mark.filterwarnings("ignore::pytest.PytestAssertRewriteWarning")
def test_all_settings_are_options_variables_and_ini_settings(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each setting has the same value whether an option, a variable or pytest's ini file gives it."""
    items = options_of(Settings)
    options = settings_of(pytester.parseconfig(*map(given, items)))
    lines = [f"{ini_name(item.metadata['option'])} = {sample(item)}" for item in items]
    pytester.makeini("\n".join(["[pytest]", *lines]))
    ini = settings_of(pytester.parseconfig())
    pytester.makeini("[pytest]\n")
    for item in items:
        monkeypatch.setenv(f"LKLTEST_{item.name.upper()}", sample(item))
    variables = settings_of(pytester.parseconfig())
    assert options == ini == variables
    assert [item.name for item in items if getattr(options, item.name) == item.default] == []


def test_all_options_are_settings(pytester: pytest.Pytester) -> None:
    """Each option of ours is a setting, but the one that names tests, as a path of tests does."""
    groups = pytester.parseconfig()._parser._groups
    (ours,) = [group for group in groups if group.name == "lkltest"]
    names = {name for option in ours.options for name in option.names()}
    assert names - {item.metadata["option"] for item in options_of(Settings)} == {"--tap-program"}


@pytest.mark.parametrize("item", options_of(Settings), ids=lambda item: item.name)
def test_variables_are_named_as_their_options(item: Field[Any]) -> None:
    """A variable is LKLTEST_ and the words of the option, so that who knows one knows the other."""
    assert ini_name(item.metadata["option"]).removeprefix("lkl_") == item.name
