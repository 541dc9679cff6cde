/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about how processes talk and wait: futexes, System V's and POSIX's means, keys, namespaces. */
#ifndef BOOT_IPC_INC_C
#define BOOT_IPC_INC_C

#include "credentials.inc.c"
#include "shared.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <sched.h>

/* Of System V's, as the C library's headers and LKL's have structures of the same names. */
enum { PRIVATE = 0, CREATE = 01000, NO_WAIT = 04000, REMOVE = 0, GET_VALUE = 12, SET_VALUE = 16 };

struct operation {
	unsigned short number;
	short change, flags;
};

static int word;

static long futex(int op, int value, const void *limit, int *other, int last)
{
	return LKLTEST_SYS(futex, &word, op, value, limit, other, last);
}

/* A futex waits only for the value that it was told, and no longer than its limit. */
POINT(futex)
{
	struct timespec little = { 0, 2000000 };

	word = 5;
	CHECK_ERR(need_call(futex(FUTEX_WAIT, 4, NULL, NULL, 0), "CONFIG_FUTEX"), LKL_EAGAIN);
	CHECK_ERR(futex(FUTEX_WAIT, 5, &little, NULL, 0), LKL_ETIMEDOUT);
	CHECK_EQ(futex(FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK_ERR(futex(FUTEX_WAIT_BITSET, 5, NULL, NULL, 0), LKL_EINVAL);
	CHECK_EQ(futex(FUTEX_REQUEUE, 1, (void *)1, &word, 0), 0);
	CHECK_ERR(futex(FUTEX_CMP_REQUEUE, 1, (void *)1, &word, 4), LKL_EAGAIN);
	CHECK_ERR(LKLTEST_SYS(futex, (char *)&word + 1, FUTEX_WAKE, 1, NULL, NULL, 0), LKL_EINVAL);
	CHECK_ERR(futex(77, 1, NULL, NULL, 0), LKL_ENOSYS);
}

static void *wait_on_word(void *unused)
{
	struct timespec limit = { ABSURD_NS / 1000000000, 0 };

	CHECK_EQ(futex(FUTEX_WAIT, 7, &limit, NULL, 0), 0);
	(void)unused;
	return "";
}

/* Who waits on a futex is woken. */
POINT(futex_wake)
{
	pthread_t thread;
	void *done = NULL;

	word = 7;
	CHECK_EQ(need_call(futex(FUTEX_WAKE, 1, NULL, NULL, 0), "CONFIG_FUTEX"), 0);
	thread = start_thread(wait_on_word, NULL);
	while (futex(FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
		sleep_ns(1000000);
	pthread_join(thread, &done);
	CHECK(done);
}

/* Messages of System V are taken by their types. */
POINT(sysv_messages)
{
	struct { long type; char text[16]; } one = { 1, "one" }, two = { 2, "two" }, got;
	long id = CHECK_OK(need_call(LKLTEST_SYS(msgget, PRIVATE, CREATE | 0600), "CONFIG_SYSVIPC"));

	CHECK_OK(LKLTEST_SYS(msgsnd, id, &one, 4, 0));
	CHECK_OK(LKLTEST_SYS(msgsnd, id, &two, 4, 0));
	CHECK_EQ(LKLTEST_SYS(msgrcv, id, &got, sizeof(got.text), 2, 0), 4);
	CHECK_STR_EQ(got.text, "two");
	CHECK_ERR(LKLTEST_SYS(msgrcv, id, &got, 1, 0, 0), LKL_E2BIG);
	CHECK_EQ(LKLTEST_SYS(msgrcv, id, &got, sizeof(got.text), 0, 0), 4);
	CHECK_ERR(LKLTEST_SYS(msgrcv, id, &got, sizeof(got.text), 0, NO_WAIT), ENOMSG);
	CHECK_OK(LKLTEST_SYS(msgctl, id, REMOVE, NULL));
	CHECK_ERR(LKLTEST_SYS(msgctl, id, REMOVE, NULL), LKL_EINVAL);
}

/* Semaphores of System V count, and do not wait if they must not. */
POINT(sysv_semaphores)
{
	struct operation up = { 0, 2, 0 }, down = { 0, -3, NO_WAIT }, one = { 1, -1, NO_WAIT };
	long id = CHECK_OK(need_call(LKLTEST_SYS(semget, PRIVATE, 2, CREATE | 0600), "CONFIG_SYSVIPC"));

	CHECK_OK(LKLTEST_SYS(semop, id, &up, 1));
	CHECK_EQ(LKLTEST_SYS(semctl, id, 0, GET_VALUE, 0), 2);
	CHECK_ERR(LKLTEST_SYS(semop, id, &down, 1), LKL_EAGAIN);
	CHECK_OK(LKLTEST_SYS(semctl, id, 1, SET_VALUE, 1));
	CHECK_OK(LKLTEST_SYS(semop, id, &one, 1));
	CHECK_EQ(LKLTEST_SYS(semctl, id, 1, GET_VALUE, 0), 0);
	CHECK_OK(LKLTEST_SYS(semctl, id, 0, REMOVE, 0));
	CHECK_ERR(LKLTEST_SYS(semop, id, &up, 1), LKL_EINVAL);
}

/* Memory of System V is the same wherever it is attached. */
POINT(sysv_memory)
{
	long id = CHECK_OK(need_call(LKLTEST_SYS(shmget, PRIVATE, 8192, CREATE | 0600), "CONFIG_SYSVIPC"));
	char *a = (char *)CHECK_OK(LKLTEST_SYS(shmat, id, NULL, 0)), *b = (char *)CHECK_OK(LKLTEST_SYS(shmat, id, NULL, 0));

	strcpy(a, "shared");
	CHECK_STR_EQ(b, "shared");
	CHECK_OK(LKLTEST_SYS(shmctl, id, REMOVE, NULL));
	CHECK_OK(LKLTEST_SYS(shmdt, a));
	CHECK_OK(LKLTEST_SYS(shmdt, b));
	CHECK_LT(LKLTEST_SYS(shmat, id, NULL, 0), 0);
}

/* A queue of POSIX gives the message of the highest priority first. */
POINT(posix_queue)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 16 };
	unsigned int priority = 0;
	char buf[16];
	long q = CHECK_OK(need_call(LKLTEST_SYS(mq_open, "its-queue", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr),
				    "CONFIG_POSIX_MQUEUE"));

	CHECK_OK(LKLTEST_SYS(mq_timedsend, q, "low", 4, 1, NULL));
	CHECK_OK(LKLTEST_SYS(mq_timedsend, q, "high", 5, 9, NULL));
	CHECK_ERR(LKLTEST_SYS(mq_timedsend, q, "full", 5, 9, NULL), LKL_EAGAIN);
	CHECK_EQ(LKLTEST_SYS(mq_timedreceive, q, buf, sizeof(buf), &priority, NULL), 5);
	CHECK_STR_EQ(buf, "high");
	CHECK_EQ(priority, 9);
	CHECK_ERR(LKLTEST_SYS(mq_timedreceive, q, buf, 1, &priority, NULL), LKL_EMSGSIZE);
	CHECK_EQ(LKLTEST_SYS(mq_timedreceive, q, buf, sizeof(buf), &priority, NULL), 4);
	CHECK_OK(LKLTEST_SYS(mq_unlink, "its-queue"));
	CHECK_ERR(LKLTEST_SYS(mq_unlink, "its-queue"), LKL_ENOENT);
	CHECK_OK(lkl_sys_close(q));
}

enum { KEY_READ = 11, KEY_UPDATE = 2, KEY_REVOKE = 3, KEY_PROCESS = -2 };

/* A key keeps what it was given, until it is revoked. */
POINT(keys)
{
	char buf[16] = "";
	long key = need_call(LKLTEST_SYS(add_key, "user", "its-key", "secret", 6, KEY_PROCESS), "CONFIG_KEYS");

	CHECK_OK(key);
	CHECK_EQ(LKLTEST_SYS(keyctl, KEY_READ, key, buf, sizeof(buf), 0), 6);
	CHECK_STR_EQ(buf, "secret");
	CHECK_OK(LKLTEST_SYS(keyctl, KEY_UPDATE, key, "other", 5, 0));
	CHECK_EQ(LKLTEST_SYS(keyctl, KEY_READ, key, buf, sizeof(buf), 0), 5);
	CHECK_MEM_EQ(buf, "other", 5);
	CHECK_OK(LKLTEST_SYS(keyctl, KEY_REVOKE, key, 0, 0, 0));
	CHECK_ERR(LKLTEST_SYS(keyctl, KEY_READ, key, buf, sizeof(buf), 0), EKEYREVOKED);
}

static long left_uts;

static void *leave_uts(void *unused)
{
	struct lkltest_utsname name;

	(void)unused;
	left_uts = LKLTEST_SYS(unshare, CLONE_NEWUTS);
	if (left_uts)
		return "";
	CHECK_OK(LKLTEST_SYS(sethostname, "elsewhere", 9));
	CHECK_OK(lkltest_uname(&name));
	CHECK_STR_EQ(name.nodename, "elsewhere");
	return "";
}

/* A thread that has left the namespace of names changes its own host's name only. */
POINT(namespace_uts)
{
	struct lkltest_utsname before, after;

	CHECK_OK(lkltest_uname(&before));
	CHECK_ERR(LKLTEST_SYS(unshare, CLONE_NEWUTS | 1), LKL_EINVAL);		/* an unknown flag */
	on_own_thread(leave_uts);
	CHECK_OK(need(left_uts, LKL_EINVAL, "CONFIG_UTS_NS"));
	CHECK_OK(lkltest_uname(&after));
	CHECK_STR_EQ(after.nodename, before.nodename);
}

static void *leave_files(void *directory)
{
	int fd = *(int *)directory;
	char cwd[64];

	CHECK_OK(LKLTEST_SYS(unshare, CLONE_FILES | CLONE_FS));
	CHECK_OK(lkl_sys_close(fd));
	CHECK_OK(lkl_sys_mkdirat(LKL_AT_FDCWD, "/its-own", 0755));
	CHECK_OK(lkl_sys_chdir("/its-own"));
	CHECK_OK(lkl_sys_getcwd(cwd, sizeof(cwd)));
	CHECK_STR_EQ(cwd, "/its-own");
	return "";
}

static int shared_fd;

static void *leave(void *unused)
{
	(void)unused;
	return leave_files(&shared_fd);
}

/* A thread with descriptors and a directory of its own changes nobody else's. */
POINT(unshare_files)
{
	char before[64], after[64];

	shared_fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/", LKL_O_RDONLY, 0));
	CHECK_OK(lkl_sys_getcwd(before, sizeof(before)));
	on_own_thread(leave);
	CHECK_OK(lkl_sys_getcwd(after, sizeof(after)));
	CHECK_STR_EQ(after, before);
	CHECK_OK(lkl_sys_close(shared_fd));
	CHECK_OK(lkl_sys_unlinkat(LKL_AT_FDCWD, "/its-own", 0x200));
	CHECK_ERR(LKLTEST_SYS(setns, -1, 0), LKL_EBADF);
}

#endif
