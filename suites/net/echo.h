/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server on a thread of its own: what comes to its TCP and UDP port goes back.
 *
 * Over its control port a peer can be asked to be the client itself: "icmp",
 * "udp" or "tcp" makes it ping, or use the echo of, the host that asks, and answer
 * "ok" or what went wrong.
 */
#ifndef ECHO_H
#define ECHO_H

#include "traffic.h"

enum {
	ECHO_PORT = 7007,
	CONTROL_PORT = 7008,
	ECHO_BACKLOG = 256,
	ECHO_WATCHED = 1024,
};

/* It needs no option of the kernel's besides the network: poll() and a pipe, not epoll and an eventfd. */
struct echo_server {
	struct lkl_pollfd fds[ECHO_WATCHED];
	int nr, stop[2], tcp, udp, control;
	pthread_t thread;
};

static const size_t incoming_sizes[] = { 0, 1, 100, 1400, 8000 };
enum { INCOMING_BYTES = 256 << 10 };

LKLTEST_FN void echo_watch(struct echo_server *s, int fd)
{
	CHECK_LT(s->nr, ECHO_WATCHED);
	s->fds[s->nr++] = (struct lkl_pollfd){ .fd = fd, .events = LKL_POLLIN };
}

/* Listens on every address, of IPv6 too where the kernel has it. */
LKLTEST_FN int echo_bind(struct echo_server *s, int type, int port)
{
	struct endpoint any = endpoint("::", port);
	int fd = traffic_socket(LKL_AF_INET6, type, 0);
	int yes = 1;

	if (fd == -LKL_EAFNOSUPPORT) {
		any = endpoint("0.0.0.0", port);
		fd = traffic_socket(LKL_AF_INET, type, 0);
	}
	CHECK_OK(fd);
	CHECK_OK(lkl_sys_setsockopt(fd, LKL_SOL_SOCKET, LKL_SO_REUSEADDR, (void *)&yes, sizeof(yes)));
	CHECK_OK(lkl_sys_bind(fd, (void *)&any.any, any.len));
	if (type == LKL_SOCK_STREAM)
		CHECK_OK(lkl_sys_listen(fd, ECHO_BACKLOG));
	echo_watch(s, fd);
	return fd;
}

LKLTEST_FN void echo_datagram(int fd)
{
	static __thread unsigned char buf[TRAFFIC_DATAGRAM + 1];
	struct endpoint from;
	long len;

	from.len = sizeof(from.v6);
	len = EXPECT_OK(lkl_sys_recvfrom(fd, buf, sizeof(buf), 0, (void *)&from.any, (void *)&from.len));
	if (len >= 0)
		EXPECT_EQ(lkl_sys_sendto(fd, buf, len, 0, (void *)&from.any, from.len), len);
}

LKLTEST_FN void echo_forget(struct echo_server *s, int fd)
{
	int i;

	for (i = 0; i < s->nr && s->fds[i].fd != fd; i++)
		;
	s->fds[i] = s->fds[--s->nr];
	EXPECT_OK(lkl_sys_close(fd));
}

LKLTEST_FN void echo_stream(struct echo_server *s, int fd)
{
	static __thread unsigned char buf[TRAFFIC_CHUNK];
	long len = lkl_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL);

	/* At the end of the stream, and where the client went away without one, closing is all there is to do. */
	if (len <= 0)
		echo_forget(s, fd);
	else
		traffic_send(fd, buf, len);
}

struct order {
	char text[16];
	struct endpoint from;
};

static void *order_run(void *arg)
{
	struct order *order = arg;
	const size_t nr = sizeof(incoming_sizes) / sizeof(*incoming_sizes);

	if (!strcmp(order->text, "icmp"))
		icmp_exchange(order->from, incoming_sizes, nr);
	else if (!strcmp(order->text, "udp"))
		udp_exchange(endpoint_at_port(order->from, ECHO_PORT), incoming_sizes, nr);
	else if (!strcmp(order->text, "tcp"))
		tcp_exchange(endpoint_at_port(order->from, ECHO_PORT), INCOMING_BYTES);
	return order;
}

/* An IPv4 address that a socket of both families maps into IPv6. */
LKLTEST_FN struct endpoint endpoint_unmapped(struct endpoint e)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	const unsigned char *address = (void *)&e.v6.sin6_addr;
	struct endpoint plain = { .len = sizeof(plain.v4) };

	if (!endpoint_is_v6(&e) || memcmp(address, mapped, sizeof(mapped)))
		return e;
	plain.v4.sin_family = LKL_AF_INET;
	plain.v4.sin_port = e.v6.sin6_port;
	memcpy(&plain.v4.sin_addr, address + sizeof(mapped), 4);
	return plain;
}

/* Does as told on another thread: a check that fails there ends that thread, not this server. */
LKLTEST_FN void echo_obey(int fd)
{
	struct order order = { .text = "" };
	char answer[1200] = "ok";
	struct endpoint from;
	pthread_t thread;
	void *done = NULL;
	long len;

	from.len = sizeof(from.v6);
	len = EXPECT_OK(lkl_sys_recvfrom(fd, order.text, sizeof(order.text) - 1, 0, (void *)&from.any,
					 (void *)&from.len));
	if (len < 0)
		return;
	order.from = endpoint_unmapped(from);
	CHECK_EQ(pthread_create(&thread, NULL, order_run, &order), 0);
	CHECK_EQ(pthread_join(thread, &done), 0);
	if (!done)
		lkltest_first_failure(answer, sizeof(answer));
	EXPECT_OK(lkl_sys_sendto(fd, answer, strlen(answer), 0, (void *)&from.any, from.len));
}

static void *echo_run(void *arg)
{
	struct echo_server *s = arg;
	int ready, fd, i;

	for (;;) {
		ready = lkl_sys_ppoll(s->fds, s->nr, NULL, NULL, 8);
		if (ready == -LKL_EINTR)
			continue;
		CHECK_OK(ready);
		/* From the last one on: what a connection's end moves to its place has had its turn, or is new. */
		for (i = s->nr - 1; i >= 0; i--) {
			fd = s->fds[i].fd;
			if (!s->fds[i].revents)
				continue;
			if (fd == s->stop[0])
				return NULL;
			else if (fd == s->tcp)
				echo_watch(s, CHECK_OK(lkl_sys_accept4(fd, NULL, NULL, 0)));
			else if (fd == s->udp)
				echo_datagram(fd);
			else if (fd == s->control)
				echo_obey(fd);
			else
				echo_stream(s, fd);
		}
	}
}

LKLTEST_FN void echo_open(struct echo_server *s, int control)
{
	s->nr = 0;
	CHECK_OK(lkl_sys_pipe2(s->stop, 0));
	echo_watch(s, s->stop[0]);
	s->tcp = echo_bind(s, LKL_SOCK_STREAM, ECHO_PORT);
	s->udp = echo_bind(s, LKL_SOCK_DGRAM, ECHO_PORT);
	s->control = control ? echo_bind(s, LKL_SOCK_DGRAM, CONTROL_PORT) : -1;
}

LKLTEST_FN void echo_start(struct echo_server *s)
{
	echo_open(s, 0);
	CHECK_EQ(pthread_create(&s->thread, NULL, echo_run, s), 0);
}

LKLTEST_FN void echo_stop(struct echo_server *s)
{
	CHECK_EQ(lkl_sys_write(s->stop[1], "x", 1), 1);
	CHECK_EQ(pthread_join(s->thread, NULL), 0);
	/* Closing alone would leave the port open until the kernel releases the file. */
	CHECK_OK(lkl_sys_shutdown(s->tcp, LKL_SHUT_RDWR));
	CHECK_OK(lkl_sys_close(s->tcp));
	CHECK_OK(lkl_sys_close(s->udp));
	CHECK_OK(lkl_sys_close(s->stop[0]));
	CHECK_OK(lkl_sys_close(s->stop[1]));
}

#endif
