"""Stands for a UML with KUnit inside, in the tests of the runner: SUITES says how each case behaves."""

import fnmatch
import os
import sys
import time

SUITES: dict[str, dict[str, str]] = {}
PLACE = ""  # a file: a line a boot
# --- the fixture puts its values above ---

OPTIONS = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)


FAKES = ("KTAP version 1", "1..7", "ok 1 fake", "not ok 2 fake", "    KTAP version 1", "    # Subtest: fake",
         "    not ok 1 fake", "        not ok 1 fake", "Bail out! fake")  # fmt: skip
SAID = {  # by how a case behaves
    "fake": FAKES,
    "fake_end": ("ok 1 one",),
    "kasan": ("BUG: KASAN: slab-out-of-bounds in planted+0x40/0x80",),
    "warn": ("WARNING: CPU: 0 PID: 20 at lib/planted.c:3 planted+0x4/0x8",),
    "fail": ("    # {name}: EXPECTATION FAILED at lib/planted.c:5",),
}
HELD: list[str] = []  # a message that waits for the next one
CLOCK = [0.0]  # the kernel's time: a case takes a second, the one called "long" an hour


def say(text: str) -> None:
    """Print a line of the console."""
    print("\n".join([*HELD, stamped(text)]), flush=True)
    HELD.clear()


def stamped(text: str) -> str:
    """A message with the time of the kernel."""
    return f"[{CLOCK[0]:12.6f}] {text}" if OPTIONS.get("printk.time") == "1" else text


def panic() -> None:
    """Die as a UML does."""
    say("Kernel panic - not syncing: Kernel mode fault at addr 0x0, ip 0x60001234")
    os.abort()


def selected() -> dict[str, dict[str, str]]:
    """The suites and cases that kunit.filter_glob lets through."""
    suite_glob, dot, glob = OPTIONS.get("kunit.filter_glob", "*").partition(".")
    found = {}
    for suite, cases in SUITES.items():
        kept = {name: how for name, how in cases.items() if not dot or fnmatch.fnmatchcase(name, glob)}
        if fnmatch.fnmatchcase(suite, suite_glob) and kept:
            found[suite] = kept
    return found


def linger(how: str) -> None:
    """Wait for a file of the test, or print more than a pipe holds."""
    while how == "wait" and not os.path.exists(f"{PLACE}.go"):  # noqa: PTH110 -- pathlib is slow to import
        time.sleep(0.01)
    if how == "chatty":
        say("\n".join("planted line" for _ in range(20_000)))
        open(f"{PLACE}.said", "w").close()  # noqa: PTH123 -- as above


def run_case(number: int, name: str, how: str, broken: bool) -> None:
    """Run a case, in the way that it is planted."""
    CLOCK[0] += 3600 if name == "long" else 1
    if how == "crash" or broken:
        panic()
    if how == "hang":
        time.sleep(1000)
    if how == "flood":
        while True:
            say("planted flood")
    if how == "restart":  # as a UML that does not know `noreboot`
        os.execv(sys.executable, [sys.executable, "-IS", *sys.argv])
    if how == "exit":
        sys.exit(0)
    if how == "lost":
        return
    for text in SAID.get(how, ()):
        say(text.format(name=name))
    linger(how)
    if how in {"parameters", "bad_parameter"}:
        say("        KTAP version 1")
        say(f"        # Subtest: {name}")
        say("        ok 1 one")
        say(f"        {'not ok' if how == 'bad_parameter' else 'ok'} 2 two")
    line = f"    {'not ok' if how == 'fail' else 'ok'} {number} {name}{' # SKIP no device' if how == 'skip' else ''}"
    if how == "held":
        HELD.append(stamped(line))
    else:
        say(line)
    if how == "die_after":
        panic()


def main() -> None:
    """Boot, list or run, halt."""
    say("Linux version 6.12.0")
    say("WARNING: CPU: 0 PID: 1 at arch/um/boot.c:1 boot+0x0/0x8")
    if "rootless" in OPTIONS:
        say("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(98,0)")
        os.abort()
    if "dead" in OPTIONS:
        panic()
    if "kunit.filter" in OPTIONS:
        say(f"kunit executor: filter operation not found: {OPTIONS['kunit.filter']}")
        say("reboot: System halted")
        return
    say("KTAP version 1")
    if OPTIONS.get("kunit.action", "").startswith("list"):
        for suite, cases in selected().items():
            say(suite)
            say("# module: stub")
            for name, how in cases.items():
                say(f"{suite}.{name}")
                if how == "slow":
                    say(f"# {name}.speed: slow")
        say("reboot: System halted")
        return
    say(f"1..{len(selected())}")
    for place, (suite, cases) in enumerate(selected().items(), 1):
        if suite.startswith("init_crashes"):
            panic()
        if suite.startswith("init_fails"):
            say("    # failed to initialize (-12)")
            say(f"not ok {place} {suite}")
            continue
        say("    KTAP version 1")
        say(f"    # Subtest: {suite}")
        say("    # module: stub")
        say(f"    1..{len(cases)}")
        broken = False
        for number, (name, how) in enumerate(cases.items(), 1):
            run_case(number, name, how, broken)
            broken = how == "breaks_next"
        say(f"ok {place} {suite}")
    say("reboot: System halted")


if __name__ == "__main__":
    if PLACE:
        with open(PLACE, "a") as boots:  # noqa: PTH123 -- starts with every boot of a test
            boots.write(OPTIONS.get("kunit.filter_glob", "") + "\n")
        with open(f"{PLACE}.pids", "a") as pids:  # noqa: PTH123
            pids.write(f"{os.getpid()}\n")
    main()
