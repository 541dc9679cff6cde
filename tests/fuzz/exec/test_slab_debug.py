"""The checks of the slab allocator find bugs that a plain kernel survives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from lkltest.fuzz.exec.kernel import SLAB_CHECKS, KernelConfig
from lkltest.fuzz.findings import DATA, Finding, config_of
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.csource import Writer
from lkltest.fuzz.repro.report import ReportType
from lkltest.fuzz.repro.runner import Runner

# CVE-2017-9077, fixed in 4.12: an accepted socket inherits its listener's multicast memberships, and frees them.
INHERITED = """\
r0 = socket(AF_INET6, SOCK_STREAM|SOCK_NONBLOCK, 0)
setsockopt(r0, IPPROTO_IPV6, MCAST_JOIN_GROUP, &group_req{gr_interface=1, gr_group=[u16[AF_INET6, 0, 0, 0, 0x2ff, 0, 0, 0, 0, 0, 0, 0x700]]}, 136)
bind(r0, &sockaddr_in6{sin6_family=AF_INET6, sin6_port=0x204e}, 28)
listen(r0, 5)
r1 = socket(AF_INET6, SOCK_STREAM|SOCK_NONBLOCK, 0)
connect(r1, &sockaddr_in6{sin6_family=AF_INET6, sin6_port=0x204e, sin6_addr=[out(15), u8[1]]}, 28)
r2 = accept4(r0, 0, 0, SOCK_NONBLOCK)
close(r2)
nanosleep(&timespec{tv_nsec=1000000}, 0)
close(r0)
"""  # noqa: E501 -- one call a line


def test_use_after_free_is_seen(
    config: KernelConfig, description: Description, parse: Callable[[str], Program]
) -> None:
    """A listener's membership that another socket has freed is found out when it is used."""
    with Runner(config.with_slab_debug, description) as runner:
        report = runner.run([parse(INHERITED)]).report
    assert report is not None
    assert report.type == "crash"
    assert any("ipv6_sock_mc_close" in function for function in report.signature)


def test_a_grace_period_passes_between_closes(
    config: KernelConfig, description: Description, parse: Callable[[str], Program]
) -> None:
    """Memory that the close of an accepted socket frees is gone when its listener is closed."""
    program = parse(INHERITED[: INHERITED.index("close(r2)")])
    with Runner(config.with_slab_debug, description) as runner:
        report = runner.run([program]).report
    assert report is not None
    assert any("ipv6_sock_mc_close" in function for function in report.signature)
    writer = Writer(description, guarded=False)
    writer.clean(program)
    assert "close_all((long[]){ r0, r1, r2 }, 3, 1);" in "".join(writer.lines)  # the last number lets it yield
    writer = Writer(description, guarded=False)
    writer.clean(parse("r0 = socket(AF_INET6, SOCK_STREAM|SOCK_NONBLOCK, 0)\n"))
    assert "close_all((long[]){ r0 }, 1, 0);" in "".join(writer.lines)


def test_kasan_needs_no_other_checks(config: KernelConfig) -> None:
    """A kernel with KASAN is started as it is: the two would cost their time twice."""
    liblkl = replace(config.liblkl, config=frozenset({"CONFIG_KASAN"}))
    assert replace(config, liblkl=liblkl).with_slab_debug.cmdline == config.cmdline
    assert replace(config, liblkl=liblkl).slab_debug_rotation == (replace(config, liblkl=liblkl),)
    assert SLAB_CHECKS in config.with_slab_debug.cmdline


def test_kernels_take_turns(config: KernelConfig, description: Description, parse: Callable[[str], Program]) -> None:
    """Each kernel of the rotation finds a use of freed kmalloc() memory; some also check the caches with names."""
    assert len({turn.cmdline for turn in config.slab_debug_rotation}) == 2
    for turn in config.slab_debug_rotation[:2]:  # one of each kind
        with Runner(turn, description) as runner:
            report = runner.run([parse(INHERITED)]).report
        assert report is not None
        assert report.type == "crash"


def test_names_of_caches_are_patterns_since_4_20(config: KernelConfig) -> None:
    """A kernel that takes them for patterns would not find its caches by the beginning of their names."""
    cmdlines = [
        replace(config, liblkl=replace(config.liblkl, version=version)).slab_debug_rotation[-1].cmdline
        for version in ("4.9.0", "4.19.300+", "4.20.0-rc1", "6.0.0", "")
    ]
    names = [line.rpartition(SLAB_CHECKS)[2] for line in cmdlines]
    assert names == [",kmalloc", ",kmalloc", ",kmalloc-*", ",kmalloc-*", ""]


def test_a_finding_is_run_again_as_it_was_found(config: KernelConfig, tmp_path: Path) -> None:
    """The kernel's command line belongs to a finding; a text file, and findings of old, have none."""
    finding = Finding(
        name="crash-here", kind=ReportType.CRASH, title="a crash", signature=("here",), kernel="lkl", version="4.9.0",
        times=1, of=1, reproducer=False, cmdline=config.with_slab_debug.cmdline,
    )
    (tmp_path / DATA).write_text(json.dumps(asdict(finding)))
    assert config_of(tmp_path, config) == config.with_slab_debug
    (tmp_path / DATA).write_text(json.dumps({**asdict(finding), "cmdline": ""}))
    assert config_of(tmp_path, config) == config
    assert config_of(tmp_path / "program.txt", config) == config
