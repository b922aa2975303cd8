//! Maps with known keys.

use super::super::node::{Entry, Kind, Node};
use super::super::place::{Findings, Place};
use super::super::words::{KEYS_ELSEWHERE, Key};
use crate::diagnostic::Code;
use crate::suggestion::{closest, listed};

/// The entries of a map whose keys are known; all others were reported.
pub struct Fields<'n> {
    /// Where the first key stands: the place for what is missing.
    pub first_key: Place,
    entries: Vec<(&'n str, &'n Entry)>,
}

impl<'n> Fields<'n> {
    /// Reads the map `node`, which is `what` (such as "a step"). `None` if it isn't a map.
    pub fn read(
        node: &'n Node,
        what: &str,
        keys: &'static [Key],
        findings: &mut Findings,
    ) -> Option<Fields<'n>> {
        let entries = match &node.kind {
            Kind::Map(entries) => entries,
            Kind::Unreadable => return None,
            _ => {
                let message = format!("{what} must be a map, and this is {}", node.kind_word());
                findings.error(node.place, Code::BadValue, message);
                return None;
            }
        };
        let written = |key: &str| entries.iter().any(|entry| entry.key.value == key);
        let meant = entries.iter().filter_map(|entry| {
            let key = meant_key(entry, what, keys, findings)?;
            (entry.key.value == key || !written(key)).then_some((key, entry))
        });
        Some(Fields {
            entries: meant.collect(),
            first_key: entries.first().map_or(node.place, |entry| entry.key.place),
        })
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`.
    pub fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|(meant, _)| *meant == key).map(|(_, entry)| *entry)
    }

    /// Reports those of `keys` that are there, and takes them out.
    pub fn refuse(&mut self, keys: &[&str], reason: &str, help: &str, findings: &mut Findings) {
        self.entries.retain(|(meant, entry)| {
            let key = &entry.key;
            let refused = keys.contains(meant);
            if refused {
                findings
                    .error(
                        key.place,
                        Code::MisplacedKey,
                        format!("`{}` can't be used here: {reason}", key.value),
                    )
                    .help(help);
            }
            !refused
        });
    }
}

/// The key that `entry` is meant to have. One that isn't supported or doesn't exist is reported; a
/// slip of the pen is then taken for what was meant, so that it isn't reported as missing as well.
fn meant_key<'n>(
    entry: &'n Entry,
    what: &str,
    keys: &'static [Key],
    findings: &mut Findings,
) -> Option<&'n str> {
    let word = entry.key.value.as_str();
    match keys.iter().find(|key| key.name == word) {
        Some(Key { later: None, .. }) => Some(word),
        Some(Key { later: Some(purpose), .. }) => {
            findings
                .error(entry.key.place, Code::NotSupportedYet, format!("`{word}` is not supported yet"))
                .note(format!("it is reserved for {purpose}, in a later version"))
                .help("remove it: what isn't supported is never ignored");
            None
        }
        None => {
            let nearest = closest(word, keys.iter().map(|key| key.name));
            let finding =
                findings.error(entry.key.place, Code::UnknownKey, format!("{what} has no key `{word}`"));
            let elsewhere = KEYS_ELSEWHERE.iter().find(|(other, _)| *other == word).map(|(_, ours)| *ours);
            let elsewhere = elsewhere.filter(|ours| keys.iter().any(|key| key.name == *ours));
            finding.did_you_mean(elsewhere.or(nearest));
            if elsewhere.is_some() {
                return None;
            }
            if nearest.is_none() {
                let names = keys.iter().filter(|key| key.later.is_none()).map(|key| key.name);
                finding.note(format!("the keys are {}", listed(names)));
            }
            nearest.filter(|nearest| keys.iter().any(|key| key.name == *nearest && key.later.is_none()))
        }
    }
}
