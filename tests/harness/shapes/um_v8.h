/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a real kernel the API of UML's library mode, RFC v8: the operations are
 * functions, the table holds nothing, and the installed header's guard has a
 * prefix. The console is not hooked.
 */
#include "um_common.h"

#define __LKL__UM_LIBMODE_UAPI_HOST_OPS_H

struct lkl_host_operations {
	const char *um_devices;
};

struct lkl_host_operations lkl_host_ops;

int lkl_start_kernel(struct lkl_host_operations *ops, const char *fmt, ...)
{
	char cmdline[4096];

	(void)ops;
	SHAPE_FORMAT(cmdline, fmt);
	return shape_start(cmdline);
}

struct lkl_sem *lkl_sem_alloc(int count)
{
	return shape_real()->sem_alloc(count);
}

void lkl_sem_free(struct lkl_sem *sem)
{
	shape_real()->sem_free(sem);
}

void lkl_sem_up(struct lkl_sem *sem)
{
	shape_real()->sem_up(sem);
}

void lkl_sem_down(struct lkl_sem *sem)
{
	shape_real()->sem_down(sem);
}

struct lkl_mutex *lkl_mutex_alloc(int recursive)
{
	return shape_real()->mutex_alloc(recursive);
}

void lkl_mutex_lock(struct lkl_mutex *mutex)
{
	shape_real()->mutex_lock(mutex);
}

void lkl_mutex_unlock(struct lkl_mutex *mutex)
{
	shape_real()->mutex_unlock(mutex);
}

void lkl_mutex_free(struct lkl_mutex *mutex)
{
	shape_real()->mutex_free(mutex);
}

lkl_thread_t lkl_thread_create(void *(*run)(void *), void *arg)
{
	return shape_real()->thread_create((void (*)(void *))(void *)run, arg);
}

int lkl_thread_join(lkl_thread_t thread)
{
	return shape_real()->thread_join(thread);
}

long lkl_gettid(void)
{
	return shape_real()->gettid();
}
