// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases that break their kernel, each between two that do not. */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/reboot.h>
#include <linux/slab.h>

static void planted_good_first(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 2);
}

static void planted_null(struct kunit *test)
{
	int *volatile nothing = NULL;

	KUNIT_EXPECT_EQ(test, *nothing, 0);
}

static void planted_good_after_null(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 2);
}

static void planted_loop(struct kunit *test)
{
	for (;;)
		barrier();
}

static void planted_failure(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 3);
}

static void planted_sleep(struct kunit *test)
{
	for (;;)
		msleep(1000);
}

static void planted_skip(struct kunit *test)
{
	kunit_skip(test, "planted to be skipped");
}

/* KUnit walks the resources of a case when it has ended. */
static void planted_broken_list(struct kunit *test)
{
	KUNIT_ASSERT_NOT_NULL(test, kunit_kzalloc(test, 16, GFP_KERNEL));
	test->resources.prev->prev = (struct list_head *)0x10;
	test->resources.next->next = (struct list_head *)0x10;
}

static void planted_good_after_list(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 2);
}

static void planted_overrun(struct kunit *test)
{
	char *buffer = kmalloc(40, GFP_KERNEL);
	volatile char *end = buffer + 40;

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	OPTIMIZER_HIDE_VAR(end);
	*end = 'x';
	kfree(buffer);
}

static void planted_parameters(struct kunit *test)
{
	const int *value = test->param_value;

	KUNIT_EXPECT_LT(test, *value, 3);
}

static const int planted_values[] = { 1, 2, 3 };

static void planted_describe(const int *value, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "value %d", *value);
}
KUNIT_ARRAY_PARAM(planted, planted_values, planted_describe);

static void planted_warning(struct kunit *test)
{
	WARN(1, "planted");
}

static void planted_bug(struct kunit *test)
{
	BUG();
}

static void planted_interrupts_off(struct kunit *test)
{
	local_irq_disable();
	for (;;)
		barrier();
}

static void planted_flood(struct kunit *test)
{
	for (;;)
		printk(KERN_INFO "planted flood\n");
}

static void planted_halt(struct kunit *test)
{
	kernel_halt();
}

static void planted_restart(struct kunit *test)
{
	kernel_restart(NULL);
}

static void planted_silent_restart(struct kunit *test)
{
	emergency_restart();
}

/* Prints what no result of KUnit's is, though it looks like one. */
static void planted_ktap(struct kunit *test)
{
	printk(KERN_INFO "ok 1 fake\n");
	printk(KERN_INFO "not ok 1 planted\n");
	printk(KERN_INFO "    not ok 1 fake\n");
	printk(KERN_INFO "        not ok 1 fake\n");
	printk(KERN_INFO "    # Subtest: fake\n");
	printk(KERN_INFO "KTAP version 1\n");
	printk(KERN_INFO "1..7\n");
	printk(KERN_INFO "Bail out!\n");
}

static void planted_good_last(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 2);
}

static struct kunit_case planted_cases[] = {
	KUNIT_CASE(planted_good_first),
	KUNIT_CASE(planted_null),
	KUNIT_CASE(planted_good_after_null),
	KUNIT_CASE(planted_loop),
	KUNIT_CASE(planted_failure),
	KUNIT_CASE(planted_sleep),
	KUNIT_CASE(planted_skip),
	KUNIT_CASE(planted_broken_list),
	KUNIT_CASE(planted_good_after_list),
	KUNIT_CASE(planted_overrun),
	KUNIT_CASE_PARAM(planted_parameters, planted_gen_params),
	KUNIT_CASE(planted_warning),
	KUNIT_CASE(planted_bug),
	KUNIT_CASE(planted_interrupts_off),
	KUNIT_CASE(planted_flood),
	KUNIT_CASE(planted_halt),
	KUNIT_CASE(planted_restart),
	KUNIT_CASE(planted_silent_restart),
	KUNIT_CASE(planted_ktap),
	KUNIT_CASE(planted_good_last),
	{}
};

static struct kunit_suite planted_suite = { .name = "planted", .test_cases = planted_cases };

static void planted_trap(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 2);
}

static struct kunit_case planted_trap_cases[];

/*
 * Passes, but the case behind it in KUnit's array is no function any more: only where no pattern selects cases, for
 * which KUnit takes a copy of the array.
 */
static void planted_breaks_next(struct kunit *test)
{
	planted_trap_cases[1].run_case = (void *)0x8;
}

static struct kunit_case planted_trap_cases[] = {
	KUNIT_CASE(planted_breaks_next),
	KUNIT_CASE(planted_trap),
	{}
};

static struct kunit_suite planted_trap_suite = { .name = "planted trap", .test_cases = planted_trap_cases };

static int planted_init_fails(struct kunit_suite *suite)
{
	return -ENOMEM;
}

static void planted_never_runs(struct kunit *test)
{
}

static struct kunit_case planted_init_cases[] = {
	KUNIT_CASE(planted_never_runs),
	{}
};

static struct kunit_suite planted_init_suite = {
	.name = "planted_init", .suite_init = planted_init_fails, .test_cases = planted_init_cases
};

kunit_test_suites(&planted_suite, &planted_trap_suite, &planted_init_suite);
