/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says what is beyond 1 TiB of the image that it is given, writes there, and fails: disk=FILE. */
#include <lkltest.h>

#define AT ((1LL << 40) + (1LL << 30))	/* where mkfs has put nothing */

static const char text[] = "left by the program";

POINT(looks)
{
	char found[sizeof(text)] = "";
	int fd = open(lkltest_arg("disk"), O_RDWR);

	CHECK_EQ(pread(fd, found, sizeof(found), AT), sizeof(found));
	lkltest_property("beyond_1_tib", "%s", *found ? found : "nothing");
	CHECK_EQ(pwrite(fd, text, sizeof(text), AT), sizeof(text));
	close(fd);
}

POINT(fails)
{
	lkltest_fail("as it is meant to");
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(looks),
	LKLTEST_LIBRARY(fails),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
