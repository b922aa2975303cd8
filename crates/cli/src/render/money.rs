//! Money in words.

use motet::language::Money;
use motet::language::estimate::Spread;
use motet::report::RunRecord;

/// The units of a cent: 10⁻¹² dollars are one.
const CENT: i128 = 10_000_000_000;

/// An amount for people: `$0`, `$0.003`, `$2.00`. From a cent on it is rounded to a hundredth of one, below to three digits.
pub fn dollars(amount: Money) -> String {
    let least = if amount.units() >= CENT { CENT / 100 } else { third_digit(amount) };
    let amount = rounded(amount, least);
    let written = amount.to_string();
    let places = written.split_once('.').map_or(0, |(_, places)| places.len());
    match places {
        _ if amount.is_zero() => "$0".to_owned(),
        0 => format!("${written}.00"),
        1 => format!("${written}0"),
        _ => format!("${written}"),
    }
}

/// What a run cost and saved, and what earlier runs of its lineage cost: `$0.003, $0.009 saved, $0.012 in earlier runs`.
/// Nothing if it is all nothing.
pub fn sums(record: &RunRecord) -> Vec<String> {
    let part =
        |amount: Money, words: &str| (!amount.is_zero()).then(|| format!("{}{words}", dollars(amount)));
    let parts =
        [part(record.cost, ""), part(record.saved, " saved"), part(record.inherited, " in earlier runs")];
    parts.into_iter().flatten().collect()
}

/// What one of the third digit of an amount stands for.
fn third_digit(amount: Money) -> i128 {
    let digits = amount.units().unsigned_abs().checked_ilog10().unwrap_or(0);
    10_i128.pow(digits.saturating_sub(2))
}

/// The same in whole cents, never less.
pub fn whole_cents(amount: Money) -> Money {
    Money::from_units(amount.units().saturating_add(CENT - 1) / CENT * CENT)
}

/// As an argument that is typed: `0.5`, without a sign.
pub fn typed(amount: Money) -> String {
    amount.to_string()
}

/// `$0.10`, or `$0.05 to $0.12, likely $0.10`, or `$0.10 or more`.
pub fn range(spread: &Spread) -> String {
    match spread.high {
        None if spread.likely.is_zero() => "unknown".to_owned(),
        None => format!("{} or more", dollars(spread.likely)),
        Some(high) if high == spread.low => dollars(high),
        Some(high) => {
            format!("{} to {}, likely {}", dollars(spread.low), dollars(high), dollars(spread.likely))
        }
    }
}

fn rounded(amount: Money, to: i128) -> Money {
    let units = amount.units();
    let (whole, rest) = (units / to, units % to);
    let up = rest * 2 > to || (rest * 2 == to && whole % 2 == 1);
    Money::from_units((whole + i128::from(up)) * to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_places_or_more_and_as_many_as_matter() {
        let table = [
            ("0", "$0"),
            ("2", "$2.00"),
            ("0.1", "$0.10"),
            ("0.003", "$0.003"),
            ("0.000225", "$0.000225"),
            ("0.000061111111", "$0.0000611"),
            ("0.000000000001", "$0.000000000001"),
            ("0.00999999", "$0.01"),
            ("0.0164257", "$0.0164"),
            ("0.01645", "$0.0164"),
            ("0.01655", "$0.0166"),
            ("12.99999", "$13.00"),
        ];
        for (amount, words) in table {
            assert_eq!(dollars(amount.parse().unwrap()), words, "{amount}");
        }
        let cents = |amount: &str| whole_cents(amount.parse().unwrap()).to_string();
        assert_eq!([cents("0.12"), cents("0.1201"), cents("0")], ["0.12", "0.13", "0"]);
    }

    #[test]
    fn a_range_says_what_is_known() {
        let money = |text: &str| text.parse::<Money>().unwrap();
        let spread = |low: &str, likely: &str, high: Option<&str>| Spread {
            low: money(low),
            likely: money(likely),
            high: high.map(money),
            assumed: false,
        };
        assert_eq!(range(&spread("0.1", "0.1", Some("0.1"))), "$0.10");
        assert_eq!(range(&spread("0", "0.1", Some("0.12"))), "$0 to $0.12, likely $0.10");
        assert_eq!(range(&spread("0", "0.1", None)), "$0.10 or more");
        assert_eq!(range(&spread("0", "0", None)), "unknown");
    }
}
