/* Stands between a program and the kernel's lkl_syscall(), which was given another name. */
long plain_lkl_syscall(long number, long *params);

long lkl_syscall(long number, long *params)
{
	return plain_lkl_syscall(number, params);
}

long traced_uncalled(long number)
{
	return number + 1;
}
