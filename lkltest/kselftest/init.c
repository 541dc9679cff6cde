/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The init of a User Mode Linux that runs one kselftest program.
 *
 * Usage: init dir=DIRECTORY [mount=DIRECTORY ...] COMMAND [ARGUMENT ...]
 *
 * The program's standard output goes to the terminal that LKLTEST_RESULTS
 * names, its standard error to the kernel's console. The last words there are
 * "lkltest: exit STATUS", as a shell has it: 128 and the signal's number where
 * a signal ended the program. "lkltest: begin" stands where the program starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define CANNOT_START 127

/* A stream of the program, and the terminal that it is passed on to. */
struct stream {
	int from;
	int to;
};

static struct stream out, err;

static void mount_at(const char *type, const char *path, const char *data)
{
	mkdir(path, 0755);
	mount("none", path, type, 0, data); /* a kernel may lack the type, or have mounted it */
}

static void mount_all(void)
{
	mount_at("devtmpfs", "/dev", NULL);
	mount_at("proc", "/proc", NULL);
	mount_at("sysfs", "/sys", NULL);
	mount_at("tmpfs", "/tmp", "mode=1777");
	mount_at("tmpfs", "/run", "mode=0755");
	mount_at("tmpfs", "/dev/shm", "mode=1777");
	mount_at("devpts", "/dev/pts", "mode=0620,ptmxmode=0666");
	mount_at("mqueue", "/dev/mqueue", NULL);
	mount_at("debugfs", "/sys/kernel/debug", NULL);
	mount_at("tracefs", "/sys/kernel/tracing", NULL);
	mount_at("cgroup2", "/sys/fs/cgroup", NULL);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

/* The host's directory, at the same place, to be read only. */
static void mount_host(const char *path)
{
	mkdir(path, 0755);
	if (mount("none", path, "hostfs", MS_RDONLY, path))
		fprintf(stderr, "lkltest: cannot mount the host's %s: %s\n", path, strerror(errno));
}

static void bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFFLAGS, &request)) {
		request.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &request);
	}
	close(fd);
}

/*
 * No write waits: UML's console loses its wake-ups under load, but takes output
 * on when it is tried again, where its terminal is one that processes output.
 */
static int open_terminal(const char *path)
{
	struct termios tty;
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &tty))
		return fd;
	tty.c_oflag = OPOST;
	tty.c_lflag &= ~ECHO;
	tcsetattr(fd, TCSANOW, &tty);
	return fd;
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t written = write(fd, data, size);

		if (written > 0) {
			data += written;
			size -= written;
		} else if (written < 0 && errno != EAGAIN && errno != EINTR) {
			return;
		} else {
			usleep(1000);
		}
	}
}

/* Waits until a terminal has sent all. */
static void drain(int fd)
{
	int left, tries;

	for (tries = 0; tries < 5000; tries++) {
		if (ioctl(fd, TIOCOUTQ, &left) || !left)
			return;
		if (write(fd, "", 0) < 0 && errno != EAGAIN)
			return;
		usleep(1000);
	}
}

/*
 * A terminal for the program's output: programs then print line by line, and
 * print nothing twice after fork(). A pipe where the kernel has none.
 */
static int open_pair(int *slave)
{
	struct termios tty;
	int number, unlock = 0, fds[2];
	char path[32];
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master >= 0 && !ioctl(master, TIOCGPTN, &number) && !ioctl(master, TIOCSPTLCK, &unlock)) {
		snprintf(path, sizeof(path), "/dev/pts/%d", number);
		*slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (*slave >= 0 && !tcgetattr(*slave, &tty)) {
			tty.c_oflag &= ~OPOST;
			tty.c_lflag &= ~ECHO;
			tcsetattr(*slave, TCSANOW, &tty);
			return master;
		}
	}
	if (pipe2(fds, O_CLOEXEC))
		return -1;
	*slave = fds[1];
	return fds[0];
}

/* Passes on what has come; whether more may come. */
static int pass_on(struct stream *stream)
{
	char data[4096];
	ssize_t size = read(stream->from, data, sizeof(data));

	if (size > 0)
		write_all(stream->to, data, size);
	return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

static void run(char **command, const char *directory, int output, int errors)
{
	static char *environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "TERM=dumb", "LC_ALL=C", NULL,
	};
	int null = open("/dev/null", O_RDWR);

	setsid();
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	if (!chdir(directory))
		execve(command[0], command, environment);
	fprintf(stderr, "lkltest: cannot run %s in %s: %s\n", command[0], directory, strerror(errno));
	_exit(CANNOT_START);
}

/* Reaps what has ended; whether `program` is among it, and then its status. */
static int reap(pid_t program, int *status)
{
	int ended, found = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &ended, WNOHANG)) > 0) {
		if (pid == program) {
			*status = ended;
			found = 1;
		}
	}
	return found;
}

static int watch(pid_t program)
{
	struct pollfd fds[] = { { out.from, POLLIN, 0 }, { err.from, POLLIN, 0 } };
	int status = 0;

	while (!reap(program, &status)) {
		poll(fds, 2, 20);
		if (fds[0].revents && !pass_on(&out))
			fds[0].fd = -1;
		if (fds[1].revents && !pass_on(&err))
			fds[1].fd = -1;
	}
	/* The processes that it has left behind end with it, and its output is passed on. */
	kill(-1, SIGKILL);
	for (; poll(fds, 2, 0) > 0;) {
		if (fds[0].revents && !pass_on(&out))
			fds[0].fd = -1;
		if (fds[1].revents && !pass_on(&err))
			fds[1].fd = -1;
	}
	return status;
}

static void power_off(int status)
{
	char text[64];

	drain(out.to);
	write_all(err.to, text, snprintf(text, sizeof(text), "\nlkltest: exit %d\n", status));
	drain(err.to);
	sync();
	reboot(RB_POWER_OFF);
	pause();
}

int main(int argc, char **argv)
{
	const char *directory = "/", *results = getenv("LKLTEST_RESULTS");
	int output, errors, status;
	pid_t program;

	if (getpid() != 1) {
		fprintf(stderr, "lkltest: this is the init of a User Mode Linux: start it as init=\n");
		return CANNOT_START;
	}
	mount_all();
	out.to = open_terminal(results ? results : "/dev/console");
	err.to = open_terminal("/dev/console");
	dup2(err.to, STDERR_FILENO);
	for (argv++; *argv && strchr(*argv, '='); argv++) {
		if (!strncmp(*argv, "dir=", 4))
			directory = *argv + 4;
		else if (!strncmp(*argv, "mount=", 6))
			mount_host(*argv + 6);
	}
	bring_up_loopback();
	sethostname("lkltest", 7);
	out.from = open_pair(&output);
	err.from = open_pair(&errors);
	write_all(err.to, "lkltest: begin\n", 15);
	program = *argv ? fork() : -1;
	if (program == 0)
		run(argv, directory, output, errors);
	if (program < 0)
		power_off(CANNOT_START);
	/* The ends stay open here: a terminal whose last user is gone forgets what it holds. */
	fcntl(out.from, F_SETFL, fcntl(out.from, F_GETFL) | O_NONBLOCK);
	fcntl(err.from, F_SETFL, fcntl(err.from, F_GETFL) | O_NONBLOCK);
	status = watch(program);
	power_off(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
