/* Declares points and prints nothing at all. */
#define LKLTEST(name)
LKLTEST(first)
LKLTEST(second)
int main(void) { return 0; }
