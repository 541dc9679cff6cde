/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that a worker shares with the fuzzer; lkltest/fuzz/exec/shmem.py knows the same numbers. */
#ifndef LKLTEST_FUZZ_SHARED_H
#define LKLTEST_FUZZ_SHARED_H

#include <stdint.h>

#define FZ_CALLS	1280		/* system call numbers that are counted */
#define FZ_BUCKETS	160		/* 0 success, 1..133 errnos, then: */
#define FZ_RESTARTED	158		/* -512..-516: interrupted */
#define FZ_STRANGE	159		/* no errno at all */

#define FZ_STATS	0x4000
#define FZ_RESULTS	0x100000
#define FZ_MAX_RESULTS	0x20000		/* in one batch */
#define FZ_NOVEL	0x200000
#define FZ_MAX_NOVEL	0x4000
#define FZ_CONSOLE	0x210000
#define FZ_CONSOLE_SIZE	0x100000	/* a power of two: the last megabyte is kept */
#define FZ_PROGRAMS	0x310000
#define FZ_PROGRAMS_SIZE 0x400000
#define FZ_SIZE		(FZ_PROGRAMS + FZ_PROGRAMS_SIZE)

enum fz_state { FZ_BOOTING, FZ_IDLE, FZ_RUNNING, FZ_FAILED };

enum fz_alarm {
	FZ_QUIET,
	FZ_ALARM_CONSOLE,	/* the kernel printed a complaint */
	FZ_ALARM_ERRNO,		/* a failure that is no errno */
	FZ_ALARM_SHAPE,		/* a success that the call's documentation excludes */
	FZ_ALARM_CANARY,	/* the bytes before a buffer changed */
};

/* What a success may be. */
enum fz_shape { FZ_ANY, FZ_ZERO, FZ_AT_MOST, FZ_SMALL };

#define FZ_BETWEEN 0xffffffffu	/* value of `call` outside the calls of a program */

struct fz_shared {
	volatile uint64_t program;	/* its number since the kernel booted */
	volatile uint32_t call;		/* its index in the program */
	volatile uint32_t state;	/* enum fz_state */
	volatile uint64_t calls;	/* made since boot */
	volatile uint64_t succeeded;
	volatile uint64_t alarm_program;
	volatile uint32_t alarm_call;
	volatile uint32_t alarm;	/* enum fz_alarm */
	volatile int64_t alarm_value;	/* the result that alarmed, or how much had been printed before the complaint */
	volatile uint64_t console;	/* bytes printed since boot */
	volatile uint32_t novel;	/* programs that saw a call's errno for the first time, and needed no interruption */
	volatile uint32_t interrupted;	/* calls that had to be interrupted */
	volatile int64_t boot_error;
	volatile uint32_t boot_us;	/* microseconds that the boot took */
	volatile uint32_t unused;
	volatile uint64_t arenas[2][2];	/* where buffers are, guard pages included: start and end */
	uint8_t shape[FZ_CALLS] __attribute__((aligned(2048)));	/* enum fz_shape */
	uint8_t shape_argument[FZ_CALLS] __attribute__((aligned(2048)));	/* for FZ_AT_MOST: the argument's number */
};

#endif
