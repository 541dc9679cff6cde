/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about classic BPF on sockets: which packets a program lets through, and which programs are refused. */
#ifndef NET_FILTER_INC_C
#define NET_FILTER_INC_C

#include "sockets.h"

#define PAYLOAD 8	/* a UDP socket's filter sees the header first */

static int filtered_socket(struct sock_filter *code, int nr)
{
	int fd = bound_socket(LOOPBACK, SOCK_DGRAM);

	CHECK_OK(attach_filter(fd, code, nr));
	return fd;
}

/* Whether a datagram gets through the filter; it is taken from the queue. */
static int passes(int to, const char *text)
{
	int from = open_socket(LOOPBACK, SOCK_DGRAM);
	char buf[256];
	long got;

	CHECK_EQ(send_to(from, text, strlen(text), own_address(to)), strlen(text));
	got = receive(to, buf, sizeof(buf), MSG_DONTWAIT);
	close_socket(from);
	return got >= 0;
}

/* A program that looks at the first byte lets one letter through, until it is detached. */
POINT(filter_byte)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, PAYLOAD),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	int fd = filtered_socket(code, 4);

	CHECK(passes(fd, "yes"));
	CHECK(!passes(fd, "no"));
	detach_filter(fd);
	CHECK(passes(fd, "no"));
	CHECK_ERR(set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0), LKL_ENOENT);
	close_socket(fd);
}

/* A program cuts packets to the length that it returns. */
POINT(filter_trims)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, PAYLOAD + 3) };
	int fd = filtered_socket(code, 1), from = open_socket(LOOPBACK, SOCK_DGRAM);
	char buf[16];

	CHECK_EQ(send_to(from, "0123456789", 10, own_address(fd)), 10);
	CHECK_EQ(receive(fd, buf, sizeof(buf), 0), 3);
	CHECK_MEM_EQ(buf, "012", 3);
	close_socket(fd);
	close_socket(from);
}

/* Arithmetic, memory and jumps: the program computes a number from constants and compares it. */
POINT(filter_arithmetic)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_IMM, 1000),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 24), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 2),	/* 512 */
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 12), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),	/* 1500 */
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 1000), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4),	/* 8000 */
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 7),		/* 1007 */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0xf0),	/* 0xef ^ 0xf0 = 31 */
		BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ST, 3),					/* -31 */
		BPF_STMT(BPF_LDX | BPF_IMM, 40), BPF_STMT(BPF_STX, 4), BPF_STMT(BPF_LD | BPF_MEM, 3),
		BPF_STMT(BPF_LDX | BPF_MEM, 4), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),			/* 9 */
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),		/* 320 */
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),		/* 8 | 40 = 40 */
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0),		/* 40 */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_X, 0), BPF_STMT(BPF_LDX | BPF_IMM, 2),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_X, 0),		/* 40 */
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 77),	/* 77 */
		BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, 77),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 6),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 77, 5, 0), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 77, 0, 4),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 64, 0, 3), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_X, 0, 0, 1), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	int fd = filtered_socket(code, sizeof(code) / sizeof(*code));

	CHECK(passes(fd, "computed"));
	close_socket(fd);
}

/* Extensions: a program can ask for more of a packet than its bytes. */
POINT(filter_ancillary)
{
	static const struct { unsigned int what, is; } facts[] = {
		{ SKF_AD_PROTOCOL, 0x0800 }, { SKF_AD_IFINDEX, 1 }, { SKF_AD_HATYPE, 772 }, { SKF_AD_MARK, 9 },
		{ SKF_AD_QUEUE, 0 }, { SKF_AD_CPU, 0 }, { SKF_AD_VLAN_TAG, 0 }, { SKF_AD_VLAN_TAG_PRESENT, 0 },
		{ SKF_AD_PKTTYPE, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		struct sock_filter code[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + facts[i].what),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, facts[i].is, 1, 0),
			BPF_STMT(BPF_RET | BPF_K, 0),
			BPF_STMT(BPF_RET | BPF_K, 0xffff),
		};
		int fd = filtered_socket(code, 4), from = open_socket(LOOPBACK, SOCK_DGRAM);
		char buf[8];

		CHECK_OK(set_option(from, SOL_SOCKET, SO_MARK, 9));
		CHECK_EQ(send_to(from, "fact", 4, own_address(fd)), 4);
		if (receive(fd, buf, sizeof(buf), MSG_DONTWAIT) != 4)
			lkltest_fail("ancillary data %u is not %u", facts[i].what, facts[i].is);
		close_socket(fd);
		close_socket(from);
	}
}

/* Loads of bytes, halves and words, by constants and by a register, from the network header on too. */
POINT(filter_loads)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_IMM, PAYLOAD),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'b', 0, 12),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x6364, 0, 10),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PAYLOAD), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x61626364, 0, 8),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PAYLOAD + 4, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PAYLOAD + 4, 0, 4),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, SKF_NET_OFF), BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 20, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	int fd = filtered_socket(code, sizeof(code) / sizeof(*code));

	CHECK(passes(fd, "abcd"));
	CHECK(!passes(fd, "abcx"));
	CHECK(!passes(fd, "abcde"));
	CHECK(!passes(fd, "a"));		/* it reads behind the end */
	close_socket(fd);
}

/* Programs that could run wild are refused; a program is read back as it was, and can be locked. */
POINT(filter_refused)
{
	struct sock_filter no_end[] = { BPF_STMT(BPF_LD | BPF_IMM, 1) };
	struct sock_filter far[] = { BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0), BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_filter zero[] = { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter memory[] = { BPF_STMT(BPF_LD | BPF_MEM, 16), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter unset[] = { BPF_STMT(BPF_LD | BPF_MEM, 2), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter unknown[] = { BPF_STMT(0xffff, 0), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter good[] = { BPF_STMT(BPF_LD | BPF_IMM, 7), BPF_STMT(BPF_RET | BPF_K, 0xffff) }, back[4];
	int fd = bound_socket(LOOPBACK, SOCK_DGRAM), len = 4;

	CHECK_ERR(ATTACH_FILTER(fd, no_end), LKL_EINVAL);
	CHECK_ERR(ATTACH_FILTER(fd, far), LKL_EINVAL);
	CHECK_ERR(ATTACH_FILTER(fd, zero), LKL_EINVAL);
	CHECK_ERR(ATTACH_FILTER(fd, memory), LKL_EINVAL);
	CHECK_ERR(ATTACH_FILTER(fd, unset), LKL_EINVAL);
	CHECK_ERR(ATTACH_FILTER(fd, unknown), LKL_EINVAL);
	CHECK_ERR(attach_filter(fd, good, 0), LKL_EINVAL);
	CHECK_ERR(set_bytes(fd, SOL_SOCKET, SO_ATTACH_FILTER, good, 3), LKL_EINVAL);
	CHECK_OK(ATTACH_FILTER(fd, good));
	CHECK_OK(LKLTEST_SYS(getsockopt, fd, SOL_SOCKET, SO_GET_FILTER, back, &len));
	CHECK_EQ(len, 2);
	CHECK_MEM_EQ(back, good, sizeof(good));
	CHECK_OK(set_option(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
	CHECK_ERR(ATTACH_FILTER(fd, good), LKL_EPERM);
	CHECK_ERR(set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0), LKL_EPERM);
	CHECK_ERR(set_option(fd, SOL_SOCKET, SO_LOCK_FILTER, 0), LKL_EPERM);
	close_socket(fd);
}

/* Of sockets that share a port a program chooses one. */
POINT(filter_reuse_port)
{
	enum { SOCKETS = 3 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),		/* here the payload is the packet */
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, '0'),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { 3, code };
	int fds[SOCKETS], from = open_socket(LOOPBACK, SOCK_DGRAM), i;
	char digit, buf[4];

	for (i = 0; i < SOCKETS; i++) {
		struct endpoint address = i ? own_address(fds[0]) : endpoint(LOOPBACK, 0);

		fds[i] = open_socket(LOOPBACK, SOCK_DGRAM);
		CHECK_OK(set_option(fds[i], SOL_SOCKET, SO_REUSEPORT, 1));
		CHECK_OK(lkl_sys_bind(fds[i], (void *)&address.any, address.len));
	}
	CHECK_OK(set_bytes(fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)));
	for (i = 0; i < 3 * SOCKETS; i++) {
		digit = '0' + i % SOCKETS;
		CHECK_EQ(send_to(from, &digit, 1, own_address(fds[0])), 1);
		CHECK_EQ(receive(fds[i % SOCKETS], buf, sizeof(buf), MSG_DONTWAIT), 1);
		CHECK_EQ(buf[0], digit);
	}
	for (i = 0; i < SOCKETS; i++)
		close_socket(fds[i]);
	close_socket(from);
}

#endif
