//! A quote in words.

use motet::Quote;
use motet::quote::ITEMS_ASSUMED;

use super::line::{Line, Tone};
use super::money::dollars;
use super::words::count;

/// What was written into `file`: `quote.json: $0.006 at most, likely $0.006, valid until 2026-12-06`.
pub fn lines(quote: &Quote, file: &str) -> Vec<Line> {
    let day = quote.valid_until.day();
    let (high, likely) = (dollars(quote.total.high), dollars(quote.total.likely));
    let mut lines = vec![
        Line::of(Tone::Strong, file).plain(format!(": {high} at most, likely {likely}, valid until {day}")),
    ];
    let parts: Vec<String> = quote
        .steps
        .iter()
        .filter(|step| step.follows)
        .map(|step| format!("{} {}", step.step, dollars(step.amounts.high)))
        .collect();
    if !parts.is_empty() {
        let items = count(usize::try_from(ITEMS_ASSUMED).unwrap_or(usize::MAX), "item");
        lines.push(Line::of(
            Tone::Plain,
            format!(
                "  known only while it runs, so that each stops at its part (a list counts as {items}): {}",
                parts.join(", ")
            ),
        ));
    }
    let unpriced: Vec<String> =
        quote.unpriced.iter().map(|step| format!("{} ({})", step.step, step.operation)).collect();
    if !unpriced.is_empty() {
        let words = format!("  not part of it, because nobody knows the price: {}", unpriced.join(", "));
        lines.push(Line::of(Tone::Doubtful, words));
    }
    lines
}
