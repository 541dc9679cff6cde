/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step up a stack, from inside a signal handler.
 *
 * Host code has call-frame information and no frame pointers, the kernel frame
 * pointers and no call-frame information, and one stack mixes both several
 * times: program, kernel, virtio in the host, interrupt in the kernel. So each
 * step takes what there is: call-frame information (cfi.h), else the frame
 * pointer, else whatever looks like a return address.
 *
 * Nothing here allocates, locks, or touches memory that may be missing.
 */
#ifndef LKLTEST_INTERNAL_UNWIND_H
#define LKLTEST_INTERNAL_UNWIND_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <lkltest/internal/cfi.h>

#define LKLTEST_SCAN (64 * 1024)	/* bytes of stack that are searched for a return address */

enum lkltest_step {
	LKLTEST_STEP_END,	/* no caller, or none to be found */
	LKLTEST_STEP_SURE,
	LKLTEST_STEP_GUESS,	/* the stack holds this return address, perhaps of an earlier call */
};

/* The mappings of code: filled from /proc/self/maps before the first step. */
static struct {
	struct { unsigned long from, to; } range[256];
	int used;
} lkltest_code;

LKLTEST_UNWIND_FN int lkltest_is_code(unsigned long pc)
{
	int i;

	for (i = 0; i < lkltest_code.used; i++)
		if (pc >= lkltest_code.range[i].from && pc < lkltest_code.range[i].to)
			return 1;
	return 0;
}

/* Does a call stand before this address? */
LKLTEST_UNWIND_FN int lkltest_is_return(unsigned long pc)
{
	unsigned char b[8];

	if (!lkltest_is_code(pc) || !lkltest_is_code(pc - sizeof(b)) || !lkltest_peek(pc - sizeof(b), b, sizeof(b)))
		return 0;
#ifdef __x86_64__
	int i;

	/* call r/m64, of 2 to 7 bytes */
	for (i = 1; i < 7; i++)
		if (b[i] == 0xff && (b[i + 1] & 0x38) == 0x10)
			return 1;
	/* call rel32 */
	return b[3] == 0xe8;
#else
	/* bl, or blr */
	return (b[7] & 0xfc) == 0x94 || (b[7] == 0xd6 && (b[6] & 0xe0) == 0x20);
#endif
}

/* Moves to a caller that was found without call-frame information. */
LKLTEST_UNWIND_FN void lkltest_move(struct lkltest_cpu *cpu, unsigned long pc, unsigned long sp, int sp_known)
{
	/* Code without call-frame information may have saved these anywhere. */
	cpu->known &= 1ULL << LKLTEST_REG_FP;
	cpu->r[LKLTEST_REG_SP] = sp;
	if (sp_known)
		cpu->known |= 1ULL << LKLTEST_REG_SP;
	cpu->pc = pc;
	cpu->exact = 0;
}

/*
 * A call through a bad pointer, or a function without a frame, or not yet, or
 * no more: the frame pointer is the caller's, and following it would miss him.
 */
LKLTEST_UNWIND_FN enum lkltest_step lkltest_step_frameless(struct lkltest_cpu *cpu)
{
	unsigned long sp = cpu->r[LKLTEST_REG_SP];
	unsigned long pc = cpu->pc;
	int in_code = lkltest_is_code(pc);
#ifdef __x86_64__
	unsigned char at_pc[3] = { 0 };
	unsigned long ra, target;
	int offset;

	if (in_code && lkltest_peek(pc, at_pc, sizeof(at_pc)) && !memcmp(at_pc, "\x48\x89\xe5", 3))
		sp += 8;	/* mov %rsp,%rbp: the frame pointer has just been pushed */
	if (!lkltest_peek(sp, &ra, sizeof(ra)) || !lkltest_is_return(ra))
		return LKLTEST_STEP_END;
	lkltest_peek(ra - 4, &offset, sizeof(offset));
	target = ra + offset;
	lkltest_move(cpu, ra, sp + 8, 1);
	/* A call of what stands shortly before the instruction; any other may be a leftover. */
	return !in_code || pc - target < 0x4000 ? LKLTEST_STEP_SURE : LKLTEST_STEP_GUESS;
#else
	unsigned long ra = lkltest_strip(cpu->r[LKLTEST_REG_RA]);
	unsigned int insn = 0;

	if (!lkltest_is_return(ra))
		return LKLTEST_STEP_END;
	if (in_code)
		lkltest_peek(pc, &insn, sizeof(insn));
	/* The link register holds the caller's address, or that of the last call which came back. */
	if (!in_code || (insn & 0xffc07fff) == 0xa9807bfd ||	/* stp x29, x30, [sp, #-n]! */
	    insn == 0xd503233f || insn == 0xd65f03c0) {		/* paciasp; ret */
		lkltest_move(cpu, ra, sp, 1);
		return LKLTEST_STEP_SURE;
	}
	return LKLTEST_STEP_END;
#endif
}

/* 1 if it moved, 0 if the frame pointer is no frame's, -1 at the outermost frame. */
LKLTEST_UNWIND_FN int lkltest_step_frame(struct lkltest_cpu *cpu)
{
	unsigned long fp = cpu->r[LKLTEST_REG_FP], record[2];

	if (!(cpu->known & 1ULL << LKLTEST_REG_FP) || fp & 7)
		return 0;
	/* The function that starts a thread clears it. */
	if (!fp && !cpu->exact)
		return -1;
	if (fp < cpu->r[LKLTEST_REG_SP])
		return 0;
	if (!lkltest_peek(fp, record, sizeof(record)))
		return 0;
	record[1] = lkltest_strip(record[1]);
	if (!record[0] && !record[1])
		return -1;
	if (!lkltest_is_return(record[1]))
		return 0;
	/* The register is the caller's frame pointer only if it points above this frame. */
	cpu->r[LKLTEST_REG_FP] = record[0];
	lkltest_move(cpu, record[1], fp + 16, LKLTEST_FRAME_ON_TOP);
	return 1;
}

LKLTEST_UNWIND_FN int lkltest_step_scan(struct lkltest_cpu *cpu)
{
	unsigned long sp = (cpu->r[LKLTEST_REG_SP] + 7) & ~7UL, at, word[32], record[2];
	size_t i;

	for (at = sp; at < sp + LKLTEST_SCAN; at += sizeof(word)) {
		if (!lkltest_peek(at, word, sizeof(word)))
			return 0;
		for (i = 0; i < sizeof(word) / sizeof(*word); i++) {
			unsigned long here = at + i * sizeof(*word);

			if (!lkltest_is_return(lkltest_strip(word[i])))
				continue;
			lkltest_move(cpu, lkltest_strip(word[i]), here + 8, 1);
			/* A frame pointer is pushed just below; the old one may still serve, too. */
			if (lkltest_peek(here - 8, record, sizeof(record)) && record[0] > here &&
			    record[0] < here + (1 << 20)) {
				cpu->r[LKLTEST_REG_FP] = record[0];
				cpu->known |= 1ULL << LKLTEST_REG_FP;
			}
			return 1;
		}
	}
	return 0;
}

LKLTEST_UNWIND_FN enum lkltest_step lkltest_step(struct lkltest_cpu *cpu)
{
	unsigned long sp = cpu->r[LKLTEST_REG_SP];
	struct lkltest_cpu next = *cpu;
	int moved = lkltest_step_cfi(&next);

	if (moved && !next.pc)
		return LKLTEST_STEP_END;
	/* Only a signal's frame may lead to another stack. */
	if (moved && lkltest_is_code(next.pc) && (next.r[LKLTEST_REG_SP] > sp || cpu->exact || next.exact)) {
		*cpu = next;
		return LKLTEST_STEP_SURE;
	}
	if (cpu->exact) {
		enum lkltest_step step = lkltest_step_frameless(cpu);

		if (step != LKLTEST_STEP_END)
			return step;
	}
	moved = lkltest_step_frame(cpu);
	if (moved)
		return moved > 0 ? LKLTEST_STEP_SURE : LKLTEST_STEP_END;
	return lkltest_step_scan(cpu) ? LKLTEST_STEP_GUESS : LKLTEST_STEP_END;
}

#endif
