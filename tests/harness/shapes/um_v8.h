/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a real kernel the API of UML's library mode, RFC v8: the operations are
 * functions, and the table holds nothing but the disks. A program's lkl_print()
 * takes the place of the library's.
 */
#include "um_common.h"

#define LKLTEST_FUNCTION_HOST_print 1
#define LKLTEST_FUNCTION_HOST_panic 1
#define LKLTEST_FUNCTION_HOST_sem_alloc 1
#define LKLTEST_FUNCTION_HOST_sem_free 1
#define LKLTEST_FUNCTION_HOST_sem_up 1
#define LKLTEST_FUNCTION_HOST_sem_down 1
#define LKLTEST_FUNCTION_HOST_mutex_alloc 1
#define LKLTEST_FUNCTION_HOST_mutex_free 1
#define LKLTEST_FUNCTION_HOST_mutex_lock 1
#define LKLTEST_FUNCTION_HOST_mutex_unlock 1
#define LKLTEST_FUNCTION_HOST_thread_create 1
#define LKLTEST_FUNCTION_HOST_thread_detach 1
#define LKLTEST_FUNCTION_HOST_thread_exit 1
#define LKLTEST_FUNCTION_HOST_thread_join 1
#define LKLTEST_FUNCTION_HOST_thread_self 1
#define LKLTEST_FUNCTION_HOST_thread_equal 1
#define LKLTEST_FUNCTION_HOST_gettid 1
#define LKLTEST_FUNCTION_HOST_tls_alloc 1
#define LKLTEST_FUNCTION_HOST_tls_free 1
#define LKLTEST_FUNCTION_HOST_tls_set 1
#define LKLTEST_FUNCTION_HOST_tls_get 1
#define LKLTEST_FUNCTION_HOST_mem_alloc 1
#define LKLTEST_FUNCTION_HOST_mem_free 1
#define LKLTEST_FUNCTION_HOST_jmp_buf_set 1
#define LKLTEST_FUNCTION_HOST_jmp_buf_longjmp 1
#define LKLTEST_LACKS_HOST_thread_stack 1
#define LKLTEST_LACKS_HOST_page_alloc 1
#define LKLTEST_LACKS_HOST_page_free 1
#define LKLTEST_LACKS_HOST_time 1
#define LKLTEST_LACKS_HOST_timer_alloc 1
#define LKLTEST_LACKS_HOST_timer_set_oneshot 1
#define LKLTEST_LACKS_HOST_timer_free 1
#define LKLTEST_LACKS_HOST_ioremap 1
#define LKLTEST_LACKS_HOST_iomem_access 1

struct lkl_host_operations {
	const char *um_devices;
};

struct lkl_host_operations lkl_host_ops;

void lkl_print(const char *str, int len);

int lkl_start_kernel(struct lkl_host_operations *ops, const char *fmt, ...)
{
	char cmdline[4096];

	(void)ops;
	shape_real()->print = lkl_print;
	SHAPE_FORMAT(cmdline, fmt);
	return shape_um_start(cmdline);
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
