/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about interfaces: ioctl, ethtool, sysfs. */
#ifndef NET_INTERFACES_INC_C
#define NET_INTERFACES_INC_C

#include "routes.inc.c"
#include "sockets.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>

/* An ioctl about lo. */
static long loopback_ioctl(unsigned long nr, struct ifreq *r)
{
	int fd = open_socket(LOOPBACK, SOCK_DGRAM);
	long err;

	if (!r->ifr_name[0])
		strcpy(r->ifr_name, "lo");
	err = LKLTEST_SYS(ioctl, fd, nr, r);
	close_socket(fd);
	return err;
}

/* The list of interfaces with an address has lo, as long as it is asked for. */
POINT(if_list)
{
	struct ifreq list[8] = { 0 };
	struct ifconf conf = { .ifc_len = 0 };
	int fd = open_socket(LOOPBACK, SOCK_DGRAM), len;

	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCGIFCONF, &conf));
	len = conf.ifc_len;
	CHECK_GE(len, sizeof(*list));
	conf.ifc_req = list;
	conf.ifc_len = sizeof(list);
	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCGIFCONF, &conf));
	CHECK_EQ(conf.ifc_len, len);
	CHECK_STR_EQ(list[0].ifr_name, "lo");
	CHECK_EQ(ntohl(((struct sockaddr_in *)&list[0].ifr_addr)->sin_addr.s_addr), 0x7f000001);
	close_socket(fd);
}

/* The properties of lo: its number and name, netmask, hardware, metric, queue, map. */
POINT(if_facts)
{
	struct ifreq r = { 0 };

	CHECK_OK(loopback_ioctl(SIOCGIFINDEX, &r));
	CHECK_EQ(r.ifr_ifindex, 1);
	memset(r.ifr_name, 0, sizeof(r.ifr_name));
	strcpy(r.ifr_name, "x");
	CHECK_OK(loopback_ioctl(SIOCGIFNAME, &r));
	CHECK_STR_EQ(r.ifr_name, "lo");
	CHECK_OK(loopback_ioctl(SIOCGIFNETMASK, &r));
	CHECK_EQ(ntohl(((struct sockaddr_in *)&r.ifr_netmask)->sin_addr.s_addr), 0xff000000);
	CHECK_OK(loopback_ioctl(SIOCGIFHWADDR, &r));
	CHECK_EQ(r.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
	CHECK_MEM_EQ(r.ifr_hwaddr.sa_data, "\0\0\0\0\0\0", 6);
	CHECK_OK(loopback_ioctl(SIOCGIFMETRIC, &r));
	CHECK_EQ(r.ifr_metric, 0);
	CHECK_OK(loopback_ioctl(SIOCGIFTXQLEN, &r));
	CHECK_GE(r.ifr_qlen, 0);
	CHECK_OK(loopback_ioctl(SIOCGIFMAP, &r));
	CHECK_EQ(r.ifr_map.irq, 0);
	strcpy(r.ifr_name, "nothing0");
	CHECK_ERR(loopback_ioctl(SIOCGIFINDEX, &r), LKL_ENODEV);
	CHECK_ERR(loopback_ioctl(SIOCGIFFLAGS, &r), LKL_ENODEV);
	r.ifr_ifindex = 4711;
	CHECK_ERR(loopback_ioctl(SIOCGIFNAME, &r), LKL_ENODEV);
}

/* The MTU and the queue's length are set, within limits. */
POINT(if_mtu)
{
	struct ifreq r = { 0 };
	int mtu, queue;

	CHECK_OK(loopback_ioctl(SIOCGIFMTU, &r));
	mtu = r.ifr_mtu;
	r.ifr_mtu = 2000;
	CHECK_OK(loopback_ioctl(SIOCSIFMTU, &r));
	r.ifr_mtu = 0;
	CHECK_OK(loopback_ioctl(SIOCGIFMTU, &r));
	CHECK_EQ(r.ifr_mtu, 2000);
	r.ifr_mtu = -5;
	CHECK_ERR(loopback_ioctl(SIOCSIFMTU, &r), LKL_EINVAL);
	r.ifr_mtu = mtu;
	CHECK_OK(loopback_ioctl(SIOCSIFMTU, &r));
	CHECK_OK(loopback_ioctl(SIOCGIFTXQLEN, &r));
	queue = r.ifr_qlen;
	r.ifr_qlen = 77;
	CHECK_OK(loopback_ioctl(SIOCSIFTXQLEN, &r));
	CHECK_OK(loopback_ioctl(SIOCGIFTXQLEN, &r));
	CHECK_EQ(r.ifr_qlen, 77);
	r.ifr_qlen = -1;
	CHECK_ERR(loopback_ioctl(SIOCSIFTXQLEN, &r), LKL_EINVAL);
	r.ifr_qlen = queue;
	CHECK_OK(loopback_ioctl(SIOCSIFTXQLEN, &r));
}

/* An interface that is down carries nothing; up again, it does. */
POINT(if_down)
{
	int from = open_socket(LOOPBACK, SOCK_DGRAM), to = bound_socket(LOOPBACK, SOCK_DGRAM);
	struct ifreq r = { 0 };
	long down, lost;
	char buf[4];

	CHECK_OK(loopback_ioctl(SIOCGIFFLAGS, &r));
	r.ifr_flags &= ~IFF_UP;
	down = loopback_ioctl(SIOCSIFFLAGS, &r);
	send_to(from, "x", 1, own_address(to));
	lost = receive(to, buf, sizeof(buf), MSG_DONTWAIT);
	r.ifr_flags |= IFF_UP | IFF_PROMISC | IFF_ALLMULTI;
	CHECK_OK(loopback_ioctl(SIOCSIFFLAGS, &r));
	CHECK_OK(down);
	CHECK_ERR(lost, LKL_EAGAIN);
	r.ifr_flags = 0;
	CHECK_OK(loopback_ioctl(SIOCGIFFLAGS, &r));
	CHECK_EQ(r.ifr_flags & (IFF_UP | IFF_PROMISC | IFF_ALLMULTI), IFF_UP | IFF_PROMISC | IFF_ALLMULTI);
	r.ifr_flags &= ~(IFF_PROMISC | IFF_ALLMULTI);
	CHECK_OK(loopback_ioctl(SIOCSIFFLAGS, &r));
	CHECK_EQ(send_to(from, "up", 2, own_address(to)), 2);
	CHECK_EQ(receive(to, buf, sizeof(buf), 0), 2);
	close_socket(from);
	close_socket(to);
}

/* Multicast addresses of an interface are counted. */
POINT(if_multicast)
{
	struct ifreq r = { .ifr_hwaddr = { AF_UNSPEC, "\1\0\136\1\2\3" } };

	CHECK_OK(need(loopback_ioctl(SIOCADDMULTI, &r), LKL_EINVAL, "multicast addresses of lo"));
	CHECK_OK(loopback_ioctl(SIOCDELMULTI, &r));
	CHECK_ERR(loopback_ioctl(SIOCDELMULTI, &r), LKL_ENOENT);
}

/* A further address has a netmask, a broadcast and a label of its own, and goes with its label. */
POINT(if_alias)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc6336409) };
	struct ifreq r = { .ifr_name = "lo:7" };
	int udp = open_socket(LOOPBACK, SOCK_DGRAM);

	memcpy(&r.ifr_addr, &in, sizeof(in));
	CHECK_OK(loopback_ioctl(SIOCSIFADDR, &r));
	in.sin_addr.s_addr = htonl(0xfffffff0);
	memcpy(&r.ifr_netmask, &in, sizeof(in));
	CHECK_OK(loopback_ioctl(SIOCSIFNETMASK, &r));
	memset(&r.ifr_netmask, 0, sizeof(r.ifr_netmask));
	CHECK_OK(loopback_ioctl(SIOCGIFNETMASK, &r));
	CHECK_EQ(ntohl(((struct sockaddr_in *)&r.ifr_netmask)->sin_addr.s_addr), 0xfffffff0);
	in.sin_addr.s_addr = htonl(0xff00ff00);
	memcpy(&r.ifr_netmask, &in, sizeof(in));
	CHECK_ERR(loopback_ioctl(SIOCSIFNETMASK, &r), LKL_EINVAL);
	CHECK_EQ(send_to(udp, "x", 1, endpoint("198.51.100.9", 9)), 1);
	CHECK_OK(loopback_ioctl(SIOCGIFFLAGS, &r));
	r.ifr_flags &= ~IFF_UP;
	CHECK_OK(loopback_ioctl(SIOCSIFFLAGS, &r));
	CHECK_ERR(loopback_ioctl(SIOCGIFADDR, &r), LKL_EADDRNOTAVAIL);
	close_socket(udp);
}

/* A route by ioctl: added once, deleted once. */
POINT(route_ioctl)
{
	struct sockaddr_in dst = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xcb007100) };
	struct sockaddr_in mask = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xffffff00) };
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = "lo", .rt_metric = 4 };
	int fd = open_socket(LOOPBACK, SOCK_DGRAM);

	memcpy(&route.rt_dst, &dst, sizeof(dst));
	memcpy(&route.rt_genmask, &mask, sizeof(mask));
	CHECK_ERR(connect_to(fd, endpoint("203.0.113.1", 9)), LKL_ENETUNREACH);
	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCADDRT, &route));
	CHECK_ERR(LKLTEST_SYS(ioctl, fd, SIOCADDRT, &route), LKL_EEXIST);
	CHECK_OK(connect_to(fd, endpoint("203.0.113.1", 9)));
	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCDELRT, &route));
	CHECK_ERR(LKLTEST_SYS(ioctl, fd, SIOCDELRT, &route), LKL_ESRCH);
	mask.sin_addr.s_addr = htonl(0xff00ff00);
	memcpy(&route.rt_genmask, &mask, sizeof(mask));
	CHECK_ERR(LKLTEST_SYS(ioctl, fd, SIOCADDRT, &route), LKL_EINVAL);
	close_socket(fd);
}

/* A neighbour by ioctl. */
POINT(arp_ioctl)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f00004d) };
	struct arpreq r = { .arp_flags = ATF_PERM | ATF_COM, .arp_ha = { ARPHRD_LOOPBACK, "\2\0\0\0\0\7" }, .arp_dev = "lo" };
	int fd = open_socket(LOOPBACK, SOCK_DGRAM);

	need_neighbours_of_lo();
	memcpy(&r.arp_pa, &in, sizeof(in));
	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCSARP, &r));
	memset(&r.arp_ha, 0, sizeof(r.arp_ha));
	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCGARP, &r));
	CHECK_MEM_EQ(r.arp_ha.sa_data, "\2\0\0\0\0\7", 6);
	CHECK_EQ(r.arp_flags & ATF_PERM, ATF_PERM);
	CHECK_OK(LKLTEST_SYS(ioctl, fd, SIOCDARP, &r));
	r.arp_pa.sa_family = AF_UNIX;
	CHECK_ERR(LKLTEST_SYS(ioctl, fd, SIOCSARP, &r), LKL_EPFNOSUPPORT);
	close_socket(fd);
}

static long ethtool(void *command)
{
	struct ifreq r = { .ifr_data = command };

	return loopback_ioctl(SIOCETHTOOL, &r);
}

/* ethtool tells lo's features by name, and switches one off and on. */
POINT(ethtool_features)
{
	enum { NAMES = 128, BLOCKS = 4 };
	static struct { struct ethtool_sset_info info; unsigned int count; } sets;
	static struct { struct ethtool_gstrings head; char names[NAMES][ETH_GSTRING_LEN]; } strings;
	static struct { struct ethtool_gfeatures head; struct ethtool_get_features_block blocks[BLOCKS]; } features;
	struct ethtool_value gso = { ETHTOOL_GGSO, 7 }, off = { ETHTOOL_SGSO, 0 }, on = { ETHTOOL_SGSO, 1 };
	unsigned int i, seen = 0;

	sets.info = (struct ethtool_sset_info){ .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES };
	CHECK_OK(ethtool(&sets));
	CHECK_GT(sets.count, 20);
	CHECK_LE(sets.count, NAMES);
	strings.head = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES };
	strings.head.len = sets.count;
	CHECK_OK(ethtool(&strings));
	CHECK_EQ(strings.head.len, sets.count);
	for (i = 0; i < sets.count; i++)
		seen += !strcmp(strings.names[i], "tx-scatter-gather");
	CHECK_EQ(seen, 1);
	features.head = (struct ethtool_gfeatures){ .cmd = ETHTOOL_GFEATURES, .size = BLOCKS };
	CHECK_OK(ethtool(&features));
	CHECK_NE(features.blocks[0].active, 0);
	CHECK_OK(ethtool(&off));
	CHECK_OK(ethtool(&gso));
	CHECK_OK(ethtool(&on));
	CHECK_EQ(gso.data, 0);
	CHECK_OK(ethtool(&gso));
	CHECK_EQ(gso.data, 1);
}

/* ethtool's other questions to lo: the link is up, and it has no driver's rings, registers or EEPROM. */
POINT(ethtool_facts)
{
	struct ethtool_value link = { ETHTOOL_GLINK, 0 }, flags = { ETHTOOL_GFLAGS, 0 }, gso = { ETHTOOL_GGSO, 0 };
	struct ethtool_ts_info stamps = { .cmd = ETHTOOL_GET_TS_INFO };
	struct { struct ethtool_perm_addr head; char address[32]; } permanent = { { ETHTOOL_GPERMADDR, 32 }, "" };
	struct ethtool_cmd settings = { .cmd = ETHTOOL_GSET };
	struct ethtool_regs registers = { .cmd = ETHTOOL_GREGS };
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_value unknown = { 0x7777, 0 };

	CHECK_OK(ethtool(&link));
	CHECK_EQ(link.data, 1);
	CHECK_OK(ethtool(&flags));
	CHECK_OK(ethtool(&gso));
	CHECK_EQ(gso.data, 1);
	CHECK_OK(ethtool(&stamps));
	CHECK_EQ(stamps.phc_index, -1);
	CHECK_OK(ethtool(&permanent));
	CHECK_EQ(permanent.head.size, 6);
	CHECK_ERR(ethtool(&settings), LKL_EOPNOTSUPP);
	CHECK_ERR(ethtool(&registers), LKL_EOPNOTSUPP);
	CHECK_ERR(ethtool(&rings), LKL_EOPNOTSUPP);
	CHECK_ERR(ethtool(&unknown), LKL_EOPNOTSUPP);
}

/* Asks a file of lo's in sysfs. */
static const char *loopback_file(const char *name, char *buf, size_t size)
{
	char path[128];

	need_sys_at();
	snprintf(path, sizeof(path), NEED_SYS "/class/net/lo/%s", name);
	need_file(path, buf, size);
	buf[strcspn(buf, "\n")] = 0;
	return buf;
}

/* sysfs shows lo as it is, and sets its MTU. */
POINT(sysfs_link)
{
	static const char *const facts[][2] = {
		{ "ifindex", "1" }, { "type", "772" }, { "addr_len", "6" }, { "address", "00:00:00:00:00:00" },
		{ "broadcast", "00:00:00:00:00:00" }, { "carrier", "1" }, { "dormant", "0" }, { "operstate", "unknown" },
		{ "iflink", "1" }, { "link_mode", "0" }, { "dev_id", "0x0" }, { "dev_port", "0" }, { "netdev_group", "0" },
		{ "proto_down", "0" }, { "carrier_changes", "0" },
	};
	char before[64], now[64];
	unsigned long flags;
	size_t i;

	for (i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		CHECK_STR_EQ(loopback_file(facts[i][0], now, sizeof(now)), facts[i][1]);
	flags = strtoul(loopback_file("flags", now, sizeof(now)), NULL, 16);
	CHECK_EQ(flags & (IFF_UP | IFF_LOOPBACK), IFF_UP | IFF_LOOPBACK);
	CHECK_GT(strtoul(loopback_file("statistics/tx_bytes", now, sizeof(now)), NULL, 10), 0);
	loopback_file("mtu", before, sizeof(before));
	CHECK_EQ(need_write(NEED_SYS "/class/net/lo/mtu", "3000"), 4);
	CHECK_STR_EQ(loopback_file("mtu", now, sizeof(now)), "3000");
	CHECK_ERR(need_write(NEED_SYS "/class/net/lo/mtu", "many"), LKL_EINVAL);
	CHECK_OK(need_write(NEED_SYS "/class/net/lo/mtu", before));
	CHECK_EQ(need_write(NEED_SYS "/class/net/lo/ifalias", "alias"), 5);
	CHECK_STR_EQ(loopback_file("ifalias", now, sizeof(now)), "alias");
	CHECK_OK(need_write(NEED_SYS "/class/net/lo/ifalias", "\n"));
}

#endif
