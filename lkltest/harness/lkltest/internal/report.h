/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines about this process, written from inside a signal handler. */
#ifndef LKLTEST_INTERNAL_REPORT_H
#define LKLTEST_INTERNAL_REPORT_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define LKLTEST_REPORT_FN static __attribute__((unused))

#if defined(__LP64__) && (defined(__x86_64__) || (defined(__aarch64__) && !defined(__AARCH64EB__)))
#define LKLTEST_UNWINDS
#include <lkltest/internal/unwind.h>
#endif

#define LKLTEST_STACK_HEAD 64		/* frames written from the top of a stack */
#define LKLTEST_STACK_TAIL 64		/* and from its bottom */
#define LKLTEST_STACK_MAX 500000	/* frames counted; 8 MB of the smallest ones */
#define LKLTEST_STACK_GUESSES 8		/* more than these are noise */

LKLTEST_REPORT_FN int lkltest_tid(void)
{
	return (int)syscall(SYS_gettid);
}

/* Takes the lines of a report instead of stderr, if it is not NULL. */
static __attribute__((unused)) void (*lkltest_report_to)(const char *text, size_t len);

LKLTEST_REPORT_FN void lkltest_report_write(const char *text, size_t len)
{
	ssize_t done;

	if (lkltest_report_to) {
		lkltest_report_to(text, len);
		return;
	}
	while (len && ((done = write(STDERR_FILENO, text, len)) > 0 || (done < 0 && errno == EINTR))) {
		if (done > 0) {
			text += done;
			len -= done;
		}
	}
}

LKLTEST_REPORT_FN size_t lkltest_report_number(char *to, unsigned long value, unsigned int base)
{
	char digits[24];
	size_t n = 0, i;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	for (i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return n;
}

/* Writes one line in one piece: %s, %d (int, not negative), %x (unsigned long) and nothing else. */
LKLTEST_REPORT_FN void lkltest_say(const char *fmt, ...)
{
	char text[512];
	const char *s;
	size_t n = 0;
	va_list args;

	va_start(args, fmt);
	for (; *fmt && n < sizeof(text) - 32; fmt++) {
		if (*fmt != '%') {
			text[n++] = *fmt;
			continue;
		}
		switch (*++fmt) {
		case 's':
			for (s = va_arg(args, const char *); *s && n < sizeof(text) - 32; s++)
				text[n++] = *s;
			break;
		case 'd':
			n += lkltest_report_number(text + n, va_arg(args, int), 10);
			break;
		default:
			text[n++] = '0';
			text[n++] = 'x';
			n += lkltest_report_number(text + n, va_arg(args, unsigned long), 16);
		}
	}
	va_end(args);
	text[n++] = '\n';
	lkltest_report_write(text, n);
}

/* Reads a small file as one line of text; "" if it cannot. */
LKLTEST_REPORT_FN void lkltest_report_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = 0;
	text[strcspn(text, "\n")] = 0;
}

LKLTEST_REPORT_FN unsigned long lkltest_report_hex(const char **p)
{
	unsigned long value = 0;

	for (;; (*p)++) {
		if (**p >= '0' && **p <= '9')
			value = value << 4 | (unsigned long)(**p - '0');
		else if (**p >= 'a' && **p <= 'f')
			value = value << 4 | (unsigned long)(**p - 'a' + 10);
		else
			return value;
	}
}

/* A line of /proc/self/maps with code: written, and remembered. */
LKLTEST_REPORT_FN void lkltest_report_map(const char *line, size_t len)
{
	const char *p = line;
	unsigned long from = lkltest_report_hex(&p), to;

	p++;
	to = lkltest_report_hex(&p);
	/* Not the stacks and heaps of a program that the linker marked as wanting them executable. */
	if (p[3] != 'x' || p[2] == 'w')
		return;
	lkltest_report_write("lkltest: map ", 13);
	lkltest_report_write(line, len);
#ifdef LKLTEST_UNWINDS
	if (lkltest_code.used < (int)(sizeof(lkltest_code.range) / sizeof(*lkltest_code.range))) {
		lkltest_code.range[lkltest_code.used].from = from;
		lkltest_code.range[lkltest_code.used].to = to;
		lkltest_code.used++;
	}
#else
	(void)from;
	(void)to;
#endif
}

#ifdef LKLTEST_UNWINDS
/* The program's own code, as the linker tells. */
extern char lkltest_code_start[] __asm__("__executable_start") __attribute__((weak));
extern char lkltest_code_end[] __asm__("etext") __attribute__((weak));
#endif

/*
 * Where code is: first of all, for a stack is not worth much without, should
 * we be killed while we write it. Only one thread may be here at a time.
 */
LKLTEST_REPORT_FN void lkltest_report_maps(void)
{
	static char text[8192];		/* a path may take 4096 bytes, escaped a little more */
	size_t used = 0, begin, i;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

#ifdef LKLTEST_UNWINDS
	lkltest_code.used = 0;
#endif
	while (fd >= 0 && (got = read(fd, text + used, sizeof(text) - used)) > 0) {
		used += got;
		for (begin = 0, i = 0; i < used; i++) {
			if (text[i] != '\n')
				continue;
			lkltest_report_map(text + begin, i + 1 - begin);
			begin = i + 1;
		}
		memmove(text, text + begin, used - begin);
		used -= begin;
		if (used == sizeof(text))
			used = 0;
	}
	if (fd >= 0)
		close(fd);
#ifdef LKLTEST_UNWINDS
	if (!lkltest_code.used && lkltest_code_start) {
		/* The program is the first process of a kernel that has no /proc yet. */
		lkltest_code.range[0].from = (unsigned long)lkltest_code_start;
		lkltest_code.range[0].to = (unsigned long)lkltest_code_end;
		lkltest_code.used = 1;
	}
#endif
}

#ifdef LKLTEST_UNWINDS

LKLTEST_REPORT_FN void lkltest_report_frame(int tid, int number, unsigned long pc, int guess)
{
	lkltest_say("lkltest: stack %d #%d %x%s", tid, number, pc, guess ? " ?" : "");
}

/* Writes the stack from these registers on; of a very deep one its two ends. */
LKLTEST_REPORT_FN void lkltest_report_stack(int tid, struct lkltest_cpu *cpu)
{
	struct { unsigned long pc; int guess; } tail[LKLTEST_STACK_TAIL];
	enum lkltest_step step = LKLTEST_STEP_SURE;
	int n, i, guesses = 0;

	for (n = 0; n < LKLTEST_STACK_MAX && step != LKLTEST_STEP_END && guesses <= LKLTEST_STACK_GUESSES; n++) {
		tail[n % LKLTEST_STACK_TAIL].pc = cpu->pc;
		tail[n % LKLTEST_STACK_TAIL].guess = step == LKLTEST_STEP_GUESS;
		if (n < LKLTEST_STACK_HEAD)
			lkltest_report_frame(tid, n, cpu->pc, step == LKLTEST_STEP_GUESS);
		step = lkltest_step(cpu);
		guesses += step == LKLTEST_STEP_GUESS;
	}
	i = n - LKLTEST_STACK_TAIL > LKLTEST_STACK_HEAD ? n - LKLTEST_STACK_TAIL : LKLTEST_STACK_HEAD;
	for (; i < n; i++)
		lkltest_report_frame(tid, i, tail[i % LKLTEST_STACK_TAIL].pc, tail[i % LKLTEST_STACK_TAIL].guess);
}

/* The registers at the time of a signal. */
LKLTEST_REPORT_FN void lkltest_report_cpu(struct lkltest_cpu *cpu, const void *context)
{
	const ucontext_t *uc = context;
#ifdef __x86_64__
	/* The DWARF order, by the indices that <sys/ucontext.h> calls REG_RAX and so on. */
	static const unsigned char order[] = { 13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16 };
	int i;

	for (i = 0; i < LKLTEST_REGS; i++)
		cpu->r[i] = uc->uc_mcontext.gregs[order[i]];
	cpu->pc = cpu->r[LKLTEST_REG_RA];
#else
	memcpy(cpu->r, uc->uc_mcontext.regs, 31 * sizeof(*cpu->r));
	cpu->r[LKLTEST_REG_SP] = uc->uc_mcontext.sp;
	cpu->pc = uc->uc_mcontext.pc;
#endif
	cpu->known = (1ULL << LKLTEST_REGS) - 1;
	cpu->exact = 1;
}

/* The stack at the time of a signal. */
LKLTEST_REPORT_FN void lkltest_report_context(int tid, const void *context)
{
	struct lkltest_cpu cpu;

	lkltest_report_cpu(&cpu, context);
	lkltest_report_stack(tid, &cpu);
}

/* The stack of a thread that blocks in a system call, of which only these two registers can be had. */
LKLTEST_REPORT_FN void lkltest_report_blocked(int tid, unsigned long sp, unsigned long pc)
{
	struct lkltest_cpu cpu = { .pc = pc, .known = 1ULL << LKLTEST_REG_SP, .exact = 1 };

	cpu.r[LKLTEST_REG_SP] = sp;
	lkltest_report_stack(tid, &cpu);
}

LKLTEST_REPORT_FN unsigned long lkltest_report_sp(const void *context)
{
	struct lkltest_cpu cpu;

	lkltest_report_cpu(&cpu, context);
	return cpu.r[LKLTEST_REG_SP];
}

#else

LKLTEST_REPORT_FN void lkltest_report_context(int tid, const void *context)
{
	(void)tid;
	(void)context;
}

LKLTEST_REPORT_FN void lkltest_report_blocked(int tid, unsigned long sp, unsigned long pc)
{
	(void)tid;
	(void)sp;
	(void)pc;
}

#endif
#endif
