"""Packages of kernel sources: fetched once, verified each time."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import cache, process, programs
from lkltest.host.progress import Progress
from lkltest.liblkl import job
from lkltest.liblkl.recipe import Recipe

TIMEOUT = 600.0  # seconds that npm may take: 9 MB over 0.2 Mbit/s
SILENCE_MS = 60_000  # milliseconds that npm waits for the network before it gives up
OWN = "or test a kernel of yours with --lkl PATH"


def tarball(recipe: Recipe, directory: Path, progress: Progress) -> Path:
    """The recipe's package, from the cache's `directory` or else fetched into it by the user's npm.

    Raises UsageError where it cannot be had, or is not what was published.
    """
    kept = place(recipe, directory)
    archive = kept / "package.tgz"

    def fetch(temporary: Path) -> None:
        damaged = f"the {recipe.spec} in the cache is damaged: " if archive.exists() else ""
        progress.say(f"{damaged}fetching {recipe.spec} with npm")
        fetched = pack(recipe, temporary)
        if not intact(fetched, recipe.integrity):
            size = fetched.stat().st_size
            raise UsageError(
                f"npm fetched something else than the published {recipe.spec}: {size} bytes whose checksum is not "
                f"{recipe.integrity[:20]}...: a download cut short, or a proxy or registry that changes it; "
                f"try again, empty npm's own cache with `npm cache verify`, {OWN}"
            )
        fetched.rename(temporary / archive.name)

    cache.make_once(
        kept, fetch, waiting=lambda: progress.say(cache.held(kept, f"fetching {recipe.spec}")),
        whole=lambda folder: intact(folder / archive.name, recipe.integrity),
    )  # fmt: skip
    return archive


def place(recipe: Recipe, directory: Path) -> Path:
    """The path at which the recipe's package is kept, or will be."""
    return directory / cache.key(recipe.spec, recipe.integrity)


def pack(recipe: Recipe, directory: Path) -> Path:
    """Let npm put the package into `directory`, and run nothing of it."""
    programs.demand(programs.FETCH, f"the default kernel ({recipe.spec})")
    lines: list[str] = []
    ended = job.run(
        ["npm", "pack", recipe.spec, "--ignore-scripts", "--loglevel=error", "--no-update-notifier",
         "--fetch-retries=1", f"--fetch-timeout={SILENCE_MS}"],
        cwd=directory, line=lambda line: lines.append(line.decode(errors="replace")), timeout=TIMEOUT,
    )  # fmt: skip
    archives = list(directory.glob("*.tgz"))
    if not ended.ok or len(archives) != 1:
        left = " and left no package" if ended.ok else ""
        raise UsageError(
            f"cannot fetch the default kernel: `{process.command(ended.argv[:3])}` ended with {ended.describe()}{left}"
            f"{complaint(lines)}; mend the network, the room on the disk or npm's settings (proxy, registry), {OWN}"
        )
    return archives[0]


def complaint(lines: list[str]) -> str:
    """The message of npm, shortened: its first lines of error, without its prefix or its log file's name."""
    said = [line.removeprefix("npm").strip().removeprefix("ERR!").removeprefix("error").strip() for line in lines
            if line.startswith(("npm ERR!", "npm error"))]
    told = [text for text in said if text and "complete log" not in text and "debug-0.log" not in text]
    return f" ({'; '.join(told[:4])})" if told else ""


def intact(archive: Path, integrity: str) -> bool:
    """Whether a file is there, with this checksum ("sha512-" and base64)."""
    algorithm, _, expected = integrity.partition("-")
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).digest()
    except OSError:
        return False
    return base64.b64encode(digest).decode() == expected


def unpack(archive: Path, recipe: Recipe, directory: Path) -> Path:
    """Unpack the recipe's kernel tree into `directory`/linux, and nothing else of the package."""
    prefix = recipe.tree.rstrip("/") + "/"
    with tarfile.open(archive) as package:
        members = [member for member in package if member.name.startswith(prefix)]
        if hasattr(tarfile, "data_filter"):
            # Nothing outside the directory, no devices, no foreign owners.
            package.extractall(directory, members, filter="data")
        else:  # Python before 3.11.4: only what can do no harm
            package.extractall(directory, [m for m in members if (m.isfile() or m.isdir()) and ".." not in m.name])
    tree = directory / "linux"
    (directory / prefix).rename(tree)
    shutil.rmtree(directory / Path(prefix).parts[0])
    return tree
