/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets on the loopback device, for points that look at one behaviour each.
 *
 * Constants and structures of the network are the host's: kernels of one
 * processor share them, and not every liblkl's headers have all of them.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "traffic.h"
#include "../need.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define LOOPBACK "127.0.0.1"
#define SHORT_MS 200		/* the kernel's shortest timer of a retransmission */

/* A pause of the kernel's clock. */
LKLTEST_FN void pause_ms(long ms)
{
	struct lkl_timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	CHECK_OK(lkl_sys_nanosleep((void *)&time, NULL));
}

LKLTEST_FN long set_bytes(int fd, int level, int name, const void *value, int len)
{
	return LKLTEST_SYS(setsockopt, fd, level, name, value, len);
}

LKLTEST_FN long set_option(int fd, int level, int name, int value)
{
	return set_bytes(fd, level, name, &value, sizeof(value));
}

/* The length of an option's value, or a negative error. */
LKLTEST_FN long get_bytes(int fd, int level, int name, void *value, int size)
{
	int len = size;
	long err = LKLTEST_SYS(getsockopt, fd, level, name, value, &len);

	return err < 0 ? err : len;
}

LKLTEST_FN int get_option(int fd, int level, int name)
{
	int value = 0;

	CHECK_GT(get_bytes(fd, level, name, &value, sizeof(value)), 0);
	return value;
}

LKLTEST_FN int open_socket(const char *address, int type)
{
	return CHECK_OK(traffic_socket(endpoint(address, 0).any.sa_family, type, 0));
}

/* The address that a socket has. */
LKLTEST_FN struct endpoint own_address(int fd)
{
	struct endpoint e = { .len = sizeof(e.v6) };

	CHECK_OK(LKLTEST_SYS(getsockname, fd, &e.any, &e.len));
	return e;
}

/* A socket bound to a free port of the address. */
LKLTEST_FN int bound_socket(const char *address, int type)
{
	struct endpoint e = endpoint(address, 0);
	int fd = open_socket(address, type);

	CHECK_OK(lkl_sys_bind(fd, (void *)&e.any, e.len));
	return fd;
}

LKLTEST_FN long connect_to(int fd, struct endpoint to)
{
	return lkl_sys_connect(fd, (void *)&to.any, to.len);
}

/* Undoes a connect(). */
LKLTEST_FN void disconnect(int fd)
{
	struct lkl_sockaddr none = { .sa_family = AF_UNSPEC };

	CHECK_OK(lkl_sys_connect(fd, &none, sizeof(none)));
}

LKLTEST_FN void close_socket(int fd)
{
	CHECK_OK(lkl_sys_close(fd));
}

/* A TCP connection on the loopback device, and the socket that listens. */
struct connection {
	int listener, client, server;
};

LKLTEST_FN int listening_socket(const char *address, int backlog)
{
	int fd = bound_socket(address, SOCK_STREAM);

	CHECK_OK(lkl_sys_listen(fd, backlog));
	return fd;
}

LKLTEST_FN struct connection connect_pair(int listener, const char *address)
{
	struct connection c = { .listener = listener, .client = open_socket(address, SOCK_STREAM) };
	struct { long seconds, microseconds; } timeout = { TRAFFIC_SECONDS, 0 };

	CHECK_OK(connect_to(c.client, own_address(listener)));
	c.server = CHECK_OK(lkl_sys_accept4(listener, NULL, NULL, 0));
	CHECK_OK(set_bytes(c.server, SOL_SOCKET, TRAFFIC_RCVTIMEO, &timeout, sizeof(timeout)));
	return c;
}

LKLTEST_FN struct connection connection(const char *address)
{
	return connect_pair(listening_socket(address, 8), address);
}

LKLTEST_FN void close_connection(struct connection c)
{
	close_socket(c.client);
	close_socket(c.server);
	close_socket(c.listener);
}

LKLTEST_FN long send_bytes(int fd, const void *buf, size_t len, int flags)
{
	return LKLTEST_SYS(sendto, fd, buf, len, flags | MSG_NOSIGNAL, NULL, 0);
}

LKLTEST_FN long send_to(int fd, const void *buf, size_t len, struct endpoint to)
{
	return LKLTEST_SYS(sendto, fd, buf, len, MSG_NOSIGNAL, &to.any, to.len);
}

LKLTEST_FN long receive(int fd, void *buf, size_t len, int flags)
{
	return LKLTEST_SYS(recvfrom, fd, buf, len, flags, NULL, NULL);
}

/* The events that are there at once, or come within the time. */
LKLTEST_FN int poll_socket(int fd, int events, long ms)
{
	struct lkl_pollfd wanted = { .fd = fd, .events = events };
	struct lkl_timespec limit = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	CHECK_OK(lkl_sys_ppoll(&wanted, 1, (void *)&limit, NULL, 8));
	return wanted.revents;
}

/* Lets a socket run this classic BPF program on each packet that comes to it. */
LKLTEST_FN long attach_filter(int fd, struct sock_filter *code, int nr)
{
	struct sock_fprog program = { .len = nr, .filter = code };

	return set_bytes(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

#define ATTACH_FILTER(fd, code) attach_filter(fd, code, sizeof(code) / sizeof(*(code)))

/* Lets a socket lose all packets, until detach_filter(): a network that fails, without one. */
LKLTEST_FN void lose_packets(int fd)
{
	struct sock_filter drop[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	CHECK_OK(ATTACH_FILTER(fd, drop));
}

LKLTEST_FN void detach_filter(int fd)
{
	CHECK_OK(set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
}

#endif
