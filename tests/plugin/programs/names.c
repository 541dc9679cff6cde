/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <lkltest.h>

POINT(__init__) { CHECK(1); }
POINT(setup_class) { CHECK(1); }
POINT(lambda) { CHECK(1); }
POINT(exit) { CHECK(1); }

LKLTEST_POINTS = {
	LKLTEST(__init__),
	LKLTEST(setup_class),
	LKLTEST(lambda),
	LKLTEST(exit),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
