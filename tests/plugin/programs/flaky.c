/* Has a point that fails in the first run, leaves a mark in the working directory, and passes in later runs. */
#include <lkltest.h>
#include <fcntl.h>
#include <unistd.h>

POINT(first) { CHECK_EQ(1, 1); }
POINT(flaky)
{
	int fd = open("mark", O_WRONLY | O_CREAT | O_APPEND, 0644);

	CHECK_EQ(write(fd, "x", 1), 1);
	lkltest_property("run", "%ld", (long)lseek(fd, 0, SEEK_CUR));
	lkltest_log("this is run %ld", (long)lseek(fd, 0, SEEK_CUR));
	CHECK(lseek(fd, 0, SEEK_CUR) > 1);
}
POINT(last) { CHECK_EQ(1, 1); }

LKLTEST_POINTS = { LKLTEST(first), LKLTEST(flaky), LKLTEST(last) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
