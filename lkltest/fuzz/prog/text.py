"""The text form of programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lkltest.errors import UsageError
from lkltest.fuzz.prog.values import (
    Array,
    Call,
    Fill,
    Ints,
    Out,
    Pointer,
    Port,
    Produces,
    Program,
    Raw,
    Ref,
    Region,
    ResourceRef,
    Struct,
    Text,
    Value,
)

# Writes a number: given the number, its call, and its place in the call, "2" (an argument) or "iovec.iov_len".
NumberWriter = Callable[[int, Call, str], str]
# The resources that a call produces, given its name and arguments.
ProducesOf = Callable[[str, tuple[Value, ...]], tuple[Produces, ...]]

PORTS = 2  # of a program's own

ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}
UNESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "r": 13, '"': 34, "\\": 92}
TOKEN = re.compile(
    r"""\s*(?:(?P<string>b?"(?:[^"\\]|\\.)*")|(?P<result>r\d+\b)|(?P<number>-?(?:0x[0-9a-fA-F]+|\d+))"""
    r"""|(?P<name>[A-Za-z_][\w.]*)|(?P<mark>[()\[\]{}=,&|<>]))"""
)


def plain(number: int, _call: Call, _path: str) -> str:
    """A number without a name: decimal where it is small, hexadecimal otherwise."""
    return str(number) if -4096 <= number <= 4096 else hex(number)


def quote(data: bytes) -> str:
    """Bytes between quotes, with C's escapes."""
    return '"' + "".join(ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data) + '"'


def unquote(text: str) -> bytes:
    """The inverse of `quote`; raises ValueError on an escape that it does not know."""
    found = bytearray()
    at = 1
    while at < len(text) - 1:
        if text[at] != "\\":
            found += text[at].encode()
            at += 1
        elif text[at + 1] == "x":
            if not re.fullmatch("[0-9a-fA-F]{2}", text[at + 2 : at + 4]):
                raise ValueError("\\x takes two hexadecimal digits")
            found.append(int(text[at + 2 : at + 4], 16))
            at += 4
        elif text[at + 1] in UNESCAPES:
            found.append(UNESCAPES[text[at + 1]])
            at += 2
        else:
            raise ValueError(f"no escape \\{text[at + 1]}")
    return bytes(found)


def print_program(program: Program, name: NumberWriter = plain) -> str:
    """The text of a program: one call a line."""
    lines = []
    results = 0
    for call in program.calls:
        labels = ", ".join(f"r{results + n}" for n in range(len(call.produces)))
        results += len(call.produces)
        lines.append((f"{labels} = " if labels else "") + print_call(call, name))
    return "".join(line + "\n" for line in lines)


def print_call(call: Call, name: NumberWriter = plain) -> str:
    """The text of a call without its results' labels."""
    args = (print_value(arg, call, str(n), name) for n, arg in enumerate(call.args))
    return f"{call.name}({', '.join(args)})"


def print_value(value: Value, call: Call, path: str, name: NumberWriter = plain) -> str:
    """The text of one value of a call."""

    def inner(value: Value, path: str) -> str:
        return print_value(value, call, path, name)

    match value:
        case int():
            return name(value, call, path)
        case Ref(index):
            return f"r{index}"
        case ResourceRef(kinds, nth, default):
            return f"<{kinds:#x}, {nth}, {default}>"
        case Port(nth):
            return f"port({nth})"
        case Text(data):
            return quote(data)
        case Raw(data):
            return "b" + quote(data)
        case Fill(size, byte):
            return f"fill({size}, {byte:#x})"
        case Out(size):
            return f"out({size})"
        case Ints(width, values):
            return f"u{width * 8}[{', '.join(inner(v, path) for v in values)}]"
        case Struct(tag, fields):
            return f"{tag}{{{', '.join(key + '=' + inner(v, tag + '.' + key) for key, v in fields)}}}"
        case Array(items):
            return f"[{', '.join(inner(item, path) for item in items)}]"
        case Pointer(target):
            return "&" + inner(target, path)


class Parser:
    """Reads one text."""

    def __init__(self, text: str, constants: Mapping[str, int]) -> None:
        self.text = text
        self.constants = constants
        self.at = 0
        self.labels: dict[str, int] = {}

    def peek(self) -> re.Match[str]:
        """The next token; raises ValueError where there is none."""
        match = TOKEN.match(self.text, self.at)
        if match is None:
            raise ValueError(f"cannot read {self.text[self.at:].strip()[:30]!r}")
        return match

    def take(self, mark: str | None = None) -> re.Match[str]:
        """The next token, which must be `mark` if that is given."""
        match = self.peek()
        if mark is not None and match["mark"] != mark:
            raise ValueError(f"{mark!r} expected before {self.text[self.at:].strip()[:30]!r}")
        self.at = match.end()
        return match

    def accept(self, mark: str) -> bool:
        """Take the next token if it is `mark`."""
        match = TOKEN.match(self.text, self.at)
        if match is None or match["mark"] != mark:
            return False
        self.at = match.end()
        return True

    def sequence(self, end: str) -> list[Value]:
        """Values separated by commas up to the mark `end`."""
        values: list[Value] = []
        while not self.accept(end):
            if values:
                self.take(",")
            values.append(self.value())
        return values

    def value(self) -> Value:
        """One value."""
        match = self.take()
        if match["mark"] == "&":
            return Pointer(_region(self.value()))
        if match["mark"] == "[":
            return Array(tuple(_region(item) for item in self.sequence("]")))
        if match["mark"] == "<":
            return _resource_ref([_number(item) for item in self.sequence(">")])
        if match["string"]:
            literal = match["string"]
            return Raw(unquote(literal[1:])) if literal[0] == "b" else Text(unquote(literal))
        if match["result"]:
            if match["result"] not in self.labels:
                raise ValueError(f"{match['result']} is used before a call makes it")
            return Ref(self.labels[match["result"]])
        if match["name"] and (value := self.shape(match["name"])) is not None:
            return value
        return self.number(match)

    def shape(self, name: str) -> Value | None:
        """The value that begins with a name; None where the name is a constant."""
        if name in ("fill", "out") and self.accept("("):
            match [_number(item) for item in self.sequence(")")]:
                case [size, byte] if name == "fill" and size >= 0 and 0 <= byte < 256:
                    return Fill(size, byte)
                case [size] if name == "out" and size >= 0:
                    return Out(size)
            raise ValueError(f"{'fill takes a size and a byte' if name == 'fill' else 'out takes a size'}")
        if name == "port" and self.accept("("):
            match [_number(item) for item in self.sequence(")")]:
                case [nth] if 0 <= nth < PORTS:
                    return Port(nth)
            raise ValueError(f"port takes a number below {PORTS}")
        if name in ("u8", "u16", "u32", "u64") and self.accept("["):
            return Ints(int(name[1:]) // 8, tuple(_scalar(item) for item in self.sequence("]")))
        if not self.accept("{"):
            return None
        fields: list[tuple[str, Value]] = []
        while not self.accept("}"):
            if fields:
                self.take(",")
            key = self.take()["name"] or ""
            self.take("=")
            fields.append((key, self.value()))
        return Struct(name, tuple(fields))

    def number(self, match: re.Match[str]) -> int:
        """A number, or names joined by bars."""
        total = self.atom(match)
        while self.accept("|"):
            total |= self.atom(self.take())
        return total

    def atom(self, match: re.Match[str]) -> int:
        """One number or one constant's name."""
        if match["number"]:
            text = match["number"]
            octal = len(text) > 1 and text[0] == "0" and text.isdigit()
            if octal and re.search("[89]", text):
                raise ValueError(f"{text} is no octal number")
            number = int(text, 8 if octal else 0)
            if not -(1 << 63) <= number < 1 << 64:
                raise ValueError(f"{text} does not fit 64 bits")
            return number
        if not match["name"]:
            raise ValueError(f"a number or a constant is expected, not {match[0].strip()}")
        if match["name"] in self.constants:
            return self.constants[match["name"]]
        raise ValueError(f"this kernel's headers have no constant {match[0].strip()}")


def _region(value: Value) -> Region:
    if isinstance(value, (Raw, Fill, Out, Ints, Struct, Array)):
        return value
    raise ValueError('a region of memory is expected here: b"...", out(n), fill(n, byte), u32[...], name{...} or [...]')


def _scalar(value: Value) -> int | Ref | ResourceRef:
    if isinstance(value, (int, Ref, ResourceRef)):
        return value
    raise ValueError("a number or a result is expected here")


def _resource_ref(numbers: list[int]) -> ResourceRef:
    match numbers:
        case [kinds, nth, default]:
            return ResourceRef(kinds, nth, default)
    raise ValueError("a choice of results takes three numbers: <kinds, nth, default>")


def _number(value: Value) -> int:
    if isinstance(value, int):
        return value
    raise ValueError("a number is expected here")


def parse_program(
    text: str, constants: Mapping[str, int], produces: ProducesOf, check: Callable[[Call], object] = lambda _: None
) -> Program:
    """Read the text of a program; blank lines and lines that begin with # are passed over.

    `check` raises KeyError or ValueError for a call that a kernel cannot be given.
    Raises UsageError that names the line.
    """
    calls: list[Call] = []
    labels: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            call = _parse_line(line, constants, produces, labels)
            check(call)
            calls.append(call)
        except KeyError as error:
            missing = f"this kernel's headers have no structure or field {error.args[0]}"
            raise UsageError(f"line {number} of the program: {missing}: {line.strip()}") from None
        except ValueError as error:
            raise UsageError(f"line {number} of the program: {error}: {line.strip()}") from None
    return Program(tuple(calls))


def _parse_line(line: str, constants: Mapping[str, int], produces: ProducesOf, labels: dict[str, int]) -> Call:
    parser = Parser(line, constants)
    parser.labels = labels
    given: list[str] = []
    while parser.peek()["result"]:
        given.append(parser.take()["result"])
        if not parser.accept(","):
            parser.take("=")
            break
    name = parser.take()["name"]
    if not name:
        raise ValueError("a call's name is expected")
    parser.take("(")
    args = tuple(parser.sequence(")"))
    if parser.text[parser.at :].strip():
        raise ValueError(f"nothing more is expected after {name}(...)")
    made = produces(name, args)
    if given and len(given) != len(made):
        raise ValueError(f"{name} leaves {len(made)} results, not {len(given)}")
    total = labels.get("", 0)
    for n in range(len(made)):
        labels[given[n] if given else f"r{total + n}"] = total + n
    labels[""] = total + len(made)
    return Call(name, args, made)
