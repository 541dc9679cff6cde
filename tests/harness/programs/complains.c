/* Says of each line on stdin whether the kernel complains in it. */
#include <lkltest.h>

int main(void)
{
	char line[4096];
	int listing = 0;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		puts(!lkltest_repeats(line, &listing) && lkltest_complains(line) ? "yes" : "no");
	}
	return 0;
}
