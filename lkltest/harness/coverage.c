/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linked with programs whose kernel was built with -fsanitize-coverage=trace-pc:
 * notes which basic blocks of the kernel are reached.
 *
 * Each block calls __sanitizer_cov_trace_pc(), which sets a bit of a file that is
 * mapped into memory: what was reached before a crash is kept. At the beginning
 * and at the end of a point the bits that are set are written behind the bitmap
 * as a record of the context that ends, and cleared. The kernel's functions
 * cannot wait here, and nothing is allocated.
 *
 * lkltest/coverage/raw.py reads the file; its layout is the two structures below.
 * Without the variable LKLTEST_COV_RAW, which names a directory, nothing is noted.
 *
 * The fuzzer's executor asks for more than that: see edges.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edges.h"

#define PAGE 4096
#define RECORD 1024	/* addresses in a record at most */
#define WORD 64

/* The first page of the file; the bitmap follows, and then records. */
struct header {
	char magic[8];
	uint64_t base;		/* the link address of the first bit */
	uint64_t size;		/* bytes of code: bits of the bitmap */
	uint64_t lost;		/* an error number: records could not be written */
	char context[1024];	/* that the bits in the bitmap belong to; "": none */
	char module[2048];	/* path of the executable or library; "": the program itself */
};

struct record {
	char context[1024];
	uint32_t count;
	uint32_t at[RECORD];	/* offsets from .base of the addresses that were reached */
};

_Static_assert(sizeof(struct header) <= PAGE, "the header fills a page at most");

static struct {
	uintptr_t start;
	uintptr_t size;		/* 0: nothing is noted */
	uint64_t *bits;
	struct header *header;
	int fd;
	pthread_mutex_t lock;	/* guards .record, and the writing of records */
	struct record record;
} coverage = { .fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

int lkl_start_kernel();

void __sanitizer_cov_trace_pc(void);
void lkltest_coverage_context(const char *name);
int lkltest_edges_attach(int seen, int trace);
void lkltest_edges_begin(uint64_t program, uint32_t call);

/* Sets the bit of an address that a block returns to. */
static __attribute__((noinline)) void set(uintptr_t at)
{
	__atomic_fetch_or(&coverage.bits[at / WORD], 1ULL << (at % WORD), __ATOMIC_RELAXED);
}

/* Weak: a program that has its own keeps it. */
#if __has_attribute(no_sanitize_coverage)
__attribute__((no_sanitize_coverage))
#endif
__attribute__((weak)) void __sanitizer_cov_trace_pc(void)
{
	uintptr_t at = (uintptr_t)__builtin_return_address(0) - coverage.start;

	if (edges_tracing) {
		uint32_t edge = edges_note(at);

		if (edges_tracing == EDGES_NEW)
			return;
		if (edges_tracing == EDGES_ALL_AND_BITS)
			edges_any(edge, at);
	}
	if (at < __atomic_load_n(&coverage.size, __ATOMIC_ACQUIRE) &&
	    !(__atomic_load_n(&coverage.bits[at / WORD], __ATOMIC_RELAXED) >> (at % WORD) & 1))
		set(at);
}

static void write_record(void)
{
	struct record *record = &coverage.record;
	size_t size = offsetof(struct record, at) + record->count * sizeof(*record->at);
	ssize_t done = write(coverage.fd, record, size);
	uint32_t i;

	if (done != (ssize_t)size) {
		coverage.header->lost = done < 0 ? errno : ENOSPC;
		return;
	}
	/* Only now: a program that is killed in between tells them twice. */
	for (i = 0; i < record->count; i++)
		__atomic_fetch_and(&coverage.bits[record->at[i] / WORD], ~(1ULL << (record->at[i] % WORD)),
				   __ATOMIC_RELAXED);
}

static void write_records(void)
{
	struct record *record = &coverage.record;
	uint64_t word;
	uintptr_t i;

	memcpy(record->context, coverage.header->context, sizeof(record->context));
	record->count = 0;
	for (i = 0; i < (coverage.size + WORD - 1) / WORD; i++) {
		for (word = __atomic_load_n(&coverage.bits[i], __ATOMIC_RELAXED); word; word &= word - 1)
			record->at[record->count++] = i * WORD + __builtin_ctzll(word);
		if (record->count <= RECORD - WORD)
			continue;
		write_record();
		record->count = 0;
	}
	if (record->count)
		write_record();
}

/* Lets what is reached from here on belong to another context: a point's name, "" between two. */
void lkltest_coverage_context(const char *name)
{
	if (!coverage.size)
		return;
	pthread_mutex_lock(&coverage.lock);
	write_records();
	snprintf(coverage.header->context, sizeof(coverage.header->context), "%s", name);
	pthread_mutex_unlock(&coverage.lock);
}

/* The module that the kernel is in, and the addresses of its code. */
static int find_code(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t kernel = (uintptr_t)lkl_start_kernel - info->dlpi_addr;
	struct header *header = data;
	const ElfW(Phdr) *part;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		part = &info->dlpi_phdr[i];
		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || kernel - part->p_vaddr >= part->p_memsz)
			continue;
		header->base = part->p_vaddr;
		header->size = part->p_memsz;
		coverage.start = info->dlpi_addr + part->p_vaddr;
		snprintf(header->module, sizeof(header->module), "%s", info->dlpi_name ? info->dlpi_name : "");
		return 1;
	}
	return 0;
}

static __attribute__((noreturn)) void fail(const char *what, int err)
{
	fprintf(stderr, "lkltest: coverage: cannot %s: %s\n", what, strerror(err));
	_exit(2);
}

/* A file of our own: processes in several namespaces may have the same number. */
static int create(const char *directory)
{
	char path[PATH_MAX];
	int fd, n;

	for (n = 0; n < 10000; n++) {
		snprintf(path, sizeof(path), "%s/%d-%d.cov", directory, (int)getpid(), n);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0644);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	if (fd < 0)
		fail(path, errno);
	return fd;
}

static __attribute__((constructor(101))) void begin(void)
{
	static struct header header = { .magic = "LKLCOV1" };
	const char *directory = getenv("LKLTEST_COV_RAW");
	size_t bytes;
	int err;

	if (!directory || !*directory || !dl_iterate_phdr(find_code, &header))
		return;
	coverage.fd = create(directory);
	bytes = PAGE + (header.size + PAGE * 8 - 1) / (PAGE * 8) * PAGE;
	/* A page that the disk has no room for would be a fatal signal later. */
	err = posix_fallocate(coverage.fd, 0, bytes);
	if (err)
		fail("reserve room", err);
	coverage.header = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, coverage.fd, 0);
	if (coverage.header == MAP_FAILED)
		fail("map the file", errno);
	*coverage.header = header;
	coverage.bits = (uint64_t *)((char *)coverage.header + PAGE);
	__atomic_store_n(&coverage.size, header.size, __ATOMIC_RELEASE);
}

/* Maps the fuzzer's memory for edges; 0, or -1 where that fails. */
int lkltest_edges_attach(int seen, int trace)
{
	static struct header header;
	struct edges_head *head = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, trace, 0);
	size_t calls, log, compared;

	if (head == MAP_FAILED || !dl_iterate_phdr(find_code, &header))
		return -1;
	calls = head->max_calls * sizeof(struct edges_call);
	log = head->max_logged * sizeof(struct edges_entry);
	compared = head->max_compared * sizeof(struct edges_comparison);
	munmap(head, PAGE);
	edges.seen = mmap(NULL, EDGES, PROT_READ | PROT_WRITE, MAP_SHARED, seen, 0);
	head = mmap(NULL, sizeof(*head) + calls + log + compared + EDGES, PROT_READ | PROT_WRITE, MAP_SHARED, trace, 0);
	if (edges.seen == MAP_FAILED || head == MAP_FAILED)
		return -1;
	edges.calls = (struct edges_call *)(head + 1);
	edges.log = (struct edges_entry *)((char *)edges.calls + calls);
	edges.comparisons = (struct edges_comparison *)((char *)edges.log + log);
	edges.wanted = (uint8_t *)edges.comparisons + compared;
	head->base = header.base;
	edges.code = header.size;
	edges.head = head;
	return 0;
}

/* Begins a call of the thread that asks. */
void lkltest_edges_begin(uint64_t program, uint32_t call)
{
	if (edges.head)
		edges_begin(program, call, coverage.size != 0);
}

/* Called by a kernel that was built with -fsanitize-coverage=trace-cmp, too; comparisons of floating numbers are not noted. */
#define COMPARED(name, type) \
	__attribute__((weak)) void __sanitizer_cov_trace_##name(type a, type b); \
	__attribute__((weak)) void __sanitizer_cov_trace_##name(type a, type b) \
	{ \
		if (edges_comparing) \
			edges_compare((uintptr_t)__builtin_return_address(0), sizeof(type), a, b); \
	}
#define IGNORED(name, type) \
	__attribute__((weak)) void __sanitizer_cov_trace_##name(type a, type b); \
	__attribute__((weak)) void __sanitizer_cov_trace_##name(type a, type b) { (void)a; (void)b; }

COMPARED(cmp1, uint8_t)
COMPARED(cmp2, uint16_t)
COMPARED(cmp4, uint32_t)
COMPARED(cmp8, uint64_t)
COMPARED(const_cmp1, uint8_t)
COMPARED(const_cmp2, uint16_t)
COMPARED(const_cmp4, uint32_t)
COMPARED(const_cmp8, uint64_t)
IGNORED(cmpf, float)
IGNORED(cmpd, double)

/* `cases` are their number, the bits of the value, and the numbers. */
__attribute__((weak)) void __sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases);
__attribute__((weak)) void __sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases)
{
	uint64_t n;

	for (n = 0; edges_comparing && n < cases[0]; n++)	/* each case is a place of its own */
		edges_compare((uintptr_t)&cases[2 + n], cases[1] / 8, value, cases[2 + n]);
}
