//! Real processes in one folder: owners, guests, and what happens when one of them goes.
//!
//! A child is this test binary again, told by its environment what to do. Every step of its pipeline
//! knocks at a door of the test before it works, so the test knows what is at work where, and says
//! when it goes on. Nothing sleeps.

mod child;
mod paid;
mod stage;

use stage::{Stage, journal_events};

#[test]
fn child() {
    child::play_if_told();
}

#[test]
fn two_runs_at_once_in_one_folder_both_end_well() {
    let stage = Stage::set();
    let mut first = stage.enter("run", &[("who", "Ada")]);
    first.expect("owner");
    let held = stage.expect_knock("Ada one");
    let mut second = stage.enter("run", &[("who", "Grace")]);
    second.expect(&format!("guest of {}", first.pid()));
    held.open();
    stage.open_all_doors();
    assert_eq!(first.finish(), "completed Ada three");
    assert_eq!(second.finish(), "completed Grace three");
    for run in stage.store().runs(&Default::default()).unwrap() {
        let completed = journal_events(&stage.store(), &run.id, "step_completed");
        assert_eq!(completed, ["one", "two", "three"], "{}", run.id);
    }
}

#[test]
fn a_guest_takes_over_from_a_killed_owner_and_repeats_no_finished_step() {
    let stage = Stage::set();
    let mut owner = stage.enter("run", &[("who", "Ada")]);
    owner.expect("owner");
    stage.expect_knock("Ada one").open();
    let held = stage.expect_knock("Ada two");
    let mut guest = stage.enter("run", &[("who", "Grace")]);
    guest.expect("guest");
    stage.expect_knock("Grace one").open();
    let also_held = stage.expect_knock("Grace two");
    assert_eq!(also_held.pid, owner.pid(), "the owner does the work of its guest");

    owner.kill();
    // Both were driven by the dead owner, so both are taken up.
    let mut again = [stage.next_knock(), stage.next_knock()];
    again.sort_by(|left, right| left.name.cmp(&right.name));
    assert_eq!(again.each_ref().map(|knock| knock.name.as_str()), ["Ada two", "Grace two"]);
    assert!(again.iter().all(|knock| knock.pid == guest.pid()));
    let [_ada, grace] = again;
    drop(held);
    grace.open();
    stage.expect_knock("Grace three").open();
    assert_eq!(guest.finish(), "completed Grace three");

    let mut third = stage.enter("resume", &[]);
    stage.expect_knock("Ada two").open();
    stage.expect_knock("Ada three").open();
    assert_eq!(third.finish(), "completed Ada three");
    let counts = ["Ada one", "Grace one", "Ada three", "Grace three"].map(|name| stage.knocks_of(name));
    assert_eq!(counts, [1; 4], "a finished step is done once");
    for run in stage.store().runs(&Default::default()).unwrap() {
        assert_eq!(journal_events(&stage.store(), &run.id, "step_completed"), ["one", "two", "three"]);
        let planned = journal_events(&stage.store(), &run.id, "attempt_planned");
        assert_eq!(planned, ["one", "two", "three"], "a lost attempt is made again under its number");
    }
}

#[test]
fn an_owner_that_is_done_hands_the_run_of_its_guest_over() {
    let stage = Stage::set();
    let mut owner = stage.enter("run", &[("who", "Ada")]);
    owner.expect("owner");
    let ada = stage.expect_knock("Ada one");
    let mut guest = stage.enter("run", &[("who", "Grace")]);
    guest.expect("guest");
    stage.expect_knock("Grace one").open();
    let held = stage.expect_knock("Grace two");
    assert_eq!(held.pid, owner.pid());

    ada.open();
    stage.expect_knock("Ada two").open();
    stage.expect_knock("Ada three").open();
    assert_eq!(owner.finish(), "completed Ada three");
    let again = stage.expect_knock("Grace two");
    assert_eq!(again.pid, guest.pid());
    again.open();
    stage.expect_knock("Grace three").open();
    assert_eq!(guest.finish(), "completed Grace three");
    assert_eq!(stage.knocks_of("Grace one"), 1);
}

#[test]
fn a_run_is_cancelled_from_another_process() {
    let stage = Stage::set();
    let mut runner = stage.enter("run", &[("who", "Ada"), ("id", "film")]);
    runner.expect("owner");
    let _held = stage.expect_knock("Ada one");
    let mut canceller = stage.enter("cancel", &[("run", "film")]);
    canceller.expect("guest");
    assert_eq!(canceller.finish(), "cancelled no longer wanted");
    assert_eq!(runner.finish(), "cancelled no longer wanted");
}

#[test]
fn a_run_is_followed_from_its_first_turn_by_another_process() {
    let stage = Stage::set();
    let mut runner = stage.enter("run", &[("who", "Ada"), ("id", "film")]);
    runner.expect("owner");
    stage.expect_knock("Ada one").open();
    let held = stage.expect_knock("Ada two");
    let mut follower = stage.enter("follow", &[("run", "film")]);
    follower.expect("guest");
    follower.expect("turn 1");
    held.open();
    stage.expect_knock("Ada three").open();
    // A child checks that its turns are numbered 1, 2, 3, …
    assert_eq!(runner.finish(), "completed Ada three");
    assert_eq!(follower.finish(), "completed Ada three");
}

#[test]
fn the_same_run_asked_for_again_is_found_and_followed() {
    let stage = Stage::set();
    let mut first = stage.enter("run", &[("who", "Ada")]);
    first.expect("owner");
    let held = stage.expect_knock("Ada one");
    let mut second = stage.enter("run", &[("who", "Ada")]);
    second.expect("guest");
    second.expect("found");
    held.open();
    stage.open_all_doors();
    assert_eq!(first.finish(), "completed Ada three");
    assert_eq!(second.finish(), "completed Ada three");
    assert_eq!(stage.knocks_of("Ada one"), 1);
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let stage = Stage::set();
    let mut first = stage.enter("run", &[("who", "Ada")]);
    first.expect("owner");
    stage.expect_knock("Ada one").open();
    let held = stage.expect_knock("Ada two");
    first.interrupt();
    assert_eq!(first.finish(), "interrupted");
    held.expect_gone();

    let mut second = stage.enter("run", &[("who", "Ada")]);
    second.expect("owner");
    second.expect("found");
    stage.expect_knock("Ada two").open();
    stage.expect_knock("Ada three").open();
    assert_eq!(second.finish(), "completed Ada three");
    assert_eq!(stage.knocks_of("Ada one"), 1);
}

#[test]
fn an_interrupted_guest_leaves_its_run_to_the_owner() {
    let stage = Stage::set();
    let mut owner = stage.enter("run", &[("who", "Ada")]);
    owner.expect("owner");
    let ada = stage.expect_knock("Ada one");
    let mut guest = stage.enter("run", &[("who", "Grace")]);
    guest.expect("guest");
    let grace = stage.expect_knock("Grace one");
    guest.interrupt();
    assert_eq!(guest.finish(), "interrupted");
    grace.open();
    assert_eq!(stage.expect_knock("Grace two").pid, owner.pid());
    ada.open();
    stage.expect_knock("Ada two").open();
    stage.expect_knock("Ada three").open();
    assert_eq!(owner.finish(), "completed Ada three");
}

#[test]
fn a_run_goes_on_through_three_owners() {
    let stage = Stage::set();
    let mut first = stage.enter("run", &[("who", "Ada"), ("id", "film")]);
    first.expect("owner");
    stage.expect_knock("Ada one").open();
    let first_try = stage.expect_knock("Ada two");
    let mut second = stage.enter("run", &[("who", "Ada")]);
    second.expect("found");
    let mut third = stage.enter("run", &[("who", "Ada")]);
    third.expect("found");
    first.kill();
    drop(first_try);
    let second_try = stage.expect_knock("Ada two");
    let (killed, survivor) =
        if second_try.pid == second.pid() { (second, &mut third) } else { (third, &mut second) };
    killed.kill();
    let third_try = stage.expect_knock("Ada two");
    assert_eq!(third_try.pid, survivor.pid());
    third_try.open();
    stage.expect_knock("Ada three").open();
    assert_eq!(survivor.finish(), "completed Ada three");
    assert_eq!(
        journal_events(&stage.store(), &motet::engine::RunId::new("film"), "step_completed"),
        ["one", "two", "three"]
    );
}
