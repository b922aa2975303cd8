//! Two thousand seeds, and any others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::laws::judge;
use crate::play::play;
use crate::seen::Tally;
use crate::story::Story;

/// How many seeds each of the tests plays.
const SEEDS: u64 = 1_000;

/// Plays the stories of seeds `first`, `first + step`, … as many as asked for.
fn play_all(first: u64, count: u64, step: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in (0..count).map(|at| first + at * step) {
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
            tally.violations.push((seed, words.unwrap_or_else(|| "it panicked".to_owned())));
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
    for turn in &played.turns {
        turn.events.iter().for_each(|event| println!("{} {event:?}", turn.at));
    }
    println!("{:?}, after {:?}", played.end, played.crashes);
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

/// `make simulate` plays any seeds, on all processors, and says in one line what it has seen. A single one is shown.
#[test]
#[ignore = "it plays the seeds that it is told to"]
fn any_seeds() {
    let told = |name: &str, usual: u64| {
        std::env::var(name).ok().filter(|text| !text.is_empty()).map_or(usual, |text| text.parse().unwrap())
    };
    let (first, count) = (told("FIRST", 0), told("SEEDS", 1000));
    if count == 1 {
        show(first);
    }
    let threads =
        std::thread::available_parallelism().map_or(1, |count| count.get() as u64).min(count.max(1));
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                scope.spawn(move || play_all(first + part, (count - part).div_ceil(threads), threads))
            })
            .collect();
        parts.into_iter().for_each(|part| tally.join(part.join().unwrap()));
    });
    tally.violations.sort();
    for (seed, words) in &tally.violations {
        println!("make simulate SEEDS=1 FIRST={seed}\n  {words}");
    }
    println!("never seen: {:?}", tally.missing());
    println!("{}", tally.in_words());
    assert!(tally.violations.is_empty());
}
