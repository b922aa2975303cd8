//! The check: from the texts of a pipeline to a plan, or to all that is wrong with them (law L4).

mod cache;
mod closing;
mod contract;
mod conversion;
mod cycle;
mod fallback;
mod fit;
mod inference;
mod operation;
mod parameter;
mod policy;
mod pool;
mod presence;
mod rank;
mod scope;
mod secret;
mod step;
mod subpipeline;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::Digest;
use crate::builtin;
use crate::bundle::Bundle;
use crate::contract::Catalogue;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::Document;
use crate::document::place::{Findings, Sources};
use crate::document::{read, yaml};
use crate::pin;
use crate::plan::{Plan, Scope};
use closing::Part;
pub use conversion::FIT;
use scope::Frame;
pub use secret::KEY as SECRET;
pub(crate) use subpipeline::{LEVELS_MAX, STEPS_IN_PLACE_MAX};

/// What a check gives.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The plan, if there is no error.
    pub plan: Option<Plan>,
    /// All that was found, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a pipeline against the contracts of all operations there are; those of
/// [`builtin::contracts`] needn't be among them.
///
/// ```
/// use motet_pipeline::{Bundle, check::check, contract::Catalogue};
/// let text = "motet: 1\nsteps:\n  hello: { uses: data/transform, with: { value: Hello } }\n";
/// let checked = check(&Bundle::of_text("hello.yaml", text), &Catalogue::default());
/// assert_eq!(checked.plan.unwrap().root.steps[0].name, "hello");
///
/// let text = text.replace("with", "wiht");
/// let checked = check(&Bundle::of_text("hello.yaml", text), &Catalogue::default());
/// assert!(checked.plan.is_none());
/// assert_eq!(checked.diagnostics[0].code.word(), "unknown-key");
/// assert_eq!((checked.diagnostics[0].line, checked.diagnostics[0].column), (3, 34));
/// ```
pub fn check(bundle: &Bundle, catalogue: &Catalogue) -> Checked {
    let mut findings = Findings::new(Sources::new(&bundle.files));
    let mut documents = BTreeMap::new();
    let mut contents = BTreeMap::new();
    for path in bundle.files.keys() {
        let file = findings.sources.number(path).expect("the sources are the files of the bundle");
        let Some(root) = yaml::parse(file, &mut findings) else { continue };
        if let Some(mut document) = read::read(&root, &mut findings) {
            conversion::write_out(&mut document, catalogue, &mut findings);
            secret::write_out(&mut document, catalogue, &mut findings);
            documents.insert(path.as_str(), document);
        }
        contents.insert(path.as_str(), root.to_value());
    }
    let mut checker = Checker {
        findings: &mut findings,
        catalogue,
        builtins: builtin::catalogue(),
        bundle,
        documents: &documents,
        pipelines: BTreeMap::new(),
        chain: Vec::new(),
        steps_in_place: 0,
        levels: 0,
        frames: Vec::new(),
        part: Part::Main,
    };
    let main = checker.pipeline(&bundle.main);
    if !findings.has_errors() {
        report_unused_inputs(&documents, &mut findings);
    }
    let mut diagnostics = findings.into_sorted();
    if !bundle.files.contains_key(&bundle.main) {
        diagnostics.push(Diagnostic::of_file(&bundle.main, Code::Unreadable, "the file is not there"));
    }
    let sound = !diagnostics.iter().any(Diagnostic::is_error);
    let document = documents.get(bundle.main.as_str());
    let plan = document.zip(main).filter(|_| sound).map(|(document, main)| Plan {
        name: document.name.clone(),
        description: document.description.clone(),
        digest: pin::unnamed(),
        version: bundle.digest(&contents),
        inputs: document.inputs.clone(),
        root: Rc::unwrap_or_clone(main),
        on_failure: document.on_failure,
        timeout: document.timeout,
        budget: document.budget,
        allow_unpriced: document.allow_unpriced,
        labels: document.labels.clone(),
    });
    let named = |plan: Plan| Plan { digest: Digest::of(plan.pin().as_bytes()), ..plan };
    let plan = plan.map(named);
    Checked { plan, diagnostics }
}

/// Says which inputs nothing refers to. (Beside an error, what is unused may only be misspelled.)
fn report_unused_inputs(documents: &BTreeMap<&str, Document>, findings: &mut Findings) {
    for name in documents.values().flat_map(|document| &document.unused_inputs) {
        let message = format!("nothing uses the input `{}`", name.value);
        findings.warning(name.place, Code::Unneeded, message).help("use it, or remove it");
    }
}

/// What is known while a bundle is checked.
struct Checker<'c, 't> {
    findings: &'c mut Findings<'t>,
    catalogue: &'c Catalogue,
    builtins: &'c Catalogue,
    bundle: &'c Bundle,
    documents: &'c BTreeMap<&'t str, Document>,
    /// The files that were checked already; `None` for one that has no document.
    pipelines: BTreeMap<String, Option<Rc<Scope>>>,
    /// The files that are being checked, each used by the one before.
    chain: Vec<String>,
    /// How many steps of other files were put in place so far.
    steps_in_place: usize,
    /// How many scopes lie in each other, those of the files around included.
    levels: usize,
    /// The scopes around the step that is being checked, the nearest last.
    frames: Vec<Frame<'c>>,
    /// The part of a run that what is being checked belongs to.
    part: Part,
}

impl Checker<'_, '_> {
    /// Checks the file `path` by itself, once.
    fn pipeline(&mut self, path: &str) -> Option<Rc<Scope>> {
        if let Some(known) = self.pipelines.get(path) {
            return known.clone();
        }
        let documents = self.documents;
        let scope = documents.get(path).map(|document| {
            let around = std::mem::take(&mut self.frames);
            let part = std::mem::replace(&mut self.part, Part::Main);
            self.chain.push(path.to_owned());
            let values = inference::pipeline_values(&document.inputs);
            let scope = self.scope(&document.steps, &document.outputs, values);
            self.chain.pop();
            self.frames = around;
            self.part = part;
            Rc::new(scope.scope)
        });
        self.pipelines.insert(path.to_owned(), scope.clone());
        scope
    }

    /// The name of the file that is being checked.
    fn file(&self) -> Arc<str> {
        self.chain.last().map_or("", String::as_str).into()
    }
}
