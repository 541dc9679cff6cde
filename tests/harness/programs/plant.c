/* A kernel whose log gets a line that a test chooses: plant=WHERE line=TEXT. */
#include <lkltest.h>

static int kmsg = -1;

static void write_line(const char *line)
{
	if (kmsg < 0) {
		CHECK_EQ(lkl_sys_mknodat(LKL_AT_FDCWD, "/kmsg", LKL_S_IFCHR | 0600, 1 << 8 | 11), 0);
		kmsg = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/kmsg", LKL_O_WRONLY, 0));
	}
	CHECK_EQ(lkl_sys_write(kmsg, line, strlen(line)), strlen(line));
}

static int wanted(const char *where)
{
	const char *plant = lkltest_arg("plant");

	return plant && !strcmp(plant, where);
}

static void plant(void)
{
	char line[512];

	snprintf(line, sizeof(line), "%s%s", lkltest_arg("line"), lkltest_arg("unfinished") ? "" : "\n");
	write_line(line);
	fputs("plant: done\n", stderr);
}

/* Sleeps while the point's thread waits for a reader of its results. */
static void *plant_later(void *unused)
{
	usleep(200000);
	plant();
	return unused;
}

/* More than a pipe holds: until a reader comes, the point has ended and the next not begun. */
static void plant_after_end(void)
{
	pthread_t thread;
	int i;

	pthread_create(&thread, NULL, plant_later, NULL);
	for (i = 0; i < 1500; i++)
		lkltest_log("%0100d", i);
}

#ifndef LKLTEST_NATIVE
POINT(start_kernel)
{
	lkltest_start_kernel();
}
#endif

POINT(first)
{
	if (wanted("expected"))
		lkltest_expect_console("planted");
	if (wanted("within") || wanted("expected"))
		plant();
}

POINT(second)
{
	if (wanted("between"))
		plant_after_end();
}

POINT(third)
{
}

POINT(fourth)
{
	if (wanted("last"))
		plant_after_end();
}

#ifdef STOPS
POINT(stop_kernel)
{
	lkltest_stop_kernel();
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel), LKLTEST(first), LKLTEST(second), LKLTEST(third), LKLTEST(fourth), LKLTEST_LIBRARY(stop_kernel),
};
#else
LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel), LKLTEST(first), LKLTEST(second), LKLTEST(third), LKLTEST(fourth),
};
#endif

int main(int argc, char **argv)
{
	int status = lkltest_main(argc, argv);

	if (wanted("after"))
		plant();
	return status;
}
