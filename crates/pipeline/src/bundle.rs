//! Bundles: a pipeline's file together with all files that it uses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Diagnostic};
use crate::document::place::{Findings, Sources};
use crate::document::yaml;
use crate::{Digest, Value};

/// The largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// How many files a pipeline may use.
const FILES_MAX: usize = 256;

/// The texts of a pipeline, as they were read. This is what is stored with a run: the same bundle
/// and the same contracts make the same plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The name of the pipeline's own file, a key of `files`.
    pub main: String,
    /// All texts by path, with `/` and without `.` or `..`, seen from the project's folder.
    pub files: BTreeMap<String, String>,
}

impl Bundle {
    /// A bundle of one text, for pipelines that don't come from files.
    pub fn of_text(name: &str, text: impl Into<String>) -> Bundle {
        Bundle { main: name.to_owned(), files: BTreeMap::from([(name.to_owned(), text.into())]) }
    }

    /// Reads the file `main` and all files that it uses, each by its path seen from the project's
    /// folder; `read` gives the bytes of one, or says why it can't.
    ///
    /// A text that isn't a well-formed pipeline is taken as it is: [`crate::check::check`] tells
    /// what is wrong with it.
    ///
    /// # Errors
    /// One finding for each file that can't be read, is empty, too large, binary or not UTF-8, or
    /// lies outside the project's folder.
    pub fn load(
        main: &str,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Bundle, Vec<Diagnostic>> {
        let outside = || vec![outside_of_project(main)];
        let main = resolve("", main).ok_or_else(outside)?;
        let text = read_text(&main, read)
            .map_err(|(code, reason)| vec![Diagnostic::of_file(&main, code, format!("the file {reason}"))])?;
        let mut bundle = Bundle { main: main.clone(), files: BTreeMap::from([(main.clone(), text)]) };
        let mut faults = Vec::new();
        let mut waiting = vec![main];
        while let Some(user) = waiting.pop() {
            for (path, text) in bundle.read_used_files(&user, read, &mut faults) {
                waiting.push(path.clone());
                bundle.files.insert(path, text);
            }
        }
        faults.sort();
        if faults.is_empty() { Ok(bundle) } else { Err(faults) }
    }

    /// The version of the pipeline: a hash of what its files say, by their paths seen from the main
    /// file. Comments, order of keys and layout don't count.
    pub(crate) fn digest(&self, contents: &BTreeMap<&str, Value>) -> Digest {
        let by_path = contents.iter().map(|(path, content)| (relative(&self.main, path), content.clone()));
        let canonical = serde_json::to_vec(&Value::map(by_path)).expect("values are plain data");
        Digest::of(&canonical)
    }

    /// The files that `user` uses and that aren't there yet.
    fn read_used_files(
        &self,
        user: &str,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
        faults: &mut Vec<Diagnostic>,
    ) -> Vec<(String, String)> {
        let mut findings = Findings::new(Sources::new(&self.files));
        let file = findings.sources.number(user).expect("a file is read before what it uses");
        let Some(root) = yaml::parse(file, &mut findings) else { return Vec::new() };
        let mut findings = Findings::new(findings.sources);
        let mut texts: Vec<(String, String)> = Vec::new();
        for used in yaml::used_files(&root) {
            let Some(path) = resolve(user, &used.value) else {
                findings
                    .error(used.place, Code::BadPath, format!("`{}` lies outside of the project", used.value))
                    .help("a pipeline can use files of its own project only: copy it there");
                continue;
            };
            if self.files.contains_key(&path) || texts.iter().any(|(read, _)| *read == path) {
                continue;
            }
            if self.files.len() + texts.len() >= FILES_MAX {
                let message = format!("a pipeline can use at most {FILES_MAX} files");
                findings.error(used.place, Code::TooLarge, message);
                break;
            }
            match read_text(&path, read) {
                Ok(text) => texts.push((path, text)),
                Err((code, reason)) => {
                    findings.error(used.place, code, format!("`{path}` {reason}"));
                }
            }
        }
        faults.extend(findings.into_sorted());
        texts
    }
}

/// The path of `path` seen from the folder of `main`.
fn relative(main: &str, path: &str) -> String {
    let folder: Vec<&str> = main.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    let parts: Vec<&str> = path.split('/').collect();
    if path == main {
        return String::new();
    }
    let shared = folder.iter().zip(&parts).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folder.len() - shared);
    up.chain(parts[shared..].iter().copied()).collect::<Vec<_>>().join("/")
}

fn outside_of_project(path: &str) -> Diagnostic {
    Diagnostic::of_file(path, Code::BadPath, "the file lies outside of the project")
}

/// The path that `written` means in the file `user`; `None` if it leaves the project's folder.
pub(crate) fn resolve(user: &str, written: &str) -> Option<String> {
    if written.starts_with('/') || written.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = user.split('/').collect();
    parts.pop();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The text of a file, or why it can't be taken for a pipeline.
fn read_text(
    path: &str,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<String, (Code, String)> {
    let bytes = read(path).map_err(|reason| (Code::Unreadable, format!("can't be read: {reason}")))?;
    if bytes.len() > FILE_BYTES_MAX {
        let size = bytes.len();
        return Err((
            Code::TooLarge,
            format!("has {size} bytes; a pipeline's file may have {FILE_BYTES_MAX}"),
        ));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err((Code::Empty, "is empty".to_owned()));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err((Code::Binary, format!("is no text: byte {at} is zero")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let bytes = error.as_bytes();
        let at = error.utf8_error().valid_up_to();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        (Code::NotUtf8, format!("is not UTF-8 text: line {line} has the byte 0x{:02x}", bytes[at]))
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}
