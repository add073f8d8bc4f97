//! What happens to a template's text before minijinja sees it. Line numbers stay as they are.
//!
//! * Line ends become line feeds, as jinja2 does it.
//! * The line feed behind `{% raw %}` stays, as in jinja2.
//! * `{% generation %}` (an extension of Hugging Face) becomes a scope without effect.
//! * `{% set x = EXPR %}` becomes `{% set x = (EXPR)|vivace_local %}`, and `vivace_member` where the target is a member
//!   of a namespace: values outlive their scope only through `set`, so these filters bound how deeply values nest
//!   (see guard.rs).

/// White space inside of tags, as minijinja has it.
const SPACE: [char; 5] = [' ', '\t', '\n', '\r', '\x0c'];

/// The rewritten template. Text that is not well-formed stays as it is: minijinja will say what is wrong with it.
pub fn rewrite(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(source.len() + source.len() / 8);
    let mut rest = source.as_str();
    while let Some(start) = next_open(rest) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = match &rest.as_bytes()[..2] {
            b"{#" => rest.find("#}").map(|end| end + 2),
            b"{{" => find_close(rest, b"}}"),
            _ => find_close(rest, b"%}"),
        };
        let Some(length) = length else { break };
        let (token, tail) = rest.split_at(length);
        rest = tail;
        if !token.starts_with("{%") {
            out.push_str(token);
            continue;
        }
        let (open, body, close) = split_tag(token);
        match first_word(body) {
            "raw" if body.trim_matches(SPACE) == "raw" => {
                out.push_str(open);
                out.push_str(body);
                out.push_str(if close == "%}" { "+%}" } else { close });
                let end = find_endraw(rest);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            "generation" if body.trim_matches(SPACE) == "generation" => {
                out.push_str(open);
                out.push_str(&body.replace("generation", "with"));
                out.push_str(close);
            }
            "endgeneration" => {
                out.push_str(open);
                out.push_str(&body.replace("endgeneration", "endwith"));
                out.push_str(close);
            }
            "set" => {
                out.push_str(open);
                push_set(&mut out, body);
                out.push_str(close);
            }
            _ => out.push_str(token),
        }
    }
    out.push_str(rest);
    out
}

fn next_open(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len().saturating_sub(1)).find(|&i| bytes[i] == b'{' && matches!(bytes[i + 1], b'{' | b'%' | b'#'))
}

/// Length of the tag that `text` begins with, up to and with `close`, which counts outside strings and brackets only.
fn find_close(text: &str, close: &[u8; 2]) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut i = 2;
    while i < bytes.len() {
        match bytes[i] {
            quote @ (b'\'' | b'"') => i = skip_string(bytes, i, quote)?,
            _ if depth == 0 && bytes[i..].starts_with(close) => return Some(i + 2),
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            // A tag ends even inside an open bracket: minijinja will complain about the bracket.
            b'%' if close == b"%}" && bytes[i..].starts_with(close) => return Some(i + 2),
            _ => {}
        }
        i += 1;
    }
    None
}

/// Index of the closing quote.
fn skip_string(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut i = start + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 1,
            b if b == quote => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

/// `{%- body -%}` in its three parts.
fn split_tag(token: &str) -> (&str, &str, &str) {
    let bytes = token.as_bytes();
    let open = if bytes.len() > 4 && matches!(bytes[2], b'-' | b'+') { 3 } else { 2 };
    let mut close = token.len() - 2;
    if close > open && matches!(bytes[close - 1], b'-' | b'+') {
        close -= 1;
    }
    (&token[..open], &token[open..close], &token[close..])
}

fn first_word(body: &str) -> &str {
    let body = body.trim_start_matches(SPACE);
    let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
    &body[..end]
}

/// Length of the text up to the `{% endraw %}` tag; the whole of it when there is none.
fn find_endraw(text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find("{%") {
        let start = from + at;
        if first_word(text[start + 2..].trim_start_matches(['-', '+'])) == "endraw" {
            return start;
        }
        from = start + 2;
    }
    text.len()
}

fn push_set(out: &mut String, body: &str) {
    match find_assign(body) {
        Some(at) if !body[at + 1..].trim_matches(SPACE).is_empty() => {
            let filter = if body[..at].contains('.') { "vivace_member" } else { "vivace_local" };
            out.push_str(&body[..=at]);
            out.push_str(" (");
            out.push_str(&body[at + 1..]);
            out.push_str(")|");
            out.push_str(filter);
            out.push(' ');
        }
        _ => out.push_str(body),
    }
}

/// Position of the `=` of `set target = EXPR`, provided that the brackets of EXPR match.
fn find_assign(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    // A target holds names, dots, commas and parentheses: the first `=` is the assignment, if no filter comes before it.
    let at = bytes.iter().position(|&b| b == b'=')?;
    if bytes[..at].iter().any(|b| !(b.is_ascii_alphanumeric() || b" \t\r\n\x0c_.,()".contains(b) || *b >= 0x80)) {
        return None;
    }
    let mut stack = Vec::new();
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            quote @ (b'\'' | b'"') => i = skip_string(bytes, i, quote)?,
            b'(' => stack.push(b')'),
            b'[' => stack.push(b']'),
            b'{' => stack.push(b'}'),
            b @ (b')' | b']' | b'}') if stack.pop() != Some(b) => return None,
            _ => {}
        }
        i += 1;
    }
    stack.is_empty().then_some(at)
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn rewrites_sets() {
        assert_eq!(rewrite("a{%- set x = 1 -%}b"), "a{%- set x = ( 1 )|vivace_local -%}b");
        assert_eq!(rewrite("{% set n.x='%}' %}"), "{% set n.x= ('%}' )|vivace_member %}");
        assert_eq!(rewrite("{% set x %}a{% endset %}"), "{% set x %}a{% endset %}");
        assert_eq!(rewrite("{% set x = %}"), "{% set x = %}");
        assert_eq!(rewrite("{% set x = a) + (b %}"), "{% set x = a) + (b %}");
        assert_eq!(rewrite("{% set x = {'a': {'b': 1}} %}"), "{% set x = ( {'a': {'b': 1}} )|vivace_local %}");
    }

    #[test]
    fn leaves_the_rest_alone() {
        for text in
            ["{% raw -%}{% set x = 1 %}{% endraw %}", "{# {% set x = 1 %} #}", "{{ '{% set x = 1 %}' }}", "{%", "{", ""]
        {
            assert_eq!(rewrite(text), text);
        }
    }

    #[test]
    fn generation_is_transparent() {
        assert_eq!(rewrite("{%- generation -%}x{%endgeneration%}"), "{%- with -%}x{%endwith%}");
    }
}
