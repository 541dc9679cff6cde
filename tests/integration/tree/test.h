/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dialect of LKL's own tests, as much of it as these tests need. */
#include <lkl.h>
#include <lkl_host.h>

#define LKL_TEST(name) { #name, lkl_test_##name }

struct lkl_test {
	const char *name;
	int (*run)(void);
};

int run_tests(const struct lkl_test *tests, int nr, const char *suite);
void lkl_test_log(const char *str, int len);
