/* ptrace() for a UML that keeps less of the processor's state than the host has.
 *
 * A host takes PTRACE_SETREGSET of NT_X86_XSTATE for its whole XSAVE area only, and answers EFAULT to less. Loaded
 * before the C library, this ptrace() accepts less: it reads the whole area, lays the caller's part over its
 * beginning, and sets the whole. Everything else goes to the host as it is.
 *
 * It is linked with nothing, so that it serves a UML of any C library; errno is the C library's that is there.
 */
#include <asm/unistd.h>
#include <cpuid.h>
#include <linux/elf.h>
#include <linux/mman.h>
#include <linux/ptrace.h>
#include <linux/uio.h>

#define LARGEST (64 * 1024) /* bytes: the area of a processor with AMX has 11,008 */
#define LEGACY 512          /* bytes of x87 and SSE registers, before the header */
#define HEADER 64           /* bytes of the header, which begins with XSTATE_BV */
#define X87_AND_SSE 3UL     /* their bits of XSTATE_BV */
#define XSTATE_LEAF 13

extern int *__errno_location(void);

static long host(long number, long first, long second, long third, long fourth, long fifth, long sixth)
{
	register long r10 __asm__("r10") = fourth;
	register long r8 __asm__("r8") = fifth;
	register long r9 __asm__("r9") = sixth;
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8),
			 "r"(r9) : "rcx", "r11", "memory");
	return result;
}

static long host_ptrace(long request, long pid, long type, long data)
{
	return host(__NR_ptrace, request, pid, type, data, 0, 0);
}

static void copy(unsigned char *to, const unsigned char *from, unsigned long size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

/* The components of the state that lie within the first `length` bytes of the area, as bits of XSTATE_BV. */
static unsigned long components_within(unsigned long length)
{
	static unsigned long known_length, known; /* every caller gives the same length */
	unsigned long within = X87_AND_SSE;

	if (__atomic_load_n(&known_length, __ATOMIC_ACQUIRE) == length)
		return known;
	for (unsigned int component = 2; component < 63; component++) {
		unsigned int size, offset, kind, unused;

		__cpuid_count(XSTATE_LEAF, component, size, offset, kind, unused);
		if (size && !(kind & 1) && (unsigned long)offset + size <= length) /* kind 1: the kernel's own */
			within |= 1UL << component;
	}
	if (!known_length) {
		known = within;
		__atomic_store_n(&known_length, length, __ATOMIC_RELEASE);
	}
	return within;
}

/* Lay `part` over the beginning of `whole`. XSTATE_BV, which says of each component whether it is in its initial
 * state, is taken from whichever of the two the component is taken from. */
static void overlay(unsigned char *whole, const unsigned char *part, unsigned long length)
{
	unsigned long *present = (unsigned long *)(whole + LEGACY);
	unsigned long within = components_within(length);
	unsigned long before = *present;

	copy(whole, part, length);
	if (length < LEGACY + HEADER) { /* without a header: the registers as they stand */
		if (length > LEGACY)
			copy(whole + LEGACY, (unsigned char *)&before, sizeof(before));
		*present |= X87_AND_SSE;
		return;
	}
	*present = (*present & within) | (before & ~within);
}

static long set_through(void *memory, long pid, const struct iovec *part)
{
	struct iovec whole = {memory, LARGEST};
	long result = host_ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (long)&whole);

	if (result < 0)
		return result;
	if (part->iov_len >= whole.iov_len)
		return host_ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)part);
	overlay(memory, part->iov_base, part->iov_len);
	return host_ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&whole);
}

/* A signal handler of the UML may call ptrace() while another call is using the memory: it gets its own. */
static long set_state(long pid, const struct iovec *part)
{
	static unsigned char memory[LARGEST] __attribute__((aligned(64)));
	static char used;
	long other, result;

	if (!__atomic_test_and_set(&used, __ATOMIC_ACQUIRE)) {
		result = set_through(memory, pid, part);
		__atomic_clear(&used, __ATOMIC_RELEASE);
		return result;
	}
	other = host(__NR_mmap, 0, LARGEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (other < 0 && other > -4096)
		return other;
	result = set_through((void *)other, pid, part);
	host(__NR_munmap, other, LARGEST, 0, 0, 0, 0);
	return result;
}

long ptrace(int request, int pid, void *address, void *data)
{
	const struct iovec *part = data;
	long peeked = 0;
	long result;

	if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE && part && part->iov_len % 8 == 0)
		result = set_state(pid, part);
	else if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSR) /* the call gives a pointer, the library a value */
		result = host_ptrace(request, pid, (long)address, (long)&peeked);
	else
		result = host_ptrace(request, pid, (long)address, (long)data);
	if (result < 0) {
		*__errno_location() = -result;
		return -1;
	}
	if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSR) {
		*__errno_location() = 0;
		return peeked;
	}
	return result;
}
