/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files, mounts, mappings and the kernel's own files, as every file system has them: no disk is needed.
 *
 * Each point works below /vfs, on the kernel's root, which is in memory.
 */
#include <lkltest.h>

#include "vfs_events.inc.c"
#include "vfs_io.inc.c"
#include "vfs_locks.inc.c"
#include "vfs_memory.inc.c"
#include "vfs_mounts.inc.c"
#include "vfs_names.inc.c"
#include "vfs_proc.inc.c"
#include "vfs_slab.inc.c"

#ifndef LKLTEST_NATIVE
POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
}
#endif

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel, .timeout_ms = 60000, .needs = ""),
	LKLTEST(rename_flags, .needs = "start_kernel"),
	LKLTEST(symlink_chain, .needs = "start_kernel"),
	LKLTEST(long_names, .needs = "start_kernel"),
	LKLTEST(large_directory, .needs = "start_kernel"),
	LKLTEST(open_path, .needs = "start_kernel"),
	LKLTEST(permissions, .needs = "start_kernel"),
	LKLTEST(sticky_and_group, .needs = "start_kernel"),
	LKLTEST(set_user_id, .needs = "start_kernel"),
	LKLTEST(descriptors, .needs = "start_kernel"),
	LKLTEST(file_flags, .needs = "start_kernel"),
	LKLTEST(times, .needs = "start_kernel"),
	LKLTEST(xattr_limits, .needs = "start_kernel"),
	LKLTEST(execve, .needs = "start_kernel"),
	LKLTEST(splice, .needs = "start_kernel"),
	LKLTEST(tee_and_vmsplice, .needs = "start_kernel"),
	LKLTEST(splice_pipes, .needs = "start_kernel"),
	LKLTEST(sendfile, .needs = "start_kernel"),
	LKLTEST(copy_file_range, .needs = "start_kernel"),
	LKLTEST(vectors_at_a_place, .needs = "start_kernel"),
	LKLTEST(sparse_file, .needs = "start_kernel"),
	LKLTEST(file_size_limit, .needs = "start_kernel"),
	LKLTEST(fifo, .needs = "start_kernel"),
	LKLTEST(pipe_size, .needs = "start_kernel"),
	LKLTEST(memory_devices, .needs = "start_kernel"),
	LKLTEST(pseudo_terminal, .needs = "start_kernel"),
	LKLTEST(flock, .needs = "start_kernel"),
	LKLTEST(posix_locks, .needs = "start_kernel"),
	LKLTEST(ofd_locks, .needs = "start_kernel"),
	LKLTEST(lease, .needs = "start_kernel"),
	LKLTEST(inotify, .needs = "start_kernel"),
	LKLTEST(fanotify, .needs = "start_kernel"),
	LKLTEST(aio, .needs = "start_kernel"),
	LKLTEST(bind_mount, .needs = "start_kernel"),
	LKLTEST(bind_read_only, .needs = "start_kernel"),
	LKLTEST(bind_recursive, .needs = "start_kernel"),
	LKLTEST(move_mount, .needs = "start_kernel"),
	LKLTEST(propagation, .needs = "start_kernel"),
	LKLTEST(unbindable, .needs = "start_kernel"),
	LKLTEST(umount_detached, .needs = "start_kernel"),
	LKLTEST(umount_expired, .needs = "start_kernel"),
	LKLTEST(umount_link, .needs = "start_kernel"),
	LKLTEST(mount_nodev, .needs = "start_kernel"),
	LKLTEST(mount_atime, .needs = "start_kernel"),
	LKLTEST(remount_busy, .needs = "start_kernel"),
	LKLTEST(chroot, .needs = "start_kernel"),
	LKLTEST(pivot_root, .needs = "start_kernel"),
	LKLTEST(map_memory, .needs = "start_kernel"),
	LKLTEST(map_file_private, .needs = "start_kernel"),
	LKLTEST(map_file_shared, .needs = "start_kernel"),
	LKLTEST(map_twice, .needs = "start_kernel"),
	LKLTEST(map_zeroes, .needs = "start_kernel"),
	LKLTEST(remap, .needs = "start_kernel"),
	LKLTEST(unmap_parts, .needs = "start_kernel"),
	LKLTEST(memory_by_proc, .needs = "start_kernel"),
	LKLTEST(map_shared_parts, .needs = "start_kernel"),
	LKLTEST(map_code, .needs = "start_kernel"),
	LKLTEST(map_until_full, .needs = "start_kernel"),
	LKLTEST(map_refused, .needs = "start_kernel"),
	LKLTEST(overcommit, .needs = "start_kernel"),
	LKLTEST(brk, .needs = "start_kernel"),
	LKLTEST(sealed_memory, .needs = "start_kernel"),
	LKLTEST(advice, .needs = "start_kernel"),
	LKLTEST(proc_meminfo, .needs = "start_kernel"),
	LKLTEST(proc_self, .needs = "start_kernel"),
	LKLTEST(proc_comm, .needs = "start_kernel"),
	LKLTEST(proc_fd, .needs = "start_kernel"),
	LKLTEST(proc_mounts, .needs = "start_kernel"),
	LKLTEST(proc_filesystems, .needs = "start_kernel"),
	LKLTEST(proc_in_pieces, .needs = "start_kernel"),
	LKLTEST(proc_walk, .needs = "start_kernel"),
	LKLTEST(sys_walk, .needs = "start_kernel"),
	LKLTEST(sys_slab, .needs = "start_kernel"),
	LKLTEST(sys_slab_limits, .needs = "start_kernel"),
	LKLTEST(sys_slab_flags, .needs = "start_kernel"),
	LKLTEST(sys_slab_trace, .needs = "start_kernel"),
	LKLTEST(sys_slab_order, .needs = "start_kernel"),
	LKLTEST(sys_slab_checks, .needs = "start_kernel"),
	LKLTEST(sysctls, .needs = "start_kernel"),
	LKLTEST(sysctl_pairs, .needs = "start_kernel"),
	LKLTEST(sysrq_memory, .needs = "start_kernel"),
	LKLTEST(sysctl_limits, .needs = "start_kernel"),
	LKLTEST(sysctl_counts, .needs = "start_kernel"),
	LKLTEST(drop_caches, .needs = "start_kernel"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
