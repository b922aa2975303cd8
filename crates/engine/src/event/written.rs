//! How events are written: `{"step_ready": {"step": "a", "inputs": …}}`.
//!
//! The name of an event tells its family. Its address (a step, and which attempt) stands in front of its own
//! fields, in the same object. So the families serialise themselves, and what is here puts the address in and
//! takes it out again, without building anything in between.

use std::fmt;

use motet_pipeline::StepPath;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
};
use serde::ser::{Error as _, Impossible, SerializeStructVariant, Serializer};
use serde::{Deserialize, Serialize};

use super::{AttemptEvent, Event, RunEvent, StepEvent};
use crate::AttemptKey;

const STEP: &str = "step";
const ATTEMPT: &str = "attempt";

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Event::Run(event) => event.serialize(serializer),
            Event::Step { step, event } => event.serialize(Addressed { serializer, step, attempt: None }),
            Event::Attempt { key, event } => {
                event.serialize(Addressed { serializer, step: &key.step, attempt: Some(key.number) })
            }
        }
    }
}

/// Writes an event of a step or attempt, with its address in front of its own fields.
struct Addressed<'a, S> {
    serializer: S,
    step: &'a StepPath,
    attempt: Option<u32>,
}

/// All that a variant with named fields is not.
macro_rules! refuse {
    ($($name:ident($($of:ty),*) -> $ok:ty;)*) => {
        $(fn $name(self, $(_: $of),*) -> Result<$ok, S::Error> {
            Err(S::Error::custom("an event of a step or attempt has named fields"))
        })*
    };
}

impl<S: Serializer> Serializer for Addressed<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Impossible<S::Ok, S::Error>;
    type SerializeStructVariant = S::SerializeStructVariant;

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        fields: usize,
    ) -> Result<S::SerializeStructVariant, S::Error> {
        let address = 1 + usize::from(self.attempt.is_some());
        let mut object = self.serializer.serialize_struct_variant(name, index, variant, address + fields)?;
        object.serialize_field(STEP, self.step)?;
        if let Some(attempt) = &self.attempt {
            object.serialize_field(ATTEMPT, attempt)?;
        }
        Ok(object)
    }

    refuse! {
        serialize_bool(bool) -> S::Ok;
        serialize_i8(i8) -> S::Ok;
        serialize_i16(i16) -> S::Ok;
        serialize_i32(i32) -> S::Ok;
        serialize_i64(i64) -> S::Ok;
        serialize_u8(u8) -> S::Ok;
        serialize_u16(u16) -> S::Ok;
        serialize_u32(u32) -> S::Ok;
        serialize_u64(u64) -> S::Ok;
        serialize_f32(f32) -> S::Ok;
        serialize_f64(f64) -> S::Ok;
        serialize_char(char) -> S::Ok;
        serialize_str(&str) -> S::Ok;
        serialize_bytes(&[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(&'static str) -> S::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> S::Ok;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<S::Ok, S::Error> {
        self.serialize_none()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        self.serialize_none()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        self.serialize_none()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        deserializer.deserialize_map(Outer)
    }
}

/// Reads the object around an event, of which the name is the only key.
struct Outer;

impl<'de> Visitor<'de> for Outer {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an event: an object with its name as the only key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut outer: A) -> Result<Event, A::Error> {
        let name: String = outer.next_key()?.ok_or_else(|| A::Error::custom("an event needs a name"))?;
        let event = outer.next_value_seed(Inner { name: &name })?;
        match outer.next_key::<IgnoredAny>()? {
            None => Ok(event),
            Some(_) => Err(A::Error::custom("an event has one name")),
        }
    }
}

/// Reads the fields of the event `name`.
struct Inner<'n> {
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Inner<'_> {
    type Value = Event;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Inner<'_> {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the fields of {}", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Event, A::Error> {
        let name = self.name;
        // All names of the run's own family, and of attempts, begin like this; the others are of steps.
        if name.starts_with("run_") || matches!(name, "cancel_requested" | "cancel_step_requested") {
            return RunEvent::deserialize(Named::new(name, fields)).map(Event::Run);
        }
        let (mut step, mut number) = (None, None);
        let fields = Unaddressed { fields, step: &mut step, attempt: &mut number };
        let named = Named::new(name, fields);
        if name.starts_with("attempt_") {
            let event = AttemptEvent::deserialize(named)?;
            let step = step.ok_or_else(|| A::Error::missing_field(STEP))?;
            let number = number.ok_or_else(|| A::Error::missing_field(ATTEMPT))?;
            return Ok(Event::Attempt { key: AttemptKey { step, number }, event });
        }
        let event = StepEvent::deserialize(named)?;
        Ok(Event::Step { step: step.ok_or_else(|| A::Error::missing_field(STEP))?, event })
    }
}

/// An event as its family reads it: the name, and then the fields.
struct Named<'n, A> {
    name: &'n str,
    fields: Option<A>,
}

impl<'n, A> Named<'n, A> {
    fn new(name: &'n str, fields: A) -> MapAccessDeserializer<Named<'n, A>> {
        MapAccessDeserializer::new(Named { name, fields: Some(fields) })
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Named<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.fields.as_ref().map(|_| seed.deserialize(self.name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let fields = self.fields.take().ok_or_else(|| A::Error::custom("an event is read once"))?;
        seed.deserialize(MapAccessDeserializer::new(fields))
    }
}

/// The fields of an event without its address, which is put aside on the way.
struct Unaddressed<'a, A> {
    fields: A,
    step: &'a mut Option<StepPath>,
    attempt: &'a mut Option<u32>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Unaddressed<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Key(seed);
        loop {
            match self.fields.next_key_seed(seed)? {
                None => return Ok(None),
                Some(Found::Own(key)) => return Ok(Some(key)),
                Some(Found::Step(unused)) => {
                    *self.step = Some(self.fields.next_value()?);
                    seed = unused;
                }
                Some(Found::Attempt(unused)) => {
                    *self.attempt = Some(self.fields.next_value()?);
                    seed = unused;
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.fields.next_value_seed(seed)
    }
}

/// Reads a key, if it isn't one of the address.
struct Key<K>(K);

/// What a key was found to be.
enum Found<K, V> {
    Own(V),
    Step(Key<K>),
    Attempt(Key<K>),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<K> {
    type Value = Found<K, K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Key<K> {
    type Value = Found<K, K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        match key {
            STEP => Ok(Found::Step(self)),
            ATTEMPT => Ok(Found::Attempt(self)),
            key => self.0.deserialize(key.into_deserializer()).map(Found::Own),
        }
    }
}
