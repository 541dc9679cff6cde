"""A finding's C program: it carries the image's difference, and takes the base image as its argument."""

from __future__ import annotations

from collections.abc import Sequence

from lkltest.fuzz.images.inputs import Changes, Input
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.repro import csource

INCLUDES = "#include <fcntl.h>\n#include <sys/mman.h>\n#include <sys/stat.h>\n#include <sys/uio.h>\n"
DISK = """\
static char *image;
static unsigned long image_size;

static int image_capacity(struct lkl_disk disk, unsigned long long *size)
{
	*size = image_size;
	return 0;
}

static int image_request(struct lkl_disk disk, struct lkl_blk_req *req)
{
	unsigned long at = req->sector * 512;

	if (req->type != LKL_DEV_BLK_TYPE_READ && req->type != LKL_DEV_BLK_TYPE_WRITE)
		return LKL_DEV_BLK_STATUS_OK;	/* a flush */
	for (int i = 0; i < req->count; at += req->buf[i++].iov_len) {
		if (at > image_size || req->buf[i].iov_len > image_size - at)
			return LKL_DEV_BLK_STATUS_IOERR;
		if (req->type == LKL_DEV_BLK_TYPE_WRITE)
			memcpy(image + at, req->buf[i].iov_base, req->buf[i].iov_len);
		else
			memcpy(req->buf[i].iov_base, image + at, req->buf[i].iov_len);
	}
	return LKL_DEV_BLK_STATUS_OK;
}

/* The base image with the changes, in memory: the file is only read. */
static int image_open(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st)) {
		perror(path);
		return -1;
	}
	image_size = st.st_size;
	image = mmap(NULL, image_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	for (unsigned long i = 0; image != MAP_FAILED && i < sizeof(changes) / sizeof(*changes); i++)
		memcpy(image + changes[i].offset, changes[i].bytes, changes[i].length);
	return image == MAP_FAILED ? -1 : 0;
}

static int image_add(void)
{
	static struct lkl_dev_blk_ops ops = { image_capacity, image_request };
	static struct lkl_disk disk;
	unsigned int device;
	int id;

	disk.handle = image;
	disk.ops = &ops;
	id = lkl_disk_add(&disk);
	if (id < 0 || lkl_get_virtio_blkdev(id, 0, &device))
		return -1;
	lkl_sys_mkdirat(LKL_AT_FDCWD, "/disk", 0755);
	return lkl_sys_mknodat(LKL_AT_FDCWD, "/dev/disk", 0060600, device);
}

"""
MAIN = "int main(int argc, char **argv)\n{\n\tif (argc < 2 || image_open(argv[1]))\n\t\treturn 1;\n"
UNMOUNT = '\tlkl_sys_chdir("/");\n\tlkl_syscall(__lkl__NR_umount2, (long[6]){ (long)"/disk", 2 /* MNT_DETACH */ });\n'


def write(failing: Input, target: Target, *, title: str, about: Sequence[str], guarded: bool, clean: bool) -> str:
    """The C source of a program that mounts the image and makes the calls; `clean` as for `repro.csource.write`."""
    source = csource.write(
        [failing.program], target.description, target.config.liblkl, title=title, about=about,
        mem=target.config.mem, cmdline=target.config.cmdline, guarded=guarded, clean=clean,
    )
    for old, new in (
        ("#include <lkl.h>\n", f"{INCLUDES}#include <lkl.h>\n"),
        ("static void program0(void)\n", f"{changes(failing.changes)}{DISK}static void program0(void)\n"),
        ("int main(void)\n{\n", MAIN),
        ("\tprogram0();\n", f"\tif (image_add())\n\t\treturn 1;\n\tprogram0();\n{UNMOUNT}"),
    ):
        if source.count(old) != 1:
            raise ValueError(f"the C source has no place for {new!r}")
        source = source.replace(old, new)
    return source.replace("#include <sys/mman.h>\n#include <sys/mman.h>\n", "#include <sys/mman.h>\n")


def changes(found: Changes) -> str:
    """The difference as an array."""
    rows = [f"\t{{ {offset:#x}, {len(data)}, {csource.string(data)} }}," for offset, data in found]
    return "\n".join([
        "/* The bytes in which the image differs from its base. */",
        "static const struct { unsigned long offset; unsigned int length; const char *bytes; } changes[] = {",
        *(rows or ['\t{ 0, 0, "" },']), "};", "", "",
    ])
