/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network stack over a device of the library's, to a peer on the other end (peer.c).
 */
#include <lkltest.h>
#include <sys/stat.h>

#include "echo.h"
#include "device.h"

enum { CONNECTIONS = 200, TCP_BYTES = 1 << 20 };

static const size_t sizes[] = { 0, 1, 2, 63, 1400, 1472, 1473, 4000, 16000 };
#define SIZES sizes, sizeof(sizes) / sizeof(*sizes)

static struct lkl_netdev *device;
static int id, ifindex;
static struct echo_server server;

POINT(create)
{
	device = device_open();
	if (!device)
		lkltest_bail_out("lkl_netdev_%s_create(\"%s\") failed: stderr says why", device_arg("backend"),
				 device_arg("ifname"));
}

POINT(add)
{
	id = CHECK_OK(lkl_netdev_add(device, NULL));
}

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(ifindex)
{
	ifindex = lkl_netdev_get_ifindex(id);
	if (ifindex <= 1)
		lkltest_bail_out("the kernel has not found the device: lkl_netdev_get_ifindex(%d) returned %d", id, ifindex);
}

POINT(if_up)
{
	CHECK_OK(lkl_if_up(ifindex));
}

POINT(address)
{
	device_set_address(ifindex);
}

static struct endpoint peer(int port)
{
	return endpoint(device_arg("peer"), port);
}

/* The peer comes up in its own time, which may be a kernel's boot on a busy host: it is asked until it answers. */
POINT(peer)
{
	long long until = lkltest_now_ns() + 60 * 1000000000LL;
	struct { long seconds, microseconds; } pause = { 0, 50 * 1000 };
	struct endpoint to = peer(ECHO_PORT);
	int fd = traffic_connect(&to, LKL_SOCK_DGRAM);
	char answer[8];
	long len;

	CHECK_OK(lkl_sys_setsockopt(fd, LKL_SOL_SOCKET, TRAFFIC_RCVTIMEO, (void *)&pause, sizeof(pause)));
	do {
		lkl_sys_sendto(fd, "hello", 5, 0, NULL, 0);
		len = lkl_sys_recvfrom(fd, answer, sizeof(answer), 0, NULL, NULL);
	} while (len < 0 && lkltest_now_ns() < until);
	CHECK_EQ(len, 5);
	CHECK_OK(lkl_sys_close(fd));
}

POINT(icmp)
{
	icmp_exchange(peer(0), SIZES);
}

POINT(udp)
{
	udp_exchange(peer(ECHO_PORT), SIZES);
}

POINT(tcp)
{
	tcp_exchange(peer(ECHO_PORT), TCP_BYTES);
}

POINT(connections)
{
	tcp_connections(peer(ECHO_PORT), CONNECTIONS);
}

/* An address behind the peer, which the kernel reaches through its gateway only. */
POINT(gateway)
{
	struct endpoint beyond = endpoint(device_arg("beyond"), ECHO_PORT);
	int fd = CHECK_OK(traffic_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));

	CHECK_ERR(lkl_sys_connect(fd, (void *)&beyond.any, beyond.len), LKL_ENETUNREACH);
	CHECK_OK(lkl_sys_close(fd));
	CHECK_OK(lkl_set_ipv4_gateway(peer(0).v4.sin_addr.lkl_s_addr));
	icmp_exchange(beyond, SIZES);
	tcp_exchange(beyond, 1000);
}

POINT(listen)
{
	echo_start(&server);
}

/* Lets the peer be the client. */
static void incoming(struct endpoint control, const char *what)
{
	char answer[256];

	CHECK_OK(udp_ask(control, what, answer, sizeof(answer)));
	CHECK_STR_EQ(answer, "ok");
}

POINT(icmp_incoming)
{
	incoming(peer(CONTROL_PORT), "icmp");
}

POINT(udp_incoming)
{
	incoming(peer(CONTROL_PORT), "udp");
}

POINT(tcp_incoming)
{
	incoming(peer(CONTROL_PORT), "tcp");
}

POINT(ipv6_address)
{
	device_set_address6(ifindex);
}

static struct endpoint peer6(int port)
{
	traffic_need_ipv6();
	return endpoint(device_arg("peer6"), port);
}

POINT(ipv6_icmp)
{
	icmp_exchange(peer6(0), SIZES);
}

POINT(ipv6_udp)
{
	udp_exchange(peer6(ECHO_PORT), SIZES);
}

POINT(ipv6_tcp)
{
	tcp_exchange(peer6(ECHO_PORT), TCP_BYTES);
}

POINT(ipv6_incoming)
{
	incoming(peer6(CONTROL_PORT), "icmp");
	incoming(peer6(CONTROL_PORT), "udp");
	incoming(peer6(CONTROL_PORT), "tcp");
}

POINT(unlisten)
{
	echo_stop(&server);
}

POINT(if_down)
{
	struct endpoint to = peer(ECHO_PORT);
	int fd;

	CHECK_OK(lkl_if_down(ifindex));
	fd = CHECK_OK(traffic_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
	CHECK_ERR(lkl_sys_connect(fd, (void *)&to.any, to.len), LKL_ENETUNREACH);
	CHECK_OK(lkl_sys_close(fd));
}

POINT(remove)
{
	/* Kernels before 4.11 say of every virtio device of LKL's that it has no release() function. */
	lkltest_expect_console("device_release+");
	lkltest_expect_console("Call Trace:");
	lkl_netdev_remove(id);
	lkl_netdev_free(device);
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(create, .needs = ""),
	LKLTEST_LIBRARY(add, .needs = "create"),
	LKLTEST_LIBRARY(start_kernel, .needs = "add"),
	LKLTEST_LIBRARY(ifindex, .needs = "start_kernel"),
	LKLTEST_LIBRARY(if_up, .needs = "ifindex"),
	LKLTEST_LIBRARY(address, .needs = "if_up"),
	LKLTEST_LIBRARY(peer, .timeout_ms = 90000, .needs = "address"),
	LKLTEST_LIBRARY(icmp, .needs = "peer"),
	LKLTEST_LIBRARY(udp, .needs = "peer"),
	LKLTEST_LIBRARY(tcp, .needs = "peer"),
	LKLTEST_LIBRARY(connections, .needs = "peer"),
	LKLTEST_LIBRARY(gateway, .needs = "peer"),
	LKLTEST_LIBRARY(listen, .needs = "peer"),
	LKLTEST_LIBRARY(icmp_incoming, .needs = "peer"),
	LKLTEST_LIBRARY(udp_incoming, .needs = "listen"),
	LKLTEST_LIBRARY(tcp_incoming, .needs = "listen"),
	LKLTEST_LIBRARY(ipv6_address, .needs = "peer"),
	LKLTEST_LIBRARY(ipv6_icmp, .needs = "ipv6_address"),
	LKLTEST_LIBRARY(ipv6_udp, .needs = "ipv6_address"),
	LKLTEST_LIBRARY(ipv6_tcp, .needs = "ipv6_address"),
	LKLTEST_LIBRARY(ipv6_incoming, .needs = "listen ipv6_address"),
	LKLTEST_LIBRARY(unlisten, .needs = "listen"),
	LKLTEST_LIBRARY(if_down, .needs = "address"),
	LKLTEST_LIBRARY(remove, .needs = "start_kernel"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
