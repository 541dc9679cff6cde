/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers that lie in one byte, or say nothing: the net suite's clients must notice. */
#include <lkltest.h>

#include "echo.h"

static int listener, datagrams;

static void *lie(void *arg)
{
	unsigned char buf[TRAFFIC_CHUNK];
	struct endpoint from = { .len = sizeof(from.v6) };
	int fd = lkl_sys_accept4(listener, NULL, NULL, 0);
	long len = lkl_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL);

	buf[len / 2] ^= 1;
	lkl_sys_sendto(fd, buf, len, 0, NULL, 0);
	len = lkl_sys_recvfrom(datagrams, buf, sizeof(buf), 0, (void *)&from.any, (void *)&from.len);
	lkl_sys_sendto(datagrams, buf, len - 1, 0, (void *)&from.any, from.len);
	return NULL;
}

POINT(start)
{
	static struct echo_server server;
	struct lkl_ifreq request = { .lkl_ifr_name = "lo", .lkl_ifr_flags = LKL_IFF_UP };
	pthread_t thread;

	lkltest_start_kernel();
	CHECK_OK(lkl_sys_ioctl(CHECK_OK(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0)), LKL_SIOCSIFFLAGS,
			       (long)&request));
	listener = echo_bind(&server, LKL_SOCK_STREAM, ECHO_PORT);
	datagrams = echo_bind(&server, LKL_SOCK_DGRAM, ECHO_PORT);
	CHECK_EQ(pthread_create(&thread, NULL, lie, NULL), 0);
}

POINT(tcp_byte_changed)
{
	tcp_exchange(endpoint("127.0.0.1", ECHO_PORT), 1000);
}

POINT(udp_cut_short)
{
	static const size_t sizes[] = { 100 };

	udp_exchange(endpoint("127.0.0.1", ECHO_PORT), sizes, 1);
}

POINT(icmp_no_answer)
{
	static const size_t sizes[] = { 100 };

	icmp_exchange(endpoint("192.0.2.1", 0), sizes, 1);
}

LKLTEST_POINTS = {
	LKLTEST(start),
	LKLTEST(tcp_byte_changed),
	LKLTEST(udp_cut_short),
	LKLTEST(icmp_no_answer),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
