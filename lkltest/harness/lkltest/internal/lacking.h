/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that a kernel may lack, with the option that it needs: each use of one
 * skips the point, where it would else not compile.
 *
 * C cannot ask whether a function is declared. So lkltest/liblkl/lacking.py
 * reads the kernel's headers and this one, and the compiler is given
 * -DLKLTEST_LACKS_CALL_<name> for each that is not there.
 */
#ifndef LKLTEST_INTERNAL_LACKING_H
#define LKLTEST_INTERNAL_LACKING_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

/* Skips the point. Takes the arguments of any call, so that none is unused. */
static __attribute__((unused)) long lkltest_no_call(const char *name, const char *option, ...);

#ifdef LKLTEST_LACKS_CALL_accept
#define lkl_sys_accept(...) lkltest_no_call("accept", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_accept4
#define lkl_sys_accept4(...) lkltest_no_call("accept4", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_bind
#define lkl_sys_bind(...) lkltest_no_call("bind", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_connect
#define lkl_sys_connect(...) lkltest_no_call("connect", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_getpeername
#define lkl_sys_getpeername(...) lkltest_no_call("getpeername", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_getsockname
#define lkl_sys_getsockname(...) lkltest_no_call("getsockname", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_getsockopt
#define lkl_sys_getsockopt(...) lkltest_no_call("getsockopt", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_listen
#define lkl_sys_listen(...) lkltest_no_call("listen", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_recvfrom
#define lkl_sys_recvfrom(...) lkltest_no_call("recvfrom", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_recvmmsg
#define lkl_sys_recvmmsg(...) lkltest_no_call("recvmmsg", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_recvmsg
#define lkl_sys_recvmsg(...) lkltest_no_call("recvmsg", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_sendmmsg
#define lkl_sys_sendmmsg(...) lkltest_no_call("sendmmsg", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_sendmsg
#define lkl_sys_sendmsg(...) lkltest_no_call("sendmsg", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_sendto
#define lkl_sys_sendto(...) lkltest_no_call("sendto", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_setsockopt
#define lkl_sys_setsockopt(...) lkltest_no_call("setsockopt", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_shutdown
#define lkl_sys_shutdown(...) lkltest_no_call("shutdown", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_socket
#define lkl_sys_socket(...) lkltest_no_call("socket", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_socketpair
#define lkl_sys_socketpair(...) lkltest_no_call("socketpair", "CONFIG_NET", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_epoll_create1
#define lkl_sys_epoll_create1(...) lkltest_no_call("epoll_create1", "CONFIG_EPOLL", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_epoll_ctl
#define lkl_sys_epoll_ctl(...) lkltest_no_call("epoll_ctl", "CONFIG_EPOLL", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_epoll_pwait
#define lkl_sys_epoll_pwait(...) lkltest_no_call("epoll_pwait", "CONFIG_EPOLL", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_eventfd2
#define lkl_sys_eventfd2(...) lkltest_no_call("eventfd2", "CONFIG_EVENTFD", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_signalfd4
#define lkl_sys_signalfd4(...) lkltest_no_call("signalfd4", "CONFIG_SIGNALFD", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_timerfd_create
#define lkl_sys_timerfd_create(...) lkltest_no_call("timerfd_create", "CONFIG_TIMERFD", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_timerfd_gettime
#define lkl_sys_timerfd_gettime(...) lkltest_no_call("timerfd_gettime", "CONFIG_TIMERFD", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_timerfd_settime
#define lkl_sys_timerfd_settime(...) lkltest_no_call("timerfd_settime", "CONFIG_TIMERFD", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_inotify_add_watch
#define lkl_sys_inotify_add_watch(...) lkltest_no_call("inotify_add_watch", "CONFIG_INOTIFY_USER", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_inotify_init1
#define lkl_sys_inotify_init1(...) lkltest_no_call("inotify_init1", "CONFIG_INOTIFY_USER", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_inotify_rm_watch
#define lkl_sys_inotify_rm_watch(...) lkltest_no_call("inotify_rm_watch", "CONFIG_INOTIFY_USER", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_flock
#define lkl_sys_flock(...) lkltest_no_call("flock", "CONFIG_FILE_LOCKING", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_futex
#define lkl_sys_futex(...) lkltest_no_call("futex", "CONFIG_FUTEX", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_memfd_create
#define lkl_sys_memfd_create(...) lkltest_no_call("memfd_create", "CONFIG_MEMFD_CREATE", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_clock_getres
#define lkl_sys_clock_getres(...) lkltest_no_call("clock_getres", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_clock_gettime
#define lkl_sys_clock_gettime(...) lkltest_no_call("clock_gettime", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_clock_nanosleep
#define lkl_sys_clock_nanosleep(...) lkltest_no_call("clock_nanosleep", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_clock_settime
#define lkl_sys_clock_settime(...) lkltest_no_call("clock_settime", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_timer_create
#define lkl_sys_timer_create(...) lkltest_no_call("timer_create", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_timer_delete
#define lkl_sys_timer_delete(...) lkltest_no_call("timer_delete", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_timer_gettime
#define lkl_sys_timer_gettime(...) lkltest_no_call("timer_gettime", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_timer_settime
#define lkl_sys_timer_settime(...) lkltest_no_call("timer_settime", "CONFIG_POSIX_TIMERS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_syslog
#define lkl_sys_syslog(...) lkltest_no_call("syslog", "CONFIG_PRINTK", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_msgget
#define lkl_sys_msgget(...) lkltest_no_call("msgget", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_msgrcv
#define lkl_sys_msgrcv(...) lkltest_no_call("msgrcv", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_msgsnd
#define lkl_sys_msgsnd(...) lkltest_no_call("msgsnd", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_semget
#define lkl_sys_semget(...) lkltest_no_call("semget", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_semop
#define lkl_sys_semop(...) lkltest_no_call("semop", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_shmat
#define lkl_sys_shmat(...) lkltest_no_call("shmat", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_shmdt
#define lkl_sys_shmdt(...) lkltest_no_call("shmdt", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_shmget
#define lkl_sys_shmget(...) lkltest_no_call("shmget", "CONFIG_SYSVIPC", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_mq_open
#define lkl_sys_mq_open(...) lkltest_no_call("mq_open", "CONFIG_POSIX_MQUEUE", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_mq_unlink
#define lkl_sys_mq_unlink(...) lkltest_no_call("mq_unlink", "CONFIG_POSIX_MQUEUE", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_io_destroy
#define lkl_sys_io_destroy(...) lkltest_no_call("io_destroy", "CONFIG_AIO", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_io_getevents
#define lkl_sys_io_getevents(...) lkltest_no_call("io_getevents", "CONFIG_AIO", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_io_setup
#define lkl_sys_io_setup(...) lkltest_no_call("io_setup", "CONFIG_AIO", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_io_submit
#define lkl_sys_io_submit(...) lkltest_no_call("io_submit", "CONFIG_AIO", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_fadvise64
#define lkl_sys_fadvise64(...) lkltest_no_call("fadvise64", "CONFIG_ADVISE_SYSCALLS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_fanotify_init
#define lkl_sys_fanotify_init(...) lkltest_no_call("fanotify_init", "CONFIG_FANOTIFY", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_fanotify_mark
#define lkl_sys_fanotify_mark(...) lkltest_no_call("fanotify_mark", "CONFIG_FANOTIFY", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_add_key
#define lkl_sys_add_key(...) lkltest_no_call("add_key", "CONFIG_KEYS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_keyctl
#define lkl_sys_keyctl(...) lkltest_no_call("keyctl", "CONFIG_KEYS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_request_key
#define lkl_sys_request_key(...) lkltest_no_call("request_key", "CONFIG_KEYS", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_name_to_handle_at
#define lkl_sys_name_to_handle_at(...) lkltest_no_call("name_to_handle_at", "CONFIG_FHANDLE", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_open_by_handle_at
#define lkl_sys_open_by_handle_at(...) lkltest_no_call("open_by_handle_at", "CONFIG_FHANDLE", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_bpf
#define lkl_sys_bpf(...) lkltest_no_call("bpf", "CONFIG_BPF_SYSCALL", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_quotactl
#define lkl_sys_quotactl(...) lkltest_no_call("quotactl", "CONFIG_QUOTACTL", ##__VA_ARGS__)
#endif
#ifdef LKLTEST_LACKS_CALL_mmap
#define lkl_sys_mmap(...) ((void *)lkltest_no_call("mmap", "", ##__VA_ARGS__))
#endif
#ifdef LKLTEST_LACKS_CALL_munmap
#define lkl_sys_munmap(...) lkltest_no_call("munmap", "", ##__VA_ARGS__)
#endif

#endif
