/* Checks that fail, each at a line of its own. No kernel is started. */
#include <lkltest.h>

#include <limits.h>

static void deep(int depth)
{
	if (depth)
		deep(depth - 1);
	CHECK_EQ(depth, 7);
}

static void *on_a_thread(void *unused)
{
	CHECK_EQ(1, 2);
	lkltest_log("a fatal check went on");
	return unused;
}

POINT(equal) { CHECK_EQ(2 + 2, 5); }
POINT(error) { CHECK_EQ(-LKL_ENOENT, 0); }
POINT(signs) { CHECK_EQ(-1, ULONG_MAX); }
POINT(ordered) { CHECK_LT(ULONG_MAX, -1); }
POINT(succeeds) { int fd = CHECK_OK(-LKL_EBADF); lkltest_log("went on with %d", fd); }
POINT(fails_as) { CHECK_ERR(3, LKL_EINVAL); }
POINT(truth) { CHECK(1 > 2 || "not" == NULL); }
POINT(strings) { CHECK_STR_EQ("a\t\"b\"\n", "c"); }
POINT(null) { CHECK_STR_EQ(NULL, "c"); }
POINT(bytes) { CHECK_MEM_EQ("abc\001", "abcd", 4); }
POINT(several) { EXPECT_EQ(1, 2); EXPECT_GE(3, 4); lkltest_log("went on"); }
POINT(too_many) { for (int i = 0; i < 20; i++) EXPECT_EQ(i, -1); }
POINT(nested) { deep(5); }
POINT(plain) { lkltest_fail("%d of %d", 3, 4); }
POINT(thread)
{
	pthread_t thread;

	pthread_create(&thread, NULL, on_a_thread, NULL);
	pthread_join(thread, NULL);
	lkltest_log("the point went on");
}
POINT(skipped) { lkltest_skip("needs # CONFIG_X\nand more"); }
POINT(failed_first) { EXPECT_EQ(1, 2); lkltest_skip("no"); }
POINT(todo) { lkltest_todo("some day"); CHECK(0); }
POINT(todo_table) { CHECK(0); }
POINT(passes) { CHECK_EQ(ULONG_MAX, ULONG_MAX); CHECK_LT(-1, ULONG_MAX); CHECK_EQ(CHECK_OK(4), 4); }

LKLTEST_POINTS = {
	LKLTEST(equal), LKLTEST(error), LKLTEST(signs), LKLTEST(ordered), LKLTEST(succeeds), LKLTEST(fails_as),
	LKLTEST(truth), LKLTEST(strings), LKLTEST(null), LKLTEST(bytes), LKLTEST(several), LKLTEST(too_many),
	LKLTEST(nested), LKLTEST(plain), LKLTEST(thread), LKLTEST(skipped), LKLTEST(failed_first), LKLTEST(todo),
	LKLTEST(todo_table, .todo = "never"), LKLTEST(passes),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
