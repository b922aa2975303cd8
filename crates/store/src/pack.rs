//! Packed text: the JSON of a turn in fewer bytes.
//!
//! Turns repeat what every turn says, and within themselves what flows from one step to the next. So a text
//! is written as literal bytes and copies of what came before it, with [`DICTIONARY`] in front of it: in the
//! sequences of LZ4's block format, though a copy may reach the very end. Before them stand a byte that
//! names the dictionary and the length of the text (LEB128). What is written here never changes its
//! meaning: a better dictionary is another one, with a number of its own.

use std::sync::LazyLock;

/// Names [`DICTIONARY`].
const NUMBER: u8 = 1;

/// What turns are made of. The likelier a part is, the less depends on its place.
const DICTIONARY: &[u8] = include_bytes!("pack/dictionary-1.txt");

/// No copy is shorter.
const COPY_MIN: usize = 4;

/// No copy is from farther back.
const DISTANCE_MAX: usize = u16::MAX as usize;

/// A length of so much or more goes on behind its half of a token.
const NIBBLE_MAX: usize = 15;

/// Why bytes are no packed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotPacked;

/// Packs `text`.
pub(crate) fn pack(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(text.len() / 2 + 16);
    packed.push(NUMBER);
    write_length(text.len(), &mut packed);
    let mut recent = Places::new();
    // From where on nothing was written yet, and where a copy may begin.
    let (mut written, mut at) = (0, 0);
    while let Some(key) = key_at(text, at) {
        let found =
            longest(copy_of_recent(text, at, recent.replace(key, at)), copy_of_dictionary(text, at, key));
        match found {
            None => at += 1 + (at - written) / 64,
            Some(copy) => {
                write_sequence(&text[written..at], Some(copy), &mut packed);
                at += copy.length;
                written = at;
            }
        }
    }
    if written < text.len() {
        write_sequence(&text[written..], None, &mut packed);
    }
    packed
}

/// The length of the text that `packed` says it holds.
pub(crate) fn unpacked_length(packed: &[u8]) -> Result<usize, NotPacked> {
    read_head(packed).map(|(length, _)| length)
}

/// The text in `packed`, if it isn't longer than `length_max`.
pub(crate) fn unpack(packed: &[u8], length_max: usize) -> Result<Vec<u8>, NotPacked> {
    let (length, mut rest) = read_head(packed)?;
    if length > length_max {
        return Err(NotPacked);
    }
    let end = DICTIONARY.len() + length;
    let mut text = Vec::with_capacity(end);
    text.extend(DICTIONARY);
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        let literals = read_length(token >> 4, &mut rest)?;
        let (literal, after) = rest.split_at_checked(literals).ok_or(NotPacked)?;
        text.extend(literal);
        rest = after;
        if let Some((distance, after)) = rest.split_first_chunk() {
            rest = after;
            let copied = read_length(token & 15, &mut rest)?.saturating_add(COPY_MIN);
            copy(&mut text, u16::from_le_bytes(*distance).into(), copied, end)?;
        } else if !rest.is_empty() {
            return Err(NotPacked);
        }
        if text.len() > end {
            return Err(NotPacked);
        }
    }
    if text.len() != end {
        return Err(NotPacked);
    }
    Ok(text.split_off(DICTIONARY.len()))
}

/// Adds what lies `distance` back, which may overlap with what is added.
fn copy(text: &mut Vec<u8>, distance: usize, length: usize, end: usize) -> Result<(), NotPacked> {
    let from = text.len().checked_sub(distance).filter(|_| distance > 0).ok_or(NotPacked)?;
    if length > end.saturating_sub(text.len()) {
        return Err(NotPacked);
    }
    if distance >= length {
        text.extend_from_within(from..from + length);
    } else {
        (from..from + length).for_each(|at| text.push(text[at]));
    }
    Ok(())
}

fn read_head(packed: &[u8]) -> Result<(usize, &[u8]), NotPacked> {
    let (number, mut rest) = packed.split_first().ok_or(NotPacked)?;
    if *number != NUMBER {
        return Err(NotPacked);
    }
    let mut length = 0;
    for shift in (0..28).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(NotPacked)?;
        rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((length, rest));
        }
    }
    Err(NotPacked)
}

fn write_length(mut length: usize, packed: &mut Vec<u8>) {
    while length >= 0x80 {
        packed.push(length as u8 | 0x80);
        length >>= 7;
    }
    packed.push(length as u8);
}

/// Bytes that were there before.
#[derive(Clone, Copy)]
struct Copy {
    distance: usize,
    length: usize,
}

fn longest(one: Option<Copy>, other: Option<Copy>) -> Option<Copy> {
    one.into_iter().chain(other).max_by_key(|copy| copy.length)
}

fn copy_of_recent(text: &[u8], at: usize, from: Option<usize>) -> Option<Copy> {
    let from = from?;
    let length = common(&text[from..], &text[at..]);
    Some(Copy { distance: at - from, length }).filter(Copy::is_good)
}

fn copy_of_dictionary(text: &[u8], at: usize, key: u32) -> Option<Copy> {
    let from = OF_DICTIONARY.get(key)?;
    let length = common(&DICTIONARY[from..], &text[at..]);
    Some(Copy { distance: at + DICTIONARY.len() - from, length }).filter(Copy::is_good)
}

impl Copy {
    fn is_good(&self) -> bool {
        self.length >= COPY_MIN && self.distance <= DISTANCE_MAX
    }
}

/// How many bytes are the same at the beginning of both.
fn common(one: &[u8], other: &[u8]) -> usize {
    let (ones, others) = (one.as_chunks().0, other.as_chunks().0);
    let mut same = 0;
    for (one, other) in ones.iter().zip(others) {
        // Eight at once: the lowest bit that differs is in the first byte that does.
        let difference = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return same + difference.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    one[same..].iter().zip(&other[same..]).take_while(|(one, other)| one == other).count() + same
}

fn write_sequence(literal: &[u8], copy: Option<Copy>, packed: &mut Vec<u8>) {
    let copied = copy.map_or(0, |copy| copy.length - COPY_MIN);
    let nibble = |length: usize| length.min(NIBBLE_MAX) as u8;
    packed.push(nibble(literal.len()) << 4 | nibble(copied));
    write_more(literal.len(), packed);
    packed.extend(literal);
    if let Some(copy) = copy {
        packed.extend((copy.distance as u16).to_le_bytes());
        write_more(copied, packed);
    }
}

/// What of a length has no place in its half of a token.
fn write_more(length: usize, packed: &mut Vec<u8>) {
    let Some(mut more) = length.checked_sub(NIBBLE_MAX) else { return };
    while more >= 255 {
        packed.push(255);
        more -= 255;
    }
    packed.push(more as u8);
}

fn read_length(nibble: u8, rest: &mut &[u8]) -> Result<usize, NotPacked> {
    let mut length = usize::from(nibble);
    let mut goes_on = length == NIBBLE_MAX;
    while goes_on {
        let (byte, after) = rest.split_first().ok_or(NotPacked)?;
        *rest = after;
        length += usize::from(*byte);
        goes_on = *byte == 255;
    }
    Ok(length)
}

/// The first bytes at a place, by which it is found again; none near the end.
fn key_at(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The last place of each key, as far as keys don't share a slot.
struct Places([u32; Places::SLOTS]);

impl Places {
    const SLOTS: usize = 1 << Places::BITS;
    const BITS: u32 = 11;

    fn new() -> Places {
        Places([0; Places::SLOTS])
    }

    fn slot(key: u32) -> usize {
        (key.wrapping_mul(2_654_435_761) >> (32 - Places::BITS)) as usize
    }

    fn get(&self, key: u32) -> Option<usize> {
        // Zero is for none.
        (self.0[Places::slot(key)] as usize).checked_sub(1)
    }

    /// Sets the place of `key` and gives the one before.
    fn replace(&mut self, key: u32, at: usize) -> Option<usize> {
        let before = self.get(key);
        self.0[Places::slot(key)] = at as u32 + 1;
        before
    }
}

static OF_DICTIONARY: LazyLock<Places> = LazyLock::new(|| {
    let mut places = Places::new();
    // The first place of a key stays.
    for at in (0..DICTIONARY.len()).rev() {
        key_at(DICTIONARY, at).map(|key| places.replace(key, at));
    }
    places
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1 << 20;

    fn turn() -> Vec<u8> {
        let text = "drawn ".repeat(30);
        format!(
            r#"[{{"attempt_succeeded":{{"step":"still","attempt":1}}}},{{"step_completed":{{"step":"still","output":{{"result":"{text}"}}}}}},{{"step_ready":{{"step":"clip","inputs":{{"from":"{text}"}}}}}},{{"attempt_planned":{{"step":"clip","attempt":1,"target":0,"operation":"media/animate","deadline":1795958337735}}}}]"#
        )
        .into_bytes()
    }

    #[test]
    fn a_turn_is_packed_into_a_fraction_and_comes_back() {
        let text = turn();
        let packed = pack(&text);
        assert!(packed.len() * 4 < text.len(), "{} of {}", packed.len(), text.len());
        assert_eq!(unpacked_length(&packed), Ok(text.len()));
        assert_eq!(unpack(&packed, text.len()), Ok(text));
    }

    /// A store that was written yesterday is read today.
    #[test]
    fn what_is_written_stays_as_it_is() {
        let hex: String = pack(&turn()).iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!("a_packed_turn", hex);
        insta::assert_snapshot!("the_dictionary", String::from_utf8_lossy(DICTIONARY));
    }

    #[test]
    fn a_short_packed_text_cannot_claim_a_long_one() {
        let bomb = pack(&vec![b'r'; MAX]);
        assert!(bomb.len() < MAX / 200);
        assert_eq!(unpack(&bomb, MAX).map(|text| text.len()), Ok(MAX));
        assert_eq!(unpack(&bomb, MAX - 1), Err(NotPacked));
        let mut longer = bomb.clone();
        longer[1] = 0x81;
        assert_eq!(unpack(&longer, 2 * MAX), Err(NotPacked), "the head tells another length");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..3_000)) {
            prop_assert_eq!(unpack(&pack(&text), MAX), Ok(text));
        }

        #[test]
        fn far_repetitions_come_back(part in prop::collection::vec(any::<u8>(), 1..200), times in 1usize..2_000) {
            let text = part.repeat(times);
            prop_assert_eq!(unpack(&pack(&text), MAX), Ok(text));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(unpack(&bytes, MAX));
            drop(unpack(&[&[NUMBER, 0x80, 0x02], bytes.as_slice()].concat(), MAX));
        }

        #[test]
        fn a_cut_text_is_refused(at in 0usize..100) {
            let packed = pack(&turn());
            prop_assert_eq!(unpack(&packed[..at.min(packed.len() - 1)], MAX), Err(NotPacked));
        }
    }
}
