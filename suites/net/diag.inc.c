/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the sockets that sock_diag shows. */
#ifndef NET_DIAG_INC_C
#define NET_DIAG_INC_C

#include "netlink.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#define DIAG sizeof(struct inet_diag_msg)

struct diag_seen {
	int port, found, state, all;
	struct inet_diag_sockid id;
};

static void see_socket(const struct nlmsghdr *h, void *arg)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct diag_seen *seen = arg;

	seen->all++;
	if (ntohs(m->id.idiag_sport) != seen->port)
		return;
	seen->found++;
	seen->state = m->idiag_state;
	seen->id = m->id;
}

static int open_diag(void)
{
	return open_netlink(NETLINK_SOCK_DIAG, 0);
}

static struct inet_diag_req_v2 tcp_sockets(unsigned int states)
{
	return (struct inet_diag_req_v2){ .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = states };
}

static int port_number(int fd)
{
	return ntohs(own_address(fd).v4.sin_port);
}

/* Sockets of the states that are asked for are in the dump, and no others. */
POINT(diag_dump)
{
	struct inet_diag_req_v2 open = tcp_sockets(1 << TCP_ESTABLISHED), listening = tcp_sockets(1 << TCP_LISTEN);
	struct request r = request(SOCK_DIAG_BY_FAMILY, 0, &open, sizeof(open));
	struct request l = request(SOCK_DIAG_BY_FAMILY, 0, &listening, sizeof(listening));
	struct connection c = connection(LOOPBACK);
	struct diag_seen listener = { .port = port_number(c.listener) }, client = { .port = port_number(c.client) };
	int fd = open_diag();

	CHECK_GE(need(dump(fd, &r, see_socket, &client), ENOENT, "CONFIG_INET_TCP_DIAG"), 2);
	CHECK_EQ(client.found, 1);
	CHECK_EQ(client.state, TCP_ESTABLISHED);
	CHECK_GE(dump(fd, &l, see_socket, &listener), 1);
	CHECK_EQ(listener.found, 1);
	CHECK_EQ(listener.state, TCP_LISTEN);
	client.found = 0;
	CHECK_GE(dump(fd, &l, see_socket, &client), 1);
	CHECK_EQ(client.found, 0);
	close_connection(c);
	close_socket(fd);
}

/* One socket by its addresses, with what TCP knows of it; an address without one is an error. */
POINT(diag_one)
{
	struct inet_diag_req_v2 one = tcp_sockets(~0u);
	struct connection c = connection(LOOPBACK);
	struct request r;
	const struct nlmsghdr *h;
	const struct inet_diag_msg *m;
	int fd = open_diag();

	one.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1) | 1 << (INET_DIAG_SKMEMINFO - 1) |
		1 << (INET_DIAG_MEMINFO - 1) | 1 << (INET_DIAG_TOS - 1);
	one.id.idiag_sport = htons(port_number(c.client));
	one.id.idiag_dport = htons(port_number(c.listener));
	one.id.idiag_src[0] = one.id.idiag_dst[0] = htonl(0x7f000001);
	one.id.idiag_cookie[0] = one.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	r = request(SOCK_DIAG_BY_FAMILY, 0, &one, sizeof(one));
	send_request(fd, &r);
	h = receive_netlink(fd);
	if (h->nlmsg_type == NLMSG_ERROR)
		need(((struct nlmsgerr *)NLMSG_DATA(h))->error, ENOENT, "CONFIG_INET_TCP_DIAG");
	CHECK_EQ(h->nlmsg_type, SOCK_DIAG_BY_FAMILY);
	m = NLMSG_DATA(h);
	CHECK_EQ(m->idiag_state, TCP_ESTABLISHED);
	CHECK_EQ(ntohs(m->id.idiag_dport), port_number(c.listener));
	CHECK(attribute(h, DIAG, INET_DIAG_INFO));
	CHECK(attribute(h, DIAG, INET_DIAG_CONG));
	CHECK(attribute(h, DIAG, INET_DIAG_SKMEMINFO));
	((struct inet_diag_req_v2 *)r.body)->id.idiag_sport = htons(9);
	CHECK_EQ(acknowledged(fd, &r), -ENOENT);
	close_connection(c);
	close_socket(fd);
}

/* A program of comparisons chooses sockets by their ports. */
POINT(diag_filter)
{
	struct inet_diag_req_v2 all = tcp_sockets(~0u);
	struct request r = request(SOCK_DIAG_BY_FAMILY, 0, &all, sizeof(all));
	struct connection c = connection(LOOPBACK);
	struct diag_seen seen = { .port = port_number(c.listener) };
	struct inet_diag_bc_op code[] = {		/* the port is at least, and at most, this one */
		{ INET_DIAG_BC_S_GE, 8, 20 }, { 0, 0, seen.port }, { INET_DIAG_BC_S_LE, 8, 12 }, { 0, 0, seen.port },
	};
	struct inet_diag_bc_op bad[] = { { INET_DIAG_BC_S_GE, 8, 200 }, { 0, 0, 1 } };
	struct request wrong = r;
	int fd = open_diag();

	put_attribute(&r, INET_DIAG_REQ_BYTECODE, code, sizeof(code));
	CHECK_GE(need(dump(fd, &r, see_socket, &seen), ENOENT, "CONFIG_INET_TCP_DIAG"), 1);
	CHECK_GE(seen.found, 1);
	CHECK_EQ(seen.found, seen.all);
	close_socket(fd);
	fd = open_diag();
	put_attribute(&wrong, INET_DIAG_REQ_BYTECODE, bad, sizeof(bad));
	CHECK_EQ(dump(fd, &wrong, NULL, NULL), -EINVAL);
	close_connection(c);
	close_socket(fd);
}

/* Families and protocols that nobody shows are errors. */
POINT(diag_errors)
{
	struct inet_diag_req_v2 family = { .sdiag_family = 200 }, protocol = { .sdiag_family = AF_INET, .sdiag_protocol = 99 };
	struct request f = request(SOCK_DIAG_BY_FAMILY, 0, &family, sizeof(family));
	struct request p = request(SOCK_DIAG_BY_FAMILY, 0, &protocol, sizeof(protocol));
	struct request small = request(SOCK_DIAG_BY_FAMILY, 0, &family, 1), type = request(99, 0, &family, sizeof(family));
	int fd = open_diag();

	CHECK_EQ(acknowledged(fd, &f), -EINVAL);
	CHECK_EQ(acknowledged(fd, &p), -ENOENT);
	CHECK_EQ(acknowledged(fd, &small), -EINVAL);
	CHECK_EQ(acknowledged(fd, &type), -EINVAL);
	close_socket(fd);
}

#endif
