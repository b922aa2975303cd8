//! Versions: the models, contracts and prices that a pipeline was made with, and what has changed since.
//!
//! A host keeps them in a lock file. What has changed is decided here, from two lists of versions alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::price::{Price, Tariff};
use crate::{Contract, Digest, Plan};

/// The versions of all operations that a pipeline uses, by name.
///
/// ```
/// use motet_pipeline::versions::{Change, Versions};
/// use motet_pipeline::{Bundle, check::check, contract::Catalogue};
/// let text = "motet: 1\nsteps: { nap: { uses: flow/sleep, with: { duration: 7d } } }";
/// let plan = check(&Bundle::of_text("nap.yaml", text), &Catalogue::default()).plan.unwrap();
/// let versions = Versions::of(&plan, |_| None);
/// assert_eq!(versions.operations["flow/sleep"].contract, 1);
/// assert_eq!(versions.changes(&versions), []);
/// let change = &Versions::default().changes(&versions)[0];
/// assert_eq!(*change, Change::Added { operation: "flow/sleep".into() });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The operations.
    pub operations: BTreeMap<String, OperationVersion>,
}

/// The versions of one operation.
///
/// A lock file holds these by their names, so this is a stored format: a new field is a new format of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationVersion {
    /// The version of its contract.
    pub contract: u32,
    /// Of a model: the provider's own version, if one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Of a model: the digest of its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Digest>,
    /// What it costs: for each unit, with the conditions of the tariff, the price as people read it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub price: BTreeMap<String, String>,
}

/// What a host knows of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelVersion {
    /// The provider's own version, if one is asked for.
    pub version: Option<String>,
    /// The digest of its description, without its price.
    pub digest: Digest,
}

/// Something that is no longer as it was. Shown, it is a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The pipeline uses an operation that it didn't use.
    Added {
        /// The operation.
        operation: String,
    },
    /// The pipeline no longer uses an operation.
    Unused {
        /// The operation.
        operation: String,
    },
    /// A version or price of an operation has changed.
    Moved {
        /// The operation.
        operation: String,
        /// Which one.
        part: Part,
        /// What it was; nothing if there was none.
        old: Option<String>,
        /// What it is; nothing if there is none.
        new: Option<String>,
    },
}

/// What of an operation has a version or a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its contract.
    Contract,
    /// The provider's version of the model.
    Version,
    /// The description of the model: what it takes and gives, and how it is called.
    Description,
    /// The price of this unit, under these conditions.
    Price(String),
}

impl Versions {
    /// The versions that `plan` uses; `model` says what is known of an operation that is a model.
    pub fn of(plan: &Plan, model: impl Fn(&str) -> Option<ModelVersion>) -> Versions {
        let contracts = plan.contracts().into_iter();
        let operations =
            contracts.map(|(name, contract)| (name.to_owned(), OperationVersion::of(contract, model(name))));
        Versions { operations: operations.collect() }
    }

    /// What is no longer as it is here, if the present versions are `now`: in the order of the operations.
    pub fn changes(&self, now: &Versions) -> Vec<Change> {
        let names: BTreeSet<&String> = self.operations.keys().chain(now.operations.keys()).collect();
        let changes =
            names.into_iter().flat_map(|name| match (self.operations.get(name), now.operations.get(name)) {
                (Some(old), Some(new)) => old.changes(name, new),
                (Some(_), None) => vec![Change::Unused { operation: name.clone() }],
                (None, _) => vec![Change::Added { operation: name.clone() }],
            });
        changes.collect()
    }
}

impl OperationVersion {
    fn of(contract: &Contract, model: Option<ModelVersion>) -> OperationVersion {
        let (version, digest) = model.map_or((None, None), |model| (model.version, Some(model.digest)));
        let price = contract.price.as_ref().map(prices).unwrap_or_default();
        OperationVersion { contract: contract.version, version, model: digest, price }
    }

    fn changes(&self, operation: &str, now: &OperationVersion) -> Vec<Change> {
        let number = |version: u32| Some(format!("version {version}"));
        let model = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
        let mut parts = vec![
            (Part::Contract, number(self.contract), number(now.contract)),
            (Part::Version, self.version.clone(), now.version.clone()),
            (Part::Description, model(self.model), model(now.model)),
        ];
        let units: BTreeSet<&String> = self.price.keys().chain(now.price.keys()).collect();
        parts.extend(units.into_iter().map(|unit| {
            (Part::Price(unit.clone()), self.price.get(unit).cloned(), now.price.get(unit).cloned())
        }));
        let moved = parts.into_iter().filter(|(_, old, new)| old != new);
        moved
            .map(|(part, old, new)| Change::Moved { operation: operation.to_owned(), part, old, new })
            .collect()
    }
}

/// Each tariff of a price: its unit with its conditions, and how much.
fn prices(price: &Price) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for tariff in &price.tariffs {
        let amount = amount(tariff);
        let known = all.entry(unit(tariff)).or_default();
        *known = if known.is_empty() { amount } else { format!("{known} or {amount}") };
    }
    all
}

/// `output_video_second when resolution = 1080p`.
fn unit(tariff: &Tariff) -> String {
    let mut conditions: Vec<String> = tariff.when.iter().map(ToString::to_string).collect();
    conditions.sort();
    let when = if conditions.is_empty() { String::new() } else { format!(" when {}", conditions.join(", ")) };
    let estimate = if tariff.estimate_only { " (estimate)" } else { "" };
    format!("{}{when}{estimate}", tariff.unit.word())
}

/// `$0.04 for 1000`.
fn amount(tariff: &Tariff) -> String {
    match tariff.per {
        1 => format!("${}", tariff.usd),
        per => format!("${} for {per}", tariff.usd),
    }
}

impl Change {
    /// The operation that it is about.
    pub fn operation(&self) -> &str {
        match self {
            Change::Added { operation } | Change::Unused { operation } | Change::Moved { operation, .. } => {
                operation
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Added { operation } => write!(f, "{operation} is used and not locked"),
            Change::Unused { operation } => write!(f, "{operation} is locked and not used any more"),
            Change::Moved { operation, part, old, new } => {
                let shown = |value: &Option<String>| value.as_deref().map_or("none".to_owned(), brief);
                let (old, new) = (shown(old), shown(new));
                match part {
                    Part::Contract => write!(f, "the contract of {operation}")?,
                    Part::Version => write!(f, "the version of the model {operation}")?,
                    Part::Description => write!(f, "the description of the model {operation}")?,
                    Part::Price(unit) => write!(f, "the price of {operation} for {unit}")?,
                }
                write!(f, " is {new}, and was {old} when it was locked")
            }
        }
    }
}

/// A long hash with its first digits; anything else as it is.
fn brief(value: &str) -> String {
    const SHOWN: usize = 12;
    let (scheme, hash) = value.strip_prefix("sha256:").map_or(("", value), |hash| ("sha256:", hash));
    let is_hash = hash.len() >= 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { format!("{scheme}{}", &hash[..SHOWN]) } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(contract: u32, price: &[(&str, &str)]) -> OperationVersion {
        let price = price.iter().map(|(unit, price)| ((*unit).to_owned(), (*price).to_owned())).collect();
        OperationVersion { contract, price, ..OperationVersion::default() }
    }

    fn versions<const N: usize>(operations: [(&str, OperationVersion); N]) -> Versions {
        Versions { operations: operations.map(|(name, version)| (name.to_owned(), version)).into() }
    }

    fn words(before: &Versions, now: &Versions) -> Vec<String> {
        before.changes(now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn everything_that_moved_is_told_with_old_and_new() {
        let model = |version: &str, of: &[u8], price: &[(&str, &str)]| OperationVersion {
            version: Some(version.to_owned()),
            model: Some(Digest::of(of)),
            ..operation(1, price)
        };
        let (one, other) = ("a".repeat(64), "b".repeat(64));
        let before = versions([
            ("fal/x", model(&one, b"one", &[("image", "$0.02"), ("song", "$1"), ("request", "$0.01")])),
            ("media/merge", operation(1, &[])),
            ("media/old", operation(1, &[])),
            ("media/trim", operation(1, &[])),
        ]);
        let now = versions([
            ("fal/x", model(&other, b"other", &[("image", "$0.03"), ("video", "$2"), ("request", "$0.01")])),
            ("media/merge", operation(2, &[])),
            ("media/new", operation(1, &[])),
            ("media/trim", operation(1, &[])),
        ]);
        assert_eq!(
            words(&before, &now),
            [
                "the version of the model fal/x is bbbbbbbbbbbb, and was aaaaaaaaaaaa when it was locked",
                "the description of the model fal/x is sha256:d9298a10d1b0, and was sha256:7692c3ad3540 when it was locked",
                "the price of fal/x for image is $0.03, and was $0.02 when it was locked",
                "the price of fal/x for song is none, and was $1 when it was locked",
                "the price of fal/x for video is $2, and was none when it was locked",
                "the contract of media/merge is version 2, and was version 1 when it was locked",
                "media/new is used and not locked",
                "media/old is locked and not used any more",
            ]
        );
        assert!(now.changes(&now).is_empty());
        assert_eq!(words(&now, &before).len(), 8);
    }

    #[test]
    fn a_price_has_a_line_for_each_tariff() {
        use crate::price::Unit;
        let second = |usd: &str, when: &str| Tariff {
            when: crate::price::Condition::read_all(when).unwrap(),
            ..Tariff::new(Unit::OutputVideoSecond, 1, usd.parse().unwrap())
        };
        let price = Price {
            tariffs: vec![
                second("0.05", "resolution = 720p, duration > 5"),
                second("0.10", "resolution = 1080p"),
                Tariff::new(Unit::InputCharacter, 1000, "0.04".parse().unwrap()),
                Tariff { estimate_only: true, ..Tariff::new(Unit::GpuSecond, 1, "0.001".parse().unwrap()) },
            ],
            ..Price::default()
        };
        let lines: Vec<String> = prices(&price).iter().map(|(unit, usd)| format!("{unit}: {usd}")).collect();
        assert_eq!(
            lines,
            [
                "gpu_second (estimate): $0.001",
                "input_character: $0.04 for 1000",
                "output_video_second when duration > 5, resolution = 720p: $0.05",
                "output_video_second when resolution = 1080p: $0.1",
            ]
        );
    }
}
