//! Stores that were written by any version so far are opened, brought forward and read.
//!
//! `tests/fixtures/store-v1` is a store that format 1 wrote, and so on; none is ever changed. When the
//! format rises, `cargo test -p motet-store --test formats -- --ignored` writes the fixture of the new one.
//! From format 3 on a store says who made it; the fixtures are adopted by whoever runs the tests.

mod score;

use std::fs;
use std::path::{Path, PathBuf};

use motet_engine::dispatcher::{GateEntry, GateEvent};
use motet_engine::event::SCHEMA;
use motet_engine::{Event, RunEvent, RunId, Turn};
use motet_pipeline::{Digest, Money, Timestamp};
use motet_store::{
    Charge, FORMAT, GateStream, ItemCounts, KeptPlan, LostPlan, RunFilter, StepRow, Store, inputs_digest,
};
use score::Score;
use tempfile::TempDir;

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store-v{format}"))
}

fn scores() -> [Score; 3] {
    let going = Score::labelled("01JD5XN6T4Z8W0QK3M9RVB7Q2K", [("team", "blue")]);
    [Score::everything("everything"), Score::four_steps("01JD5XN6T4Z8W0QK3M9RVBCAFE"), going]
}

/// The turns of a score as the store of a format holds them: the format of events rose as well.
fn turns(score: &Score, format: u32) -> Vec<Turn> {
    let mut turns = score.turns();
    if let Some(Event::Run(RunEvent::Started(started))) =
        turns.first_mut().and_then(|turn| turn.events.first_mut())
    {
        started.schema = if format < 3 { 1 } else { SCHEMA };
    }
    turns
}

#[test]
fn a_store_of_every_format_is_read_as_it_was_written() {
    for format in 1..=FORMAT {
        let folder = kept_store(format);
        let store = Store::adopt(folder.path()).unwrap();
        for score in scores() {
            assert_eq!(store.turns(&score.run).unwrap(), turns(&score, format), "format {format}");
        }
        assert_eq!(
            store.plan(&scores()[0].plan).unwrap(),
            Some(plan(&scores()[0], format)),
            "format {format}"
        );
        let report = store.check().unwrap();
        assert!(report.is_good(), "format {format}: {report:#?}");
        let before = told(&store, format);
        insta::assert_snapshot!(format!("store-v{format}"), before);
        let knew_turns = store.has_step_turns(&scores()[0].run).unwrap();
        assert_eq!(knew_turns, format >= 3, "format {format}");
        store.rebuild_projections().unwrap();
        assert_eq!(told(&store, format), before, "format {format}");
        assert!(store.has_step_turns(&scores()[0].run).unwrap(), "tables that are made anew know them");
    }
}

#[test]
fn a_store_of_every_format_may_be_looked_at_while_it_is_brought_forward() {
    for format in 1..=FORMAT {
        let folder = kept_store(format);
        let looker = Store::open_read_only(folder.path()).unwrap();
        let look = || {
            for score in scores() {
                assert_eq!(looker.turns(&score.run).unwrap(), turns(&score, format), "format {format}");
            }
            let going = &scores()[2].run;
            assert_eq!(looker.unfinished_ids().unwrap(), std::slice::from_ref(going), "format {format}");
            assert_eq!(looker.unfinished().unwrap()[0].id, *going, "format {format}");
            let report = looker.check().unwrap();
            assert!(report.is_good(), "format {format}: {report:#?}");
        };
        look();
        let owner = Store::adopt(folder.path()).unwrap();
        look();
        let going = &scores()[2];
        let like = |store: &Store| {
            store
                .unfinished_like(
                    &Digest::of(b""),
                    &plan(going, format).version,
                    &inputs_digest(&going.inputs),
                )
                .unwrap()
        };
        assert_eq!(like(&owner), Some(going.run.clone()), "format {format}");
        assert_eq!(like(&looker), Some(going.run.clone()), "format {format}");
        let later = Score::four_steps("later").kept_in(&owner);
        assert_eq!(looker.turns(&later.run).unwrap(), later.turns(), "format {format}");
    }
}

#[test]
fn the_gate_of_a_store_of_any_format_can_be_asked_and_told() {
    for format in 1..=FORMAT {
        let folder = kept_store(format);
        let looker = Store::open_read_only(folder.path()).unwrap();
        assert_eq!(looker.gate().unwrap(), GateStream::default(), "format {format}");
        let rate = "3/1m".parse().unwrap();
        let event = GateEvent::TokenTaken { pool: "search".into(), rate, shares: 5 };
        let entry = GateEntry { at: Timestamp(7), event };
        Store::adopt(folder.path()).unwrap().append_now(vec![entry.clone()]).unwrap();
        assert_eq!(looker.gate().unwrap().entries, [entry], "format {format}");
    }
}

#[test]
fn what_cannot_be_read_of_the_gates_stream_is_counted_and_harms_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let entry = |cap: &str| {
        let total = "0.25".parse().unwrap();
        GateEntry { at: Timestamp(7), event: GateEvent::Spent { cap: cap.into(), total } }
    };
    store.append_now(vec![entry("a"), entry("b"), entry("c"), entry("d")]).unwrap();
    let connection = rusqlite::Connection::open(folder.path().join("motet.db")).unwrap();
    let damage = [
        "UPDATE gate SET event = substr(event, 1, 20) WHERE subject = 'cap a'",
        "UPDATE gate SET event = '{\"event\":\"of_a_later_version\"}' WHERE subject = 'cap b'",
        "UPDATE gate SET event = CAST(x'ff00' AS TEXT) WHERE subject = 'cap c'",
    ];
    damage.iter().for_each(|sql| assert_eq!(connection.execute(sql, []), Ok(1)));
    assert_eq!(store.gate().unwrap(), GateStream { entries: vec![entry("d")], unread: 3 });
    let report = store.check().unwrap();
    assert_eq!((report.gate_unread, report.is_good()), (3, true));
}

#[test]
fn a_store_of_a_format_that_knows_no_maker_is_taken_for_ones_own() {
    for format in 1..=2 {
        let folder = kept_store(format);
        drop(Store::open(folder.path()).unwrap());
        drop(Store::open(folder.path()).unwrap());
    }
}

/// What the ledger tells of a run, or of all: for each attempt its step, its number and its cost.
fn spent(store: &Store, run: Option<&RunId>) -> Vec<(String, u32, Money)> {
    let mut spent = Vec::new();
    let add = |charge: Charge| {
        spent.push((charge.step.to_string(), charge.attempt, charge.cost.amount));
        true
    };
    store.charges(run, Timestamp(0), add).unwrap();
    spent
}

#[test]
fn the_ledger_of_a_store_that_had_none_tells_what_its_runs_cost() {
    let total = |spent: &[(String, u32, Money)]| spent.iter().map(|(_, _, cost)| *cost).sum::<Money>();
    for format in 1..=2 {
        let folder = kept_store(format);
        for is_brought_forward in [false, true] {
            let open = if is_brought_forward { Store::open } else { Store::open_read_only };
            let store = &open(folder.path()).unwrap();
            let runs = store.runs(&RunFilter::default()).unwrap();
            for run in &runs {
                assert_eq!(total(&spent(store, Some(&run.id))), run.cost, "format {format}, {}", run.id);
            }
            let all = runs.iter().map(|run| run.cost).sum::<Money>();
            assert_eq!((total(&spent(store, None)), all.is_zero()), (all, false), "format {format}");
        }
        let owner = Store::open(folder.path()).unwrap();
        let four_steps = &scores()[1].run;
        let of_steps = |attempt: u32| {
            let steps = ["image", "video", "audio", "merge"];
            steps.map(|step| (step.to_owned(), attempt, "0.001".parse::<Money>().unwrap())).to_vec()
        };
        assert_eq!(spent(&owner, Some(four_steps)), of_steps(0), "format {format}");
        owner.rebuild_projections().unwrap();
        assert_eq!(spent(&owner, Some(four_steps)), of_steps(1), "format {format}");
    }
}

#[test]
fn an_unfinished_run_of_an_older_format_is_known_as_such_however_the_tables_were_made() {
    for format in 1..=FORMAT {
        let folder = kept_store(format);
        let store = Store::adopt(folder.path()).unwrap();
        let is_known = || store.past(&scores()[2].run).unwrap().unwrap().is_of_older_format;
        assert_eq!(is_known(), format < 3, "format {format}");
        store.rebuild_projections().unwrap();
        assert_eq!(is_known(), format < 3, "format {format}");
    }
}

#[test]
fn a_store_is_written_as_the_fixture_of_its_format_says() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    type Row = (i64, i64, Option<Vec<u8>>, Option<i64>);
    let journal = |folder: &Path| -> Vec<Row> {
        let connection = rusqlite::Connection::open(folder.join("motet.db")).unwrap();
        let sql = r#"SELECT run, number, ifnull(packed, CAST(body AS BLOB)), "check" FROM journal ORDER BY sequence"#;
        let mut statement = connection.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let rows = statement.query_map([], row).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let kept = kept_store(FORMAT);
    assert_eq!(journal(folder.path()), journal(kept.path()));
}

#[test]
#[ignore = "writes the fixture of the present format, once"]
fn write_the_fixture() {
    let folder = fixture(FORMAT);
    assert!(!folder.exists(), "a fixture is never changed");
    write(&folder);
    for passing in ["scratch", "children"] {
        fs::remove_dir(folder.join(passing)).unwrap();
    }
    let connection = rusqlite::Connection::open(folder.join("motet.db")).unwrap();
    connection.execute("UPDATE maker SET user = 1000, machine = zeroblob(32)", []).unwrap();
}

fn write(folder: &Path) {
    let store = Store::open(folder).unwrap();
    for score in scores() {
        store.put_plan(&score.plan, &plan(&score, FORMAT)).unwrap();
        let score = score.kept_in(&store);
        score.put_artifacts(&store);
    }
    for bytes in ["photo", "still", "late"] {
        store.put_bytes(bytes.as_bytes()).unwrap();
    }
}

/// The plan of a score as the store of a format holds it: at first the texts named it, and were all that was kept.
fn plan(score: &Score, format: u32) -> KeptPlan {
    let bundle = "the texts of the plan".to_owned();
    match format {
        ..3 => KeptPlan { version: score.plan, bundle, pin: None },
        _ => KeptPlan { version: Digest::of(b"the version"), bundle, pin: Some("the plan".into()) },
    }
}

#[test]
fn texts_of_an_older_format_get_their_plan_once() {
    for format in 1..=2 {
        let folder = kept_store(format);
        let store = Store::open(folder.path()).unwrap();
        let digest = scores()[0].plan;
        let texts = store.plan(&digest).unwrap().unwrap();
        let pinned = KeptPlan { pin: Some("the plan".into()), ..texts.clone() };
        store.put_plan(&digest, &pinned).unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        store.put_plan(&digest, &KeptPlan { pin: Some("another".into()), ..texts }).unwrap();
        assert_eq!(store.plan(&digest).unwrap(), Some(pinned));
        assert!(store.check().unwrap().is_good());
    }
}

#[test]
fn a_letter_that_changed_in_a_plan_is_found_by_whoever_reads_it() {
    for column in ["pin", "bundle"] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let connection = rusqlite::Connection::open(folder.path().join("motet.db")).unwrap();
        connection.execute(&format!("UPDATE plans SET {column} = {column} || 'x'"), []).unwrap();
        drop(connection);
        let store = Store::open(folder.path()).unwrap();
        let error = store.plan(&scores()[0].plan).unwrap_err().to_string();
        let what = format!("what is kept of plan {} isn't what was written", scores()[0].plan.short());
        assert!(error.contains(&what), "{error}");
        let runs = store.runs(&RunFilter::default()).unwrap().into_iter().rev().map(|row| row.id).collect();
        assert_eq!(store.check().unwrap().plans, [LostPlan { digest: scores()[0].plan, what, runs }]);
        assert_eq!(store.runs(&RunFilter::default()).unwrap().len(), 3, "its runs are listed all the same");
    }
}

/// As rows that were exchanged for one another would be, and a version that isn't that of the texts.
#[test]
fn a_plan_under_a_name_that_is_not_its_own_and_one_that_is_gone_are_found_with_their_runs() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let score = Score::four_steps("r").appended_to(&store);
    let version = Digest::of(b"the version");
    let pin = format!(r#"{{"plan":{{"version":"{version}"}}}}"#);
    let kept = KeptPlan { version, bundle: "the texts".into(), pin: Some(pin.clone()) };
    let name = Digest::of(pin.as_bytes());
    assert!(kept.judge(&name).is_ok() && kept.judge(&score.plan).is_err());
    assert!(KeptPlan { version: Digest::of(b"another"), ..kept.clone() }.judge(&name).is_err());
    let lost = |what: &str| {
        let (digest, what) = (score.plan, what.replace("NAME", &score.plan.short().to_string()));
        LostPlan { digest, what, runs: vec![score.run.clone()] }
    };
    assert_eq!(store.check().unwrap().plans, [lost("plan NAME is missing")]);
    store.put_plan(&score.plan, &kept).unwrap();
    store.put_plan(&name, &kept).unwrap();
    let report = store.check().unwrap();
    assert_eq!(report.plans, [lost("what is kept of plan NAME isn't what was written")]);
    assert!(!report.is_good());
}

/// A copy of the store that was kept in a format.
fn kept_store(format: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(format), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What the tables of a store tell, as far as those of `format` knew it.
fn told(store: &Store, format: u32) -> String {
    let as_known = |row: StepRow| match format {
        ..3 => StepRow { first_turn: None, is_eventful: false, items_over: ItemCounts::default(), ..row },
        _ => row,
    };
    let mut text = String::new();
    for run in store.runs(&RunFilter::default()).unwrap() {
        text += &format!("{run:?}\n");
        for step in store.steps(&run.id).unwrap().into_iter().map(as_known) {
            text += &format!("  {step:?}\n");
        }
        for row in store.artifacts(&run.id).unwrap() {
            let bytes = row.artifact.bytes;
            text += &format!(
                "  {:?} {} {} {:?} {bytes}\n",
                row.step, row.output, row.position, row.artifact.digest
            );
        }
    }
    text
}
