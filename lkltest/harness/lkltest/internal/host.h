/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operations of a library's host: in most generations members of a table,
 * in UML's library mode functions, and none is in every generation.
 *
 * C cannot ask whether a structure has a member. So lkltest/liblkl/lacking.py
 * reads the kernel's headers and this one, and the compiler is given
 * -DLKLTEST_FUNCTION_HOST_<name> for each operation that is a function,
 * -DLKLTEST_LACKS_HOST_<name> for each that is not there: its use skips the point,
 * and -DLKLTEST_UML_LIBRARY where the table has a list of UML's own devices.
 */
#ifndef LKLTEST_INTERNAL_HOST_H
#define LKLTEST_INTERNAL_HOST_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

/* UML's library mode has UML's own disks. */
#ifndef LKLTEST_UML_LIBRARY
#define LKLTEST_UML_LIBRARY 0
#endif

/* The types of the operations, for those that are not there. */
struct lkltest_operations {
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
	void (*thread_detach)(void);
	void (*thread_exit)(void);
	int (*thread_join)(lkl_thread_t thread);
	lkl_thread_t (*thread_self)(void);
	int (*thread_equal)(lkl_thread_t a, lkl_thread_t b);
	void *(*thread_stack)(unsigned long *size);
	struct lkl_tls_key *(*tls_alloc)(void (*destructor)(void *));
	void (*tls_free)(struct lkl_tls_key *key);
	int (*tls_set)(struct lkl_tls_key *key, void *data);
	void *(*tls_get)(struct lkl_tls_key *key);
	void *(*mem_alloc)(unsigned long size);
	void (*mem_free)(void *mem);
	void *(*page_alloc)(unsigned long size);
	void (*page_free)(void *page, unsigned long size);
	unsigned long long (*time)(void);
	void *(*timer_alloc)(void (*run)(void *), void *arg);
	int (*timer_set_oneshot)(void *timer, unsigned long ns);
	void (*timer_free)(void *timer);
	void *(*ioremap)(long address, int size);
	int (*iomem_access)(const volatile void *address, void *value, int size, int write);
	long (*gettid)(void);
	void (*jmp_buf_set)(struct lkl_jmp_buf *buf, void (*run)(void));
	void (*jmp_buf_longjmp)(struct lkl_jmp_buf *buf, int value);
};

static __attribute__((unused)) const struct lkltest_operations lkltest_no_operations;

/* IF(FLAG, yes, no): yes if the macro FLAG is defined as 1, else no. */
#define LKLTEST_COMMA_1 ,
#define LKLTEST_SECOND(first, second, ...) second
#define LKLTEST_IF(flag, yes, no) LKLTEST_IF_(flag, yes, no)
#define LKLTEST_IF_(value, yes, no) LKLTEST_IF__(LKLTEST_COMMA_##value, yes, no)
#define LKLTEST_IF__(comma, yes, no) LKLTEST_SECOND(comma yes, no, )

#define LKLTEST_HOST(op)									\
	LKLTEST_IF(LKLTEST_LACKS_HOST_##op, (*(lkltest_no_operation(#op), &lkltest_no_operations.op)), \
		   LKLTEST_HOST_SOMEWHERE(op))
#define LKLTEST_HOST_SOMEWHERE(op) LKLTEST_IF(LKLTEST_FUNCTION_HOST_##op, lkl_##op, lkl_host_ops.op)

/* Whether the table has the operation, so that it can be replaced. */
#define LKLTEST_IN_TABLE(op) (!LKLTEST_LACKS_HOST_##op && !LKLTEST_FUNCTION_HOST_##op)

/* As a function, it is weak: the program's own takes its place. */
#if LKLTEST_IN_TABLE(print) || LKLTEST_FUNCTION_HOST_print
#define LKLTEST_HOOKED_CONSOLE 1
#else
#define LKLTEST_HOOKED_CONSOLE 0
#endif

#endif
