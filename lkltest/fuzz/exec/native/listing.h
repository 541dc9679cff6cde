/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of the kernel's own files in directories that a program lists, for a generator that goes on from there:
 * absolute paths one after the other, each with its NUL, a directory's with a slash at its end. Only /proc and /sys are
 * of interest: they are the same in each program.
 */
#ifndef LKLTEST_FUZZ_LISTING_H
#define LKLTEST_FUZZ_LISTING_H

#define LISTING_PATH	256
#define LISTING_DIR	4	/* DT_DIR */
#define LISTING_FILE	8	/* DT_REG */

struct listing_entry {
	uint64_t inode, offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

static void listing_add(struct fz_shared *shared, const char *directory, const struct listing_entry *entry)
{
	char *at = (char *)shared + FZ_LISTING + shared->listed;
	long room = FZ_LISTING_SIZE - shared->listed;
	int size;

	if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
		return;
	size = snprintf(at, room, "%s/%s%s", directory, entry->name, entry->type == LISTING_DIR ? "/" : "");
	if (size < LISTING_PATH && size < room)
		shared->listed += size + 1;
}

/* Note the entries that getdents64() returned for a descriptor. */
static void listing_note(struct fz_shared *shared, long fd, const char *entries, long bytes)
{
	char link[32], own[32], path[LISTING_PATH + sizeof(own)];
	const struct listing_entry *entry;
	long size, at;

	snprintf(link, sizeof(link), "/proc/self/fd/%ld", fd);
	size = SYS(readlinkat, SANDBOX_FDCWD, (long)link, (long)path, LISTING_PATH - 1);
	if (size < 4)
		return;
	path[size] = 0;
	if (strncmp(path, "/proc", 5) && strncmp(path, "/sys", 4))
		return;
	size = snprintf(own, sizeof(own), "/proc/%ld/", SYS(getpid));
	if (!strncmp(path, own, size - 1) && (!path[size - 1] || path[size - 1] == '/')) {
		memmove(path + sizeof("/proc/self") - 1, path + size - 1, strlen(path + size - 1) + 1);
		memcpy(path, "/proc/self", sizeof("/proc/self") - 1);
	}
	for (at = 0; at + (long)sizeof(*entry) < bytes; at += entry->bytes) {
		entry = (const struct listing_entry *)(entries + at);
		if (entry->bytes < sizeof(*entry) || entry->bytes > bytes - at)
			return;
		if (entry->type == LISTING_DIR || entry->type == LISTING_FILE)
			listing_add(shared, path, entry);
	}
}

#endif
