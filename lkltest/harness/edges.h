/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feedback for a fuzzer: the edges that each of its calls reaches. An edge is a
 * basic block of the kernel and the block before it in the same call. Its number
 * is half the address of the block, varied by four bits of the block before: it
 * shares it with another edge now and then, and the tables are walked as the
 * code is, which a cache likes.
 *
 * All is in memory that the fuzzer has given, and reads whenever it likes, so
 * that it survives a crash. Only the thread that makes the call counts: what
 * the kernel's own threads do meanwhile belongs to nobody.
 *
 * A map of all edges that any call ever reached may be shared by several
 * kernels; edges that are new to it are logged. Where all edges of each call are
 * wanted, a table holds the call that reached an edge last, by its generation:
 * the next call begins with an empty set, and nothing has to be cleared.
 *
 * On request, the numbers that a call compares are logged, too, where they
 * differ: a kernel that is built with -fsanitize-coverage=trace-cmp tells them.
 *
 * lkltest/fuzz/exec/feedback.py reads the memory; its layout is the structures
 * below.
 */
#ifndef LKLTEST_EDGES_H
#define LKLTEST_EDGES_H

#define EDGES (1 << 22)	/* numbers: half the bytes of code, or they wrap around */

#define EDGES_COMPARED 512	/* comparisons of one call that are logged at most */
#define EDGES_RECENT 1024	/* comparisons that are known as logged */
#define EDGES_SITES 4096	/* places in the code, by a hash */
#define EDGES_PER_SITE 16	/* comparisons of one place that a call logs: a loop would leave no room for others */

/* The records of the calls follow, then the log, the comparisons, and the map of the edges that are wanted. */
struct edges_head {
	uint64_t base;		/* link address of offset 0 */
	uint32_t max_calls;	/* room, set by the reader as are the next three */
	uint32_t max_logged;
	uint32_t max_compared;
	uint32_t every;		/* log all edges of a call, and not only the new ones */
	uint32_t wanted;	/* of all edges, log those of the map */
	uint32_t compare;	/* log its comparisons; only with .every */
	uint32_t calls;		/* records of the batch that runs, or ran last */
	uint32_t logged;
	uint32_t compared;
	uint32_t lost;		/* calls, edges and comparisons for which there was no room */
};

struct edges_call {
	uint64_t program;	/* number since boot */
	uint32_t call;		/* index in its program */
	uint32_t first;		/* entry of the log */
	uint32_t logged;
	uint32_t new;		/* edges that no call has reached before */
	uint32_t interrupted;	/* it blocked, and was interrupted */
	uint32_t unused;
};

struct edges_entry {
	uint32_t edge;
	uint32_t at;		/* offset of the block's address */
};

struct edges_comparison {
	uint32_t call;		/* its record */
	uint32_t size;		/* bytes of the numbers */
	uint64_t a, b;
};

static struct {
	uint32_t before;		/* bits of the block before */
	uint16_t generation;
	uint8_t *seen;
	uintptr_t code;			/* bytes of it */
	struct edges_call *call;	/* that runs */
	struct edges_head *head;	/* NULL: nobody asked */
	struct edges_call *calls;
	struct edges_entry *log;
	struct edges_comparison *comparisons;
	uint8_t *wanted;
	uint32_t left;			/* comparisons that the call may still log */
	uint64_t recent[EDGES_RECENT];
	uint8_t sites[EDGES_SITES];	/* comparisons that each has logged */
	uint16_t last[EDGES];
} edges;

/* In the thread that makes a call. In a library that is loaded late, the model of its own would be a function call. */
static __thread enum {
	EDGES_NONE,
	EDGES_NEW,
	EDGES_NEW_AND_BITS,	/* of the bitmap, too */
	EDGES_ALL_AND_BITS,
} edges_tracing __attribute__((tls_model("initial-exec")));

static __thread int edges_comparing __attribute__((tls_model("initial-exec")));

void lkltest_edges_clear(void);
void lkltest_edges_end(void);
void lkltest_edges_interrupted(void);

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

static __attribute__((noinline)) void edges_new(uint32_t edge, uintptr_t at)
{
	/* Of several workers that reach an edge at once, one is the first. */
	if (at >= edges.code || __atomic_exchange_n(&edges.seen[edge], 1, __ATOMIC_RELAXED))
		return;
	edges.call->new++;
	if (edges_tracing != EDGES_ALL_AND_BITS)
		edges_log(edge, at);
}

static __attribute__((noinline)) void edges_any(uint32_t edge, uintptr_t at)
{
	if (at >= edges.code || (edges.head->wanted && !edges.wanted[edge]) || edges.last[edge] == edges.generation)
		return;
	edges.last[edge] = edges.generation;
	edges_log(edge, at);
}

static inline uint32_t edges_note(uintptr_t at)
{
	uint32_t edge = (at >> 1 ^ edges.before) % EDGES;

	edges.before = at >> 4 & 15;
	if (!__atomic_load_n(&edges.seen[edge], __ATOMIC_RELAXED))
		edges_new(edge, at);
	return edge;
}

/*
 * Logs two numbers that the call compares at a place in the code: a call that repeats a comparison may find it in
 * `recent`, and logs it once.
 */
static __attribute__((noinline)) void edges_compare(uintptr_t at, uint32_t size, uint64_t a, uint64_t b)
{
	struct edges_head *head = edges.head;
	uint64_t key = (a * 0x9e3779b97f4a7c15ULL ^ b) * 0x9e3779b97f4a7c15ULL + size;
	uint8_t *site = &edges.sites[(at ^ at >> 12) % EDGES_SITES];

	/* Two addresses are no data of a call: they begin with the same bits. */
	if (a == b || !edges.left || (a >> 40 && a >> 40 == b >> 40) || edges.recent[key >> 54] == key ||
	    *site == EDGES_PER_SITE)
		return;
	++*site;
	edges.recent[key >> 54] = key;
	if (head->compared == head->max_compared) {
		head->lost++;
		return;
	}
	edges.left--;
	edges.comparisons[head->compared++] = (struct edges_comparison){ edges.call - edges.calls, size, a, b };
}

/* Begins a batch: the records of the last one are forgotten. */
void lkltest_edges_clear(void)
{
	if (edges.head)
		edges.head->calls = edges.head->logged = edges.head->compared = edges.head->lost = 0;
}

static void edges_begin(uint64_t program, uint32_t call, int bits)
{
	struct edges_head *head = edges.head;

	if (head->calls == head->max_calls) {
		head->lost++;
		return;
	}
	edges.call = &edges.calls[head->calls];
	*edges.call = (struct edges_call){ .program = program, .call = call, .first = head->logged };
	head->calls++;
	if (head->every && !++edges.generation) {
		memset(edges.last, 0, sizeof(edges.last));
		edges.generation = 1;
	}
	edges.before = 0;
	if (head->compare && head->every) {
		memset(edges.recent, 0, sizeof(edges.recent));
		memset(edges.sites, 0, sizeof(edges.sites));
		edges.left = EDGES_COMPARED;
		edges_comparing = 1;
	}
	edges_tracing = head->every ? EDGES_ALL_AND_BITS : bits ? EDGES_NEW_AND_BITS : EDGES_NEW;
}

/* Ends the call; one without new edges is not worth its record, unless all edges are wanted. */
void lkltest_edges_end(void)
{
	if (edges_tracing && edges_tracing != EDGES_ALL_AND_BITS && !edges.call->new)
		edges.head->calls--;
	edges_tracing = EDGES_NONE;
	edges_comparing = 0;
}

/* Notes that the call that ended last had to be interrupted; that is worth its record. */
void lkltest_edges_interrupted(void)
{
	struct edges_head *head = edges.head;

	if (!head || !edges.call)
		return;
	if (edges.call == &edges.calls[head->calls])
		head->calls++;
	edges.call->interrupted = 1;
}

#endif
