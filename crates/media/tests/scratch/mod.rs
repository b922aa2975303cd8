//! Performs recipes for real, in a temporary folder, and measures what comes out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use motet_media::probe::Probed;
use motet_media::tracks::{self, Known, Tracks};
use motet_media::{Output, Recipe, failure, header, loudness, plan, probe, sniff};
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Digest, MediaKind, Value};

/// A folder with sources and results, removed at the end of the test.
pub struct Scratch {
    folder: tempfile::TempDir,
}

/// Named inputs of an operation.
pub fn with<const N: usize>(entries: [(&str, Value); N]) -> Map {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a source file with ffmpeg's own generators and measures it.
    pub fn source(&self, name: &str, arguments: &str) -> Value {
        self.make_source(name, arguments);
        self.measure(name)
    }

    /// Makes a source file with ffmpeg's own generators.
    pub fn make_source(&self, name: &str, arguments: &str) {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y"])
            .args(arguments.split_whitespace())
            .arg(self.path(name))
            .output()
            .expect("ffmpeg is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A file of these bytes.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).expect("the folder can be written");
        self.path(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("the file is there")
    }

    /// What ffprobe says of a file.
    pub fn probe(&self, name: &str) -> Result<Probed, motet_pipeline::Failure> {
        let told = self.told("ffprobe", probe::arguments(self.path(name).to_str().expect("a plain name")))?;
        probe::read(&told)
    }

    /// How a file is measured when it comes in: by its header, by what ffprobe says, or by playing it.
    pub fn measured(&self, name: &str) -> Result<Probed, motet_pipeline::Failure> {
        let bytes = self.read(name);
        let mime = sniff::sniff(&bytes).map_or("", |sniffed| sniffed.mime);
        match header::read(&mut bytes.as_slice(), mime) {
            Ok(probed) => return Ok(probed),
            Err(header::Unread::Refused(refusal)) => return Err(refusal),
            Err(_) => {}
        }
        let told = self.told("ffprobe", probe::arguments(self.path(name).to_str().expect("a plain name")))?;
        let reported = probe::report(&told)?;
        if reported.is_exact {
            return Ok(reported.probed);
        }
        let played = self.told("ffmpeg", probe::playing(self.path(name).to_str().expect("a plain name")))?;
        reported.probed.that_plays(probe::played(&played).unwrap_or_default())
    }

    /// What a program writes, or what it complains about.
    fn told(&self, program: &str, arguments: Vec<String>) -> Result<Vec<u8>, motet_pipeline::Failure> {
        let output = Command::new(program).args(arguments).output().expect("it is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(failure::read(&said, output.status.code()));
        }
        failure::truncated(&said).map_or(Ok(output.stdout), Err)
    }

    /// The file as an artifact, measured.
    pub fn measure(&self, name: &str) -> Value {
        let bytes = self.read(name);
        let probed = self.measured(name).expect("the source is sound");
        let sniffed = sniff::sniff(&bytes).expect("the source is of a known kind");
        let mime = if probed.kind == MediaKind::Audio && sniffed.mime == "video/mp4" {
            "audio/mp4"
        } else {
            sniffed.mime
        };
        Value::from(Artifact {
            digest: Digest::of(&bytes),
            kind: probed.kind,
            mime: mime.to_owned(),
            bytes: bytes.len() as u64,
            width: probed.width,
            height: probed.height,
            duration: probed.duration,
            fps: probed.fps,
            has_audio: probed.has_audio,
        })
    }

    /// How long the sound of a file is when it is decoded, in seconds.
    pub fn decoded(&self, name: &str) -> f64 {
        const RATE: f64 = 44_100.0;
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-i"])
            .arg(self.path(name))
            .args(["-ac", "1", "-ar", "44100", "-f", "s16le", "-"])
            .output()
            .expect("ffmpeg is installed");
        output.stdout.len() as f64 / 2.0 / RATE
    }

    /// Plans and performs an operation; gives the name of the file of `output`.
    pub fn make(&self, operation: &str, output: &str, inputs: Map) -> String {
        let recipe =
            plan(operation, &inputs, &self.know(&inputs)).unwrap_or_else(|refusal| panic!("{refusal}"));
        self.perform(&recipe).unwrap_or_else(|refusal| panic!("{refusal}"));
        let Output::File { name } = &recipe.outputs[output] else { panic!("{output} is a value") };
        let bytes = self.read(name);
        let kept = format!("{}-{name}", Digest::of(&bytes).short());
        self.write(&kept, &bytes);
        kept
    }

    fn know(&self, inputs: &Map) -> Known {
        let mut known = Known::new();
        for artifact in tracks::to_be_known(inputs) {
            let bytes = self.bytes_of(&artifact);
            if tracks::is_text(&artifact) {
                known.add_text(artifact.digest, String::from_utf8(bytes).expect("it is text"));
                continue;
            }
            let path = self.write("look", &bytes);
            let output = Command::new("ffprobe")
                .args(tracks::arguments(path.to_str().expect("temporary folders have plain names")))
                .output()
                .expect("ffprobe is installed");
            known
                .add_tracks(artifact.digest, Tracks::read(&output.stdout).expect("ffprobe tells the tracks"));
        }
        known
    }

    fn perform(&self, recipe: &Recipe) -> Result<(), motet_pipeline::Failure> {
        for (name, artifact) in &recipe.inputs {
            self.write(name, &self.bytes_of(artifact));
        }
        for (name, bytes) in &recipe.files {
            self.write(name, bytes);
        }
        let mut gain = None;
        for call in &recipe.calls {
            let call = match gain {
                Some(gain) => loudness::with_gain(call.clone(), gain),
                None => call.clone(),
            };
            let output = Command::new("ffmpeg")
                .args(&call.arguments)
                .current_dir(self.folder.path())
                .output()
                .expect("the program is installed");
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                println!("{text}\n{:?}", call.arguments);
                return Err(failure::read(&text, output.status.code()));
            }
            if let Some(listens) = &call.listens {
                gain = listens.hear(&String::from_utf8_lossy(&output.stderr))?.or(gain);
            }
        }
        Ok(())
    }

    fn bytes_of(&self, artifact: &Arc<Artifact>) -> Vec<u8> {
        std::fs::read_dir(self.folder.path())
            .expect("the folder is there")
            .filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
            .find(|bytes| Digest::of(bytes) == artifact.digest)
            .expect("the source was made in this folder")
    }

    /// The lengths of pictures and sound in seconds, counted in packets and not read from headers.
    pub fn lengths(&self, name: &str) -> (f64, f64) {
        (self.end_of(name, "v:0"), self.end_of(name, "a:0"))
    }

    fn end_of(&self, name: &str, stream: &str) -> f64 {
        let output = Command::new("ffprobe")
            .args(["-loglevel", "error", "-select_streams", stream, "-of", "csv=p=0"])
            .args(["-show_entries", "packet=pts_time,duration_time"])
            .arg(self.path(name))
            .output()
            .expect("ffprobe is installed");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| {
                let mut numbers = line.split(',').map(|number| number.parse::<f64>().ok());
                Some(numbers.next()?? + numbers.next()??)
            })
            .fold(0.0, f64::max)
    }

    /// The mean level of the sound between `start` and `start + length`, in dB.
    pub fn level(&self, name: &str, start: f64, length: f64) -> f64 {
        self.level_through("anull", name, start, length)
    }

    /// The same of what lies below `hertz`.
    pub fn level_below(&self, name: &str, hertz: u32, start: f64, length: f64) -> f64 {
        let low = format!("lowpass=f={hertz},lowpass=f={hertz},lowpass=f={hertz}");
        self.level_through(&low, name, start, length)
    }

    /// What ffprobe says of `entries`, one value a line.
    pub fn entries(&self, name: &str, entries: &str) -> Vec<String> {
        let output = Command::new("ffprobe")
            .args(["-loglevel", "error", "-of", "default=nk=1:nw=1", "-show_entries", entries])
            .arg(self.path(name))
            .output()
            .expect("ffprobe is installed");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// A text as an artifact.
    pub fn text(&self, name: &str, mime: &str, text: &str) -> Value {
        self.write(name, text.as_bytes());
        Value::from(Artifact {
            digest: Digest::of(text.as_bytes()),
            kind: MediaKind::File,
            mime: mime.to_owned(),
            bytes: text.len() as u64,
            width: None,
            height: None,
            duration: None,
            fps: None,
            has_audio: None,
        })
    }

    /// Why an operation that can be planned isn't done.
    pub fn refusal(&self, operation: &str, inputs: Map) -> motet_pipeline::Failure {
        let recipe =
            plan(operation, &inputs, &self.know(&inputs)).unwrap_or_else(|refusal| panic!("{refusal}"));
        self.perform(&recipe).expect_err("it is refused")
    }

    /// What ffmpeg makes of a file in another format.
    pub fn converted(&self, name: &str, format: &str) -> String {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-i"])
            .arg(self.path(name))
            .args(["-f", format, "-"])
            .output()
            .expect("ffmpeg is installed");
        String::from_utf8(output.stdout).expect("it is text")
    }

    /// A digest of the pictures of a file as they are kept.
    pub fn pictures(&self, name: &str) -> Vec<u8> {
        self.tracks_digest(name, "0:v:0")
    }

    /// A digest of one track of a file as it is kept.
    pub fn tracks_digest(&self, name: &str, track: &str) -> Vec<u8> {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-i"])
            .arg(self.path(name))
            .args(["-map", track, "-c", "copy", "-f", "md5", "-"])
            .output()
            .expect("ffmpeg is installed");
        output.stdout
    }

    /// Plans and performs an operation; gives the names of its files and its other values.
    pub fn make_all(&self, operation: &str, inputs: Map) -> BTreeMap<String, Value> {
        let recipe =
            plan(operation, &inputs, &self.know(&inputs)).unwrap_or_else(|refusal| panic!("{refusal}"));
        self.perform(&recipe).unwrap_or_else(|refusal| panic!("{refusal}"));
        let value = |output: &Output| match output {
            Output::File { name } => Value::from(name.as_str()),
            Output::Value(value) => value.clone(),
        };
        recipe.outputs.iter().map(|(name, output)| (name.clone(), value(output))).collect()
    }

    /// How much alike the pictures of two videos are, from 0 to 1, as ffmpeg's filter `ssim` measures it.
    pub fn ssim(&self, one: &str, other: &str) -> f64 {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-i"])
            .arg(self.path(one))
            .arg("-i")
            .arg(self.path(other))
            .args(["-lavfi", "[0:v][1:v]ssim", "-f", "null", "-"])
            .output()
            .expect("ffmpeg is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        let likeness = said.split("All:").nth(1).and_then(|rest| rest.split_whitespace().next());
        likeness.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{said}"))
    }

    /// The loudness of a sound in LUFS.
    pub fn loudness(&self, name: &str) -> f64 {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-i"])
            .arg(self.path(name))
            .args(["-vn", "-af", "ebur128", "-f", "null", "-"])
            .output()
            .expect("ffmpeg is installed");
        -loudness::gain(&String::from_utf8_lossy(&output.stderr), 0.0).expect("ffmpeg tells it")
    }

    fn level_through(&self, filter: &str, name: &str, start: f64, length: f64) -> f64 {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-i"])
            .arg(self.path(name))
            .args([
                "-vn",
                "-af",
                &format!("{filter},atrim=start={start}:duration={length},volumedetect"),
                "-f",
                "null",
                "-",
            ])
            .output()
            .expect("ffmpeg is installed");
        let text = String::from_utf8_lossy(&output.stderr);
        let level = text.split("mean_volume: ").nth(1).and_then(|rest| rest.split(' ').next());
        level.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no level in {text}"))
    }

    /// The picture at `at` seconds as rows of grey values, `width` × `height`.
    pub fn picture(&self, name: &str, at: f64, width: usize, height: usize) -> Vec<[u8; 3]> {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-ss", &at.to_string(), "-i"])
            .arg(self.path(name))
            // Colours first: to few pixels ffmpeg scales video inexactly.
            .args(["-frames:v", "1", "-vf"])
            .arg(format!(
                "scale=flags=accurate_rnd+full_chroma_int,format=rgb24,scale={width}:{height}:flags=area"
            ))
            .args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
            .output()
            .expect("ffmpeg is installed");
        assert_eq!(output.stdout.len(), width * height * 3, "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout.chunks(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    }
}
