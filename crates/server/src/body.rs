//! Bodies, read within bounds.

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::room::{BODY_BYTES_MAX, BODY_TIME_MAX, Part};

/// Why a body isn't read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than any that is taken.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
    /// It takes too long.
    TooSlow,
    /// The client broke off.
    Broken,
}

/// The body, for which `room` is taken as it comes.
pub async fn read(body: Incoming, room: &mut Part<'_>) -> Result<Vec<u8>, Unread> {
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(Unread::TooLarge);
    }
    let reading = tokio::time::timeout(BODY_TIME_MAX, read_all(body, room));
    reading.await.unwrap_or(Err(Unread::TooSlow))
}

async fn read_all(mut body: Incoming, room: &mut Part<'_>) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if bytes.len() + piece.len() > BODY_BYTES_MAX {
            return Err(Unread::TooLarge);
        }
        if !room.take(piece.len()) {
            return Err(Unread::NoRoom);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
