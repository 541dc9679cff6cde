/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a power cut: the disk must mount, and everything that was promised
 * before must be there. The promises are the lines of a file of the host, as
 * lkltest/powercut/recording.py writes them:
 *
 *	durable PATH SIZE SEED		exactly these bytes
 *	either PATH SIZE SEED SIZE SEED	exactly these, or exactly those
 *	prefix PATH SIZE SEED		these bytes, and perhaps more
 *	gone PATH			no such file
 *
 * Arguments: disk=FILE type=FS promises=FILE [mount=OPTIONS] [lacks=inodes_after_replay]
 */
#include <lkltest.h>

#include "files.h"

#define WHERE LKLTEST_WORK "/disk"

static struct lkltest_disk disk;
static int mounted;

POINT(disk_add)
{
	disk.path = lkltest_arg("disk");
	if (!disk.path || !lkltest_arg("type") || !lkltest_arg("promises"))
		lkltest_bail_out("disk=FILE, type=FS and promises=FILE are needed");
	lkltest_disk_add(&disk, NULL);
}

POINT(start_kernel)
{
	lkltest_start_kernel();
}

static void mount_disk(void)
{
	long err = lkltest_mount(lkltest_disk_node(&disk, 0), WHERE, lkltest_arg("type"), 0, lkltest_arg("mount"));

	if (err)
		lkltest_fail("after the power cut, mount of %s: %s", lkltest_arg("type"), lkl_strerror(err));
	mounted = 1;
}

static void umount_disk(void)
{
	close_leftovers();
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkltest_umount(WHERE), 0);
	mounted = 0;
	lkltest_wait_free(disk.node);
}

POINT(mount_dev)
{
	mount_disk();
}

/* The damage in a file of these bytes, or in its first bytes only, in words; NULL: none. */
static const char *wrong(const char *path, const char *seed, size_t size, int prefix)
{
	static char text[256];
	struct lkltest_data data;
	struct lkl_stat st;
	size_t done, len, got, i;
	long fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0);

	if (fd < 0) {
		snprintf(text, sizeof(text), "cannot be opened: %s", lkl_strerror(fd));
		return text;
	}
	*text = 0;
	stat_file(path, &st);
	if (prefix ? (size_t)st.st_size < size : (size_t)st.st_size != size)
		snprintf(text, sizeof(text), "has %lld bytes instead of %zu", (long long)st.st_size, size);
	lkltest_data_init(&data, seed);
	for (done = 0; done < size && !*text; done += len) {
		len = size - done < CHUNK ? size - done : CHUNK;
		got = read_some(fd, chunk, len);
		lkltest_data_fill(&data, done / LKLTEST_PAGE, known, CHUNK_PAGES);
		for (i = 0; i < got && chunk[i] == known[i]; i++)
			;
		if (i < got)
			snprintf(text, sizeof(text), "is wrong from byte %zu of %zu on: 0x%02x instead of 0x%02x", done + i,
				 size, (unsigned char)chunk[i], (unsigned char)known[i]);
		else if (got < len)
			snprintf(text, sizeof(text), "ends after %zu of %zu bytes", done + got, size);
	}
	close_file(fd);
	return *text ? text : NULL;
}

static void check_promise(const char *line)
{
	char kind[16], path[256], seed[2][64];
	size_t size[2];
	const char *why = NULL;
	int n = sscanf(line, "%15s %255s %zu %63s %zu %63s", kind, path, &size[0], seed[0], &size[1], seed[1]);

	if (!strcmp(kind, "gone") && n == 2) {
		if (lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0) != -LKL_ENOENT)
			why = "was deleted, and is there again";
	} else if (!strcmp(kind, "either") && n == 6) {
		if (wrong(path, seed[0], size[0], 0))
			why = wrong(path, seed[1], size[1], 0);
	} else if ((!strcmp(kind, "durable") || !strcmp(kind, "prefix")) && n == 4) {
		why = wrong(path, seed[0], size[0], *kind == 'p');
	} else {
		lkltest_bail_out("not a promise: %s", line);
	}
	if (why)
		lkltest_fail("%s %s (promised: %s)", path, why, line);
}

POINT(promises)
{
	char line[512];
	int nr = 0;
	FILE *f;

	if (!mounted)
		lkltest_fail("nothing is mounted");
	CHECK_EQ(lkl_sys_chdir(WHERE), 0);
	f = fopen(lkltest_arg("promises"), "r");
	if (!f)
		lkltest_bail_out("cannot read the promises %s: %s", lkltest_arg("promises"), strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		check_promise(line);
		nr++;
	}
	fclose(f);
	lkltest_property("promises", "%d", nr);
}

/* A disk that can be read can still be one that cannot be written. */
POINT(writable)
{
	if (!mounted)
		lkltest_fail("nothing is mounted");
	if (lacks("inodes_after_replay")) {
		umount_disk();
		mount_disk();
		CHECK_EQ(lkl_sys_chdir(WHERE), 0);
	}
	make_file("after-the-cut", 10000);
	check_file("after-the-cut", 10000);
}

POINT(umount_dev)
{
	if (!mounted)
		lkltest_fail("nothing is mounted");
	umount_disk();
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(disk_add),
	LKLTEST_LIBRARY(start_kernel),
	LKLTEST_LIBRARY(mount_dev),
	LKLTEST_LIBRARY(promises),
	LKLTEST_LIBRARY(writable),
	LKLTEST_LIBRARY(umount_dev),
	LKLTEST_LIBRARY(stop_kernel),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
