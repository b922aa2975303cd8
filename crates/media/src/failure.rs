//! What ffmpeg and ffprobe say when they fail, as a failure of ours.

use motet_pipeline::{Class, Failure};

use crate::FFMPEG_VERSION_MIN;

/// Messages are cut to this many characters.
const MESSAGE_CHARACTERS_MAX: usize = 256;

/// What a phrase of ffmpeg means. The first that is found in the text holds.
const PHRASES: [(&str, Class, &str); 18] = [
    ("No space left on device", Class::Unavailable, "the disk is full; free some space and resume"),
    ("Disk quota exceeded", Class::Unavailable, "the disk quota is used up; free some space and resume"),
    ("Cannot allocate memory", Class::TooLarge, "the media needs more memory than there is"),
    ("moov atom not found", Class::Invalid, "truncated, or no video at all: it has no index (moov atom)"),
    (
        "image data not found",
        Class::Invalid,
        "an animated WebP, or a damaged one: this ffmpeg reads neither; give a still picture or a video",
    ),
    (
        "Invalid data found when processing input",
        Class::Invalid,
        "the file is damaged, or isn't what its name says",
    ),
    ("does not contain any stream", Class::Invalid, "no streams: the file has nothing to play"),
    ("Output file is empty", Class::Invalid, "zero length: nothing was left to write"),
    ("matches no streams", Class::Invalid, "the file lacks the pictures or the sound that are needed"),
    ("End of file", Class::Invalid, "truncated: the file ends too early"),
    ("Invalid NAL unit", Class::Invalid, "the pictures of the video are damaged"),
    ("Error while decoding", Class::Invalid, "the file is damaged: it can't be decoded"),
    ("Decode error rate", Class::Invalid, "the file is damaged: it can't be decoded"),
    ("Format not on whitelist", Class::Invalid, "the file is of a format that isn't opened"),
    ("not on whitelist", Class::Invalid, "the file refers to other places, which isn't allowed"),
    ("Decoder not found", Class::Invalid, "this ffmpeg can't decode the file"),
    (
        "Unknown encoder",
        Class::Unavailable,
        "this ffmpeg lacks an encoder that is needed; install a full build",
    ),
    ("Permission denied", Class::Unavailable, "the scratch folder can't be read or written"),
];

/// What ffmpeg says when it doesn't know what it is asked for.
const LACKS: [&str; 2] = ["Option not found", "No such filter"];

/// Reads the standard error of ffmpeg or ffprobe and its exit code (`None`: ended by a signal).
///
/// ```
/// use motet_media::failure;
/// let refusal = failure::read("[mov] moov atom not found\nin0.mp4: Invalid data found …", Some(1));
/// assert!(refusal.message.starts_with("truncated"));
/// ```
pub fn read(stderr: &str, exit: Option<i32>) -> Failure {
    if let Some((_, class, message)) = PHRASES.iter().find(|(phrase, ..)| stderr.contains(phrase)) {
        return Failure::new(*class, *message);
    }
    if stderr.contains("No such filter: 'zscale'") {
        return Failure::unavailable(
            "the video has high dynamic range (HLG or PQ), and this ffmpeg can't bring it to a usual screen: it was built \
             without zscale (libzimg); install a full build, or convert the video to SDR (BT.709)",
        );
    }
    if LACKS.iter().any(|phrase| stderr.contains(phrase)) {
        return Failure::unavailable(format!(
            "this ffmpeg is too old, or built without a part that is needed; install a full build of ffmpeg \
             {FFMPEG_VERSION_MIN} or newer (motet doctor shows what is installed)"
        ));
    }
    // A shell's 128 + signal, and ffmpeg's own 255 after a signal, mean the same as no code at all.
    if matches!(exit, None | Some(129..=255)) {
        return Failure::unavailable("ffmpeg was stopped before it was done, perhaps for lack of memory");
    }
    let said = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Failure::invalid(bounded(&format!("ffmpeg failed: {}", said.unwrap_or("it didn't say why"))))
}

/// Whether [`read`] found that there was no room for what a call wrote: no fault of the request, and
/// nothing that another try would mend.
pub fn is_disk_full(refusal: &Failure) -> bool {
    PHRASES[..2].iter().any(|(_, _, message)| refusal.message == *message)
}

/// Whether the standard error of a call that *succeeded* tells of a file that ended too early:
/// ffmpeg and ffprobe make do with what is there. Asked of ffprobe when media comes in.
///
/// ```
/// use motet_media::failure::truncated;
/// assert!(truncated("[matroska,webm @ 0x5] File ended prematurely").is_some());
/// assert!(truncated("deprecated pixel format used").is_none());
/// ```
pub fn truncated(stderr: &str) -> Option<Failure> {
    const PHRASES: [&str; 4] =
        ["File ended prematurely", "partial file", "chunk too big", "Truncated packet"];
    PHRASES
        .iter()
        .any(|phrase| stderr.contains(phrase))
        .then(|| Failure::invalid("truncated: the file ends too early"))
}

fn bounded(text: &str) -> String {
    let clean: String = text.chars().filter(|character| !character.is_control()).collect();
    match clean.char_indices().nth(MESSAGE_CHARACTERS_MAX - 1) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_has_its_class_and_a_message_for_people() {
        let table = [
            read(
                "[mov,mp4 @ 0x55] moov atom not found\nin0.mp4: Invalid data found when processing input",
                Some(1),
            ),
            read("in0.mp4: Invalid data found when processing input", Some(183)),
            read("av_interleaved_write_frame(): No space left on device", Some(1)),
            read("", None),
            read("Exiting normally, received signal 15.", Some(255)),
            read("Stream map '0:a' matches no streams.", Some(1)),
            read("[Parsed_amix_3 @ 0x5] Option 'normalize' not found\nOption not found", Some(1)),
            read("[AVFilterGraph @ 0x5] No such filter: 'subtitles'", Some(1)),
            read("[AVFilterGraph @ 0x5] No such filter: 'zscale'", Some(1)),
            read("[webp @ 0x5] image data not found\nInvalid data found when processing input", Some(1)),
            read("Error while decoding stream #0:0: Generic error in an external library", Some(69)),
            read("", Some(1)),
            read("first\nsecond \u{1b}[31mred\n\n", Some(1)),
        ];
        insta::assert_snapshot!(table.map(|failure| failure.to_string()).join("\n"));
    }

    #[test]
    fn a_dump_is_cut_to_a_message() {
        let refusal = read(&"é".repeat(100_000), Some(1));
        assert_eq!(refusal.message.chars().count(), MESSAGE_CHARACTERS_MAX);
    }
}
