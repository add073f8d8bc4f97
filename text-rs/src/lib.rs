//! The C side of the library, declared in include/vivace_text.h. No panic crosses it.

mod big_stack;
mod clock;
mod dict;
mod error;
mod filters;
mod grammar;
mod guard;
mod memory;
mod methods;
mod pyjson;
mod pyrepr;
mod render;
mod source;

use std::panic::{catch_unwind, AssertUnwindSafe};

use error::{Failure, Kind};
use grammar::{Grammar, Vocabulary};
pub use render::Limits;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct VivaceTextLimits {
    pub fuel: u64,
    pub output_bytes: u64,
    pub milliseconds: u64,
    pub memory_bytes: u64,
    pub recursion: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct VivaceTextBytes {
    pub data: *const u8,
    pub size: usize,
}

#[repr(C)]
pub struct VivaceTextResult {
    pub kind: i32,
    pub line: u32,
    pub data: *mut u8,
    pub size: usize,
}

impl VivaceTextResult {
    fn new(kind: i32, line: usize, text: String) -> VivaceTextResult {
        let bytes = text.into_bytes().into_boxed_slice();
        let size = bytes.len();
        let data = Box::into_raw(bytes).cast::<u8>();
        VivaceTextResult { kind, line: u32::try_from(line).unwrap_or(u32::MAX), data, size }
    }
}

/// # Safety
/// `bytes.data` points to `bytes.size` readable bytes, or is null.
unsafe fn slice<'a>(bytes: VivaceTextBytes) -> &'a [u8] {
    if bytes.data.is_null() || bytes.size == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(bytes.data, bytes.size) }
}

/// The caller's bytes in memory of our own; where there is none that is an error, not the end of the process.
fn copy(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut own = Vec::new();
    if own.try_reserve_exact(bytes.len()).is_err() {
        return Err(Failure::new(Kind::Memory, "there is not enough memory for the template"));
    }
    own.extend_from_slice(bytes);
    Ok(own)
}

fn utf8(bytes: &[u8], what: &str) -> Result<String, Failure> {
    match std::str::from_utf8(bytes) {
        // SAFETY: it was just found to be UTF-8.
        Ok(_) => Ok(unsafe { String::from_utf8_unchecked(copy(bytes)?) }),
        Err(e) => Err(Failure::new(Kind::Syntax, format!("the {what} is not UTF-8 at byte {}", e.valid_up_to()))),
    }
}

/// See include/vivace_text.h.
///
/// # Safety
/// Each of the three byte ranges is readable (a null pointer is an empty range, or no time), `limits` is readable.
#[no_mangle]
pub unsafe extern "C" fn vivace_text_render(
    template: VivaceTextBytes,
    context: VivaceTextBytes,
    now: VivaceTextBytes,
    limits: *const VivaceTextLimits,
) -> VivaceTextResult {
    let run = || -> Result<String, Failure> {
        // SAFETY: the caller's promises.
        let (template, context, now_bytes, limits) =
            unsafe { (slice(template), slice(context), slice(now), limits.as_ref()) };
        let limits = limits.ok_or_else(|| Failure::new(Kind::Argument, "no limits given"))?;
        let limits = Limits {
            fuel: limits.fuel,
            output_bytes: limits.output_bytes,
            milliseconds: limits.milliseconds,
            memory_bytes: limits.memory_bytes,
            recursion: limits.recursion,
        };
        let now = if now.data.is_null() { None } else { Some(utf8(now_bytes, "time")?) };
        render::render(utf8(template, "template")?, copy(context)?, now, limits)
    };
    let result = catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "the template engine failed")));
    match result {
        Ok(text) => VivaceTextResult::new(0, 0, text),
        Err(failure) => VivaceTextResult::new(failure.kind as i32, failure.line, failure.message),
    }
}

/// See include/vivace_text.h.
///
/// # Safety
/// `result` is null or came from vivace_text_render and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn vivace_text_result_free(result: *mut VivaceTextResult) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise.
        if let Some(result) = unsafe { result.as_mut() } {
            if !result.data.is_null() {
                let slice = std::ptr::slice_from_raw_parts_mut(result.data, result.size);
                // SAFETY: made by Box::into_raw from a slice of this size.
                drop(unsafe { Box::from_raw(slice) });
            }
            result.data = std::ptr::null_mut();
            result.size = 0;
        }
    }));
}

/// A result that holds an object where all went well.
fn keep<T>(made: Result<T, Failure>, place: *mut *mut T) -> VivaceTextResult {
    match made {
        Ok(object) => {
            // SAFETY: the callers' promise about `place`.
            unsafe { *place = Box::into_raw(Box::new(object)) };
            VivaceTextResult::new(0, 0, String::new())
        }
        Err(failure) => VivaceTextResult::new(failure.kind as i32, failure.line, failure.message),
    }
}

fn caught<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "the grammar engine failed")))
}

fn done(result: Result<(), Failure>) -> VivaceTextResult {
    match result {
        Ok(()) => VivaceTextResult::new(0, 0, String::new()),
        Err(failure) => VivaceTextResult::new(failure.kind as i32, failure.line, failure.message),
    }
}

/// See include/vivace_text.h.
///
/// # Safety
/// `words` points to `count` readable ranges, `ends` to `end_count` ids, `vocabulary` to a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn vivace_vocabulary_new(
    words: *const VivaceTextBytes,
    count: usize,
    ends: *const u32,
    end_count: usize,
    vocabulary: *mut *mut Vocabulary,
) -> VivaceTextResult {
    let run = || {
        let mut copies = Vec::with_capacity(count);
        for i in 0..count {
            // SAFETY: the caller's promises.
            copies.push(copy(unsafe { slice(*words.add(i)) })?);
        }
        // SAFETY: the caller's promises.
        Vocabulary::new(copies, unsafe { std::slice::from_raw_parts(ends, end_count) })
    };
    keep(caught(run), vocabulary)
}

/// See include/vivace_text.h.
///
/// # Safety
/// `vocabulary` is null or came from vivace_vocabulary_new and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn vivace_vocabulary_free(vocabulary: *mut Vocabulary) {
    if !vocabulary.is_null() {
        // SAFETY: the caller's promise.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(vocabulary) })));
    }
}

/// See include/vivace_text.h.
///
/// # Safety
/// `vocabulary` is alive, the ranges are readable, `grammar` points to a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn vivace_grammar_new(
    vocabulary: *const Vocabulary,
    kind: VivaceTextBytes,
    text: VivaceTextBytes,
    grammar: *mut *mut Grammar,
) -> VivaceTextResult {
    let run = || {
        // SAFETY: the caller's promises.
        let (vocabulary, kind, text) = unsafe { (&*vocabulary, slice(kind), slice(text)) };
        vocabulary.grammar(&utf8(kind, "kind")?, &utf8(text, "grammar")?)
    };
    keep(caught(run), grammar)
}

/// See include/vivace_text.h.
///
/// # Safety
/// `grammar` is alive, `words` points to `count` writable words.
#[no_mangle]
pub unsafe extern "C" fn vivace_grammar_mask(grammar: *mut Grammar, words: *mut u32, count: usize) -> VivaceTextResult {
    // SAFETY: the caller's promises.
    done(caught(|| unsafe { (*grammar).mask(std::slice::from_raw_parts_mut(words, count)) }))
}

/// See include/vivace_text.h.
///
/// # Safety
/// `grammar` is alive, `taken` writable.
#[no_mangle]
pub unsafe extern "C" fn vivace_grammar_take(grammar: *mut Grammar, token: u32, taken: *mut bool) -> VivaceTextResult {
    // SAFETY: the caller's promises.
    done(caught(|| unsafe { (*grammar).take(token).map(|did| *taken = did) }))
}

/// See include/vivace_text.h.
///
/// # Safety
/// `grammar` is null or came from vivace_grammar_new and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn vivace_grammar_free(grammar: *mut Grammar) {
    if !grammar.is_null() {
        // SAFETY: the caller's promise.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(grammar) })));
    }
}
