//! json.dumps.

use minijinja::value::{Kwargs, ObjectRepr, Rest, Value, ValueKind};
use minijinja::{Error, State};

use crate::error::{limit, type_error};
use crate::pyrepr::{float_repr, MAX_DEPTH};

struct Style {
    ensure_ascii: bool,
    sort_keys: bool,
    /// One level of indentation; None: all on one line.
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
}

/// `x|tojson(ensure_ascii=false, indent=None, separators=None, sort_keys=false)`, as transformers defines it.
pub fn tojson(state: &State, value: Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let arg = |position: usize, name: &str| -> Result<Option<Value>, Error> {
        let named: Option<Value> = kwargs.get(name)?;
        Ok(args.get(position).cloned().or(named).filter(|v| !v.is_none() && !v.is_undefined()))
    };
    let indent = arg(1, "indent")?.map(|v| match v.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => i64::try_from(v).map(|n| " ".repeat(n.clamp(0, 100) as usize)),
    });
    let indent = indent.transpose()?;
    let (item_separator, key_separator) = match arg(2, "separators")? {
        Some(pair) => {
            let pair: Vec<Value> = pair.try_iter()?.take(3).collect();
            match &pair[..] {
                [a, b] if a.as_str().is_some() && b.as_str().is_some() => {
                    (a.as_str().unwrap_or_default().to_owned(), b.as_str().unwrap_or_default().to_owned())
                }
                _ => return Err(type_error("separators of tojson must be two strings")),
            }
        }
        None => ((if indent.is_some() { "," } else { ", " }).to_owned(), ": ".to_owned()),
    };
    let style = Style {
        ensure_ascii: arg(0, "ensure_ascii")?.is_some_and(|v| v.is_true()),
        sort_keys: arg(3, "sort_keys")?.is_some_and(|v| v.is_true()),
        indent,
        item_separator,
        key_separator,
    };
    kwargs.assert_all_used()?;
    let mut out = String::new();
    write_value(&mut out, state, &style, &value, 0)?;
    Ok(Value::from(out))
}

fn write_value(out: &mut String, state: &State, style: &Style, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(limit("a value nests too deeply for tojson"));
    }
    state.consume_fuel(1 + value.as_str().map_or(0, |text| text.len() as u64 / 64))?;
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => write_number(out, value),
        ValueKind::String => write_string(out, value.as_str().unwrap_or_default(), style.ensure_ascii),
        ValueKind::Seq | ValueKind::Iterable => {
            out.push('[');
            let mut count = 0;
            for item in value.try_iter()? {
                begin_item(out, state, style, count, depth)?;
                write_value(out, state, style, &item, depth + 1)?;
                count += 1;
            }
            end(out, style, count, depth, ']');
        }
        ValueKind::Map => {
            let object = value.as_object().filter(|o| o.repr() == ObjectRepr::Map);
            let object = object.ok_or_else(|| not_serializable(value))?;
            let mut pairs: Vec<(Value, Value)> = object.try_iter_pairs().into_iter().flatten().collect();
            if style.sort_keys {
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
            }
            out.push('{');
            for (count, (key, item)) in pairs.iter().enumerate() {
                begin_item(out, state, style, count, depth)?;
                write_key(out, style, key)?;
                out.push_str(&style.key_separator);
                write_value(out, state, style, item, depth + 1)?;
            }
            end(out, style, pairs.len(), depth, '}');
        }
        _ => return Err(not_serializable(value)),
    }
    Ok(())
}

fn not_serializable(value: &Value) -> Error {
    type_error(format!("Object of type {} is not JSON serializable", value.kind()))
}

fn begin_item(out: &mut String, state: &State, style: &Style, count: usize, depth: usize) -> Result<(), Error> {
    if count > 0 {
        out.push_str(&style.item_separator);
    }
    if let Some(indent) = &style.indent {
        out.push('\n');
        state.consume_fuel((indent.len() * depth) as u64 / 64)?;
        (0..=depth).for_each(|_| out.push_str(indent));
    }
    state.consume_fuel((style.item_separator.len() + style.key_separator.len()) as u64 / 64)
}

fn end(out: &mut String, style: &Style, count: usize, depth: usize, close: char) {
    if let (Some(indent), true) = (&style.indent, count > 0) {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str(indent));
    }
    out.push(close);
}

fn write_number(out: &mut String, value: &Value) {
    match f64::try_from(value.clone()) {
        Ok(x) if !value.is_integer() => out.push_str(&match x {
            x if x.is_nan() => "NaN".into(),
            x if x.is_infinite() => if x > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            x => float_repr(x),
        }),
        _ => out.push_str(&value.to_string()),
    }
}

fn write_key(out: &mut String, style: &Style, key: &Value) -> Result<(), Error> {
    match key.kind() {
        ValueKind::String => write_string(out, key.as_str().unwrap_or_default(), style.ensure_ascii),
        ValueKind::None => out.push_str("\"null\""),
        ValueKind::Bool => out.push_str(if key.is_true() { "\"true\"" } else { "\"false\"" }),
        ValueKind::Number => {
            out.push('"');
            write_number(out, key);
            out.push('"');
        }
        kind => return Err(type_error(format!("keys must be str, int, float, bool or None, not {kind}"))),
    }
    Ok(())
}

fn write_string(out: &mut String, text: &str, ensure_ascii: bool) {
    out.push('"');
    let special = |b: u8| b < 0x20 || b == b'"' || b == b'\\' || (ensure_ascii && b > 0x7e);
    let mut rest = text;
    // All special bytes begin a character: continuation bytes are special only together with their first byte.
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        let Some(c) = rest[at..].chars().next() else { break };
        rest = &rest[at + c.len_utf8()..];
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => {
                let mut units = [0u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push_str(rest);
    out.push('"');
}
