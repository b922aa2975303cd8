//! Price books: what providers bill, row by row, with source and validity.
//!
//! Motet has a book of its own ([`PriceBook::built_in`]). A user's book lies over it: for each model that it names, its
//! rows hold and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use motet_pipeline::Money;
use motet_pipeline::price::{Amount, Condition, Confidence, Price, Tariff, Unit, Unpriced};
use motet_pipeline::value::{BadJson, read_foreign};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::catalogue::Entry;

/// Prices by model. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    rows: BTreeMap<String, Arc<[Row]>>,
    /// Why there is no price, by model.
    unlisted: BTreeMap<String, String>,
    /// The models whose rows were laid over those of another book.
    laid_over: BTreeSet<String>,
    /// The day on which its prices hold; without one, those that aren't over.
    day: Option<String>,
}

/// One price of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The price.
    pub tariff: Tariff,
    /// From which day on it holds, if that is known: `2026-10-07`.
    pub effective_from: Option<String>,
    /// Until which day.
    pub effective_until: Option<String>,
    /// On which day the model is to stop.
    pub retires: Option<String>,
    /// Where it was read, when that isn't the source.
    pub via: Option<String>,
    /// What there is to say about it.
    pub note: Option<String>,
    /// Other full names of the model.
    pub aliases: Vec<String>,
}

/// Something wrong with a price book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadBook(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    provider: String,
    model: String,
    unit: String,
    per: u64,
    usd: Json,
    #[serde(default)]
    when: Option<String>,
    #[serde(default)]
    estimate_only: bool,
    #[serde(default)]
    typical_quantity: Option<Json>,
    #[serde(default)]
    effective_from: Option<String>,
    #[serde(default)]
    effective_until: Option<String>,
    #[serde(default)]
    retires: Option<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    as_of: String,
    #[serde(default)]
    confidence: Confidence,
    #[serde(default)]
    via: Option<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default, rename = "modality")]
    _modality: Option<String>,
}

#[derive(Deserialize)]
struct Unlisted {
    #[serde(default)]
    models: Vec<String>,
    reason: String,
}

impl PriceBook {
    /// The book that comes with Motet.
    pub fn built_in() -> PriceBook {
        static READ: LazyLock<PriceBook> = LazyLock::new(|| {
            PriceBook::read(include_str!("../prices.json")).expect("the book that comes with Motet is tested")
        });
        READ.clone()
    }

    /// Reads a book: an object with the rows under `prices`, and under `not_listed` the models whose price isn't known.
    ///
    /// ```
    /// use motet_providers::prices::PriceBook;
    /// let book = r#"{ "prices": [
    ///     { "provider": "fal", "model": "fal-ai/veo3", "unit": "output_video_second", "per": 1, "usd": 0.4 }
    /// ] }"#;
    /// assert_eq!(
    ///     PriceBook::read(book).unwrap_err().to_string(),
    ///     "row 1 (fal/fal-ai/veo3): `usd` must be a decimal in quotes, such as \"0.04\", so that it is exact"
    /// );
    /// ```
    ///
    /// # Errors
    /// Says which row is wrong, and how.
    pub fn read(text: &str) -> Result<PriceBook, BadBook> {
        let book: Json = read_foreign(text.as_bytes()).map_err(|bad| match bad {
            BadJson::NoJson(error) => BadBook(format!("the book is no JSON: {error}")),
            BadJson::Excess { excess, place } => BadBook(format!("the book {excess}{place}")),
        })?;
        let rows = book.get("prices").and_then(Json::as_array);
        let rows = rows.ok_or_else(|| BadBook("the book has no list `prices`".to_owned()))?;
        let currency = book.get("currency").and_then(Json::as_str).unwrap_or("USD");
        if currency != "USD" {
            return Err(BadBook(format!("the book is in {currency}; only USD is supported")));
        }
        let mut by_model: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let (model, row) = read_row(row)
                .map_err(|reason| BadBook(format!("row {}{}: {reason}", index + 1, named(row))))?;
            by_model.entry(model).or_default().push(row);
        }
        for (model, rows) in &by_model {
            judge(rows).map_err(|reason| BadBook(format!("{model}: {reason}")))?;
        }
        let rows = by_model.into_iter().map(|(model, rows)| (model, rows.into())).collect();
        let mut read = PriceBook { rows, ..PriceBook::default() };
        let unlisted = book.get("not_listed").cloned().unwrap_or_else(|| Json::Array(Vec::new()));
        let unlisted: Vec<Unlisted> =
            serde_json::from_value(unlisted).map_err(|error| BadBook(format!("`not_listed`: {error}")))?;
        for Unlisted { models, reason } in unlisted {
            read.unlisted.extend(models.into_iter().map(|model| (model, reason.clone())));
        }
        Ok(read)
    }

    /// This book with another one laid over it: of a model that the other one has rows for, only those hold.
    #[must_use]
    pub fn under(mut self, other: PriceBook) -> PriceBook {
        for (model, rows) in other.rows {
            self.unlisted.remove(&model);
            self.laid_over.insert(model.clone());
            self.rows.insert(model, rows);
        }
        self.unlisted.extend(other.unlisted);
        self
    }

    /// The rows of a model, by its full name.
    pub fn rows(&self, model: &str) -> &[Row] {
        self.rows.get(model).map_or(&[], |rows| rows)
    }

    /// All models with a price, and their rows.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Row])> {
        self.rows.iter().map(|(model, rows)| (model.as_str(), &**rows))
    }

    /// The book as it holds on a day, written `2026-11-20`.
    #[must_use]
    pub fn on(mut self, day: &str) -> PriceBook {
        self.day = Some(day.to_owned());
        self
    }

    /// Whether the price of a model depends on the day.
    pub fn is_dated(&self, entry: &Entry) -> bool {
        let is_dated = |row: &Row| row.effective_from.is_some() || row.effective_until.is_some();
        self.rows(&entry.price_key()).iter().any(is_dated)
    }

    /// The price of a model of the catalogue, on the day of the book.
    ///
    /// # Errors
    /// Why it isn't known.
    pub fn price(&self, entry: &Entry) -> Result<Price, Unpriced> {
        let key = entry.price_key();
        let rows = self.rows(&key);
        let in_force = rows.iter().filter(|row| self.is_in_force(row, rows));
        let tariffs: Vec<Tariff> = in_force.map(|row| row.tariff_for(entry)).collect();
        // Of a model that says so, nobody knows how much a call uses: only whoever laid a price over this one does.
        let is_unknown = entry.billing.unpriced.is_some() && !self.laid_over.contains(&key);
        if tariffs.is_empty() || is_unknown {
            let reason = self.unlisted.get(&key).or(entry.billing.unpriced.as_ref());
            let reason = reason.cloned().unwrap_or_else(|| format!("the price book has no price for {key}"));
            return Err(Unpriced::because(reason));
        }
        Ok(Price { tariffs, quantities: entry.billing.quantities.clone() })
    }

    /// Whether a row holds on the day of the book. If a price is known only from a later day on, it holds before, too.
    fn is_in_force(&self, row: &Row, rows: &[Row]) -> bool {
        let Some(day) = &self.day else { return row.effective_until.is_none() };
        let begins_later = row.effective_from.as_ref().is_some_and(|from| from > day);
        let is_better = |other: &Row| other.holds_on(day) || other.effective_from < row.effective_from;
        row.holds_on(day)
            || begins_later && !rows.iter().any(|other| other.is_for_the_same(row) && is_better(other))
    }
}

impl Row {
    /// Whether it holds on a day, written `2026-11-20`.
    pub fn holds_on(&self, day: &str) -> bool {
        self.effective_from.as_deref().is_none_or(|from| from <= day)
            && self.effective_until.as_deref().is_none_or(|until| day <= until)
    }

    /// Whether it is another price for the same requests.
    fn is_for_the_same(&self, other: &Row) -> bool {
        let (own, its) = (&self.tariff, &other.tariff);
        (own.unit, &own.when, own.estimate_only) == (its.unit, &its.when, its.estimate_only)
    }

    /// The tariff, with conditions about the inputs of the model.
    fn tariff_for(&self, entry: &Entry) -> Tariff {
        let mut tariff = self.tariff.clone();
        for condition in &mut tariff.when {
            if let Some(input) = entry.billing.subjects.get(&condition.subject) {
                condition.subject.clone_from(input);
            }
        }
        tariff
    }
}

/// The model of a row, for messages.
fn named(row: &Json) -> String {
    let text = |key: &str| row.get(key).and_then(Json::as_str);
    match (text("provider"), text("model")) {
        (Some(provider), Some(model)) => format!(" ({provider}/{model})"),
        _ => String::new(),
    }
}

fn read_row(row: &Json) -> Result<(String, Row), String> {
    let written: Written = serde_json::from_value(row.clone()).map_err(|error| error.to_string())?;
    if written.provider.is_empty() || written.model.is_empty() {
        return Err("it names no `provider` or no `model`".to_owned());
    }
    let unit = Unit::ALL.into_iter().find(|unit| unit.word() == written.unit);
    let unit = unit.ok_or_else(|| format!("`{}` is no unit; there are {}", written.unit, all_units()))?;
    if written.per == 0 {
        return Err("`per` must be at least 1".to_owned());
    }
    let usd = written
        .usd
        .as_str()
        .ok_or("`usd` must be a decimal in quotes, such as \"0.04\", so that it is exact")?;
    let usd: Money = usd.parse().map_err(|error| format!("`usd` is {error}"))?;
    if usd < Money::ZERO {
        return Err("`usd` must not be negative".to_owned());
    }
    let when = match &written.when {
        Some(when) => Condition::read_all(when).map_err(|error| format!("`when`: {error}"))?,
        None => Vec::new(),
    };
    for (key, day) in [
        ("as_of", Some(&written.as_of).filter(|day| !day.is_empty())),
        ("effective_from", written.effective_from.as_ref()),
        ("effective_until", written.effective_until.as_ref()),
        ("retires", written.retires.as_ref()),
    ] {
        if let Some(day) = day.filter(|day| !is_day(day)) {
            return Err(format!("`{key}` must be a day such as 2026-11-20, and is `{day}`"));
        }
    }
    let typical = written.typical_quantity.map(read_quantity).transpose()?;
    let Written { per, estimate_only, source, as_of, confidence, .. } = written;
    let tariff = Tariff { unit, per, usd, when, estimate_only, typical, source, as_of, confidence };
    let model = format!("{}/{}", written.provider, written.model);
    let Written { effective_from, effective_until, retires, via, note, aliases, .. } = written;
    Ok((model, Row { tariff, effective_from, effective_until, retires, via, note, aliases }))
}

fn read_quantity(written: Json) -> Result<Amount, String> {
    let amount: Amount =
        serde_json::from_value(written).map_err(|error| format!("`typical_quantity` is {error}"))?;
    if amount == Amount::ZERO {
        return Err("`typical_quantity` must be more than 0".to_owned());
    }
    Ok(amount)
}

fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok() && text.len() == "2026-11-20".len()
}

fn all_units() -> String {
    Unit::ALL.map(|unit| format!("`{unit}`")).join(", ")
}

/// No two rows of a model may hold for the same request at the same time.
fn judge(rows: &[Row]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for row in rows {
        let Tariff { unit, when, estimate_only, .. } = &row.tariff;
        let mut when: Vec<String> = when.iter().map(ToString::to_string).collect();
        when.sort();
        let key =
            (*unit, when.join(", "), *estimate_only, row.effective_from.clone(), row.effective_until.clone());
        if !seen.insert(key) {
            let condition =
                if when.is_empty() { String::new() } else { format!(" when {}", when.join(", ")) };
            return Err(format!("there are two prices for `{unit}`{condition}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
