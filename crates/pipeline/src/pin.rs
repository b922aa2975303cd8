//! Pins: a plan as it is kept for its runs, whatever becomes of rules, defaults and contracts.
//!
//! A check decides once what a pipeline means: which step waits for which, which contract an operation has,
//! which defaults hold. The pin is that decision. Whoever resumes a run *links* its pin, which gives the plan
//! of then, and checks nothing: no finding of a later check can refuse it. Texts are compiled again, so
//! what this version can't compile at all can't be linked either.
//!
//! Operations and files stand in a pin by name, each once, so a pin is about as large as the texts of its
//! pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::check::{LEVELS_MAX, STEPS_IN_PLACE_MAX};
use crate::contract::Work;
use crate::plan::{Body, Dependency, InputSpec, Plan, Scope, Step, StepRef, Target};
use crate::value::read_written;
use crate::{Contract, Digest};

/// The edition of the rules by which a run follows its plan. It rises when a plan that is kept already would
/// mean something else; the rules of all earlier editions stay.
pub const EDITION: u32 = 1;

/// Why a pin can't be linked. What is wrong, without a full stop, to be put behind "the plan".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlinked {
    /// It isn't what a plan is written as, or holds what this version can't read.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// A newer version wrote it.
    #[error(
        "was made by a newer version of Motet (its rules are of edition {found}, and this version knows {EDITION})"
    )]
    Newer {
        /// The edition of its rules.
        found: u32,
    },
    /// The contract of an operation isn't in it.
    #[error("has lost the contract of `{operation}`, which the step `{step}` uses")]
    NoContract {
        /// The step.
        step: String,
        /// The operation.
        operation: String,
    },
    /// A file isn't in it.
    #[error("has lost the file `{file}`, which the step `{step}` uses")]
    NoFile {
        /// The step.
        step: String,
        /// The file.
        file: String,
    },
    /// A step of it can't be.
    #[error("is damaged at the step `{step}`")]
    Damaged {
        /// The step.
        step: String,
    },
}

impl Plan {
    /// The plan as it is kept: canonical JSON, of which the plan's name is the digest.
    ///
    /// ```
    /// use motet_pipeline::{Bundle, Digest, Plan, check::check, contract::Catalogue};
    /// let text = "motet: 1\nsteps: { nap: { uses: flow/sleep, with: { duration: 7d } } }";
    /// let plan = check(&Bundle::of_text("nap.yaml", text), &Catalogue::default()).plan.unwrap();
    /// assert_eq!(plan.digest, Digest::of(plan.pin().as_bytes()));
    /// let linked = Plan::link(&plan.pin(), plan.digest).unwrap();
    /// assert_eq!(linked.pin(), plan.pin());
    /// ```
    pub fn pin(&self) -> String {
        serde_json::to_string(&Pin::of(self)).expect("a plan is plain data")
    }

    /// The plan that was kept as `pin`, and is named `digest`.
    ///
    /// # Errors
    /// When it can't be made of that.
    pub fn link(pin: &str, digest: Digest) -> Result<Plan, Unlinked> {
        let kept: Kept = read_written(pin.as_bytes()).map_err(|error| unreadable(pin, &error))?;
        if kept.edition > EDITION {
            return Err(Unlinked::Newer { found: kept.edition });
        }
        let Kept { file, mut plan, files, contracts, .. } = kept;
        let contracts = contracts.into_iter().map(|(name, contract)| (name, Arc::new(contract))).collect();
        let mut linker = Linker { contracts, files, steps_left: STEPS_IN_PLACE_MAX };
        linker.link(&mut plan.root, &file.into(), &mut Vec::new(), 1)?;
        plan.digest = digest;
        Ok(plan)
    }

    /// The contracts that the plan was made with, by the names of their operations.
    pub fn contracts(&self) -> BTreeMap<&str, &Contract> {
        Pin::of(self).contracts
    }
}

/// The version of the texts that the plan kept as `pin` was made from, if that can be read.
pub fn version_in(pin: &str) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Kept {
        plan: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        version: Digest,
    }
    serde_json::from_str::<Kept>(pin).ok().map(|kept| kept.plan.version)
}

/// In what two plans of the same texts differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The operations whose contracts differ in more than their descriptions.
    pub operations: Vec<String>,
    /// Whether the rules of the language do: what a file means, or a default.
    pub rules: bool,
}

impl Difference {
    /// In what `newer` differs from `older`. Where steps stand in their files makes no difference.
    pub fn between(older: &Plan, newer: &Plan) -> Difference {
        let contracts = newer.contracts();
        let differs = |(name, contract): &(&str, &Contract)| {
            let Some(newer) = contracts.get(name) else { return true };
            let mut newer = essence(newer);
            if contract.model_version.is_none() {
                // Plans that were kept before contracts named it don't say which one they ask.
                newer.model_version = None;
            }
            newer != essence(contract)
        };
        let changed = older.contracts().into_iter().filter(differs);
        Difference {
            operations: changed.map(|(name, _)| name.to_owned()).collect(),
            rules: shape(older) != shape(newer),
        }
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.operations.is_empty() && !self.rules
    }
}

/// A contract without what only people or the check read, which isn't kept with a run, and without its price: the
/// result is the same.
fn essence(contract: &Contract) -> Contract {
    let mut contract = contract.clone();
    contract.choices.clear();
    contract.judge = None;
    contract.rules.clear();
    contract.promise = None;
    contract.price = None;
    contract.inputs.iter_mut().for_each(|parameter| parameter.entries.clear());
    contract.summary.clear();
    contract.usual_seconds = (0.0, 0.0);
    contract.inputs.iter_mut().for_each(|parameter| parameter.description.clear());
    contract
}

/// A plan without its contracts, and without the places of its steps.
fn shape(plan: &Plan) -> String {
    fn forget_places(scope: &mut Scope) {
        for step in &mut scope.steps {
            step.location.line = 0;
            if let Some(undo) = &mut step.undo {
                undo.location.line = 0;
            }
            match &mut step.body {
                Body::Operation(_) => {}
                Body::Group(scope) | Body::Pipeline { scope, .. } => forget_places(scope),
            }
        }
    }
    let mut plan = plan.clone();
    forget_places(&mut plan.root);
    let pin = Pin { file: "", contracts: BTreeMap::new(), ..Pin::of(&plan) };
    serde_json::to_string(&pin).expect("a plan is plain data")
}

/// The digest of a plan that isn't named yet.
pub(crate) fn unnamed() -> Digest {
    Digest::from_bytes([0; 32])
}

#[derive(Serialize)]
struct Pin<'p> {
    edition: u32,
    file: &'p str,
    plan: &'p Plan,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<&'p str, FileRef<'p>>,
    contracts: BTreeMap<&'p str, &'p Contract>,
}

#[derive(Serialize)]
struct FileRef<'p> {
    inputs: &'p [InputSpec],
    scope: &'p Scope,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    edition: u32,
    file: String,
    plan: Plan,
    #[serde(default)]
    files: BTreeMap<String, File>,
    contracts: BTreeMap<String, Contract>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inputs: Vec<InputSpec>,
    scope: Scope,
}

impl<'p> Pin<'p> {
    fn of(plan: &'p Plan) -> Pin<'p> {
        let file = plan.root.steps.first().map_or("", |step| &*step.location.file);
        let mut pin =
            Pin { edition: EDITION, file, plan, files: BTreeMap::new(), contracts: BTreeMap::new() };
        pin.gather(&plan.root);
        pin
    }

    /// Takes in what stands in `scope` by name.
    fn gather(&mut self, scope: &'p Scope) {
        for step in &scope.steps {
            let contracts = step.targets().map(|target| &*target.contract);
            self.contracts.extend(contracts.map(|contract| (contract.operation.as_str(), contract)));
            match &step.body {
                Body::Operation(_) => {}
                Body::Group(scope) => self.gather(scope),
                Body::Pipeline { file, inputs, scope, .. } => {
                    if self.files.insert(file, FileRef { inputs, scope }).is_none() {
                        self.gather(scope);
                    }
                }
            }
        }
    }
}

/// Why a pin can't be read. One of a newer edition may hold anything.
fn unreadable(pin: &str, error: &serde_json::Error) -> Unlinked {
    #[derive(Deserialize)]
    struct Edition {
        edition: u32,
    }
    match serde_json::from_str(pin) {
        Ok(Edition { edition }) if edition > EDITION => Unlinked::Newer { found: edition },
        _ => Unlinked::Unreadable(error.to_string()),
    }
}

/// Puts what stands in a pin by name in its place. A pin that nobody checked must not be able to ask for more
/// than any pipeline, so the bounds of the check hold here as well; they are never lowered.
struct Linker {
    contracts: BTreeMap<String, Arc<Contract>>,
    files: BTreeMap<String, File>,
    /// How many steps of files may still be put in place.
    steps_left: usize,
}

impl Linker {
    /// Links a scope of `file`, which lies `level` deep; `around` says how many steps each scope around it has.
    fn link(
        &mut self,
        scope: &mut Scope,
        file: &Arc<str>,
        around: &mut Vec<usize>,
        level: usize,
    ) -> Result<(), Unlinked> {
        around.push(scope.steps.len());
        for step in &mut scope.steps {
            step.location.file = file.clone();
            self.link_step(step, around, level)?;
            self.link_undo(step, around, level)?;
        }
        if !scope.names.values().all(|step| is_there(*step, around)) {
            let step = scope.steps.first().map_or_else(String::new, |step| step.name.clone());
            return Err(Unlinked::Damaged { step });
        }
        around.pop();
        Ok(())
    }

    /// What undoes a step is an operation itself, with nothing that undoes it.
    fn link_undo(&mut self, step: &mut Step, around: &mut Vec<usize>, level: usize) -> Result<(), Unlinked> {
        let is_operation = matches!(step.body, Body::Operation(_));
        let Some(undo) = &mut step.undo else { return Ok(()) };
        if !is_operation || !matches!(undo.body, Body::Operation(_)) || undo.undo.is_some() {
            return Err(Unlinked::Damaged { step: step.name.clone() });
        }
        undo.location.file = step.location.file.clone();
        self.link_step(undo, around, level)
    }

    fn link_step(&mut self, step: &mut Step, around: &mut Vec<usize>, level: usize) -> Result<(), Unlinked> {
        let name = &step.name;
        let damaged = || Unlinked::Damaged { step: name.clone() };
        if !are_there(&step.waits_for, around) {
            return Err(damaged());
        }
        match &mut step.body {
            Body::Operation(targets) => {
                let is_sound = |target: &Target| are_there(&target.waits_for, around);
                if targets.is_empty() || !targets.iter().all(is_sound) {
                    return Err(damaged());
                }
                for target in targets {
                    let operation = &target.contract.operation;
                    let missing =
                        || Unlinked::NoContract { step: name.clone(), operation: operation.clone() };
                    target.contract = self.contracts.get(operation).cloned().ok_or_else(missing)?;
                }
                Ok(())
            }
            Body::Group(scope) => self.link(scope, &step.location.file, around, level + 1),
            Body::Pipeline { file, inputs, scope, .. } => {
                let missing = || Unlinked::NoFile { step: name.clone(), file: file.clone() };
                let used = self.files.get(file).ok_or_else(missing)?;
                let steps_left = self.steps_left.checked_sub(used.scope.steps.len());
                self.steps_left = steps_left.filter(|_| level < LEVELS_MAX).ok_or_else(damaged)?;
                (*inputs, *scope) = (used.inputs.clone(), used.scope.clone());
                self.link(scope, &file.as_str().into(), &mut Vec::new(), level + 1)
            }
        }
    }
}

fn are_there(dependencies: &[Dependency], around: &[usize]) -> bool {
    dependencies.iter().all(|dependency| is_there(dependency.step, around))
}

/// Whether there is such a step, seen from the scope that lies in those `around`.
fn is_there(step: StepRef, around: &[usize]) -> bool {
    let scope = around.len().checked_sub(step.up + 1).map(|index| around[index]);
    scope.is_some_and(|steps| step.index < steps)
}

/// A contract that stands for itself by the name of its operation.
pub(crate) mod by_name {
    use super::*;

    pub fn serialize<S: Serializer>(contract: &Arc<Contract>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&contract.operation)
    }

    /// Gives a contract that has nothing but its name: linking puts the real one in its place.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Contract>, D::Error> {
        Ok(Arc::new(Contract::new(String::deserialize(deserializer)?, Work::Engine)))
    }
}
