/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink: requests with attributes, their acknowledgements, and dumps. */
#ifndef NETLINK_H
#define NETLINK_H

#include "sockets.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

struct request {
	struct nlmsghdr header;
	char body[1024];
};

LKLTEST_FN int open_netlink(int protocol, unsigned int groups)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = CHECK_OK(need(traffic_socket(AF_NETLINK, SOCK_RAW, protocol), LKL_EPROTONOSUPPORT, "this netlink protocol"));

	CHECK_OK(LKLTEST_SYS(bind, fd, &address, sizeof(address)));
	return fd;
}

/* Begins a request whose body starts with this structure. */
LKLTEST_FN struct request request(int type, int flags, const void *head, size_t len)
{
	struct request r = { .header = {
		.nlmsg_len = NLMSG_LENGTH(len), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 77,
	} };

	memcpy(r.body, head, len);
	return r;
}

LKLTEST_FN void put_attribute(struct request *r, int type, const void *value, size_t len)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->header.nlmsg_len));

	CHECK_LE(NLMSG_ALIGN(r->header.nlmsg_len) + RTA_SPACE(len), sizeof(*r));
	*a = (struct rtattr){ RTA_LENGTH(len), type };
	memcpy(RTA_DATA(a), value, len);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + RTA_SPACE(len);
}

LKLTEST_FN void put_number(struct request *r, int type, unsigned int value)
{
	put_attribute(r, type, &value, sizeof(value));
}

LKLTEST_FN void put_string(struct request *r, int type, const char *value)
{
	put_attribute(r, type, value, strlen(value) + 1);
}

/* An IPv4 or IPv6 address. */
LKLTEST_FN void put_address(struct request *r, int type, const char *text)
{
	struct endpoint e = endpoint(text, 0);

	if (endpoint_is_v6(&e))
		put_attribute(r, type, &e.v6.sin6_addr, 16);
	else
		put_attribute(r, type, &e.v4.sin_addr, 4);
}

LKLTEST_FN void send_request(int fd, struct request *r)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	CHECK_EQ(LKLTEST_SYS(sendto, fd, r, r->header.nlmsg_len, 0, &kernel, sizeof(kernel)), r->header.nlmsg_len);
}

static __attribute__((aligned(8))) char nl_buffer[65536];
static long nl_length;

/* The next part of an answer; each may have several messages. */
LKLTEST_FN struct nlmsghdr *receive_netlink(int fd)
{
	nl_length = CHECK_OK(receive(fd, nl_buffer, sizeof(nl_buffer), 0));
	CHECK_GE(nl_length, sizeof(struct nlmsghdr));
	return (void *)nl_buffer;
}

/* Makes a request; its error, or 0. */
LKLTEST_FN int acknowledged(int fd, struct request *r)
{
	struct nlmsghdr *h;

	r->header.nlmsg_flags |= NLM_F_ACK;
	send_request(fd, r);
	h = receive_netlink(fd);
	CHECK_EQ(h->nlmsg_type, NLMSG_ERROR);
	CHECK_EQ(h->nlmsg_seq, r->header.nlmsg_seq);
	return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/* Makes a request on a socket of its own; its error, or 0. */
LKLTEST_FN int route_request(struct request *r)
{
	int fd = open_netlink(NETLINK_ROUTE, 0), err = acknowledged(fd, r);

	close_socket(fd);
	return err;
}

/* Asks for all there is, and gives each message to a function; their number, or the error of the first answer. */
LKLTEST_FN int dump(int fd, struct request *r, void (*each)(const struct nlmsghdr *, void *), void *arg)
{
	struct nlmsghdr *h;
	int nr = 0;

	r->header.nlmsg_flags |= NLM_F_DUMP;
	send_request(fd, r);
	for (;;) {
		for (h = receive_netlink(fd); NLMSG_OK(h, (unsigned int)nl_length); h = NLMSG_NEXT(h, nl_length)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return nr;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (each)
				each(h, arg);
			nr++;
		}
	}
}

/* Dumps of the routing socket. */
LKLTEST_FN int dump_route(struct request r, void (*each)(const struct nlmsghdr *, void *), void *arg)
{
	int fd = open_netlink(NETLINK_ROUTE, 0), nr = dump(fd, &r, each, arg);

	close_socket(fd);
	return nr;
}

/* An attribute of a message whose body starts with a structure of this length; NULL if it is not there. */
LKLTEST_FN const struct rtattr *attribute(const struct nlmsghdr *h, size_t head, int type)
{
	const struct rtattr *a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(head));
	long left = (long)h->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(head));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & 0x3fff) == type)
			return a;
	return NULL;
}

/* The number in an attribute, which must be there. */
LKLTEST_FN unsigned int attribute_number(const struct nlmsghdr *h, size_t head, int type)
{
	const struct rtattr *a = attribute(h, head, type);

	if (!a)
		lkltest_fail("a message of type %d has no attribute %d", h->nlmsg_type, type);
	return *(const unsigned int *)RTA_DATA(a);
}

/* Whether an attribute is this address. */
LKLTEST_FN int attribute_is(const struct nlmsghdr *h, size_t head, int type, const char *address)
{
	struct endpoint e = endpoint(address, 0);
	const struct rtattr *a = attribute(h, head, type);

	if (!a)
		return 0;
	if (endpoint_is_v6(&e))
		return RTA_PAYLOAD(a) == 16 && !memcmp(RTA_DATA(a), &e.v6.sin6_addr, 16);
	return RTA_PAYLOAD(a) == 4 && !memcmp(RTA_DATA(a), &e.v4.sin_addr, 4);
}

#endif
