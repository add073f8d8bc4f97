//! Values as Python prints them: str() and repr().

use minijinja::value::{ObjectRepr, Value, ValueKind};
use minijinja::{Error, State};

use crate::error::limit;

/// Nesting that printing follows; beyond it Python would have raised a RecursionError too.
pub const MAX_DEPTH: usize = 400;

/// Python's str(). Costs fuel as it grows.
pub fn to_str(state: &State, value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Undefined => Ok(String::new()),
        _ => {
            let mut out = String::new();
            write_repr(&mut out, Some(state), value, 0)?;
            Ok(out)
        }
    }
}

/// repr() where no error can be reported; a value that nests too deeply is cut.
pub fn repr_lossy(value: &Value) -> String {
    let mut out = String::new();
    if write_repr(&mut out, None, value, 0).is_err() {
        out.push_str("...");
    }
    out
}

fn write_repr(out: &mut String, state: Option<&State>, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(limit("a value nests too deeply to be printed"));
    }
    if let Some(state) = state {
        state.consume_fuel(1 + value.as_str().map_or(0, |text| text.len() as u64 / 64))?;
    }
    match value.kind() {
        ValueKind::String => write_quoted(out, value.as_str().unwrap_or_default()),
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(x) => out.push_str(&float_repr(x)),
            Err(_) => out.push_str(&value.to_string()),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            let tuple = value.is_tuple();
            out.push(if tuple { '(' } else { '[' });
            let mut count = 0;
            for item in value.try_iter()? {
                if count > 0 {
                    out.push_str(", ");
                }
                write_repr(out, state, &item, depth + 1)?;
                count += 1;
            }
            if tuple && count == 1 {
                out.push(',');
            }
            out.push(if tuple { ')' } else { ']' });
        }
        ValueKind::Map => {
            let Some(object) = value.as_object().filter(|o| o.repr() == ObjectRepr::Map) else {
                out.push_str(&value.to_string());
                return Ok(());
            };
            out.push('{');
            for (i, (key, item)) in object.try_iter_pairs().into_iter().flatten().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_repr(out, state, &key, depth + 1)?;
                out.push_str(": ");
                write_repr(out, state, &item, depth + 1)?;
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    if text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\\' && b != quote as u8) {
        out.push_str(text);
        out.push(quote);
        return;
    }
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if printable(c) => out.push(c),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if (c as u32) < 0x10000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push(quote);
}

/// Python's str.isprintable for one character, without its table of unassigned code points: controls, separators,
/// format characters, private use and noncharacters are escaped.
fn printable(c: char) -> bool {
    let u = c as u32;
    !(c.is_control()
        || (c != ' ' && c.is_whitespace())
        || matches!(u, 0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890 | 0x891 | 0x8e2 | 0x180e)
        || matches!(u, 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff0..=0xfffb)
        || matches!(u, 0xe000..=0xf8ff | 0xf0000..=0x10ffff | 0xe0000..=0xe00ff)
        || u & 0xfffe == 0xfffe)
}

/// Python's repr of a float: the shortest digits that read back, exponent form below 1e-4 and from 1e16.
pub fn float_repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{x:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if x == 0.0 || (-4..16).contains(&exponent) {
        let plain = x.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        for (x, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (123456.789, "123456.789"),
        ] {
            assert_eq!(float_repr(x), text);
        }
    }

    #[test]
    fn strings_are_quoted_as_in_python() {
        for (text, quoted) in
            [("a", "'a'"), ("it's", "\"it's\""), ("'\"", "'\\'\"'"), ("a\n\u{7f}é\u{200b}", "'a\\n\\x7fé\\u200b'")]
        {
            assert_eq!(repr_lossy(&Value::from(text)), quoted);
        }
    }
}
