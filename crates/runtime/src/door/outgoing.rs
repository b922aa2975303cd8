//! What a request carries: artifacts are read from the store while they are sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use motet_pipeline::Digest;
use motet_pipeline::failure::Phase;
use motet_providers::http::{Body, Piece};
use motet_store::Store;

use super::fault::{Cause, Fault};
use crate::world::{SharedWorld, wire};

/// So much of an artifact is read at once; a multiple of three, so that its base64 can be joined.
const CHUNK_BYTES: usize = 192 << 10;

/// Whether all artifacts of `body` are there as they were.
pub(super) fn check(body: &Body, store: &Store) -> Result<(), Fault> {
    let gone = |digest: &Digest| {
        let words = match store.length_of(digest) {
            Some(_) => format!("the bytes of {digest} aren't all in the store"),
            None => store.why_not_there(digest).what(),
        };
        Fault::refused(Cause::Unread, words)
    };
    body.pieces.iter().try_for_each(|piece| match piece {
        Piece::Bytes(_) => Ok(()),
        Piece::Artifact { digest, bytes } | Piece::ArtifactBase64 { digest, bytes } => {
            (store.length_of(digest) == Some(*bytes)).then_some(()).ok_or_else(|| gone(digest))
        }
    })
}

/// The body as it is sent. Of artifacts only a chunk is in memory.
pub(super) fn body(body: Body, store: Store, world: SharedWorld) -> wire::Body {
    let length = body.length();
    let reading = Arc::new((store, world));
    let pieces = stream::iter(body.pieces).flat_map(move |piece| match piece {
        Piece::Bytes(bytes) => stream::iter([Ok(Bytes::from(bytes))]).boxed(),
        Piece::Artifact { digest, .. } => artifact(digest, reading.clone(), Bytes::from),
        Piece::ArtifactBase64 { digest, .. } => {
            artifact(digest, reading.clone(), |chunk| STANDARD.encode(chunk).into())
        }
    });
    wire::Body { length, pieces: pieces.boxed() }
}

/// The chunks of an artifact, each as `written`.
fn artifact(
    digest: Digest,
    reading: Arc<(Store, SharedWorld)>,
    written: fn(Vec<u8>) -> Bytes,
) -> BoxStream<'static, io::Result<Bytes>> {
    let next = move |(file, digest): (Option<File>, Digest)| {
        let reading = reading.clone();
        async move {
            let (store, world) = &*reading;
            let store = store.clone();
            let chunk = beside(world, move || {
                let mut file = match file {
                    Some(file) => file,
                    None => {
                        store.open_artifact(&digest).map_err(|error| io::Error::other(error.to_string()))?
                    }
                };
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
                Ok((file, chunk))
            });
            match chunk.await {
                Ok((_, chunk)) if chunk.is_empty() => None,
                Ok((file, chunk)) => Some((Ok(written(chunk)), (Some(file), digest))),
                Err(error) => Some((Err(error), (None, digest))),
            }
        }
    };
    stream::unfold((None, digest), next).boxed()
}

/// Does `work`, which waits for a disk, beside the tasks.
pub(super) async fn beside<T: Send + 'static>(
    world: &SharedWorld,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (result, worked) = tokio::sync::oneshot::channel();
    // Whoever waits for it may have been dropped meanwhile.
    world.compute(Box::new(move || drop(result.send(work())))).await;
    worked.await.unwrap_or_else(|_| Err(io::Error::other("the work was dropped")))
}

/// A fault of a disk in the middle of a reply.
pub(super) fn disk_fault(error: &io::Error, place: &Path) -> Fault {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    match is_full {
        true => Fault::full(place),
        false => Fault::new(Phase::Body, Cause::Disk).because(error.to_string()),
    }
}
