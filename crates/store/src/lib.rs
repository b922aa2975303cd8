//! What happened: journal, projections, artifacts.
//!
//! The journal is the truth: an ordered list of turns for each run, appended and never changed. Each
//! turn carries a check, so that a changed letter is found by whoever reads it. All other tables
//! ([`RunRow`], [`StepRow`], [`ArtifactRow`]) are made from the journal in the same transaction and can
//! be made again at any time. Artifacts are files named by their content.
//!
//! ```text
//! <folder>/motet.db             SQLite, write-ahead log, flushed at every commit
//! <folder>/mark                 how far the journal was durable, so that a lost log is noticed
//! <folder>/artifacts/ab/cdef…   bytes by SHA-256, read-only
//! <folder>/scratch/             files that are being made
//! <folder>/children/            notes about programs that are at work
//! ```
//!
//! All of it is for its owner alone, and nothing in it is reached through a link ([`StoreFolder`]).
//!
//! One process writes (its lock is the caller's concern; a second writer is slow and harmless), any
//! number may read beside it. Within the process one thread commits what all others hand in.

mod artifacts;
mod backup;
mod beside;
mod cache;
mod charges;
mod checkpoint;
mod dead;
mod deletion;
mod error;
mod folder;
mod gate;
mod heads;
mod incoming;
mod integrity;
mod journal;
mod known;
mod maker;
mod mark;
mod pack;
mod pages;
mod past;
mod patience;
mod place;
mod plans;
mod prepare;
mod private;
mod projection;
mod queue;
mod reader;
mod retention;
mod rows;
mod savings;
mod schema;
mod scratch;
mod stage;
mod status;
mod steps;
mod store;
mod tables;
mod unfinished;
mod verify;
mod world;
mod writer;

pub use artifacts::Kept;
pub use backup::Backup;
pub use beside::VALUE_BYTES_MAX;
pub use cache::CacheEntry;
pub use charges::{Charge, OpenCalls};
pub use dead::{Cause, DeadFilter, DeadRun, Discard};
pub use deletion::{DeletedRun, SweptFiles};
pub use error::{StoreError, limit_remedy};
pub use folder::StoreFolder;
pub use gate::GateStream;
pub use integrity::IntegrityReport;
pub use journal::{Batch, Record};
pub use maker::maker_here;
pub use past::Past;
pub use patience::{ForeignLock, Patience, while_opening};
pub use plans::{KeptPlan, LostPlan};
pub use projection::inputs_digest;
pub use retention::{Leaving, Need, Retention};
pub use rows::{ArtifactRow, FoundRun, ItemCounts, RunFilter, RunRow, StepRow, UsualDuration};
pub use savings::Saving;
pub use schema::FORMAT;
pub use status::{NotAStatus, RunStatus};
pub use steps::StepFilter;
pub use store::Store;
pub use verify::WrongRow;
pub use world::{NotAWorld, World};
pub use writer::Written;
