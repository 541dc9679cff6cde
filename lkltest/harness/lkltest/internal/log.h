/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A point's log: the program's lines and the kernel's console, in order. */
#ifndef LKLTEST_INTERNAL_LOG_H
#define LKLTEST_INTERNAL_LOG_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <lkltest/internal/state.h>

/* Call with the lock held. Keeps the beginning and the end, never allocates. */
LKLTEST_FN void lkltest_log_bytes(const char *buf, size_t len)
{
	size_t room = sizeof(lkltest.head) - lkltest.head_len;
	size_t first = len < room ? len : room;

	memcpy(lkltest.head + lkltest.head_len, buf, first);
	lkltest.head_len += first;
	for (; first < len; first++)
		lkltest.tail[lkltest.tail_len++ % sizeof(lkltest.tail)] = buf[first];
}

/* Call with the lock held. */
LKLTEST_FN void lkltest_log_line(const char *line, size_t len)
{
	lkltest_log_bytes(line, len);
	lkltest_log_bytes("\n", 1);
}

LKLTEST_FN LKLTEST_PRINTF(1, 2) void lkltest_log(const char *fmt, ...)
{
	char text[LKLTEST_LINE];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	if (len && text[len - 1] == '\n')
		len--;

	lkltest_lock();
	lkltest_log_line(text, len);
	lkltest_unlock();
}

#endif
