/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a device under test: echoes, and is a client when asked, until it is killed.
 *
 * Compiled as a native program it serves the addresses of the network
 * namespace that it runs in, compiled with a liblkl those of a kernel and a
 * device of its own.
 */
#include <lkltest.h>
#include <sys/stat.h>

#include "echo.h"

#ifndef LKLTEST_NATIVE
#include "device.h"

POINT(start_kernel)
{
	struct lkl_netdev *device = device_open();
	int id, ifindex;

	CHECK(device);
	id = CHECK_OK(lkl_netdev_add(device, NULL));
	lkltest_start_kernel();
	ifindex = CHECK_OK(lkl_netdev_get_ifindex(id));
	CHECK_OK(lkl_if_up(ifindex));
	device_set_address(ifindex);
	device_set_address6(ifindex);
}

/* An address behind this one, for the other end's gateway. */
POINT(beyond)
{
	struct endpoint beyond = endpoint(device_arg("beyond"), 0);

	CHECK_OK(lkl_if_up(1));
	CHECK_OK(lkl_if_set_ipv4(1, beyond.v4.sin_addr.lkl_s_addr, 32));
}

POINT(serve)
{
	struct echo_server server;

	echo_open(&server, 1);
	echo_run(&server);
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel),
	LKLTEST_LIBRARY(beyond),
	LKLTEST_LIBRARY(serve),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}

#else

static void *serve(void *arg)
{
	echo_open(arg, 1);
	return echo_run(arg);
}

/* No point of a test program, whose kernel this is not. */
int main(void)
{
	char failure[1024];
	struct echo_server server;
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, &server) || pthread_join(thread, NULL))
		return 1;
	fprintf(stderr, "peer: %s\n", lkltest_first_failure(failure, sizeof(failure)));
	return 1;
}

#endif
