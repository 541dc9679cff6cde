/* A thread whose check fails when its point has ended: late=next, late=end. No kernel is started. */
#include <lkltest.h>

static volatile int go, done;

static void *fail_late(void *unused)
{
	while (!go)
		usleep(1000);
	EXPECT_EQ(1, 2);
	done = 1;
	return unused;
}

static void let_go(const char *when)
{
	if (strcmp(lkltest_arg("late"), when))
		return;
	go = 1;
	while (!done)
		usleep(1000);
}

POINT(first)
{
	pthread_t thread;

	pthread_create(&thread, NULL, fail_late, NULL);
}

POINT(second)
{
	let_go("next");
}

LKLTEST_POINTS = { LKLTEST(first), LKLTEST(second) };

int main(int argc, char **argv)
{
	int status = lkltest_main(argc, argv);

	let_go("end");
	return status;
}
