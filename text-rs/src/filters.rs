//! Filters, tests and functions in which minijinja differs from jinja2, and those that transformers adds.

use minijinja::value::{Kwargs, Rest, Tuple, Value, ValueKind};
use minijinja::{Environment, Error, State};

use crate::clock::Clock;
use crate::error::{raise, type_error};
use crate::methods::{is_space, split_lines, string_filter};
use crate::pyrepr::to_str;
use crate::{guard, pyjson};

pub fn register(env: &mut Environment, clock: Clock) {
    env.remove_global("debug");
    env.add_filter("vivace_local", guard::local);
    env.add_filter("vivace_member", guard::member);
    env.add_filter("tojson", pyjson::tojson);
    env.add_filter("string", string_filter);
    env.add_filter("trim", trim);
    env.add_filter("default", default);
    env.add_filter("d", default);
    env.add_filter("indent", indent);
    env.add_filter("center", center);
    env.add_filter("dictsort", dictsort);
    env.add_filter("float", float);
    env.add_filter("int", int);
    env.add_filter("truncate", truncate);
    for name in ["e", "escape", "forceescape"] {
        env.add_filter(name, escape);
    }
    env.add_test("mapping", is_mapping);
    env.add_filter("wordcount", |text: &str| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).count()
    });
    env.add_test("sequence", |v: &Value| has_length(v));
    env.add_test("iterable", |v: &Value| has_length(v) || v.is_undefined());
    env.add_test("number", |v: &Value| matches!(v.kind(), ValueKind::Number | ValueKind::Bool));
    env.add_test("callable", is_callable);
    env.add_function("raise_exception", raise_exception);
    env.add_function("strftime_now", move |format: &str| clock.strftime(format));
    env.add_function("joiner", minijinja_contrib::globals::joiner);
    env.add_function("cycler", |items: Rest<Value>| minijinja_contrib::globals::cycler(items.0));
}

fn has_length(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable)
}

fn is_callable(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        let name = object.type_name();
        value.kind() == ValueKind::Plain || name.ends_with("::Macro") || name.ends_with("Function")
    })
}

fn raise_exception(state: &State, message: &Value) -> Result<Value, Error> {
    Err(raise(to_str(state, message)?))
}

fn trim(state: &State, value: &Value, chars: Option<&str>) -> Result<Value, Error> {
    let text = to_str(state, value)?;
    Ok(Value::from(match chars {
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
        None => text.trim_matches(is_space),
    }))
}

fn default(value: &Value, other: Option<Value>, boolean: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let other = other.or(kwargs.get("default_value")?).unwrap_or_else(|| Value::from(""));
    let boolean = boolean.or(kwargs.get("boolean")?).is_some_and(|v| v.is_true());
    kwargs.assert_all_used()?;
    Ok(if value.is_undefined() || (boolean && !value.is_true()) { other } else { value.clone() })
}

fn indent(state: &State, value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let text = value.as_str().ok_or_else(|| type_error("indent needs a string"))?;
    let arg = |i: usize, name: &str| -> Result<Option<Value>, Error> { Ok(args.get(i).cloned().or(kwargs.get(name)?)) };
    let width = arg(0, "width")?.unwrap_or_else(|| Value::from(4));
    let first = arg(1, "first")?.is_some_and(|v| v.is_true());
    let blank = arg(2, "blank")?.is_some_and(|v| v.is_true());
    kwargs.assert_all_used()?;
    let prefix = match width.as_str() {
        Some(prefix) => prefix.to_owned(),
        None => " ".repeat(i64::try_from(width)?.clamp(0, 1000) as usize),
    };
    let mut out = String::new();
    for (i, line) in split_lines(&format!("{text}\n"), false).iter().enumerate() {
        state.consume_fuel(1 + prefix.len() as u64 / 64)?;
        let line = line.as_str().unwrap_or_default();
        if i > 0 {
            out.push('\n');
        }
        if if i == 0 { first } else { blank || !line.is_empty() } {
            out.push_str(&prefix);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

fn escape(state: &State, value: &Value) -> Result<Value, Error> {
    if value.is_safe() {
        return Ok(value.clone());
    }
    let text = to_str(state, value)?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    Ok(Value::from_safe_string(out))
}

fn float(value: &Value, default: Option<f64>) -> f64 {
    let parsed = match value.as_str() {
        Some(text) => text.trim_matches(is_space).parse().ok(),
        None => f64::try_from(value.clone()).ok(),
    };
    parsed.or(default).unwrap_or(0.0)
}

/// Text that is no number, and values that have none, become the default.
fn int(value: &Value, default: Option<Value>, base: Option<u32>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get("default")?).unwrap_or_else(|| Value::from(0));
    let base = base.or(kwargs.get("base")?).unwrap_or(10);
    kwargs.assert_all_used()?;
    if value.is_integer() {
        return Ok(value.clone());
    }
    let Some(text) = value.as_str() else {
        let number = if value.kind() == ValueKind::Bool {
            Some(f64::from(value.is_true()))
        } else {
            f64::try_from(value.clone()).ok()
        };
        return Ok(number.filter(|x| x.is_finite()).map_or(default, |x| Value::from(x as i128)));
    };
    let text = text.trim_matches(is_space);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = match base {
        2 => ["0b", "0B"],
        8 => ["0o", "0O"],
        16 => ["0x", "0X"],
        _ => ["", ""],
    };
    let digits = prefix.iter().find_map(|p| digits.strip_prefix(p)).unwrap_or(digits);
    let whole = (2..=36).contains(&base) && digits.bytes().all(|b| b.is_ascii_alphanumeric());
    match whole.then(|| i128::from_str_radix(digits, base).ok()).flatten() {
        Some(number) => Ok(Value::from(sign * number)),
        None => Ok(text.parse::<f64>().ok().filter(|x| x.is_finite()).map_or(default, |x| Value::from(x as i128))),
    }
}

fn dictsort(state: &State, value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let object = value.as_object().filter(|_| value.kind() == ValueKind::Map);
    let object = object.ok_or_else(|| type_error(format!("dictsort needs a dict, not {}", value.kind())))?;
    let arg = |i: usize, name: &str| -> Result<Option<Value>, Error> { Ok(args.get(i).cloned().or(kwargs.get(name)?)) };
    let case_sensitive = arg(0, "case_sensitive")?.is_some_and(|v| v.is_true());
    let by_value = arg(1, "by")?.is_some_and(|v| v.as_str() == Some("value"));
    let reverse = arg(2, "reverse")?.is_some_and(|v| v.is_true());
    kwargs.assert_all_used()?;
    let mut pairs: Vec<(Value, Value)> = object.try_iter_pairs().into_iter().flatten().collect();
    state.consume_fuel(4 * pairs.len() as u64)?;
    let sort_key = |pair: &(Value, Value)| {
        let key = if by_value { &pair.1 } else { &pair.0 };
        match key.as_str() {
            Some(text) if !case_sensitive => Value::from(text.to_lowercase()),
            _ => key.clone(),
        }
    };
    pairs.sort_by_cached_key(sort_key);
    if reverse {
        // Python's reversed sort keeps the order of equal keys.
        pairs.reverse();
        pairs.sort_by_key(|pair| std::cmp::Reverse(sort_key(pair)));
    }
    Ok(Value::from(pairs.into_iter().map(|(key, item)| Value::from(Tuple::from([key, item]))).collect::<Vec<_>>()))
}

fn truncate(
    value: &str,
    length: Option<usize>,
    killwords: Option<bool>,
    end: Option<&str>,
    leeway: Option<usize>,
) -> String {
    let (length, end) = (length.unwrap_or(255), end.unwrap_or("..."));
    if value.chars().count() <= length.saturating_add(leeway.unwrap_or(5)) {
        return value.to_owned();
    }
    let cut: String = value.chars().take(length.saturating_sub(end.chars().count())).collect();
    match cut.rsplit_once(' ') {
        Some((words, _)) if !killwords.unwrap_or(false) => format!("{words}{end}"),
        _ => cut + end,
    }
}

/// What `namespace()` makes is no mapping in jinja2.
fn is_mapping(value: &Value) -> bool {
    value.kind() == ValueKind::Map && value.as_object().is_some_and(|o| !o.type_name().ends_with("Namespace"))
}

fn center(state: &State, value: &str, width: Option<usize>) -> Result<Value, Error> {
    let width = width.unwrap_or(80);
    let missing = width.saturating_sub(value.chars().count());
    state.consume_fuel(missing as u64 / 16)?;
    let left = missing / 2 + (missing & width & 1);
    Ok(Value::from(format!("{}{value}{}", " ".repeat(left), " ".repeat(missing - left))))
}
