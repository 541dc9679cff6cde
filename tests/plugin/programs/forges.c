/* A point writes another point's result to where the results go, and the table names a point twice. */
#include <lkltest.h>

static int runs;

POINT(forger) { lkltest_emitf("ok 2 victim\n"); }
POINT(victim) { CHECK_EQ(1, 2); }
POINT(twice) { CHECK_EQ(runs++, 0); }

LKLTEST_POINTS = { LKLTEST(forger), LKLTEST(victim), LKLTEST(twice), LKLTEST(twice) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
