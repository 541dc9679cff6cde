/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of the point that runs, and of the kernel. */
#ifndef LKLTEST_INTERNAL_STATE_H
#define LKLTEST_INTERNAL_STATE_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lkltest/points.h>

#define LKLTEST_TEXT 1024	/* bytes kept of an expected or actual value */

struct lkltest_failure {
	const char *file;	/* NULL: not at a line of the program */
	int line;
	char check[LKLTEST_TEXT];
	char expected[LKLTEST_TEXT];
	char actual[LKLTEST_TEXT];
};

struct lkltest_value {
	char name[64];
	char text[256];
};

#define LKLTEST_LOG_KEPT (64 * 1024)	/* bytes kept of a log's beginning, and of its end */
#define LKLTEST_LINE 4096		/* bytes of a console line that are judged as one */
#define LKLTEST_FAILURES 8
#define LKLTEST_PROPERTIES 16
#define LKLTEST_EXPECTED 16
#define LKLTEST_BELONGS 100		/* lines after a complaint in which its stack may come */

/* The lines of a log that were judged. */
struct lkltest_watch {
	int listing;	/* the kernel repeats what it was given */
	int belongs;	/* lines in which a stack belongs to the last complaint */
	int report;	/* lines in which the end of the report that began may come */
	int reported;	/* a complaint of this report has come */
};

/*
 * All of it is guarded by .lock, which is only ever held for a short time and
 * never across a call into the kernel, for the kernel's console calls back
 * from any thread.
 */
static struct {
	pthread_mutex_t lock;

	const struct lkltest_point *point;	/* that runs; NULL between two */
	const struct lkltest_point *ended;	/* the last one that ran */

	struct lkltest_failure failures[LKLTEST_FAILURES];
	int nr_failures;		/* may exceed what is kept */
	const char *unreached;		/* the failed point for which this one was not run */
	struct lkltest_value properties[LKLTEST_PROPERTIES];
	int nr_properties;
	const char *todo;
	char todo_text[256];
	int skipped;
	char skip_reason[512];
	int bailed_out;
	char bail_reason[512];

	char expected[LKLTEST_EXPECTED][128];	/* console lines that this point may cause */
	int nr_expected;

	char head[LKLTEST_LOG_KEPT];
	size_t head_len;
	char tail[LKLTEST_LOG_KEPT];		/* a ring */
	unsigned long long tail_len;		/* of all that ever went into it */

	char line[LKLTEST_LINE];		/* the console's unfinished line */
	size_t line_len;
	struct lkltest_watch watch;		/* the lines of the console that came before */
	int complained;				/* unexpectedly, a moment ago */
	int explained;				/* by a stack, in this point */
	unsigned long unclean;			/* suspicious lines seen so far */

	int out;				/* where TAP goes */
	pid_t pid;				/* whose results these are, not a child's */
	int argc;
	char **argv;
	const char *cmdline;
	const char *only, *skip;		/* lists of points: what of the table runs */
	unsigned long mem;
	int watching;				/* the console's lines come here */
	int running;				/* the kernel */
} lkltest = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.out = STDOUT_FILENO,
	.cmdline = "",
	/* A KASAN kernel does not boot in 16 MB, and pages that are not touched cost nothing. */
	.mem = 64UL << 20,
};

/* The place to which a fatal check of the point's own thread returns. */
static __thread sigjmp_buf *lkltest_end;

LKLTEST_FN void lkltest_lock(void)
{
	pthread_mutex_lock(&lkltest.lock);
}

LKLTEST_FN void lkltest_unlock(void)
{
	pthread_mutex_unlock(&lkltest.lock);
}

/* Writes all of it, whatever interrupts; -1 if that cannot be. */
LKLTEST_FN int lkltest_write(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t done = write(fd, buf, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN) {
			usleep(1000);
			continue;
		}
		if (done <= 0)
			return -1;
		buf += done;
		len -= done;
	}
	return 0;
}

#endif
