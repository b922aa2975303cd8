//! What the words of a prompt ask for.

use std::collections::BTreeSet;

use crate::random::hash;

/// What the picture shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subject {
    /// The prompt's hash: chooses what the words leave open.
    pub hash: u64,
    /// Where it is; never empty.
    pub places: BTreeSet<Place>,
    /// When it is.
    pub hour: Hour,
    /// What else was named.
    pub traits: BTreeSet<Trait>,
}

/// Kinds of country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Sea,
    Beach,
    Lake,
    River,
    Hills,
    Mountains,
    Forest,
    City,
    Street,
    Desert,
    Space,
}

/// The light.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hour {
    Day,
    Dawn,
    Sunset,
    Dusk,
    Night,
}

/// Weather, seasons, and what stands in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trait {
    Clouds,
    Clear,
    Fog,
    Rain,
    Storm,
    Snow,
    Snowfall,
    Autumn,
    Spring,
    Stars,
    Moon,
    Crescent,
    Aurora,
    Planet,
    Lighthouse,
    Sailboat,
    Birds,
    House,
    Village,
    Balloon,
    Windmill,
    Castle,
    Campfire,
    LoneTree,
    Flowers,
    Palms,
    Island,
    Pyramid,
    Rainbow,
    Water,
}

impl Subject {
    /// Reads the prompt. Case doesn't matter, nor order beyond a few words; a word after `no` or `without` is skipped.
    pub fn of(prompt: &str) -> Subject {
        let prompt = prompt.to_lowercase();
        let hash = hash(&prompt);
        let mut places = BTreeSet::new();
        let mut hours = Vec::new();
        let mut traits = BTreeSet::new();
        for meaning in meanings_of(&prompt) {
            match meaning {
                Meaning::Place(place) => drop(places.insert(place)),
                Meaning::Hour(hour) => hours.push(hour),
                Meaning::Trait(what) => drop(traits.insert(what)),
            }
        }
        imply(&mut places, &traits, hash);
        let hour = hours.iter().copied().max().unwrap_or_else(|| likely_hour(hash, &places, &traits));
        Subject { hash, places, hour, traits }
    }

    pub fn is_at(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    pub fn has(&self, what: Trait) -> bool {
        self.traits.contains(&what)
    }

    /// Whether there is a wide water.
    pub fn has_water(&self) -> bool {
        self.is_at(Place::Sea) || self.is_at(Place::Lake)
    }

    /// Whether lamps are lit.
    pub fn is_dark(&self) -> bool {
        matches!(self.hour, Hour::Dusk | Hour::Night)
    }
}

#[derive(Clone, Copy, Debug)]
enum Meaning {
    Place(Place),
    Hour(Hour),
    Trait(Trait),
}

/// What the words of `prompt`, in small letters, mean.
fn meanings_of(prompt: &str) -> Vec<Meaning> {
    let mut words: Vec<&str> = Vec::new();
    let mut is_denied = false;
    for word in prompt.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let denies = matches!(word, "no" | "without" | "not" | "never");
        // What is denied keeps its place, and means nothing.
        words.push(if denies || is_denied { "" } else { word });
        is_denied = denies;
    }
    let mut found = Vec::new();
    for (subject, verbs, meaning) in PAIRS {
        for at in 0..words.len() {
            if !is_one_of(words[at], subject) {
                continue;
            }
            let near = at.saturating_sub(1)..(at + 1 + PAIR_DISTANCE).min(words.len());
            if let Some(verb) = near.into_iter().find(|place| is_one_of(words[*place], verbs)) {
                found.push(*meaning);
                // The fall of snow is no autumn.
                words[verb] = "";
            }
        }
    }
    for word in words {
        let known = VOCABULARY.iter().filter(|(known, _)| is_one_of(word, known));
        found.extend(known.map(|(_, meaning)| *meaning));
    }
    found
}

/// Whether `word` is one of `known`, which are parted by spaces; a final `*` stands for any ending.
fn is_one_of(word: &str, known: &str) -> bool {
    !word.is_empty()
        && known.split(' ').any(|known| match known.strip_suffix('*') {
            Some(stem) => word.starts_with(stem),
            None => word == known || word.strip_suffix('s') == Some(known),
        })
}

/// Adds the place that the things named need, or one that the hash chooses.
fn imply(places: &mut BTreeSet<Place>, traits: &BTreeSet<Trait>, hash: u64) {
    if places.contains(&Place::Beach) && !places.contains(&Place::Lake) {
        places.insert(Place::Sea);
    }
    if places.contains(&Place::Street) {
        // A street hides the country around it.
        places.insert(Place::City);
    }
    if traits.contains(&Trait::Palms) {
        // Palm trees make no forest.
        places.remove(&Place::Forest);
    }
    if !places.is_empty() {
        return;
    }
    let needed = [
        (Trait::Lighthouse, Place::Sea),
        (Trait::Island, Place::Sea),
        (Trait::Palms, Place::Beach),
        (Trait::Sailboat, Place::Sea),
        (Trait::Water, Place::Sea),
        (Trait::Pyramid, Place::Desert),
        (Trait::Windmill, Place::Hills),
        (Trait::Castle, Place::Hills),
        (Trait::House, Place::Hills),
        (Trait::Flowers, Place::Hills),
        (Trait::Balloon, Place::Hills),
        (Trait::LoneTree, Place::Hills),
        (Trait::Campfire, Place::Forest),
        (Trait::Aurora, Place::Mountains),
        (Trait::Planet, Place::Space),
    ];
    let place = needed.iter().find(|(what, _)| traits.contains(what)).map(|(_, place)| *place);
    let open = [
        Place::Mountains,
        Place::Lake,
        Place::Hills,
        Place::Sea,
        Place::Forest,
        Place::Mountains,
        Place::River,
    ];
    let place = place.unwrap_or(open[(hash >> 7) as usize % open.len()]);
    places.insert(place);
    if place == Place::Beach {
        places.insert(Place::Sea);
    }
    if place == Place::Lake {
        places.insert(Place::Mountains);
    }
}

fn likely_hour(hash: u64, places: &BTreeSet<Place>, traits: &BTreeSet<Trait>) -> Hour {
    let shines_at_night = [Trait::Stars, Trait::Moon, Trait::Crescent, Trait::Aurora, Trait::Planet];
    if places.contains(&Place::Space) || shines_at_night.iter().any(|what| traits.contains(what)) {
        return Hour::Night;
    }
    if traits.contains(&Trait::Campfire) {
        return Hour::Dusk;
    }
    if traits.contains(&Trait::Fog) {
        // In the dark nobody sees the fog.
        return if hash >> 17 & 1 == 0 { Hour::Day } else { Hour::Dawn };
    }
    let bright = [Trait::Storm, Trait::Rain, Trait::Flowers, Trait::Rainbow, Trait::Clear];
    if bright.iter().any(|what| traits.contains(what)) {
        return Hour::Day;
    }
    [Hour::Day, Hour::Sunset, Hour::Day, Hour::Dawn, Hour::Day, Hour::Dusk][(hash >> 17) as usize % 6]
}

/// How many words behind the first of a pair the second may stand.
const PAIR_DISTANCE: usize = 3;

/// Words that mean something together, the second next to the first or soon behind it.
const PAIRS: &[(&str, &str, Meaning)] = &[
    ("sun", "set setting sink sinking sank goes went", Meaning::Hour(Hour::Sunset)),
    ("sun", "rise rising rose up", Meaning::Hour(Hour::Dawn)),
    ("snow", "fall falling fell come came coming whirl* drift*", Meaning::Trait(Trait::Snowfall)),
    ("rain", "fall falling fell", Meaning::Trait(Trait::Rain)),
    ("night", "fall falling fell", Meaning::Hour(Hour::Night)),
];

/// Words, a final `*` standing for any ending, and what they mean.
const VOCABULARY: &[(&str, Meaning)] = &[
    (
        "sea ocean seaside seashore seawater saltwater seascape coast coastal coastline shore shoreline wave waves harbour harbor port bay surf tide cliff cliffs ship ships fjord maritime marine nautical",
        Meaning::Place(Place::Sea),
    ),
    ("beach beaches sandy lagoon tropical", Meaning::Place(Place::Beach)),
    ("lake lakes lakeside pond loch reservoir mere reflection reflections", Meaning::Place(Place::Lake)),
    ("river rivers riverside stream streams creek brook canal waterfall", Meaning::Place(Place::River)),
    (
        "hill hills hillside hilly meadow meadows field fields countryside grassland grass prairie pasture farm farmland valley vineyard garden plain plains village rural tuscany tuscan moor steppe savanna",
        Meaning::Place(Place::Hills),
    ),
    (
        "mountain* alps alpine peak peaks summit summits ridge ridges himalaya* glacier cliffs highland highlands volcano volcanoes fjord andes climber mountaineer*",
        Meaning::Place(Place::Mountains),
    ),
    (
        "forest* woods woodland wood rainforest treetop* trees pine pines spruce fir firs conifer* jungle taiga grove birch birches oak oaks redwood*",
        Meaning::Place(Place::Forest),
    ),
    (
        "city cities skyline downtown metropolis urban town skyscraper* building buildings rooftop rooftops cityscape cyberpunk megacity manhattan tokyo london paris neon office startup",
        Meaning::Place(Place::City),
    ),
    (
        "street avenue boulevard alley alleyway streetlight* streetlamp* lamppost* pavement* sidewalk* crosswalk crossroads shop shopping tram traffic taxi pedestrian",
        Meaning::Place(Place::Street),
    ),
    (
        "desert deserts dune dunes sahara oasis oases camel arid sand mars martian pyramid pyramids canyon",
        Meaning::Place(Place::Desert),
    ),
    (
        "space galaxy galaxies cosmos cosmic universe nebula nebulae planet planets orbit orbital astronaut rocket spaceship spacecraft interstellar solar asteroid saturn jupiter satellite",
        Meaning::Place(Place::Space),
    ),
    ("day daytime noon midday sunny sunshine morning afternoon bright summer blue", Meaning::Hour(Hour::Day)),
    ("dawn sunrise daybreak sunup cockcrow", Meaning::Hour(Hour::Dawn)),
    ("sunset golden sundown afterglow", Meaning::Hour(Hour::Sunset)),
    ("dusk twilight evening gloaming nightfall", Meaning::Hour(Hour::Dusk)),
    (
        "night nightly tonight overnight midnight nighttime starry stars starlit moonlit moonlight moonrise nocturnal dark darkness constellation* neon cyberpunk",
        Meaning::Hour(Hour::Night),
    ),
    ("cloud cloudy clouded overcast", Meaning::Trait(Trait::Clouds)),
    ("clear cloudless", Meaning::Trait(Trait::Clear)),
    ("fog foggy fogbound mist misty haze hazy smog mysterious eerie", Meaning::Trait(Trait::Fog)),
    (
        "rain rainy rained raining rainfall raindrop rainstorm downpour drizzl* pouring shower showery monsoon umbrella",
        Meaning::Trait(Trait::Rain),
    ),
    ("storm* rainstorm snowstorm thunder* lightning tempest hurricane gale", Meaning::Trait(Trait::Storm)),
    (
        "snow* winter* wintr* ice icy frozen frost* arctic antarctic icicle freez* glacier blizzard christmas cold alps",
        Meaning::Trait(Trait::Snow),
    ),
    ("snowing snowed snowfall snowflake* snowstorm blizzard", Meaning::Trait(Trait::Snowfall)),
    ("autumn* fall october november", Meaning::Trait(Trait::Autumn)),
    ("spring blossom* bloom* cherry sakura april", Meaning::Trait(Trait::Spring)),
    ("star starry starlight starlit stargaz* milky constellation* galaxy", Meaning::Trait(Trait::Stars)),
    ("moon moonlit moonlight moonbeam moonrise lunar", Meaning::Trait(Trait::Moon)),
    ("crescent", Meaning::Trait(Trait::Crescent)),
    ("aurora borealis northern", Meaning::Trait(Trait::Aurora)),
    ("planet planets saturn jupiter exoplanet alien", Meaning::Trait(Trait::Planet)),
    ("lighthouse* beacon", Meaning::Trait(Trait::Lighthouse)),
    (
        "boat boats sailboat* sail sails sailing ship ships yacht fishing vessel schooner regatta voyage",
        Meaning::Trait(Trait::Sailboat),
    ),
    ("bird birds gull gulls seagull* geese flock swallows crane cranes eagle", Meaning::Trait(Trait::Birds)),
    (
        "house houses cabin cabins cottage hut home farmhouse chalet farm lodge village",
        Meaning::Trait(Trait::House),
    ),
    ("village villages town hamlet houses cabins", Meaning::Trait(Trait::Village)),
    ("balloon*", Meaning::Trait(Trait::Balloon)),
    ("windmill* mill turbine turbines", Meaning::Trait(Trait::Windmill)),
    ("castle castles fortress tower ruin ruins palace kingdom", Meaning::Trait(Trait::Castle)),
    ("campfire bonfire tent tents camp camping", Meaning::Trait(Trait::Campfire)),
    ("tree oak lonely solitary", Meaning::Trait(Trait::LoneTree)),
    (
        "flower* poppy poppies lavender tulip* daisy daisies wildflower* blossom* garden",
        Meaning::Trait(Trait::Flowers),
    ),
    ("palm palms tropical caribbean oasis hawaii coconut", Meaning::Trait(Trait::Palms)),
    ("island islands isle archipelago", Meaning::Trait(Trait::Island)),
    ("pyramid pyramids egypt", Meaning::Trait(Trait::Pyramid)),
    ("water waters waterside", Meaning::Trait(Trait::Water)),
    ("rainbow*", Meaning::Trait(Trait::Rainbow)),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What a prompt is found to show, of the words that a test names.
    fn shows(prompt: &str) -> Vec<String> {
        let subject = Subject::of(prompt);
        let places = subject.places.iter().map(|place| format!("{place:?}"));
        let traits = subject.traits.iter().map(|what| format!("{what:?}"));
        places.chain(traits).chain([format!("{:?}", subject.hour)]).collect()
    }

    #[test]
    fn what_a_line_says_is_shown_in_each_form_of_its_words() {
        let table = [
            (
                "Night",
                "night, by night, tonight, nights, overnight, Night falls slowly, as night fell, in the dark, darkness",
            ),
            (
                "Snow",
                "snow, snowy, snowed in, it was snowing, snowfall, snow-covered, a snowstorm, winter, wintry days, icicles",
            ),
            (
                "Snowfall",
                "it is snowing, snow is falling, the snow came early, falling snow, snow fell, snowflakes",
            ),
            ("Forest", "forest, forests, the forested valley, woods, woodland, pines, spruces, a rainforest"),
            (
                "Street",
                "street, streets, an avenue, alleys, the boulevard, on the sidewalk, under the streetlights",
            ),
            ("City", "city, cities, the city's towers, downtown, skyscrapers, rooftops, a street"),
            ("Fog", "fog, foggy, fogs, mist, misty, mists, a haze"),
            ("Mountains", "mountain, mountains, mountainous, alpine, peaks, summit, glaciers"),
            ("Rain", "rain, rains, rainy, it rained, raining, rainfall, raindrops, a downpour, drizzling"),
            ("Sea", "sea, seas, the sea's edge, oceans, waves, coastline, out on the water"),
            ("Desert", "desert, deserts, dunes, dune, sands, oases"),
            (
                "Sunset",
                "sunset, sunsets, the sun sets, the sun is setting, as the sun went down, the setting sun",
            ),
            ("Dawn", "dawn, sunrise, before the sun is up, the sun rises, the rising sun"),
            ("Moon", "moon, moons, moonlight, moonlit, the moonrise, moonbeams"),
            ("Stars", "star, stars, starry, starlit, starlight, stargazing"),
            ("Clouds", "cloud, clouds, cloudy, clouded, overcast"),
        ];
        for (what, prompts) in table {
            for prompt in prompts.split(", ") {
                assert!(shows(prompt).contains(&what.to_owned()), "{prompt:?} shows {:?}", shows(prompt));
            }
        }
    }

    #[test]
    fn what_is_denied_or_only_sounds_alike_is_not_shown() {
        let table = [
            ("Snow", "a meadow without snow"),
            ("Snowfall", "no snow falls here"),
            ("Autumn", "snow will fall"),
            ("Autumn", "night falls over the hills"),
            ("Sunset", "the sun shines on the hills and a table is set"),
            ("Rain", "a rainbow"),
            ("Rain", "a train"),
            ("Stars", "the season starts"),
            ("Sea", "the season ends"),
            ("Sea", "water of a mountain lake"),
        ];
        for (what, prompt) in table {
            assert!(!shows(prompt).contains(&what.to_owned()), "{prompt:?} shows {:?}", shows(prompt));
        }
    }

    #[test]
    fn a_table_of_prompts_and_what_they_show() {
        let prompts = [
            "A snowy forest at night",
            "A lighthouse at dusk",
            "harbour in the fog with fishing boats",
            "Sunset over the dunes",
            "the new season starts: search results",
            "city skyline in the rain",
            "Saturn and its rings",
            "a meadow without birds",
            "sunny beach with palm trees",
            "quarterly revenue",
            "ein Fest im Dorf",
            "Before the sun is up, the sea is already at work on the sand.",
            "By noon the hills are warm, and the wind carries the smell of pine.",
            "In the evening the city lights its windows, one after another.",
            "And when the snow comes, the forest keeps the silence for everyone.",
        ];
        let table: Vec<String> = prompts
            .iter()
            .map(|prompt| {
                let subject = Subject::of(prompt);
                format!("{prompt}: {:?} {:?} {:?}", subject.places, subject.hour, subject.traits)
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
