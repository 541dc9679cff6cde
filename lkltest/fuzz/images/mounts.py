"""The options and the flags of mounts: they are inputs, as images and programs are."""

from __future__ import annotations

import random
from collections.abc import Mapping

from lkltest.fuzz.images.target import Target
from lkltest.fuzz.prog.values import Array, Call, Fill, Pointer, Raw, Text

DEVICE, PLACE = b"/dev/disk", b"/disk"  # of the executor's image.h
PAGE = 4096  # bytes of options: the kernel copies a whole page
MOST = 6  # options of one mount
FLAGS_CHANCE = 0.5  # that a mount has flags
REMOUNT, READ_ONLY, SYNCHRONOUS, NO_ACCESS_TIMES = 0x20, 0x1, 0x10, 0x400
FLAGS = (READ_ONLY, READ_ONLY, SYNCHRONOUS, NO_ACCESS_TIMES, 0x2, 0x4, 0x8, 0x80, 0x800, 0x8000, 1 << 16,
         1 << 21, 1 << 23, 1 << 24, 1 << 25)  # and nosuid, nodev, noexec, dirsync, nodiratime, silent,
# posixacl, relatime, i_version, strictatime, lazytime

# A word of each group at most. None asks for a panic, which would be no bug of the kernel.
_EXT4 = (
    "data=journal data=ordered data=writeback", "delalloc nodelalloc", "noload", "journal_checksum",
    "journal_async_commit", "barrier nobarrier barrier=0", "commit=1 commit=100 commit=0", "stripe=4 stripe=16",
    "inode_readahead_blks=0 inode_readahead_blks=1 inode_readahead_blks=32", "auto_da_alloc noauto_da_alloc",
    "dioread_lock dioread_nolock", "max_dir_size_kb=1 max_dir_size_kb=64", "i_version", "lazytime nolazytime",
    "block_validity noblock_validity", "init_itable init_itable=0 noinit_itable", "discard nodiscard",
    "user_xattr nouser_xattr", "acl noacl", "bsddf minixdf", "grpid nogrpid bsdgroups sysvgroups", "debug", "nouid32",
    "quota usrquota grpquota noquota prjquota", "jqfmt=vfsv0,usrjquota=q jqfmt=vfsv1,grpjquota=q usrjquota=",
    "resuid=1000", "resgid=1000", "sb=1 sb=8193 sb=32768", "test_dummy_encryption", "dax", "min_batch_time=0",
    "max_batch_time=0", "journal_ioprio=0 journal_ioprio=7", "data_err=abort data_err=ignore", "errors=remount-ro",
    "abort", "oldalloc orlov", "check=none nocheck", "mblk_io_submit nomblk_io_submit", "nojournal_checksum",
    "bh nobh", "norecovery",
)
_BTRFS = (
    "compress compress=zlib compress=lzo compress=zstd compress=no compress-force=zlib compress-force=lzo",
    "degraded", "subvol=packed subvol=/ subvol=nope subvolid=5 subvolid=0 subvolid=256 subvolrootid=5",
    "recovery usebackuproot", "nodatacow datacow", "nodatasum datasum", "max_inline=0 max_inline=100 max_inline=4096",
    "ssd nossd ssd_spread", "space_cache nospace_cache space_cache=v1 space_cache=v2", "clear_cache", "inode_cache",
    "autodefrag noautodefrag", "treelog notreelog", "flushoncommit noflushoncommit", "discard nodiscard", "acl noacl",
    "thread_pool=1", "metadata_ratio=1", "commit=1 commit=100", "skip_balance", "rescan_uuid_tree", "enospc_debug",
    "user_subvol_rm_allowed", "norecovery nologreplay", "alloc_start=0 alloc_start=1m", "barrier nobarrier",
    "check_int check_int_data", "device=/dev/disk",
)
_XFS = (
    "norecovery", "nouuid", "ikeep noikeep", "inode32 inode64", "largeio nolargeio", "swalloc", "noalign",
    "sunit=8,swidth=16 sunit=8,swidth=12 sunit=0,swidth=0", "attr2 noattr2", "allocsize=64k allocsize=4k allocsize=1g",
    "logbufs=2 logbufs=8", "logbsize=32k logbsize=256k", "wsync", "filestreams", "grpid nogrpid bsdgroups",
    "quota uquota noquota uqnoenforce", "gquota gqnoenforce", "pquota pqnoenforce", "discard nodiscard",
    "barrier nobarrier", "dax",
)
_VFAT = (
    "shortname=lower shortname=win95 shortname=winnt shortname=mixed", "codepage=437 codepage=850 codepage=932",
    "iocharset=utf8 iocharset=iso8859-1 iocharset=ascii iocharset=cp437", "utf8 utf8=1 utf8=0", "uni_xlate",
    "nonumtail", "check=r check=n check=s", "usefree", "quiet", "showexec", "debug", "fat=12 fat=16 fat=32",
    "sys_immutable", "flush", "discard", "nfs nfs=stale_rw nfs=nostale_ro", "tz=UTC time_offset=60", "dos1xfloppy",
    "rodir", "umask=022 dmask=077 fmask=0", "uid=1000", "gid=1000", "allow_utime=20",
    "errors=continue errors=remount-ro", "nocase", "dots nodots dotsOK=yes",
)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "ext2": _EXT4, "ext3": _EXT4, "ext4": _EXT4, "btrfs": _BTRFS, "xfs": _XFS, "vfat": _VFAT,
}


def mounting(target: Target, *, flags: int = 0, options: str | None = None) -> Call:
    """The call that mounts the image, by default with the options of its target."""
    text = (target.options if options is None else options).encode()
    page = Pointer(Array((Raw(text), Fill(PAGE - len(text), 0))))
    return Call("mount", (Text(DEVICE), Text(PLACE), Text(target.type.encode()), flags, page))


def drawn(target: Target, rng: random.Random, *, flags: int = 0) -> Call:
    """A mount with options and flags at random, beside `flags` and the options of its target."""
    groups = OPTIONS[target.type]
    count = min(int(rng.expovariate(0.6)), MOST) or 1
    chosen = rng.sample(groups, count) if rng.random() >= FLAGS_CHANCE / 2 else []
    words = [word for word in (target.options, *(rng.choice(group.split()) for group in chosen)) if word]
    if rng.random() < FLAGS_CHANCE or not chosen:
        for flag in rng.sample(FLAGS, rng.choice((1, 1, 2, 3))):
            flags |= flag
    return mounting(target, flags=flags, options=",".join(words))


def mount(target: Target) -> tuple[Call, Call]:
    """The calls that mount the image as its recipe says, and go there."""
    return mounting(target), Call("chdir", (Text(PLACE),))
