//! Rendering of one template on a thread of its own: with a stack that hostile templates can't exhaust within the
//! limits, and with a deadline.

use std::io::{self, Write};
use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

use crate::clock::Clock;
use crate::error::{Failure, Kind};
use crate::memory::Outcome;
use crate::{big_stack, dict, filters, methods, pyrepr, source};

/// Recursion in the parser, the compiler and over the values that a template builds goes as deep as the source is
/// long, at some hundred bytes a level: MAX_SOURCE and this belong together. The memory is only reserved.
const STACK_BYTES: usize = 256 << 20;
pub const MAX_SOURCE: usize = 128 << 10;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Work: one unit is an instruction or 64 bytes of data made.
    pub fuel: u64,
    pub output_bytes: u64,
    /// Nested macro calls, blocks and loops.
    pub recursion: u32,
    pub milliseconds: u64,
    /// Taken at one time.
    pub memory_bytes: u64,
}

/// Renders `template` with `context` (a JSON object). Without `now` the clock is UTC.
pub fn render(template: String, context: Vec<u8>, now: Option<String>, limits: Limits) -> Outcome {
    if template.len() > MAX_SOURCE {
        let message = format!("the template has {} bytes, more than {}", template.len(), MAX_SOURCE);
        return Err(Failure::new(Kind::Limit, message));
    }
    let clock = match now {
        Some(text) => Clock::parse(&text)
            .ok_or_else(|| Failure::new(Kind::Argument, format!("\"{text}\" is no time like 2025-07-04T09:08:07")))?,
        None => Clock::now_utc(),
    };
    let most = Duration::from_millis(limits.milliseconds);
    big_stack::run(STACK_BYTES, limits.memory_bytes, most, move || render_here(&template, &context, clock, limits))
}

fn render_here(template: &str, context: &[u8], clock: Clock, limits: Limits) -> Outcome {
    let json: serde_json::Value = serde_json::from_slice(context)
        .map_err(|e| Failure::new(Kind::Argument, format!("the template's variables are no JSON: {e}")))?;
    let serde_json::Value::Object(variables) = json else {
        return Err(Failure::new(Kind::Argument, "the template's variables are no JSON object"));
    };
    let variables = Value::from_pairs(variables.into_iter().map(|(name, value)| (name, dict::from_json(value))));
    let rewritten = source::rewrite(template);
    let env = environment(clock, limits)?;
    let compiled = env.template_from_str(&rewritten)?;
    let mut out = Bounded { bytes: Vec::new(), room: limits.output_bytes, full: false };
    let result = compiled.render_captured_to(variables, &mut out).map(|_| ());
    if out.full {
        let message = format!("the template prints more than {} bytes", limits.output_bytes);
        return Err(Failure::new(Kind::Limit, message));
    }
    result?;
    String::from_utf8(out.bytes).map_err(|_| Failure::new(Kind::Internal, "the template's output is not UTF-8"))
}

fn environment(clock: Clock, limits: Limits) -> Result<Environment<'static>, Failure> {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    env.set_syntax(syntax);
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_debug(false);
    env.set_fuel(Some(limits.fuel));
    env.set_recursion_limit(limits.recursion as usize);
    env.set_formatter(|out, state, value| match value.as_str() {
        Some(text) => out.write_str(text).map_err(minijinja::Error::from),
        None => out.write_str(&pyrepr::to_str(state, value)?).map_err(minijinja::Error::from),
    });
    env.set_unknown_method_callback(methods::unknown_method);
    filters::register(&mut env, clock);
    Ok(env)
}

/// A buffer that refuses to grow beyond `room`.
struct Bounded {
    bytes: Vec<u8>,
    room: u64,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + data.len()) as u64 > self.room {
            self.full = true;
            return Err(io::Error::other("output limit"));
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
