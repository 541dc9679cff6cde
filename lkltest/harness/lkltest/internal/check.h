/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementation of <lkltest/check.h>: failures, recorded and reported. */
#ifndef LKLTEST_INTERNAL_CHECK_H
#define LKLTEST_INTERNAL_CHECK_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <lkltest/internal/log.h>

/* A number with its sign, so that -1 and ULONG_MAX differ. */
struct lkltest_number {
	int negative;
	unsigned long long bits;
};

LKLTEST_FN struct lkltest_number lkltest_signed(long long value)
{
	return (struct lkltest_number){ value < 0, (unsigned long long)value };
}

LKLTEST_FN struct lkltest_number lkltest_unsigned(unsigned long long value)
{
	return (struct lkltest_number){ 0, value };
}

#define LKLTEST_NUMBER(x)					\
	_Generic((x), unsigned long: lkltest_unsigned,		\
		 unsigned long long: lkltest_unsigned,		\
		 default: lkltest_signed)(x)

/* <0, 0 or >0, as strcmp() has it. */
LKLTEST_FN int lkltest_compare(struct lkltest_number a, struct lkltest_number b)
{
	if (a.negative != b.negative)
		return b.negative - a.negative;
	return a.bits < b.bits ? -1 : a.bits > b.bits;
}

/* Writes a number, and the error that it stands for if it may be one. */
LKLTEST_FN const char *lkltest_show(char *buf, size_t size, struct lkltest_number n)
{
	long long value = (long long)n.bits;

	if (!n.negative)
		snprintf(buf, size, "%llu", n.bits);
	else if (value > -4096)
		snprintf(buf, size, "%lld (%s)", value, lkl_strerror(value));
	else
		snprintf(buf, size, "%lld", value);
	return buf;
}

/* Ends the point, or, elsewhere than on the point's own thread, the thread; and a child at once. */
LKLTEST_FN __attribute__((noreturn)) void lkltest_end_here(void)
{
	if (getpid() != lkltest.pid)
		_exit(LKLTEST_FAILED);
	if (lkltest_end)
		siglongjmp(*lkltest_end, 1);
	pthread_exit(NULL);
}

/* Copies a text, cut off where there is no room for more. */
LKLTEST_FN void lkltest_copy(char *buf, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(buf, text, len);
	buf[len] = 0;
}

/* Call with the lock held. Between two points it counts for the next one. */
LKLTEST_FN void lkltest_record(const char *file, int line, const char *check, const char *expected,
			       const char *actual)
{
	int nr = lkltest.nr_failures++;
	struct lkltest_failure *f = &lkltest.failures[nr];

	if (nr >= LKLTEST_FAILURES)
		return;
	f->file = file;
	f->line = line;
	lkltest_copy(f->check, sizeof(f->check), check);
	lkltest_copy(f->expected, sizeof(f->expected), expected);
	lkltest_copy(f->actual, sizeof(f->actual), actual);
	if (lkltest.point)
		return;
	if (lkltest.ended)
		snprintf(f->actual, sizeof(f->actual), "%.900s (after %.64s had ended)", actual, lkltest.ended->name);
	else
		snprintf(f->actual, sizeof(f->actual), "%.900s (before the first point)", actual);
}

LKLTEST_FN void lkltest_failed(const char *file, int line, int fatal, const char *check,
			       const char *expected, const char *actual)
{
	lkltest_lock();
	lkltest_record(file, line, check, expected, actual);
	lkltest_unlock();
	if (fatal)
		lkltest_end_here();
}

LKLTEST_FN void lkltest_numbers_failed(const char *file, int line, int fatal, const char *check, const char *op,
				       struct lkltest_number actual, struct lkltest_number expected)
{
	char want[LKLTEST_TEXT], text[128], got[128];

	lkltest_show(text, sizeof(text), expected);
	snprintf(want, sizeof(want), "%s%s%s", op, *op ? " " : "", text);
	lkltest_failed(file, line, fatal, check, want, lkltest_show(got, sizeof(got), actual));
}

/* Writes bytes as a C string literal would have them. */
LKLTEST_FN const char *lkltest_quote(char *buf, size_t size, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	size_t n = 0, i;

	buf[n++] = '"';
	for (i = 0; i < len && n + 8 < size; i++) {
		if (b[i] == '\n')
			n += snprintf(buf + n, size - n, "\\n");
		else if (b[i] == '"' || b[i] == '\\')
			n += snprintf(buf + n, size - n, "\\%c", b[i]);
		else if (b[i] < ' ' || b[i] == 0x7f)
			n += snprintf(buf + n, size - n, "\\x%02x", b[i]);
		else
			buf[n++] = b[i];
	}
	snprintf(buf + n, size - n, i < len ? "\"..." : "\"");
	return buf;
}

LKLTEST_FN void lkltest_strings_checked(const char *file, int line, int fatal, const char *check,
					const char *actual, const char *expected)
{
	char want[LKLTEST_TEXT], got[LKLTEST_TEXT];

	if (actual && expected && !strcmp(actual, expected))
		return;
	lkltest_failed(file, line, fatal, check,
		       expected ? lkltest_quote(want, sizeof(want), expected, strlen(expected)) : "NULL",
		       actual ? lkltest_quote(got, sizeof(got), actual, strlen(actual)) : "NULL");
}

LKLTEST_FN void lkltest_bytes_checked(const char *file, int line, int fatal, const char *check,
				      const void *actual, const void *expected, size_t len)
{
	const unsigned char *a = actual, *e = expected;
	char want[LKLTEST_TEXT / 2], got[LKLTEST_TEXT / 2], text[LKLTEST_TEXT];
	size_t i;

	for (i = 0; i < len && a[i] == e[i]; i++)
		;
	if (i == len)
		return;
	lkltest_quote(want, sizeof(want), e + i, len - i < 32 ? len - i : 32);
	lkltest_quote(got, sizeof(got), a + i, len - i < 32 ? len - i : 32);
	snprintf(text, sizeof(text), "%s from byte %zu of %zu on", got, i, len);
	lkltest_failed(file, line, fatal, check, want, text);
}

/* The texts are made where the macro of the program is, for a system call may be a macro as well. */
#define LKLTEST_CHECK_TRUE(fatal, text, cond) do {				\
	if (!(cond))								\
		lkltest_failed(__FILE__, __LINE__, fatal, text, "true", "false"); \
} while (0)

#define LKLTEST_CHECK_NUMBERS(fatal, text, a, b, op, shown) do {		\
	struct lkltest_number lkltest_a = LKLTEST_NUMBER(a);			\
	struct lkltest_number lkltest_b = LKLTEST_NUMBER(b);			\
	if (!(lkltest_compare(lkltest_a, lkltest_b) op 0))			\
		lkltest_numbers_failed(__FILE__, __LINE__, fatal, text, shown, lkltest_a, lkltest_b); \
} while (0)

#define LKLTEST_CHECK_OK(fatal, text, call) ({					\
	__typeof__(call) lkltest_r = (call);					\
	struct lkltest_number lkltest_a = LKLTEST_NUMBER(lkltest_r);		\
	if (lkltest_a.negative)							\
		lkltest_numbers_failed(__FILE__, __LINE__, fatal, text, ">=", lkltest_a, lkltest_signed(0)); \
	lkltest_r;								\
})

LKLTEST_FN LKLTEST_PRINTF(3, 4) __attribute__((noreturn))
void lkltest_fail_at(const char *file, int line, const char *fmt, ...)
{
	char text[LKLTEST_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	lkltest_lock();
	lkltest_record(file, line, text, "", "");
	lkltest_unlock();
	lkltest_end_here();
}

LKLTEST_FN LKLTEST_PRINTF(1, 2) __attribute__((noreturn)) void lkltest_skip(const char *fmt, ...)
{
	va_list args;

	lkltest_lock();
	va_start(args, fmt);
	vsnprintf(lkltest.skip_reason, sizeof(lkltest.skip_reason), fmt, args);
	va_end(args);
	lkltest.skipped = 1;
	lkltest_unlock();
	lkltest_end_here();
}

LKLTEST_FN LKLTEST_PRINTF(1, 2) void lkltest_todo(const char *fmt, ...)
{
	va_list args;

	lkltest_lock();
	va_start(args, fmt);
	vsnprintf(lkltest.todo_text, sizeof(lkltest.todo_text), fmt, args);
	va_end(args);
	lkltest.todo = lkltest.todo_text;
	lkltest_unlock();
}

LKLTEST_FN LKLTEST_PRINTF(3, 4) __attribute__((noreturn))
void lkltest_bail_out_at(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	lkltest_lock();
	va_start(args, fmt);
	vsnprintf(lkltest.bail_reason, sizeof(lkltest.bail_reason), fmt, args);
	va_end(args);
	lkltest.bailed_out = 1;
	lkltest_record(file, line, lkltest.bail_reason, "", "");
	lkltest_unlock();
	lkltest_end_here();
}

LKLTEST_FN LKLTEST_PRINTF(2, 3) void lkltest_property(const char *name, const char *fmt, ...)
{
	struct lkltest_value *value;
	va_list args;

	lkltest_lock();
	if (lkltest.nr_properties < LKLTEST_PROPERTIES) {
		value = &lkltest.properties[lkltest.nr_properties++];
		lkltest_copy(value->name, sizeof(value->name), name);
		va_start(args, fmt);
		vsnprintf(value->text, sizeof(value->text), fmt, args);
		va_end(args);
	}
	lkltest_unlock();
}

LKLTEST_FN const char *lkltest_first_failure(char *buf, size_t size)
{
	lkltest_lock();
	if (lkltest.nr_failures)
		snprintf(buf, size, "%s: %s", lkltest.failures[0].check, lkltest.failures[0].actual);
	else if (size)
		*buf = 0;
	lkltest_unlock();
	return buf;
}

#ifndef LKLTEST_NATIVE

LKLTEST_FN void lkltest_no_operation(const char *name)
{
	lkltest_skip("this kernel's host has no operation %s: struct lkl_host_operations lacks it", name);
}

LKLTEST_FN long lkltest_no_call(const char *name, const char *option, ...)
{
	lkltest_skip("this kernel has no system call %s%s%s", name, *option ? ": " : "", option);
}

#endif

#endif
