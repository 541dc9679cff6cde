"""Files that the kernel's directories tell of are opened by later programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.fuzz.exec.kernel import Kernel, KernelConfig
from lkltest.fuzz.gen.arguments import Arguments
from lkltest.fuzz.gen.files import ALIKE, READ, ROOTS, Files
from lkltest.fuzz.gen.generator import Batch, Generator
from lkltest.fuzz.gen.guided import Guided, Origin
from lkltest.fuzz.gen.store import Store
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Text
from tests.fuzz.gen.toy import SCENARIOS, describe_toy


@pytest.fixture
def files(description: Description) -> Files:
    """No files but the roots."""
    found = Files.of(Generator(description, 1))
    assert found is not None
    return found


def opened(files: Files, programs: int) -> dict[bytes, int]:
    """The paths that programs open, with their flags."""
    found = {}
    for _ in range(programs):
        path, flags = files.make().calls[0].call.args[1:3]
        assert isinstance(path, Text)
        assert isinstance(flags, int)
        found[path.data] = flags
    return found


def test_the_kernel_tells_its_files(files: Files, config: KernelConfig) -> None:
    """Programs that list directories lead to others, down to files that no description names."""
    with Kernel(config) as kernel:
        kernel.memory.ask_for_listings()
        while any(path.endswith(b"/") for path in files.fresh):
            batch = Batch.of([files.make() for _ in range(32)])
            assert kernel.run(batch.data, 32) == 32
            files.discover(kernel.memory.listed())
    assert {b"/proc/sys/net/ipv4/ip_forward", b"/proc/self/status", b"/proc/self/fd/"} <= files.known
    assert {b"/sys/devices/virtual/net/%b/mtu" % name for name in (b"lo", b"sit0")} & files.known


def test_nothing_is_told_that_nobody_asked_for(files: Files, config: KernelConfig) -> None:
    """A kernel whose engine takes no names makes no further call to find them."""
    with Kernel(config) as kernel:
        batch = Batch.of([files.make() for _ in ROOTS])
        assert kernel.run(batch.data, len(ROOTS)) == len(ROOTS)
        assert kernel.memory.listed() == []


def test_new_paths_come_first(files: Files) -> None:
    """Directories are listed and files are used once before any of them comes again."""
    assert set(opened(files, len(ROOTS))) == {path.rstrip(b"/") for path in ROOTS}
    files.discover([b"/proc/one", b"/proc/two/"])
    assert set(opened(files, 2)) == {b"/proc/one", b"/proc/two"}


def test_dangerous_files_are_not_written(files: Files) -> None:
    """Settings but for switches of the network are only read, memory and the log are not even opened."""
    opened(files, len(ROOTS))
    files.discover([b"/proc/kcore", b"/proc/sysrq-trigger", b"/proc/7/status", b"/sys/devices/x/uevent"])
    assert not files.fresh
    network = (
        "core/dev_weight core/dev_weight_rx_bias core/netdev_budget core/netdev_max_backlog core/rmem_max "
        "core/wmem_default core/optmem_max core/busy_poll core/rps_sock_flow_entries ipv4/tcp_mem ipv4/tcp_rmem "
        "ipv4/udp_mem ipv4/tcp_max_orphans ipv4/tcp_base_mss ipv4/ipfrag_high_thresh ipv4/ip_local_port_range "
        "ipv4/tcp_syn_retries ipv4/tcp_fin_timeout ipv4/neigh/lo/gc_thresh3 ipv4/route/max_size "
        "ipv6/conf/all/disable_ipv6 ipv6/conf/lo/mtu ipv6/conf/all/accept_ra_min_hop_limit unix/max_dgram_qlen "
        "mptcp/enabled sctp/rto_max netfilter/nf_conntrack_max"
    )
    settings = [b"/proc/sys/kernel/panic", b"/proc/sys/vm/min_free_kbytes", b"/sys/kernel/slab/a/order",
                *(b"/sys/devices/virtual/net/lo/%b" % name for name in (b"flags", b"mtu", b"proto_down")),
                *(b"/proc/sys/net/%b" % name.encode() for name in network.split())]
    for _ in range(20):
        files.fresh.extend(settings)
        flags = opened(files, len(settings))
        assert {path for path in settings if flags[path] & 3 != READ} == set()


@pytest.mark.parametrize("name", [b"ipv4/ip_forward", b"ipv4/tcp_sack", b"ipv6/conf/lo/accept_ra", b"ipv4/route/flush"])
def test_switches_of_the_network_are_written(files: Files, name: bytes) -> None:
    """A setting that only chooses between two ways is written now and then."""
    path = b"/proc/sys/net/" + name
    flags = set()
    for _ in range(50):
        files.fresh.append(path)
        flags.add(opened(files, 1)[path] & 3)
    assert flags == {0, 2}


def test_a_mutation_leaves_such_a_call_as_it_is(files: Files, description: Description) -> None:
    """Its flags stay, so that a file that is read is not written."""
    arguments = Arguments(description, files.source)
    call = files.make().calls[0]
    for _ in range(50):
        assert arguments.change(call.call, description.variants[call.key]) == call.call


def test_files_that_are_alike_are_few(files: Files) -> None:
    """Of directories that a kernel has for each interrupt, the files of some are used."""
    opened(files, len(ROOTS))
    known = len(files.known)
    files.discover([b"/proc/irq/%d/spurious" % n for n in range(1000)])
    assert len(files.fresh) == len(files.known) - known == ALIKE


def test_a_generator_without_such_files_has_none(description: Description) -> None:
    """Scenarios that open none are not given any."""
    assert Files.of(Generator(description, 1, ("tcp4",))) is None
    assert Files.of(Generator(describe_toy(), 1, scenarios=SCENARIOS)) is None


def test_new_files_have_a_part_of_each_search(description: Description) -> None:
    """A guided engine opens new files soon, and leaves room for other programs."""
    engine = Guided(description, 1)
    engine.discover([b"/proc/sys/net/ipv4/file%d" % n for n in range(12)])
    kinds = [origin.kind for origin in engine.batch(100).origins if isinstance(origin, Origin)]
    assert 10 <= kinds.count("files") < 50
    assert kinds.count("fresh") > 50


def test_such_programs_are_kept_as_text(files: Files, description: Description, tmp_path: Path) -> None:
    """A corpus gives them back as they were."""
    files.discover([b"/proc/sys/net/ipv4/ip_forward", b"/proc/sys/vm/swappiness"])
    store = Store(tmp_path, description)
    for _ in range(20):
        candidate = files.make()
        again = store.read(store.write(candidate), [files.scenario])
        assert again is not None
        assert again.encoded() == candidate.encoded()
