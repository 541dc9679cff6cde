/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The native shape: the same programs over the running kernel's own system
 * calls, as a static init of User Mode Linux.
 *
 * lkl_sys_*() return a negative error, as in a library; LKL_* constants and
 * struct lkl_* are the host C library's, whose layout on one and the same
 * machine is the kernel's.
 */
#ifndef LKLTEST_INTERNAL_NATIVE_H
#define LKLTEST_INTERNAL_NATIVE_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <lkltest/internal/kcov.h>

static inline long lkltest_syscall(long nr, const long *p)
{
	long ret = syscall(nr, p[0], p[1], p[2], p[3], p[4], p[5]);

	lkltest_kcov_after_call();
	return ret == -1 ? -errno : ret;
}

static inline const char *lkl_strerror(int err)
{
	return strerror(err < 0 ? -err : err);
}

/* As it is in a library: lkl_syscall(number, parameters). */
#define lkl_syscall(nr, params) lkltest_syscall(nr, params)

/* Every argument as a long, and zeroes for those that are not given. */
#define LKLTEST_NATIVE_SYS(name, ...) LKLTEST_NATIVE_SYS_(SYS_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define LKLTEST_NATIVE_SYS_(nr, a, b, c, d, e, f, ...) \
	lkltest_syscall(nr, (const long [6]){ (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f) })

#define lkl_sys_accept4(...) LKLTEST_NATIVE_SYS(accept4, ##__VA_ARGS__)
#define lkl_sys_bind(...) LKLTEST_NATIVE_SYS(bind, ##__VA_ARGS__)
#define lkl_sys_chdir(...) LKLTEST_NATIVE_SYS(chdir, ##__VA_ARGS__)
#define lkl_sys_clock_getres(...) LKLTEST_NATIVE_SYS(clock_getres, ##__VA_ARGS__)
#define lkl_sys_clock_gettime(...) LKLTEST_NATIVE_SYS(clock_gettime, ##__VA_ARGS__)
#define lkl_sys_clock_nanosleep(...) LKLTEST_NATIVE_SYS(clock_nanosleep, ##__VA_ARGS__)
#define lkl_sys_close(...) LKLTEST_NATIVE_SYS(close, ##__VA_ARGS__)
#define lkl_sys_connect(...) LKLTEST_NATIVE_SYS(connect, ##__VA_ARGS__)
#define lkl_sys_dup(...) LKLTEST_NATIVE_SYS(dup, ##__VA_ARGS__)
#define lkl_sys_dup3(...) LKLTEST_NATIVE_SYS(dup3, ##__VA_ARGS__)
#define lkl_sys_epoll_create1(...) LKLTEST_NATIVE_SYS(epoll_create1, ##__VA_ARGS__)
#define lkl_sys_epoll_ctl(...) LKLTEST_NATIVE_SYS(epoll_ctl, ##__VA_ARGS__)
#define lkl_sys_epoll_pwait(...) LKLTEST_NATIVE_SYS(epoll_pwait, ##__VA_ARGS__)
#define lkl_sys_eventfd2(...) LKLTEST_NATIVE_SYS(eventfd2, ##__VA_ARGS__)
#define lkl_sys_faccessat(...) LKLTEST_NATIVE_SYS(faccessat, ##__VA_ARGS__)
#define lkl_sys_fallocate(...) LKLTEST_NATIVE_SYS(fallocate, ##__VA_ARGS__)
#define lkl_sys_fchdir(...) LKLTEST_NATIVE_SYS(fchdir, ##__VA_ARGS__)
#define lkl_sys_fchmod(...) LKLTEST_NATIVE_SYS(fchmod, ##__VA_ARGS__)
#define lkl_sys_fchmodat(...) LKLTEST_NATIVE_SYS(fchmodat, ##__VA_ARGS__)
#define lkl_sys_fchown(...) LKLTEST_NATIVE_SYS(fchown, ##__VA_ARGS__)
#define lkl_sys_fchownat(...) LKLTEST_NATIVE_SYS(fchownat, ##__VA_ARGS__)
#define lkl_sys_fcntl(...) LKLTEST_NATIVE_SYS(fcntl, ##__VA_ARGS__)
#define lkl_sys_fdatasync(...) LKLTEST_NATIVE_SYS(fdatasync, ##__VA_ARGS__)
#define lkl_sys_flock(...) LKLTEST_NATIVE_SYS(flock, ##__VA_ARGS__)
#define lkl_sys_fstat(...) LKLTEST_NATIVE_SYS(fstat, ##__VA_ARGS__)
#define lkl_sys_fstatfs(...) LKLTEST_NATIVE_SYS(fstatfs, ##__VA_ARGS__)
#define lkl_sys_fsync(...) LKLTEST_NATIVE_SYS(fsync, ##__VA_ARGS__)
#define lkl_sys_ftruncate(...) LKLTEST_NATIVE_SYS(ftruncate, ##__VA_ARGS__)
#define lkl_sys_futex(...) LKLTEST_NATIVE_SYS(futex, ##__VA_ARGS__)
#define lkl_sys_getcwd(...) LKLTEST_NATIVE_SYS(getcwd, ##__VA_ARGS__)
#define lkl_sys_getdents64(...) LKLTEST_NATIVE_SYS(getdents64, ##__VA_ARGS__)
#define lkl_sys_getegid(...) LKLTEST_NATIVE_SYS(getegid, ##__VA_ARGS__)
#define lkl_sys_geteuid(...) LKLTEST_NATIVE_SYS(geteuid, ##__VA_ARGS__)
#define lkl_sys_getgid(...) LKLTEST_NATIVE_SYS(getgid, ##__VA_ARGS__)
#define lkl_sys_getpeername(...) LKLTEST_NATIVE_SYS(getpeername, ##__VA_ARGS__)
#define lkl_sys_getpid(...) LKLTEST_NATIVE_SYS(getpid, ##__VA_ARGS__)
#define lkl_sys_getppid(...) LKLTEST_NATIVE_SYS(getppid, ##__VA_ARGS__)
#define lkl_sys_getpriority(...) LKLTEST_NATIVE_SYS(getpriority, ##__VA_ARGS__)
#define lkl_sys_getrandom(...) LKLTEST_NATIVE_SYS(getrandom, ##__VA_ARGS__)
#define lkl_sys_getrlimit(...) LKLTEST_NATIVE_SYS(getrlimit, ##__VA_ARGS__)
#define lkl_sys_getrusage(...) LKLTEST_NATIVE_SYS(getrusage, ##__VA_ARGS__)
#define lkl_sys_getsockname(...) LKLTEST_NATIVE_SYS(getsockname, ##__VA_ARGS__)
#define lkl_sys_getsockopt(...) LKLTEST_NATIVE_SYS(getsockopt, ##__VA_ARGS__)
#define lkl_sys_gettid(...) LKLTEST_NATIVE_SYS(gettid, ##__VA_ARGS__)
#define lkl_sys_gettimeofday(...) LKLTEST_NATIVE_SYS(gettimeofday, ##__VA_ARGS__)
#define lkl_sys_getuid(...) LKLTEST_NATIVE_SYS(getuid, ##__VA_ARGS__)
#define lkl_sys_getxattr(...) LKLTEST_NATIVE_SYS(getxattr, ##__VA_ARGS__)
#define lkl_sys_inotify_add_watch(...) LKLTEST_NATIVE_SYS(inotify_add_watch, ##__VA_ARGS__)
#define lkl_sys_inotify_init1(...) LKLTEST_NATIVE_SYS(inotify_init1, ##__VA_ARGS__)
#define lkl_sys_inotify_rm_watch(...) LKLTEST_NATIVE_SYS(inotify_rm_watch, ##__VA_ARGS__)
#define lkl_sys_ioctl(...) LKLTEST_NATIVE_SYS(ioctl, ##__VA_ARGS__)
#define lkl_sys_kill(...) LKLTEST_NATIVE_SYS(kill, ##__VA_ARGS__)
#define lkl_sys_linkat(...) LKLTEST_NATIVE_SYS(linkat, ##__VA_ARGS__)
#define lkl_sys_listen(...) LKLTEST_NATIVE_SYS(listen, ##__VA_ARGS__)
#define lkl_sys_listxattr(...) LKLTEST_NATIVE_SYS(listxattr, ##__VA_ARGS__)
#define lkl_sys_lseek(...) LKLTEST_NATIVE_SYS(lseek, ##__VA_ARGS__)
#define lkl_sys_memfd_create(...) LKLTEST_NATIVE_SYS(memfd_create, ##__VA_ARGS__)
#define lkl_sys_mkdirat(...) LKLTEST_NATIVE_SYS(mkdirat, ##__VA_ARGS__)
#define lkl_sys_mknodat(...) LKLTEST_NATIVE_SYS(mknodat, ##__VA_ARGS__)
#define lkl_sys_mount(...) LKLTEST_NATIVE_SYS(mount, ##__VA_ARGS__)
#define lkl_sys_munmap(...) LKLTEST_NATIVE_SYS(munmap, ##__VA_ARGS__)
#define lkl_sys_nanosleep(...) LKLTEST_NATIVE_SYS(nanosleep, ##__VA_ARGS__)
#define lkl_sys_openat(...) LKLTEST_NATIVE_SYS(openat, ##__VA_ARGS__)
#define lkl_sys_pipe2(...) LKLTEST_NATIVE_SYS(pipe2, ##__VA_ARGS__)
#define lkl_sys_ppoll(...) LKLTEST_NATIVE_SYS(ppoll, ##__VA_ARGS__)
#define lkl_sys_pread64(...) LKLTEST_NATIVE_SYS(pread64, ##__VA_ARGS__)
#define lkl_sys_preadv(...) LKLTEST_NATIVE_SYS(preadv, ##__VA_ARGS__)
#define lkl_sys_prlimit64(...) LKLTEST_NATIVE_SYS(prlimit64, ##__VA_ARGS__)
#define lkl_sys_pselect6(...) LKLTEST_NATIVE_SYS(pselect6, ##__VA_ARGS__)
#define lkl_sys_pwrite64(...) LKLTEST_NATIVE_SYS(pwrite64, ##__VA_ARGS__)
#define lkl_sys_pwritev(...) LKLTEST_NATIVE_SYS(pwritev, ##__VA_ARGS__)
#define lkl_sys_read(...) LKLTEST_NATIVE_SYS(read, ##__VA_ARGS__)
#define lkl_sys_readlinkat(...) LKLTEST_NATIVE_SYS(readlinkat, ##__VA_ARGS__)
#define lkl_sys_readv(...) LKLTEST_NATIVE_SYS(readv, ##__VA_ARGS__)
#define lkl_sys_recvfrom(...) LKLTEST_NATIVE_SYS(recvfrom, ##__VA_ARGS__)
#define lkl_sys_recvmsg(...) LKLTEST_NATIVE_SYS(recvmsg, ##__VA_ARGS__)
#define lkl_sys_removexattr(...) LKLTEST_NATIVE_SYS(removexattr, ##__VA_ARGS__)
#define lkl_sys_renameat(...) LKLTEST_NATIVE_SYS(renameat, ##__VA_ARGS__)
#define lkl_sys_renameat2(...) LKLTEST_NATIVE_SYS(renameat2, ##__VA_ARGS__)
#define lkl_sys_sched_yield(...) LKLTEST_NATIVE_SYS(sched_yield, ##__VA_ARGS__)
#define lkl_sys_sendfile(...) LKLTEST_NATIVE_SYS(sendfile, ##__VA_ARGS__)
#define lkl_sys_sendmsg(...) LKLTEST_NATIVE_SYS(sendmsg, ##__VA_ARGS__)
#define lkl_sys_sendto(...) LKLTEST_NATIVE_SYS(sendto, ##__VA_ARGS__)
#define lkl_sys_sethostname(...) LKLTEST_NATIVE_SYS(sethostname, ##__VA_ARGS__)
#define lkl_sys_setsockopt(...) LKLTEST_NATIVE_SYS(setsockopt, ##__VA_ARGS__)
#define lkl_sys_setxattr(...) LKLTEST_NATIVE_SYS(setxattr, ##__VA_ARGS__)
#define lkl_sys_shutdown(...) LKLTEST_NATIVE_SYS(shutdown, ##__VA_ARGS__)
#define lkl_sys_signalfd4(...) LKLTEST_NATIVE_SYS(signalfd4, ##__VA_ARGS__)
#define lkl_sys_socket(...) LKLTEST_NATIVE_SYS(socket, ##__VA_ARGS__)
#define lkl_sys_socketpair(...) LKLTEST_NATIVE_SYS(socketpair, ##__VA_ARGS__)
#define lkl_sys_splice(...) LKLTEST_NATIVE_SYS(splice, ##__VA_ARGS__)
#define lkl_sys_statfs(...) LKLTEST_NATIVE_SYS(statfs, ##__VA_ARGS__)
#define lkl_sys_symlinkat(...) LKLTEST_NATIVE_SYS(symlinkat, ##__VA_ARGS__)
#define lkl_sys_sync(...) LKLTEST_NATIVE_SYS(sync, ##__VA_ARGS__)
#define lkl_sys_syncfs(...) LKLTEST_NATIVE_SYS(syncfs, ##__VA_ARGS__)
#define lkl_sys_sysinfo(...) LKLTEST_NATIVE_SYS(sysinfo, ##__VA_ARGS__)
#define lkl_sys_syslog(...) LKLTEST_NATIVE_SYS(syslog, ##__VA_ARGS__)
#define lkl_sys_tgkill(...) LKLTEST_NATIVE_SYS(tgkill, ##__VA_ARGS__)
#define lkl_sys_timerfd_create(...) LKLTEST_NATIVE_SYS(timerfd_create, ##__VA_ARGS__)
#define lkl_sys_timerfd_gettime(...) LKLTEST_NATIVE_SYS(timerfd_gettime, ##__VA_ARGS__)
#define lkl_sys_timerfd_settime(...) LKLTEST_NATIVE_SYS(timerfd_settime, ##__VA_ARGS__)
#define lkl_sys_times(...) LKLTEST_NATIVE_SYS(times, ##__VA_ARGS__)
#define lkl_sys_truncate(...) LKLTEST_NATIVE_SYS(truncate, ##__VA_ARGS__)
#define lkl_sys_umask(...) LKLTEST_NATIVE_SYS(umask, ##__VA_ARGS__)
#define lkl_sys_uname(...) LKLTEST_NATIVE_SYS(uname, ##__VA_ARGS__)
#define lkl_sys_unlinkat(...) LKLTEST_NATIVE_SYS(unlinkat, ##__VA_ARGS__)
#define lkl_sys_utimensat(...) LKLTEST_NATIVE_SYS(utimensat, ##__VA_ARGS__)
#define lkl_sys_write(...) LKLTEST_NATIVE_SYS(write, ##__VA_ARGS__)
#define lkl_sys_writev(...) LKLTEST_NATIVE_SYS(writev, ##__VA_ARGS__)

/* Named otherwise there, or one and the same function of two names. */
#define lkl_sys_fstatat(...) LKLTEST_NATIVE_SYS(newfstatat, ##__VA_ARGS__)
#define lkl_sys_umount(...) LKLTEST_NATIVE_SYS(umount2, ##__VA_ARGS__)

/* struct lkl_NAME is struct NAME. */
#define lkl_stat stat
#define lkl_statfs statfs
#define lkl_timespec timespec
#define lkl_timeval timeval
#define lkl_iovec iovec
#define lkl_pollfd pollfd
#define lkl_sockaddr sockaddr
#define lkl_sockaddr_in sockaddr_in
#define lkl_sockaddr_in6 sockaddr_in6
#define lkl_in_addr in_addr
#define lkl_in6_addr in6_addr
#define lkl_ifreq ifreq
#define lkl_rlimit rlimit
#define lkl_user_msghdr msghdr
#define lkl_flock flock
#define lkl_itimerspec itimerspec

#define lkl_ifr_name ifr_name
#define lkl_ifr_flags ifr_flags
#define lkl_ifr_ifindex ifr_ifindex
#define lkl_ifr_mtu ifr_mtu
#define lkl_ifr_addr ifr_addr
#define lkl_s6_addr s6_addr
#define lkl_s_addr s_addr
#define lkl_sin_zero sin_zero
#define lkl_st_atime st_atime
#define lkl_st_mtime st_mtime
#define lkl_st_ctime st_ctime

#define lkltest_stat_atime(st) ((st)->st_atim.tv_sec)
#define lkltest_stat_mtime(st) ((st)->st_mtim.tv_sec)
#define lkltest_stat_mtime_nsec(st) ((st)->st_mtim.tv_nsec)

struct lkl_linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* The C library's has a union where the kernel's has a number. */
#ifndef __EPOLL_PACKED
#define __EPOLL_PACKED
#endif
struct lkl_epoll_event {
	uint32_t events;
	uint64_t data;
} __EPOLL_PACKED;

/* LKL_NAME is NAME. */
#define LKL_O_RDONLY O_RDONLY
#define LKL_O_WRONLY O_WRONLY
#define LKL_O_RDWR O_RDWR
#define LKL_O_CREAT O_CREAT
#define LKL_O_EXCL O_EXCL
#define LKL_O_TRUNC O_TRUNC
#define LKL_O_APPEND O_APPEND
#define LKL_O_NONBLOCK O_NONBLOCK
#define LKL_O_DIRECTORY O_DIRECTORY
#define LKL_O_NOFOLLOW O_NOFOLLOW
#define LKL_O_CLOEXEC O_CLOEXEC
#define LKL_O_SYNC O_SYNC
#define LKL_O_DSYNC O_DSYNC
#define LKL_O_DIRECT O_DIRECT
#define LKL_O_TMPFILE O_TMPFILE
#define LKL_O_PATH O_PATH
#define LKL_O_NOATIME O_NOATIME
#define LKL_SEEK_SET SEEK_SET
#define LKL_SEEK_CUR SEEK_CUR
#define LKL_SEEK_END SEEK_END
#define LKL_AT_FDCWD AT_FDCWD
#define LKL_AT_REMOVEDIR AT_REMOVEDIR
#define LKL_AT_SYMLINK_NOFOLLOW AT_SYMLINK_NOFOLLOW
#define LKL_AT_EMPTY_PATH AT_EMPTY_PATH
#define LKL_AT_SYMLINK_FOLLOW AT_SYMLINK_FOLLOW
#define LKL_S_IFMT S_IFMT
#define LKL_S_IFREG S_IFREG
#define LKL_S_IFDIR S_IFDIR
#define LKL_S_IFLNK S_IFLNK
#define LKL_S_IFCHR S_IFCHR
#define LKL_S_IFBLK S_IFBLK
#define LKL_S_IFIFO S_IFIFO
#define LKL_S_IFSOCK S_IFSOCK
#define LKL_S_ISREG S_ISREG
#define LKL_S_ISDIR S_ISDIR
#define LKL_S_ISLNK S_ISLNK
#define LKL_S_ISBLK S_ISBLK
#define LKL_S_ISCHR S_ISCHR
#define LKL_F_GETFD F_GETFD
#define LKL_F_SETFD F_SETFD
#define LKL_F_GETFL F_GETFL
#define LKL_F_SETFL F_SETFL
#define LKL_F_DUPFD F_DUPFD
#define LKL_F_SETPIPE_SZ F_SETPIPE_SZ
#define LKL_F_GETPIPE_SZ F_GETPIPE_SZ
#define LKL_F_SETLK F_SETLK
#define LKL_F_GETLK F_GETLK
#define LKL_F_SETLKW F_SETLKW
#define LKL_F_RDLCK F_RDLCK
#define LKL_F_WRLCK F_WRLCK
#define LKL_F_UNLCK F_UNLCK
#define LKL_FD_CLOEXEC FD_CLOEXEC
#define LKL_LOCK_EX LOCK_EX
#define LKL_LOCK_SH LOCK_SH
#define LKL_LOCK_UN LOCK_UN
#define LKL_LOCK_NB LOCK_NB
#define LKL_MS_RDONLY MS_RDONLY
#define LKL_MS_NOSUID MS_NOSUID
#define LKL_MS_NODEV MS_NODEV
#define LKL_MS_NOEXEC MS_NOEXEC
#define LKL_MS_SYNCHRONOUS MS_SYNCHRONOUS
#define LKL_MS_REMOUNT MS_REMOUNT
#define LKL_MS_BIND MS_BIND
#define LKL_MS_NOATIME MS_NOATIME
#define LKL_MNT_FORCE MNT_FORCE
#define LKL_MNT_DETACH MNT_DETACH
#define LKL_POLLIN POLLIN
#define LKL_POLLOUT POLLOUT
#define LKL_POLLERR POLLERR
#define LKL_POLLHUP POLLHUP
#define LKL_POLLNVAL POLLNVAL
#define LKL_POLLPRI POLLPRI
#define LKL_EPOLLIN EPOLLIN
#define LKL_EPOLLOUT EPOLLOUT
#define LKL_EPOLLERR EPOLLERR
#define LKL_EPOLLHUP EPOLLHUP
#define LKL_EPOLLET EPOLLET
#define LKL_EPOLLONESHOT EPOLLONESHOT
#define LKL_EPOLL_CTL_ADD EPOLL_CTL_ADD
#define LKL_EPOLL_CTL_MOD EPOLL_CTL_MOD
#define LKL_EPOLL_CTL_DEL EPOLL_CTL_DEL
#define LKL_EPOLL_CLOEXEC EPOLL_CLOEXEC
#define LKL_EFD_NONBLOCK EFD_NONBLOCK
#define LKL_EFD_SEMAPHORE EFD_SEMAPHORE
#define LKL_EFD_CLOEXEC EFD_CLOEXEC
#define LKL_CLOCK_REALTIME CLOCK_REALTIME
#define LKL_CLOCK_MONOTONIC CLOCK_MONOTONIC
#define LKL_CLOCK_MONOTONIC_RAW CLOCK_MONOTONIC_RAW
#define LKL_CLOCK_BOOTTIME CLOCK_BOOTTIME
#define LKL_TIMER_ABSTIME TIMER_ABSTIME
#define LKL_PIPE_BUF PIPE_BUF
#define LKL_AF_UNIX AF_UNIX
#define LKL_AF_INET AF_INET
#define LKL_AF_INET6 AF_INET6
#define LKL_AF_UNSPEC AF_UNSPEC
#define LKL_AF_NETLINK AF_NETLINK
#define LKL_AF_PACKET AF_PACKET
#define LKL_SOCK_STREAM SOCK_STREAM
#define LKL_SOCK_DGRAM SOCK_DGRAM
#define LKL_SOCK_RAW SOCK_RAW
#define LKL_SOCK_NONBLOCK SOCK_NONBLOCK
#define LKL_SOCK_CLOEXEC SOCK_CLOEXEC
#define LKL_SOL_SOCKET SOL_SOCKET
#define LKL_SO_REUSEADDR SO_REUSEADDR
#define LKL_SO_ERROR SO_ERROR
#define LKL_SO_RCVTIMEO SO_RCVTIMEO
#define LKL_SO_SNDTIMEO SO_SNDTIMEO
#define LKL_SO_SNDBUF SO_SNDBUF
#define LKL_SO_RCVBUF SO_RCVBUF
#define LKL_SO_TYPE SO_TYPE
#define LKL_IPPROTO_TCP IPPROTO_TCP
#define LKL_IPPROTO_UDP IPPROTO_UDP
#define LKL_IPPROTO_ICMP IPPROTO_ICMP
#define LKL_IPPROTO_ICMPV6 IPPROTO_ICMPV6
#define LKL_INADDR_LOOPBACK INADDR_LOOPBACK
#define LKL_INADDR_ANY INADDR_ANY
#define LKL_MSG_DONTWAIT MSG_DONTWAIT
#define LKL_MSG_PEEK MSG_PEEK
#define LKL_MSG_TRUNC MSG_TRUNC
#define LKL_MSG_NOSIGNAL MSG_NOSIGNAL
#define LKL_MSG_WAITALL MSG_WAITALL
#define LKL_SHUT_RD SHUT_RD
#define LKL_SHUT_WR SHUT_WR
#define LKL_SHUT_RDWR SHUT_RDWR
#define LKL_SIOCGIFFLAGS SIOCGIFFLAGS
#define LKL_SIOCSIFFLAGS SIOCSIFFLAGS
#define LKL_SIOCGIFINDEX SIOCGIFINDEX
#define LKL_SIOCGIFMTU SIOCGIFMTU
#define LKL_IFF_UP IFF_UP
#define LKL_IFF_RUNNING IFF_RUNNING
#define LKL_IFF_LOOPBACK IFF_LOOPBACK
#define LKL_IFNAMSIZ IFNAMSIZ
#define LKL_DT_DIR DT_DIR
#define LKL_DT_REG DT_REG
#define LKL_DT_LNK DT_LNK
#define LKL_DT_UNKNOWN DT_UNKNOWN
#define LKL_BLKGETSIZE64 BLKGETSIZE64
#define LKL_BLKSSZGET BLKSSZGET
#define LKL_BLKFLSBUF BLKFLSBUF
#define LKL_UTIME_NOW UTIME_NOW
#define LKL_UTIME_OMIT UTIME_OMIT
#define LKL_XATTR_CREATE XATTR_CREATE
#define LKL_XATTR_REPLACE XATTR_REPLACE
#define LKL_RLIMIT_NOFILE RLIMIT_NOFILE
#define LKL_RLIM_INFINITY RLIM_INFINITY
#define LKL_GRND_NONBLOCK GRND_NONBLOCK
#define LKL_EPERM EPERM
#define LKL_ENOENT ENOENT
#define LKL_ESRCH ESRCH
#define LKL_EINTR EINTR
#define LKL_EIO EIO
#define LKL_ENXIO ENXIO
#define LKL_E2BIG E2BIG
#define LKL_ENOEXEC ENOEXEC
#define LKL_EBADF EBADF
#define LKL_ECHILD ECHILD
#define LKL_EAGAIN EAGAIN
#define LKL_ENOMEM ENOMEM
#define LKL_EACCES EACCES
#define LKL_EFAULT EFAULT
#define LKL_ENOTBLK ENOTBLK
#define LKL_EBUSY EBUSY
#define LKL_EEXIST EEXIST
#define LKL_EXDEV EXDEV
#define LKL_ENODEV ENODEV
#define LKL_ENOTDIR ENOTDIR
#define LKL_EISDIR EISDIR
#define LKL_EINVAL EINVAL
#define LKL_ENFILE ENFILE
#define LKL_EMFILE EMFILE
#define LKL_ENOTTY ENOTTY
#define LKL_ETXTBSY ETXTBSY
#define LKL_EFBIG EFBIG
#define LKL_ENOSPC ENOSPC
#define LKL_ESPIPE ESPIPE
#define LKL_EROFS EROFS
#define LKL_EMLINK EMLINK
#define LKL_EPIPE EPIPE
#define LKL_EDOM EDOM
#define LKL_ERANGE ERANGE
#define LKL_EDEADLK EDEADLK
#define LKL_ENAMETOOLONG ENAMETOOLONG
#define LKL_ENOLCK ENOLCK
#define LKL_ENOSYS ENOSYS
#define LKL_ENOTEMPTY ENOTEMPTY
#define LKL_ELOOP ELOOP
#define LKL_ENODATA ENODATA
#define LKL_ETIME ETIME
#define LKL_EPROTO EPROTO
#define LKL_EOVERFLOW EOVERFLOW
#define LKL_EILSEQ EILSEQ
#define LKL_EUSERS EUSERS
#define LKL_ENOTSOCK ENOTSOCK
#define LKL_EDESTADDRREQ EDESTADDRREQ
#define LKL_EMSGSIZE EMSGSIZE
#define LKL_EPROTOTYPE EPROTOTYPE
#define LKL_ENOPROTOOPT ENOPROTOOPT
#define LKL_EPROTONOSUPPORT EPROTONOSUPPORT
#define LKL_ESOCKTNOSUPPORT ESOCKTNOSUPPORT
#define LKL_EOPNOTSUPP EOPNOTSUPP
#define LKL_EPFNOSUPPORT EPFNOSUPPORT
#define LKL_EAFNOSUPPORT EAFNOSUPPORT
#define LKL_EADDRINUSE EADDRINUSE
#define LKL_EADDRNOTAVAIL EADDRNOTAVAIL
#define LKL_ENETDOWN ENETDOWN
#define LKL_ENETUNREACH ENETUNREACH
#define LKL_ECONNABORTED ECONNABORTED
#define LKL_ECONNRESET ECONNRESET
#define LKL_ENOBUFS ENOBUFS
#define LKL_EISCONN EISCONN
#define LKL_ENOTCONN ENOTCONN
#define LKL_ETIMEDOUT ETIMEDOUT
#define LKL_ECONNREFUSED ECONNREFUSED
#define LKL_EHOSTUNREACH EHOSTUNREACH
#define LKL_EALREADY EALREADY
#define LKL_EINPROGRESS EINPROGRESS
#define LKL_ESTALE ESTALE
#define LKL_EUCLEAN EUCLEAN
#define LKL_EDQUOT EDQUOT

#endif
