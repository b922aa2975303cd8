//! Fallbacks: whether each gives what is referred to, whichever target does the work.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Checker;
use crate::contract::Contract;
use crate::diagnostic::Code;
use crate::document::Body;
use crate::document::place::Place;
use crate::document::written::Part;
use crate::suggestion::listed;

impl<'c> Checker<'c, '_> {
    /// Reports fallbacks that don't give what is referred to in the nearest scope.
    pub fn check_fallback_outputs(&mut self) {
        let frame = self.frame();
        let (steps, used) = (frame.steps, std::mem::take(&mut frame.used_outputs));
        for (step, used) in steps.iter().zip(&used) {
            let Body::Uses { uses, fallback, .. } = &step.body else { continue };
            let mut first: Option<Arc<Contract>> = None;
            for target in std::iter::once(uses).chain(fallback.iter().map(|target| &target.uses)) {
                let Some(contract) = self.find(&target.value).filter(|contract| contract.succeeds) else {
                    continue;
                };
                match &first {
                    Some(first) => self.check_outputs_of(&contract, first, target.place, used),
                    None => first = Some(contract),
                }
            }
        }
    }

    fn check_outputs_of(
        &mut self,
        contract: &Contract,
        first: &Contract,
        place: Place,
        used: &BTreeMap<String, Part<'c>>,
    ) {
        if contract.open_outputs {
            return;
        }
        let operation = &contract.operation;
        for (output, user) in used {
            let Some(wanted) = first.outputs.get(output) else { continue };
            let line = self.findings.sources.line(user.place(self.findings));
            match contract.outputs.get(output) {
                None => {
                    let gives: Vec<_> = contract.outputs.keys().map(String::as_str).collect();
                    self.findings
                        .error(place, Code::MissingOutput, format!("{operation} doesn't give `{output}`"))
                        .note(format!("line {line} refers to it, whichever target does the work"))
                        .note(format!("{operation} gives {}", listed(gives)));
                }
                Some(given) if !given.fits(wanted) => {
                    self.findings
                        .error(place, Code::Type, format!("{operation} gives another `{output}`: {given}"))
                        .note(format!("{} gives {wanted}, and line {line} refers to it", first.operation));
                }
                Some(_) => {}
            }
        }
    }
}
