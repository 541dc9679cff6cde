/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot.c - the kernel starts, does what every program needs of it, and stops.
 *
 * Nothing but the kernel is needed: no disk, no privilege, no network of the
 * host's. System calls are the *at ones, which every kernel has.
 */
#include <lkltest.h>

#include "clocks.inc.c"
#include "console.inc.c"
#include "files.inc.c"
#include "host.inc.c"
#include "identity.inc.c"
#include "net.inc.c"
#include "pipes.inc.c"
#include "proc.inc.c"
#include "threads.inc.c"

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(mutex),
	LKLTEST_LIBRARY(semaphore),
	LKLTEST_LIBRARY(join),
	LKLTEST_LIBRARY(host_gettid),
	LKLTEST_LIBRARY(start_kernel, .timeout_ms = 60000),
	LKLTEST(uname),
	LKLTEST(getpid),
	LKLTEST(syscall_latency),
	LKLTEST(umask),
	LKLTEST(umask2),
	LKLTEST(creat),
	LKLTEST(close),
	LKLTEST(failopen),
	LKLTEST(open),
	LKLTEST(write),
	LKLTEST(lseek_cur),
	LKLTEST(lseek_end),
	LKLTEST(lseek_set),
	LKLTEST(read),
	LKLTEST(fstat),
	LKLTEST(mkdir),
	LKLTEST(stat),
	LKLTEST(unlink),
	LKLTEST(readv_writev),
	LKLTEST(tmpfs),
	LKLTEST(errnos),
	LKLTEST(nanosleep),
	LKLTEST(clocks),
	LKLTEST(pipe2),
	LKLTEST(epoll),
	LKLTEST(poll),
	LKLTEST(eventfd),
	LKLTEST(pipe_blocks),
	LKLTEST(mount_fs_proc),
	LKLTEST(proc_version),
	LKLTEST(chdir_proc),
	LKLTEST(open_cwd),
	LKLTEST(getdents64),
	LKLTEST(close_dir_fd),
	LKLTEST(chdir_root),
	LKLTEST(umount_fs_proc),
	LKLTEST(lo_ifup),
	LKLTEST(tcp_ipv4),
	LKLTEST(tcp_ipv6),
	LKLTEST(udp_ipv4),
	LKLTEST(udp_ipv6),
	LKLTEST(gettid),
	LKLTEST(syscall_thread),
	LKLTEST(many_syscall_threads),
	LKLTEST(syscall_threads_at_once),
	LKLTEST(console_clean),
	LKLTEST_LIBRARY(stop_kernel),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
