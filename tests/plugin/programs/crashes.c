/* Crashes in the middle of its points. */
#include <lkltest.h>

static volatile int *nowhere;

POINT(before) { }
POINT(crash) { lkltest_log("about to crash"); *nowhere = 1; }
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(before), LKLTEST(crash), LKLTEST(after) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
