/* A table without entries. */
#include <lkltest.h>

LKLTEST_POINTS = { };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
