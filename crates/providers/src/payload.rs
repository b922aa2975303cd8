//! Bodies made of a call's inputs: JSON, and forms with files. Artifacts stay where they are and are sent from there.

use motet_pipeline::artifact::extension;
use motet_pipeline::{Artifact, Digest, Failure, Value};

use crate::adapter::Call;
use crate::http::{Body, Piece};

/// `value` as JSON. An artifact is the URL that it was uploaded to, or else a data URI. What is absent or null is left
/// out of objects: most models refuse a null.
pub(crate) fn json(call: &Call, value: &Value) -> Result<Body, Failure> {
    if value.lies_too_deep() {
        return Err(Failure::invalid("the inputs hold lists and objects that lie too deep"));
    }
    let mut pieces = Pieces::default();
    pieces.value(call, value);
    Ok(Body::of("application/json", pieces.done()))
}

/// Pieces that grow at their end.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    open: Vec<u8>,
}

impl Pieces {
    fn put(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
    }

    fn piece(&mut self, piece: Piece) {
        if !self.open.is_empty() {
            self.done.push(Piece::Bytes(std::mem::take(&mut self.open)));
        }
        self.done.push(piece);
    }

    fn done(mut self) -> Vec<Piece> {
        if !self.open.is_empty() {
            self.done.push(Piece::Bytes(self.open));
        }
        self.done
    }

    fn value(&mut self, call: &Call, value: &Value) {
        match value {
            Value::Absent | Value::Null => self.put(b"null"),
            Value::Bool(value) => self.put(if *value { b"true" } else { b"false" }),
            Value::Number(number) => self.put(number.to_string().as_bytes()),
            Value::Text(text) => self.text(text),
            Value::Media(artifact) => self.media(call, artifact),
            Value::List(items) => {
                let present = items.iter().filter(|item| !item.is_absent());
                self.put(b"[");
                for (index, item) in present.enumerate() {
                    self.put(if index > 0 { b"," } else { b"" });
                    self.value(call, item);
                }
                self.put(b"]");
            }
            Value::Map(entries) => {
                let present =
                    entries.iter().filter(|(_, value)| !matches!(value, Value::Absent | Value::Null));
                self.put(b"{");
                for (index, (name, value)) in present.enumerate() {
                    self.put(if index > 0 { b"," } else { b"" });
                    self.text(name);
                    self.put(b":");
                    self.value(call, value);
                }
                self.put(b"}");
            }
        }
    }

    fn text(&mut self, text: &str) {
        serde_json::to_writer(&mut self.open, text).expect("a text can be written to memory");
    }

    fn media(&mut self, call: &Call, artifact: &Artifact) {
        match call.files.get(&artifact.digest) {
            Some(url) => self.text(url),
            None => {
                self.put(format!("\"data:{};base64,", artifact.mime).as_bytes());
                self.piece(Piece::base64(artifact));
                self.put(b"\"");
            }
        }
    }
}

/// A form with files (`multipart/form-data`, RFC 7578).
pub(crate) struct Form {
    boundary: String,
    pieces: Pieces,
}

impl Form {
    /// A form whose parts are parted by a text that is made of `seed`: the same form has the same bytes, and nobody
    /// who doesn't know the seed can write its end into a part.
    pub(crate) fn new(seed: &str) -> Form {
        let boundary = format!("motet-{}", &Digest::of(seed.as_bytes()).hex()[..32]);
        Form { boundary, pieces: Pieces::default() }
    }

    fn part(&mut self, name: &str, more: &str) {
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{}\"{more}\r\n\r\n",
            self.boundary,
            quoted(name)
        );
        self.pieces.put(head.as_bytes());
    }

    /// A part that is a text.
    pub(crate) fn text(mut self, name: &str, text: &str) -> Form {
        self.part(name, "");
        self.pieces.put(text.as_bytes());
        self.pieces.put(b"\r\n");
        self
    }

    /// A part that is a file.
    pub(crate) fn file(mut self, name: &str, artifact: &Artifact) -> Form {
        self.part(
            name,
            &format!("; filename=\"{}\"\r\nContent-Type: {}", file_name(artifact), artifact.mime),
        );
        self.pieces.piece(Piece::artifact(artifact));
        self.pieces.put(b"\r\n");
        self
    }

    /// The whole form.
    pub(crate) fn body(mut self) -> Body {
        self.pieces.put(format!("--{}--\r\n", self.boundary).as_bytes());
        Body::of(&format!("multipart/form-data; boundary={}", self.boundary), self.pieces.done())
    }
}

/// A name for a file that says nothing of where it comes from.
pub(crate) fn file_name(artifact: &Artifact) -> String {
    format!("{}.{}", artifact.digest.short(), extension(&artifact.mime))
}

/// As browsers write a name into a part's head.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
