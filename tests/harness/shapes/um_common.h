/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties of both versions of UML's library mode: no block operations
 * of the program's own, disks as paths and before the start only, constants of
 * sockets that the C library alone has, and handlers of the fatal signals.
 */
#include "start.h"
#include <signal.h>
#include <unistd.h>

#define LKLTEST_UML_LIBRARY 1

static void shape_panic(void)
{
	static int panics;

	fprintf(stderr, "shape: panic %d\n", ++panics);
	if (panics < 3 && shape_real()->panic)
		shape_real()->panic();
}

#undef LKL_DEV_BLK_STATUS_OK
#undef LKL_DEV_BLK_STATUS_IOERR
#undef LKL_DEV_BLK_STATUS_UNSUP
#undef LKL_DEV_BLK_TYPE_READ
#undef LKL_DEV_BLK_TYPE_WRITE
#undef LKL_DEV_BLK_TYPE_FLUSH
#undef LKL_DEV_BLK_TYPE_FLUSH_OUT
#undef LKL_AF_UNSPEC
#undef LKL_AF_UNIX
#undef LKL_AF_INET
#undef LKL_AF_INET6
#undef LKL_AF_NETLINK
#undef LKL_AF_PACKET
#undef LKL_SOCK_STREAM
#undef LKL_SOCK_DGRAM
#undef LKL_SOCK_RAW
#undef LKL_SOCK_CLOEXEC

static void shape_ignore(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

/* The kernel takes the fatal signals for itself, and does nothing about them. */
static int shape_um_start(const char *cmdline)
{
	static const int taken[] = { SIGSEGV, SIGTRAP, SIGFPE, SIGILL, SIGBUS };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	size_t i;

	action.sa_sigaction = shape_ignore;
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaction(taken[i], &action, NULL);
	return shape_start(cmdline);
}

/* The kernel's symbols are global: this is its own function, which panics, and with that calls the program's panic(). */
__attribute__((noreturn)) void abort(void)
{
	shape_panic();
	_exit(3);
}

int shape_lkl_disk_add(struct lkl_disk *disk)
{
	/* The kernel's command line takes it, where these end a path. */
	if (shape_started || !disk->dev || strpbrk(disk->dev, " ,:") || access(disk->dev, W_OK))
		return -LKL_EINVAL;
	return shape_disk_add(disk);
}

/* A test that never took this way would prove nothing. */
static __attribute__((destructor)) void shape_used(void)
{
	fprintf(stderr, "shape: started %d\n", shape_started);
}

#define lkl_dev_blk_ops shape_no_dev_blk_ops
#define lkl_blk_req shape_no_blk_req
#define lkl_host_operations shape_host_operations
#define lkl_host_ops shape_host_ops
#define lkl_start_kernel shape_lkl_start_kernel
#define lkl_disk_add shape_lkl_disk_add
#define lkl_is_running shape_lkl_is_running
#define lkl_init shape_lkl_init
#define lkl_cleanup shape_lkl_cleanup
