//! Checking a large pipeline.

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
    vec![("check of 1,000 steps, p50 (aim: below 100 ms)".into(), ms(percentile(&times, 0.5)))]
}
