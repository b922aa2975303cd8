//! Checking a large pipeline.

use std::process::Command;
use std::time::{Duration, Instant};

use motet::language::bundle::Bundle;
use motet::language::{builtin, check, contract::Catalogue};

use crate::figures::{Figures, median, ms};

const STEPS: usize = 1000;

pub fn run() -> Figures {
    let text = super::chain(STEPS, |n| format!("{{{{ steps.s{}.value }}}} and {n}", n - 1));
    let (bundle, catalogue) = (Bundle::of_text("long.yaml", text), Catalogue::new(builtin::contracts()));
    let times: Vec<Duration> = (0..10)
        .map(|_| {
            let begin = Instant::now();
            let checked = check::check(&bundle, &catalogue);
            assert!(checked.plan.is_some(), "{:?}", checked.diagnostics);
            begin.elapsed()
        })
        .collect();
    let mut figures = vec![("check of 1,000 steps, p50 (aim: below 100 ms)".into(), ms(median(times)))];
    figures.extend(version());
    figures
}

/// How long the binary beside this one takes to say its version.
fn version() -> Option<(String, String)> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        Command::new(super::motet()).arg("--version").output().ok()?;
        times.push(begin.elapsed());
    }
    Some(("motet --version, p50 (aim: below 20 ms)".into(), ms(median(times))))
}
