//! A run that a guest asks for, on its way to the owner.

use std::collections::BTreeMap;

use motet_engine::RunId;
use motet_pipeline::Money;
use motet_pipeline::bundle::Bundle;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::value::{Map, journal};
use serde::{Deserialize, Serialize, Serializer};

use crate::motet::{Continued, StartOptions};
use crate::{Error, Pipeline, Quote};

/// A run to be started: its inputs are complete, and their files are in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    bundle: Bundle,
    /// Inputs that are JSON and nothing more, as anybody would write them.
    #[serde(serialize_with = "plain")]
    inputs: Map,
    /// Inputs with kept media in them, by the journal's rules. They have a place of their own, so that
    /// no JSON is taken for media.
    #[serde(default, deserialize_with = "journal::map")]
    kept: Map,
    #[serde(default)]
    id: Option<RunId>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    new: bool,
    #[serde(default)]
    budget: Option<Money>,
    #[serde(default)]
    quote: Option<Quote>,
    #[serde(default)]
    allow_unpriced: bool,
    #[serde(default)]
    no_cache: bool,
    #[serde(default)]
    continues: Option<Continued>,
    /// Whether what it continues is taken for the user's own, whoever wrote it.
    #[serde(default)]
    pub(crate) adopts: bool,
    /// The name that a new run gets if it isn't given one: by this a request that is made again,
    /// because its answer was lost, is known.
    pub(crate) fresh: RunId,
    /// The checked pipeline, where this process made it of the bundle.
    #[serde(skip)]
    checked: Option<Pipeline>,
}

impl Start {
    pub(crate) fn new(pipeline: Pipeline, inputs: Map, options: StartOptions, fresh: RunId) -> Start {
        let bundle = pipeline.bundle().clone();
        let StartOptions { id, user, labels, new, budget, quote, allow_unpriced, no_cache, continues } =
            options;
        let (inputs, kept): (Vec<_>, Vec<_>) = inputs.into_iter().partition(|(_, value)| value.is_plain());
        let (inputs, kept) = (inputs.into_iter().collect(), kept.into_iter().collect());
        Start {
            bundle,
            inputs,
            kept,
            id,
            user,
            labels,
            new,
            budget,
            quote,
            allow_unpriced,
            no_cache,
            continues,
            adopts: false,
            fresh,
            checked: Some(pipeline),
        }
    }

    /// The pipeline, checked.
    ///
    /// # Errors
    /// When it has faults.
    pub(crate) fn pipeline(&self, catalogue: &Catalogue) -> Result<Pipeline, Error> {
        match &self.checked {
            Some(pipeline) => Ok(pipeline.clone()),
            None => Pipeline::from_bundle(self.bundle.clone(), catalogue),
        }
    }

    /// All inputs.
    pub(crate) fn inputs(&self) -> Map {
        self.inputs.clone().into_iter().chain(self.kept.clone()).collect()
    }

    pub(crate) fn options(&self) -> StartOptions {
        StartOptions {
            id: self.id.clone(),
            user: self.user.clone(),
            labels: self.labels.clone(),
            new: self.new,
            budget: self.budget,
            quote: self.quote.clone(),
            allow_unpriced: self.allow_unpriced,
            no_cache: self.no_cache,
            continues: self.continues.clone(),
        }
    }
}

fn plain<S: Serializer>(inputs: &Map, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(inputs.iter().map(|(name, value)| (name, value.to_json())))
}

#[cfg(test)]
mod tests {
    use motet_pipeline::{Artifact, Digest, MediaKind, Value};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_looks_like_media_on_the_wire_is_plain_and_kept_media_has_a_place_of_its_own() {
        let artifact = Artifact {
            digest: Digest::of(b"x"),
            kind: MediaKind::File,
            mime: "text/plain".into(),
            bytes: 1,
            width: None,
            height: None,
            duration: None,
            fps: None,
            has_audio: None,
        };
        let looks = json!({"nothing": {"$absent": true}, "media": artifact, "pairs": {"$plain": []}});
        let inputs = Map::from([
            ("looks".to_owned(), Value::from(looks.clone())),
            ("media".to_owned(), Value::list(vec![Value::from(artifact)])),
            ("nothing".to_owned(), Value::Absent),
        ]);
        let text = "motet: 1\nsteps: { nap: { uses: flow/sleep, with: { duration: 1s } } }";
        let bundle = Bundle::of_text("a.yaml", text);
        let pipeline = Pipeline::from_bundle(bundle, &crate::operation::catalogue()).unwrap();
        let start = Start::new(pipeline, inputs.clone(), StartOptions::default(), RunId::new("fresh"));
        let mut line = serde_json::to_value(&start).unwrap();
        assert_eq!(line["inputs"], json!({ "looks": looks }));
        let read = |line: &serde_json::Value| serde_json::from_value::<Start>(line.clone()).unwrap();
        assert_eq!(read(&line).inputs(), inputs);

        line["inputs"] = json!({ "x": { "$absent": true } });
        assert!(read(&line).inputs()["x"].as_map().is_some());
    }
}
