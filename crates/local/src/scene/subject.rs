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
}

impl Subject {
    /// Reads the prompt. Case and order don't matter; a word after `no` or `without` is skipped.
    pub fn of(prompt: &str) -> Subject {
        let prompt = prompt.to_lowercase();
        let hash = hash(&prompt);
        let mut places = BTreeSet::new();
        let mut hours = Vec::new();
        let mut traits = BTreeSet::new();
        let mut denied = false;
        for word in prompt.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
            if matches!(word, "no" | "without" | "not" | "never") {
                denied = true;
                continue;
            }
            for meaning in meanings(word).filter(|_| !denied) {
                match meaning {
                    Meaning::Place(place) => drop(places.insert(place)),
                    Meaning::Hour(hour) => hours.push(hour),
                    Meaning::Trait(what) => drop(traits.insert(what)),
                }
            }
            denied = false;
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

#[derive(Clone, Copy)]
enum Meaning {
    Place(Place),
    Hour(Hour),
    Trait(Trait),
}

fn meanings(word: &str) -> impl Iterator<Item = Meaning> {
    VOCABULARY
        .iter()
        .filter(move |(words, _)| {
            words.split(' ').any(|known| match known.strip_suffix('*') {
                Some(stem) => word.starts_with(stem),
                None => word == known || word.strip_suffix('s') == Some(known),
            })
        })
        .map(|(_, meaning)| *meaning)
}

/// Adds the place that the things named need, or one that the hash chooses.
fn imply(places: &mut BTreeSet<Place>, traits: &BTreeSet<Trait>, hash: u64) {
    if places.contains(&Place::Beach) && !places.contains(&Place::Lake) {
        places.insert(Place::Sea);
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
    let bright = [Trait::Storm, Trait::Rain, Trait::Flowers, Trait::Rainbow, Trait::Clear];
    if bright.iter().any(|what| traits.contains(what)) {
        return Hour::Day;
    }
    [Hour::Day, Hour::Sunset, Hour::Day, Hour::Dawn, Hour::Day, Hour::Dusk][(hash >> 17) as usize % 6]
}

/// Words, a final `*` standing for any ending, and what they mean.
const VOCABULARY: &[(&str, Meaning)] = &[
    (
        "sea ocean oceans seaside seascape coast coastal coastline shore shoreline wave waves harbour harbor port bay surf tide cliff cliffs ship ships fjord maritime marine nautical",
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
        "mountain* alps alpine peak peaks summit summits ridge ridges himalaya* glacier cliffs highland highlands volcano fjord andes",
        Meaning::Place(Place::Mountains),
    ),
    (
        "forest forests woods woodland wood trees pine pines spruce fir firs conifer* jungle taiga grove birch birches oak oaks redwood*",
        Meaning::Place(Place::Forest),
    ),
    (
        "city cities skyline downtown metropolis urban town skyscraper* street streets building buildings rooftop rooftops cityscape cyberpunk megacity manhattan tokyo london paris neon office startup traffic",
        Meaning::Place(Place::City),
    ),
    (
        "desert deserts dune dunes sahara oasis camel arid sand mars martian pyramid pyramids canyon",
        Meaning::Place(Place::Desert),
    ),
    (
        "space galaxy galaxies cosmos cosmic universe nebula nebulae planet planets orbit orbital astronaut rocket spaceship spacecraft interstellar solar asteroid saturn jupiter satellite",
        Meaning::Place(Place::Space),
    ),
    ("day daytime noon midday sunny sunshine morning afternoon bright summer blue", Meaning::Hour(Hour::Day)),
    ("dawn sunrise daybreak", Meaning::Hour(Hour::Dawn)),
    ("sunset golden sundown", Meaning::Hour(Hour::Sunset)),
    ("dusk twilight evening gloaming", Meaning::Hour(Hour::Dusk)),
    (
        "night nights midnight nighttime starry stars moonlit moonlight moonrise nocturnal dark constellation* neon cyberpunk",
        Meaning::Hour(Hour::Night),
    ),
    ("cloud clouds cloudy overcast", Meaning::Trait(Trait::Clouds)),
    ("clear cloudless", Meaning::Trait(Trait::Clear)),
    ("fog foggy mist misty haze hazy mysterious eerie", Meaning::Trait(Trait::Fog)),
    ("rain rainy raining drizzle shower showers monsoon", Meaning::Trait(Trait::Rain)),
    ("storm* thunder* lightning tempest hurricane gale", Meaning::Trait(Trait::Storm)),
    (
        "snow* winter* ice icy frozen frost* arctic antarctic glacier blizzard christmas cold alps",
        Meaning::Trait(Trait::Snow),
    ),
    ("snowing snowfall snowflake* blizzard", Meaning::Trait(Trait::Snowfall)),
    ("autumn* fall october november", Meaning::Trait(Trait::Autumn)),
    ("spring blossom* bloom* cherry sakura april", Meaning::Trait(Trait::Spring)),
    ("star stars starry starlight milky constellation* galaxy", Meaning::Trait(Trait::Stars)),
    ("moon moonlit moonlight moonrise lunar", Meaning::Trait(Trait::Moon)),
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
    ("rainbow*", Meaning::Trait(Trait::Rainbow)),
];

#[cfg(test)]
mod tests {
    use super::*;

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
