//! Checking a large pipeline.

use std::process::Command;
use std::time::{Duration, Instant};

use motet::language::bundle::Bundle;
use motet::language::{builtin, check, contract::Catalogue};

use crate::figures::{Figures, ms, percentile};

const STEPS: usize = 1000;

pub fn run() -> Figures {
    let mut text = String::from("motet: 1\nname: long\ninputs: { n: string }\nsteps:\n");
    text.push_str("  s0: { uses: data/transform, with: { value: \"{{ inputs.n }}\" } }\n");
    for n in 1..STEPS {
        let before = n - 1;
        text.push_str(&format!(
            "  s{n}: {{ uses: data/transform, with: {{ value: \"{{{{ steps.s{before}.value }}}} and {n}\" }} }}\n"
        ));
    }
    let (bundle, catalogue) = (Bundle::of_text("long.yaml", text), Catalogue::new(builtin::contracts()));
    let mut times: Vec<Duration> = (0..10)
        .map(|_| {
            let begin = Instant::now();
            let checked = check::check(&bundle, &catalogue);
            assert!(checked.plan.is_some(), "{:?}", checked.diagnostics);
            begin.elapsed()
        })
        .collect();
    times.sort();
    let mut figures =
        vec![("check of 1,000 steps, p50 (aim: below 100 ms)".into(), ms(percentile(&times, 0.5)))];
    figures.extend(version());
    figures
}

/// How long the binary beside this one takes to say its version.
fn version() -> Option<(String, String)> {
    let motet = std::env::current_exe().ok()?.with_file_name("motet");
    let mut times = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        Command::new(&motet).arg("--version").output().ok()?;
        times.push(begin.elapsed());
    }
    times.sort();
    Some(("motet --version, p50 (aim: below 20 ms)".into(), ms(percentile(&times, 0.5))))
}
