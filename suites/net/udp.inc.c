/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about UDP, and about what a datagram tells of its way. */
#ifndef NET_UDP_INC_C
#define NET_UDP_INC_C

#include "sockets.h"

#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <net/if.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
enum { UDP_CORK_OPTION = 1, UDPLITE = 136, UDPLITE_SEND = 10, UDPLITE_RECV = 11 };

/* A message with room for one datagram, its sender and its control data. */
struct message {
	struct endpoint from;
	struct msghdr header;
	struct iovec part;
	char data[256];
	union {
		struct cmsghdr align;
		char bytes[512];
	} control;
};

/* Receives one message; its length, or a negative error. */
static long receive_message(int fd, struct message *m, size_t room, int flags)
{
	memset(m, 0, sizeof(*m));
	m->part = (struct iovec){ m->data, room };
	m->header = (struct msghdr){
		.msg_name = &m->from.any, .msg_namelen = sizeof(m->from.v6), .msg_iov = &m->part, .msg_iovlen = 1,
		.msg_control = m->control.bytes, .msg_controllen = sizeof(m->control.bytes),
	};
	return LKLTEST_SYS(recvmsg, fd, &m->header, flags);
}

/* The control data of one kind that came with a message; fails without it. */
static const void *control_data(struct message *m, int level, int type)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(&m->header); c; c = CMSG_NXTHDR(&m->header, c))
		if (c->cmsg_level == level && c->cmsg_type == type)
			return CMSG_DATA(c);
	lkltest_fail("the message has no control data of level %d, type %d", level, type);
	return NULL;
}

/* A connected socket hears its peer only, and learns that nobody is there. */
POINT(udp_connected)
{
	int a = bound_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM);
	int other = bound_socket(LOOPBACK, SOCK_DGRAM);
	struct endpoint gone = own_address(b);
	char buf[8];

	CHECK_ERR(send_bytes(a, "x", 1, 0), LKL_EDESTADDRREQ);
	CHECK_OK(connect_to(a, own_address(b)));
	CHECK_EQ(send_to(other, "other", 5, own_address(a)), 5);
	CHECK_EQ(send_to(b, "peer", 4, own_address(a)), 4);
	CHECK_EQ(receive(a, buf, sizeof(buf), 0), 4);
	CHECK_MEM_EQ(buf, "peer", 4);
	CHECK_ERR(receive(a, buf, sizeof(buf), MSG_DONTWAIT), LKL_EAGAIN);
	CHECK_OK(LKLTEST_SYS(shutdown, b, SHUT_RDWR) == -LKL_ENOTCONN ? 0 : -1);
	close_socket(b);
	/* The port is free once the kernel has let go of the socket. */
	do
		CHECK_OK(send_to(other, "x", 1, gone));
	while (send_bytes(a, "x", 1, 0) > 0 && receive(a, buf, 1, MSG_DONTWAIT) != -LKL_ECONNREFUSED);
	disconnect(a);
	CHECK_ERR(send_bytes(a, "x", 1, 0), LKL_EDESTADDRREQ);
	close_socket(a);
	close_socket(other);
}

/* Pieces that are corked, or announced by MSG_MORE, become one datagram. */
POINT(udp_cork)
{
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM);
	char buf[16];

	CHECK_OK(connect_to(a, own_address(b)));
	CHECK_OK(set_option(a, IPPROTO_UDP, UDP_CORK_OPTION, 1));
	CHECK_EQ(get_option(a, IPPROTO_UDP, UDP_CORK_OPTION), 1);
	CHECK_EQ(send_bytes(a, "one", 3, 0), 3);
	CHECK_EQ(send_bytes(a, "two", 3, 0), 3);
	CHECK_ERR(receive(b, buf, sizeof(buf), MSG_DONTWAIT), LKL_EAGAIN);
	CHECK_OK(set_option(a, IPPROTO_UDP, UDP_CORK_OPTION, 0));
	CHECK_EQ(receive(b, buf, sizeof(buf), 0), 6);
	CHECK_MEM_EQ(buf, "onetwo", 6);
	CHECK_EQ(send_bytes(a, "three", 5, MSG_MORE), 5);
	CHECK_EQ(send_bytes(a, "four", 4, 0), 4);
	CHECK_EQ(receive(b, buf, sizeof(buf), 0), 9);
	CHECK_MEM_EQ(buf, "threefour", 9);
	close_socket(a);
	close_socket(b);
}

/* A datagram that is too long for the reader's buffer is cut, which the flags say. */
POINT(udp_truncated)
{
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM), len = 0;
	struct message m;
	char buf[4];

	CHECK_EQ(send_to(a, "0123456789", 10, own_address(b)), 10);
	CHECK_OK(LKLTEST_SYS(ioctl, b, SIOCINQ, &len));
	CHECK_EQ(len, 10);
	CHECK_EQ(receive(b, buf, 4, MSG_PEEK | MSG_TRUNC), 10);
	CHECK_EQ(receive_message(b, &m, 4, MSG_PEEK), 4);
	CHECK_EQ(m.header.msg_flags & MSG_TRUNC, MSG_TRUNC);
	CHECK_MEM_EQ(m.data, "0123", 4);
	CHECK_EQ(receive(b, buf, 4, 0), 4);
	CHECK_ERR(receive(b, buf, 4, MSG_DONTWAIT), LKL_EAGAIN);
	CHECK_ERR(send_to(a, buf, 70000, own_address(b)), LKL_EMSGSIZE);
	close_socket(a);
	close_socket(b);
}

/* Control data says to which address and device a datagram came, with which TTL and TOS, and when. */
POINT(udp_packet_info)
{
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket("0.0.0.0", SOCK_DGRAM);
	const struct in_pktinfo *info;
	const struct timespec *stamp;
	struct message m;
	struct endpoint to = endpoint("127.1.2.3", ntohs(own_address(b).v4.sin_port));

	CHECK_OK(set_option(b, IPPROTO_IP, IP_PKTINFO, 1));
	CHECK_OK(set_option(b, IPPROTO_IP, IP_RECVTTL, 1));
	CHECK_OK(set_option(b, IPPROTO_IP, IP_RECVTOS, 1));
	CHECK_OK(set_option(b, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	CHECK_OK(set_option(a, IPPROTO_IP, IP_TTL, 17));
	CHECK_OK(set_option(a, IPPROTO_IP, IP_TOS, 0x08));
	CHECK_EQ(send_to(a, "info", 4, to), 4);
	CHECK_EQ(receive_message(b, &m, sizeof(m.data), 0), 4);
	info = control_data(&m, IPPROTO_IP, IP_PKTINFO);
	CHECK_EQ(info->ipi_ifindex, 1);
	CHECK_MEM_EQ(&info->ipi_addr, &to.v4.sin_addr, 4);
	CHECK_EQ(*(const int *)control_data(&m, IPPROTO_IP, IP_TTL), 17);
	CHECK_EQ(*(const unsigned char *)control_data(&m, IPPROTO_IP, IP_TOS), 0x08);
	stamp = control_data(&m, SOL_SOCKET, SO_TIMESTAMPNS);
	CHECK_GT(stamp->tv_sec, 0);
	CHECK_EQ(m.from.v4.sin_port, own_address(a).v4.sin_port);
	close_socket(a);
	close_socket(b);
}

/* Control data of a message that is sent chooses its source address, TTL and TOS. */
POINT(udp_send_info)
{
	int a = bound_socket("0.0.0.0", SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM), ttl = 5, ttl_seen;
	struct endpoint to = own_address(b), source = endpoint("127.9.8.7", 0);
	struct in_pktinfo info = { .ipi_ifindex = 1 };
	char control[CMSG_SPACE(sizeof(info)) + CMSG_SPACE(sizeof(ttl))] = "";
	struct iovec part = { (char []){ 'x' }, 1 };
	struct msghdr header = { &to.any, to.len, &part, 1, control, sizeof(control), 0 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);
	struct message m;

	memcpy(&info.ipi_spec_dst, &source.v4.sin_addr, 4);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(info)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO };
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	c = CMSG_NXTHDR(&header, c);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(ttl)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL };
	memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
	CHECK_OK(set_option(b, IPPROTO_IP, IP_RECVTTL, 1));
	CHECK_EQ(LKLTEST_SYS(sendmsg, a, &header, 0), 1);
	CHECK_EQ(receive_message(b, &m, sizeof(m.data), 0), 1);
	CHECK_MEM_EQ(&m.from.v4.sin_addr, &source.v4.sin_addr, 4);
	memcpy(&ttl_seen, control_data(&m, IPPROTO_IP, IP_TTL), sizeof(ttl_seen));
	CHECK_EQ(ttl_seen, ttl);
	close_socket(a);
	close_socket(b);
}

/* The error queue keeps the datagram that was refused, with the reason. */
POINT(udp_error_queue)
{
	int a = bound_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM);
	struct endpoint closed = endpoint(LOOPBACK, 9);
	const struct sock_extended_err *error;
	struct message m;

	CHECK_OK(set_option(a, IPPROTO_IP, IP_RECVERR, 1));
	CHECK_EQ(send_to(a, "refused", 7, closed), 7);
	CHECK_EQ(poll_socket(a, LKL_POLLIN, 10000) & LKL_POLLERR, LKL_POLLERR);
	CHECK_EQ(receive_message(a, &m, sizeof(m.data), MSG_ERRQUEUE), 7);
	CHECK_EQ(m.header.msg_flags & MSG_ERRQUEUE, MSG_ERRQUEUE);
	CHECK_MEM_EQ(m.data, "refused", 7);
	CHECK_EQ(m.from.v4.sin_port, closed.v4.sin_port);
	error = control_data(&m, IPPROTO_IP, IP_RECVERR);
	CHECK_EQ(error->ee_errno, ECONNREFUSED);
	CHECK_EQ(error->ee_origin, SO_EE_ORIGIN_ICMP);
	CHECK_EQ(error->ee_type, 3);
	CHECK_EQ(error->ee_code, 3);
	CHECK_ERR(receive_message(a, &m, sizeof(m.data), MSG_ERRQUEUE), LKL_EAGAIN);
	close_socket(a);
	close_socket(b);
}

/* The times at which datagrams were queued for sending come back on the error queue, numbered. */
POINT(udp_timestamps)
{
	enum { QUEUED = 1 << 8, SOFTWARE = 1 << 4, ID = 1 << 7 };
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM);
	const struct sock_extended_err *error;
	const struct timespec *stamps;
	struct message m;
	unsigned int i;

	CHECK_OK(set_option(a, SOL_SOCKET, SO_TIMESTAMPING, QUEUED | SOFTWARE | ID));
	CHECK_OK(connect_to(a, own_address(b)));
	for (i = 0; i < 2; i++) {
		CHECK_EQ(send_bytes(a, "stamp", 5, 0), 5);
		CHECK_EQ(poll_socket(a, LKL_POLLIN, 10000) & LKL_POLLERR, LKL_POLLERR);
		CHECK_OK(receive_message(a, &m, sizeof(m.data), MSG_ERRQUEUE));
		error = control_data(&m, IPPROTO_IP, IP_RECVERR);
		CHECK_EQ(error->ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
		CHECK_EQ(error->ee_data, i);
		stamps = control_data(&m, SOL_SOCKET, SO_TIMESTAMPING);
		CHECK_GT(stamps[0].tv_sec, 0);
	}
	close_socket(a);
	close_socket(b);
}

/* Several datagrams by one call, each with its own length. */
POINT(udp_many)
{
	enum { MANY = 5 };
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM), i;
	struct timespec limit = { TRAFFIC_SECONDS, 0 };
	struct iovec out[MANY], in[MANY];
	struct mmsghdr sent[MANY] = { 0 }, got[MANY] = { 0 };
	char data[MANY][8];

	CHECK_OK(connect_to(a, own_address(b)));
	for (i = 0; i < MANY; i++) {
		out[i] = (struct iovec){ "abcdefg", i + 1 };
		in[i] = (struct iovec){ data[i], sizeof(data[i]) };
		sent[i].msg_hdr = (struct msghdr){ .msg_iov = &out[i], .msg_iovlen = 1 };
		got[i].msg_hdr = (struct msghdr){ .msg_iov = &in[i], .msg_iovlen = 1 };
	}
	CHECK_EQ(LKLTEST_SYS(sendmmsg, a, sent, MANY, 0), MANY);
	CHECK_EQ(LKLTEST_SYS(recvmmsg, b, got, MANY, 0, &limit), MANY);
	for (i = 0; i < MANY; i++) {
		CHECK_EQ(sent[i].msg_len, i + 1);
		CHECK_EQ(got[i].msg_len, i + 1);
		CHECK_MEM_EQ(data[i], "abcdefg", i + 1);
	}
	close_socket(a);
	close_socket(b);
}

/* A broadcast needs the permission of the socket. */
POINT(udp_broadcast)
{
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket("0.0.0.0", SOCK_DGRAM);
	struct endpoint all = endpoint("127.255.255.255", ntohs(own_address(b).v4.sin_port));
	char buf[8];

	CHECK_ERR(send_to(a, "all", 3, all), LKL_EACCES);
	CHECK_OK(set_option(a, SOL_SOCKET, SO_BROADCAST, 1));
	CHECK_EQ(send_to(a, "all", 3, all), 3);
	CHECK_EQ(receive(b, buf, sizeof(buf), 0), 3);
	CHECK_MEM_EQ(buf, "all", 3);
	close_socket(a);
	close_socket(b);
}

/* UDP-Lite: a datagram whose checksum covers less than its receiver demands is dropped. */
POINT(udp_lite)
{
	struct endpoint any = endpoint(LOOPBACK, 0);
	int fds[2], i;
	char buf[16];

	for (i = 0; i < 2; i++) {
		fds[i] = CHECK_OK(need(traffic_socket(AF_INET, SOCK_DGRAM, UDPLITE), LKL_EPROTONOSUPPORT, "UDP-Lite"));
		CHECK_OK(lkl_sys_bind(fds[i], (void *)&any.any, any.len));
	}
	CHECK_OK(set_option(fds[1], UDPLITE, UDPLITE_RECV, 12));
	CHECK_EQ(get_option(fds[1], UDPLITE, UDPLITE_RECV), 12);
	CHECK_OK(connect_to(fds[0], own_address(fds[1])));
	CHECK_EQ(send_bytes(fds[0], "lightweight", 11, 0), 11);
	CHECK_EQ(receive(fds[1], buf, sizeof(buf), 0), 11);
	CHECK_MEM_EQ(buf, "lightweight", 11);
	/* Less than the receiver demands is dropped. */
	CHECK_OK(set_option(fds[0], UDPLITE, UDPLITE_SEND, 8));
	CHECK_EQ(get_option(fds[0], UDPLITE, UDPLITE_SEND), 8);
	CHECK_EQ(send_bytes(fds[0], "too little!", 11, 0), 11);
	CHECK_ERR(receive(fds[1], buf, sizeof(buf), MSG_DONTWAIT), LKL_EAGAIN);
	close_socket(fds[0]);
	close_socket(fds[1]);
}

/* A datagram without a checksum is delivered as well. */
POINT(udp_no_checksum)
{
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM);
	char buf[8];

	CHECK_OK(set_option(a, SOL_SOCKET, SO_NO_CHECK, 1));
	CHECK_EQ(get_option(a, SOL_SOCKET, SO_NO_CHECK), 1);
	CHECK_EQ(send_to(a, "none", 4, own_address(b)), 4);
	CHECK_EQ(receive(b, buf, sizeof(buf), 0), 4);
	CHECK_MEM_EQ(buf, "none", 4);
	close_socket(a);
	close_socket(b);
}

/* One large write becomes several datagrams of a size. */
POINT(udp_segments)
{
	int a = open_socket(LOOPBACK, SOCK_DGRAM), b = bound_socket(LOOPBACK, SOCK_DGRAM), i;
	char sent[250], got[250];

	CHECK_OK(need(set_option(a, IPPROTO_UDP, UDP_SEGMENT, 100), LKL_ENOPROTOOPT, "UDP_SEGMENT (Linux 4.18)"));
	CHECK_OK(connect_to(a, own_address(b)));
	traffic_fill((void *)sent, sizeof(sent), 0, 1);
	CHECK_EQ(send_bytes(a, sent, sizeof(sent), 0), sizeof(sent));
	for (i = 0; i < 3; i++) {
		CHECK_EQ(receive(b, got, sizeof(got), 0), i < 2 ? 100 : 50);
		CHECK_MEM_EQ(got, sent + i * 100, i < 2 ? 100 : 50);
	}
	close_socket(a);
	close_socket(b);
}

/* The same of IPv6: where a datagram went, its hop limit and traffic class, and the error queue. */
POINT(udp_ipv6_info)
{
	struct endpoint closed, to;
	const struct in6_pktinfo *info;
	struct message m;
	int a, b;

	traffic_need_ipv6();
	a = bound_socket("::1", SOCK_DGRAM);
	b = bound_socket("::1", SOCK_DGRAM);
	closed = endpoint("::1", 9);
	to = own_address(b);
	CHECK_OK(set_option(b, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	CHECK_OK(set_option(b, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
	CHECK_OK(set_option(b, IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
	CHECK_OK(set_option(a, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 21));
	CHECK_OK(set_option(a, IPPROTO_IPV6, IPV6_TCLASS, 0x40));
	CHECK_OK(set_option(a, IPPROTO_IPV6, IPV6_RECVERR, 1));
	CHECK_EQ(send_to(a, "six", 3, to), 3);
	CHECK_EQ(receive_message(b, &m, sizeof(m.data), 0), 3);
	info = control_data(&m, IPPROTO_IPV6, IPV6_PKTINFO);
	CHECK_EQ(info->ipi6_ifindex, 1);
	CHECK_MEM_EQ(&info->ipi6_addr, &to.v6.sin6_addr, 16);
	CHECK_EQ(*(const int *)control_data(&m, IPPROTO_IPV6, IPV6_HOPLIMIT), 21);
	CHECK_EQ(*(const int *)control_data(&m, IPPROTO_IPV6, IPV6_TCLASS), 0x40);
	CHECK_EQ(send_to(a, "no", 2, closed), 2);
	CHECK_EQ(poll_socket(a, LKL_POLLIN, 10000) & LKL_POLLERR, LKL_POLLERR);
	CHECK_EQ(receive_message(a, &m, sizeof(m.data), MSG_ERRQUEUE), 2);
	CHECK_EQ(((const struct sock_extended_err *)control_data(&m, IPPROTO_IPV6, IPV6_RECVERR))->ee_origin,
		 SO_EE_ORIGIN_ICMP6);
	close_socket(a);
	close_socket(b);
}

#endif
