/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that lies, for LD_PRELOAD: the Nth time that a sector is read which
 * begins with the eight bytes of LIAR_WORD (hexadecimal, as they lie on the
 * disk), one of its bits is wrong. N is LIAR_TIME.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int seen;

static void lie(char *buf, ssize_t len)
{
	const char *hex = getenv("LIAR_WORD"), *time = getenv("LIAR_TIME");
	unsigned char word[8];
	ssize_t at;
	int i;

	for (i = 0; i < 8; i++) {
		char digits[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		word[i] = strtoul(digits, NULL, 16);
	}
	for (at = 0; at + 512 <= len; at += 512)
		if (!memcmp(buf + at, word, 8) && ++seen == atoi(time))
			buf[at + 100] ^= 1;
}

ssize_t pread(int fd, void *buf, size_t count, off_t offset)
{
	ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");
	ssize_t len = real(fd, buf, count, offset);

	if (len > 0)
		lie(buf, len);
	return len;
}

ssize_t pread64(int fd, void *buf, size_t count, off_t offset)
{
	return pread(fd, buf, count, offset);
}
