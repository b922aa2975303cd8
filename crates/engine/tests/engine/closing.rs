//! How runs end: what always runs, what is undone, and in which order.

use motet_engine::{Decision, Found, Input, JobNews};
use motet_pipeline::{Class, StepPath};
use serde_json::json;

use crate::scenario::{Scenario, bad, ok, pipeline, start};

const NOTICE: &str = "
    steps:
      a: { uses: task/work }
      b: { uses: task/work, needs: a }
      notice: { always: true, uses: task/work, with: { status: '{{ run.status }}', errors: '{{ run.errors }}', a: '{{ steps.a.value }}' } }
    outputs: { a: '{{ steps.a.value }}' }";

#[test]
fn what_always_runs_does_so_at_the_end_of_a_good_run() {
    let mut story = start(NOTICE);
    story.works_on(["a#1"]).ends("a", json!(1)).works_on(["b#1"]).ends("b", json!(2)).works_on(["notice#1"]);
    assert_eq!(story.inputs_of("notice"), json!({"status": "completed", "errors": [], "a": 1}));
    story.restarts().works_on(["notice#1"]).ends("notice", json!(3)).gives(json!({"a": 1}));
}

#[test]
fn what_always_runs_does_so_when_a_step_failed_and_sees_what() {
    let mut story = start(NOTICE);
    story.fails("a", Class::Content).finds("b", "cancelled").works_on(["notice#1"]);
    let errors = json!([{"step": "a", "class": "content", "message": "it broke"}]);
    assert_eq!(story.inputs_of("notice"), json!({"status": "failed", "errors": errors}));
    story.ends("notice", json!(3)).is_lost("a", Class::Content);
}

#[test]
fn what_always_runs_does_so_in_a_cancelled_run_once_all_has_stopped_and_a_second_cancel_ends_it() {
    let mut story = start(NOTICE);
    story.cancels("enough").stops(["a#1"]).works_on([]).drains().works_on(["notice#1"]);
    assert_eq!(story.inputs_of("notice")["status"], json!("cancelled"));
    story.cancels("told twice").works_on(["notice#1"]);
    story.tell(Input::CutShort { by: "ada".into(), reason: "now".into() }).stops(["notice#1"]);
    story.tell(Input::CutShort { by: "ada".into(), reason: "again".into() });
    assert_eq!(story.count("cancel_requested"), 2);
    story.finds("notice", "cancelled").drains();
    assert_eq!(story.last("run_cancelled"), json!({"reason": "enough"}));
}

#[test]
fn what_always_runs_changes_no_outcome_when_it_fails() {
    let mut story = start(NOTICE);
    story.ends("a", json!(1)).ends("b", json!(2)).fails("notice", Class::Content).finds("notice", "failed");
    story.gives(json!({"a": 1}));
    assert!(!story.run.degraded());
}

#[test]
fn outputs_that_can_not_be_made_are_a_failure_before_what_always_runs() {
    let mut story = start(
        "
         steps: { a: { uses: task/work }, last: { always: true, uses: task/work, with: { errors: '{{ run.errors }}' } } }
         outputs: { a: { value: '{{ steps.a.value }}', type: string } }",
    );
    story.ends("a", json!(1)).works_on(["last#1"]);
    assert_eq!(story.inputs_of("last")["errors"][0]["class"], json!("bad_output"));
    story.ends("last", json!(1)).is_lost("", Class::BadOutput);
}

#[test]
fn steps_that_always_run_wait_for_each_other() {
    let mut story = start(
        "
         steps:
           a: { uses: flow/fail, with: { message: nothing } }
           first: { always: true, uses: task/work, with: { a: '{{ steps.a.status }}' } }
           group: { always: true, needs: first, steps: { x: { uses: task/work }, y: { uses: task/work, with: { x: '{{ steps.x.value }}' } } } }
           last: { always: true, each: [1, 2], uses: task/work, with: { status: '{{ steps.first.status }}' } }",
    );
    story.works_on(["first#1"]).restarts().fails("first", Class::Content);
    story.finds("group", "skipped").works_on(["last[0]#1", "last[1]#1"]);
    story.ends("last[0]", json!(1)).restarts().ends("last[1]", json!(1)).is_lost("a", Class::Invalid);
}

/// Two things that are made, one from the other, and a third beside them; then something goes wrong.
const SAGA: &str = "
    on_failure: undo
    steps:
      room: { uses: task/work, undo: { uses: task/work, with: { room: '{{ output.value }}' } } }
      key: { uses: task/work, with: { room: '{{ steps.room.value }}' }, undo: { uses: task/work, with: { key: '{{ steps.key.value }}', room: '{{ steps.room.value }}' } } }
      car: { uses: task/work, undo: { uses: task/work, with: { car: '{{ output.value }}' } } }
      pay: { uses: task/work, needs: [key, car], undo: { uses: task/work } }
      notice: { always: true, uses: task/work, with: { status: '{{ run.status }}' } }";

fn failed_saga() -> Scenario {
    let mut story = start(SAGA);
    story
        .ends("room", json!("12"))
        .ends("key", json!("k"))
        .ends("car", json!("c"))
        .fails("pay", Class::Content);
    story
}

#[test]
fn a_failed_run_is_undone_in_reverse_order_and_beside_each_other_where_the_graph_allows_it() {
    let mut story = failed_saga();
    story.works_on(["car/undo#1", "key/undo#1"]);
    assert_eq!(story.inputs_of("key/undo"), json!({"key": "k", "room": "12"}));
    story.restarts().ends("key/undo", json!(1)).works_on(["car/undo#1", "room/undo#1"]);
    assert_eq!(story.inputs_of("room/undo"), json!({"room": "12"}));
    story.crashes().ends("room/undo", json!(1)).works_on(["car/undo#1"]).ends("car/undo", json!(1));
    assert_eq!(story.last("run_undone"), json!({"undone": 3}));
    story.works_on(["notice#1"]).ends("notice", json!(1)).is_lost("pay", Class::Content);
    story.finds("room", "completed").finds("room/undo", "completed");
    assert_eq!(story.story_of("pay/undo"), Vec::<String>::new());
}

#[test]
fn a_cancelled_run_is_undone_once_all_has_stopped_and_a_late_result_was_made_too() {
    let mut story = start(SAGA);
    story.ends("room", json!("12")).cancels("enough").works_on([]).stops(["car#1", "key#1"]);
    story.comes_to("car", ok(json!("late"))).works_on([]).drains();
    story.works_on(["car/undo#1", "room/undo#1"]).finds("car", "cancelled");
    assert_eq!(story.inputs_of("car/undo"), json!({"car": "late"}));
    story.ends("car/undo", json!(1)).ends("room/undo", json!(1)).ends("notice", json!(1));
    assert_eq!(story.last("run_cancelled"), json!({"reason": "enough"}));
}

#[test]
fn a_completed_run_undoes_nothing() {
    let mut story = start(SAGA);
    for step in ["room", "key", "car", "pay", "notice"] {
        story.ends(step, json!(1));
    }
    story.gives(json!({}));
    assert_eq!(story.count("run_undone"), 0);
}

#[test]
fn an_undo_is_tried_again_and_then_stuck_until_a_person_decides() {
    let mut story = failed_saga();
    story.ends("car/undo", json!(1));
    for _ in 0..2 {
        story.fails("key/undo", Class::Unavailable).advances("1m");
    }
    story.fails("key/undo", Class::Unavailable).finds("key/undo", "parked").works_on([]);
    assert_eq!(story.run.status().word(), "parked");
    assert_eq!(story.last("run_parked"), json!({"reason": "stuck"}));
    assert_eq!(story.last("step_parked")["reason"], json!("stuck"));
    let decide =
        |decision| Input::Resolve { step: StepPath::from_text("key/undo"), decision, by: "ada".into() };
    story.tell(decide(Decision::Job("x".into()))).works_on([]);
    story.restarts().tell(decide(Decision::Send)).works_on(["key/undo#4"]);
    story.fails("key/undo", Class::Content).finds("key/undo", "parked");
    story.tell(decide(Decision::Fail)).finds("key/undo", "failed").works_on(["room/undo#1"]);
    story.tell(decide(Decision::Fail)).tell(decide(Decision::Send)).ends("room/undo", json!(1));
    assert_eq!(story.last("run_undone"), json!({"undone": 2, "stuck": 1}));
    story.ends("notice", json!(1)).is_lost("pay", Class::Content);
}

#[test]
fn an_undo_whose_inputs_can_not_be_made_is_stuck() {
    let mut story = start(
        "
         on_failure: undo
         steps:
           a: { uses: task/work, undo: { uses: lab/first, with: { prompt: '{{ output.note }}' } } }
           b: { uses: task/work, needs: a }",
    );
    story.ends("a", json!(1)).fails("b", Class::Content).finds("a/undo", "parked");
    assert_eq!(
        story.last("step_parked")["message"],
        json!("invalid: `prompt`: `output` has no `note`, only `value`")
    );
    let decide =
        |decision| Input::Resolve { step: StepPath::from_text("a/undo"), decision, by: "ada".into() };
    story.restarts().tell(decide(Decision::Send)).finds("a/undo", "parked");
    story.tell(decide(Decision::Fail)).is_lost("b", Class::Content);
}

#[test]
fn items_are_undone_each_by_itself_also_those_of_a_failed_fan_out_and_inside_of_groups_and_files() {
    let mut story = pipeline(
        "
         on_failure: undo
         steps:
           shots:
             each: [p, q, r]
             key: '{{ item }}'
             steps:
               upload: { uses: task/work, undo: { uses: task/work, with: { was: '{{ output.value }}', item: '{{ item }}' } } }
               publish: { uses: task/work, with: { x: '{{ steps.upload.value }}' }, undo: { uses: task/work } }
           used: { uses: ./used.yaml, with: { name: n } }
           last: { uses: task/work, needs: [shots, used] }",
    )
    .file("used.yaml", "on_failure: undo\ninputs: { name: string }\nsteps: { a: { uses: task/work, undo: { uses: task/work, with: { name: '{{ inputs.name }}' } } } }")
    .start();
    story.ends("used/a", json!(1));
    for item in ["p", "q", "r"] {
        story.ends(&format!("shots[{item}]/upload"), json!(item));
    }
    story
        .ends("shots[p]/publish", json!(1))
        .ends("shots[q]/publish", json!(1))
        .fails("shots[r]/publish", Class::Content);
    story.works_on([
        "shots[p]/publish/undo#1",
        "shots[q]/publish/undo#1",
        "shots[r]/upload/undo#1",
        "used/a/undo#1",
    ]);
    assert_eq!(story.inputs_of("shots[r]/upload/undo"), json!({"was": "r", "item": "r"}));
    assert_eq!(story.inputs_of("used/a/undo"), json!({"name": "n"}));
    story.restarts().ends("shots[p]/publish/undo", json!(1));
    story.works_on([
        "shots[p]/upload/undo#1",
        "shots[q]/publish/undo#1",
        "shots[r]/upload/undo#1",
        "used/a/undo#1",
    ]);
    for undo in [
        "shots[p]/upload/undo",
        "shots[r]/upload/undo",
        "used/a/undo",
        "shots[q]/publish/undo",
        "shots[q]/upload/undo",
    ] {
        story.crashes().ends(undo, json!(1));
    }
    story.is_lost("shots[r]/publish", Class::Content);
}

#[test]
fn what_a_fallback_made_is_undone_and_what_was_taken_over_is_not() {
    let text = "
        on_failure: undo
        steps:
          a: { uses: task/work, fallback: [{ uses: task/work, on: [content] }], undo: { uses: task/work, with: { a: '{{ output.value }}' } } }
          b: { uses: task/work, needs: a, undo: { uses: task/work } }
          c: { uses: task/work, needs: b }";
    let mut first = start(&text.replace("on_failure: undo", "on_failure: fail"));
    first.fails("a", Class::Content).ends("a", json!("spare")).fails("b", Class::Content);
    let mut second = pipeline(text).after(&first, &[], &[]).start();
    second.finds("a", "completed").ends("b", json!(1)).fails("c", Class::Content);
    second.works_on(["b/undo#1"]).ends("b/undo", json!(1)).is_lost("c", Class::Content);
    let mut third = pipeline(text).after(&second, &["a"], &[]).start();
    third.fails("a", Class::Content).ends("a", json!("spare")).ends("b", json!(1)).fails("c", Class::Content);
    third.ends("b/undo", json!(1)).works_on(["a/undo#1"]);
    assert_eq!(third.inputs_of("a/undo"), json!({"a": "spare"}));
}

#[test]
fn what_was_undone_is_not_taken_over_by_the_next_run() {
    let mut story = failed_saga();
    for undo in ["car/undo", "key/undo", "room/undo", "notice"] {
        story.ends(undo, json!(1));
    }
    let mut again = pipeline(SAGA).after(&story, &[], &[]).start();
    again.works_on(["car#1", "room#1"]).cancels("").drains().ends("notice", json!(1));
}

#[test]
fn a_run_that_undoes_another_starts_nothing_else() {
    let mut story = start(SAGA);
    for step in ["room", "key", "car", "pay", "notice"] {
        story.ends(step, json!(step));
    }
    let mut undo = pipeline(SAGA).undo(&[&story]);
    undo.works_on(["pay/undo#1"]).ends("pay/undo", json!(1)).works_on(["car/undo#1", "key/undo#1"]);
    assert_eq!(undo.inputs_of("key/undo"), json!({"key": "key", "room": "room"}));
    undo.crashes()
        .ends("key/undo", json!(1))
        .ends("car/undo", json!(1))
        .comes_to("room/undo", bad(Class::Content));
    let decide =
        |decision| Input::Resolve { step: StepPath::from_text("room/undo"), decision, by: "ada".into() };
    undo.tell(decide(Decision::Fail)).is_lost("room/undo", Class::Invalid);
    assert_eq!(undo.last("run_undone"), json!({"undone": 3, "stuck": 1}));

    let mut rest = pipeline(SAGA).undo(&[&story, &undo]);
    rest.works_on(["room/undo#1"]).ends("room/undo", json!(1)).gives(json!({}));
    let nothing = pipeline(SAGA).undo(&[&story, &undo, &rest]);
    assert_eq!(nothing.run.undoable().count(), 0);
}

#[test]
fn a_run_whose_request_was_asked_about_after_a_crash_can_be_undone() {
    let text = "steps: { a: { uses: lab/job, undo: { uses: task/work } } }";
    let mut story = start(text);
    story.restarts().reconciles("a", Found::Absent).does(["a#2 submit"]);
    story.accepts("a", 2, "j2").hears("a", JobNews::Done).ends("a", json!(1)).gives(json!({}));
    let mut undo = pipeline(text).undo(&[&story]);
    undo.works_on(["a/undo#1"]).ends("a/undo", json!(1)).gives(json!({}));
}

#[test]
fn a_cancelled_undo_leaves_the_rest_as_it_is() {
    let mut story = failed_saga();
    story.ends("car/undo", json!(1)).tell(Input::CutShort { by: "ada".into(), reason: String::new() });
    story.stops(["key/undo#1"]).finds("room/undo", "cancelled").finds("notice", "cancelled").drains();
    story.is_lost("pay", Class::Content);
    let mut undo = pipeline(SAGA).undo(&[&story]);
    undo.works_on(["key/undo#1"]).ends("key/undo", json!(1)).ends("room/undo", json!(1)).gives(json!({}));
}

#[test]
fn an_undo_that_was_cancelled_and_ends_well_all_the_same_is_done() {
    let mut story = failed_saga();
    story.ends("car/undo", json!(1)).tell(Input::CutShort { by: "ada".into(), reason: String::new() });
    story.stops(["key/undo#1"]).restarts().comes_to("key/undo", ok(json!(1))).is_lost("pay", Class::Content);
    let mut undo = pipeline(SAGA).undo(&[&story]);
    undo.works_on(["room/undo#1"]).ends("room/undo", json!(1)).gives(json!({}));
    assert_eq!(undo.last("run_undone"), json!({"undone": 1}));

    // The same of a run that does nothing else.
    let mut done = start(SAGA);
    for step in ["room", "key", "car", "pay", "notice"] {
        done.ends(step, json!(step));
    }
    let mut undo = pipeline(SAGA).undo(&[&done]);
    undo.ends("pay/undo", json!(1)).tell(Input::CutShort { by: "ada".into(), reason: String::new() });
    undo.stops(["car/undo#1", "key/undo#1"]).comes_to("key/undo", ok(json!(1))).drains();
    let mut rest = pipeline(SAGA).undo(&[&done, &undo]);
    rest.works_on(["car/undo#1", "room/undo#1"]).ends("car/undo", json!(1)).ends("room/undo", json!(1));
    assert_eq!(rest.last("run_undone"), json!({"undone": 2}));
}
