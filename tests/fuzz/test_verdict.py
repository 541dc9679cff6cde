from __future__ import annotations

from lkltest.fuzz.verdict import complaint

SLUB = b"""\
[    0.512345] =============================================================================
[    0.512346] BUG kmalloc-64 (Not tainted): Object already free
[    0.512347] -----------------------------------------------------------------------------

[    0.512348] Disabling lock debugging due to kernel taint
[    0.512349] INFO: Allocated in sock_kmalloc+0x5a/0x80 age=2 cpu=0 pid=36
[    0.512350] INFO: Freed in sock_kfree_s+0x1a/0x40 age=1 cpu=0 pid=36
"""


def test_slab_damage_is_named() -> None:
    """What the slab allocator's own checks report is told by the damage and by whose memory it is."""
    title, signature = complaint(SLUB)
    assert title == "BUG kmalloc-64 (Not tainted): Object already free"
    assert signature == ("kmalloc-64-Object_already_free", "sock_kmalloc")
