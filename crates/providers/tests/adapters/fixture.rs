//! Replies in files: where such a reply is from, who reads it, and the reply itself.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use motet_pipeline::{Failure, Timestamp};
use motet_providers::Provider;
use motet_providers::adapter::Call;
use motet_providers::http::Reply;

use crate::calls::{call, picture, provider};

/// When every fixture's reply came.
pub const NOW: Timestamp = Timestamp(1_793_523_700_000);

/// A reply, and who reads it.
#[derive(Clone)]
pub struct Fixture {
    pub name: String,
    /// What a person reads first: where such a reply is from.
    pub from: String,
    pub read: String,
    pub call: String,
    pub job: String,
    pub reply: Reply,
    asked: Arc<Call>,
    provider: Arc<dyn Provider>,
}

/// All that there are.
pub fn all() -> Vec<Fixture> {
    let folders = std::fs::read_dir(crate::FIXTURES)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("listed").path());
    let mut files: Vec<_> = folders
        .filter(|path| path.is_dir())
        .flat_map(|folder| {
            std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("listed").path())
        })
        .filter(|path| path.extension().is_some_and(|ending| ending == "http"))
        .collect();
    files.sort();
    files.iter().map(|path| parse(path)).collect()
}

fn parse(path: &Path) -> Fixture {
    let text = std::fs::read(path).expect("a fixture can be read");
    let text = String::from_utf8(text).expect("a fixture is text");
    let (about, rest) = text.split_once("\n\n").expect("a blank line stands before the reply");
    let (head, body) =
        rest.split_once("\n\n").or_else(|| Some((rest.strip_suffix('\n')?, ""))).expect("a head");
    let about = |name: &str| {
        let line = about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default().to_owned()
    };
    let mut lines = head.lines();
    let status = lines.next().expect("a status").parse().expect("a status is a number");
    let headers =
        lines.map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())));
    let folder = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
    let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let headers = headers.map(|header| header.expect("a header")).collect();
    let asked = call(&about("call"));
    Fixture {
        provider: provider(&asked),
        asked: Arc::new(asked),
        name: format!("{folder}__{stem}"),
        from: about("from"),
        read: about("read"),
        call: about("call"),
        job: about("job"),
        reply: Reply { status, headers, body: body.as_bytes().to_vec(), at: NOW },
    }
}

impl Fixture {
    /// What the adapter reads in the reply, for people.
    pub fn told(&self) -> String {
        self.told_of(self.reply.clone())
    }

    /// What it would read in `reply` instead.
    pub fn told_of(&self, reply: Reply) -> String {
        let (call, provider) = (&*self.asked, &self.provider);
        match self.read.as_str() {
            "submitted" => shown(&provider.read_submitted(call, reply)),
            "poll" => shown(&provider.read_poll(call, &self.job, reply)),
            "fetched" => shown(&provider.read_fetched(call, &self.job, reply)),
            "cancelled" => shown(&provider.read_cancelled(call, &self.job, reply)),
            "search" => shown(&provider.read_search(call, reply)),
            "upload" => shown(&provider.read_upload(call, &picture(300_000), reply)),
            "hook_keys" => shown(&provider.read_hook_keys(reply)),
            other => panic!("nobody reads `{other}`"),
        }
    }
}

fn shown<T: std::fmt::Debug>(read: &Result<T, Failure>) -> String {
    match read {
        Ok(read) => format!("{read:#?}"),
        Err(failure) => failed(failure),
    }
}

/// A failure with its attributes, those that are known.
fn failed(failure: &Failure) -> String {
    let mut text = format!("Err: {failure}");
    let json = serde_json::to_value(failure).expect("a failure is data");
    for (name, value) in json.as_object().expect("an object") {
        if name != "class" && name != "message" {
            write!(text, "\n    {name}: {value}").expect("a string takes all");
        }
    }
    text
}
