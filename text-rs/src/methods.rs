//! Python's methods of str, dict and list, as far as templates use them. What is not here minijinja-contrib may know.

use minijinja::value::{Kwargs, Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use crate::error::type_error;
use crate::pyrepr::to_str;

/// Names that are methods whenever they are written as attributes of a dict.
pub const DICT_METHODS: [&str; 11] =
    ["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

pub fn unknown_method(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let result = match value.kind() {
        ValueKind::String => str_method(state, value.as_str().unwrap_or_default(), method, args),
        ValueKind::Map => dict_method(state, value, method, args),
        ValueKind::Seq | ValueKind::Iterable => list_method(state, value, method, args),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    };
    match result {
        Err(error) if error.kind() == ErrorKind::UnknownMethod => {
            minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
        }
        other => other,
    }
}

/// Positional arguments, with named ones put where `names` says. `required` of them must be there.
fn arguments(args: &[Value], names: &[&str], required: usize) -> Result<Vec<Option<Value>>, Error> {
    let (positional, kwargs) = match args.split_last() {
        Some((last, rest)) if last.is_kwargs() => (rest, Some(Kwargs::try_from(last.clone())?)),
        _ => (args, None),
    };
    if positional.len() > names.len() {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let mut out = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let named = match &kwargs {
            Some(kwargs) => kwargs.get::<Option<Value>>(name)?,
            None => None,
        };
        let value = positional.get(i).cloned().or(named);
        if i < required && value.is_none() {
            return Err(Error::from(ErrorKind::MissingArgument));
        }
        out.push(value);
    }
    if let Some(kwargs) = &kwargs {
        kwargs.assert_all_used()?;
    }
    Ok(out)
}

fn str_arg(value: &Option<Value>) -> Result<Option<&str>, Error> {
    match value {
        Some(v) if !v.is_none() => {
            v.as_str().map(Some).ok_or_else(|| type_error(format!("expected a string, not {}", v.kind())))
        }
        _ => Ok(None),
    }
}

fn int_arg(value: &Option<Value>, default: i64) -> Result<i64, Error> {
    match value {
        Some(v) if !v.is_none() => i64::try_from(v.clone()),
        _ => Ok(default),
    }
}

/// Python's idea of white space in str.strip and str.split.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn str_method(state: &State, s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let no_args = || arguments(args, &[], 0).map(|_| ());
    Ok(match method {
        "strip" | "lstrip" | "rstrip" => {
            let args = arguments(args, &["chars"], 0)?;
            let chars: Option<Vec<char>> = str_arg(&args[0])?.map(|t| t.chars().collect());
            state.consume_fuel(chars.as_ref().map_or(0, |c| c.len() as u64 * (1 + s.len() as u64 / 64) / 16))?;
            let matches = |c: char| chars.as_ref().map_or_else(|| is_space(c), |set| set.contains(&c));
            let mut out = s;
            if method != "rstrip" {
                out = out.trim_start_matches(matches);
            }
            if method != "lstrip" {
                out = out.trim_end_matches(matches);
            }
            Value::from(out)
        }
        "split" | "rsplit" => {
            let args = arguments(args, &["sep", "maxsplit"], 0)?;
            let limit = int_arg(&args[1], -1)?;
            let limit = if limit < 0 { usize::MAX } else { limit as usize };
            state.consume_fuel(s.len() as u64 / 16)?;
            let parts: Vec<Value> = match str_arg(&args[0])? {
                Some("") => return Err(type_error("empty separator")),
                Some(sep) if method == "split" => s.splitn(limit.saturating_add(1), sep).map(Value::from).collect(),
                Some(sep) => {
                    let mut parts: Vec<Value> = s.rsplitn(limit.saturating_add(1), sep).map(Value::from).collect();
                    parts.reverse();
                    parts
                }
                None if method == "split" => split_space(s, limit),
                None => rsplit_space(s, limit),
            };
            Value::from(parts)
        }
        "splitlines" => {
            let args = arguments(args, &["keepends"], 0)?;
            let keep = args[0].as_ref().is_some_and(|v| v.is_true());
            state.consume_fuel(s.len() as u64 / 16)?;
            Value::from(split_lines(s, keep))
        }
        "partition" | "rpartition" => {
            let args = arguments(args, &["sep"], 1)?;
            let sep = str_arg(&args[0])?.filter(|sep| !sep.is_empty()).ok_or_else(|| type_error("empty separator"))?;
            let (split, whole) = if method == "partition" {
                (s.split_once(sep), [s, "", ""])
            } else {
                (s.rsplit_once(sep), ["", "", s])
            };
            let parts = split.map_or(whole, |(a, b)| [a, sep, b]);
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "removeprefix" | "removesuffix" => {
            let args = arguments(args, &["fix"], 1)?;
            let fix = str_arg(&args[0])?.unwrap_or_default();
            let cut = if method == "removeprefix" { s.strip_prefix(fix) } else { s.strip_suffix(fix) };
            Value::from(cut.unwrap_or(s))
        }
        "replace" => {
            let args = arguments(args, &["old", "new", "count"], 2)?;
            let (old, new) = (str_arg(&args[0])?.unwrap_or_default(), str_arg(&args[1])?.unwrap_or_default());
            let count = int_arg(&args[2], -1)?;
            let count = if count < 0 { usize::MAX } else { count as usize };
            let hits = s.matches(old).take(count).count() as u64;
            // Paid before the memory is taken.
            state.consume_fuel(hits.saturating_mul(new.len() as u64) / 64)?;
            Value::from(s.replacen(old, new, count))
        }
        "find" | "rfind" | "index" | "rindex" | "count" | "startswith" | "endswith" => search(s, method, args)?,
        "join" => join(state, s, args)?,
        "title" => no_args().map(|()| Value::from(title(s)))?,
        "swapcase" => {
            no_args()?;
            let swap = |c: char| match c.is_uppercase() {
                true => c.to_lowercase().collect::<String>(),
                false => c.to_uppercase().collect(),
            };
            Value::from(s.chars().map(swap).collect::<String>())
        }
        "casefold" => no_args().map(|()| Value::from(s.to_lowercase()))?,
        "isspace" => no_args().map(|()| Value::from(!s.is_empty() && s.chars().all(is_space)))?,
        "istitle" => no_args().map(|()| Value::from(s.chars().any(char::is_alphabetic) && title(s) == s))?,
        "isdecimal" => no_args().map(|()| Value::from(!s.is_empty() && s.chars().all(|c| c.is_ascii_digit())))?,
        "isidentifier" => {
            no_args()?;
            let start = s.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic());
            Value::from(start && s.chars().all(|c| c == '_' || c.is_alphanumeric()))
        }
        "ljust" | "rjust" | "center" | "zfill" => pad(state, s, method, args)?,
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn split_space(s: &str, limit: usize) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = s.trim_start_matches(is_space);
    while !rest.is_empty() {
        if parts.len() == limit {
            parts.push(Value::from(rest.trim_end_matches(is_space)));
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        parts.push(Value::from(&rest[..end]));
        rest = rest[end..].trim_start_matches(is_space);
    }
    parts
}

fn rsplit_space(s: &str, limit: usize) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = s.trim_end_matches(is_space);
    while !rest.is_empty() {
        if parts.len() == limit {
            parts.push(Value::from(rest.trim_start_matches(is_space)));
            break;
        }
        let word = rest.rsplit(is_space).next().unwrap_or(rest);
        parts.push(Value::from(word));
        rest = rest[..rest.len() - word.len()].trim_end_matches(is_space);
    }
    parts.reverse();
    parts
}

pub fn split_lines(s: &str, keep: bool) -> Vec<Value> {
    let is_break = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut lines = Vec::new();
    let mut rest = s;
    while !rest.is_empty() {
        let (end, next) = match rest.find(is_break) {
            Some(at) if rest[at..].starts_with("\r\n") => (at, at + 2),
            Some(at) => (at, at + rest[at..].chars().next().map_or(1, char::len_utf8)),
            None => (rest.len(), rest.len()),
        };
        lines.push(Value::from(&rest[..if keep { next } else { end }]));
        rest = &rest[next..];
    }
    lines
}

/// The methods that take (sub, start, end), in characters.
fn search(s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let args = arguments(args, &["sub", "start", "end"], 1)?;
    let bounded = args[1].is_some() || args[2].is_some();
    let length = if bounded { s.chars().count() as i64 } else { 0 };
    let clamp = |i: i64| (if i < 0 { i + length } else { i }).clamp(0, length) as usize;
    let (mut start, mut text) = (0, s);
    if bounded {
        start = clamp(int_arg(&args[1], 0)?);
        let end = clamp(int_arg(&args[2], length)?);
        let offset = |i: usize| s.char_indices().nth(i).map_or(s.len(), |(at, _)| at);
        if start > end {
            return Ok(match method {
                "count" => Value::from(0),
                "startswith" | "endswith" => Value::from(false),
                _ => not_found(method)?,
            });
        }
        text = &s[offset(start)..offset(end)];
    }
    if matches!(method, "startswith" | "endswith") {
        let test = |fix: &Value| match fix.as_str() {
            Some(fix) => Ok(if method == "startswith" { text.starts_with(fix) } else { text.ends_with(fix) }),
            None => Err(type_error(format!("{method} first arg must be str or a tuple of str, not {}", fix.kind()))),
        };
        let fix = args[0].clone().unwrap_or_default();
        if !matches!(fix.kind(), ValueKind::Seq) {
            return test(&fix).map(Value::from);
        }
        for one in fix.try_iter()? {
            if test(&one)? {
                return Ok(Value::from(true));
            }
        }
        return Ok(Value::from(false));
    }
    let sub = str_arg(&args[0])?.ok_or_else(|| type_error("must be str, not None"))?;
    if method == "count" {
        return Ok(Value::from(text.matches(sub).count()));
    }
    let at = if method.starts_with('r') { text.rfind(sub) } else { text.find(sub) };
    match at {
        Some(at) => Ok(Value::from(start + text[..at].chars().count())),
        None => not_found(method),
    }
}

fn not_found(method: &str) -> Result<Value, Error> {
    if method.ends_with("index") {
        return Err(type_error("substring not found"));
    }
    Ok(Value::from(-1))
}

fn join(state: &State, s: &str, args: &[Value]) -> Result<Value, Error> {
    let args = arguments(args, &["iterable"], 1)?;
    let mut out = String::new();
    for (i, item) in args[0].clone().unwrap_or_default().try_iter()?.enumerate() {
        state.consume_fuel(1 + s.len() as u64 / 64)?;
        if i > 0 {
            out.push_str(s);
        }
        let text = item.as_str();
        state.consume_fuel(text.map_or(0, |t| t.len() as u64 / 64))?;
        out.push_str(
            text.ok_or_else(|| type_error(format!("sequence item {i}: expected str, {} found", item.kind())))?,
        );
    }
    Ok(Value::from(out))
}

fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut inside = false;
    for c in s.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}

fn pad(state: &State, s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let args = arguments(args, &["width", "fillchar"], 1)?;
    let fill = if method == "zfill" { "0" } else { str_arg(&args[1])?.unwrap_or(" ") };
    let missing = int_arg(&args[0], 0)?.saturating_sub(s.chars().count() as i64).max(0) as usize;
    state.consume_fuel(missing as u64 / 16)?;
    let left = match method {
        "ljust" => 0,
        "center" => missing / 2 + (missing & int_arg(&args[0], 0)? as usize & 1),
        _ => missing,
    };
    let (sign, digits) = match s.strip_prefix(['+', '-']) {
        Some(rest) if method == "zfill" => (&s[..1], rest),
        _ => ("", s),
    };
    Ok(Value::from(format!("{sign}{}{digits}{}", fill.repeat(left), fill.repeat(missing - left))))
}

/// Keys are copied to a list, as templates only iterate over them or index the list made from them.
pub fn dict_method(state: &State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let object = value.as_object().ok_or_else(|| Error::from(ErrorKind::UnknownMethod))?;
    let pairs = || object.try_iter_pairs().into_iter().flatten();
    if matches!(method, "keys" | "values" | "items" | "copy") {
        arguments(args, &[], 0)?;
        state.consume_fuel(object.enumerator_len().unwrap_or(0) as u64)?;
    }
    Ok(match method {
        "keys" => Value::from(pairs().map(|(key, _)| key).collect::<Vec<_>>()),
        "values" => Value::from(pairs().map(|(_, item)| item).collect::<Vec<_>>()),
        "items" => Value::from(pairs().map(|(key, item)| Value::from(Tuple::from([key, item]))).collect::<Vec<_>>()),
        "copy" => Value::from_pairs(pairs()),
        "get" => {
            let args = arguments(args, &["key", "default"], 1)?;
            let key = args[0].clone().unwrap_or_default();
            object.get_value(&key).or_else(|| args[1].clone()).unwrap_or_else(|| Value::from(()))
        }
        "clear" | "pop" | "popitem" | "setdefault" | "update" => return Err(immutable("dict", method)),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn list_method(state: &State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "index" => {
            let args = arguments(args, &["value"], 1)?;
            let wanted = args[0].clone().unwrap_or_default();
            for (i, item) in value.try_iter()?.enumerate() {
                state.consume_fuel(1)?;
                if item == wanted {
                    return Ok(Value::from(i));
                }
            }
            Err(type_error("value is not in list"))
        }
        "count" => {
            let args = arguments(args, &["value"], 1)?;
            let wanted = args[0].clone().unwrap_or_default();
            state.consume_fuel(value.len().unwrap_or(0) as u64)?;
            Ok(Value::from(value.try_iter()?.filter(|item| *item == wanted).count()))
        }
        "copy" => {
            arguments(args, &[], 0)?;
            state.consume_fuel(value.len().unwrap_or(0) as u64)?;
            Ok(Value::from(value.try_iter()?.collect::<Vec<_>>()))
        }
        "append" | "clear" | "extend" | "insert" | "pop" | "remove" | "reverse" | "sort" => {
            Err(immutable("list", method))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// transformers renders in jinja2's immutable sandbox, where these raise.
fn immutable(kind: &str, method: &str) -> Error {
    type_error(format!("{kind}.{method} changes its object, which templates may not do"))
}

/// str() for `|string` and the printing of expressions.
pub fn string_filter(state: &State, value: &Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::String {
        return Ok(value.clone());
    }
    to_str(state, value).map(Value::from)
}
