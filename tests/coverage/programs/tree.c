/* A program as a kernel tree's own tests are, with two tests. */
#include <lkl.h>
#include <lkl_host.h>

int traced_known(int n);
int lkl_test_run(int (*const tests[])(void), const char *const names[], int nr);
void lkl_test_log(const char *str, int len);

static int low(void)
{
	return traced_known(2) != -2;
}

static int high(void)
{
	return traced_known(7) != 8;
}

int main(void)
{
	lkl_host_ops.print = lkl_test_log;
	return lkl_test_run((int (*const[])(void)){ low, high }, (const char *const[]){ "low", "high" }, 2);
}
