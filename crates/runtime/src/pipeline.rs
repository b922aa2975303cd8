//! A pipeline that was read and checked, ready to be started.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use motet_engine::{Graph, RunId};
use motet_pipeline::bundle::{Bundle, FILE_BYTES_MAX};
use motet_pipeline::check::{Checked, check};
use motet_pipeline::contract::{Catalogue, Contract, Tool};
use motet_pipeline::diagnostic::Diagnostic;
use motet_pipeline::plan::{Scope, Target};
use motet_pipeline::{Digest, Plan};
use motet_store::{KeptPlan, Store};

use crate::Error;
use crate::motet::{link, run_row};
use crate::reading::{folder_of, read_start};

/// A checked pipeline. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    bundle: Arc<Bundle>,
    graph: Arc<Graph>,
    warnings: Arc<Vec<Diagnostic>>,
    /// Whether its texts alone were kept, as formats 1 and 2 of the store did: neither says who made it.
    is_of_texts: bool,
}

/// The operations that a version of Motet had whose store was of format 1 or 2: what is done by this machine alone and
/// costs nothing, and the tasks of the program itself.
const FIRST_OPERATIONS: [&str; 5] = ["data/", "flow/", "local/", "media/", "task/"];

impl Pipeline {
    /// Reads and checks the file at `path` and all files that it uses.
    ///
    /// # Errors
    /// [`Error::Check`] with all that is wrong.
    pub fn load(path: &Path, catalogue: &Catalogue) -> Result<Pipeline, Error> {
        let bundle = read_bundle(path).map_err(Error::Check)?;
        Pipeline::from_bundle(bundle, catalogue)
    }

    /// Checks texts that were read already.
    ///
    /// # Errors
    /// [`Error::Check`] with all that is wrong.
    pub fn from_bundle(bundle: Bundle, catalogue: &Catalogue) -> Result<Pipeline, Error> {
        let checked = check(&bundle, catalogue);
        match checked.plan {
            Some(plan) => Ok(Pipeline {
                bundle: Arc::new(bundle),
                graph: Graph::new(Arc::new(plan)),
                warnings: Arc::new(checked.diagnostics),
                is_of_texts: false,
            }),
            None => Err(Error::Check(checked.diagnostics)),
        }
    }

    /// The pipeline that runs of the plan called `digest` follow, as it was kept. What it means was decided
    /// when it was kept, so that nothing is checked again; texts alone, which older stores kept, are checked
    /// against the contracts of `catalogue`.
    ///
    /// # Errors
    /// [`Error::Plan`] when it can't be made of what was kept, [`Error::LostPlan`] when that isn't what was kept of this
    /// plan; [`Error::Check`] with all that is wrong in
    /// texts alone: an operation may be unknown to this process.
    pub fn from_kept(digest: Digest, kept: &KeptPlan, catalogue: &Catalogue) -> Result<Pipeline, Error> {
        let unreadable = |error| Error::Plan(format!("has texts that can't be read: {error}"));
        let bundle: Bundle = serde_json::from_str(&kept.bundle).map_err(unreadable)?;
        let (plan, warnings) = match &kept.pin {
            Some(pin) => (Plan::link(pin, digest).map_err(|why| Error::Plan(why.to_string()))?, Vec::new()),
            // Its pool may be gone: then it waits until there is one again.
            None => match check(&bundle, &catalogue.clone().with_any_pool()) {
                Checked { plan: Some(plan), diagnostics } => (Plan { digest, ..plan }, diagnostics),
                Checked { plan: None, diagnostics } => return Err(Error::Check(diagnostics)),
            },
        };
        kept.judge(&digest).map_err(Error::LostPlan)?;
        let (bundle, warnings) = (Arc::new(bundle), Arc::new(warnings));
        Ok(Pipeline { bundle, graph: Graph::new(Arc::new(plan)), warnings, is_of_texts: kept.pin.is_none() })
    }

    /// The pipeline that a run is pinned to.
    ///
    /// # Errors
    /// [`Error::NoRun`]; else as [`Pipeline::from_kept`].
    pub fn of_run(store: &Store, catalogue: &Catalogue, run: &RunId) -> Result<Pipeline, Error> {
        let row = run_row(store, run)?;
        Ok(link(store, catalogue, &row.plan)?.0)
    }

    /// An operation that the version of Motet didn't have which kept this, if there is one: whatever says so was written by
    /// somebody else. Asked before a run follows the pipeline. Once its plan is kept, that was judged.
    pub(crate) fn operation_of_others(&self) -> Option<String> {
        let contracts = self.is_of_texts.then(|| self.plan().contracts())?;
        let is_first = |operation: &str| FIRST_OPERATIONS.iter().any(|family| operation.starts_with(family));
        let is_known = |contract: &Contract| is_first(&contract.operation) && contract.call.is_none();
        let other = contracts.into_values().find(|contract| !is_known(contract))?;
        Some(other.operation.to_string())
    }

    /// What is kept for the runs of this pipeline.
    pub(crate) fn to_keep(&self) -> KeptPlan {
        KeptPlan {
            version: self.plan().version,
            bundle: serde_json::to_string(&*self.bundle).expect("a bundle is texts by name"),
            pin: Some(self.plan().pin()),
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        self.graph.plan()
    }

    /// The texts it was made from.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What is doubtful but not wrong.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The programs that some step may need.
    pub fn tools(&self) -> BTreeSet<Tool> {
        let mut tools = BTreeSet::new();
        add_tools(&self.plan().root, &mut tools);
        tools
    }
}

fn add_tools(scope: &Scope, tools: &mut BTreeSet<Tool>) {
    for step in &scope.steps {
        tools.extend(step.targets().flat_map(Target::tools));
        step.body.scope().into_iter().for_each(|inner| add_tools(inner, tools));
    }
}

/// Reads the file at `path` and all files that it uses, from its folder and below.
///
/// # Errors
/// What is wrong with the file as a file.
pub fn read_bundle(path: &Path) -> Result<Bundle, Vec<Diagnostic>> {
    let folder = folder_of(path);
    let main = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Bundle::load(&main, &mut |name| {
        if name == main && path.file_name().is_some_and(|name| name.to_str().is_none()) {
            return Err("its name isn't UTF-8: rename it".to_owned());
        }
        let path = folder.join(name);
        if name != main && leads_out_of(folder, &path) {
            return Err("a link leads out of the project's folder".to_owned());
        }
        read_start(&path, FILE_BYTES_MAX as u64).map_err(|unread| unread.to_string())
    })
}

/// Whether `path` is a link to somewhere else than into `folder`.
fn leads_out_of(folder: &Path, path: &Path) -> bool {
    let (Ok(folder), Ok(path)) = (folder.canonicalize(), path.canonicalize()) else { return false };
    !path.starts_with(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn findings(main: &Path) -> Vec<String> {
        match Pipeline::load(main, &Catalogue::default()) {
            Err(Error::Check(findings)) => findings.into_iter().map(|finding| finding.message).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_whose_name_is_no_text_is_named_and_said_to_be_so() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join(std::ffi::OsStr::from_bytes(b"f\xff.yaml"));
        fs::write(&main, "motet: 1").unwrap();
        assert_eq!(findings(&main), ["the file can't be read: its name isn't UTF-8: rename it"]);
        assert_eq!(read_bundle(&main).unwrap_err()[0].file, "f\u{fffd}.yaml");
    }

    #[test]
    fn a_link_that_leads_out_of_the_folder_is_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret.yaml");
        fs::write(&secret, "a secret").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&secret, folder.path().join("part.yaml")).unwrap();
        let main = folder.path().join("film.yaml");
        fs::write(&main, "motet: 1\nsteps: { a: { uses: ./part.yaml } }\n").unwrap();
        assert_eq!(findings(&main), ["`part.yaml` can't be read: a link leads out of the project's folder"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_file_is_refused_at_once_as_a_pipeline_and_as_a_used_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe.yaml"), rustix::fs::Mode::RUSR).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket.yaml")).unwrap();
        fs::create_dir(at("folder.yaml")).unwrap();
        for (name, what) in [("pipe", "a named pipe"), ("socket", "a socket"), ("folder", "a folder")] {
            let file = at(&format!("{name}.yaml"));
            let told = format!("the file can't be read: it is {what}, and must be a file");
            assert_eq!(findings(&file), [told]);
            let main = at("film.yaml");
            fs::write(&main, format!("motet: 1\nsteps: {{ a: {{ uses: ./{name}.yaml }} }}\n")).unwrap();
            let told = format!("`{name}.yaml` can't be read: it is {what}, and must be a file");
            assert_eq!(findings(&main), [told]);
        }
        let told = "the file can't be read: it is a device, and must be a file";
        assert_eq!(findings(Path::new("/dev/zero")), [told]);
    }

    #[test]
    fn a_file_that_is_too_large_is_read_no_further_than_it_takes_to_tell() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("film.yaml");
        fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(
            findings(&file),
            [format!("the file has more than {FILE_BYTES_MAX} bytes, which is too much for a pipeline")]
        );
    }
}
