//! The test kit: pipelines tested without waiting, without tools and without spending.
//!
//! Every operation can be stood in for, with answers that are scripted; calls are counted and their
//! inputs kept. What is tested is the real thing: the same check, engine, driver and store.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
//! use motet::kit::Kit;
//!
//! let mut kit = Kit::new();
//! let picture = kit.image(640, 360);
//! let painter = kit.stand_in("local/scene").fails(2).then(picture);
//! let motet = kit.open().await?;
//! let film = motet.load_text(r#"
//! motet: 1
//! name: still
//! steps:
//!   still: { uses: local/scene, with: { prompt: a lighthouse }, retry: { attempts: 3, backoff: 1ms } }
//! outputs: { width: "{{ steps.still.image.width }}" }
//! "#)?;
//! let outputs = motet.start(&film, ()).await?.outputs().await?;
//! assert_eq!(outputs.to_json(), serde_json::json!({ "width": 640 }));
//! assert_eq!(painter.count(), 3);
//! assert_eq!(painter.calls()[0].inputs.get("prompt"), Some(&"a lighthouse".into()));
//! # Ok(()) }
//! ```

mod media;
mod stand_in;

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::contract::{Catalogue, Work};
use motet_pipeline::diagnostic::{Code, Diagnostic};
use motet_pipeline::suggestion::closest;
use motet_pipeline::{Contract, Timestamp};
use motet_store::Store;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::task::{Audio, Image, Media, Task, TaskContext, TaskError, Video};
use crate::world::{SharedWorld, live::LiveWorld};
use crate::{Error, Motet};

pub use stand_in::{Call, StandIn};

/// A store in memory with stand-ins for operations.
pub struct Kit {
    store: Store,
    world: SharedWorld,
    tasks: Vec<Task>,
    stand_ins: BTreeMap<String, StandIn>,
    /// How many pieces of media were made: each differs from the others.
    made: u8,
}

impl Default for Kit {
    fn default() -> Kit {
        Kit::new()
    }
}

impl Kit {
    /// A kit in real time.
    ///
    /// # Panics
    /// When a store in memory can't be made: there is no room for temporary files.
    pub fn new() -> Kit {
        Kit::in_world(Arc::new(LiveWorld::default()))
    }

    /// A kit in virtual time: a week of waiting passes at once, and the same `seed` always gives the
    /// same course of events. Use it inside [`crate::world::virtual_time::run`].
    ///
    /// # Panics
    /// As [`Kit::new`].
    #[cfg(feature = "simulation")]
    pub fn simulated(seed: u64) -> Kit {
        /// Some morning.
        const EPOCH: Timestamp = Timestamp(1_800_000_000_000);
        Kit::in_world(Arc::new(crate::world::virtual_time::VirtualWorld::new(EPOCH, seed)))
    }

    fn in_world(world: SharedWorld) -> Kit {
        let store = Store::in_memory().expect("there is room for temporary files");
        Kit { store, world, tasks: Vec::new(), stand_ins: BTreeMap::new(), made: 0 }
    }

    /// What time it is in the kit's world.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// Adds a task, as [`crate::Builder::task`] does.
    pub fn task<Input, Output, Closure, Performing>(&mut self, name: &str, closure: Closure)
    where
        Input: DeserializeOwned + JsonSchema + Send + 'static,
        Output: Serialize + JsonSchema + Send + 'static,
        Closure: Fn(TaskContext, Input) -> Performing + Send + Sync + 'static,
        Performing: Future<Output = Result<Output, TaskError>> + Send + 'static,
    {
        self.tasks.push(Task::new(name, closure));
    }

    /// Stands in for `operation`, whose contract stays but for the programs that it needs. What the
    /// engine does itself (`flow/*`, `data/*`) has no stand-in.
    pub fn stand_in(&mut self, operation: &str) -> StandIn {
        let stand_in = StandIn::new();
        self.stand_ins.insert(operation.to_owned(), stand_in.clone());
        stand_in
    }

    /// Stands in for an operation that isn't there yet.
    pub fn operation(&mut self, contract: Contract) -> StandIn {
        let stand_in = StandIn::new();
        self.tasks.push(Task::with_contract(contract, stand_in.clone()));
        stand_in
    }

    /// A picture of one shade, a real PNG.
    ///
    /// # Panics
    /// When it can't be kept.
    pub fn image(&mut self, width: u32, height: u32) -> Image {
        let artifact = media::image(width, height, self.shade());
        Image::try_from(self.keep(artifact)).expect("an image was made")
    }

    /// Silence, a real WAV of `seconds`.
    ///
    /// # Panics
    /// When it can't be kept.
    pub fn audio(&mut self, seconds: f64) -> Audio {
        let artifact = media::audio(seconds, self.shade());
        Audio::try_from(self.keep(artifact)).expect("a sound was made")
    }

    /// Something that has the measures of a silent video and the beginning of an MP4, and can't be
    /// played.
    ///
    /// # Panics
    /// When it can't be kept.
    pub fn video(&mut self, width: u32, height: u32, seconds: f64) -> Video {
        let artifact = media::video(width, height, seconds, self.shade());
        Video::try_from(self.keep(artifact)).expect("a video was made")
    }

    fn shade(&mut self) -> u8 {
        self.made = self.made.wrapping_add(1);
        self.made
    }

    fn keep(&self, made: media::Made) -> Media {
        let kept = self.store.put_bytes(&made.bytes).expect("a store in memory keeps what fits on the disk");
        debug_assert_eq!(kept.digest, made.artifact.digest);
        Media::from(made.artifact)
    }

    /// Opens the store with all that was prepared. A second time it is as after a restart: close the
    /// first one, and what is unfinished can be resumed.
    ///
    /// # Errors
    /// As [`crate::Builder::open`]; [`Error::Check`] when there is nothing to stand in for.
    pub async fn open(&self) -> Result<Motet, Error> {
        let mut builder = Motet::builder().world(self.world.clone()).shared_store(self.store.clone());
        for task in &self.tasks {
            builder = builder.add_task(task.clone());
        }
        let faults: Vec<_> =
            self.stand_ins.keys().filter_map(|name| fault(name, builder.catalogue())).collect();
        if !faults.is_empty() {
            return Err(Error::Check(faults));
        }
        for (operation, stand_in) in &self.stand_ins {
            builder = builder.stand_in(operation, stand_in.clone());
        }
        builder.open().await
    }
}

/// Why nothing can stand in for the operation `name`: a typing error would let the real one run.
fn fault(name: &str, catalogue: &Catalogue) -> Option<Diagnostic> {
    let fault = |message: String| Some(Diagnostic::of_file("test kit", Code::UnknownOperation, message));
    match catalogue.get(name) {
        Some(contract) if contract.work == Work::Engine => {
            fault(format!("{name} is done by the engine itself and can't be replaced"))
        }
        Some(_) => None,
        None => {
            let known = catalogue.iter().map(|contract| contract.operation.as_str());
            let meant = closest(name, known).map(|meant| format!("; did you mean `{meant}`?"));
            fault(format!("there is no operation `{name}` to stand in for{}", meant.unwrap_or_default()))
        }
    }
}
