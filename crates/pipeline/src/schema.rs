//! The published JSON Schema of the file format.
