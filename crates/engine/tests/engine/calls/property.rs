//! Whatever is said of calls, and in whatever order: no request leaves twice.

use motet_engine::{AttemptEnd, Decision, Event, Found, Input, JobNews};
use motet_pipeline::Class;
use proptest::prelude::*;
use serde_json::json;

use crate::scenario::{Scenario, Watch, bad, key, ok, pipeline, word};

/// Something that the world says, whether it makes sense or not.
#[derive(Clone, Debug)]
enum Said {
    Accepted(usize),
    Polled(usize, JobNews),
    Reconciled(usize, Found),
    Ended(usize, Option<Class>),
    Stopped(usize),
    Resolved(usize, Decision),
    Waited(u16),
    Restarted,
    Cancelled,
}

fn said() -> impl Strategy<Value = Said> {
    let which = || 0_usize..12;
    let news = prop::sample::select(vec![JobNews::Running, JobNews::Done, JobNews::Expired, JobNews::Lost]);
    let found = prop::sample::select(vec![Found::Job("j".into()), Found::Absent, Found::Unclear]);
    let decision = prop::sample::select(vec![Decision::Send, Decision::Fail, Decision::Job("j".into())]);
    let class =
        prop::option::of(prop::sample::select(vec![Class::Unknown, Class::Unavailable, Class::Content]));
    prop_oneof![
        4 => which().prop_map(Said::Accepted),
        4 => (which(), news).prop_map(|(which, news)| Said::Polled(which, news)),
        3 => (which(), found).prop_map(|(which, found)| Said::Reconciled(which, found)),
        3 => (which(), class).prop_map(|(which, class)| Said::Ended(which, class)),
        1 => which().prop_map(Said::Stopped),
        2 => (which(), decision).prop_map(|(which, decision)| Said::Resolved(which, decision)),
        3 => (0_u16..1200).prop_map(Said::Waited),
        3 => Just(Said::Restarted),
        1 => Just(Said::Cancelled),
    ]
}

impl Said {
    fn tell(self, story: &mut Scenario) {
        let attempt = |which: usize| {
            let step = ["a", "fan[0]", "fan[1]", "b"][which % 4];
            key(step, 1 + (which / 4) as u32)
        };
        let input = match self {
            Said::Accepted(which) => Input::Accepted { key: attempt(which), job: "j".into() },
            Said::Polled(which, news) => Input::Polled { key: attempt(which), news },
            Said::Reconciled(which, found) => Input::Reconciled { key: attempt(which), found },
            Said::Ended(which, class) => {
                Input::Ended { key: attempt(which), end: class.map_or_else(|| ok(json!(1)), bad) }
            }
            Said::Stopped(which) => Input::Ended { key: attempt(which), end: AttemptEnd::Cancelled },
            Said::Resolved(which, decision) => {
                Input::Resolve { step: attempt(which).step, decision, by: "ada".into() }
            }
            Said::Waited(seconds) => {
                story.advances(&format!("{seconds}s"));
                return;
            }
            Said::Restarted => {
                story.restarts();
                return;
            }
            Said::Cancelled => Input::Cancel { by: "ada".into(), reason: "enough".into() },
        };
        // Only what makes sense can have come of what was being done.
        let makes_sense = story.run.clone().handle(story.now, input.clone()).turn.is_some();
        if let Input::Ended { key, .. } | Input::Polled { key, .. } | Input::Reconciled { key, .. } = &input
            && makes_sense
        {
            story.working.remove(key);
            story.stopping.remove(key);
        }
        // Whatever was said is said twice: the second time it is late.
        story.tell(input.clone()).tell(input);
    }
}

/// From now on everything goes well, and a person decides what can't be known.
fn come_to_an_end(story: &mut Scenario) {
    for _ in 0..200 {
        let parked = story.run.parked().next().map(|(step, _)| step.clone());
        let awaited = story.stopping.first().or_else(|| story.working.keys().next()).cloned();
        match (story.run.status().is_terminal(), awaited, parked, story.run.next_deadline()) {
            (true, ..) => return,
            (_, Some(key), ..) => _ = story.ends_as(key, ok(json!(1))),
            (_, None, Some(step), _) => {
                let decision = Decision::Fail;
                story.tell(Input::Resolve { step, decision, by: "ada".into() });
            }
            (_, None, None, Some(due)) => {
                let left = due.since(story.now);
                story.advances(&left.to_string());
            }
            (_, None, None, None) => panic!("the run waits for nothing: {:?}", story.run.status()),
        }
    }
    panic!("the run doesn't end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Law L1: whatever happens, a request leaves once for each attempt, and once more each time that the provider
    /// says that it never came.
    #[test]
    fn nothing_is_sent_twice_whatever_the_world_says(said in prop::collection::vec(said(), 0..40)) {
        let mut story = pipeline(
            "
            on_failure: finish
            steps:
              a: { uses: lab/job, retry: { on: [unavailable], backoff: 1s, jitter: false } }
              fan: { each: [1, 2], uses: lab/job, on_unknown: retry, quorum: any }
              b: { uses: lab/answer, on_unknown: fail, needs: fan, optional: true }
              c: { uses: task/work, needs: a }
            ",
        )
        .start_watched(Watch::Loosely);
        for said in said {
            said.tell(&mut story);
        }
        come_to_an_end(&mut story);
        for (attempt, sent) in &story.sent {
            let absent = story.events().filter(|event| {
                let of_attempt = matches!(event, Event::Attempt { key, .. } if key == attempt);
                of_attempt && word(event) == "attempt_absent"
            });
            prop_assert!(*sent <= 1 + absent.count(), "{} was sent {} times", attempt, sent);
        }
    }
}
