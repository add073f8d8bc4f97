//! Rendering of one template on a thread of its own: with a stack that hostile templates can't exhaust within the
//! limits, and with a deadline.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

use crate::clock::Clock;
use crate::error::{Failure, Kind};
use crate::memory::{self, Outcome};
use crate::{dict, filters, methods, pyrepr, source};

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
    on_big_stack(limits, move || render_here(&template, &context, clock, limits))
}

fn on_big_stack<F>(limits: Limits, work: F) -> Outcome
where
    F: FnOnce() -> Outcome + Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel::<Outcome>(1);
    // Leaked when the thread is left behind, taken back below otherwise.
    let sender: &'static mpsc::SyncSender<Outcome> = Box::leak(Box::new(sender));
    let builder = thread::Builder::new().name("template".into()).stack_size(STACK_BYTES);
    let spawned = builder.spawn(move || {
        memory::limit(limits.memory_bytes, sender);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        memory::release();
        let _ =
            sender.try_send(result.unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "the template engine failed"))));
    });
    let thread = spawned.map_err(|e| Failure::new(Kind::Internal, format!("no thread for the template: {e}")))?;
    let outcome = receiver.recv_timeout(Duration::from_millis(limits.milliseconds));
    // The thread goes on until its fuel is spent; it owns all that it works on.
    let outcome = outcome.unwrap_or_else(|_| Err(Failure::new(Kind::Abandoned, "the template takes too much time")));
    if !matches!(&outcome, Err(Failure { kind: Kind::Abandoned | Kind::Memory, .. })) {
        let _ = thread.join();
        // SAFETY: made by Box::leak above; its only other user, the thread, has ended.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(sender).cast_mut()) });
    }
    outcome
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
