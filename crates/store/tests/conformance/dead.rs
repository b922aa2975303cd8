//! Failed runs that wait for somebody.

use motet_pipeline::{Class, StepPath, Timestamp};
use motet_store::{DeadFilter, Discard, Store};

use crate::score::Score;

fn dead(store: &Store, filter: DeadFilter) -> Vec<String> {
    store.dead(&filter).unwrap().into_iter().map(|dead| dead.run.id.to_string()).collect()
}

pub fn a_failed_run_is_dead_until_another_continues_it_or_somebody_has_dealt_with_it(store: &Store) {
    let all = DeadFilter::default;
    let one = Score::failed("one", Class::Content).kept_in(store).run;
    let two = Score::failed("two", Class::Content).kept_in(store).run;
    Score::four_steps("good").kept_in(store);
    assert_eq!(dead(store, all()), ["two", "one"]);
    let cause = store.dead_run(&one).unwrap().unwrap().cause.unwrap();
    let step = StepPath::from_text("shots[a/b]/still");
    assert_eq!((cause.step, cause.operation.as_str(), cause.attempts), (step, "fal/flux", 2));

    let third = Score::failed("third", Class::Timeout).continuing(&one).kept_in(store).run;
    assert_eq!(dead(store, all()), ["third", "two"]);
    assert_eq!(store.continued_by(&one).unwrap(), [third]);

    let discard = Discard { at: Timestamp(7), by: "ada".into(), why: "not needed".into() };
    store.discard(&two, &Discard { by: "bob".into(), ..discard.clone() }).unwrap();
    store.discard(&two, &discard).unwrap();
    assert_eq!(dead(store, all()), ["third"]);
    assert_eq!(dead(store, DeadFilter { discarded: true, ..all() }), ["two"]);
    assert_eq!(store.dead_run(&two).unwrap().unwrap().discarded, Some(discard.clone()));
    store.rebuild_projections().unwrap();
    assert_eq!(
        store.dead_run(&two).unwrap().unwrap().discarded,
        Some(discard),
        "it isn't made from the journal"
    );
    assert_eq!(dead(store, all()), ["third"], "lineages are");
    store.undo_discard(&two).unwrap();
    assert_eq!(dead(store, all()), ["third", "two"]);
}

pub fn dead_letters_are_filtered(store: &Store) {
    let failed_at = Score::failed("a", Class::Content).turns().last().unwrap().at;
    Score::failed("a", Class::Content).kept_in(store);
    Score::failed("b", Class::Throttled).kept_in(store);
    let filtered = |filter: DeadFilter| dead(store, filter);
    let all = DeadFilter::default;
    assert_eq!(filtered(DeadFilter { class: Some("content".into()), ..all() }), ["a"]);
    assert_eq!(filtered(DeadFilter { provider: Some("fal".into()), limit: Some(1), ..all() }), ["b"]);
    for none in [
        DeadFilter { provider: Some("fal/flux".into()), ..all() },
        DeadFilter { pipeline: Some("other".into()), ..all() },
        DeadFilter { since: Some(Timestamp(failed_at.0 + 1)), ..all() },
        DeadFilter { until: Some(Timestamp(failed_at.0 - 1)), ..all() },
        DeadFilter { discarded: true, ..all() },
    ] {
        assert_eq!(filtered(none.clone()), Vec::<String>::new(), "{none:?}");
    }
    let now = DeadFilter { since: Some(failed_at), until: Some(failed_at), ..all() };
    assert_eq!(filtered(now), ["b", "a"]);
}
