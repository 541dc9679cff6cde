/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a real kernel the entry points of UML's library mode, as the RFC's
 * arch/um/lkl/include/uapi/asm/host_ops.h declares them: the host's operations
 * are functions, the table holds nothing but devices, and the console can
 * neither be hooked nor the kernel asked whether it runs.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <lkl.h>
#include <lkl_host.h>

static struct lkl_host_operations *shape_real(void)
{
	return &lkl_host_ops;
}

static int shape_started;

static int shape_start(const char *cmdline)
{
	typedef int with_memory(struct lkl_host_operations *, unsigned long, const char *, ...);
	typedef int with_ops(struct lkl_host_operations *, const char *, ...);
	void *start = (void *)lkl_start_kernel;

	if (__builtin_types_compatible_p(__typeof__(lkl_start_kernel), with_memory))
		return ((with_memory *)start)(shape_real(), strtoul(strstr(cmdline, "mem=") + 4, NULL, 10) << 10, "%s",
					      cmdline);
	return ((with_ops *)start)(shape_real(), "%s", cmdline);
}

#define __UM_LIBMODE_UAPI_HOST_OPS_H
#define lkl_host_operations shape_host_operations
#define lkl_host_ops shape_host_ops
#define lkl_start_kernel shape_lkl_start_kernel
#define lkl_is_running shape_lkl_is_running
#define lkl_init shape_lkl_init
#define lkl_cleanup shape_lkl_cleanup

struct lkl_host_operations {
	const char *um_devices;
};

struct lkl_host_operations lkl_host_ops;

int lkl_start_kernel(struct lkl_host_operations *ops, const char *fmt, ...)
{
	char cmdline[4096];
	va_list args;

	(void)ops;
	va_start(args, fmt);
	vsnprintf(cmdline, sizeof(cmdline), fmt, args);
	va_end(args);
	shape_started = 1;
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

static __attribute__((destructor)) void shape_used(void)
{
	fprintf(stderr, "shape: started %d\n", shape_started);
}
