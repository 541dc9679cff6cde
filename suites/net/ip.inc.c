/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about IP itself: fragments, options in the header, raw sockets, pings. */
#ifndef NET_IP_INC_C
#define NET_IP_INC_C

#include "sockets.h"

#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

enum { RAW_LEVEL = 255, ICMP_FILTER_OPTION = 1 };

/* Sets lo's MTU; the one before. */
static int set_mtu(int mtu)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = open_socket(LOOPBACK, SOCK_DGRAM), before;

	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCGIFMTU, &r));
	before = r.ifr_mtu;
	r.ifr_mtu = mtu;
	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCSIFMTU, &r));
	close_socket(fd);
	return before;
}

static void check_fragments(const char *address)
{
	static const size_t sizes[] = { 1472, 1473, 3000, 20000, 60000 };
	static unsigned char sent[60000], got[sizeof(sent)];
	int from = open_socket(address, SOCK_DGRAM), to = bound_socket(address, SOCK_DGRAM), before = set_mtu(1500);
	long len[2][5];
	size_t i;

	for (i = 0; i < 5; i++) {
		traffic_fill(sent, sizes[i], i, 21);
		len[0][i] = send_to(from, sent, sizes[i], own_address(to));
		len[1][i] = receive(to, got, sizeof(got), 0);
		EXPECT_MEM_EQ(got, sent, sizes[i]);
	}
	set_mtu(before);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(len[0][i], sizes[i]);
		CHECK_EQ(len[1][i], sizes[i]);
	}
	close_socket(from);
	close_socket(to);
}

/* Datagrams larger than the MTU arrive whole. */
POINT(fragments)
{
	check_fragments(LOOPBACK);
}

/* The same of IPv6. */
POINT(fragments_ipv6)
{
	traffic_need_ipv6();
	check_fragments("::1");
}

/* A socket that must not fragment is told the MTU instead. */
POINT(do_not_fragment)
{
	int from = open_socket(LOOPBACK, SOCK_DGRAM), to = bound_socket(LOOPBACK, SOCK_DGRAM), before, mtu;
	static char data[4000];
	long big, fits;

	CHECK_OK(connect_to(from, own_address(to)));
	CHECK_OK(set_option(from, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	before = set_mtu(1500);
	big = send_bytes(from, data, sizeof(data), 0);
	mtu = get_option(from, IPPROTO_IP, IP_MTU);
	fits = send_bytes(from, data, 1472, 0);
	set_mtu(before);
	CHECK_ERR(big, LKL_EMSGSIZE);
	CHECK_EQ(mtu, 1500);
	CHECK_EQ(fits, 1472);
	close_socket(from);
	close_socket(to);
}

/* TCP keeps to a small MTU as well. */
POINT(tcp_small_mtu)
{
	static unsigned char sent[100000], got[sizeof(sent)];
	int before = set_mtu(1300), mss;	/* with less than 1280 lo would lose its address of IPv6 */
	struct connection c = connection(LOOPBACK);
	struct tcp_info info = { 0 };

	traffic_fill(sent, sizeof(sent), 0, 23);
	traffic_send(c.client, sent, sizeof(sent));
	traffic_receive(c.server, got, sizeof(got));
	get_bytes(c.client, IPPROTO_TCP, TCP_INFO, &info, sizeof(info));
	mss = info.tcpi_snd_mss;
	set_mtu(before);
	CHECK_MEM_EQ(got, sent, sizeof(sent));
	CHECK_LE(mss, 1260);
	close_connection(c);
}

/* The Internet header of a packet that this program makes itself. */
struct packet {
	struct iphdr ip;
	unsigned char data[64];
};

static struct packet make_packet(int protocol, const char *data, size_t len)
{
	struct packet p = { .ip = {
		.version = 4, .ihl = 5, .ttl = 9, .protocol = protocol, .id = htons(0x4c4b), .tot_len = htons(20 + len),
		.saddr = htonl(0x7f000009), .daddr = htonl(0x7f000001),
	} };

	memcpy(p.data, data, len);
	return p;
}

/* A raw socket of a protocol without a number of its own gets its packets, header and all. */
POINT(raw_socket)
{
	enum { PROTOCOL = 253 };
	int in = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, PROTOCOL)), out = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, PROTOCOL));
	struct packet got, p = make_packet(PROTOCOL, "raw", 3);
	struct endpoint to = endpoint(LOOPBACK, 0);

	CHECK_OK(lkl_sys_bind(in, (void *)&to.any, to.len));
	CHECK_EQ(send_to(out, "plain", 5, to), 5);
	CHECK_EQ(receive(in, &got, sizeof(got), 0), 25);
	CHECK_EQ(got.ip.protocol, PROTOCOL);
	CHECK_EQ(got.ip.ttl, 64);
	CHECK_MEM_EQ(got.data, "plain", 5);
	CHECK_OK(set_option(out, IPPROTO_IP, IP_HDRINCL, 1));
	CHECK_EQ(get_option(out, IPPROTO_IP, IP_HDRINCL), 1);
	CHECK_EQ(send_to(out, &p, 23, to), 23);
	CHECK_EQ(receive(in, &got, sizeof(got), 0), 23);
	CHECK_EQ(got.ip.ttl, 9);
	CHECK_EQ(ntohl(got.ip.saddr), 0x7f000009);
	CHECK_MEM_EQ(got.data, "raw", 3);
	CHECK_ERR(send_to(out, &p, 5, to), LKL_EINVAL);
	close_socket(in);
	close_socket(out);
}

/* Fragments that this program makes come together in any order; a hole keeps them back. */
POINT(raw_fragments)
{
	enum { PROTOCOL = 253, MORE = 0x2000 };
	int in = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, PROTOCOL)), out = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	struct packet first = make_packet(PROTOCOL, "01234567", 8), second = make_packet(PROTOCOL, "89abcdef", 8);
	struct packet last = make_packet(PROTOCOL, "end", 3), got;
	struct endpoint to = endpoint(LOOPBACK, 0);

	CHECK_OK(lkl_sys_bind(in, (void *)&to.any, to.len));
	first.ip.frag_off = htons(MORE);
	second.ip.frag_off = htons(MORE | 1);
	last.ip.frag_off = htons(2);
	CHECK_EQ(send_to(out, &last, 23, to), 23);
	CHECK_EQ(send_to(out, &first, 28, to), 28);
	CHECK_ERR(receive(in, &got, sizeof(got), MSG_DONTWAIT), LKL_EAGAIN);
	CHECK_EQ(send_to(out, &second, 28, to), 28);
	CHECK_EQ(receive(in, &got, sizeof(got), 0), 20 + 19);
	CHECK_MEM_EQ(got.data, "0123456789abcdefend", 19);
	close_socket(in);
	close_socket(out);
}

/* Record Route and a time stamp, set on a socket, are in the header that arrives. */
POINT(header_options)
{
	static const unsigned char record_route[] = { 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const unsigned char stamp[] = { 68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const unsigned char bad[] = { 7, 200, 4, 0 };
	int from = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, 253)), to = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, 253));
	unsigned char got[128], back[64];
	struct endpoint lo = endpoint(LOOPBACK, 0);

	CHECK_OK(lkl_sys_bind(to, (void *)&lo.any, lo.len));
	CHECK_OK(set_bytes(from, IPPROTO_IP, IP_OPTIONS, record_route, sizeof(record_route)));
	CHECK_EQ(get_bytes(from, IPPROTO_IP, IP_OPTIONS, back, sizeof(back)), sizeof(record_route));
	CHECK_EQ(send_to(from, "x", 1, lo), 1);
	CHECK_EQ(receive(to, got, sizeof(got), 0), 20 + 12 + 1);
	CHECK_EQ(got[0], 0x48);
	CHECK_EQ(got[20], 7);
	CHECK_GT(got[22], 4);		/* somebody has recorded an address */
	CHECK_MEM_EQ(got + 23, "\177\0\0\1", 4);
	CHECK_OK(set_bytes(from, IPPROTO_IP, IP_OPTIONS, stamp, sizeof(stamp)));
	CHECK_EQ(send_to(from, "x", 1, lo), 1);
	CHECK_EQ(receive(to, got, sizeof(got), 0), 20 + 12 + 1);
	CHECK_EQ(got[20], 68);
	CHECK_GT(got[22], 5);
	CHECK_ERR(set_bytes(from, IPPROTO_IP, IP_OPTIONS, bad, sizeof(bad)), LKL_EINVAL);
	CHECK_OK(set_bytes(from, IPPROTO_IP, IP_OPTIONS, NULL, 0));
	CHECK_EQ(get_bytes(from, IPPROTO_IP, IP_OPTIONS, back, sizeof(back)), 0);
	close_socket(from);
	close_socket(to);
}

/* A loose source route leads over an address of this host. */
POINT(source_route)
{
	static const unsigned char route[] = { 131, 7, 4, 127, 0, 0, 1, 0 };
	int from = open_socket(LOOPBACK, SOCK_DGRAM), to = bound_socket(LOOPBACK, SOCK_DGRAM);
	unsigned char back[64];

	CHECK_OK(set_bytes(from, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)));
	CHECK_EQ(get_bytes(from, IPPROTO_IP, IP_OPTIONS, back, sizeof(back)), sizeof(route));
	CHECK_MEM_EQ(back + 3, route + 3, 4);
	/* Whether packets with one are taken is a sysctl: here they are not. */
	CHECK_OK(sysctl_write("net/ipv4/conf/all/accept_source_route", "0"));
	send_to(from, "x", 1, own_address(to));
	CHECK_ERR(receive(to, back, sizeof(back), MSG_DONTWAIT), LKL_EAGAIN);
	close_socket(from);
	close_socket(to);
}

/* A ping socket asks as somebody whom the sysctl allows to, and gets only its own answers. */
static void check_ping(const char *address, int protocol, int request, int reply)
{
	struct echo ping = { .type = request, .sequence = htons(5), .payload = "ping" }, got = { .type = 0 };
	struct endpoint to = endpoint(address, 0);
	int fd;

	CHECK_OK(sysctl_write("net/ipv4/ping_group_range", "1 0"));
	CHECK_ERR(traffic_socket(to.any.sa_family, SOCK_DGRAM, protocol), LKL_EACCES);
	CHECK_OK(sysctl_write("net/ipv4/ping_group_range", "0 10"));
	fd = CHECK_OK(traffic_socket(to.any.sa_family, SOCK_DGRAM, protocol));
	CHECK_EQ(send_to(fd, &ping, 12, to), 12);
	CHECK_EQ(receive(fd, &got, sizeof(got), 0), 12);
	CHECK_EQ(got.type, reply);
	CHECK_EQ(got.sequence, htons(5));
	CHECK_EQ(got.id, own_address(fd).v4.sin_port);
	CHECK_MEM_EQ(got.payload, "ping", 4);
	ping.type = 77;
	CHECK_ERR(send_to(fd, &ping, 12, to), LKL_EINVAL);
	CHECK_OK(connect_to(fd, to));
	close_socket(fd);
	CHECK_OK(sysctl_write("net/ipv4/ping_group_range", "1 0"));
}

/* Pings without a raw socket. */
POINT(ping_socket)
{
	check_ping(LOOPBACK, IPPROTO_ICMP, ECHO_REQUEST_V4, ECHO_REPLY_V4);
}

/* The same of IPv6. */
POINT(ping_socket_ipv6)
{
	traffic_need_ipv6();
	check_ping("::1", IPPROTO_ICMPV6, ECHO_REQUEST_V6, ECHO_REPLY_V6);
}

/* The kernel tells the time by ICMP, and a filter keeps types away from a raw socket. */
POINT(icmp_timestamp)
{
	struct { unsigned char type, code; unsigned short sum, id, sequence; unsigned int times[3]; } ask = { .type = ICMP_TIMESTAMP };
	int fd = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	unsigned int only_answers = ~(1u << ICMP_TIMESTAMPREPLY), back = 0;
	unsigned char got[128];

	CHECK_OK(set_bytes(fd, RAW_LEVEL, ICMP_FILTER_OPTION, &only_answers, sizeof(only_answers)));
	CHECK_EQ(get_bytes(fd, RAW_LEVEL, ICMP_FILTER_OPTION, &back, sizeof(back)), sizeof(back));
	CHECK_EQ(back, only_answers);
	ask.id = htons(7);
	ask.sum = echo_checksum(&ask, sizeof(ask));
	CHECK_EQ(send_to(fd, &ask, sizeof(ask), endpoint(LOOPBACK, 0)), sizeof(ask));
	CHECK_EQ(receive(fd, got, sizeof(got), 0), 20 + sizeof(ask));
	CHECK_EQ(got[20], ICMP_TIMESTAMPREPLY);
	CHECK_EQ(got[25], 7);
	CHECK_MEM_EQ(got + 32, got + 36, 4);		/* received and sent within one millisecond */
	CHECK_ERR(receive(fd, got, sizeof(got), MSG_DONTWAIT), LKL_EAGAIN);
	close_socket(fd);
}

/* An echo request with a wrong checksum has no answer. */
POINT(icmp_bad_checksum)
{
	struct { unsigned char type, code; unsigned short sum, id, sequence; } ping = { .type = ICMP_ECHO, .sum = 0x1234 };
	int fd = CHECK_OK(traffic_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	unsigned int only_answers = ~(1u << ICMP_ECHOREPLY);
	char got[64];

	CHECK_OK(set_bytes(fd, RAW_LEVEL, ICMP_FILTER_OPTION, &only_answers, sizeof(only_answers)));
	CHECK_EQ(send_to(fd, &ping, sizeof(ping), endpoint(LOOPBACK, 0)), sizeof(ping));
	CHECK_ERR(receive(fd, got, sizeof(got), MSG_DONTWAIT), LKL_EAGAIN);
	ping.sum = 0;
	ping.sum = echo_checksum(&ping, sizeof(ping));
	CHECK_EQ(send_to(fd, &ping, sizeof(ping), endpoint(LOOPBACK, 0)), sizeof(ping));
	CHECK_EQ(receive(fd, got, sizeof(got), 0), 28);
	close_socket(fd);
}

#endif
