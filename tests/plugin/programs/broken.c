/* Does not compile. */
#include <lkltest.h>

POINT(first) { this is no C; }

LKLTEST_POINTS = { LKLTEST(first) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
