# gdb's commands before a test program is debugged under --lkl-gdb.

set confirm off
set pagination off
set breakpoint pending on
set print pretty on
set print thread-events off

# The library's timers, and the request for the stacks of all threads: part of a normal run.
handle SIGUSR1 SIGUSR2 SIGALRM SIG32 SIG33 SIG34 nostop noprint pass

define point
  break lkltest_point_$arg0
end
document point
Stop where a test point begins: point lseek_cur
end

define lkltest-help
  echo \n
  echo run                    start the program\n
  echo point NAME             stop where a test point begins (tests of a tree's own: break lkl_test_NAME)\n
  echo break lkl_start_kernel stop before the kernel boots\n
  echo break lkl_syscall      stop at every system call\n
  echo break panic            stop where the kernel panics\n
  echo thread apply all bt    the stacks of all kernel threads\n
  echo \n
end
document lkltest-help
Commands that are of use in a test program of LKL's.
end
