/* Hangs in a system call that never returns, with a child that would outlive it. */
#include <lkltest.h>
#include <unistd.h>

POINT(start_kernel) { lkltest_start_kernel(); }
POINT(hang)
{
	int fds[2];
	char c;

	if (!fork()) {
		sleep(1000);
		_exit(0);
	}
	CHECK_OK(lkl_sys_pipe2(fds, 0));
	lkl_sys_read(fds[0], &c, 1);
}
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(start_kernel), LKLTEST(hang, .deadline_ms = 500), LKLTEST(after) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
