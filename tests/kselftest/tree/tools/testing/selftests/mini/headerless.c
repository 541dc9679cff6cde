/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/no-such-header.h>

int main(void)
{
	return 0;
}
