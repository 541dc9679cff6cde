/* Logs the bytes of a file: file=PATH. No kernel is started. */
#include <lkltest.h>

POINT(property)
{
	lkltest_property("number", "%d", -12);
	lkltest_property("fraction", "%.1f", 1.5);
	lkltest_property("text", "%s", "no: [yes] # \"\\\t\x1b");
	lkltest_property("version", "%s", "4.9.0");
}

POINT(log)
{
	static char line[1 << 20];
	FILE *f = fopen(lkltest_arg("file"), "rb");
	size_t len = fread(line, 1, sizeof(line), f);

	fclose(f);
	lkltest_console_print(line, len);
}

POINT(stray)
{
	printf("ok 99 stray\n");
	fflush(stdout);
}

LKLTEST_POINTS = { LKLTEST(property), LKLTEST(log), LKLTEST(stray) };

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
