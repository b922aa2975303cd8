//! Bodies of requests: bytes, and artifacts that are read from the store while they are sent.

use std::fmt;

use motet_pipeline::{Artifact, Digest};

/// What a request carries, in pieces that are joined when it is sent. No artifact is held in memory for it.
///
/// ```
/// use motet_providers::http::Body;
/// let body = Body::bytes("application/json", *br#"{"input":{}}"#);
/// assert_eq!(body.length(), 12);
/// assert_ne!(body.digest(), Body::default().digest());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
    /// The media type, for the header `content-type`; `None` only where there is no body.
    pub content_type: Option<String>,
}

/// A piece of a body.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of an artifact.
    Artifact {
        /// Names them.
        digest: Digest,
        /// How many they are.
        bytes: u64,
    },
    /// The bytes of an artifact in base64 (RFC 4648 §4, padded).
    ArtifactBase64 {
        /// Names them.
        digest: Digest,
        /// How many they are before they are encoded.
        bytes: u64,
    },
}

impl Body {
    /// A body of these bytes.
    pub fn bytes(content_type: &str, bytes: impl Into<Vec<u8>>) -> Body {
        Body { pieces: vec![Piece::Bytes(bytes.into())], content_type: Some(content_type.to_owned()) }
    }

    /// A body of these pieces.
    pub fn of(content_type: &str, pieces: Vec<Piece>) -> Body {
        Body { pieces, content_type: Some(content_type.to_owned()) }
    }

    /// How many bytes are sent.
    pub fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).fold(0, u64::saturating_add)
    }

    /// Names exactly what is sent, without reading an artifact: equal digests mean equal bytes. It isn't the digest
    /// of the bytes, because artifacts are told by theirs.
    pub fn digest(&self) -> Digest {
        let mut told = self.content_type.clone().unwrap_or_default().into_bytes();
        for piece in &self.pieces {
            let (kind, name) = match piece {
                Piece::Bytes(bytes) => (b'b', Digest::of(bytes)),
                Piece::Artifact { digest, .. } => (b'a', *digest),
                Piece::ArtifactBase64 { digest, .. } => (b'6', *digest),
            };
            told.push(kind);
            told.extend(name.as_bytes());
        }
        Digest::of(&told)
    }
}

impl Piece {
    /// The bytes of `artifact`.
    pub fn artifact(artifact: &Artifact) -> Piece {
        Piece::Artifact { digest: artifact.digest, bytes: artifact.bytes }
    }

    /// The bytes of `artifact`, in base64.
    pub fn base64(artifact: &Artifact) -> Piece {
        Piece::ArtifactBase64 { digest: artifact.digest, bytes: artifact.bytes }
    }

    /// How many bytes are sent.
    pub fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Artifact { bytes, .. } => *bytes,
            Piece::ArtifactBase64 { bytes, .. } => bytes.div_ceil(3).saturating_mul(4),
        }
    }
}

/// Shows no bytes: they may be what users sent.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("content_type", &self.content_type)
            .field("pieces", &self.pieces)
            .finish()
    }
}

/// Shows no bytes: they may be what users sent.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Piece::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Piece::Artifact { digest, .. } => write!(f, "{digest:?}"),
            Piece::ArtifactBase64 { digest, .. } => write!(f, "{digest:?} in base64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_knows_its_length_without_reading_an_artifact() {
        let digest = Digest::of(b"four");
        let encoded = [0, 1, 2, 3, 4, 5].map(|bytes| Piece::ArtifactBase64 { digest, bytes }.length());
        assert_eq!(encoded, [0, 4, 4, 4, 8, 8]);
        let pieces = vec![Piece::Bytes(b"ab".to_vec()), Piece::Artifact { digest, bytes: u64::MAX }];
        assert_eq!(Body::of("x/y", pieces).length(), u64::MAX);
    }

    #[test]
    fn a_digest_tells_an_artifact_from_its_base64_and_from_its_digest_as_bytes() {
        let digest = Digest::of(b"four");
        let of = |piece| Body::of("x/y", vec![piece]).digest();
        let all = [
            of(Piece::Artifact { digest, bytes: 4 }),
            of(Piece::ArtifactBase64 { digest, bytes: 4 }),
            of(Piece::Bytes(b"four".to_vec())),
            of(Piece::Bytes(digest.as_bytes().to_vec())),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
