/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buffers that end at a guard page. */
#ifndef LKLTEST_FUZZ_ARENA_H
#define LKLTEST_FUZZ_ARENA_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include "protocol.h"

#define ARENA_PAGE	4096UL
#define ARENA_STRIDE(size) ((size) + 2 * ARENA_PAGE)	/* of a slot: room for the canary, the buffer, the guard page */
#define CANARY_SIZE	64

struct arena {
	unsigned char *small, *large;
	unsigned int used_small, used_large;
	unsigned long end_small, end_large;
	unsigned char *canary[FZ_SMALL_SLOTS + FZ_LARGE_SLOTS];	/* what stands before each buffer */
};

static unsigned char arena_canary[CANARY_SIZE];

static unsigned char *arena_slots(unsigned long count, unsigned long size)
{
	unsigned long stride = ARENA_STRIDE(size), i;
	unsigned char *base = mmap(NULL, count * stride, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	for (i = 0; i < count; i++)
		if (mprotect(base + i * stride, size + ARENA_PAGE, PROT_READ | PROT_WRITE))
			return NULL;
	return base;
}

static int arena_init(struct arena *a)
{
	memset(arena_canary, 0x5c, sizeof(arena_canary));
	a->small = arena_slots(FZ_SMALL_SLOTS, FZ_SMALL_SIZE);
	a->large = arena_slots(FZ_LARGE_SLOTS, FZ_LARGE_SIZE);
	a->end_small = (unsigned long)a->small + FZ_SMALL_SLOTS * ARENA_STRIDE(FZ_SMALL_SIZE);
	a->end_large = (unsigned long)a->large + FZ_LARGE_SLOTS * ARENA_STRIDE(FZ_LARGE_SIZE);
	return a->small && a->large ? 0 : -1;
}

static inline void arena_reset(struct arena *a)
{
	a->used_small = a->used_large = 0;
}

/* A buffer of `size` bytes whose last byte stands before a guard page; NULL where all slots are taken. */
static inline unsigned char *arena_take(struct arena *a, unsigned long size, unsigned long align)
{
	unsigned char *end, *start;

	if (size <= FZ_SMALL_SIZE) {
		if (a->used_small == FZ_SMALL_SLOTS)
			return NULL;
		end = a->small + a->used_small++ * ARENA_STRIDE(FZ_SMALL_SIZE) + FZ_SMALL_SIZE + ARENA_PAGE;
	} else {
		if (size > FZ_LARGE_SIZE || a->used_large == FZ_LARGE_SLOTS)
			return NULL;
		end = a->large + a->used_large++ * ARENA_STRIDE(FZ_LARGE_SIZE) + FZ_LARGE_SIZE + ARENA_PAGE;
	}
	start = end - size;
	if (align)
		start = (unsigned char *)((uintptr_t)start & -align);
	memcpy(start - CANARY_SIZE, arena_canary, CANARY_SIZE);
	a->canary[a->used_small + a->used_large - 1] = start - CANARY_SIZE;
	return start;
}

static inline int arena_intact(const struct arena *a)
{
	unsigned int i;

	for (i = 0; i < a->used_small + a->used_large; i++)
		if (memcmp(a->canary[i], arena_canary, CANARY_SIZE))
			return 0;
	return 1;
}

#endif
