/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about time. */
#ifndef BOOT_CLOCKS_INC_C
#define BOOT_CLOCKS_INC_C

#include "shared.h"

POINT(nanosleep)
{
	long long host, own = kernel_ns(LKL_CLOCK_MONOTONIC);

	host = lkltest_now_ns();
	CHECK_EQ(sleep_ns(SHORT_NS), 0);
	host = lkltest_now_ns() - host;
	own = kernel_ns(LKL_CLOCK_MONOTONIC) - own;

	lkltest_log("%lld ns asked for, %lld ns slept by the host's clock, %lld ns by the kernel's", SHORT_NS, host,
		    own);
	CHECK_GE(own, SHORT_NS);
	CHECK_LT(own, ABSURD_NS);
	/* The two clocks are one in a library, and may differ a little elsewhere. */
	CHECK_GE(host, SHORT_NS * 9 / 10);
	CHECK_LT(host, ABSURD_NS);
}

POINT(clocks)
{
	static const int clocks[] = { LKL_CLOCK_REALTIME, LKL_CLOCK_MONOTONIC };
	long long first, last, now;
	size_t i;
	int j;

	for (i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		first = last = kernel_ns(clocks[i]);
		for (j = 0; j < 500; j++) {
			now = kernel_ns(clocks[i]);
			CHECK_GE(now, last);
			last = now;
		}
		sleep_ns(1000000);
		CHECK_GE(kernel_ns(clocks[i]), first + 1000000);
	}
	CHECK_ERR(lkl_sys_clock_gettime(1000, (void *)&now), LKL_EINVAL);
}

#endif
