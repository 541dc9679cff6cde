/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two calls, each with a loop that counts before it compares a constant; the numbers that are logged are printed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "edges.h"

#define COMPARED 1024

int main(void)
{
	struct edges_head head = { .max_calls = 2, .max_compared = COMPARED, .every = 1, .compare = 1 };
	uint64_t n;

	edges.head = &head;
	edges.calls = calloc(2, sizeof(*edges.calls));
	edges.comparisons = calloc(COMPARED, sizeof(*edges.comparisons));
	edges.seen = calloc(1, EDGES);
	for (uint32_t call = 0; call < 2; call++) {
		edges_begin(1, call, 0);
		for (n = 0; n < 1000; n++) {
			edges_compare(0x1234, 8, n, 1000);
			edges_note(0x1234);
		}
		edges_compare(0x5678, 4, 0x5bd1e995, 7);
		lkltest_edges_end();
	}
	for (n = 0; n < head.compared; n++)
		printf("%u %llx\n", edges.comparisons[n].call, (unsigned long long)edges.comparisons[n].a);
	return 0;
}
