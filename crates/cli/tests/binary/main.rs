//! The binary as its users meet it: real processes, real ffmpeg and espeak-ng.

mod bad_input;
mod hostile_text;
mod project;
mod signals;
mod transcripts;
mod two_processes;
