//! Pools, as `motet.toml` says them.

use motet_engine::dispatcher::PoolLimit;
use motet_pipeline::suggestion::{closest, listed};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Pools;
use super::file::Source;
use crate::Error;

/// The most slots that make sense.
const SLOTS_MAX: usize = 1_000_000;

impl Source<'_> {
    /// What the table `[pools]` says.
    pub(super) fn pools(&self, value: &Spanned<DeValue>) -> Result<Pools, Error> {
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong("pools", "a table, as in `[pools]`", value.get_ref(), value.span()));
        };
        let pool = |(name, value): (&Spanned<_>, &Spanned<DeValue>)| {
            let written: &str = AsRef::<str>::as_ref(name.get_ref());
            if !is_name(written) {
                let rule = "a name begins with a lower-case letter and continues with lower-case letters, digits and `_`";
                return Err(self.fault(name.span(), format!("a pool can't be called `{written}`: {rule}")));
            }
            Ok((written.to_owned(), self.pool(written, value)?))
        };
        table.iter().map(pool).collect()
    }

    /// A number of slots, or a table with slots, a rate, or both.
    fn pool(&self, name: &str, value: &Spanned<DeValue>) -> Result<PoolLimit, Error> {
        let key = format!("pools.{name}");
        match value.get_ref() {
            DeValue::Integer(_) => Ok(PoolLimit { slots: Some(self.slots(&key, value)?), rate: None }),
            DeValue::Table(parts) if !parts.is_empty() => self.parts(&key, parts),
            _ => {
                let wanted = "a number of slots, or a table such as { slots = 4, rate = \"30/1m\" }";
                Err(self.fault(value.span(), format!("`{key}` must be {wanted}")))
            }
        }
    }

    fn parts(&self, key: &str, parts: &DeTable) -> Result<PoolLimit, Error> {
        let mut limit = PoolLimit::default();
        for (part, value) in parts {
            match AsRef::<str>::as_ref(part.get_ref()) {
                "slots" => limit.slots = Some(self.slots(&format!("{key}.slots"), value)?),
                "rate" => {
                    let text = value.get_ref().as_str().unwrap_or_default();
                    let rate = text
                        .parse()
                        .map_err(|error| self.fault(value.span(), format!("`{key}.rate` is {error}")));
                    limit.rate = Some(rate?);
                }
                other => {
                    let known = ["slots", "rate"];
                    let message = match closest(other, known) {
                        Some(meant) => format!("a pool has no `{other}`; did you mean `{meant}`?"),
                        None => format!("a pool has no `{other}`, only {}", listed(known)),
                    };
                    return Err(self.fault(part.span(), message));
                }
            }
        }
        Ok(limit)
    }

    fn slots(&self, key: &str, value: &Spanned<DeValue>) -> Result<usize, Error> {
        let found = self.whole_number(value.get_ref()).filter(|number| (1..=SLOTS_MAX).contains(number));
        found.ok_or_else(|| {
            self.fault(value.span(), format!("`{key}` must be a whole number from 1 to {SLOTS_MAX}"))
        })
    }
}

fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    text.starts_with(|letter: char| letter.is_ascii_lowercase()) && text.chars().all(fits)
}
