/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network device of the library's, on whichever of its back ends the
 * arguments name: backend=tap ifname=lkl0 address=10.0.0.2/24 address6=fd00::2/64.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "traffic.h"

typedef struct lkl_netdev *device_create(const char *name, int offload);

/* Under names of our own, for a header may declare them otherwise; NULL where the library lacks one. */
device_create device_create_tap __asm__("lkl_netdev_tap_create") __attribute__((weak));
device_create device_create_pipe __asm__("lkl_netdev_pipe_create") __attribute__((weak));
device_create device_create_macvtap __asm__("lkl_netdev_macvtap_create") __attribute__((weak));
struct lkl_netdev *device_create_raw(const char *name) __asm__("lkl_netdev_raw_create") __attribute__((weak));

/* The value of an argument that must be given. */
LKLTEST_FN const char *device_arg(const char *name)
{
	const char *value = lkltest_arg(name);

	if (!value)
		lkltest_bail_out("the argument %s= is missing", name);
	return value;
}

/* Splits "10.0.0.2/24"; the length of the prefix. */
LKLTEST_FN int device_address(const char *arg, struct endpoint *address)
{
	char text[64];
	char *slash;

	snprintf(text, sizeof(text), "%s", device_arg(arg));
	slash = strchr(text, '/');
	CHECK(slash);
	*slash = 0;
	*address = endpoint(text, 0);
	return atoi(slash + 1);
}

/*
 * A pipe has no borders between frames: two that are read at once would be
 * one. Where its writer says O_DIRECT, it keeps them apart.
 */
LKLTEST_FN void device_keep_frames_apart(const char *names)
{
	const char *sender = strchr(names, '|');
	struct stat fifo, other;
	int fd;

	CHECK(sender);
	CHECK_EQ(stat(sender + 1, &fifo), 0);
	for (fd = 3; fd < 256; fd++)
		if (!fstat(fd, &other) && other.st_dev == fifo.st_dev && other.st_ino == fifo.st_ino)
			CHECK_EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT), 0);
}

/* The device of the arguments; NULL, with the reason on stderr, where its back end cannot make it. */
LKLTEST_FN struct lkl_netdev *device_open(void)
{
	const char *backend = device_arg("backend"), *name = device_arg("ifname");
	int offload = lkltest_arg("offload") ? strtol(lkltest_arg("offload"), NULL, 0) : 0;
	struct lkl_netdev *device = NULL;

	if (!strcmp(backend, "tap") && device_create_tap)
		return device_create_tap(name, offload);
	if (!strcmp(backend, "macvtap") && device_create_macvtap)
		return device_create_macvtap(name, offload);
	if (!strcmp(backend, "raw") && device_create_raw)
		return device_create_raw(name);
	if (!strcmp(backend, "pipe") && device_create_pipe) {
		device = device_create_pipe(name, offload);
		if (device)
			device_keep_frames_apart(name);
		return device;
	}
	lkltest_bail_out("this liblkl has no back end %s: no lkl_netdev_%s_create()", backend, backend);
}

/* Waits until an address can be used: one of IPv6 is tentative at first. */
LKLTEST_FN void device_settle(struct endpoint address)
{
	struct lkl_timespec pause = { 0, 10 * 1000 * 1000 };
	long long until = lkltest_now_ns() + TRAFFIC_SECONDS * 1000000000LL;
	int fd = CHECK_OK(traffic_socket(address.any.sa_family, LKL_SOCK_DGRAM, 0));
	long err;

	while ((err = lkl_sys_bind(fd, (void *)&address.any, address.len)) == -LKL_EADDRNOTAVAIL &&
	       lkltest_now_ns() < until)
		lkl_sys_nanosleep((void *)&pause, NULL);
	CHECK_OK(err);
	CHECK_OK(lkl_sys_close(fd));
}

LKLTEST_FN void device_set_address(int ifindex)
{
	struct endpoint address;
	int prefix = device_address("address", &address);

	CHECK_OK(lkl_if_set_ipv4(ifindex, address.v4.sin_addr.lkl_s_addr, prefix));
	device_settle(address);
}

/* Skips where the kernel has no IPv6. */
LKLTEST_FN void device_set_address6(int ifindex)
{
	struct endpoint address;
	int prefix = device_address("address6", &address);

	traffic_need_ipv6();
	CHECK_OK(lkl_if_set_ipv6(ifindex, &address.v6.sin6_addr, prefix));
	device_settle(address);
}

#endif
