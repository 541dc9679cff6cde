/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel without the file system SHAPE_NO_MOUNT. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <string.h>
#include <lkl.h>
#include <lkl_host.h>

static inline long shape_mount(char *node, char *where, char *type, unsigned long flags, void *options)
{
	return strcmp(type, SHAPE_NO_MOUNT) ? lkl_sys_mount(node, where, type, flags, options) : -LKL_ENODEV;
}

#define lkl_sys_mount shape_mount
