/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about TCP: its states, its options, and how it gets over lost packets. */
#ifndef NET_TCP_INC_C
#define NET_TCP_INC_C

#include "sockets.h"

#include <linux/sockios.h>

static struct tcp_info tcp_info(int fd)
{
	struct tcp_info info = { 0 };

	CHECK_GT(get_bytes(fd, IPPROTO_TCP, TCP_INFO, &info, sizeof(info)), 0);
	return info;
}

/* Waits for a state, which a segment on its way brings; a state that never comes fails. */
static void wait_for_state(int fd, int state)
{
	int tries;

	for (tries = 0; tries < 1000 && tcp_info(fd).tcpi_state != state; tries++)
		pause_ms(10);
	CHECK_EQ(tcp_info(fd).tcpi_state, state);
}

/* TCP_INFO follows a connection through its states. */
POINT(tcp_states)
{
	struct connection c = connection(LOOPBACK);
	char buf[16];

	CHECK_EQ(tcp_info(c.listener).tcpi_state, TCP_LISTEN);
	CHECK_EQ(tcp_info(c.client).tcpi_state, TCP_ESTABLISHED);
	wait_for_state(c.server, TCP_ESTABLISHED);
	CHECK_GT(tcp_info(c.client).tcpi_snd_mss, 500);
	CHECK_OK(lkl_sys_shutdown(c.client, SHUT_WR));
	wait_for_state(c.client, TCP_FIN_WAIT2);
	wait_for_state(c.server, TCP_CLOSE_WAIT);
	CHECK_EQ(receive(c.server, buf, sizeof(buf), 0), 0);
	/* The other direction is still open. */
	CHECK_EQ(send_bytes(c.server, "late", 4, 0), 4);
	CHECK_EQ(receive(c.client, buf, sizeof(buf), 0), 4);
	CHECK_ERR(send_bytes(c.client, "x", 1, 0), LKL_EPIPE);
	CHECK_OK(lkl_sys_shutdown(c.server, SHUT_WR));
	wait_for_state(c.client, TCP_CLOSE);
	CHECK_EQ(receive(c.client, buf, sizeof(buf), 0), 0);
	close_connection(c);
}

/* Both ends say goodbye while neither hears the other. */
POINT(tcp_simultaneous_close)
{
	struct connection c = connection(LOOPBACK);
	char buf[4];

	lose_packets(c.client);
	lose_packets(c.server);
	CHECK_OK(lkl_sys_shutdown(c.client, SHUT_WR));
	CHECK_OK(lkl_sys_shutdown(c.server, SHUT_WR));
	CHECK_EQ(tcp_info(c.client).tcpi_state, TCP_FIN_WAIT1);
	CHECK_EQ(tcp_info(c.server).tcpi_state, TCP_FIN_WAIT1);
	detach_filter(c.client);
	detach_filter(c.server);
	CHECK_EQ(receive(c.client, buf, sizeof(buf), 0), 0);
	CHECK_EQ(receive(c.server, buf, sizeof(buf), 0), 0);
	wait_for_state(c.client, TCP_CLOSE);
	wait_for_state(c.server, TCP_CLOSE);
	close_connection(c);
}

/* A socket that connects to its own port opens at both ends at once, and talks to itself. */
POINT(tcp_self_connect)
{
	int fd = bound_socket(LOOPBACK, SOCK_STREAM);
	char back[8] = "";

	CHECK_OK(connect_to(fd, own_address(fd)));
	CHECK_EQ(send_bytes(fd, "myself", 6, 0), 6);
	CHECK_EQ(receive(fd, back, sizeof(back), 0), 6);
	CHECK_MEM_EQ(back, "myself", 6);
	close_socket(fd);
}

/* A close without lingering throws the connection away, and tells the peer. */
POINT(tcp_reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct connection c = connection(LOOPBACK);
	char buf[4];

	CHECK_OK(set_bytes(c.client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close_socket(c.client);
	CHECK_EQ(poll_socket(c.server, LKL_POLLIN, 10000) & LKL_POLLERR, LKL_POLLERR);
	CHECK_ERR(receive(c.server, buf, sizeof(buf), 0), LKL_ECONNRESET);
	CHECK_EQ(receive(c.server, buf, sizeof(buf), 0), 0);
	CHECK_ERR(send_bytes(c.server, "x", 1, 0), LKL_EPIPE);
	close_socket(c.server);
	close_socket(c.listener);
}

/* A corked socket keeps small writes together; without the cork they go. */
POINT(tcp_cork)
{
	struct connection c = connection(LOOPBACK);
	long long start = lkltest_now_ns();
	char buf[400];
	long got;
	int i;

	CHECK_OK(set_option(c.client, IPPROTO_TCP, TCP_CORK, 1));
	for (i = 0; i < 3; i++)
		CHECK_EQ(send_bytes(c.client, "abcd", 4, 0), 4);
	got = receive(c.server, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK);
	/* After SHORT_MS the kernel sends what it has, cork or not. */
	if (lkltest_now_ns() - start < SHORT_MS * 1000000LL / 2)
		CHECK_ERR(got, LKL_EAGAIN);
	CHECK_OK(set_option(c.client, IPPROTO_TCP, TCP_CORK, 0));
	CHECK_EQ(receive(c.server, buf, 12, MSG_WAITALL), 12);
	CHECK_MEM_EQ(buf, "abcdabcdabcd", 12);
	CHECK_OK(set_option(c.client, IPPROTO_TCP, TCP_NODELAY, 1));
	CHECK_EQ(send_bytes(c.client, "ef", 2, MSG_MORE), 2);
	CHECK_EQ(send_bytes(c.client, "gh", 2, 0), 2);
	CHECK_EQ(receive(c.server, buf, 4, MSG_WAITALL), 4);
	CHECK_MEM_EQ(buf, "efgh", 4);
	close_connection(c);
}

/* An urgent byte comes apart from the stream, or in its place. */
POINT(tcp_urgent)
{
	struct connection c = connection(LOOPBACK);
	char buf[16];
	int mark = -1;

	CHECK_ERR(receive(c.server, buf, 1, MSG_OOB), LKL_EINVAL);
	CHECK_EQ(send_bytes(c.client, "ab!", 3, MSG_OOB), 3);
	CHECK_EQ(poll_socket(c.server, LKL_POLLPRI, 10000), LKL_POLLPRI);
	CHECK_EQ(receive(c.server, buf, 1, MSG_OOB), 1);
	CHECK_EQ(buf[0], '!');
	CHECK_EQ(send_bytes(c.client, "cd", 2, 0), 2);
	CHECK_EQ(receive(c.server, buf, sizeof(buf), 0), 2);
	CHECK_MEM_EQ(buf, "ab", 2);
	CHECK_OK(LKLTEST_SYS(ioctl, c.server, SIOCATMARK, &mark));
	CHECK_EQ(mark, 1);
	CHECK_EQ(receive(c.server, buf, 2, MSG_WAITALL), 2);
	CHECK_MEM_EQ(buf, "cd", 2);

	CHECK_OK(set_option(c.server, SOL_SOCKET, SO_OOBINLINE, 1));
	CHECK_EQ(send_bytes(c.client, "e!", 2, MSG_OOB), 2);
	CHECK_EQ(send_bytes(c.client, "f", 1, 0), 1);
	CHECK_EQ(receive(c.server, buf, 1, 0), 1);
	CHECK_EQ(receive(c.server, buf + 1, 2, MSG_WAITALL), 2);
	CHECK_MEM_EQ(buf, "e!f", 3);
	close_connection(c);
}

/* Peeking leaves the bytes there, MSG_TRUNC throws them away, and the queues' lengths say so. */
POINT(tcp_peek)
{
	struct connection c = connection(LOOPBACK);
	char buf[64];
	int len = -1;

	CHECK_EQ(send_bytes(c.client, "0123456789", 10, 0), 10);
	CHECK_EQ(receive(c.server, buf, 10, MSG_PEEK | MSG_WAITALL), 10);
	CHECK_OK(LKLTEST_SYS(ioctl, c.server, SIOCINQ, &len));
	CHECK_EQ(len, 10);
	CHECK_EQ(receive(c.server, buf, 4, MSG_TRUNC), 4);
	CHECK_OK(set_option(c.server, SOL_SOCKET, SO_RCVLOWAT, 7));
	CHECK_EQ(poll_socket(c.server, LKL_POLLIN, 0), 0);
	CHECK_EQ(send_bytes(c.client, "x", 1, 0), 1);
	CHECK_EQ(poll_socket(c.server, LKL_POLLIN, 10000), LKL_POLLIN);
	CHECK_EQ(receive(c.server, buf, sizeof(buf), 0), 7);
	CHECK_MEM_EQ(buf, "456789x", 7);
	lose_packets(c.server);
	CHECK_EQ(send_bytes(c.client, "lost", 4, 0), 4);
	CHECK_OK(LKLTEST_SYS(ioctl, c.client, SIOCOUTQ, &len));
	CHECK_EQ(len, 4);
	close_connection(c);
}

/* Lost segments are sent again. */
POINT(tcp_retransmit)
{
	struct connection c = connection(LOOPBACK);
	char buf[8];

	lose_packets(c.server);
	CHECK_EQ(send_bytes(c.client, "again", 5, 0), 5);
	while (!tcp_info(c.client).tcpi_total_retrans)
		pause_ms(20);
	CHECK_ERR(receive(c.server, buf, sizeof(buf), MSG_DONTWAIT), LKL_EAGAIN);
	detach_filter(c.server);
	CHECK_EQ(receive(c.server, buf, sizeof(buf), 0), 5);
	CHECK_MEM_EQ(buf, "again", 5);
	close_connection(c);
}

enum { HOLE = 100, BEHIND = 200, NR_BEHIND = 20 };

/* One segment is lost of many: the others are acknowledged selectively, and the hole is filled. */
POINT(tcp_hole)
{
	struct sock_filter lose_the_hole[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),		/* the header's length, in its upper half */
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 4),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HOLE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	static unsigned char sent[HOLE + NR_BEHIND * BEHIND], got[sizeof(sent)];
	struct connection c = connection(LOOPBACK);
	int i, tries;

	CHECK_OK(set_option(c.client, IPPROTO_TCP, TCP_NODELAY, 1));
	CHECK_OK(ATTACH_FILTER(c.server, lose_the_hole));
	traffic_fill(sent, sizeof(sent), 0, 5);
	CHECK_EQ(send_bytes(c.client, sent, HOLE, 0), HOLE);
	for (i = 0; i < NR_BEHIND; i++)
		CHECK_EQ(send_bytes(c.client, sent + HOLE + i * BEHIND, BEHIND, 0), BEHIND);
	for (tries = 0; tries < 1000 && !tcp_info(c.client).tcpi_sacked; tries++)
		pause_ms(10);
	CHECK_GT(tcp_info(c.client).tcpi_sacked, 0);
	CHECK_ERR(receive(c.server, got, sizeof(got), MSG_DONTWAIT), LKL_EAGAIN);
	detach_filter(c.server);
	traffic_receive(c.server, got, sizeof(got));
	CHECK_MEM_EQ(got, sent, sizeof(sent));
	CHECK_GT(tcp_info(c.client).tcpi_total_retrans, 0);
	close_connection(c);
}

/* A peer that no longer answers ends the connection after TCP_USER_TIMEOUT. */
POINT(tcp_user_timeout)
{
	struct connection c = connection(LOOPBACK);
	char buf[4];

	CHECK_OK(set_option(c.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 10));
	CHECK_EQ(get_option(c.client, IPPROTO_TCP, TCP_USER_TIMEOUT), 10);
	lose_packets(c.server);
	CHECK_EQ(send_bytes(c.client, "x", 1, 0), 1);
	CHECK_ERR(receive(c.client, buf, sizeof(buf), 0), LKL_ETIMEDOUT);
	CHECK_EQ(tcp_info(c.client).tcpi_state, TCP_CLOSE);
	close_connection(c);
}

/* A connection request that is lost is repeated. */
POINT(tcp_connect_again)
{
	int listener = listening_socket(LOOPBACK, 4), fd = open_socket(LOOPBACK, SOCK_STREAM | SOCK_NONBLOCK);
	int server;

	lose_packets(listener);
	CHECK_ERR(connect_to(fd, own_address(listener)), LKL_EINPROGRESS);
	CHECK_ERR(connect_to(fd, own_address(listener)), LKL_EALREADY);
	CHECK_EQ(poll_socket(fd, LKL_POLLOUT, 0), 0);
	CHECK_EQ(tcp_info(fd).tcpi_state, TCP_SYN_SENT);
	detach_filter(listener);
	CHECK_EQ(poll_socket(fd, LKL_POLLOUT, 60000), LKL_POLLOUT);
	CHECK_EQ(get_option(fd, SOL_SOCKET, SO_ERROR), 0);
	server = CHECK_OK(lkl_sys_accept4(listener, NULL, NULL, 0));
	CHECK_OK(lkl_sys_close(server));
	close_socket(fd);
	close_socket(listener);
}

enum { BULK = 4 << 20 };

/* A stream larger than all buffers, which the reader takes only when the writer cannot go on. */
POINT(tcp_bulk)
{
	static unsigned char chunk[65536], got[sizeof(chunk)], want[sizeof(chunk)];
	struct connection c = connection(LOOPBACK);
	size_t sent = 0, received = 0;
	long n;

	while (received < BULK) {
		while (sent < BULK) {
			traffic_fill(chunk, sizeof(chunk), sent, 9);
			n = send_bytes(c.client, chunk, BULK - sent < sizeof(chunk) ? BULK - sent : sizeof(chunk),
				       MSG_DONTWAIT);
			if (n == -LKL_EAGAIN)
				break;
			sent += CHECK_OK(n);
		}
		n = CHECK_OK(receive(c.server, got, sizeof(got), 0));
		traffic_fill(want, n, received, 9);
		CHECK_MEM_EQ(got, want, n);
		received += n;
	}
	CHECK_EQ(received, BULK);
	CHECK_GT(tcp_info(c.client).tcpi_snd_wscale, 0);
	close_connection(c);
}

/* A reader that never reads closes its window; it opens again. */
POINT(tcp_zero_window)
{
	static unsigned char chunk[32768], got[sizeof(chunk)];
	struct connection c = connection(LOOPBACK);
	size_t sent = 0, received = 0;
	int left = 0;
	long n;

	while ((n = send_bytes(c.client, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		sent += n;
	CHECK_ERR(n, LKL_EAGAIN);
	pause_ms(2 * SHORT_MS);		/* until the window is probed */
	CHECK_OK(LKLTEST_SYS(ioctl, c.client, SIOCOUTQ, &left));
	CHECK_GT(left, 0);
	CHECK_OK(lkl_sys_shutdown(c.client, SHUT_WR));
	while ((n = CHECK_OK(receive(c.server, got, sizeof(got), 0))) > 0)
		received += n;
	CHECK_EQ(received, sent);
	close_connection(c);
}

/* A socket that was disconnected connects again. */
POINT(tcp_disconnect)
{
	struct connection c = connection(LOOPBACK), again;
	char buf[4];

	disconnect(c.client);
	CHECK_EQ(get_option(c.client, SOL_SOCKET, SO_ERROR), ECONNRESET);
	CHECK_ERR(send_bytes(c.client, "x", 1, 0), LKL_EPIPE);
	CHECK_ERR(receive(c.server, buf, sizeof(buf), 0), LKL_ECONNRESET);
	again = (struct connection){ .listener = c.listener, .client = c.client };
	CHECK_OK(connect_to(again.client, own_address(c.listener)));
	CHECK_ERR(connect_to(again.client, own_address(c.listener)), LKL_EISCONN);
	again.server = CHECK_OK(lkl_sys_accept4(c.listener, NULL, NULL, 0));
	CHECK_EQ(send_bytes(again.client, "hi", 2, 0), 2);
	CHECK_EQ(receive(again.server, buf, sizeof(buf), 0), 2);
	close_socket(c.server);
	close_connection(again);
}

/* A full backlog refuses nobody and forgets nobody: who waits is accepted later. */
POINT(tcp_backlog)
{
	enum { WAITING = 3 };
	int listener = listening_socket(LOOPBACK, 1), fds[WAITING], i, server;
	struct endpoint peer;

	CHECK_OK(LKLTEST_SYS(fcntl, listener, F_SETFL, O_NONBLOCK));
	CHECK_ERR(lkl_sys_accept4(listener, NULL, NULL, 0), LKL_EAGAIN);
	for (i = 0; i < WAITING; i++) {
		fds[i] = open_socket(LOOPBACK, SOCK_STREAM | SOCK_NONBLOCK);
		connect_to(fds[i], own_address(listener));
	}
	for (i = 0; i < WAITING; i++) {
		CHECK_EQ(poll_socket(listener, LKL_POLLIN, 60000), LKL_POLLIN);
		peer.len = sizeof(peer.v6);
		server = CHECK_OK(lkl_sys_accept4(listener, (void *)&peer.any, &peer.len, SOCK_NONBLOCK));
		CHECK_EQ(peer.v4.sin_port, own_address(fds[i]).v4.sin_port);
		CHECK_EQ(own_address(server).v4.sin_port, own_address(listener).v4.sin_port);
		close_socket(server);
	}
	for (i = 0; i < WAITING; i++)
		close_socket(fds[i]);
	close_socket(listener);
}

/* Data in the first segment of a connection, once the client has a cookie. */
POINT(tcp_fast_open)
{
	struct connection c = { .listener = bound_socket(LOOPBACK, SOCK_STREAM) };
	char buf[16];
	int i;

	CHECK_OK(sysctl_write("net/ipv4/tcp_fastopen", "3"));
	CHECK_OK(set_option(c.listener, IPPROTO_TCP, TCP_FASTOPEN, 4));
	CHECK_OK(lkl_sys_listen(c.listener, 4));
	for (i = 0; i < 3; i++) {
		struct endpoint to = own_address(c.listener);

		c.client = open_socket(LOOPBACK, SOCK_STREAM);
		CHECK_EQ(LKLTEST_SYS(sendto, c.client, "first", 5, MSG_FASTOPEN, &to.any, to.len), 5);
		c.server = CHECK_OK(lkl_sys_accept4(c.listener, NULL, NULL, 0));
		CHECK_EQ(receive(c.server, buf, 5, MSG_WAITALL), 5);
		CHECK_MEM_EQ(buf, "first", 5);
		CHECK_EQ(send_bytes(c.server, "answer", 6, 0), 6);
		CHECK_EQ(receive(c.client, buf, 6, MSG_WAITALL), 6);
		CHECK_EQ(!!(tcp_info(c.client).tcpi_options & TCPI_OPT_SYN_DATA), i > 0);
		close_socket(c.client);
		close_socket(c.server);
	}
	CHECK_OK(sysctl_write("net/ipv4/tcp_fastopen", "1"));
	close_socket(c.listener);
}

/* Bytes go from a socket into a pipe and from a pipe into a socket, in order. */
POINT(tcp_splice)
{
	static unsigned char sent[20000], got[sizeof(sent)];
	struct connection in = connection(LOOPBACK), out = connection(LOOPBACK);
	size_t moved = 0, left;
	int fds[2];
	long n;

	CHECK_OK(lkl_sys_pipe2(fds, 0));
	traffic_fill(sent, sizeof(sent), 0, 11);
	traffic_send(in.client, sent, sizeof(sent));
	while (moved < sizeof(sent)) {
		n = CHECK_OK(LKLTEST_SYS(splice, in.server, NULL, fds[1], NULL, sizeof(sent) - moved, 0));
		CHECK_GT(n, 0);
		moved += n;
		for (left = n; left; left -= n)
			n = CHECK_OK(LKLTEST_SYS(splice, fds[0], NULL, out.client, NULL, left, 0));
	}
	traffic_receive(out.server, got, sizeof(got));
	CHECK_MEM_EQ(got, sent, sizeof(sent));
	close_socket(fds[0]);
	close_socket(fds[1]);
	close_connection(in);
	close_connection(out);
}

/* TCP_REPAIR shows the numbers of a connection: the ends agree on them. */
POINT(tcp_repair)
{
	struct connection c = connection(LOOPBACK);
	unsigned int sent, received;
	char buf[8];
	int tries;

	CHECK_EQ(send_bytes(c.client, "abc", 3, 0), 3);
	CHECK_EQ(receive(c.server, buf, 3, MSG_PEEK | MSG_WAITALL), 3);
	CHECK_OK(set_option(c.client, IPPROTO_TCP, TCP_REPAIR, 1));
	CHECK_OK(set_option(c.server, IPPROTO_TCP, TCP_REPAIR, 1));
	CHECK_OK(set_option(c.client, IPPROTO_TCP, TCP_REPAIR_QUEUE, 2));
	CHECK_OK(set_option(c.server, IPPROTO_TCP, TCP_REPAIR_QUEUE, 1));
	CHECK_ERR(set_option(c.server, IPPROTO_TCP, TCP_REPAIR_QUEUE, 9), LKL_EINVAL);
	sent = get_option(c.client, IPPROTO_TCP, TCP_QUEUE_SEQ);
	received = get_option(c.server, IPPROTO_TCP, TCP_QUEUE_SEQ);
	CHECK_EQ(sent, received);
	/* A socket under repair closes without a word: the other one learns it when it asks. */
	close_socket(c.client);
	CHECK_EQ(tcp_info(c.server).tcpi_state, TCP_ESTABLISHED);
	CHECK_OK(set_option(c.server, IPPROTO_TCP, TCP_REPAIR, 0));
	CHECK_EQ(receive(c.server, buf, sizeof(buf), 0), 3);
	for (tries = 0; tries < 1000 && tcp_info(c.server).tcpi_state != TCP_CLOSE; tries++) {
		send_bytes(c.server, "x", 1, 0);
		pause_ms(10);
	}
	CHECK_EQ(tcp_info(c.server).tcpi_state, TCP_CLOSE);
	close_socket(c.server);
	close_socket(c.listener);
}

/* A connection by IPv6 has the same states and numbers. */
POINT(tcp_ipv6_states)
{
	struct connection c;
	char buf[8];

	traffic_need_ipv6();
	c = connection("::1");
	CHECK_EQ(send_bytes(c.client, "six", 3, 0), 3);
	CHECK_EQ(receive(c.server, buf, 3, MSG_WAITALL), 3);
	lose_packets(c.server);
	CHECK_EQ(send_bytes(c.client, "again", 5, 0), 5);
	while (!tcp_info(c.client).tcpi_total_retrans)
		pause_ms(20);
	detach_filter(c.server);
	CHECK_EQ(receive(c.server, buf, 5, MSG_WAITALL), 5);
	CHECK_OK(lkl_sys_shutdown(c.client, SHUT_RDWR));
	wait_for_state(c.server, TCP_CLOSE_WAIT);
	close_connection(c);
}

#endif
