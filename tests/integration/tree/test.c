/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include "test.h"

static char text[65536];
static size_t used;

void lkl_test_log(const char *str, int len)
{
	if (used + len < sizeof(text))
		memcpy(text + used, str, len);
	used += used + len < sizeof(text) ? len : 0;
}

int run_tests(const struct lkl_test *tests, int nr, const char *suite)
{
	int i, failed = 0, bad;

	printf("1..%d # %s\n", nr, suite);
	for (i = 0; i < nr; i++) {
		printf("* %d %s\n", i + 1, tests[i].name);
		fflush(stdout);
		bad = tests[i].run();
		failed |= bad;
		printf("%s %d %s\n ---\n time_us: 7\n log: |\n  %zu bytes of log\n ...\n", bad ? "not ok" : "ok", i + 1,
		       tests[i].name, used);
		fflush(stdout);
	}
	return failed;
}
