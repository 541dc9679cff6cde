"""Inputs that are guided by the edges that earlier ones have reached."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from errno import ENOTTY

import pytest

from lkltest.fuzz.exec.kernel import Kernel
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.images.inputs import Input, Made
from lkltest.fuzz.images.maker import KINDS, ImageEntry, Maker
from lkltest.fuzz.images.mounts import OPTIONS, READ_ONLY, REMOUNT, SYNCHRONOUS, drawn, mount, mounting
from lkltest.fuzz.images.programs import KNOWN, REQUESTS, ImageScenario, Programs, on_image
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.prog.reach import Reach
from lkltest.fuzz.prog.values import Call, Program, Ref, Text


def kept(maker: Maker, *calls: int) -> ImageEntry:
    """The entry for a fresh input that reaches new edges in these of its calls."""
    one = maker.make()
    while len(one[0].calls) < 6:
        one = maker.make()
    maker.learn([one], [Reach(0, dict.fromkeys(calls, frozenset({1, 2})))])
    entry = maker.corpus.entries[-1]
    assert isinstance(entry, ImageEntry)
    assert entry.changes == one[0].changes
    assert entry.candidate.calls == one[0].candidate.calls[: len(entry.candidate.calls)]
    return entry


@pytest.mark.parametrize(("calls", "left"), [((0,), 1), ((0, 3), 2), ((4,), 3)])
def test_an_input_with_new_edges_is_kept(ext4: Target, calls: tuple[int, ...], left: int) -> None:
    """An input with new edges enters the corpus with its image, without the calls behind the last of the edges."""
    entry = kept(Maker(ext4, "1"), *calls)
    assert (len(entry.candidate.calls), entry.edges) == (left, 2)


def test_edges_of_the_unmount_need_the_whole_program(ext4: Target) -> None:
    """Of an input with new edges in the unmount, all calls are kept."""
    maker = Maker(ext4, "1")
    made = maker.make()
    maker.learn([made], [Reach(0, {BETWEEN: frozenset({1})})])
    assert maker.corpus.entries[0].candidate.calls == made[0].candidate.calls


def test_entries_are_mutated_further(ext4: Target) -> None:
    """Inputs are made of an entry: with its program and a further image, with its image and a further program."""
    maker = Maker(ext4, "1")
    entry = kept(maker, 5)
    made = maker.batch(200)
    kinds = {origin.kind for _, origin in made}
    assert kinds == set(KINDS)
    for one, origin in made:
        assert (origin.entry is None) == (origin.kind == "fresh")
        assert (one.candidate.calls == entry.candidate.calls) >= (origin.kind == "image")
        assert (one.changes == entry.changes) >= (origin.kind in ("program", "mount"))
        assert (one.candidate.calls == entry.candidate.calls) >= (origin.kind == "mount")
        assert origin.entry is None or (one.head == entry.head) == (origin.kind != "mount")
    assert entry.tried == sum(origin.entry is not None for _, origin in made)
    assert len({one.changes for one, _ in made}) > 50


def test_kinds_that_bring_more_are_made_more_often(ext4: Target) -> None:
    """The share of a kind rises with the inputs of it that reach new edges, and none is given up."""
    maker = Maker(ext4, "1")
    kept(maker, 2)
    for _ in range(3):
        made = maker.batch(100)
        maker.learn(made, [Reach(n, {2: frozenset({n})}) for n, (_, o) in enumerate(made) if o.kind == "program"])
    shares = [maker.kind() for _ in range(400)]
    assert shares.count("program") > 200
    assert all(kind in shares for kind in KINDS)


def test_an_entry_that_loses_kernels_is_chosen_rarely(ext4: Target) -> None:
    """The energy of an entry falls with the kernels that inputs made of it have lost."""
    maker = Maker(ext4, "1")
    entry = kept(maker, 2)
    before = entry.energy
    origin = next(origin for _, origin in maker.batch(100) if origin.entry is entry)
    maker.blame(origin)
    assert entry.energy < before / 2


def test_programs_stay_on_the_image(ext4: Target) -> None:
    """No call names an absolute path, but those that unmount the image and mount it again."""
    maker = Maker(ext4, "3")
    kept(maker, 5)
    scenario = maker.programs.scenarios[0]
    assert isinstance(scenario, ImageScenario)
    fixed = [one.call for one in scenario.cycle(maker.rng)]
    calls = [one.call for made, _ in maker.batch(300) for one in made.candidate.calls]
    assert any(call in fixed for call in calls)
    assert sum(call.name == "mount" and call.args[3] & REMOUNT != 0 for call in calls)  # type: ignore[operator]
    others = [call for call in calls if call not in fixed and call.name != "mount"]
    paths = [arg for call in others for arg in call.args if isinstance(arg, Text)]
    assert len(paths) > 100
    assert not [path for path in paths if path.data.startswith(b"/")]
    variant = ext4.description.variants["unlinkat"]
    call = Call("unlinkat", (-100, Text(b"/dev/disk"), 0))
    assert on_image(call, variant, maker.rng, 0.0).args[1].data in KNOWN  # type: ignore[union-attr]


def test_an_image_is_mounted_again(ext4: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program can remount the image, or unmount it and mount it again; the kernel lets go of it afterwards."""
    maker = Maker(ext4, "1")
    scenario = maker.programs.scenarios[0]
    assert isinstance(scenario, ImageScenario)
    candidate = maker.programs.fresh()
    plain = scenario.fixed(mounting(ext4))
    remounts = [scenario.fixed(mounting(ext4, flags=REMOUNT | more)) for more in (0, READ_ONLY, SYNCHRONOUS)]
    monkeypatch.setattr(scenario, "mounted", lambda _: plain)
    inputs = [Made((), maker.head, type(candidate)(tuple(calls), scenario))
              for calls in (scenario.cycle(maker.rng), remounts, scenario.cycle(maker.rng))]
    with Kernel(ext4.config) as kernel:
        assert kernel.run(b"".join(one.encode() for one in inputs), 3) == 3
        assert set(kernel.memory.results(0, kernel.memory.head().calls)) == {0}


def test_inputs_that_have_not_run_come_next(ext4: Target) -> None:
    """Inputs that were put back come before all others, in their order, and new ones fill up the batch."""
    maker = Maker(ext4, "1")
    made = maker.batch(6)
    maker.put_back(made[4:])
    maker.put_back(made[1:4])
    assert maker.batch(3) == made[1:4]
    after = maker.batch(4)
    assert after[:2] == made[4:]
    assert len(after) == 4
    assert maker.waiting == []


def test_mounts_have_options(ext4: Target) -> None:
    """The kernel takes most mounts with other options; each asks it to go on after an error of the file system."""
    rng = random.Random(5)
    mounts = [drawn(ext4, rng) for _ in range(40)]
    with Kernel(ext4.config) as kernel:
        inputs = [Input((), Program((call,))).encode(ext4.description) for call in mounts]
        assert kernel.run(b"".join(inputs), len(inputs)) == len(inputs)
        results = kernel.memory.results(0, kernel.memory.head().calls)
    assert results.count(0) > len(mounts) // 2
    assert len(set(map(str, mounts))) > len(mounts) // 2
    texts = [call.args[4].target.items[0].data for call in mounts]  # type: ignore[union-attr]
    assert all(text.startswith(b"errors=continue") for text in texts)
    assert len(set(texts)) > len(mounts) // 2
    assert len({call.args[3] for call in mounts}) > len(mounts) // 4  # flags
    assert all(call.args[3] & REMOUNT for call in (drawn(ext4, rng, flags=REMOUNT) for _ in range(10)))  # type: ignore
    words = {word for groups in OPTIONS.values() for group in groups for word in group.split()}
    assert not words & {"errors=panic", "fatal_errors=bug", "fatal_errors=panic", "panic"}


def test_fresh_inputs_and_second_mounts_have_options(ext4: Target) -> None:
    """Some images are mounted as their recipe says, some with other options: first, again, and when remounted."""
    maker = Maker(ext4, "4")
    inputs = [made for made, _ in maker.batch(300)]
    seconds = [one.call for made in inputs for one in made.candidate.calls if one.call.name == "mount"]
    remounts = [call for call in seconds if call.args[3] & REMOUNT]  # type: ignore[operator]
    again = [call for call in seconds if call not in remounts]
    plain, remount = mounting(ext4), mounting(ext4, flags=REMOUNT)
    for calls, usual in (([made.head[0].call for made in inputs], plain), (again, plain), (remounts, remount)):
        assert 0.2 < sum(call == usual for call in calls) / len(calls) < 0.9
    assert all([one.call.name for one in made.head] == ["mount", "chdir"] for made in inputs)


@pytest.mark.parametrize("type", sorted(REQUESTS))
def test_programs_make_requests_of_their_file_system(ext4: Target, type: str) -> None:
    """The requests (ioctl) of an image's own file system are among the calls, and those of no other."""
    programs = Programs(replace(ext4, type=type), "1")
    families = {"ext2": "ioctl_ext4", "ext3": "ioctl_ext4", "vfat": "ioctl_fat"}
    own = families.get(type, f"ioctl_{type}")
    others = tuple({"ioctl_ext4", "ioctl_xfs", "ioctl_btrfs", "ioctl_fat"} - {own})
    assert {key for key in ext4.description.variants if key.startswith(own)} <= set(programs.scenarios[0].keys)
    made = Counter(call.key for _ in range(200) for call in programs.fresh().calls)
    assert sum(count for key, count in made.items() if key.startswith(own)) > 5
    assert not [key for key in made if key.startswith(others)]


def test_the_kernel_takes_requests_of_the_file_system(ext4: Target) -> None:
    """On a mounted image, it knows the requests that programs make: they reach the file system."""
    maker = Maker(ext4, "1")
    description = ext4.description
    opened = Call("openat", (-100, Text(b"."), 0, 0), description.variants["openat_dir"].produces)
    requests = [description.draw("ioctl_ext4", maker.programs.source) for _ in range(40)]
    calls = [(*mount(ext4), opened, replace(one, args=(Ref(0), *one.args[1:]))) for one in requests]
    inputs = [Input((), Program(one)) for one in calls]
    with Kernel(ext4.config) as kernel:
        assert kernel.run(b"".join(one.encode(description) for one in inputs), len(inputs)) == len(inputs)
        results = kernel.memory.results(0, kernel.memory.head().calls)
    assert set(results[::4]) | set(results[1::4]) == {0}
    assert sum(result != -ENOTTY for result in results[3::4]) > 30
    assert 0 in results[3::4]


def test_mutations_stay_on_the_image(ext4: Target) -> None:
    """A changed argument, and a call that is drawn anew, have no path that leads away from the image."""
    maker = Maker(ext4, "2")
    description = maker.programs.description
    variant = description.variants["openat_proc"]
    call = on_image(description.draw("openat_proc", maker.programs.source), variant, maker.rng, 0.0)
    for make in (maker.mutator.changed, maker.mutator.redrawn):
        paths = [make(call, variant).args[1] for _ in range(50)]
        assert {path.data for path in paths if isinstance(path, Text)} <= set(KNOWN), make
