/* The part of a kernel that is built with -fsanitize-coverage=trace-pc. */
static inline int halved(int n)
{
	if (n > 100)
		n /= 2;
	return n + 1;
}

int traced_known(int n)
{
	if (n > 5)
		return halved(n);
	return -n;
}

int traced_neighbour(int n)
{
	return n ? n * 3 : -1;
}

#define F(n) __attribute__((noinline)) int traced_many_##n(int x) { return x > n ? x - n : n; }
#define F10(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9)
#define F100(n) F10(n##0) F10(n##1) F10(n##2) F10(n##3) F10(n##4) F10(n##5) F10(n##6) F10(n##7) F10(n##8) F10(n##9)
F100(1) F100(2) F100(3) F100(4)
#undef F
#define F(n) traced_many_##n,
int (*const traced_many[400])(int) = { F100(1) F100(2) F100(3) F100(4) };
