//! Pools: whether the settings have the one that a target names.

use std::sync::Arc;

use super::Checker;
use crate::Contract;
use crate::contract::Work;
use crate::diagnostic::Code;
use crate::document::At;
use crate::suggestion::{closest, listed};

impl Checker<'_, '_> {
    /// The pool in which a target is at work. One that there isn't is reported, and so is one of an operation
    /// that is never at work anywhere.
    pub fn pool(&mut self, written: Option<&At<String>>, contract: &Contract) -> Option<Arc<str>> {
        let At { value: name, place } = written?;
        if contract.work == Work::Engine {
            let message =
                format!("`pool` can't be used here: {} keeps no slot of a pool busy", contract.operation);
            self.findings
                .error(*place, Code::MisplacedKey, message)
                .note("Motet does it by itself, without a provider or a program of this machine")
                .help("remove `pool`, or write it at a step that uses a model, http/request, media/*, local/* or a task");
        } else if let Some(known) = self.catalogue.pools().filter(|known| !known.contains(name)) {
            let finding =
                self.findings.error(*place, Code::UnknownPool, format!("there is no pool `{name}`"));
            match closest(name, known.iter().map(String::as_str)) {
                Some(nearest) => finding.did_you_mean(Some(nearest)),
                None if known.is_empty() => finding.note("the settings have no pools"),
                None => finding.note(format!("there are {}", listed(known.iter().map(String::as_str)))),
            };
            finding.help("pools are defined in motet.toml, under `[pools]`: `gpu = 1`");
        }
        Some(name.as_str().into())
    }
}
