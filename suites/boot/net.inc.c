/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the network, as far as a kernel has it for itself. */
#ifndef BOOT_NET_INC_C
#define BOOT_NET_INC_C

#include <arpa/inet.h>

#include "shared.h"

static int make_socket(int family, int type)
{
	struct lkl_timeval limit = { .tv_sec = 10 };
	int fd = lkl_sys_socket(family, type, 0);

	if (fd == -LKL_EAFNOSUPPORT)
		lkltest_skip("this kernel has no %s", family == LKL_AF_INET ? "IPv4: CONFIG_INET" : "IPv6: CONFIG_IPV6");
	if (fd == -LKL_ENOSYS)
		lkltest_skip("this kernel has no sockets: CONFIG_NET");
	CHECK_GE(fd, 0);
	/* A lost packet must not hang the program. */
	CHECK_EQ(lkl_sys_setsockopt(fd, LKL_SOL_SOCKET, LKL_SO_RCVTIMEO, (char *)&limit, sizeof(limit)), 0);
	return fd;
}

POINT(lo_ifup)
{
	struct lkl_ifreq ifr;
	int fd = make_socket(LKL_AF_INET, LKL_SOCK_DGRAM);

	memset(&ifr, 0, sizeof(ifr));
	strcpy(ifr.lkl_ifr_name, "lo");
	CHECK_EQ(lkl_sys_ioctl(fd, LKL_SIOCGIFFLAGS, (long)&ifr), 0);
	ifr.lkl_ifr_flags |= LKL_IFF_UP;
	CHECK_EQ(lkl_sys_ioctl(fd, LKL_SIOCSIFFLAGS, (long)&ifr), 0);
	CHECK_EQ(lkl_sys_ioctl(fd, LKL_SIOCGIFFLAGS, (long)&ifr), 0);
	CHECK_EQ(ifr.lkl_ifr_flags & (LKL_IFF_UP | LKL_IFF_LOOPBACK), LKL_IFF_UP | LKL_IFF_LOOPBACK);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

union address {
	struct lkl_sockaddr any;
	struct lkl_sockaddr_in v4;
	struct lkl_sockaddr_in6 v6;
};

/* Gives the socket a port of this family's loopback address, and says which. */
static int bind_loopback(int fd, int family, union address *address)
{
	int len = family == LKL_AF_INET ? sizeof(address->v4) : sizeof(address->v6);

	memset(address, 0, sizeof(*address));
	address->v4.sin_family = family;
	if (family == LKL_AF_INET)
		address->v4.sin_addr.lkl_s_addr = htonl(LKL_INADDR_LOOPBACK);
	else
		address->v6.sin6_addr.lkl_s6_addr[15] = 1;
	CHECK_EQ(lkl_sys_bind(fd, &address->any, len), 0);
	CHECK_EQ(lkl_sys_getsockname(fd, &address->any, &len), 0);
	CHECK_NE(address->v4.sin_port, 0);
	return len;
}

#define STREAM 100000

static struct {
	int listener;
	char sent[STREAM], received[STREAM];		/* the client's */
	char served[STREAM], turned[STREAM];		/* the server's */
} tcp;

static void receive_all(int fd, char *buf)
{
	size_t have = 0;
	long got;

	while (have < STREAM) {
		got = CHECK_OK(lkl_sys_recvfrom(fd, buf + have, STREAM - have, 0, NULL, NULL));
		if (!got)
			lkltest_fail("the connection ended after %zu of %d bytes", have, STREAM);
		have += got;
	}
}

static void send_all(int fd, char *buf)
{
	size_t done = 0;

	while (done < STREAM)
		done += CHECK_OK(lkl_sys_sendto(fd, buf + done, STREAM - done, LKL_MSG_NOSIGNAL, NULL, 0));
}

/* Takes one connection, and sends back all that it gets, turned round. */
static void *serve_tcp(void *unused)
{
	int i, fd = CHECK_OK(lkl_sys_accept4(tcp.listener, NULL, NULL, 0));

	receive_all(fd, tcp.served);
	for (i = 0; i < STREAM; i++)
		tcp.turned[i] = tcp.served[STREAM - 1 - i];
	send_all(fd, tcp.turned);
	CHECK_EQ(lkl_sys_close(fd), 0);
	return unused;
}

static void check_tcp(int family)
{
	union address address;
	pthread_t server;
	int i, fd, len;
	char end;

	tcp.listener = make_socket(family, LKL_SOCK_STREAM);
	len = bind_loopback(tcp.listener, family, &address);
	fd = make_socket(family, LKL_SOCK_STREAM);
	CHECK_ERR(lkl_sys_connect(fd, &address.any, len), LKL_ECONNREFUSED);
	CHECK_EQ(lkl_sys_listen(tcp.listener, 1), 0);
	server = start_thread(serve_tcp, NULL);

	fill(tcp.sent, STREAM, family);
	CHECK_EQ(lkl_sys_connect(fd, &address.any, len), 0);
	send_all(fd, tcp.sent);
	receive_all(fd, tcp.received);
	pthread_join(server, NULL);
	for (i = 0; i < STREAM; i++)
		if (tcp.received[i] != tcp.sent[STREAM - 1 - i])
			lkltest_fail("byte %d of %d came back changed", i, STREAM);
	CHECK_EQ(lkl_sys_recvfrom(fd, &end, 1, 0, NULL, NULL), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_close(tcp.listener), 0);
}

POINT(tcp_ipv4)
{
	check_tcp(LKL_AF_INET);
}

POINT(tcp_ipv6)
{
	check_tcp(LKL_AF_INET6);
}

static void check_udp(int family)
{
	union address here, there, from;
	char sent[1000], got[2000];
	int a = make_socket(family, LKL_SOCK_DGRAM), b = make_socket(family, LKL_SOCK_DGRAM);
	int i, len, from_len;

	len = bind_loopback(a, family, &here);
	bind_loopback(b, family, &there);
	for (i = 0; i < 3; i++) {
		fill(sent, sizeof(sent), i);
		CHECK_EQ(lkl_sys_sendto(a, sent, sizeof(sent) - i, 0, &there.any, len), sizeof(sent) - i);
	}
	/* Datagrams keep their limits and, over loopback, their order. */
	for (i = 0; i < 3; i++) {
		from_len = sizeof(from);
		fill(sent, sizeof(sent), i);
		CHECK_EQ(lkl_sys_recvfrom(b, got, sizeof(got), 0, &from.any, &from_len), sizeof(sent) - i);
		CHECK_MEM_EQ(got, sent, sizeof(sent) - i);
		CHECK_EQ(from.v4.sin_port, here.v4.sin_port);
	}
	CHECK_ERR(lkl_sys_recvfrom(b, got, sizeof(got), LKL_MSG_DONTWAIT, NULL, NULL), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_close(a), 0);
	CHECK_EQ(lkl_sys_close(b), 0);
}

POINT(udp_ipv4)
{
	check_udp(LKL_AF_INET);
}

POINT(udp_ipv6)
{
	check_udp(LKL_AF_INET6);
}

#endif
