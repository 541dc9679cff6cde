/* Points that reach parts of traced.c, which the kernel is made to contain. */
#include <lkltest.h>

int traced_known(int n);
int traced_neighbour(int n);
extern int (*const traced_many[400])(int);

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(low)
{
	CHECK_EQ(traced_known(2), -2);
}

POINT(high)
{
	CHECK_EQ(traced_known(7), 8);
}

static void *half(void *first)
{
	int round, i;

	for (round = 0; round < 50; round++)
		for (i = (long)first; i < 400; i += 2)
			traced_many[i](round * 10);
	return NULL;
}

POINT(threads)
{
	pthread_t one, two;

	pthread_create(&one, NULL, half, (void *)0);
	pthread_create(&two, NULL, half, (void *)1);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}

POINT(crash)
{
	traced_known(300);
	if (lkltest_arg("crash"))
		abort();
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel, .needs = ""),
	LKLTEST(low, .needs = "start_kernel"),
	LKLTEST(high, .needs = "start_kernel"),
	LKLTEST(threads, .needs = "start_kernel"),
	LKLTEST(crash, .needs = "start_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
