//! The filters that source.rs puts behind every `set`. Values outlive their scope only through `set`, so bounding what
//! is set bounds how deeply values can nest; dropping, printing or comparing a value recurses as deep as it nests.
//! Lazy sequences (slices, generators) become lists here, since a chain of lazy slices is deep as well.

use minijinja::value::{DynObject, ObjectRepr, Tuple, Value, ValueKind};
use minijinja::{Error, State};

use crate::dict::PyDict;
use crate::error::limit;

const MAX_DEPTH: usize = 200;

/// For `{% set name = value %}`.
pub fn local(state: &State, value: Value) -> Result<Value, Error> {
    guard(state, value, 0, true)
}

/// For `{% set namespace.name = value %}`: a namespace inside of a namespace could contain itself.
pub fn member(state: &State, value: Value) -> Result<Value, Error> {
    guard(state, value, 0, false)
}

fn guard(state: &State, value: Value, depth: usize, top: bool) -> Result<Value, Error> {
    if depth > MAX_DEPTH {
        return Err(limit("the template builds a value that nests too deeply"));
    }
    let Some(object) = value.as_object() else { return Ok(value) };
    // JSON from the context: its depth was bounded when it was read.
    if object.is::<PyDict>() {
        return Ok(value);
    }
    match value.kind() {
        kind @ (ValueKind::Seq | ValueKind::Iterable) => {
            let mut items = Vec::new();
            let mut rebuild = kind == ValueKind::Iterable;
            for item in value.try_iter()? {
                state.consume_fuel(1)?;
                rebuild |= is_built(&item);
                items.push(guard(state, item, depth + 1, false)?);
            }
            Ok(match (rebuild, value.is_tuple()) {
                (false, _) => value,
                (true, true) => Value::from(Tuple::from(items)),
                (true, false) => Value::from(items),
            })
        }
        ValueKind::Map if object.repr() == ObjectRepr::Map => guard_map(state, value.clone(), object, depth, top),
        _ if top => Ok(value),
        _ => Err(limit("an object is kept inside of another value")),
    }
}

fn guard_map(state: &State, value: Value, object: &DynObject, depth: usize, top: bool) -> Result<Value, Error> {
    let type_name = object.type_name();
    if type_name.ends_with("::Macro") {
        return Ok(value);
    }
    // These refer to other values and change: they could come to contain themselves.
    if ["Namespace", "Loop", "Module", "Closure"].iter().any(|name| type_name.ends_with(name)) {
        return if top { Ok(value) } else { Err(limit("a namespace or loop is kept inside of another value")) };
    }
    let mut pairs = Vec::new();
    let mut rebuild = false;
    for (key, item) in object.try_iter_pairs().into_iter().flatten() {
        state.consume_fuel(1)?;
        rebuild |= is_built(&item);
        pairs.push((guard(state, key, depth + 1, false)?, guard(state, item, depth + 1, false)?));
    }
    Ok(if rebuild { Value::from_pairs(pairs) } else { value })
}

/// A value that the template may have built from others, perhaps lazily.
fn is_built(value: &Value) -> bool {
    value.as_object().is_some_and(|object| !object.is::<PyDict>())
}
