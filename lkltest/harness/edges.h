/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feedback for a fuzzer: the edges that each of its calls reaches. An edge is a
 * basic block of the kernel and the block before it in the same call. Its number
 * is the place of the block in the code, varied by four bits of the block before:
 * a few of 100 edges share the number of another one, and the tables are walked
 * as the code is, which a cache likes.
 *
 * All is in memory that the fuzzer has given, and reads whenever it likes, so
 * that it survives a crash. Only the thread that makes the call counts: what
 * the kernel's own threads do meanwhile belongs to nobody.
 *
 * A table holds for each edge the call that reached it last, by its generation:
 * the next call begins with an empty set, and nothing has to be cleared. A map
 * of all edges that any call ever reached may be shared by several kernels.
 *
 * lkltest/fuzz/exec/feedback.py reads the memory; its layout is the structures
 * below.
 */
#ifndef LKLTEST_EDGES_H
#define LKLTEST_EDGES_H

#define EDGES_BITS 22	/* without wrapping around for 8 MB of code */

/* The records of the calls follow, then the log. */
struct edges_head {
	uint64_t base;		/* link address of offset 0 */
	uint32_t max_calls;	/* room, set by the reader as is .every */
	uint32_t max_logged;
	uint32_t every;		/* log all edges, and not only the new ones */
	uint32_t calls;		/* records of the batch that runs, or ran last */
	uint32_t logged;
	uint32_t lost;		/* calls and edges for which there was no room */
};

struct edges_call {
	uint64_t program;	/* number since boot */
	uint32_t call;		/* index in its program */
	uint32_t first;		/* entry of the log */
	uint32_t reached;	/* edges, each once */
	uint32_t new;		/* those of them that no call has reached before */
	uint32_t logged;
	uint32_t unused;
};

struct edges_entry {
	uint32_t edge;
	uint32_t at;		/* offset of the block's address */
};

static struct {
	uint32_t before;		/* bits of the block before */
	uint16_t generation;
	struct edges_call *call;	/* that runs */
	uint8_t *seen;
	struct edges_head *head;	/* NULL: nobody asked */
	struct edges_call *calls;
	struct edges_entry *log;
	uint16_t last[1 << EDGES_BITS];
} edges;

/* This thread makes a call. In a library that is loaded late, the model of its own would be a function call. */
static __thread int edges_tracing __attribute__((tls_model("initial-exec")));

void lkltest_edges_clear(void);
void lkltest_edges_begin(uint64_t program, uint32_t call);
void lkltest_edges_end(void);

static void edges_log(uint32_t edge, uint32_t at)
{
	struct edges_head *head = edges.head;

	if (head->logged == head->max_logged) {
		head->lost++;
		return;
	}
	edges.log[head->logged] = (struct edges_entry){ edge, at };
	head->logged++;
	edges.call->logged++;
}

/* Notes an edge that is the first one of its number in the call. */
static __attribute__((noinline)) void edges_first(uint32_t edge, uint32_t at)
{
	int new;

	edges.last[edge] = edges.generation;
	/* Of several workers that reach an edge at once, one is the first. */
	new = !__atomic_load_n(&edges.seen[edge], __ATOMIC_RELAXED) &&
	      !__atomic_exchange_n(&edges.seen[edge], 1, __ATOMIC_RELAXED);
	edges.call->reached++;
	edges.call->new += new;
	if (new || edges.head->every)
		edges_log(edge, at);
}

static inline void edges_note(uint32_t at)
{
	uint32_t edge = (at >> 1 ^ edges.before) % (1 << EDGES_BITS);

	edges.before = at * 0x9e3779b1U >> 28;
	if (edges.last[edge] != edges.generation)
		edges_first(edge, at);
}

/* Begins a batch: the records of the last one are forgotten. */
void lkltest_edges_clear(void)
{
	if (edges.head)
		edges.head->calls = edges.head->logged = edges.head->lost = 0;
}

void lkltest_edges_begin(uint64_t program, uint32_t call)
{
	struct edges_head *head = edges.head;

	if (!head)
		return;
	if (head->calls == head->max_calls) {
		head->lost++;
		return;
	}
	edges.call = &edges.calls[head->calls];
	*edges.call = (struct edges_call){ .program = program, .call = call, .first = head->logged };
	head->calls++;
	if (!++edges.generation) {
		memset(edges.last, 0, sizeof(edges.last));
		edges.generation = 1;
	}
	edges.before = 0;
	edges_tracing = 1;
}

void lkltest_edges_end(void)
{
	edges_tracing = 0;
}

#endif
