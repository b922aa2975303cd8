//! Plans: what runs follow, kept once for all runs of a plan.

use std::path::Path;

use motet_pipeline::Digest;
use rusqlite::{Connection, Row, params};
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::journal::column_of_newer;

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

/// Keeps `plan`, or what wasn't kept of it.
pub(crate) const PUT: &str = r#"INSERT INTO plans (digest, version, bundle, pin, "check") VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (digest) DO UPDATE SET pin = excluded.pin, "check" = excluded."check" WHERE plans.pin IS NULL"#;

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
    /// What tells it from any other plan that could stand in its place.
    pub(crate) fn check(&self) -> Option<i64> {
        self.pin.as_ref().map(|pin| check(&self.bundle, pin))
    }
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
        let changed = || StoreError::Corrupt {
            file: file.to_owned(),
            what: format!("what is kept of plan {} isn't what was written", self.digest.short()),
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| changed());
        let kept = KeptPlan {
            version: self.version.unwrap_or(self.digest),
            bundle: text(self.bundle)?,
            pin: self.pin.map(text).transpose()?,
        };
        if kept.check() == self.check { Ok(kept) } else { Err(changed()) }
    }
}

/// What is wrong with the plans that are kept.
pub(crate) fn faults(connection: &Connection, file: &Path) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT * FROM plans")?;
    let rows = statement.query_map(params![], StoredPlan::from_row)?;
    let mut faults = Vec::new();
    for row in rows {
        match row?.decode(file) {
            Ok(_) => {}
            Err(StoreError::Corrupt { what, .. }) => faults.push(what),
            Err(error) => faults.push(error.to_string()),
        }
    }
    Ok(faults)
}

fn check(bundle: &str, pin: &str) -> i64 {
    let mut hasher = Sha256::new();
    hasher.update((bundle.len() as u64).to_be_bytes());
    hasher.update(bundle);
    hasher.update(pin);
    let hash: [u8; 32] = hasher.finalize().into();
    i64::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
}
