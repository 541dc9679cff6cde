/* Leaves in the middle of a point, with a good exit status. */
#include <lkltest.h>

POINT(before) { }
POINT(leave) { _exit(0); }
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(before), LKLTEST(leave), LKLTEST(after) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
