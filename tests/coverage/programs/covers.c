/* Points that reach parts of traced.c, which the kernel is made to contain. */
#include <lkltest.h>
#include <sched.h>

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

#define TRIALS 300

static int ready, done;

/*
 * Every other function, in each trial once: a bit that is lost is not set again. The threads spin until both are ready,
 * so that they begin at the same time.
 */
static void *half(void *first)
{
	int trial, i;

	for (trial = 1; trial <= TRIALS; trial++) {
		while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < 2 * (trial - 1) + trial - 1)
			sched_yield();
		__atomic_add_fetch(&ready, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < 2 * trial)
			;
		for (i = (long)first; i < 400; i += 2)
			traced_many[i](trial);
		__atomic_add_fetch(&done, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

/* The third to count in .done is we, when the trial's context has its record. */
POINT(threads)
{
	pthread_t one, two;
	char name[16];
	int trial;

	lkltest_note_context("trial-1");
	pthread_create(&one, NULL, half, (void *)0);
	pthread_create(&two, NULL, half, (void *)1);
	for (trial = 1; trial <= TRIALS; trial++) {
		while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < 3 * (trial - 1) + 2)
			sched_yield();
		snprintf(name, sizeof(name), "trial-%d", trial + 1);
		lkltest_note_context(name);
		__atomic_add_fetch(&done, 1, __ATOMIC_ACQ_REL);
	}
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
