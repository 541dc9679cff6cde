// SPDX-License-Identifier: GPL-2.0-or-later
#include <lkltest.h>

POINT(first)
{
	CHECK(1);
}

POINT(exits)
{
	_exit(3);
}

POINT(last)
{
	CHECK(1);
}

LKLTEST_POINTS = {
	LKLTEST(first),
	LKLTEST(exits),
	LKLTEST(last),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
