/* Stops itself, as a debugger would; continued for its stacks, it is still there. */
#include <lkltest.h>
#include <signal.h>
#include <unistd.h>

POINT(start_kernel) { lkltest_start_kernel(); }
POINT(hang)
{
	kill(getpid(), SIGSTOP);
	for (;;)
		pause();
}
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(start_kernel), LKLTEST(hang, .deadline_ms = 500), LKLTEST(after) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
