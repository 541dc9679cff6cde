/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A native program as the first process of its kernel. */
#ifndef LKLTEST_INTERNAL_INIT_H
#define LKLTEST_INTERNAL_INIT_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <lkltest/internal/state.h>

#ifdef LKLTEST_NATIVE

#include <termios.h>

LKLTEST_FN int lkltest_is_init(void)
{
	return getpid() == 1;
}

/* A kernel whose root has no /dev/console starts its init without any file. */
LKLTEST_FN void lkltest_open_console(void)
{
	int fd;

	if (fcntl(STDOUT_FILENO, F_GETFD) >= 0)
		return;
	mkdir("/dev", 0755);
	mount("none", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

/*
 * Lines end with LF alone, nothing is echoed, and no write waits: UML's console
 * loses its wake-ups under load, but takes output on when it is tried again.
 * That the terminal processes output, though it changes nothing, is what makes
 * each try push on what is stuck.
 */
LKLTEST_FN void lkltest_plain_terminal(void)
{
	struct termios tty;

	if (tcgetattr(STDOUT_FILENO, &tty))
		return;
	tty.c_oflag = OPOST;
	tty.c_lflag &= ~ECHO;
	tcsetattr(STDOUT_FILENO, TCSANOW, &tty);
	fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
}

/* Waits until the terminal has sent all. */
LKLTEST_FN void lkltest_drain_terminal(void)
{
	int left, tries;

	for (tries = 0; tries < 5000; tries++) {
		if (ioctl(lkltest.out, TIOCOUTQ, &left) || !left)
			return;
		if (write(lkltest.out, "", 0) < 0)
			return;
		usleep(1000);
	}
}

/*
 * Moves to a root in memory, as a library's kernel has one: the host's
 * directory neither decides what file modes come out nor keeps what is written.
 */
LKLTEST_FN void lkltest_own_root(void)
{
	if (mount("none", "/dev", "tmpfs", 0, "mode=0755") || chroot("/dev") || chdir("/"))
		return;
	mkdir("/dev", 0755);
	mount("none", "/dev", "devtmpfs", 0, NULL);
}

/*
 * The runner may name a terminal for the results, on the kernel's command
 * line; the kernel's own messages then stay on its console.
 */
LKLTEST_FN void lkltest_open_results(void)
{
	const char *path = getenv("LKLTEST_RESULTS");
	int fd = path ? open(path, O_RDWR | O_NOCTTY) : -1;

	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

/* A program that mounts and powers off at will is for a kernel of its own. */
LKLTEST_FN void lkltest_init_begin(void)
{
	if (!lkltest_is_init()) {
		fprintf(stderr, "lkltest: this is the init of a User Mode Linux, and would test the kernel it runs on: "
				"start it as init=\n");
		exit(LKLTEST_USAGE);
	}
	lkltest_open_console();
	lkltest_kcov_begin();
	lkltest_own_root();
	lkltest_open_results();
	lkltest_plain_terminal();
}

/* No one waits for an init: its status is a comment, and its end is the machine's. */
LKLTEST_FN void lkltest_init_end(int status)
{
	char text[32];

	if (!lkltest_is_init())
		return;
	lkltest_kcov_context("");
	lkltest_write(lkltest.out, text, snprintf(text, sizeof(text), "# exit %d\n", status));
	lkltest_drain_terminal();
	sync();
	reboot(RB_POWER_OFF);
	pause();
}

#else

LKLTEST_FN int lkltest_is_init(void)
{
	return 0;
}

LKLTEST_FN void lkltest_init_begin(void)
{
}

LKLTEST_FN void lkltest_init_end(int status)
{
	(void)status;
}

#endif /* LKLTEST_NATIVE */
#endif
