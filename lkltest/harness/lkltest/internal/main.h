/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program's arguments, and the loop over its points. */
#ifndef LKLTEST_INTERNAL_MAIN_H
#define LKLTEST_INTERNAL_MAIN_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include <lkltest/internal/init.h>
#include <lkltest/internal/kernel.h>
#include <lkltest/internal/tap.h>

LKLTEST_FN long long lkltest_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

LKLTEST_FN const char *lkltest_arg(const char *name)
{
	size_t len = strlen(name);
	int i;

	for (i = 1; i < lkltest.argc; i++)
		if (!strncmp(lkltest.argv[i], name, len) && lkltest.argv[i][len] == '=')
			return lkltest.argv[i] + len + 1;
	return NULL;
}

LKLTEST_FN __attribute__((noreturn)) void lkltest_usage(const char *arg, const char *why)
{
	fprintf(stderr,
		"%s: %s: %s\n"
		"usage: %s [--list] [--only=POINTS | --skip=POINTS] [--mem=BYTES[K|M|G]] [--cmdline=TEXT] [name=value]...\n",
		lkltest.argv[0], arg, why, lkltest.argv[0]);
	exit(LKLTEST_USAGE);
}

LKLTEST_FN unsigned long lkltest_parse_size(const char *arg, const char *text)
{
	static const char units[] = "KMG";
	const char *unit;
	unsigned long size;
	char *end;
	int shift = 0;

	errno = 0;
	size = strtoul(text, &end, 10);
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || !size || size > ~0UL >> shift)
		lkltest_usage(arg, "not a size in bytes");
	return size << shift;
}

LKLTEST_FN void lkltest_list(const struct lkltest_point *points, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (points[i].name)
			puts(points[i].name);
	exit(fflush(stdout) ? LKLTEST_NO_OUTPUT : 0);
}

/* Is the name in a list whose items commas separate? */
LKLTEST_FN int lkltest_in_list(const char *list, const char *name, size_t len)
{
	size_t word;

	for (;; list += word + 1) {
		word = strcspn(list, ",");
		if (word == len && !strncmp(list, name, len))
			return 1;
		if (!list[word])
			return 0;
	}
}

/* Whether the point is part of this program's plan. */
LKLTEST_FN int lkltest_planned(const struct lkltest_point *point)
{
	if (!point->name || (lkltest.only && !lkltest_in_list(lkltest.only, point->name, strlen(point->name))))
		return 0;
	return !lkltest.skip || !lkltest_in_list(lkltest.skip, point->name, strlen(point->name));
}

/* Refuses a list of points with a name that the table has not got: it would run something else than was meant. */
LKLTEST_FN const char *lkltest_parse_list(const char *arg, const char *list, const struct lkltest_point *points,
					  size_t nr)
{
	const char *name = list;
	size_t len, i;

	for (;; name += len + 1) {
		len = strcspn(name, ",");
		for (i = 0; i < nr; i++)
			if (points[i].name && strlen(points[i].name) == len && !strncmp(points[i].name, name, len))
				break;
		if (i == nr)
			lkltest_usage(arg, "names a point that the table has not got: see --list");
		if (!name[len])
			return list;
	}
}

LKLTEST_FN void lkltest_parse_args(int argc, char **argv, const struct lkltest_point *points, size_t nr)
{
	int i;

	lkltest.pid = getpid();
	lkltest.argc = argc;
	lkltest.argv = argv;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--list"))
			lkltest_list(points, nr);
		else if (!strncmp(argv[i], "--only=", 7))
			lkltest.only = lkltest_parse_list(argv[i], argv[i] + 7, points, nr);
		else if (!strncmp(argv[i], "--skip=", 7))
			lkltest.skip = lkltest_parse_list(argv[i], argv[i] + 7, points, nr);
		else if (!strncmp(argv[i], "--mem=", 6))
			lkltest.mem = lkltest_parse_size(argv[i], argv[i] + 6);
		else if (!strncmp(argv[i], "--cmdline=", 10))
			lkltest.cmdline = argv[i] + 10;
		else if (lkltest_is_init())
			continue;	/* a kernel passes on what it does not know itself */
		else if (argv[i][0] == '-' || !strchr(argv[i], '='))
			lkltest_usage(argv[i], "no such argument");
	}
}

/*
 * Keeps stdout for the results: what else is printed to it, by a test or a
 * library, goes to stderr.
 */
LKLTEST_FN void lkltest_take_stdout(void)
{
	lkltest.out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (lkltest.out < 0)
		lkltest_no_output();
	/* A closed stderr would be the next file that is opened. */
	if (fcntl(STDERR_FILENO, F_GETFD) < 0)
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		lkltest_no_output();
	/* An error in writing says more than a signal would. */
	signal(SIGPIPE, SIG_IGN);
}

LKLTEST_FN void lkltest_begin_point(const struct lkltest_point *point)
{
	lkltest_lock();
	lkltest.point = point;
	lkltest.todo = point->todo;
	lkltest.skipped = 0;
	lkltest.nr_expected = 0;
	lkltest_unlock();
}

#ifdef LKLTEST_NATIVE

LKLTEST_FN void lkltest_note_context(const char *name)
{
	lkltest_kcov_context(name);
}

#else

/* In programs whose kernel reports coverage: see harness/coverage.c. */
void lkltest_coverage_context(const char *name) __attribute__((weak));

LKLTEST_FN void lkltest_note_context(const char *name)
{
	if (lkltest_coverage_context)
		lkltest_coverage_context(name);
}

#endif

/* Runs a point; true if it came to its own end, and no fatal check ended it. */
LKLTEST_FN int lkltest_run_point(const struct lkltest_point *point)
{
	volatile int whole = 0;
	sigjmp_buf end;

	if (!sigsetjmp(end, 0)) {
		lkltest_end = &end;
		point->run();
		whole = 1;
	}
	lkltest_end = NULL;
	return whole;
}

/* Call with the lock held. Writes the result, and forgets it. */
LKLTEST_FN int lkltest_put_result(FILE *f, int number, long long duration_us)
{
	const struct lkltest_point *point = lkltest.point;
	int failed = lkltest.nr_failures != 0;

	fprintf(f, "%sok %d %s", failed ? "not " : "", number, point->name);
	if (lkltest.todo) {
		fputs(" # TODO ", f);
		lkltest_put(f, lkltest.todo, strcspn(lkltest.todo, "\n"), 0);
	} else if (lkltest.skipped && !failed) {
		fputs(" # SKIP ", f);
		lkltest_put(f, lkltest.skip_reason, strcspn(lkltest.skip_reason, "\n"), 0);
	}
	fprintf(f, "\n  ---\n  duration_us: %lld\n", duration_us);
	if (lkltest.unreached)
		fprintf(f, "  not_reached: \"%s\"\n", lkltest.unreached);
	lkltest_put_failures(f);
	lkltest_put_properties(f);
	lkltest_put_log(f);
	fputs("  ...\n", f);
	failed = failed && !lkltest.todo;

	lkltest.ended = point;
	lkltest.point = NULL;
	lkltest.nr_failures = 0;
	lkltest.nr_properties = 0;
	lkltest.nr_expected = 0;
	lkltest.unreached = NULL;
	lkltest.head_len = 0;
	lkltest.explained = 0;
	lkltest.tail_len = 0;
	return failed;
}

/* Writes the point's result in one piece. True if the point failed. */
LKLTEST_FN int lkltest_end_point(int number, long long duration_us)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int failed;

	if (!f)
		lkltest_no_output();
	lkltest_poll_console();
	lkltest_lock();
	lkltest_console_settle();
	failed = lkltest_put_result(f, number, duration_us);
	lkltest_unlock();
	if (fclose(f))
		lkltest_no_output();
	lkltest_emit(text, len);
	free(text);
	return failed;
}

/*
 * The point to blame for a point that lacks what it needs; NULL where it lacks nothing. `blamed` has a name for each
 * earlier point that a failed check ended, its own, or that was not reached for such a one.
 */
LKLTEST_FN const char *lkltest_failed_need(const struct lkltest_point *points, size_t at, const char *const *blamed)
{
	const char *name = points[at].needs;
	size_t len, i;

	for (; name && *(name += strspn(name, " \t\n")); name += len) {
		len = strcspn(name, " \t\n");
		for (i = 0; i < at; i++)
			if (blamed[i] && strlen(points[i].name) == len && !strncmp(points[i].name, name, len))
				return blamed[i];
	}
	return NULL;
}

/* Fails the point without running it: what it needs is not there, and its own checks would say anything but that. */
LKLTEST_FN void lkltest_not_reached(const char *need)
{
	char text[128];

	snprintf(text, sizeof(text), "not reached: the point '%.64s' failed, which it needs", need);
	lkltest_failed(NULL, 0, 0, text, "", "");
	lkltest.unreached = need;
}

LKLTEST_FN int lkltest_run_points(const struct lkltest_point *points, size_t nr)
{
	int status = LKLTEST_PASSED, number = 0, whole;
	const char **blamed = calloc(nr, sizeof(*blamed)), *need;
	long long start;
	size_t i;

	if (!blamed)
		lkltest_no_output();

	for (i = 0; i < nr && !lkltest.bailed_out; i++) {
		if (!lkltest_planned(&points[i]))
			continue;
		lkltest_emitf("# running %d %s\n", ++number, points[i].name);
		start = lkltest_now_ns();
		lkltest_begin_point(&points[i]);
		lkltest_note_context(points[i].name);
		need = lkltest_failed_need(points, i, blamed);
		whole = 0;
		if (need)
			lkltest_not_reached(need);
		else
			whole = lkltest_run_point(&points[i]);
		lkltest_note_context("");
		if (lkltest_end_point(number, (lkltest_now_ns() - start) / 1000)) {
			status = LKLTEST_FAILED;
			/* A complaint of the kernel, or an EXPECT, takes nothing from the points that come. */
			blamed[i] = need ? need : whole ? NULL : points[i].name;
		}
	}
	free(blamed);
	if (!lkltest.bailed_out)
		return status;
	lkltest_emitf("Bail out! %s\n", lkltest.bail_reason);
	return LKLTEST_BAILED_OUT;
}

/*
 * A failure when no point is left to blame is reported in comments, and by the
 * exit status.
 */
LKLTEST_FN int lkltest_report_late(void)
{
	const struct lkltest_failure *failure;
	char *text = NULL;
	size_t len = 0;
	FILE *f;
	int i, late;

	lkltest_finish_console();
	lkltest_lock();
	lkltest_console_settle();
	late = lkltest.nr_failures;
	f = late ? open_memstream(&text, &len) : NULL;
	for (i = 0; f && i < late && i < LKLTEST_FAILURES; i++) {
		failure = &lkltest.failures[i];
		fprintf(f, "# %s: ", failure->file ? failure->check : "console");
		lkltest_put(f, failure->actual, strcspn(failure->actual, "\n"), 0);
		fputc('\n', f);
	}
	lkltest.nr_failures = 0;
	lkltest_unlock();
	if (f && !fclose(f)) {
		lkltest_emit(text, len);
		/* An init has one terminal for both. */
		if (!lkltest_is_init())
			lkltest_write(STDERR_FILENO, text, len);
		free(text);
	}
	return late;
}

LKLTEST_FN int lkltest_end_program(int status)
{
	if (lkltest_report_late() && status != LKLTEST_BAILED_OUT)
		status = LKLTEST_LATE;
	lkltest_init_end(status);
	return status;
}

/* The kernel's lines after lkltest_main() has returned count as well. */
LKLTEST_FN __attribute__((destructor)) void lkltest_at_exit(void)
{
	if (lkltest.pid == getpid() && lkltest_report_late())
		_exit(LKLTEST_LATE);
}

LKLTEST_FN int lkltest_run(int argc, char **argv, const struct lkltest_point *points, size_t nr)
{
	const char *die = getenv("LKLTEST_PDEATHSIG");
	int planned = 0;
	size_t i;

	if (die && !strcmp(die, "1"))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	lkltest_parse_args(argc, argv, points, nr);
	lkltest_init_begin();
	lkltest_take_stdout();
#ifdef LKLTEST_INTERNAL_CRASH_H
	lkltest_crash_init();
#if LKLTEST_HOOKED_CONSOLE
	lkltest_explain_complaint = lkltest_crash_complaint;
#endif
#endif
#ifndef LKLTEST_NATIVE
	lkltest_init_library();
#endif
	lkltest_watch_console();
	for (i = 0; i < nr; i++)
		planned += lkltest_planned(&points[i]);
	lkltest_emitf("TAP version 13\n1..%d\n", planned);
	/* A plan of nothing reads as a skip. Native, a program may have no point that is meant for it. */
	if (!nr) {
		lkltest_emitf("Bail out! LKLTEST_POINTS has no entries\n");
		return lkltest_end_program(LKLTEST_BAILED_OUT);
	}
	return lkltest_end_program(lkltest_run_points(points, nr));
}

#endif
