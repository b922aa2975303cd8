//! What is too long for a turn lies beside the database, as a file named by its content.
//!
//! Above [`VALUE_BYTES_MAX`] a text, list or object is a *long value*: it is kept once, whoever refers to
//! it and however often, and stands in the journal as a reference. Inside of a long value, too, long
//! values are references, so a list of a thousand long texts is a short file. Reading gives one shared
//! value a digest, and so does writing: a value that was written or read before is known by where it
//! lies in memory, and is neither encoded nor hashed again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motet_engine::Event;
use motet_pipeline::value::journal;
use motet_pipeline::{Artifact, Digest, MediaKind, Value};

use crate::StoreError;
use crate::artifacts::{ArtifactFolder, Kept};
use crate::known::Known;

/// A text, list or object that weighs more ([`Value::units`]) is kept as a file of its own.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// A reference stands where media would, with a media type that no measured file has.
const REFERENCE: &str = "application/vnd.motet.value+json";

/// About how many bytes a reference takes: much more than media weighs.
const REFERENCE_BYTES: u64 = 192;

/// Files with long values, and with turns that are long in spite of them. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    pub(crate) folder: ArtifactFolder,
    known: Arc<Mutex<Known>>,
}

/// Events with references in place of their long values.
pub(crate) struct Shortened {
    pub(crate) events: Vec<Event>,
    /// All long values that they refer to, those inside of others too. They are durable.
    pub(crate) digests: BTreeSet<Digest>,
}

/// Whether events hold long values, or would make a long turn. Costs nothing.
pub(crate) fn is_long(events: &[Event]) -> bool {
    let units = events.iter().flat_map(Event::values).map(Value::units);
    units.fold(0, u64::saturating_add) > VALUE_BYTES_MAX as u64
}

/// The same for a single value.
fn is_long_value(value: &Value) -> bool {
    value.units() > VALUE_BYTES_MAX as u64
}

impl Beside {
    pub(crate) fn new(folder: ArtifactFolder) -> Beside {
        Beside { folder, known: Arc::default() }
    }

    /// Keeps the long values of `events`.
    pub(crate) fn shorten(&self, events: &[Event]) -> Result<Shortened, StoreError> {
        let mut shortened = Shortened { events: events.to_vec(), digests: BTreeSet::new() };
        for value in shortened.events.iter_mut().flat_map(Event::values_mut) {
            *value = self.shorten_value(value, &mut shortened.digests)?.0;
        }
        Ok(shortened)
    }

    /// `value` with references in place of what is long in it, or a reference itself, and about how many
    /// bytes it takes; adds what it refers to.
    fn shorten_value(
        &self,
        value: &Value,
        digests: &mut BTreeSet<Digest>,
    ) -> Result<(Value, u64), StoreError> {
        if !is_long_value(value) {
            return Ok((value.clone(), value.units()));
        }
        let known = self.known().find_value(value);
        if let Some(known) = known.filter(|known| self.is_there(&known.kept)) {
            digests.extend(known.inner.iter().copied().chain([known.kept.digest]));
            return Ok((reference(&known.kept), REFERENCE_BYTES));
        }
        let mut inner = BTreeSet::new();
        let (short, bytes) = self.shorten_inside(value, &mut inner)?;
        if bytes <= VALUE_BYTES_MAX as u64 {
            digests.append(&mut inner);
            return Ok((short, bytes));
        }
        let json = serde_json::to_vec(&short).expect("a value is plain data with text keys");
        let kept = self.folder.put(&json)?;
        digests.extend(inner.iter().copied().chain([kept.digest]));
        self.known().insert(value, kept, inner.into_iter().collect());
        Ok((reference(&kept), REFERENCE_BYTES))
    }

    /// The same for what `value` holds, but not for itself.
    fn shorten_inside(
        &self,
        value: &Value,
        digests: &mut BTreeSet<Digest>,
    ) -> Result<(Value, u64), StoreError> {
        let mut bytes = 0;
        let mut shorten = |value: &Value, name_bytes: usize| -> Result<Value, StoreError> {
            let (short, short_bytes) = self.shorten_value(value, digests)?;
            bytes += short_bytes + name_bytes as u64;
            Ok(short)
        };
        let short = match value {
            Value::List(items) => {
                let items = items.iter().map(|item| shorten(item, 0));
                Value::list(items.collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(name, value)| Ok((name.clone(), shorten(value, name.len())?)));
                Value::map(entries.collect::<Result<Vec<_>, StoreError>>()?)
            }
            other => return Ok((other.clone(), other.units())),
        };
        Ok((short, bytes))
    }

    /// Puts the long values `digests` back in the place of their references.
    pub(crate) fn restore(&self, events: &mut [Event], digests: &BTreeSet<Digest>) -> Result<(), StoreError> {
        let mut found = BTreeSet::new();
        for value in events.iter_mut().flat_map(Event::values_mut) {
            if let Some(restored) = self.restore_value(value, digests, &mut found)? {
                *value = restored;
            }
        }
        Ok(())
    }

    /// `value` with its references replaced; nothing if there are none in it. What isn't among `listed`
    /// is media, whatever it looks like. Adds what was referred to.
    fn restore_value(
        &self,
        value: &Value,
        listed: &BTreeSet<Digest>,
        found: &mut BTreeSet<Digest>,
    ) -> Result<Option<Value>, StoreError> {
        let mut restore = |value: &Value| self.restore_value(value, listed, found);
        Ok(match value {
            Value::Media(artifact) if artifact.mime == REFERENCE && listed.contains(&artifact.digest) => {
                Some(self.read_value(artifact.digest, listed, found)?)
            }
            Value::List(items) => {
                let restored = items.iter().map(restore).collect::<Result<Vec<_>, _>>()?;
                replaced(items.iter(), restored).map(Value::list)
            }
            Value::Map(entries) => {
                let restored = entries.values().map(&mut restore).collect::<Result<Vec<_>, _>>()?;
                let values = replaced(entries.values(), restored);
                values.map(|values| Value::map(entries.keys().cloned().zip(values)))
            }
            _ => None,
        })
    }

    /// The long value `digest`: the one that is in use already, else read from its file.
    fn read_value(
        &self,
        digest: Digest,
        listed: &BTreeSet<Digest>,
        found: &mut BTreeSet<Digest>,
    ) -> Result<Value, StoreError> {
        found.insert(digest);
        let known = self.known().find_digest(&digest);
        if let Some((value, known)) = known {
            found.extend(known.inner.iter().copied());
            return Ok(value);
        }
        let (mut value, kept) = self.decode(digest)?;
        let mut inner = BTreeSet::new();
        if let Some(restored) = self.restore_value(&value, listed, &mut inner)? {
            value = restored;
        }
        found.extend(inner.iter().copied());
        Ok(self.known().insert(&value, kept, inner.into_iter().collect()))
    }

    fn decode(&self, digest: Digest) -> Result<(Value, Kept), StoreError> {
        let json = self.folder.read(&digest)?;
        let corrupt = |what: &str| {
            let file = self.folder.path_of(&digest);
            StoreError::Corrupt { file, what: what.to_owned() }
        };
        if Digest::of(&json) != digest {
            return Err(corrupt("its bytes aren't what was written"));
        }
        let kept = Kept { digest, bytes: json.len() as u64 };
        let json = std::str::from_utf8(&json).map_err(|error| corrupt(&error.to_string()))?;
        let value = journal::read(json).map_err(|error| corrupt(&error.to_string()))?;
        Ok((value, kept))
    }

    fn is_there(&self, kept: &Kept) -> bool {
        self.folder.touch(kept).unwrap_or(false)
    }

    /// A panic while it was locked leaves it as good as any: it only saves work.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values, some of which are replaced; nothing if none is.
fn replaced<'v>(before: impl Iterator<Item = &'v Value>, restored: Vec<Option<Value>>) -> Option<Vec<Value>> {
    let is_changed = restored.iter().any(Option::is_some);
    let values = before.zip(restored).map(|(before, restored)| restored.unwrap_or_else(|| before.clone()));
    is_changed.then(|| values.collect())
}

fn reference(kept: &Kept) -> Value {
    Value::from(Artifact {
        digest: kept.digest,
        kind: MediaKind::File,
        mime: REFERENCE.to_owned(),
        bytes: kept.bytes,
        width: None,
        height: None,
        duration: None,
        fps: None,
        has_audio: None,
    })
}
