//! Requests: the resolved inputs of an operation, read against its contract.

use std::sync::Arc;

use motet_pipeline::contract::{Contract, Outputs, Parameter, Sketch, Sketches};
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Failure, MediaKind, Type, Value};

use crate::size::Size;
use crate::tracks::{Known, Tracks};

/// Pictures beyond this many pixels are refused before a decoder allocates memory for them.
const PIXELS_MAX: u64 = 120_000_000;

/// The inputs of one operation. Bounds, choices and defaults come from the contract alone.
pub(crate) struct Request<'a> {
    contract: &'a Contract,
    inputs: &'a Map,
    known: &'a Known,
}

impl<'a> Request<'a> {
    /// Checks `inputs` against `contract`.
    ///
    /// # Errors
    /// An unknown or missing parameter, a value of the wrong type or out of its bounds, or media that
    /// is damaged or too large.
    pub(crate) fn read(
        contract: &'a Contract,
        inputs: &'a Map,
        known: &'a Known,
    ) -> Result<Request<'a>, Failure> {
        let request = Request { contract, inputs, known };
        for name in inputs.keys() {
            if contract.parameter(name).is_none() {
                let known: Vec<_> = contract.inputs.iter().map(|known| known.name.as_str()).collect();
                return Err(request.refuse(&format!(
                    "has no parameter `{}`; it takes {}",
                    excerpt(name),
                    known.join(", ")
                )));
            }
        }
        for parameter in &contract.inputs {
            match request.given(&parameter.name) {
                Some(value) => request.check(parameter, value)?,
                None if parameter.required => {
                    return Err(request.refuse(&format!("needs `{}` ({})", parameter.name, parameter.ty)));
                }
                None => {}
            }
        }
        match contract.refusal(&Sketches::of(inputs)) {
            Some(refusal) => Err(refusal),
            None => Ok(request),
        }
    }

    /// The options in an object among the inputs, which are those of `contract`.
    pub(crate) fn within<'b>(&self, contract: &'b Contract, options: &'b Map) -> Result<Request<'b>, Failure>
    where
        'a: 'b,
    {
        Request::read(contract, options, self.known)
    }

    /// A refusal that begins with the operation's name.
    pub(crate) fn refuse(&self, what: &str) -> Failure {
        Failure::invalid(format!("{} {what}", self.contract.operation))
    }

    fn given(&self, name: &str) -> Option<&'a Value> {
        self.inputs.get(name).filter(|value| !matches!(value, Value::Absent | Value::Null))
    }

    /// The value of `name`, or its default.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        let parameter =
            self.contract.parameter(name).expect("planners ask for parameters of their own contract");
        self.given(name).or(parameter.default.as_ref())
    }

    /// A number, or its default.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.value(name).and_then(Value::as_f64)
    }

    /// A number whose contract has a default.
    pub(crate) fn number_or_default(&self, name: &str) -> f64 {
        self.number(name).expect("the contract gives a default")
    }

    /// A length in pixels.
    pub(crate) fn pixels(&self, name: &str) -> Option<u32> {
        self.number(name).map(|number| number.round() as u32)
    }

    /// A text, or its default.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name).and_then(Value::as_str)
    }

    /// A word whose contract has a default.
    pub(crate) fn word(&self, name: &str) -> &'a str {
        self.text(name).expect("the contract gives a default")
    }

    /// True or false; false when it has no default.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.value(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A list; empty when it isn't given.
    pub(crate) fn list(&self, name: &str) -> &'a [Value] {
        self.value(name).and_then(Value::as_list).unwrap_or(&[])
    }

    /// Media, if it is given.
    pub(crate) fn media(&self, name: &str) -> Option<&'a Arc<Artifact>> {
        match self.given(name) {
            Some(Value::Media(artifact)) => Some(artifact),
            _ => None,
        }
    }

    /// Media that the contract requires.
    pub(crate) fn required_media(&self, name: &str) -> &'a Arc<Artifact> {
        self.media(name).expect("a required parameter was checked when the request was read")
    }

    /// The tracks of a file.
    pub(crate) fn tracks(&self, artifact: &Artifact) -> Tracks {
        self.known.tracks(artifact.digest)
    }

    /// What a file of text says, if it is one.
    pub(crate) fn content(&self, artifact: &Artifact) -> Option<&'a str> {
        self.known.text(artifact.digest)
    }

    /// The size that is asked for with `width`, `height` and `aspect_ratio`, for a source of size
    /// `own`. Where no side is given, none is above `longest`: a still is often far larger than any
    /// video should be.
    pub(crate) fn size(&self, own: Size, longest: u32) -> Result<Size, Failure> {
        let ratio = self.text("aspect_ratio").map(crate::size::aspect_ratio).transpose()?;
        let (width, height) = (self.pixels("width"), self.pixels("height"));
        let size = match crate::size::wanted(own, width, height, ratio) {
            own_size if width.or(height).is_none() => own_size.at_most(longest),
            given => given,
        };
        size.possible().map_err(|what| self.refuse(&what))
    }

    fn check(&self, parameter: &Parameter, value: &Value) -> Result<(), Failure> {
        let name = &parameter.name;
        if !holds(&parameter.ty, value) {
            return Err(self.refuse(&format!(
                "takes {} as `{name}`, not {}",
                parameter.ty,
                value.kind_word()
            )));
        }
        if !parameter.one_of.is_empty() && !parameter.one_of.contains(value) {
            let choices: Vec<_> = parameter.one_of.iter().filter_map(Value::as_str).collect();
            let given = value.as_str().map_or_else(String::new, |text| format!(" `{}`", excerpt(text)));
            return Err(self.refuse(&format!("knows no `{name}`{given}; choose {}", choices.join(", "))));
        }
        self.check_bounds(parameter, value)?;
        if let Value::Media(artifact) = value {
            sound(artifact).map_err(|refusal| Failure {
                message: format!("{}: `{name}` {}", self.contract.operation, refusal.message),
                ..refusal
            })?;
        }
        Ok(())
    }

    fn check_bounds(&self, parameter: &Parameter, value: &Value) -> Result<(), Failure> {
        let (measure, what) = match value {
            Value::Number(_) => (value.as_f64().unwrap_or(f64::NAN), "be"),
            Value::Text(text) => (text.chars().count() as f64, "have a length"),
            Value::List(items) => (items.len() as f64, "have a length"),
            _ => return Ok(()),
        };
        let low = parameter.min.unwrap_or(f64::NEG_INFINITY);
        let high = parameter.max.unwrap_or(f64::INFINITY);
        if measure >= low && measure <= high {
            return Ok(());
        }
        let name = &parameter.name;
        Err(self.refuse(&format!("wants `{name}` to {what} from {low} to {high}, not {measure}")))
    }
}

/// Whether `value` may be taken where `ty` is asked for.
fn holds(ty: &Type, value: &Value) -> bool {
    match (ty, value) {
        (Type::Any, _) => true,
        (Type::Text, Value::Text(_)) | (Type::Boolean, Value::Bool(_)) | (Type::Number, Value::Number(_)) => {
            true
        }
        (Type::Integer, Value::Number(_)) => value.as_i64().is_some(),
        // Items are read one by one by those who know what they mean.
        (Type::List(_), Value::List(_)) => true,
        (Type::Object { .. }, Value::Map(_)) => true,
        (Type::Media(kinds), Value::Media(artifact)) => {
            kinds.contains(&artifact.kind) || kinds.contains(&MediaKind::File)
        }
        (Type::OneOf(options), value) => options.iter().any(|option| holds(option, value)),
        _ => false,
    }
}

/// What an operation gives that makes of its `media` another of the same kind.
pub(crate) fn of_media(given: &Sketches) -> Outputs {
    match given.get("media").and_then(Sketch::kinds).as_deref() {
        Some([kind]) => Outputs::only(kind.word(), ["image", "video", "audio"]),
        _ => Outputs::default(),
    }
}

/// Refuses media that can't be worked with, whatever the operation.
pub(crate) fn sound(artifact: &Artifact) -> Result<(), Failure> {
    if artifact.bytes == 0 {
        return Err(Failure::invalid("is an empty file"));
    }
    let pixels = u64::from(artifact.width.unwrap_or(0)) * u64::from(artifact.height.unwrap_or(0));
    if pixels > PIXELS_MAX {
        return Err(Failure::too_large(format!(
            "has {pixels} pixels; at most {PIXELS_MAX} can be worked with"
        )));
    }
    match artifact.kind {
        MediaKind::Image | MediaKind::Video if pixels == 0 => {
            Err(Failure::invalid(format!("is a {} without a size; it may be damaged", artifact.kind)))
        }
        MediaKind::Video | MediaKind::Audio => length(artifact).map(|_| ()),
        _ => Ok(()),
    }
}

/// The length of a video or sound in seconds.
pub(crate) fn length(artifact: &Artifact) -> Result<f64, Failure> {
    match artifact.duration {
        Some(duration) if duration.is_finite() && duration > 0.0 => Ok(duration),
        Some(_) => Err(Failure::invalid(format!("is {} of zero length", article(artifact.kind)))),
        None => Err(Failure::invalid(format!(
            "is {} whose length isn't known; it may be truncated",
            article(artifact.kind)
        ))),
    }
}

fn article(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "an image",
        MediaKind::Video => "a video",
        MediaKind::Audio => "a sound",
        MediaKind::File => "a file",
    }
}

/// The beginning of a text that a user wrote, fit for a message.
pub(crate) fn excerpt(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match clean.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}
