// SPDX-License-Identifier: GPL-2.0-or-later
#include <lkltest.h>

POINT(first)
{
	CHECK(1);
}

POINT(floods)
{
	static char block[16384];
	long left;

	memset(block, 'x', sizeof(block));
	for (left = 200000000; left > 0; left -= sizeof(block))
		CHECK_EQ(write(STDERR_FILENO, block, sizeof(block)), (ssize_t)sizeof(block));
}

POINT(last)
{
	CHECK(1);
}

LKLTEST_POINTS = {
	LKLTEST(first),
	LKLTEST(floods),
	LKLTEST(last),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
