/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict TAP 13 with YAML blocks that any YAML parser accepts. */
#ifndef LKLTEST_INTERNAL_TAP_H
#define LKLTEST_INTERNAL_TAP_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <lkltest/internal/console.h>

LKLTEST_FN __attribute__((noreturn)) void lkltest_no_output(void)
{
	static const char text[] = "lkltest: cannot write the results to stdout: it is closed, full or broken\n";

	lkltest_write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(LKLTEST_NO_OUTPUT);
}

/* Sends text to stdout at once, or ends the program. */
LKLTEST_FN void lkltest_emit(const char *text, size_t len)
{
	if (lkltest_write(lkltest.out, text, len))
		lkltest_no_output();
}

LKLTEST_FN LKLTEST_PRINTF(1, 2) void lkltest_emitf(const char *fmt, ...)
{
	char text[LKLTEST_LINE + 256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	lkltest_emit(text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

/* Length of the UTF-8 character that begins here, or 0 if none does that YAML lets stand. */
LKLTEST_FN size_t lkltest_printable(const unsigned char *s, size_t len)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned long c;
	size_t n, i;

	if (*s == '\t' || (*s >= ' ' && *s < 0x7f))
		return 1;
	n = (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : (*s & 0xf8) == 0xf0 ? 4 : 0;
	if (!n || n > len)
		return 0;
	c = *s & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* No C1 controls, surrogates, BOM, nor what YAML 1.1 takes for an end of line. */
	if (c < least[n] || c < 0xa0 || (c >= 0xd800 && c < 0xe000) || c == 0x2028 || c == 0x2029 ||
	    c == 0xfeff || (c & 0xfffe) == 0xfffe || c > 0x10ffff)
		return 0;
	return n;
}

/* Writes one line's text; what a reader of TAP or YAML could choke on becomes \xNN. */
LKLTEST_FN void lkltest_put(FILE *f, const char *text, size_t len, int quoted)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; len; s += n, len -= n) {
		n = lkltest_printable(s, len);
		if (!n || (quoted && *s == '\t')) {
			n = 1;
			fprintf(f, "%s\\x%02x", quoted ? "\\" : "", *s);
		} else {
			if (quoted && (*s == '"' || *s == '\\'))
				fputc('\\', f);
			fwrite(s, 1, n, f);
		}
	}
}

LKLTEST_FN void lkltest_put_quoted(FILE *f, const char *indent, const char *key, const char *text)
{
	fprintf(f, "%s%s: \"", indent, key);
	lkltest_put(f, text, strlen(text), 1);
	fputs("\"\n", f);
}

/* Is it a number that YAML and JSON read alike? */
LKLTEST_FN int lkltest_is_number(const char *text)
{
	const char *s = text + (*text == '-');
	size_t digits = strspn(s, "0123456789");

	if (!digits || (*s == '0' && digits > 1))
		return 0;
	s += digits;
	if (*s != '.')
		return !*s;
	digits = strspn(s + 1, "0123456789");
	return digits && !s[1 + digits];
}

LKLTEST_FN void lkltest_put_properties(FILE *f)
{
	const struct lkltest_value *value;
	int i;

	if (lkltest.nr_properties)
		fputs("  properties:\n", f);
	for (i = 0; i < lkltest.nr_properties; i++) {
		value = &lkltest.properties[i];
		if (lkltest_is_number(value->text))
			fprintf(f, "    %s: %s\n", value->name, value->text);
		else
			lkltest_put_quoted(f, "    ", value->name, value->text);
	}
}

LKLTEST_FN void lkltest_put_failure(FILE *f, const struct lkltest_failure *failure, const char *first,
				    const char *indent)
{
	if (failure->file) {
		lkltest_put_quoted(f, first, "file", failure->file);
		fprintf(f, "%sline: %d\n", indent, failure->line);
		first = indent;
	}
	lkltest_put_quoted(f, first, "check", failure->check);
	if (!*failure->expected && !*failure->actual)
		return;
	lkltest_put_quoted(f, indent, "expected", failure->expected);
	lkltest_put_quoted(f, indent, "actual", failure->actual);
}

/* The first failure in the block's own keys, the others in a list. */
LKLTEST_FN void lkltest_put_failures(FILE *f)
{
	int i;

	if (lkltest.nr_failures)
		lkltest_put_failure(f, &lkltest.failures[0], "  ", "  ");
	if (lkltest.nr_failures > 1)
		fputs("  failures:\n", f);
	for (i = 1; i < lkltest.nr_failures && i < LKLTEST_FAILURES; i++)
		lkltest_put_failure(f, &lkltest.failures[i], "    - ", "      ");
	if (lkltest.nr_failures > LKLTEST_FAILURES)
		fprintf(f, "  failures_left_out: %d\n", lkltest.nr_failures - LKLTEST_FAILURES);
}

LKLTEST_FN void lkltest_put_lines(FILE *f, const char *text, size_t len)
{
	const char *end;
	size_t n;

	for (; len; text += n, len -= n) {
		end = memchr(text, '\n', len);
		n = end ? (size_t)(end - text) + 1 : len;
		fputs("    ", f);
		lkltest_put(f, text, n - !!end, 0);
		fputc('\n', f);
	}
}

/* The end of a long log, from the first whole line on. */
LKLTEST_FN void lkltest_put_tail(FILE *f)
{
	const size_t size = sizeof(lkltest.tail);
	size_t kept = lkltest.tail_len < size ? lkltest.tail_len : size;
	size_t at = (lkltest.tail_len - kept) % size;
	char *tail = malloc(kept), *start = tail, *end;

	if (!tail)
		return;
	memcpy(tail, lkltest.tail + at, kept < size - at ? kept : size - at);
	if (kept > size - at)
		memcpy(tail + size - at, lkltest.tail, kept - (size - at));
	if (lkltest.tail_len > size) {
		end = memchr(tail, '\n', kept);
		start = end ? end + 1 : tail;
		fprintf(f, "    [lkltest: %llu bytes left out]\n", lkltest.tail_len - (kept - (start - tail)));
	}
	lkltest_put_lines(f, start, kept - (start - tail));
	free(tail);
}

LKLTEST_FN void lkltest_put_log(FILE *f)
{
	size_t blank;

	if (!lkltest.head_len)
		return;
	/* If the first line is indented, YAML needs the number of columns before the text. */
	blank = strspn(lkltest.head, "\n");
	fputs(lkltest.head[blank] == ' ' || lkltest.head[blank] == '\t' ? "  log: |2\n" : "  log: |\n", f);
	lkltest_put_lines(f, lkltest.head, lkltest.head_len);
	if (lkltest.tail_len)
		lkltest_put_tail(f);
}

#endif
