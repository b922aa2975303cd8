//! Media as typed values: what tasks take and give, and what typed outputs hold.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use motet_pipeline::{Artifact, MediaKind, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Media of one kind was wanted, and another was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {wanted}, found {found}")]
pub struct WrongKind {
    /// What is wanted.
    pub wanted: MediaKind,
    /// What it is.
    pub found: MediaKind,
}

macro_rules! media {
    ($(#[$attribute:meta])* $name:ident, $schema:tt) => {
        $(#[$attribute])*
        #[derive(Clone, PartialEq)]
        pub struct $name(Artifact);

        impl Deref for $name {
            type Target = Artifact;

            fn deref(&self) -> &Artifact {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, {} bytes, {})", stringify!($name), self.mime, self.bytes, self.digest)
            }
        }

        impl From<$name> for Artifact {
            fn from(media: $name) -> Artifact {
                media.0
            }
        }

        impl From<$name> for Value {
            fn from(media: $name) -> Value {
                Value::from(media.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            /// The media types of the language, which are types beside those of JSON Schema.
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": $schema })
            }
        }
    };
}

macro_rules! media_of_kind {
    ($(#[$attribute:meta])* $name:ident, $kind:ident, $schema:tt) => {
        media!($(#[$attribute])* $name, $schema);

        impl TryFrom<Artifact> for $name {
            type Error = WrongKind;

            fn try_from(artifact: Artifact) -> Result<$name, WrongKind> {
                match artifact.kind {
                    MediaKind::$kind => Ok($name(artifact)),
                    found => Err(WrongKind { wanted: MediaKind::$kind, found }),
                }
            }
        }

        impl TryFrom<Media> for $name {
            type Error = WrongKind;

            fn try_from(media: Media) -> Result<$name, WrongKind> {
                $name::try_from(media.0)
            }
        }

        impl From<$name> for Media {
            fn from(media: $name) -> Media {
                Media(media.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                $name::try_from(Artifact::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

media!(
    /// A kept piece of media of any kind. It can be asked for its measures as an [`Artifact`].
    Media,
    ["image", "video", "audio", "file"]
);
media_of_kind!(
    /// A kept still picture.
    Image,
    Image,
    "image"
);
media_of_kind!(
    /// Kept moving pictures, with or without sound.
    Video,
    Video,
    "video"
);
media_of_kind!(
    /// Kept sound.
    Audio,
    Audio,
    "audio"
);

impl From<Artifact> for Media {
    fn from(artifact: Artifact) -> Media {
        Media(artifact)
    }
}

impl<'de> Deserialize<'de> for Media {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Media, D::Error> {
        Artifact::deserialize(deserializer).map(Media)
    }
}
