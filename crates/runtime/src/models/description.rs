//! Descriptions: what a provider publishes of a model that isn't in the catalogue, asked for over the one door.

use std::sync::Arc;

use motet_providers::catalogue::Entry;
use motet_providers::{Provider, Registry};
use motet_store::Store;

use crate::Error;
use crate::door::{Door, Errand, Stake};
use crate::settings::Settings;
use crate::world::SharedWorld;

/// A model as it is asked for: `replicate/owner/name:version`.
struct Wanted<'n> {
    provider: Arc<dyn Provider>,
    id: &'n str,
    version: Option<&'n str>,
}

impl Settings {
    /// The model `name` as its provider describes it: `replicate/OWNER/NAME`, with `:VERSION` or without;
    /// `OWNER/NAME` alone is one of Replicate, and `fal-ai/…` one of fal.
    ///
    /// # Errors
    /// [`Error::NotDescribed`] when the provider publishes nothing of the kind, doesn't know it, or can't be asked.
    pub async fn describe_model(&self, name: &str, world: SharedWorld) -> Result<Entry, Error> {
        let failed = |why: String| Error::NotDescribed { name: name.to_owned(), why };
        let registry = Registry::default();
        let Wanted { provider, id, version } = wanted(name, &registry).map_err(failed)?;
        let profiles = registry.iter().map(|provider| provider.profile());
        let door = Door::builder(world, Store::in_memory()?).providers(profiles).settings(self).build()?;
        let provider_name = &provider.profile().name;
        let credential = door.credentials(provider_name).first().cloned().unwrap_or_default();
        let request =
            provider.describe(id, version, &credential).ok_or_else(|| failed(undescribed(provider_name)))?;
        let reply = door.send(Errand::new(provider_name, request)).await;
        let reply = reply.map_err(|fault| failed(fault.into_failure(Stake::Free).message))?;
        let entry = provider.read_description(id, reply).map_err(|failure| failed(failure.message))?;
        // What was made of it must be one that can be read again.
        Entry::read(&entry.written()).map_err(|error| failed(error.to_string()))
    }
}

/// Who is to be asked for what.
fn wanted<'n>(name: &'n str, registry: &Registry) -> Result<Wanted<'n>, String> {
    let (path, version) = name.split_once(':').map_or((name, None), |(path, version)| (path, Some(version)));
    let (first, rest) = path.split_once('/').ok_or("a model is written as OWNER/NAME")?;
    let (provider, id) = match registry.get(first) {
        Some(provider) => (Some(provider), rest),
        // fal's own models have a name that no other provider has.
        None if first == "fal-ai" || rest.contains('/') => (registry.get("fal"), path),
        None => (registry.get("replicate"), path),
    };
    let provider = provider.cloned().ok_or_else(|| format!("there is no provider `{first}`"))?;
    Ok(Wanted { provider, id, version })
}

fn undescribed(provider: &str) -> String {
    match provider {
        "elevenlabs" => {
            "ElevenLabs publishes no schemas of its models; those that Motet knows are listed by \
                         `motet models list elevenlabs`"
                .to_owned()
        }
        "replicate" => "a model of Replicate is written as OWNER/NAME, or OWNER/NAME:VERSION".to_owned(),
        "fal" => "a model of fal is written as fal/OWNER/NAME, without a version".to_owned(),
        other => format!("{other} publishes no schemas of its models"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_the_name_that_its_provider_gives_it() {
        let registry = Registry::default();
        let table = [
            ("replicate/someone/theirs", "replicate someone/theirs -"),
            ("someone/theirs:0123", "replicate someone/theirs 0123"),
            ("fal-ai/flux/dev", "fal fal-ai/flux/dev -"),
            ("fal-ai/esrgan", "fal fal-ai/esrgan -"),
            ("veed/fabric-1.0/fast", "fal veed/fabric-1.0/fast -"),
            ("fal/veed/lipsync", "fal veed/lipsync -"),
            ("elevenlabs/eleven_v4", "elevenlabs eleven_v4 -"),
        ];
        for (name, expected) in table {
            let Wanted { provider, id, version } = wanted(name, &registry).unwrap();
            let found = format!("{} {id} {}", provider.profile().name, version.unwrap_or("-"));
            assert_eq!(found, expected, "{name}");
        }
        assert!(wanted("theirs", &registry).is_err());
    }

    #[tokio::test]
    async fn what_is_not_published_is_refused_in_words_before_anybody_is_asked() {
        let world = Arc::new(crate::world::live::LiveWorld::default());
        let mut told = Vec::new();
        for name in ["elevenlabs/eleven_v4", "replicate/a/../b", "fal-ai/x:1", "x", "http/get"] {
            let refused = Settings::usual("").describe_model(name, world.clone()).await.unwrap_err();
            told.push(format!("{}: {refused}", refused.code()));
        }
        insta::assert_snapshot!(told.join("\n"));
    }
}
