/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about options of sockets: they keep what they are given, and refuse what makes no sense. */
#ifndef NET_OPTIONS_INC_C
#define NET_OPTIONS_INC_C

#include "sockets.h"

struct option {
	const char *text;
	int level, name, value, result;		/* what is set, and what is read then */
};

#define SAME(level, name, value) { #name, level, name, value, value }
#define BECOMES(level, name, value, result) { #name, level, name, value, result }
#define ROUND(options) options, sizeof(options) / sizeof(*(options))

/* Sets and reads each option, and tells which one is wrong. */
static void keep_options(int fd, const struct option *options, size_t nr)
{
	size_t i;
	long err;
	int value;

	for (i = 0; i < nr; i++) {
		err = set_option(fd, options[i].level, options[i].name, options[i].value);
		if (err == -LKL_ENOPROTOOPT) {
			lkltest_log("%s: this kernel does not have it", options[i].text);
			continue;
		}
		if (err)
			lkltest_fail("setting %s to %d: %ld", options[i].text, options[i].value, err);
		value = -1;
		err = get_bytes(fd, options[i].level, options[i].name, &value, sizeof(value));
		if (err == 1)
			value &= 0xff;
		if (err < 0 || value != options[i].result)
			lkltest_fail("%s set to %d reads as %d (%ld)", options[i].text, options[i].value, value, err);
	}
}

/* Each of these values must be refused as invalid. */
static void refuse_options(int fd, const struct option *options, size_t nr)
{
	size_t i;
	long err;

	for (i = 0; i < nr; i++) {
		err = set_option(fd, options[i].level, options[i].name, options[i].value);
		if (err != -LKL_ENOPROTOOPT && err != -LKL_EINVAL)
			lkltest_fail("%s was not refused the value %d: %ld", options[i].text, options[i].value, err);
	}
}

/* Options of every socket. */
POINT(socket_options)
{
	static const struct option options[] = {
		SAME(SOL_SOCKET, SO_DEBUG, 1), SAME(SOL_SOCKET, SO_REUSEADDR, 1), SAME(SOL_SOCKET, SO_REUSEPORT, 1),
		SAME(SOL_SOCKET, SO_DONTROUTE, 1), SAME(SOL_SOCKET, SO_BROADCAST, 1),
		SAME(SOL_SOCKET, SO_KEEPALIVE, 1), SAME(SOL_SOCKET, SO_OOBINLINE, 1), SAME(SOL_SOCKET, SO_PRIORITY, 5),
		SAME(SOL_SOCKET, SO_TIMESTAMP, 1), SAME(SOL_SOCKET, SO_TIMESTAMPNS, 1), SAME(SOL_SOCKET, SO_RCVLOWAT, 7),
		SAME(SOL_SOCKET, SO_MARK, 42), SAME(SOL_SOCKET, SO_RXQ_OVFL, 1), SAME(SOL_SOCKET, SO_BUSY_POLL, 10),
		SAME(SOL_SOCKET, SO_INCOMING_CPU, 0), SAME(SOL_SOCKET, SO_MAX_PACING_RATE, 100000),
		SAME(SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1), SAME(SOL_SOCKET, SO_WIFI_STATUS, 1),
		SAME(SOL_SOCKET, SO_NOFCS, 1), SAME(SOL_SOCKET, SO_TIMESTAMPING, 1 << 3 | 1 << 4),
		BECOMES(SOL_SOCKET, SO_RCVBUF, 10000, 20000), BECOMES(SOL_SOCKET, SO_SNDBUF, 10000, 20000),
		SAME(SOL_SOCKET, SO_LOCK_FILTER, 0),
	};
	int fd = open_socket(LOOPBACK, SOCK_STREAM), length = -1;

	keep_options(fd, ROUND(options));
	CHECK_OK(set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 500000));
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_RCVBUF), 1000000);
	CHECK_OK(set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, 500000));
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_SNDBUF), 1000000);
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_ERROR), 0);
	CHECK_ERR(set_option(fd, SOL_SOCKET, SO_TYPE, 1), LKL_ENOPROTOOPT);
	CHECK_ERR(set_option(fd, SOL_SOCKET, 9999, 1), LKL_ENOPROTOOPT);
	CHECK_ERR(set_bytes(fd, SOL_SOCKET, SO_KEEPALIVE, "", 1), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(getsockopt, fd, SOL_SOCKET, SO_TYPE, &length, &length), LKL_EINVAL);
	close_socket(fd);
}

/* A socket of a socket that listens says so, and a linger time is kept. */
POINT(socket_linger)
{
	struct linger linger = { 1, 12 }, found;
	int fd = listening_socket(LOOPBACK, 1);

	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	CHECK_OK(set_bytes(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	CHECK_EQ(get_bytes(fd, SOL_SOCKET, SO_LINGER, &found, sizeof(found)), sizeof(found));
	CHECK_EQ(found.l_onoff, 1);
	CHECK_EQ(found.l_linger, 12);
	close_socket(fd);
}

/* A receive timeout ends a call that waits. */
POINT(socket_timeout)
{
	struct { long seconds, microseconds; } ms = { 0, 20000 }, bad = { 0, 1000000 }, found;
	int fd = bound_socket(LOOPBACK, SOCK_DGRAM);
	long long start = lkltest_now_ns();
	char buf[4];

	CHECK_OK(set_bytes(fd, SOL_SOCKET, TRAFFIC_RCVTIMEO, &ms, sizeof(ms)));
	CHECK_ERR(set_bytes(fd, SOL_SOCKET, TRAFFIC_RCVTIMEO, &bad, sizeof(bad)), LKL_EDOM);
	CHECK_EQ(get_bytes(fd, SOL_SOCKET, TRAFFIC_RCVTIMEO, &found, sizeof(found)), sizeof(found));
	CHECK_EQ(found.microseconds, 20000);
	CHECK_ERR(receive(fd, buf, sizeof(buf), 0), LKL_EAGAIN);
	CHECK_GE(lkltest_now_ns() - start, 15000000);
	close_socket(fd);
}

/* A socket bound to a device hears that device only. */
POINT(bind_to_device)
{
	int fd = open_socket(LOOPBACK, SOCK_DGRAM);
	char name[32] = "";

	CHECK_ERR(set_bytes(fd, SOL_SOCKET, SO_BINDTODEVICE, "nothing0", 9), LKL_ENODEV);
	CHECK_OK(set_bytes(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	CHECK_EQ(get_bytes(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof(name)), 3);
	CHECK_STR_EQ(name, "lo");
	CHECK_OK(set_bytes(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
	CHECK_EQ(get_bytes(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof(name)), 0);
	close_socket(fd);
}

/* Options of TCP. */
POINT(tcp_options)
{
	static const struct option options[] = {
		SAME(IPPROTO_TCP, TCP_NODELAY, 1), SAME(IPPROTO_TCP, TCP_CORK, 1), SAME(IPPROTO_TCP, TCP_KEEPIDLE, 10),
		SAME(IPPROTO_TCP, TCP_KEEPINTVL, 5), SAME(IPPROTO_TCP, TCP_KEEPCNT, 3), SAME(IPPROTO_TCP, TCP_SYNCNT, 2),
		SAME(IPPROTO_TCP, TCP_LINGER2, 3), SAME(IPPROTO_TCP, TCP_DEFER_ACCEPT, 3),
		SAME(IPPROTO_TCP, TCP_WINDOW_CLAMP, 60000), SAME(IPPROTO_TCP, TCP_QUICKACK, 1),
		SAME(IPPROTO_TCP, TCP_USER_TIMEOUT, 1230), SAME(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000),
		SAME(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1),
	};
	static const struct option bad[] = {
		SAME(IPPROTO_TCP, TCP_KEEPIDLE, 0), SAME(IPPROTO_TCP, TCP_KEEPIDLE, 40000),
		SAME(IPPROTO_TCP, TCP_KEEPINTVL, 0), SAME(IPPROTO_TCP, TCP_KEEPCNT, 200),
		SAME(IPPROTO_TCP, TCP_SYNCNT, 0), SAME(IPPROTO_TCP, TCP_SYNCNT, 200),
		SAME(IPPROTO_TCP, TCP_MAXSEG, 5), SAME(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 7),
	};
	int fd = open_socket(LOOPBACK, SOCK_STREAM);

	keep_options(fd, ROUND(options));
	refuse_options(fd, ROUND(bad));
	CHECK_OK(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	CHECK_OK(set_option(fd, IPPROTO_TCP, TCP_LINGER2, -1));
	CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_LINGER2), -1);
	CHECK_OK(set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0));
	CHECK_ERR(set_option(fd, IPPROTO_TCP, 9999, 1), LKL_ENOPROTOOPT);
	close_socket(fd);
}

/* A connection's congestion control can be chosen, of those that there are. */
POINT(tcp_congestion)
{
	struct connection c = connection(LOOPBACK);
	char name[16] = "";

	CHECK_ERR(set_bytes(c.client, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8), LKL_ENOENT);
	CHECK_OK(set_bytes(c.client, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	CHECK_GT(get_bytes(c.client, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name)), 4);
	CHECK_STR_EQ(name, "reno");
	CHECK_EQ(send_bytes(c.client, "reno", 4, 0), 4);
	CHECK_EQ(receive(c.server, name, 4, MSG_WAITALL), 4);
	close_connection(c);
}

/* Options of IPv4. */
POINT(ip_options)
{
	static const struct option options[] = {
		SAME(IPPROTO_IP, IP_TTL, 33), SAME(IPPROTO_IP, IP_TOS, 0x10), SAME(IPPROTO_IP, IP_PKTINFO, 1),
		SAME(IPPROTO_IP, IP_RECVTTL, 1), SAME(IPPROTO_IP, IP_RECVTOS, 1), SAME(IPPROTO_IP, IP_RECVOPTS, 1),
		SAME(IPPROTO_IP, IP_RETOPTS, 1), SAME(IPPROTO_IP, IP_RECVORIGDSTADDR, 1),
		SAME(IPPROTO_IP, IP_PASSSEC, 1), SAME(IPPROTO_IP, IP_CHECKSUM, 1), SAME(IPPROTO_IP, IP_RECVERR, 1),
		SAME(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), SAME(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT),
		SAME(IPPROTO_IP, IP_FREEBIND, 1), SAME(IPPROTO_IP, IP_TRANSPARENT, 1), SAME(IPPROTO_IP, IP_MINTTL, 20),
		SAME(IPPROTO_IP, IP_MULTICAST_TTL, 7), SAME(IPPROTO_IP, IP_MULTICAST_LOOP, 0),
		SAME(IPPROTO_IP, IP_MULTICAST_ALL, 0), SAME(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1),
		BECOMES(IPPROTO_IP, IP_TTL, -1, 64), BECOMES(IPPROTO_IP, IP_MULTICAST_TTL, -1, 1),
		SAME(IPPROTO_IP, IP_UNICAST_IF, 0),
	};
	static const struct option bad[] = {
		SAME(IPPROTO_IP, IP_TTL, 0), SAME(IPPROTO_IP, IP_TTL, 256), SAME(IPPROTO_IP, IP_MTU_DISCOVER, 99),
		SAME(IPPROTO_IP, IP_MULTICAST_TTL, 256), SAME(IPPROTO_IP, IP_MULTICAST_ALL, 2),
		SAME(IPPROTO_IP, IP_MINTTL, 256),
	};
	int fd = bound_socket(LOOPBACK, SOCK_DGRAM);

	keep_options(fd, ROUND(options));
	refuse_options(fd, ROUND(bad));
	CHECK_ERR(get_bytes(fd, IPPROTO_IP, IP_MTU, (int [1]){ 0 }, 4), LKL_ENOTCONN);
	CHECK_ERR(set_option(fd, IPPROTO_IP, 9999, 1), LKL_ENOPROTOOPT);
	close_socket(fd);
}

/* Options of IPv6. */
POINT(ipv6_options)
{
	static const struct option options[] = {
		SAME(IPPROTO_IPV6, IPV6_V6ONLY, 1), SAME(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1),
		SAME(IPPROTO_IPV6, IPV6_2292PKTINFO, 1), SAME(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1),
		SAME(IPPROTO_IPV6, IPV6_RECVRTHDR, 1), SAME(IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1),
		SAME(IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1), SAME(IPPROTO_IPV6, IPV6_RECVTCLASS, 1),
		SAME(IPPROTO_IPV6, IPV6_TCLASS, 0x20), SAME(IPPROTO_IPV6, IPV6_RECVPATHMTU, 1),
		SAME(IPPROTO_IPV6, IPV6_TRANSPARENT, 1), SAME(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1),
		SAME(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9), SAME(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 8),
		SAME(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0), SAME(IPPROTO_IPV6, IPV6_MULTICAST_IF, 1),
		SAME(IPPROTO_IPV6, IPV6_UNICAST_IF, 0), SAME(IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO),
		SAME(IPPROTO_IPV6, IPV6_RECVERR, 1), SAME(IPPROTO_IPV6, IPV6_DONTFRAG, 1),
		SAME(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 1), BECOMES(IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1, 64),
	};
	static const struct option bad[] = {
		SAME(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256), SAME(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, -2),
		SAME(IPPROTO_IPV6, IPV6_TCLASS, 256), SAME(IPPROTO_IPV6, IPV6_MTU_DISCOVER, 99),
		SAME(IPPROTO_IPV6, IPV6_MTU, 5),
	};
	int fd;

	traffic_need_ipv6();
	fd = open_socket("::1", SOCK_DGRAM);
	keep_options(fd, ROUND(options));
	refuse_options(fd, ROUND(bad));
	CHECK_ERR(set_option(fd, IPPROTO_IPV6, 9999, 1), LKL_ENOPROTOOPT);
	close_socket(fd);
}

/* Sockets that share a port by SO_REUSEPORT, and those that may not. */
POINT(reuse_port)
{
	enum { SOCKETS = 4, DATAGRAMS = 64 };
	int fds[SOCKETS], i, j, from, received = 0;
	struct endpoint address;
	char buf[4];

	for (i = 0; i < SOCKETS; i++) {
		fds[i] = open_socket(LOOPBACK, SOCK_DGRAM);
		CHECK_OK(set_option(fds[i], SOL_SOCKET, SO_REUSEPORT, 1));
		address = i ? own_address(fds[0]) : endpoint(LOOPBACK, 0);
		CHECK_OK(lkl_sys_bind(fds[i], (void *)&address.any, address.len));
	}
	from = open_socket(LOOPBACK, SOCK_DGRAM);
	CHECK_ERR(lkl_sys_bind(from, (void *)&address.any, address.len), LKL_EADDRINUSE);
	close_socket(from);
	for (i = 0; i < DATAGRAMS; i++) {
		from = open_socket(LOOPBACK, SOCK_DGRAM);
		CHECK_EQ(send_to(from, "x", 1, address), 1);
		close_socket(from);
	}
	for (j = 0; j < SOCKETS; j++) {
		while (receive(fds[j], buf, sizeof(buf), MSG_DONTWAIT) == 1)
			received++;
		close_socket(fds[j]);
	}
	CHECK_EQ(received, DATAGRAMS);
}

#endif
