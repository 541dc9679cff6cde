/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network stack over the loopback device: nothing leaves the kernel, and no privilege is needed.
 */
#include <lkltest.h>

#include "echo.h"

#include "diag.inc.c"
#include "filter.inc.c"
#include "interfaces.inc.c"
#include "ip.inc.c"
#include "multicast.inc.c"
#include "netlink.inc.c"
#include "options.inc.c"
#include "packet.inc.c"
#include "procnet.inc.c"
#include "routes.inc.c"
#include "tcp.inc.c"
#include "udp.inc.c"
#include "unix.inc.c"

enum { CONNECTIONS = 200, CLOSED_PORT = 9 };

/* Below, at and above what fits into one packet of a device of Ethernet's size, and of the loopback. */
static const size_t sizes[] = { 0, 1, 2, 63, 1400, 1472, 1473, 1500, 9000, 32768, 65000 };
#define SIZES sizes, sizeof(sizes) / sizeof(*sizes)

static struct echo_server server;

#ifndef LKLTEST_NATIVE
POINT(start_kernel)
{
	lkltest_start_kernel();
}
#endif

static int control_socket(void)
{
	return CHECK_OK(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
}

POINT(if_up)
{
	struct lkl_ifreq request = { .lkl_ifr_name = "lo" };
	int fd = control_socket();

	CHECK_OK(lkl_sys_ioctl(fd, LKL_SIOCGIFFLAGS, (long)&request));
	CHECK(request.lkl_ifr_flags & LKL_IFF_LOOPBACK);
	request.lkl_ifr_flags |= LKL_IFF_UP;
	CHECK_OK(lkl_sys_ioctl(fd, LKL_SIOCSIFFLAGS, (long)&request));
	CHECK_OK(lkl_sys_ioctl(fd, LKL_SIOCGIFFLAGS, (long)&request));
	CHECK(request.lkl_ifr_flags & LKL_IFF_UP);
	CHECK(request.lkl_ifr_flags & LKL_IFF_RUNNING);
	CHECK_OK(lkl_sys_close(fd));
}

/* The address that comes with the device, and a second one that is not reachable before it is set. */
POINT(address)
{
	struct endpoint second = endpoint("192.0.2.1", 0), found;
	struct lkl_ifreq request = { .lkl_ifr_name = "lo" };
	int fd = control_socket();

	CHECK_OK(lkl_sys_ioctl(fd, LKL_SIOCGIFADDR, (long)&request));
	memcpy(&found.v4, &request.lkl_ifr_addr, sizeof(found.v4));
	CHECK_EQ(ntohl(found.v4.sin_addr.lkl_s_addr), LKL_INADDR_LOOPBACK);

	CHECK_ERR(lkl_sys_bind(fd, (void *)&second.any, second.len), LKL_EADDRNOTAVAIL);
	request = (struct lkl_ifreq){ .lkl_ifr_name = "lo:1" };
	memcpy(&request.lkl_ifr_addr, &second.v4, sizeof(second.v4));
	CHECK_OK(lkl_sys_ioctl(fd, LKL_SIOCSIFADDR, (long)&request));
	CHECK_OK(lkl_sys_bind(fd, (void *)&second.any, second.len));
	CHECK_OK(lkl_sys_close(fd));
}

POINT(icmp)
{
	icmp_exchange(endpoint("127.0.0.1", 0), SIZES);
}

/* Needs no server: nobody listens. */
POINT(refused)
{
	struct endpoint closed = endpoint("127.0.0.1", CLOSED_PORT);
	int fd = CHECK_OK(traffic_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));

	CHECK_ERR(lkl_sys_connect(fd, (void *)&closed.any, closed.len), LKL_ECONNREFUSED);
	CHECK_OK(lkl_sys_close(fd));
}

POINT(listen)
{
	echo_start(&server);
}

POINT(udp)
{
	udp_exchange(endpoint("127.0.0.1", ECHO_PORT), SIZES);
}

POINT(udp_second_address)
{
	udp_exchange(endpoint("192.0.2.1", ECHO_PORT), SIZES);
}

POINT(tcp)
{
	tcp_exchange(endpoint("127.0.0.1", ECHO_PORT), 4 << 20);
}

POINT(connections)
{
	tcp_connections(endpoint("127.0.0.1", ECHO_PORT), CONNECTIONS);
	/* The listener is as good as new. */
	tcp_exchange(endpoint("127.0.0.1", ECHO_PORT), 1000);
}

POINT(ipv6_icmp)
{
	traffic_need_ipv6();
	icmp_exchange(endpoint("::1", 0), SIZES);
}

POINT(ipv6_udp)
{
	traffic_need_ipv6();
	udp_exchange(endpoint("::1", ECHO_PORT), SIZES);
}

POINT(ipv6_tcp)
{
	traffic_need_ipv6();
	tcp_exchange(endpoint("::1", ECHO_PORT), 4 << 20);
}

POINT(ipv6_connections)
{
	traffic_need_ipv6();
	tcp_connections(endpoint("::1", ECHO_PORT), CONNECTIONS);
}

POINT(unlisten)
{
	struct endpoint closed = endpoint("127.0.0.1", ECHO_PORT);
	int fd = CHECK_OK(traffic_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));

	echo_stop(&server);
	CHECK_ERR(lkl_sys_connect(fd, (void *)&closed.any, closed.len), LKL_ECONNREFUSED);
	CHECK_OK(lkl_sys_close(fd));
}

#ifndef LKLTEST_NATIVE
POINT(stop_kernel)
{
	lkltest_stop_kernel();
}
#endif

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel, .needs = ""),
	LKLTEST(if_up, .needs = "start_kernel"),
	LKLTEST(address, .needs = "if_up"),
	LKLTEST(icmp, .needs = "if_up"),
	LKLTEST(refused, .needs = "if_up"),
	LKLTEST(listen, .needs = "if_up"),
	LKLTEST(udp, .needs = "listen"),
	LKLTEST(udp_second_address, .needs = "address listen"),
	LKLTEST(tcp, .needs = "listen"),
	LKLTEST(connections, .needs = "listen"),
	LKLTEST(ipv6_icmp, .needs = "if_up"),
	LKLTEST(ipv6_udp, .needs = "listen"),
	LKLTEST(ipv6_tcp, .needs = "listen"),
	LKLTEST(ipv6_connections, .needs = "listen"),
	LKLTEST(unlisten, .needs = "listen"),
	LKLTEST(socket_options, .needs = "if_up"),
	LKLTEST(socket_linger, .needs = "if_up"),
	LKLTEST(socket_timeout, .needs = "if_up"),
	LKLTEST(bind_to_device, .needs = "if_up"),
	LKLTEST(tcp_options, .needs = "if_up"),
	LKLTEST(tcp_congestion, .needs = "if_up"),
	LKLTEST(ip_options, .needs = "if_up"),
	LKLTEST(ipv6_options, .needs = "if_up"),
	LKLTEST(reuse_port, .needs = "if_up"),
	LKLTEST(tcp_states, .needs = "if_up"),
	LKLTEST(tcp_simultaneous_close, .needs = "if_up"),
	LKLTEST(tcp_self_connect, .needs = "if_up"),
	LKLTEST(tcp_reset, .needs = "if_up"),
	LKLTEST(tcp_cork, .needs = "if_up"),
	LKLTEST(tcp_urgent, .needs = "if_up"),
	LKLTEST(tcp_peek, .needs = "if_up"),
	LKLTEST(tcp_retransmit, .needs = "if_up"),
	LKLTEST(tcp_hole, .needs = "if_up"),
	LKLTEST(tcp_user_timeout, .needs = "if_up"),
	LKLTEST(tcp_connect_again, .needs = "if_up"),
	LKLTEST(tcp_bulk, .needs = "if_up"),
	LKLTEST(tcp_zero_window, .needs = "if_up"),
	LKLTEST(tcp_disconnect, .needs = "if_up"),
	LKLTEST(tcp_backlog, .needs = "if_up"),
	LKLTEST(tcp_fast_open, .needs = "if_up"),
	LKLTEST(tcp_splice, .needs = "if_up"),
	LKLTEST(tcp_repair, .needs = "if_up"),
	LKLTEST(tcp_ipv6_states, .needs = "if_up"),
	LKLTEST(udp_connected, .needs = "if_up"),
	LKLTEST(udp_cork, .needs = "if_up"),
	LKLTEST(udp_truncated, .needs = "if_up"),
	LKLTEST(udp_packet_info, .needs = "if_up"),
	LKLTEST(udp_send_info, .needs = "if_up"),
	LKLTEST(udp_error_queue, .needs = "if_up"),
	LKLTEST(udp_timestamps, .needs = "if_up"),
	LKLTEST(udp_many, .needs = "if_up"),
	LKLTEST(udp_broadcast, .needs = "if_up"),
	LKLTEST(udp_lite, .needs = "if_up"),
	LKLTEST(udp_no_checksum, .needs = "if_up"),
	LKLTEST(udp_segments, .needs = "if_up"),
	LKLTEST(udp_ipv6_info, .needs = "if_up"),
	LKLTEST(link_dump, .needs = "if_up"),
	LKLTEST(link_by_name, .needs = "if_up"),
	LKLTEST(link_set, .needs = "if_up"),
	LKLTEST(link_alias, .needs = "if_up"),
	LKLTEST(link_refused, .needs = "if_up"),
	LKLTEST(link_statistics, .needs = "if_up"),
	LKLTEST(netlink_errors, .needs = "if_up"),
	LKLTEST(netlink_groups, .needs = "if_up"),
	LKLTEST(netlink_unicast, .needs = "if_up"),
	LKLTEST(netlink_uevent, .needs = "if_up"),
	LKLTEST(generic_netlink, .needs = "if_up"),
	LKLTEST(tcp_metrics, .needs = "if_up"),
	LKLTEST(address_add, .needs = "if_up"),
	LKLTEST(address_add_ipv6, .needs = "if_up"),
	LKLTEST(address_secondary, .needs = "if_up"),
	LKLTEST(address_lifetime, .needs = "if_up"),
	LKLTEST(route_refuses, .needs = "if_up"),
	LKLTEST(route_refuses_ipv6, .needs = "if_up"),
	LKLTEST(route_lookup, .needs = "if_up"),
	LKLTEST(route_priority, .needs = "if_up"),
	LKLTEST(route_many, .needs = "if_up"),
	LKLTEST(route_thousands, .needs = "if_up"),
	LKLTEST(route_multipath, .needs = "if_up"),
	LKLTEST(route_ipv6, .needs = "if_up"),
	LKLTEST(dumps_ipv6, .needs = "if_up"),
	LKLTEST(rule_by_mark, .needs = "if_up"),
	LKLTEST(neighbours, .needs = "if_up"),
	LKLTEST(neighbours_ipv6, .needs = "if_up"),
	LKLTEST(neighbour_proxy, .needs = "if_up"),
	LKLTEST(neighbour_table, .needs = "if_up"),
	LKLTEST(if_list, .needs = "if_up"),
	LKLTEST(if_facts, .needs = "if_up"),
	LKLTEST(if_mtu, .needs = "if_up"),
	LKLTEST(if_down, .needs = "if_up"),
	LKLTEST(if_multicast, .needs = "if_up"),
	LKLTEST(if_alias, .needs = "if_up"),
	LKLTEST(route_ioctl, .needs = "if_up"),
	LKLTEST(arp_ioctl, .needs = "if_up"),
	LKLTEST(ethtool_features, .needs = "if_up"),
	LKLTEST(ethtool_facts, .needs = "if_up"),
	LKLTEST(sysfs_link, .needs = "if_up"),
	LKLTEST(filter_byte, .needs = "if_up"),
	LKLTEST(filter_trims, .needs = "if_up"),
	LKLTEST(filter_arithmetic, .needs = "if_up"),
	LKLTEST(filter_ancillary, .needs = "if_up"),
	LKLTEST(filter_loads, .needs = "if_up"),
	LKLTEST(filter_refused, .needs = "if_up"),
	LKLTEST(filter_reuse_port, .needs = "if_up"),
	LKLTEST(multicast_member, .needs = "if_up"),
	LKLTEST(multicast_sources, .needs = "if_up"),
	LKLTEST(multicast_filter, .needs = "if_up"),
	LKLTEST(multicast_any_family, .needs = "if_up"),
	LKLTEST(multicast_ipv6, .needs = "if_up"),
	LKLTEST(anycast_ipv6, .needs = "if_up"),
	LKLTEST(fragments, .needs = "if_up"),
	LKLTEST(fragments_ipv6, .needs = "if_up"),
	LKLTEST(do_not_fragment, .needs = "if_up"),
	LKLTEST(tcp_small_mtu, .needs = "if_up"),
	LKLTEST(raw_socket, .needs = "if_up"),
	LKLTEST(raw_fragments, .needs = "if_up"),
	LKLTEST(header_options, .needs = "if_up"),
	LKLTEST(source_route, .needs = "if_up"),
	LKLTEST(ping_socket, .needs = "if_up"),
	LKLTEST(ping_socket_ipv6, .needs = "if_up"),
	LKLTEST(icmp_timestamp, .needs = "if_up"),
	LKLTEST(icmp_bad_checksum, .needs = "if_up"),
	LKLTEST(proc_sockets, .needs = "if_up"),
	LKLTEST(proc_sockets_ipv6, .needs = "if_up"),
	LKLTEST(proc_tables, .needs = "if_up"),
	LKLTEST(proc_counters, .needs = "if_up"),
	LKLTEST(sysctl_values, .needs = "if_up"),
	LKLTEST(sysctl_values_ipv6, .needs = "if_up"),
	LKLTEST(sysctl_port_range, .needs = "if_up"),
	LKLTEST(diag_dump, .needs = "if_up"),
	LKLTEST(diag_one, .needs = "if_up"),
	LKLTEST(diag_filter, .needs = "if_up"),
	LKLTEST(diag_errors, .needs = "if_up"),
	LKLTEST(unix_stream, .needs = "if_up"),
	LKLTEST(unix_packets, .needs = "if_up"),
	LKLTEST(unix_names, .needs = "if_up"),
	LKLTEST(unix_descriptors, .needs = "if_up"),
	LKLTEST(unix_credentials, .needs = "if_up"),
	LKLTEST(packet_receive, .needs = "if_up"),
	LKLTEST(packet_send, .needs = "if_up"),
	LKLTEST(packet_statistics, .needs = "if_up"),
	LKLTEST(packet_member, .needs = "if_up"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
