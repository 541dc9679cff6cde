/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about slab caches: what their files below /sys say, and what changes when they are written. */
#ifndef VFS_SLAB_INC_C
#define VFS_SLAB_INC_C

#include "vfs.h"

#define SLABS NEED_SYS "/kernel/slab"

/* The number in a file of a slab cache. */
static long long slab_number(const char *cache, const char *name)
{
	char path[192], text[256];

	snprintf(path, sizeof(path), SLABS "/%s/%s", cache, name);
	return atoll(need_file(path, text, sizeof(text)));
}

static long slab_write(const char *cache, const char *name, const char *value)
{
	char path[192];

	snprintf(path, sizeof(path), SLABS "/%s/%s", cache, name);
	return need_write(path, value);
}

static void need_slabs(void)
{
	need_sys_at();
	if (!exists(SLABS "/filp"))
		lkltest_skip("this kernel has no /sys/kernel/slab/filp: CONFIG_SLUB, CONFIG_SLUB_DEBUG");
}

/* Sets a flag of a cache, reads it, and sets it back; 0 where the kernel lets nobody set it (since Linux 5.9). */
static int flip(const char *cache, const char *name)
{
	long long before = slab_number(cache, name);
	long n = slab_write(cache, name, before ? "0" : "1");

	if (n < 0) {
		lkltest_log("%s of %s is not set: %s", name, cache, lkl_strerror(n));
		CHECK_EQ(slab_number(cache, name), before);
		return 0;
	}
	CHECK_EQ(slab_number(cache, name), !before);
	CHECK_EQ(slab_write(cache, name, before ? "1" : "0"), 1);
	CHECK_EQ(slab_number(cache, name), before);
	return 1;
}

/* The flags of a cache that is in use are set, but not those on which the size of its objects depends. */
POINT(sys_slab_flags)
{
	static const char *const sized[] = { "red_zone", "poison", "store_user" };
	long long before;
	size_t i;

	need_slabs();
	flip("filp", "sanity_checks");
	flip("filp", "reclaim_account");
	for (i = 0; i < sizeof(sized) / sizeof(*sized); i++) {
		before = slab_number("filp", sized[i]);
		CHECK_LT(slab_write("filp", sized[i], before ? "0" : "1"), 0);
		CHECK_EQ(slab_number("filp", sized[i]), before);
	}
	CHECK_LT(slab_write("filp", "objects", "1"), 0);
}

/* A traced cache tells of each object that it gives out and takes back. */
POINT(sys_slab_trace)
{
	long n;

	need_slabs();
	lkltest_expect_console("");	/* with the stack of each */
	n = slab_write("filp", "trace", "1");
	if (n < 0)
		lkltest_skip("a cache is traced from the boot on only: slab_debug=T,filp (%s)", lkl_strerror(n));
	CHECK_EQ(lkl_sys_close(open_at("/", LKL_O_RDONLY)), 0);
	sleep_ns(SHORT_NS);	/* a closed file goes a little later */
	CHECK_EQ(slab_write("filp", "trace", "0"), 1);
	CHECK_EQ(slab_number("filp", "trace"), 0);
	CHECK(lkltest_console_seen("TRACE filp"));
}

/* Slabs have as many pages as were asked for, within the bounds of the boot. */
POINT(sys_slab_order)
{
	long long before, each;
	char text[24];
	long n;

	need_slabs();
	before = slab_number("filp", "order");
	each = slab_number("filp", "objs_per_slab");
	snprintf(text, sizeof(text), "%lld", before + 1);
	n = slab_write("filp", "order", text);
	if (n < 0)
		lkltest_skip("the order of a slab is not set: %s", lkl_strerror(n));
	EXPECT_EQ(slab_number("filp", "order"), before + 1);
	EXPECT_GE(slab_number("filp", "objs_per_slab"), 2 * each);
	snprintf(text, sizeof(text), "%lld", before);
	CHECK_EQ(slab_write("filp", "order", text), strlen(text));
	CHECK_EQ(slab_number("filp", "objs_per_slab"), each);
	CHECK_ERR(slab_write("filp", "order", "20"), LKL_EINVAL);
	CHECK_ERR(slab_write("filp", "order", "some"), LKL_EINVAL);
}

/* The name of a cache that has no objects; 0 if there is none. */
static int find_empty_slab(char *name, size_t size)
{
	long fd = open_at(SLABS, LKL_O_RDONLY | LKL_O_DIRECTORY), len, at;
	struct lkl_linux_dirent64 *entry;
	char buf[2048];
	int found = 0;

	while (!found && (len = CHECK_OK(lkl_sys_getdents64(fd, (void *)buf, sizeof(buf)))) > 0)
		for (at = 0; !found && at < len; at += entry->d_reclen) {
			entry = (void *)(buf + at);
			if (entry->d_name[0] == '.' || slab_number(entry->d_name, "slabs") ||
			    slab_number(entry->d_name, "aliases"))
				continue;
			snprintf(name, size, "%s", entry->d_name);
			found = 1;
		}
	CHECK_EQ(lkl_sys_close(fd), 0);
	return found;
}

/* An empty cache may get other checks of its objects, which then take more or less room. */
POINT(sys_slab_checks)
{
	static const char *const checks[] = { "red_zone", "poison", "store_user" };
	char name[96] = "";
	long long room, plain;
	int done = 0;
	size_t i;

	need_slabs();
	if (!find_empty_slab(name, sizeof(name)))
		lkltest_skip("each cache of this kernel has objects");
	room = slab_number(name, "slab_size");
	for (i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		done += flip(name, checks[i]);
	if (!done)
		lkltest_skip("the checks of a cache are set by the boot only: slab_debug=");
	CHECK_EQ(slab_number(name, "slab_size"), room);
	if (!slab_number(name, "store_user"))
		return;
	CHECK_EQ(slab_write(name, "store_user", "0"), 1);
	plain = slab_number(name, "slab_size");
	CHECK_EQ(slab_write(name, "store_user", "1"), 1);
	CHECK_LT(plain, room);
	CHECK_EQ(slab_number(name, "slab_size"), room);
}

#endif
