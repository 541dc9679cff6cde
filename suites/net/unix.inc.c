/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about sockets of the Unix domain, where the kernel has them. */
#ifndef NET_UNIX_INC_C
#define NET_UNIX_INC_C

#include "sockets.h"
#include "udp.inc.c"

#include <sys/un.h>

static int unix_socket(int type)
{
	return CHECK_OK(need(traffic_socket(AF_UNIX, type, 0), LKL_EAFNOSUPPORT, "CONFIG_UNIX"));
}

static void unix_pair(int type, int fds[2])
{
	CHECK_OK(lkl_sys_close(unix_socket(type)));	/* skips, naming the option, where there are none */
	CHECK_OK(LKLTEST_SYS(socketpair, AF_UNIX, type, 0, fds));
}

/* An abstract name, which is no file's. */
static struct sockaddr_un unix_name(const char *name, int *len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path + 1, name, strlen(name));
	*len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
	return address;
}

/* A stream has no borders between writes, and ends where the other side shuts down. */
POINT(unix_stream)
{
	char buf[16];
	int fds[2];

	unix_pair(SOCK_STREAM, fds);
	CHECK_EQ(send_bytes(fds[0], "abc", 3, 0), 3);
	CHECK_EQ(send_bytes(fds[0], "def", 3, 0), 3);
	CHECK_EQ(receive(fds[1], buf, 4, MSG_PEEK), 4);
	CHECK_EQ(receive(fds[1], buf, 6, MSG_WAITALL), 6);
	CHECK_MEM_EQ(buf, "abcdef", 6);
	CHECK_OK(lkl_sys_shutdown(fds[0], SHUT_WR));
	CHECK_EQ(receive(fds[1], buf, sizeof(buf), 0), 0);
	CHECK_ERR(send_bytes(fds[0], "x", 1, 0), LKL_EPIPE);
	CHECK_EQ(send_bytes(fds[1], "back", 4, 0), 4);
	CHECK_EQ(receive(fds[0], buf, sizeof(buf), 0), 4);
	close_socket(fds[0]);
	close_socket(fds[1]);
}

/* Datagrams and sequenced packets keep their borders. */
POINT(unix_packets)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	struct message m;
	int fds[2], i;

	for (i = 0; i < 2; i++) {
		unix_pair(types[i], fds);
		CHECK_EQ(get_option(fds[0], SOL_SOCKET, SO_TYPE), types[i]);
		CHECK_EQ(send_bytes(fds[0], "one", 3, 0), 3);
		CHECK_EQ(send_bytes(fds[0], "second", 6, 0), 6);
		CHECK_EQ(receive_message(fds[1], &m, sizeof(m.data), 0), 3);
		CHECK_EQ(receive_message(fds[1], &m, 2, 0), 2);
		CHECK_EQ(m.header.msg_flags & MSG_TRUNC, MSG_TRUNC);
		CHECK_ERR(receive(fds[1], m.data, 1, MSG_DONTWAIT), LKL_EAGAIN);
		close_socket(fds[0]);
		close_socket(fds[1]);
	}
}

/* A server with an abstract name accepts as many as its backlog lets wait. */
POINT(unix_names)
{
	int server = unix_socket(SOCK_STREAM), other = unix_socket(SOCK_STREAM), client = unix_socket(SOCK_STREAM), len, fd;
	struct sockaddr_un name = unix_name("a-server", &len), found = { 0 };
	int size = sizeof(found);

	CHECK_ERR(LKLTEST_SYS(connect, client, &name, len), LKL_ECONNREFUSED);
	CHECK_OK(LKLTEST_SYS(bind, server, &name, len));
	CHECK_ERR(LKLTEST_SYS(bind, other, &name, len), LKL_EADDRINUSE);
	CHECK_ERR(LKLTEST_SYS(connect, client, &name, len), LKL_ECONNREFUSED);
	CHECK_OK(lkl_sys_listen(server, 0));
	CHECK_OK(LKLTEST_SYS(connect, client, &name, len));
	CHECK_OK(LKLTEST_SYS(fcntl, other, F_SETFL, O_NONBLOCK));
	CHECK_ERR(LKLTEST_SYS(connect, other, &name, len), LKL_EAGAIN);
	fd = CHECK_OK(lkl_sys_accept4(server, NULL, NULL, 0));
	CHECK_OK(LKLTEST_SYS(getpeername, client, &found, &size));
	CHECK_EQ(size, len);
	CHECK_MEM_EQ(&found, &name, len);
	close_socket(fd);
	close_socket(client);
	close_socket(other);
	close_socket(server);
}

/* Sends control data of one kind. */
static void send_control(int fd, int type, const void *data, size_t len)
{
	char control[64] = "";
	struct iovec part = { (char []){ 'c' }, 1 };
	struct msghdr header = { NULL, 0, &part, 1, control, CMSG_SPACE(len), 0 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(len), .cmsg_level = SOL_SOCKET, .cmsg_type = type };
	memcpy(CMSG_DATA(c), data, len);
	CHECK_EQ(LKLTEST_SYS(sendmsg, fd, &header, 0), 1);
}

/* A descriptor that is sent is a new one for the same file, even if the sender's is closed meanwhile. */
POINT(unix_descriptors)
{
	int fds[2], pipe[2], got;
	struct message m;
	char buf[8];

	unix_pair(SOCK_STREAM, fds);
	CHECK_OK(lkl_sys_pipe2(pipe, 0));
	send_control(fds[0], SCM_RIGHTS, &pipe[1], sizeof(int));
	close_socket(pipe[1]);
	CHECK_EQ(receive_message(fds[1], &m, 1, 0), 1);
	memcpy(&got, control_data(&m, SOL_SOCKET, SCM_RIGHTS), sizeof(got));
	CHECK_EQ(lkl_sys_write(got, "via", 3), 3);
	CHECK_EQ(lkl_sys_read(pipe[0], buf, sizeof(buf)), 3);
	CHECK_MEM_EQ(buf, "via", 3);
	/* Sockets that hold each other are collected. */
	send_control(fds[0], SCM_RIGHTS, &fds[1], sizeof(int));
	close_socket(got);
	close_socket(pipe[0]);
	close_socket(fds[0]);
	close_socket(fds[1]);
}

/* A message has its sender's process and user, and a socket those of its peer. */
POINT(unix_credentials)
{
	struct { int pid; unsigned int uid, gid; } mine = { lkl_sys_getpid(), 0, 0 }, got;
	struct message m;
	int fds[2];

	unix_pair(SOCK_DGRAM, fds);
	CHECK_OK(set_option(fds[1], SOL_SOCKET, SO_PASSCRED, 1));
	send_control(fds[0], SCM_CREDENTIALS, &mine, sizeof(mine));
	CHECK_EQ(receive_message(fds[1], &m, 1, 0), 1);
	memcpy(&got, control_data(&m, SOL_SOCKET, SCM_CREDENTIALS), sizeof(got));
	CHECK_MEM_EQ(&got, &mine, sizeof(mine));
	CHECK_EQ(get_bytes(fds[0], SOL_SOCKET, SO_PEERCRED, &got, sizeof(got)), sizeof(got));
	CHECK_EQ(got.pid, mine.pid);
	close_socket(fds[0]);
	close_socket(fds[1]);
}

#endif
