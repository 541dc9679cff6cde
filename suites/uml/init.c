// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An init for User Mode Linux that runs the commands typed on its console.
 *
 * A question is a line "NUMBER VERB [WORD [REST]]"; the answer is written in
 * one piece as "<NUMBER:ANSWER:NUMBER>", so that whatever the kernel prints
 * meanwhile cannot be mistaken for it. An answer that begins with "error" says
 * what failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#define UBD_MAJOR 98

static const char *number; /* of the question */

__attribute__((format(printf, 1, 2))) static void answer(const char *fmt, ...)
{
	char text[8192], *line;
	va_list args;
	int len;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	len = asprintf(&line, "<%s:%s:%s>\n", number, text, number);
	if (len < 0 || write(STDOUT_FILENO, line, len) != len)
		_exit(1);
	free(line);
}

static void answer_error(const char *what)
{
	answer("error: %s: %s", what, strerror(errno));
}

static void answer_status(const char *what, int status)
{
	if (status < 0)
		answer_error(what);
	else
		answer("done");
}

static void set_raw(int raw)
{
	struct termios tty;

	tcgetattr(STDIN_FILENO, &tty);
	if (raw) {
		cfmakeraw(&tty);
	} else {
		tty.c_lflag |= ICANON | ISIG;
		tty.c_lflag &= ~ECHO;
		tty.c_iflag |= ICRNL;
		tty.c_oflag |= OPOST | ONLCR;
	}
	tcsetattr(STDIN_FILENO, TCSANOW, &tty);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

/* Copies this number of bytes from the console to the console as they come. */
static void copy(size_t left)
{
	char buf[4096];

	set_raw(1);
	printf("<%s:", number);
	fflush(stdout);
	while (left) {
		ssize_t n = read(STDIN_FILENO, buf, left < sizeof(buf) ? left : sizeof(buf));

		if (n <= 0 || write_all(STDOUT_FILENO, buf, n))
			_exit(1);
		left -= n;
	}
	/* Before the end is announced: text typed in raw mode would not become a line. */
	set_raw(0);
	printf(":%s>\n", number);
	fflush(stdout);
}

static void flood(size_t left)
{
	static char block[16384];

	memset(block, 'x', sizeof(block));
	set_raw(1);
	while (left) {
		size_t n = left < sizeof(block) ? left : sizeof(block);

		if (write_all(STDOUT_FILENO, block, n))
			_exit(1);
		left -= n;
	}
	set_raw(0);
	answer("done");
}

static void answer_uname(void)
{
	struct utsname name;

	uname(&name);
	answer("%s|%s|%s", name.release, name.version, name.machine);
}

static void answer_file(const char *path)
{
	char buf[4096];
	ssize_t len;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return answer_error(path);
	len = read(fd, buf, sizeof(buf));
	close(fd);
	if (len < 0)
		return answer_error(path);
	answer("%.*s", (int)len, buf);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int status = fd < 0 ? -1 : write_all(fd, text, strlen(text));

	if (fd >= 0 && status >= 0)
		status = fsync(fd) && errno != EINVAL ? -1 : 0;
	answer_status(path, status);
	if (fd >= 0)
		close(fd);
}

/* The effects of a user's program on a terminal: a title, a colour, a cursor. */
static void answer_in_colour(const char *text)
{
	printf("\033]0;title\007\033[1;31mred\033[0m\033[K\033(B\033[?25l\r\n\033[?25h");
	fflush(stdout);
	answer("\033[32m%.1s\033[0m%s\033[K", text, text + 1);
}

/* The newline must be in the same write: without it the kernel waits for the rest of the line. */
static void log_message(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY);
	char line[256];
	int len = snprintf(line, sizeof(line), "%s\n", text);
	int status = fd < 0 ? -1 : write_all(fd, line, len);

	answer_status("/dev/kmsg", status);
	if (fd >= 0)
		close(fd);
}

static void obey(char *verb, char *word, char *rest)
{
	if (!strcmp(verb, "echo"))
		answer("%s%s%s", word, *rest ? " " : "", rest);
	else if (!strcmp(verb, "uname"))
		answer_uname();
	else if (!strcmp(verb, "copy"))
		copy(strtoul(word, NULL, 10));
	else if (!strcmp(verb, "flood"))
		flood(strtoul(word, NULL, 10));
	else if (!strcmp(verb, "read"))
		answer_file(word);
	else if (!strcmp(verb, "write"))
		write_file(word, rest);
	else if (!strcmp(verb, "mount")) /* the type is the rest */
		answer_status(word, mount(word, "/mnt", rest, 0, NULL));
	else if (!strcmp(verb, "umount"))
		answer_status(word, umount(word));
	else if (!strcmp(verb, "colour"))
		answer_in_colour(word);
	else if (!strcmp(verb, "log"))
		log_message(word);
	else if (!strcmp(verb, "crash"))
		raise(SIGSEGV), *(volatile int *)0 = 0;
	else if (!strcmp(verb, "exit"))
		exit(atoi(word));
	else if (!strcmp(verb, "loop"))
		for (;;)
			;
	else if (!strcmp(verb, "poweroff"))
		sync(), reboot(RB_POWER_OFF);
	else
		answer("error: no such verb: %s", verb);
}

/* As a kernel does that mounts devtmpfs by itself, for one that does not. */
static void make_devices(void)
{
	if (access("/dev/kmsg", F_OK) == 0 || mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) == 0)
		return;
	mount("tmpfs", "/dev", "tmpfs", 0, NULL);
	mknod("/dev/kmsg", S_IFCHR | 0600, makedev(1, 11));
	mknod("/dev/ubda", S_IFBLK | 0600, makedev(UBD_MAJOR, 0));
}

int main(int argc, char **argv)
{
	char line[8192];
	int i;

	make_devices();
	set_raw(0);
	for (i = 1; i < argc; i++)
		printf("argument: %s\n", argv[i]);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		char *left = line, *verb, *word;

		left[strcspn(left, "\n")] = '\0';
		number = strsep(&left, " ");
		verb = left ? strsep(&left, " ") : "";
		word = left ? strsep(&left, " ") : "";
		obey(verb, word, left ? left : "");
	}
	return 2;
}
