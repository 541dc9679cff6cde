// SPDX-License-Identifier: GPL-2.0-or-later
#include <lkltest.h>

POINT(first)
{
	CHECK(1);
}

POINT(half)
{
	sync();
	reboot(RB_POWER_OFF);
}

POINT(last)
{
	CHECK(1);
}

LKLTEST_POINTS = {
	LKLTEST(first),
	LKLTEST(half),
	LKLTEST(last),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
