"""Programs that open files which earlier programs have found in the kernel's directories.

The descriptions name some files of `/proc` and `/sys`. The kernel has hundreds more, and tells their names to a program
that lists their directory. So the search begins at the roots, lists each directory that it meets, and opens each file.

Most files are opened for reading only. A setting lasts as long as the kernel does, for thousands of programs of others:
those of memory, panics and the like would make panics of warnings, or an empty machine; limits, sizes and periods of
the network, or its interfaces, would turn a protocol off, or let the stack warn in a program that has done nothing. The
switches of IP and TCP are written, which only choose between two ways of a stack that works. A mutation leaves the
arguments of these calls as they are, because no description has such a path.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from lkltest.fuzz.gen.generator import Candidate, EncodedCall, Generator, Scenario
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.resources import mask
from lkltest.fuzz.prog.values import Call, Out, Pointer, Raw, ResourceRef, Text

OPENER = "openat_proc"  # the call of a scenario for which such files are
ROOTS = (b"/proc/", b"/proc/sys/", b"/proc/self/", b"/sys/", b"/sys/class/")
MOST = 3000  # paths
ALIKE = 12  # paths that differ in numbers or the last but one name only: one process or interrupt is like the other
# Names of settings, not patterns of what is dangerous: the next kernel, or protocol, has limits with other names.
WRITABLE = re.compile(
    rb"/proc/sys/net/(core/(default_qdisc|netdev_tstamp_prequeue|tstamp_allow_data|warnings)"
    rb"|ipv[46]/(route/flush|bindv6only|flowlabel_(consistency|reflect)|fwmark_reflect|ping_group_range"
    rb"|conf/[^/]+/(accept_(local|redirects|source_route|ra|ra_defrtr|ra_from_local|ra_pinfo|ra_rtr_pref)|arp_\w+"
    rb"|autoconf|bootp_relay|drop_\w+|forwarding|ignore_routes_with_linkdown|log_martians|mc_forwarding|ndisc_notify"
    rb"|promote_secondaries|proxy_(arp|arp_pvlan|ndp)|rp_filter|(secure|send)_redirects|shared_media|src_valid_mark)"
    rb"|icmp_(echo_ignore|errors_use|ignore_bogus)_\w+|igmp_link_local_mcast_reports"
    rb"|ip_(dynaddr|early_demux|forward|forward_use_pmtu|no_pmtu_disc|nonlocal_bind)"
    rb"|tcp_(abort_on_overflow|autocorking|(allowed_)?congestion_control|dsack|early_retrans|ecn|ecn_fallback|fack"
    rb"|fastopen|fastopen_key|frto|fwmark_accept|low_latency|moderate_rcvbuf|mtu_probing|no_metrics_save|recovery"
    rb"|retrans_collapse|rfc1337|sack|slow_start_after_idle|stdurg|syncookies|thin_(dupack|linear_timeouts)|timestamps"
    rb"|tw_reuse|window_scaling|workaround_signed_windows)))$"
    rb"|/sys/devices/virtual/net/[^/]+/(ifalias|netdev_group)$"
)
# Memory of the kernel and of processes, its log, and files that belong to another process than the program's.
REFUSED = re.compile(rb"/(mem|kmem|kcore|kmsg|pagemap|kpage\w+|clear_refs|sysrq-trigger|uevent|bind|unbind)$|/proc/\d")
_DIGITS = re.compile(rb"\d+")
AT_FDCWD = -100
READ, READ_WRITE, NONBLOCK, DIRECTORY = 0, 2, 0x800, 0x10000
TEXTS = (b"0", b"1", b"2", b"-1", b"10", b"1000", b"65536", b"2147483647", b"4294967295", b"1 2 3 4", b"0 2147483647",
         b"4096 87380 6291456", b"lo", b"reno", b"cubic reno", b"fe80::1", b"1-4,8", b"\n", b"0x10", b"y")  # fmt: skip
LISTED = 32_000  # bytes of a directory that are asked for at once
FOLLOWING = ("read", "read", "read_large", "pread64", "lseek", "write")  # calls on a file that was opened


class Files:
    """The files that were found."""

    def __init__(self, description: Description, source: Random, scenario: Scenario) -> None:
        """The programs belong to a scenario."""
        self.description = description
        self.source = source
        self.scenario = scenario
        self.known: set[bytes] = set()
        self.paths: list[bytes] = []
        self.fresh: deque[bytes] = deque()  # that no program has opened yet, the next ones last
        self.alike: dict[bytes, int] = {}
        self.discover(ROOTS)

    @classmethod
    def of(cls, generator: Generator) -> Files | None:
        """The files for a generator; None where no scenario of it opens such files."""
        for scenario in generator.scenarios:
            if OPENER in scenario.keys and {"openat", "getdents64"} <= generator.description.by_call.keys():
                return cls(generator.description, generator.source, scenario)
        return None

    def discover(self, paths: Sequence[bytes]) -> None:
        """Take paths, of directories with a slash at the end."""
        for path in paths:
            if path in self.known or len(self.paths) >= MOST or REFUSED.search(path.rstrip(b"/")):
                continue
            parts = _DIGITS.sub(b"#", path.rstrip(b"/")).rsplit(b"/", 2)
            kind = parts[0] + b"/*/" + parts[-1]
            if self.alike.get(kind, 0) < ALIKE:
                self.alike[kind] = self.alike.get(kind, 0) + 1
                self.known.add(path)
                self.paths.append(path)
                (self.fresh.append if path.endswith(b"/") else self.fresh.appendleft)(path)

    def make(self) -> Candidate:
        """A program for a path, first for those that no program has opened: the directories before the files."""
        path = self.fresh.pop() if self.fresh else self.source.choice(self.paths)
        calls = self._list(path) if path.endswith(b"/") else self._use(path)
        if not self.scenario.pool:
            self.scenario.fill(self.source)
        return Candidate(tuple(map(self._encoded, calls)), self.scenario)

    def _open(self, path: bytes, flags: int) -> Call:
        args = (AT_FDCWD, Text(path), flags, 0)
        return Call("openat", args, self.description.produces("openat", args))

    def _list(self, path: bytes) -> list[Call]:
        opened = ResourceRef(mask(("file", "dir")), 0)
        ask = Call("getdents64", (opened, Pointer(Out(LISTED)), LISTED))
        return [self._open(path.rstrip(b"/"), READ | DIRECTORY), ask, ask]

    def _use(self, path: bytes) -> list[Call]:
        writable = WRITABLE.match(path) is not None
        calls = [self._open(path, (READ_WRITE if writable and self.source.chance(70) else READ) | NONBLOCK)]
        opened = ResourceRef(mask(("file",)), 0)
        for _ in range(self.source.integer(2, 5)):
            key = self.source.choice(FOLLOWING)
            if key == "write":
                text = self.source.choice(TEXTS)
                calls.append(Call("write", (opened, Pointer(Raw(text)), len(text))))
            else:
                drawn = self.description.draw(key, self.source)
                calls.append(Call(drawn.name, (opened, *drawn.args[1:]), drawn.produces))
        return calls

    def _encoded(self, call: Call) -> EncodedCall:
        return EncodedCall.of(call, self.description.variant(call.name, call.args), self.description)
