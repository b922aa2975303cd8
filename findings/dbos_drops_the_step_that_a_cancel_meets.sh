#!/usr/bin/env bash
# usage: findings/dbos_drops_the_step_that_a_cancel_meets.sh
#
# dbos 3.4.0 (Python): a cancelled workflow ends at its next step. The step that is at work when the cancel comes runs to its end and makes
# its call. Yet its result is not recorded, although the workflow can be resumed: `resume_workflow` runs this step once more, and the
# call is paid twice. The same holds for a workflow whose timeout passes during a step. The steps before are not run again. So a long
# call is not safe by being a step of its own: it needs a key by which the service knows it again.
#
# Seen: how often each step ran to its end, first after the cancel or the timeout, then after the resume, and the steps that were recorded
# between the two. `speak` ends after the cancel. Needs python3 with venv and its registry; the database is SQLite. Ends with 1 if what
# is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --no-compile --quiet --disable-pip-version-check dbos==3.4.0

cat >resume.py <<'PYTHON'
import threading
import time

from dbos import DBOS, SetWorkflowTimeout

DBOS(config={"name": "pipeline", "system_database_url": "sqlite:///steps.sqlite", "log_level": "CRITICAL", "run_admin_server": False})

ended = []
begun, released = threading.Event(), threading.Event()


@DBOS.step()
def write():
    ended.append("write")


@DBOS.step()
def speak():
    begun.set()
    released.wait(60)
    ended.append("speak")


@DBOS.step()
def join():
    ended.append("join")


@DBOS.workflow()
def film():
    write()
    speak()
    join()


def stop(how):
    ended.clear(), begun.clear(), released.clear()
    if how == "timeout":
        with SetWorkflowTimeout(3):
            run = DBOS.start_workflow(film)
    else:
        run = DBOS.start_workflow(film)
    assert begun.wait(60)
    if how == "cancel":
        DBOS.cancel_workflow(run.workflow_id)
    while run.get_status().status != "CANCELLED":
        time.sleep(0.1)
    released.set()
    return run


def wait_for_the_end(run):
    try:
        run.get_result()
    except Exception:
        pass
    while "speak" not in ended:
        time.sleep(0.1)
    time.sleep(1)


def counts():
    return ", ".join(f"{step} {ended.count(step)}" for step in ("write", "speak", "join"))


DBOS.launch()
for how in ("cancel", "timeout"):
    run = stop(how)
    wait_for_the_end(run)
    recorded = [step["function_name"] for step in DBOS.list_workflow_steps(run.workflow_id)]
    print(f"after the {how}: {counts()}; recorded: {', '.join(recorded)}")
    DBOS.resume_workflow(run.workflow_id).get_result()
    print(f"after the resume: {counts()}")
DBOS.destroy()
PYTHON

seen=$(python/bin/python resume.py 2>errors) || { cat errors >&2; exit 1; }
expected='after the cancel: write 1, speak 1, join 0; recorded: write
after the resume: write 1, speak 2, join 1
after the timeout: write 1, speak 1, join 0; recorded: write
after the resume: write 1, speak 2, join 1'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
