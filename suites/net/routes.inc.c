/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about addresses, routes, rules and neighbours, as the routing socket sets them. */
#ifndef NET_ROUTES_INC_C
#define NET_ROUTES_INC_C

#include "netlink.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>

#define ADDRESS sizeof(struct ifaddrmsg)
#define ROUTE sizeof(struct rtmsg)
#define NEIGHBOUR sizeof(struct ndmsg)

/* An address of lo: a request to add or delete it. */
static struct request address_request(int type, int flags, const char *address, int prefix)
{
	int family = endpoint(address, 0).any.sa_family;
	struct ifaddrmsg m = { .ifa_family = family, .ifa_prefixlen = prefix, .ifa_index = 1, .ifa_flags = IFA_F_NODAD };
	struct request r = request(type, flags, &m, sizeof(m));

	put_address(&r, IFA_LOCAL, address);
	put_address(&r, IFA_ADDRESS, address);
	return r;
}

struct wanted {
	const char *address;
	int head, attribute, found, prefix;
};

static void find_address(const struct nlmsghdr *h, void *arg)
{
	struct wanted *w = arg;

	if (attribute_is(h, w->head, w->attribute, w->address))
		w->found++;
}

/* How often an address is in the dump of addresses. */
static int addresses(const char *address)
{
	struct ifaddrmsg all = { .ifa_family = endpoint(address, 0).any.sa_family };
	struct wanted w = { .address = address, .head = ADDRESS, .attribute = IFA_ADDRESS };

	dump_route(request(RTM_GETADDR, 0, &all, ADDRESS), find_address, &w);
	return w.found;
}

static void add_and_delete(const char *address, int prefix)
{
	struct request add = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, prefix);
	struct request delete = address_request(RTM_DELADDR, 0, address, prefix);
	struct endpoint e = endpoint(address, 0);
	int fd = open_socket(address, SOCK_DGRAM), tries = 0;
	long err;

	CHECK_EQ(addresses(address), 0);
	CHECK_ERR(lkl_sys_bind(fd, (void *)&e.any, e.len), LKL_EADDRNOTAVAIL);
	CHECK_EQ(route_request(&add), 0);
	CHECK_EQ(route_request(&add), -EEXIST);
	CHECK_EQ(addresses(address), 1);
	/* One of IPv6 is tentative at first. */
	while ((err = lkl_sys_bind(fd, (void *)&e.any, e.len)) == -LKL_EADDRNOTAVAIL && tries++ < 1000)
		pause_ms(10);
	CHECK_OK(err);
	CHECK_EQ(route_request(&delete), 0);
	CHECK_EQ(route_request(&delete), -EADDRNOTAVAIL);
	CHECK_EQ(addresses(address), 0);
	close_socket(fd);
}

/* An address that is added can be bound to; it is in the dump until it is deleted. */
POINT(address_add)
{
	add_and_delete("198.51.100.5", 32);
	add_and_delete("198.51.100.5", 24);
}

/* The same of IPv6. */
POINT(address_add_ipv6)
{
	traffic_need_ipv6();
	add_and_delete("2001:db8::5", 128);
	add_and_delete("2001:db8::5", 64);
}

/* Of two addresses of one network the later is secondary, and goes with the first one. */
POINT(address_secondary)
{
	struct request first = address_request(RTM_NEWADDR, NLM_F_CREATE, "198.51.100.5", 24);
	struct request second = address_request(RTM_NEWADDR, NLM_F_CREATE, "198.51.100.6", 24);
	struct request delete = address_request(RTM_DELADDR, 0, "198.51.100.5", 24);

	CHECK_EQ(route_request(&first), 0);
	CHECK_EQ(route_request(&second), 0);
	CHECK_EQ(addresses("198.51.100.6"), 1);
	CHECK_EQ(route_request(&delete), 0);
	CHECK_EQ(addresses("198.51.100.6"), 0);
}

/* An address with a label, a broadcast address and a lifetime has them in the dump. */
POINT(address_lifetime)
{
	struct request add = address_request(RTM_NEWADDR, NLM_F_CREATE, "198.51.100.9", 24);
	struct request delete = address_request(RTM_DELADDR, 0, "198.51.100.9", 24);
	struct ifa_cacheinfo life = { .ifa_prefered = 1000, .ifa_valid = 2000 };
	struct ifaddrmsg all = { .ifa_family = AF_INET };
	struct wanted label = { .address = "198.51.100.255", .head = ADDRESS, .attribute = IFA_BROADCAST };
	struct request shorter;

	put_string(&add, IFA_LABEL, "lo:life");
	put_address(&add, IFA_BROADCAST, "198.51.100.255");
	put_attribute(&add, IFA_CACHEINFO, &life, sizeof(life));
	CHECK_EQ(route_request(&add), 0);
	dump_route(request(RTM_GETADDR, 0, &all, ADDRESS), find_address, &label);
	CHECK_EQ(label.found, 1);
	shorter = address_request(RTM_NEWADDR, NLM_F_REPLACE, "198.51.100.9", 24);
	life.ifa_prefered = 3000;		/* longer than it is valid */
	put_attribute(&shorter, IFA_CACHEINFO, &life, sizeof(life));
	CHECK_EQ(route_request(&shorter), -EINVAL);
	CHECK_EQ(route_request(&delete), 0);
}

/* A request to add or delete a route to a network. */
static struct request route(int type, int flags, int kind, const char *network, int prefix)
{
	struct rtmsg m = {
		.rtm_family = endpoint(network, 0).any.sa_family, .rtm_dst_len = prefix, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC, .rtm_scope = kind == RTN_UNICAST ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = kind,
	};
	struct request r = request(type, flags, &m, ROUTE);

	put_address(&r, RTA_DST, network);
	if (kind == RTN_UNICAST)
		put_number(&r, RTA_OIF, 1);
	return r;
}

static long udp_connect_error(const char *address)
{
	int fd = open_socket(address, SOCK_DGRAM);
	long err = connect_to(fd, endpoint(address, 7));

	close_socket(fd);
	return err;
}

static void check_refusing_route(int kind, const char *network, const char *address, int prefix, int error)
{
	struct request add = route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, kind, network, prefix);
	struct request delete = route(RTM_DELROUTE, 0, kind, network, prefix);

	CHECK_ERR(udp_connect_error(address), LKL_ENETUNREACH);
	CHECK_EQ(route_request(&add), 0);
	CHECK_EQ(route_request(&add), -EEXIST);
	CHECK_ERR(udp_connect_error(address), error);
	CHECK_EQ(route_request(&delete), 0);
	CHECK_EQ(route_request(&delete), -ESRCH);
	CHECK_ERR(udp_connect_error(address), LKL_ENETUNREACH);
}

/* Routes that refuse say why. */
POINT(route_refuses)
{
	check_refusing_route(RTN_BLACKHOLE, "203.0.113.0", "203.0.113.7", 24, LKL_EINVAL);
	check_refusing_route(RTN_UNREACHABLE, "203.0.113.0", "203.0.113.7", 24, LKL_EHOSTUNREACH);
	check_refusing_route(RTN_PROHIBIT, "203.0.113.0", "203.0.113.7", 24, LKL_EACCES);
}

/* The same of IPv6. */
POINT(route_refuses_ipv6)
{
	traffic_need_ipv6();
	check_refusing_route(RTN_BLACKHOLE, "2001:db8:1::", "2001:db8:1::7", 48, LKL_EINVAL);
	check_refusing_route(RTN_PROHIBIT, "2001:db8:1::", "2001:db8:1::7", 48, LKL_EACCES);
}

/* Asks which route leads to an address. */
static struct nlmsghdr *route_to(int fd, const char *address)
{
	struct rtmsg m = { .rtm_family = endpoint(address, 0).any.sa_family, .rtm_dst_len = strchr(address, ':') ? 128 : 32 };
	struct request r = request(RTM_GETROUTE, 0, &m, ROUTE);

	put_address(&r, RTA_DST, address);
	send_request(fd, &r);
	return receive_netlink(fd);
}

/* The kernel finds the longest prefix, its preferred source and its metrics. */
POINT(route_lookup)
{
	struct request wide = route(RTM_NEWROUTE, NLM_F_CREATE, RTN_UNICAST, "203.0.0.0", 16);
	struct request narrow = route(RTM_NEWROUTE, NLM_F_CREATE, RTN_UNICAST, "203.0.113.0", 24);
	struct request d1 = route(RTM_DELROUTE, 0, RTN_UNICAST, "203.0.0.0", 16);
	struct request d2 = route(RTM_DELROUTE, 0, RTN_UNICAST, "203.0.113.0", 24);
	struct { struct rtattr head; unsigned int mtu; } metrics = { { RTA_LENGTH(4), RTAX_MTU }, 1234 };
	int fd = open_netlink(NETLINK_ROUTE, 0), udp = open_socket(LOOPBACK, SOCK_DGRAM);

	put_address(&wide, RTA_PREFSRC, "127.0.0.7");
	put_address(&narrow, RTA_PREFSRC, "127.0.0.8");
	put_attribute(&narrow, RTA_METRICS, &metrics, sizeof(metrics));
	put_number(&narrow, RTA_PRIORITY, 5);
	CHECK_EQ(acknowledged(fd, &wide), 0);
	CHECK_EQ(acknowledged(fd, &narrow), 0);
	CHECK(attribute_is(route_to(fd, "203.0.1.1"), ROUTE, RTA_PREFSRC, "127.0.0.7"));
	CHECK(attribute_is(route_to(fd, "203.0.113.1"), ROUTE, RTA_PREFSRC, "127.0.0.8"));
	CHECK_EQ(attribute_number((void *)nl_buffer, ROUTE, RTA_OIF), 1);
	CHECK_OK(connect_to(udp, endpoint("203.0.113.1", 7)));
	CHECK_EQ(get_option(udp, IPPROTO_IP, IP_MTU), 1234);
	CHECK_EQ(ntohl(own_address(udp).v4.sin_addr.lkl_s_addr), 0x7f000008);
	CHECK_EQ(acknowledged(fd, &d1), 0);
	CHECK_EQ(acknowledged(fd, &d2), 0);
	close_socket(fd);
	close_socket(udp);
}

/* Of routes to one network the one with the least metric counts; a route is replaced. */
POINT(route_priority)
{
	struct request far = route(RTM_NEWROUTE, NLM_F_CREATE, RTN_UNREACHABLE, "203.0.113.0", 24);
	struct request near = route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, RTN_PROHIBIT, "203.0.113.0", 24);
	struct request other = route(RTM_NEWROUTE, NLM_F_REPLACE, RTN_BLACKHOLE, "203.0.113.0", 24);
	struct request delete = route(RTM_DELROUTE, 0, RTN_BLACKHOLE, "203.0.113.0", 24);
	struct request rest = route(RTM_DELROUTE, 0, RTN_UNREACHABLE, "203.0.113.0", 24);

	put_number(&far, RTA_PRIORITY, 20);
	put_number(&near, RTA_PRIORITY, 10);
	put_number(&other, RTA_PRIORITY, 10);
	CHECK_EQ(route_request(&far), 0);
	CHECK_ERR(udp_connect_error("203.0.113.1"), LKL_EHOSTUNREACH);
	CHECK_EQ(route_request(&near), 0);
	CHECK_ERR(udp_connect_error("203.0.113.1"), LKL_EACCES);
	CHECK_EQ(route_request(&other), 0);
	CHECK_ERR(udp_connect_error("203.0.113.1"), LKL_EINVAL);
	CHECK_EQ(route_request(&delete), 0);
	CHECK_ERR(udp_connect_error("203.0.113.1"), LKL_EHOSTUNREACH);
	CHECK_EQ(route_request(&rest), 0);
}

static void count_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = NLMSG_DATA(h);

	if (m->rtm_protocol == RTPROT_STATIC && m->rtm_dst_len == 32)
		++*(int *)arg;
}

/* Hundreds of routes are found, dumped and deleted again. */
POINT(route_many)
{
	enum { MANY = 400 };
	struct rtmsg all = { .rtm_family = AF_INET };
	int fd = open_netlink(NETLINK_ROUTE, 0), i, found = 0;
	struct request r;
	char address[32];

	for (i = 0; i < MANY; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.%d", i % 7, i / 7, i * 5 % 256);
		r = route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, RTN_PROHIBIT, address, 32);
		CHECK_EQ(acknowledged(fd, &r), 0);
	}
	CHECK_GE(dump_route(request(RTM_GETROUTE, 0, &all, ROUTE), count_route, &found), MANY);
	CHECK_EQ(found, MANY);
	CHECK_ERR(udp_connect_error(address), LKL_EACCES);
	for (i = 0; i < MANY; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.%d", i % 7, i / 7, i * 5 % 256);
		r = route(RTM_DELROUTE, 0, RTN_PROHIBIT, address, 32);
		CHECK_EQ(acknowledged(fd, &r), 0);
	}
	CHECK_ERR(udp_connect_error(address), LKL_ENETUNREACH);
	close_socket(fd);
}

/* Thousands of routes, each with a metric of its own, are in the dump, and are found and deleted by their metrics. */
POINT(route_thousands)
{
	enum { MANY = 4000, SOME = 100 };
	struct rtmsg all = { .rtm_family = AF_INET };
	int fd = open_netlink(NETLINK_ROUTE, 0), i, found = 0;
	struct request r;
	char address[32];

	for (i = 0; i < MANY; i++) {
		snprintf(address, sizeof(address), "10.1.%d.%d", i / 256, i % 256);
		r = route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, RTN_UNICAST, address, 32);
		put_number(&r, RTA_PRIORITY, i + 1);
		CHECK_EQ(acknowledged(fd, &r), 0);
	}
	dump_route(request(RTM_GETROUTE, 0, &all, ROUTE), count_route, &found);
	CHECK_EQ(found, MANY);
	for (i = 0; i < MANY; i++) {
		snprintf(address, sizeof(address), "10.1.%d.%d", i / 256, i % 256);
		r = route(RTM_DELROUTE, 0, RTN_UNICAST, address, 32);
		put_number(&r, RTA_PRIORITY, i % SOME ? i + 1 : MANY + 1);
		CHECK_EQ(acknowledged(fd, &r), i % SOME ? 0 : -ESRCH);
	}
	found = 0;
	dump_route(request(RTM_GETROUTE, 0, &all, ROUTE), count_route, &found);
	CHECK_EQ(found, MANY / SOME);
	for (i = 0; i < MANY; i += SOME) {
		snprintf(address, sizeof(address), "10.1.%d.%d", i / 256, i % 256);
		r = route(RTM_DELROUTE, 0, RTN_UNICAST, address, 32);
		CHECK_EQ(acknowledged(fd, &r), 0);
	}
	close_socket(fd);
}

/* A route over two ways has both. */
POINT(route_multipath)
{
	struct request r = route(RTM_NEWROUTE, NLM_F_CREATE, RTN_UNREACHABLE, "203.0.113.0", 24);
	struct rtnexthop hops[2] = { { sizeof(*hops), 0, 1, 1 }, { sizeof(*hops), 0, 3, 1 } };
	int fd = open_netlink(NETLINK_ROUTE, 0), err;
	struct rtmsg *m = (void *)r.body;

	m->rtm_type = RTN_UNICAST;
	m->rtm_scope = RT_SCOPE_LINK;
	put_attribute(&r, RTA_MULTIPATH, hops, sizeof(hops));
	err = acknowledged(fd, &r);
	if (err == -EINVAL || err == -EOPNOTSUPP)
		lkltest_skip("this kernel lacks CONFIG_IP_ROUTE_MULTIPATH");
	CHECK_EQ(err, 0);
	CHECK_EQ(attribute_number(route_to(fd, "203.0.113.9"), ROUTE, RTA_OIF), 1);
	r = route(RTM_DELROUTE, 0, RTN_UNICAST, "203.0.113.0", 24);
	((struct rtmsg *)r.body)->rtm_scope = RT_SCOPE_NOWHERE;
	CHECK_EQ(acknowledged(fd, &r), 0);
	close_socket(fd);
}

/* Routes of IPv6 are in its dump, with what they were given. */
POINT(route_ipv6)
{
	struct request add = route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, RTN_UNICAST, "2001:db8:2::", 48);
	struct request delete = route(RTM_DELROUTE, 0, RTN_UNICAST, "2001:db8:2::", 48);
	struct wanted w = { .address = "2001:db8:2::", .head = ROUTE, .attribute = RTA_DST };
	struct rtmsg all = { .rtm_family = AF_INET6 };
	int fd;

	traffic_need_ipv6();
	fd = open_netlink(NETLINK_ROUTE, 0);
	put_number(&add, RTA_PRIORITY, 77);
	CHECK_EQ(acknowledged(fd, &add), 0);
	CHECK_EQ(acknowledged(fd, &add), -EEXIST);
	dump_route(request(RTM_GETROUTE, 0, &all, ROUTE), find_address, &w);
	CHECK_EQ(w.found, 1);
	CHECK_EQ(attribute_number(route_to(fd, "2001:db8:2::1"), ROUTE, RTA_OIF), 1);
	CHECK_EQ(acknowledged(fd, &delete), 0);
	w.found = 0;
	dump_route(request(RTM_GETROUTE, 0, &all, ROUTE), find_address, &w);
	CHECK_EQ(w.found, 0);
	close_socket(fd);
}

/* Dumps of what IPv6 keeps of multicast and anycast addresses, and of its labels. */
POINT(dumps_ipv6)
{
	struct ifaddrmsg six = { .ifa_family = AF_INET6 };
	struct rtgenmsg labels = { .rtgen_family = AF_INET6 };

	traffic_need_ipv6();
	CHECK_GE(dump_route(request(RTM_GETMULTICAST, 0, &six, ADDRESS), NULL, NULL), 1);
	CHECK_GE(dump_route(request(RTM_GETANYCAST, 0, &six, ADDRESS), NULL, NULL), 0);
	CHECK_GE(dump_route(request(RTM_GETADDRLABEL, 0, &labels, sizeof(labels)), NULL, NULL), 5);
}

/* Packets with a mark go by a rule to a table of their own. */
POINT(rule_by_mark)
{
	struct fib_rule_hdr h = { .family = AF_INET, .table = 100, .action = FR_ACT_TO_TBL };
	struct request rule = request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h)), remove;
	struct request in_table = route(RTM_NEWROUTE, NLM_F_CREATE, RTN_PROHIBIT, "203.0.113.0", 24), delete = in_table;
	int udp = open_socket(LOOPBACK, SOCK_DGRAM), err;

	put_number(&rule, FRA_FWMARK, 42);
	put_number(&rule, FRA_PRIORITY, 1000);
	remove = rule;
	remove.header.nlmsg_type = RTM_DELRULE;
	remove.header.nlmsg_flags = NLM_F_REQUEST;
	err = route_request(&rule);
	if (err == -EOPNOTSUPP)
		lkltest_skip("this kernel lacks CONFIG_IP_MULTIPLE_TABLES");
	CHECK_EQ(err, 0);
	CHECK_GE(dump_route(request(RTM_GETRULE, 0, &h, sizeof(h)), NULL, NULL), 4);
	((struct rtmsg *)in_table.body)->rtm_table = 100;
	((struct rtmsg *)delete.body)->rtm_table = 100;
	delete.header.nlmsg_type = RTM_DELROUTE;
	CHECK_EQ(route_request(&in_table), 0);
	CHECK_ERR(udp_connect_error("203.0.113.1"), LKL_ENETUNREACH);
	CHECK_OK(set_option(udp, SOL_SOCKET, SO_MARK, 42));
	CHECK_ERR(connect_to(udp, endpoint("203.0.113.1", 7)), LKL_EACCES);
	CHECK_EQ(route_request(&delete), 0);
	CHECK_EQ(route_request(&remove), 0);
	close_socket(udp);
}

/* A request about a neighbour on lo. */
static struct request neighbour(int type, int flags, const char *address, int state, const char *hardware)
{
	struct ndmsg m = { .ndm_family = endpoint(address, 0).any.sa_family, .ndm_ifindex = 1, .ndm_state = state };
	struct request r = request(type, flags, &m, NEIGHBOUR);

	put_address(&r, NDA_DST, address);
	if (hardware)
		put_attribute(&r, NDA_LLADDR, hardware, 6);
	return r;
}

struct neighbour_seen {
	const char *address;
	int found, state;
	char hardware[6];
};

static void see_neighbour(const struct nlmsghdr *h, void *arg)
{
	const struct rtattr *hardware = attribute(h, NEIGHBOUR, NDA_LLADDR);
	struct neighbour_seen *seen = arg;

	if (!attribute_is(h, NEIGHBOUR, NDA_DST, seen->address))
		return;
	seen->found++;
	seen->state = ((struct ndmsg *)NLMSG_DATA(h))->ndm_state;
	if (hardware)
		memcpy(seen->hardware, RTA_DATA(hardware), 6);
}

static struct neighbour_seen neighbour_seen(const char *address)
{
	struct ndmsg all = { .ndm_family = endpoint(address, 0).any.sa_family };
	struct neighbour_seen seen = { .address = address };

	dump_route(request(RTM_GETNEIGH, 0, &all, NEIGHBOUR), see_neighbour, &seen);
	return seen;
}

/* Skips if lo has one neighbour for all addresses of IPv4: without its hardware address lo would carry nothing. */
static void need_neighbours_of_lo(void)
{
	int fd = open_socket(LOOPBACK, SOCK_DGRAM);

	CHECK_EQ(send_to(fd, "x", 1, endpoint(LOOPBACK, 9)), 1);
	close_socket(fd);
	if (neighbour_seen("0.0.0.0").found)
		lkltest_skip("lo has one neighbour for all addresses of IPv4, since Linux 4.15");
}

static void check_neighbour(const char *address)
{
	struct request add = neighbour(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, address, NUD_PERMANENT, "\2\0\0\0\0\1");
	struct request change = neighbour(RTM_NEWNEIGH, NLM_F_REPLACE, address, NUD_PERMANENT, "\2\0\0\0\0\2");
	struct request delete = neighbour(RTM_DELNEIGH, 0, address, 0, NULL);

	CHECK_EQ(route_request(&add), 0);
	CHECK_EQ(route_request(&add), -EEXIST);
	CHECK_EQ(neighbour_seen(address).found, 1);
	CHECK_EQ(neighbour_seen(address).state, NUD_PERMANENT);
	CHECK_MEM_EQ(neighbour_seen(address).hardware, "\2\0\0\0\0\1", 6);
	CHECK_EQ(route_request(&change), 0);
	CHECK_MEM_EQ(neighbour_seen(address).hardware, "\2\0\0\0\0\2", 6);
	CHECK_EQ(route_request(&delete), 0);
	/* Until nobody uses it, a deleted neighbour may still be there, as failed. */
	CHECK_NE(neighbour_seen(address).state, NUD_PERMANENT);
}

/* A neighbour has the address that it was given last, until it is deleted. */
POINT(neighbours)
{
	need_neighbours_of_lo();
	check_neighbour("127.0.0.77");
}

/* The same of IPv6. */
POINT(neighbours_ipv6)
{
	traffic_need_ipv6();
	check_neighbour("2001:db8::77");
}

/* For a proxied neighbour the kernel keeps an entry of its own kind. */
POINT(neighbour_proxy)
{
	struct request add = neighbour(RTM_NEWNEIGH, NLM_F_CREATE, "203.0.113.5", NUD_PERMANENT, NULL), delete;
	struct ndmsg all = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	struct neighbour_seen seen = { .address = "203.0.113.5" };

	((struct ndmsg *)add.body)->ndm_flags = NTF_PROXY;
	CHECK_EQ(route_request(&add), 0);
	dump_route(request(RTM_GETNEIGH, 0, &all, NEIGHBOUR), see_neighbour, &seen);
	CHECK_EQ(seen.found, 1);
	delete = add;
	delete.header.nlmsg_type = RTM_DELNEIGH;
	CHECK_EQ(route_request(&delete), 0);
	CHECK_EQ(route_request(&delete), -ENOENT);
}

struct table_seen {
	int found;
	unsigned int threshold;
};

static void see_table(const struct nlmsghdr *h, void *arg)
{
	const struct rtattr *name = attribute(h, sizeof(struct ndtmsg), NDTA_NAME);
	struct table_seen *seen = arg;

	if (!name || strcmp(RTA_DATA(name), "arp_cache") || !attribute(h, sizeof(struct ndtmsg), NDTA_CONFIG))
		return;
	seen->found++;
	seen->threshold = attribute_number(h, sizeof(struct ndtmsg), NDTA_THRESH1);
}

/* The table of neighbours has limits, which can be set. */
POINT(neighbour_table)
{
	struct ndtmsg any = { .ndtm_family = AF_INET };
	struct request set = request(RTM_SETNEIGHTBL, 0, &any, sizeof(any)), back = set, bad = set;
	struct table_seen before = { 0 }, after = { 0 };

	dump_route(request(RTM_GETNEIGHTBL, 0, &any, sizeof(any)), see_table, &before);
	CHECK_EQ(before.found, 1);
	put_string(&set, NDTA_NAME, "arp_cache");
	put_number(&set, NDTA_THRESH1, before.threshold + 11);
	CHECK_EQ(route_request(&set), 0);
	dump_route(request(RTM_GETNEIGHTBL, 0, &any, sizeof(any)), see_table, &after);
	CHECK_EQ(after.threshold, before.threshold + 11);
	put_string(&back, NDTA_NAME, "arp_cache");
	put_number(&back, NDTA_THRESH1, before.threshold);
	CHECK_EQ(route_request(&back), 0);
	put_string(&bad, NDTA_NAME, "no_cache");
	CHECK_EQ(route_request(&bad), -ENOENT);
}

#endif
