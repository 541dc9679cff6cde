/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a real kernel the API of UML's library mode, RFC v7: a table of
 * operations whose threads have a result; it has no time, timers or pages.
 */
#include "um_common.h"

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
	void (*thread_detach)(void);
	void (*thread_exit)(void);
	int (*thread_join)(lkl_thread_t thread);
	lkl_thread_t (*thread_self)(void);
	int (*thread_equal)(lkl_thread_t a, lkl_thread_t b);
	long (*gettid)(void);
	struct lkl_tls_key *(*tls_alloc)(void (*destructor)(void *));
	void (*tls_free)(struct lkl_tls_key *key);
	int (*tls_set)(struct lkl_tls_key *key, void *data);
	void *(*tls_get)(struct lkl_tls_key *key);
	void (*jmp_buf_set)(struct lkl_jmp_buf *buf, void (*run)(void));
	void (*jmp_buf_longjmp)(struct lkl_jmp_buf *buf, int value);
	void *(*mem_alloc)(unsigned long size);
	void (*mem_free)(void *mem);
};

#define LKLTEST_LACKS_HOST_thread_stack 1
#define LKLTEST_LACKS_HOST_page_alloc 1
#define LKLTEST_LACKS_HOST_page_free 1
#define LKLTEST_LACKS_HOST_time 1
#define LKLTEST_LACKS_HOST_timer_alloc 1
#define LKLTEST_LACKS_HOST_timer_set_oneshot 1
#define LKLTEST_LACKS_HOST_timer_free 1
#define LKLTEST_LACKS_HOST_ioremap 1
#define LKLTEST_LACKS_HOST_iomem_access 1

struct lkl_host_operations lkl_host_ops;

static __attribute__((constructor)) void shape_fill(void)
{
	lkl_host_ops.thread_create = (void *)shape_real()->thread_create;
	lkl_host_ops.sem_alloc = shape_real()->sem_alloc;
	lkl_host_ops.sem_free = shape_real()->sem_free;
	lkl_host_ops.sem_up = shape_real()->sem_up;
	lkl_host_ops.sem_down = shape_real()->sem_down;
	lkl_host_ops.mutex_alloc = shape_real()->mutex_alloc;
	lkl_host_ops.mutex_free = shape_real()->mutex_free;
	lkl_host_ops.mutex_lock = shape_real()->mutex_lock;
	lkl_host_ops.mutex_unlock = shape_real()->mutex_unlock;
	lkl_host_ops.thread_detach = shape_real()->thread_detach;
	lkl_host_ops.thread_exit = shape_real()->thread_exit;
	lkl_host_ops.thread_join = shape_real()->thread_join;
	lkl_host_ops.thread_self = shape_real()->thread_self;
	lkl_host_ops.thread_equal = shape_real()->thread_equal;
	lkl_host_ops.gettid = shape_real()->gettid;
	lkl_host_ops.tls_alloc = shape_real()->tls_alloc;
	lkl_host_ops.tls_free = shape_real()->tls_free;
	lkl_host_ops.tls_set = shape_real()->tls_set;
	lkl_host_ops.tls_get = shape_real()->tls_get;
	lkl_host_ops.jmp_buf_set = shape_real()->jmp_buf_set;
	lkl_host_ops.jmp_buf_longjmp = shape_real()->jmp_buf_longjmp;
	lkl_host_ops.mem_alloc = shape_real()->mem_alloc;
	lkl_host_ops.mem_free = shape_real()->mem_free;
}

int lkl_start_kernel(struct lkl_host_operations *ops, const char *fmt, ...)
{
	char cmdline[4096];

	shape_real()->print = ops->print;
	shape_real()->panic = ops->panic;
	shape_real()->thread_create = (void *)ops->thread_create;
	shape_real()->thread_self = ops->thread_self;
	SHAPE_FORMAT(cmdline, fmt);
	return shape_um_start(cmdline);
}
