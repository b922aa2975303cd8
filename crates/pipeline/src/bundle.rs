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

/// The texts of a pipeline, as they were read. They are stored with the plan that was made from them:
/// the same bundle and the same contracts make the same plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The name of the pipeline's own file, a key of `files`.
    pub main: String,
    /// All texts by path, with `/` and without `.` or `..`, seen from the project's folder.
    pub files: BTreeMap<String, String>,
    /// The files that are used and can't be read: the check tells it where they are used.
    #[serde(skip)]
    pub(crate) unreadable: BTreeMap<String, Unreadable>,
}

/// Why a file can't be taken for a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub code: Code,
    /// The reason, to be put behind the file's name.
    pub reason: String,
}

impl Bundle {
    /// A bundle of one text, for pipelines that don't come from files.
    pub fn of_text(name: &str, text: impl Into<String>) -> Bundle {
        let files = BTreeMap::from([(name.to_owned(), text.into())]);
        Bundle { main: name.to_owned(), files, unreadable: BTreeMap::new() }
    }

    /// Reads the file `main` and all files that it uses, each by its path seen from the project's
    /// folder; `read` gives the bytes of one, or says why it can't.
    ///
    /// A text that isn't a well-formed pipeline is taken as it is, and a used file that can't be read is
    /// remembered: [`crate::check::check`] tells what is wrong, together with all else.
    ///
    /// # Errors
    /// One finding if `main` itself can't be read, is empty, too large, binary or not UTF-8, or lies
    /// outside the project's folder.
    pub fn load(
        main: &str,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Bundle, Vec<Diagnostic>> {
        let outside = || vec![outside_of_project(main)];
        let main = resolve("", main).ok_or_else(outside)?;
        let text = read_text(&main, read).map_err(|fault| {
            vec![Diagnostic::of_file(&main, fault.code, format!("the file {}", fault.reason))]
        })?;
        let mut bundle = Bundle::of_text(&main, text);
        let mut waiting = vec![main];
        while let Some(user) = waiting.pop() {
            waiting.extend(bundle.read_used_files(&user, read));
        }
        Ok(bundle)
    }

    /// The version of the pipeline, whether it can work or not; nothing if a file of it isn't well-formed.
    pub fn version(&self) -> Option<Digest> {
        let mut findings = Findings::new(Sources::new(&self.files));
        let mut contents = BTreeMap::new();
        for path in self.files.keys() {
            let file = findings.sources.number(path).expect("the sources are the files of the bundle");
            contents.insert(path.as_str(), yaml::parse(file, &mut findings)?.to_value());
        }
        Some(self.digest(&contents))
    }

    /// The version of the pipeline: a hash of what its files say, by their paths seen from the main
    /// file. Comments, order of keys and layout don't count.
    pub(crate) fn digest(&self, contents: &BTreeMap<&str, Value>) -> Digest {
        let by_path = contents.iter().map(|(path, content)| (relative(&self.main, path), content.clone()));
        let canonical = serde_json::to_vec(&Value::map(by_path)).expect("values are plain data");
        Digest::of(&canonical)
    }

    /// Reads the files that `user` uses and that weren't read yet; gives their paths.
    fn read_used_files(
        &mut self,
        user: &str,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Vec<String> {
        let mut findings = Findings::new(Sources::new(&self.files));
        let file = findings.sources.number(user).expect("a file is read before what it uses");
        let Some(root) = yaml::parse(file, &mut findings) else { return Vec::new() };
        let mut found = Vec::new();
        for path in yaml::used_files(&root).into_iter().filter_map(|used| resolve(user, &used)) {
            if self.files.contains_key(&path) || self.unreadable.contains_key(&path) {
                continue;
            }
            let text = match self.files.len() < FILES_MAX {
                true => read_text(&path, read),
                false => Err(Unreadable {
                    code: Code::TooLarge,
                    reason: format!("is one too many: a pipeline can use at most {FILES_MAX} files"),
                }),
            };
            match text {
                Ok(text) => {
                    self.files.insert(path.clone(), text);
                    found.push(path);
                }
                Err(fault) => _ = self.unreadable.insert(path, fault),
            }
        }
        found
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
    Diagnostic::of_file(path, Code::BadPath, "the file is outside the project")
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
) -> Result<String, Unreadable> {
    let fault = |code, reason: String| Unreadable { code, reason };
    let bytes = read(path).map_err(|why| fault(Code::Unreadable, format!("can't be read: {why}")))?;
    if bytes.len() > FILE_BYTES_MAX {
        let reason = format!("has more than {FILE_BYTES_MAX} bytes, which is too much for a pipeline");
        return Err(fault(Code::TooLarge, reason));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(fault(Code::Empty, "is empty".to_owned()));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(fault(Code::NotUtf8, "is UTF-16 text; save it as UTF-8".to_owned()));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(fault(Code::Binary, format!("is not text: byte {at} is zero")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let bytes = error.as_bytes();
        let at = error.utf8_error().valid_up_to();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        fault(Code::NotUtf8, format!("is not UTF-8 text: line {line} has the byte 0x{:02x}", bytes[at]))
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}
