from pathlib import Path


def test_a_runner_says_who_it_is(runs):
    run = runs.make("import time\ntime.sleep(1000)").start()
    run.wait_for("cell_started", cell=0)

    said = run.lock

    assert said["keeper"] == run.process.pid
    assert said["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    ticks = int(Path(f"/proc/{said['pid']}/stat").read_text().rpartition(")")[2].split()[19])
    assert said["start_time"] == ticks


def test_a_second_runner_leaves_quietly_while_the_first_one_runs(runs):
    run = runs.make("import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)").start()
    run.wait_for("cell_started", cell=0)
    first, before = run.process, (run.path / "runner.json").read_text()

    run.start().wait()

    assert (run.path / "runner.json").read_text() == before
    assert not (run.path / "result.json").exists()
    (run.path / "files" / "go").touch()
    assert first.wait(60) == 0
    assert len(run.events("start")) == 1


def test_what_has_its_result_is_not_run_again(runs):
    run = runs.run("open('count', 'a').write('x')")
    before = run.result

    run.run()

    assert run.result == before
    assert (run.path / "artifacts" / "count").read_text() == "x"


def test_what_another_runner_began_and_never_ended_is_not_run_again(runs):
    run = runs.make("import time\ntime.sleep(1000)").start()
    run.wait_for("cell_started", cell=0)
    run.kill_runner()

    run.run()

    assert not (run.path / "result.json").exists()
    assert len(run.events("start")) == 1


def test_the_kernel_does_not_inherit_the_lock(runs):
    run = runs.run(
        "import os\nprint([os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') if fd != '3'])"
    )

    assert "runner.json" not in run.text(0)
