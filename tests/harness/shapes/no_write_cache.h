/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that enables no write cache which a disk does not report, as Linux has it since about 6.5. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <string.h>
#include <lkl.h>
#include <lkl_host.h>

static inline long shape_write(int fd, const void *data, size_t len)
{
	return len == 10 && !memcmp(data, "write back", len) ? -LKL_EINVAL : lkl_sys_write(fd, data, len);
}

#define lkl_sys_write shape_write
