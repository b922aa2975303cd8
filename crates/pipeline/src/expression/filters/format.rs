//! `'%.2f' | format(price)`: values put into the places of a text.

use super::super::bounds::{Budget, Outcome, runaway, wrong};
use super::super::operators::Numeric;
use super::super::print;
use super::super::signature::Given;
use crate::Value;

/// The widest place.
const WIDTH_MAX: usize = 1000;
/// The most decimals.
const PRECISION_MAX: usize = 100;

/// A place for a value, as it is written: `%-8.2f`.
#[derive(Default)]
struct Place {
    is_left: bool,
    has_plus: bool,
    has_blank: bool,
    has_zeros: bool,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

pub(super) fn format(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let Value::Text(text) = &value else {
        return wrong(format!("`format` puts values into a text, not into {}", value.phrase()));
    };
    budget.text(text.len())?;
    let (mut out, mut rest, mut values) = (String::new(), &**text, given.rest.iter());
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (place, after) = Place::read(after)?;
        rest = after;
        if place.kind == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = values.next() else { return wrong("`format` has fewer values than places") };
        let filled = place.fill(value, budget)?;
        budget.text(filled.len())?;
        out.push_str(&filled);
    }
    if values.next().is_some() {
        return wrong("`format` has more values than places");
    }
    out.push_str(rest);
    Ok(Value::from(out))
}

impl Place {
    /// Reads what stands behind a `%`; gives also what follows.
    fn read(text: &str) -> Outcome<(Place, &str)> {
        let mut place = Place::default();
        let flags = text.len() - text.trim_start_matches(['-', '+', ' ', '0']).len();
        for flag in text[..flags].chars() {
            match flag {
                '-' => place.is_left = true,
                '+' => place.has_plus = true,
                ' ' => place.has_blank = true,
                _ => place.has_zeros = true,
            }
        }
        let (width, mut rest) = number_in(&text[flags..]);
        place.width = width.unwrap_or(0);
        if let Some(decimals) = rest.strip_prefix('.') {
            let (precision, after) = number_in(decimals);
            (place.precision, rest) = (Some(precision.unwrap_or(0)), after);
        }
        if place.width > WIDTH_MAX || place.precision.is_some_and(|precision| precision > PRECISION_MAX) {
            return runaway(format!(
                "`format` goes up to {WIDTH_MAX} characters and {PRECISION_MAX} decimals"
            ));
        }
        match rest.chars().next() {
            Some(kind) if "sdiufFeExXo%".contains(kind) => {
                Ok((Place { kind, ..place }, &rest[kind.len_utf8()..]))
            }
            other => {
                let written = other.map(String::from).unwrap_or_default();
                wrong(format!("`format` knows %s, %d, %f, %e, %x, %o and %%, not `%{written}`"))
            }
        }
    }

    fn fill(&self, value: &Value, budget: &mut Budget) -> Outcome<String> {
        if self.kind == 's' {
            let text = print::text(value, budget)?.unwrap_or_default();
            let kept = self.precision.map_or(text.clone(), |most| text.chars().take(most).collect());
            return Ok(self.padded("", &kept));
        }
        let number = match value {
            Value::Bool(value) => Some(Numeric::Whole(i128::from(*value))),
            other => Numeric::of(other),
        };
        let Some(number) = number else {
            return wrong(format!("`%{}` of `format` takes a number, not {}", self.kind, value.phrase()));
        };
        let (is_negative, digits) = match self.kind {
            'f' | 'F' | 'e' | 'E' => {
                (number.as_f64().is_sign_negative(), self.decimals(number.as_f64().abs()))
            }
            kind => {
                let whole = match number {
                    Numeric::Whole(whole) => whole,
                    Numeric::Float(float) => float as i128,
                };
                (whole < 0, digits_of(whole.unsigned_abs(), kind, self.precision.unwrap_or(0)))
            }
        };
        let sign = match is_negative {
            true => "-",
            false if self.has_plus => "+",
            false if self.has_blank => " ",
            false => "",
        };
        Ok(self.padded(sign, &digits))
    }

    fn decimals(&self, number: f64) -> String {
        let precision = self.precision.unwrap_or(6);
        if matches!(self.kind, 'f' | 'F') {
            return format!("{number:.precision$}");
        }
        let written = format!("{number:.precision$e}");
        let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}{}{sign}{:02}", self.kind, exponent.abs())
    }

    fn padded(&self, sign: &str, text: &str) -> String {
        let missing = self.width.saturating_sub(sign.len() + text.chars().count());
        match () {
            () if self.is_left => format!("{sign}{text}{}", " ".repeat(missing)),
            () if self.has_zeros && self.kind != 's' => format!("{sign}{}{text}", "0".repeat(missing)),
            () => format!("{}{sign}{text}", " ".repeat(missing)),
        }
    }
}

fn digits_of(whole: u128, kind: char, least: usize) -> String {
    match kind {
        'x' => format!("{whole:0least$x}"),
        'X' => format!("{whole:0least$X}"),
        'o' => format!("{whole:0least$o}"),
        _ => format!("{whole:0least$}"),
    }
}

/// The number that a text begins with, and what follows. One that is far too large is the largest.
fn number_in(text: &str) -> (Option<usize>, &str) {
    let length = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let number = (length > 0).then(|| text[..length].parse().unwrap_or(usize::MAX));
    (number, &text[length..])
}
