/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about what /proc/net shows of sockets, and about sysctls of the network. */
#ifndef NET_PROCNET_INC_C
#define NET_PROCNET_INC_C

#include "sockets.h"

static char proc_text[1 << 17];

/* A file of /proc/net; skips the point if the kernel has none of this name. */
static const char *proc_net(const char *name)
{
	char path[64];

	need_proc_at();
	snprintf(path, sizeof(path), NEED_PROC "/net/%s", name);
	return need_file(path, proc_text, sizeof(proc_text));
}

/* Whether a table of sockets has one with this local port, in a state. */
static int has_socket(const char *table, int port, int state)
{
	const char *line = strchr(proc_net(table), '\n');
	unsigned int local, found;

	for (; line; line = strchr(line + 1, '\n'))
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &local, &found) == 2 &&
		    (int)local == port && (int)found == state)
			return 1;
	return 0;
}

static int port_of(int fd)
{
	return ntohs(own_address(fd).v4.sin_port);
}

/* Sockets of TCP and UDP are in their tables while they are open, in their states. */
POINT(proc_sockets)
{
	struct connection c = connection(LOOPBACK);
	int udp = bound_socket(LOOPBACK, SOCK_DGRAM), udp_port = port_of(udp);

	CHECK(has_socket("tcp", port_of(c.listener), TCP_LISTEN));
	CHECK(has_socket("tcp", port_of(c.client), TCP_ESTABLISHED));
	CHECK(!has_socket("tcp", port_of(c.client), TCP_LISTEN));
	CHECK(has_socket("udp", udp_port, TCP_CLOSE));
	CHECK(!has_socket("udp", udp_port, TCP_ESTABLISHED));
	CHECK_OK(connect_to(udp, own_address(c.listener)));
	CHECK(has_socket("udp", udp_port, TCP_ESTABLISHED));
	close_socket(udp);
	close_connection(c);
}

/* The same of IPv6. */
POINT(proc_sockets_ipv6)
{
	int tcp, udp;

	traffic_need_ipv6();
	tcp = listening_socket("::1", 1);
	udp = bound_socket("::1", SOCK_DGRAM);
	CHECK(has_socket("tcp6", port_of(tcp), TCP_LISTEN));
	CHECK(has_socket("udp6", port_of(udp), TCP_CLOSE));
	CHECK(strstr(proc_net("if_inet6"), "00000000000000000000000000000001 01 80 10 80       lo"));
	CHECK(strstr(proc_net("ipv6_route"), " lo\n"));
	CHECK(strstr(proc_net("snmp6"), "Ip6InReceives"));
	CHECK(strstr(proc_net("sockstat6"), "UDP6: inuse "));
	close_socket(tcp);
	close_socket(udp);
}

/* The other tables have the lines that every kernel has. */
POINT(proc_tables)
{
	static const char *const tables[][2] = {
		{ "dev", "    lo:" }, { "route", "Iface\tDestination" }, { "arp", "IP address" }, { "fib_trie", "127.0.0.1" },
		{ "sockstat", "sockets: used " }, { "protocols", "TCP " },
		{ "netlink", "sk " }, { "ptype", "Type Device" }, { "netstat", "TcpExt: " }, { "raw", "sl  local_address" },
		{ "softnet_stat", "00000000 " }, { "dev_mcast", "" }, { "stat/arp_cache", "entries " }, { "stat/rt_cache", "entries" },
	};
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (!strstr(proc_net(tables[i][0]), tables[i][1]))
			lkltest_fail("/proc/net/%s has no \"%s\"", tables[i][0], tables[i][1]);
}

/* A number of /proc/net/snmp or netstat, by its protocol and its name in the line of headings. */
static long counter(const char *table, const char *protocol, const char *name)
{
	char names[8192], values[8192], *n, *v, *save_n, *save_v;
	const char *line = strstr(proc_net(table), protocol), *next;

	CHECK(line);
	next = strchr(line, '\n');
	CHECK(next);
	snprintf(names, sizeof(names), "%.*s", (int)(next - line), line);
	snprintf(values, sizeof(values), "%.*s", (int)strcspn(next + 1, "\n"), next + 1);
	n = strtok_r(names, " ", &save_n);
	v = strtok_r(values, " ", &save_v);
	for (; n && v; n = strtok_r(NULL, " ", &save_n), v = strtok_r(NULL, " ", &save_v))
		if (!strcmp(n, name))
			return strtol(v, NULL, 10);
	lkltest_fail("/proc/net/%s has no %s in its line of %s", table, name, protocol);
	return 0;
}

/* Counters of the stack count what happens. */
POINT(proc_counters)
{
	int udp = bound_socket(LOOPBACK, SOCK_DGRAM), tcp = open_socket(LOOPBACK, SOCK_STREAM);
	long out = counter("snmp", "Udp:", "OutDatagrams"), none = counter("snmp", "Udp:", "NoPorts");
	long resets = counter("snmp", "Tcp:", "OutRsts"), echoes = counter("snmp", "Icmp:", "OutDestUnreachs");

	CHECK_EQ(send_to(udp, "x", 1, endpoint(LOOPBACK, 9)), 1);
	CHECK_ERR(connect_to(tcp, endpoint(LOOPBACK, 9)), LKL_ECONNREFUSED);
	CHECK_GE(counter("snmp", "Udp:", "OutDatagrams"), out + 1);
	CHECK_GE(counter("snmp", "Udp:", "NoPorts"), none + 1);
	CHECK_GE(counter("snmp", "Tcp:", "OutRsts"), resets + 1);
	CHECK_GE(counter("snmp", "Icmp:", "OutDestUnreachs"), echoes + 1);
	CHECK_GT(counter("netstat", "IpExt:", "InOctets"), 0);
	close_socket(udp);
	close_socket(tcp);
}

static void change_sysctl(const char *name, const char *value, const char *result)
{
	if (!sysctl_changes(name, value, result))
		lkltest_skip("this kernel has no /proc/sys/%s", name);
}

/* Sysctls of every kind: numbers, ranges, times, names, sets of ports. */
POINT(sysctl_values)
{
	change_sysctl("net/core/rmem_default", "200000", "200000");
	change_sysctl("net/core/somaxconn", "99", "99");
	change_sysctl("net/ipv4/ip_local_port_range", "40000 50000", "40000\t50000");
	change_sysctl("net/ipv4/ip_local_reserved_ports", "8080,9000-9002,9004", "8080,9000-9002,9004");
	change_sysctl("net/ipv4/tcp_congestion_control", "reno", "reno");
	change_sysctl("net/ipv4/tcp_rmem", "4096 100000 300000", "4096\t100000\t300000");
	change_sysctl("net/ipv4/tcp_keepalive_time", "77", "77");
	change_sysctl("net/ipv4/tcp_fin_timeout", "5", "5");
	change_sysctl("net/ipv4/ip_default_ttl", "100", "100");
	change_sysctl("net/ipv4/conf/lo/rp_filter", "1", "1");
	change_sysctl("net/ipv4/ip_forward", "1", "1");
	change_sysctl("net/ipv4/neigh/lo/base_reachable_time_ms", "20000", "20000");
	change_sysctl("net/ipv4/neigh/lo/retrans_time_ms", "500", "500");
	change_sysctl("net/ipv4/neigh/lo/ucast_solicit", "7", "7");
	CHECK_ERR(sysctl_write("net/ipv4/ip_local_port_range", "50000 40000"), LKL_EINVAL);
	CHECK_ERR(sysctl_write("net/ipv4/ip_default_ttl", "999"), LKL_EINVAL);
	CHECK_ERR(need_write(NEED_PROC "/sys/net/ipv4/tcp_congestion_control", "nonsense"), LKL_ENOENT);
	CHECK_ERR(sysctl_write("net/core/rmem_default", "words"), LKL_EINVAL);
}

/* Sysctls of IPv6. */
POINT(sysctl_values_ipv6)
{
	traffic_need_ipv6();
	change_sysctl("net/ipv6/conf/lo/hop_limit", "33", "33");
	change_sysctl("net/ipv6/conf/all/accept_ra", "0", "0");
	change_sysctl("net/ipv6/bindv6only", "1", "1");
	change_sysctl("net/ipv6/route/gc_timeout", "50", "50");
	change_sysctl("net/ipv6/conf/all/forwarding", "1", "1");
}

/* The range of local ports is that from which a free one is taken. */
POINT(sysctl_port_range)
{
	char before[64];
	int fd, i, port;

	sysctl_read("net/ipv4/ip_local_port_range", before, sizeof(before));
	CHECK_OK(sysctl_write("net/ipv4/ip_local_port_range", "45000 45020"));
	for (i = 0; i < 5; i++) {
		fd = bound_socket(LOOPBACK, i % 2 ? SOCK_STREAM : SOCK_DGRAM);
		port = port_of(fd);
		close_socket(fd);
		EXPECT_GE(port, 45000);
		EXPECT_LE(port, 45020);
	}
	CHECK_OK(sysctl_write("net/ipv4/ip_local_port_range", before));
}

#endif
