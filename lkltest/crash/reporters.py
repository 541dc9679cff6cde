"""Functions that report a fault, copy or lock: they are on the stack, and say nothing of where the fault is."""

from __future__ import annotations

import re

_MEMORY = (
    r"_*(mem|str)(cpy|set|move|cmp|chr|len|ncpy|ncmp|nlen|lcpy)\w*|_*(kasan|asan|ubsan|kmsan|kcsan|kfence)_\w*"
    r"|check_(memory_)?region\w*|memory_is_\w+|bytes_is_\w+|_*(raw_)?copy_(to|from|in)_(user|kernel)\w*|copy(in|out)"
    r"|_*(get|put)_user\w*|handle_overflow|val_to_string|kasan\w*|qlist_free_all|k(free|vfree|zfree|free_sensitive)"
    r"|_*(do_)?slab_free\w*|_*cache_free\w*|kmem_cache_free\w*"
)
_MESSAGES = (
    r"_*(do_)?dump_(stack|page|backtrace)\w*|_*show_(stack|trace|regs)\w*|save_stack\w*|stack_trace_\w+|\w*panic\w*|die"
    r"|_*die_body|oops_\w+|_*warn\w*|report_bug|_*bug\w*|fixup_bug|(start|end)_report|print_\w*(report|address|bug)\w*"
    r"|describe_\w+|fail_dump|lkl_\w*|lkltest_(?!point_)\w+|run_syscall|abort|_*(GI_)?(raise|abort)|_*(GI_)?_*assert_fail\w*|_*pthread_kill\w*"
    r"|v?printk\w*|_*printk\w*|no_context|bad_area\w*|_*do_page_fault|\w*exc_\w+|asm_\w+|do_(trap|error_trap|invalid_op)"
    r"|handle_bug|(invalid_op|page_fault|general_protection|error_entry|divide_error)|(segv|relay_signal)(_handler)?"
    r"|sig_handler\w*"
)
_CHECKS = (
    r"refcount_(warn\w*|\w+_checked|\w*(add|sub|inc|dec)\w*)|_*refcount_\w+|_*list_(add|del)\w*|bad_page|free_pages_prepare"
    r"|object_err|_*slab_(err|error|bug|pad_check)|(alloc|free)_(debug_processing|consistency_checks)|check_\w*(slab|object)"
    r"|check_bytes_and_report|check_poison_obj|verify_redzone_free|init_object|on_freelist|free_to_partial_list"
    r"|_*(might_sleep|might_resched)\w*|_*cant_sleep|_*schedule_bug|_*stack_chk_fail|debug_print_object"
    r"|debug_(object|check_no_obj)\w+|check_preemption_disabled|debug_smp_processor_id|_*this_cpu_preempt_check"
    r"|spin_(bug|dump)|do_raw_spin_\w+"
)
_LOCKDEP = (
    r"lock_(acquire|release|set_class)|_*lock_(acquire|release)|lockdep_\w+|validate_chain|check_(noncircular|deadlock)\w*"
    r"|check_(prev|prevs)_add|check_(usage|irq_usage|wait_context)\w*|mark_lock\w*|register_lock_class|mark_usage"
    r"|assign_lock_key|debug_check_no_locks_\w+|_*(raw_)?(spin|read|write)_(un)?lock\w*|_*mutex_(un)?lock\w*"
    r"|_*ww_mutex_lock\w*|_*down(_read|_write|_interruptible|_killable|_common|_timeout)?\w*|_*up_(read|write)"
    r"|rwsem_(down|wake|optimistic)\w*|call_rwsem_\w+|_*rt_mutex_\w+|lock_sock(_nested|_fast)?|percpu_down_\w+"
)
_WAITS = (
    r"_*schedule\w*|context_switch|io_schedule\w*|bit_wait\w*|_*wait_(on_bit|for_common|for_completion|rcu_gp)\w*"
    r"|do_wait_for_common|preempt_schedule\w*|native_safe_halt|out_of_line_wait_on_bit\w*|_*wait_on_buffer"
    r"|[mu]?sleep|msleep_interruptible|usleep_range\w*|cpu_relax|arch_local_\w+"
)
_WATCHDOGS = (
    r"(rcu|print|check)_\w*stall\w*|rcu_(check_callbacks|sched_clock_irq|pending|dump_cpu_stacks)|watchdog_\w+"
    r"|check_hung_\w+|sched_show_task|trigger_\w*backtrace\w*|nmi_\w+|arch_trigger_\w+|update_process_times"
    r"|watchdog|kthread|thread_bootstrap|tick_(sched|periodic|nohz)_\w+|_*hrtimer_\w+|(smp_)?apic_timer_interrupt|sysvec_apic\w*|local_apic_timer\w*"
)

# With the innermost frames that match left out, the first one that is left is to blame.
REPORTERS = re.compile("|".join((_MEMORY, _MESSAGES, _CHECKS)))

# In complaints about a lock, a wait or a watchdog, the functions of locks, waits and watchdogs only report, too.
WAITERS = re.compile("|".join((REPORTERS.pattern, _LOCKDEP, _WAITS, _WATCHDOGS)))

# Between the place of a complaint and the console.
PRINTERS = re.compile(
    r"|\w*(console|print|printk)\w*|call_(console_)?drivers?|panic|lkl_\w*print\w*|__warn|warn_slowpath\w*|__lkl_\w*"
)
