//! Python's dict for the JSON objects of a context: `d.items` is the method even where a key "items" exists, while
//! `d['items']` is the key, as in Jinja2 (JSON schemas have such keys).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, State};
use serde_json::Value as Json;

use crate::{methods, pyrepr};

/// Python's value for a JSON value.
pub fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(b),
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(i), _) => Value::from(i),
            (None, Some(u)) => Value::from(u),
            _ => Value::from(n.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(s) => Value::from(s),
        Json::Array(items) => Value::from(items.into_iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(map) => {
            let mut dict = PyDict { keys: Vec::new(), values: Vec::new(), index: HashMap::new() };
            for (key, value) in map {
                dict.keys.push(Value::from(key.as_str()));
                dict.values.push(from_json(value));
                dict.index.insert(key, dict.index.len());
            }
            Value::from_object(dict)
        }
    }
}

pub struct PyDict {
    keys: Vec<Value>,
    values: Vec<Value>,
    index: HashMap<String, usize>,
}

impl fmt::Debug for PyDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dict")
    }
}

impl Object for PyDict {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.index.get(key.as_str()?).map(|i| self.values[*i].clone())
    }

    // Only the attribute syntax comes here.
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(name) = methods::DICT_METHODS.iter().find(|name| **name == key) {
            return Some(Value::from_object(BoundMethod { object: self.clone(), name }));
        }
        self.index.get(key).map(|i| self.values[*i].clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.keys.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.keys.len())
    }

    fn call_method(self: &Arc<Self>, state: &mut State, method: &str, args: &[Value]) -> Result<Value, Error> {
        methods::dict_method(state, &Value::from_dyn_object(self.clone()), method, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pyrepr::repr_lossy(&Value::from_dyn_object(self.clone())))
    }
}

/// `d.items` without a call.
#[derive(Debug)]
struct BoundMethod {
    object: Arc<PyDict>,
    name: &'static str,
}

impl Object for BoundMethod {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State, args: &[Value]) -> Result<Value, Error> {
        methods::dict_method(state, &Value::from_dyn_object(self.object.clone()), self.name, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<built-in method {} of dict object>", self.name)
    }
}
