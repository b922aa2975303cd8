//! What runs when a run ends: steps with `always`, and what undoes others.

use std::collections::BTreeMap;

use super::Checker;
use super::inference::Dependencies;
use super::step::CheckedBody;
use crate::Type;
use crate::contract::Work;
use crate::diagnostic::Code;
use crate::document::place::Place;
use crate::document::written::Part as Piece;
use crate::document::{self, Body, Retry, yaml};
use crate::expression::Reference;
use crate::plan::{self, Location, StepRef};

/// The parts of a run, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What it is there for.
    Main,
    /// Undoing what was done.
    Undo,
    /// What runs at the end, whatever happened.
    Always,
}

/// What only a step that always runs may ask of its run.
const OF_THE_END: [&str; 2] = ["status", "errors"];

impl<'c> Checker<'c, '_> {
    /// Checks a step that always runs; `place` is where that is written.
    pub fn always<T>(&mut self, place: Place, check: impl FnOnce(&mut Self) -> T) -> T {
        if self.frames.len() > 1 {
            self.findings
                .error(place, Code::MisplacedKey, "`always` can't be used here: the step is inside a group")
                .help("write it at the group, if all of it is always to run");
        } else if self.chain.len() > 1 {
            let message = "`always` in a file that another one uses is not supported yet";
            self.findings
                .error(place, Code::NotSupportedYet, message)
                .note("what always runs belongs to the run, not to one of its files")
                .help("write the step in the file that is run");
        }
        let part = std::mem::replace(&mut self.part, Part::Always);
        let run = self.frame().values.values.get("run").cloned();
        self.set_value("run".to_owned(), run.as_ref().map(at_the_end));
        let checked = check(self);
        self.set_value("run".to_owned(), run);
        self.part = part;
        checked
    }

    /// Checks what undoes `step`, whose body was checked, and which is `seen` so.
    pub fn undo(
        &mut self,
        step: &'c document::Step,
        undo: &'c document::Step,
        body: &CheckedBody,
        seen: &Type,
    ) -> Option<plan::Step> {
        let Body::Uses { uses, with, .. } = &undo.body else { return None };
        if yaml::is_file(&uses.value) {
            self.findings
                .error(uses.place, Code::NotSupportedYet, "a pipeline as an undo is not supported yet")
                .help("use an operation here");
            return None;
        }
        self.judge_undone(undo, body);
        if let Some(own) = self.resolve(&step.name.value) {
            self.frame_of(own).types[own.index] = Some(seen.clone());
        }
        let part = std::mem::replace(&mut self.part, Part::Undo);
        let hidden = self.frame().values.values.insert("output".to_owned(), body.output.clone());
        let checked = self.operation(undo, uses, with);
        with.iter().for_each(|(_, written)| self.note_used_outputs(step, written));
        self.set_value("output".to_owned(), hidden);
        self.part = part;
        Some(plan::Step {
            cache: None,
            name: undo.name.value.clone(),
            location: Location { file: self.file(), line: self.findings.sources.line(undo.name.place) },
            description: None,
            condition: None,
            waits_for: Dependencies::into_plan(checked.dependencies),
            each: None,
            body: checked.body,
            checks: Vec::new(),
            optional: false,
            always: false,
            undo: None,
            on_unknown: None,
            total_timeout: None,
            budget: None,
            labels: BTreeMap::new(),
        })
    }

    /// A step that changes nothing outside of its run has nothing to be undone.
    fn judge_undone(&mut self, undo: &document::Step, body: &CheckedBody) {
        let plan::Body::Operation(targets) = &body.body else { return };
        let Some(first) = targets.first() else { return };
        if targets.iter().all(|target| target.contract.work == Work::Engine) {
            let message = format!("`undo` can't be used here: {} changes nothing", first.contract.operation);
            self.findings
                .error(undo.name.place, Code::MisplacedKey, message)
                .help("remove it, or write it at the step that does what is to be undone");
        }
    }

    /// Whether `other` runs only after what is being checked; reports it if so.
    pub fn runs_later(&mut self, other: StepRef, place: Place) -> bool {
        let part = self.part;
        let other = &self.frame_of(other).steps[other.index];
        let is_later = part != Part::Always && other.always.is_some();
        if is_later {
            let name = &other.name.value;
            self.findings
                .error(place, Code::Cycle, format!("`{name}` runs at the end, after all that refers to it"))
                .note(format!("`{name}` has `always: true`"))
                .help("only another step with `always: true` can refer to it");
        }
        is_later
    }

    /// Whether `reference` asks how the run ended before it has; reports it if so.
    pub fn is_of_the_end(&mut self, reference: &Reference, piece: &Piece) -> bool {
        let [root, field, ..] = reference.path.as_slice() else { return false };
        let is_early = root == "run" && OF_THE_END.contains(&field.as_str()) && self.part != Part::Always;
        if is_early {
            let place = piece.place(self.findings);
            self.findings
                .error(place, Code::UnknownField, format!("`run.{field}` is not known yet here"))
                .help("only a step with `always: true` sees it: it runs when all others have ended");
        }
        is_early
    }
}

/// What `run` is for a step that always runs.
fn at_the_end(run: &Type) -> Type {
    let Type::Object { fields, open } = run else { return run.clone() };
    let error = Type::object([("step", Type::Text), ("class", Type::Text), ("message", Type::Text)]);
    let mut fields = BTreeMap::clone(fields);
    fields.insert("status".to_owned(), Type::Text);
    fields.insert("errors".to_owned(), Type::list(error));
    Type::Object { fields: fields.into(), open: *open }
}

/// An undo is tried again as often as a model is, whatever its work, unless it says otherwise.
pub(super) fn retries_of_undo(written: Option<&[Retry]>) -> Vec<Retry> {
    written.map_or_else(|| vec![Retry::default()], <[Retry]>::to_vec)
}
