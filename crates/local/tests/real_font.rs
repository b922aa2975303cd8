//! Titles, set in a font of this machine.

use std::path::{Path, PathBuf};

use motet_local::scene::Scene;
use motet_pipeline::{Class, Failure, Value, value::Map};

/// A font with Latin letters; the tests need one (apt install fonts-dejavu-core).
fn font() -> Vec<u8> {
    let folders = [
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "/System/Library/Fonts/Supplemental",
        "/Library/Fonts",
    ];
    let wanted = ["DejaVuSans-Bold.ttf", "DejaVuSans.ttf", "Arial.ttf"];
    let found = folders.iter().find_map(|folder| find(Path::new(folder), &wanted));
    std::fs::read(found.expect("there is a font: apt install fonts-dejavu-core")).unwrap()
}

fn find(folder: &Path, wanted: &[&str]) -> Option<PathBuf> {
    let entries: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let named =
        |path: &&PathBuf| path.file_name().is_some_and(|name| wanted.iter().any(|wanted| name == *wanted));
    let here = entries.iter().find(named).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path, wanted)))
}

fn paint(title: &str, position: &str, width: i64, height: i64) -> Result<Vec<u8>, Failure> {
    let inputs = Map::from([
        ("prompt".to_owned(), Value::from("a lake at noon")),
        ("title".to_owned(), title.into()),
        ("title_position".to_owned(), position.into()),
        ("width".to_owned(), width.into()),
        ("height".to_owned(), height.into()),
    ]);
    let file = Scene::from_inputs(&inputs)?.paint(Some(&font()))?;
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    Ok(bytes)
}

/// Of each third of the rows, how many bytes the title changed.
fn changed(title: &str, position: &str) -> [usize; 3] {
    let (plain, titled) = (paint("", position, 320, 180).unwrap(), paint(title, position, 320, 180).unwrap());
    let third = plain.len() / 3;
    [0, 1, 2].map(|index| {
        let rows = index * third..(index + 1) * third;
        plain[rows.clone()].iter().zip(&titled[rows]).filter(|(a, b)| a != b).count()
    })
}

#[test]
fn a_title_stands_where_it_is_wished() {
    for (position, index) in [("top", 0), ("center", 1), ("bottom", 2)] {
        let changed = changed("Ten Tales", position);
        assert!(changed[index] > 5_000, "{position}: {changed:?}");
        assert_eq!(changed.iter().max(), Some(&changed[index]), "{position}: {changed:?}");
    }
    assert!(changed("Ten Tales", "auto").iter().sum::<usize>() > 5_000);
}

#[test]
fn a_title_is_light_with_a_dark_rim() {
    let (plain, titled) = (paint("", "top", 320, 180).unwrap(), paint("WWW", "top", 320, 180).unwrap());
    let pairs: Vec<(i32, i32)> =
        plain.iter().zip(&titled).map(|(a, b)| (i32::from(*a), i32::from(*b))).collect();
    assert!(pairs.iter().filter(|(_, after)| *after >= 245).count() > 500, "letters are nearly white");
    assert!(
        pairs.iter().filter(|(before, after)| after + 20 < *before).count() > 500,
        "a shadow is around them"
    );
}

#[test]
fn long_titles_wrap_and_endless_ones_are_refused() {
    paint("The long and winding history of the lighthouses of the northern coast", "top", 320, 180).unwrap();
    paint("Wrapped in a tall picture", "center", 180, 320).unwrap();
    let refusal = paint(&"word ".repeat(40), "top", 64, 64).unwrap_err();
    assert_eq!(refusal.class, Class::Invalid);
    assert_eq!(refusal.message, "`title` with 199 characters doesn't fit a picture of 64 × 64 pixels");
}

#[test]
fn a_character_without_a_glyph_is_named() {
    let refusal = paint("Hello \u{10ffff}", "top", 320, 180).unwrap_err();
    assert_eq!(refusal.message, "`title` has '\\u{10ffff}', for which the font has no glyph");
}

#[test]
fn a_script_that_would_come_out_garbled_is_refused() {
    let refusal = paint("مرحبا", "top", 320, 180).unwrap_err();
    assert!(refusal.message.contains("media/captions can write it"), "{refusal}");
    paint("Ελλάδα, Україна", "top", 640, 360).unwrap();
}
