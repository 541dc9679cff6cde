"""A model of a file system, in Python's dictionaries, that says what file operations must do."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

Path = tuple[str, ...]  # the names from the top of the model down; () is the top


@dataclass(eq=False)
class File:
    """A regular file."""

    data: bytearray = field(default_factory=bytearray)
    links: int = 1


@dataclass(eq=False)
class Directory:
    """A directory."""

    entries: dict[str, File | Directory] = field(default_factory=dict)

    @property
    def links(self) -> int:
        """Itself, its name, and each directory in it."""
        return 2 + sum(isinstance(entry, Directory) for entry in self.entries.values())


Node = File | Directory


class Refused(Exception):
    """An operation fails with an errno."""

    def __init__(self, number: int) -> None:
        super().__init__(errno.errorcode[number])
        self.errno = number


class FileModel:
    """A tree of files that behaves as Linux documents it; operations raise Refused.

    Errors come in Linux's order: parents first, the source's before the target's.
    """

    def __init__(self) -> None:
        self.root = Directory()

    def parent(self, path: Path) -> Directory:
        """The directory that a path's last name stands in."""
        node: Node = self.root
        for name in path[:-1]:
            if not isinstance(node, Directory):
                raise Refused(errno.ENOTDIR)
            if name not in node.entries:
                raise Refused(errno.ENOENT)
            node = node.entries[name]
        if not isinstance(node, Directory):
            raise Refused(errno.ENOTDIR)
        return node

    def find(self, path: Path) -> Node:
        """The file or directory of a path."""
        found = self.parent(path).entries.get(path[-1])
        if found is None:
            raise Refused(errno.ENOENT)
        return found

    def file(self, path: Path) -> File:
        """The regular file that a path names."""
        found = self.find(path)
        if isinstance(found, Directory):
            raise Refused(errno.EISDIR)
        return found

    def vacant(self, path: Path) -> Directory:
        """The directory in which a path's last name is still free."""
        parent = self.parent(path)
        if path[-1] in parent.entries:
            raise Refused(errno.EEXIST)
        return parent

    def create(self, path: Path, *, exclusive: bool) -> None:
        """Open with O_CREAT."""
        parent = self.parent(path)
        found = parent.entries.get(path[-1])
        if found is None:
            parent.entries[path[-1]] = File()
        elif exclusive:
            raise Refused(errno.EEXIST)
        elif isinstance(found, Directory):
            raise Refused(errno.EISDIR)

    def write(self, path: Path, offset: int, data: bytes) -> int:
        """Write at an offset; a gap before it is zeroes."""
        content = self.file(path).data
        if data:
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(data)] = data
        return len(data)

    def truncate(self, path: Path, size: int) -> None:
        """Cut or extend a file."""
        content = self.file(path).data
        content.extend(bytes(max(0, size - len(content))))
        del content[size:]

    def mkdir(self, path: Path) -> None:
        """Make a directory."""
        self.vacant(path).entries[path[-1]] = Directory()

    def rmdir(self, path: Path) -> None:
        """Remove an empty directory."""
        found = self.find(path)
        if not isinstance(found, Directory):
            raise Refused(errno.ENOTDIR)
        if found.entries:
            raise Refused(errno.ENOTEMPTY)
        del self.parent(path).entries[path[-1]]

    def unlink(self, path: Path) -> None:
        """Remove a file's name."""
        self.file(path).links -= 1
        del self.parent(path).entries[path[-1]]

    def link(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        found = self.find(old)
        parent = self.vacant(new)
        if isinstance(found, Directory):
            raise Refused(errno.EPERM)
        found.links += 1
        parent.entries[new[-1]] = found

    def rename(self, old: Path, new: Path) -> None:
        """Move a name, over another one where that can be."""
        source_parent, target_parent = self.parent(old), self.parent(new)
        source = self.find(old)
        if isinstance(source, Directory) and len(new) > len(old) and new[: len(old)] == old:
            raise Refused(errno.EINVAL)
        if len(old) > len(new) and old[: len(new)] == new:
            raise Refused(errno.ENOTEMPTY)
        target = target_parent.entries.get(new[-1])
        if target is source:
            return  # both are names of one file already: nothing happens
        if target is not None:
            replaceable(source, target)
        if isinstance(target, File):
            target.links -= 1
        del source_parent.entries[old[-1]]
        target_parent.entries[new[-1]] = source


def replaceable(source: Node, target: Node) -> None:
    """Raise Refused where `source` cannot take the place of `target`."""
    if isinstance(source, Directory) and not isinstance(target, Directory):
        raise Refused(errno.ENOTDIR)
    if isinstance(target, Directory) and not isinstance(source, Directory):
        raise Refused(errno.EISDIR)
    if isinstance(target, Directory) and target.entries:
        raise Refused(errno.ENOTEMPTY)
