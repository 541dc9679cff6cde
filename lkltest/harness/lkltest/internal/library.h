/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementation of <lkltest/compat.h>. */
#ifndef LKLTEST_INTERNAL_LIBRARY_H
#define LKLTEST_INTERNAL_LIBRARY_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#ifdef LKLTEST_NATIVE

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <lkltest/internal/native.h>
#define LKLTEST_HOOKED_CONSOLE 0

#else

#include <lkltest/internal/lacking.h>

#include <lkltest/internal/liblkl.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <lkltest/internal/constants.h>
#include <lkltest/internal/host.h>

/* Skips the point. */
static __attribute__((unused)) void lkltest_no_operation(const char *name);

/* Entry points that some generations lack: there they are NULL, and never called. */
int lkl_init(struct lkl_host_operations *ops) __attribute__((weak));
void lkl_cleanup(void) __attribute__((weak));
int lkl_is_running(void) __attribute__((weak));

/* The three shapes that lkl_start_kernel() has had. */
typedef int lkltest_start_with_memory(struct lkl_host_operations *ops, unsigned long mem, const char *fmt, ...);
typedef int lkltest_start_with_ops(struct lkl_host_operations *ops, const char *fmt, ...);
typedef int lkltest_start_after_init(const char *fmt, ...);

#define LKLTEST_STARTS_AS(shape) \
	__builtin_types_compatible_p(__typeof__(lkl_start_kernel), lkltest_start_##shape)

_Static_assert(LKLTEST_STARTS_AS(with_memory) || LKLTEST_STARTS_AS(with_ops) || LKLTEST_STARTS_AS(after_init),
	       "lkltest does not know how this liblkl's lkl_start_kernel() is called");

static int lkltest_library_ready;

/* Tells the library its host, which the newest generation asks for before any other call; 0, or a negative error. */
static inline int lkltest_init_library(void)
{
	int err = 0;

	if (LKLTEST_STARTS_AS(after_init) && !lkltest_library_ready)
		err = lkl_init(&lkl_host_ops);
	lkltest_library_ready = !err;
	return err;
}

/* Boots the kernel with this much memory; 0, or a negative error. */
static inline int lkltest_boot(unsigned long mem, const char *cmdline)
{
	void *start = (void *)lkl_start_kernel;
	int err;

	if (LKLTEST_STARTS_AS(with_memory))
		return ((lkltest_start_with_memory *)start)(&lkl_host_ops, mem, "%s", cmdline);
	if (LKLTEST_STARTS_AS(with_ops))
		return ((lkltest_start_with_ops *)start)(&lkl_host_ops, "mem=%luK %s", mem >> 10, cmdline);
	err = lkltest_init_library();
	return err ? err : ((lkltest_start_after_init *)start)("mem=%luK %s", mem >> 10, cmdline);
}

/* Stops the kernel; 0, or a negative error. */
static inline int lkltest_halt(void)
{
	int err = lkl_sys_halt();

	if (LKLTEST_STARTS_AS(after_init) && !err) {
		lkl_cleanup();
		lkltest_library_ready = 0;
	}
	return err;
}

/*
 * Gives the library the open image of a disk; 0, or a negative error of the host's. Fuzzers' trees (Janus, Hydra) read
 * no file: the whole image has to be in memory, with its size. Mapped, the file still gets each write.
 */
static inline int lkltest_disk_image(struct lkl_disk *disk, int fd)
{
#ifdef LKLTEST_DISK_IN_MEMORY
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	disk->capacity = st.st_size;
	disk->buffer = st.st_size ? mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
	if (disk->buffer == MAP_FAILED)
		return -errno;
#endif
	disk->fd = fd;
	return 0;
}

/* Lets go of what lkltest_disk_image() has mapped; 0, or a negative error of the host's. */
static inline int lkltest_disk_unmap(struct lkl_disk *disk)
{
#ifdef LKLTEST_DISK_IN_MEMORY
	if (disk->buffer && munmap(disk->buffer, disk->capacity))
		return -errno;
#endif
	(void)disk;
	return 0;
}

#if !__LKL__UAPI_DEF_SOCKADDR_IN6
struct lkl_sockaddr_in6 {
	unsigned short sin6_family;
	uint16_t sin6_port;
	uint32_t sin6_flowinfo;
	struct lkl_in6_addr sin6_addr;
	uint32_t sin6_scope_id;
};
#endif

/* Makes a system call by its number, for those that a generation gives no function. */
static inline long lkltest_syscall(long nr, long *params)
{
	return lkl_syscall(nr, params);
}

#endif /* LKLTEST_NATIVE */

/*
 * Every argument as a long, and zeroes for those that are not given. Apart from
 * LKLTEST_NATIVE_SYS(), so that an argument may be a call of lkl_sys_*().
 */
#define LKLTEST_ANY_SYS(nr, a, b, c, d, e, f, ...) \
	lkltest_syscall(nr, (long [6]){ (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f) })

/* Definitions that the kernel's headers for user space leave to the C library. */
#ifndef LKL_SOCK_NONBLOCK
#define LKL_SOCK_NONBLOCK LKL_O_NONBLOCK
#endif
#ifndef LKL_EFD_NONBLOCK
#define LKL_EFD_NONBLOCK LKL_O_NONBLOCK
#endif

#endif
