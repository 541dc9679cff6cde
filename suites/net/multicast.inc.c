/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about multicast on the loopback device. */
#ifndef NET_MULTICAST_INC_C
#define NET_MULTICAST_INC_C

#include "routes.inc.c"
#include "sockets.h"

#define GROUP "239.1.2.3"

static struct in_addr in_address(const char *text)
{
	struct in_addr a;

	CHECK_EQ(inet_pton(AF_INET, text, &a), 1);
	return a;
}

/* A sender whose datagrams go to the groups of lo. */
static int multicast_sender(void)
{
	struct ip_mreqn lo = { .imr_address = in_address(LOOPBACK), .imr_ifindex = 1 };
	int fd = bound_socket(LOOPBACK, SOCK_DGRAM);

	CHECK_OK(set_bytes(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)));
	return fd;
}

/* The result of joining a group; skips without multicast of IPv4, where no socket may be a member of any. */
static long join(int fd, int option, const void *request, int len)
{
	return need(set_bytes(fd, IPPROTO_IP, option, request, len), LKL_ENOBUFS, "CONFIG_IP_MULTICAST");
}

/* Whether a datagram to the group reaches the socket. */
static int reaches(int from, int to)
{
	char buf[8];

	CHECK_EQ(send_to(from, "group", 5, endpoint(GROUP, ntohs(own_address(to).v4.sin_port))), 5);
	return receive(to, buf, sizeof(buf), MSG_DONTWAIT) == 5;
}

/* A member of a group gets its datagrams, one that has left does not. */
POINT(multicast_member)
{
	struct ip_mreqn group = { .imr_multiaddr = in_address(GROUP), .imr_ifindex = 1 };
	struct ip_mreqn wrong = { .imr_multiaddr = in_address("10.0.0.1"), .imr_ifindex = 1 };
	int from = multicast_sender(), to = bound_socket("0.0.0.0", SOCK_DGRAM);

	CHECK_OK(set_option(to, IPPROTO_IP, IP_MULTICAST_ALL, 0));
	CHECK(!reaches(from, to));
	CHECK_OK(join(to, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	CHECK_ERR(set_bytes(to, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), LKL_EADDRINUSE);
	CHECK_ERR(set_bytes(to, IPPROTO_IP, IP_ADD_MEMBERSHIP, &wrong, sizeof(wrong)), LKL_EINVAL);
	CHECK(reaches(from, to));
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
	CHECK_ERR(set_bytes(to, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)), LKL_EADDRNOTAVAIL);
	CHECK(!reaches(from, to));
	close_socket(from);
	close_socket(to);
}

/* A member hears only the sources that it wants, or all but those that it blocks. */
POINT(multicast_sources)
{
	struct ip_mreq_source here = { in_address(GROUP), in_address(LOOPBACK), in_address(LOOPBACK) };
	struct ip_mreq_source there = { in_address(GROUP), in_address(LOOPBACK), in_address("127.0.0.9") };
	struct ip_mreqn group = { .imr_multiaddr = in_address(GROUP), .imr_ifindex = 1 };
	int from = multicast_sender(), to = bound_socket("0.0.0.0", SOCK_DGRAM);

	CHECK_OK(set_option(to, IPPROTO_IP, IP_MULTICAST_ALL, 0));
	CHECK_OK(join(to, IP_ADD_SOURCE_MEMBERSHIP, &there, sizeof(there)));
	CHECK(!reaches(from, to));
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &here, sizeof(here)));
	CHECK(reaches(from, to));
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &here, sizeof(here)));
	CHECK(!reaches(from, to));
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &there, sizeof(there)));

	CHECK_OK(join(to, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_BLOCK_SOURCE, &here, sizeof(here)));
	CHECK(!reaches(from, to));
	CHECK_ERR(set_bytes(to, IPPROTO_IP, IP_BLOCK_SOURCE, &here, sizeof(here)), LKL_EADDRNOTAVAIL);
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_UNBLOCK_SOURCE, &here, sizeof(here)));
	CHECK(reaches(from, to));
	close_socket(from);
	close_socket(to);
}

/* A whole filter of sources is set and read back. */
POINT(multicast_filter)
{
	struct ip_mreqn group = { .imr_multiaddr = in_address(GROUP), .imr_ifindex = 1 };
	struct { struct in_addr group, interface; unsigned int mode, count; struct in_addr sources[4]; } set = {
		in_address(GROUP), in_address(LOOPBACK), MCAST_INCLUDE, 2, { in_address("127.0.0.8"), in_address("127.0.0.9") },
	}, got;
	int from = multicast_sender(), to = bound_socket("0.0.0.0", SOCK_DGRAM), len = sizeof(got);

	CHECK_OK(set_option(to, IPPROTO_IP, IP_MULTICAST_ALL, 0));
	CHECK_OK(join(to, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_MSFILTER, &set, 16 + 2 * 4));
	CHECK(!reaches(from, to));
	got = set;
	got.count = 4;
	CHECK_OK(LKLTEST_SYS(getsockopt, to, IPPROTO_IP, IP_MSFILTER, &got, &len));
	CHECK_EQ(got.mode, MCAST_INCLUDE);
	CHECK_EQ(got.count, 2);
	CHECK_MEM_EQ(got.sources, set.sources, 8);
	set.mode = MCAST_EXCLUDE;
	CHECK_OK(set_bytes(to, IPPROTO_IP, IP_MSFILTER, &set, 16 + 2 * 4));
	CHECK(reaches(from, to));
	set.count = 5;		/* more than there is room for */
	CHECK_ERR(set_bytes(to, IPPROTO_IP, IP_MSFILTER, &set, sizeof(set)), LKL_EINVAL);
	close_socket(from);
	close_socket(to);
}

/* The options that are the same for both families. */
POINT(multicast_any_family)
{
	struct group_req group = { .gr_interface = 1 };
	struct group_source_req source = { .gsr_interface = 1 };
	struct sockaddr_in *address = (void *)&group.gr_group;
	int from = multicast_sender(), to = bound_socket("0.0.0.0", SOCK_DGRAM);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = in_address(GROUP) };
	source.gsr_group = group.gr_group;
	address = (void *)&source.gsr_source;
	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = in_address(LOOPBACK) };
	CHECK_OK(set_option(to, IPPROTO_IP, IP_MULTICAST_ALL, 0));
	CHECK_OK(join(to, MCAST_JOIN_GROUP, &group, sizeof(group)));
	CHECK(reaches(from, to));
	CHECK_OK(set_bytes(to, IPPROTO_IP, MCAST_BLOCK_SOURCE, &source, sizeof(source)));
	CHECK(!reaches(from, to));
	CHECK_OK(set_bytes(to, IPPROTO_IP, MCAST_UNBLOCK_SOURCE, &source, sizeof(source)));
	CHECK_OK(set_bytes(to, IPPROTO_IP, MCAST_LEAVE_GROUP, &group, sizeof(group)));
	CHECK_OK(set_bytes(to, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &source, sizeof(source)));
	CHECK(reaches(from, to));
	CHECK_OK(set_bytes(to, IPPROTO_IP, MCAST_LEAVE_SOURCE_GROUP, &source, sizeof(source)));
	CHECK(!reaches(from, to));
	close_socket(from);
	close_socket(to);
}

/* The same of IPv6: membership, and a source that is blocked. */
POINT(multicast_ipv6)
{
	struct ipv6_mreq group = { .ipv6mr_interface = 1 };
	struct group_source_req source = { .gsr_interface = 1 };
	struct request add = route(RTM_NEWROUTE, NLM_F_CREATE, RTN_LOCAL, "ff05::", 16), remove;
	struct endpoint to_group, here;
	int from, to, lo = 1;
	char buf[8];

	traffic_need_ipv6();
	from = bound_socket("::1", SOCK_DGRAM);
	to = bound_socket("::", SOCK_DGRAM);
	to_group = endpoint("ff05::4c", ntohs(own_address(to).v6.sin6_port));
	memcpy(&group.ipv6mr_multiaddr, &to_group.v6.sin6_addr, 16);
	memcpy(&source.gsr_group, &to_group.v6, sizeof(to_group.v6));
	here = endpoint("::1", 0);
	memcpy(&source.gsr_source, &here.v6, sizeof(here.v6));
	put_number(&add, RTA_OIF, 1);
	remove = add;
	CHECK_EQ(route_request(&add), 0);
	CHECK_OK(set_bytes(from, IPPROTO_IPV6, IPV6_MULTICAST_IF, &lo, sizeof(lo)));
	CHECK_OK(set_bytes(to, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group)));
	CHECK_ERR(set_bytes(to, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group)), LKL_EADDRINUSE);
	CHECK_EQ(send_to(from, "group", 5, to_group), 5);
	CHECK_EQ(receive(to, buf, sizeof(buf), MSG_DONTWAIT), 5);
	CHECK_OK(set_bytes(to, IPPROTO_IPV6, MCAST_BLOCK_SOURCE, &source, sizeof(source)));
	CHECK_EQ(send_to(from, "group", 5, to_group), 5);
	CHECK_ERR(receive(to, buf, sizeof(buf), MSG_DONTWAIT), LKL_EAGAIN);
	CHECK_OK(set_bytes(to, IPPROTO_IPV6, MCAST_UNBLOCK_SOURCE, &source, sizeof(source)));
	CHECK_OK(set_bytes(to, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &group, sizeof(group)));
	CHECK_ERR(set_bytes(to, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &group, sizeof(group)), LKL_EADDRNOTAVAIL);
	CHECK_OK(set_bytes(to, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &source, sizeof(source)));
	CHECK_EQ(send_to(from, "group", 5, to_group), 5);
	CHECK_EQ(receive(to, buf, sizeof(buf), MSG_DONTWAIT), 5);
	CHECK_OK(set_bytes(to, IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP, &source, sizeof(source)));
	remove.header.nlmsg_type = RTM_DELROUTE;
	CHECK_EQ(route_request(&remove), 0);
	close_socket(from);
	close_socket(to);
}

/* An anycast address is joined and left. */
POINT(anycast_ipv6)
{
	struct endpoint address = endpoint("2001:db8:7::1", 0);
	struct ipv6_mreq any = { .ipv6mr_interface = 1 };
	int fd;

	traffic_need_ipv6();
	fd = bound_socket("::", SOCK_DGRAM);
	memcpy(&any.ipv6mr_multiaddr, &address.v6.sin6_addr, 16);
	CHECK_OK(need(set_bytes(fd, IPPROTO_IPV6, IPV6_JOIN_ANYCAST, &any, sizeof(any)), LKL_EADDRNOTAVAIL, "anycast on a host"));
	CHECK_OK(set_bytes(fd, IPPROTO_IPV6, IPV6_LEAVE_ANYCAST, &any, sizeof(any)));
	CHECK_LT(set_bytes(fd, IPPROTO_IPV6, IPV6_LEAVE_ANYCAST, &any, sizeof(any)), 0);
	close_socket(fd);
}

#endif
