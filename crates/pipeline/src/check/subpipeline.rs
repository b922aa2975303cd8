//! Pipelines that are used by another one: inlined, with their inputs as the contract.

use std::collections::BTreeMap;

use super::Checker;
use super::inference::Dependencies;
use super::parameter::{Given, meant};
use super::step::{CheckedBody, is_of_every_step, output_type};
use crate::bundle;
use crate::diagnostic::Code;
use crate::document::written::Written;
use crate::document::{self, At};
use crate::plan::{self, InputSpec};
use crate::suggestion::{closest, listed};

/// How many steps the files that are used may be, all of them put in place.
pub(crate) const STEPS_IN_PLACE_MAX: usize = 50_000;
/// How deep files and groups may lie in each other: whoever walks through a plan needs a stack for it.
pub(crate) const LEVELS_MAX: usize = 64;

impl<'c> Checker<'c, '_> {
    /// Checks a step that uses another file.
    pub fn subpipeline(
        &mut self,
        step: &document::Step,
        uses: &At<String>,
        with: &'c [(At<String>, Written)],
    ) -> CheckedBody {
        let mut dependencies = Dependencies::default();
        let given = self.infer_all(with, &mut dependencies);
        let unknown = CheckedBody { dependencies: dependencies.clone(), ..CheckedBody::unknown() };
        let user = self.file();
        let Some(path) = bundle::resolve(&user, &uses.value) else {
            let message = format!("`{}` is outside the project", uses.value);
            self.findings
                .error(uses.place, Code::BadPath, message)
                .note("a pipeline can use files in the folder of the first file, or below it")
                .help("copy it there");
            return unknown;
        };
        if self.chain.contains(&path) {
            self.report_recursion(&path, uses);
            return unknown;
        }
        if !self.bundle.files.contains_key(&path) {
            let (code, reason) = match self.bundle.unreadable.get(&path) {
                Some(fault) => (fault.code, fault.reason.as_str()),
                None => (Code::Unreadable, "is not there"),
            };
            self.findings.error(uses.place, code, format!("`{path}` {reason}"));
            return unknown;
        }
        if !self.has_levels_for(1, uses) {
            return unknown;
        }
        let Some((document, scope)) = self.documents.get(path.as_str()).zip(self.pipeline(&path)) else {
            return unknown;
        };
        if !self.has_levels_for(count_levels(&scope), uses) || !self.has_room_for(&scope, uses) {
            return unknown;
        }
        for output in document.outputs.iter().filter(|output| is_of_every_step(&output.name.value)) {
            self.hidden_output(&output.name.value, uses.place);
        }
        self.check_inputs(&path, &document.inputs, uses, &given);
        self.check_failure_policy(&path, document, uses);
        CheckedBody {
            output: output_type(&scope),
            body: plan::Body::Pipeline {
                file: path,
                inputs: document.inputs.clone(),
                with: with.iter().map(|(key, value)| (key.value.clone(), value.template())).collect(),
                scope: (*scope).clone(),
            },
            dependencies,
            budget: document.budget,
            total_timeout: document.timeout.into_iter().chain(step.timeout.total).min(),
            labels: document.labels.clone(),
            ..CheckedBody::unknown()
        }
    }

    /// Whether so many scopes can still lie in each other here; reports it if not.
    fn has_levels_for(&mut self, levels: usize, uses: &At<String>) -> bool {
        let fits = self.levels + levels <= LEVELS_MAX;
        if !fits {
            let message = format!("files and groups are nested more than {LEVELS_MAX} deep here");
            self.findings.error(uses.place, Code::TooDeep, message);
        }
        fits
    }

    /// Whether the steps of `scope` can be put in place once more; reports it if not.
    fn has_room_for(&mut self, scope: &plan::Scope, uses: &At<String>) -> bool {
        let before = self.steps_in_place;
        self.steps_in_place += count_steps(scope);
        if before <= STEPS_IN_PLACE_MAX && self.steps_in_place > STEPS_IN_PLACE_MAX {
            self.findings
                .error(uses.place, Code::TooLarge, "the used files have too many steps together")
                .note(format!("together they may have at most {STEPS_IN_PLACE_MAX} steps"));
        }
        self.steps_in_place <= STEPS_IN_PLACE_MAX
    }

    fn report_recursion(&mut self, path: &str, uses: &At<String>) {
        let from = self.chain.iter().position(|file| file == path).unwrap_or(0);
        let chain: Vec<_> = self.chain[from..].iter().map(String::as_str).chain([path]).collect();
        self.findings
            .error(uses.place, Code::Recursion, format!("a pipeline can't use itself: {}", chain.join(" → ")))
            .note("a used pipeline is inserted in place, so this would never end");
    }

    /// One run has one rule for failures, that of the file it was started with.
    fn check_failure_policy(&mut self, path: &str, document: &document::Document, uses: &At<String>) {
        let main = self.documents.get(self.bundle.main.as_str());
        if main.is_some_and(|main| main.on_failure != document.on_failure) {
            let message = format!("`{path}` has another `on_failure`, which is not supported yet");
            self.findings
                .error(uses.place, Code::NotSupportedYet, message)
                .note("one run has one rule for failures")
                .help("write the same `on_failure` in both files");
        }
    }

    fn check_inputs(&mut self, path: &str, inputs: &[InputSpec], uses: &At<String>, given: &Given<'c>) {
        let by_name: BTreeMap<&str, &InputSpec> =
            inputs.iter().map(|input| (input.name.as_str(), input)).collect();
        for (key, value, ty) in given {
            let Some(input) = by_name.get(key.value.as_str()) else {
                let names = || inputs.iter().map(|input| input.name.as_str());
                let message = format!("`{path}` has no input `{}`", key.value);
                let nearest = if self.findings.is_full() { None } else { closest(&key.value, names()) };
                let finding = self.findings.error(key.place, Code::UnknownInput, message);
                finding.note(format!("its inputs are {}", listed(names()))).did_you_mean(nearest);
                continue;
            };
            if !value.is_broken() {
                self.check_input(path, input, value, ty);
            }
        }
        let given = meant(given, || inputs.iter().map(|input| input.name.as_str()));
        for input in inputs.iter().filter(|input| input.required && !given.contains(input.name.as_str())) {
            let message = format!("`{path}` needs the input `{}`", input.name);
            self.findings
                .error(uses.place, Code::MissingParameter, message)
                .note(format!("`{path}` takes `{}` ({})", input.name, input.ty))
                .help(format!("add it under `with`: {{ {}: … }}", input.name));
        }
    }

    fn check_input(&mut self, path: &str, input: &InputSpec, value: &'c Written, ty: &crate::Type) {
        let note = format!("`{path}` takes `{}` ({})", input.name, input.ty);
        let subject = format!("the input `{}` of `{path}`", input.name);
        if !self.check_fits(value, ty, &input.ty, &subject, &note) {
            return;
        }
        let Some(literal) = value.literal() else { return };
        if let Some(fault) = input.schema.faults(&subject, &literal).into_iter().next() {
            self.findings.error(value.place, Code::BadValue, fault).note(note);
        }
    }
}

fn count_steps(scope: &plan::Scope) -> usize {
    scope.steps.iter().map(|step| 1 + step.body.scope().map_or(0, count_steps)).sum()
}

fn count_levels(scope: &plan::Scope) -> usize {
    1 + scope.steps.iter().filter_map(|step| step.body.scope()).map(count_levels).max().unwrap_or(0)
}
