//! Recipes: what has to be run, with which files, and what comes out. Plain data.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::{Artifact, Failure, Value};

/// How to make the outputs of one operation: files to lay out in an empty scratch folder, calls
/// of ffmpeg to make there one after another, and where each output is then found.
///
/// All names are relative to the scratch folder, which is the current directory of every call. They
/// are chosen here: no text of a user ever becomes a path or an option.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    /// The artifacts that are read, by the file name under which they must lie in the folder, a
    /// photograph [upright](crate::Orientation).
    pub inputs: Vec<(String, Arc<Artifact>)>,
    /// Small files that have to be written first, such as subtitles.
    pub files: Vec<(String, Vec<u8>)>,
    /// The calls to make, in order.
    pub calls: Vec<Call>,
    /// Where each output of the operation is found afterwards.
    pub outputs: BTreeMap<String, Output>,
}

/// One call of ffmpeg.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its arguments, without the program itself.
    pub arguments: Vec<String>,
    /// Seconds of media that will be written, where it is known: what progress is measured against.
    pub length: Option<f64>,
    /// What its standard error is read for, when it succeeded.
    pub listens: Option<Listens>,
}

/// What a call finds out.
#[derive(Clone, Debug, PartialEq)]
pub enum Listens {
    /// How loud a sound is; the calls behind it bring it to `target` (in LUFS).
    Loudness {
        /// The loudness that is wanted.
        target: f64,
    },
    /// Whether a font of this machine has the letters that are needed.
    Letters {
        /// The font that was asked for.
        font: String,
    },
}

impl Listens {
    /// What follows from what the call said: by how many decibels the calls behind it raise the sound, if they do.
    ///
    /// # Errors
    /// When it can't go on: no font has the letters, or nothing was said.
    pub fn hear(&self, said: &str) -> Result<Option<f64>, Failure> {
        match self {
            Listens::Loudness { target } => crate::loudness::gain(said, *target).map(Some),
            Listens::Letters { font } => crate::captions::judge_letters(said, font).map(|()| None),
        }
    }
}

/// Where an output is found once all calls are done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A file in the scratch folder.
    File {
        /// Its name.
        name: String,
    },
    /// It was known beforehand.
    Value(Value),
}

impl Recipe {
    /// The file name under which `artifact` is read; the same artifact gets one name.
    pub(crate) fn read(&mut self, artifact: &Arc<Artifact>) -> String {
        if let Some((name, _)) = self.inputs.iter().find(|(_, known)| known.digest == artifact.digest) {
            return name.clone();
        }
        let name = format!("in{}.{}", self.inputs.len(), artifact.extension());
        self.inputs.push((name.clone(), Arc::clone(artifact)));
        name
    }

    /// Adds a call.
    pub(crate) fn call(mut self, call: Call) -> Recipe {
        self.calls.push(call);
        self
    }

    /// Says that `output` is found in the file `name`.
    pub(crate) fn gives(mut self, output: &str, name: &str) -> Recipe {
        self.outputs.insert(output.to_owned(), Output::File { name: name.to_owned() });
        self
    }
}
