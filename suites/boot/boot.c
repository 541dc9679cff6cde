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
#include "credentials.inc.c"
#include "events.inc.c"
#include "files.inc.c"
#include "host.inc.c"
#include "identity.inc.c"
#include "ipc.inc.c"
#include "kernelfiles.inc.c"
#include "net.inc.c"
#include "pipes.inc.c"
#include "proc.inc.c"
#include "scheduling.inc.c"
#include "signals.inc.c"
#include "system.inc.c"
#include "threads.inc.c"
#include "timers.inc.c"

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(mutex, .needs = ""),
	LKLTEST_LIBRARY(semaphore, .needs = ""),
	LKLTEST_LIBRARY(join, .needs = ""),
	LKLTEST_LIBRARY(host_gettid, .needs = ""),
	LKLTEST_LIBRARY(start_kernel, .timeout_ms = 60000, .needs = ""),
	LKLTEST(uname, .needs = "start_kernel"),
	LKLTEST(getpid, .needs = "start_kernel"),
	LKLTEST(syscall_latency, .needs = "start_kernel"),
	LKLTEST(umask, .needs = "start_kernel"),
	LKLTEST(umask2, .needs = "umask"),
	LKLTEST(creat, .needs = "umask2"),
	LKLTEST(close, .needs = "creat"),
	LKLTEST(failopen, .needs = "start_kernel"),
	LKLTEST(open, .needs = "creat"),
	LKLTEST(write, .needs = "open"),
	LKLTEST(lseek_cur, .needs = "write"),
	LKLTEST(lseek_end, .needs = "write"),
	LKLTEST(lseek_set, .needs = "write"),
	LKLTEST(read, .needs = "lseek_set"),
	LKLTEST(fstat, .needs = "write"),
	LKLTEST(mkdir, .needs = "umask2"),
	LKLTEST(stat, .needs = "mkdir"),
	LKLTEST(unlink, .needs = "creat mkdir"),
	LKLTEST(readv_writev, .needs = "start_kernel"),
	LKLTEST(tmpfs, .needs = "start_kernel"),
	LKLTEST(errnos, .needs = "start_kernel"),
	LKLTEST(nanosleep, .needs = "start_kernel"),
	LKLTEST(clocks, .needs = "start_kernel"),
	LKLTEST(pipe2, .needs = "start_kernel"),
	LKLTEST(epoll, .needs = "start_kernel"),
	LKLTEST(poll, .needs = "start_kernel"),
	LKLTEST(eventfd, .needs = "start_kernel"),
	LKLTEST(pipe_blocks, .needs = "start_kernel"),
	LKLTEST(mount_fs_proc, .needs = "start_kernel"),
	LKLTEST(proc_version, .needs = "mount_fs_proc"),
	LKLTEST(chdir_proc, .needs = "mount_fs_proc"),
	LKLTEST(open_cwd, .needs = "chdir_proc"),
	LKLTEST(getdents64, .needs = "open_cwd"),
	LKLTEST(close_dir_fd, .needs = "open_cwd"),
	LKLTEST(chdir_root, .needs = "chdir_proc"),
	LKLTEST(umount_fs_proc, .needs = "mount_fs_proc"),
	LKLTEST(lo_ifup, .needs = "start_kernel"),
	LKLTEST(tcp_ipv4, .needs = "lo_ifup"),
	LKLTEST(tcp_ipv6, .needs = "lo_ifup"),
	LKLTEST(udp_ipv4, .needs = "lo_ifup"),
	LKLTEST(udp_ipv6, .needs = "lo_ifup"),
	LKLTEST(gettid, .needs = "start_kernel"),
	LKLTEST(syscall_thread, .needs = "start_kernel"),
	LKLTEST(many_syscall_threads, .needs = "start_kernel"),
	LKLTEST(syscall_threads_at_once, .needs = "start_kernel"),
	LKLTEST(signal_pending, .needs = "start_kernel"),
	LKLTEST(signal_queue, .needs = "start_kernel"),
	LKLTEST(signal_errors, .needs = "start_kernel"),
	LKLTEST(signal_action, .needs = "start_kernel"),
	LKLTEST(signal_stop, .needs = "start_kernel"),
	LKLTEST(signal_wait, .needs = "start_kernel"),
	LKLTEST(signalfd, .needs = "start_kernel"),
	LKLTEST(signal_stack, .needs = "start_kernel"),
	LKLTEST(timer_signal, .needs = "start_kernel"),
	LKLTEST(timer_silent, .needs = "start_kernel"),
	LKLTEST(timer_cpu, .needs = "start_kernel"),
	LKLTEST(itimer, .needs = "start_kernel"),
	LKLTEST(timerfd, .needs = "start_kernel"),
	LKLTEST(sleep_until, .needs = "start_kernel"),
	LKLTEST(clocks_all, .needs = "start_kernel"),
	LKLTEST(clock_set, .needs = "start_kernel"),
	LKLTEST(clock_adjust, .needs = "start_kernel"),
	LKLTEST(users, .needs = "start_kernel"),
	LKLTEST(groups, .needs = "start_kernel"),
	LKLTEST(unprivileged, .needs = "start_kernel"),
	LKLTEST(capabilities, .needs = "start_kernel"),
	LKLTEST(capabilities_kept, .needs = "start_kernel"),
	LKLTEST(sched_policies, .needs = "start_kernel"),
	LKLTEST(sched_attributes, .needs = "start_kernel"),
	LKLTEST(priority, .needs = "start_kernel"),
	LKLTEST(affinity, .needs = "start_kernel"),
	LKLTEST(hostname, .needs = "start_kernel"),
	LKLTEST(sysinfo, .needs = "start_kernel"),
	LKLTEST(limits, .needs = "start_kernel"),
	LKLTEST(limit_file_size, .needs = "start_kernel"),
	LKLTEST(usage, .needs = "start_kernel"),
	LKLTEST(prctl, .needs = "start_kernel"),
	LKLTEST(personality, .needs = "start_kernel"),
	LKLTEST(wait_for_nobody, .needs = "start_kernel"),
	LKLTEST(process_groups, .needs = "start_kernel"),
	LKLTEST(reboot_switch, .needs = "start_kernel"),
	LKLTEST(syslog, .needs = "start_kernel"),
	LKLTEST(kmsg, .needs = "start_kernel"),
	LKLTEST(membarrier, .needs = "start_kernel"),
	LKLTEST(epoll_modes, .needs = "start_kernel"),
	LKLTEST(epoll_nested, .needs = "start_kernel"),
	LKLTEST(epoll_refuses, .needs = "start_kernel"),
	LKLTEST(epoll_wakes, .needs = "start_kernel"),
	LKLTEST(eventfd_semaphore, .needs = "start_kernel"),
	LKLTEST(select, .needs = "start_kernel"),
	LKLTEST(sysctls, .needs = "start_kernel"),
	LKLTEST(sysctls_readonly, .needs = "start_kernel"),
	LKLTEST(proc_kernel, .needs = "start_kernel"),
	LKLTEST(proc_process, .needs = "start_kernel"),
	LKLTEST(proc_symbols, .needs = "start_kernel"),
	LKLTEST(sys_parameters, .needs = "start_kernel"),
	LKLTEST(sys_workqueue, .needs = "start_kernel"),
	LKLTEST(sys_devices, .needs = "start_kernel"),
	LKLTEST(futex, .needs = "start_kernel"),
	LKLTEST(futex_wake, .needs = "start_kernel"),
	LKLTEST(sysv_messages, .needs = "start_kernel"),
	LKLTEST(sysv_semaphores, .needs = "start_kernel"),
	LKLTEST(sysv_memory, .needs = "start_kernel"),
	LKLTEST(posix_queue, .needs = "start_kernel"),
	LKLTEST(keys, .needs = "start_kernel"),
	LKLTEST(namespace_uts, .needs = "start_kernel"),
	LKLTEST(unshare_files, .needs = "start_kernel"),
	LKLTEST(console_clean, .needs = "start_kernel"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
