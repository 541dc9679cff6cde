/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about netlink sockets, generic netlink, and links as the routing socket shows them. */
#ifndef NET_NETLINK_INC_C
#define NET_NETLINK_INC_C

#include "netlink.h"

#include <linux/genetlink.h>

#define LINK sizeof(struct ifinfomsg)

static const struct ifinfomsg any_link, loopback_link = { .ifi_index = 1 };

/* The kernel's description of lo. */
struct link_seen {
	int found;
	unsigned int mtu, flags, queue;
};

static void see_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const struct rtattr *name = attribute(h, LINK, IFLA_IFNAME);
	struct link_seen *seen = arg;

	CHECK_EQ(h->nlmsg_type, RTM_NEWLINK);
	CHECK(name);
	if (strcmp(RTA_DATA(name), "lo"))
		return;
	seen->found++;
	CHECK_EQ(link->ifi_index, 1);
	CHECK_EQ(link->ifi_type, 772 /* ARPHRD_LOOPBACK */);
	seen->flags = link->ifi_flags;
	seen->mtu = attribute_number(h, LINK, IFLA_MTU);
	seen->queue = attribute_number(h, LINK, IFLA_TXQLEN);
	CHECK(attribute(h, LINK, IFLA_STATS));
	CHECK(attribute(h, LINK, IFLA_ADDRESS));
}

static struct link_seen loopback_seen(void)
{
	struct request r = request(RTM_GETLINK, 0, &any_link, LINK);
	struct link_seen seen = { 0 };

	CHECK_GE(dump_route(r, see_link, &seen), 1);
	CHECK_EQ(seen.found, 1);
	return seen;
}

/* The dump of all links has lo, with its flags. */
POINT(link_dump)
{
	struct link_seen seen = loopback_seen();

	CHECK_EQ(seen.flags & 9, 9 /* IFF_UP, IFF_LOOPBACK */);
	CHECK_GE(seen.mtu, 16436);
}

/* One link by its name, and an error for a name that there is not. */
POINT(link_by_name)
{
	struct request r = request(RTM_GETLINK, 0, &any_link, LINK), no = request(RTM_GETLINK, 0, &any_link, LINK);
	int fd = open_netlink(NETLINK_ROUTE, 0);
	struct link_seen seen = { 0 };

	put_string(&r, IFLA_IFNAME, "lo");
	put_string(&no, IFLA_IFNAME, "nothing0");
	send_request(fd, &r);
	see_link(receive_netlink(fd), &seen);
	CHECK_EQ(seen.found, 1);
	CHECK_EQ(acknowledged(fd, &no), -ENODEV);
	close_socket(fd);
}

static int set_link(int attribute, unsigned int value)
{
	struct request r = request(RTM_NEWLINK, 0, &loopback_link, LINK);

	put_number(&r, attribute, value);
	return route_request(&r);
}

/* A link's MTU and queue length are set, and read back. */
POINT(link_set)
{
	struct link_seen before = loopback_seen(), after;

	CHECK_EQ(set_link(IFLA_MTU, 9000), 0);
	CHECK_EQ(set_link(IFLA_TXQLEN, 123), 0);
	after = loopback_seen();
	CHECK_EQ(set_link(IFLA_MTU, before.mtu), 0);
	CHECK_EQ(set_link(IFLA_TXQLEN, before.queue), 0);
	CHECK_EQ(after.mtu, 9000);
	CHECK_EQ(after.queue, 123);
	CHECK_EQ(loopback_seen().mtu, before.mtu);
}

/* A link has an alias and a group of its own. */
POINT(link_alias)
{
	struct request r = request(RTM_NEWLINK, 0, &loopback_link, LINK), get = request(RTM_GETLINK, 0, &loopback_link, LINK);
	int fd = open_netlink(NETLINK_ROUTE, 0);
	const struct rtattr *alias;
	struct nlmsghdr *h;

	put_string(&r, IFLA_IFALIAS, "an alias");
	put_number(&r, IFLA_GROUP, 5);
	CHECK_EQ(acknowledged(fd, &r), 0);
	send_request(fd, &get);
	h = receive_netlink(fd);
	alias = attribute(h, LINK, IFLA_IFALIAS);
	CHECK(alias);
	CHECK_STR_EQ(RTA_DATA(alias), "an alias");
	CHECK_EQ(attribute_number(h, LINK, IFLA_GROUP), 5);
	close_socket(fd);
	CHECK_EQ(set_link(IFLA_GROUP, 0), 0);
}

/* Links that cannot be made are refused, each for its own reason. */
POINT(link_refused)
{
	struct request r = request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &loopback_link, LINK);
	struct request unknown = request(RTM_NEWLINK, NLM_F_CREATE, &any_link, LINK);
	struct request delete = request(RTM_DELLINK, 0, &loopback_link, LINK);
	struct rtattr kind[3] = { { RTA_LENGTH(6), 1 } };

	CHECK_EQ(route_request(&r), -EEXIST);
	memcpy(RTA_DATA(kind), "nosuch", 6);
	put_attribute(&unknown, IFLA_LINKINFO, kind, sizeof(kind));
	CHECK_EQ(route_request(&unknown), -EOPNOTSUPP);
	CHECK_EQ(route_request(&delete), -EOPNOTSUPP);
	CHECK_LT(set_link(IFLA_MASTER, 12345), 0);
}

/* Statistics of a link grow with its traffic. */
POINT(link_statistics)
{
	struct request r = request(RTM_GETLINK, 0, &loopback_link, LINK);
	struct rtnl_link_stats before, after;
	int fd = open_netlink(NETLINK_ROUTE, 0), udp = open_socket(LOOPBACK, SOCK_DGRAM), i;

	for (i = 0; i < 2; i++) {
		const struct rtattr *stats;

		send_request(fd, &r);
		stats = attribute(receive_netlink(fd), LINK, IFLA_STATS);
		CHECK(stats);
		memcpy(i ? &after : &before, RTA_DATA(stats), sizeof(before));
		CHECK_EQ(send_to(udp, "counted", 7, endpoint(LOOPBACK, 9)), 7);
	}
	CHECK_GT(after.tx_packets, before.tx_packets);
	CHECK_GE(after.rx_bytes, before.rx_bytes + 28 + 7);
	close_socket(fd);
	close_socket(udp);
}

/* Requests that make no sense get an error each, and the socket still works. */
POINT(netlink_errors)
{
	struct rtgenmsg inet = { .rtgen_family = AF_INET };
	struct request unknown = request(RTM_MAX + 1, 0, &any_link, LINK), small = request(RTM_NEWADDR, 0, &inet, 1);
	struct request none = request(NLMSG_NOOP, 0, &any_link, LINK);
	int fd = open_netlink(NETLINK_ROUTE, 0);
	struct sockaddr_nl self;
	int len = sizeof(self);

	CHECK_EQ(acknowledged(fd, &unknown), -EOPNOTSUPP);
	CHECK_EQ(acknowledged(fd, &small), -EINVAL);
	CHECK_EQ(acknowledged(fd, &none), 0);
	CHECK_ERR(traffic_socket(AF_NETLINK, SOCK_STREAM, 0), LKL_ESOCKTNOSUPPORT);
	CHECK_ERR(traffic_socket(AF_NETLINK, SOCK_RAW, 31), LKL_EPROTONOSUPPORT);
	CHECK_OK(LKLTEST_SYS(getsockname, fd, &self, &len));
	CHECK_EQ(self.nl_family, AF_NETLINK);
	CHECK_NE(self.nl_pid, 0);
	CHECK_ERR(LKLTEST_SYS(bind, open_netlink(NETLINK_ROUTE, 0), &self, sizeof(self)), LKL_EINVAL);
	CHECK_OK(connect_to(fd, own_address(fd)));
	close_socket(fd);
}

/* A subscriber of a group hears of each change, from where it came, and not after it has left. */
POINT(netlink_groups)
{
	int fd = open_netlink(NETLINK_ROUTE, 0), groups[4] = { 0 };
	struct link_seen before = loopback_seen(), seen = { 0 };

	CHECK_OK(set_option(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK));
	CHECK_OK(set_option(fd, SOL_NETLINK, NETLINK_PKTINFO, 1));
	CHECK_EQ(get_option(fd, SOL_NETLINK, NETLINK_PKTINFO), 1);
	CHECK_OK(set_option(fd, SOL_NETLINK, NETLINK_BROADCAST_ERROR, 1));
	CHECK_OK(set_option(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1));
	CHECK_GT(get_bytes(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, &groups, sizeof(groups)), 0);
	CHECK_EQ(groups[0], 1 << (RTNLGRP_LINK - 1));
	CHECK_EQ(set_link(IFLA_MTU, 20000), 0);
	while (seen.mtu != 20000)
		see_link(receive_netlink(fd), &seen);
	while (receive(fd, nl_buffer, sizeof(nl_buffer), MSG_DONTWAIT) > 0)
		;
	CHECK_OK(set_option(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, RTNLGRP_LINK));
	CHECK_EQ(set_link(IFLA_MTU, before.mtu), 0);
	CHECK_ERR(receive(fd, nl_buffer, sizeof(nl_buffer), MSG_DONTWAIT), LKL_EAGAIN);
	CHECK_ERR(set_option(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 9999), LKL_EINVAL);
	close_socket(fd);
}

/* Messages go from one socket to another, by its number. */
POINT(netlink_unicast)
{
	int a = open_netlink(NETLINK_USERSOCK, 0), b = open_netlink(NETLINK_USERSOCK, 0), len = sizeof(struct sockaddr_nl);
	struct sockaddr_nl to = { 0 }, from = { 0 };
	char buf[16];

	CHECK_OK(LKLTEST_SYS(getsockname, b, &to, &len));
	CHECK_EQ(LKLTEST_SYS(sendto, a, "to you", 6, 0, &to, sizeof(to)), 6);
	CHECK_EQ(LKLTEST_SYS(recvfrom, b, buf, sizeof(buf), 0, &from, &len), 6);
	CHECK_MEM_EQ(buf, "to you", 6);
	CHECK_OK(LKLTEST_SYS(getsockname, a, &to, &len));
	CHECK_EQ(from.nl_pid, to.nl_pid);
	to.nl_pid = 0x7ffffff;
	CHECK_ERR(LKLTEST_SYS(sendto, a, "nobody", 6, 0, &to, sizeof(to)), LKL_ECONNREFUSED);
	close_socket(a);
	close_socket(b);
}

/* An event of a device reaches a listener, as text. */
POINT(netlink_uevent)
{
	static const char want[] = "change@/devices/virtual/net/lo";
	int fd = open_netlink(NETLINK_KOBJECT_UEVENT, 1);

	need_sys_at();
	CHECK_EQ(need_write(NEED_SYS "/class/net/lo/uevent", "change"), 6);
	CHECK_GT(receive(fd, nl_buffer, sizeof(nl_buffer), 0), sizeof(want));
	CHECK_STR_EQ(nl_buffer, want);
	CHECK(memmem(nl_buffer, 512, "INTERFACE=lo", 13));
	close_socket(fd);
}

#define GENL sizeof(struct genlmsghdr)

/* The number of a generic netlink family. */
static int genl_family(int fd, const char *name)
{
	struct genlmsghdr get = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct request r = request(GENL_ID_CTRL, 0, &get, GENL);
	const struct nlmsghdr *h;

	put_string(&r, CTRL_ATTR_FAMILY_NAME, name);
	send_request(fd, &r);
	h = receive_netlink(fd);
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
	return *(const unsigned short *)RTA_DATA(attribute(h, GENL, CTRL_ATTR_FAMILY_ID));
}

/* Generic netlink lists its families, and knows itself. */
POINT(generic_netlink)
{
	struct genlmsghdr get = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 }, bad = { .cmd = 200 };
	struct request all = request(GENL_ID_CTRL, 0, &get, GENL), wrong = request(GENL_ID_CTRL, 0, &bad, GENL);
	int fd = open_netlink(NETLINK_GENERIC, 0);

	CHECK_EQ(genl_family(fd, "nlctrl"), GENL_ID_CTRL);
	CHECK_EQ(genl_family(fd, "nonsense"), -ENOENT);
	CHECK_GE(dump(fd, &all, NULL, NULL), 1);
	CHECK_EQ(acknowledged(fd, &wrong), -EOPNOTSUPP);
	close_socket(fd);
}

enum { METRICS_GET = 1, METRICS_DEL = 2, METRICS_ADDRESS = 1 };

static void count_metrics(const struct nlmsghdr *h, void *arg)
{
	if (attribute_is(h, GENL, METRICS_ADDRESS, LOOPBACK))
		++*(int *)arg;
}

/* TCP's metrics of an address are kept after the connection, until they are deleted. */
POINT(tcp_metrics)
{
	struct genlmsghdr get = { .cmd = METRICS_GET, .version = 1 }, delete = { .cmd = METRICS_DEL, .version = 1 };
	int fd = open_netlink(NETLINK_GENERIC, 0), family = genl_family(fd, "tcp_metrics"), found = 0;
	struct connection c = connection(LOOPBACK);
	struct request all = request(family, 0, &get, GENL), one = request(family, 0, &get, GENL);
	struct request flush = request(family, 0, &delete, GENL);
	char buf[4];

	CHECK_OK(family);
	CHECK_EQ(send_bytes(c.client, "abc", 3, 0), 3);
	CHECK_EQ(receive(c.server, buf, 3, MSG_WAITALL), 3);
	CHECK_OK(lkl_sys_shutdown(c.client, SHUT_RDWR));
	CHECK_EQ(receive(c.server, buf, 3, 0), 0);
	close_connection(c);
	CHECK_GE(dump(fd, &all, count_metrics, &found), 1);
	CHECK_GE(found, 1);
	put_address(&one, METRICS_ADDRESS, LOOPBACK);
	send_request(fd, &one);
	CHECK(attribute_is(receive_netlink(fd), GENL, METRICS_ADDRESS, LOOPBACK));
	CHECK_EQ(acknowledged(fd, &flush), 0);
	CHECK_EQ(acknowledged(fd, &one), -ESRCH);
	close_socket(fd);
}

#endif
