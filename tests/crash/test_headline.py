"""The headline of a kernel's log: the most specific complaint, and the function to blame."""

from __future__ import annotations

import pytest

from lkltest.crash.formats import Rank
from lkltest.crash.headline import headline

RULER = "==================================================================\n"
KASAN_BODY = """Read of size 8 at addr ffff888003a1c2f8 by task init/1

CPU: 0 PID: 1 Comm: init Not tainted 6.0.0 #1
Call Trace:
 <TASK>
 dump_stack_lvl@
 print_report.cold@
 kasan_report@
 ext4_search_dir@
 __x64_sys_openat@
 </TASK>

Allocated by task 1:
 kasan_save_stack@
 other_function@
"""
CUT = "------------[ cut here ]------------\n"

# By name: what the kernel prints, with @ for offsets, the headline, and the innermost of its signature.
LOGS = {
    "kasan 6.x": (
        f"{RULER}BUG: KASAN: slab-use-after-free in ext4_search_dir@\n{KASAN_BODY}",
        "KASAN: slab-use-after-free in ext4_search_dir", "ext4_search_dir",
    ),
    "kasan 4.x, one line": (
        f"{RULER}BUG: KASAN: use-after-free in do_mkdirat@ at addr ffff88006b0d5c40\nWrite of size 4 by task a/1\n",
        "KASAN: use-after-free in do_mkdirat", "do_mkdirat",
    ),
    "kasan 4.0": (
        "BUG: KASan: out of bounds access in ip_options_echo@ at addr ffff88006b0d5c40\n",
        "KASan: out of bounds access in ip_options_echo", "ip_options_echo",
    ),
    "kasan in memcpy": (
        f"BUG: KASAN: slab-out-of-bounds in memcpy@\n{KASAN_BODY}",
        "KASAN: slab-out-of-bounds in ext4_search_dir", "ext4_search_dir",
    ),
    "kasan, no function": (
        f"BUG: KASAN: null-ptr-deref on address 0000000000000018\n{KASAN_BODY}",
        "KASAN: null-ptr-deref in ext4_search_dir", "ext4_search_dir",
    ),
    "kasan that panics": (
        f"{RULER}BUG: KASAN: use-after-free in f_setown@\n{KASAN_BODY}{RULER}"
        "Disabling lock debugging due to kernel taint\n"
        "Kernel panic - not syncing: kasan.fault=panic set ...\nCPU: 0 PID: 1 Comm: x Tainted: G    B\n"
        "Call Trace:\n dump_stack@\n panic@\n end_report@\n---[ end Kernel panic - not syncing: x ]---\n",
        "KASAN: use-after-free in f_setown", "f_setown",
    ),
    "kasan, panic_on_warn": (
        f"BUG: KASAN: double-free in kfree_link@\n{KASAN_BODY}Kernel panic - not syncing: panic_on_warn set ...\n",
        "KASAN: double-free in kfree_link", "kfree_link",
    ),
    "kasan, then an oops": (
        f"BUG: KASAN: use-after-free in first@\n{KASAN_BODY}"
        "BUG: kernel NULL pointer dereference, address: 0000000000000008\nRIP: 0010:second@\n"
        "Kernel panic - not syncing: Fatal exception\n",
        "KASAN: use-after-free in first", "first",
    ),
    "kmsan": ("BUG: KMSAN: uninit-value in tcp_rcv@ net/x.c:3\n", "KMSAN: uninit-value in tcp_rcv", "tcp_rcv"),
    "kcsan": ("BUG: KCSAN: data-race in a_func / b_func\n", "KCSAN: data-race in a_func", "a_func"),
    "kfence": (
        "BUG: KFENCE: use-after-free read in test_read@\n", "KFENCE: use-after-free read in test_read", "test_read",
    ),
    "gpf with kasan": (
        "general protection fault, probably for non-canonical address 0xdffffc0000000001: 0000 [#1] PREEMPT SMP KASAN\n"
        "KASAN: null-ptr-deref in range [0x0000000000000008-0x000000000000000f]\n"
        "CPU: 0 PID: 1 Comm: x Not tainted 6.1.0 #1\nRIP: 0010:sock_wait@\nCode: 00 11\n",
        "KASAN: null-ptr-deref in sock_wait", "sock_wait",
    ),
    "gpf": (
        "general protection fault: 0000 [#1] SMP\nCPU: 0 PID: 1\n"
        "RIP: 0010:[<ffffffff811d2f13>]  [<ffffffff811d2f13>] d_lookup@\n",
        "general protection fault in d_lookup", "d_lookup",
    ),
    "gpf in memcpy": (
        "general protection fault: 0000 [#1]\nRIP: 0010:memcpy@\nCall Trace:\n skb_copy_bits@\n",
        "general protection fault in skb_copy_bits", "skb_copy_bits",
    ),
    "null pointer, 5.x": (
        "BUG: kernel NULL pointer dereference, address: 0000000000000010\n#PF: supervisor read access in kernel mode\n"
        "Oops: 0000 [#1] SMP\nRIP: 0010:inode_go@\nKernel panic - not syncing: Fatal exception\n",
        "BUG: kernel NULL pointer dereference in inode_go", "inode_go",
    ),
    "null pointer, 4.x": (
        "BUG: unable to handle kernel NULL pointer dereference at 0000000000000010\n"
        "IP: [<ffffffff8110>] inode_go@\nPGD 0\nOops: 0002 [#1]\n",
        "BUG: unable to handle kernel NULL pointer dereference in inode_go", "inode_go",
    ),
    "page fault": (
        "BUG: unable to handle page fault for address: ffffc90000bd9000\nRIP: 0010:inode_go@\n",
        "BUG: unable to handle page fault in inode_go", "inode_go",
    ),
    "paging request, arm64": (
        "Unable to handle kernel paging request at virtual address dead\nInternal error: Oops: 96000044 [#1]\n"
        "pc : inode_go@\nlr : other@\n",
        "Unable to handle kernel paging request in inode_go", "inode_go",
    ),
    "divide error": (
        "divide error: 0000 [#1] SMP\nRIP: 0010:tcp_window@\n", "divide error in tcp_window", "tcp_window",
    ),
    "fault of uml": (
        "Kernel mode fault at addr 0x18, ip 0x600a\nKernel panic - not syncing: Segfault with no mm\n"
        "Call Trace:\n [<60023>] ? segv@\n [<60024>] inode_go@\n",
        "Kernel mode fault in inode_go", "inode_go",
    ),
    "BUG_ON of LKL": (
        "BUG: failure at fs/namei.c:4024/do_mkdirat()!\nKernel panic - not syncing: BUG!\nCall Trace:\n",
        "BUG: failure at fs/namei.c:4024/do_mkdirat()!", "do_mkdirat",
    ),
    "BUG_ON after a warning": (
        f"{CUT}WARNING: CPU: 0 PID: 1 at fs/a.c:7 early@\nCall Trace:\n early@\n---[ end trace 1 ]---\n"
        "BUG: failure at fs/namei.c:4024/do_mkdirat()!\nKernel panic - not syncing: BUG!\n",
        "BUG: failure at fs/namei.c:4024/do_mkdirat()!", "do_mkdirat",
    ),
    "BUG_ON of x86": (
        f"{CUT}kernel BUG at mm/slub.c:305!\ninvalid opcode: 0000 [#1] SMP\nRIP: 0010:set_freepointer@\n"
        "Kernel panic - not syncing: Fatal exception\n",
        "kernel BUG at mm/slub.c:305 in set_freepointer", "set_freepointer",
    ),
    "list corruption, BUG": (
        "list_del corruption. prev->next should be ffff888003a1c2f8, but was 0000000000000000\n"
        f"{CUT}kernel BUG at lib/list_debug.c:59!\ninvalid opcode: 0000 [#1]\nRIP: 0010:__list_del_entry_valid@\n"
        "Call Trace:\n timer_remove@\n",
        "list_del corruption in timer_remove", "timer_remove",
    ),
    "list corruption, WARNING": (
        f"{CUT}WARNING: CPU: 0 PID: 1 at lib/list_debug.c:33 __list_add@()\n"
        "list_add corruption. prev->next should be next (ffff), but was (null). (prev=ffff).\n"
        "Call Trace:\n [<ffff>] dump_stack@\n [<ffff>] warn_slowpath_fmt@\n [<ffff>] __list_add@\n"
        " [<ffff>] timer_add@\n",
        "list_add corruption in timer_add", "timer_add",
    ),
    "refcount": (
        f"{CUT}refcount_t: underflow; use-after-free.\n"
        "WARNING: CPU: 0 PID: 1 at lib/refcount.c:28 refcount_warn_saturate@\n"
        "RIP: 0010:refcount_warn_saturate@\nCall Trace:\n <TASK>\n sock_put@\n",
        "refcount_t: underflow; use-after-free in sock_put", "sock_put",
    ),
    "slab, SLUB": (
        "=============================================================================\n"
        "BUG kmalloc-64 (Tainted: G    B  ): Poison overwritten\n"
        "INFO: 0xffff-0xffff. First byte 0x6a instead of 0x6b\nINFO: Allocated in sock_kmalloc@ age=2 cpu=0 pid=36\n",
        "BUG kmalloc-64 (Tainted: G    B  ): Poison overwritten", "kmalloc-64-Poison_overwritten",
    ),
    "slab, SLAB": (
        "slab error in verify_redzone_free(): cache `kmalloc-64': double free detected\nCall Trace:\n"
        " __slab_error@\n kfree@\n sock_put@\n",
        "slab error in verify_redzone_free(): cache `kmalloc-64': double free detected in sock_put", "sock_put",
    ),
    "bad page": (
        "BUG: Bad page state in process init  pfn:03a1c\npage:ffff count:-1\npage dumped because: nonzero _refcount\n"
        "Call Trace:\n dump_stack@\n bad_page.cold@\n free_pcp_prepare_x@\n",
        "BUG: Bad page state in free_pcp_prepare_x", "free_pcp_prepare_x",
    ),
    "stack corruption": (
        "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: vfs_stat@\n",
        "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: vfs_stat", "vfs_stat",
    ),
    "ubsan 5.x": (
        "UBSAN: shift-out-of-bounds in fs/xfs/xfs_log.c:12:34\nshift exponent 64 is too large for 32-bit type 'int'\n"
        "Call Trace:\n dump_stack@\n ubsan_epilogue@\n __ubsan_handle_shift_out_of_bounds.cold@\n"
        " xlog_find@\n",
        "UBSAN: shift-out-of-bounds in fs/xfs/xfs_log.c:12 in xlog_find", "xlog_find",
    ),
    "ubsan 4.x": (
        "UBSAN: Undefined behaviour in ./include/linux/log2.h:57:13\n"
        "shift exponent 64 is too large for 64-bit type 'long'\n",
        "UBSAN: shift-out-of-bounds in ./include/linux/log2.h:57", "include/linux/log2.h:57",
    ),
    "warning": (
        f"{CUT}WARNING: CPU: 0 PID: 1 at fs/inode.c:7 drop_nlink@\n",
        "WARNING: CPU: 0 PID: 1 at fs/inode.c:7 drop_nlink", "drop_nlink",
    ),
    "warning with panic_on_warn": (
        f"{CUT}WARNING: CPU: 0 PID: 1 at fs/a.c:7 early@\n"
        f"{CUT}WARNING: CPU: 0 PID: 1 at fs/inode.c:7 drop_nlink@\n"
        "Kernel panic - not syncing: panic_on_warn set ...\n",
        "WARNING: CPU: 0 PID: 1 at fs/inode.c:7 drop_nlink", "drop_nlink",
    ),
    "lockdep 4.x": (
        "=======\n[ INFO: possible circular locking dependency detected ]\n4.9.0 #1 Not tainted\n-----\n"
        "a/1 is trying to acquire lock:\n (&x){+.+.}, at: [<ffff>] vfs_one@\nstack backtrace:\nCall Trace:\n"
        " [<ffff>] dump_stack@\n [<ffff>] print_circular_bug@\n [<ffff>] __lock_acquire@\n"
        " [<ffff>] lock_acquire@\n [<ffff>] mutex_lock_nested@\n [<ffff>] vfs_one@\n",
        "INFO: possible circular locking dependency detected in vfs_one", "vfs_one",
    ),
    "lockdep 6.x": (
        "=====\nWARNING: possible recursive locking detected\n6.0.0 #1 Not tainted\nCall Trace:\n"
        " dump_stack_lvl@\n __lock_acquire.cold@\n lock_acquire@\n _raw_spin_lock@\n vfs_one@\n",
        "WARNING: possible recursive locking detected in vfs_one", "vfs_one",
    ),
    "suspicious rcu": (
        "WARNING: suspicious RCU usage\n6.0.0 #1\n-----\nnet/x.c:12 suspicious rcu_dereference_check() usage!\n"
        "Call Trace:\n dump_stack@\n lockdep_rcu_suspicious@\n fib_find@\n",
        "WARNING: suspicious RCU usage in fib_find", "fib_find",
    ),
    "bad unlock balance": (
        "WARNING: bad unlock balance detected!\nCall Trace:\n print_unlock_imbalance_bug@\n lock_release@\n"
        " up_write@\n fib_find@\n",
        "WARNING: bad unlock balance detected in fib_find", "fib_find",
    ),
    "hung task": (
        "INFO: task worker:23 blocked for more than 120 seconds.\n      Not tainted 5.10.0 #1\n"
        '"echo 0 > /proc/sys/kernel/hung_task" disables this message.\ntask:worker state:D stack: 0 pid: 23\n'
        "Call Trace:\n __schedule@\n schedule@\n schedule_timeout@\n __mutex_lock.constprop.0@\n"
        " fib_find@\nKernel panic - not syncing: hung_task: blocked tasks\n",
        "INFO: task worker:23 blocked for more than 120 seconds in fib_find", "fib_find",
    ),
    "soft lockup": (
        "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [init:1]\nModules linked in:\nRIP: 0010:fib_find@\n"
        "Call Trace:\n fib_all@\nKernel panic - not syncing: softlockup: hung tasks\n",
        "BUG: soft lockup in fib_find", "fib_find",
    ),
    "rcu stall": (
        "rcu: INFO: rcu_preempt self-detected stall on CPU\nrcu: \t0-....: (1 GPs behind)\nCall Trace:\n <IRQ>\n"
        " dump_stack@\n rcu_dump_cpu_stacks@\n update_process_times@\n </IRQ>\n fib_find@\n",
        "INFO: rcu_preempt self-detected stall in fib_find", "fib_find",
    ),
    "scheduling while atomic": (
        "BUG: scheduling while atomic: init/1/0x00000002\nModules linked in:\nCall Trace:\n dump_stack@\n"
        " __schedule_bug@\n __schedule@\n schedule@\n fib_find@\n",
        "BUG: scheduling while atomic in fib_find", "fib_find",
    ),
    "sleeping function": (
        "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:620\n"
        "in_atomic(): 1, irqs_disabled(): 0, pid: 1, name: init\nCall Trace:\n dump_stack@\n"
        " ___might_sleep.cold@\n mutex_lock@\n fib_find@\n",
        "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:620 in fib_find", "fib_find",
    ),
    "preemptible": (
        "BUG: using smp_processor_id() in preemptible [00000000] code: init/1\ncaller is fib_find@\n",
        "BUG: using smp_processor_id() in preemptible in fib_find", "fib_find",
    ),
    "spinlock": (
        "BUG: spinlock bad magic on CPU#0, init/1\n lock: 0xffff, .magic: 00000000\nCall Trace:\n spin_bug@\n"
        " do_raw_spin_lock@\n fib_find@\n",
        "BUG: spinlock bad magic in fib_find", "fib_find",
    ),
    "out of memory": (
        "init invoked oom-killer: gfp_mask=0x1\nCall Trace:\n dump_stack@\n"
        "Kernel panic - not syncing: Out of memory and no killable processes...\n",
        "Kernel panic - not syncing: Out of memory and no killable processes...",
        "Kernel_panic_not_syncing_Out_of_memory_and_no_killable_proce",
    ),
    "no root": (
        "VFS: Cannot open root device \"(null)\"\n"
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n",
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
        "Kernel_panic_not_syncing_VFS_Unable_to_mount_root_fs_on_unkn",
    ),
    "init was killed": (
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\n",
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
        "Kernel_panic_not_syncing_Attempted_to_kill_init_exitcode_NxN",
    ),
    "a complaint of a new kind": (
        "BUG: Dentry ffff{i=1,n=x} still in use\nCall Trace:\n umount_check@\n",
        "BUG: Dentry ffff{i=1 in umount_check", "umount_check",
    ),
    "only a trace": ("Call Trace:\n fib_find@\n", "Call Trace in fib_find", "fib_find"),
}  # fmt: skip


@pytest.mark.parametrize("stamp", ["", "[    1.234567] ", "[    1.234567][    T1] "], ids=["bare", "time", "caller"])
@pytest.mark.parametrize("name", LOGS)
def test_the_headline_names_the_bug(name: str, stamp: str) -> None:
    """The complaint that explains the others is the headline, with the function to blame, behind any stamp."""
    text, title, frame = LOGS[name]
    found = headline("".join(f"{stamp}{line}\n" for line in text.replace("@", "+0x1a/0x2b").splitlines()).encode())
    assert found is not None
    assert (found.title, found.signature[0]) == (title, frame)


@pytest.mark.parametrize("text", [
    b"", b"boot\nKernel command line: foo=BUG: x panic=1\n", b"a: page allocation failure: order:8\n",
    b"KASAN_SHADOW_START : 0x1\n", b"rcu: \tRCU lockdep checking is enabled.\n",
])  # fmt: skip
def test_a_clean_log_has_no_headline(text: bytes) -> None:
    """A log without a complaint has no headline."""
    assert headline(text) is None


@pytest.mark.parametrize(("name", "damages"), [
    ("kasan 6.x", True), ("BUG_ON of LKL", True), ("null pointer, 4.x", True), ("slab, SLUB", True), ("refcount", True),
    ("warning", False), ("ubsan 5.x", False), ("lockdep 6.x", False), ("hung task", False),
])  # fmt: skip
def test_damage_is_told_from_a_warning(name: str, damages: bool) -> None:
    """After a fault, or a misuse of memory, the kernel is not to be trusted; after a warning it is."""
    found = headline(LOGS[name][0].replace("@", "+0x1a/0x2b").encode())
    assert found is not None
    assert found.damages is damages


@pytest.mark.parametrize(("line", "damages"), [
    ("BUG: scheduling while atomic: a/1/0x2", True), ("BUG: using smp_processor_id() in preemptible [0] code: a", True),
    ("BUG: held lock freed!", True), ("BUG: spinlock bad magic on CPU#0, a/1", True), ("Oops: 0002 [#1] SMP", True),
    ("BUG: memory leak", False), ("1 new suspected memory leaks", False), ("INFO: possible recursive locking", False),
    ("INFO: task a:1 blocked for more than 120 seconds.", False),
])  # fmt: skip
def test_damage_goes_by_the_kind(line: str, damages: bool) -> None:
    """A kernel that survives a BUG or an oops is not to be trusted; after a leak or a warning of lockdep it is."""
    found = headline(line.encode())
    assert found is not None
    assert found.damages is damages


@pytest.mark.parametrize("place", ["0x00005581234aabcd", "[<00005581234aabcd>]", "ffffffff8123abcd", "_etext+0x3/0x9"])
def test_a_place_without_a_symbol_is_none(place: str) -> None:
    """Without CONFIG_KALLSYMS the kernel prints addresses, which differ from run to run; the stack names the place."""
    found = headline(f"BUG: KASAN: use-after-free in {place}\nRead of size 8 at addr 1 by task a/1\n".encode())
    assert found is not None
    assert (found.title, found.placed) == ("KASAN: use-after-free", False)
    assert found.at(("__asan_load8", "inode_go")).title == "KASAN: use-after-free in inode_go"


@pytest.mark.parametrize(("line", "title"), [
    ("BUG: KASAN: slab-out-of-bounds in memcpy+0x1/0x2", "KASAN: slab-out-of-bounds in inode_go"),
    ("BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580",
     "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580 in inode_go"),
    ("BUG: scheduling while atomic: a/1/0x2", "BUG: scheduling while atomic in inode_go"),
])
def test_a_function_that_only_reports_is_not_to_blame(line: str, title: str) -> None:
    """The stack tells the caller, if the log names only a function that copies, locks or sleeps."""
    found = headline(line.encode())
    assert found is not None
    told = found.at(("__might_resched", "memcpy", "mutex_lock", "msleep", "inode_go") if found.waits else
                    ("kasan_report", "memcpy", "inode_go"))
    assert (told.title, told.signature) == (title, ("inode_go",))


def test_a_symbol_that_the_stack_contradicts_is_wrong() -> None:
    """LKL's kallsyms takes code for data: the stack has the right name, also behind a place, and is else left alone."""
    found = headline(b"BUG: KASAN: use-after-free in ac6_seq_ops+0x3/0x20\n")
    assert found is not None
    assert found.at(("inode_go", "iput")).title == "KASAN: use-after-free in inode_go"
    assert found.at(("inode_go", "iput")).signature == ("inode_go", "iput")
    assert found.at(()) == found
    assert found.at(("ac6_seq_ops", "iput")).title == found.title
    warning = headline(b"WARNING: CPU: 0 PID: 1 at fs/inode.c:42 ac6_seq_ops+0x3/0x20\n")
    assert warning is not None
    assert warning.at(("inode_go",)).title == "WARNING: CPU: 0 PID: 1 at fs/inode.c:42 in inode_go"
    for function in ("do_mkdirat", "lkl_trigger_irq", "kfree"):
        named = headline(f"BUG: failure at fs/namei.c:4024/{function}()!\n".encode())
        assert named is not None
        assert named.at(("inode_go",)).signature[0] == function
        assert named.at(("inode_go",)).title == named.title


def test_a_place_takes_the_function_from_the_stack() -> None:
    """A WARNING that names only a line (no CONFIG_KALLSYMS) has its function from the stack, and else the line."""
    found = headline(b"WARNING: CPU: 0 PID: 17 at mm/page_alloc.c:5525 0x00005581234aabcd\n")
    assert found is not None
    assert found.signature == ("mm/page_alloc.c:5525",)
    told = found.at(("__warn", "__alloc_pages", "do_mmap"))
    assert told.title == "WARNING: CPU: 0 PID: 17 at mm/page_alloc.c:5525 in __alloc_pages"
    assert told.signature == ("__alloc_pages", "do_mmap")


def test_a_watchdog_that_speaks_of_others_is_not_to_blame() -> None:
    """The stack of the thread that finds a task blocked says nothing of the task."""
    found = headline(b"INFO: task host1:22 blocked for more than 5 seconds.\n")
    assert found is not None
    assert found.at(("check_hung_task", "watchdog", "kthread", "thread_bootstrap")) == found


def test_a_log_without_a_stack_takes_the_program_s() -> None:
    """LKL cannot walk its stack: the function comes from the crash report, where the log names none."""
    found = headline(b"Kernel panic - not syncing: Out of memory\nCall Trace:\n")
    assert found is not None
    assert not found.placed
    told = found.at(("out_of_memory", "write"))
    assert told.title == "Kernel panic - not syncing: Out of memory in out_of_memory"
    assert told.signature == ("out_of_memory", "write")
    named = headline(b"BUG: failure at fs/namei.c:4024/do_mkdirat()!\nKernel panic - not syncing: BUG!\n")
    assert named is not None
    assert named.at(("lkl_x", "do_mkdirat")).signature == ("do_mkdirat", "lkl_x")
    assert named.rank is Rank.FATAL
