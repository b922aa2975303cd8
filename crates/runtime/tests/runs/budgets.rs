//! Money, through the library and under virtual time: what a run may spend, and what a day may cost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use motet::costs::{By, Costs};
use motet::engine::{Event, RunEvent, StepEvent};
use motet::follow::Happening;
use motet::language::price::Price;
use motet::language::{Money, Timestamp};
use motet::operation::WorkError;
use motet::providers::prices::PriceBook;
use motet::settings::Budgets;
use motet::store::RunStatus;
use motet::world::virtual_time::{VirtualWorld, run};
use motet::{
    Builder, Class, Cost, Error, Failure, Motet, Outcome, RunEnd, RunHandle, Settings, StartOptions, Task,
    TaskContext, UnpricedStep,
};

use crate::direct::{self, Direct, boat, dollars};
use crate::stage::{EPOCH, simulated_with};

/// Three pictures, one after the other: $0.04 each.
const THREE: &str = r#"
motet: 1
name: three
steps:
  a: { uses: lab/picture }
  b: { uses: lab/picture, needs: [a] }
  c: { uses: lab/picture, needs: [b] }
outputs: { picture: "{{ steps.c.value }}" }
"#;

/// A provider that answers after a time, and counts.
#[derive(Clone, Default)]
struct Lab {
    calls: Arc<Mutex<u32>>,
    takes: Duration,
    /// Whether the first call fails, and costs nothing.
    fails_once: bool,
}

impl Lab {
    fn calls(&self) -> u32 {
        *self.calls.lock().unwrap()
    }
}

impl Direct for Lab {
    fn answer(&self) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        *self.calls.lock().unwrap() += 1;
        let takes = self.takes;
        let fails = self.fails_once && self.calls() == 1;
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            if fails {
                return Err(WorkError::from(Failure::new(Class::Content, "too wild")));
            }
            Ok(boat().cost(Cost::billed(dollars("0.04"))))
        })
    }
}

/// With `lab/picture` at $0.04, and `lab/secret` whose price nobody knows.
fn builder(lab: &Lab) -> Builder {
    direct::builder(lab, "0.04")
}

fn with_budgets(lab: &Lab, budgets: Budgets) -> Builder {
    builder(lab).settings(&Settings { budgets, ..Settings::usual("") })
}

fn options(budget: Option<&str>, user: Option<&str>) -> StartOptions {
    let (budget, user) = (budget.map(dollars), user.map(str::to_owned));
    StartOptions { new: true, budget, user, ..StartOptions::default() }
}

async fn start(motet: &Motet, text: &str, options: StartOptions) -> Result<RunHandle, Error> {
    let pipeline = motet.load_text(text).unwrap();
    motet.start_with(&pipeline, (), options).await.map(|started| started.run)
}

/// Waits until the run was parked so often; says what its steps wait for.
async fn parked(run: &RunHandle, motet: &Motet, times: usize) -> String {
    let mut events = run.events().await.unwrap();
    let mut seen = 0;
    while let Some(happening) = events.next().await {
        let Happening::Turn(turn) = happening else { continue };
        seen +=
            turn.events.iter().filter(|event| matches!(event, Event::Run(RunEvent::Parked { .. }))).count();
        if seen >= times {
            let turns = motet.store().turns(run.id()).unwrap();
            let why = |event: &Event| match event {
                Event::Step { event: StepEvent::Parked { message, .. }, .. } => Some(message.clone()),
                _ => None,
            };
            return turns.iter().flat_map(|turn| &turn.events).filter_map(why).collect::<Vec<_>>().join("; ");
        }
    }
    panic!("it was never parked");
}

async fn completed(run: &RunHandle) {
    assert!(matches!(run.wait().await.unwrap(), RunEnd::Completed { .. }));
}

#[test]
fn a_run_with_a_budget_of_its_own_stops_before_the_call_that_would_exceed_it() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let run = start(&motet, THREE, options(Some("0.09"), None)).await.unwrap();
        let why = parked(&run, &motet, 1).await;
        assert!(
            why.contains("it may cost up to $0.04, which is more than the $0.01 that is left of the $0.09"),
            "{why}"
        );
        assert_eq!(lab.calls(), 2);
        let row = motet.store().run(run.id()).unwrap().unwrap();
        assert_eq!((row.status, row.cost), (RunStatus::Parked, dollars("0.08")));

        run.fund(None, "ada").await.unwrap();
        parked(&run, &motet, 2).await;
        assert_eq!(lab.calls(), 2, "there is no more money than before");
        run.fund(Some(dollars("0.12")), "ada").await.unwrap();
        completed(&run).await;
        assert_eq!(lab.calls(), 3);
        run.fund(Some(dollars("1")), "ada").await.unwrap();
        assert_eq!(motet.store().run(run.id()).unwrap().unwrap().status, RunStatus::Completed);
    });
}

#[test]
fn a_run_that_is_asked_for_again_with_a_budget_may_spend_it() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let run = start(&motet, THREE, options(Some("0.05"), None)).await.unwrap();
        parked(&run, &motet, 1).await;
        let again = StartOptions { new: false, ..options(Some("0.12"), None) };
        let found = start(&motet, THREE, again).await.unwrap();
        assert_eq!(found.id(), run.id());
        completed(&found).await;
    });
}

#[test]
fn under_a_budget_every_step_without_a_price_is_named_before_anything_runs() {
    const TEXT: &str = "motet: 1\nsteps:\n  a: { uses: lab/secret }\n  b: { uses: lab/picture }\n  c: { uses: lab/secret }\n";
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let refused = start(&motet, TEXT, options(Some("1"), None)).await.err().unwrap();
        let Error::Unpriced(steps) = &refused else { panic!("{refused}") };
        let names: Vec<&str> = steps.iter().map(|UnpricedStep { step, .. }| step.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        insta::assert_snapshot!(refused);
        assert_eq!(motet.store().runs(&Default::default()).unwrap().len(), 0);

        let allowed = format!("{TEXT}allow_unpriced: true\n");
        completed(&start(&motet, &allowed, options(Some("1"), None)).await.unwrap()).await;
        completed(&start(&motet, TEXT, options(None, None)).await.unwrap()).await;
        let allowed = StartOptions { allow_unpriced: true, ..options(Some("1"), None) };
        completed(&start(&motet, TEXT, allowed).await.unwrap()).await;
    });
}

#[test]
fn a_task_that_declares_its_price_is_planned_reserved_and_booked_by_it() {
    const TEXT: &str = "motet: 1\nsteps:\n  a: { uses: task/search, with: { value: x } }\n  b: { uses: task/search, with: { value: y }, needs: [a] }\n";
    run(async {
        let search = Task::new("search", |_: TaskContext, words: String| async move { Ok(words) });
        let search = search.price(Price::flat(dollars("0.02")));
        let motet = simulated_with(Motet::builder().add_task(search)).await;
        let pipeline = motet.load_text(TEXT).unwrap();
        assert_eq!(pipeline.plan().estimate(&Default::default()).total.high, Some(dollars("0.04")));
        let run = start(&motet, TEXT, options(Some("0.03"), None)).await.unwrap();
        let why = parked(&run, &motet, 1).await;
        assert!(why.contains("it may cost up to $0.02"), "{why}");
        run.fund(Some(dollars("0.04")), "ada").await.unwrap();
        completed(&run).await;
        let total = Costs::read(motet.store(), None, By::Run).unwrap().total;
        assert_eq!((total.computed, total.billed), (dollars("0.04"), Money::ZERO));
    });
}

#[test]
fn what_a_task_only_reports_counts_against_the_calls_that_follow() {
    const TEXT: &str = "motet: 1\nsteps:\n  a: { uses: task/search, with: { value: x } }\n  b: { uses: lab/picture, needs: [a] }\n";
    run(async {
        let lab = Lab::default();
        let search = Task::new("search", |context: TaskContext, words: String| async move {
            context.cost("0.03".parse().unwrap());
            Ok(words)
        });
        let day = Budgets { day: Some(dollars("0.10")), ..Budgets::default() };
        let motet = simulated_with(with_budgets(&lab, day).add_task(search)).await;
        let run = start(&motet, TEXT, options(Some("0.06"), None)).await.unwrap();
        let why = parked(&run, &motet, 1).await;
        assert!(why.contains("left of the $0.06 of run"), "{why}");
        run.fund(Some(dollars("0.07")), "ada").await.unwrap();
        completed(&run).await;
        let second = start(&motet, TEXT, options(None, None)).await.unwrap();
        let why = parked(&second, &motet, 1).await;
        assert!(why.contains("left of the $0.1 of day"), "{why}");
        assert_eq!(lab.calls(), 1);
        let total = Costs::read(motet.store(), None, By::Run).unwrap().total;
        assert_eq!(total.billed, dollars("0.10"));
    });
}

#[test]
fn a_day_a_user_and_a_provider_have_budgets_over_all_runs() {
    run(async {
        let table = [
            (
                Budgets { day: Some(dollars("0.20")), ..Budgets::default() },
                [Some("ada"), Some("bob")],
                "day 2027",
            ),
            (
                Budgets { user: Some(dollars("0.20")), ..Budgets::default() },
                [Some("ada"), Some("ada")],
                "user ada",
            ),
            (
                Budgets { providers: [("lab".to_owned(), dollars("0.20"))].into(), ..Budgets::default() },
                [None, Some("bob")],
                "lab 2027",
            ),
        ];
        for (budgets, [first, second], short) in table {
            let lab = Lab::default();
            let motet = simulated_with(with_budgets(&lab, budgets)).await;
            completed(&start(&motet, THREE, options(None, first)).await.unwrap()).await;
            let run = start(&motet, THREE, options(Some("10"), second)).await.unwrap();
            let why = parked(&run, &motet, 1).await;
            assert!(why.contains(short), "{why}");
            assert_eq!(lab.calls(), 5, "{short}");
        }
        let of_users = Budgets { user: Some(dollars("0.20")), ..Budgets::default() };
        let motet = simulated_with(with_budgets(&Lab::default(), of_users)).await;
        for user in [Some("ada"), Some("bob"), None, None] {
            completed(&start(&motet, THREE, options(None, user)).await.unwrap()).await;
        }
    });
}

/// A picture at $0.04, and nothing else.
const ONE: &str = "motet: 1\nname: one\nsteps: { a: { uses: lab/picture } }\n";

/// Two runs at once under each kind of budget of $0.05, which is enough for one; what became of each, in a word.
async fn race(lab: &Lab, name: &str) -> Vec<&'static str> {
    let limit = || Some(dollars("0.05"));
    let budgets = match name {
        "day" => Budgets { day: limit(), ..Budgets::default() },
        "user" => Budgets { user: limit(), ..Budgets::default() },
        _ => Budgets { providers: [("lab".to_owned(), dollars("0.05"))].into(), ..Budgets::default() },
    };
    let motet = simulated_with(with_budgets(lab, budgets)).await;
    let start = || start(&motet, ONE, options(None, Some("ada")));
    let (first, second) = tokio::join!(start(), start());
    let end = async |run: &RunHandle| {
        let mut events = run.events().await.unwrap();
        while let Some(happening) = events.next().await {
            let Happening::Turn(turn) = happening else { continue };
            for event in &turn.events {
                match event {
                    Event::Run(RunEvent::Parked { .. }) => return "parked",
                    Event::Run(RunEvent::Completed { .. }) => return "completed",
                    Event::Run(RunEvent::Failed { .. }) => return "failed",
                    _ => {}
                }
            }
        }
        "lost"
    };
    let (first, second) = (first.unwrap(), second.unwrap());
    let (one, other) = tokio::join!(end(&first), end(&second));
    let mut ends = vec![one, other];
    ends.sort_unstable();
    ends
}

#[test]
fn of_two_runs_that_race_for_the_last_cent_exactly_one_goes() {
    run(async {
        for name in ["day", "user", "provider"] {
            for takes in [Duration::ZERO, Duration::from_secs(60)] {
                let lab = Lab { takes, ..Lab::default() };
                assert_eq!(race(&lab, name).await, ["completed", "parked"], "{name} {takes:?}");
                assert_eq!(lab.calls(), 1, "{name} {takes:?}");
            }
        }
    });
}

#[test]
fn what_the_first_of_two_gives_back_the_second_may_spend() {
    run(async {
        for name in ["day", "user", "provider"] {
            let lab = Lab { takes: Duration::from_secs(60), fails_once: true, ..Lab::default() };
            assert_eq!(race(&lab, name).await, ["completed", "failed"], "{name}");
            assert_eq!(lab.calls(), 2, "{name}");
        }
    });
}

#[test]
fn a_run_that_is_parked_for_a_days_money_goes_on_the_next_day() {
    run(async {
        let budgets = Budgets { day: Some(dollars("0.10")), ..Budgets::default() };
        let lab = Lab::default();
        let world = Arc::new(VirtualWorld::new(EPOCH, 1));
        let motet = with_budgets(&lab, budgets).world(world).open().await.unwrap();
        let run = start(&motet, THREE, options(None, None)).await.unwrap();
        parked(&run, &motet, 1).await;
        tokio::time::sleep(std::time::Duration::from_secs(24 * 3600)).await;
        run.fund(None, "ada").await.unwrap();
        completed(&run).await;
        assert_eq!(lab.calls(), 3);
    });
}

#[test]
fn the_prices_of_a_project_are_laid_over_those_that_come_with_motet() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let book = r#"{ "prices": [
            { "provider": "replicate", "model": "black-forest-labs/flux-schnell", "unit": "image", "per": 1, "usd": "7" }
        ] }"#;
        std::fs::write(folder.path().join("prices.json"), book).unwrap();
        std::fs::write(folder.path().join("motet.toml"), "prices = 'prices.json'\n").unwrap();
        let proposal = Settings::load(&folder.path().join("motet.toml")).unwrap();
        let before = proposal.clone();
        let settings = proposal.vouched();
        let motet = simulated_with(Motet::builder().settings(&settings)).await;
        let text = "motet: 1\nsteps:\n  a: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat } }\n";
        let pipeline = motet.load_text(text).unwrap();
        assert_eq!(pipeline.plan().estimate(&Default::default()).total.likely, dollars("7"));

        std::fs::write(folder.path().join("prices.json"), book.replace('7', "0.01")).unwrap();
        assert_ne!(
            Settings::load(&folder.path().join("motet.toml")).unwrap(),
            before,
            "trust is asked for again"
        );
    });
}

#[test]
fn a_price_that_changes_at_midnight_is_that_of_the_day_by_the_clock_of_the_world() {
    run(async {
        let row = |usd: &str, key: &str, day: &str| {
            format!(
                r#"{{ "provider": "replicate", "model": "black-forest-labs/flux-schnell", "unit": "image", "per": 1,
                    "usd": "{usd}", "{key}": "{day}" }}"#
            )
        };
        let (before, after) =
            (row("7", "effective_until", "2026-10-06"), row("8", "effective_from", "2026-10-07"));
        let book = PriceBook::read(&format!(r#"{{ "prices": [{before}, {after}] }}"#)).unwrap();
        let text = "motet: 1\nsteps:\n  a: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat } }\n";
        // 2026-10-06T23:59Z, and two minutes later.
        for (now, usd) in [(1_791_331_140_000, "7"), (1_791_331_260_000, "8")] {
            let world = Arc::new(VirtualWorld::new(Timestamp(now), 1));
            let motet = Motet::builder().world(world).prices(book.clone()).open().await.unwrap();
            let pipeline = motet.load_text(text).unwrap();
            assert_eq!(
                pipeline.plan().estimate(&Default::default()).total.likely,
                dollars(usd),
                "{}",
                Timestamp(now)
            );
        }
    });
}
