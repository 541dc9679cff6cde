/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a real kernel the API of upstream LKL on Linux 6.12: lkl_init(), asked
 * for before any other call, lkl_disk_add() included; lkl_start_kernel(fmt, ...);
 * lkl_cleanup() at the end. Of the host's operations gettid is gone, others are
 * new, and timer_alloc() has lost its argument.
 */
#include "start.h"

struct shape_host_operations {
	const char *virtio_devices;
	void (*print)(const char *str, int len);
	void (*panic)(void);
	struct lkl_sem *(*sem_alloc)(int count);
	void (*sem_free)(struct lkl_sem *sem);
	void (*sem_up)(struct lkl_sem *sem);
	void (*sem_down)(struct lkl_sem *sem);
	struct lkl_mutex *(*mutex_alloc)(int recursive);
	void (*mutex_free)(struct lkl_mutex *mutex);
	void (*mutex_lock)(struct lkl_mutex *mutex);
	void (*mutex_unlock)(struct lkl_mutex *mutex);
	lkl_thread_t (*thread_create)(void (*run)(void *), void *arg);
	int (*thread_join)(lkl_thread_t thread);
	lkl_thread_t (*thread_self)(void);
	void *(*thread_stack)(unsigned long *size);
	void *(*timer_alloc)(void (*run)(void *));
	void *(*memset)(void *mem, int value, unsigned long size);
	void *(*memmove)(void *to, const void *from, unsigned long size);
	void *(*mmap)(void *address, unsigned long size, int protection);
	int (*munmap)(void *address, unsigned long size);
};

static struct shape_host_operations shape_host_ops, *shape_ops;
static int shape_cleaned;

static __attribute__((constructor)) void shape_fill(void)
{
	shape_host_ops.sem_alloc = shape_real()->sem_alloc;
	shape_host_ops.sem_free = shape_real()->sem_free;
	shape_host_ops.sem_up = shape_real()->sem_up;
	shape_host_ops.sem_down = shape_real()->sem_down;
	shape_host_ops.mutex_alloc = shape_real()->mutex_alloc;
	shape_host_ops.mutex_free = shape_real()->mutex_free;
	shape_host_ops.mutex_lock = shape_real()->mutex_lock;
	shape_host_ops.mutex_unlock = shape_real()->mutex_unlock;
	shape_host_ops.thread_create = (void *)shape_real()->thread_create;
	shape_host_ops.thread_join = shape_real()->thread_join;
	shape_host_ops.thread_self = shape_real()->thread_self;
}

int shape_lkl_init(struct shape_host_operations *ops)
{
	if (shape_ops)
		return -LKL_EBUSY;
	shape_ops = ops;
	return 0;
}

int shape_lkl_start_kernel(const char *fmt, ...)
{
	char cmdline[4096];

	if (!shape_ops)
		return -LKL_EINVAL;
	shape_real()->print = shape_ops->print;
	shape_real()->panic = shape_ops->panic;
	shape_real()->thread_create = (void *)shape_ops->thread_create;
	shape_real()->thread_self = shape_ops->thread_self;
	SHAPE_FORMAT(cmdline, fmt);
	return shape_start(cmdline);
}

int shape_lkl_disk_add(struct lkl_disk *disk)
{
	return shape_ops ? shape_disk_add(disk) : -LKL_EINVAL;
}

void shape_lkl_cleanup(void)
{
	shape_cleaned = 1;
	shape_ops = NULL;
}

/* A test that never took this way would prove nothing. */
static __attribute__((destructor)) void shape_used(void)
{
	fprintf(stderr, "shape: started %d, cleaned up %d\n", shape_started, shape_cleaned);
}

#define LKLTEST_LACKS_HOST_gettid 1
#define lkl_host_operations shape_host_operations
#define lkl_host_ops shape_host_ops
#define lkl_init shape_lkl_init
#define lkl_start_kernel shape_lkl_start_kernel
#define lkl_disk_add shape_lkl_disk_add
#define lkl_cleanup shape_lkl_cleanup
