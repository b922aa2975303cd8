//! Files: uploads and the outputs of jobs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Sim;
use crate::http::{Answer, Body};
use crate::job::{Job, Phase};
use crate::media::{Format, Mark, Media, find_mark, measure};
use crate::scenario::{Fault, Provider};
use crate::sim::Kept;
use crate::work::Known;

/// How many bytes of uploads are kept. Beyond that, the oldest are removed.
const FILES_BYTES_MAX: usize = 256 << 20;

/// An upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) id: String,
    pub(crate) provider: Provider,
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) created: Timestamp,
    pub(crate) metadata: serde_json::Value,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub(crate) content: Bytes,
}

fn to_base64<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map(Bytes::from).map_err(serde::de::Error::custom)
}

impl Sim {
    /// Stores an upload.
    pub(crate) fn store(&mut self, file: File) {
        let new = file.content.len();
        let mut oldest: Vec<(Timestamp, String, usize)> =
            self.files().map(|file| (file.created, file.id.clone(), file.content.len())).collect();
        oldest.sort();
        let mut all: usize = new + oldest.iter().map(|(_, _, bytes)| bytes).sum::<usize>();
        for (_, id, bytes) in oldest {
            if all <= FILES_BYTES_MAX {
                break;
            }
            all -= bytes;
            self.apply(Kept::FileGone(id));
        }
        self.apply(Kept::File(Box::new(file)));
    }

    /// What is known about a file that an input refers to: an output, an upload, or a data URI.
    pub(crate) fn look(&self, url: &str) -> Option<Known> {
        if let Some(data) = url.strip_prefix("data:") {
            let (_, text) = data.split_once(";base64,")?;
            return self.look_into(&STANDARD.decode(text).ok()?);
        }
        let (provider, _, path) = self.bases().locate(url)?;
        let path = path.split('?').next().unwrap_or_default();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        segments.find_map(|segment| {
            if let Some(file) = self.file(segment) {
                return self.look_into(&file.content);
            }
            let job = self.find(provider, None, segment)?;
            Some(Known { media: job.media.first()?.clone(), text: self.spoken_in(job) })
        })
    }

    /// What is known about a file from its bytes.
    pub(crate) fn look_into(&self, bytes: &[u8]) -> Option<Known> {
        let made = find_mark(bytes).and_then(|id| {
            let job = Provider::ALL.into_iter().find_map(|provider| self.find(provider, None, &id))?;
            self.spoken_in(job)
        });
        Some(Known { media: measure(bytes)?, text: made })
    }

    fn spoken_in(&self, job: &Job) -> Option<String> {
        let text = ["text", "prompt"].iter().find_map(|name| job.input[*name].as_str())?;
        let is_sound = job.media.first().is_some_and(|media| media.sound && media.width == 0);
        is_sound.then(|| text.to_owned())
    }

    /// The number in the URL of output `at` of a job: another one once it has moved.
    pub(crate) fn number_of_output(&self, job: &Job, at: usize) -> usize {
        if self.has_moved(job.number, at) { at + job.media.len() } else { at }
    }

    /// Downloads the output of a job whose URL has this number.
    pub(crate) fn output(&mut self, job: u64, number: usize, now: Timestamp) -> Option<Answer> {
        let job = self.job(job).clone();
        let at = number % job.media.len().max(1);
        let media = job.media.get(at)?;
        if job.phase(now) != Phase::Succeeded || job.has(Fault::UrlExpired) {
            return None;
        }
        if job.has(Fault::UrlMoved) && number < job.media.len() {
            self.move_output(job.number, at);
            return None;
        }
        Some(self.file_answer(&job, at, media))
    }

    /// The bytes of an output, with the job's media faults.
    pub(crate) fn file_answer(&mut self, job: &Job, at: usize, media: &Media) -> Answer {
        let bytes = media.bytes(&Mark::of(&job.id));
        let answer = Answer::new(200, media.format.mime(), Bytes::new());
        if job.has(Fault::MediaWrong) {
            return answer.saying(Body::Whole(self.wrong_bytes(job, media)));
        }
        if !job.has(Fault::MediaTruncated) {
            return answer.saying(Body::Whole(bytes));
        }
        let half = bytes.slice(..bytes.len() / 2);
        if self.chance().share("truncated", job.number) < 0.5 {
            // The stored file itself is truncated, so every download is.
            return answer.saying(Body::Whole(half));
        }
        if self.break_off(job.number, at) {
            return answer.saying(Body::Cut { bytes: half, announced: bytes.len() as u64 });
        }
        answer.saying(Body::Whole(bytes))
    }

    fn wrong_bytes(&self, job: &Job, media: &Media) -> Bytes {
        let is_picture = matches!(media.format, Format::Png | Format::Jpeg | Format::Webp);
        if is_picture || self.chance().share("wrong", job.number) < 0.5 {
            return Bytes::from_static(
                b"<html><body><h1>Service temporarily unavailable</h1></body></html>\n",
            );
        }
        Media::picture(Format::Png, 64, 64, 0).bytes(&Mark::of(&job.id))
    }
}
