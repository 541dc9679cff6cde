/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watch on the kernel's console: every line goes to stderr and to the log,
 * and a complaint of the kernel fails the point during which it was printed.
 * lkltest_complains() decides which lines are complaints; lkltest/klog.py has
 * the same lists, and must be changed with it.
 */
#ifndef LKLTEST_INTERNAL_CONSOLE_H
#define LKLTEST_INTERNAL_CONSOLE_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <ctype.h>

#include <lkltest/internal/check.h>
#include <lkltest/internal/init.h>
#include <lkltest/internal/log.h>

LKLTEST_FN int lkltest_is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Is the word in the line, neither as part of a longer one nor of a symbol? */
LKLTEST_FN int lkltest_has_word(const char *line, const char *word)
{
	const char *at = line;
	size_t len = strlen(word);

	for (; (at = strstr(at, word)); at++)
		if ((at == line || !lkltest_is_word(at[-1])) && !lkltest_is_word(at[len]))
			return 1;
	return 0;
}

/*
 * Does the kernel complain in this line? Case matters in the words:
 * "Warning: unable to open an initial console" and "KASAN_SHADOW_START" belong
 * to every clean boot.
 */
LKLTEST_FN int lkltest_complains(const char *line)
{
	static const char *const words[] = { "WARNING", "BUG", "Oops", "KASAN", "UBSAN", "lockdep" };
	static const char *const phrases[] = {
		"call trace", "kernel panic", "general protection", "unable to handle", "double fault",
		"stack-protector", "stack protector", "refcount_t:", "suspected memory leaks", "non-static key",
		"possible recursive locking", "possible circular locking", "possible irq lock inversion",
		"inconsistent lock state", "held lock freed", "bad unlock balance", "suspicious rcu usage",
		"info: possible", "info: task", "info: rcu", "self-detected stall", "detected stalls",
		"blocked for more than", "soft lockup", "hard lockup", "scheduling while atomic",
		"sleeping function called", "list_add corruption", "list_del corruption", "nobody cared",
		"undefined behaviour in", "lkl: bug",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (lkltest_has_word(line, words[i]))
			return 1;
	for (i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (strcasestr(line, phrases[i]))
			return 1;
	return 0;
}

/*
 * Does the kernel but repeat what it was given, or tell how it was configured?
 * On its command line, and in the indented lists of init's arguments and
 * environment, any word may stand.
 */
LKLTEST_FN int lkltest_repeats(const char *line, int *listing)
{
	static const char *const harmless[] = {
		"Kernel command line:", "Command line:", "Unknown kernel command line parameters",
		"rcu: \tRCU lockdep checking is enabled", "\tRCU lockdep checking is enabled",
		"lockdep: fixing up alternatives",
	};
	const char *text = line + strspn(line, "<0123456789>"), *end;
	size_t i;

	while (*text == '[' && (end = strchr(text, ']')))
		text = end + 1 + (end[1] == ' ');
	*listing = strstr(text, "  with arguments:") == text || strstr(text, "  with environment:") == text ||
		   (*listing && !strncmp(text, "    ", 4));
	for (i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (!strncmp(text, harmless[i], strlen(harmless[i])))
			return 1;
	return *listing;
}

/* Is the line no more than the heading of a stack? */
LKLTEST_FN int lkltest_is_trace(const char *line)
{
	const char *at = strcasestr(line, "call trace:");

	/* Behind nothing but stamps. */
	return at && !at[strlen("call trace:")] && (at == line || strchr("> ", at[-1])) &&
	       (at - line < 2 || strchr("0123456789]", at[-2]));
}

/* Does the line, a complaint, tell more than a warning does? */
LKLTEST_FN int lkltest_is_grave(const char *line)
{
	static const char *const words[] = { "BUG", "Oops", "KASAN", "UBSAN", "lockdep" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (lkltest_has_word(line, words[i]))
			return 1;
	return strcasestr(line, "kernel panic") != NULL;
}

/*
 * Is this line a complaint of its own? A stack belongs to the complaint before
 * it, which may be a long one of lockdep's. A report "[ cut here ]" is one
 * complaint up to its end: "WARNING: at lib/refcount.c" and "refcount_t: ..."
 * are of the same. A panic or a BUG inside is one of its own.
 */
LKLTEST_FN int lkltest_is_complaint(const char *line, struct lkltest_watch *watch)
{
	int repeats = lkltest_repeats(line, &watch->listing);

	if (watch->belongs)
		watch->belongs--;
	if (watch->report)
		watch->report--;
	if (strstr(line, "[ cut here ]"))
		*watch = (struct lkltest_watch){ .report = LKLTEST_BELONGS };
	else if (strstr(line, "[ end trace "))
		watch->report = 0;
	if (repeats || !lkltest_complains(line) || (watch->belongs && lkltest_is_trace(line)))
		return 0;
	if (watch->report && watch->reported && !lkltest_is_grave(line))
		return 0;
	watch->reported = watch->report > 0;
	if (!lkltest_is_trace(line))
		watch->belongs = LKLTEST_BELONGS;
	return 1;
}

/* Call with the lock held. */
LKLTEST_FN int lkltest_is_expected(const char *line)
{
	int i;

	for (i = 0; i < lkltest.nr_expected; i++)
		if (strstr(line, lkltest.expected[i]))
			return 1;
	return 0;
}

LKLTEST_FN void lkltest_expect_console(const char *text)
{
	lkltest_lock();
	if (lkltest.nr_expected < LKLTEST_EXPECTED)
		lkltest_copy(lkltest.expected[lkltest.nr_expected++], sizeof(*lkltest.expected), text);
	lkltest_unlock();
}

/* The text of a line, behind the <LEVEL> that lines have in the kernel's log, but not on its console. */
LKLTEST_FN size_t lkltest_console_level(const char *line)
{
	size_t digits = strspn(line + (line[0] == '<'), "0123456789");

	if (LKLTEST_HOOKED_CONSOLE || !digits || line[0] != '<' || line[1 + digits] != '>')
		return 0;
	return digits + 2;
}

/* Call with the lock held. Judges the line that was gathered, and begins a new one. */
LKLTEST_FN void lkltest_console_line(void)
{
	char *line = lkltest.line, *end = line + lkltest.line_len, *c;

	if (end > line && end[-1] == '\r')
		end--;
	*end = 0;
	line += lkltest_console_level(line);
	lkltest_log_line(line, end - line);
	lkltest.line_len = 0;
	/* A NUL inside must not hide what follows it. */
	for (c = line; c < end; c++)
		if (!*c)
			*c = ' ';
	if (!lkltest_is_complaint(line, &lkltest.watch))
		return;
	lkltest.unclean++;
	if (lkltest_is_expected(line))
		return;
	lkltest_record(NULL, 0, "the console is clean", "no complaint of the kernel", line);
	lkltest.complained = 1;
}

/* Call with the lock held. What the console has begun to say belongs to this point. */
LKLTEST_FN void lkltest_console_settle(void)
{
	if (lkltest.line_len)
		lkltest_console_line();
}

/* Call with the lock held. */
LKLTEST_FN void lkltest_console_bytes(const char *str, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (str[i] == '\n') {
			lkltest_console_line();
			continue;
		}
		lkltest.line[lkltest.line_len++] = str[i];
		if (lkltest.line_len == sizeof(lkltest.line) - 1)
			lkltest_console_line();
	}
}

#if LKLTEST_HOOKED_CONSOLE

/* Writes the stack of a complaint, where a program explains its crashes. */
static void (*lkltest_explain_complaint)(void (*to)(const char *text, size_t len));

LKLTEST_FN void lkltest_console_explain(const char *text, size_t len)
{
	lkltest_lock();
	lkltest_log_bytes(text, len);
	lkltest_unlock();
}

/*
 * The kernel's console. Comes from any thread, with any of the kernel's locks
 * held: no allocation, no call into the kernel.
 */
LKLTEST_FN void lkltest_console_print(const char *str, int len)
{
	int saved = errno, complained;

	if (len <= 0)
		return;
	/* First of all, so that nothing is lost in a crash. */
	lkltest_write(STDERR_FILENO, str, len);
	lkltest_lock();
	lkltest_console_bytes(str, len);
	/* One stack a point is enough: complaints that follow from the first have no end. */
	complained = lkltest.complained && lkltest.point && !lkltest.explained;
	lkltest.explained |= complained;
	lkltest.complained = 0;
	lkltest_unlock();
	if (complained && lkltest_explain_complaint)
		lkltest_explain_complaint(lkltest_console_explain);
	errno = saved;
}

#if LKLTEST_FUNCTION_HOST_print

/* Takes the place of the library's own, which is weak. */
void lkl_print(const char *str, int len)
{
	lkltest_console_print(str, len);
}

#endif

/* Hooks the console; harmless if done twice. */
LKLTEST_FN void lkltest_watch_console(void)
{
#if LKLTEST_IN_TABLE(print)
	lkl_host_ops.print = lkltest_console_print;
#endif
}

/* A hooked console has said all. */
LKLTEST_FN void lkltest_poll_console(void)
{
}

#else /* !LKLTEST_HOOKED_CONSOLE */

enum { LKLTEST_SYSLOG_READ = 2, LKLTEST_SYSLOG_CONSOLE_LEVEL = 8, LKLTEST_SYSLOG_SIZE_UNREAD = 9 };

/* The kernel's log is read instead, at the end of every point. */
LKLTEST_FN void lkltest_watch_console(void)
{
#ifdef LKLTEST_NATIVE
	/* The log of a kernel that is not under test is none of our business. */
	if (!lkltest_is_init())
		return;
	/* Results share a terminal with the kernel, which keeps its voice for a panic. */
	lkl_sys_syslog(LKLTEST_SYSLOG_CONSOLE_LEVEL, NULL, 1);
	lkltest.running = 1;
#endif
}

/* Takes what the kernel has logged since. Lines come as <LEVEL>[TIME] TEXT. */
LKLTEST_FN void lkltest_poll_console(void)
{
	static char buf[16384];
	long len;

	while (lkltest.running && lkl_sys_syslog(LKLTEST_SYSLOG_SIZE_UNREAD, NULL, 0) > 0) {
		len = lkl_sys_syslog(LKLTEST_SYSLOG_READ, buf, sizeof(buf));
		if (len <= 0)
			break;
		lkltest_lock();
		lkltest_console_bytes(buf, len);
		lkltest_unlock();
	}
}

#endif /* !LKLTEST_HOOKED_CONSOLE */

LKLTEST_FN int lkltest_console_seen(const char *text)
{
	int seen;

	lkltest_poll_console();
	lkltest_lock();
	lkltest_console_settle();
	seen = memmem(lkltest.head, lkltest.head_len, text, strlen(text)) != NULL;
	lkltest_unlock();
	return seen;
}

LKLTEST_FN unsigned long lkltest_complaints_seen(void)
{
	unsigned long seen;

	lkltest_lock();
	seen = lkltest.unclean;
	lkltest_unlock();
	return seen;
}

LKLTEST_FN unsigned long lkltest_complaints_in(const char *log)
{
	char line[LKLTEST_LINE];
	unsigned long complaints = 0;
	struct lkltest_watch watch = { 0 };
	size_t len;

	for (; *log; log += len + !!log[len]) {
		len = strcspn(log, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, log);
		complaints += lkltest_is_complaint(line, &watch);
	}
	return complaints;
}

#endif
