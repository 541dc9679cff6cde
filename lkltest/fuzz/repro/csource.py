"""Write a finding as a C program that a kernel developer can run. `findings.py` compiles and tries it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lkltest.fuzz.lang.contract import NEEDS
from lkltest.fuzz.lang.describe import Description, read_annotations
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.prog import resources
from lkltest.fuzz.prog.text import PORTS
from lkltest.fuzz.prog.values import (
    RETURN,
    Array,
    Call,
    Pointer,
    Port,
    Program,
    Raw,
    Ref,
    Region,
    ResourceRef,
    Struct,
    Text,
    Value,
)
from lkltest.liblkl.model import Generation, Liblkl

BOOT = {
    Generation.G1: 'lkl_start_kernel(&lkl_host_ops, {mem}UL << 20, "{cmdline}")',
    Generation.G3: 'lkl_init(&lkl_host_ops) || lkl_start_kernel("mem={mem}M {cmdline}")',
}
BOOT_OTHER = 'lkl_start_kernel(&lkl_host_ops, "mem={mem}M {cmdline}")'
# Preparations of the system that the fuzzer's sandbox makes, too: a pattern of C code that needs them, and their lines.
FURNITURE = {
    r'"/proc': ('lkl_mount_fs("proc");',),
    r'"/sys': (  # lkl_mount_fs("sysfs") would mount it on /sysfs
        'lkl_sys_mkdirat(LKL_AT_FDCWD, "/sys", 0755);',
        'lkl_sys_mount("none", "/sys", "sysfs", 0, 0);',
    ),
    r'"/dev/pt': (
        'lkl_sys_mkdirat(LKL_AT_FDCWD, "/dev/pts", 0755);',
        'lkl_sys_mount("none", "/dev/pts", "devpts", 0, 0);',
        'lkl_sys_mknodat(LKL_AT_FDCWD, "/dev/ptmx", 0020666, 0x502);',
    ),
    r"lkl_sys_socket": ("lkl_if_up(1);",),
}
NODES = {"null": 0x103, "zero": 0x105, "full": 0x107, "random": 0x108, "urandom": 0x109, "tty": 0x500, "mice": 0xD3F,
         "psaux": 0xA01, "ptyp0": 0x200, "ptyp1": 0x201, "ttyp0": 0x300, "ttyp1": 0x301}
GUARDED = """\
/* Memory that ends at a page without access rights. */
static void *guarded(const void *from, unsigned long size)
{
	unsigned long room = (size + 4095) & ~4095UL;
	char *start = mmap(NULL, room + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(start + room, 4096, PROT_NONE);
	start += room - size;
	if (from)
		memcpy(start, from, size);
	return start;
}

"""
FIRST_PORT = 20000
CLOSE = """\
/* Closes all descriptors in the order of their numbers, as the fuzzer's sandbox does. */
static void close_all(const long *made, int count, int yields)
{
	long last = -1;

	while (count--)
		last = made[count] > last && made[count] < 1 << 16 ? made[count] : last;
	for (long fd = 0; fd <= last; fd++) {
		if (lkl_sys_close(fd))
			continue;
		if (yields)
			lkl_sys_sched_yield();
		printf("lkl_sys_close(%ld) = 0\\n", fd);
		fflush(stdout);
	}
}

"""
SCHED_DEADLINE, SCHED_ATTR = 6, 48  # the policy; the least size of the attributes that the kernel takes
SHOW = """\
#define CALL(call) ({ long ret_ = (long)(call); printf("%s = %ld\\n", #call, ret_); fflush(stdout); ret_; })

"""


class Writer:
    """Writes the C of one program."""

    def __init__(self, description: Description, *, guarded: bool, number: int = 0) -> None:
        """`number` tells the programs of one C source apart."""
        self.description = description
        self.port = FIRST_PORT + PORTS * number
        self.name = Namer(description, prefix="LKL_")
        self.guarded = guarded  # buffers end at guard pages
        self.lines: list[str] = []
        self.results: list[str] = []
        self.stores = False  # whether a call's own result is looked at, for those that it stores
        self.buffers = 0

    def call(self, call: Call) -> None:
        """Write one call, after the buffers that it takes."""
        args = []
        pointers: list[str] = []
        for n, arg in enumerate(call.args):
            buffer = f"b{self.buffers}"  # where the argument is one
            text = self.value(arg, call, str(n))
            if n == 1:
                self.no_deadline(call, buffer)
            pointers.append(text)
            type = self.description.headers.calls[call.name].arguments[n].type
            args.append(f"(void *){text}" if type.kind == "pointer" and not text.startswith('"') else text)
            if type.kind == "int" and isinstance(arg, (Pointer, Text)):
                args[-1] = f"(long){text}"
        invoked = f"CALL(lkl_sys_{call.name}({', '.join(args)}))"
        returned = any(produced.source == RETURN for produced in call.produces)
        stored = any(produced.source != RETURN for produced in call.produces)
        label = f"r{len(self.results)} = " if returned else "ret = " if stored else ""
        result = f"r{len(self.results)}" if returned else "ret"
        self.stores = self.stores or (stored and not returned)
        self.lines.append(f"\t{label}{invoked};")
        for produced in call.produces:
            index = len(self.results)
            self.results.append(f"r{index}")
            if produced.source != RETURN:
                read = f"*(int *)((char *){pointers[produced.source]} + {produced.offset})"
                self.lines.append(f"\tr{index} = {result} < 0 ? -1 : {read};")

    def clean(self, program: Program) -> None:
        """Write the cleanup that the fuzzer's sandbox does after each program, in its order.

        It deletes timers and unmaps, the last one first, closes descriptors, and puts back the mask of new files.
        """
        timers: list[str] = []
        unmaps: list[str] = []
        descriptors: list[str] = []
        index = 0
        for call in program.calls:
            for produced in call.produces:
                if produced.kind == "timer":
                    timers.insert(0, f"\tCALL(lkl_sys_timer_delete(r{index}));")
                elif produced.kind == "address" and call.name == "mmap_pgoff":
                    length = self.value(call.args[1], call, "1")
                    unmaps.insert(0, f"\tCALL(lkl_sys_munmap(r{index}, {length}));")
                elif resources.NUMBERS[produced.kind] < resources.DESCRIPTORS:
                    descriptors.append(f"r{index}")
                index += 1
        grace = int(bool(self.description.needs(program) & NEEDS["grace"]))
        made = f"(long[]){{ {', '.join(descriptors)} }}, {len(descriptors)}"
        closes = [f"\tclose_all({made}, {grace});"] if descriptors else []
        self.lines += [*timers, *unmaps, *closes, "\tCALL(lkl_sys_umask(022));"]

    def no_deadline(self, call: Call, buffer: str) -> None:
        """Take SCHED_DEADLINE out of a buffer that was written, where the executor does: it loses LKL its only CPU."""
        attr = call.args[1]
        if call.name == "sched_setattr" and isinstance(attr, Pointer):
            flat = self.description.encoder.flatten(attr.target)
            data = flat.data + bytes([flat.fill]) * (flat.size - len(flat.data))
            size, policy = (int.from_bytes(data[at : at + 4], "little") for at in (0, 4))
            if policy == SCHED_DEADLINE and (not size or size >= SCHED_ATTR):
                self.lines.append(f"\t((unsigned int *)&{buffer})[1] = 0;\t/* as in the executor: with SCHED_DEADLINE, "
                                  "LKL may lose its only CPU */")

    def value(self, value: Value, call: Call, path: str) -> str:
        """A number, or a pointer to a buffer that is written first."""
        match value:
            case int():
                text = self.name(value, call, path)
                return f"{text}L" if re.fullmatch(r"-?(0x[0-9a-f]+|\d+)", text) and abs(value) > 0x7FFFFFFF else text
            case Ref(index):
                return f"r{index}"
            case ResourceRef(_, _, default):
                return str(default)
            case Port(nth):
                return f"{int.from_bytes((self.port + nth).to_bytes(2, 'big'), 'little'):#x}"
            case Text(data):
                return self.buffer(Raw(data + b"\0"), call, path) if self.guarded else string(data)
            case Pointer(target):
                return self.buffer(target, call, path)
        raise ValueError(f"{value} can only stand behind a pointer")

    def buffer(self, region: Region, call: Call, path: str) -> str:
        """Write a buffer; the C expression of its address."""
        name = f"b{self.buffers}"
        self.buffers += 1
        size = self.description.encoder.size(region)
        late: list[str] = []
        if isinstance(region, Struct) and region.name and "." not in region.name:
            fields = self.fields(region, name, call, late)
            tag = f"struct {self.tag(region.name)}"
            self.lines.append(f"\tstatic {tag} {name} = {{ {', '.join(fields)} }};" if fields else
                              f"\tstatic {tag} {name};")
            address = f"&{name}"
        elif isinstance(region, Array) and region.items and (tag := self.common_tag(region)):
            items = []
            for n, item in enumerate(region.items):
                assert isinstance(item, Struct)
                items.append("{ " + ", ".join(self.fields(item, f"{name}[{n}]", call, late)) + " }")
            self.lines.append(f"\tstatic struct {tag} {name}[{len(items)}] = {{ {', '.join(items)} }};")
            address = name
        elif isinstance(region, Array) and (members := self.members(region, name, call, late)):
            # Without gaps: the parts of a message, or a structure and the room behind it.
            declared = " ".join(f"{declaration};" for declaration, _ in members)
            initial = ", ".join(initial for _, initial in members if initial)
            self.lines.append(f"\tstatic struct {{ {declared} }} __attribute__((packed, aligned(8))) {name}"
                              + (f" = {{ {initial} }};" if initial else ";"))
            address = f"&{name}"
        else:
            flat = self.description.encoder.flatten(region)
            data = flat.data + bytes([flat.fill]) * (size - len(flat.data)) if flat.fill or any(flat.data) else b""
            self.lines.append(f"\tstatic char {name}[{max(size, 1)}] __attribute__((aligned(8))){_bytes(data)};")
            for offset, width, inner in flat.patches:
                type = {1: "char", 2: "short", 4: "int", 8: "long"}[width]
                late.append(f"*({type} *)({name} + {offset}) = ({type})(long){self.value(inner, call, path)};")
            address = name
        self.lines += [f"\t{line}" for line in late]
        return f"guarded({address}, {size})" if self.guarded else address

    def fields(self, region: Struct, name: str, call: Call, late: list[str]) -> list[str]:
        """The initializers of a structure; assignments of values that are no constants are added to `late`."""
        found = []
        layout = self.description.encoder.layout(region.name)
        for key, value in region.fields:
            path = f"{region.name}.{key}"
            field = layout.field(key)
            match value:
                case int() | Port():
                    found.append(f".{key} = {self.value(value, call, path)}")
                case Struct() if "." not in value.name:
                    inner = self.fields(value, f"{name}.{key}", call, late)
                    found.append(f".{key} = {{ {', '.join(inner)} }}")
                case Ref() | ResourceRef():
                    late.append(f"{name}.{key} = {self.value(value, call, path)};")
                case Pointer() | Text():
                    late.append(f"{name}.{key} = (void *){self.value(value, call, path)};")
                case _:
                    flat = self.description.encoder.flatten(value)
                    data = flat.data + bytes([flat.fill]) * (flat.size - len(flat.data))
                    if any(data):
                        late.append(f"memcpy((char *)&{name} + {field.offset}, {string(data)}, {len(data)});")
        return found

    def members(self, region: Array, name: str, call: Call, late: list[str]) -> list[tuple[str, str]]:
        """Structures and bytes that follow one another: of each the declaration and the initializer, which may be "".

        None where there is no structure among them, or more than numbers in the bytes.
        """
        found: list[tuple[str, str]] = []
        lines: list[str] = []
        for n, item in enumerate(region.items):
            if isinstance(item, Struct) and item.name and "." not in item.name:
                member = f"it{n or ''}"
                fields = self.fields(item, f"{name}.{member}", call, lines)
                initial = f".{member} = {{ {', '.join(fields)} }}" if fields else ""
                found.append((f"struct {self.tag(item.name)} {member}", initial))
                continue
            flat = self.description.encoder.flatten(item)
            if flat.patches:
                return []
            data = flat.data + bytes([flat.fill]) * (flat.size - len(flat.data))
            if data:
                member = f"rest{n}"
                found.append((f"char {member}[{len(data)}]", f".{member}{_bytes(data)}" if any(data) else ""))
        if not any(isinstance(item, Struct) for item in region.items):
            return []
        late += lines
        return found

    def common_tag(self, region: Array) -> str:
        """The tag that all items of an array share; "" where they do not."""
        names = {item.name if isinstance(item, Struct) else "." for item in region.items}
        name = names.pop()
        return "" if names or "." in name else self.tag(name)

    def tag(self, name: str) -> str:
        """The structure's tag in the headers."""
        return f"lkl_{name}" if f"lkl_{name}" in self.description.headers.structs else name


def string(data: bytes) -> str:
    """A C string with these bytes."""
    parts = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in data)
    return f'"{parts}"'


def _bytes(data: bytes) -> str:
    if not data:
        return ""
    if len(set(data)) == 1 and len(data) > 16:
        return f" = {{ [0 ... {len(data) - 1}] = {data[0]:#x} }}"
    return f" = {string(data)}"


def write(
    programs: Sequence[Program], description: Description, liblkl: Liblkl, *, title: str, about: Sequence[str],
    mem: int, cmdline: str, guarded: bool = False, clean: bool = False,
) -> str:
    """The C source of programs that run one after the other; `about` are the comment's further lines.

    With `clean`, each program ends with the sandbox's cleanup, for failures that come only then.
    """
    bodies = []
    total = 0
    for number, program in enumerate(programs):
        writer = Writer(description, guarded=guarded, number=number)
        for call in program.calls:
            writer.call(call)
        if clean:
            writer.clean(program)
        bodies.append((program, writer))
        total += len(writer.lines)
    text = "\n".join(line for _, writer in bodies for line in writer.lines)
    parts = [_comment(title, about), _includes(guarded), callbacks(liblkl), missing(text, description), SHOW]
    parts += [GUARDED] if guarded else []
    parts += [CLOSE] if "\tclose_all(" in text else []
    for n, (program, writer) in enumerate(bodies):
        parts.append(_function(n, program, writer, description))
    parts.append(_main(len(bodies), text, liblkl, mem, cmdline))
    return "".join(parts)


def _comment(title: str, about: Sequence[str]) -> str:
    lines = [line.replace("*/", "* /") for line in (title, "", *about)]
    return "/*\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def _includes(guarded: bool) -> str:
    names = ("stdio.h", "string.h", *(("sys/mman.h",) if guarded else ()), "lkl.h", "lkl_host.h")
    return "".join(f"#include <{name}>\n" for name in names) + "\n"


def callbacks(liblkl: Liblkl) -> str:
    """Empty definitions of the functions that an instrumented kernel calls, and that its programs must have."""
    names = sorted(name for name in liblkl.undefined if name.startswith("__sanitizer_cov_"))
    lines = [f"__attribute__((weak)) void {name}() {{ }}" for name in names]
    return "\n".join(["/* The kernel was built to report coverage. */", *lines, "", ""]) if lines else ""


def missing(text: str, description: Description) -> str:
    """Definitions of the constants, structures and calls that a program uses and the library's headers lack."""
    data = read_annotations()
    lines = []
    for name, value in data["constants"].items():
        if re.search(rf"\bLKL_{name}\b", text):
            lines.append(f"#ifndef LKL_{name}\n#define LKL_{name} {value:#x}\n#endif")
    for name, code in data["definitions"].items():
        if re.search(rf"\bstruct {name}\b", text) or any(re.search(rf"struct {name} ", c) for c in lines):
            if "lkl_sock_filter *" in code:
                lines.append(data["definitions"]["lkl_sock_filter"])
            lines.append(code)
    for name in data["undeclared"]:
        signature = description.headers.calls.get(name)
        if signature and re.search(rf"\blkl_sys_{name}\(", text):
            names = ", ".join(f"(long)({a.name}_)" for a in signature.arguments)
            parameters = ", ".join(f"{a.name}_" for a in signature.arguments)
            lines.append(
                f"#define lkl_sys_{name}({parameters}) lkl_syscall({signature.number}, (long[6]){{ {names} }})"
            )
    return "\n".join([*dict.fromkeys(lines), "", ""]) if lines else ""


def _function(n: int, program: Program, writer: Writer, description: Description) -> str:
    needs = description.needs(program)
    unshared = ["CLONE_FS", "CLONE_FILES"] if needs & (NEEDS["task"] | NEEDS["mounts"]) else []
    unshared += ["CLONE_NEWNS"] if needs & NEEDS["mounts"] else []
    flags = (0x600 if unshared else 0) | (0x20000 if needs & NEEDS["mounts"] else 0)
    lines = [f"static void program{n}(void)", "{"]
    if writer.results:
        names = [*writer.results, *(["ret"] if writer.stores else [])]
        lines += [f"\tlong {', '.join(f'{r} = -1' for r in names)};", ""]
    if flags:
        lines.append(f"\tlkl_sys_unshare({flags:#x});\t/* {' | '.join(unshared)} */")
    lines.append(f'\tlkl_sys_mkdirat(LKL_AT_FDCWD, "/w{n}", 0777);')
    lines.append(f'\tlkl_sys_chdir("/w{n}");')
    return "\n".join([*lines, "", *writer.lines, "}", "", ""])


def _main(programs: int, text: str, liblkl: Liblkl, mem: int, cmdline: str) -> str:
    boot = BOOT.get(liblkl.generation, BOOT_OTHER).format(mem=max(mem >> 20, 1), cmdline=cmdline)
    lines = ["int main(void)", "{", f"\tif ({boot})", "\t\treturn 1;"]
    if '"/dev/' in text:
        lines.append('\tlkl_sys_mkdirat(LKL_AT_FDCWD, "/dev", 0755);')
    for pattern, extra in FURNITURE.items():
        if re.search(pattern, text):
            lines += [f"\t{line}" for line in extra]
    for name, device in NODES.items():
        if f'"/dev/{name}"' in text:
            lines.append(f'\tlkl_sys_mknodat(LKL_AT_FDCWD, "/dev/{name}", 0020666, {device:#x});')
    for n in range(programs):
        if n:
            lines += ["\tfor (int fd = 0; fd < 256; fd++)", "\t\tlkl_sys_close(fd);"]
        lines.append(f"\tprogram{n}();")
    return "\n".join([*lines, "\tlkl_sys_halt();", "\treturn 0;", "}", ""])
