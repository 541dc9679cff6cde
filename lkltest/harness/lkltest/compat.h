/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One API for every kernel: the generations of liblkl, recognized by what
 * their headers declare and never by a version number, and the running kernel
 * of a native program.
 */
#ifndef LKLTEST_COMPAT_H
#define LKLTEST_COMPAT_H

#define LKLTEST_API
#include <lkltest/internal/library.h>

#ifndef LKLTEST_NATIVE
/**
 * lkltest_host() - names an operation of the library's host
 * @op: of struct lkl_host_operations: lkltest_host(mutex_alloc)(0)
 *
 * A member of a table in most generations, a function of its own in UML's library mode.
 */
#define lkltest_host(op) LKLTEST_HOST(op)
#endif

/**
 * LKLTEST_SYS() - makes any system call by its name
 * @name: of the call, as in LKLTEST_SYS(uname, &name)
 * @...: its arguments, up to six: integers or pointers
 *
 * Return: its result, a negative error where it failed
 */
#ifdef LKLTEST_NATIVE
#define LKLTEST_SYS(name, ...) LKLTEST_ANY_SYS(SYS_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#else
#define LKLTEST_SYS(name, ...) LKLTEST_ANY_SYS(__lkl__NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#endif

#ifndef LKLTEST_NATIVE
/**
 * lkltest_stat_atime() - reads when a file was accessed last, whatever the kernel's headers call the member
 * @st: what fstat() has filled in
 *
 * Return: seconds since 1970
 */
static inline long lkltest_stat_atime(const struct lkl_stat *st);

/**
 * lkltest_stat_mtime() - reads when a file was modified last, whatever the kernel's headers call the member
 * @st: what fstat() has filled in
 *
 * Return: seconds since 1970
 */
static inline long lkltest_stat_mtime(const struct lkl_stat *st);

/**
 * lkltest_stat_mtime_nsec() - reads the part of a second at which a file was modified last
 * @st: what fstat() has filled in
 *
 * Return: nanoseconds
 */
static inline long lkltest_stat_mtime_nsec(const struct lkl_stat *st);

/**
 * lkltest_init_library() - tells the library its host, which the newest generation asks for before any other call
 *
 * lkltest_main() has done so. Once is enough, and more does no harm.
 * Return: 0, or a negative error
 */
static inline int lkltest_init_library(void);
#endif

/**
 * struct lkltest_utsname - is the kernel's struct new_utsname, which not every generation's headers have
 * @sysname: "Linux"
 * @nodename: the host's name
 * @release: of the kernel: "4.9.0"
 * @version: of its build
 * @machine: of its processor
 * @domainname: of NIS
 */
struct lkltest_utsname {
	char sysname[65];
	char nodename[65];
	char release[65];
	char version[65];
	char machine[65];
	char domainname[65];
};

/**
 * lkltest_uname() - makes the system call uname, which has a function in no generation
 * @name: gets the answer
 *
 * Return: 0, or a negative error
 */
static inline long lkltest_uname(struct lkltest_utsname *name)
{
	return LKLTEST_SYS(uname, name);
}

#endif
