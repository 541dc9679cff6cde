/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's console, kept in shared memory and watched. */
#ifndef LKLTEST_FUZZ_CONSOLE_H
#define LKLTEST_FUZZ_CONSOLE_H

#include <string.h>
#include "sandbox.h"
#include "protocol.h"

#define CONSOLE_MEANWHILE 16	/* calls that may end while another thread of the kernel prints one trace */

static struct fz_shared *console_shared;
static void (*console_alarm)(enum fz_alarm alarm, long result);

static const char *const console_complaints[] = { FZ_COMPLAINTS };	/* lkltest/klog.py */

/* Lines before traces that are no bugs: memory was short, an option is deprecated, xfs names a corruption that it found. */
static const char *const console_excuses[] = {
	"page allocation failure", "Out of memory", "invoked oom-killer", "mount option has been deprecated",
	"): Internal error ", "): Metadata corruption detected", "): xfs_do_force_shutdown(",
};

static int console_has(const char *text, int len, const char *const *words, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (memmem(text, len, words[i], strlen(words[i])))
			return 1;
	return 0;
}

static void console_print(const char *text, int len)
{
	static uint64_t excused_at = ~0ULL;
	static int excused;	/* the thread that printed the excuse */
	char *ring = (char *)console_shared + FZ_CONSOLE;
	uint64_t now = console_shared->calls, at = console_shared->console;
	int i;

	for (i = 0; i < len; i++)
		ring[(at + i) % FZ_CONSOLE_SIZE] = text[i];
	console_shared->console = at + len;
	if (console_shared->state == FZ_STATE_BOOTING)
		return;
	if (console_has(text, len, console_excuses, sizeof(console_excuses) / sizeof(*console_excuses))) {
		excused_at = now;
		excused = lkltest_tid();
	}
	if ((excused != lkltest_tid() || now - excused_at > (excused == sandbox.thread ? 0 : CONSOLE_MEANWHILE)) &&
	    console_has(text, len, console_complaints, sizeof(console_complaints) / sizeof(*console_complaints)))
		console_alarm(FZ_ALARM_CONSOLE, (long)at);
}

static void console_init(struct fz_shared *shared, void (*alarm)(enum fz_alarm alarm, long result))
{
	console_shared = shared;
	console_alarm = alarm;
}

#endif
