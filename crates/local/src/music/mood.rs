//! Moods, and what each means for the music.

/// A mood that a bed can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Calm,
    Warm,
    Bright,
    Dark,
    Tense,
    Hopeful,
    Playful,
}

/// What a mood means for the music.
#[derive(Clone, Copy, Debug)]
pub(super) struct Character {
    /// The length of a bar, in seconds.
    pub bar: f32,
    /// The steps of the scale, in semitones above its root.
    pub scale: [i32; 7],
    /// Two progressions, as steps of the scale on which chords stand.
    pub progressions: [[usize; 4]; 2],
    /// The root: a MIDI note that is moved by up to four semitones.
    pub root: i32,
    /// How bright the chords sound, 0 to 1.
    pub brightness: f32,
    /// How many of the eight places of a bar have a plucked note, 0 to 1.
    pub plucks: f32,
    /// The octave of plucked notes above the chords.
    pub pluck_octave: i32,
    /// How long the room rings, 0 to 1.
    pub space: f32,
    /// Whether the bass beats on each quarter.
    pub pulse: bool,
}

impl Mood {
    /// All moods.
    pub const ALL: [Mood; 7] =
        [Mood::Calm, Mood::Warm, Mood::Bright, Mood::Dark, Mood::Tense, Mood::Hopeful, Mood::Playful];

    /// The mood's word.
    pub fn word(self) -> &'static str {
        match self {
            Mood::Calm => "calm",
            Mood::Warm => "warm",
            Mood::Bright => "bright",
            Mood::Dark => "dark",
            Mood::Tense => "tense",
            Mood::Hopeful => "hopeful",
            Mood::Playful => "playful",
        }
    }

    /// The mood of this very name.
    pub fn named(word: &str) -> Option<Mood> {
        Mood::ALL.into_iter().find(|mood| word.trim().eq_ignore_ascii_case(mood.word()))
    }

    /// The mood that most words of `text` suggest; the first of equals.
    pub fn suggested(text: &str) -> Option<Mood> {
        let text = text.to_lowercase();
        let words: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
        let votes = |mood: Mood| words.iter().filter(|word| suggests(word, mood)).count();
        let best = Mood::ALL.into_iter().rev().max_by_key(|mood| votes(*mood))?;
        (votes(best) > 0).then_some(best)
    }

    /// What it means for the music.
    pub fn character(self) -> Character {
        const MAJOR: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
        const LYDIAN: [i32; 7] = [0, 2, 4, 6, 7, 9, 11];
        const MINOR: [i32; 7] = [0, 2, 3, 5, 7, 8, 10];
        const PHRYGIAN: [i32; 7] = [0, 1, 3, 5, 7, 8, 10];
        const MIXOLYDIAN: [i32; 7] = [0, 2, 4, 5, 7, 9, 10];
        let calm = Character {
            bar: 4.8,
            scale: MAJOR,
            progressions: [[0, 4, 5, 3], [0, 3, 5, 3]],
            root: 50,
            brightness: 0.35,
            plucks: 0.2,
            pluck_octave: 1,
            space: 0.8,
            pulse: false,
        };
        match self {
            Mood::Calm => calm,
            Mood::Warm => Character {
                bar: 4.0,
                progressions: [[0, 5, 3, 4], [3, 0, 1, 4]],
                root: 48,
                brightness: 0.42,
                plucks: 0.26,
                space: 0.6,
                ..calm
            },
            Mood::Bright => Character {
                bar: 3.0,
                scale: LYDIAN,
                progressions: [[0, 4, 1, 4], [0, 1, 4, 0]],
                root: 53,
                brightness: 0.7,
                plucks: 0.5,
                ..calm
            },
            Mood::Dark => Character {
                bar: 5.2,
                scale: MINOR,
                progressions: [[0, 5, 3, 4], [0, 3, 5, 0]],
                root: 45,
                brightness: 0.2,
                plucks: 0.13,
                pluck_octave: 0,
                space: 0.9,
                ..calm
            },
            Mood::Tense => Character {
                bar: 3.6,
                scale: PHRYGIAN,
                progressions: [[0, 1, 0, 6], [0, 5, 1, 0]],
                root: 46,
                brightness: 0.4,
                plucks: 0.22,
                pluck_octave: 0,
                space: 0.7,
                pulse: true,
            },
            Mood::Hopeful => Character {
                bar: 3.6,
                progressions: [[5, 3, 0, 4], [3, 4, 5, 0]],
                root: 50,
                brightness: 0.52,
                plucks: 0.38,
                ..calm
            },
            Mood::Playful => Character {
                bar: 2.4,
                scale: MIXOLYDIAN,
                progressions: [[0, 3, 0, 4], [0, 6, 3, 0]],
                root: 52,
                brightness: 0.55,
                plucks: 0.62,
                space: 0.4,
                pulse: true,
                ..calm
            },
        }
    }
}

fn suggests(word: &str, mood: Mood) -> bool {
    let stems = match mood {
        Mood::Calm => {
            "calm peace* quiet* gentle relax* ambient soft* serene tranquil* slow sleep* meditat* lake sea ocean still"
        }
        Mood::Warm => {
            "warm* cosy cozy home* love* romantic tender nostalg* memor* autumn family friend* acoustic"
        }
        Mood::Bright => {
            "bright* sunny happy joy* cheer* summer upbeat energ* morning light shiny fresh spring"
        }
        Mood::Dark => {
            "dark* night* sad* melanchol* sorrow* grief mourn* lonely winter gloom* somber sombre deep noir"
        }
        Mood::Tense => {
            "tense* tension suspens* dramatic danger* thrill* urgent mystery mysterious crime storm* fear* eerie action"
        }
        Mood::Hopeful => {
            "hope* inspir* uplift* dream* rise rising future dawn sunrise triumph* epic journey begin* corporate motivat*"
        }
        Mood::Playful => {
            "play* fun funny quirky child* kids curious whimsical comic bouncy silly jolly dance*"
        }
    };
    stems.split(' ').any(|known| match known.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => word == known,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_suggest_moods() {
        let table = [
            ("a peaceful lake at dawn, soft and slow", Some(Mood::Calm)),
            ("nostalgic family memories", Some(Mood::Warm)),
            ("Upbeat summer energy", Some(Mood::Bright)),
            ("sad, lonely", Some(Mood::Dark)),
            ("a thrilling suspense score", Some(Mood::Tense)),
            ("inspiring corporate", Some(Mood::Hopeful)),
            ("quirky and funny", Some(Mood::Playful)),
            ("xyz", None),
        ];
        for (text, mood) in table {
            assert_eq!(Mood::suggested(text), mood, "{text}");
        }
        assert_eq!(Mood::named(" Tense "), Some(Mood::Tense));
        assert_eq!(Mood::named("tension"), None);
    }
}
