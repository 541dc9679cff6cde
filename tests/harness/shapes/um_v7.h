/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a real kernel the API of UML's library mode, RFC v7: a table of
 * operations whose threads have a result, and a header guard without prefix.
 */
#include "um_common.h"

#define __UM_LIBMODE_UAPI_HOST_OPS_H

struct lkl_host_operations {
	const char *um_devices;
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
	lkl_thread_t (*thread_create)(void *(*run)(void *), void *arg);
	int (*thread_join)(lkl_thread_t thread);
	long (*gettid)(void);
};

#define LKLTEST_LACKS_HOST_thread_self 1

struct lkl_host_operations lkl_host_ops;

static __attribute__((constructor)) void shape_fill(void)
{
	lkl_host_ops.sem_alloc = shape_real()->sem_alloc;
	lkl_host_ops.sem_free = shape_real()->sem_free;
	lkl_host_ops.sem_up = shape_real()->sem_up;
	lkl_host_ops.sem_down = shape_real()->sem_down;
	lkl_host_ops.mutex_alloc = shape_real()->mutex_alloc;
	lkl_host_ops.mutex_free = shape_real()->mutex_free;
	lkl_host_ops.mutex_lock = shape_real()->mutex_lock;
	lkl_host_ops.mutex_unlock = shape_real()->mutex_unlock;
	lkl_host_ops.thread_create = (void *)shape_real()->thread_create;
	lkl_host_ops.thread_join = shape_real()->thread_join;
	lkl_host_ops.gettid = shape_real()->gettid;
}

int lkl_start_kernel(struct lkl_host_operations *ops, const char *fmt, ...)
{
	char cmdline[4096];

	shape_real()->print = ops->print;
	shape_real()->panic = ops->panic;
	shape_real()->thread_create = (void *)ops->thread_create;
	SHAPE_FORMAT(cmdline, fmt);
	return shape_start(cmdline);
}
