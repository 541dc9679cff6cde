/* The part that a kernel tree's own tests share: announces each test, and tells its result. */
#include <stdio.h>

int lkl_test_run(int (*const tests[])(void), const char *const names[], int nr);
int lkl_test_run(int (*const tests[])(void), const char *const names[], int nr)
{
	int i, failed = 0;

	printf("1..%d # %s\n", nr, "tree");
	for (i = 1; i <= nr; i++) {
		printf("* %d %s\n", i, names[i - 1]);
		fflush(stdout);
		if (tests[i - 1]()) {
			failed = 1;
			printf("not ok %d %s\n", i, names[i - 1]);
		} else {
			printf("ok %d %s\n", i, names[i - 1]);
		}
	}
	return failed;
}

void lkl_test_log(const char *str, int len);
void lkl_test_log(const char *str, int len)
{
	fwrite(str, 1, len, stderr);
}
