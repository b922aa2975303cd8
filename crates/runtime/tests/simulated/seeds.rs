//! Five thousand seeds, and any others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::laws::judge;
use crate::play::play;
use crate::seen::Tally;
use crate::story::Story;

/// How many seeds each of the tests plays.
const SEEDS: u64 = 2_500;

/// Plays the stories of seeds `first`, `first + step`, … as many as asked for.
fn play_all(first: u64, count: u64, step: u64) -> Tally {
    play_until(first, count, step, None)
}

/// The same as far as `last`, if that is given: it moves to the first seed that breaks a law.
fn play_until(first: u64, count: u64, step: u64, last: Option<&AtomicU64>) -> Tally {
    let mut tally = Tally::default();
    for seed in (0..count).map(|at| first + at * step) {
        if last.is_some_and(|last| seed > last.load(Ordering::Relaxed)) {
            break;
        }
        let before = tally.violations.len();
        let told = catch_unwind(AssertUnwindSafe(|| {
            let story = Story::of_seed(seed);
            let played = play(&story);
            let violations = judge(&story, &played);
            tally.add(seed, &played, violations);
        }));
        if let Err(panic) = told {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            tally.seeds += 1;
            let words = words.unwrap_or_else(|| "in no words".to_owned());
            tally.violations.push((seed, format!("nothing panics: {words}")));
        }
        if let Some(last) = last.filter(|_| tally.violations.len() > before) {
            last.fetch_min(seed, Ordering::Relaxed);
        }
    }
    tally
}

/// A story in all its parts: what it is, what was asked and what happened.
fn show(seed: u64) {
    let story = Story::of_seed(seed);
    println!("{story:#?}");
    let played = play(&story);
    for request in &played.requests {
        let body = request["body"].as_str().unwrap_or_default();
        let body: String = body.chars().take(120).collect();
        let mark = &request["headers"]["motet-attempt"];
        println!(
            "{} {} {} {} {} {mark} {body:?}",
            request["at"], request["method"], request["path"], request["status"], request["fault"]
        );
    }
    for run in std::iter::once(&played).chain(played.sequel.as_deref()) {
        for turn in &run.turns {
            turn.events.iter().for_each(|event| println!("{} {event:?}", turn.at));
        }
        println!("{:?}, after {:?}", run.end, run.crashes);
    }
}

/// Nothing was violated; else each seed with how it is played again.
fn assert_lawful(tally: &Tally) {
    let words = |(seed, words): &(u64, String)| format!("make simulate SEEDS=1 FIRST={seed}\n  {words}\n");
    let violations: String = tally.violations.iter().map(words).collect();
    assert!(violations.is_empty(), "{violations}{}", tally.in_words());
}

fn assert_all_seen(tally: &Tally) {
    let missing = tally.missing();
    assert!(missing.is_empty(), "never seen: {missing:?}\n{}", tally.in_words());
}

#[test]
fn whatever_fails_and_whenever_the_process_dies_the_laws_hold_for_even_seeds() {
    let tally = play_all(0, SEEDS, 2);
    assert_lawful(&tally);
    assert_all_seen(&tally);
}

#[test]
fn whatever_fails_and_whenever_the_process_dies_the_laws_hold_for_odd_seeds() {
    let tally = play_all(1, SEEDS, 2);
    assert_lawful(&tally);
    assert_all_seen(&tally);
}

/// What the environment says, if it does.
fn told(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map_or(usual, |text| text.parse().unwrap())
}

/// Plays the stories of `count` seeds from `first` on, on all processors.
fn play_at_once(first: u64, count: u64, last: Option<&AtomicU64>) -> Tally {
    let threads =
        std::thread::available_parallelism().map_or(1, |count| count.get() as u64).min(count.max(1));
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let play = |part: u64| play_until(first + part, (count - part).div_ceil(threads), threads, last);
        let parts: Vec<_> = (0..threads).map(|part| scope.spawn(move || play(part))).collect();
        parts.into_iter().for_each(|part| tally.join(part.join().unwrap()));
    });
    tally.violations.sort();
    tally
}

/// `make mutants` plays seeds until a law is broken, and says at which and by which story.
#[test]
#[ignore = "it looks for a violation, which isn't there"]
fn the_first_violation() {
    let tally = play_at_once(told("FIRST", 0), told("SEEDS", 10_000), Some(&AtomicU64::new(u64::MAX)));
    match tally.violations.first() {
        Some((seed, words)) => println!("violation at seed {seed}: {words}"),
        None => println!("no violation: {}", tally.in_words()),
    }
}

/// `make simulate` plays any seeds, on all processors, and says in one line what it has seen. A single one is shown.
#[test]
#[ignore = "it plays the seeds that it is told to"]
fn any_seeds() {
    let (first, count) = (told("FIRST", 0), told("SEEDS", 1000));
    if count == 1 {
        show(first);
    }
    let tally = play_at_once(first, count, None);
    for (seed, words) in &tally.violations {
        println!("make simulate SEEDS=1 FIRST={seed}\n  {words}");
    }
    println!("never seen: {:?}", tally.missing());
    println!("{}", tally.in_words());
    assert!(tally.violations.is_empty());
}
