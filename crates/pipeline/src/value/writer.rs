//! From whatever serde can write to a value: inputs and results of programs in Rust.
//!
//! What is written as JSON is plain, whatever it looks like. Kept media and values get through as what
//! they are by the names of their types, which JSON can't say.

use std::cell::Cell;

use serde::Serialize;
use serde::ser::{self, Error as _};
use serde_json::{Error, Number};

use super::foreign::{BadJson, too_deep, too_heavy};
use super::journal::{ABSENCE_TYPE, ARTIFACT_TYPE, PLAIN_TYPE, artifact_of, from_pairs};
use super::plain::{LEVELS_MAX, NO_NUMBER};
use super::weight::ITEM_UNITS;
use super::{INPUT_UNITS_MAX, Map, Value};

impl Value {
    /// The value that serde writes for `source`. An [`crate::Artifact`] in it becomes media, and a
    /// [`Value`] is itself; all else is plain data.
    ///
    /// ```
    /// use motet_pipeline::Value;
    /// #[derive(serde::Serialize)]
    /// struct Shot { prompt: &'static str, seconds: f64 }
    /// let shot = Value::of(&Shot { prompt: "a boat", seconds: 2.5 }).unwrap();
    /// assert_eq!(shot.get("seconds"), Some(&Value::from(2.5)));
    /// assert!(Value::of(&f64::INFINITY).is_err());
    /// ```
    ///
    /// # Errors
    /// When it can't be said in JSON: a number that isn't finite or has more than 64 bits, a name that
    /// is no text, lists and objects that lie more than 128 deep, more than [`INPUT_UNITS_MAX`] in all.
    pub fn of(source: &(impl Serialize + ?Sized)) -> Result<Value, BadJson> {
        let writer = Writer { levels_left: LEVELS_MAX, units_left: &Cell::new(INPUT_UNITS_MAX) };
        source.serialize(writer).map_err(BadJson::of)
    }
}

#[derive(Clone, Copy)]
struct Writer<'u> {
    levels_left: usize,
    /// What is written may share its parts: it is paid for as often as it is written.
    units_left: &'u Cell<u64>,
}

impl<'u> Writer<'u> {
    fn inside(self) -> Result<Writer<'u>, Error> {
        self.pay(0)?;
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Writer { levels_left, ..self }),
            None => Err(Error::custom(too_deep())),
        }
    }

    /// Pays for a part that has so many bytes of text.
    fn pay(self, bytes: usize) -> Result<(), Error> {
        let units = ITEM_UNITS.saturating_add(bytes as u64);
        match self.units_left.get().checked_sub(units) {
            Some(left) => {
                self.units_left.set(left);
                Ok(())
            }
            None => Err(Error::custom(too_heavy())),
        }
    }

    fn list(self, length: Option<usize>, variant: Option<&'static str>) -> Result<Items<'u>, Error> {
        const ASSUMED_MAX: usize = 4096;
        let items = Vec::with_capacity(length.unwrap_or(0).min(ASSUMED_MAX));
        Ok(Items { writer: self.inside()?, items, variant })
    }

    fn object(self, type_name: &'static str, variant: Option<&'static str>) -> Result<Fields<'u>, Error> {
        Ok(Fields { writer: self.inside()?, entries: Vec::new(), name: None, type_name, variant })
    }
}

/// `value`, or the object that stands for it as a variant of an enum.
fn as_variant(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(name) => Value::map([(name, value)]),
        None => value,
    }
}

fn whole<T>(number: T) -> Result<Value, Error>
where
    i64: TryFrom<T>,
    u64: TryFrom<T>,
    T: Copy,
{
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Ok(Value::from(number)),
        (_, Ok(number)) => Ok(Value::from(number)),
        _ => Err(Error::custom("a whole number has more than 64 bits")),
    }
}

impl<'u> ser::Serializer for Writer<'u> {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Items<'u>;
    type SerializeTuple = Items<'u>;
    type SerializeTupleStruct = Items<'u>;
    type SerializeTupleVariant = Items<'u>;
    type SerializeMap = Fields<'u>;
    type SerializeStruct = Fields<'u>;
    type SerializeStructVariant = Fields<'u>;

    fn serialize_bool(self, value: bool) -> Result<Value, Error> {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_i16(self, value: i16) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_i32(self, value: i32) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_i64(self, value: i64) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_i128(self, value: i128) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_u8(self, value: u8) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_u16(self, value: u16) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_u32(self, value: u32) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_u64(self, value: u64) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_u128(self, value: u128) -> Result<Value, Error> {
        whole(value)
    }

    fn serialize_f32(self, value: f32) -> Result<Value, Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Value, Error> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| Error::custom(NO_NUMBER))
    }

    fn serialize_char(self, value: char) -> Result<Value, Error> {
        Ok(Value::from(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Value, Error> {
        self.pay(value.len())?;
        Ok(Value::from(value))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Error> {
        self.pay(bytes.len().saturating_mul(ITEM_UNITS as usize))?;
        Ok(Value::list(bytes.iter().map(|byte| Value::from(u32::from(*byte))).collect()))
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Error> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        Ok(as_variant(Some(variant), value.serialize(self.inside()?)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'u>, Error> {
        self.list(length, None)
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'u>, Error> {
        self.list(Some(length), None)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'u>, Error> {
        self.list(Some(length), None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'u>, Error> {
        self.inside()?.list(Some(length), Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'u>, Error> {
        self.object("", None)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'u>, Error> {
        self.object(name, None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'u>, Error> {
        self.inside()?.object("", Some(variant))
    }
}

/// A list that is being written.
struct Items<'u> {
    writer: Writer<'u>,
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl Items<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
        self.writer.pay(0)?;
        self.items.push(item.serialize(self.writer)?);
        Ok(())
    }

    fn close(self) -> Result<Value, Error> {
        Ok(as_variant(self.variant, Value::list(self.items)))
    }
}

macro_rules! write_items {
    ($($role:ident $add:ident),*) => {$(
        impl ser::$role for Items<'_> {
            type Ok = Value;
            type Error = Error;

            fn $add<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
                self.add(item)
            }

            fn end(self) -> Result<Value, Error> {
                self.close()
            }
        }
    )*};
}

write_items!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

/// An object that is being written.
struct Fields<'u> {
    writer: Writer<'u>,
    entries: Vec<(String, Value)>,
    /// The name whose value comes next.
    name: Option<String>,
    type_name: &'static str,
    variant: Option<&'static str>,
}

impl Fields<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, name: String, value: &T) -> Result<(), Error> {
        self.writer.pay(name.len())?;
        self.entries.push((name, value.serialize(self.writer)?));
        Ok(())
    }

    fn close(self) -> Result<Value, Error> {
        let entries: Map = self.entries.into_iter().collect();
        let value = match self.type_name {
            ABSENCE_TYPE => Value::Absent,
            ARTIFACT_TYPE => Value::from(artifact_of(&entries)?),
            PLAIN_TYPE => {
                let pairs = entries.into_values().next();
                let plain = pairs.as_ref().and_then(from_pairs);
                Value::from(plain.ok_or_else(|| Error::custom("an object isn't a list of pairs"))?)
            }
            _ => Value::from(entries),
        };
        Ok(as_variant(self.variant, value))
    }
}

impl ser::SerializeMap for Fields<'_> {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Error> {
        self.name = Some(match name.serialize(self.writer)? {
            Value::Text(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            other => return Err(Error::custom(format!("a name must be a text, and is {}", other.phrase()))),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let name = self.name.take().ok_or_else(|| Error::custom("a value has no name"))?;
        self.add(name, value)
    }

    fn end(self) -> Result<Value, Error> {
        self.close()
    }
}

macro_rules! write_fields {
    ($($role:ident),*) => {$(
        impl ser::$role for Fields<'_> {
            type Ok = Value;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.add(name.to_owned(), value)
            }

            fn end(self) -> Result<Value, Error> {
                self.close()
            }
        }
    )*};
}

write_fields!(SerializeStruct, SerializeStructVariant);
