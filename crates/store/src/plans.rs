//! Plans: what runs follow, kept once for all runs of a plan.

use std::collections::BTreeMap;
use std::path::Path;

use motet_engine::RunId;
use motet_pipeline::Digest;
use motet_pipeline::pin::version_in;
use rusqlite::{Connection, OptionalExtension, Row};
use sha2::{Digest as _, Sha256};

use crate::journal::column_of_newer;
use crate::{StoreError, rows};

/// A plan as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPlan {
    /// The version of the pipeline: what its texts say, whatever contracts and rules the plan was made with.
    pub version: Digest,
    /// The texts that it was made from.
    pub bundle: String,
    /// The plan itself ([`motet_pipeline::Plan::pin`]). Formats 1 and 2 kept texts alone.
    pub pin: Option<String>,
}

/// A plan that can't be had any more, and whom that concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostPlan {
    /// The plan.
    pub digest: Digest,
    /// What is wrong with it, in words.
    pub what: String,
    /// The runs that follow it, oldest first.
    pub runs: Vec<RunId>,
}

/// Keeps `plan`, or what wasn't kept of it.
pub(crate) const PUT: &str = r#"INSERT INTO plans (digest, version, bundle, pin, "check") VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (digest) DO UPDATE SET pin = excluded.pin, "check" = excluded."check" WHERE plans.pin IS NULL"#;

/// Keeps `plan` instead of what is there.
pub(crate) const REPLACE: &str =
    r#"INSERT OR REPLACE INTO plans (digest, version, bundle, pin, "check") VALUES (?1, ?2, ?3, ?4, ?5)"#;

/// All that is kept of one plan.
pub(crate) const FIND: &str = "SELECT * FROM plans WHERE digest = ?1";

/// A row of the table, not looked at yet.
pub(crate) struct StoredPlan {
    digest: Digest,
    version: Option<Digest>,
    bundle: Vec<u8>,
    pin: Option<Vec<u8>>,
    check: Option<i64>,
}

impl KeptPlan {
    /// Fails, in words, if this isn't what was kept of the plan `digest`: another row has its name, or its version was
    /// changed. A plan that can't be read passes: whoever links it is told why.
    ///
    /// # Errors
    /// What is wrong.
    pub fn judge(&self, digest: &Digest) -> Result<(), String> {
        let Some((pin, version)) = self.pin.as_ref().and_then(|pin| Some((pin, version_in(pin)?))) else {
            return Ok(());
        };
        // Formats 1 and 2 named a plan by its texts, all others by what it is kept as.
        let is_name = *digest == self.version || *digest == Digest::of(pin.as_bytes());
        if is_name && version == self.version { Ok(()) } else { Err(changed(digest)) }
    }

    /// What tells it from any other plan that could stand in its place.
    pub(crate) fn check(&self) -> Option<i64> {
        self.pin.as_ref().map(|pin| check(&self.bundle, pin))
    }
}

fn changed(digest: &Digest) -> String {
    format!("what is kept of plan {} isn't what was written", digest.short())
}

impl StoredPlan {
    /// From a whole row. A store that was opened to look at may be of an older format, which lacks columns.
    pub(crate) fn from_row(row: &Row) -> rusqlite::Result<StoredPlan> {
        let version: Option<[u8; 32]> = column_of_newer(row, "version")?;
        let bytes = |column: &str| -> rusqlite::Result<Option<Vec<u8>>> {
            Ok(row.get_ref(column)?.as_bytes_or_null()?.map(<[u8]>::to_vec))
        };

        Ok(StoredPlan {
            digest: Digest::from_bytes(row.get("digest")?),
            version: version.map(Digest::from_bytes),
            bundle: bytes("bundle")?.unwrap_or_default(),
            pin: if version.is_some() { bytes("pin")? } else { None },
            check: column_of_newer(row, "check")?,
        })
    }

    /// The plan; fails if it isn't what was written.
    pub(crate) fn decode(self, file: &Path) -> Result<KeptPlan, StoreError> {
        let changed = || StoreError::Corrupt { file: file.to_owned(), what: changed(&self.digest) };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| changed());
        let kept = KeptPlan {
            version: self.version.unwrap_or(self.digest),
            bundle: text(self.bundle)?,
            pin: self.pin.map(text).transpose()?,
        };
        if kept.check() == self.check { Ok(kept) } else { Err(changed()) }
    }
}

/// Whether what is kept of a plan isn't what was written.
pub(crate) fn is_damaged(connection: &Connection, file: &Path, digest: &Digest) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(FIND)?;
    let stored = statement.query_row([digest.as_bytes().as_slice()], StoredPlan::from_row).optional()?;
    Ok(stored.is_some_and(|stored| !stored.decode(file).is_ok_and(|kept| kept.judge(digest).is_ok())))
}

/// The plans that are missing or aren't what was written.
pub(crate) fn lost(connection: &Connection, file: &Path) -> rusqlite::Result<Vec<LostPlan>> {
    let mut lost: BTreeMap<Digest, LostPlan> = BTreeMap::new();
    for row in connection.prepare("SELECT * FROM plans")?.query_map([], StoredPlan::from_row)? {
        let stored = row?;
        let digest = stored.digest;
        let what = match stored.decode(file).map(|kept| kept.judge(&digest)) {
            Ok(Ok(())) => continue,
            Ok(Err(what)) | Err(StoreError::Corrupt { what, .. }) => what,
            Err(error) => error.to_string(),
        };
        lost.insert(digest, LostPlan { digest, what, runs: runs_of(connection, digest)? });
    }
    let missing = "SELECT DISTINCT plan FROM runs WHERE plan NOT IN (SELECT digest FROM plans)";
    for digest in connection.prepare(missing)?.query_map([], |row| rows::digest(row, 0))? {
        let digest = digest?;
        let what = format!("plan {} is missing", digest.short());
        lost.insert(digest, LostPlan { digest, what, runs: runs_of(connection, digest)? });
    }
    Ok(lost.into_values().collect())
}

fn runs_of(connection: &Connection, plan: Digest) -> rusqlite::Result<Vec<RunId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM runs WHERE plan = ?1 ORDER BY number")?;
    let ids =
        statement.query_map([plan.as_bytes().as_slice()], |row| Ok(RunId::new(row.get_ref(0)?.as_str()?)))?;
    ids.collect()
}

fn check(bundle: &str, pin: &str) -> i64 {
    let mut hasher = Sha256::new();
    hasher.update((bundle.len() as u64).to_be_bytes());
    hasher.update(bundle);
    hasher.update(pin);
    let hash: [u8; 32] = hasher.finalize().into();
    i64::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
}
