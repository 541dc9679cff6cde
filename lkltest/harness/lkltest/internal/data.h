/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementation of <lkltest/disk.h>: known data, as lkltest/image/tree.py makes it too. */
#ifndef LKLTEST_INTERNAL_DATA_H
#define LKLTEST_INTERNAL_DATA_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <stdint.h>
#include <string.h>

LKLTEST_FN void lkltest_data_init(struct lkltest_data *data, const char *text)
{
	uint64_t state = 0xcbf29ce484222325ULL;
	size_t i;

	for (; *text; text++)
		state = (state ^ (unsigned char)*text) * 0x100000001b3ULL;
	state = state ? state : 1;
	for (i = 0; i < LKLTEST_PAGE / 8; i++) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		data->words[i] = state * 0x2545f4914f6cdd1dULL;
	}
}

LKLTEST_FN void lkltest_data_fill(const struct lkltest_data *data, unsigned long first, void *buf, size_t pages)
{
	uint64_t number;
	size_t i;

	for (i = 0; i < pages; i++) {
		memcpy((char *)buf + i * LKLTEST_PAGE, data->words, LKLTEST_PAGE);
		number = data->words[0] ^ (first + i);
		memcpy((char *)buf + i * LKLTEST_PAGE, &number, sizeof(number));
	}
}

#endif
