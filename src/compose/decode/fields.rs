//! Reading Compose's encoded structs, in which every value has its type and what is empty is left out.

use std::{collections::BTreeMap, time::Duration};

use crate::model::ByteSize;

use super::super::{
    go,
    json::{Json, Object},
};

/// An object's strings.
pub(super) fn strings_by_key(value: &Json) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flat_map(Object::iter);
    entries.filter_map(|(name, value)| Some((name.to_string(), value.as_str()?.to_owned()))).collect()
}

/// Variables, whose values are strings or unset.
pub(super) fn environment(value: &Json) -> BTreeMap<String, Option<String>> {
    let entries = value.as_object().into_iter().flat_map(Object::iter);
    entries.map(|(name, value)| (name.to_string(), value.as_str().map(str::to_owned))).collect()
}

/// A struct.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'j>(Option<&'j Object>);

impl<'j> From<&'j Object> for Fields<'j> {
    fn from(object: &'j Object) -> Self {
        Fields(Some(object))
    }
}

impl<'j> Fields<'j> {
    pub(super) fn of(value: &'j Json) -> Self {
        Fields(value.as_object())
    }

    fn get(&self, key: &str) -> Option<&'j Json> {
        self.0.and_then(|object| object.get(key))
    }

    pub(super) fn string(&self, key: &str) -> Option<String> {
        self.str(key).map(str::to_owned)
    }

    pub(super) fn str(&self, key: &str) -> Option<&'j str> {
        self.get(key).and_then(Json::as_str)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.string(key).unwrap_or_default()
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.optional_flag(key).unwrap_or(false)
    }

    pub(super) fn optional_flag(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(Json::as_bool)
    }

    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        self.get(key).and_then(Json::as_i64)
    }

    pub(super) fn unsigned(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(Json::as_u64)
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.get(key).and_then(Json::as_f64)
    }

    /// A size, which is a string of digits and may be negative.
    pub(super) fn signed_bytes(&self, key: &str) -> Option<i64> {
        self.str(key).and_then(|text| text.parse().ok())
    }

    pub(super) fn bytes(&self, key: &str) -> Option<ByteSize> {
        self.signed_bytes(key).and_then(|n| u64::try_from(n).ok()).map(ByteSize)
    }

    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        let nanos = go::parse_duration(self.str(key)?).ok()?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)))
    }

    pub(super) fn list(&self, key: &str) -> impl Iterator<Item = &'j Json> + use<'j> {
        self.get(key).and_then(Json::as_array).into_iter().flatten()
    }

    pub(super) fn structs(&self, key: &str) -> impl Iterator<Item = Fields<'j>> + use<'j> {
        self.list(key).map(Fields::of)
    }

    pub(super) fn strings(&self, key: &str) -> Vec<String> {
        self.optional_strings(key).unwrap_or_default()
    }

    pub(super) fn optional_strings(&self, key: &str) -> Option<Vec<String>> {
        let items = self.get(key)?.as_array()?;
        Some(items.iter().filter_map(Json::as_str).map(str::to_owned).collect())
    }

    pub(super) fn entries(&self, key: &str) -> impl Iterator<Item = (&'j str, &'j Json)> + use<'j> {
        self.get(key).and_then(Json::as_object).into_iter().flat_map(Object::iter)
    }

    pub(super) fn strings_by_key(&self, key: &str) -> BTreeMap<String, String> {
        self.get(key).map(strings_by_key).unwrap_or_default()
    }

    pub(super) fn environment(&self, key: &str) -> BTreeMap<String, Option<String>> {
        self.get(key).map(environment).unwrap_or_default()
    }

    pub(super) fn section(&self, key: &str) -> Option<Fields<'j>> {
        self.get(key).and_then(Json::as_object).map(Fields::from)
    }

    /// `host=address` entries, by host.
    pub(super) fn hosts(&self, key: &str) -> BTreeMap<String, Vec<String>> {
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in self.list(key).filter_map(Json::as_str) {
            if let Some((host, address)) = entry.split_once('=') {
                hosts.entry(host.to_owned()).or_default().push(address.to_owned());
            }
        }
        hosts
    }

    /// An octal file mode.
    pub(super) fn mode(&self, key: &str) -> Option<u32> {
        u32::from_str_radix(self.str(key)?, 8).ok()
    }
}
