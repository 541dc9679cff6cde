/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel whose headers have the calls SHAPE_CALLS, "X(setuid) X(setgid)", and which has not got those of them that
 * the variable SHAPE_NO_CALLS names: " setuid setgid ".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define lkl_syscall shape_syscall
#include <lkl.h>
#include <lkl_host.h>

long shape_real_syscall(long no, long *params) __asm__("lkl_syscall");

long shape_syscall(long no, long *params)
{
#define X(name) { " " #name " ", __lkl__NR_##name },
	static const struct {
		const char *name;
		long no;
	} calls[] = { SHAPE_CALLS };
#undef X
	const char *lacking = getenv("SHAPE_NO_CALLS");
	size_t i;

	for (i = 0; lacking && i < sizeof(calls) / sizeof(*calls); i++)
		if (no == calls[i].no && strstr(lacking, calls[i].name))
			return -LKL_ENOSYS;
	return shape_real_syscall(no, params);
}
