/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about packet sockets on the loopback device, where the kernel has them. */
#ifndef NET_PACKET_INC_C
#define NET_PACKET_INC_C

#include "sockets.h"

#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>

enum { ETHERNET = 14, IP = 20, UDP = 8, ALL_LEVELS = 263 };

/* A packet socket that hears IPv4 on lo. */
static int packet_socket(int type)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP), .sll_ifindex = 1 };
	int fd = CHECK_OK(need(traffic_socket(AF_PACKET, type, 0), LKL_EAFNOSUPPORT, "CONFIG_PACKET"));

	CHECK_OK(LKLTEST_SYS(bind, fd, &lo, sizeof(lo)));
	return fd;
}

/* Receives the packet of a datagram with this payload among all others, on its way in; its length. */
static long receive_packet(int fd, unsigned char *buf, size_t size, const char *payload, struct sockaddr_ll *from)
{
	size_t len = strlen(payload);
	int tries, size_from;
	long got;

	for (tries = 0; tries < 1000; tries++) {
		size_from = sizeof(*from);
		got = CHECK_OK(LKLTEST_SYS(recvfrom, fd, buf, size, 0, from, &size_from));
		if (from->sll_pkttype == PACKET_HOST && (size_t)got >= len && !memcmp(buf + got - len, payload, len))
			return got;
	}
	lkltest_fail("no packet of 1000 has the payload \"%s\"", payload);
	return 0;
}

/* A raw packet has the frame's header, a cooked one begins with the Internet's; both tell from where they came. */
POINT(packet_receive)
{
	int raw = packet_socket(SOCK_RAW), cooked = packet_socket(SOCK_DGRAM), udp = open_socket(LOOPBACK, SOCK_DGRAM);
	unsigned char buf[256];
	struct sockaddr_ll from;

	CHECK_EQ(send_to(udp, "packet-1", 8, endpoint(LOOPBACK, 9)), 8);
	CHECK_EQ(receive_packet(raw, buf, sizeof(buf), "packet-1", &from), ETHERNET + IP + UDP + 8);
	CHECK_EQ(buf[12] << 8 | buf[13], ETHERTYPE_IP);
	CHECK_EQ(buf[ETHERNET], 0x45);
	CHECK_EQ(from.sll_ifindex, 1);
	CHECK_EQ(ntohs(from.sll_protocol), ETHERTYPE_IP);
	CHECK_EQ(receive_packet(cooked, buf, sizeof(buf), "packet-1", &from), IP + UDP + 8);
	CHECK_EQ(buf[0], 0x45);
	close_socket(raw);
	close_socket(cooked);
	close_socket(udp);
}

/* A frame that is sent by hand arrives at a socket of UDP. */
POINT(packet_send)
{
	int raw = packet_socket(SOCK_RAW), to = bound_socket(LOOPBACK, SOCK_DGRAM), other = open_socket(LOOPBACK, SOCK_DGRAM);
	struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP), .sll_ifindex = 1, .sll_halen = 6 };
	unsigned char frame[256];
	struct sockaddr_ll from;
	char buf[16];
	long len;

	CHECK_EQ(send_to(other, "replayed", 8, own_address(to)), 8);
	CHECK_EQ(receive(to, buf, sizeof(buf), 0), 8);
	len = receive_packet(raw, frame, sizeof(frame), "replayed", &from);
	/* On lo nobody has made the checksum: the frame goes without. */
	frame[ETHERNET + IP + 6] = frame[ETHERNET + IP + 7] = 0;
	/* A frame from nowhere with this host's addresses needs to be allowed. */
	CHECK_OK(sysctl_write("net/ipv4/conf/lo/route_localnet", "1"));
	CHECK_OK(sysctl_write("net/ipv4/conf/lo/accept_local", "1"));
	CHECK_EQ(LKLTEST_SYS(sendto, raw, frame, len, 0, &lo, sizeof(lo)), len);
	CHECK_EQ(receive(to, buf, sizeof(buf), 0), 8);
	CHECK_OK(sysctl_write("net/ipv4/conf/lo/route_localnet", "0"));
	CHECK_OK(sysctl_write("net/ipv4/conf/lo/accept_local", "0"));
	CHECK_MEM_EQ(buf, "replayed", 8);
	lo.sll_ifindex = 4711;
	CHECK_ERR(LKLTEST_SYS(sendto, raw, frame, len, 0, &lo, sizeof(lo)), LKL_ENXIO);
	close_socket(raw);
	close_socket(to);
	close_socket(other);
}

/* A filter on a packet socket counts what it lets through, and the statistics are cleared when they are read. */
POINT(packet_statistics)
{
	struct sock_filter only_udp[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETHERNET + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ETHERNET + IP),		/* the headers only */
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	int raw = packet_socket(SOCK_RAW), udp = open_socket(LOOPBACK, SOCK_DGRAM), tcp = open_socket(LOOPBACK, SOCK_STREAM);
	struct { unsigned int packets, drops; } stats;
	unsigned char buf[256];

	CHECK_OK(ATTACH_FILTER(raw, only_udp));
	while (receive(raw, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
	CHECK_OK(get_bytes(raw, ALL_LEVELS, PACKET_STATISTICS, &stats, sizeof(stats)));
	CHECK_ERR(connect_to(tcp, endpoint(LOOPBACK, 9)), LKL_ECONNREFUSED);
	CHECK_EQ(send_to(udp, "counted", 7, endpoint(LOOPBACK, 9)), 7);
	CHECK_EQ(receive(raw, buf, sizeof(buf), 0), ETHERNET + IP);
	CHECK_EQ(get_bytes(raw, ALL_LEVELS, PACKET_STATISTICS, &stats, sizeof(stats)), sizeof(stats));
	CHECK_GE(stats.packets, 1);
	CHECK_LE(stats.packets, 2);		/* out, and in */
	CHECK_OK(get_bytes(raw, ALL_LEVELS, PACKET_STATISTICS, &stats, sizeof(stats)));
	CHECK_EQ(stats.packets, 0);
	close_socket(raw);
	close_socket(udp);
	close_socket(tcp);
}

/* Whether lo hears everything, which only sysfs says of a packet socket's wish. */
static int promiscuous(void)
{
	char flags[64];

	need_sys_at();
	return !!(strtoul(need_file(NEED_SYS "/class/net/lo/flags", flags, sizeof(flags)), NULL, 16) & IFF_PROMISC);
}

/* A member that hears everything makes the device promiscuous, as long as it is one. */
POINT(packet_member)
{
	struct packet_mreq all = { .mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC };
	int raw = packet_socket(SOCK_RAW);

	CHECK_EQ(promiscuous(), 0);
	CHECK_OK(set_bytes(raw, ALL_LEVELS, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)));
	CHECK_EQ(promiscuous(), 1);
	CHECK_OK(set_bytes(raw, ALL_LEVELS, PACKET_DROP_MEMBERSHIP, &all, sizeof(all)));
	CHECK_EQ(promiscuous(), 0);
	CHECK_OK(set_option(raw, ALL_LEVELS, PACKET_AUXDATA, 1));
	CHECK_EQ(get_option(raw, ALL_LEVELS, PACKET_AUXDATA), 1);
	CHECK_OK(set_option(raw, ALL_LEVELS, PACKET_VERSION, 1));
	CHECK_EQ(get_option(raw, ALL_LEVELS, PACKET_VERSION), 1);
	CHECK_ERR(set_option(raw, ALL_LEVELS, PACKET_VERSION, 99), LKL_EINVAL);
	close_socket(raw);
}

#endif
