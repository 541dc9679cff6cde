/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that says too much of a disk's free room, for disk.c: -DLIE=frozen or -DLIE=one_block. */
#include <lkltest.h>

static void frozen(struct lkl_statfs *st)
{
	static unsigned long first;

	if (!first)
		first = st->f_bfree;
	st->f_bfree = st->f_bavail = first;
}

/* As xfs, which gives back a file that was removed before only after the first measurement. */
static void one_block(struct lkl_statfs *st)
{
	struct lkl_stat file;

	if (!lkl_sys_fstatat(LKL_AT_FDCWD, "statfs", &file, 0))
		st->f_bfree++;
}

static long lying_statfs(const char *path, struct lkl_statfs *st)
{
	long err = lkl_sys_statfs(path, st);

	(void)frozen, (void)one_block;
	LIE(st);
	return err;
}

#define lkl_sys_statfs(path, st) lying_statfs(path, st)
