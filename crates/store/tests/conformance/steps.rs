//! Large runs: a few of their turns and steps at a time.

use motet_engine::{AttemptEvent, AttemptKey, Event, Items, StepEvent, StepStatus};
use motet_pipeline::{Class, Cost, Failure, Money, StepPath, Timestamp, Value};
use motet_store::{ItemCounts, StepFilter, StepRow, Store, StoreError};

use crate::score::{Score, completed};

pub fn a_page_of_a_journal_is_about_as_large_as_asked_and_has_a_turn_at_least(store: &Store) {
    let mut score = Score::started("r", Value::Null);
    // The long ones lie beside, and count as well.
    for length in [1_000, 1_000, 100_000, 100_000, 1_000] {
        score.turn([completed("a", Value::map([("text", "x".repeat(length).into())]))]);
    }
    let score = score.kept_in(store);
    let page = |from, bytes_max| {
        let turns = store.turns_page(&score.run, from, bytes_max).unwrap();
        turns.iter().map(|turn| turn.number).collect::<Vec<_>>()
    };
    assert_eq!(page(1, 4_000), [1, 2, 3]);
    assert_eq!(page(1, 50_000), [1, 2, 3]);
    assert_eq!(page(4, 0), [4], "one that is too long comes by itself");
    assert_eq!(page(4, 101_000), [4]);
    assert_eq!(page(4, usize::MAX), [4, 5, 6]);
    assert_eq!(page(7, usize::MAX), [0_u64; 0]);

    let mut visited = Vec::new();
    let visit = |turn| {
        visited.push(turn);
        Ok::<(), StoreError>(())
    };
    store.each_turn(&score.run, visit).unwrap();
    assert_eq!(visited, score.turns());
    assert_eq!(store.turn(&score.run, 4).unwrap().as_ref(), score.turns().get(3));
    assert_eq!(store.turn(&score.run, 7).unwrap(), None);
}

/// While one page is looked at, the next is read.
pub fn a_journal_of_many_pages_is_visited_in_order_until_somebody_has_seen_enough(store: &Store) {
    let mut score = Score::started("r", Value::Null);
    for n in 0..60_u64 {
        let line = format!("{n} all the words of a long answer; ");
        let text = line.repeat(60_000 / line.len());
        score.turn([completed("a", Value::map([("text", text.into())]))]);
    }
    let score = score.kept_in(store);
    let mut visited = Vec::new();
    let every = |turn| {
        visited.push(turn);
        Ok::<(), StoreError>(())
    };
    store.each_turn(&score.run, every).unwrap();
    assert_eq!(visited, score.turns());
    for enough in [1, 2, 15, 40, 61] {
        let mut last = 0;
        let some = |turn: motet_engine::Turn| {
            last = turn.number;
            if last < enough { Ok(()) } else { Err(StoreError::Closed) }
        };
        assert!(matches!(store.each_turn(&score.run, some), Err(StoreError::Closed)));
        assert_eq!(last, enough);
    }
}

/// Shots `a` to `d`, each with a still: the first completed, the second failed, the third is tried, the
/// fourth has not begun. Beside them a step whose name begins alike, and a fan-out in a fan-out.
fn shots(store: &Store) -> Score {
    let path = StepPath::from_text;
    let expanded = |step: &str| {
        let items: Items = ["a", "b", "c", "d"].into_iter().map(|key| (key, Value::Null)).collect();
        Event::Step { step: path(step), event: StepEvent::Expanded { items } }
    };
    let ready = |step: &str| Event::Step {
        step: path(step),
        event: StepEvent::Ready { inputs: Some(Value::Null), opens: false, cache: None },
    };
    let open = |step: &str| Event::Step {
        step: path(step),
        event: StepEvent::Ready { inputs: None, opens: false, cache: None },
    };
    let planned = |step: &str| Event::Attempt {
        key: AttemptKey { step: path(step), number: 1 },
        event: AttemptEvent::Planned {
            target: 0,
            operation: "local/scene".into(),
            estimate: Money::ZERO,
            deadline: Timestamp(99),
            version: 1,
            intent: None,
        },
    };
    let cost: Money = "0.5".parse().unwrap();
    let succeeded = |step: &str| Event::Attempt {
        key: AttemptKey { step: path(step), number: 1 },
        event: AttemptEvent::Succeeded { cost: Cost::billed(cost), usage: Default::default() },
    };
    let failure = Failure::new(Class::Content, "refused");
    let refused = |step: &str| Event::Attempt {
        key: AttemptKey { step: path(step), number: 1 },
        event: AttemptEvent::Failed {
            failure: failure.clone(),
            cost: Cost::billed(cost),
            abandoned: false,
            until: None,
            resent: false,
        },
    };
    let failed = |step: &str| Event::Step {
        step: path(step),
        event: StepEvent::Failed { failure: failure.clone(), tolerated: false },
    };

    let mut score = Score::started("r", Value::Null);
    score.turn([expanded("shots"), open("shots[a]"), open("shots[b]"), open("shots[c]")]);
    score.turn(["shots[a]/still", "shots[b]/still", "shots[c]/still", "shots-of-others"].map(ready));
    score.turn(["shots[a]/still", "shots[b]/still", "shots[c]/still"].map(planned));
    score.turn([
        succeeded("shots[a]/still"),
        completed("shots[a]/still", Value::Null),
        expanded("shots[a]/takes"),
        ready("shots[a]/takes[a]"),
    ]);
    score.turn([refused("shots[b]/still"), failed("shots[b]/still"), failed("shots[b]")]);
    score.turn([completed("shots[a]/takes[a]", Value::Null), completed("shots[a]", Value::Null)]);
    score.kept_in(store)
}

fn paths(rows: Vec<StepRow>) -> Vec<String> {
    rows.into_iter().map(|row| row.path.to_string()).collect()
}

pub fn steps_are_found_a_few_at_a_time(store: &Store) {
    let run = &shots(store).run;
    let found = |filter: StepFilter| paths(store.steps_where(run, &filter).unwrap());
    let only_items = || StepFilter::only_items_of("shots");
    assert_eq!(found(only_items()), ["shots[a]", "shots[b]", "shots[c]"]);
    assert_eq!(found(only_items().at_most(2)), ["shots[a]", "shots[b]"]);
    assert_eq!(found(only_items().behind(&StepPath::from_text("shots[b]"))), ["shots[c]"]);
    assert_eq!(found(only_items().with_status(StepStatus::Failed)), ["shots[b]"]);
    assert_eq!(found(StepFilter::only_items_of("shots[a]/takes")), ["shots[a]/takes[a]"]);
    assert_eq!(found(StepFilter::items_of("shots").open()), ["shots[a]/takes", "shots[c]", "shots[c]/still"]);
    let all = StepFilter::default();
    assert_eq!(found(all.clone().behind_items_of("shots")), [""; 0]);
    assert_eq!(found(all.at_most(3)), ["shots", "shots-of-others", "shots[a]"]);
    assert_eq!(found(StepFilter::at_or_below("shots[a]/takes")), ["shots[a]/takes", "shots[a]/takes[a]"]);

    let failed = store.failed_steps(run, StepFilter::items_of("shots")).unwrap();
    assert_eq!(paths(failed), ["shots[b]/still", "shots[b]"], "the innermost first");
    assert_eq!(store.count_failed_steps(run).unwrap(), 2);
    let open = store.count_open_items(run, "shots").unwrap();
    assert_eq!(open.into_iter().collect::<Vec<_>>(), [(StepStatus::Running, 1)]);
    let mut begun = Vec::new();
    let visit = |row: StepRow| {
        begun.push(row.path.to_string());
        begun.len() < 5
    };
    store.each_step_by_start(run, visit).unwrap();
    assert_eq!(begun, ["shots", "shots[a]", "shots[b]", "shots[c]", "shots-of-others"]);
    assert_eq!(store.step(run, &StepPath::from_text("shots[d]")).unwrap(), None);
}

pub fn of_items_that_failed_at_once_the_first_of_the_list_come_first(store: &Store) {
    let path = StepPath::from_text;
    let failure = Failure::new(Class::Content, "refused");
    let failed = |step: &str| Event::Step {
        step: path(step),
        event: StepEvent::Failed { failure: failure.clone(), tolerated: false },
    };
    let mut score = Score::started("r", Value::Null);
    let items: Items = (0..12).map(|index: i32| (index.to_string(), Value::Null)).collect();
    score.turn([Event::Step { step: path("shots"), event: StepEvent::Expanded { items } }]);
    let steps = ["shots[10]", "shots[2]/still", "shots[2]", "shots[0]/takes[10]", "shots[0]"];
    score.turn(steps.map(failed));
    let run = &score.kept_in(store).run;
    let found = store.failed_steps(run, StepFilter::items_of("shots").at_most(4)).unwrap();
    assert_eq!(paths(found), ["shots[0]/takes[10]", "shots[0]", "shots[2]/still", "shots[2]"]);
}

pub fn how_items_ended_and_what_they_cost_is_counted(store: &Store) {
    let run = &shots(store).run;
    let counted = |path: &str| store.step(run, &StepPath::from_text(path)).unwrap().unwrap().items_over;
    let of_shots =
        ItemCounts { completed: 1, failed: 1, cost: "1".parse().unwrap(), ..ItemCounts::default() };
    assert_eq!(counted("shots"), of_shots);
    assert_eq!(counted("shots[a]/takes"), ItemCounts { completed: 1, ..ItemCounts::default() });
    assert_eq!(counted("shots-of-others"), ItemCounts::default());
}

pub fn a_step_knows_the_turns_that_tell_of_it(store: &Store) {
    let path = |text: &str| StepPath::from_text(text);
    let run = &shots(store).run;
    let turns = |step: &str| store.turns_of_step(run, &path(step)).unwrap();
    assert_eq!((turns("shots[a]/still"), turns("shots[c]")), (vec![3, 4, 5], vec![2]));
    assert_eq!(store.eventful_steps(run, 10).unwrap(), [], "each was tried once at most");

    let score = Score::everything("everything").kept_in(store);
    let told = |step: &StepPath| -> Vec<u64> {
        let turns = score.turns().into_iter();
        let of_step = turns.filter(|turn| turn.events.iter().any(|event| event.step() == Some(step)));
        of_step.map(|turn| turn.number).collect()
    };
    let still = path("shots[a%2Fb]/still");
    assert_eq!(store.turns_of_step(&score.run, &still).unwrap(), told(&still));
    assert!(store.eventful_steps(&score.run, 10).unwrap().contains(&still));
    let step = store.step(&score.run, &still).unwrap().unwrap();
    assert!(step.is_eventful && step.first_turn == told(&still).first().copied());
}
