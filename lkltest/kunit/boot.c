// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * boot.c - boots a library's kernel, in which KUnit runs its tests, and halts it.
 *
 * Usage: boot BYTES [WORD ...]: the memory, and the words of the kernel's command line.
 *
 * The kernel prints on standard output by its own means: the output is its console, and nothing else.
 */
#define LKLTEST_API
#include <lkltest/compat.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	char cmdline[2048] = "";
	size_t used = 0;
	int i, err;

	for (i = 2; i < argc; i++) {
		used += snprintf(cmdline + used, sizeof(cmdline) - used, "%s ", argv[i]);
		if (used >= sizeof(cmdline)) {
			fprintf(stderr, "lkltest: the kernel's command line is too long\n");
			return 1;
		}
	}
	err = argc > 1 ? lkltest_boot(strtoul(argv[1], NULL, 10), cmdline) : -LKL_EINVAL;
	if (!err)
		err = lkltest_halt();
	if (err)
		fprintf(stderr, "lkltest: the kernel did not start or halt: error %d\n", err);
	return err ? 1 : 0;
}
