//! Quotes, through the library and under virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use motet::engine::{Event, RunEvent, StepEvent};
use motet::follow::Happening;
use motet::operation::WorkError;
use motet::world::virtual_time::run;
use motet::{Cost, Error, Motet, Outcome, Quote, QuoteFault, RunEnd, RunHandle, StartOptions};
use serde_json::json;

use crate::direct::{Direct, boat, builder, dollars};
use crate::stage::simulated_with;

/// A cover, and a picture for each of a list that only the run knows: $0.04 each.
const BOOK: &str = r#"
motet: 1
name: book
inputs: { shots: { type: integer, default: 2 } }
steps:
  shots: { uses: data/transform, with: { value: "{{ range(0, inputs.shots) | list }}" } }
  cover: { uses: lab/picture }
  pages: { each: "{{ steps.shots.value }}", max_parallel: 1, uses: lab/picture }
outputs: { pages: "{{ steps.pages.items | length }}" }
"#;

/// A provider that answers at once, and counts.
#[derive(Clone, Default)]
struct Lab(Arc<Mutex<u32>>);

impl Lab {
    fn calls(&self) -> u32 {
        *self.0.lock().unwrap()
    }
}

impl Direct for Lab {
    fn answer(&self) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        *self.0.lock().unwrap() += 1;
        Box::pin(async { Ok(boat().cost(Cost::billed(dollars("0.04")))) })
    }
}

async fn start(motet: &Motet, text: &str, shots: u32, quote: Option<&Quote>) -> Result<RunHandle, Error> {
    let pipeline = motet.load_text(text).unwrap();
    let options = StartOptions { quote: quote.cloned(), ..StartOptions::default() };
    motet.start_with(&pipeline, json!({ "shots": shots }), options).await.map(|started| started.run)
}

fn quote(motet: &Motet, text: &str, shots: u32) -> Quote {
    motet.quote(&motet.load_text(text).unwrap(), json!({ "shots": shots })).unwrap()
}

/// Waits until the run is parked; says what its steps wait for.
async fn parked(run: &RunHandle, motet: &Motet) -> String {
    let mut events = run.events().await.unwrap();
    while let Some(happening) = events.next().await {
        let Happening::Turn(turn) = happening else { continue };
        if turn.events.iter().any(|event| matches!(event, Event::Run(RunEvent::Parked { .. }))) {
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
fn a_step_whose_price_follows_from_an_earlier_output_stops_at_its_part_of_the_quote() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab, "0.04")).await;
        let quote = quote(&motet, BOOK, 12);
        assert_eq!(quote.total.high, dollars("0.44"));
        let parts: Vec<_> = quote.steps.iter().map(|step| (step.step.as_str(), step.follows)).collect();
        assert_eq!(parts, [("cover", false), ("pages", true)]);
        let run = start(&motet, BOOK, 12, Some(&quote)).await.unwrap();
        let why = parked(&run, &motet).await;
        assert!(why.contains(&format!("left of the $0.4 of run {} as quoted for pages", run.id())), "{why}");
        assert_eq!(lab.calls(), 11, "the cover and ten pages");
        run.fund(None, "ada").await.unwrap();
        assert_eq!(lab.calls(), 11, "there is no more money than before");
        run.fund(Some(dollars("0.52")), "ada").await.unwrap();
        completed(&run).await;
        assert_eq!(lab.calls(), 13);
    });
}

#[test]
fn the_high_end_is_the_cap_of_the_run_and_the_budget_of_a_pipeline_is_never_exceeded() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab, "0.04")).await;
        completed(&start(&motet, BOOK, 10, Some(&quote(&motet, BOOK, 10))).await.unwrap()).await;
        assert_eq!(lab.calls(), 11);
        let thrifty = format!("{BOOK}budget: 0.10\n");
        let quote = quote(&motet, &thrifty, 3);
        assert_eq!(quote.total.high, dollars("0.10"));
        let run = start(&motet, &thrifty, 3, Some(&quote)).await.unwrap();
        let why = parked(&run, &motet).await;
        assert!(why.contains("left of the $0.1 of run"), "{why}");
        assert_eq!(lab.calls(), 13);
    });
}

#[test]
fn what_has_changed_since_is_refused_with_an_error_of_its_own() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab, "0.04")).await;
        let quote = quote(&motet, BOOK, 2);
        let fault = |refused: Result<RunHandle, Error>| match refused.err().expect("it is refused") {
            Error::Quote(fault) => fault,
            other => panic!("{other}"),
        };
        let changed = BOOK.replace("range(0,", "range(1,");
        assert_eq!(fault(start(&motet, &changed, 2, Some(&quote)).await), QuoteFault::Pipeline);
        assert_eq!(fault(start(&motet, BOOK, 3, Some(&quote)).await), QuoteFault::Inputs);
        let comment = format!("# read by nobody\n{BOOK}");
        let dearer = simulated_with(builder(&lab, "0.05")).await;
        let changes = vec![
            ("cover".to_owned(), dollars("0.04"), dollars("0.05")),
            ("pages".to_owned(), dollars("0.4"), dollars("0.5")),
        ];
        assert_eq!(fault(start(&dearer, BOOK, 2, Some(&quote)).await), QuoteFault::Prices(changes));
        assert_eq!(lab.calls(), 0);
        tokio::time::sleep(Duration::from_secs(7 * 24 * 3600)).await;
        completed(&start(&motet, &comment, 2, Some(&quote)).await.unwrap()).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let expired = fault(start(&motet, BOOK, 2, Some(&quote)).await);
        assert_eq!(expired, QuoteFault::Expired(quote.valid_until));
    });
}

#[test]
fn a_run_that_was_started_by_a_quote_continues_under_it_after_its_time() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab, "0.04")).await;
        let quote = quote(&motet, BOOK, 12);
        let run = start(&motet, BOOK, 12, Some(&quote)).await.unwrap();
        parked(&run, &motet).await;
        tokio::time::sleep(Duration::from_secs(30 * 24 * 3600)).await;
        let again = start(&motet, BOOK, 12, Some(&quote)).await.unwrap();
        assert_eq!((again.id(), lab.calls()), (run.id(), 11));
        run.fund(Some(dollars("1")), "ada").await.unwrap();
        completed(&run).await;
    });
}

#[test]
fn an_unfinished_run_without_a_quote_is_held_to_one_from_then_on() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab, "0.04")).await;
        let pipeline = motet.load_text(BOOK).unwrap();
        let options = StartOptions { budget: Some(dollars("0.10")), ..StartOptions::default() };
        let first = motet.start_with(&pipeline, json!({ "shots": 12 }), options).await.unwrap().run;
        parked(&first, &motet).await;
        let quote = quote(&motet, BOOK, 12);
        let run = start(&motet, BOOK, 12, Some(&quote)).await.unwrap();
        assert_eq!(run.id(), first.id());
        let is_short = |event: &Event| match event {
            Event::Step { event: StepEvent::Parked { message, .. }, .. } => {
                message.contains("left of the $0.44 of run")
            }
            _ => false,
        };
        let mut events = run.events().await.unwrap();
        let mut is_held = false;
        while !is_held {
            let Some(Happening::Turn(turn)) = events.next().await else { continue };
            is_held = turn.events.iter().any(is_short);
        }
        assert_eq!(lab.calls(), 11);
    });
}

#[test]
fn steps_without_a_price_are_named_and_run_only_where_the_pipeline_allows_it() {
    const TEXT: &str = "motet: 1\ninputs: { shots: integer }\nsteps: { a: { uses: lab/secret }, b: { uses: lab/picture } }\n";
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab, "0.04")).await;
        let refused = quote(&motet, TEXT, 1);
        let names: Vec<_> =
            refused.unpriced.iter().map(|step| (step.step.as_str(), step.operation.as_str())).collect();
        assert_eq!((names, refused.total.high), (vec![("a", "lab/secret")], dollars("0.04")));
        let error = start(&motet, TEXT, 1, Some(&refused)).await.err().unwrap();
        assert!(matches!(error, Error::Unpriced(_)), "{error}");
        let allowed = format!("{TEXT}allow_unpriced: true\n");
        let quote = quote(&motet, &allowed, 1);
        completed(&start(&motet, &allowed, 1, Some(&quote)).await.unwrap()).await;
    });
}

#[test]
fn a_quote_that_is_written_is_read_as_it_was_and_no_other_file_is_touched() {
    run(async {
        let motet = simulated_with(builder(&Lab::default(), "0.04")).await;
        let quote = quote(&motet, BOOK, 2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quote.json");
        quote.write(&path).unwrap();
        quote.write(&path).unwrap();
        assert_eq!(Quote::read(&path).unwrap(), quote);
        let text = std::fs::read_to_string(&path).unwrap();
        let table = [
            ("", "it isn't a quote, which `motet plan FILE --quote OUT` writes"),
            ("[1]", "it isn't a quote, which `motet plan FILE --quote OUT` writes"),
            (
                &text.replace("\"motet_quote\": 1", "\"motet_quote\": 9"),
                "it has the format 9, and this version of Motet reads 1",
            ),
            (
                &text.replace("\"low\": \"0.04\"", "\"low\": \"-1\""),
                "it has an amount below zero, or a least above the most",
            ),
        ];
        for (text, why) in table {
            std::fs::write(&path, text).unwrap();
            let Error::NoQuote { why: said, .. } = Quote::read(&path).unwrap_err() else { panic!("{text}") };
            assert_eq!(said, why, "{text}");
            if !text.contains("motet_quote") {
                assert!(matches!(quote.write(&path), Err(Error::NoQuote { .. })));
                assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            }
        }
        for end in 0..text.len() {
            std::fs::write(&path, &text.as_bytes()[..end]).unwrap();
            assert!(Quote::read(&path).is_err() || text[end..].trim().is_empty(), "{end}");
        }
    });
}
