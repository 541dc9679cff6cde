/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step up a stack by call-frame information, from inside a signal handler.
 *
 * libgcc's unwinder starts at its own caller and trusts the stack that it
 * reads. This one starts at any set of registers, and reads only what is there.
 * Format: DWARF 5, section 6.4, and the Linux Standard Base, "Exception Frames".
 */
#ifndef LKLTEST_INTERNAL_CFI_H
#define LKLTEST_INTERNAL_CFI_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LKLTEST_UNWIND_FN static __attribute__((unused))

/* Registers by their DWARF numbers. */
#ifdef __x86_64__
enum { LKLTEST_REG_FP = 6, LKLTEST_REG_SP = 7, LKLTEST_REG_RA = 16, LKLTEST_REGS = 17 };
#define LKLTEST_FRAME_ON_TOP 1	/* the caller's stack begins right above the frame record */
#else
enum { LKLTEST_REG_FP = 29, LKLTEST_REG_RA = 30, LKLTEST_REG_SP = 31, LKLTEST_REGS = 32 };
#define LKLTEST_FRAME_ON_TOP 0
#endif

struct lkltest_cpu {
	unsigned long pc;
	unsigned long r[LKLTEST_REGS];
	unsigned long long known;	/* a bit for each of r[] that is not lost */
	int exact;			/* pc is the next instruction, not a return address */
};

/* Reads memory that may be missing, without a fault: whether it was there. */
LKLTEST_UNWIND_FN int lkltest_peek(unsigned long from, void *to, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)from, len };
	int ends[2], ok;

	if (syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0) == (long)len)
		return 1;
	/* Containers forbid that call; a pipe takes bytes from anywhere, too. */
	if (pipe2(ends, O_CLOEXEC))
		return 0;
	ok = write(ends[1], (void *)from, len) == (ssize_t)len && read(ends[0], to, len) == (ssize_t)len;
	close(ends[0]);
	close(ends[1]);
	return ok;
}

/* Takes the pointer authentication code off a return address. */
LKLTEST_UNWIND_FN unsigned long lkltest_strip(unsigned long pc)
{
#ifdef __aarch64__
	return pc & 0xffffffffffffUL;
#else
	return pc;
#endif
}

/* libgcc's; it takes no lock with glibc since 2.35. */
struct lkltest_bases {
	void *text, *data, *function;
};
extern const void *lkltest_find_fde(void *pc, struct lkltest_bases *bases) __asm__("_Unwind_Find_FDE");

enum lkltest_how {
	LKLTEST_SAME,
	LKLTEST_LOST,
	LKLTEST_AT_CFA,		/* saved at the frame's address plus value */
	LKLTEST_IS_CFA,		/* is the frame's address plus value */
	LKLTEST_IN_REG,
	LKLTEST_AT_EXPR,
	LKLTEST_IS_EXPR,
};

struct lkltest_rule {
	enum lkltest_how how;
	long value;
	const uint8_t *expr;
};

struct lkltest_row {
	struct lkltest_rule reg[LKLTEST_REGS];
	struct lkltest_rule cfa;	/* LKLTEST_IN_REG: the register in .value, plus .cfa_offset */
	long cfa_offset;
};

struct lkltest_cie {
	const uint8_t *begin, *end;	/* instructions */
	unsigned long code_align;
	long data_align;
	unsigned long ra;
	int augmented, signal;
	unsigned int encoding;		/* of the addresses in the FDE */
};

LKLTEST_UNWIND_FN unsigned long lkltest_uleb(const uint8_t **p)
{
	unsigned long value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		byte = *(*p)++;
		if (shift < 64)
			value |= (unsigned long)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

LKLTEST_UNWIND_FN long lkltest_sleb(const uint8_t **p)
{
	const uint8_t *start = *p;
	unsigned long value = lkltest_uleb(p);
	unsigned int bits = (*p - start) * 7;

	if (bits < 64 && (*p)[-1] & 0x40)
		value |= ~0UL << bits;
	return (long)value;
}

LKLTEST_UNWIND_FN unsigned long lkltest_fixed(const uint8_t **p, unsigned int size)
{
	unsigned long value = 0;

	memcpy(&value, *p, size);	/* both machines are little-endian */
	*p += size;
	return value;
}

/* Bytes of an encoded address; 0 for forms that nobody uses here. */
LKLTEST_UNWIND_FN unsigned int lkltest_encoded_size(unsigned int encoding)
{
	static const unsigned char size[8] = { 8, 0, 2, 4, 8, 0, 0, 0 };

	return size[encoding & 7];
}

LKLTEST_UNWIND_FN int lkltest_parse_cie(const uint8_t *p, struct lkltest_cie *cie)
{
	const char *augmentation;
	unsigned int version, size;

	memset(cie, 0, sizeof(*cie));
	cie->end = p + 4;
	cie->end += lkltest_fixed(&p, 4);
	p += 4;
	version = *p++;
	augmentation = (const char *)p;
	p += strlen(augmentation) + 1;
	cie->code_align = lkltest_uleb(&p);
	cie->data_align = lkltest_sleb(&p);
	cie->ra = version == 1 ? *p++ : lkltest_uleb(&p);
	if (*augmentation && *augmentation != 'z')
		return 0;
	cie->begin = p;
	if (*augmentation) {
		cie->augmented = 1;
		size = lkltest_uleb(&p);
		cie->begin = p + size;
	}
	for (; *augmentation; augmentation++) {
		if (*augmentation == 'R') {
			cie->encoding = *p++;
		} else if (*augmentation == 'L') {
			p++;
		} else if (*augmentation == 'S') {
			cie->signal = 1;
		} else if (*augmentation == 'P') {
			size = lkltest_encoded_size(*p);
			p += 1 + size;
			if (!size)
				return 0;
		}
	}
	return 1;
}

/*
 * The few operations that compilers use: for a signal's frame, a realigned
 * stack, a PLT entry. `p` is at the block's length.
 */
LKLTEST_UNWIND_FN int lkltest_expression(const uint8_t *p, const struct lkltest_cpu *cpu, const unsigned long *initial,
					 unsigned long *result)
{
	unsigned long stack[10] = { 0 };	/* two below the first, for an expression that takes too much */
	unsigned long len = lkltest_uleb(&p);
	const uint8_t *end = p + len;
	int top = 1;

	if (initial)
		stack[++top] = *initial;
	while (p < end) {
		uint8_t op = *p++;

		if (top < 1 || top > 8)
			return 0;
		if (op >= 0x70 && op < 0x70 + LKLTEST_REGS && op <= 0x8f) {	/* breg */
			if (!(cpu->known & 1ULL << (op - 0x70)))
				return 0;
			stack[++top] = cpu->r[op - 0x70] + lkltest_sleb(&p);
		} else if (op >= 0x30 && op <= 0x4f) {				/* lit */
			stack[++top] = op - 0x30;
		} else if (op == 0x06) {					/* deref */
			if (!lkltest_peek(stack[top], &stack[top], sizeof(*stack)))
				return 0;
		} else if (op == 0x08) {					/* const1u */
			stack[++top] = *p++;
		} else if (op == 0x23) {					/* plus_uconst */
			stack[top] += lkltest_uleb(&p);
		} else {
			unsigned long right = stack[top--];

			if (op == 0x1a)
				stack[top] &= right;
			else if (op == 0x22)
				stack[top] += right;
			else if (op == 0x1c)
				stack[top] -= right;
			else if (op == 0x24)
				stack[top] = right < 64 ? stack[top] << right : 0;
			else if (op == 0x2a)					/* ge */
				stack[top] = (long)stack[top] >= (long)right;
			else
				return 0;
		}
	}
	*result = stack[top];
	return top > 1;
}

/* Runs instructions up to the address that the row is for. `start` has what "restore" goes back to. */
LKLTEST_UNWIND_FN int lkltest_run_cfi(const struct lkltest_cie *cie, const uint8_t *p, const uint8_t *end,
				      unsigned long pc, unsigned long target, struct lkltest_row *row,
				      const struct lkltest_row *start)
{
	struct lkltest_row saved[4];
	int depth = 0;

	while (p < end && pc <= target) {
		uint8_t op = *p++;
		unsigned long reg = op & 0x3f;
		struct lkltest_rule rule = { LKLTEST_SAME, 0, NULL };

		switch (op & 0xc0 ? op & 0xc0 : op) {
		case 0x40:	/* advance_loc */
			pc += reg * cie->code_align;
			continue;
		case 0x02: case 0x03: case 0x04:
			pc += lkltest_fixed(&p, 1 << (op - 2)) * cie->code_align;
			continue;
		case 0x00: case 0x2d:	/* nop; the return address is signed from here on */
			continue;
		case 0x2e:	/* GNU_args_size */
			lkltest_uleb(&p);
			continue;
		case 0x0a:	/* remember_state */
			if (depth == 4)
				return 0;
			saved[depth++] = *row;
			continue;
		case 0x0b:	/* restore_state */
			if (!depth)
				return 0;
			*row = saved[--depth];
			continue;
		case 0x0c: case 0x12:	/* def_cfa, def_cfa_sf */
			row->cfa.how = LKLTEST_IN_REG;
			row->cfa.value = lkltest_uleb(&p);
			row->cfa_offset = op == 0x0c ? (long)lkltest_uleb(&p) : lkltest_sleb(&p) * cie->data_align;
			continue;
		case 0x0d:	/* def_cfa_register */
			row->cfa.how = LKLTEST_IN_REG;
			row->cfa.value = lkltest_uleb(&p);
			continue;
		case 0x0e:	/* def_cfa_offset */
			row->cfa_offset = lkltest_uleb(&p);
			continue;
		case 0x13:
			row->cfa_offset = lkltest_sleb(&p) * cie->data_align;
			continue;
		case 0x0f:	/* def_cfa_expression */
			row->cfa.how = LKLTEST_IS_EXPR;
			row->cfa.expr = p;
			reg = lkltest_uleb(&p);
			p += reg;
			continue;
		case 0x80:	/* offset */
			rule.how = LKLTEST_AT_CFA;
			rule.value = lkltest_uleb(&p) * cie->data_align;
			break;
		case 0xc0:	/* restore */
			if (start && reg < LKLTEST_REGS)
				rule = start->reg[reg];
			break;
		default:
			reg = lkltest_uleb(&p);
			if (op == 0x05 || op == 0x14) {		/* offset_extended, val_offset */
				rule.how = op == 0x05 ? LKLTEST_AT_CFA : LKLTEST_IS_CFA;
				rule.value = lkltest_uleb(&p) * cie->data_align;
			} else if (op == 0x11 || op == 0x15) {	/* the same, signed */
				rule.how = op == 0x11 ? LKLTEST_AT_CFA : LKLTEST_IS_CFA;
				rule.value = lkltest_sleb(&p) * cie->data_align;
			} else if (op == 0x06) {		/* restore_extended */
				if (start && reg < LKLTEST_REGS)
					rule = start->reg[reg];
			} else if (op == 0x07) {		/* undefined */
				rule.how = LKLTEST_LOST;
			} else if (op == 0x09) {		/* register */
				rule.how = LKLTEST_IN_REG;
				rule.value = lkltest_uleb(&p);
			} else if (op == 0x10 || op == 0x16) {	/* expression, val_expression */
				rule.how = op == 0x10 ? LKLTEST_AT_EXPR : LKLTEST_IS_EXPR;
				rule.expr = p;
				rule.value = lkltest_uleb(&p);
				p += rule.value;
			} else if (op != 0x08) {		/* same_value */
				return 0;
			}
		}
		if (reg < LKLTEST_REGS)
			row->reg[reg] = rule;
	}
	return 1;
}

/* The caller's value of a register; 0 if it is lost. */
LKLTEST_UNWIND_FN int lkltest_restore(const struct lkltest_cpu *cpu, const struct lkltest_rule *rule, int reg,
				      unsigned long cfa, unsigned long *value)
{
	switch (rule->how) {
	case LKLTEST_SAME:
		*value = cpu->r[reg];
		return cpu->known >> reg & 1;
	case LKLTEST_AT_CFA:
		return lkltest_peek(cfa + rule->value, value, sizeof(*value));
	case LKLTEST_IS_CFA:
		*value = cfa + rule->value;
		return 1;
	case LKLTEST_IN_REG:
		if (rule->value >= LKLTEST_REGS)
			return 0;
		*value = cpu->r[rule->value];
		return cpu->known >> rule->value & 1;
	case LKLTEST_AT_EXPR:
		return lkltest_expression(rule->expr, cpu, &cfa, value) && lkltest_peek(*value, value, sizeof(*value));
	case LKLTEST_IS_EXPR:
		return lkltest_expression(rule->expr, cpu, &cfa, value);
	default:
		return 0;
	}
}

/* Finds the row for an address: 0 if there is no call-frame information for it. */
LKLTEST_UNWIND_FN int lkltest_find_row(unsigned long pc, struct lkltest_cie *cie, struct lkltest_row *row)
{
	struct lkltest_bases bases = { NULL, NULL, NULL };
	const uint8_t *p = lkltest_find_fde((void *)pc, &bases), *end;
	struct lkltest_row start;
	unsigned int size;

	if (!p)
		return 0;
	memset(row, 0, sizeof(*row));
	end = p + 4;
	end += lkltest_fixed(&p, 4);
	if (!lkltest_parse_cie(p - *(const int32_t *)p, cie))
		return 0;
	size = lkltest_encoded_size(cie->encoding);
	if (!size)
		return 0;
	p += 4 + 2 * size;
	if (cie->augmented) {
		size = lkltest_uleb(&p);
		p += size;
	}
	if (!lkltest_run_cfi(cie, cie->begin, cie->end, 0, 0, row, NULL))
		return 0;
	start = *row;
	return lkltest_run_cfi(cie, p, end, (unsigned long)bases.function, pc, row, &start);
}

/* Moves to the caller: whether it could. A pc of 0 then says that there is none. */
LKLTEST_UNWIND_FN int lkltest_step_cfi(struct lkltest_cpu *cpu)
{
	struct lkltest_cpu now = *cpu;
	struct lkltest_cie cie;
	struct lkltest_row row;
	unsigned long cfa;
	int reg;

	/* A return address may be that of the next function, after a call that never returns. */
	if (!lkltest_find_row(cpu->pc - !cpu->exact, &cie, &row) || cie.ra >= LKLTEST_REGS)
		return 0;
	if (row.cfa.how == LKLTEST_IS_EXPR) {
		if (!lkltest_expression(row.cfa.expr, cpu, NULL, &cfa))
			return 0;
	} else {
		if (row.cfa.value >= LKLTEST_REGS || !(cpu->known >> row.cfa.value & 1))
			return 0;
		cfa = cpu->r[row.cfa.value] + row.cfa_offset;
	}
	if (row.reg[LKLTEST_REG_SP].how == LKLTEST_SAME)
		row.reg[LKLTEST_REG_SP].how = LKLTEST_IS_CFA;
	for (reg = 0; reg < LKLTEST_REGS; reg++) {
		int kept = lkltest_restore(&now, &row.reg[reg], reg, cfa, &cpu->r[reg]);

		cpu->known = (cpu->known & ~(1ULL << reg)) | (unsigned long long)kept << reg;
	}
	if (row.reg[cie.ra].how == LKLTEST_LOST)
		cpu->pc = 0;
	else if (!(cpu->known >> cie.ra & 1))
		return 0;
	else
		cpu->pc = lkltest_strip(cpu->r[cie.ra]);
	cpu->exact = cie.signal;
	return 1;
}

#endif
