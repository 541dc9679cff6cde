"""The public face: the names of lkltest and of lkltest.fuzz."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import lkltest
import lkltest.fuzz
from lkltest import process

FACES = (lkltest, lkltest.fuzz)
NAMES = [(face, name) for face in FACES for name in face.__all__]
MODULES = [getattr(face, name) for face, name in NAMES if isinstance(getattr(face, name), ModuleType)]
DOCUMENTED = [(module, name) for module in (lkltest, *MODULES) for name in module.__all__]
ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
USERS = [ROOT / "conftest.py", *sorted((ROOT / "suites").rglob("*.py"))]
HEAVY = {"cffi", "hypothesis", "pexpect", "rich", "yaml", "elftools", "platformdirs", "pytest"}


def tree(module: ModuleType) -> ast.Module:
    """The source of a module."""
    assert module.__file__ is not None
    return ast.parse(Path(module.__file__).read_text())


def typed(module: ModuleType) -> dict[str, str]:
    """The names that a face imports for type checkers, each with its module."""
    block = next(node for node in tree(module).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_type_checkers_see_what_is_imported(face: ModuleType) -> None:
    """A name is the same for a type checker and in a program that runs."""
    homes = typed(face)
    assert sorted([*homes, *({"__version__"} & set(face.__all__))]) == sorted(face.__all__)
    for name, home in homes.items():
        module = importlib.import_module(home)
        value = getattr(face, name)
        expected = importlib.import_module(f"{home}.{name}") if isinstance(value, ModuleType) else getattr(module, name)
        assert value is expected


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_dir_shows_the_names(face: ModuleType) -> None:
    """dir() shows the public names and nothing else, in order."""
    assert dir(face) == sorted(face.__all__)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_unknown_names_are_refused(face: ModuleType) -> None:
    """A name that is not there is an AttributeError that lists those that are."""
    with pytest.raises(AttributeError, match=r"Porgram.*Program"):
        _ = face.Porgram


def test_loading_is_light() -> None:
    """To import the package, and the fuzzer's, loads no library and none of our own modules but the helper."""
    code = "import sys, lkltest, lkltest.fuzz; print(*sys.modules)"
    loaded = set(process.run([sys.executable, "-c", code], timeout=300).output.decode().split())
    assert not HEAVY & loaded
    assert {name for name in loaded if name.startswith("lkltest.")} == {"lkltest.lazy", "lkltest.fuzz"}


def test_the_version_is_the_distribution_s() -> None:
    """The package says the version under which it is installed."""
    assert lkltest.__version__ == importlib.metadata.version("lkltest")


def imports(source: str) -> Iterator[str]:
    """The names of lkltest that a source imports, anywhere in it: "lkltest:Program"."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lkltest":
            yield from (f"{node.module}:{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("lkltest."))


@pytest.mark.parametrize("path", USERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_suites_import_public_names_only(path: Path) -> None:
    """Our suites import what users' suites can: names of lkltest and of lkltest.fuzz, and no module below them."""
    public = {f"{face.__name__}:{name}" for face, name in NAMES}
    assert set(imports(path.read_text())) <= public


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_import_public_names_only(path: Path) -> None:
    """The examples of the documentation import names that are there, and public."""
    public = {f"{face.__name__}:{name}" for face, name in NAMES}
    examples = re.findall(r"^```(?:python|py)[^\n]*\n(.*?)^```", path.read_text(), re.M | re.S)
    assert {name for example in examples for name in imports(example)} <= public


def test_deep_imports_are_seen() -> None:
    """An import inside a function, and one of a whole module, are seen."""
    source = "import lkltest.cc\ndef f():\n    from lkltest.host import process\n    from lkltest import fuzz\n"
    assert list(imports(source)) == ["lkltest.cc", "lkltest.host:process", "lkltest:fuzz"]


def members_used(source: str) -> Iterator[str]:
    """The members of our public modules that a source uses: "image.make"; those that are not public, too."""
    tree = ast.parse(source)
    modules = {name for face, name in NAMES if is_module(face, name)}
    ours = {name.partition(":")[2] for name in imports(source)} & modules
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ours:
            yield f"{node.value.id}.{node.attr}"


def is_module(face: ModuleType, name: str) -> bool:
    """Whether a public name is a module's."""
    return isinstance(getattr(face, name), ModuleType)


PUBLIC_MEMBERS = {f"{name}.{member}" for face, name in NAMES if is_module(face, name)
                  for member in getattr(face, name).__all__}  # fmt: skip


@pytest.mark.parametrize("path", USERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_suites_use_public_members_only(path: Path) -> None:
    """Our suites use public names of a module only: no module below it, as in image.tree.write_tree."""
    assert set(members_used(path.read_text())) <= PUBLIC_MEMBERS


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_modules_offer_no_modules(module: ModuleType) -> None:
    """The public names of a module are functions, classes and constants, which the reference describes."""
    assert [name for name in module.__all__ if isinstance(getattr(module, name), ModuleType)] == []


def test_deep_members_are_seen() -> None:
    """A function of a module below a public one is told from a public function."""
    source = "from lkltest import image\ndef f():\n    image.tree.write_tree(image.make())\n"
    assert set(members_used(source)) - PUBLIC_MEMBERS == {"image.tree"}


def public_members(value: type) -> Iterator[str]:
    """The methods and properties that a class of ours defines."""
    for name, member in vars(value).items():
        callable_or_value = isinstance(member, (property, classmethod, staticmethod)) or inspect.isfunction(member)
        if callable_or_value and not name.startswith("_"):
            yield name


@pytest.mark.parametrize(("face", "name"), DOCUMENTED, ids=lambda value: getattr(value, "__name__", value))
def test_names_are_documented(face: ModuleType, name: str) -> None:
    """Each public function, class and module, and each method of a class, has a docstring."""
    value = getattr(face, name)
    if isinstance(value, type):
        assert [one for one in public_members(value) if not inspect.getdoc(getattr(value, one))] == []
    if isinstance(value, (type, ModuleType)) or inspect.isfunction(value):
        assert value.__doc__
        assert not value.__doc__.startswith(f"{name}(")  # the one that dataclass makes
