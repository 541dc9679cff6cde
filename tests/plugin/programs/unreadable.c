/* A timeout that only a compiler can read. */
#include <lkltest.h>

#define LIMIT 1000

POINT(slow) { }

LKLTEST_POINTS = { LKLTEST(slow, .deadline_ms = LIMIT) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
