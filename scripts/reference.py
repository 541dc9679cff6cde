"""Write docs/reference/ from docstrings, settings, the command's parsers and the harness's comments.

`python scripts/reference.py` writes the pages; `--check` writes nothing, and ends with 1 where one is out of date.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.reference_text import WIDTH, bullet, page, wrapped

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"

Definition = ast.ClassDef | ast.FunctionDef

# Variables that are no settings: who reads them, and what they do.
VARIABLES = {
    "LKLTEST_COV_RAW": "internal: the directory in which an instrumented kernel's program notes what it reaches",
    "LKLTEST_KCOV": "internal: the file in which the init of a UML with KCOV notes what it reaches",
    "LKLTEST_NO_CRASH_HANDLER": "if set, a test program leaves fatal signals to a handler of its own",
    "LKLTEST_PDEATHSIG": "internal: `1` ends a program together with the process that started it",
    "LKLTEST_RESULTS": "internal: the terminal of a UML on which its init writes the results",
    "LKLTEST_VFIO_PCI": "a PCI disk bound to vfio-pci and its file system for `suites/tree`: `0000:00:03.0,ext4`",
}


class Undocumented(Exception):
    """A public name without a docstring or a comment."""


# Python's names


def source_of(module: str) -> Path:
    """The file of a module."""
    place = ROOT.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@functools.cache
def parsed(path: Path) -> ast.Module:
    """A source, read once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def exists(module: str) -> bool:
    """Whether there is a module of this name."""
    return source_of(module).is_file()


def defines(node: ast.AST, name: str) -> bool:
    """Whether a statement defines a name."""
    match node:
        case ast.ClassDef() | ast.FunctionDef():
            return node.name == name
        case ast.Assign(targets=targets):
            return any(isinstance(one, ast.Name) and one.id == name for target in targets for one in ast.walk(target))
        case ast.AnnAssign(target=ast.Name(id=found)):
            return found == name
    return False


def locate(module: str, name: str) -> tuple[str, ast.AST | None]:
    """The module that defines a name which `module` offers, and its definition; None where it is a module itself."""
    tree = parsed(source_of(module))
    for statement in tree.body:
        if defines(statement, name):
            return module, statement
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    if exists(f"{node.module}.{alias.name}"):
                        return f"{node.module}.{alias.name}", None
                    return locate(node.module, alias.name)
    raise Undocumented(f"{module} has no {name}")


def comment_of(module: str, node: ast.AST) -> str:
    """The comment at the end of a statement, or in the lines before it; empty where there is none."""
    lines = source_of(module).read_text(encoding="utf-8").splitlines()
    last = lines[getattr(node, "end_lineno", 1) - 1]
    if "  # " in last and not last.split("  # ")[-1].startswith(("noqa", "type:")):
        return last.split("  # ", 1)[1]
    above: list[str] = []
    for line in reversed(lines[: getattr(node, "lineno", 1) - 1]):
        if not line.strip().startswith("# "):
            break
        above.insert(0, line.strip()[2:])
    return " ".join(above)


def signature(node: ast.FunctionDef, name: str, method: bool) -> str:
    """A function as it is called, by the name under which it is public."""
    arguments = ast.unparse(node.args)
    if method:
        arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    whole = f"{name}({arguments}){returns}"
    if len(whole) <= WIDTH:
        return whole
    parts = re.split(r", (?=[*\w]+(?:: | ?=|,|$))", arguments)
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){returns}"])


def doc(node: Definition, name: str) -> str:
    """The docstring of a definition."""
    text = ast.get_docstring(node)
    if not text:
        raise Undocumented(f"{name} has no docstring")
    return text


def decorators(node: Definition) -> set[str]:
    """The decorators of a definition, by the last parts of their names."""
    calls = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return {ast.unparse(one).split(".")[-1] for one in calls}


def function(node: ast.FunctionDef, name: str, level: str, method: bool = False) -> str:
    """The entry of a function: heading, call, docstring."""
    call = signature(node, name.rpartition(".")[2], method)
    return f"{level} {name}()\n\n```python\n{call}\n```\n\n{doc(node, name)}"


def members(node: ast.ClassDef, name: str, module: str) -> Iterator[str]:
    """The fields of a class and its methods, as lists and entries."""
    fields = []
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and not ast.unparse(one.target).startswith("_"):
            text = ast.unparse(ast.AnnAssign(one.target, one.annotation, one.value, 1))
            fields.append(bullet(text, comment_of(module, one)))
        elif isinstance(one, ast.Assign) and not ast.unparse(one.targets[0]).startswith("_"):
            fields.append(bullet(ast.unparse(one), comment_of(module, one)))
        elif isinstance(one, ast.FunctionDef) and "property" in decorators(one) and not one.name.startswith("_"):
            returns = ast.unparse(one.returns) if one.returns else "object"
            fields.append(bullet(f"{one.name}: {returns}", doc(one, f"{name}.{one.name}")))
    if fields:
        yield "\n".join(fields)
    for one in node.body:
        plain = isinstance(one, ast.FunctionDef) and not one.name.startswith("_") and "property" not in decorators(one)
        if plain and isinstance(one, ast.FunctionDef):
            yield function(one, f"{name}.{one.name}", "####", method=True)


def entry(module: str, name: str) -> str:
    """The entry of a public name that is not a module."""
    home, node = locate(module, name)
    if isinstance(node, ast.FunctionDef):
        return function(node, name, "###")
    if isinstance(node, ast.ClassDef):
        bases = f"({', '.join(ast.unparse(base) for base in node.bases)})" if node.bases else ""
        head = f"### {name}\n\n```python\nclass {name}{bases}\n```\n\n{doc(node, name)}"
        return "\n\n".join([head, *members(node, name, home)])
    assert node is not None
    text = comment_of(home, node)
    if not text:
        raise Undocumented(f"{home}.{name} has no comment that says what it is")
    return f"### {name}\n\n{wrapped(text)}"


def names_of(module: str) -> list[str]:
    """The names that a module declares public."""
    return [name for name in importlib.import_module(module).__all__ if not name.startswith("_")]


def api() -> str:
    """The page of the package's names."""
    parts, modules = [], []
    for name in names_of("lkltest"):
        home, node = locate("lkltest", name)
        if node is not None:
            parts.append(entry("lkltest", name))
        elif name != "fuzz":
            modules.append((name, home))
    for name, home in modules:
        source = source_of(home).read_text(encoding="utf-8")
        first, _, rest = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
        parts += [f"## lkltest.{name}", first, rest, *(entry(home, one) for one in names_of(home)
                                                       if locate(home, one)[1] is not None)]
    intro = ("Everything is imported from `lkltest`: `from lkltest import Program, netns`. The names come first, then "
             "those of the modules. What is not here may change at any time; what is here, as CHANGELOG.md says. "
             "Names of property tests: [fuzz.md](fuzz.md).")
    return page("The Python API", intro, ["## lkltest", *parts])


def fuzz() -> str:
    """The page of the names of property tests."""
    intro = ("`from lkltest import fuzz`, or `from lkltest.fuzz import Call, Program`: programs of system calls, "
             "kernels in worker processes, Hypothesis's strategies. How they are used: [fuzzing.md](../fuzzing.md).")
    parts = [entry("lkltest.fuzz", name) for name in names_of("lkltest.fuzz")]
    return page("The API of property tests", intro, parts)


# pytest


def plugin() -> Iterator[ast.AST]:
    """All that stands in the plugin's sources."""
    for path in sorted((ROOT / "lkltest" / "plugin").glob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def fixtures() -> Iterator[str]:
    """The entries of the fixtures, each with its scope."""
    for node in plugin():
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and "fixture" in decorators(node):
            words = [ast.unparse(one) for one in node.decorator_list]
            scope = next(iter(re.findall(r"scope='(\w+)'", " ".join(words))), "function")
            returns = ast.unparse(node.returns) if node.returns else "object"
            kind = re.sub(r"^Iterator\[(.*)\]$", r"\1", returns)
            yield f"### {node.name}\n\n`{kind}`, one a {scope}.\n\n{doc(node, node.name)}"


def markers() -> Iterator[str]:
    """The marks that the plugin registers, as a list."""
    for node in plugin():
        match node:
            case ast.Call(func=ast.Attribute(attr="addinivalue_line"), args=[_, ast.Constant(value=str(line))]):
                yield marker(line)
            case ast.Assign(targets=[ast.Name(id="MARKS")], value=ast.Tuple(elts=lines)):
                yield from (marker(str(ast.literal_eval(line))) for line in lines)


def marker(line: str) -> str:
    """The entry of a mark, from the line that registers it."""
    call, _, text = line.partition(": ")
    return bullet(f"@pytest.mark.{call}", text)


def pytest_page() -> str:
    """The page of fixtures and marks."""
    intro = ("The plugin is active wherever lkltest is installed. Its settings, each an option, a variable and an ini "
             "setting: [settings.md](settings.md).")
    return page("Fixtures and marks", intro, ["## Fixtures", *fixtures(), "## Marks", "\n".join(markers())])


# Settings, commands, exit codes


def shown(value: object) -> str:
    """A default as a user would write it."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 20:
        return f"{value >> 30}G" if value % (1 << 30) == 0 else f"{value >> 20}M"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings() -> str:
    """The page of the settings."""
    from lkltest.settings import Settings, ini_name, options_of

    parts = []
    for item in options_of(Settings):
        about = item.metadata
        option = f"{about['option']} {about['metavar']}".strip()
        default = "" if "default" in about["help"] or item.default in ((), "", 0, None, Path()) else shown(item.default)
        text = f"{about['help'][0].upper()}{about['help'][1:]}" + (f" (default: {default})" if default else "") + "."
        keys = [f"- option `{option}`" + (", may be repeated" if about["repeat"] else ""),
                f"- environment `LKLTEST_{item.name.upper()}`" + (", separated by colons" if about["repeat"] else ""),
                f"- pytest's ini `{ini_name(about['option'])}`", f"- settings file `{item.name}`"]
        parts.append(f"### {item.name}\n\n{wrapped(text)}\n\n" + "\n".join(keys))
    intro = ("The first that says anything counts: the option, the environment variable, pytest's ini setting, the "
             "project's file (`lkltest.toml`, or `[tool.lkltest]` in `pyproject.toml`), the default. The file may "
             "have a table `kernels` of paths by name, from which `--lkl NAME` chooses. Switches are 1 or 0 in "
             "variables.")
    others = [bullet(name, text) for name, text in VARIABLES.items()]
    return page("Settings", intro, ["## Settings", *parts, "## Other environment variables", "\n".join(others)])


def options(parser: argparse.ArgumentParser) -> str:
    """The arguments of a parser, as a list."""
    lines = []
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)) or action.help == argparse.SUPPRESS:
            continue  # commands below a command have entries of their own
        metavar = action.metavar if isinstance(action.metavar, str) else "|".join(map(str, action.choices or ()))
        value = "" if action.nargs == 0 else f" {metavar or action.dest.upper()}"
        name = ", ".join(action.option_strings) + value if action.option_strings else (metavar or action.dest)
        lines.append(bullet(name, (action.help or "").replace("%(default)s", shown(action.default)).replace("%%", "%")))
    return "\n".join(lines)


def below(parser: argparse.ArgumentParser, command: str) -> Iterator[str]:
    """The entries of the commands below a command: `lkltest cov report`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                about = choice.help or ""
                yield f"### {command} {choice.dest}\n\n{wrapped(about[0].upper() + about[1:])}."
                yield options(action.choices[choice.dest])


def commands() -> str:
    """The page of the command's arguments."""
    from lkltest import cli

    parts = []
    for name, summary in cli.COMMANDS.items():
        parser = argparse.ArgumentParser(prog=f"lkltest {name}")
        importlib.import_module(f"lkltest.cli.{name}").configure(parser)
        parts.append(f"## lkltest {name}\n\n{summary[0].upper()}{summary[1:]}.\n\n{options(parser)}".rstrip())
        parts += below(parser, f"lkltest {name}")
    intro = ("`lkltest` alone tells the next steps on this machine. `lkltest --version` prints the version and the "
             "kernels', `lkltest -v COMMAND` every command that is run. `source <(lkltest --print-completion bash)` "
             "completes commands, options, paths and names (also zsh, tcsh). Exit codes: "
             "[exit-codes.md](exit-codes.md).")
    return page("The command", intro, parts)


PYTEST_CODES = {
    0: "all passed", 1: "a test failed; a lost kernel is a failed test, too", 2: "interrupted", 3: "an internal error",
    4: "the user has to mend something", 5: "nothing was collected", 125: "the kernel does not build (`--lkl-build`)",
}  # fmt: skip


def exit_codes() -> str:
    """The page of the exit codes."""
    home, node = locate("lkltest", "Exit")
    assert isinstance(node, ast.ClassDef)
    codes = [bullet(f"{ast.unparse(one.value)} {ast.unparse(one.targets[0])}", comment_of(home, one))
             for one in node.body if isinstance(one, ast.Assign)]
    points = (ROOT / "lkltest/harness/lkltest/points.h").read_text(encoding="utf-8")
    numbers = re.findall(r"^\t(LKLTEST_\w+) = (\d+),", points, re.M)
    statuses = [bullet(f"{number} {name}", text) for name, number in numbers
                for text in re.findall(rf"^ \* @{name}: (.*)$", points, re.M)]
    by_pytest = [bullet(str(code), text) for code, text in PYTEST_CODES.items()]
    return page("Exit codes", "A failed test, a mistake that the user has to mend, and a lost kernel differ.", [
        "## lkltest", doc(node, "Exit"), "\n".join(codes), "## pytest", "\n".join(by_pytest),
        "## A test program", "`enum lkltest_status` of the harness.", "\n".join(statuses),
    ])


JSON_TYPES = {str: "string", bool: "boolean", int: "number", dict: "object", list: "list", tuple: "list"}


def keys(module: str, name: str, document: dict[str, Any]) -> str:
    """The keys of a JSON object as a list, each with what the class that it is made of says of it."""
    home, node = locate(module, name)
    assert isinstance(node, ast.ClassDef)
    told = {ast.unparse(one.target): comment_of(home, one) for one in node.body if isinstance(one, ast.AnnAssign)}
    told |= {one.name: doc(one, one.name) for one in node.body if isinstance(one, ast.FunctionDef)}
    told["there"] = "whether the host has it"
    return "\n".join(bullet(f"{key}: {JSON_TYPES[type(value)]}", told[key]) for key, value in document.items())


def json_page() -> str:
    """The page of the JSON that other programs read."""
    from lkltest import doctor
    from lkltest.cli.doctor import document
    from lkltest.fuzz.findings import Finding
    from lkltest.host.programs import BUILD

    kernel, suite = doctor.Kernel("", "", "", "", ""), doctor.Suite("", True, "")
    whole: dict[str, Any] = document(doctor.Report({}, (kernel,), (suite,), ((BUILD[0], True),)))
    finding = asdict(Finding("", "", "", (), "", "", 0, 0, False))  # type: ignore[arg-type]
    return page("JSON", "Keys may be added; the changelog tells of one that goes, or that means another thing.", [
        "## lkltest tap --json", "[Reading TAP](../tap.md#json-schema-1) has the schema, with its number.",
        "## lkltest doctor --json", keys("lkltest.doctor", "Report", whole),
        "### kernels", keys("lkltest.doctor", "Kernel", whole["kernels"][0]),
        "### suites", keys("lkltest.doctor", "Suite", whole["suites"][0]),
        "### programs", keys("lkltest.host.programs", "Need", whole["programs"][0]),
        "## finding.json", keys("lkltest.fuzz.findings", "Finding", finding),
        "## --lkl-json and --lkl-kcidb", "See [files for kernel CI](../ci-files.md).",
    ])


# The harness


COMMENT = re.compile(r"^/\*\*\n \* ((?:struct |enum )?\w+(?:\(\))?) - (.*)\n((?: \*.*\n)*?) \*/\n", re.M)


def comments(header: Path) -> Iterator[str]:
    """The entries of a header's comments in the kernel's doc style."""
    for name, summary, body in COMMENT.findall(header.read_text(encoding="utf-8")):
        lines = [line[3:] for line in body.splitlines()]
        text = "\n".join(lines)
        arguments = re.findall(r"^@([\w.]+):((?:.*\n?)(?:^[ \t]+\S.*\n?)*)", text, re.M)
        rest = re.sub(r"^@[\w.]+:(?:.*\n?)(?:^[ \t]+\S.*\n?)*", "", text, flags=re.M)
        rest = re.sub(r"^Return:", "\nReturn:", rest, flags=re.M)
        paragraphs = [wrapped(one) for one in re.split(r"\n\s*\n", rest.strip()) if one.strip()]
        listed = "\n".join(bullet(argument, said) for argument, said in arguments)
        parts = [f"### {name}", wrapped(f"{summary[0].upper()}{summary[1:]}."), listed, *paragraphs]
        yield re.sub(r"@(\w+)", r"`\1`", "\n\n".join(filter(None, parts)))


def harness() -> str:
    """The page of the harness's macros, functions and types."""
    parts = []
    for header in sorted((ROOT / "lkltest" / "harness" / "lkltest").glob("*.h")):
        parts += [f"## lkltest/{header.name}", *comments(header)]
    intro = "What a C test program has of `#include <lkltest.h>`. How one is written: [harness.md](../harness.md)."
    return page("The harness", intro, parts)


MAKE = {
    "api": api, "fuzz": fuzz, "pytest": pytest_page, "settings": settings, "commands": commands,
    "exit-codes": exit_codes, "json": json_page, "harness": harness,
}  # fmt: skip


def pages() -> dict[Path, str]:
    """All pages, by their files."""
    return {PAGES / f"{name}.md": make() for name, make in MAKE.items()}


def main(arguments: list[str]) -> int:
    """Write the pages, or look whether they are up to date; the exit status."""
    try:
        made = pages()
    except Undocumented as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run python scripts/reference.py", file=sys.stderr)
        return int(bool(stale))
    PAGES.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
