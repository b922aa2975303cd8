//! Runs that are deleted, and what stays of them.

use std::collections::BTreeSet;
use std::time::Duration;

use motet_engine::event::CacheKey;
use motet_engine::{Event, RunEvent, RunId, StepEvent};
use motet_pipeline::{Class, Digest, Span, StepPath, Timestamp, Value};
use motet_store::{FoundRun, KeptPlan, Leaving, Need, Retention, RunFilter, RunStatus, Store, StoreError};

use crate::score::{Score, completed};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Deletes runs and sweeps all that is left of them.
fn delete(store: &Store, runs: &[RunId]) -> Vec<RunId> {
    let deleted = store.delete_runs(runs, NOW).unwrap();
    while store.sweep_rows().unwrap() {}
    store.sweep_plans().unwrap();
    store.sweep_artifacts().unwrap();
    store.sweep_files(Duration::ZERO).unwrap();
    deleted
}

fn names(runs: &[RunId]) -> Vec<&str> {
    runs.iter().map(RunId::as_str).collect()
}

fn spent(store: &Store) -> Vec<String> {
    let mut spent = Vec::new();
    let told = store.charges(None, Timestamp(0), |charge| {
        spent.push(format!("{} {} {:?} {}", charge.run, charge.pipeline, charge.user, charge.cost.amount));
        true
    });
    told.unwrap();
    spent
}

/// A run with a long value and artifacts of its own.
fn with_story(store: &Store, run: &str) -> (RunId, Digest) {
    let text = format!("{run}: {}", "all the words of a long story. ".repeat(3000));
    let mut score = Score::failed(run, Class::Content);
    let last = score.turns().pop().unwrap().events;
    score = Score::started(run, Value::map([("prompt", Value::from("a boat"))]));
    score.turn([completed("story", Value::map([("text", Value::from(text.clone()))]))]);
    score.turn(last);
    let run = score.kept_in(store).run;
    (run, Digest::of(format!("{text:?}").as_bytes()))
}

pub fn a_deleted_run_is_gone_with_what_only_it_needed_and_its_costs_stay(store: &Store) {
    let score = Score::four_steps("one");
    score.put_artifacts(store);
    let kept = KeptPlan { version: score.plan, bundle: "texts".into(), pin: Some("plan".into()) };
    store.put_plan(&score.plan, &kept).unwrap();
    let one = score.kept_in(store).run;
    let (two, _) = with_story(store, "two");
    let before = (spent(store), store.check().unwrap().artifacts);
    assert_eq!(before.0.len(), 4);

    let leaving = store.leaving_run(&one).unwrap().unwrap();
    assert_eq!((names(&leaving.runs), leaving.bytes), (vec!["one"], 20), "its four artifacts");
    assert_eq!(names(&delete(store, std::slice::from_ref(&one))), ["one"]);
    assert!(matches!(store.turns(&one), Err(StoreError::DeletedRun { at: NOW, .. })));
    assert_eq!(store.run(&one).unwrap(), None);
    assert_eq!(store.find_run("one").unwrap(), FoundRun::None);
    assert_eq!(store.deleted_run("NE").unwrap().unwrap().id, one);
    assert_eq!((store.steps(&one).unwrap().len(), store.artifacts(&one).unwrap().len()), (0, 0));
    assert_eq!(spent(store), before.0, "what it cost is still known");
    let report = store.check().unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert_eq!((report.artifacts, report.unreferenced), (before.1 - 4, vec![]));
    assert!(store.plan(&Score::four_steps("one").plan).unwrap().is_some(), "another run has it");

    store.rebuild_projections().unwrap();
    assert_eq!(spent(store), before.0, "nor is it forgotten when tables are made again");
    assert_eq!(store.verify().unwrap(), []);
    delete(store, &[two]);
    assert_eq!(store.plan(&Score::four_steps("one").plan).unwrap(), None);
    assert_eq!(store.check().unwrap().artifacts, 0, "the long value is gone as well");
    let file = store.folder().join("motet.db");
    if file.exists() {
        let known = "SELECT (SELECT count(*) FROM artifacts) + (SELECT count(*) FROM artifact_refs)";
        let database = rusqlite::Connection::open(file).unwrap();
        assert_eq!(database.query_row(known, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
    store.put_plan(&kept.version, &kept).unwrap();
    assert!(store.plan(&kept.version).unwrap().is_some(), "it can be kept again");
}

pub fn what_is_needed_is_not_deleted(store: &Store) {
    let one = Score::failed("one", Class::Content).kept_in(store).run;
    let two = Score::failed("two", Class::Content).continuing(&one).kept_in(store).run;
    let three = Score::started("three", Value::Null).continuing(&two).kept_in(store).run;
    let all = Retention { ended_before: Some(NOW), ..Retention::default() };
    assert_eq!(store.leaving(&all).unwrap(), Leaving { in_lineages: 2, ..Leaving::default() });
    for run in [&one, &two] {
        assert_eq!(store.leaving_run(run).unwrap(), Err(Need::Lineage(three.clone())));
    }
    assert_eq!(store.leaving_run(&three).unwrap(), Err(Need::Unfinished));
    assert_eq!(names(&delete(store, &[one.clone(), two, three, RunId::new("none")])), Vec::<&str>::new());
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len(), 3);
    assert!(matches!(store.leaving_run(&RunId::new("none")), Err(StoreError::NoRun { .. })));
}

pub fn a_lineage_goes_as_a_whole_or_stays(store: &Store) {
    let one = Score::failed("one", Class::Content).kept_in(store).run;
    let two = Score::four_steps("two").continuing(&one).kept_in(store).run;
    Score::failed("lone", Class::Content).kept_in(store);
    let failed = Retention { statuses: BTreeSet::from([RunStatus::Failed]), ..Retention::default() };
    let leaving = store.leaving(&failed).unwrap();
    assert_eq!((names(&leaving.runs), leaving.in_lineages), (vec!["lone"], 1));
    assert_eq!(store.leaving(&Retention::default()).unwrap().runs, [], "nothing was asked for");
    let old = Retention { ended_before: Some(Timestamp(0)), ..Retention::default() };
    assert_eq!(store.leaving(&old).unwrap().runs, []);
    let all = Retention { ended_before: Some(NOW), ..Retention::default() };
    let leaving = store.leaving(&all).unwrap();
    assert_eq!(names(&leaving.runs), ["lone", "two", "one"]);
    assert_eq!(names(&delete(store, &leaving.runs)), ["lone", "two", "one"]);
    assert_eq!(store.turns(&two).unwrap_err().code(), "run_deleted");
}

pub fn what_the_cache_may_still_give_stays(store: &Store) {
    let key =
        |of: &str, ttl| CacheKey { fingerprint: Digest::of(of.as_bytes()), operation: "lab/a".into(), ttl };
    let made = |run: &str, key: CacheKey| {
        let (output, cache) = (Some(Value::map([("value", Value::from(1))])), Some(Box::new(key)));
        let step = StepPath::from_text("a");
        let mut score = Score::started(run, Value::map([("a", Value::Null)]));
        score.turn([Event::Step { step, event: StepEvent::Completed { output, reused: None, cache } }]);
        let outputs = Value::map([] as [(&str, Value); 0]);
        score.turn([Event::Run(RunEvent::Completed { outputs, degraded: false })]);
        score
    };
    let old = made("old", key("boat", None)).kept_in(store);
    made("new", key("boat", None)).kept_in(store);
    made("base", key("raft", None)).kept_in(store);
    made("next", key("raft", None)).continuing(&RunId::new("base")).kept_in(store);
    made("short", key("barge", Some(Span::minutes(1)))).kept_in(store);
    let made_at = old.turns()[1].at;
    let leaving = |cached_at| {
        let all =
            Retention { ended_before: Some(NOW.after(Span::minutes(60))), cached_at, ..Retention::default() };
        let leaving = store.leaving(&all).unwrap();
        let runs = names(&leaving.runs).join(" ");
        (runs, leaving.in_cache, leaving.in_lineages)
    };
    assert_eq!(leaving(Some(made_at)), ("old".to_owned(), 3, 1), "a newer one made the same");
    assert_eq!(leaving(Some(made_at.after(Span::minutes(2)))), ("short old".to_owned(), 2, 1));
    assert_eq!(leaving(None), ("short next base new old".to_owned(), 0, 0));
    let nothing = Retention { cached_at: Some(NOW), ..Retention::default() };
    assert_eq!(store.leaving(&nothing).unwrap(), Leaving::default(), "nothing is chosen");
}

pub fn the_oldest_go_until_little_enough_is_left(store: &Store) {
    let runs = ["a", "b", "c"].map(|run| with_story(store, run).0);
    let total = store.check().unwrap().artifact_bytes;
    let keep = |bytes| {
        let retention = Retention { keep_bytes: Some(bytes), ..Retention::default() };
        store.leaving(&retention).unwrap().runs
    };
    assert_eq!(keep(total), []);
    assert_eq!(names(&keep(total - 1)), ["a"]);
    assert_eq!(names(&keep(total / 3)), ["b", "a"]);
    assert_eq!(names(&keep(0)), ["c", "b", "a"]);
    delete(store, &keep(total / 2));
    assert_eq!(store.check().unwrap().artifact_bytes, total / 3);
    assert_eq!(store.turns(&runs[2]).unwrap().len(), 3);
}

pub fn the_last_run_of_all_may_go_and_the_next_one_comes_after_it(store: &Store) {
    let (one, _) = with_story(store, "one");
    let (two, _) = with_story(store, "two");
    delete(store, &[one, two]);
    assert!(store.check().unwrap().is_good());
    let (three, _) = with_story(store, "three");
    let report = store.check().unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert_eq!((report.runs, report.turns), (1, 3));
    assert!(!store.sweep_rows().unwrap(), "now the last row of the runs before it goes, too");
    assert!(store.check().unwrap().is_good());
    assert_eq!(store.turns(&three).unwrap().len(), 3);
    let again = Score::four_steps("one").kept_in(store).run;
    assert_eq!(spent(store).len(), 4, "{:?}", spent(store));
    assert!(store.turns(&again).is_ok());
}

pub fn what_was_used_lately_is_not_swept(store: &Store) {
    let kept = store.put_bytes(b"not referred to yet").unwrap();
    let swept = store.sweep_files(Duration::from_secs(3600)).unwrap();
    assert_eq!((swept.files, swept.recent, swept.recent_bytes), (0, 1, kept.bytes));
    assert!(store.has(&kept.digest));
    let old = std::time::SystemTime::now() - Duration::from_secs(7200);
    let file = store.open_artifact(&kept.digest).unwrap();
    file.set_modified(old).unwrap();
    store.put_bytes(b"not referred to yet").unwrap();
    assert_eq!(store.sweep_files(Duration::from_secs(3600)).unwrap().files, 0, "it was kept again");
    file.set_modified(old).unwrap();
    let swept = store.sweep_files(Duration::from_secs(3600)).unwrap();
    assert_eq!((swept.files, swept.bytes), (1, kept.bytes));
    assert!(!store.has(&kept.digest));
}

pub fn a_wrong_row_is_found_and_made_again(store: &Store) {
    Score::everything("all").kept_in(store);
    Score::four_steps("four").kept_in(store);
    assert_eq!(store.verify().unwrap(), []);
    // Only a store in a file can be reached from outside.
    let file = store.folder().join("motet.db");
    if !file.exists() {
        return;
    }
    let database = rusqlite::Connection::open(file).unwrap();
    for sql in [
        "UPDATE steps SET status = 'failed' WHERE path = 'video'",
        "UPDATE runs SET cost = '9' WHERE id = 'four'",
        "DELETE FROM artifact_refs WHERE output = 'audio'",
        "INSERT INTO charges (run, path, attempt, operation, at) VALUES (2, 'never', 1, 'fal/flux', 0)",
        "UPDATE artifacts SET mime = 'text/plain' WHERE bytes = 5",
    ] {
        assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
    }
    let mut tables: Vec<_> = store.verify().unwrap().iter().map(|row| row.table).collect();
    tables.dedup();
    assert_eq!(tables, ["artifacts", "runs", "steps", "artifact_refs", "charges", "artifacts"]);
    store.rebuild_projections().unwrap();
    assert_eq!(store.verify().unwrap(), []);
}
