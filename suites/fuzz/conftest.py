"""Fixtures of the fuzz suite: a kernel in a worker process, an oracle, a profile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lkltest import Liblkl, Settings, UsageError
from lkltest.fuzz import Description, KernelConfig, Oracle, Profile, chosen, describe

# Failures that a kernel is known to have: by the start of its version, by name, with the reason. `lkltest fuzz` finds
# and reports them all the same.
KNOWN = {
    "4.9": {
        "console-__alloc_pages_nodemask": "mmap() of more than the page allocator's largest order warns",
        "hang-*down_write*": "munmap() waits for ever after /proc/self/maps was read to its end",
        "console-skb_warn_bad_offload": "CVE-2017-1000112: a datagram begun with offload goes on without (4.13)",
        "crash-skb_release_data-*": "CVE-2017-1000112 as well",
        "*-skb_copy_and_csum_bits-*": "CVE-2017-1000112 as well",
        "crash-ip6_mc_leave_src-*": "CVE-2017-9077: sockets inherit multicast memberships (4.12)",
        "crash-lock_sock_nested-ip_mc_config-*": "RTM_NEWADDR with IFA_F_MCAUTOJOIN, and no CONFIG_IP_MULTICAST",
    },
    "6.0": {
        "console-__alloc_pages": "mmap() of more than the page allocator's largest order warns",
        "console-proc_pid_stack*": "LKL cannot walk the stack that /proc/self/stack asks for",
        "hang-*down_write*": "munmap() waits for ever after /proc/self/maps was read to its end",
    },
}


@pytest.fixture(scope="session")
def profile(lkltest_settings: Settings) -> Profile:
    """The number of examples that are tried for each property."""
    return chosen(lkltest_settings)


@pytest.fixture(scope="session")
def description(kernel: Liblkl, lkltest_settings: Settings) -> Description:
    """The description of the kernel's calls."""
    return describe(kernel, lkltest_settings)


@pytest.fixture(scope="session")
def config(kernel: Liblkl, description: Description, lkltest_settings: Settings) -> KernelConfig:
    """The configuration of the workers' kernels."""
    try:
        return KernelConfig.make(kernel, lkltest_settings, description.shapes)
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def oracle(kernel: Liblkl, config: KernelConfig, description: Description) -> Iterator[Oracle]:
    """A kernel that runs programs, and reports how they fail."""
    known = {name: why for start, names in KNOWN.items() if kernel.version.startswith(start)
             for name, why in names.items()}
    with Oracle(config, description, known) as made:
        yield made
