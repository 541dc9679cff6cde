/* Stops itself, as a debugger would, and would never go on. */
#include <lkltest.h>
#include <signal.h>
#include <unistd.h>

POINT(start_kernel) { lkltest_start_kernel(); }
POINT(hang) { kill(getpid(), SIGSTOP); }
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(start_kernel), LKLTEST(hang, .deadline_ms = 500), LKLTEST(after) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
