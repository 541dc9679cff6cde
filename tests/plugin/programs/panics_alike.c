/* Points that panic in one function, and points that panic in another. No kernel is started. */
#include <lkltest.h>

static __attribute__((noinline)) void finds_one(void) { lkltest_panic(); }
static __attribute__((noinline)) void finds_another(void) { lkltest_panic(); }

POINT(p0) { finds_one(); }
POINT(p1) { finds_one(); }
POINT(p2) { finds_one(); }
POINT(q0) { finds_another(); }
POINT(q1) { finds_another(); }
POINT(q2) { finds_another(); }

LKLTEST_POINTS = {
	LKLTEST(p0, .needs = ""), LKLTEST(p1, .needs = ""), LKLTEST(p2, .needs = ""),
	LKLTEST(q0, .needs = ""), LKLTEST(q1, .needs = ""), LKLTEST(q2, .needs = ""),
};

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
