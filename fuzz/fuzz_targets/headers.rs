//! Headers of media: MP4, WebM, WAV, Ogg, MP3, AAC, FLAC and pictures, each by what the bytes seem to be.
#![no_main]

#[path = "../../crates/media/tests/headers/counted.rs"]
mod counted;

libfuzzer_sys::fuzz_target!(|data: &[u8]| counted::read_counted(data));
