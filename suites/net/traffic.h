/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic whose every byte is checked: a client's side of ICMP, UDP and TCP
 * over IPv4 and IPv6.
 *
 * Every socket has a timeout, so that an answer that never comes is an error
 * of the call that waits for it, -EAGAIN.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <arpa/inet.h>

enum {
	TRAFFIC_SECONDS = 10,		/* timeout of a call that waits */
	TRAFFIC_CHUNK = 16384,		/* bytes in flight at most, so that neither side's buffers fill up */
	TRAFFIC_DATAGRAM = 65000,	/* the largest datagram tried */
};

/* Definitions that some kernels' headers for user space leave to the C library. */
#ifndef LKL_SHUT_WR
#define LKL_SHUT_WR 1
#endif
#ifndef LKL_SHUT_RDWR
#define LKL_SHUT_RDWR 2
#endif
#ifndef LKL_EPOLLIN
#define LKL_EPOLLIN 1
#endif
#ifndef LKL_IPPROTO_ICMPV6
#define LKL_IPPROTO_ICMPV6 58
#endif

#ifdef LKLTEST_NATIVE
#define LKL_SIOCGIFADDR SIOCGIFADDR
#define LKL_SIOCSIFADDR SIOCSIFADDR
#endif

/* The option's name, and its other one since the kernel has two shapes of time. */
#ifdef LKL_SO_RCVTIMEO_OLD
enum { TRAFFIC_RCVTIMEO = LKL_SO_RCVTIMEO_OLD, TRAFFIC_SNDTIMEO = LKL_SO_SNDTIMEO_OLD };
#else
enum { TRAFFIC_RCVTIMEO = LKL_SO_RCVTIMEO, TRAFFIC_SNDTIMEO = LKL_SO_SNDTIMEO };
#endif

struct endpoint {
	union {
		struct lkl_sockaddr any;
		struct lkl_sockaddr_in v4;
		struct lkl_sockaddr_in6 v6;
	};
	int len;
};

LKLTEST_FN int endpoint_is_v6(const struct endpoint *e)
{
	return e->any.sa_family == LKL_AF_INET6;
}

/* The endpoint of a numeric address, "10.0.0.1" or "fd00::1". */
LKLTEST_FN struct endpoint endpoint(const char *address, int port)
{
	struct endpoint e = { .len = sizeof(e.v4) };

	if (strchr(address, ':')) {
		e.len = sizeof(e.v6);
		e.v6.sin6_family = LKL_AF_INET6;
		e.v6.sin6_port = htons(port);
		CHECK_EQ(inet_pton(AF_INET6, address, &e.v6.sin6_addr), 1);
	} else {
		e.v4.sin_family = LKL_AF_INET;
		e.v4.sin_port = htons(port);
		CHECK_EQ(inet_pton(AF_INET, address, &e.v4.sin_addr), 1);
	}
	return e;
}

LKLTEST_FN struct endpoint endpoint_at_port(struct endpoint e, int port)
{
	if (endpoint_is_v6(&e))
		e.v6.sin6_port = htons(port);
	else
		e.v4.sin_port = htons(port);
	return e;
}

/* A new socket with timeouts, or a negative error. */
LKLTEST_FN int traffic_socket(int family, int type, int protocol)
{
	struct { long seconds, microseconds; } timeout = { TRAFFIC_SECONDS, 0 };
	int fd = lkl_sys_socket(family, type, protocol);

	if (fd < 0)
		return fd;
	CHECK_OK(lkl_sys_setsockopt(fd, LKL_SOL_SOCKET, TRAFFIC_RCVTIMEO, (void *)&timeout, sizeof(timeout)));
	CHECK_OK(lkl_sys_setsockopt(fd, LKL_SOL_SOCKET, TRAFFIC_SNDTIMEO, (void *)&timeout, sizeof(timeout)));
	return fd;
}

/* Skips the point where the kernel has no IPv6. */
LKLTEST_FN void traffic_need_ipv6(void)
{
	int fd = lkl_sys_socket(LKL_AF_INET6, LKL_SOCK_DGRAM, 0);

	if (fd == -LKL_EAFNOSUPPORT)
		lkltest_skip("this kernel has no IPv6: CONFIG_IPV6");
	CHECK_OK(fd);
	CHECK_OK(lkl_sys_close(fd));
}

LKLTEST_FN int traffic_connect(const struct endpoint *to, int type)
{
	int fd = CHECK_OK(traffic_socket(to->any.sa_family, type, 0));

	CHECK_OK(lkl_sys_connect(fd, (void *)&to->any, to->len));
	return fd;
}

/* The bytes of a stream from an offset on: no two offsets or streams look alike for long. */
LKLTEST_FN void traffic_fill(unsigned char *buf, size_t len, size_t offset, unsigned int stream)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = ((offset + i) * 2654435761u + stream * 40503u) >> 13;
}

LKLTEST_FN void traffic_send(int fd, const void *buf, size_t len)
{
	size_t done;

	for (done = 0; done < len; )
		done += CHECK_OK(lkl_sys_sendto(fd, (void *)((const char *)buf + done), len - done,
						LKL_MSG_NOSIGNAL, NULL, 0));
}

/* Receives this number of bytes of a TCP stream; an early end fails. */
LKLTEST_FN void traffic_receive(int fd, void *buf, size_t len)
{
	size_t done;
	long n;

	for (done = 0; done < len; done += n) {
		n = CHECK_OK(lkl_sys_recvfrom(fd, (char *)buf + done, len - done, 0, NULL, NULL));
		CHECK_NE(n, 0);
	}
}

/* Sends this number of bytes to a TCP echo, which must come back the same, and then the end of the stream. */
LKLTEST_FN void tcp_exchange(struct endpoint to, size_t total)
{
	static __thread unsigned char sent[TRAFFIC_CHUNK], received[TRAFFIC_CHUNK];
	int fd = traffic_connect(&to, LKL_SOCK_STREAM);
	size_t offset, len;

	for (offset = 0; offset < total; offset += len) {
		len = total - offset < sizeof(sent) ? total - offset : sizeof(sent);
		traffic_fill(sent, len, offset, to.len);
		traffic_send(fd, sent, len);
		traffic_receive(fd, received, len);
		CHECK_MEM_EQ(received, sent, len);
	}
	CHECK_OK(lkl_sys_shutdown(fd, LKL_SHUT_WR));
	CHECK_EQ(lkl_sys_recvfrom(fd, received, sizeof(received), 0, NULL, NULL), 0);
	CHECK_OK(lkl_sys_close(fd));
}

/* Sends datagrams of these sizes to a UDP echo; each must come back the same. */
LKLTEST_FN void udp_exchange(struct endpoint to, const size_t *sizes, size_t nr)
{
	static __thread unsigned char sent[TRAFFIC_DATAGRAM], received[TRAFFIC_DATAGRAM + 1];
	int fd = traffic_connect(&to, LKL_SOCK_DGRAM);
	size_t i;

	for (i = 0; i < nr; i++) {
		traffic_fill(sent, sizes[i], i, 7);
		CHECK_EQ(lkl_sys_sendto(fd, sent, sizes[i], 0, NULL, 0), sizes[i]);
		CHECK_EQ(lkl_sys_recvfrom(fd, received, sizeof(received), 0, NULL, NULL), sizes[i]);
		CHECK_MEM_EQ(received, sent, sizes[i]);
	}
	CHECK_OK(lkl_sys_close(fd));
}

/* Sends a question to a peer and waits for its one-datagram answer; its length, or a negative error. */
LKLTEST_FN long udp_ask(struct endpoint to, const char *question, char *answer, size_t size)
{
	int fd = traffic_connect(&to, LKL_SOCK_DGRAM);
	long len;

	len = lkl_sys_sendto(fd, (void *)question, strlen(question), 0, NULL, 0);
	if (len >= 0)
		len = lkl_sys_recvfrom(fd, answer, size - 1, 0, NULL, NULL);
	answer[len > 0 ? len : 0] = 0;
	lkl_sys_close(fd);
	return len;
}

struct echo {
	unsigned char type, code;
	unsigned short checksum, id, sequence;
	unsigned char payload[TRAFFIC_DATAGRAM];
};

enum {
	ECHO_HEADER = 8,
	ECHO_REQUEST_V4 = 8, ECHO_REPLY_V4 = 0,
	ECHO_REQUEST_V6 = 128, ECHO_REPLY_V6 = 129,
};

/* The Internet checksum of RFC 1071. */
LKLTEST_FN unsigned short echo_checksum(const void *data, size_t len)
{
	const unsigned char *b = data;
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? b[i] : b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* Waits for the reply to a request among whatever else a raw socket sees; the length of its payload. */
LKLTEST_FN size_t echo_receive(int fd, int v6, const struct echo *request, struct echo *reply)
{
	static __thread unsigned char packet[60 + sizeof(struct echo)];
	size_t header;
	long len;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		len = CHECK_OK(lkl_sys_recvfrom(fd, packet, sizeof(packet), 0, NULL, NULL));
		header = v6 ? 0 : (packet[0] & 15) * 4;
		if ((size_t)len < header + ECHO_HEADER)
			continue;
		memcpy(reply, packet + header, len - header);
		if (reply->type == (v6 ? ECHO_REPLY_V6 : ECHO_REPLY_V4) && reply->id == request->id &&
		    reply->sequence == request->sequence)
			return len - header - ECHO_HEADER;
	}
	CHECK(!"a reply comes among 1000 packets");
	return 0;
}

/* Pings with payloads of these sizes; each must come back the same. */
LKLTEST_FN void icmp_exchange(struct endpoint to, const size_t *sizes, size_t nr)
{
	static __thread struct echo request, reply;
	int v6 = endpoint_is_v6(&to);
	int fd = CHECK_OK(traffic_socket(to.any.sa_family, LKL_SOCK_RAW, v6 ? LKL_IPPROTO_ICMPV6 : LKL_IPPROTO_ICMP));
	size_t i;

	to = endpoint_at_port(to, 0);
	for (i = 0; i < nr; i++) {
		request.type = v6 ? ECHO_REQUEST_V6 : ECHO_REQUEST_V4;
		request.id = htons(0x4c4b);
		request.sequence = htons(i + 1);
		request.checksum = 0;
		traffic_fill(request.payload, sizes[i], i, 3);
		/* Of ICMPv6 the kernel makes the checksum: it covers addresses that only it knows. */
		if (!v6)
			request.checksum = echo_checksum(&request, ECHO_HEADER + sizes[i]);
		CHECK_EQ(lkl_sys_sendto(fd, (void *)&request, ECHO_HEADER + sizes[i], 0, (void *)&to.any, to.len),
			 ECHO_HEADER + sizes[i]);
		CHECK_EQ(echo_receive(fd, v6, &request, &reply), sizes[i]);
		CHECK_MEM_EQ(reply.payload, request.payload, sizes[i]);
	}
	CHECK_OK(lkl_sys_close(fd));
}

/* Opens this number of connections to a TCP echo at once, and uses each of them. */
LKLTEST_FN void tcp_connections(struct endpoint to, int nr)
{
	unsigned char sent[64], received[64];
	int fds[nr], i;

	for (i = 0; i < nr; i++)
		fds[i] = traffic_connect(&to, LKL_SOCK_STREAM);
	for (i = 0; i < nr; i++) {
		traffic_fill(sent, sizeof(sent), 0, i);
		traffic_send(fds[i], sent, sizeof(sent));
	}
	for (i = nr - 1; i >= 0; i--) {
		traffic_fill(sent, sizeof(sent), 0, i);
		traffic_receive(fds[i], received, sizeof(received));
		CHECK_MEM_EQ(received, sent, sizeof(sent));
	}
	for (i = 0; i < nr; i++)
		CHECK_OK(lkl_sys_close(fds[i]));
}

#endif
