//! Values and artifacts as programs see them: plain JSON, with a place to fetch the bytes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet_pipeline::{Artifact, Digest, Value};
use motet_store::Store;
use serde_json::{Map, Value as Json};

use super::PublicValue;

/// Where the bytes of artifacts can be read.
#[derive(Clone, Default)]
pub struct ArtifactPlaces {
    store: Option<Store>,
    copies: Arc<BTreeMap<Digest, PathBuf>>,
}

impl ArtifactPlaces {
    /// In `store`, which stays when this process ends.
    pub fn in_store(store: Store) -> ArtifactPlaces {
        ArtifactPlaces { store: Some(store), copies: Arc::default() }
    }

    /// Only where copies are made: the store goes away with this process.
    pub fn nowhere() -> ArtifactPlaces {
        ArtifactPlaces::default()
    }

    /// Adds a copy, which is preferred to the store's own file.
    pub fn add_copy(&mut self, digest: Digest, path: PathBuf) {
        Arc::make_mut(&mut self.copies).insert(digest, path);
    }

    /// The file that holds the bytes, as an absolute path.
    pub fn path_of(&self, digest: &Digest) -> Option<PathBuf> {
        let copy = self.copies.get(digest).cloned();
        let path = copy.or_else(|| self.store.as_ref().map(|store| store.path_of(digest)))?;
        Some(std::path::absolute(&path).unwrap_or(path))
    }

    /// An artifact: `url`, `path`, `digest`, `kind`, `mime`, `bytes` and what was measured.
    pub fn artifact_json(&self, artifact: &Artifact) -> Json {
        let mut fields = Map::new();
        if let Some(path) = self.path_of(&artifact.digest) {
            fields.insert("url".into(), file_url(&path).into());
            fields.insert("path".into(), path.to_string_lossy().into());
        }
        fields.insert("digest".into(), artifact.digest.to_string().into());
        let measured = serde_json::to_value(artifact).expect("an artifact is plain data");
        for (name, value) in measured.as_object().into_iter().flatten() {
            if name != "$artifact" {
                fields.insert(name.clone(), value.clone());
            }
        }
        Json::Object(fields)
    }

    /// A value as programs see it.
    pub fn value(&self, value: &Value) -> PublicValue {
        PublicValue { value: value.clone(), places: self.clone() }
    }

    pub(super) fn optional(&self, value: Option<&Value>) -> PublicValue {
        value.map_or_else(|| self.value(&Value::Map(Arc::default())), |value| self.value(value))
    }
}

impl std::fmt::Debug for ArtifactPlaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactPlaces").field("copies", &self.copies).finish_non_exhaustive()
    }
}

/// The path as a `file://` URL.
fn file_url(path: &Path) -> String {
    let mut url = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                url.push(char::from(*byte))
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_and_umlauts_is_a_valid_url() {
        assert_eq!(file_url(Path::new("/tmp/my film/ü.mp4")), "file:///tmp/my%20film/%C3%BC.mp4");
    }
}
