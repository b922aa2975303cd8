//! A paid job whose process is killed in each of its phases: what has left is never sent again.

use crate::stage::{Actor, Stage, journal_events};

fn enter(stage: &Stage) -> Actor {
    stage.enter("run", &[("who", "Ada"), ("id", "film"), ("paid", "yes")])
}

fn resolve(stage: &Stage, decision: &str) -> Actor {
    stage.enter("resolve", &[("run", "film"), ("decision", decision)])
}

/// The process dies while this call waits for its answer.
fn kill_at(stage: &Stage, process: Actor, call: &str) {
    let unanswered = stage.expect_knock(call);
    process.kill();
    drop(unanswered);
}

/// Which attempts were planned.
fn planned(stage: &Stage) -> usize {
    journal_events(&stage.store(), &motet::engine::RunId::new("film"), "attempt_planned").len()
}

#[test]
fn a_process_that_is_killed_in_each_phase_of_a_job_attaches_to_it() {
    let stage = Stage::set();
    kill_at(&stage, enter(&stage), "submit 1");
    // It may have left: the provider is asked, and knows it.
    let second = enter(&stage);
    stage.expect_knock("reconcile").answer(b'j');
    kill_at(&stage, second, "poll j1");
    let third = enter(&stage);
    stage.expect_knock("poll j1").answer(b'r');
    kill_at(&stage, third, "poll j1");
    let fourth = enter(&stage);
    stage.expect_knock("poll j1").answer(b'd');
    kill_at(&stage, fourth, "fetch j1");
    let mut fifth = enter(&stage);
    stage.expect_knock("fetch j1").open();
    assert_eq!(fifth.finish(), "completed boat");
    assert_eq!((stage.knocks_of("submit 1"), stage.knocks_of("submit 2"), planned(&stage)), (1, 0, 1));
}

#[test]
fn regression_18_maxvideoai_309_a_job_that_three_processes_follow_is_polled_by_one_of_them() {
    let stage = Stage::set();
    let mut owner = enter(&stage);
    stage.expect_knock("submit 1").open();
    let poll = stage.expect_knock("poll j1");
    let mut guests = [enter(&stage), enter(&stage)];
    guests.iter_mut().for_each(|guest| guest.expect("turn 1"));
    poll.answer(b'r');
    stage.expect_knock("poll j1").answer(b'd');
    stage.expect_knock("fetch j1").open();
    assert_eq!(owner.finish(), "completed boat");
    guests.iter_mut().for_each(|guest| assert_eq!(guest.finish(), "completed boat"));
    assert_eq!(
        (stage.knocks_of("submit 1"), stage.knocks_of("poll j1"), stage.knocks_of("fetch j1")),
        (1, 2, 1)
    );
}

#[test]
fn a_request_that_never_arrived_is_sent_as_a_new_attempt() {
    let stage = Stage::set();
    kill_at(&stage, enter(&stage), "submit 1");
    let mut second = enter(&stage);
    stage.expect_knock("reconcile").answer(b'a');
    stage.expect_knock("submit 2").open();
    stage.expect_knock("poll j1").answer(b'd');
    stage.expect_knock("fetch j1").open();
    assert_eq!(second.finish(), "completed boat");
    assert_eq!((stage.knocks_of("submit 1"), planned(&stage)), (1, 2));
}

#[test]
fn what_nobody_can_tell_stays_parked_over_restarts_until_somebody_decides() {
    let stage = Stage::set();
    kill_at(&stage, enter(&stage), "submit 1");
    let mut second = enter(&stage);
    stage.expect_knock("reconcile").answer(b'?');
    assert_eq!(second.finish(), "parked unknown");
    // Nobody asks the provider again, and nothing is sent.
    let mut third = resolve(&stage, "j7");
    stage.expect_knock("poll j7").answer(b'l');
    assert_eq!(third.finish(), "parked unknown");
    let mut fourth = resolve(&stage, "send");
    stage.expect_knock("submit 2").open();
    stage.expect_knock("poll j1").answer(b'e');
    assert_eq!(fourth.finish(), "parked expired");
    let mut fifth = resolve(&stage, "fail");
    assert_eq!(fifth.finish(), "failed unknown: marked as failed by a test");
    assert_eq!((stage.knocks_of("submit 1"), stage.knocks_of("submit 2"), planned(&stage)), (1, 1, 2));
}

#[test]
fn a_job_that_is_called_off_is_cancelled_by_whoever_comes_after_a_kill() {
    let stage = Stage::set();
    let first = enter(&stage);
    stage.expect_knock("submit 1").open();
    let polled = stage.expect_knock("poll j1");
    let canceller = stage.enter("cancel", &[("run", "film")]);
    let cancelled = stage.expect_knock("cancel j1");
    first.kill();
    drop((polled, cancelled));
    // The guest takes over.
    stage.expect_knock("cancel j1").open();
    let mut canceller = canceller;
    assert_eq!(canceller.finish(), "cancelled no longer wanted");
    assert_eq!(stage.knocks_of("submit 1"), 1);
}
