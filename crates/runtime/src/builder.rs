//! Pipelines built in Rust, that nest the way people think.
//!
//! What a step gives is what another one takes: order and parallelism follow from that. The builder
//! writes the same document that a file would be, and the same check runs over it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
//! use motet::builder::{InputType, PipelineBuilder};
//!
//! let motet = motet::Motet::builder().open().await?;
//! let film = PipelineBuilder::new("film");
//! let prompt = film.input("prompt", InputType::Text);
//! let script = film.input("script", InputType::Text);
//! let still = film.step("still", "local/scene").with("prompt", &prompt);
//! let clip = film.step("clip", "media/animate").with("image", still.output("image"));
//! let voice = film.step("voice", "local/speak").with("text", &script);   // beside still and clip
//! let merged = film.step("merged", "media/merge").with("items", [&clip, &voice]);
//! film.output("video", merged.output("video"));
//! let pipeline = film.build(&motet)?;
//! assert_eq!(pipeline.plan().name, "film");
//! # Ok(()) }
//! ```
//!
//! Or as one expression, without a name:
//!
//! ```
//! use motet::builder::{animate, compose, merge, scene, speak};
//! let film = compose("film", merge([animate(scene("a cat in space"), 5), speak("A cat floats in space.")]));
//! println!("{}", film.to_yaml()?);
//! # Ok::<(), motet::Error>(())
//! ```

mod document;
mod expression;
mod input;
mod operations;
mod scope;
mod step;
mod written;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use motet_pipeline::bundle::Bundle;

use crate::{Error, Motet, Pipeline};

pub use expression::Expression;
pub use input::InputType;
pub use motet_pipeline::plan::{OnFailure, Quorum};
pub use operations::{
    animate, captions, extract_audio, merge, music, operation, scene, silence, sleep, speak, thumbnail,
    transform,
};
pub use scope::Scope;
pub use step::{Item, Retry, Step};

use expression::{Form, InputName};

/// A pipeline in the making. Steps, groups and outputs are added as to any [`Scope`].
pub struct PipelineBuilder {
    name: String,
    description: Option<String>,
    inputs: Mutex<Vec<(String, InputType)>>,
    timeout: Option<Duration>,
    on_failure: OnFailure,
    labels: BTreeMap<String, String>,
    scope: Scope,
}

/// A pipeline that gives what `step` gives as its best-known output: the video of a merge as `video`.
pub fn compose(name: &str, step: Step) -> PipelineBuilder {
    let film = PipelineBuilder::new(name);
    let output = step.definition().main_output().unwrap_or("value");
    film.output(output, step);
    film
}

impl PipelineBuilder {
    /// A pipeline called `name` that does nothing yet.
    pub fn new(name: &str) -> PipelineBuilder {
        PipelineBuilder {
            name: name.to_owned(),
            description: None,
            inputs: Mutex::default(),
            timeout: None,
            on_failure: OnFailure::Fail,
            labels: BTreeMap::new(),
            scope: Scope::default(),
        }
    }

    /// Says what the pipeline is for.
    pub fn describe(mut self, description: &str) -> PipelineBuilder {
        self.description = Some(description.to_owned());
        self
    }

    /// Asks for an input. What it is goes wherever a value goes.
    pub fn input(&self, name: &str, input: InputType) -> Expression {
        self.lock_inputs().push((name.to_owned(), input));
        let owner = self.scope.id();
        Expression(Form::Input(Arc::new(InputName {
            builder: self.name.clone(),
            name: name.to_owned(),
            owner,
        })))
    }

    fn lock_inputs(&self) -> MutexGuard<'_, Vec<(String, InputType)>> {
        self.inputs.lock().expect("nothing panics while it adds an input")
    }

    /// How long a whole run may take.
    pub fn timeout(mut self, time: Duration) -> PipelineBuilder {
        self.timeout = Some(time);
        self
    }

    /// What a failure means for branches that don't depend on the failed step: by default the run fails
    /// at once.
    pub fn on_failure(mut self, meaning: OnFailure) -> PipelineBuilder {
        self.on_failure = meaning;
        self
    }

    /// Adds a label, which every run carries.
    pub fn label(mut self, name: &str, value: &str) -> PipelineBuilder {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The document, as a YAML file has it.
    ///
    /// # Errors
    /// [`Error::Check`] when names clash, or a step of another pipeline or group is referred to.
    pub fn to_yaml(&self) -> Result<String, Error> {
        Ok(document::draw_up(self)?.to_yaml())
    }

    /// The document, as a JSON file has it.
    ///
    /// # Errors
    /// As [`PipelineBuilder::to_yaml`].
    pub fn to_json(&self) -> Result<String, Error> {
        let document = document::draw_up(self)?;
        Ok(serde_json::to_string_pretty(&document).expect("a document is plain data"))
    }

    /// Checks the pipeline against the operations of `motet`.
    ///
    /// # Errors
    /// [`Error::Check`] with all that is wrong; places are those in [`PipelineBuilder::to_yaml`].
    pub fn build(&self, motet: &Motet) -> Result<Pipeline, Error> {
        let file = format!("{}.yaml", self.name);
        Pipeline::from_bundle(Bundle::of_text(&file, self.to_yaml()?), motet.catalogue())
    }
}

/// The outermost scope.
impl Deref for PipelineBuilder {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}
