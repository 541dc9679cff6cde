"""Tiny libraries and trees in every shape that LKL's have, and a registry that serves one."""

from __future__ import annotations

import base64
import hashlib
import tarfile
import tempfile
import textwrap
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lkltest.host import process
from lkltest.liblkl import Recipe

# Prototypes as the generations have them: tools/lkl/include/lkl/asm/host_ops.h of LKL at 4.9, 6.0 and 6.6.
PROTOTYPES = {
    "G1": "int lkl_start_kernel(struct lkl_host_operations *lkl_ops,\n\t\t    unsigned long mem_size,\n"
          "\t\t    const char *cmd_line, ...);",
    "G2": "int lkl_start_kernel(struct lkl_host_operations *lkl_ops,\n\t\t    const char *cmd_line, ...);",
    "G3": "int lkl_start_kernel(const char *cmd_line, ...);\nint lkl_init(struct lkl_host_operations *ops);\n"
          "void lkl_cleanup(void);",
}  # fmt: skip

SOURCE = """
#include <lkl_host.h>
const char linux_banner[] = "Linux version VERSION (root@host) (gcc 12.2.0) #1 Mon Nov 23 18:52:40 UTC 2026";
static int own(int n) { return n + linux_banner[n]; }
struct lkl_host_operations lkl_host_ops;
int lkl_start_kernel(void) { return own(1); }
long lkl_syscall(long no, long *params) { return own(no) + *params; }
int lkl_sys_halt(void) { return own(2); }
"""


@dataclass
class Shape:
    """The properties of a tiny liblkl."""

    generation: str = "G2"
    version: str = "6.0.0"  # of the library
    headers: str = ""  # version that the headers tell; empty: the same
    autoconf: bool = True  # lkl_autoconf.h, which G1 lacks
    options: tuple[str, ...] = ("CONFIG_64BIT", "CONFIG_EXT4_FS")
    source: str = ""  # more C code in the library
    strip: str = ""  # option of strip for the archive
    flags: tuple[str, ...] = field(default=("-g",))


def call(*argv: object, cwd: Path | None = None) -> None:
    """Run a tool of the test's own; it must succeed."""
    done = process.run([str(word) for word in argv], cwd=cwd, merge=True, timeout=60)
    assert done.ok, done.output.decode(errors="replace")


def write_headers(include: Path, shape: Shape, main: Path | None = None) -> None:
    """Write headers of this shape; lkl.h and lkl_host.h into `main` where that is another directory."""
    main = main or include
    (include / "lkl" / "asm").mkdir(parents=True, exist_ok=True)
    main.mkdir(parents=True, exist_ok=True)
    extra = '#include "lkl_autoconf.h"\n' if shape.autoconf else ""
    (main / "lkl.h").write_text(f"{extra}static inline long lkl_sys_open(const char *f) {{ return !f; }}\n"
                                "#define LKL_O_RDWR 2\n")
    (main / "lkl_host.h").write_text("#include <lkl/asm/host_ops.h>\n#include <lkl.h>\n"
                                     "extern struct lkl_host_operations lkl_host_ops;\n")
    old = "#if 0\nint lkl_start_kernel(struct lkl_host_operations *, unsigned long, const char *, ...);\n#endif\n"
    library = "#ifndef LIBRARY\n" + PROTOTYPES[shape.generation] + "\n#endif\n"
    (include / "lkl/asm/host_ops.h").write_text(
        f"/** lkl_start_kernel(not, this, one); */\n{old}struct lkl_host_operations {{ int x; }};\n{library}"
    )
    (include / "lkl/asm/syscall_defs.h").write_text("LKL_SYSCALL_DEFINE0(_getpid,)\n")
    defines = "".join(f"#define LKL_{option} 1\n" for option in shape.options)
    (include / "lkl/autoconf.h").write_text(
        f"/*\n *\n * Automatically generated file; DO NOT EDIT.\n"
        f" * Linux/lkl {shape.headers or shape.version} Kernel Configuration\n */\n{defines}"
    )
    if shape.autoconf:
        (include / "lkl_autoconf.h").write_text("#define LKL_HOST_CONFIG_POSIX y\n#define LKL_HOST_CONFIG_VFIO_PCI y\n")


def write_library(archive: Path, shared: Path | None, include: list[Path], shape: Shape) -> None:
    """Compile a library of this shape."""
    headers = [{path.relative_to(folder): path.read_text() for path in folder.rglob("*.h")} for folder in include]
    texts = tuple(tuple(sorted(found.items())) for found in headers)
    extra = "int lkl_init(void *ops) { return !ops; }\n" if shape.generation == "G3" else ""
    source = SOURCE.replace("VERSION", shape.version) + extra + shape.source
    made = compiled(source, texts, shape.flags, shape.strip)
    for path, data in zip((archive, shared), made, strict=True):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


@cache
def compiled(
    source: str, headers: tuple[tuple[tuple[Path, str], ...], ...], flags: tuple[str, ...], strip: str
) -> tuple[bytes, bytes]:
    """An archive and a shared library of a source and directories of headers; each is compiled once."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for number, folder in enumerate(headers):
            for path, text in folder:
                (home / str(number) / path).parent.mkdir(parents=True, exist_ok=True)
                (home / str(number) / path).write_text(text)
        (home / "tiny.c").write_text(source)
        folders = [f"-I{number}" for number in range(len(headers))]
        call("gcc", "-DLIBRARY", "-fPIC", *flags, *folders, "-c", "tiny.c", "-o", "tiny.o", cwd=home)
        call("ar", "rc", "liblkl.a", "tiny.o", cwd=home)
        call("gcc", "-shared", *flags, "tiny.o", "-o", "liblkl.so", cwd=home)
        if strip:
            call("strip", strip, "liblkl.a", cwd=home)
        return (home / "liblkl.a").read_bytes(), (home / "liblkl.so").read_bytes()


# A kernel that a registry could serve: its makefiles have the targets of 4.9's, its C files take no time.
PACKAGE = {
    "Kconfig": "", "Kbuild": "",
    "arch/lkl/defconfig": "CONFIG_NET=y\nCONFIG_BTRFS_FS=y\n",
    "init/main.c": "int tiny(void) { return 1; }\n",
    "Makefile": """
defconfig:
	cp arch/lkl/defconfig .config
	sed -i /LOST/d .config
""",
    "tools/lkl/Makefile": """
CFLAGS += -g -fPIC -Iinclude -DLIBRARY $(KCFLAGS)
lib/lkl.o: ../../init/main.c lib/tiny.c
	@echo "  CC      init/main.o"; echo "init/main.c:1: warning: tiny"; ./slow
	gcc $(CFLAGS) -c ../../init/main.c -o main.o
	@echo "  CC      lib/tiny.o"
	gcc $(CFLAGS) -c lib/tiny.c -o tiny.o
	ld -r main.o tiny.o -o lib/lkl.o
static: lib/lkl.o
	ar rc liblkl.a lib/lkl.o
	@touch lib/.broken.cmd
shared:
	test ! -e lib/.broken.cmd
	gcc -shared lib/lkl.o -o liblkl.so
""",
    "tools/lkl/slow": "#!/bin/sh\n",
}  # fmt: skip


class Registry:
    """An npm on PATH that serves one package from a directory, counts, and can be made to fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "tiny-1.0.0.tgz"
        self.program = folder / "bin" / "npm"
        self.program.parent.mkdir(parents=True)
        (folder / "bin" / "node").symlink_to("/bin/true")
        self.behave(f'cp "{self.package}" tiny-1.0.0.tgz')
        self.files = dict(PACKAGE)

    def behave(self, script: str) -> None:
        """Set the script that is npm."""
        self.program.write_text(f'#!/bin/sh\necho x >>"{self.folder}/count"\n{script}\n')
        self.program.chmod(0o755)

    @property
    def fetched(self) -> int:
        """The number of calls of npm."""
        count = self.folder / "count"
        return len(count.read_text().split()) if count.exists() else 0

    def publish(self) -> Recipe:
        """Pack the files; return the recipe for them."""
        tree = self.folder / "package/src/linux"
        for name, text in self.files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(textwrap.dedent(text))
        (tree / "tools/lkl/slow").chmod(0o755)
        shape = Shape("G1", "4.9.0", autoconf=False)
        write_headers(tree / "tools/lkl/include", shape)
        (tree / "tools/lkl/lib").mkdir(exist_ok=True)
        (tree / "tools/lkl/lib/tiny.c").write_text(SOURCE.replace("VERSION", "4.9.0"))
        with tarfile.open(self.package, "w:gz") as archive:
            archive.add(self.folder / "package", "package")
        digest = base64.b64encode(hashlib.sha512(self.package.read_bytes()).digest()).decode()
        return Recipe(name="tiny-4.9.0", package="tiny", version="1.0.0", integrity=f"sha512-{digest}",
                      tree="package/src/linux", release="4.9.0", objects=2, required=("CONFIG_NET",))  # fmt: skip


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[int, int | None]] = []

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)

    def step(self, done: int, expected: int | None) -> None:
        """Keep it."""
        self.steps.append((done, expected))
