/* Has the looks of a UML, and panics at its first process, as UMLs do on a host whose processor state is too large. */
#include <stdio.h>
#include <stdlib.h>

static const char banner[] = "Linux version 6.1.77-stub (user@host) (gcc 12.2.0) #1 Mon Nov 23 18:52:40 UTC 2026";

int main(void)
{
	fprintf(stderr, "%s\nUser Mode Linux\nRun /init as init process\n"
			"userspace - ptrace set fp regs failed, errno = 14\n"
			"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\n", banner);
	abort();
}
