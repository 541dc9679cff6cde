"""The order of the modules, as docs/architecture.md has it."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import lkltest

PACKAGE = Path(lkltest.__file__).parent

# Each row may import from itself and from those above it.
ROWS = (
    "errors expressions lazy", "known_failures", "settings", "host", "klog", "kernel", "ci tap", "liblkl", "cc",
    "crash", "uml",
    "image", "coverage program", "powercut", "fuzz", "kunit", "kselftest", "gate doctor sessionreport", "plugin cli",
)  # fmt: skip
HEIGHT = {module: height for height, row in enumerate(ROWS) for module in row.split()}

# The same inside packages: sub-packages and modules in rows, and those that are not named above them all.
INNER_ROWS = {
    "settings": ("model", "file"),
    "host": ("closing load outfile stamp", "cache progress programs process bounded_log", "netns"),
    "tap": ("dialect problem", "grammar diagnostics fields", "point", "report", "formats events known"),
    "liblkl": (
        "binary cmdfiles job kconfig lacking library_mode model recipe resume set_aside",
        "description_cache download headers layout store", "build_default description staleness", "proof", "build_tree",
    ),
    "crash": ("report reporters formats", "headline", "addresses", "symbolize"),
    "uml": ("build guard memory model nofpregset probe text tree", "console executable fpstate", "machine"),
    "image": (
        "metadata recipe scratch sparse tools tree", "archive make recipefile", "broken fsck user_image", "disk",
    ),
    "ci": ("outcome", "kcidb kernelci"),
    "coverage": ("data raw sites", "collect lines", "summary", "diff html lcov report"),
    "program": (
        "results status table tools naming applications", "tree command complaint",
        "declaration memcheck point_result evidence", "kselftest tap_program", "launch tap_launch verdict", "run",
        "trial",
    ),
    "powercut": ("recording", "cuts"),
    "fuzz": ("prog", "lang", "gen exec", "repro", "hypothesis"),
    "kunit": (
        "config declaration fingerprint lines mconsole shadow", "build listing", "groups kernel results",
        "ktap memory reader", "outcomes run", "kcidb kernelci spread",
    ),
    "kselftest": ("declaration sources", "tests", "kernel programs", "launch"),
    "gate": ("report", "kunit sources suites", "kselftest"),
    "sessionreport": ("model timeline", "github page"),
    "plugin": (
        "alike parts retention run_items", "session",
        "artifacts causes debugging freshness kernels repeating tap_option",
        "ci_files coverage findings images known_names side_by_side trials", "reporting running umls",
        "suite tap_running", "known kunit tap_suite trees", "kselftest", "collection fixtures scheduling",
    ),
    "cli": ("build contents cov cut doctor output unpack", "signals", "images", "fuzz gate replay tap", "kunit"),
}


@cache
def imports(source: str) -> list[ast.Import | ast.ImportFrom]:
    """The statements of a source that import something, anywhere in it."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]


def imported(source: str) -> Iterator[str]:
    """The modules of lkltest that a source imports, anywhere in it, by the first part of their names."""
    for node in imports(source):
        if isinstance(node, ast.ImportFrom) and node.module == "lkltest":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lkltest."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("lkltest."))


@pytest.mark.parametrize("module", HEIGHT)
def test_imports_point_up(module: str) -> None:
    """A module imports from its own row and from those above it, and plugin and cli not from each other."""
    files = [*PACKAGE.glob(f"{module}.py"), *PACKAGE.glob(f"{module}/**/*.py")]
    names = {name for file in files for name in imported(file.read_text())}
    assert files
    assert {name for name in names - {module} if HEIGHT[name] > HEIGHT[module]} == set()
    assert not {"plugin", "cli"} & (names - {module})


def test_every_module_has_its_place() -> None:
    """A new module is given a row."""
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert modules - {"__init__", "__main__"} == set(HEIGHT)


def dotted(path: Path) -> str:
    """A module's name: lkltest/fuzz/prog/__init__.py is lkltest.fuzz.prog."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def named(source: str) -> Iterator[str]:
    """All names that a source may import, anywhere in it: `from a import b` may be a module a.b, or a name of a."""
    for node in imports(source):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def import_graph(directory: Path) -> dict[str, set[str]]:
    """The modules under a directory, each with those of them that it imports."""
    files = {dotted(path): path for path in directory.rglob("*.py")}
    return {
        module: {
            found
            for name in named(path.read_text())
            if (found := name if name in files else name.rpartition(".")[0]) in files and found != module
        }
        for module, path in files.items()
    }


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a cycle of imports; none where there is no cycle."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_imports_have_no_cycle() -> None:
    """No modules import each other, not even inside functions or for type checking."""
    assert cycle(import_graph(PACKAGE)) == []


def test_a_cycle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import inside a function and one for type checking make a cycle, too."""
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path / "made")
    (tmp_path / "made").mkdir()
    (tmp_path / "made/one.py").write_text("def f():\n    from made import two\n")
    (tmp_path / "made/two.py").write_text("if TYPE_CHECKING:\n    from made.one import f\n")
    (tmp_path / "made/three.py").write_text("import made.two\n")
    assert sorted(set(cycle(import_graph(tmp_path / "made")))) == ["made.one", "made.two"]


def test_every_package_has_an_order() -> None:
    """A new package is given rows of its own."""
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(INNER_ROWS)


@pytest.mark.parametrize("package", INNER_ROWS)
def test_imports_point_one_way_inside(package: str) -> None:
    """A sub-package imports from its own row and those before it; of its row, only from itself."""
    top = f"lkltest.{package}."
    heights = {name: height for height, row in enumerate(INNER_ROWS[package]) for name in row.split()}
    graph = import_graph(PACKAGE / package)
    assert set(heights) <= {module.removeprefix(top).split(".")[0] for module in graph}
    for module, targets in graph.items():
        home = module.removeprefix(top).split(".")[0]
        for target in targets:
            away = target.removeprefix(top).split(".")[0]
            lower = heights.get(away, len(heights)) < heights.get(home, len(heights))
            assert lower or away == home or home not in heights, f"{module} imports {target}"


def test_a_kernel_is_not_asked_for_its_class() -> None:
    """The differences of a liblkl and a UML are in their protocol: isinstance() is asked nowhere."""
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    asked = [
        f"{path}:{node.lineno}"
        for path, source in sources.items()
        if re.search(r"\b(?:Liblkl|Uml)\b", source)  # parsing them all takes a second
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        and {part.rpartition(".")[2] for part in re.findall(r"[\w.]+", ast.unparse(node.args[1]))} & {"Liblkl", "Uml"}
    ]  # fmt: skip
    assert asked == []


def opened_as_text(source: str) -> Iterator[ast.Call]:
    """The calls that read or write a file as text without naming its encoding: they take that of the user's locale."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(keyword.arg in {"encoding", None} for keyword in node.keywords):
            continue
        words = ast.unparse(node.func).split(".")
        name, method = words[-1], len(words) > 1 and words[-2] not in {"io", "os"}
        modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
        modes += node.args[0 if method else 1 :][:1]
        binary = any("b" in str(getattr(mode, "value", "")) for mode in modes)
        opens = name in {"open", "fdopen"} and words != ["os", "open"] and words[0] != "tarfile" and not binary
        if name in {"read_text", "write_text"} or opens:
            yield node


def test_no_file_is_read_in_the_encoding_of_a_locale() -> None:
    """Each file that is read or written as text has its encoding named: the same bytes in every locale."""
    places = [PACKAGE, *(PACKAGE.parent / name for name in ("suites", "scripts", "benchmarks"))]
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{call.lineno}: {ast.unparse(call)}"
        for place in places
        for path in place.rglob("*.py")
        for call in opened_as_text(path.read_text(encoding="utf-8"))
    ]
    assert found == []


CALLS = ("p.read_text(errors='replace')", "p.write_text(t)", "p.open('a')", "open(p, 'w')", "os.fdopen(n, mode='r')")


@pytest.mark.parametrize("call", CALLS)
def test_a_file_in_the_encoding_of_a_locale_is_found(call: str) -> None:
    """The search for them finds each way to open a file, and none that is binary or names its encoding."""
    assert len(list(opened_as_text(call))) == 1
    assert not list(opened_as_text(call.replace(")", ", encoding='utf-8')")))
    assert not list(opened_as_text("p.open('rb'); open(p, 'wb'); os.open(p, 0); p.read_bytes(); os.fdopen(n, 'w+b')"))


def test_no_module_is_long() -> None:
    """A module has at most 450 lines, wherever it stands."""
    places = [PACKAGE.parent / name for name in ("lkltest", "suites", "scripts", "benchmarks", "tests")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for top in places for path in top.rglob("*.py")}
    assert {str(path.relative_to(PACKAGE.parent)): length for path, length in lengths.items() if length > 450} == {}


def test_tests_mirror_the_packages() -> None:
    """Each directory of tests is for a package of that name, or for what only whole programs show."""
    tests = Path(__file__).parent
    homes = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py") if path.parent != tests}
    packages = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_dir()}
    assert {str(home) for home in homes - packages if home.parts[0] != "integration"} == set()
