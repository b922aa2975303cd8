//! Validation: whether inputs fit a contract.

use std::fmt;

use super::{Contract, Doubt, Parameter};
use crate::suggestion::{closest, listed};
use crate::value::Map;
use crate::{Type, Value};

/// An input that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The name of the input.
    pub parameter: String,
    /// What is wrong, in a sentence without a full stop that names the input.
    pub message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Contract {
    /// All that is wrong with `inputs`: unknown parameters, wrong types, values out of range, and
    /// required parameters that aren't there. What is absent counts as not given.
    ///
    /// ```
    /// use motet_pipeline::contract::{Contract, Parameter, Work};
    /// use motet_pipeline::{Type, Value};
    /// let contract = Contract::new("media/animate", Work::Processor)
    ///     .input(Parameter::optional("duration", Type::Number).range(0.5, 60.0));
    /// let inputs = [("duration".to_owned(), Value::from(90_i64))].into();
    /// let misfits = contract.validate(&inputs);
    /// assert_eq!(misfits[0].message, "`duration` must be between 0.5 and 60, and is 90");
    /// ```
    pub fn validate(&self, inputs: &Map) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        for parameter in &self.inputs {
            if parameter.required && parameter.default.is_none() && !self.is_given(parameter, inputs) {
                let name = &parameter.name;
                let message = format!("{} needs `{name}` ({})", self.operation, parameter.ty);
                misfits.push(Misfit { parameter: name.clone(), message });
            }
        }
        for (name, value) in inputs.iter().filter(|(_, value)| !value.is_absent()) {
            if let Some(message) = self.misfit(name, value) {
                misfits.push(Misfit { parameter: name.clone(), message });
            }
        }
        misfits
    }

    /// What is doubtful about `inputs`, though it is no reason to refuse them: parameters that nobody has verified, and
    /// values of which nobody has verified whether they fit. They are sent as they are.
    ///
    /// ```
    /// use motet_pipeline::contract::{Contract, Doubt, Parameter, Work};
    /// use motet_pipeline::{Type, Value};
    /// let steps = Parameter::optional("steps", Type::Integer).range(1.0, 50.0).doubted(Doubt::Values);
    /// let contract = Contract::new("example/picture", Work::Model).input(steps);
    /// let inputs = [("steps".to_owned(), Value::from(90_i64))].into();
    /// assert!(contract.validate(&inputs).is_empty());
    /// assert_eq!(
    ///     contract.doubts(&inputs)[0].message,
    ///     "as far as is known, `steps` must be between 1 and 50, and is 90: it is sent as it is"
    /// );
    /// ```
    pub fn doubts(&self, inputs: &Map) -> Vec<Misfit> {
        let given = inputs.iter().filter(|(_, value)| !value.is_absent());
        let doubts = given.filter_map(|(name, value)| {
            let message = self.doubt(name, value)?;
            Some(Misfit { parameter: name.clone(), message })
        });
        doubts.collect()
    }

    /// What is doubtful about `value` as the parameter `name`, if anything.
    pub fn doubt(&self, name: &str, value: &Value) -> Option<String> {
        let parameter = self.parameter(name)?;
        if parameter.default.as_ref().is_some_and(|default| same(default, value)) {
            return None;
        }
        match parameter.doubt? {
            Doubt::Name => {
                let operation = &self.operation;
                Some(format!("nobody has verified that {operation} takes `{name}`: it is sent as it is"))
            }
            Doubt::Values => {
                let excess = parameter.excess(value)?;
                Some(format!("as far as is known, {excess}: it is sent as it is"))
            }
        }
    }

    /// What is wrong with `value` as the parameter `name`, if anything.
    pub fn misfit(&self, name: &str, value: &Value) -> Option<String> {
        match self.parameter(name) {
            Some(parameter) => parameter.misfit(value),
            None if self.open_inputs => None,
            None => {
                let known = self.inputs.iter().map(|parameter| parameter.name.as_str());
                Some(match closest(name, known.clone()) {
                    Some(meant) => format!("{} takes no `{name}`; did you mean `{meant}`?", self.operation),
                    None => format!("{} takes no `{name}`, only {}", self.operation, listed(known)),
                })
            }
        }
    }
}

impl Parameter {
    /// What is wrong with `value` as this parameter, if anything.
    pub fn misfit(&self, value: &Value) -> Option<String> {
        if self.by_address && is_address(value) {
            return None;
        }
        if let Some(message) = mismatch(&self.name, &self.ty, value) {
            return Some(message);
        }
        if let Some(excess) = self.limits.excess(&self.name, value) {
            return Some(excess);
        }
        if self.doubt.is_some() {
            return None;
        }
        self.excess(value)
    }

    /// Which of its bounds `value`, which is of its type, doesn't keep.
    fn excess(&self, value: &Value) -> Option<String> {
        if !self.one_of.is_empty() && !self.one_of.iter().any(|allowed| same(allowed, value)) {
            let mut allowed: Vec<_> = self.one_of.iter().map(shown).collect();
            let mut seen = std::collections::BTreeSet::new();
            allowed.retain(|word| seen.insert(word.clone()));
            return Some(format!(
                "`{}` must be one of {}, and is {}",
                self.name,
                allowed.join(", "),
                shown(value)
            ));
        }
        let (size, unit, verb) = match value {
            Value::Number(_) => (value.as_f64()?, "", "be"),
            Value::Text(text) => (text.chars().count() as f64, " characters", "have"),
            Value::List(items) => (items.len() as f64, " items", "have"),
            _ => return None,
        };
        if self.min.is_none_or(|min| size >= min) && self.max.is_none_or(|max| size <= max) {
            return None;
        }
        let bounds = match (self.min, self.max) {
            (Some(min), Some(max)) => format!("between {min} and {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, max) => format!("at most {}", max.unwrap_or_default()),
        };
        let (is, found) = match value {
            Value::Number(number) => ("is", number.to_string()),
            _ => ("has", size.to_string()),
        };
        Some(format!("`{}` must {verb} {bounds}{unit}, and {is} {found}", self.name))
    }
}

/// What is wrong with the type of `value`, given as `name`.
pub(crate) fn mismatch(name: &str, ty: &Type, value: &Value) -> Option<String> {
    let (place, message) = ty.mismatch(value)?;
    Some(format!("`{name}{place}` {message}"))
}

/// Whether a value is the address of media, or a list of them and of media.
fn is_address(value: &Value) -> bool {
    const STARTS: [&str; 3] = ["https://", "http://", "data:"];
    match value {
        Value::Text(text) => STARTS.iter().any(|start| text.starts_with(start)),
        Value::List(items) => {
            items.iter().any(is_address)
                && items.iter().all(|item| is_address(item) || item.as_artifact().is_some())
        }
        _ => false,
    }
}

/// Whether two values are the same; `3` is `3.0`.
fn same(left: &Value, right: &Value) -> bool {
    left == right || left.as_f64().is_some_and(|number| right.as_f64() == Some(number))
}

/// A value as it is written in a message, cut where it is long.
fn shown(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 60;
    let text = match value {
        Value::Text(text) => text.to_string(),
        other => other.to_json().to_string(),
    };
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Work};
    use super::*;
    use crate::MediaKind;

    fn contract() -> Contract {
        Contract::new("media/animate", Work::Processor)
            .input(Parameter::required("image", Type::media(MediaKind::Image)))
            .input(Parameter::optional("duration", Type::Number).range(0.5, 60.0).default(5_i64))
            .input(Parameter::optional("effect", Type::Text).one_of(["zoom-in", "pan"]))
            .input(Parameter { max: Some(5.0), ..Parameter::optional("title", Type::Text) })
            .input(Parameter { min: Some(1.0), ..Parameter::optional("tags", Type::list(Type::Text)) })
    }

    #[test]
    fn everything_that_does_not_fit_is_said_at_once() {
        const NO_IMAGE: &str = "media/animate needs `image` (image)";
        let table: [(&str, &[&str]); 8] = [
            (r#"{}"#, &[NO_IMAGE]),
            (r#"{"image":{"$absent":true}}"#, &[NO_IMAGE]),
            (
                r#"{"image":"x.png","duration":90,"effekt":"pan"}"#,
                &[
                    "`duration` must be between 0.5 and 60, and is 90",
                    "media/animate takes no `effekt`; did you mean `effect`?",
                    "`image` must be an image, and is text",
                ],
            ),
            (r#"{"effect":"spin"}"#, &[NO_IMAGE, "`effect` must be one of `zoom-in`, `pan`, and is `spin`"]),
            (r#"{"title":"äöüßẞx"}"#, &[NO_IMAGE, "`title` must have at most 5 characters, and has 6"]),
            (r#"{"tags":[]}"#, &[NO_IMAGE, "`tags` must have at least 1 items, and has 0"]),
            (r#"{"tags":["a",1]}"#, &[NO_IMAGE, "`tags[1]` must be text, and is a number"]),
            (r#"{"tags":["a"],"duration":{"$absent":true},"title":"äöüßẞ"}"#, &[NO_IMAGE]),
        ];
        for (inputs, expected) in table {
            let given = crate::value::journal::read(inputs).unwrap();
            let misfits = contract().validate(given.as_map().unwrap());
            let found: Vec<_> = misfits.iter().map(|misfit| misfit.message.as_str()).collect();
            assert_eq!(found, expected, "{inputs}");
        }
    }

    #[test]
    fn an_open_contract_takes_what_it_does_not_name() {
        let mut contract = contract();
        contract.open_inputs = true;
        assert_eq!(contract.misfit("anything", &Value::Null), None);
        assert!(contract.misfit("duration", &Value::from("5")).is_some());
    }

    #[test]
    fn a_parameter_is_given_by_whatever_stands_for_it() {
        let contract = Contract::new("example/clip", Work::Model)
            .input(Parameter::required("image", Type::media(MediaKind::Image)))
            .input(Parameter::optional("image_url", Type::media(MediaKind::Image)).stands_for("image"));
        let given = |json: &str| crate::value::journal::read(json).unwrap().as_map().unwrap().clone();
        let words = |json: &str| {
            contract.validate(&given(json)).into_iter().map(|misfit| misfit.message).collect::<Vec<_>>()
        };
        assert_eq!(words("{}"), ["example/clip needs `image` (image)"]);
        assert_eq!(words(r#"{"image_url":{"$absent":true}}"#), ["example/clip needs `image` (image)"]);
        assert_eq!(words(r#"{"image_url":"x"}"#), ["`image_url` must be an image, and is text"]);
        assert_eq!(contract.ways("image").collect::<Vec<_>>(), ["image", "image_url"]);
    }

    #[test]
    fn media_may_be_given_by_its_address_where_the_contract_says_so() {
        let images = Type::one_of([Type::media(MediaKind::Image), Type::list(Type::media(MediaKind::Image))]);
        let parameter = Parameter { by_address: true, ..Parameter::required("image", images) };
        let list = |items: &[&str]| Value::list(items.iter().map(|item| Value::from(*item)).collect());
        for value in ["https://example.com/a.png", "http://example.com/a.png", "data:image/png;base64,AAAA"] {
            assert_eq!(parameter.misfit(&value.into()), None, "{value}");
            assert_eq!(parameter.misfit(&list(&[value, value])), None, "{value}");
        }
        for value in [
            Value::from("a.png"),
            Value::from("file:///etc/passwd"),
            list(&["https://a/b", "c"]),
            Value::from(1_i64),
        ] {
            assert!(parameter.misfit(&value).is_some(), "{value:?}");
        }
    }

    #[test]
    fn media_is_held_against_what_it_must_measure() {
        let limits = Limits {
            min_seconds: Some(15.0),
            max_seconds: Some(60.0),
            min_side: Some(300),
            max_side: Some(4096),
            max_bytes: Some(1000),
            ..Limits::default()
        };
        let parameter = Parameter { limits, ..Parameter::required("video", Type::media(MediaKind::Video)) };
        let video = crate::Artifact {
            digest: crate::Digest::from_bytes([1; 32]),
            kind: MediaKind::Video,
            mime: "video/mp4".to_owned(),
            bytes: 1000,
            width: Some(640),
            height: Some(300),
            duration: Some(15.0),
            fps: None,
            has_audio: None,
        };
        let with = |change: fn(&mut crate::Artifact)| {
            let mut changed = video.clone();
            change(&mut changed);
            parameter.misfit(&changed.into())
        };
        assert_eq!(with(|_| ()), None);
        assert_eq!(with(|video| (video.width, video.duration) = (None, None)), None, "what wasn't measured");
        for (found, expected) in [
            (
                with(|video| video.duration = Some(14.5)),
                "`video` must be at least 15 s long, and is 14.5 s long: media/retime makes it slower, media/merge joins it with more",
            ),
            (
                with(|video| video.duration = Some(61.0)),
                "`video` must be at most 60 s long, and is 61 s long: `fit: auto` cuts it, and so does media/trim",
            ),
            (
                with(|video| video.height = Some(200)),
                "`video` must be at least 300 pixels on each side, and is 640×200: media/resize makes it larger, which adds no detail",
            ),
            (
                with(|video| video.width = Some(5000)),
                "`video` must be at most 4096 pixels on each side, and is 5000×300: `fit: auto` makes it smaller, and so does media/resize",
            ),
            (
                with(|video| video.bytes = 1001),
                "`video` must be at most 1000 bytes, and is 1001 bytes: media/resize or media/trim makes less of it",
            ),
        ] {
            assert_eq!(found.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_doubtful_is_said_and_never_refused() {
        let steps = Parameter::optional("steps", Type::Integer).range(1.0, 50.0);
        let contract = Contract::new("example/picture", Work::Model)
            .input(steps.clone().doubted(Doubt::Values))
            .input(Parameter { name: "speed".to_owned(), ..steps }.doubted(Doubt::Name));
        let table: [(&str, &[&str], usize); 5] = [
            (r#"{"steps":5}"#, &[], 0),
            (
                r#"{"steps":90}"#,
                &["as far as is known, `steps` must be between 1 and 50, and is 90: it is sent as it is"],
                0,
            ),
            (r#"{"steps":"many"}"#, &[], 1),
            (
                r#"{"speed":5}"#,
                &["nobody has verified that example/picture takes `speed`: it is sent as it is"],
                0,
            ),
            (
                r#"{"speed":500}"#,
                &["nobody has verified that example/picture takes `speed`: it is sent as it is"],
                0,
            ),
        ];
        for (json, doubts, faults) in table {
            let given = crate::value::journal::read(json).unwrap().as_map().unwrap().clone();
            let found: Vec<_> = contract.doubts(&given).into_iter().map(|doubt| doubt.message).collect();
            assert_eq!(found, doubts, "{json}");
            assert_eq!(contract.validate(&given).len(), faults, "{json}");
        }
    }
}
