// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs encoded programs on a liblkl in this process. lkltest/fuzz/prog/encode.py explains the encoding; protocol.h, which
 * declares it, is generated when this file is compiled (lkltest/fuzz/exec/protocol.py).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <lkltest/compat.h>
#include <lkltest/crash.h>
#include "protocol.h"
#include "arena.h"
#include "sandbox.h"
#include "image.h"
#include "console.h"
#include "listing.h"

#define FIRST_PORT	4096
#define PORT_PROGRAMS	14000	/* programs with ports of their own, below the kernel's ephemeral ports */

static struct fz_shared *shared;
static struct arena arena;

/* Of harness/edges.h, where the kernel is instrumented. */
int lkltest_edges_attach(int seen, int trace) __attribute__((weak));
void lkltest_edges_clear(void) __attribute__((weak));
void lkltest_edges_begin(uint64_t program, uint32_t call) __attribute__((weak));
void lkltest_edges_end(void) __attribute__((weak));
void lkltest_edges_interrupted(void) __attribute__((weak));

/* The results of the program that runs. */
static long results[FZ_MAX_PROGRAM_RESULTS];
static uint8_t kinds[FZ_MAX_PROGRAM_RESULTS];
static unsigned int nr_results;

/* The result that a reference to a resource means: the one that lkltest/fuzz/prog/resolve.py finds, too. */
static long resolve(const struct scalar *s)
{
	unsigned int i, left = 0, nth;

	/* Results of calls that failed are passed over. */
	for (i = 0; i < nr_results; i++)
		left += s->payload >> kinds[i] & results[i] >= 0;
	if (!left)
		return s->extra;
	for (i = nr_results, nth = s->index % left; i-- > 0;)
		if (s->payload >> kinds[i] & results[i] >= 0 && nth-- == 0)
			return results[i];
	return s->extra;
}

/* Decode the value at *p, and move *p behind it. */
static long value(const unsigned char **p)
{
	const struct scalar *s = (const struct scalar *)*p;
	unsigned long size, known, i;
	unsigned char *buffer;
	long inner;

	*p += sizeof(*s);
	switch (s->tag) {
	case TAG_RESULT:
		return s->index < nr_results ? results[s->index] : -1;
	case TAG_RESOURCE:
		return resolve(s);
	case TAG_PORT:
		return htons(FIRST_PORT + shared->program % PORT_PROGRAMS * FZ_PORTS + s->index);
	case TAG_BUFFER:
		break;
	default:
		return (long)s->payload;
	}
	size = (uint32_t)s->extra;
	known = (uint32_t)s->payload;
	buffer = arena_take(&arena, size, s->align);
	if (!buffer) {
		fprintf(stderr, "lkltest: a call has more buffers than the executor\n");
		abort();
	}
	memcpy(buffer, *p, known);
	if (known < size)
		memset(buffer + known, (int)(s->payload >> 32), size - known);
	*p += (known + 7) & ~7UL;
	for (i = 0; i < s->index; i++) {
		struct patch patch = *(const struct patch *)*p;

		*p += sizeof(patch);
		inner = value(p);
		memcpy(buffer + patch.offset, &inner, patch.width);	/* little-endian, like the encoding */
	}
	return (long)buffer;
}

/* A complaint of the kernel's own threads while no program ran, and the bytes printed before it. */
static volatile int late_complaint;
static volatile long late_complaint_at;

static void alarm_note(enum fz_alarm alarm, long result)
{
	shared->alarm_program = shared->program;
	shared->alarm_call = shared->call;
	shared->alarm_value = result;
	shared->alarm = alarm;
}

static void alarm_set(enum fz_alarm alarm, long result)
{
	if (shared->alarm || late_complaint)
		return;
	if (alarm == FZ_ALARM_CONSOLE)
		lkltest_crash_complaint(NULL);
	if (shared->state == FZ_STATE_RUNNING) {
		alarm_note(alarm, result);
	} else {
		late_complaint_at = result;
		late_complaint = 1;
	}
}

static int bucket(long result)
{
	if (result >= 0 || result < -4095)
		return 0;
	if (result >= -133)
		return (int)-result;
	return sandbox_restarts(result) ? FZ_RESTARTED : FZ_STRANGE;
}

/* A failure must be an errno, and one for restarting needs a signal; a success must be as the call's contract says. */
static void check_result(const struct call *call, long result, const long *params, int signalled)
{
	unsigned int nr = call->number;

	if (result < 0) {
		/* Positions in /proc/PID/mem are addresses, and half of them are negative. */
		if (result >= -4095 ? sandbox_restarts(result) && !signalled : nr != __lkl__NR_lseek || result > -65536)
			alarm_set(FZ_ALARM_ERRNO, result);
		return;
	}
	switch (shared->shape[nr]) {
	case FZ_SHAPE_ZERO:
		if (result)
			alarm_set(FZ_ALARM_SHAPE, result);
		break;
	case FZ_SHAPE_AT_MOST:
		if ((unsigned long)result > (unsigned long)params[shared->shape_argument[nr]])
			alarm_set(FZ_ALARM_SHAPE, result);
		break;
	case FZ_SHAPE_SMALL:
		if (result > 0x7fffffff)
			alarm_set(FZ_ALARM_SHAPE, result);
		break;
	}
}

static void produce(const struct produces *m, long result, const long *params, const uint8_t *tags)
{
	long made = result;

	if (nr_results == FZ_MAX_PROGRAM_RESULTS)
		return;
	if (m->source != FZ_RETURN) {
		made = -1;
		if (result >= 0 && tags[m->source] == TAG_BUFFER) {
			int narrow;

			memcpy(&made, (char *)params[m->source] + m->offset, m->width);
			memcpy(&narrow, &made, sizeof(narrow));
			if (m->width == 4)
				made = narrow;
		}
	}
	results[nr_results] = made;
	kinds[nr_results++] = m->kind;
	sandbox_made(m->kind, made);
}

/* Facts about a program that ran. */
struct tally {
	int novel;		/* a call ended in a new way */
	int interrupted;	/* a call had to be interrupted */
};

/*
 * Whether an ioctl() would give a socket a number where the socket reads a structure: by now, a descriptor that was a
 * terminal's may be a socket's.
 */
static int misuse(const struct call *call, const long *params, const uint8_t *tags)
{
	int type, size = sizeof(type);

	return call->number == __lkl__NR_ioctl && tags[2] != TAG_BUFFER &&
	       SYS(getsockopt, params[0], 1 /* SOL_SOCKET */, 3 /* SO_TYPE */, (long)&type, (long)&size) >= 0;
}

/* Make a call, of which the edges are noted where somebody asked for them. */
static long make_call(const struct call *call, long *params)
{
	long result;

	if (!lkltest_edges_begin)
		return lkl_syscall(call->number, params);
	lkltest_edges_begin(shared->program, shared->call);
	result = lkl_syscall(call->number, params);
	lkltest_edges_end();
	return result;
}

/* Make a call; the mount of an image again while a kernel (6.0) still has the disk that was closed before. */
static long make_call_or_mount(const struct call *call, long *params)
{
	long result = make_call(call, params);
	int tries;

	for (tries = 0; image.mounting && result == -EBUSY && tries < IMAGE_TRIES; tries++) {
		image_wait(tries);
		result = make_call(call, params);
	}
	image.mounting = 0;
	return result;
}

static const unsigned char *run_call(const struct call *call, struct tally *tally)
{
	const unsigned char *p = (const unsigned char *)(call + 1);
	long params[6] = { 0 }, result;
	uint8_t tags[6] = { 0 };
	unsigned int i, interrupted;
	uint32_t *count;

	arena_reset(&arena);
	for (i = 0; i < call->args && i < 6; i++) {
		tags[i] = *p;
		params[i] = value(&p);
	}
	sandbox_unblock(call->number, params, tags);
	sandbox_no_deadline(call->number, params, tags);
	result = misuse(call, params, tags) ? -ENOTTY : make_call_or_mount(call, params);
	interrupted = sandbox_interrupted(result);
	if (interrupted) {
		shared->interrupted++;
		tally->interrupted = 1;
		if (lkltest_edges_interrupted)
			lkltest_edges_interrupted();
	}
	check_result(call, result, params, interrupted || sandbox.signals);
	if (!arena_intact(&arena))
		alarm_set(FZ_ALARM_CANARY, result);
	count = (uint32_t *)((char *)shared + FZ_STATS) + call->number * FZ_BUCKETS + bucket(result);
	if (!(*count)++)
		tally->novel = 1;
	shared->succeeded += result >= 0;
	((int64_t *)((char *)shared + FZ_RESULTS))[shared->calls++ % FZ_MAX_RESULTS] = result;
	if (shared->lists && call->number == __lkl__NR_getdents64 && result > 0)
		listing_note(shared, params[0], (const char *)params[1], result);
	if (call->number == __lkl__NR_mmap_pgoff && result > 0)
		sandbox_mapped(result, params[1]);
	for (i = 0; i < call->produces; i++)
		produce((const struct produces *)p + i, result, params, tags);
	return (const unsigned char *)call + call->bytes;
}

/* Unmount the program's image; the edges of that are noted, too. */
static void leave_image(void)
{
	if (lkltest_edges_begin)
		lkltest_edges_begin(shared->program, shared->call);
	image_leave();
	if (lkltest_edges_begin)
		lkltest_edges_end();
}

static void *run_program(void *at)
{
	const struct program *program = at;
	const unsigned char *p = (const unsigned char *)(program + 1);
	struct tally tally = { 0 };
	uint32_t i;

	nr_results = 0;
	sandbox_enter(shared->program, program->needs);
	if (program->needs & NEEDS_IMAGE)
		p = image_enter(p);
	for (i = 0; i < program->calls; i++) {
		shared->call = i;
		__asm__ volatile("" ::: "memory");	/* a crash in the call finds its number written */
		p = run_call((const struct call *)p, &tally);
	}
	shared->call = FZ_BETWEEN;
	sandbox_leave(program->needs);
	if (program->needs & NEEDS_IMAGE)
		leave_image();
	/* A call that blocks takes ten thousand times as long as others: its program is not kept for mutation. */
	if (tally.novel && !tally.interrupted && shared->novel < FZ_MAX_NOVEL)
		((uint32_t *)((char *)shared + FZ_NOVEL))[shared->novel++] = (uint32_t)shared->program;
	return NULL;
}

/*
 * Run `count` programs of the shared memory, the first of which has the number `first`, until an alarm. An alarm since
 * the last batch stops before the first program; a disk that cannot be freed of its image stops after the program.
 */
uint32_t fz_run(uint32_t count, uint64_t first)
{
	char *at = (char *)shared + FZ_PROGRAMS;
	uint32_t done;

	if (lkltest_edges_clear)
		lkltest_edges_clear();
	shared->novel = 0;
	shared->listed = 0;
	shared->alarm = FZ_ALARM_QUIET;
	shared->program = first;
	shared->call = FZ_BETWEEN;
	shared->state = FZ_STATE_RUNNING;
	if (late_complaint) {
		late_complaint = 0;
		alarm_note(FZ_ALARM_CONSOLE, late_complaint_at);
	}
	for (done = 0; done < count && !shared->alarm && !image.busy; done++) {
		struct program *program = (struct program *)at;

		shared->program = first + done;
		shared->call = FZ_BETWEEN;
		sandbox_run(run_program, program, program->needs);
		at += program->bytes;
	}
	shared->state = FZ_STATE_IDLE;
	return done;
}

/* Map the shared memory; 0, or -1 where that fails. */
int fz_attach(int fd)
{
	/* A worker in a call that never returns would outlive its parent. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	shared = mmap(NULL, FZ_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return shared == MAP_FAILED || arena_init(&arena) ? -1 : 0;
}

/* Map the memory for edges; 0, or -1 where that fails, or the kernel is not instrumented. */
int fz_edges(int seen, int trace)
{
	return lkltest_edges_attach ? lkltest_edges_attach(seen, trace) : -1;
}

/* Boot the kernel; 0 or a negative errno. */
long fz_boot(unsigned long memory, const char *cmdline)
{
	struct timespec from, to;
	long error;

	clock_gettime(CLOCK_MONOTONIC, &from);
	shared->small_start = (uint64_t)arena.small;
	shared->small_end = arena.end_small;
	shared->large_start = (uint64_t)arena.large;
	shared->large_end = arena.end_large;
	lkltest_crash_init();
	console_init(shared, alarm_set);
	lkl_host_ops.print = console_print;
	error = lkltest_boot(memory, cmdline);
	if (!error)
		error = sandbox_init(shared);
	clock_gettime(CLOCK_MONOTONIC, &to);
	shared->boot_us = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
	shared->boot_error = error;
	shared->state = error ? FZ_STATE_FAILED : FZ_STATE_IDLE;
	return error;
}

/* Add an image file to the booted kernel as a disk, mount it, and let /disk lead there. 0 or a negative errno. */
long fz_disk(const char *path, const char *type)
{
	static struct lkl_disk disk;
	char place[64];
	int fd, id;
	long error;

	fd = open(path, O_RDWR);
	if (fd < 0)
		return -errno;
	error = lkltest_disk_image(&disk, fd);
	if (error)
		return error;
	id = lkl_disk_add(&disk);
	if (id < 0)
		return id;
	error = lkl_mount_dev(id, 0, type, 0, NULL, place, sizeof(place));
	return error ? error : SYS(symlinkat, (long)place, SANDBOX_FDCWD, (long)"/disk");
}

/* Give the booted kernel an image file as the base of the images that programs mount. 0 or a negative errno. */
long fz_base(const char *path)
{
	return image_add(path);
}

/* Say that the kernel is ready, then answer requests to run a batch until `in` ends. */
void fz_serve(int in, int out)
{
	struct message message = { 0 };

	if (write(out, &message, sizeof(message)) != sizeof(message))
		_exit(2);
	while (read(in, &message, sizeof(message)) == sizeof(message)) {
		message.count = fz_run(message.count, message.first);
		if (write(out, &message, sizeof(message)) != sizeof(message))
			break;
	}
	_exit(0);	/* no exit handlers: the kernel's own threads still run */
}
