/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about being told of changes, and about input and output that is waited for later. */
#ifndef VFS_EVENTS_INC_C
#define VFS_EVENTS_INC_C

#include "vfs.h"

struct told {
	int watch;
	uint32_t mask, cookie, len;
	char name[];
};

#define IN_EVERY 0xfff
#define IN_MODIFIED 0x2
#define IN_MOVED_AWAY 0x40
#define IN_MOVED_HERE 0x80
#define IN_CREATED 0x100
#define IN_DELETED 0x200
#define IN_IS_DIRECTORY 0x40000000

/* The cookie of the event of this kind and name, which must have been told once; -1 where it has none. */
static long find_event(const char *buf, long length, uint32_t kind, const char *name)
{
	const struct told *event;
	long at, found = -1;

	for (at = 0; at < length; at += sizeof(*event) + event->len) {
		event = (const void *)(buf + at);
		if ((event->mask & ~0U) == kind && event->len && !strcmp(event->name, name)) {
			if (found >= 0)
				lkltest_fail("event 0x%x of %s came twice", kind, name);
			found = event->cookie;
		}
	}
	if (found < 0)
		lkltest_fail("event 0x%x of %s did not come", kind, name);
	return found;
}

/* Whatever happens to the files of a watched directory is told, in order, and a rename by two events of one cookie. */
POINT(inotify)
{
	static char buf[4096] __attribute__((aligned(8)));
	long fd = offered(LKLTEST_SYS(inotify_init1, LKL_O_NONBLOCK), "CONFIG_INOTIFY_USER"), watch, length, cookie;

	own_dir("/vfs/watched");
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/watched/moved", 0);
	watch = CHECK_OK(LKLTEST_SYS(inotify_add_watch, fd, (long)"/vfs/watched", IN_EVERY));
	CHECK_ERR(lkl_sys_read(fd, buf, sizeof(buf)), LKL_EAGAIN);
	put_file("/vfs/watched/file", "x", 1);
	CHECK_EQ(make_dir("/vfs/watched/dir"), 0);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/watched/file", LKL_AT_FDCWD, "/vfs/watched/moved", 0), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/watched/moved", 0), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/watched/dir", LKL_AT_REMOVEDIR), 0);
	length = CHECK_OK(lkl_sys_read(fd, buf, sizeof(buf)));
	find_event(buf, length, IN_CREATED, "file");
	find_event(buf, length, IN_MODIFIED, "file");
	find_event(buf, length, IN_CREATED | IN_IS_DIRECTORY, "dir");
	cookie = find_event(buf, length, IN_MOVED_AWAY, "file");
	CHECK_GT(cookie, 0);
	CHECK_EQ(find_event(buf, length, IN_MOVED_HERE, "moved"), cookie);
	find_event(buf, length, IN_DELETED, "moved");
	CHECK_EQ(((struct told *)buf)->watch, watch);
	CHECK_EQ(LKLTEST_SYS(inotify_rm_watch, fd, watch), 0);
	CHECK_ERR(LKLTEST_SYS(inotify_rm_watch, fd, watch), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(inotify_add_watch, fd, (long)"/vfs/none", IN_EVERY), LKL_ENOENT);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

struct opened {
	uint32_t length;
	uint8_t version, reserved;
	uint16_t head;
	uint64_t mask __attribute__((aligned(8)));
	int32_t fd, pid;
};

/* The opening of a marked file is told, with a descriptor of it. */
POINT(fanotify)
{
	static struct opened event;
	long fd, file;
	char back[4];

	own_dir("/vfs/marked");
	put_file("/vfs/marked/file", "text", 4);
	fd = offered(LKLTEST_SYS(fanotify_init, 2, LKL_O_RDONLY), "CONFIG_FANOTIFY");
	CHECK_OK(fd);
	CHECK_EQ(LKLTEST_SYS(fanotify_mark, fd, 1, 0x20 | 0x1, LKL_AT_FDCWD, (long)"/vfs/marked/file"), 0);
	CHECK_ERR(lkl_sys_read(fd, (char *)&event, sizeof(event)), LKL_EAGAIN);
	file = open_at("/vfs/marked/file", LKL_O_RDONLY);
	CHECK_EQ(lkl_sys_read(fd, (char *)&event, sizeof(event)), sizeof(event));
	CHECK_EQ(event.mask, 0x20);	/* FAN_OPEN */
	CHECK_EQ(event.pid, lkl_sys_getpid());
	CHECK_EQ(lkl_sys_read(event.fd, back, 4), 4);
	CHECK_MEM_EQ(back, "text", 4);
	CHECK_EQ(lkl_sys_close(event.fd), 0);
	CHECK_EQ(lkl_sys_close(file), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

struct request {
	uint64_t data;
	uint32_t key, flags;
	uint16_t code;
	int16_t priority;
	uint32_t fd;
	uint64_t buf, bytes;
	int64_t offset;
	uint64_t reserved;
	uint32_t more_flags, event;
};

struct answer {
	uint64_t data, request;
	int64_t result, result2;
};

/* Requests that are submitted together all come back, each with its own result. */
POINT(aio)
{
	static char text[8192], back_text[8192];
	struct request write = { .data = 1, .code = 1, .buf = (unsigned long)text, .bytes = sizeof(text) };
	struct request read = { .data = 2, .code = 0, .buf = (unsigned long)back_text, .bytes = sizeof(text), .offset = 4096 };
	struct request *one = &write, *two = &read;
	struct answer answers[2];
	unsigned long context = 0;
	long fd;

	own_dir("/vfs/aio");
	CHECK_EQ(offered(LKLTEST_SYS(io_setup, 16, (long)&context), "CONFIG_AIO"), 0);
	fill(text, sizeof(text), 9);
	fd = open_at("/vfs/aio/file", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	write.fd = read.fd = fd;
	CHECK_EQ(LKLTEST_SYS(io_submit, context, 1, (long)&one), 1);
	CHECK_EQ(LKLTEST_SYS(io_getevents, context, 1, 1, (long)answers, 0), 1);
	CHECK_EQ(answers[0].data, 1);
	CHECK_EQ(answers[0].result, sizeof(text));
	CHECK_EQ(LKLTEST_SYS(io_submit, context, 1, (long)&two), 1);
	CHECK_EQ(LKLTEST_SYS(io_getevents, context, 1, 2, (long)answers, 0), 1);
	CHECK_EQ(answers[0].data, 2);
	CHECK_EQ(answers[0].result, 4096);
	CHECK_MEM_EQ(back_text, text + 4096, 4096);
	read.code = 999;
	CHECK_ERR(LKLTEST_SYS(io_submit, context, 1, (long)&two), LKL_EINVAL);
	CHECK_EQ(LKLTEST_SYS(io_destroy, context), 0);
	CHECK_ERR(LKLTEST_SYS(io_destroy, context), LKL_EINVAL);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

#endif
