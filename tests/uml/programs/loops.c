// SPDX-License-Identifier: GPL-2.0-or-later
#include <lkltest.h>

POINT(first)
{
	CHECK(1);
}

POINT(loops)
{
	fprintf(stderr, "the last words\n");
	for (;;)
		;
}

POINT(last)
{
	CHECK(1);
}

LKLTEST_POINTS = {
	LKLTEST(first),
	LKLTEST(loops),
	LKLTEST(last),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
