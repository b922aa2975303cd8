//! Money, as `motet.toml` says it: when a person is asked, what may be sent again, and what a day may cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use motet_engine::dispatcher::Cap;
use motet_engine::event::Resends;
use motet_pipeline::{Digest, Money, Timestamp};
use motet_providers::prices::PriceBook;
use toml::Spanned;
use toml::de::DeValue;

use super::file::Source;
use crate::Error;
use crate::reading::{Unread, read_start};

/// The largest price book, in bytes.
const BOOK_BYTES_MAX: u64 = 16 << 20;

/// What is set about money: `[money]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneySettings {
    /// A call of which nobody can tell what became of it is sent again if it costs at most this.
    pub resend_below: Money,
    /// What all such calls of a run may cost together.
    pub resend_total: Money,
    /// A person is asked before the first paid call of a run that is likely to cost more.
    pub ask_above: Money,
}

impl Default for MoneySettings {
    /// $0.05, $0.50 and $5.
    fn default() -> MoneySettings {
        let cents = |cents: i128| Money::from_units(cents * 10_000_000_000);
        MoneySettings { resend_below: cents(5), resend_total: cents(50), ask_above: cents(500) }
    }
}

impl MoneySettings {
    /// What a run begins with.
    pub fn resends(&self) -> Resends {
        Resends { below: self.resend_below, total: self.resend_total }
    }
}

/// What may be spent in a day by all runs of a store: `[budgets]`. Days are those of UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// By all.
    pub day: Option<Money>,
    /// By each user on whose behalf runs are started.
    pub user: Option<Money>,
    /// At a provider.
    pub providers: BTreeMap<String, Money>,
}

impl Budgets {
    /// The caps that a call counts against: `day 2026-11-29`, `user ada 2026-11-29`, `fal 2026-11-29`.
    pub(crate) fn caps(&self, now: Timestamp, user: Option<&str>, provider: &str) -> Vec<Cap> {
        let day = now.day();
        let cap = |name: String| move |limit: Money| Cap { name: name.into(), limit };
        let of_user = user.and_then(|user| self.user.map(cap(format!("user {user} {day}"))));
        let of_provider = self.providers.get(provider).copied().map(cap(format!("{provider} {day}")));
        self.day.map(cap(format!("day {day}"))).into_iter().chain(of_user).chain(of_provider).collect()
    }

    fn is_none(&self) -> bool {
        *self == Budgets::default()
    }

    /// `day 20, user 5, fal 3`; empty if there are none.
    pub(crate) fn in_words(&self) -> String {
        let of = |name: &'static str| move |limit: Money| format!("{name} {limit}");
        let day = self.day.map(of("day")).into_iter().chain(self.user.map(of("user")));
        let providers = self.providers.iter().map(|(name, limit)| format!("{name} {limit}"));
        if self.is_none() { String::new() } else { day.chain(providers).collect::<Vec<_>>().join(", ") }
    }
}

/// A price book of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFile {
    /// The file.
    pub path: PathBuf,
    text: String,
}

impl PriceFile {
    /// What it says.
    pub fn book(&self) -> PriceBook {
        // It was read when the settings were.
        PriceBook::read(&self.text).unwrap_or_default()
    }

    /// What it says, hashed.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    fn read(path: &Path) -> Result<PriceFile, String> {
        let bytes = read_start(path, BOOK_BYTES_MAX).map_err(|unread| match unread {
            Unread::Io(error) => error.to_string(),
            other => other.to_string(),
        })?;
        if bytes.len() as u64 > BOOK_BYTES_MAX {
            return Err(format!("it is larger than {} MiB", BOOK_BYTES_MAX >> 20));
        }
        let text = String::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())?;
        PriceBook::read(&text).map_err(|error| error.to_string())?;
        Ok(PriceFile { path: path.to_owned(), text })
    }
}

impl Source<'_> {
    /// What the table `[money]` says.
    pub(super) fn money(&self, value: &Spanned<DeValue>) -> Result<MoneySettings, Error> {
        let mut money = MoneySettings::default();
        for (part, value) in self.table("money", "a table of amounts, as in `[money]`", value)? {
            let written: &str = AsRef::<str>::as_ref(part.get_ref());
            let place = match written {
                "resend_below" => &mut money.resend_below,
                "resend_total" => &mut money.resend_total,
                "ask_above" => &mut money.ask_above,
                other => {
                    let known = ["resend_below", "resend_total", "ask_above"];
                    return Err(self.unknown("`money`", other, &known, part.span()));
                }
            };
            *place = self.amount(&format!("money.{written}"), value)?;
        }
        Ok(money)
    }

    /// What the table `[budgets]` says.
    pub(super) fn budgets(&self, value: &Spanned<DeValue>) -> Result<Budgets, Error> {
        let mut budgets = Budgets::default();
        let table = self.table("budgets", "a table, as in `[budgets]`", value)?;
        for (part, value) in table {
            match AsRef::<str>::as_ref(part.get_ref()) {
                "day" => budgets.day = Some(self.amount("budgets.day", value)?),
                "user" => budgets.user = Some(self.amount("budgets.user", value)?),
                "providers" => {
                    let wanted = "a table, such as { fal = 3 }";
                    let limits = self.table("budgets.providers", wanted, value)?;
                    budgets.providers = self.each(limits, "a provider", |name, value| {
                        self.amount(&format!("budgets.providers.{name}"), value)
                    })?;
                }
                other => {
                    let known = ["day", "user", "providers"];
                    return Err(self.unknown("`budgets`", other, &known, part.span()));
                }
            }
        }
        Ok(budgets)
    }

    /// The price book at the path that is written.
    pub(super) fn prices(&self, written: &str, span: std::ops::Range<usize>) -> Result<PriceFile, Error> {
        let path = self.folder.join(written);
        PriceFile::read(&path).map_err(|why| self.fault(span, format!("{}: {why}", path.display())))
    }

    /// An amount of dollars, exactly as it is written.
    fn amount(&self, key: &str, value: &Spanned<DeValue>) -> Result<Money, Error> {
        let written = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
            DeValue::Float(number) => Some(number.as_str()),
            DeValue::String(text) => Some(&**text),
            _ => None,
        };
        let amount =
            written.and_then(|text| text.parse::<Money>().ok()).filter(|found| *found >= Money::ZERO);
        amount.ok_or_else(|| {
            let wanted = "dollars, as a plain decimal such as 0.25";
            self.fault(value.span(), format!("`{key}` must be {wanted}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_cap_for_all_for_each_user_and_for_a_provider() {
        let dollars = |text: &str| Some(text.parse::<Money>().unwrap());
        let providers = [("fal".to_owned(), Money::from_units(3_000_000_000_000))].into();
        let budgets = Budgets { day: dollars("20"), user: dollars("5"), providers };
        // 2026-11-29T23:59:59.999Z, and a millisecond later.
        let last = Timestamp(1_795_996_799_999);
        let names = |now: Timestamp, user: Option<&str>, provider: &str| {
            let caps = budgets.caps(now, user, provider).into_iter();
            caps.map(|cap| format!("{}: {}", cap.name, cap.limit)).collect::<Vec<_>>()
        };
        let day = last.to_string()[..10].to_owned();
        let next = Timestamp(last.0 + 1).to_string()[..10].to_owned();
        assert_ne!(day, next);
        let all = [format!("day {day}: 20"), format!("user ada {day}: 5"), format!("fal {day}: 3")];
        assert_eq!(names(last, Some("ada"), "fal"), all);
        assert_eq!(names(Timestamp(last.0 + 1), None, "replicate"), [format!("day {next}: 20")]);
        assert_eq!(Budgets::default().caps(last, Some("ada"), "fal"), []);
    }
}
